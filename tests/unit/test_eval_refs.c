/* Measures read in another way than their row: of the org, over another window, in other comparison windows, at the end of the last complete day, summed
 * day by day, and members by the age of their cohort. Figures by hand. */
#include "eval_fixture.h"

static struct world w;
static struct evaluator *e;
static struct measure_ref refs[32];

enum { ORG = 1u << DIM_ORG, REP = 1u << DIM_REP };

static void begin(void)
{
    world_init(&w, 0);
    w.defs.ref = refs;
}

static void finish(void)
{
    evaluator_free(e);
    world_release(&w);
}

TestSuite(eval_refs, .init = begin, .fini = finish);

static int add_ref(struct measure_ref ref)
{
    refs[w.defs.n_refs] = ref;
    return SLOT_REF + (int)w.defs.n_refs++;
}

struct named {
    const char *name;
    int slot;
};

static int resolve_named(void *ctx, struct slice name)
{
    for (const struct named *n = ctx; n->name; n++)
        if (slice_eq(name, slice_of(n->name)))
            return n->slot;
    return -1;
}

/* "a / b" over names given beside it. */
static int kpi(const char *id, const char *value, const struct named *names, const char *windows, uint32_t dims)
{
    struct expr_error error;
    int k = add_kpi(&w, id, KPI_VALUE, NULL, NULL, NULL, windows, dims);
    w.kpi[k].value = expr_compile(slice_of(value), resolve_named, (void *)names, &error);
    cr_assert(w.kpi[k].value, "%s", error.message);
    return k;
}

static double value(int k, const char *window, enum dim dim, const char *subject, const char *when)
{
    return one(e, k, window, dim, subject, at(when)).row.value;
}

Test(eval_refs, whole_is_the_orgs)
{
    add_measure(&w, "sales", AGG_SUM);
    int k = kpi("share", "sales / whole",
                (struct named[]){ { "sales", 0 }, { "whole", add_ref((struct measure_ref){ .whole = true }) }, { 0 } },
                "d", REP);
    e = world_start(&w, true, false, false);
    happen(e, "org:acme|sales", at("2025-03-04T01:00Z"), 40);
    happen(e, "rep:ann|sales", at("2025-03-04T01:00Z"), 30);
    happen(e, "rep:bo|sales", at("2025-03-04T01:00Z"), 10);
    struct kept_row kept = { 0 };
    struct evaluator_sink sink = { .ctx = &kept, .live_row = keep_row };
    advance(e, at("2025-03-04T02:00Z"), &sink);
    cr_assert_eq(kept.n, 2);
    cr_assert_float_eq(value(k, "d", DIM_REP, "ann", "2025-03-04T02:00Z"), 0.75, 1e-12);
    kept.n = 0;
    happen(e, "org:acme|sales", at("2025-03-04T03:00Z"), 60);
    happen(e, "rep:cy|sales", at("2025-03-04T03:00Z"), 60);
    advance(e, at("2025-03-04T04:00Z"), &sink);
    cr_assert_eq(kept.n, 3, "cy's sale changes the shares of ann and bo: %d rows", kept.n);
    cr_assert_float_eq(value(k, "d", DIM_REP, "ann", "2025-03-04T04:00Z"), 0.3, 1e-12);
}

