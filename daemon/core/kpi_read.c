/* Measures in a window: running sums where the view keeps them, otherwise the panes; as-of measures at past instants from their history. */
#include "kpi_read.h"

#include "kpi_past.h"
#include "kpi_periods.h"

#include <stdlib.h>

#include "workdays.h"

#define DAY_MS INT64_C(86400000)

struct node *measure_node(const struct measure_reader *m, int measure)
{
    return m->s->node[measure];
}

struct span reading_span(const struct reading *r, const struct org *org, enum compared prev)
{
    if (!r->past && r->window_index >= 0)
        return org_span(r->e, r->view, (struct org *)org, r->window_index, prev);
    return window_compared(org->cal, r->window, r->at_ms, prev);
}

struct span measure_span(const struct measure_reader *m, const struct measure_def *def, enum compared prev)
{
    const struct reading *r = m->r;
    const struct calendar *cal = m->s->org->cal;
    if (r->window->kind == WINDOW_GAUGE) {
        const struct window to_date = { .kind = WINDOW_TO_DATE };
        return window_compared(cal, &to_date, r->at_ms, prev);
    }
    struct span span = reading_span(r, m->s->org, prev);
    if (window_grain(r->window) == GRAIN_MINUTE && !def->fine) {
        span.start_ms = pane_start(cal, GRAIN_HOUR, span.start_ms);
        span.end_ms = pane_end(cal, GRAIN_HOUR, span.end_ms - 1);
    }
    return span;
}

/* The state at the end of the window, or at `at` if that is earlier. */
int64_t as_of_ms(const struct measure_reader *m, enum compared prev)
{
    const struct reading *r = m->r;
    if (r->window->kind == WINDOW_GAUGE && !prev)
        return r->at_ms;
    int64_t end_ms = reading_span(r, m->s->org, prev).end_ms - 1;
    return end_ms < r->at_ms ? end_ms : r->at_ms;
}

static int64_t past_sum(struct measure_reader *m, const struct series *s, const struct measure_def *def,
                        enum compared prev)
{
    int64_t until_ms = as_of_ms(m, prev), sum = 0;
    struct span span = def->gauge ? (struct span){ 0, 0 } : measure_span(m, def, prev);
    bool fine = window_grain(m->r->window) == GRAIN_MINUTE && def->fine;
    for (uint32_t i = 0; i < s->n_past; i++) {
        const struct past_delta *d = &s->past[i];
        bool inside = def->gauge ? d->grain == CELL_GAUGE
                                 : d->grain == (fine ? CELL_MINUTE : CELL_HOUR) && d->pane_ms >= span.start_ms &&
                                       d->pane_ms < span.end_ms;
        if (inside && d->cause_ms <= until_ms && __builtin_add_overflow(sum, d->value, &sum))
            m->flags |= VALUE_OVERFLOW;
    }
    return sum;
}

/* The running sum of a slot; NULL when there is none. Levels have two: what comes after the window's end, and after its start. */
static struct winsum *running(struct measure_reader *m, struct series *s, const struct measure_def *def, bool at_start)
{
    const struct reading *r = m->r;
    struct evaluator *e = r->e;
    const struct plan_measure *pm = &e->plan.measure[s->node->measure];
    struct track *t = &s->track[r->view];
    bool live = !r->past && e->view[r->view].tracked;
    int slot = live ? plan_slot_of(&e->plan, s->node->measure, r->window_index, m->prev) : -1;
    if (slot < 0)
        return NULL;
    if (!t->wins.v) {
        uint32_t n = pm->n_slots * (def->agg == AGG_LEVEL ? 2 : 1);
        t->wins.v = calloc(n, sizeof *t->wins.v);
        if (!t->wins.v)
            return NULL; /* slower, not wrong */
        t->wins.n = n;
        for (uint32_t k = 0; k < n; k++)
            t->wins.v[k].fine = pm->slot[k % pm->n_slots].fine;
    }
    return &t->wins.v[(uint32_t)slot + (at_start ? pm->n_slots : 0)];
}

