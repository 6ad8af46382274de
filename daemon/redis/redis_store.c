/* The Redis store of a shard: its two connections, its state, and what all calls share. The calls are in store_*.c. */
#include "daemon/redis/store_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static enum store_state state_of(const struct redis_store *s, const char **ret_why)
{
    enum store_state state = STORE_READY;
    *ret_why = "ready";
    for (int i = 0; i < LANE_COUNT; i++) {
        const struct redis_conn *c = s->lane[i];
        if (c->phase == PHASE_REFUSED) {
            *ret_why = c->why;
            return STORE_REFUSED;
        }
        if (c->phase != PHASE_READY && (state == STORE_READY || !**ret_why)) {
            state = c->why[0] ? STORE_DOWN : STORE_CONNECTING;
            *ret_why = c->why;
        }
    }
    return state;
}

/* Told once per change, whichever connection it comes from. A store that was down stays so until both connections are ready. */
static void on_lane_changed(void *ctx)
{
    struct redis_store *s = ctx;
    const char *why;
    if (s->closing)
        return;
    enum store_state state = state_of(s, &why);
    if (state == STORE_CONNECTING || (state == s->state && strcmp(why, s->why) == 0))
        return;
    s->state = state;
    snprintf(s->why, sizeof s->why, "%s", why);
    if (s->events.state)
        s->events.state(s->events.ctx, state, s->why);
}

static void store_free(struct redis_store *s)
{
    redis_argv_release(&s->argv);
    free(s);
}

static void on_lane_closed(void *ctx)
{
    struct redis_store *s = ctx;
    if (--s->open_lanes > 0)
        return;
    void (*closed)(void *) = s->closed;
    void *closed_ctx = s->closed_ctx;
    store_free(s);
    if (closed)
        closed(closed_ctx);
}

struct redis_store *redis_store_new(uv_loop_t *loop, const struct config *config, uint32_t shard,
                                    const struct redis_store_events *events)
{
    struct redis_store *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->loop = loop;
    s->config = config;
    s->events = *events;
    s->state = STORE_CONNECTING;
    redis_argv_init(&s->argv, shard);
    for (int i = 0; i < LANE_COUNT; i++) {
        s->lane[i] = redis_conn_new(loop, config, shard, &s->stats, on_lane_changed, s);
        if (!s->lane[i]) {
            redis_store_close(s, NULL, NULL);
            return NULL;
        }
        s->open_lanes++;
    }
    return s;
}

void redis_store_close(struct redis_store *s, void (*done)(void *ctx), void *ctx)
{
    s->closing = true;
    s->closed = done;
    s->closed_ctx = ctx;
    if (s->open_lanes == 0) { /* only a store that could not be made */
        store_free(s);
        return;
    }
    for (int i = 0; i < LANE_COUNT; i++)
        if (s->lane[i])
            redis_conn_close(s->lane[i], on_lane_closed, s);
}

void redis_store_stats(const struct redis_store *s, struct redis_store_stats *ret)
{
    *ret = s->stats;
}

struct store_call *store_call_new(struct redis_store *s, const struct slice *keys, uint32_t n, void *ctx)
{
    size_t text = 0;
    for (uint32_t i = 0; i < n; i++)
        text += keys[i].n;
    struct store_call *call = calloc(1, sizeof *call + n * sizeof *call->asked + text);
    if (!call)
        return NULL;
    call->store = s;
    call->ctx = ctx;
    call->since_ns = uv_hrtime();
    call->asked = (struct slice *)(call + 1);
    call->n_asked = n;
    char *to = (char *)(call->asked + n);
    for (uint32_t i = 0; i < n; i++) {
        call->asked[i] = (struct slice){ to, keys[i].n };
        if (keys[i].n)
            memcpy(to, keys[i].p, keys[i].n);
        to += keys[i].n;
    }
    return call;
}

void store_begin(struct redis_store *s, const char *const *keys)
{
    int64_t n = 0;
    redis_argv_clear(&s->argv);
    while (keys[n])
        n++;
    redis_argv_int(&s->argv, n + s->config->redis.cluster);
    for (; *keys; keys++)
        redis_argv_key(&s->argv, slice_of(*keys));
    if (s->config->redis.cluster)
        redis_argv_key(&s->argv, slice_of(REDIS_NEVER_KEY));
}

static void on_done(void *ctx, redisReply *reply, bool sent, const char *why)
{
    struct store_call *call = ctx;
    struct redis_store *s = call->store;
    if (reply && call->script >= 0)
        duration_add(&s->stats.script[call->script], (uv_hrtime() - call->since_ns) / 1000);
    if (reply)
        call->finish(call, STORE_OK, reply, "");
    else
        call->finish(call, !sent && s->state == STORE_REFUSED ? STORE_BROKEN : STORE_UNKNOWN, NULL,
                     why && *why ? why : "not connected");
    free(call);
}

int store_call_send(struct store_call *call, enum redis_lane lane, enum redis_script script)
{
    struct redis_store *s = call->store;
    call->script = script;
    int rc = s->closing ? -ECANCELED : redis_conn_send(s->lane[lane], script, &s->argv, on_done, call);
    if (rc < 0)
        free(call);
    return rc;
}

void store_push_outs(struct redis_argv *a, const struct store_out *out, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        redis_argv_slice(a, out[i].topic);
        redis_argv_slice(a, out[i].key);
        redis_argv_slice(a, out[i].id);
        redis_argv_slice(a, out[i].type);
        redis_argv_slice(a, out[i].payload);
    }
}

void store_push_part_field(struct redis_argv *a, const struct store_part *p)
{
    enum { PARTITION_DIGITS_MAX = 12 };
    size_t cap = p->topic.n + 1 + PARTITION_DIGITS_MAX;
    char *field = arena_alloc(&a->arena, cap);
    if (!field) {
        a->failed = true;
        return;
    }
    int n = snprintf(field, cap, "%.*s/%d", (int)p->topic.n, p->topic.p, p->partition);
    redis_argv_bytes(a, field, (size_t)n);
}

static void finish_flush(struct store_call *call, enum store_result r, const redisReply *reply, const char *detail)
{
    if (reply)
        r = redis_script_result(reply, 2, &detail);
    if (r == STORE_STALE)
        call->store->stats.stale++;
    call->cb.flush(call->ctx, r, detail);
}

struct store_call *store_flush_call(struct redis_store *s, store_flush_cb cb, void *ctx)
{
    struct store_call *call = store_call_new(s, NULL, 0, ctx);
    if (!call)
        return NULL;
    call->finish = finish_flush;
    call->cb.flush = cb;
    return call;
}
