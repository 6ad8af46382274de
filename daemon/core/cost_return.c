/* EVA, turnover, TCO and the return figures. It books nothing and ranks no offers. */
#include "crmpulse/cost_return.h"

#include <math.h>
#include <stddef.h>

#define DAYS_PER_YEAR 365.0

enum { BISECTIONS = 200 }; /* enough to reach the last bit of a double */

static const double irr_low = -0.99, irr_high = 10;

static const char *const category_names[TCO_CATEGORIES] = {
    "licences", "maintenance", "hardware", "telecom", "external_provider", "vendor", "staff", "other",
};

struct figure figure_ratio(double numerator, double denominator)
{
    double value = denominator == 0 ? 0 : numerator / denominator;
    bool ok = denominator != 0 && isfinite(value);
    return (struct figure){ .is_null = !ok, .value = ok ? value : 0 };
}

/* Half to even, as everywhere. false: does not fit. */
static bool to_micros(double value, int64_t *ret)
{
    double rounded = rint(value);
    if (!(fabs(rounded) < 9223372036854775807.0))
        return false;
    *ret = (int64_t)rounded;
    return true;
}

struct eva eva_evaluate(const struct eva_input *in)
{
    struct eva r = { .is_null = true };
    double capital = (double)in->equity_micros + (double)in->debt_micros;
    if (!(capital > 0) || in->days < 1)
        return r;
    r.wacc = (double)in->equity_micros / capital * in->equity_cost_rate +
             (double)in->debt_micros / capital * in->debt_cost_rate * (1 - in->tax_rate);
    double nopat = (double)in->operating_profit_micros * (1 - in->tax_rate);
    double charge = r.wacc * (double)in->invested_capital_micros * in->days / DAYS_PER_YEAR;
    r.is_null = !to_micros(nopat, &r.nopat_micros) || !to_micros(charge, &r.charge_micros) ||
                !to_micros(nopat - charge, &r.eva_micros);
    return r;
}

struct figure turnover(int64_t flow_micros, int64_t start_micros, int64_t end_micros, int32_t days)
{
    double mean = ((double)start_micros + (double)end_micros) / 2;
    return days < 1 ? (struct figure){ .is_null = true }
                    : figure_ratio((double)flow_micros * DAYS_PER_YEAR, mean * days);
}

struct figure turnover_days(struct figure times_per_year)
{
    return times_per_year.is_null ? times_per_year : figure_ratio(DAYS_PER_YEAR, times_per_year.value);
}

const char *tco_category_name(enum tco_category category)
{
    return category_names[category];
}

static bool add(int64_t *sum, int64_t x)
{
    return !__builtin_add_overflow(*sum, x, sum);
}

static int sum_plan(const struct tco_plan *p, struct tco *r)
{
    for (uint32_t y = 0; y < p->n_years; y++) {
        for (int c = 0; c < TCO_CATEGORIES; c++) {
            int64_t cost = p->cost_micros[y][c];
            if (cost < 0 || !add(&r->year_micros[y], cost) || !add(&r->category_micros[c], cost))
                return -1;
        }
        if (!add(&r->total_micros, r->year_micros[y]))
            return -1;
        r->two_year_micros += y < 2 ? r->year_micros[y] : 0; /* at most the total */
    }
    return 0;
}

static bool outside(double value, double low, double high)
{
    return value < low || value > high;
}

static void check_scope(const struct tco_plan *p, struct tco *r)
{
    static const double factor[][3] = {
        [TCO_OVER_BUDGET] = { 1.35, 1.65, 1.8 }, [TCO_OF_TRUE_COST] = { 1 / (1 - 0.35), 1 / (1 - 0.65), 1 / (1 - 0.8) }
    };
    for (int c = 0; c < TCO_CATEGORIES; c++)
        r->warnings |= p->stated[c] ? 0 : TCO_W_CATEGORY_MISSING;
    if (p->n_years < TCO_YEARS)
        r->warnings |= TCO_W_YEARS_MISSING;
    if (p->n_years > 2 && !(r->warnings & TCO_W_CATEGORY_MISSING))
        return;
    r->warnings |= TCO_W_REAL_COST;
    r->likely_low = factor[p->warn][0];
    r->likely_high = factor[p->warn][1];
    r->worst = factor[p->warn][2];
}

/* A year's maintenance is paid on what was bought before it. Year 1 is usually covered by the purchase: checked only if it has any. */
static void check_maintenance(const struct tco_plan *p, struct tco *r)
{
    int64_t bought = 0;
    for (uint32_t y = 0; y < p->n_years; y++) {
        int64_t fee = p->cost_micros[y][TCO_MAINTENANCE], licences = p->cost_micros[y][TCO_LICENCES];
        struct figure *ratio = &r->maintenance_ratio[y];
        *ratio = figure_ratio((double)fee, (double)(y ? bought : licences));
        if (y == 0 && fee == 0)
            *ratio = (struct figure){ .is_null = true };
        if (!ratio->is_null && outside(ratio->value, 0.15, 0.25))
            r->warnings |= TCO_W_MAINTENANCE;
        bought += licences;
    }
}

