/* Lets a libuv loop drive a hiredis async context. The adapter packaged with hiredis 0.14 drops poll errors, so that a refused connection never
 * calls back; this one hands them to hiredis as readiness, and hiredis reads the error from the socket. */
#ifndef CRMPULSE_REDIS_UV_ADAPTER_H
#define CRMPULSE_REDIS_UV_ADAPTER_H

#include <hiredis/async.h>
#include <uv.h>

/* Attach `ac` (connecting, no error) to `loop` and mark its socket close-on-exec. From success on, `closed` is called exactly once, after hiredis has
 * freed `ac` and the poll handle is closed. Returns 0 or a negative uv error; then nothing is attached and `closed` is not called. */
int redis_uv_attach(uv_loop_t *loop, redisAsyncContext *ac, void (*closed)(void *ctx), void *ctx);

#endif