Test(eval_refs, over_another_window)
{
    add_measure(&w, "n", AGG_COUNT);
    struct measure_ref over = { .has_window = true, .window = win("30d") };
    int k = kpi("part", "n / month", (struct named[]){ { "n", 0 }, { "month", add_ref(over) }, { 0 } }, "d", ORG);
    e = world_start(&w, true, false, false);
    happen(e, "org:acme|n", at("2025-03-01T01:00Z"), 6);
    happen(e, "org:acme|n", at("2025-03-04T01:00Z"), 2);
    struct kept_row kept = { 0 };
    struct evaluator_sink sink = { .ctx = &kept, .live_row = keep_row };
    advance(e, at("2025-03-04T02:00Z"), &sink);
    cr_assert_float_eq(kept.row.value, 0.25, 1e-12);
    cr_assert_float_eq(value(k, "d", DIM_ORG, "acme", "2025-03-30T23:00Z"), 0, 1e-12);
    cr_assert_float_eq(value(k, "d", DIM_ORG, "acme", "2025-03-04T12:00Z"), 0.25, 1e-12);
    advance(e, at("2025-03-30T12:00Z"), &sink);
    happen(e, "org:acme|n", at("2025-03-30T12:30Z"), 1);
    advance(e, at("2025-03-30T12:40Z"), &sink);
    cr_assert_float_eq(kept.row.value, 1.0 / 9, 1e-12, "30 x 24 h still hold 1 March");
    advance(e, at("2025-03-31T02:10Z"), &sink);
    cr_assert_eq(kept.row.value, 0, "nothing on the 31st");
    happen(e, "org:acme|n", at("2025-03-31T02:30Z"), 1);
    advance(e, at("2025-03-31T02:40Z"), &sink);
    cr_assert_float_eq(kept.row.value, 0.25, 1e-12, "1 of 1 + 1 + 2: the 6 of 1 March left");
}

/* February 3, March of last year 5, March 8: three ways to compare at the end of March and on the 10th. */
Test(eval_refs, comparison_windows)
{
    static const enum compared how[] = { COMPARED_ELAPSED, COMPARED_WHOLE, COMPARED_YEAR };
    static const double march_10[] = { 1, 3, 2 }, march_31[] = { 3, 3, 5 }, td_10[] = { 1, 3, 2 };
    int k[3], days[3];
    add_measure(&w, "n", AGG_COUNT);
    for (int i = 0; i < 3; i++) {
        k[i] = kpi("n", "n", (struct named[]){ { "n", add_ref((struct measure_ref){ .at = how[i] }) }, { 0 } }, "m td",
                   ORG);
        struct measure_ref d = { .measure = -1, .part = BUILTIN_DAYS, .at = how[i] };
        days[i] = kpi("days", "d", (struct named[]){ { "d", add_ref(d) }, { 0 } }, "m", ORG);
    }
    e = world_start(&w, false, false, false);
    happen(e, "org:acme|n", at("2024-03-10T05:00Z"), 2);
    happen(e, "org:acme|n", at("2024-03-11T05:00Z"), 3);
    happen(e, "org:acme|n", at("2025-02-10T05:00Z"), 1);
    happen(e, "org:acme|n", at("2025-02-28T05:00Z"), 2);
    happen(e, "org:acme|n", at("2025-03-01T05:00Z"), 8);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(value(k[i], "m", DIM_ORG, "acme", "2025-03-10T23:59:59.999Z"), march_10[i], "%d", i);
        cr_assert_eq(value(k[i], "td", DIM_ORG, "acme", "2025-03-10T23:59:59.999Z"), td_10[i], "%d", i);
        cr_assert_eq(value(k[i], "m", DIM_ORG, "acme", "2025-03-31T23:59:59.999Z"), march_31[i], "%d", i);
    }
    cr_assert_eq(value(days[0], "m", DIM_ORG, "acme", "2025-03-10T23:59:59.999Z"), 10);
    cr_assert_eq(value(days[1], "m", DIM_ORG, "acme", "2025-03-10T23:59:59.999Z"), 28);
    cr_assert_eq(value(days[2], "m", DIM_ORG, "acme", "2025-03-31T23:59:59.999Z"), 31);
}

