/* KPI values: forms, empty policies, samples, comparisons, distributions, extremes, gauges, elapsed shares. Expected values are counted by hand. */
#include <math.h>

#include "crmpulse/sketch.h"
#include "eval_fixture.h"

static struct world w;
static struct evaluator *e;

static void begin(void)
{
    world_init(&w, 0);
}

static void end(void)
{
    evaluator_free(e);
    world_release(&w);
}

TestSuite(kpi_value, .init = begin, .fini = end);

#define ORG (1u << DIM_ORG)
#define REP (1u << DIM_REP)

static void start(void)
{
    e = world_start(&w, false, false, false);
}

Test(kpi_value, ratio_with_parts)
{
    add_measure(&w, "won", AGG_COUNT);
    add_measure(&w, "lost", AGG_COUNT);
    int k = add_kpi(&w, "win_rate", KPI_RATIO, "won", "won + lost", NULL, "m", ORG | REP);
    start();
    for (int i = 0; i < 3; i++)
        happen(e, "org:acme|won", at("2025-03-10T01:00Z") + i * DAY_MS, 1);
    happen(e, "org:acme|lost", at("2025-03-26T02:00Z"), 1);
    happen(e, "rep:ann|won", at("2025-03-10T01:00Z"), 1);
    happen(e, "rep:ann|lost", at("2025-03-26T02:00Z"), 1);
    struct kept_row r = one(e, k, "m", DIM_ORG, "acme", at("2025-03-27T02:00Z"));
    cr_assert(r.row.value == 0.75 && r.row.numerator == 3 && r.row.denominator == 4 && r.row.is_ratio &&
              !r.row.is_null);
    cr_assert_eq(r.row.window_start_ms, 1740787200000, "2025-03-01T00:00Z");
    cr_assert_eq(r.row.window_end_ms, 1743465600000, "2025-04-01T00:00Z");
    r = one(e, k, "m", DIM_REP, "ann", at("2025-03-27T02:00Z"));
    cr_assert(r.row.value == 0.5 && r.row.numerator == 1 && r.row.denominator == 2);
    r = one(e, k, "m", DIM_ORG, "acme", at("2025-04-01T00:00Z"));
    cr_assert(r.row.is_null && r.row.numerator == 0 && r.row.denominator == 0, "April is empty");
}

Test(kpi_value, empty_policies)
{
    add_measure(&w, "sales", AGG_SUM);
    add_measure(&w, "n", AGG_COUNT);
    int amount = add_kpi(&w, "sales", KPI_VALUE, NULL, NULL, "sales", "m", ORG);
    int mean = add_kpi(&w, "mean", KPI_RATIO, "sales", "n", NULL, "m", ORG);
    int zero = add_kpi(&w, "zero", KPI_RATIO, "sales", "n", NULL, "m", ORG);
    w.kpi[zero].empty_zero = true;
    start();
    put(e, "org:acme|other", CELL_HOUR, 0, 0, 1); /* a measure that nobody knows: the org exists */
    int64_t t = at("2025-03-10");
    struct kept_row r = one(e, amount, "m", DIM_ORG, "acme", t);
    cr_assert(!r.row.is_null && r.row.value == 0 && r.row.numerator == 0);
    cr_assert(one(e, mean, "m", DIM_ORG, "acme", t).row.is_null);
    r = one(e, zero, "m", DIM_ORG, "acme", t);
    cr_assert(!r.row.is_null && r.row.value == 0);
    cr_assert_eq(ask(e, amount, "m", DIM_REP, "ann", t).n, 0, "nobody knows ann");
}

