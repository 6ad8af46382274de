/* Evidence in alerts: which ids, how many, after corrections and after a restart. */
#include "eval_fixture.h"

static struct world w;
static struct evaluator *e;

struct told {
    int n;
    char ids[8][1024];
    bool truncated[8];
};
static struct told told;

static int on_alert(void *ctx, const struct alert_transition *t)
{
    struct told *x = ctx;
    char *to = x->ids[x->n];
    *to = 0;
    for (size_t i = 0; i < t->evidence_count; i++)
        snprintf(to + strlen(to), sizeof x->ids[0] - strlen(to), "%s%.*s", i ? " " : "",
                 (int)t->evidence_event_ids[i].n, t->evidence_event_ids[i].p);
    x->truncated[x->n++] = t->evidence_truncated;
    return 0;
}

static const struct evaluator_sink sink = { .ctx = &told, .alert = on_alert };

static void begin(void)
{
    memset(&told, 0, sizeof told);
    world_init(&w, 0);
    add_measure(&w, "bad", AGG_COUNT);
    add_measure(&w, "all", AGG_COUNT);
    int k = add_kpi(&w, "failure", KPI_RATIO, "bad", "all", NULL, "24h", 1u << DIM_ORG);
    w.rule[0] = (struct rule_def){ .id = "failing",
                                   .kpi = k,
                                   .window = win("24h"),
                                   .dims = 1u << DIM_ORG,
                                   .fire_op = CMP_GT,
                                   .fire = 0.5,
                                   .clear_op = CMP_LE,
                                   .clear = 0.5,
                                   .level = "warning",
                                   .hash = 1 };
    w.defs.n_rules = 1;
    e = world_start(&w, false, true, false);
}

static void end(void)
{
    evaluator_free(e);
    world_release(&w);
}

TestSuite(evidence, .init = begin, .fini = end);

/* An event as the engine would tell of it: a cell and the evidence for it, with one cause. */
static void give(const char *measure, const char *id, int64_t t_ms, int64_t cause_ms, int64_t value)
{
    char field[128];
    snprintf(field, sizeof field, "org:acme|%s", measure);
    put(e, field, CELL_HOUR, t_ms - t_ms % HOUR_MS, cause_ms, value);
    snprintf(field, sizeof field, "org:acme|%s@%s", measure, id);
    put(e, field, CELL_EVIDENCE, t_ms, cause_ms, value);
}

static void failure(const char *id, int64_t t_ms)
{
    give("bad", id, t_ms, t_ms, 1);
    give("all", id, t_ms, t_ms, 1);
}

Test(evidence, ids_of_the_window_in_order_of_time)
{
    int64_t t = at("2025-03-10T12:00Z");
    give("all", "old", t - 30 * HOUR_MS, t - 30 * HOUR_MS, 1);
    give("all", "good", t - HOUR_MS, t - HOUR_MS, 1);
    failure("b@d|1", t);
    failure("bad2", t + 1000);
    advance(e, t + MINUTE_MS, &sink);
    cr_assert_eq(told.n, 1);
    cr_assert_str_eq(told.ids[0], "good b@d|1 bad2", "%s", told.ids[0]);
    cr_assert_not(told.truncated[0]);
}

/* T35 and C1: what was withdrawn (erased, retracted, amended away) is no evidence any more. */
Test(evidence, withdrawn_facts_take_their_ids_along)
{
    int64_t t = at("2025-03-10T12:00Z");
    failure("x", t);
    failure("y", t + 1);
    give("all", "good", t + 2, t + 2, 1);
    give("bad", "x", t, t + 3, -1);
    give("all", "x", t, t + 3, -1);
    failure("z", t + 3);
    advance(e, t + MINUTE_MS, &sink);
    cr_assert_eq(told.n, 1);
    cr_assert_str_eq(told.ids[0], "y good z", "%s", told.ids[0]);
}

Test(evidence, the_newest_are_kept)
{
    char id[16], want[1024] = "";
    int64_t t = at("2025-03-10T12:00Z");
    for (int i = 0; i < 100; i++)
        give("all", "good", t - HOUR_MS, t - HOUR_MS, 1);
    for (int i = 0; i < 101; i++) {
        snprintf(id, sizeof id, "e%d", i);
        failure(id, t + i);
        if (i > 100 - 32)
            snprintf(want + strlen(want), sizeof want - strlen(want), "%s%s", *want ? " " : "", id);
    }
    advance(e, t + MINUTE_MS, &sink);
    cr_assert_eq(told.n, 1);
    cr_assert_str_eq(told.ids[0], want);
    cr_assert(told.truncated[0]);
}

/* ---- a restart ---- */

static void restart(const struct saved_state *s, int64_t bad, int64_t all, int64_t pane_ms)
{
    e = world_restart(&w, e, s);
    restore_cell(e, "org:acme|bad", pane_ms, bad);
    restore_cell(e, "org:acme|all", pane_ms, all);
}

static void again(uint64_t seq, const char *id, int64_t t_ms)
{
    char field[64];
    snprintf(field, sizeof field, "org:acme|all@%s", id);
    struct cell_delta d = { .org = SLICE("acme"),
                            .field = slice_of(field),
                            .grain = CELL_EVIDENCE,
                            .pane_ms = t_ms,
                            .cause_ms = t_ms,
                            .value = 1 };
    evaluator_feed_position(e, seq);
    cr_assert_eq(evaluator_restore_pending(e, &d), 0);
}

/* Entry 1 was judged before the restart, entry 2 came late, behind the tick that was judged, and waits; entry 3 is new. Retained are all three: 1 must not
 * count twice, 2 must not be lost. */
Test(evidence, a_restart_neither_loses_nor_doubles)
{
    static struct saved_state s;
    memset(&s, 0, sizeof s);
    int64_t t = at("2025-03-10T12:00Z");
    evaluator_feed_position(e, 1);
    give("all", "one", t, t, 1);
    advance(e, t + 2 * MINUTE_MS, &sink);
    evaluator_feed_position(e, 2);
    give("all", "two", t + 1, t + 1, 1);
    advance(e, t + 2 * MINUTE_MS, &sink);
    cr_assert_eq(evaluator_judged_position(e), 1);
    cr_assert_eq(evaluator_state_save(e, true, state_keep, &s), 0);
    restart(&s, 0, 2, t);
    again(1, "one", t);
    again(2, "two", t + 1);
    evaluator_feed_position(e, 3);
    for (int i = 0; i < 3; i++)
        failure("three", t + 5 * MINUTE_MS + i);
    give("all", "one", t, t + 5 * MINUTE_MS, -1); /* counted twice it would stay */
    advance(e, t + 6 * MINUTE_MS, &sink);
    cr_assert_eq(told.n, 1);
    cr_assert_str_eq(told.ids[0], "two three", "%s", told.ids[0]);
}

Test(evidence, state_refuses_garbage)
{
    cr_assert_eq(evaluator_state_restore(e, SLICE("acme"), SLICE("evi|bad|org"), SLICE("1 2,3,1:x")), -1);
    cr_assert_eq(evaluator_state_restore(e, SLICE("acme"), SLICE("evi|bad|org|acme"), SLICE("1 2,3,9:x")), -1);
    cr_assert_eq(evaluator_state_restore(e, SLICE("acme"), SLICE("evi|bad|org|acme"), SLICE("x 2,3,1:x")), -1);
    cr_assert_eq(evaluator_state_restore(e, SLICE("acme"), SLICE("evi|gone|org|acme"), SLICE("1 2,3,1:x")), 0);
}
