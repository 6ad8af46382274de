/* Rules: the state machine by itself, and transitions out of the judged view. */
#include "daemon/core/alert.h"
#include "eval_fixture.h"

static const struct alert_sight fires = { .has_value = true, .enough = true, .fires = true };
static const struct alert_sight clears = { .has_value = true, .enough = true, .clears = true };
static const struct alert_sight between = { .has_value = true, .enough = true };
static const struct alert_sight few = { .has_value = true, .fires = true, .clears = true };
static const struct alert_sight nothing = { 0 };

Test(alert_machine, fires_and_clears_at_once_without_for)
{
    struct alert a = { 0 };
    struct alert_step s = alert_look(&a, &between, 60, 0);
    cr_assert(!s.emit && a.state == ALERT_OK);
    s = alert_look(&a, &fires, 120, 0);
    cr_assert(s.emit && s.from == ALERT_OK && s.to == ALERT_FIRING);
    cr_assert(!alert_look(&a, &fires, 180, 0).emit, "once");
    cr_assert(!alert_look(&a, &between, 240, 0).emit && a.state == ALERT_FIRING, "between the thresholds it stays");
    s = alert_look(&a, &clears, 300, 0);
    cr_assert(s.emit && s.from == ALERT_FIRING && s.to == ALERT_OK);
}

Test(alert_machine, holds_for_the_time_asked)
{
    struct alert a = { 0 };
    struct alert_step s = alert_look(&a, &fires, 100, 50);
    cr_assert(!s.emit && a.state == ALERT_PENDING && s.deadline_ms == 150);
    s = alert_look(&a, &fires, 149, 50);
    cr_assert(!s.emit && s.deadline_ms == 150, "the clock is not set back");
    s = alert_look(&a, &fires, 150, 50);
    cr_assert(s.emit && s.from == ALERT_PENDING && s.to == ALERT_FIRING && s.deadline_ms == INT64_MAX);
    s = alert_look(&a, &clears, 200, 50);
    cr_assert(!s.emit && a.state == ALERT_RECOVERING && s.deadline_ms == 250);
    cr_assert(!alert_look(&a, &between, 240, 50).emit && a.state == ALERT_FIRING, "it did not hold");
    cr_assert(!alert_look(&a, &clears, 260, 50).emit);
    s = alert_look(&a, &clears, 310, 50);
    cr_assert(s.emit && s.from == ALERT_RECOVERING && s.to == ALERT_OK);
}

Test(alert_machine, too_few_samples_neither_fire_nor_clear)
{
    struct alert a = { 0 };
    cr_assert(!alert_look(&a, &few, 10, 0).emit && a.state == ALERT_OK);
    alert_look(&a, &fires, 20, 30);
    cr_assert_eq(a.state, ALERT_PENDING);
    alert_look(&a, &few, 30, 30);
    cr_assert_eq(a.state, ALERT_OK, "pending falls back");
    alert_look(&a, &fires, 40, 0);
    cr_assert(!alert_look(&a, &few, 50, 0).emit && a.state == ALERT_FIRING);
    cr_assert(!alert_look(&a, &nothing, 60, 0).emit && a.state == ALERT_FIRING);
}

Test(alert_machine, no_data_is_ok_seen_from_outside)
{
    struct alert a = { 0 };
    alert_look(&a, &nothing, 10, 0);
    cr_assert_eq(a.state, ALERT_NO_DATA);
    struct alert_step s = alert_look(&a, &fires, 20, 0);
    cr_assert(s.emit && s.from == ALERT_OK && s.to == ALERT_FIRING);
}

Test(alert_machine, escalates_once)
{
    struct alert_sight critical = fires;
    critical.grade = GRADE_CRITICAL;
    struct alert a = { 0 };
    alert_look(&a, &fires, 10, 0);
    struct alert_step s = alert_look(&a, &critical, 20, 0);
    cr_assert(s.emit && s.from == ALERT_FIRING && s.to == ALERT_FIRING && a.grade == GRADE_CRITICAL);
    cr_assert(!alert_look(&a, &critical, 30, 0).emit);
    cr_assert(!alert_look(&a, &fires, 40, 0).emit, "back to a warning is no news");
}