static int64_t span_sum(struct measure_reader *m, struct series *s, const struct measure_def *def, struct span span,
                        bool at_start)
{
    const struct reading *r = m->r;
    struct track *t = &s->track[r->view];
    bool fine = window_grain(r->window) == GRAIN_MINUTE && def->fine, overflow = false;
    const struct panes *p = &t->panes[fine ? GRAIN_MINUTE : GRAIN_HOUR];
    struct winsum *w = running(m, s, def, at_start);
    int64_t sum = w ? winsum_move(w, p, span, &overflow) : panes_sum(p, span, &overflow);
    if (overflow) {
        r->e->stats.overflows += !t->overflow;
        t->overflow |= w != NULL; /* a running sum cannot come back */
        m->flags |= VALUE_OVERFLOW;
    }
    return sum;
}

int64_t level_cut_ms(const struct measure_reader *m, const struct measure_def *def, bool at_start)
{
    struct span span = measure_span(m, def, m->prev);
    int64_t now_ms = pane_end(m->s->org->cal, GRAIN_HOUR, m->r->at_ms);
    int64_t cut_ms = at_start ? span.start_ms : span.end_ms;
    return cut_ms < now_ms ? cut_ms : now_ms;
}

/* The total less what comes later: panes beyond the retention need not be there. */
static int64_t level_sum(struct measure_reader *m, struct series *s, const struct measure_def *def, bool at_start)
{
    struct span later = { level_cut_ms(m, def, at_start), INT64_MAX };
    int64_t level;
    if (__builtin_sub_overflow(s->track[m->r->view].total, span_sum(m, s, def, later, at_start), &level))
        m->flags |= VALUE_OVERFLOW;
    return level;
}

int64_t measure_sum(struct measure_reader *m, struct series *s)
{
    if (!s)
        return 0;
    const struct reading *r = m->r;
    const struct measure_def *def = &r->e->defs->measure[s->node->measure];
    if (s->track[r->view].overflow) {
        m->flags |= VALUE_OVERFLOW;
        return 0;
    }
    if (r->past && r->e->opt.asof_history && r->view == VIEW_BASE && series_asof(s, def))
        return past_sum(m, s, def, m->prev);
    if (def->agg == AGG_LEVEL)
        return level_sum(m, s, def, m->at_start);
    if (past_of_cells_asked(m, s, def))
        return past_of_cells_sum(m, s, def);
    int64_t sum = def->gauge ? s->track[r->view].total : span_sum(m, s, def, measure_span(m, def, m->prev), false);
    bool parked = s->n_past && r->view == VIEW_BASE && !r->e->opt.asof_history;
    if (parked && __builtin_add_overflow(sum, past_sum(m, s, def, m->prev), &sum))
        m->flags |= VALUE_OVERFLOW;
    return sum;
}

static struct expr_value of_double(double d)
{
    return (struct expr_value){ .type = EXPR_DOUBLE, .d = d };
}

/* Minimum or maximum: the outermost value that still stands in some pane of the window. */
static struct expr_value extreme(struct measure_reader *m, const struct node *n, bool max)
{
    for (uint32_t i = 0; n && i < n->n_bins; i++) {
        struct series *s = n->bin[max ? n->n_bins - 1 - i : i];
        if (measure_sum(m, s) > 0)
            return expr_int(s->sub);
    }
    return expr_null();
}

static struct expr_value part_sum(struct measure_reader *m, const struct node *n, int part)
{
    int64_t sum = n && part >= 0 ? measure_sum(m, n->part[part]) : 0;
    return part < 0 || m->flags & VALUE_OVERFLOW ? expr_null() : expr_int(sum);
}

static struct expr_value mean(struct measure_reader *m, const struct node *n)
{
    struct expr_value count = part_sum(m, n, SERIES_N), sum = part_sum(m, n, SERIES_SUM);
    return count.type == EXPR_INT && sum.type == EXPR_INT && count.i > 0 ? of_double((double)sum.i / (double)count.i)
                                                                         : expr_null();
}

/* The instant that accruals are read at: the end of the comparison window is past in any case. */
static int64_t accrue_until_ms(const struct measure_reader *m)
{
    int64_t end_ms = reading_span(m->r, m->s->org, m->prev).end_ms;
    return m->prev || (m->r->window->kind == WINDOW_PERIOD && end_ms < m->r->at_ms) ? end_ms : m->r->at_ms;
}

