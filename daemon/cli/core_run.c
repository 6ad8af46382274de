/* The pure core wired for one process. It prints nothing and decides nothing: verdicts and results go to the caller. */
#include "core_run.h"

#include <stdlib.h>

#define WAITS_LONG_MS INT64_C(86400000)

int core_run_init(struct core_run *r, const struct definitions *defs, int64_t now_ms)
{
    const struct engine_options engine_opt = { .all_in_memory = true, .keep_causes = true };
    const struct evaluator_options eval_opt = { .judge = true, .asof_history = true };
    *r = (struct core_run){ .defs = defs, .now_ms = now_ms, .newest_ms = INT64_MIN };
    arena_init(&r->decode, 0, 0);
    arena_init(&r->told, 0, 0);
    r->engine = engine_new(defs, &engine_opt);
    r->evaluator = evaluator_new(defs, &eval_opt);
    return r->engine && r->evaluator && event_codec_init(&r->codec) == 0 ? 0 : -1;
}

void core_run_release(struct core_run *r)
{
    arena_release(&r->decode);
    arena_release(&r->told);
    for (uint32_t i = 0; i < r->n_waiting; i++)
        free(r->waiting[i].key);
    free(r->waiting);
    r->waiting = NULL;
    r->n_waiting = r->waiting_cap = 0;
    evaluator_free(r->evaluator);
    engine_free(r->engine);
    r->evaluator = NULL;
    r->engine = NULL;
}

static int feed(struct core_run *r)
{
    const struct cell_delta *d;
    uint32_t n = engine_deltas(r->engine, &d);
    for (uint32_t i = 0; i < n; i++)
        if (d[i].value && evaluator_apply(r->evaluator, &d[i]) < 0)
            return -1;
    engine_flush_begun(r->engine);
    engine_flush_applied(r->engine);
    return 0;
}

/* ---- corrections without their target ---- */

static int note_waiting(struct core_run *r)
{
    struct orphan o;
    struct slice key = engine_waits(r->engine);
    if (!key.n || !engine_waiting(r->engine, key, &o))
        return 0;
    if (r->n_waiting == r->waiting_cap) {
        uint32_t cap = r->waiting_cap ? r->waiting_cap * 2 : 16;
        struct core_waiting *v = realloc(r->waiting, cap * sizeof *v);
        if (!v)
            return -1;
        r->waiting = v;
        r->waiting_cap = cap;
    }
    char *text = malloc(key.n);
    if (!text)
        return -1;
    memcpy(text, key.p, key.n);
    r->waiting[r->n_waiting++] = (struct core_waiting){ text, key.n, o.due_ms };
    return 0;
}

static int give_up(struct core_run *r, struct slice key, int64_t until_ms)
{
    struct orphan o;
    enum apply_result result = engine_give_up(r->engine, key, until_ms, &o);
    r->orphans += result == APPLY_DONE;
    if (result == APPLY_FINAL) /* there is no store to clean */
        result = engine_cleaned(r->engine, key);
    return result == APPLY_NO_MEMORY ? -1 : feed(r);
}

/* Those that are due before until_ms, in the order in which they came. */
static int sweep(struct core_run *r, int64_t until_ms)
{
    uint32_t kept = 0;
    int rc = 0;
    struct orphan o;
    for (uint32_t i = 0; i < r->n_waiting; i++) {
        struct core_waiting w = r->waiting[i];
        if (rc < 0 || w.due_ms >= until_ms) {
            r->waiting[kept++] = w;
            continue;
        }
        rc = give_up(r, (struct slice){ w.key, w.key_n }, until_ms);
        if (engine_waiting(r->engine, (struct slice){ w.key, w.key_n },
                           &o)) { /* an erasure: taken back, or to be cleaned up */
            w.due_ms = o.due_ms;
            r->waiting[kept++] = w;
            continue;
        }
        free(w.key);
    }
    r->n_waiting = kept;
    return rc;
}

