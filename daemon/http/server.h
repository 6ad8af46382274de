/* The server's thread side: libwebsockets on a uv loop. What a connection sends becomes a struct http_request; what a route answers goes back in pieces. */
#ifndef CRMPULSE_HTTP_SERVER_H
#define CRMPULSE_HTTP_SERVER_H

#include <uv.h>

#include "daemon/http/answer.h"
#include "daemon/http/guard.h"
#include "daemon/http/stream.h"

struct lws_context;
struct lws_vhost;

struct server {
    uv_loop_t loop;
    uv_poll_t accepting;
    uv_timer_t tick;
    const struct config *config;
    struct lws_context *context, *ended; /* ended: to be freed once the loop is empty */
    struct lws_vhost *vhost;
    struct guard guard;
    struct status *status; /* the newest told; owned */
    struct data *data;
    struct topics *topics;
    struct http_counts counts;
    int fd; /* that is listened on */
};

/* From the thread that starts it: loop, context, socket. 0, or -1 with a sentence; then nothing is left. */
int server_open(struct server *s, const struct config *config, char *why, size_t cap);
/* Ends every connection and closes the handles; run the loop until it is empty, then server_release. */
void server_close(struct server *s);
void server_release(struct server *s);

#endif