static double accrued_of(const struct calendar *cal, enum agg agg, struct span over, int64_t at_ms)
{
    if (at_ms >= over.end_ms)
        return 1;
    if (agg == AGG_ACCRUE_WORK)
        return calendar_business_share(cal, over, at_ms);
    return at_ms <= over.start_ms ? 0 : (double)(at_ms - over.start_ms) / (double)(over.end_ms - over.start_ms);
}

/* What accrues over the same length lies in one bin; the pane says since when. */
static struct expr_value accrued(struct measure_reader *m, const struct measure_def *def, const struct node *n)
{
    struct span span = measure_span(m, def, m->prev);
    int64_t at_ms = accrue_until_ms(m);
    double sum = 0;
    for (uint32_t b = 0; n && b < n->n_bins; b++) {
        const struct panes *p = &n->bin[b]->track[m->r->view].panes[GRAIN_HOUR];
        for (uint32_t i = panes_from(p, span.end_ms); i > 0 && p->v[i - 1].start_ms >= span.start_ms; i--) {
            int64_t from_ms = p->v[i - 1].start_ms;
            struct span over = { from_ms, from_ms + n->bin[b]->sub };
            sum += (double)p->v[i - 1].value * accrued_of(m->s->org->cal, def->agg, over, at_ms);
        }
    }
    return of_double(sum);
}

static struct expr_value base_value(struct measure_reader *m, const struct measure_def *def, const struct node *n)
{
    measure_needs_window(m, def);
    switch (def->agg) {
    case AGG_DURATION:
        return mean(m, n);
    case AGG_MIN:
    case AGG_MAX:
        return extreme(m, n, def->agg == AGG_MAX);
    case AGG_ACCRUE:
    case AGG_ACCRUE_WORK:
        return accrued(m, def, n);
    case AGG_COUNT:
    case AGG_SUM:
    case AGG_DISTINCT:
    case AGG_LEVEL:
    case AGG_DERIVED:
        break;
    }
    return part_sum(m, n, (int)part_for(def, m->r->window));
}

static int64_t pane_value(struct measure_reader *m, const struct series *s, int64_t start_ms)
{
    bool overflow = false;
    int64_t pane_ms = pane_start(m->s->org->cal, GRAIN_HOUR, start_ms);
    int64_t v =
        s ? panes_sum(&s->track[m->r->view].panes[GRAIN_HOUR], (struct span){ pane_ms, pane_ms + 1 }, &overflow) : 0;
    if (overflow)
        m->flags |= VALUE_OVERFLOW;
    return v;
}

/* As of the end of the last day that the window holds a part of. */
static struct expr_value trailing_members(struct measure_reader *m, const struct node *n)
{
    const struct calendar *cal = m->s->org->cal;
    struct span span = m->r->window->kind == WINDOW_GAUGE ? (struct span){ m->r->at_ms, m->r->at_ms + 1 }
                                                          : reading_span(m->r, m->s->org, m->prev);
    struct span day = calendar_period(cal, PERIOD_DAY, span.end_ms - 1);
    measure_needs(m, day.start_ms);
    return expr_int(pane_value(m, n ? n->part[SERIES_TRAILING] : NULL, day.start_ms));
}

/* Ages first .. last of one kind of cohort cell, of those who began in the interval at start_ms. */
static int64_t cohort_sum(struct measure_reader *m, const struct node *n, enum cohort_cell kind, int64_t start_ms,
                          int32_t first, int32_t last)
{
    enum period period = m->r->window->period;
    int64_t sum = 0;
    for (int32_t age = first; n && age <= last && age <= cohort_age_max(period); age++)
        sum += pane_value(m, node_find_bin(n, cohort_code(kind, period, age)), start_ms);
    return sum;
}