/* T7: before 100 now 120; before 0 now 5; both 0. */
Test(kpi_value, growth_from_zero)
{
    add_measure(&w, "sales", AGG_SUM);
    int k = add_kpi(&w, "growth", KPI_RATIO, "sales - sales.prev", "sales.prev", NULL, "m", REP);
    start();
    happen(e, "rep:a|sales", at("2025-02-10"), 100);
    happen(e, "rep:a|sales", at("2025-03-10"), 120);
    happen(e, "rep:b|sales", at("2025-03-10"), 5);
    happen(e, "rep:c|sales", at("2024-03-10"), 5);
    int64_t t = at("2025-03-31T23:59:59Z");
    struct kept_row r = one(e, k, "m", DIM_REP, "a", t);
    cr_assert(r.row.value == 0.2 && r.row.numerator == 20 && r.row.denominator == 100);
    r = one(e, k, "m", DIM_REP, "b", t);
    cr_assert(r.row.is_null && strstr(r.flags, "from_zero") && r.row.numerator == 5);
    r = one(e, k, "m", DIM_REP, "c", t);
    cr_assert(r.row.is_null && !strstr(r.flags, "from_zero"));
}

/* T6: ten a day in February and March; after ten days nothing has grown. T18: all of March is compared with a shorter February. */
Test(kpi_value, growth_compares_the_same_elapsed_part)
{
    add_measure(&w, "sales", AGG_SUM);
    int k = add_kpi(&w, "growth", KPI_RATIO, "sales - sales.prev", "sales.prev", NULL, "td", ORG);
    start();
    for (int64_t t = at("2025-02-01T12:00Z"); t < at("2025-04-01"); t += DAY_MS)
        happen(e, "org:acme|sales", t, 10);
    struct kept_row r = one(e, k, "td", DIM_ORG, "acme", at("2025-03-10T23:59:59Z"));
    cr_assert(r.row.value == 0 && r.row.denominator == 100 && !strstr(r.flags, "short_base"));
    r = one(e, k, "td", DIM_ORG, "acme", at("2025-03-31T23:59:59Z"));
    cr_assert(r.row.numerator == 30 && r.row.denominator == 280 && strstr(r.flags, "short_base"));
    cr_assert_float_eq(r.row.value, 0.107142857142857, 1e-12);
}

Test(kpi_value, derived_measures_and_extras)
{
    add_measure(&w, "txn", AGG_SUM);
    add_measure(&w, "refund", AGG_SUM);
    add_measure(&w, "sales", AGG_DERIVED)->derived = formula(&w, "txn - refund");
    int k = add_kpi(&w, "sales", KPI_VALUE, NULL, NULL, "sales", "m", ORG);
    w.kpi[k].n_extras = 2;
    w.kpi[k].extra[0] = (struct kpi_extra){ .name = "gross", .value = formula(&w, "txn") };
    w.kpi[k].extra[1] = (struct kpi_extra){ .name = "before", .value = formula(&w, "sales.prev") };
    w.kpi[k].switches = "sales_basis=deals";
    start();
    happen(e, "org:acme|txn", at("2025-02-03T02:00Z"), 70);
    happen(e, "org:acme|txn", at("2025-03-10T01:00Z"), 160);
    happen(e, "org:acme|refund", at("2025-03-25T02:00Z"), 6);
    struct kept_row r = one(e, k, "m", DIM_ORG, "acme", at("2025-03-31T23:59Z"));
    cr_assert(r.row.value == 154 && r.row.numerator == 154 && !r.row.is_ratio);
    cr_assert_str_eq(r.flags, "short_base,gross=160,before=70,sales_basis=deals");
}

static void duration(const char *subject, int64_t t, int64_t ms, int64_t n)
{
    static struct sketch_bounds bounds;
    char field[96];
    if (bounds.n == 0)
        sketch_bounds_init(&bounds);
    snprintf(field, sizeof field, "%s|time.n", subject);
    happen(e, field, t, n);
    snprintf(field, sizeof field, "%s|time.sum", subject);
    happen(e, field, t, n * ms);
    snprintf(field, sizeof field, "%s|time#%u", subject, sketch_bin(&bounds, ms));
    happen(e, field, t, n);
}

