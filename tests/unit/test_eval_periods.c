/* Measures read period by period: years and cycles of a window, what yearly flows are worth, the next value of a series. Figures by hand. */
#include "eval_fixture.h"

static struct world w;
static struct evaluator *e;
static struct measure_ref refs[16];

enum { ORG = 1u << DIM_ORG };

static void begin(void)
{
    world_init(&w, 0);
    w.defs.ref = refs;
    w.org[0].calendar.go_live_ms = at("2020-01-01T00:00Z");
    w.defs.retention_ms = 1900 * DAY_MS;
    add_measure(&w, "flow", AGG_SUM);
}

static void finish(void)
{
    evaluator_free(e);
    world_release(&w);
}

TestSuite(eval_periods, .init = begin, .fini = finish);

static int resolve(void *ctx, struct slice name)
{
    return slice_eq(name, SLICE("x")) ? *(int *)ctx : -1;
}

/* A KPI that is one reference to the measure. */
static int kpi(struct measure_ref ref, const char *windows)
{
    struct expr_error error;
    refs[w.defs.n_refs] = ref;
    int slot = SLOT_REF + (int)w.defs.n_refs++;
    int k = add_kpi(&w, "k", KPI_VALUE, NULL, NULL, NULL, windows, ORG);
    w.kpi[k].value = expr_compile(SLICE("x"), resolve, &slot, &error);
    cr_assert(w.kpi[k].value);
    return k;
}

static struct kpi_row row(int k, const char *window, const char *when)
{
    return one(e, k, window, DIM_ORG, "acme", at(when)).row;
}

static void yearly(const int64_t *flow, int n)
{
    char when[32];
    for (int y = 0; y < n; y++) {
        snprintf(when, sizeof when, "%d-06-15T00:00Z", 2020 + y);
        happen(e, "org:acme|flow", at(when), flow[y]);
    }
}

/* Domain specification 4.7 in thousands. */
static const int64_t net[] = { -800, 302, 402, 452, 452 };

Test(eval_periods, what_yearly_flows_are_worth)
{
    int payback = kpi((struct measure_ref){ .periods = PERIODS_PAYBACK }, "live");
    int rate = kpi((struct measure_ref){ .periods = PERIODS_IRR }, "live");
    int value = kpi((struct measure_ref){ .periods = PERIODS_NPV, .rate_bp = 1000 }, "live 5y");
    e = world_start(&w, false, false, false);
    yearly(net, 5);
    cr_assert_float_eq(row(payback, "live", "2024-12-31T00:00Z").value, 3.212, .0005);
    cr_assert_float_eq(row(rate, "live", "2024-12-31T00:00Z").value, .3235, .00005);
    cr_assert_float_eq(row(value, "live", "2024-12-31T00:00Z").value, 413.72, .005);
    cr_assert_float_eq(row(value, "live", "2021-12-31T00:00Z").value, -800 / 1.1 + 302 / 1.21, 1e-9,
                       "two years so far");
    cr_assert_float_eq(row(value, "5y", "2021-12-31T00:00Z").value, -800 / 1.1 + 302 / 1.21, 1e-9,
                       "years to come are no flows yet");
    cr_assert(row(payback, "live", "2022-12-31T00:00Z").is_null);
    cr_assert(row(rate, "live", "2020-12-31T00:00Z").is_null, "no change of sign");
    cr_assert(row(value, "live", "2019-12-31T00:00Z").is_null, "before the go-live");
}

/* A late correction of the first year changes what is published now. */
Test(eval_periods, a_correction_long_ago_is_seen)
{
    int payback = kpi((struct measure_ref){ .periods = PERIODS_PAYBACK }, "live");
    e = world_start(&w, true, false, false);
    yearly(net, 5);
    struct kept_row kept = { 0 };
    struct evaluator_sink sink = { .ctx = &kept, .live_row = keep_row };
    advance(e, at("2024-12-31T00:00Z"), &sink);
    cr_assert_float_eq(row(payback, "live", "2024-12-31T00:00Z").value, 3.212, .0005);
    kept.n = 0;
    put(e, "org:acme|flow", CELL_HOUR, at("2020-06-15T00:00Z"), at("2024-12-31T00:10Z"), 800);
    advance(e, at("2024-12-31T00:20Z"), &sink);
    cr_assert_eq(kept.n, 1);
    cr_assert_eq(kept.row.value, 0, "paid back at once");
}

