/* Quintiles at a close: kept until something before the close changes, the same after a restart without older panes, and without the erased. */
#include "eval_fixture.h"

#include "daemon/core/erased.h"

static struct world w;
static struct measure_ref ref;
static struct evaluator *e;
static int sizes;

static int slot_q(void *ctx, struct slice name)
{
    (void)ctx;
    return slice_eq(name, SLICE("q")) ? SLOT_REF : -1;
}

static void begin(void)
{
    struct expr_error error;
    world_init(&w, 0);
    add_measure(&w, "rfm_last_minute", AGG_LEVEL);
    add_measure(&w, "rfm_sales_year", AGG_LEVEL);
    add_measure(&w, "rfm_moves", AGG_LEVEL);
    struct measure_def *m = add_measure(&w, "erased", AGG_COUNT);
    m->fact = FACT_ERASED;
    m->gauge = m->asof = true;
    ref = (struct measure_ref){ .measure = 2, .periods = PERIODS_QUINTILES };
    w.defs.ref = &ref;
    w.defs.n_refs = 1;
    sizes = add_kpi(&w, "sizes", KPI_VALUE, NULL, NULL, NULL, "g m", 1u << DIM_SEGMENT);
    w.kpi[sizes].value = expr_compile(SLICE("q"), slot_q, NULL, &error);
    cr_assert(w.kpi[sizes].value);
    e = world_start(&w, false, false, false);
}

static void finish(void)
{
    evaluator_free(e);
    world_release(&w);
}

TestSuite(rfm_quintile, .init = begin, .fini = finish);

static void step(struct evaluator *to, const char *field, int64_t t_ms, int64_t cause_ms, int64_t value)
{
    put(to, field, CELL_GAUGE, 0, cause_ms, value);
    put(to, field, CELL_HOUR, pane_start(&w.org[0].calendar, GRAIN_HOUR, t_ms), cause_ms, value);
}

/* A sale of a customer whose last one before was at `before` (NULL: its first), told at `told`. */
static void sale(struct evaluator *to, const char *who, const char *when, const char *before, const char *told)
{
    static const char *const segments[] = { "champion", "loyal", "new", "promising", "at_risk", "lost", "sleeping" };
    char field[64];
    int64_t t_ms = at(when), cause_ms = at(told);
    snprintf(field, sizeof field, "customer:%s|rfm_last_minute", who);
    step(to, field, t_ms, cause_ms, (t_ms - (before ? at(before) : 0)) / MINUTE_MS);
    snprintf(field, sizeof field, "customer:%s|rfm_sales_year", who);
    step(to, field, t_ms, cause_ms, 1);
    step(to, field, t_ms + 365 * DAY_MS, cause_ms, -1);
    for (size_t i = 0; i < sizeof segments / sizeof *segments; i++) {
        snprintf(field, sizeof field, "segment:%s|rfm_moves", segments[i]);
        step(to, field, t_ms, cause_ms, 1);
    }
}

static double size(struct evaluator *of, const char *segment, const char *when)
{
    return one(of, sizes, "g", DIM_SEGMENT, segment, at(when)).row.value;
}

/* R: a 1, b 2, c 4; F: all 1: a lost, b sleeping, c new. */
static void january(struct evaluator *to)
{
    sale(to, "a", "2025-01-05T02:00Z", NULL, "2025-01-05T02:00Z");
    sale(to, "b", "2025-01-06T02:00Z", NULL, "2025-01-06T02:00Z");
    sale(to, "c", "2025-01-07T02:00Z", NULL, "2025-01-07T02:00Z");
}

