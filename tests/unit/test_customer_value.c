/* RFM, purchase cycle, churn risk, lifetime value, forecasts: the figures of the domain specification 4.9 and the edges. */
#include <criterion/criterion.h>
#include <string.h>

#include "crmpulse/customer_value.h"

#define DAY  INT64_C(86400000)
#define YUAN INT64_C(1000000)

static struct rfm_cuts cuts(void)
{
    struct rfm_cuts c = rfm_cuts_default();
    for (int i = 0; i < RFM_CUTS; i++)
        c.monetary_micros[i] = (4 - i) * 1000 * YUAN;
    return c;
}

Test(rfm, cuts_are_inclusive)
{
    static const struct {
        int64_t days, txns, yuan;
        int r, f, m;
    } row[] = { { 0, 40, 9000, 5, 5, 5 },  { 30, 12, 4000, 5, 5, 5 }, { 31, 11, 3999, 4, 4, 4 },
                { 60, 6, 3000, 4, 4, 4 },  { 61, 5, 2999, 3, 3, 3 },  { 120, 3, 2000, 3, 3, 3 },
                { 121, 2, 1999, 2, 2, 2 }, { 240, 2, 1000, 2, 2, 2 }, { 241, 1, 999, 1, 1, 1 },
                { 9999, 0, -500, 1, 1, 1 } };
    struct rfm_cuts c = cuts();
    for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
        struct rfm s = rfm_score(&c, row[i].days, row[i].txns, row[i].yuan * YUAN);
        cr_assert(s.r == row[i].r && s.f == row[i].f && s.m == row[i].m, "row %zu: %d %d %d", i, s.r, s.f, s.m);
    }
}

Test(rfm, segments_by_first_match)
{
    static const struct {
        int r, f;
        const char *name;
    } row[] = { { 5, 5, "champion" }, { 4, 4, "champion" },  { 3, 4, "loyal" },     { 3, 5, "loyal" },
                { 5, 1, "new" },      { 4, 2, "promising" }, { 4, 3, "promising" }, { 2, 3, "at_risk" },
                { 1, 5, "at_risk" },  { 1, 2, "lost" },      { 2, 2, "sleeping" },  { 3, 3, "sleeping" },
                { 3, 1, "sleeping" } };
    for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++)
        cr_assert_str_eq(rfm_segment_name(rfm_segment_of((struct rfm){ row[i].r, row[i].f, 3 })), row[i].name,
                         "row %zu", i);
}

Test(rfm, quintiles)
{
    const int64_t value[] = { 50, 10, 40, 20, 30 }, tied[] = { 7, 7, 7, 7, 7, 9 };
    int s[6];
    cr_assert_eq(rfm_quintiles(value, 5, false, s), 0);
    cr_assert(s[0] == 5 && s[1] == 1 && s[2] == 4 && s[3] == 2 && s[4] == 3);
    cr_assert_eq(rfm_quintiles(value, 5, true, s), 0);
    cr_assert(s[0] == 1 && s[1] == 5 && s[2] == 2 && s[3] == 4 && s[4] == 3, "recency: few days are good");
    cr_assert_eq(rfm_quintiles(tied, 6, false, s), 0);
    cr_assert(s[0] == 1 && s[4] == 1 && s[5] == 5, "equal values score alike: 1 + floor(5 x 5/6)");
    cr_assert_eq(rfm_quintiles(NULL, 0, false, s), 0);
}

/* Gaps 28, 31, 25, 34, 30 d. */
static const int64_t txn_ms[] = { 0, 28 * DAY, 59 * DAY, 84 * DAY, 118 * DAY, 148 * DAY };

Test(purchase, cycle_of_the_example)
{
    struct figure none = { .is_null = true }, segment = { .value = 40.0 * DAY };
    cr_assert_eq(purchase_cycle_ms(txn_ms, 6, none).value, 30.0 * DAY);
    cr_assert_eq(purchase_cycle_ms(txn_ms, 3, none).value, 29.5 * DAY, "gaps 28 and 31");
    cr_assert_eq(purchase_cycle_ms(txn_ms, 2, segment).value, 40.0 * DAY);
    cr_assert(purchase_cycle_ms(txn_ms, 2, none).is_null);
    cr_assert(purchase_cycle_ms(NULL, 0, none).is_null);
    /* gaps 900 1 1 1 5 5 5: of the last six (1 + 5) / 2, of all seven it would be 5 */
    const int64_t seven[] = { -900 * DAY, 0, 1 * DAY, 2 * DAY, 3 * DAY, 8 * DAY, 13 * DAY, 18 * DAY };
    cr_assert_eq(purchase_cycle_ms(seven, 8, none).value, 3.0 * DAY, "the last 6 gaps");
}