/* T30: 1, 2, 3, 4 (small values have bins of their own): p50 2, p90 4, mean 2.5. */
Test(kpi_value, durations)
{
    add_measure(&w, "time", AGG_DURATION);
    int k = add_kpi(&w, "time", KPI_DURATION, NULL, NULL, NULL, "m", ORG);
    w.kpi[k].duration = 0;
    int mean = add_kpi(&w, "mean", KPI_VALUE, NULL, NULL, "time", "m", ORG);
    int parts = add_kpi(&w, "parts", KPI_RATIO, "time.sum", "time.n", NULL, "m", ORG);
    start();
    for (int i = 4; i >= 1; i--)
        duration("org:acme", at("2025-03-05") + i * HOUR_MS, i, 1);
    duration("org:acme", at("2025-04-01"), 1000000, 1);
    struct kept_row r = one(e, k, "m", DIM_ORG, "acme", at("2025-03-31"));
    cr_assert(r.row.has_distribution && r.row.count == 4 && r.row.sum == 10 && r.row.mean == 2.5 && r.row.value == 2.5);
    cr_assert(r.row.p50 == 2 && r.row.p90 == 4 && r.row.p95 == 4 && r.row.p99 == 4);
    cr_assert_eq(r.row.quantile_error, 0.01);
    cr_assert_eq(one(e, mean, "m", DIM_ORG, "acme", at("2025-03-31")).row.value, 2.5);
    r = one(e, parts, "m", DIM_ORG, "acme", at("2025-03-31"));
    cr_assert(r.row.numerator == 10 && r.row.denominator == 4 && r.row.value == 2.5);
    r = one(e, k, "m", DIM_ORG, "acme", at("2025-04-01T00:00Z"));
    cr_assert(r.row.count == 1 && fabs(r.row.p50 - 1000000) <= 10000, "within one percent");
    r = one(e, k, "m", DIM_ORG, "acme", at("2025-05-01T00:00Z"));
    cr_assert(r.row.is_null && !r.row.has_distribution);
    duration("org:acme", at("2025-03-05") + 4 * HOUR_MS, 4, -1); /* withdrawn */
    r = one(e, k, "m", DIM_ORG, "acme", at("2025-03-31"));
    cr_assert(r.row.count == 3 && r.row.p90 == 3 && r.row.value == 2);
}

Test(kpi_value, extremes_come_back_when_a_pane_leaves)
{
    add_measure(&w, "low", AGG_MIN);
    add_measure(&w, "high", AGG_MAX);
    int low = add_kpi(&w, "low", KPI_VALUE, NULL, NULL, "low", "24h", ORG),
        high = add_kpi(&w, "high", KPI_VALUE, NULL, NULL, "high", "24h", ORG);
    start();
    int64_t t = at("2025-03-05T10:00Z");
    happen(e, "org:acme|low#-7", t, 1);
    happen(e, "org:acme|low#3", t + HOUR_MS, 1);
    happen(e, "org:acme|high#90", t, 2);
    happen(e, "org:acme|high#80", t + HOUR_MS, 1);
    cr_assert_eq(one(e, low, "24h", DIM_ORG, "acme", t + 23 * HOUR_MS).row.value, -7);
    cr_assert_eq(one(e, low, "24h", DIM_ORG, "acme", t + 24 * HOUR_MS).row.value, 3, "the pane of 10:00 left");
    cr_assert_eq(one(e, high, "24h", DIM_ORG, "acme", t + 2 * HOUR_MS).row.value, 90);
    happen(e, "org:acme|high#90", t, -2);
    cr_assert_eq(one(e, high, "24h", DIM_ORG, "acme", t + 2 * HOUR_MS).row.value, 80, "withdrawn");
    cr_assert(one(e, high, "24h", DIM_ORG, "acme", t + 25 * HOUR_MS).row.is_null);
}

