/* Records of the CRM's own data: how many there are and how complete, whether they keep the rules, what a check found.
 *
 * The state after each creation or update is told three ways. As steps of a level, for "now" at any time. At the last touch of each civil month, for
 * months: a record that is touched again later stays in the month with the state it had at its end. At the newest touch alone, for rolling windows. */
#include "track.h"

struct record_state {
    uint32_t at; /* position of the event that made it */
    int64_t filled, required, conformant, checked;
};

static bool touches(const struct entry *e)
{
    return e->type == EV_RECORD_CREATED || e->type == EV_RECORD_UPDATED;
}

/* What an event does not say about the rules stays as it was. */
static void take(struct record_state *s, struct entry_log log, uint32_t at)
{
    const struct entry *e = &log.v[at];
    s->at = at;
    s->filled = entry_int(e, F_FILLED, s->filled);
    s->required = entry_int(e, F_REQUIRED, s->required);
    s->conformant = entry_int(e, F_CONFORMANT, s->conformant);
    s->checked = entry_int(e, F_CHECKED, s->checked);
}

static struct fact *record_fact(struct track_view *v, enum fact_type type, int64_t t_ms, struct entry_log log,
                                uint32_t at)
{
    struct fact *f = view_fact(v, type, t_ms);
    struct credit c = credit_owner(log, at);
    fact_dims(f, log);
    fact_credit(v, f, &c);
    f->member = log_text(log, F_RECORD_ID);
    f->dim[DIM_KIND] = f->s[FT_KIND] = log_text(log, F_KIND);
    return f;
}

static void step(struct track_view *v, struct entry_log log, const struct record_state *s, int64_t t_ms, int64_t sign)
{
    struct fact *f = record_fact(v, FACT_RECORD, t_ms, log, s->at);
    fact_set(f, FN_N, sign);
    fact_set(f, FN_VALUE, sign * s->filled);
    fact_set(f, FN_BASE, sign * s->required);
}

static void state_fact(struct track_view *v, struct entry_log log, enum fact_type type, const struct record_state *s)
{
    struct fact *f = record_fact(v, type, log.v[s->at].t_ms, log, s->at);
    fact_set(f, FN_VALUE, s->filled);
    fact_set(f, FN_BASE, s->required);
    fact_set(f, FN_DONE, s->conformant);
    fact_set(f, FN_N, s->checked);
}

/* The first position after `at` that touches the record; log.n if there is none. */
static uint32_t next_touch(struct entry_log log, uint32_t at)
{
    do
        at++;
    while (at < log.n && !touches(&log.v[at]));
    return at;
}

static void touch_facts(struct track_view *v, struct entry_log log, const struct record_state *s)
{
    uint32_t next = next_touch(log, s->at);
    int64_t month_end_ms = calendar_period(view_calendar(v), PERIOD_MONTH, log.v[s->at].t_ms).end_ms;
    (void)record_fact(v, FACT_RECORD_TOUCH, log.v[s->at].t_ms, log, s->at);
    if (next == log.n || log.v[next].t_ms >= month_end_ms)
        state_fact(v, log, FACT_RECORD_MONTH, s);
    if (next == log.n)
        state_fact(v, log, FACT_RECORD_NEWEST, s);
}

/* A new owner takes the record over as it is. */
static void state_facts(struct track_view *v, struct entry_log log)
{
    struct record_state s = { 0 };
    bool live = false;
    for (uint32_t i = 0; i < log.n; i++) {
        bool touched = touches(&log.v[i]);
        if (!touched && (!live || log.v[i].type != EV_OWNER_CHANGED))
            continue;
        if (live)
            step(v, log, &s, log.v[i].t_ms, -1);
        take(&s, log, i);
        step(v, log, &s, log.v[i].t_ms, 1);
        if (touched)
            touch_facts(v, log, &s);
        live = true;
    }
}

static void check_fact(struct track_view *v, struct entry_log log, uint32_t at)
{
    struct fact *f = record_fact(v, FACT_RECORD_CHECK, log.v[at].t_ms, log, at);
    fact_set(f, FN_MET, entry_int(&log.v[at], F_ACCURATE, 0) != 0);
    fact_set(f, FN_N, entry_has(&log.v[at], F_DUPLICATE_OF));
}

void record_facts(struct track_view *v, struct entry_log log)
{
    uint32_t checked = log_last(log, EV_RECORD_VALIDATED);
    if (log_deleted(log))
        return;
    state_facts(v, log);
    if (checked < log.n)
        check_fact(v, log, checked);
}
