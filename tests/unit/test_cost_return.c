/* EVA, turnover, TCO, ROI, payback, NPV and IRR: the worked examples of the domain specification 4.6 and 4.7, and the edges. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "crmpulse/cost_return.h"

#define K INT64_C(1000000000) /* a thousand, in micros */
#define M (1000 * K)

static struct eva_input capital(void)
{
    return (struct eva_input){ .operating_profit_micros = 6 * M,
                               .equity_micros = 24 * M,
                               .debt_micros = 16 * M,
                               .invested_capital_micros = 40 * M,
                               .tax_rate = .25,
                               .equity_cost_rate = .11,
                               .debt_cost_rate = .05,
                               .days = 365 };
}

Test(cost_return, eva_of_the_example)
{
    struct eva_input in = capital();
    struct eva r = eva_evaluate(&in);
    cr_assert_not(r.is_null);
    cr_assert_eq(r.nopat_micros, 4500 * K);
    cr_assert_float_eq(r.wacc, .081, 1e-12);
    cr_assert_eq(r.charge_micros, 3240 * K);
    cr_assert_eq(r.eva_micros, 1260 * K);
    in.days = 73; /* a fifth of the year */
    cr_assert_eq(eva_evaluate(&in).charge_micros, 648 * K);
    in.equity_micros = in.debt_micros = 0;
    cr_assert(eva_evaluate(&in).is_null);
}

Test(cost_return, turnovers_of_the_example)
{
    cr_assert_float_eq(turnover(52 * M, 38 * M, 42 * M, 365).value, 1.3, 1e-12);
    cr_assert_float_eq(turnover(31 * M, 5 * M, 7400 * K, 365).value, 5.0, 1e-12);
    struct figure r = turnover(52 * M, 8 * M, 9600 * K, 365);
    cr_assert_float_eq(r.value, 5.909, .0005);
    cr_assert_float_eq(turnover_days(r).value, 61.8, .05);
    cr_assert_float_eq(turnover(13 * M, 38 * M, 42 * M, 73).value, 1.625, 1e-12, "13/40 in a fifth of a year");
    cr_assert(turnover(1, 0, 0, 365).is_null);
    cr_assert(turnover(1, 1, 1, 0).is_null);
    cr_assert(turnover_days(turnover(1, 0, 0, 365)).is_null);
    cr_assert(turnover_days(turnover(0, 1, 1, 365)).is_null, "nothing moved: it stands for ever");
}

static struct tco_plan example(void)
{
    static const int64_t first[] = { 300, 0, 150, 12, 250, 80, 180, 28 }, later[] = { 0, 60, 15, 12, 20, 10, 70, 11 };
    struct tco_plan p = { .n_years = 5, .has_reserves = true };
    for (int c = 0; c < TCO_CATEGORIES; c++) {
        p.stated[c] = true;
        for (int y = 0; y < 5; y++)
            p.cost_micros[y][c] = (y ? later : first)[c] * K;
    }
    for (int y = 2; y < 5; y++) {
        p.run_reserve_micros[y] = 35 * K;
        p.improve_reserve_micros[y] = 60 * K;
    }
    return p;
}

static struct tco evaluate(const struct tco_plan *p)
{
    struct tco r;
    cr_assert_eq(tco_evaluate(p, &r), 0);
    return r;
}

