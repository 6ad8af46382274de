/* The difference an event makes, cause by cause.
 *
 * For one affected entity let C(t) be its facts from events up to t, with and without the new event, and D(t) = C_with(t) - C_without(t). D is zero
 * before the new event and can change only where something the entity reads has an event (or where time alone makes a fact). Cause t gets D(t) - D(the
 * cause before). Usually the new event is the newest of all: then there is one cause and one difference. */
#include <stdlib.h>

#include "engine_int.h"

/* The log the facts are computed from. Where events are facts of their own, the new event's are all that can differ:
 * the others need not be computed to cancel out. */
static struct entry_log log_of_self(struct track_view *v)
{
    bool alone = v->n_fresh == 1 && v->event.type != EV_EVENT_RETRACTED && slice_eq(v->self, v->overlay);
    if (!alone || !tracker_sees_events_alone(key_kind(v->self)))
        return view_log_key(v, v->self);
    if (!v->after || v->event.t_ms > v->upto_ms)
        return (struct entry_log){ 0 };
    struct entry *to = view_alloc(v, sizeof *to);
    if (!to)
        return (struct entry_log){ 0 };
    *to = v->event;
    who_rewrite(v, (struct entry_log){ to, 1 });
    return (struct entry_log){ to, 1 };
}

/* Number of entries up to a time: by bisection, unless sequence numbers order them. */
static uint32_t entries_until(struct entry_log log, int64_t until_ms)
{
    uint32_t low = 0, high = log.n;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (log.v[mid].t_ms <= until_ms)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* The newest entry at or before the time the fact counts at, else the first: for a fact as of now the newest of all. */
static const struct entry *entry_behind(struct entry_log log, const struct fact *f)
{
    int64_t until_ms = f->t_ms ? f->t_ms : INT64_MAX;
    if (!log.v[0].has_seq) {
        uint32_t n = entries_until(log, until_ms);
        return &log.v[n ? n - 1 : 0];
    }
    const struct entry *best = &log.v[0];
    for (uint32_t i = 1; i < log.n; i++)
        if (log.v[i].t_ms <= until_ms && log.v[i].t_ms >= best->t_ms)
            best = &log.v[i];
    return best;
}

static void cite(struct track_view *v, struct entry_log log, struct fact_list *facts)
{
    for (uint32_t i = 0; log.n && i < facts->n; i++) {
        struct fact *f = &facts->v[i];
        if (!v->e->plan[f->type].cited || f->evidence.n)
            continue;
        const struct entry *behind = entry_behind(log, f);
        f->evidence = behind->id;
        f->evidence_ms = behind->t_ms;
    }
}

/* Whoever was erased is marked, so that no reader lists the id any more. */
static void mark_erased(struct track_view *v)
{
    bool customer = slice_eq(key_kind(v->self), SLICE("customer")) && view_customer_rules(v)->by_customer;
    if (!v->who[v->after] || (!customer && !slice_eq(key_kind(v->self), SLICE("user"))) || !who_erased(v, v->self))
        return;
    char *name = view_alloc(v, ERASED_MARK_SIZE);
    struct fact *f = view_fact(v, FACT_ERASED, 0);
    f->no_org = true;
    if (name)
        f->dim[customer ? DIM_CUSTOMER : DIM_REP] = erased_mark(view_self_id(v), name);
}

static void compute(struct track_view *v, struct fact_list *out, bool after, int64_t upto_ms)
{
    track_facts facts = tracker_of(key_kind(v->self));
    out->n = 0;
    v->e->n_computed++;
    v->after = after;
    v->upto_ms = upto_ms;
    v->out = out;
    v->shared.valid = false;
    struct entry_log log = log_of_self(v);
    v->self_ms = log.n ? log.v[0].t_ms : 0;
    if (facts)
        facts(v, log);
    name_customers(v, log, out);
    mark_erased(v);
    cite(v, log, out);
}

/* Add to a signed list; the same fact with the opposite sign cancels out. */
static void add_signed(struct engine *e, struct signed_fact **list, uint32_t *n, uint32_t *cap, const struct fact *f,
                       int32_t sign)
{
    for (uint32_t k = 0; k < *n; k++)
        if ((*list)[k].sign == -sign && fact_eq((*list)[k].f, f)) {
            (*list)[k] = (*list)[--*n];
            return;
        }
    if (engine_room(e, list, *n, cap, sizeof **list))
        (*list)[(*n)++] = (struct signed_fact){ .f = f, .sign = sign };
}

/* D(upto_ms) into `d`. Most facts of an entity stay as they are: equal beginnings and endings are skipped. */
static void diff_at(struct track_view *v, struct fact_diff *d, int64_t upto_ms)
{
    compute(v, &d->before, false, upto_ms);
    compute(v, &d->after, true, upto_ms);
    uint32_t from = 0, old_n = d->before.n, new_n = d->after.n;
    while (from < old_n && from < new_n && fact_eq(&d->before.v[from], &d->after.v[from]))
        from++;
    while (old_n > from && new_n > from && fact_eq(&d->before.v[old_n - 1], &d->after.v[new_n - 1])) {
        old_n--;
        new_n--;
    }
    d->n = 0;
    for (uint32_t i = from; i < old_n; i++)
        add_signed(v->e, &d->v, &d->n, &d->cap, &d->before.v[i], -1);
    for (uint32_t i = from; i < new_n; i++)
        add_signed(v->e, &d->v, &d->n, &d->cap, &d->after.v[i], 1);
}

static void measure_step(struct track_view *v, const struct fact_diff *now, const struct fact_diff *before,
                         int64_t cause_ms)
{
    struct engine *e = v->e;
    uint32_t n = 0;
    for (uint32_t i = 0; i < now->n; i++)
        add_signed(e, &e->step, &n, &e->step_cap, now->v[i].f, now->v[i].sign);
    for (uint32_t i = 0; before && i < before->n; i++)
        add_signed(e, &e->step, &n, &e->step_cap, before->v[i].f, -before->v[i].sign);
    for (uint32_t i = 0; i < n; i++) {
        int64_t from_ms =
            e->step[i].f->from_ms; /* the sum up to T is then what the events up to T say that holds at T */
        e->step[i].ahead = from_ms > cause_ms;
        e->step[i].cause_ms = from_ms > cause_ms ? from_ms : cause_ms;
        measure_fact(v, &e->step[i]);
        ledger_note(v, &e->step[i]);
    }
}

static int by_time(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void sort_later(struct engine *e)
{
    uint32_t n = 0;
    qsort(e->later, e->n_later, sizeof *e->later, by_time);
    for (uint32_t i = 0; i < e->n_later; i++)
        if (!n || e->later[i] != e->later[n - 1])
            e->later[n++] = e->later[i];
    e->n_later = n;
}

/* The event and every later cause in turn. False if a state in between read something that has causes not known yet. */
static bool measure_causes(struct track_view *v)
{
    struct engine *e = v->e;
    uint32_t n = e->n_later, first = 0;
    if (n > CAUSES_MAX && !e->opt.keep_causes)
        first = n - CAUSES_MAX; /* the newest are kept: older ticks are judged already */
    diff_at(v, &e->diff[0], v->since_ms);
    measure_step(v, &e->diff[0], NULL, v->since_ms);
    for (uint32_t i = first; i < n && !e->no_memory; i++) {
        struct fact_diff *now = &e->diff[(i - first + 1) % 2], *before = &e->diff[(i - first) % 2];
        int64_t cause_ms = e->later[i];
        diff_at(v, now, i + 1 == n ? INT64_MAX : cause_ms);
        measure_step(v, now, before, cause_ms);
    }
    sort_later(e);
    if (e->n_later > n)
        return false;
    e->stats.causes_capped += first > 0;
    return true;
}

/* Records missing for one entity do not keep the others from asking for theirs: one round trip fetches them all. */
static void measure_entity(struct track_view *v)
{
    struct engine *e = v->e;
    uint32_t n_deltas = e->n_deltas, n_ops = e->n_ops, n_ledger_ops = e->n_ledger_ops;
    e->n_later = 0;
    e->incomplete = false;
    e->counting = true;
    diff_at(v, &e->diff[0], INT64_MAX); /* collects e->later on the way */
    e->counting = false;
    if (e->no_memory || e->incomplete)
        return;
    if (!e->n_later) {
        measure_step(v, &e->diff[0], NULL, v->since_ms);
        return;
    }
    sort_later(e);
    while (!measure_causes(v) && !e->incomplete) {
        e->n_deltas = n_deltas;
        e->n_ops = n_ops;
        e->n_ledger_ops = n_ledger_ops;
    }
}

static void measure_customer(struct track_view *v)
{
    struct engine *e = v->e;
    bool incomplete = e->incomplete;
    measure_entity(v);
    e->incomplete |= incomplete;
}

/* Customers last: what the others' facts say to their ledgers is known by then. */
void measure_difference(struct track_view *v)
{
    struct engine *e = v->e;
    bool incomplete = e->incomplete;
    for (uint32_t i = 0; i < e->affected.n && !e->no_memory; i++) {
        v->self = e->affected.v[i];
        if (!tracker_of(key_kind(v->self)) || slice_eq(key_kind(v->self), SLICE("customer")))
            continue;
        measure_entity(v);
        incomplete |= e->incomplete;
    }
    e->incomplete = incomplete;
    if (!incomplete && !e->no_memory)
        ledger_each_customer(v, measure_customer);
}
