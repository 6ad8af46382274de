/* Churn risk of a member as steps between low, watch and high, with the factor that gives most (domain specification 4.9).
 *
 * Days since the last use and the last sale are whole days (24 h), so the score changes at whole days after one of them, where the two spans of 90 days
 * gain or lose a sale, and where the customer joins or leaves. A customer with fewer than 3 sales has no cycle of its own: that part is unknown. */
#include "crmpulse/customer_value.h"
#include "track_customer.h"

enum { USE_DAYS_FROM = 8, USE_DAYS_TO = 45, DAYS_MAX = 4000 };

struct risk_track {
    int64_t *use_ms; /* ascending */
    uint32_t n_uses;
    int64_t *times;
    uint32_t n, cap;
    bool failed;
};

struct risk_state {
    bool rated;
    enum churn_level level;
    enum churn_part main;
    int rfm; /* RFM segment where the risk carries it, else -1 */
};

static struct figure whole_days(int64_t from_ms, int64_t to_ms)
{
    int64_t days = (to_ms - from_ms) / CUSTOMER_DAY_MS;
    return (struct figure){ .value = (double)days };
}

static struct risk_state state_at(const struct customer_case *c, const struct risk_track *r, int64_t t_ms)
{
    const struct figure none = { .is_null = true };
    uint32_t uses = times_upto(r->use_ms, r->n_uses, t_ms), sales = times_upto(c->sale_ms, c->n_sales, t_ms);
    struct churn_input in = { .days_since_use = none, .days_since_txn = none, .cycle_days = none };
    if (uses)
        in.days_since_use = whole_days(r->use_ms[uses - 1], t_ms);
    if (sales) {
        in.days_since_txn = whole_days(c->sale_ms[sales - 1], t_ms);
        in.cycle_days = purchase_cycle_ms(c->sale_ms, sales, none);
        in.cycle_days.value /= (double)CUSTOMER_DAY_MS;
        in.txns_known = true;
        uint32_t a = times_upto(c->sale_ms, sales, t_ms - TREND_MS);
        in.txns_last_90d = sales - a;
        in.txns_before_90d = a - times_upto(c->sale_ms, a, t_ms - 2 * TREND_MS);
    }
    struct churn_risk risk = churn_risk_of(&in);
    struct risk_state s = { !risk.score.is_null && member_at(c, t_ms), risk.level, CHURN_USE,
                            c->rules->risk_by_rfm ? rfm_segment_at(c, t_ms) : -1 };
    for (int i = 1; i < CHURN_PARTS; i++)
        if (risk.points[i] > risk.points[s.main] || risk.part[s.main].is_null)
            s.main = (enum churn_part)i;
    return s;
}

static void look(struct track_view *v, struct risk_track *r, int64_t from_ms, int64_t t_ms)
{
    if (t_ms < from_ms || r->failed)
        return;
    if (r->n == r->cap) {
        uint32_t cap = r->cap ? r->cap * 2 : 256;
        int64_t *more = view_alloc(v, cap * sizeof *more);
        if (!more) {
            r->failed = true;
            return;
        }
        if (r->n)
            memcpy(more, r->times, r->n * sizeof *more);
        r->times = more;
        r->cap = cap;
    }
    r->times[r->n++] = t_ms;
}

/* Whole days after t_ms, first .. last, up to the next of its kind. */
static void look_days(struct track_view *v, struct risk_track *r, int64_t from_ms, int64_t t_ms, int64_t next_ms,
                      int64_t first, int64_t last)
{
    int64_t skip = from_ms > t_ms && from_ms - t_ms > 0 ? (from_ms - t_ms) / CUSTOMER_DAY_MS : 0;
    for (int64_t k = first > skip ? first : skip; k <= last; k++) {
        if (t_ms + k * CUSTOMER_DAY_MS >= next_ms)
            return;
        look(v, r, from_ms, t_ms + k * CUSTOMER_DAY_MS);
    }
}