/* T26: base 100, 5 leave on each of two days: 5/100 + 5/95. */
Test(eval_refs, a_sum_over_days)
{
    add_measure(&w, "members", AGG_LEVEL);
    add_measure(&w, "left", AGG_COUNT);
    w.measure[2] =
        (struct measure_def){ .id = "churn", .agg = AGG_DERIVED, .derived = formula(&w, "left / members.start") };
    w.defs.n_measures = 3;
    int k = kpi("churn", "c",
                (struct named[]){ { "c", add_ref((struct measure_ref){ .measure = 2, .each_day = true }) }, { 0 } },
                "m 7d", ORG);
    e = world_start(&w, false, false, false);
    const char *const out[] = { "2025-03-10T05:00Z", "2025-03-20T05:00Z" };
    put(e, "org:acme|members", CELL_GAUGE, 0, at("2025-01-01"), 90);
    put(e, "org:acme|members", CELL_HOUR, at("2025-01-01"), at("2025-01-01"), 100);
    for (int i = 0; i < 2; i++) {
        happen(e, "org:acme|left", at(out[i]), 5);
        put(e, "org:acme|members", CELL_HOUR, at(out[i]), at(out[i]), -5);
    }
    cr_assert_float_eq(value(k, "m", DIM_ORG, "acme", "2025-03-31T23:59:59.999Z"), 0.05 + 5.0 / 95, 1e-12);
    cr_assert_float_eq(value(k, "m", DIM_ORG, "acme", "2025-03-15T12:00Z"), 0.05, 1e-12);
    cr_assert_float_eq(value(k, "7d", DIM_ORG, "acme", "2025-03-21T12:00Z"), 5.0 / 95, 1e-12);
}

/* Stickiness: members of the last complete day / members of the 2 x 24 h before its end, kept per day; and the mean day. */
Test(eval_refs, the_last_complete_day)
{
    struct measure_def *m = add_measure(&w, "users", AGG_DISTINCT);
    m->asof = true;
    m->trailing_days = 2;
    struct measure_ref dau = { .at = COMPARED_LAST_DAY }, mau = { .part = PART_TRAILING, .at = COMPARED_LAST_DAY };
    struct measure_ref daily = { .part = PART_DAILY, .at = COMPARED_LAST_DAY, .has_window = true, .window = win("2d") };
    const struct named names[] = {
        { "dau", add_ref(dau) }, { "mau", add_ref(mau) }, { "daily", add_ref(daily) }, { 0 }
    };
    int k = kpi("stickiness", "dau / mau", names, "d", ORG), mean = kpi("mean", "daily / 2 / mau", names, "d", ORG);
    e = world_start(&w, true, false, false);
    struct kept_row kept = { 0 };
    struct evaluator_sink sink = { .ctx = &kept, .live_row = keep_row };
    /* 3 March: ann, bo; 4 March: ann; 5 March: cy */
    happen(e, "org:acme|users.d", at("2025-03-03"), 2);
    happen(e, "org:acme|users.d", at("2025-03-04"), 1);
    happen(e, "org:acme|users.d", at("2025-03-05"), 1);
    happen(e, "org:acme|users.trail", at("2025-03-03"), 2);
    happen(e, "org:acme|users.trail", at("2025-03-04"), 2);
    happen(e, "org:acme|users.trail", at("2025-03-05"), 2);
    happen(e, "org:acme|users.trail", at("2025-03-06"), 1);
    advance(e, at("2025-03-05T12:00Z"), &sink);
    cr_assert_float_eq(value(k, "d", DIM_ORG, "acme", "2025-03-05T12:00Z"), 0.5, 1e-12, "of the 4th: 1 of 2");
    cr_assert_float_eq(value(k, "d", DIM_ORG, "acme", "2025-03-04T23:59:59.999Z"), 0.5, 1e-12);
    cr_assert_float_eq(value(k, "d", DIM_ORG, "acme", "2025-03-04T23:59:59.998Z"), 1, 1e-12, "the 4th is not complete");
    cr_assert_float_eq(value(mean, "d", DIM_ORG, "acme", "2025-03-05T12:00Z"), 0.75, 1e-12, "(2 + 1) / 2 of 2");
    kept.n = 0;
    advance(e, at("2025-03-06T12:00Z"), &sink);
    cr_assert_geq(kept.n, 1, "the end of the 5th is noticed without an event");
    cr_assert_float_eq(value(k, "d", DIM_ORG, "acme", "2025-03-07T00:00Z"), 0, 1e-12);
}