Test(rfm_quintile, stands_from_one_close_to_the_next)
{
    january(e);
    cr_assert_eq(size(e, "new", "2025-01-31T22:59:59.999Z"), 0, "no close yet");
    cr_assert_eq(size(e, "new", "2025-01-31T23:00Z"), 1, "the hour that ends with the cycle");
    cr_assert_eq(size(e, "lost", "2025-02-10"), 1);
    cr_assert_eq(size(e, "sleeping", "2025-02-10"), 1);
    sale(e, "a", "2025-02-05T02:00Z", "2025-01-05T02:00Z", "2025-02-05T02:00Z");
    cr_assert_eq(size(e, "lost", "2025-02-10"), 1, "a sale after the close");
    /* at the end of February R: b 1, c 2, a 4; F: a 4: champion, b lost, c sleeping */
    cr_assert_eq(size(e, "champion", "2025-02-28T23:59:59.999Z"), 1);
    cr_assert_eq(size(e, "lost", "2025-02-28T23:59:59.999Z"), 1);
    cr_assert_eq(size(e, "new", "2025-02-28T23:59:59.999Z"), 0);
}

Test(rfm_quintile, a_late_sale_changes_the_close)
{
    january(e);
    cr_assert_eq(size(e, "new", "2025-02-10"), 1);
    sale(e, "a", "2025-01-20T02:00Z", "2025-01-05T02:00Z", "2025-02-09T02:00Z");
    cr_assert_eq(size(e, "champion", "2025-02-10"), 1);
    cr_assert_eq(size(e, "new", "2025-02-10"), 0);
    cr_assert_eq(size(e, "lost", "2025-02-10"), 1);
}

Test(rfm_quintile, whoever_is_erased_leaves_the_ranking)
{
    char name[ERASED_MARK_SIZE], field[80];
    january(e);
    cr_assert_eq(size(e, "new", "2025-02-10"), 1);
    struct slice mark = erased_mark(SLICE("c"), name);
    snprintf(field, sizeof field, "customer:%%7F%.*s|erased", (int)mark.n - 1, mark.p + 1);
    put(e, field, CELL_GAUGE, 0, at("2025-02-09T02:00Z"), 1);
    /* of two: R: b 1 + floor(5 / 2) = 3, a 1 */
    cr_assert_eq(size(e, "new", "2025-02-10"), 0);
    cr_assert_eq(size(e, "sleeping", "2025-02-10"), 1);
    cr_assert_eq(size(e, "lost", "2025-02-10"), 1);
}

static void restore(struct evaluator *to, const char *field, enum cell_grain grain, const char *when, int64_t value)
{
    const struct cell_delta cell = {
        SLICE("acme"), slice_of(field), grain, when ? at(when) : 0, 0, value, false, false
    };
    cr_assert_eq(evaluator_restore_cell(to, &cell), 0);
}

/* Totals, and of the panes those of the expiry alone: what is older than the retention is gone. */
Test(rfm_quintile, panes_before_the_close_may_be_gone)
{
    static const struct {
        const char *who, *last, *gone;
    } all[] = { { "a", "2025-01-05T02:00Z", "2026-01-05T02:00Z" },
                { "b", "2025-01-06T02:00Z", "2026-01-06T02:00Z" },
                { "c", "2025-01-07T02:00Z", "2026-01-07T02:00Z" } };
    struct evaluator *restored = world_start(&w, false, false, false);
    for (int i = 0; i < 3; i++) {
        char field[64];
        snprintf(field, sizeof field, "customer:%s|rfm_last_minute", all[i].who);
        restore(restored, field, CELL_GAUGE, NULL, at(all[i].last) / MINUTE_MS);
        snprintf(field, sizeof field, "customer:%s|rfm_sales_year", all[i].who);
        restore(restored, field, CELL_GAUGE, NULL, 0);
        restore(restored, field, CELL_HOUR, all[i].gone, -1);
    }
    restore(restored, "segment:new|rfm_moves", CELL_GAUGE, NULL, 3);
    cr_assert_eq(size(restored, "new", "2025-02-10"), 1);
    january(e);
    cr_assert_eq(size(restored, "new", "2025-12-31T23:59:59.999Z"), size(e, "new", "2025-12-31T23:59:59.999Z"));
    evaluator_free(restored);
}
