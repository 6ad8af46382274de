/* The HTTP server: metrics, health and what people read, in a thread and on a loop of its own, so that no reader costs the way of the events anything.
 *
 * GET and HEAD only. The thread touches nothing of the daemon: it is handed a status now and then. */
#ifndef CRMPULSE_HTTP_H
#define CRMPULSE_HTTP_H

#include "crmpulse/config.h"
#include "crmpulse/status.h"

struct http;

/* Listens on config->http.listen and starts the thread. `config` is borrowed until http_stop. NULL with a sentence in `why`: the address is taken or not
 * ours, the token cannot be read, .. */
struct http *http_start(const struct config *config, char *why, size_t cap);

/* Hands over what is told from now on; the server frees it. From one thread, never blocks. */
void http_tell(struct http *h, struct status *status);

/* The thread stands still between the two: what it reads of `config` may be exchanged meanwhile. Blocks until it does, some milliseconds. `h` may be NULL. */
void http_hold(struct http *h);
void http_resume(struct http *h);

/* Ends all connections and the thread; returns within some 100 ms. Accepts NULL. */
void http_stop(struct http *h);

#endif