/* Four begin in the week of 3 March; a comes back the week after, b two weeks after, c in both, d never. */
Test(eval_refs, cohorts)
{
    static const struct {
        enum measure_part part;
        int age;
        double week0, week2;
    } expected[] = {
        { PART_COHORT, 2, 0, 4 },      { PART_BACK, 2, 0, 2 },        { PART_BACK, 1, 0, 0 },
        { PART_BACK_BY, 2, 0, 3 },     { PART_BACK_SINCE, 1, 0, 0 },  { PART_BACK_SINCE, 2, 0, 2 },
        { PART_LATER, 0, 4, 0 },       { PART_LATER, 1, 2, 0 },       { PART_LATER, 2, 2, 0 },
        { PART_LATER_SINCE, 1, 3, 0 }, { PART_LATER_SINCE, 2, 2, 0 }, { PART_LATER_BY, 1, 2, 0 },
        { PART_LATER_BY, 2, 3, 0 },
    };
    enum { N = sizeof expected / sizeof expected[0] };
    int k[N];
    struct measure_def *m = add_measure(&w, "users", AGG_DISTINCT);
    m->asof = m->lifecycle = true;
    for (int i = 0; i < N; i++)
        k[i] =
            kpi("x", "x",
                (struct named[]){
                    { "x", add_ref((struct measure_ref){ .part = expected[i].part, .age = expected[i].age }) }, { 0 } },
                "w", ORG);
    e = world_start(&w, false, false, false);
    static const struct {
        const char *part;
        int64_t n;
    } cells[] = { { "cohort.w.0", 4 }, { "cohort.w.1", 2 }, { "cohort.w.2", 2 }, { "return.w.1", 2 },
                  { "return.w.2", 1 }, { "last.w.0", 1 },   { "last.w.1", 1 },   { "last.w.2", 2 } };
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++) {
        char field[64];
        snprintf(field, sizeof field, "org:acme|users.%s", cells[i].part);
        happen(e, field, at("2025-03-03"), cells[i].n);
    }
    for (int i = 0; i < N; i++) {
        cr_assert_eq(value(k[i], "w", DIM_ORG, "acme", "2025-03-05"), expected[i].week0, "%d in the first week", i);
        cr_assert_eq(value(k[i], "w", DIM_ORG, "acme", "2025-03-21"), expected[i].week2, "%d two weeks later", i);
    }
}

/* 40 days are kept, so March's base of February (from the 1st) until 13 March 00:00. The figure is taken back then, without an event; the next month has one. */
Test(eval_refs, a_figure_is_taken_back_when_its_base_leaves_what_is_kept)
{
    w.defs.retention_ms = 40 * DAY_MS;
    add_measure(&w, "n", AGG_COUNT);
    int k =
        kpi("growth", "n - before",
            (struct named[]){ { "n", 0 }, { "before", add_ref((struct measure_ref){ .at = COMPARED_WHOLE }) }, { 0 } },
            "m", ORG);
    (void)k;
    e = world_start(&w, true, false, false);
    struct kept_row kept = { 0 };
    struct evaluator_sink sink = { .ctx = &kept, .live_row = keep_row };
    happen(e, "org:acme|n", at("2025-02-10T05:00Z"), 3);
    happen(e, "org:acme|n", at("2025-03-02T05:00Z"), 8);
    advance(e, at("2025-03-13T00:00Z"), &sink);
    cr_assert(!kept.row.is_null);
    cr_assert_eq(kept.row.value, 5);
    kept.n = 0;
    advance(e, at("2025-03-13T00:01Z"), &sink);
    cr_assert_eq(kept.n, 1, "%d rows", kept.n);
    cr_assert(kept.row.is_null);
    cr_assert_str_eq(kept.flags, "incomplete");
    advance(e, at("2025-04-01T00:01Z"), &sink);
    cr_assert(!kept.row.is_null);
    cr_assert_eq(kept.row.value, -8);
}