/* ---- out of the judged view ---- */

static struct world w;
static struct evaluator *e;

struct seen {
    int n;
    struct alert_transition t[64];
    char id[64][40], text[64][160];
};
static struct seen seen;

static int on_alert(void *ctx, const struct alert_transition *t)
{
    struct seen *s = ctx;
    s->t[s->n] = *t;
    snprintf(s->id[s->n], sizeof s->id[0], "%.*s", (int)t->id.n, t->id.p);
    snprintf(s->text[s->n], sizeof s->text[0], "%.*s %.*s:%.*s %.*s>%.*s %.*s", (int)t->rule.n, t->rule.p,
             (int)t->dim.n, t->dim.p, (int)t->subject.n, t->subject.p, (int)t->from_state.n, t->from_state.p,
             (int)t->to_state.n, t->to_state.p, (int)t->level.n, t->level.p);
    s->n++;
    return 0;
}

static const struct evaluator_sink sink = { .ctx = &seen, .alert = on_alert };

static void begin(void)
{
    memset(&seen, 0, sizeof seen);
    world_init(&w, 8 * 3600 * 1000);
    add_measure(&w, "top2", AGG_COUNT);
    add_measure(&w, "n", AGG_COUNT);
    int k = add_kpi(&w, "csat", KPI_RATIO, "top2", "n", NULL, "30d", 1u << DIM_ORG | 1u << DIM_TEAM);
    w.rule[0] = (struct rule_def){ .id = "csat_low",
                                   .kpi = k,
                                   .window = win("30d"),
                                   .dims = 1u << DIM_ORG | 1u << DIM_TEAM,
                                   .fire_op = CMP_LT,
                                   .fire = 0.8,
                                   .clear_op = CMP_GE,
                                   .clear = 0.85,
                                   .has_critical = true,
                                   .critical = 0.7,
                                   .min_samples = 5,
                                   .level = "warning",
                                   .hash = 9 };
    w.defs.n_rules = 1;
}

static void end(void)
{
    evaluator_free(e);
    world_release(&w);
}

TestSuite(alert, .init = begin, .fini = end);

static void answer(const char *subject, int64_t t, int top2, int n)
{
    char field[64];
    snprintf(field, sizeof field, "%s|top2", subject);
    if (top2)
        happen(e, field, t, top2);
    snprintf(field, sizeof field, "%s|n", subject);
    happen(e, field, t, n);
}

static void golden_answers(void)
{
    answer("org:acme", at("2025-03-06T07:00Z"), 1, 1);
    answer("org:acme", at("2025-03-12T06:00Z"), 1, 1);
    answer("org:acme", at("2025-03-15T02:00Z"), 0, 1);
    answer("org:acme", at("2025-03-21T08:00Z"), 1, 1);
    answer("org:acme", at("2025-03-24T02:00Z"), 1, 1);
    answer("org:acme", 1743040800000, 0, 1);
}

/* Domain specification 7.5. */
Test(alert, golden_stream_fires_once)
{
    e = world_start(&w, false, true, false);
    golden_answers();
    advance(e, 1743040800000, &sink);
    cr_assert_eq(seen.n, 0, "2/3 and 3/4 have too few samples, 4/5 is exactly 0.80");
    advance(e, 1743040800000 + MINUTE_MS, &sink);
    cr_assert_eq(seen.n, 1);
    const struct alert_transition *t = &seen.t[0];
    cr_assert_str_eq(seen.text[0], "csat_low org:acme ok>firing critical");
    cr_assert_eq(t->occurred_at_ms, 1743040800000);
    cr_assert_eq(t->tick_ms, 1743040860000);
    cr_assert(t->numerator == 4 && t->denominator == 6 && t->samples == 6 && t->revision == 0 && !t->historical &&
              t->threshold == 0.7);
    cr_assert_float_eq(t->value, 4.0 / 6, 1e-15);
    cr_assert_eq(t->window_start_ms, 1740452400000);
    cr_assert_eq(t->window_end_ms, 1743044400000);
    advance(e, at("2026-01-01"), &sink);
    cr_assert_eq(seen.n, 1, "the samples leave the window; too few do not clear");
}

