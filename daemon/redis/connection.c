/* The life of one connection: resolve, connect, hand over to the handshake, watch deadlines, come back after a loss. Does not know what is asked. */
#include "daemon/redis/connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/redis/reply.h"
#include "daemon/redis/uv_adapter.h"

enum { TICK_MS = 50, PREFLIGHT_EVERY_MS = 5000, BACKOFF_SHIFT_MAX = 16 };

static void try_connect(struct redis_conn *c);

/* xorshift64*: jitter only. */
static uint64_t next_random(struct redis_conn *c)
{
    c->random ^= c->random >> 12;
    c->random ^= c->random << 25;
    c->random ^= c->random >> 27;
    return c->random * UINT64_C(2685821657736338717);
}

void redis_conn_enter(struct redis_conn *c, enum redis_phase phase, const char *why)
{
    bool visible = phase == PHASE_READY || why;
    c->phase = phase;
    c->phase_since_ms = uv_now(c->loop);
    if (!visible)
        return;
    snprintf(c->why, sizeof c->why, "%s", why ? why : "");
    c->dirty = true;
    redis_conn_settle_soon(c);
}

static void on_retry(uv_timer_t *timer)
{
    try_connect(timer->data);
}

/* Exponential, from backoff_min_ms to backoff_max_ms, of which a random half is taken off: many daemons do not come back as one. */
static uint64_t backoff_ms(struct redis_conn *c)
{
    uint64_t min = (uint64_t)c->config->redis.backoff_min_ms, max = (uint64_t)c->config->redis.backoff_max_ms;
    uint32_t shift = c->attempt < BACKOFF_SHIFT_MAX ? c->attempt : BACKOFF_SHIFT_MAX;
    uint64_t full = min << shift;
    if (full > max)
        full = max;
    c->attempt++;
    return full - next_random(c) % (full / 2 + 1);
}

static void wait_and_retry(struct redis_conn *c, const char *why)
{
    if (c->phase == PHASE_CLOSED || c->phase == PHASE_REFUSED)
        return;
    redis_conn_enter(c, PHASE_WAITING, why && *why ? why : "the connection was closed");
    uv_timer_start(&c->retry, on_retry, backoff_ms(c), 0);
}

void redis_conn_lost(struct redis_conn *c, const char *why)
{
    char text[REDIS_WHY_MAX];
    if (!c->ac)
        return;
    if (c->tls)
        why = redis_tls_why(c->tls, why, text, sizeof text);
    c->ac = NULL;
    c->tls = NULL;
    wait_and_retry(c, why);
}

/* The context is forgotten before it is freed: what its callbacks do sees no connection any more. */
static void close_context(struct redis_conn *c)
{
    redisAsyncContext *ac = c->ac;
    c->ac = NULL;
    c->tls = NULL;
    if (ac)
        redisAsyncFree(ac);
}

void redis_conn_drop(struct redis_conn *c, const char *why)
{
    char copy[REDIS_WHY_MAX]; /* `why` may live in the context */
    snprintf(copy, sizeof copy, "%s", why);
    close_context(c);
    wait_and_retry(c, copy);
}

void redis_conn_redirect(struct redis_conn *c, const char *why)
{
    char copy[REDIS_WHY_MAX];
    if (!redis_topology_may_follow(&c->topology)) {
        redis_conn_drop(c, why ? why : "the nodes of Redis do not agree where the shard lives");
        return;
    }
    snprintf(copy, sizeof copy, "%s", why ? why : "");
    close_context(c);
    if (c->phase == PHASE_CLOSED || c->phase == PHASE_REFUSED)
        return;
    redis_conn_enter(c, PHASE_WAITING, why ? copy : NULL);
    uv_timer_start(&c->retry, on_retry, 0, 0);
}

void redis_conn_follow(struct redis_conn *c, const char *error)
{
    char why[REDIS_WHY_MAX];
    snprintf(why, sizeof why, "%s", error);
    if (strncmp(error, "MOVED ", 6) == 0 && !c->config->redis.cluster && !c->was_ready)
        redis_conn_refuse(c, "Redis is a cluster: redis.cluster must be true");
    else if (c->config->redis.cluster && redis_topology_moved(&c->topology, error, &c->address) == WHITHER_THERE)
        redis_conn_redirect(c, why);
    else
        redis_conn_drop(c, why);
}

void redis_conn_refuse(struct redis_conn *c, const char *why)
{
    if (c->phase == PHASE_CLOSED)
        return;
    redis_conn_enter(c, PHASE_REFUSED, why);
    uv_timer_stop(&c->retry);
    close_context(c);
}

void redis_conn_give_up(struct redis_conn *c, const char *what, const char *why)
{
    char sentence[REDIS_WHY_MAX];
    snprintf(sentence, sizeof sentence, "%s: %s", what, why);
    /* What may pass by itself is tried again; so is all that has worked before, but for the preflight. */
    if (c->was_ready || (redis_error_result(why) == STORE_BUSY && !redis_error_denied(why)))
        redis_conn_drop(c, sentence);
    else
        redis_conn_refuse(c, sentence);
}