Test(eval_periods, years_and_cycles_of_a_window)
{
    struct expr_error error;
    struct measure_def *once = add_measure(&w, "busy", AGG_DERIVED);
    int flow = 0;
    once->derived = expr_compile(SLICE("if(x > 0, 1, 0)"), resolve, &flow, &error);
    int years = kpi((struct measure_ref){ .measure = 1, .periods = PERIODS_EACH_YEAR }, "live 5y");
    int cycles = kpi((struct measure_ref){ .measure = 1, .periods = PERIODS_EACH_CYCLE }, "y td");
    int so_far = kpi((struct measure_ref){ .periods = PERIODS_SO_FAR }, "y");
    e = world_start(&w, false, false, false);
    yearly(net, 5);
    cr_assert_eq(row(years, "5y", "2021-01-01T00:00Z").value, 4, "the whole five years");
    cr_assert_eq(row(years, "live", "2022-12-31T00:00Z").value, 2);
    cr_assert_eq(row(cycles, "y", "2022-12-31T23:59:59.999Z").value, 1, "June");
    cr_assert_eq(row(cycles, "y", "2022-06-30T23:59:59.998Z").value, 0, "June is not over");
    cr_assert_eq(row(cycles, "y", "2022-06-30T23:59:59.999Z").value, 1, "at its last millisecond it is");
    cr_assert(row(cycles, "td", "2022-06-20T00:00Z").is_null, "no cycle is over in it");
    cr_assert_eq(row(so_far, "y", "2022-06-14T23:30Z").value, 0);
    cr_assert_eq(row(so_far, "y", "2022-06-15T00:30Z").value, 402);
}

/* Domain specification 4.9: 100, 110, 125, 130, 145 give 154.173125. A correction two periods back is seen. */
Test(eval_periods, the_next_of_a_series)
{
    static const int64_t sales[] = { 100, 110, 125, 130, 145 };
    char when[32];
    int holt = kpi((struct measure_ref){ .periods = PERIODS_HOLT }, "m");
    e = world_start(&w, true, false, false);
    for (int i = 0; i < 5; i++) {
        snprintf(when, sizeof when, "2025-%02d-10T00:00Z", i + 1);
        happen(e, "org:acme|flow", at(when), sales[i]);
    }
    struct kept_row kept = { 0 };
    struct evaluator_sink sink = { .ctx = &kept, .live_row = keep_row };
    advance(e, at("2025-06-10T00:00Z"), &sink);
    cr_assert_float_eq(row(holt, "m", "2025-06-10T00:00Z").value, 154.173125, 1e-9);
    cr_assert(row(holt, "m", "2025-02-10T00:00Z").is_null, "one value is no series");
    kept.n = 0;
    put(e, "org:acme|flow", CELL_HOUR, at("2025-03-10T00:00Z"), at("2025-06-10T00:10Z"), 10);
    advance(e, at("2025-06-10T00:20Z"), &sink);
    cr_assert_eq(kept.n, 1);
    cr_assert_eq(kept.row.value, row(holt, "m", "2025-06-10T00:20Z").value);
}

Test(eval_periods, a_window_beyond_the_panes_that_are_kept_has_no_value)
{
    w.defs.retention_ms = 400 * DAY_MS; /* until 2021-02-04 */
    int k = kpi((struct measure_ref){ .part = PART_VALUE }, "live 5y y");
    e = world_start(&w, false, false, false);
    yearly(net, 2);
    for (int i = 0; i < 2; i++) {
        const char *window = i ? "5y" : "live";
        cr_assert_not(row(k, window, "2021-02-03T23:59Z").is_null);
        cr_assert(row(k, window, "2021-02-04T00:01Z").is_null);
        cr_assert(row(k, window, "2021-12-31T00:00Z").is_null);
    }
    cr_assert_eq(row(k, "y", "2021-12-31T00:00Z").value, 302, "another window is none of its business");
}