/* T19: near 2^63 the value is null, a counter rises, nothing wraps. */
Test(kpi_value, overflow_is_null)
{
    add_measure(&w, "sales", AGG_SUM);
    int k = add_kpi(&w, "sales", KPI_VALUE, NULL, NULL, "sales", "m d", ORG);
    w.kpi[k].empty_zero = true;
    start();
    happen(e, "org:acme|sales", at("2025-03-05"), INT64_MAX);
    happen(e, "org:acme|sales", at("2025-03-06"), 1);
    struct kept_row r = one(e, k, "m", DIM_ORG, "acme", at("2025-03-07"));
    cr_assert(r.row.is_null && strstr(r.flags, "overflow"), "over panes");
    cr_assert_eq(one(e, k, "d", DIM_ORG, "acme", at("2025-03-05")).row.numerator, INT64_MAX);
    happen(e, "org:acme|sales", at("2025-03-05"), 1);
    struct evaluator_stats stats;
    evaluator_stats(e, &stats);
    cr_assert_geq(stats.overflows, 1);
    r = one(e, k, "d", DIM_ORG, "acme", at("2025-03-05"));
    cr_assert(r.row.is_null && strstr(r.flags, "overflow"), "in a pane");
}

/* 7.2: org quota pace at e30: elapsed 317/372 of March in Shanghai, goal to date 204 516.129032. */
Test(kpi_value, elapsed_share_of_the_cycle)
{
    world_init(&w, 8 * 3600 * 1000);
    add_measure(&w, "sales", AGG_SUM);
    add_measure(&w, "target", AGG_SUM);
    int k = add_kpi(&w, "pace", KPI_RATIO, "sales", "target * elapsed", NULL, "td", ORG);
    start();
    happen(e, "org:acme|target", 1740758400000, 240000000000);
    happen(e, "org:acme|sales", at("2025-03-10T01:00Z"), 154000000000);
    struct kept_row r = one(e, k, "td", DIM_ORG, "acme", 1743040800000);
    cr_assert_float_eq(r.row.value, 154.0 / (240.0 * 317 / 372), 1e-12);
    cr_assert(r.row.numerator == 154000000000 && r.row.is_ratio && r.row.window_start_ms == 1740758400000);
    cr_assert_eq(r.row.denominator, 204516129032, "rounded for the row only");
    cr_assert(one(e, k, "td", DIM_ORG, "acme", 1740758400000).row.is_null, "T29: no pace at the first instant");
    cr_assert_float_eq(r.row.value / 0.752997, 1, 1e-6, "as printed in the specification");
    cr_assert_float_eq(one(e, k, "td", DIM_ORG, "acme", 1743436800000 - 1).row.value, 154.0 / 240, 1e-9,
                       "all but its last ms");
}

Test(kpi_value, days_of_a_window)
{
    add_measure(&w, "won", AGG_COUNT);
    int k = add_kpi(&w, "per_day", KPI_VALUE, NULL, NULL, "won / days", "m", ORG);
    start();
    happen(e, "org:acme|won", at("2025-02-10"), 56);
    cr_assert_eq(one(e, k, "m", DIM_ORG, "acme", at("2025-02-10")).row.value, 2);
}

Test(kpi_value, nps_publishes_its_parts)
{
    add_measure(&w, "pro", AGG_COUNT);
    add_measure(&w, "con", AGG_COUNT);
    add_measure(&w, "n", AGG_COUNT);
    int k = add_kpi(&w, "nps", KPI_RATIO, "pro - con", "n", "100 * (pro - con) / n", "90d", ORG);
    start();
    happen(e, "org:acme|pro", at("2025-03-10"), 3);
    happen(e, "org:acme|con", at("2025-03-10"), 1);
    happen(e, "org:acme|n", at("2025-03-10"), 5);
    struct kept_row r = one(e, k, "90d", DIM_ORG, "acme", at("2025-03-11"));
    cr_assert(r.row.value == 40 && r.row.numerator == 2 && r.row.denominator == 5);
    cr_assert(one(e, k, "90d", DIM_ORG, "acme", at("2024-03-11")).row.is_null);
}

