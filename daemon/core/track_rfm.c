/* RFM segments as steps: when a customer enters one and leaves it again, also by the passing of time alone (domain specification 4.9, fixed cuts).
 *
 * Days are whole days (24 h) since the last sale; a year is 365 days. Between two of the instants looked at nothing can change. */
#include "crmpulse/customer_value.h"
#include "track_customer.h"

#define YEAR_MS (365 * CUSTOMER_DAY_MS)

struct rfm_track {
    struct rfm_cuts cuts;
    bool has_m;
    int64_t *times; /* instants at which something may change, ascending */
    uint32_t n;
};

struct rfm_state {
    bool known;
    struct rfm score;
};

/* Sales less refunds of the year up to t_ms. */
static int64_t net_amount(const struct customer_case *c, int64_t t_ms)
{
    static const enum ledger_kind kinds[] = { LEDGER_SALE, LEDGER_REFUND };
    int64_t sum = 0;
    for (int k = 0; k < 2; k++) {
        const struct ledger_list *list = &c->ledger.list[kinds[k]];
        for (uint32_t i = 0; i < list->n; i++)
            if (list->v[i].t_ms <= t_ms && list->v[i].t_ms > t_ms - YEAR_MS)
                sum += (k ? -list->v[i].value : list->v[i].value) * list->v[i].n;
    }
    return sum;
}

static struct rfm_state state_at(const struct customer_case *c, const struct rfm_track *r, int64_t t_ms)
{
    uint32_t n = times_upto(c->sale_ms, c->n_sales, t_ms);
    if (!n)
        return (struct rfm_state){ 0 };
    int64_t days = (t_ms - c->sale_ms[n - 1]) / CUSTOMER_DAY_MS;
    uint32_t before = times_upto(c->sale_ms, c->n_sales, t_ms - YEAR_MS);
    struct rfm_state s = { true, rfm_score(&r->cuts, days, n - before, r->has_m ? net_amount(c, t_ms) : 0) };
    return s;
}

int rfm_segment_at(const struct customer_case *c, int64_t t_ms)
{
    const struct rfm_track fixed = { .cuts = rfm_cuts_default() };
    struct rfm_state s = state_at(c, &fixed, t_ms);
    return s.known ? (int)rfm_segment_of(s.score) : -1;
}

uint32_t rfm_ages(int64_t sale_ms, int64_t *times)
{
    const struct rfm_cuts cuts = rfm_cuts_default();
    uint32_t n = 0;
    for (int k = 0; k < RFM_CUTS; k++)
        times[n++] = sale_ms + (cuts.recency_days[k] + 1) * CUSTOMER_DAY_MS;
    times[n++] = sale_ms + YEAR_MS;
    return n;
}

static void look(struct rfm_track *r, int64_t from_ms, int64_t t_ms)
{
    if (t_ms >= from_ms)
        r->times[r->n++] = t_ms;
}

static bool find_times(struct track_view *v, const struct customer_case *c, struct rfm_track *r)
{
    const struct ledger_list *refunds = &c->ledger.list[LEDGER_REFUND];
    int64_t from_ms = c->ledger.from_ms;
    r->times = view_alloc(v, ((size_t)c->n_sales * (2 + RFM_CUTS) + (size_t)refunds->n * 2 + 1) * sizeof *r->times);
    if (!r->times)
        return false;
    for (uint32_t i = 0; i < c->n_sales; i++) {
        int64_t t_ms = c->sale_ms[i], next_ms = i + 1 < c->n_sales ? c->sale_ms[i + 1] : INT64_MAX;
        int64_t age_ms[RFM_CUTS + 1];
        uint32_t n = rfm_ages(t_ms, age_ms);
        look(r, from_ms, t_ms);
        for (uint32_t k = 0; k < n; k++)
            if (k == RFM_CUTS || age_ms[k] < next_ms)
                look(r, from_ms, age_ms[k]);
    }
    for (uint32_t i = 0; r->has_m && i < refunds->n; i++) {
        look(r, from_ms, refunds->v[i].t_ms);
        look(r, from_ms, refunds->v[i].t_ms + YEAR_MS);
    }
    r->n = times_settle(r->times, r->n);
    return true;
}

