/* Forecasts: of all forecasts for one subject and cycle the one that is held against the outcome. Every forecast is kept; judged is the newest made
 * before the cycle began, else the first made in it (one made at the end would be no forecast). Counted where the cycle starts, like a target; modes as
 * in track_target.c: own, reps (what a rep adds to team and org), teams. */
#include "track.h"

static const char *const cycle_letter[PERIOD_COUNT] = { "d", "w", "m", "q", "h", "y" };

struct forecast {
    const struct entry *e;
    int64_t made_ms;
    enum period period;
    struct span span;
};

static bool better(const struct forecast *f, int64_t made_ms)
{
    if (!f->e)
        return true;
    bool before = made_ms <= f->span.start_ms, had = f->made_ms <= f->span.start_ms;
    if (before != had)
        return before;
    return before ? made_ms >= f->made_ms : made_ms < f->made_ms;
}

static bool judged(struct track_view *v, struct entry_log log, struct forecast *f)
{
    for (uint32_t i = 0; i < log.n; i++) {
        const struct entry *e = &log.v[i];
        int64_t made_ms = entry_int(e, F_MADE_AT_MS, 0);
        if (e->type != EV_FORECAST_MADE ||
            calendar_parse_label(view_calendar(v), entry_str(e, F_CYCLE), &f->period, &f->span) < 0 ||
            made_ms >= f->span.end_ms || !better(f, made_ms))
            continue;
        f->e = e;
        f->made_ms = made_ms;
    }
    return f->e != NULL && !log_deleted(log);
}

static struct fact *forecast_fact(struct track_view *v, const struct forecast *f, const char *mode, bool no_org)
{
    struct fact *fact = view_fact(v, FACT_FORECAST, f->span.start_ms);
    fact->s[FT_MODE] = slice_of(mode);
    fact->s[FT_CYCLE] = slice_of(cycle_letter[f->period]);
    fact->no_org = no_org;
    fact_set(fact, FN_VALUE, entry_int(f->e, F_AMOUNT_MICROS, 0));
    return fact;
}

void forecast_facts(struct track_view *v, struct entry_log log)
{
    struct forecast f = { 0 };
    if (!judged(v, log, &f))
        return;
    struct slice subject = entry_str(f.e, F_SUBJECT);
    const char *colon = memchr(subject.p, ':', subject.n);
    uint32_t split = colon ? (uint32_t)(colon - subject.p) : 0;
    struct slice id = { subject.p + split + 1, subject.n - split - 1 };
    int dim = colon ? dim_by_name((struct slice){ subject.p, split }) : -1;
    if (dim < 0 || split + 1 >= subject.n)
        return;
    struct fact *own = forecast_fact(v, &f, "own", dim != DIM_ORG);
    if (dim != DIM_ORG)
        own->dim[dim] = id;
    if (dim == DIM_TEAM)
        (void)forecast_fact(v, &f, "teams", false);
    if (dim != DIM_REP)
        return;
    struct credit c = { .who = id, .t_ms = f.span.end_ms - 1 };
    struct fact *reps = forecast_fact(v, &f, "reps", false);
    fact_credit(v, reps, &c);
    reps->dim[DIM_REP] = (struct slice){ 0 };
}