/* T34: a replay at another pace, in another order, gives the same ids; they are historical. */
Test(alert, replay_gives_the_same_ids)
{
    e = world_start(&w, false, true, false);
    golden_answers();
    for (int64_t t = at("2025-03-01"); t < at("2025-03-28"); t += 37 * MINUTE_MS)
        advance(e, t, &sink);
    cr_assert_eq(seen.n, 1);
    evaluator_free(e);
    e = world_start(&w, false, true, false);
    golden_answers();
    advance(e, at("2026-01-01"), &sink);
    cr_assert_eq(seen.n, 2);
    cr_assert_str_eq(seen.id[0], seen.id[1]);
    cr_assert_eq(strlen(seen.id[0]), 32);
    cr_assert(seen.t[1].historical);
}

/* T32: 0.79 with 29 of 30 samples is silent; then one fire at .79, one clear at .85. */
Test(alert, hysteresis)
{
    w.rule[0].min_samples = 30;
    w.rule[0].has_critical = false;
    e = world_start(&w, false, true, false);
    int64_t t = at("2025-03-10T02:00Z");
    answer("org:acme", t, 22, 29); /* 0.7586 */
    advance(e, t + HOUR_MS, &sink);
    cr_assert_eq(seen.n, 0, "sample too small");
    answer("org:acme", t + HOUR_MS, 57, 71); /* 79 of 100 */
    advance(e, t + 2 * HOUR_MS, &sink);
    cr_assert_eq(seen.n, 1);
    answer("org:acme", t + 2 * HOUR_MS, 11, 11); /* 90/111 = .8108 */
    advance(e, t + 3 * HOUR_MS, &sink);
    answer("org:acme", t + 3 * HOUR_MS, 20, 20); /* 110/131 = .8397 */
    advance(e, t + 4 * HOUR_MS, &sink);
    cr_assert_eq(seen.n, 1);
    answer("org:acme", t + 4 * HOUR_MS, 9, 9); /* 119/140 = .85 */
    advance(e, t + 5 * HOUR_MS, &sink);
    cr_assert_eq(seen.n, 2);
    cr_assert_str_eq(seen.text[0], "csat_low org:acme ok>firing warning");
    cr_assert_str_eq(seen.text[1], "csat_low org:acme firing>ok warning");
    cr_assert_eq(seen.t[1].threshold, 0.85);
}

/* T8: two teams breach the same rule, the second later: two alerts, each with its own state. */
Test(alert, each_subject_has_its_own_state)
{
    e = world_start(&w, false, true, false);
    int64_t t = at("2025-03-10T02:00Z");
    answer("team:west", t, 3, 4);
    answer("team:west", t + HOUR_MS, 1, 2); /* 4/6 */
    answer("team:east", t, 4, 5);
    answer("team:east", t + 3 * HOUR_MS, 0, 1);
    advance(e, t + DAY_MS, &sink);
    cr_assert_eq(seen.n, 2);
    cr_assert_str_eq(seen.text[0], "csat_low team:west ok>firing critical");
    cr_assert_str_eq(seen.text[1], "csat_low team:east ok>firing critical");
    cr_assert_eq(seen.t[1].occurred_at_ms, t + 3 * HOUR_MS);
}

