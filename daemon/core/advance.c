/* Moving through time: which ticks are visited, and what happens at one. Between two events the clock jumps. */
#include "eval_core.h"

#include "eval_pending.h"
#include "board.h"
#include "evidence.h"
#include "publish.h"
#include "rules.h"

static int64_t floor_to(int64_t t_ms, int64_t step_ms)
{
    int64_t rest = t_ms % step_ms;
    return t_ms - (rest < 0 ? rest + step_ms : rest);
}

/* The tick that reaches the multiple. */
int64_t snapshot_at(const struct evaluator *e, int64_t t_ms)
{
    int64_t every_ms = e->defs->snapshot_every_ms;
    return every_ms <= 0 ? INT64_MAX : floor_to(floor_to(t_ms + every_ms - 1, every_ms) + e->tick_ms - 1, e->tick_ms);
}

static bool is_snapshot(const struct evaluator *e, int64_t tick_ms)
{
    return e->defs->snapshot_every_ms > 0 && snapshot_at(e, tick_ms - e->tick_ms + 1) == tick_ms;
}

static int judge_tick(struct evaluator *e, int64_t tick_ms)
{
    if (view_move(e, VIEW_JUDGED, tick_ms - 1) < 0)
        return -1;
    evidence_trim(e);
    publish_spread(e, VIEW_JUDGED);
    int rc = rules_judge(e, tick_ms);
    if (rc == 0)
        rc = publish_gather(e);
    if (rc == 0)
        rc = publish_finals(e);
    if (rc == 0 && e->rows_due && is_snapshot(e, tick_ms))
        rc = publish_snapshot(e, tick_ms);
    else if (rc == 0 && e->rows_due && e->changes_ms && tick_ms % e->changes_ms == 0)
        rc = boards_change(e, tick_ms);
    e->judged_tick = tick_ms;
    e->judged_seq = e->fed_seq;
    e->tick_unsaved = true;
    e->stats.ticks_judged++;
    return rc ? rc : e->out_of_memory ? -1 : 0;
}

/* The next tick at which something can change; INT64_MAX for none. Late deltas wait for the tick after the last one. */
static int64_t next_tick(const struct evaluator *e)
{
    const struct view_state *view = &e->view[VIEW_JUDGED];
    int64_t waiting = agenda_next(&view->waiting), due = agenda_next(&view->due), t = waiting < due ? waiting : due;
    int64_t earliest = e->judged_tick == INT64_MIN ? INT64_MIN : e->judged_tick + e->tick_ms;
    int64_t next = t > INT64_MAX - e->tick_ms ? INT64_MAX : tick_after(e, t);
    if (next < earliest)
        next = earliest;
    if (e->rows_due && e->judged_tick != INT64_MIN) {
        int64_t snapshot = snapshot_at(e, e->judged_tick + 1);
        next = snapshot < next ? snapshot : next;
        int64_t change = e->changes_ms ? floor_to(e->judged_tick, e->changes_ms) + e->changes_ms : INT64_MAX;
        next = change < next ? change : next;
    }
    return next;
}

/* What was touched since the last snapshot is known from the saved state, unless that is of other definitions: then everything is told once more, and of
 * ended windows what was to be revised and is still looked at. Rules
 * are looked at once at the tick that was judged last: nothing changes by that, but what they wait for is found. */
static int resume_judged(struct evaluator *e)
{
    if (closed_windows_copy(&e->revised_saved, &e->revised) < 0)
        return -1;
    if (e->judged_tick == INT64_MIN || !pending_exact(e)) {
        pending_settle(e);
        return 0;
    }
    int rc = rules_judge(e, e->judged_tick);
    publish_resume(e);
    return rc;
}

/* After a restore nothing is judged again: the clock starts where it stood, or at the watermark if that was lost. */
static int resume(struct evaluator *e, int64_t last_tick_ms, int64_t now_ms)
{
    bool judged = e->opt.judge && !e->unjudged;
    if (e->judged_tick == INT64_MIN && judged)
        e->judged_tick = last_tick_ms;
    if (e->judged_tick != INT64_MIN)
        e->view[VIEW_JUDGED].at_ms = e->judged_tick - 1;
    e->view[VIEW_BASE].at_ms = now_ms;
    e->restored = e->unjudged = false;
    if (judged && (view_reschedule(e, VIEW_JUDGED) < 0 || resume_judged(e) < 0))
        return -1;
    return e->opt.live ? view_reschedule(e, VIEW_BASE) : 0;
}

static int judge_until(struct evaluator *e, int64_t last_tick_ms)
{
    int rc = 0;
    for (int64_t tick = next_tick(e); rc == 0 && tick <= last_tick_ms; tick = next_tick(e))
        rc = judge_tick(e, tick);
    if (rc == 0 && last_tick_ms > e->judged_tick) { /* nothing happened up to here */
        e->judged_tick = last_tick_ms;
        e->judged_seq = e->fed_seq;
        e->view[VIEW_JUDGED].at_ms = last_tick_ms - 1;
        e->tick_unsaved = true;
    }
    return rc;
}

int evaluator_advance(struct evaluator *e, int64_t watermark_ms, int64_t now_ms, const struct evaluator_sink *sink)
{
    int64_t last_tick_ms = watermark_ms < INT64_MIN + e->tick_ms ? INT64_MIN : floor_to(watermark_ms, e->tick_ms);
    int rc = 0;
    e->sink = sink;
    if (now_ms > e->now_ms)
        e->now_ms = now_ms;
    if (e->restored && (last_tick_ms != INT64_MIN || e->judged_tick != INT64_MIN || !e->opt.judge))
        rc = resume(e, last_tick_ms, e->now_ms);
    if (rc == 0 && e->opt.judge && last_tick_ms != INT64_MIN && !e->restored)
        rc = judge_until(e, last_tick_ms);
    if (rc == 0 && e->opt.live && !e->restored)
        rc = view_move(e, VIEW_BASE, e->now_ms);
    if (rc == 0 && e->opt.live && !e->restored)
        rc = publish_live(e);
    e->sink = NULL;
    return rc ? rc : e->out_of_memory ? -1 : 0;
}
