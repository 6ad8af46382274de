/* Tasks: counted at the due date (without one: at completion), unless cancelled. A task that is not done counts from its due date on. */
#include "track.h"

struct task_state {
    uint32_t assigned, done; /* positions; log.n: never */
    bool has_due, cancelled;
    int64_t due_ms, participants;
};

static void fold(struct task_state *s, struct entry_log log)
{
    s->assigned = log_first(log, EV_TASK_ASSIGNED);
    s->done = log_first(log, EV_TASK_COMPLETED);
    s->cancelled = log_first(log, EV_TASK_CANCELLED) < log.n;
    s->participants = 1;
    for (uint32_t i = 0; i < log.n; i++) {
        const struct entry *e = &log.v[i];
        if (e->type != EV_TASK_ASSIGNED)
            continue;
        s->has_due |= entry_has(e, F_DUE_AT_MS);
        s->due_ms = entry_int(e, F_DUE_AT_MS, s->due_ms);
        s->participants = entry_int(e, F_PARTICIPANTS, s->participants);
    }
}

void task_facts(struct track_view *v, struct entry_log log)
{
    struct task_state s = { 0 };
    fold(&s, log);
    bool done = s.done < log.n;
    if (s.assigned == log.n || s.cancelled || (!s.has_due && !done) || log_deleted(log))
        return;
    if (!done && !view_reached(v, s.due_ms))
        return;
    struct fact *f = view_fact(v, FACT_TASK, s.has_due ? s.due_ms : log.v[s.done].t_ms);
    struct credit c = credit_owner(log, s.assigned);
    fact_dims(f, log);
    fact_credit(v, f, &c);
    f->dim[DIM_KIND] = f->s[FT_KIND] = entry_str(&log.v[s.assigned], F_KIND);
    fact_set(f, FN_DONE, done);
    fact_set(f, FN_ON_TIME, done && s.has_due && log.v[s.done].t_ms <= s.due_ms);
    fact_set(f, FN_SHARED, s.participants >= 2);
}
