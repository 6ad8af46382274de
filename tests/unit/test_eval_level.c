/* Levels: steps with a time against lists kept by hand and by the test, in the base view at any instant, in the judged view as its clock passes a step
 * of the future, after a restart, and with panes that are gone. */
#include "eval_fixture.h"

#include <string.h>

static struct world w;
static struct evaluator *e;
static int end, start, before, before_start, growth;

enum { ORG = 1u << DIM_ORG, REP = 1u << DIM_REP };

static void begin(void)
{
    const char *all = "g d m td 7d";
    world_init(&w, 8 * 3600000);
    add_measure(&w, "members", AGG_LEVEL);
    end = add_kpi(&w, "end", KPI_VALUE, NULL, NULL, "members", all, ORG | REP);
    start = add_kpi(&w, "start", KPI_VALUE, NULL, NULL, "members.start", all, ORG | REP);
    before = add_kpi(&w, "before", KPI_VALUE, NULL, NULL, "members.prev", all, ORG);
    before_start = add_kpi(&w, "before_start", KPI_VALUE, NULL, NULL, "members.prev.start", all, ORG);
    growth = add_kpi(&w, "growth", KPI_RATIO, "members - members.start", "members.start", NULL, "m", ORG);
}

static void finish(void)
{
    evaluator_free(e);
    world_release(&w);
}

TestSuite(eval_level, .init = begin, .fini = finish);

static void step_of(struct evaluator *to, const char *field, int64_t t_ms, int64_t cause_ms, int64_t value)
{
    put(to, field, CELL_GAUGE, 0, cause_ms, value);
    put(to, field, CELL_HOUR, pane_start(&w.org[0].calendar, GRAIN_HOUR, t_ms), cause_ms, value);
}

static void step(const char *when, int64_t value)
{
    step_of(e, "org:acme|members", at(when), at(when), value);
}

static double value(int kpi, const char *window, const char *when)
{
    return one(e, kpi, window, DIM_ORG, "acme", at(when)).row.value;
}

/* 10 members since January (+08:00), 3 join on 5 March, 2 leave on 20 March, 1 joins on 1 April 00:30. */
static void history(void)
{
    step("2025-01-01T01:00Z", 10);
    step("2025-03-05T02:00Z", 3);
    step("2025-03-20T06:30Z", -2);
    step("2025-03-31T16:30Z", 1);
}

Test(eval_level, edges_of_windows)
{
    e = world_start(&w, false, false, false);
    history();
    cr_assert_eq(value(end, "m", "2025-03-31T15:59:59.999Z"), 11);
    cr_assert_eq(value(start, "m", "2025-03-31T15:59:59.999Z"), 10);
    cr_assert_eq(value(end, "m", "2025-04-10"), 12);
    cr_assert_eq(value(start, "m", "2025-04-10"), 11, "half past midnight belongs to April");
    cr_assert_eq(value(before, "m", "2025-04-10"), 13,
                 "9 April days and 8 h passed: 10 March 08:00, before the two left");
    cr_assert_eq(value(before_start, "m", "2025-04-10"), 10);
    cr_assert_eq(value(start, "7d", "2025-03-10"), 10, "3 March 09:00 local");
    cr_assert_eq(value(start, "7d", "2025-03-14"), 13);
    cr_assert_eq(value(end, "7d", "2025-03-14"), 13);
    cr_assert_eq(value(before, "7d", "2025-03-10"), 10);
    cr_assert_eq(value(end, "d", "2025-03-05T01:59Z"), 10, "the step of 10 o'clock is not foreseen");
    cr_assert_eq(value(end, "d", "2025-03-05T02:00Z"), 13);
    cr_assert_eq(value(start, "d", "2025-03-05T12:00Z"), 10);
    cr_assert_eq(value(start, "td", "2025-03-25"), 10);
    cr_assert_float_eq(value(growth, "m", "2025-03-31T15:59:59.999Z"), 0.1, 1e-12);
}

/* 2.4.8: a deal lost on the 14th and reopened on the 17th is not open on the 15th. Without any history of causes. */
Test(eval_level, at_a_past_instant)
{
    e = world_start(&w, false, false, false);
    step("2025-03-05T03:00Z", 1);
    step("2025-03-14T03:00Z", -1);
    step("2025-03-17T02:00Z", 1);
    cr_assert_eq(value(end, "g", "2025-03-05T02:59:59.999Z"), 0);
    cr_assert_eq(value(end, "g", "2025-03-05T03:00Z"), 1);
    cr_assert_eq(value(end, "g", "2025-03-15"), 0);
    cr_assert_eq(value(end, "g", "2025-03-18"), 1);
    cr_assert_eq(value(end, "2025-03-06T00:00Z..2025-03-15T00:00Z", "2025-06-01"), 0, "a past span is read at its end");
    cr_assert_eq(value(start, "2025-03-06T00:00Z..2025-03-15T00:00Z", "2025-06-01"), 1);
}