static void look_ages(struct track_view *v, struct risk_track *r, int64_t from_ms, int64_t sale_ms)
{
    int64_t age_ms[RFM_CUTS + 1];
    uint32_t n = rfm_ages(sale_ms, age_ms);
    for (uint32_t k = 0; k < n; k++)
        look(v, r, from_ms, age_ms[k]);
}

static void find_times(struct track_view *v, const struct customer_case *c, struct risk_track *r)
{
    const struct figure none = { .is_null = true };
    int64_t from_ms = c->ledger.from_ms;
    for (uint32_t i = 0; i < r->n_uses; i++) {
        int64_t next_ms = i + 1 < r->n_uses ? r->use_ms[i + 1] : INT64_MAX;
        look(v, r, from_ms, r->use_ms[i]);
        look_days(v, r, from_ms, r->use_ms[i], next_ms, USE_DAYS_FROM, USE_DAYS_TO);
    }
    for (uint32_t i = 0; i < c->n_sales; i++) {
        int64_t t_ms = c->sale_ms[i], next_ms = i + 1 < c->n_sales ? c->sale_ms[i + 1] : INT64_MAX;
        look(v, r, from_ms, t_ms);
        look(v, r, from_ms, t_ms + TREND_MS);
        look(v, r, from_ms, t_ms + 2 * TREND_MS);
        if (c->rules->risk_by_rfm)
            look_ages(v, r, from_ms, t_ms);
        if (next_ms <= from_ms)
            continue;
        struct figure cycle = purchase_cycle_ms(c->sale_ms, i + 1, none);
        if (cycle.is_null)
            continue;
        double days = cycle.value / (double)CUSTOMER_DAY_MS;
        int64_t last = days * 3 + 1 < DAYS_MAX ? (int64_t)(days * 3) + 1 : DAYS_MAX;
        look_days(v, r, from_ms, t_ms, next_ms, (int64_t)days, last);
    }
    for (uint32_t i = 0; i < c->n_turns; i++)
        look(v, r, from_ms, c->turn[i].t_ms);
    r->n = times_settle(r->times, r->n);
}

static void step_fact(struct track_view *v, const struct customer_case *c, struct risk_state s, int64_t t_ms, int64_t n)
{
    struct fact *f = customer_fact(v, c, FACT_CHURN_RISK, t_ms);
    f->dim[DIM_KIND] = f->s[FT_KIND] = slice_of(churn_level_name(s.level));
    f->s[FT_MODE] = slice_of(churn_part_name(s.main));
    if (c->rules->risk_by_rfm)
        f->dim[DIM_SEGMENT] = s.rfm < 0 ? (struct slice){ 0 } : slice_of(rfm_segment_name((enum rfm_segment)s.rfm));
    fact_set(f, FN_N, n);
}

static bool same(struct risk_state a, struct risk_state b)
{
    return a.rated == b.rated && (!a.rated || (a.level == b.level && a.main == b.main && a.rfm == b.rfm));
}

static bool find_uses(struct track_view *v, const struct customer_case *c, struct risk_track *r)
{
    const struct ledger_list *uses = &c->ledger.list[LEDGER_USE];
    r->use_ms = view_alloc(v, (uses->n + 1) * sizeof *r->use_ms);
    for (uint32_t i = 0; r->use_ms && i < uses->n; i++)
        r->use_ms[i] = uses->v[i].t_ms;
    r->n_uses = uses->n;
    return r->use_ms != NULL;
}

void risk_facts(struct track_view *v, const struct customer_case *c)
{
    struct risk_track r = { 0 };
    if (!c->n_turns || !find_uses(v, c, &r))
        return;
    find_times(v, c, &r);
    struct risk_state now, before = { 0 };
    if (c->ledger.from_ms > INT64_MIN + 4 * TREND_MS)
        before = state_at(c, &r, c->ledger.from_ms - 1);
    for (uint32_t i = 0; r.times && i < r.n && !r.failed; i++, before = now) {
        now = state_at(c, &r, r.times[i]);
        if (same(now, before))
            continue;
        if (before.rated)
            step_fact(v, c, before, r.times[i], -1);
        if (now.rated)
            step_fact(v, c, now, r.times[i], 1);
    }
}
