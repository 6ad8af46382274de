/* What finance reports: balances at the ends of periods, external figures, licences. Of several reports of one thing the newest stands (a restatement).
 *
 * A standing value (assets, a tax rate, licences bought) becomes steps: how much it changes and when, so that the value at any instant is a level.
 * A balance counts from the last millisecond of its period: it is the end of that period and the start of the next. A value holds until the next one. */
#include "track.h"
#include "track_spread.h"

/* ---- a value per time, newest report of each time ---- */

struct report {
    struct span span;
    int64_t value;
    const struct entry *e;
};

struct reports {
    struct report *v;
    uint32_t n;
};

/* In order of time. A report of the same span replaces the older. */
static void keep(struct reports *r, struct report x)
{
    uint32_t i = r->n;
    while (i > 0 && (r->v[i - 1].span.start_ms > x.span.start_ms ||
                     (r->v[i - 1].span.start_ms == x.span.start_ms && r->v[i - 1].span.end_ms > x.span.end_ms)))
        i--;
    if (i > 0 && r->v[i - 1].span.start_ms == x.span.start_ms && r->v[i - 1].span.end_ms == x.span.end_ms) {
        r->v[i - 1] = x;
        return;
    }
    memmove(r->v + i + 1, r->v + i, (r->n - i) * sizeof *r->v);
    r->v[i] = x;
    r->n++;
}

static bool begin(struct track_view *v, struct reports *r, struct entry_log log)
{
    *r = (struct reports){ log.n ? view_alloc(v, log.n * sizeof *r->v) : NULL, 0 };
    return r->v && !log_deleted(log);
}

/* What is reported of a region or a product is that subject's alone: the org's own figure is reported without either. */
static struct fact *report_fact(struct track_view *v, enum fact_type type, int64_t t_ms, const struct entry *e,
                                enum event_field kind)
{
    struct fact *f = view_fact(v, type, t_ms);
    fact_dims(f, (struct entry_log){ e, 1 });
    f->no_org = f->dim[DIM_PRODUCT].n || f->dim[DIM_REGION].n;
    f->dim[DIM_KIND] = f->s[FT_KIND] = entry_str(e, kind);
    return f;
}

/* ---- balances ---- */

static bool is_flow(struct slice item)
{
    static const char *const flows[] = { "operating_profit", "net_profit", "cogs", "credit_sales", "cash_flow" };
    for (size_t i = 0; i < sizeof flows / sizeof flows[0]; i++)
        if (slice_eq(item, slice_of(flows[i])))
            return true;
    return false;
}

void balance_facts(struct track_view *v, struct entry_log log)
{
    struct reports r;
    if (!begin(v, &r, log))
        return;
    for (uint32_t i = 0; i < log.n; i++) {
        const struct entry *e = &log.v[i];
        int64_t at_ms = entry_int(e, F_PERIOD_END_MS, 0) - 1;
        if (e->type == EV_BALANCE_REPORTED)
            keep(&r, (struct report){ { at_ms, at_ms }, entry_int(e, F_AMOUNT_MICROS, 0), e });
    }
    for (uint32_t i = 0; i < r.n; i++) {
        bool flow = is_flow(entry_str(r.v[i].e, F_ITEM));
        struct fact *f =
            report_fact(v, flow ? FACT_BALANCE_FLOW : FACT_BALANCE, r.v[i].span.start_ms, r.v[i].e, F_ITEM);
        fact_set(f, FN_VALUE, r.v[i].value - (flow || !i ? 0 : r.v[i - 1].value));
    }
}

/* ---- external figures ---- */

/* Micros of the unit: 0.25 is 250 000. */
static int64_t figure_value(const struct entry *e)
{
    int64_t milli = entry_int(e, F_VALUE_MILLI, 0), micros;
    if (entry_has(e, F_VALUE_MICROS))
        return entry_int(e, F_VALUE_MICROS, 0);
    return __builtin_mul_overflow(milli, (int64_t)1000, &micros) ? 0 : micros;
}

static bool covered(const struct reports *r, uint32_t at, int64_t t_ms)
{
    int64_t length_ms = r->v[at].span.end_ms - r->v[at].span.start_ms;
    for (uint32_t i = 0; i < r->n; i++) {
        struct span s = r->v[i].span;
        if (i != at && s.start_ms <= t_ms && t_ms < s.end_ms && s.end_ms - s.start_ms < length_ms)
            return true;
    }
    return false;
}

/* A size of a period (a market) is spread over its days. Where a shorter period has a figure of its own, that one holds. */
static void size_facts(struct track_view *v, const struct reports *r)
{
    for (uint32_t i = 0; i < r->n; i++) {
        struct spread s;
        int64_t t_ms, part;
        spread_begin(&s, view_calendar(v), r->v[i].span, r->v[i].value);
        while (spread_next(&s, &t_ms, &part)) {
            if (covered(r, i, t_ms))
                continue;
            struct fact *f = report_fact(v, FACT_FIGURE_SIZE, t_ms, r->v[i].e, F_FIGURE);
            fact_set(f, FN_VALUE, part);
        }
    }
}

static void rate_facts(struct track_view *v, const struct reports *r)
{
    for (uint32_t i = 0; i < r->n; i++) {
        struct fact *f = report_fact(v, FACT_FIGURE_RATE, r->v[i].span.start_ms, r->v[i].e, F_FIGURE);
        fact_set(f, FN_VALUE, r->v[i].value - (i ? r->v[i - 1].value : 0));
    }
}

void figure_facts(struct track_view *v, struct entry_log log)
{
    struct reports r;
    if (!begin(v, &r, log))
        return;
    for (uint32_t i = 0; i < log.n; i++) {
        const struct entry *e = &log.v[i];
        struct report x = { .value = 0, .e = e };
        enum period period;
        if (e->type != EV_EXTERNAL_FIGURE ||
            calendar_parse_label(view_calendar(v), entry_str(e, F_PERIOD), &period, &x.span) < 0)
            continue;
        x.value = figure_value(e);
        keep(&r, x);
    }
    if (r.n && slice_eq(entry_str(r.v[0].e, F_FIGURE), SLICE("market_size")))
        size_facts(v, &r);
    else
        rate_facts(v, &r);
}

/* ---- licences ---- */

void licence_facts(struct track_view *v, struct entry_log log)
{
    int64_t before = 0;
    for (uint32_t i = 0; i < log.n && !log_deleted(log); i++) {
        const struct entry *e = &log.v[i];
        if (e->type != EV_LICENCE_CHANGED)
            continue;
        int64_t bought = entry_int(e, F_BOUGHT, 0);
        struct fact *f = report_fact(v, FACT_LICENCE, e->t_ms, e, F_PRODUCT);
        fact_set(f, FN_VALUE, bought - before);
        before = bought;
    }
}