Test(eval_level, panes_beyond_the_retention_may_be_gone)
{
    e = world_start(&w, false, false, false);
    history();
    struct evaluator *restored = world_start(&w, false, false, false);
    const struct cell_delta cells[] = {
        { SLICE("acme"), SLICE("org:acme|members"), CELL_GAUGE, 0, 0, 12, false, false },
        { SLICE("acme"), SLICE("org:acme|members"), CELL_HOUR, at("2025-03-20T06:00Z"), 0, -2, false, false },
        { SLICE("acme"), SLICE("org:acme|members"), CELL_HOUR, at("2025-03-31T16:00Z"), 0, 1, false, false },
        { SLICE("acme"), SLICE("rep:ann|members"), CELL_GAUGE, 0, 0, 4, false, false },
        { SLICE("acme"), SLICE("rep:bo|members"), CELL_GAUGE, 0, 0, 1, false, false },
        { SLICE("acme"), SLICE("rep:bo|members"), CELL_HOUR, at("2025-03-20T06:00Z"), 0, 1, false, false },
    };
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++)
        cr_assert_eq(evaluator_restore_cell(restored, &cells[i]), 0);
    static const char *const when[] = { "2025-03-13", "2025-03-25", "2025-03-31T23:00Z" };
    for (int i = 0; i < 3; i++)
        for (int k = end; k <= start; k++)
            cr_assert_eq(one(restored, k, "7d", DIM_ORG, "acme", at(when[i])).row.value, value(k, "7d", when[i]),
                         "kpi %d at %s", k, when[i]);
    struct kept_row kept = { 0 };
    int64_t t_ms = at("2025-03-10");
    enum dim dim = DIM_REP;
    struct window g = win("g");
    struct row_query q = { 1, 1, 1, 1, 0, &t_ms, &end, &g, &dim, NULL };
    cr_assert_eq(evaluator_rows(restored, &q, keep_row, &kept), 0);
    cr_assert(kept.n == 1 && kept.row.value == 4 && strcmp(kept.subject, "ann") == 0,
              "ann is older than any pane, bo begins with its first");
    evaluator_free(restored);
}

struct seen {
    int64_t at_ms[64];
    double value[64];
    char flags[64][64];
    int n;
};

static int see(void *ctx, const struct kpi_row *row)
{
    struct seen *s = ctx;
    if (slice_eq(row->kpi, SLICE("end")) && slice_eq(row->window, SLICE("d")) && s->n < 64) {
        s->at_ms[s->n] = row->at_ms;
        snprintf(s->flags[s->n], sizeof s->flags[0], "%.*s", (int)row->flags.n, row->flags.p);
        s->value[s->n++] = row->value;
    }
    return 0;
}

/* A membership bought on 1 March that lapses on 11 March 02:00 unless renewed: the lapse has the cause of the purchase, and comes due by itself. */
Test(eval_level, a_step_of_the_future_comes_due)
{
    struct seen seen = { 0 };
    struct evaluator_sink sink = { .ctx = &seen, .live_row = see };
    e = world_start(&w, true, true, false);
    step_of(e, "org:acme|members", at("2025-03-01T01:00Z"), at("2025-03-01T01:00Z"), 5);
    step_of(e, "org:acme|members", at("2025-03-11T02:00Z"), at("2025-03-01T01:00Z"), -1);
    for (int64_t t = at("2025-03-01T00:00Z"); t <= at("2025-03-12T00:00Z"); t += 30 * MINUTE_MS)
        advance(e, t, &sink);
    double last = -1;
    int64_t since_ms = 0;
    for (int i = 0; i < seen.n; i++)
        if (seen.value[i] != last) {
            last = seen.value[i];
            since_ms = seen.at_ms[i];
        }
    cr_assert_eq(last, 4);
    cr_assert_eq(since_ms, at("2025-03-11T02:00Z"));
    cr_assert_eq(value(end, "g", "2025-03-11T01:59Z"), 5);
    cr_assert_eq(value(end, "g", "2025-03-11T02:00Z"), 4);
}