Test(alert, order_inside_a_tick)
{
    w.rule[1] = w.rule[0];
    w.rule[1].id = "again";
    w.defs.n_rules = 2;
    e = world_start(&w, false, true, false);
    int64_t t = at("2025-03-10T02:00Z");
    answer("team:b", t, 1, 9);
    answer("team:a", t + 1, 1, 9);
    answer("org:acme", t + 2, 1, 9);
    advance(e, t + DAY_MS, &sink);
    static const char *const want[] = { "csat_low org:acme", "csat_low team:a", "csat_low team:b",
                                        "again org:acme",    "again team:a",    "again team:b" };
    cr_assert_eq(seen.n, 6);
    for (int i = 0; i < 6; i++)
        cr_assert_eq(strncmp(seen.text[i], want[i], strlen(want[i])), 0, "%s", seen.text[i]);
}

/* What one cause books and withdraws is as if it had never been: another run got both in one batch, where they cancel out. */
Test(alert, withdrawn_causes_do_not_date_a_change)
{
    e = world_start(&w, false, true, false);
    int64_t t = at("2025-03-10T02:00Z");
    answer("org:acme", t, 1, 9);
    answer("org:acme", t + 2000, 0, 1);
    answer("org:acme", t + 1000, 0, 1);
    answer("org:acme", t + 2000, 0, -1);
    answer("org:acme", t + 3000, 0, 2);
    answer("org:acme", t + 3000, 0, -2);
    advance(e, t + DAY_MS, &sink);
    cr_assert_eq(seen.n, 1);
    cr_assert_eq(seen.t[0].occurred_at_ms, t + 1000);
}

/* One cause may move a count from a pane to another: both stand. */
Test(alert, a_cause_that_moves_a_count_dates_the_change)
{
    e = world_start(&w, false, true, false);
    int64_t t = at("2025-03-10T02:00Z");
    struct cell_delta from = { SLICE("acme"), SLICE("org:acme|n"), CELL_HOUR, t, t + 5000, -1, false, false },
                      to = from;
    to.pane_ms = t - HOUR_MS;
    to.value = 1;
    answer("org:acme", t, 1, 9);
    cr_assert_eq(evaluator_apply(e, &from), 0);
    cr_assert_eq(evaluator_apply(e, &to), 0);
    advance(e, t + DAY_MS, &sink);
    cr_assert_eq(seen.n, 1);
    cr_assert_eq(seen.t[0].occurred_at_ms, t + 5000);
}

/* The condition must hold for a day; the deadline passes without any event. */
Test(alert, for_runs_in_event_time)
{
    w.rule[0].for_ms = DAY_MS;
    w.rule[0].has_critical = false;
    e = world_start(&w, false, true, false);
    int64_t t = at("2025-03-10T02:00Z");
    answer("org:acme", t, 5, 10);
    advance(e, t + DAY_MS, &sink);
    cr_assert_eq(seen.n, 0);
    advance(e, t + DAY_MS + MINUTE_MS, &sink);
    cr_assert_eq(seen.n, 1);
    cr_assert_eq(seen.t[0].tick_ms, t + MINUTE_MS + DAY_MS, "first true at the tick after the event");
    cr_assert_eq(seen.t[0].occurred_at_ms, seen.t[0].tick_ms, "only time moved");
    cr_assert_str_eq(seen.text[0], "csat_low org:acme pending>firing warning");
}

/* A rising count clears when its panes leave the window, without any event. */
Test(alert, clears_by_time_alone)
{
    int k = add_kpi(&w, "answers", KPI_VALUE, NULL, NULL, "n", "24h", 1u << DIM_ORG);
    w.rule[0] = (struct rule_def){ .id = "many",
                                   .kpi = k,
                                   .window = win("24h"),
                                   .dims = 1u << DIM_ORG,
                                   .fire_op = CMP_GT,
                                   .fire = 10,
                                   .clear_op = CMP_LE,
                                   .clear = 5,
                                   .level = "info" };
    e = world_start(&w, false, true, false);
    int64_t t = at("2025-03-10T02:20Z");
    answer("org:acme", t, 0, 20);
    advance(e, t + 365 * DAY_MS, &sink);
    cr_assert_eq(seen.n, 2);
    cr_assert_eq(seen.t[0].tick_ms, at("2025-03-10T02:21Z"));
    cr_assert_eq(seen.t[1].tick_ms, at("2025-03-11T02:01Z"),
                 "the first tick whose window does not hold the pane of 02:00");
    cr_assert_eq(seen.t[1].occurred_at_ms, seen.t[1].tick_ms);
}