static struct expr_value cohort_members(struct measure_reader *m, const struct node *n, enum measure_part part)
{
    const struct window *w = m->r->window;
    if (w->kind != WINDOW_PERIOD || w->period > PERIOD_MONTH || m->age > cohort_age_max(w->period))
        return expr_null();
    int64_t start_ms = reading_span(m->r, m->s->org, m->prev).start_ms;
    for (int32_t i = 0; part < PART_LATER && i < m->age; i++)
        start_ms = calendar_previous(m->s->org->cal, w->period, start_ms).start_ms;
    measure_needs(m, start_ms);
    switch (part) {
    case PART_COHORT:
        return expr_int(cohort_sum(m, n, COHORT_ACTIVE, start_ms, 0, 0));
    case PART_BACK_BY:
    case PART_LATER_BY:
        return expr_int(cohort_sum(m, n, COHORT_FIRST_BACK, start_ms, 1, m->age));
    case PART_BACK_SINCE:
    case PART_LATER_SINCE:
        return expr_int(cohort_sum(m, n, COHORT_LAST, start_ms, m->age, INT32_MAX));
    default:
        return expr_int(cohort_sum(m, n, COHORT_ACTIVE, start_ms, m->age, m->age));
    }
}

/* The share of the window that has passed at the exact instant: 0 at its first one (T29). */
static struct expr_value elapsed(const struct measure_reader *m)
{
    const struct reading *r = m->r;
    const struct calendar *cal = m->s->org->cal;
    struct span span = r->window->kind == WINDOW_TO_DATE || r->window->kind == WINDOW_GAUGE
                           ? calendar_period(cal, cal->cycle, r->at_ms)
                           : reading_span(r, m->s->org, COMPARED_NOT);
    double share = (double)(r->at_ms - span.start_ms) / (double)(span.end_ms - span.start_ms);
    return of_double(share > 1 ? 1 : share);
}

/* Bounds of the window as levels see them, and the present: see defs.h. */
static int64_t bound_ms(const struct measure_reader *m, bool at_start)
{
    const struct measure_def in_hours = { .agg = AGG_LEVEL };
    int64_t cut_ms = level_cut_ms(m, &in_hours, at_start);
    return at_start || m->prev || cut_ms <= m->r->at_ms ? cut_ms : m->r->at_ms + 1;
}

static struct expr_value builtin(const struct measure_reader *m, int which)
{
    if (which == BUILTIN_ELAPSED)
        return elapsed(m);
    if (which == BUILTIN_START_MS || which == BUILTIN_UNTIL_MS)
        return expr_int(bound_ms(m, which == BUILTIN_START_MS));
    if (which == BUILTIN_WINDOW)
        return (struct expr_value){ .type = EXPR_TEXT, .s = slice_of(m->r->window->name) };
    if (which == BUILTIN_WORKDAYS_START || which == BUILTIN_WORKDAYS_UNTIL)
        return expr_int(workdays_before(m->s->org->cal, bound_ms(m, which == BUILTIN_WORKDAYS_START)));
    if (which == BUILTIN_WORKDAYS_END)
        return expr_int(workdays_before(m->s->org->cal, reading_span(m->r, m->s->org, m->prev).end_ms));
    if (which == BUILTIN_YEAR)
        return expr_int(m->year);
    if (which == BUILTIN_DIM)
        return (struct expr_value){ .type = EXPR_TEXT, .s = slice_of(dim_name(m->row->dim)) };
    struct span span = which == BUILTIN_CYCLE_DAYS ? calendar_period(m->s->org->cal, m->s->org->cal->cycle, m->r->at_ms)
                                                   : reading_span(m->r, m->s->org, m->prev);
    if (which == BUILTIN_DAYS_PASSED) {
        int64_t now_ms = pane_end(m->s->org->cal, window_grain(m->r->window), m->r->at_ms);
        span.end_ms = now_ms < span.end_ms ? now_ms : span.end_ms;
    }
    return of_double((double)(span.end_ms - span.start_ms) / (double)DAY_MS);
}

static struct expr_value derived(struct measure_reader *m, const struct measure_def *def)
{
    if (m->depth == PLAN_DEPTH_MAX)
        return expr_null();
    m->depth++;
    struct expr_value v = expr_eval(def->derived, measure_load, m);
    m->depth--;
    return v;
}