Test(cost_return, tco_of_the_example)
{
    static const int64_t five_years[] = { 300, 240, 210, 60, 330, 120, 460, 72 };
    struct tco_plan p = example();
    struct tco r = evaluate(&p);
    cr_assert_eq(r.total_micros, 1792 * K);
    for (int c = 0; c < TCO_CATEGORIES; c++)
        cr_assert_eq(r.category_micros[c], five_years[c] * K, "%s", tco_category_name((enum tco_category)c));
    cr_assert_eq(r.year_micros[0], 1000 * K);
    cr_assert_eq(r.year_micros[4], 198 * K);
    cr_assert_float_eq(r.upfront_share.value, .558, .0005);
    cr_assert_float_eq(r.continuing_share.value, .442, .0005);
    cr_assert(r.maintenance_ratio[0].is_null);
    cr_assert_float_eq(r.maintenance_ratio[1].value, .20, 1e-12);
    cr_assert_float_eq(r.maintenance_ratio[4].value, .20, 1e-12);
    cr_assert_eq(r.two_year_micros, 1198 * K);
    cr_assert_float_eq(r.two_year_missing.value, .331, .0005);
    cr_assert_eq(r.run[2].low_micros, 29700000000);
    cr_assert_eq(r.run[2].high_micros, 39600000000);
    cr_assert_eq(r.improve[4].low_micros, 49500000000);
    cr_assert_eq(r.improve[4].high_micros, 79200000000);
    cr_assert_eq(r.run[1].high_micros, 0, "from year 3 only");
    cr_assert_eq(r.warnings, 0);
    cr_assert_eq(r.worst, 0);
    cr_assert_float_eq(tco_per_user_year_micros(r.total_micros, 100, 5).value, 3.584e9, 1e-3);
    cr_assert_float_eq(tco_per_user_year_micros(r.total_micros, 60, 5).value / 1e9, 5.973, .0005);
    cr_assert(tco_per_user_year_micros(r.total_micros, 0, 5).is_null);
}

Test(cost_return, tco_short_plans_are_warned_about)
{
    struct tco_plan p = example();
    p.n_years = 2;
    struct tco r = evaluate(&p);
    cr_assert(r.warnings & TCO_W_YEARS_MISSING);
    cr_assert(r.warnings & TCO_W_REAL_COST);
    cr_assert(r.likely_low == 1.35 && r.likely_high == 1.65 && r.worst == 1.8);
    cr_assert(r.two_year_missing.is_null);
    p.warn = TCO_OF_TRUE_COST;
    r = evaluate(&p);
    cr_assert_float_eq(r.likely_low, 1.54, .005);
    cr_assert_float_eq(r.likely_high, 2.86, .005);
    cr_assert_float_eq(r.worst, 5, 1e-12);
    p.n_years = 3;
    r = evaluate(&p);
    cr_assert(r.warnings & TCO_W_YEARS_MISSING);
    cr_assert_not(r.warnings & TCO_W_REAL_COST, "three years: short, but not blind");
}

Test(cost_return, tco_missing_category_is_not_a_zero)
{
    struct tco_plan p = example();
    p.stated[TCO_VENDOR] = false;
    struct tco r = evaluate(&p);
    cr_assert(r.warnings & TCO_W_CATEGORY_MISSING);
    cr_assert(r.warnings & TCO_W_REAL_COST);
}

Test(cost_return, tco_limits_are_inclusive)
{
    struct tco_plan p = example();
    p.has_upfront = true;
    p.upfront_micros = 985600000000; /* 1792 x 0.55 */
    cr_assert_not(evaluate(&p).warnings & TCO_W_UPFRONT);
    p.upfront_micros -= 1000000;
    cr_assert(evaluate(&p).warnings & TCO_W_UPFRONT);
    p.upfront_micros = 1164800000000; /* x 0.65 */
    cr_assert_not(evaluate(&p).warnings & TCO_W_UPFRONT);
    p = example();
    p.run_reserve_micros[2] = 29700000000;
    p.improve_reserve_micros[2] = 79200000000;
    cr_assert_eq(evaluate(&p).warnings, 0);
    p.run_reserve_micros[2]--;
    p.improve_reserve_micros[2]++;
    cr_assert_eq(evaluate(&p).warnings, TCO_W_RUN_RESERVE | TCO_W_IMPROVE_RESERVE);
    p = example();
    p.has_reserves = false;
    cr_assert_eq(evaluate(&p).warnings, TCO_W_RUN_RESERVE | TCO_W_IMPROVE_RESERVE, "not stated");
    p = example();
    p.cost_micros[3][TCO_MAINTENANCE] = 75 * K; /* 0.25 of 300 */
    cr_assert_not(evaluate(&p).warnings & TCO_W_MAINTENANCE);
    p.cost_micros[3][TCO_MAINTENANCE]++;
    cr_assert(evaluate(&p).warnings & TCO_W_MAINTENANCE);
}