static void watch_idle_teams(void)
{
    int k = add_kpi(&w, "answers", KPI_VALUE, NULL, NULL, "n", "m", 1u << DIM_TEAM);
    w.kpi[k].empty_zero = true;
    w.rule[0] = (struct rule_def){ .id = "idle",
                                   .kpi = k,
                                   .window = win("m"),
                                   .dims = 1u << DIM_TEAM,
                                   .fire_op = CMP_LT,
                                   .fire = 10,
                                   .clear_op = CMP_GE,
                                   .clear = 10,
                                   .level = "info" };
}

/* T33: a "less than" rule on a month waits for its end; a subject without any event is judged too. */
Test(alert, less_than_on_a_civil_window_judges_complete_windows)
{
    watch_idle_teams();
    e = world_start(&w, false, true, false);
    answer("team:a", at("2025-03-03T02:00Z"), 0, 1);
    answer("team:a", at("2025-03-30T02:00Z"), 0, 11);
    answer("team:b", at("2025-03-03T02:00Z"), 0, 9);
    int64_t march_end = at("2025-03-31T16:00Z"), april_end = at("2025-04-30T16:00Z");
    advance(e, march_end - MINUTE_MS, &sink);
    cr_assert_eq(seen.n, 0);
    advance(e, march_end, &sink);
    cr_assert_eq(seen.n, 1, "%d", seen.n);
    cr_assert_str_eq(seen.text[0], "idle team:b ok>firing info");
    cr_assert_eq(seen.t[0].tick_ms, march_end);
    cr_assert_eq(seen.t[0].value, 9);
    cr_assert_eq(seen.t[0].window_end_ms, march_end);
    advance(e, april_end, &sink);
    cr_assert_eq(seen.n, 2);
    cr_assert_str_eq(seen.text[1], "idle team:a ok>firing info", "nothing in April");
    cr_assert_eq(seen.t[1].value, 0);
}

static void restart(const struct saved_state *s, int64_t top2, int64_t n)
{
    int64_t pane = at("2025-03-10T02:00Z");
    e = world_restart(&w, e, s);
    restore_cell(e, "org:acme|top2", pane, top2);
    restore_cell(e, "org:acme|n", pane, n);
}

/* State that survives a restart: nothing is repeated, a firing alert clears, a changed rule starts anew. */
Test(alert, a_restart_repeats_nothing)
{
    static struct saved_state s, none;
    int64_t t = at("2025-03-10T02:00Z");
    e = world_start(&w, false, true, false);
    answer("org:acme", t, 5, 10);
    advance(e, t + HOUR_MS, &sink);
    cr_assert_eq(seen.n, 1);
    cr_assert_eq(evaluator_state_save(e, true, state_keep, &s), 0);
    cr_assert_eq(evaluator_state_save(e, true, state_keep, &none), 0);
    cr_assert_eq(none.n, 0, "nothing changed since");
    restart(&s, 45, 50); /* the cells hold what is not judged yet: 40 of 40 */
    struct cell_delta d[] = {
        { SLICE("acme"), SLICE("org:acme|top2"), CELL_HOUR, t, t + 90 * MINUTE_MS, 40, false, false },
        { SLICE("acme"), SLICE("org:acme|n"), CELL_HOUR, t, t + 90 * MINUTE_MS, 40, false, false },
        { SLICE("acme"), SLICE("org:acme|n"), CELL_HOUR, t, t, 10, false, false }
    }; /* judged before the restart */
    for (int i = 0; i < 3; i++)
        cr_assert_eq(evaluator_restore_pending(e, &d[i]), 0);
    cr_assert_eq(evaluator_pending_cause(e), t + 90 * MINUTE_MS);
    advance(e, t + 90 * MINUTE_MS, &sink);
    cr_assert_eq(seen.n, 1, "still firing at 5/10");
    advance(e, t + 91 * MINUTE_MS, &sink);
    cr_assert_eq(seen.n, 2);
    cr_assert_str_eq(seen.text[1], "csat_low org:acme firing>ok critical");
    cr_assert(seen.t[1].numerator == 45 && seen.t[1].denominator == 50);
}