/* Over the civil days of the window that have begun, each as it stood at its own end. */
static struct expr_value each_day(struct measure_reader *m, const struct measure_def *def)
{
    const struct window day = { .kind = WINDOW_PERIOD, .period = PERIOD_DAY, .name = "d" };
    const struct reading *outer = m->r;
    const struct calendar *cal = m->s->org->cal;
    struct span span = measure_span(m, def, m->prev);
    enum compared prev = m->prev;
    double sum = 0, x;
    bool any = false;
    m->prev = COMPARED_NOT;
    for (int64_t t = span.start_ms; t < span.end_ms && t <= outer->at_ms;) {
        struct span now = calendar_period(cal, PERIOD_DAY, t);
        struct reading r =
            reading_past(outer->e, outer->view, &day, now.end_ms - 1 < outer->at_ms ? now.end_ms - 1 : outer->at_ms);
        m->r = &r;
        if (now.start_ms >= span.start_ms && expr_number(derived(m, def), &x)) {
            sum += x;
            any = true;
        }
        t = now.end_ms;
    }
    m->r = outer;
    m->prev = prev;
    return any ? of_double(sum) : expr_null();
}

static struct expr_value level_at_start(struct measure_reader *m, const struct measure_def *def, const struct node *n)
{
    m->at_start = true;
    struct expr_value v = def->agg == AGG_LEVEL ? base_value(m, def, n) : expr_null();
    m->at_start = false;
    return v;
}

/* Parts of distinct measures. */
static struct expr_value members_part(struct measure_reader *m, const struct measure_def *def, const struct node *n,
                                      enum measure_part part)
{
    if (part == PART_TRAILING)
        return def->trailing_days ? trailing_members(m, n) : expr_null();
    if (part < PART_COHORT || part == PART_FIRST)
        measure_needs_window(m, def);
    if (part == PART_DAILY)
        return def->agg == AGG_DISTINCT ? part_sum(m, n, SERIES_CIVIL + PERIOD_DAY) : expr_null();
    if (!def->lifecycle)
        return expr_null();
    if (part == PART_FIRST)
        return part_sum(m, n, SERIES_FIRST);
    if (part >= PART_COHORT)
        return cohort_members(m, n, part);
    struct expr_value v = part_sum(m, n, life_part((enum life)(part - PART_NEW), m->r->window));
    return part == PART_DORMANT && v.type == EXPR_INT ? expr_int(-v.i) : v; /* published negative */
}

static struct expr_value part_value(struct measure_reader *m, int measure, enum measure_part part)
{
    const struct measure_def *def = &m->r->e->defs->measure[measure];
    const struct node *n = m->s->node[measure];
    if (def->agg == AGG_DERIVED)
        return part == PART_VALUE ? derived(m, def) : expr_null();
    if (window_grain(m->r->window) == GRAIN_MINUTE && !def->fine && !def->gauge && def->agg != AGG_LEVEL)
        m->flags |= VALUE_COARSE;
    if (part == PART_START)
        return level_at_start(m, def, n);
    if (part == PART_N || part == PART_SUM)
        measure_needs_window(m, def);
    if (part == PART_N || part == PART_SUM)
        return def->agg == AGG_DURATION ? part_sum(m, n, part == PART_N ? SERIES_N : SERIES_SUM) : expr_null();
    return part >= PART_NEW ? members_part(m, def, n, part) : base_value(m, def, n);
}

void memo_begin(struct evaluator *e, enum view_id v, const struct subject *s)
{
    struct value_memos *memos = &e->memos;
    if (!memos->v)
        memos->v = calloc(VALUE_MEMOS, sizeof *memos->v);
    memos->subject = memos->v ? s : NULL;
    memos->view = v;
    memos->stamp++;
}

void memo_end(struct evaluator *e)
{
    e->memos.subject = NULL;
}

/* Where the value is remembered; NULL where it depends on more than the key says. What is derived depends on how deep it stands, too, and a value read
 * after an overflow on that. */