Test(cost_return, tco_refuses)
{
    struct tco_plan p = example();
    struct tco r;
    p.cost_micros[1][TCO_STAFF] = -1;
    cr_assert_eq(tco_evaluate(&p, &r), -1);
    p.cost_micros[1][TCO_STAFF] = INT64_MAX;
    cr_assert_eq(tco_evaluate(&p, &r), -1, "overflow");
    p = example();
    p.n_years = 0;
    cr_assert_eq(tco_evaluate(&p, &r), -1);
    memset(&p.cost_micros, 0, sizeof(p.cost_micros));
    p.n_years = 5;
    cr_assert_eq(tco_evaluate(&p, &r), 0);
    cr_assert(r.upfront_share.is_null && r.two_year_missing.is_null && r.maintenance_ratio[1].is_null);
}

static const int64_t flows[] = { -800 * K, 302 * K, 402 * K, 452 * K, 452 * K };

Test(cost_return, return_of_the_example)
{
    cr_assert_float_eq(roi(2600 * K, 1792 * K).value, .4509, .00005);
    struct figure years = payback_years(flows, 5);
    cr_assert_float_eq(years.value, 3 + 96 / 452.0, 1e-12);
    cr_assert_float_eq(years.value, 3.212, .0005);
    cr_assert_float_eq(years.value * 12, 38.5, .05);
    cr_assert_float_eq(npv(flows, 5, .10, NPV_YEAR_END).value / 1e9, 413.72, .005);
    cr_assert_float_eq(npv(flows, 5, .10, NPV_YEAR_START).value / 1e9, 455.09, .005);
    cr_assert_float_eq(irr(flows, 5).value, .3235, .00005);
}

Test(cost_return, return_edges)
{
    const int64_t gain[] = { 5, 5 }, loss[] = { -5, 2 }, even[] = { -100, 110 }, exact[] = { -100, 60, 40 },
                  none[] = { 0, 0 };
    cr_assert(roi(5, 0).is_null);
    cr_assert_eq(roi(0, 5).value, -1);
    cr_assert_eq(payback_years(gain, 2).value, 0);
    cr_assert(payback_years(loss, 2).is_null, "never");
    cr_assert(payback_years(gain, 0).is_null);
    cr_assert_eq(payback_years(exact, 3).value, 3, "0 at the very end of year 3");
    cr_assert_float_eq(irr(even, 2).value, .10, 1e-12);
    cr_assert(irr(gain, 2).is_null, "no change of sign");
    cr_assert(irr(none, 2).is_null);
    cr_assert(irr(gain, 0).is_null);
    cr_assert_float_eq(irr(loss, 2).value, -.6, 1e-12);
    cr_assert(npv(gain, 2, -1, NPV_YEAR_END).is_null);
    cr_assert(npv(gain, 0, .1, NPV_YEAR_END).is_null);
    cr_assert_eq(npv(gain, 2, 0, NPV_YEAR_END).value, 10);
}

/* At its internal rate a plan is worth nothing. */
Test(cost_return, npv_at_irr_is_zero)
{
    uint64_t seed = 3;
    int found = 0;
    for (int round = 0; round < 500; round++) {
        int64_t flow[8];
        for (int t = 0; t < 8; t++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            flow[t] = (int64_t)(seed >> 40) - (t ? 1000000 : 40000000);
        }
        struct figure rate = irr(flow, 8);
        if (rate.is_null)
            continue;
        found++;
        cr_assert_leq(fabs(npv(flow, 8, rate.value, NPV_YEAR_START).value), 1e-6 * 4e7);
    }
    cr_assert_gt(found, 400);
}
