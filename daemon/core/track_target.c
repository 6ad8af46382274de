/* Targets: the newest target_set of one (KPI, subject, cycle) holds for the whole cycle (T29). It is counted in the pane where the cycle starts, so a
 * window over the cycle sums it. Three kinds of fact, told apart by the mode: "own", a subject's own target; "reps", what a rep's target adds to its team
 * and org; "teams", what a team's adds to its org. The catalogue takes a subject's own target, else the teams', else the reps'. */
#include "track.h"

static const char *const cycle_letter[PERIOD_COUNT] = { "d", "w", "m", "q", "h", "y" };

struct target {
    const struct entry *e;
    enum period period;
    struct span span;
};

static struct fact *target_fact(struct track_view *v, const struct target *t, const char *mode, bool no_org)
{
    struct fact *f = view_fact(v, FACT_TARGET, t->span.start_ms);
    f->s[FT_MODE] = slice_of(mode);
    f->s[FT_KPI] = entry_str(t->e, F_KPI_ID);
    f->s[FT_CYCLE] = slice_of(cycle_letter[t->period]);
    f->no_org = no_org;
    fact_set(f, FN_VALUE, entry_int(t->e, F_VALUE, 0));
    return f;
}

static void rep_facts(struct track_view *v, const struct target *t, struct slice rep)
{
    struct credit c = { .who = rep, .t_ms = t->span.end_ms - 1 };
    target_fact(v, t, "own", true)->dim[DIM_REP] = rep;
    struct fact *f = target_fact(v, t, "reps", false);
    fact_credit(v, f, &c);
    f->dim[DIM_REP] = (struct slice){ 0 };
}

void target_facts(struct track_view *v, struct entry_log log)
{
    struct target t = { 0 };
    for (uint32_t i = 0; i < log.n; i++)
        if (log.v[i].type == EV_TARGET_SET)
            t.e = &log.v[i];
    if (!t.e || log_deleted(log))
        return;
    struct slice subject = entry_str(t.e, F_SUBJECT);
    const char *colon = memchr(subject.p, ':', subject.n);
    if (!colon || calendar_parse_label(view_calendar(v), entry_str(t.e, F_CYCLE), &t.period, &t.span) < 0)
        return;
    uint32_t split = (uint32_t)(colon - subject.p);
    struct slice id = { colon + 1, subject.n - split - 1 };
    int dim = dim_by_name((struct slice){ subject.p, split });
    if (dim < 0 || !id.n)
        return;
    if (dim == DIM_REP) {
        rep_facts(v, &t, id);
        return;
    }
    struct fact *f = target_fact(v, &t, "own", dim != DIM_ORG);
    if (dim != DIM_ORG)
        f->dim[dim] = id;
    if (dim == DIM_TEAM)
        (void)target_fact(v, &t, "teams", false);
}