static void check_upfront(const struct tco_plan *p, struct tco *r)
{
    int64_t upfront = p->has_upfront ? p->upfront_micros : r->year_micros[0];
    r->upfront_share = figure_ratio((double)upfront, (double)r->total_micros);
    r->continuing_share = figure_ratio((double)r->total_micros - (double)upfront, (double)r->total_micros);
    if (r->upfront_share.is_null || outside(r->upfront_share.value, 0.55, 0.65))
        r->warnings |= TCO_W_UPFRONT;
}

/* `percent` of `micros`, half to even. */
static int64_t percent_of(int64_t micros, int percent)
{
    __int128 product = (__int128)micros * percent;
    int64_t whole = (int64_t)(product / 100), rest = (int64_t)(product % 100);
    return whole + (rest > 50 || (rest == 50 && whole % 2));
}

static bool in_range(int64_t reserve, int64_t cost, int low_percent, int high_percent)
{
    __int128 hundred = (__int128)reserve * 100;
    return hundred >= (__int128)cost * low_percent && hundred <= (__int128)cost * high_percent;
}

static void check_reserves(const struct tco_plan *p, struct tco *r)
{
    for (uint32_t y = TCO_RESERVE_FROM_YEAR - 1; y < p->n_years; y++) {
        int64_t cost = r->year_micros[y];
        r->run[y] = (struct tco_range){ percent_of(cost, 15), percent_of(cost, 20) };
        r->improve[y] = (struct tco_range){ percent_of(cost, 25), percent_of(cost, 40) };
        if (!p->has_reserves || !in_range(p->run_reserve_micros[y], cost, 15, 20))
            r->warnings |= TCO_W_RUN_RESERVE;
        if (!p->has_reserves || !in_range(p->improve_reserve_micros[y], cost, 25, 40))
            r->warnings |= TCO_W_IMPROVE_RESERVE;
    }
}

int tco_evaluate(const struct tco_plan *plan, struct tco *ret)
{
    *ret = (struct tco){ 0 };
    if (plan->n_years < 1 || plan->n_years > TCO_YEARS_MAX || sum_plan(plan, ret) != 0)
        return -1;
    check_scope(plan, ret);
    check_maintenance(plan, ret);
    check_upfront(plan, ret);
    check_reserves(plan, ret);
    ret->two_year_missing = figure_ratio((double)(ret->total_micros - ret->two_year_micros), (double)ret->total_micros);
    if (plan->n_years <= 2)
        ret->two_year_missing = (struct figure){ .is_null = true };
    return 0;
}

struct figure tco_per_user_year_micros(int64_t total_micros, int64_t users, uint32_t years)
{
    return figure_ratio((double)total_micros, (double)users * years);
}

struct figure roi(int64_t benefit_micros, int64_t cost_micros)
{
    return figure_ratio((double)benefit_micros - (double)cost_micros, (double)cost_micros);
}

struct figure payback_years(const int64_t *flow_micros, uint32_t n)
{
    double sum = 0;
    for (uint32_t t = 0; t < n; t++) {
        double flow = (double)flow_micros[t];
        if (sum + flow >= 0)
            return (struct figure){ .value = t + (sum < 0 ? -sum / flow : 0) };
        sum += flow;
    }
    return (struct figure){ .is_null = true };
}

/* Flows at the ends of their years, by Horner's rule from the last. */
static double present_value(const int64_t *flow_micros, uint32_t n, double rate)
{
    double value = 0;
    for (uint32_t t = n; t-- > 0;)
        value = (value + (double)flow_micros[t]) / (1 + rate);
    return value;
}

struct figure npv(const int64_t *flow_micros, uint32_t n, double rate, enum npv_timing timing)
{
    if (!(rate > -1) || n == 0)
        return (struct figure){ .is_null = true };
    double value = present_value(flow_micros, n, rate) * (timing == NPV_YEAR_START ? 1 + rate : 1);
    return isfinite(value) ? (struct figure){ .value = value } : (struct figure){ .is_null = true };
}

struct figure irr(const int64_t *flow_micros, uint32_t n)
{
    double low = irr_low, high = irr_high;
    double at_low = present_value(flow_micros, n, low), at_high = present_value(flow_micros, n, high);
    if (!((at_low < 0 && at_high > 0) || (at_low > 0 && at_high < 0)))
        return (struct figure){ .is_null = true };
    for (int i = 0; i < BISECTIONS; i++) {
        double middle = (low + high) / 2, at_middle = present_value(flow_micros, n, middle);
        if ((at_middle < 0) == (at_low < 0))
            low = middle;
        else
            high = middle;
    }
    return (struct figure){ .value = (low + high) / 2 };
}