/* hiredis 1.x may fail to connect without a text: it has read the socket's error already, errno still tells. */
static const char *connect_error(const redisAsyncContext *ac, int error)
{
    return ac->c.errstr[0] || error == 0 ? ac->c.errstr : strerror(error);
}

static void on_connect(const redisAsyncContext *ac, int status)
{
    int error = errno;
    struct redis_conn *c = ac->data;
    if (c->ac != ac)
        return;
    if (status != REDIS_OK) {
        redis_conn_lost(c, connect_error(ac, error)); /* hiredis frees it now */
        return;
    }
    /* Not from here: hiredis would go on with the context if the handshake freed it. */
    redis_conn_enter(c, PHASE_HANDSHAKE, NULL);
    c->greet = true;
    redis_conn_settle_soon(c);
}

static void on_disconnect(const redisAsyncContext *ac, int status)
{
    struct redis_conn *c = ac->data;
    (void)status;
    if (c->ac == ac)
        redis_conn_lost(c, ac->c.errstr);
}

static void finish_close(struct redis_conn *c)
{
    if (c->phase != PHASE_CLOSED || c->open_handles > 0)
        return;
    redis_requests_settle(c);
    redis_argv_release(&c->argv);
    c->closed(c->ctx);
    free(c);
}

static void on_handle_gone(void *ctx)
{
    struct redis_conn *c = ctx;
    c->open_handles--;
    finish_close(c);
}

static void open_context(struct redis_conn *c, const char *numeric)
{
    errno = 0;
    redisAsyncContext *ac =
        numeric ? redisAsyncConnect(numeric, c->address.port) : redisAsyncConnectUnix(c->address.path);
    if (!ac || ac->err) {
        wait_and_retry(c, ac ? connect_error(ac, errno) : "out of memory");
        if (ac)
            redisAsyncFree(ac);
        return;
    }
    ac->data = c;
    int rc = redis_uv_attach(c->loop, ac, on_handle_gone, c);
    if (rc < 0) {
        redisAsyncFree(ac);
        wait_and_retry(c, uv_strerror(rc));
        return;
    }
    c->open_handles++;
    c->ac = ac;
    redis_conn_enter(c, PHASE_CONNECTING, NULL);
    redisAsyncSetConnectCallback(ac, on_connect);
    redisAsyncSetDisconnectCallback(ac, on_disconnect);
}

/* One address per attempt, in turn. */
static int pick_address(const struct addrinfo *list, uint32_t attempt, char *text, size_t cap)
{
    uint32_t n = 0;
    for (const struct addrinfo *a = list; a; a = a->ai_next)
        n++;
    for (uint32_t skip = n ? attempt % n : 0; list && skip; skip--)
        list = list->ai_next;
    if (!list)
        return UV_EAI_NODATA;
    if (list->ai_family == AF_INET6)
        return uv_ip6_name((const struct sockaddr_in6 *)(const void *)list->ai_addr, text, cap);
    return uv_ip4_name((const struct sockaddr_in *)(const void *)list->ai_addr, text, cap);
}

/* A look-up that is under way cannot be cancelled, and may take as long as the name server likes: it outlives the connection. */
struct redis_lookup {
    uv_getaddrinfo_t request;
    struct redis_conn *conn; /* NULL: closed since */
};

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *list)
{
    struct redis_lookup *l = request->data;
    struct redis_conn *c = l->conn;
    char numeric[INET6_ADDRSTRLEN] = "";
    free(l);
    if (c && status == 0)
        status = pick_address(list, c->attempt, numeric, sizeof numeric);
    uv_freeaddrinfo(list);
    if (!c)
        return;
    c->lookup = NULL;
    if (c->phase != PHASE_RESOLVING)
        return;
    if (status == 0) {
        open_context(c, numeric);
    } else {
        char why[REDIS_WHY_MAX];
        snprintf(why, sizeof why, "cannot resolve '%.128s': %s", c->address.host, uv_strerror(status));
        wait_and_retry(c, why);
    }
}

static bool is_numeric(const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];
    return uv_inet_pton(AF_INET, host, address) == 0 || uv_inet_pton(AF_INET6, host, address) == 0;
}

static void resolve(struct redis_conn *c)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    struct redis_lookup *l = calloc(1, sizeof *l);
    int rc = l ? 0 : UV_ENOMEM;
    if (l) {
        l->conn = c;
        l->request.data = l;
        rc = uv_getaddrinfo(c->loop, &l->request, on_resolved, c->address.host, NULL, &hints);
    }
    if (rc < 0) {
        free(l);
        wait_and_retry(c, uv_strerror(rc));
        return;
    }
    c->lookup = l;
    redis_conn_enter(c, PHASE_RESOLVING, NULL);
}

static void try_connect(struct redis_conn *c)
{
    if (c->was_ready)
        c->stats->reconnects++;
    c->asks = redis_topology_next(&c->topology, &c->address);
    if (c->address.path[0])
        open_context(c, NULL);
    else if (is_numeric(c->address.host))
        open_context(c, c->address.host);
    else
        resolve(c);
}