/* What is judged holds the causes before the tick only: a purchase that arrives late does not change what was judged before it, but every ended day. */
Test(eval_level, a_late_step_revises_every_later_window)
{
    struct seen seen = { 0 };
    struct evaluator_sink sink = { .ctx = &seen, .judged_row = see };
    e = world_start(&w, false, true, false);
    step("2025-03-01T01:00Z", 5);
    advance(e, at("2025-03-06T17:00Z"), &sink);
    int finals = 0, revised = 0;
    for (int i = 0; i < seen.n; i++)
        finals += strstr(seen.flags[i], "final") != NULL && seen.value[i] == 5;
    cr_assert_eq(finals, 6, "the level ends every day from 1 to 6 March, also without a step: %d", finals);
    seen.n = 0;
    step_of(e, "org:acme|members", at("2025-03-04T02:00Z"), at("2025-03-06T17:30Z"), 2);
    advance(e, at("2025-03-06T19:00Z"), &sink);
    for (int i = 0; i < seen.n; i++)
        revised += strstr(seen.flags[i], "final") != NULL && seen.value[i] == 7;
    cr_assert_eq(revised, 3, "4, 5 and 6 March: %d", revised);
}

enum { STEPS = 300 };

struct move {
    int64_t t_ms, cause_ms, value;
};
static struct move move[STEPS];

static int64_t naive(int64_t cut_ms, int64_t until_ms)
{
    int64_t sum = 0;
    for (int i = 0; i < STEPS; i++)
        sum += move[i].cause_ms <= until_ms && move[i].t_ms < cut_ms ? move[i].value : 0;
    return sum;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* From where on steps do not count in a row. */
static int64_t cut_of(const struct kpi_row *row)
{
    const struct calendar *cal = &w.org[0].calendar;
    char name[48];
    snprintf(name, sizeof name, "%.*s", (int)row->window.n, row->window.p);
    struct window x = win(strcmp(name, "g") == 0 ? "td" : name);
    struct span now = window_span(cal, &x, row->at_ms), prev = window_previous(cal, &x, row->at_ms, true);
    return slice_eq(row->kpi, SLICE("end"))      ? least(now.end_ms, pane_end(cal, GRAIN_HOUR, row->at_ms))
           : slice_eq(row->kpi, SLICE("start"))  ? now.start_ms
           : slice_eq(row->kpi, SLICE("before")) ? prev.end_ms
                                                 : prev.start_ms;
}

static int judged_rows, judged_wrong;

static int check_judged(void *ctx, const struct kpi_row *row)
{
    (void)ctx;
    if (slice_eq(row->kpi, SLICE("growth")) || memmem(row->flags.p, row->flags.n, "final", 5))
        return 0; /* of an ended window: as of a later tick */
    judged_rows++;
    judged_wrong += row->numerator != naive(cut_of(row), row->at_ms);
    return 0;
}

/* Steps at random times, one in three known before it happens and one in three after: as judged at every snapshot tick, and of any instant at the end. */
Test(eval_level, random_steps_equal_a_naive_sum)
{
    uint64_t seed = 11;
    const struct calendar *cal = &w.org[0].calendar;
    struct evaluator_sink sink = { .judged_row = check_judged };
    e = world_start(&w, true, true, false);
    for (int i = 0; i < STEPS; i++) {
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        move[i].t_ms = at("2025-02-10") + (int64_t)(seed >> 33) % (45 * DAY_MS);
        int64_t away_ms = (int64_t)(seed >> 20) % (6 * DAY_MS);
        move[i].cause_ms = move[i].t_ms + (i % 3 == 0 ? 0 : i % 3 == 1 ? -away_ms : away_ms);
        move[i].value = (int64_t)(seed >> 40) % 9 - 3;
        step_of(e, "org:acme|members", move[i].t_ms, move[i].cause_ms, move[i].value);
    }
    for (int64_t t = at("2025-02-01"); t <= at("2025-04-05"); t += 3 * HOUR_MS)
        advance(e, t, &sink);
    cr_assert(judged_rows > 2000 && judged_wrong == 0, "%d of %d judged rows are wrong", judged_wrong, judged_rows);
    for (int i = 0; i < 300; i++) {
        int64_t t = at("2025-02-08") + i * 5 * HOUR_MS + i * 7 * MINUTE_MS;
        struct window m = win("m");
        struct span span = window_span(cal, &m, t);
        cr_assert_eq(one(e, end, "m", DIM_ORG, "acme", t).row.numerator,
                     naive(least(span.end_ms, pane_end(cal, GRAIN_HOUR, t)), INT64_MAX));
        cr_assert_eq(one(e, start, "m", DIM_ORG, "acme", t).row.numerator, naive(span.start_ms, INT64_MAX));
    }
}