static struct value_memo *memo_of(const struct measure_reader *m, int measure, enum measure_part part,
                                  uint64_t *ret_key)
{
    const struct reading *r = m->r;
    const struct value_memos *memos = &r->e->memos;
    if (m->s != memos->subject || r->past || r->window_index < 0 || r->view != memos->view || m->age || m->year ||
        m->at_start || m->flags & VALUE_OVERFLOW || (m->depth && r->e->defs->measure[measure].agg == AGG_DERIVED))
        return NULL;
    uint64_t slot = (uint64_t)measure * MEASURE_PARTS + (uint64_t)part;
    *ret_key = (slot * COMPARED_COUNT + (uint64_t)m->prev) << 16 | (uint64_t)r->window_index;
    return &memos->v[*ret_key * UINT64_C(0x9e3779b97f4a7c15) >> 32 & (VALUE_MEMOS - 1)];
}

struct expr_value measure_part_value(struct measure_reader *m, int measure, enum measure_part part)
{
    uint64_t key, stamp = m->r->e->memos.stamp;
    struct value_memo *memo = memo_of(m, measure, part, &key);
    if (!memo)
        return part_value(m, measure, part);
    if (memo->stamp != stamp || memo->key != key) {
        uint32_t flags = m->flags;
        bool prev_zero = m->prev_zero;
        m->flags = 0;
        m->prev_zero = false;
        struct expr_value v = part_value(m, measure, part);
        bool whole = !(m->flags & VALUE_OVERFLOW) && !m->age; /* an age that was read stays for what follows */
        *memo = (struct value_memo){ whole ? stamp : 0, key, v, m->flags, m->prev_zero };
        m->flags = flags;
        m->prev_zero = prev_zero;
    }
    m->flags |= memo->flags;
    m->prev_zero |= memo->prev_zero;
    return memo->value;
}

/* Nothing is kept of the window before a comparison window. */
static struct expr_value compared_value(struct measure_reader *m, const struct measure_ref *ref)
{
    if (ref->at == COMPARED_NOT)
        return ref->each_day ? each_day(m, &m->r->e->defs->measure[ref->measure])
                             : measure_part_value(m, ref->measure, (enum measure_part)ref->part);
    if (m->prev)
        return expr_null();
    struct measure_ref here = *ref;
    here.at = COMPARED_NOT;
    m->prev = ref->at;
    struct expr_value v = ref->measure < 0 ? builtin(m, ref->part) : compared_value(m, &here);
    m->prev = COMPARED_NOT;
    m->prev_zero |= ref->measure >= 0 && ref->at != COMPARED_LAST_DAY && v.type == EXPR_INT && v.i == 0;
    return v;
}

static struct expr_value ref_value(struct measure_reader *m, int index)
{
    const struct evaluator *e = m->r->e;
    const struct measure_ref *ref = &e->defs->ref[index];
    const struct reading *outer = m->r;
    struct reading r = *outer;
    struct subject *s = m->s;
    if (ref->has_window) {
        r.window = &ref->window;
        r.window_index = outer->past ? -1 : e->plan.ref_window[index];
    }
    if (ref->whole)
        m->s = s->org->dim[DIM_ORG].v[0];
    m->r = &r;
    m->age = ref->age;
    if (ref->has_window && reading_incomplete(&r, s->org, ref->at))
        m->flags |= VALUE_INCOMPLETE;
    struct expr_value v = ref->periods                                  ? periods_value(m, ref)
                          : ref->measure < 0 && ref->at == COMPARED_NOT ? builtin(m, ref->part)
                                                                        : compared_value(m, ref);
    m->r = outer;
    m->s = s;
    return v;
}

struct expr_value measure_load(void *ctx, int slot)
{
    struct measure_reader *m = ctx;
    if (slot >= SLOT_REF)
        return ref_value(m, slot - SLOT_REF);
    if (slot >= SLOT_BUILTIN)
        return builtin(m, slot - SLOT_BUILTIN);
    int measure = slot / MEASURE_PARTS, part = slot % MEASURE_PARTS;
    if (part != PART_PREV && part != PART_PREV_START)
        return measure_part_value(m, measure, (enum measure_part)part);
    struct measure_ref ref = { .measure = measure,
                               .part = part == PART_PREV ? PART_VALUE : PART_START,
                               .at = COMPARED_ELAPSED };
    return compared_value(m, &ref);
}
