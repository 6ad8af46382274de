/* Outages of an org's components: when something was down. One record holds them all, because the org is down while any component is: overlapping outages
 * count once, for the org as for a component. What is told are the steps of a level, from which formulas get the time it spent above zero: each end of
 * a union with +1 or -1 and with the time it happened at. An outage without an end has no second step: it lasts until now. */
#include <stdlib.h>

#include "track.h"

struct outage {
    struct slice id, component;
    int64_t from_ms, to_ms; /* INT64_MAX: not over */
};

static int by_start(const void *a, const void *b)
{
    const struct outage *x = a, *y = b;
    return (x->from_ms > y->from_ms) - (x->from_ms < y->from_ms);
}

/* The newest message of each outage, by start. O(n^2) in messages, of which there are few. */
static uint32_t collect(struct entry_log log, struct outage *to)
{
    uint32_t n = 0;
    for (uint32_t i = log.n; i-- > 0;) {
        const struct entry *e = &log.v[i];
        struct outage o = { entry_str(e, F_OUTAGE_ID), entry_str(e, F_COMPONENT), entry_int(e, F_STARTED_AT_MS, 0),
                            entry_int(e, F_ENDED_AT_MS, INT64_MAX) };
        uint32_t known = 0;
        while (known < n && !slice_eq(to[known].id, o.id))
            known++;
        if (e->type == EV_OUTAGE && known == n)
            to[n++] = o;
    }
    qsort(to, n, sizeof *to, by_start);
    return n;
}

static void step(struct track_view *v, struct slice component, int64_t t_ms, int64_t n)
{
    struct fact *f = view_fact(v, FACT_DOWN, t_ms);
    f->no_org = component.n > 0;
    f->member = f->dim[DIM_KIND] = f->s[FT_KIND] = component;
    fact_set(f, FN_N, n);
    fact_set(f, FN_VALUE, -n * t_ms);
}

/* `component` empty: of all. */
static void union_steps(struct track_view *v, const struct outage *o, uint32_t n, struct slice component)
{
    int64_t from_ms = 0, to_ms = INT64_MIN; /* the union that is being formed */
    for (uint32_t i = 0; i < n; i++) {
        if ((component.n && !slice_eq(o[i].component, component)) || o[i].to_ms <= o[i].from_ms)
            continue;
        if (o[i].from_ms > to_ms) {
            if (to_ms > from_ms)
                step(v, component, to_ms, -1);
            from_ms = o[i].from_ms;
            to_ms = o[i].to_ms;
            step(v, component, from_ms, 1);
        }
        to_ms = o[i].to_ms > to_ms ? o[i].to_ms : to_ms;
    }
    if (to_ms > from_ms && to_ms != INT64_MAX)
        step(v, component, to_ms, -1);
}

void outage_facts(struct track_view *v, struct entry_log log)
{
    struct outage *o = log.n ? view_alloc(v, log.n * sizeof *o) : NULL;
    if (!o)
        return;
    uint32_t n = collect(log, o);
    union_steps(v, o, n, (struct slice){ 0 });
    for (uint32_t i = 0; i < n; i++) {
        uint32_t first = 0;
        while (!slice_eq(o[first].component, o[i].component))
            first++;
        if (first == i)
            union_steps(v, o, n, o[i].component);
    }
}
