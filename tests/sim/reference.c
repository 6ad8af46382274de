/* The uninterrupted run: the core's engine with all records in memory, its evaluator advanced once to the end, and what the daemon's commit makes of the
 * results. No shards, no partitions, no flushes, no judging while events still come. */
#include <stdlib.h>

#include "broker.h"
#include "check.h"
#include "crmpulse/engine.h"
#include "crmpulse/eval.h"
#include "crmpulse/event_decode.h"
#include "daemon/judge_int.h"

struct uninterrupted {
    struct sim *w;
    struct reference *r;
    struct event_codec codec;
    struct engine *engine;
    struct evaluator *evaluator;
    struct commit commit;
    struct arena decode;
    int64_t newest_ms;
    struct slice *waiting; /* keys of records in which something waits */
    uint32_t n_waiting, waiting_cap;
    struct arena keys;
};

static int take_deltas(struct uninterrupted *u)
{
    const struct cell_delta *d;
    uint32_t n = engine_deltas(u->engine, &d);
    char key[2048];
    for (uint32_t i = 0; i < n; i++) {
        if (!d[i].value)
            continue;
        if (evaluator_apply(u->evaluator, &d[i]) < 0)
            return -1;
        int len = snprintf(key, sizeof key, "%.*s:%c:%lld|%.*s", (int)d[i].org.n, d[i].org.p, (char)d[i].grain,
                           (long long)d[i].pane_ms, (int)d[i].field.n, d[i].field.p);
        if (d[i].grain != CELL_EVIDENCE)
            book_add(u->r->cells, (struct slice){ key, (uint32_t)len }, d[i].value);
    }
    engine_flush_begun(u->engine);
    engine_flush_applied(u->engine);
    return 0;
}

/* ---- what waits, as the daemon gives it up ---- */

static int give_up(struct uninterrupted *u, struct slice key, int64_t until_ms)
{
    struct orphan o;
    enum apply_result result = engine_give_up(u->engine, key, until_ms, &o);
    u->r->late += result == APPLY_DONE;
    if (result == APPLY_DONE)
        sim_trace(u->w, "reference: %.*s is given up", (int)key.n, key.p);
    if (result == APPLY_FINAL)
        result = engine_cleaned(u->engine, key);
    return result == APPLY_NO_MEMORY ? -1 : take_deltas(u);
}

static void note_waiting(struct uninterrupted *u)
{
    struct slice key = engine_waits(u->engine);
    if (!key.n)
        return;
    if (u->n_waiting == u->waiting_cap) {
        u->waiting_cap = u->waiting_cap ? u->waiting_cap * 2 : 64;
        u->waiting = realloc(u->waiting, u->waiting_cap * sizeof *u->waiting);
        if (!u->waiting)
            abort();
    }
    u->waiting[u->n_waiting++] = arena_copy(&u->keys, key);
}

/* What begins to wait anew (an erasure whose names are to be forgotten) is due again at once. */
static int sweep(struct uninterrupted *u, int64_t until_ms)
{
    int rc = 0;
    for (int round = 0; round < 3; round++)
        for (uint32_t i = 0; rc == 0 && i < u->n_waiting; i++)
            rc = give_up(u, u->waiting[i], until_ms);
    return rc;
}

static int take(struct uninterrupted *u, const struct happening *h)
{
    struct event ev;
    struct event_note note = { EVENT_FIELD_COUNT, 0 };
    arena_reset(&u->decode);
    enum event_reject why = event_decode(&u->codec, &u->decode, (const uint8_t *)h->json.p, h->json.n, &ev, &note);
    if (why == REJECT_NONE)
        why = event_validate(&u->codec.schema, &ev, SIM_WALL_MS, u->w->config->defs.max_ahead_ms, &note.field);
    if (why != REJECT_NONE) {
        u->r->refused++;
        return 0;
    }
    const struct event_source from = { SLICE("reference"), 0, h - u->w->history->v, h->json };
    enum apply_result result;
    while ((result = engine_apply_from(u->engine, &ev, u->newest_ms, &from)) == APPLY_OVERDUE)
        if (give_up(u, engine_overdue(u->engine), INT64_MAX) < 0)
            return -1;
    note_waiting(u);
    if (ev.v[F_OCCURRED_AT_MS].i > u->newest_ms)
        u->newest_ms = ev.v[F_OCCURRED_AT_MS].i;
    if (result == APPLY_LATE || result == APPLY_ERASED || result == APPLY_FINAL) {
        u->r->late++;
        sim_trace(u->w, "reference: late: %.*s", (int)h->json.n, h->json.p);
        return take_deltas(u);
    }
    if (result != APPLY_DONE && result != APPLY_DUPLICATE) {
        sim_violation(u->w, "the reference cannot take an event (%d): %.*s", (int)result, (int)h->json.n, h->json.p);
        return -1;
    }
    return take_deltas(u);
}