Test(purchase, reminders_of_the_example)
{
    struct figure cycle = { .value = 30.0 * DAY };
    struct purchase_state s = { 0 };
    int64_t last = 1000 * DAY, half = DAY / 2;
    cr_assert_eq(purchase_remind(&s, last, cycle, last).raised, 0);
    cr_assert_eq(purchase_remind(&s, last, cycle, last + 27 * DAY - 1).raised, 0);
    cr_assert_eq(purchase_remind(&s, last, cycle, last + 27 * DAY).raised, REMINDER_DUE);
    cr_assert_eq(purchase_remind(&s, last, cycle, last + 28 * DAY).raised, 0, "once per gap");
    cr_assert_eq(purchase_remind(&s, last, cycle, last + 37 * DAY + half - 1).raised, 0);
    cr_assert_eq(purchase_remind(&s, last, cycle, last + 37 * DAY + half).raised, REMINDER_OVERDUE);
    cr_assert_eq(purchase_remind(&s, last, cycle, last + 60 * DAY).raised, REMINDER_LAPSED);
    struct reminder_change c = purchase_remind(&s, last + 61 * DAY, cycle, last + 61 * DAY);
    cr_assert_eq(c.withdrawn, REMINDER_DUE | REMINDER_OVERDUE | REMINDER_LAPSED);
    cr_assert_eq(c.raised, 0);
    c = purchase_remind(&s, last + 61 * DAY, cycle, last + 100 * DAY);
    cr_assert_eq(c.raised, REMINDER_DUE | REMINDER_OVERDUE, "39 d: a look that comes late misses none");
    cr_assert_eq(c.withdrawn, 0);
    cr_assert_eq(purchase_remind(&s, last + 61 * DAY, (struct figure){ .is_null = true }, last + 999 * DAY).raised, 0);
}

static struct figure days(double d)
{
    return (struct figure){ .value = d };
}

Test(churn, the_example)
{
    struct churn_input in = { .days_since_use = days(26),
                              .days_since_txn = days(54),
                              .cycle_days = days(30),
                              .txns_known = true,
                              .txns_last_90d = 1,
                              .txns_before_90d = 3 };
    struct churn_risk r = churn_risk_of(&in);
    cr_assert_float_eq(r.part[CHURN_USE].value, .5, 1e-12);
    cr_assert_float_eq(r.part[CHURN_PURCHASE].value, .4, 1e-12);
    cr_assert_float_eq(r.part[CHURN_TREND].value, .6667, .00005);
    cr_assert_float_eq(r.score.value, 49.3, .05);
    cr_assert_eq(r.level, CHURN_WATCH);
    cr_assert_str_eq(churn_level_name(r.level), "watch");
    cr_assert_float_eq(r.coverage, 1, 1e-12);
    cr_assert_float_eq(r.points[CHURN_USE], 20, 1e-12);
    cr_assert_float_eq(r.points[CHURN_PURCHASE], 16, 1e-12);
    cr_assert_float_eq(r.points[CHURN_TREND], 40 / 3.0, 1e-12);
}

static struct churn_input nothing(void)
{
    struct figure none = { .is_null = true };
    return (struct churn_input){ .days_since_use = none, .days_since_txn = none, .cycle_days = none };
}

Test(churn, parts_that_are_unknown)
{
    struct churn_input in = nothing();
    struct churn_risk r = churn_risk_of(&in);
    cr_assert(r.score.is_null && r.coverage == 0);
    in.days_since_use = days(26);
    r = churn_risk_of(&in);
    cr_assert_float_eq(r.score.value, 50.0, 1e-12);
    cr_assert_float_eq(r.coverage, .4, 1e-12);
    in.txns_known = true; /* none before: the trend stays unknown */
    cr_assert(churn_risk_of(&in).part[CHURN_TREND].is_null);
    in.days_since_txn = days(5);
    in.cycle_days = days(0);
    cr_assert(churn_risk_of(&in).part[CHURN_PURCHASE].is_null);
}

Test(churn, clamped_and_levelled)
{
    struct churn_input in = nothing();
    in.days_since_use = days(3);
    cr_assert_eq(churn_risk_of(&in).score.value, 0);
    cr_assert_eq(churn_risk_of(&in).level, CHURN_LOW);
    in.days_since_use = days(7 + 38 * .35 - .01);
    cr_assert_eq(churn_risk_of(&in).level, CHURN_LOW);
    in.days_since_use = days(7 + 38 * .35 + .01);
    cr_assert_eq(churn_risk_of(&in).level, CHURN_WATCH);
    in.days_since_use = days(7 + 38 * .6 + .01);
    cr_assert_eq(churn_risk_of(&in).level, CHURN_HIGH);
    in.days_since_use = days(400);
    cr_assert_eq(churn_risk_of(&in).score.value, 100);
}

