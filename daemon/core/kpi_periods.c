/* Period by period: each period is read as a fixed window of its own, at the same instant, so that the figures of years that are over stay what they are
 * and the present one holds what there is so far. */
#include "kpi_periods.h"

#include "crmpulse/cost_return.h"
#include "crmpulse/customer_value.h"
#include "rfm_quintile.h"

enum { HOLT_PERIODS_MAX = 12 };

static const double holt_alpha = .5, holt_beta = .3;

/* The measure over [start, end). */
static struct expr_value value_in(struct measure_reader *m, const struct measure_ref *ref, struct span span)
{
    const struct reading *outer = m->r;
    const struct window w = { .kind = WINDOW_SPAN, .span = span };
    struct reading r = reading_past(outer->e, outer->view, &w, outer->at_ms);
    m->r = &r;
    struct expr_value v = measure_part_value(m, ref->measure, (enum measure_part)ref->part);
    m->r = outer;
    return v;
}

/* Year `n` of the window, 0 the first; false behind the last. */
static bool year_span(const struct calendar *cal, struct span whole, int32_t n, struct span *ret)
{
    *ret =
        (struct span){ calendar_shift_years(cal, whole.start_ms, n), calendar_shift_years(cal, whole.start_ms, n + 1) };
    if (ret->end_ms > whole.end_ms)
        ret->end_ms = whole.end_ms;
    return n < TCO_YEARS_MAX && ret->start_ms < ret->end_ms;
}

static struct expr_value sum_of(struct expr_value a, struct expr_value b)
{
    double x, y;
    if (!expr_number(b, &y))
        return a;
    if (!expr_number(a, &x))
        return b;
    int64_t sum;
    if (a.type == EXPR_INT && b.type == EXPR_INT && !__builtin_add_overflow(a.i, b.i, &sum))
        return expr_int(sum);
    return (struct expr_value){ .type = EXPR_DOUBLE, .d = x + y };
}

static struct expr_value each_year(struct measure_reader *m, const struct measure_ref *ref, struct span whole)
{
    struct expr_value sum = expr_null();
    struct span year;
    int32_t before = m->year;
    for (int32_t n = 0; year_span(m->s->org->cal, whole, n, &year); n++) {
        m->year = n + 1;
        sum = sum_of(sum, value_in(m, ref, year));
    }
    m->year = before;
    return sum;
}

/* Cycles of the org that lie in the window and are over. */
static struct expr_value each_cycle(struct measure_reader *m, const struct measure_ref *ref, struct span whole)
{
    const struct calendar *cal = m->s->org->cal;
    struct expr_value sum = expr_null();
    struct span cycle = calendar_period(cal, cal->cycle, whole.start_ms);
    if (cycle.start_ms < whole.start_ms)
        cycle = calendar_period(cal, cal->cycle, cycle.end_ms);
    for (; cycle.end_ms <= whole.end_ms && cycle.end_ms - 1 <= m->r->at_ms;
         cycle = calendar_period(cal, cal->cycle, cycle.end_ms))
        sum = sum_of(sum, value_in(m, ref, cycle));
    return sum;
}

static struct expr_value so_far(struct measure_reader *m, const struct measure_ref *ref, struct span whole)
{
    int64_t now_ms = pane_end(m->s->org->cal, GRAIN_HOUR, m->r->at_ms);
    whole.end_ms = now_ms < whole.end_ms ? now_ms : whole.end_ms;
    return whole.start_ms < whole.end_ms ? value_in(m, ref, whole) : expr_null();
}

static struct expr_value of_figure(struct figure f)
{
    return f.is_null ? expr_null() : (struct expr_value){ .type = EXPR_DOUBLE, .d = f.value };
}

/* Net flows of the years up to that of the instant. */
static struct expr_value worth(struct measure_reader *m, const struct measure_ref *ref, struct span whole)
{
    int64_t flow[TCO_YEARS_MAX];
    uint32_t n = 0;
    struct span year;
    for (; year_span(m->s->org->cal, whole, (int32_t)n, &year) && year.start_ms <= m->r->at_ms; n++) {
        struct expr_value v = value_in(m, ref, year);
        if (v.type != EXPR_INT)
            return expr_null();
        flow[n] = v.i;
    }
    switch (ref->periods) {
    case PERIODS_PAYBACK:
        return of_figure(n ? payback_years(flow, n) : (struct figure){ .is_null = true });
    case PERIODS_IRR:
        return of_figure(irr(flow, n));
    default:
        return of_figure(npv(flow, n, ref->rate_bp / 10000.0, NPV_YEAR_END));
    }
}

/* Of the periods before the window, from the first that is not 0. */
static struct expr_value next_of_series(struct measure_reader *m, const struct measure_ref *ref, struct span whole)
{
    const struct calendar *cal = m->s->org->cal;
    const struct window *w = m->r->window;
    enum period period = w->kind == WINDOW_PERIOD ? w->period : cal->cycle;
    double value[HOLT_PERIODS_MAX];
    uint32_t n = 0;
    struct span before = calendar_previous(cal, period, whole.start_ms);
    for (uint32_t i = 0; i < HOLT_PERIODS_MAX; i++, before = calendar_previous(cal, period, before.start_ms))
        if (!expr_number(value_in(m, ref, before), &value[HOLT_PERIODS_MAX - ++n]))
            return expr_null();
    uint32_t first = 0;
    while (first < n && value[first] == 0)
        first++;
    struct holt h;
    if (holt_fit(&h, holt_alpha, holt_beta, value + first, n - first) < 0)
        return expr_null();
    return (struct expr_value){ .type = EXPR_DOUBLE, .d = holt_forecast(&h, 1) };
}

/* A level as of the newest close of the org's cycle. */
static struct expr_value at_close(struct measure_reader *m, const struct measure_ref *ref)
{
    int64_t close_ms = rfm_close_ms(m->s->org->cal, m->r->at_ms);
    return value_in(m, ref, (struct span){ close_ms - 1, close_ms });
}

struct expr_value periods_value(struct measure_reader *m, const struct measure_ref *ref)
{
    struct span whole = reading_span(m->r, m->s->org, m->prev);
    enum compared prev = m->prev;
    struct expr_value v;
    m->prev = COMPARED_NOT;
    switch (ref->periods) {
    case PERIODS_EACH_YEAR:
        v = each_year(m, ref, whole);
        break;
    case PERIODS_EACH_CYCLE:
        v = each_cycle(m, ref, whole);
        break;
    case PERIODS_SO_FAR:
        v = so_far(m, ref, whole);
        break;
    case PERIODS_HOLT:
        v = next_of_series(m, ref, whole);
        break;
    case PERIODS_AT_CLOSE:
        v = at_close(m, ref);
        break;
    case PERIODS_QUINTILES:
        measure_needs(m, rfm_close_ms(m->s->org->cal, m->r->at_ms));
        v = expr_int(rfm_quintile_size(m->r, m->s));
        break;
    default:
        v = worth(m, ref, whole);
        break;
    }
    m->prev = prev;
    return v;
}
