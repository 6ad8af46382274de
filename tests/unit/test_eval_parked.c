/* Parked cells after a restart: each view takes them in at their cause; without a live view the instant asked for decides. */
#include "eval_fixture.h"

static struct world w;
static int members;

static void setup(void)
{
    world_init(&w, 0);
    struct measure_def *m = add_measure(&w, "members", AGG_SUM);
    m->asof = m->gauge = true;
    members = add_kpi(&w, "members", KPI_VALUE, NULL, NULL, "members", "g", 1u << DIM_ORG);
    w.kpi[members].empty_zero = true;
}

static struct cell_delta cell(int64_t cause_ms, int64_t value, bool ahead)
{
    return (
        struct cell_delta){ SLICE("acme"), SLICE("org:acme|members"), CELL_GAUGE, 0, cause_ms, value, ahead, false };
}

static void restore(struct evaluator *e, const char *judged_to, const char *cause)
{
    char tick[24];
    struct cell_delta stored = cell(0, 10, false), parked = cell(at(cause), -3, true);
    if (judged_to) {
        snprintf(tick, sizeof tick, "%lld", (long long)at(judged_to));
        cr_assert_eq(evaluator_state_restore(e, SLICE(""), SLICE("tick"), slice_of(tick)), 0);
    }
    cr_assert_eq(evaluator_restore_cell(e, &stored), 0);
    cr_assert_eq(evaluator_restore_parked(e, &parked), 0);
}

Test(eval_parked, a_query_sees_them_from_their_cause_on, .init = setup)
{
    struct evaluator *e = world_start(&w, false, true, false);
    restore(e, NULL, "2025-03-10T05:30Z");
    cr_assert_eq(one(e, members, "g", DIM_ORG, "acme", at("2025-03-10T05:29:59.999Z")).row.value, 10);
    cr_assert_eq(one(e, members, "g", DIM_ORG, "acme", at("2025-03-10T05:30Z")).row.value, 7);
    evaluator_free(e);
    world_release(&w);
}

static int newest(void *ctx, const struct kpi_row *row)
{
    *(double *)ctx = row->value;
    return 0;
}

Test(eval_parked, the_live_view_and_the_judged_one_take_them_in_when_their_time_has_come, .init = setup)
{
    struct evaluator *e = world_start(&w, true, true, false);
    double live = -1;
    const struct evaluator_sink sink = { .ctx = &live, .live_row = newest };
    restore(e, "2025-03-10T05:00Z", "2025-03-10T05:30Z");
    cr_assert_eq(evaluator_pending_cause(e), at("2025-03-10T05:30Z"));
    advance(e, at("2025-03-10T05:10Z"), &sink);
    cr_assert_eq(live, 10);
    advance(e, at("2025-03-10T05:29Z"), &sink);
    cr_assert_eq(live, 10);
    advance(e, at("2025-03-10T05:31Z"), &sink);
    cr_assert_eq(live, 7);
    cr_assert_eq(evaluator_pending_cause(e), INT64_MAX);
    evaluator_free(e);
    world_release(&w);
}

Test(eval_parked, what_was_judged_but_not_settled_yet_is_in_the_judged_view_at_once, .init = setup)
{
    struct evaluator *e = world_start(&w, true, true, false);
    double live = -1;
    const struct evaluator_sink sink = { .ctx = &live, .live_row = newest };
    restore(e, "2025-03-10T06:00Z", "2025-03-10T05:30Z");
    cr_assert_eq(evaluator_pending_cause(e), INT64_MAX, "nothing is judged twice");
    advance(e, at("2025-03-10T06:01Z"), &sink);
    cr_assert_eq(live, 7);
    evaluator_free(e);
    world_release(&w);
}

/* The judged view holds the causes before its tick: one at the tick itself is still to come. */
Test(eval_parked, a_cause_at_the_judged_tick_is_still_to_be_judged, .init = setup)
{
    struct evaluator *e = world_start(&w, true, true, false);
    const struct evaluator_sink sink = { 0 };
    restore(e, "2025-03-10T05:30Z", "2025-03-10T05:30Z");
    cr_assert_eq(evaluator_pending_cause(e), at("2025-03-10T05:30Z"));
    advance(e, at("2025-03-10T05:31Z"), &sink);
    cr_assert_eq(evaluator_pending_cause(e), INT64_MAX);
    evaluator_free(e);
    world_release(&w);
}