Test(clv, the_example)
{
    double m = clv_margin_per_year_micros(500 * YUAN, 6, .40);
    cr_assert_float_eq(m, 1200e6, 1e-3);
    cr_assert_float_eq(clv_simple_micros(m, .2).value, 6000e6, 1e-3);
    cr_assert_float_eq(clv_discounted_micros(m, .2, .1).value, 4400e6, 1e-3);
    cr_assert_float_eq(clv_simple_micros(m, .05).value, 12000e6, 1e-3, "ten years at most");
    cr_assert_float_eq(clv_simple_micros(m, 0).value, 12000e6, 1e-3);
    cr_assert(clv_simple_micros(m, 1.2).is_null);
    cr_assert(clv_discounted_micros(m, 0, 0).is_null, "nobody leaves and money keeps its worth: diverges");
    const int64_t margin[] = { 300 * YUAN, -50 * YUAN, 200 * YUAN }, huge[] = { INT64_MAX, 1 };
    cr_assert_eq(clv_historic_micros(margin, 3).value, 450e6);
    cr_assert(clv_historic_micros(huge, 2).is_null);
}

Test(forecast, weighted_pipeline)
{
    const struct open_deal deal[] = { { 50000 * YUAN, 600000 }, { 80000 * YUAN, 300000 }, { 40000 * YUAN, 100000 } };
    int64_t got;
    cr_assert_eq(forecast_weighted_pipeline(120000 * YUAN, deal, 3, &got), 0);
    cr_assert_eq(got, 178000 * YUAN);
    const struct open_deal t13 = { 100 * YUAN, 500000 };
    cr_assert_eq(forecast_weighted_pipeline(0, &t13, 1, &got), 0);
    cr_assert_eq(got, 50 * YUAN, "T13: the lost deal of 80 is not passed");
    const struct open_deal halves[] = { { 1, 500000 }, { 3, 500000 } };
    cr_assert_eq(forecast_weighted_pipeline(0, halves, 2, &got), 0);
    cr_assert_eq(got, 2, "0.5 to 0 and 1.5 to 2: half to even, deal by deal");
    const struct open_deal bad = { 1, 1000001 }, huge = { INT64_MAX, 1000000 };
    cr_assert_eq(forecast_weighted_pipeline(0, &bad, 1, &got), -1);
    cr_assert_eq(forecast_weighted_pipeline(1, &huge, 1, &got), -1);
}

Test(forecast, run_rate)
{
    cr_assert_eq(forecast_run_rate_micros(120000 * YUAN, 21, 14).value, 180000e6);
    cr_assert(forecast_run_rate_micros(120000 * YUAN, 21, 0).is_null);
}

Test(forecast, holt_of_the_example)
{
    const double y[] = { 100, 110, 125, 130, 145 };
    struct holt h;
    cr_assert_eq(holt_fit(&h, .5, .3, y, 5), 0);
    /* by hand: (110, 10), (122.5, 10.75), (131.625, 10.2625), (143.44375, 10.729375) */
    cr_assert_float_eq(h.level, 143.44375, 1e-9);
    cr_assert_float_eq(h.trend, 10.729375, 1e-9);
    cr_assert_float_eq(h.level, 143.444, .0005);
    cr_assert_float_eq(h.trend, 10.729, .0005);
    cr_assert_float_eq(holt_forecast(&h, 1), 154.173, .0005);
    cr_assert_float_eq(holt_forecast(&h, 2), 164.902, .00051, "164.9025 cut, not rounded up");
    cr_assert_eq(holt_fit(&h, .5, .3, y, 1), -1);
}

Test(forecast, wape_and_hold_out)
{
    const double forecast[] = { 110, 115, 99 }, actual[] = { 100, 120, 90 }, zero[] = { 0, 0, 0 };
    cr_assert_float_eq(wape(forecast, actual, 3).value, .0774, .00005);
    cr_assert(wape(forecast, zero, 3).is_null);
    cr_assert_eq(holdout_precision(3, 1).value, .75);
    cr_assert_eq(holdout_recall(3, 2).value, .6);
    cr_assert(holdout_precision(0, 0).is_null && holdout_recall(0, 0).is_null);
}
