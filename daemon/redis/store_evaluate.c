/* The evaluator's writes: lease, view commit, settling of parked cells; and what is booked. */
#include "daemon/redis/store_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* (code, detail, epoch, fresh, ttl_ms, feed sequence) */
enum { LEASE_ELEMENTS = 6 };

static void finish_lease(struct store_call *call, enum store_result r, const redisReply *reply, const char *detail)
{
    struct store_lease lease = { 0 };
    int64_t fresh = 0, seq = 0;
    if (reply)
        r = redis_script_result(reply, LEASE_ELEMENTS, &detail);
    if (reply && r == STORE_OK) {
        int64_t *const to[] = { &lease.epoch, &fresh, &lease.ttl_ms, &seq };
        for (size_t i = 0; i < sizeof to / sizeof to[0]; i++)
            if (redis_reply_int(reply->element[2 + i], to[i]) < 0)
                r = STORE_BROKEN;
    }
    lease.fresh = fresh != 0;
    lease.feed_seq = (uint64_t)seq;
    call->cb.lease(call->ctx, r, &lease);
}

int redis_store_lease(struct redis_store *s, struct slice owner, int64_t held_epoch, int64_t ttl_ms, store_lease_cb cb,
                      void *ctx)
{
    static const char *const keys[] = { "lease", "meta", NULL };
    if (owner.n == 0 || ttl_ms < 0)
        return -EINVAL;
    struct store_call *call = store_call_new(s, NULL, 0, ctx);
    if (!call)
        return -ENOMEM;
    call->finish = finish_lease;
    call->cb.lease = cb;
    store_begin(s, keys);
    redis_argv_slice(&s->argv, owner);
    redis_argv_int(&s->argv, held_epoch);
    redis_argv_int(&s->argv, ttl_ms);
    return store_call_send(call, LANE_EVALUATE, SCRIPT_LEASE);
}

static void push_op(struct redis_argv *a, const struct store_op *op)
{
    redis_argv_slice(a, op->command);
    redis_argv_slice(a, op->key);
    redis_argv_uint(a, op->n_args);
    for (uint32_t i = 0; i < op->n_args; i++)
        redis_argv_slice(a, op->args[i]);
}

int redis_store_commit(struct redis_store *s, const struct store_commit *c, store_flush_cb cb, void *ctx)
{
    static const char *const keys[] = { "meta", "lease", "feed", "outbox", NULL };
    struct redis_argv *a = &s->argv;
    struct store_call *call = store_flush_call(s, cb, ctx);
    if (!call)
        return -ENOMEM;
    store_begin(s, keys);
    redis_argv_text(a, REDIS_LAYOUT);
    redis_argv_int(a, c->lease_epoch);
    redis_argv_int(a, s->config->redis.outbox_max);
    redis_argv_uint(a, c->trim_feed_before);
    redis_argv_uint(a, c->n_ops);
    redis_argv_uint(a, c->n_outs);
    for (uint32_t i = 0; i < c->n_ops; i++)
        push_op(a, &c->op[i]);
    store_push_outs(a, c->out, c->n_outs);
    return store_call_send(call, LANE_EVALUATE, SCRIPT_COMMIT);
}

int redis_store_settle(struct redis_store *s, const struct store_settle *what, store_flush_cb cb, void *ctx)
{
    static const char *const keys[] = { "meta", "lease", "panes", NULL };
    struct redis_argv *a = &s->argv;
    char key[2048];
    int n = snprintf(key, sizeof key, "pane:%.*s:f:%lld", (int)what->org.n, what->org.p, (long long)what->hour_ms);
    struct store_call *call = (size_t)n < sizeof key ? store_flush_call(s, cb, ctx) : NULL;
    if (!call)
        return -ENOMEM;
    store_begin(s, keys);
    redis_argv_text(a, REDIS_LAYOUT);
    redis_argv_int(a, what->lease_epoch);
    redis_argv_slice(a, (struct slice){ key, (uint32_t)n });
    redis_argv_slice(a, (struct slice){ key, what->org.n + 6 });
    redis_argv_int(a, what->minute_expire_ms);
    redis_argv_int(a, what->hour_expire_ms);
    redis_argv_uint(a, what->most);
    return store_call_send(call, LANE_EVALUATE, SCRIPT_SETTLE);
}

int redis_store_book(struct redis_store *s, struct slice was, const struct slice *pairs, uint32_t n_pairs,
                     store_flush_cb cb, void *ctx)
{
    static const char *const keys[] = { "meta", "booked", NULL };
    struct store_call *call = store_flush_call(s, cb, ctx);
    if (!call)
        return -ENOMEM;
    store_begin(s, keys);
    redis_argv_text(&s->argv, REDIS_LAYOUT);
    redis_argv_slice(&s->argv, was);
    for (uint32_t i = 0; i < 2 * n_pairs; i++)
        redis_argv_slice(&s->argv, pairs[i]);
    return store_call_send(call, LANE_EVALUATE, SCRIPT_BOOK);
}

int redis_store_clean(struct redis_store *s, const struct store_clean *what, store_flush_cb cb, void *ctx)
{
    static const char *const keys[] = { "meta", "lease", "state", NULL };
    struct redis_argv *a = &s->argv;
    struct store_call *call = store_flush_call(s, cb, ctx);
    if (!call)
        return -ENOMEM;
    store_begin(s, keys);
    redis_argv_text(a, REDIS_LAYOUT);
    redis_argv_int(a, what->lease_epoch);
    redis_argv_slice(a, what->state_org);
    redis_argv_slice(a, what->names);
    for (uint32_t i = 0; i < what->n_panes; i++)
        redis_argv_slice(a, what->panes[i]);
    return store_call_send(call, LANE_EVALUATE, SCRIPT_CLEAN);
}

int redis_store_tally(struct redis_store *s, const struct slice *pairs, uint32_t n_pairs, store_flush_cb cb, void *ctx)
{
    static const char *const keys[] = { "meta", "counters", NULL };
    struct store_call *call = store_flush_call(s, cb, ctx);
    if (!call)
        return -ENOMEM;
    store_begin(s, keys);
    redis_argv_text(&s->argv, REDIS_LAYOUT);
    for (uint32_t i = 0; i < 2 * n_pairs; i++)
        redis_argv_slice(&s->argv, pairs[i]);
    return store_call_send(call, LANE_EVALUATE, SCRIPT_TALLY);
}
