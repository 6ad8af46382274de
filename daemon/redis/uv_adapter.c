/* hiredis on libuv: one poll handle per context. No timers here: the connection watches its deadlines itself, because hiredis 0.14 has none. */
#include "daemon/redis/uv_adapter.h"

#include <fcntl.h>
#include <stdlib.h>

#include "daemon/crash_point.h"

struct adapter {
    uv_poll_t poll;
    redisAsyncContext *ac; /* NULL once hiredis has let go of us */
    int events;            /* what the poll handle watches now */
    void (*closed)(void *ctx);
    void *ctx;
};

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct adapter *a = poll->data;
    if (status < 0) { /* libuv has stopped the handle; hiredis finds the error by SO_ERROR or read() */
        a->events = 0;
        events = UV_READABLE | UV_WRITABLE;
    }
    /* Either call may free the context: ask again before the second. */
    if (a->ac && (events & UV_WRITABLE))
        redisAsyncHandleWrite(a->ac);
    if (a->ac && (events & UV_READABLE))
        redisAsyncHandleRead(a->ac);
}

static void watch(struct adapter *a, int events)
{
    if (!a->ac || events == a->events)
        return;
    a->events = events;
    if (events)
        uv_poll_start(&a->poll, events, on_poll);
    else
        uv_poll_stop(&a->poll);
}

static void add_read(void *data)
{
    struct adapter *a = data;
    watch(a, a->events | UV_READABLE);
}

static void del_read(void *data)
{
    struct adapter *a = data;
    watch(a, a->events & ~UV_READABLE);
}

static void add_write(void *data)
{
    struct adapter *a = data;
    watch(a, a->events | UV_WRITABLE);
}

/* hiredis has written all it had. */
static void del_write(void *data)
{
    struct adapter *a = data;
    CRASH_POINT_WRITTEN();
    watch(a, a->events & ~UV_WRITABLE);
}

static void on_closed(uv_handle_t *handle)
{
    struct adapter *a = handle->data;
    a->closed(a->ctx);
    free(a);
}

/* hiredis calls this while it frees the context, before it closes the socket. Only here the handle is closed. */
static void cleanup(void *data)
{
    struct adapter *a = data;
    if (!a->ac)
        return;
    a->ac = NULL;
    uv_poll_stop(&a->poll);
    uv_close((uv_handle_t *)&a->poll, on_closed);
}

int redis_uv_attach(uv_loop_t *loop, redisAsyncContext *ac, void (*closed)(void *ctx), void *ctx)
{
    struct adapter *a = calloc(1, sizeof *a);
    if (!a)
        return UV_ENOMEM;
    fcntl(ac->c.fd, F_SETFD, FD_CLOEXEC);
    int rc = uv_poll_init(loop, &a->poll, ac->c.fd);
    if (rc < 0) {
        free(a);
        return rc;
    }
    a->ac = ac;
    a->closed = closed;
    a->ctx = ctx;
    a->poll.data = a;
    ac->ev.data = a;
    ac->ev.addRead = add_read;
    ac->ev.delRead = del_read;
    ac->ev.addWrite = add_write;
    ac->ev.delWrite = del_write;
    ac->ev.cleanup = cleanup;
    /* Both: the end of a connect shows as writable, a refusal as an error with either. */
    watch(a, UV_READABLE | UV_WRITABLE);
    return 0;
}