Test(kpi_value, distinct_and_lifecycle_use_their_parts)
{
    add_measure(&w, "users", AGG_DISTINCT)->lifecycle = true;
    int k = add_kpi(&w, "users", KPI_VALUE, NULL, NULL, "users", "d w m q h y 7d td", ORG);
    int fresh = add_kpi(&w, "new", KPI_VALUE, NULL, NULL, "users.new", "d w m", ORG),
        gone = add_kpi(&w, "gone", KPI_VALUE, NULL, NULL, "users.dormant", "d 7d", ORG);
    start();
    int64_t day = at("2025-03-04"), t = day + 5 * HOUR_MS;
    put(e, "org:acme|users", CELL_HOUR, t, t, 3);
    put(e, "org:acme|users.d", CELL_HOUR, day, t, 30);
    put(e, "org:acme|users.w", CELL_HOUR, at("2025-03-03"), t, 31);
    put(e, "org:acme|users.m", CELL_HOUR, at("2025-03-01"), t, 32);
    put(e, "org:acme|users.q", CELL_HOUR, at("2025-01-01"), t, 33);
    put(e, "org:acme|users.h", CELL_HOUR, at("2025-01-01"), t, 34);
    put(e, "org:acme|users.y", CELL_HOUR, at("2025-01-01"), t, 35);
    put(e, "org:acme|users.new.d", CELL_HOUR, day, t, 40);
    put(e, "org:acme|users.new.m", CELL_HOUR, at("2025-03-01"), t, 41);
    put(e, "org:acme|users.dor.d", CELL_HOUR, day, t, 42);
    static const struct {
        const char *window;
        double value;
    } want[] = {
        { "d", 30 }, { "w", 31 }, { "m", 32 }, { "q", 33 }, { "h", 34 }, { "y", 35 }, { "7d", 3 }, { "td", 3 }
    };
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++)
        cr_assert_eq(one(e, k, want[i].window, DIM_ORG, "acme", t).row.value, want[i].value, "%s", want[i].window);
    cr_assert_eq(one(e, fresh, "d", DIM_ORG, "acme", t).row.value, 40);
    cr_assert_eq(one(e, fresh, "m", DIM_ORG, "acme", t).row.value, 41);
    cr_assert_eq(one(e, fresh, "w", DIM_ORG, "acme", t).row.value, 0);
    cr_assert_eq(one(e, gone, "d", DIM_ORG, "acme", t).row.value, -42, "published negative");
    cr_assert(one(e, gone, "7d", DIM_ORG, "acme", t).row.is_null, "no such part");
}

Test(kpi_value, order_of_rows_and_ids)
{
    add_measure(&w, "won", AGG_COUNT);
    add_kpi(&w, "b", KPI_VALUE, NULL, NULL, "won", "m d", ORG | REP);
    add_kpi(&w, "a", KPI_VALUE, NULL, NULL, "won", "y", REP);
    start();
    int64_t t = at("2025-03-10");
    happen(e, "rep:zoe|won", t, 1);
    happen(e, "rep:Ann|won", t, 1);
    happen(e, "rep:ann|won", t, 1);
    struct row_query q = { .n_at = 1, .at_ms = &t };
    struct kept_row kept = { 0 };
    cr_assert_eq(evaluator_rows(e, &q, keep_row, &kept), 0);
    cr_assert_eq(kept.n, 2 * (1 + 3) + 3);
    cr_assert_str_eq(kept.kpi, "a");
    cr_assert_str_eq(kept.subject, "zoe", "bytewise: Ann, ann, zoe");
    struct kept_row x = one(e, 0, "m", DIM_REP, "Ann", t), y = one(e, 0, "m", DIM_REP, "ann", t);
    cr_assert_eq(x.row.value, 1);
    cr_assert_eq(y.row.value, 1);
}

static int refuse(void *ctx, const struct kpi_row *row)
{
    (void)row;
    ++*(int *)ctx;
    return 7;
}

Test(kpi_value, a_reader_may_stop)
{
    add_measure(&w, "won", AGG_COUNT);
    add_kpi(&w, "b", KPI_VALUE, NULL, NULL, "won", "m d", ORG);
    start();
    int64_t t = at("2025-03-10");
    happen(e, "org:acme|won", t, 1);
    int seen = 0;
    struct row_query q = { .n_at = 1, .at_ms = &t };
    cr_assert_eq(evaluator_rows(e, &q, refuse, &seen), 7);
    cr_assert_eq(seen, 1);
}