/* ---- the revision of the window judged ---- */

static int64_t row_revision;

static int on_month(void *ctx, const struct kpi_row *row)
{
    (void)ctx;
    if (slice_eq(row->subject, SLICE("b")) && row->revision > row_revision)
        row_revision = row->revision;
    return 0;
}

static const struct evaluator_sink both = { .ctx = &seen, .alert = on_alert, .judged_row = on_month };

static void late_in_march(const char *cause, int64_t n)
{
    put(e, "team:b|n", CELL_HOUR, at("2025-03-03T02:00Z"), at(cause), n);
}

static void begin_idle(void)
{
    watch_idle_teams();
    row_revision = 0;
    e = world_start(&w, false, true, false);
    answer("team:b", at("2025-03-03T02:00Z"), 0, 9);
    answer("team:b", at("2025-04-01T02:00Z"), 0, 10);
}

static void restart_idle(int64_t march)
{
    static struct saved_state s;
    s.n = 0;
    cr_assert_eq(evaluator_state_save(e, false, state_keep, &s), 0);
    e = world_restart(&w, e, &s);
    restore_cell(e, "team:b|n", at("2025-03-03T02:00Z"), march);
    restore_cell(e, "team:b|n", at("2025-04-01T02:00Z"), 10);
}

static void check_revision(int n, const char *text, int64_t revision, double value)
{
    cr_assert_eq(seen.n, n, "%d", seen.n);
    cr_assert_str_eq(seen.text[n - 1], text);
    cr_assert_eq(seen.t[n - 1].revision, revision, "%s: revision %lld", text, (long long)seen.t[n - 1].revision);
    cr_assert_eq(seen.t[n - 1].value, value, "%s: %g at %lld", text, seen.t[n - 1].value,
                 (long long)seen.t[n - 1].tick_ms);
}

/* March ends with 9 of 10. What comes for March in April changes it: revision 1 at 10:05, still 1 at 10:20, for the snapshot at 11:00 tells both at once,
 * 2 in the hour after. An event of April changes none. The row of March says the same number. Nothing of it depends on restarts or on who listens to rows. */
Test(alert, a_late_event_revises_the_complete_window)
{
    for (int torn = 0; torn < 2; torn++) {
        const struct evaluator_sink *to = torn ? &sink : &both;
        memset(&seen, 0, sizeof seen);
        while (w.defs.n_kpis > 1) /* of the round before */
            expr_free(w.kpi[--w.defs.n_kpis].value);
        begin_idle();
        advance(e, at("2025-04-02T10:00Z"), to);
        check_revision(1, "idle team:b ok>firing info", 0, 9);
        late_in_march("2025-04-02T10:04Z", 1);
        advance(e, at("2025-04-02T10:10Z"), to);
        check_revision(2, "idle team:b firing>ok info", 1, 10);
        if (torn)
            restart_idle(10);
        late_in_march("2025-04-02T10:19Z", -2);
        advance(e, at("2025-04-02T10:30Z"), to);
        check_revision(3, "idle team:b ok>firing info", 1, 8);
        advance(e, at("2025-04-02T11:00Z"), to);
        cr_assert(torn || row_revision == 1);
        if (torn)
            restart_idle(8);
        late_in_march("2025-04-02T11:19Z", 5);
        advance(e, at("2025-04-02T11:30Z"), to);
        check_revision(4, "idle team:b firing>ok info", 2, 13);
        advance(e, at("2025-04-30T15:00Z"), to);
        cr_assert(torn || row_revision == 2);
        put(e, "team:b|n", CELL_HOUR, at("2025-04-10T02:00Z"), at("2025-04-30T15:20Z"), -1);
        advance(e, at("2025-05-02T10:00Z"), to);
        check_revision(5, "idle team:b ok>firing info", 0, 9);
        evaluator_free(e);
        e = NULL;
    }
}