/* Is the present phase, or the oldest open request, past its deadline? Answers come in order: the first request is the oldest. */
static bool overdue(const struct redis_conn *c, uint64_t now_ms)
{
    if (c->phase == PHASE_CONNECTING || c->phase == PHASE_HANDSHAKE)
        return now_ms - c->phase_since_ms > (uint64_t)c->config->redis.connect_timeout_ms;
    const struct redis_request *oldest = c->in_flight.first;
    return c->phase == PHASE_READY && oldest &&
           now_ms - oldest->since_ms > (uint64_t)c->config->redis.command_timeout_ms;
}

static void drop_overdue(struct redis_conn *c)
{
    char why[REDIS_WHY_MAX];
    bool ready = c->phase == PHASE_READY;
    int64_t limit_ms = ready ? c->config->redis.command_timeout_ms : c->config->redis.connect_timeout_ms;
    snprintf(why, sizeof why, "%s for %lld ms",
             c->phase == PHASE_CONNECTING ? "no connection to Redis" : "no answer from Redis", (long long)limit_ms);
    c->stats->timeouts++;
    redis_conn_drop(c, why);
}

/* Twice in a row: after a long turn of our own loop the answer may be waiting in the socket, and timers run before it is read. */
static void on_tick(uv_timer_t *timer)
{
    struct redis_conn *c = timer->data;
    uint64_t now_ms = uv_now(c->loop);
    c->overdue_ticks = overdue(c, now_ms) ? c->overdue_ticks + 1 : 0;
    if (c->overdue_ticks >= 2) {
        c->overdue_ticks = 0;
        drop_overdue(c);
    } else if (c->phase == PHASE_READY && !c->looks && now_ms - c->checked_ms > PREFLIGHT_EVERY_MS) {
        redis_preflight_again(c);
    }
}

/* The socket is connected: TLS if the address wants it, then the first commands. */
static void greet(struct redis_conn *c)
{
    char why[REDIS_WHY_MAX];
    bool local = false;
    if (c->phase != PHASE_HANDSHAKE)
        return;
    if (c->address.tls)
        c->tls = redis_tls_start(c->ac, c->config, c->address.host, &local, why, sizeof why);
    if (!c->address.tls || c->tls)
        redis_handshake_start(c);
    else if (local)
        redis_conn_give_up(c, "no TLS with Redis", why);
    else
        redis_conn_drop(c, why);
}

static void on_settle(uv_timer_t *timer)
{
    struct redis_conn *c = timer->data;
    redis_requests_settle(c);
    if (c->greet) {
        c->greet = false;
        greet(c);
    }
    if (c->dirty && c->phase != PHASE_CLOSED) {
        c->dirty = false;
        c->changed(c->ctx);
    }
}

void redis_conn_settle_soon(struct redis_conn *c)
{
    if (c->phase != PHASE_CLOSED)
        uv_timer_start(&c->settle, on_settle, 0, 0);
}

struct redis_conn *redis_conn_new(uv_loop_t *loop, const struct config *config, uint32_t shard,
                                  struct redis_store_stats *stats, void (*changed)(void *ctx), void *ctx)
{
    struct redis_conn *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->loop = loop;
    c->config = config;
    c->shard = shard;
    c->stats = stats;
    c->changed = changed;
    c->ctx = ctx;
    c->random = (uv_hrtime() ^ ((uint64_t)getpid() << 32)) | 1; /* no address: a simulated run can be repeated */
    redis_argv_init(&c->argv, shard);
    uv_timer_t *timers[] = { &c->settle, &c->tick, &c->retry };
    for (size_t i = 0; i < sizeof timers / sizeof timers[0]; i++) {
        uv_timer_init(loop, timers[i]); /* cannot fail */
        timers[i]->data = c;
        c->open_handles++;
    }
    uv_timer_start(&c->tick, on_tick, TICK_MS, TICK_MS);
    const char *why;
    if (redis_topology_init(&c->topology, config, shard, &why) < 0)
        redis_conn_refuse(c, why);
    else
        uv_timer_start(&c->retry, on_retry, 0, 0);
    return c;
}

static void on_timer_closed(uv_handle_t *handle)
{
    on_handle_gone(handle->data);
}

void redis_conn_close(struct redis_conn *c, void (*closed)(void *ctx), void *ctx)
{
    if (c->lookup) {
        c->lookup->conn = NULL;
        (void)uv_cancel((uv_req_t *)&c->lookup->request);
        c->lookup = NULL;
    }
    c->phase = PHASE_CLOSED;
    c->closed = closed;
    c->ctx = ctx;
    close_context(c);
    uv_close((uv_handle_t *)&c->tick, on_timer_closed);
    uv_close((uv_handle_t *)&c->retry, on_timer_closed);
    uv_close((uv_handle_t *)&c->settle, on_timer_closed);
}
