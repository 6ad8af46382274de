/* KPIs from measures: forms, empty policies, samples, distributions, extras. */
#include "kpi_value.h"

#include <math.h>
#include <stdlib.h>

#include "kpi_read.h"
#include "ranking.h"

static const double quantile_p[QUANTILES] = { 0.5, 0.9, 0.95, 0.99 };

struct reading reading_at_view(struct evaluator *e, enum view_id v, int window_index)
{
    return (struct reading){ .e = e,
                             .view = v,
                             .window = &e->plan.window[window_index],
                             .window_index = window_index,
                             .at_ms = e->view[v].at_ms };
}

struct reading reading_past(struct evaluator *e, enum view_id v, const struct window *w, int64_t at_ms)
{
    return (struct reading){ .e = e, .view = v, .window = w, .window_index = -1, .at_ms = at_ms, .past = true };
}

static struct expr_value evaluate(struct measure_reader *m, const struct expr *e)
{
    return e ? expr_eval(e, measure_load, m) : expr_null();
}

static void set_value(struct kpi_value *ret, struct expr_value v)
{
    ret->is_null = !expr_number(v, &ret->value) || !isfinite(ret->value);
    if (ret->is_null)
        ret->value = 0;
}

/* The side of a ratio as published. One that is no integer by its formula (a target prorated to now) is rounded; the value is not formed from it. */
static void set_integer(struct expr_value v, bool *has, int64_t *ret)
{
    const double exact_max = 9007199254740992.0;
    *has = v.type == EXPR_INT || (v.type == EXPR_DOUBLE && v.d > -exact_max && v.d < exact_max);
    *ret = !*has ? 0 : v.type == EXPR_INT ? v.i : (int64_t)(v.d < 0 ? v.d - 0.5 : v.d + 0.5);
}

static void read_ratio(struct measure_reader *m, const struct kpi_def *k, struct kpi_value *ret)
{
    struct expr_value n = evaluate(m, k->numerator), d = evaluate(m, k->denominator);
    double a, b;
    set_integer(n, &ret->has_numerator, &ret->numerator);
    set_integer(d, &ret->has_denominator, &ret->denominator);
    bool usable = expr_number(n, &a) && expr_number(d, &b) && b != 0;
    if (k->value)
        set_value(ret, evaluate(m, k->value));
    else
        set_value(ret, usable ? (struct expr_value){ .type = EXPR_DOUBLE, .d = a / b } : expr_null());
    if (ret->is_null && m->prev_zero && expr_number(n, &a) && a != 0)
        ret->flags |= VALUE_FROM_ZERO;
    set_integer(d, &ret->has_samples, &ret->samples);
}

static void read_value(struct measure_reader *m, const struct kpi_def *k, struct kpi_value *ret)
{
    struct expr_value v = evaluate(m, k->value);
    set_value(ret, v);
    set_integer(k->numerator ? evaluate(m, k->numerator) : v, &ret->has_numerator, &ret->numerator);
    if (k->denominator)
        set_integer(evaluate(m, k->denominator), &ret->has_denominator, &ret->denominator);
    if (ret->is_null && m->prev_zero)
        ret->flags |= VALUE_FROM_ZERO;
}

static struct sketch_count *reserve_counts(struct evaluator *e, uint32_t n)
{
    if (n > e->cap_counts) {
        struct sketch_count *v = realloc(e->counts, n * sizeof *v);
        if (!v)
            return NULL;
        e->counts = v;
        e->cap_counts = n;
    }
    return e->counts;
}

/* Standard deviation of one observation. The bins stand for their values, so it is as near as the quantiles are; it is taken around the bins' own mean. */
static double deviation(const struct sketch_bounds *bounds, const struct sketch_count *counts, uint32_t used)
{
    double n = 0, sum = 0, squares = 0;
    for (uint32_t i = 0; i < used; i++) {
        n += (double)counts[i].n;
        sum += (double)counts[i].n * (double)sketch_value(bounds, counts[i].bin);
    }
    for (uint32_t i = 0; i < used; i++) {
        double d = (double)sketch_value(bounds, counts[i].bin) - sum / n;
        squares += (double)counts[i].n * d * d;
    }
    return n > 1 ? sqrt(squares / (n - 1)) : 0;
}