uint32_t core_run_waiting(struct core_run *r)
{
    struct orphan o;
    uint32_t n = 0;
    for (uint32_t i = 0; i < r->n_waiting; i++)
        n += engine_waiting(r->engine, (struct slice){ r->waiting[i].key, r->waiting[i].key_n }, &o) &&
             event_corrects(o.type) && o.since_ms <= r->newest_ms - WAITS_LONG_MS;
    return n;
}

/* ---- events ---- */

/* The event, after corrections that waited too long for it were given up. */
static enum apply_result apply(struct core_run *r, const struct event *ev, struct slice bytes)
{
    const struct event_source from = { SLICE(""), 0, (int64_t)r->read - 1, bytes };
    enum apply_result result;
    while ((result = engine_apply_from(r->engine, ev, r->newest_ms, &from)) == APPLY_OVERDUE)
        if (give_up(r, engine_overdue(r->engine), INT64_MAX) < 0)
            return APPLY_NO_MEMORY;
    return note_waiting(r) < 0 ? APPLY_NO_MEMORY : result;
}

/* What the daemon would write to the dead letter, though the event itself is well-formed. */
static enum event_reject refusal(enum apply_result result)
{
    return result == APPLY_CONFLICT ? REJECT_ID_CONFLICT
           : result == APPLY_PARKED ? REJECT_NO_RATE
           : result == APPLY_NO_ORG ? REJECT_UNKNOWN_ORG
                                    : REJECT_NONE;
}

static int note_adoption(struct core_run *r)
{
    struct engine_adoption a;
    if (!engine_adopted(r->engine, &a))
        return 0;
    struct core_adoption *x = arena_alloc(&r->told, sizeof *x);
    if (!x)
        return -1;
    *x = (struct core_adoption){ a, r->adopted };
    x->what.org = arena_copy(&r->told, a.org);
    r->adopted = x;
    return x->what.org.p ? 0 : -1;
}

int core_run_take(struct core_run *r, struct slice bytes, struct core_verdict *v)
{
    struct event ev;
    struct event_note note = { EVENT_FIELD_COUNT, 0 };
    arena_reset(&r->decode);
    r->read++;
    v->result = APPLY_DONE;
    v->why = event_decode(&r->codec, &r->decode, (const uint8_t *)bytes.p, bytes.n, &ev, &note);
    if (v->why == REJECT_NONE)
        v->why = event_validate(&r->codec.schema, &ev, r->now_ms, r->defs->max_ahead_ms, &note.field);
    if (v->why == REJECT_NONE) {
        v->result = apply(r, &ev, bytes);
        v->why = refusal(v->result);
        if (v->result != APPLY_NO_ORG && ev.v[F_OCCURRED_AT_MS].i > r->newest_ms)
            r->newest_ms = ev.v[F_OCCURRED_AT_MS].i;
        if (note_adoption(r) < 0)
            return -1;
    }
    v->field = note.field;
    if (v->why != REJECT_NONE) {
        r->rejected++;
        return v->result == APPLY_PARKED ? feed(r) : 0;
    }
    if (v->result == APPLY_NO_MEMORY)
        return -1;
    r->applied += v->result == APPLY_DONE;
    r->duplicates += v->result == APPLY_DUPLICATE;
    if (v->result == APPLY_ERASED || v->result == APPLY_FINAL)
        v->result = APPLY_LATE;
    r->late += v->result == APPLY_LATE;
    return v->result == APPLY_DONE ? feed(r) : 0;
}

static int advance(struct core_run *r, int64_t until_ms, int64_t now_ms, const struct evaluator_sink *sink)
{
    int rc = sweep(r, until_ms);
    return rc < 0 ? rc : evaluator_advance(r->evaluator, until_ms, now_ms, sink);
}

int core_run_advance(struct core_run *r, bool at_end, const struct evaluator_sink *sink)
{
    if (r->newest_ms == INT64_MIN)
        return 0;
    int64_t tick = r->defs->tick_ms, end = (r->newest_ms / tick + 1) * tick;
    return advance(r, at_end ? end : r->newest_ms - r->defs->out_of_orderness_ms, r->newest_ms, sink);
}

int core_run_idle(struct core_run *r, int64_t until_ms, const struct evaluator_sink *sink)
{
    return advance(r, until_ms, until_ms, sink);
}