static void step_fact(struct track_view *v, const struct customer_case *c, const struct rfm_track *r,
                      struct rfm_state s, int64_t t_ms, int64_t n)
{
    char scores[4] = { (char)('0' + s.score.r), (char)('0' + s.score.f), r->has_m ? (char)('0' + s.score.m) : '-', 0 };
    struct fact *f = customer_fact(v, c, FACT_RFM, t_ms);
    f->dim[DIM_SEGMENT] = slice_of(rfm_segment_name(rfm_segment_of(s.score)));
    f->dim[DIM_KIND] = f->s[FT_KIND] = view_text(v, scores);
    fact_set(f, FN_N, n);
}

static bool same(struct rfm_state a, struct rfm_state b)
{
    return a.known == b.known && a.score.r == b.score.r && a.score.f == b.score.f && a.score.m == b.score.m;
}

/* ---- quintiles: what the evaluator needs to rank all customers (rfm_quintile.h) ---- */

static struct fact *quintile_fact(struct track_view *v, const struct customer_case *c, enum fact_type type,
                                  int64_t t_ms, int64_t n)
{
    struct fact *f = customer_fact(v, c, type, t_ms);
    fact_set(f, FN_N, n);
    return f;
}

/* A sale may move any segment: each is told, and nobody else. */
static void move_facts(struct track_view *v, const struct customer_case *c, int64_t sale_ms)
{
    for (int k = 0; k < RFM_SEGMENTS; k++) {
        struct fact *f = quintile_fact(v, c, FACT_RFM_MOVE, sale_ms, 1);
        memset(f->dim, 0, sizeof f->dim);
        f->dim[DIM_SEGMENT] = slice_of(rfm_segment_name((enum rfm_segment)k));
        f->no_org = true;
    }
}

static int64_t hour_minute(struct track_view *v, int64_t t_ms)
{
    return pane_start(view_calendar(v), GRAIN_HOUR, t_ms) / 60000;
}

static void quintile_facts(struct track_view *v, const struct customer_case *c)
{
    int64_t before = 0, minute;
    for (uint32_t k = 0; k < c->n_sales; k++, before = minute) {
        int64_t t_ms = c->sale_ms[k];
        minute = hour_minute(v, t_ms);
        if (t_ms < c->ledger.from_ms)
            continue;
        struct fact *f = quintile_fact(v, c, FACT_RFM_STEP, t_ms, 1);
        fact_set(f, FN_VALUE, minute - before);
        f->no_org = true;
        quintile_fact(v, c, FACT_RFM_STEP, t_ms + YEAR_MS, -1)->no_org = true;
        move_facts(v, c, t_ms);
    }
    if (!c->n_sales || c->sale_ms[0] < c->ledger.from_ms)
        return;
    struct fact *f = quintile_fact(v, c, FACT_RFM, c->sale_ms[0], 1);
    f->dim[DIM_SEGMENT] = f->dim[DIM_KIND] = (struct slice){ 0 };
}

void rfm_facts(struct track_view *v, const struct customer_case *c)
{
    if (c->rules->quintiles) {
        quintile_facts(v, c);
        return;
    }
    const int64_t *cuts = view_org(v)->rfm_monetary_micros;
    struct rfm_track r = { .cuts = rfm_cuts_default(), .has_m = cuts[0] || cuts[1] || cuts[2] || cuts[3] };
    memcpy(r.cuts.monetary_micros, cuts, sizeof r.cuts.monetary_micros);
    if (!find_times(v, c, &r))
        return;
    struct rfm_state now, before = { 0 };
    if (c->ledger.from_ms > INT64_MIN + YEAR_MS)
        before = state_at(c, &r, c->ledger.from_ms - 1);
    for (uint32_t i = 0; i < r.n; i++, before = now) {
        now = state_at(c, &r, r.times[i]);
        if (same(now, before))
            continue;
        if (before.known)
            step_fact(v, c, &r, before, r.times[i], -1);
        if (now.known)
            step_fact(v, c, &r, now, r.times[i], 1);
    }
}