static void read_quantiles(struct measure_reader *m, const struct node *n, struct kpi_value *ret)
{
    struct evaluator *e = m->r->e;
    struct sketch_count *counts = reserve_counts(e, n->n_bins);
    uint32_t used = 0;
    if (n->n_bins && !counts) {
        e->out_of_memory = true;
        return;
    }
    for (uint32_t i = 0; i < n->n_bins; i++) {
        int64_t c = measure_sum(m, n->bin[i]);
        if (c > 0)
            counts[used++] = (struct sketch_count){ (uint32_t)n->bin[i]->sub, c };
    }
    for (int q = 0; q < QUANTILES; q++) {
        int64_t v;
        ret->quantile[q] = sketch_quantile(&e->bounds, counts, used, quantile_p[q], &v) ? (double)v : 0;
    }
    ret->sd = deviation(&e->bounds, counts, used);
}

static void read_duration(struct measure_reader *m, const struct kpi_def *k, struct kpi_value *ret)
{
    struct node *n = measure_node(m, k->duration);
    measure_needs_window(m, &m->r->e->defs->measure[k->duration]);
    ret->is_null = true;
    ret->has_samples = true;
    if (!n)
        return;
    ret->count = ret->samples = measure_sum(m, n->part[SERIES_N]);
    ret->sum = measure_sum(m, n->part[SERIES_SUM]);
    if (ret->count <= 0)
        return;
    ret->is_null = false;
    ret->has_distribution = true;
    ret->value = (double)ret->sum / (double)ret->count;
    ret->has_numerator = ret->has_denominator = true;
    ret->numerator = ret->sum;
    ret->denominator = ret->count;
    read_quantiles(m, n, ret);
}

static void read_rank(struct measure_reader *m, const struct kpi_def *k, struct kpi_value *ret)
{
    int32_t rank = ranking_of(m->r, m->s, k->rank_of, k->ties);
    ret->is_null = rank <= 0;
    ret->value = rank;
    ret->numerator = rank;
    ret->has_numerator = rank > 0;
}

/* A column that is not known says nothing about the others. */
static void read_extras(struct measure_reader *m, const struct kpi_def *k, struct kpi_value *ret)
{
    const uint32_t own = VALUE_PAST_UNKNOWN | VALUE_INCOMPLETE;
    for (uint32_t i = 0; i < k->n_extras; i++) {
        bool has;
        uint32_t flags = m->flags;
        m->flags &= ~own;
        set_integer(evaluate(m, k->extra[i].value), &has, &ret->extra[i]);
        ret->extra_null[i] = !has || m->flags & own;
        m->flags = (m->flags & ~own) | flags;
    }
}

/* The period compared with may be shorter than what has passed of this one: February before 31 March. */
static bool short_base(const struct reading *r, const struct org *org, enum compared base)
{
    struct span now = reading_span(r, org, COMPARED_NOT), before = reading_span(r, org, base);
    int64_t elapsed_ms = pane_end(org->cal, window_grain(r->window), r->at_ms) - now.start_ms;
    int64_t length_ms = now.end_ms - now.start_ms < elapsed_ms ? now.end_ms - now.start_ms : elapsed_ms;
    return (r->window->kind == WINDOW_PERIOD || r->window->kind == WINDOW_TO_DATE) &&
           before.end_ms - before.start_ms < length_ms;
}

typedef void (*form_reader)(struct measure_reader *m, const struct kpi_def *k, struct kpi_value *ret);

static const form_reader form_readers[] = {
    [KPI_RATIO] = read_ratio,
    [KPI_VALUE] = read_value,
    [KPI_DURATION] = read_duration,
    [KPI_RANK] = read_rank,
};

