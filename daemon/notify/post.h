/* HTTP POST of JSON on a uv loop: libcurl's multi interface, driven by the loop. Every request ends with exactly one call of its `done`, later, from the loop. TLS is
 * verified; redirects are not followed; http and https only. Secrets are read anew for each request, and wiped when libcurl has its copy. */
#ifndef CRMPULSE_NOTIFY_POST_H
#define CRMPULSE_NOTIFY_POST_H

#include <uv.h>

#include "crmpulse/notify.h"
#include "crmpulse/slice.h"

struct poster;

/* As struct answer of receiver.h; `why` is a sentence without a secret, valid during the call. */
struct answer;

struct post_request {
    const struct notify_receiver *to;
    struct slice body; /* copied */
    int64_t connect_timeout_ms, timeout_ms;
    void (*done)(void *ctx, const struct answer *answer);
    void *ctx;
};

/* NULL: out of memory. */
struct poster *poster_new(uv_loop_t *loop);
/* 0, or -1 with the reason: a secret cannot be read, out of memory. Then `done` is not called. */
int poster_send(struct poster *p, const struct post_request *request, char *why, size_t cap);
/* Breaks off what is under way, without calling `done`. Freed by the loop once its handles are closed. Accepts NULL. */
void poster_close(struct poster *p);

/* Can every secret of a receiver be read, and is the URL of its file one? 0, or -1 with the reason. */
int poster_check(const struct notify_receiver *to, char *why, size_t cap);

#endif
