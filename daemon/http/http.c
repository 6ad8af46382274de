/* The thread: it is started, told a status, and ended. What is told is exchanged as a pointer; who takes it out of the box owns it. */
#include "crmpulse/http.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "daemon/http/server.h"

struct http {
    struct server server;
    uv_thread_t thread;
    uv_async_t wake;
    _Atomic(struct status *) told; /* not taken yet */
    atomic_bool ending, holding;
    uv_sem_t held, go;
};

static void on_wake(uv_async_t *a)
{
    struct http *h = a->data;
    struct status *s = atomic_exchange(&h->told, NULL);
    if (s) {
        status_free(h->server.status);
        h->server.status = s;
    }
    if (atomic_exchange(&h->holding, false)) {
        uv_sem_post(&h->held);
        uv_sem_wait(&h->go);
    }
    if (atomic_load(&h->ending) && !uv_is_closing((uv_handle_t *)a)) {
        uv_close((uv_handle_t *)a, NULL);
        server_close(&h->server);
    }
}

static void serve(void *arg)
{
    struct http *h = arg;
    (void)uv_run(&h->server.loop, UV_RUN_DEFAULT);
}

struct http *http_start(const struct config *config, char *why, size_t cap)
{
    struct http *h = calloc(1, sizeof *h);
    if (!h || server_open(&h->server, config, why, cap) < 0) {
        free(h);
        return NULL;
    }
    if (uv_sem_init(&h->held, 0) < 0 || uv_sem_init(&h->go, 0) < 0)
        abort();
    atomic_init(&h->told, NULL);
    h->wake.data = h;
    if (uv_async_init(&h->server.loop, &h->wake, on_wake) < 0 || uv_thread_create(&h->thread, serve, h) < 0) {
        snprintf(why, cap, "no thread can be started");
        if (h->wake.loop)
            uv_close((uv_handle_t *)&h->wake, NULL);
        server_close(&h->server);
        (void)uv_run(&h->server.loop, UV_RUN_DEFAULT);
        server_release(&h->server);
        free(h);
        return NULL;
    }
    return h;
}

void http_tell(struct http *h, struct status *status)
{
    status_free(atomic_exchange(&h->told, status));
    (void)uv_async_send(&h->wake);
}

void http_hold(struct http *h)
{
    if (!h)
        return;
    atomic_store(&h->holding, true);
    (void)uv_async_send(&h->wake);
    uv_sem_wait(&h->held);
}

void http_resume(struct http *h)
{
    if (h)
        uv_sem_post(&h->go);
}

void http_stop(struct http *h)
{
    if (!h)
        return;
    atomic_store(&h->ending, true);
    (void)uv_async_send(&h->wake);
    (void)uv_thread_join(&h->thread);
    server_release(&h->server);
    status_free(atomic_load(&h->told));
    uv_sem_destroy(&h->held);
    uv_sem_destroy(&h->go);
    free(h);
}