static void keep_op(struct book *views, const struct store_op *op)
{
    char key[4096];
    int n = snprintf(key, sizeof key, "%.*s\n", (int)op->key.n, op->key.p);
    if (slice_eq(op->command, SLICE("DEL")))
        book_drop(views, (struct slice){ key, (uint32_t)n }, (struct slice){ 0 });
    bool set = slice_eq(op->command, SLICE("HSET"));
    if (!set && !slice_eq(op->command, SLICE("HDEL")))
        return;
    for (uint32_t i = 0; i < op->n_args; i += set ? 2 : 1) {
        int len = snprintf(key + n, sizeof key - (size_t)n, "%.*s", (int)op->args[i].n, op->args[i].p);
        struct slice name = { key, (uint32_t)(n + len) };
        if (set)
            book_put(views, name, op->args[i + 1]);
        else
            book_drop(views, name, name);
    }
}

static void keep_results(struct uninterrupted *u)
{
    const struct commit_list *lists[] = { &u->commit.list, &u->commit.last };
    for (int k = 0; k < 2; k++) {
        for (uint32_t i = 0; i < lists[k]->n_ops; i++)
            keep_op(u->r->views, &lists[k]->op[i]);
        for (uint32_t i = 0; i < lists[k]->n_outs; i++)
            broker_publish(u->r->out, lists[k]->out[i].topic, lists[k]->out[i].id, lists[k]->out[i].payload);
    }
}

static int judge(struct uninterrupted *u)
{
    const int64_t tick = u->w->config->defs.tick_ms;
    if (u->newest_ms == INT64_MIN)
        return 0;
    if (sweep(u, (u->newest_ms / tick + 1) * tick) < 0)
        return -1;
    if (evaluator_advance(u->evaluator, (u->newest_ms / tick + 1) * tick, u->newest_ms, commit_sink(&u->commit)) < 0 ||
        u->commit.failed)
        return -1;
    keep_results(u);
    return 0;
}

/* All records, in order of arrival. */
static int begin(struct uninterrupted *u, struct sim *w, struct reference *r, bool judges)
{
    const struct engine_options engine_opt = { .all_in_memory = true };
    const struct evaluator_options eval_opt = { .live = true, .judge = judges };
    *u = (struct uninterrupted){ .w = w, .r = r, .newest_ms = INT64_MIN };
    *r = (struct reference){ book_new(), book_new(), broker_new(w), 0, 0 };
    arena_init(&u->decode, 0, 0);
    arena_init(&u->keys, 0, 0);
    commit_init(&u->commit);
    u->commit.mute_rows = w->plan.mute;
    u->engine = engine_new(&w->config->defs, &engine_opt);
    u->evaluator = evaluator_new(&w->config->defs, &eval_opt);
    int rc = u->engine && u->evaluator && event_codec_init(&u->codec) == 0 ? 0 : -1;
    u->codec.format = FORMAT_JSON;
    for (uint32_t i = 0; rc == 0 && i < w->history->n; i++)
        rc = w->history->v[i].gone ? 0 : take(u, &w->history->v[i]);
    return rc;
}

static void end(struct uninterrupted *u)
{
    evaluator_free(u->evaluator);
    engine_free(u->engine);
    commit_release(&u->commit);
    arena_release(&u->decode);
    arena_release(&u->keys);
    free(u->waiting);
}

int reference_make(struct sim *w, struct reference *ret)
{
    struct uninterrupted u;
    int rc = begin(&u, w, ret, true);
    if (rc == 0)
        rc = judge(&u);
    end(&u);
    return rc;
}

/* All events, and what is known of them at now_ms. */
static int begin_at(struct uninterrupted *u, struct sim *w, struct reference *r, int64_t now_ms)
{
    int rc = begin(u, w, r, false);
    if (rc == 0 && u->newest_ms != INT64_MIN)
        rc = sweep(u, u->newest_ms + w->config->defs.tick_ms);
    return rc ? rc : evaluator_advance(u->evaluator, INT64_MIN, now_ms, commit_sink(&u->commit));
}

int reference_at(struct sim *w, int64_t now_ms, reference_ask ask, void *ctx)
{
    struct uninterrupted u;
    struct reference r;
    int rc = begin_at(&u, w, &r, now_ms);
    if (rc == 0)
        rc = ask(u.evaluator, ctx);
    end(&u);
    reference_release(&r);
    return rc;
}

void reference_release(struct reference *r)
{
    book_free(r->cells);
    book_free(r->views);
    broker_free(r->out);
}
