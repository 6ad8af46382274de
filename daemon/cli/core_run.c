/* The pure core wired for one process. It prints nothing and decides nothing: verdicts and results go to the caller. */
#include "core_run.h"

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
        v->result = engine_apply(r->engine, &ev, r->newest_ms);
        v->why = refusal(v->result);
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
    r->late += v->result == APPLY_LATE;
    if (ev.v[F_OCCURRED_AT_MS].i > r->newest_ms)
        r->newest_ms = ev.v[F_OCCURRED_AT_MS].i;
    return v->result == APPLY_DONE ? feed(r) : 0;
}

int core_run_advance(struct core_run *r, bool at_end, const struct evaluator_sink *sink)
{
    if (r->newest_ms == INT64_MIN)
        return 0;
    int64_t tick = r->defs->tick_ms, end = (r->newest_ms / tick + 1) * tick;
    return evaluator_advance(r->evaluator, at_end ? end : r->newest_ms - r->defs->out_of_orderness_ms, r->newest_ms,
                             sink);
}

int core_run_idle(struct core_run *r, int64_t until_ms, const struct evaluator_sink *sink)
{
    return evaluator_advance(r->evaluator, until_ms, until_ms, sink);
}