/* A month judged ten days after its end: what changed it before was not judged yet and is no revision. February, when nobody knew the team, is not judged,
 * though the team is known when February is mature. */
Test(alert, changes_before_maturity_are_no_revision)
{
    begin_idle();
    w.rule[0].mature_ms = 10 * DAY_MS;
    late_in_march("2025-04-05T10:04Z", -2);
    advance(e, at("2025-04-12T10:00Z"), &sink);
    check_revision(1, "idle team:b ok>firing info", 0, 7);
    late_in_march("2025-04-12T10:04Z", 3);
    advance(e, at("2025-04-12T11:00Z"), &sink);
    check_revision(2, "idle team:b firing>ok info", 1, 10);
}

Test(alert, a_changed_rule_starts_anew)
{
    static struct saved_state s;
    int64_t t = at("2025-03-10T02:00Z");
    e = world_start(&w, false, true, false);
    answer("org:acme", t, 5, 10);
    advance(e, t + HOUR_MS, &sink);
    cr_assert_eq(evaluator_state_save(e, false, state_keep, &s), 0);
    w.rule[0].hash++;
    restart(&s, 5, 10);
    advance(e, t + 2 * HOUR_MS, &sink);
    cr_assert_eq(seen.n, 2, "fires under the new definition");
    cr_assert_str_neq(seen.id[0], seen.id[1]);
}

Test(alert, state_refuses_garbage)
{
    e = world_start(&w, false, true, false);
    cr_assert_eq(evaluator_state_restore(e, SLICE(""), SLICE("tick"), SLICE("12x")), -1);
    cr_assert_eq(evaluator_state_restore(e, SLICE("acme"), SLICE("alert|csat_low|nodim|a"), SLICE("ok 0 0 9")), -1);
    cr_assert_eq(evaluator_state_restore(e, SLICE("acme"), SLICE("alert|csat_low|org|acme"), SLICE("on fire")), -1);
    cr_assert_eq(evaluator_state_restore(e, SLICE("acme"), SLICE("what"), SLICE("1")), -1);
}

/* Pace falls by the clock alone: 20 of 100 is below 0.85 of what is due once 20 / 85 of the 744 hours have passed, after 175.06 hours. It is looked at
 * every hour. */
Test(alert, pace_is_looked_at_every_hour)
{
    add_measure(&w, "target", AGG_SUM);
    int k = add_kpi(&w, "pace", KPI_RATIO, "n", "target * elapsed", NULL, "td", 1u << DIM_ORG);
    w.rule[0] = (struct rule_def){ .id = "behind",
                                   .kpi = k,
                                   .window = win("td"),
                                   .dims = 1u << DIM_ORG,
                                   .fire_op = CMP_LT,
                                   .fire = 0.85,
                                   .clear_op = CMP_GE,
                                   .clear = 0.92,
                                   .level = "warning" };
    e = world_start(&w, false, true, false);
    int64_t march = 1740758400000;
    happen(e, "org:acme|target", march, 100);
    answer("org:acme", march, 0, 20);
    advance(e, march + 365 * DAY_MS, &sink);
    cr_assert_eq(seen.n, 1, "%d", seen.n);
    cr_assert_str_eq(seen.text[0], "behind org:acme ok>firing warning");
    cr_assert_eq(seen.t[0].tick_ms, march + 176 * HOUR_MS + MINUTE_MS);
    struct evaluator_stats stats;
    evaluator_stats(e, &stats);
    cr_assert_lt(stats.ticks_judged, 2 * 744 + 20, "when the cycle is over the clock stops mattering: %d",
                 (int)stats.ticks_judged);
}