/* No figure at all. */
static void withhold(struct kpi_value *ret, const struct kpi_def *k)
{
    ret->is_null = true;
    ret->value = 0;
    ret->has_numerator = ret->has_denominator = ret->has_distribution = false;
    ret->numerator = ret->denominator = 0;
    for (uint32_t i = 0; i < k->n_extras && ret->flags & VALUE_INCOMPLETE; i++)
        ret->extra_null[i] = true;
    if (ret->flags & (VALUE_PAST_UNKNOWN | VALUE_INCOMPLETE))
        ret->has_samples = false;
}

void kpi_read(const struct reading *r, struct subject *s, int kpi, struct kpi_value *ret)
{
    const struct kpi_def *k = &r->e->defs->kpi[kpi];
    struct measure_reader m = measure_reader_of(r, s);
    *ret = (struct kpi_value){ .span = reading_span(r, s->org, r->prev) };
    form_readers[k->form](&m, k, ret);
    if (k->samples)
        set_integer(evaluate(&m, k->samples), &ret->has_samples, &ret->samples);
    bool unknown = m.flags & VALUE_PAST_UNKNOWN;
    read_extras(&m, k, ret);
    ret->flags |= m.flags | (reading_incomplete(r, s->org, r->prev) ? VALUE_INCOMPLETE : 0);
    if (ret->flags & (VALUE_OVERFLOW | VALUE_INCOMPLETE) || unknown) {
        withhold(ret, k);
    } else if (ret->is_null && k->empty_zero) {
        ret->is_null = false;
        ret->value = 0;
    }
    if (ret->flags & VALUE_INCOMPLETE) /* then nobody knows what it would be compared with */
        ret->flags &= ~(uint32_t)VALUE_FROM_ZERO;
    enum compared base = ret->flags & VALUE_INCOMPLETE ? COMPARED_NOT : r->e->plan.kpi[kpi].prev;
    if (base && k->form != KPI_RANK && short_base(r, s->org, base))
        ret->flags |= VALUE_SHORT_BASE;
    if (reading_warming(r, ret->span))
        ret->flags |= VALUE_WARMING;
}

bool kpi_count(const struct reading *r, struct subject *s, const struct expr *formula, int64_t *ret)
{
    struct measure_reader m = measure_reader_of(r, s);
    bool has;
    set_integer(evaluate(&m, formula), &has, ret);
    return has && !(m.flags & VALUE_INCOMPLETE);
}

bool kpi_stat(const struct kpi_value *v, int stat, double *ret)
{
    *ret = v->value;
    for (int q = 0; q < QUANTILES; q++)
        if (stat == (int)lround(quantile_p[q] * 100) && v->has_distribution)
            *ret = v->quantile[q];
    return !v->is_null;
}

static int64_t newest_positive(const struct panes *p, struct span span)
{
    for (uint32_t i = panes_from(p, span.end_ms); i > 0 && p->v[i - 1].start_ms >= span.start_ms; i--)
        if (p->v[i - 1].value > 0)
            return p->v[i - 1].start_ms;
    return INT64_MIN;
}

int64_t kpi_reached_ms(const struct reading *r, const struct subject *s, int kpi)
{
    const struct plan_kpi *k = &r->e->plan.kpi[kpi];
    struct measure_reader m = { .r = r, .s = (struct subject *)s, .prev = r->prev };
    int64_t reached_ms = INT64_MIN;
    for (uint32_t i = 0; i < k->n_leaves; i++) {
        const struct node *n = s->node[k->leaf[i].measure];
        const struct measure_def *def = &r->e->defs->measure[k->leaf[i].measure];
        if (!n || !k->leaf[i].raising || def->gauge)
            continue;
        const struct series *series = n->part[part_for(def, r->window)];
        bool fine = window_grain(r->window) == GRAIN_MINUTE && def->fine;
        struct span span = measure_span(&m, def, r->prev);
        if (def->agg == AGG_LEVEL)
            span = (struct span){ INT64_MIN, level_cut_ms(&m, def, false) };
        int64_t t =
            series ? newest_positive(&series->track[r->view].panes[fine ? GRAIN_MINUTE : GRAIN_HOUR], span) : INT64_MIN;
        if (t > reached_ms)
            reached_ms = t;
    }
    return reached_ms;
}
