/* Windows over time: random deltas in random order against a naive sum, for the base view asked at any instant, the live view as it moves and the
 * judged view at its snapshot ticks. The naive side shares no code with the evaluator but the calendar. */
#include "eval_fixture.h"

enum { DELTAS = 400, SUBJECTS = 3, KEYS = 64 };

static const char *const windows[] = { "5m", "1h", "24h", "7d", "d", "w", "m", "td", "30d", "live", "5y" };
enum { WINDOWS = sizeof windows / sizeof windows[0] };

static struct world w;
static const char *const subjects[SUBJECTS] = { "acme", "ann", "bo" };
static const int64_t start_ms = INT64_C(1742860800000); /* 2025-03-25T00:00Z */

struct given {
    int64_t t_ms, cause_ms, value;
    int subject;
};
static struct given given[DELTAS];
static uint64_t seed;

static uint64_t dice(uint64_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (seed >> 33) % n;
}

/* A fine count, a coarse one, and growth over the comparison window. The zone gains an hour on 2025-03-30T01:00Z, as Berlin does. */
static void prepare(uint64_t s)
{
    static const int64_t from[] = { INT64_MIN, INT64_C(1743296400000) };
    static const int32_t offset[] = { 3600000, 7200000 };
    seed = s;
    world_init(&w, 0);
    w.defs.retention_ms = 4000 * DAY_MS; /* five years and the five before */
    w.org[0].calendar.zone = (struct zone){ "berlin", 2, from, offset };
    w.org[0].calendar.go_live_ms = INT64_C(1743289200000); /* 2025-03-30, local: in the midst of it */
    add_measure(&w, "sales", AGG_SUM)->fine = true;
    add_kpi(&w, "sales", KPI_VALUE, NULL, NULL, "sales", "5m 1h 24h 7d d w m td 30d live 5y",
            1u << DIM_ORG | 1u << DIM_REP);
    add_kpi(&w, "before", KPI_VALUE, NULL, NULL, "sales.prev", "5m 24h 7d d m td", 1u << DIM_REP);
    for (int i = 0; i < DELTAS; i++) {
        given[i].t_ms = start_ms + (int64_t)dice(14 * 24 * 60) * MINUTE_MS + (int64_t)dice(60000);
        given[i].cause_ms =
            given[i].t_ms + (dice(4) ? 0 : (int64_t)dice(3 * 24 * 60) * MINUTE_MS); /* one in four is a correction */
        given[i].value = (int64_t)dice(1000) - 300;
        given[i].subject = (int)dice(SUBJECTS);
    }
}

static void give(struct evaluator *e, const struct given *g)
{
    char field[64];
    const struct calendar *cal = &w.org[0].calendar;
    snprintf(field, sizeof field, "%s:%s|sales", g->subject ? "rep" : "org", subjects[g->subject]);
    put(e, field, CELL_HOUR, pane_start(cal, GRAIN_HOUR, g->t_ms), g->cause_ms, g->value);
    put(e, field, CELL_MINUTE, pane_start(cal, GRAIN_MINUTE, g->t_ms), g->cause_ms, g->value);
}

static int64_t naive(struct span span, int subject, int64_t until_ms)
{
    int64_t sum = 0;
    for (int i = 0; i < DELTAS; i++)
        if (given[i].subject == subject && given[i].cause_ms <= until_ms && given[i].t_ms >= span.start_ms &&
            given[i].t_ms < span.end_ms)
            sum += given[i].value;
    return sum;
}

static struct span span_at(const struct window *win_, bool prev, int64_t t)
{
    return prev ? window_previous(&w.org[0].calendar, win_, t, true) : window_span(&w.org[0].calendar, win_, t);
}

static void shuffle(void)
{
    for (int i = DELTAS - 1; i > 0; i--) {
        int k = (int)dice((uint64_t)i + 1);
        struct given g = given[i];
        given[i] = given[k];
        given[k] = g;
    }
}

Test(eval_windows, every_window_at_every_instant_equals_a_naive_sum)
{
    for (uint64_t s = 1; s <= 3; s++) {
        prepare(s);
        struct evaluator *e = world_start(&w, false, false, false);
        shuffle();
        for (int i = 0; i < DELTAS; i++)
            give(e, &given[i]);
        for (int n = 0; n < 150; n++) {
            int64_t t = start_ms + (int64_t)dice(20 * 24 * 60) * MINUTE_MS + (int64_t)dice(60000);
            int subject = (int)dice(SUBJECTS), k = (int)dice(2);
            struct window win_ = win(windows[dice(WINDOWS)]);
            enum dim dim = subject ? DIM_REP : DIM_ORG;
            struct kept_row r = one(e, k, win_.name, dim, subjects[subject], t);
            struct span span = span_at(&win_, k == 1, t);
            cr_assert_eq(r.row.numerator, naive(span, subject, INT64_MAX), "seed %d window %s prev %d", (int)s,
                         win_.name, k);
            cr_assert_eq(r.row.window_start_ms, span_at(&win_, false, t).start_ms);
        }
        evaluator_free(e);
        world_release(&w);
    }
}

/* The last value published of everything. */
struct published {
    int kpi, window, subject, n;
    int64_t value[2][WINDOWS][SUBJECTS];
    bool has[2][WINDOWS][SUBJECTS];
    int64_t expected_until_ms; /* live */
    int finals, revisions;
};

static int index_of(struct slice text, const char *const *list, int n)
{
    for (int i = 0; i < n; i++)
        if (slice_eq(text, slice_of(list[i])))
            return i;
    return -1;
}

static int on_row(void *ctx, const struct kpi_row *row)
{
    struct published *p = ctx;
    int k = slice_eq(row->kpi, SLICE("before")), i = index_of(row->window, windows, WINDOWS),
        s = index_of(row->subject, subjects, SUBJECTS);
    cr_assert(i >= 0 && s >= 0);
    struct window win_ = win(windows[i]);
    int64_t until = row->judged && row->revision == 0 ? row->at_ms : p->expected_until_ms;
    p->finals += memmem(row->flags.p, row->flags.n, "final", 5) != NULL;
    p->revisions += row->revision > 0;
    p->n++;
    cr_assert_eq(row->numerator, naive(span_at(&win_, k, row->at_ms), s, until), "%s %s of %s at %lld, revision %lld",
                 k ? "before" : "sales", windows[i], subjects[s], (long long)row->at_ms, (long long)row->revision);
    if (row->revision == 0) {
        p->value[k][i][s] = row->numerator;
        p->has[k][i][s] = true;
    }
    return 0;
}

/* Whatever is not published again must still be right. */
static void check_all(const struct published *p, int64_t t, int64_t until)
{
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < WINDOWS; i++)
            for (int s = 0; s < SUBJECTS; s++) {
                struct window win_ = win(windows[i]);
                if (p->has[k][i][s])
                    cr_assert_eq(p->value[k][i][s], naive(span_at(&win_, k, t), s, until), "%s %s of %s stale at %lld",
                                 k ? "before" : "sales", windows[i], subjects[s], (long long)t);
            }
}

static int by_cause(const void *a, const void *b)
{
    const struct given *x = a, *y = b;
    return (x->cause_ms > y->cause_ms) - (x->cause_ms < y->cause_ms);
}

Test(eval_windows, live_view_is_right_after_every_step)
{
    for (uint64_t s = 11; s <= 13; s++) {
        prepare(s);
        qsort(given, DELTAS, sizeof given[0], by_cause);
        struct evaluator *e = world_start(&w, true, false, false);
        struct published p = { 0 };
        struct evaluator_sink sink = { .ctx = &p, .live_row = on_row };
        int i = 0;
        for (int64_t now = start_ms; now < start_ms + 60 * DAY_MS;
             now += (int64_t)dice(now < start_ms + 18 * DAY_MS ? 300 : 20000) * 31000) {
            for (; i < DELTAS && given[i].cause_ms <= now + HOUR_MS; i++) /* some come from the future */
                give(e, &given[i]);
            p.expected_until_ms = now;
            cr_assert_eq(evaluator_advance(e, INT64_MIN, now, &sink), 0);
            check_all(&p, now, now);
        }
        cr_assert_gt(p.n, 1000);
        evaluator_free(e);
        world_release(&w);
    }
}

Test(eval_windows, judged_view_is_right_at_every_snapshot)
{
    for (uint64_t s = 21; s <= 23; s++) {
        prepare(s);
        qsort(given, DELTAS, sizeof given[0], by_cause);
        struct evaluator *e = world_start(&w, false, true, false);
        struct published p = { 0 };
        struct evaluator_sink sink = { .ctx = &p, .judged_row = on_row };
        int i = 0;
        for (int64_t mark = start_ms; mark < start_ms + 60 * DAY_MS; mark += HOUR_MS) {
            for (; i < DELTAS && given[i].cause_ms < mark + 2 * HOUR_MS; i++) /* two hours ahead of the watermark */
                give(e, &given[i]);
            p.expected_until_ms = mark - 1;
            cr_assert_eq(evaluator_advance(e, mark, mark, &sink), 0);
            cr_assert_eq(evaluator_judged_tick(e), mark);
            check_all(&p, mark - 1, mark - 1);
        }
        cr_assert_gt(p.n, 1000);
        cr_assert_gt(p.finals, 20);
        cr_assert_gt(p.revisions, 20);
        evaluator_free(e);
        world_release(&w);
    }
}

/* The rows of one run as a hash over their bytes, in order. */
static int digest_row(void *ctx, const struct kpi_row *row)
{
    uint64_t *h = ctx;
    const struct slice parts[] = { row->id, row->kpi, row->window, row->subject, row->flags };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        for (uint32_t k = 0; k < parts[i].n; k++)
            *h = (*h ^ (unsigned char)parts[i].p[k]) * UINT64_C(1099511628211);
    *h = (*h ^ (uint64_t)row->numerator) * UINT64_C(1099511628211);
    return 0;
}

/* Order of arrival and the size of the steps change nothing, as long as nothing is late. */
Test(eval_windows, judged_rows_do_not_depend_on_batches)
{
    uint64_t want = 0;
    for (int run = 0; run < 4; run++) {
        prepare(31);
        qsort(given, DELTAS, sizeof given[0], by_cause);
        struct evaluator *e = world_start(&w, false, true, false);
        uint64_t h = 14695981039346656037u;
        struct evaluator_sink sink = { .ctx = &h, .judged_row = digest_row };
        int64_t step = run == 0 ? HOUR_MS : run == 1 ? 7 * MINUTE_MS + 13 : 40 * DAY_MS;
        if (run == 3)
            shuffle();
        int i = 0;
        for (int64_t mark = start_ms; mark < start_ms + 40 * DAY_MS; mark += step) {
            for (; i < DELTAS && (run >= 2 || given[i].cause_ms < mark + DAY_MS); i++)
                give(e, &given[i]);
            cr_assert_eq(evaluator_advance(e, mark, mark, &sink), 0);
        }
        cr_assert_eq(evaluator_advance(e, start_ms + 40 * DAY_MS, start_ms + 40 * DAY_MS, &sink), 0);
        if (run == 0)
            want = h;
        cr_assert_eq(h, want, "run %d", run);
        evaluator_free(e);
        world_release(&w);
    }
}

/* Idle years cost next to nothing: only ticks at which something happens are visited. */
Test(eval_windows, idle_years_are_jumped_over)
{
    prepare(41);
    struct evaluator *e = world_start(&w, true, true, false);
    struct evaluator_sink sink = { 0 };
    for (int i = 0; i < DELTAS; i++)
        give(e, &given[i]);
    cr_assert_eq(evaluator_advance(e, start_ms + 5 * 365 * DAY_MS, start_ms + 5 * 365 * DAY_MS, &sink), 0);
    struct evaluator_stats stats;
    evaluator_stats(e, &stats);
    cr_assert_lt(stats.ticks_judged, 20000, "%llu", (unsigned long long)stats.ticks_judged);
    cr_assert_eq(stats.pending, 0);
    cr_assert_eq(evaluator_pending_cause(e), INT64_MAX);
    cr_assert_eq(evaluator_judged_tick(e), start_ms + 5 * 365 * DAY_MS);
    evaluator_free(e);
    world_release(&w);
}

/* T1: an event on Monday 10 March 2025, 00:00 local, belongs to the second week only. */
Test(eval_windows, a_week_has_seven_days)
{
    prepare(51);
    struct evaluator *e = world_start(&w, false, false, false);
    int64_t monday = at("2025-03-09T23:00Z"); /* Berlin is an hour ahead */
    happen(e, "org:acme|sales", monday, 1);
    happen(e, "org:acme|sales", monday - 1, 10);
    cr_assert_eq(one(e, 0, "w", DIM_ORG, "acme", monday - 1).row.value, 10);
    cr_assert_eq(one(e, 0, "w", DIM_ORG, "acme", monday).row.value, 1);
    cr_assert_eq(one(e, 0, "w", DIM_ORG, "acme", monday + 7 * DAY_MS - 1).row.value, 1);
    cr_assert_eq(one(e, 0, "w", DIM_ORG, "acme", monday + 7 * DAY_MS).row.value, 0);
    evaluator_free(e);
    world_release(&w);
}

/* T5: the day ends without a further event, a timer closes it with its final row. */
Test(eval_windows, a_quiet_stream_closes_its_windows)
{
    prepare(61);
    struct evaluator *e = world_start(&w, false, true, false);
    for (int i = 1; i < DELTAS; i++)
        given[i] = (struct given){ .subject = 2 }; /* nothing in the window */
    given[0] = (struct given){ start_ms + 5 * HOUR_MS, start_ms + 5 * HOUR_MS, 7, 1 };
    give(e, &given[0]);
    struct published p = { .expected_until_ms = INT64_MAX };
    struct evaluator_sink sink = { .ctx = &p, .judged_row = on_row };
    int64_t end = at("2025-03-25T23:00Z");
    cr_assert_eq(evaluator_advance(e, end - 1, end - 1, &sink), 0);
    cr_assert_eq(p.finals, 0);
    cr_assert_eq(evaluator_advance(e, end, end, &sink), 0);
    cr_assert_eq(p.finals, 1, "%d", p.finals);
    evaluator_free(e);
    world_release(&w);
}

/* What Redis holds: the sum of every cell. */
static void restore_cells(struct evaluator *e, int n)
{
    const struct calendar *cal = &w.org[0].calendar;
    for (int i = 0; i < n; i++) {
        char field[64];
        snprintf(field, sizeof field, "%s:%s|sales", given[i].subject ? "rep" : "org", subjects[given[i].subject]);
        struct cell_delta d = {
            SLICE("acme"),  slice_of(field), CELL_HOUR, pane_start(cal, GRAIN_HOUR, given[i].t_ms), 0,
            given[i].value, false,           false
        };
        cr_assert_eq(evaluator_restore_cell(e, &d), 0);
        d.grain = CELL_MINUTE;
        d.pane_ms = pane_start(cal, GRAIN_MINUTE, given[i].t_ms);
        cr_assert_eq(evaluator_restore_cell(e, &d), 0);
    }
}

/* The feed still holds everything younger than a day before the last judged tick. */
static void restore_feed(struct evaluator *e, int n, int64_t tick_ms)
{
    const struct calendar *cal = &w.org[0].calendar;
    for (int i = 0; i < n; i++) {
        char field[64];
        snprintf(field, sizeof field, "%s:%s|sales", given[i].subject ? "rep" : "org", subjects[given[i].subject]);
        struct cell_delta d = {
            SLICE("acme"),     slice_of(field), CELL_HOUR, pane_start(cal, GRAIN_HOUR, given[i].t_ms),
            given[i].cause_ms, given[i].value,  false,     false
        };
        if (d.cause_ms < tick_ms - DAY_MS)
            continue;
        cr_assert_eq(evaluator_restore_pending(e, &d), 0);
        d.grain = CELL_MINUTE;
        d.pane_ms = pane_start(cal, GRAIN_MINUTE, given[i].t_ms);
        cr_assert_eq(evaluator_restore_pending(e, &d), 0);
    }
}

static int save_tick(void *ctx, struct slice org, struct slice key, struct slice value)
{
    struct evaluator *next = ctx;
    return evaluator_state_restore(next, org, key, value);
}

/* Restarted every two days, with deltas ahead of the watermark in the cells: every published row is still right, and none goes stale. */
Test(eval_windows, restarts_change_no_value)
{
    prepare(71);
    qsort(given, DELTAS, sizeof given[0], by_cause);
    struct evaluator *e = world_start(&w, false, true, false);
    struct published p = { 0 };
    struct evaluator_sink sink = { .ctx = &p, .judged_row = on_row };
    int i = 0;
    for (int64_t mark = start_ms; mark < start_ms + 40 * DAY_MS; mark += HOUR_MS) {
        for (; i < DELTAS && given[i].cause_ms < mark + 5 * HOUR_MS; i++)
            give(e, &given[i]);
        p.expected_until_ms = mark - 1;
        cr_assert_eq(evaluator_advance(e, mark, mark, &sink), 0);
        check_all(&p, mark - 1, mark - 1);
        if ((mark - start_ms) % (2 * DAY_MS) != 7 * HOUR_MS)
            continue;
        struct evaluator *next = world_start(&w, false, true, false);
        cr_assert_eq(evaluator_state_save(e, false, save_tick, next), 0);
        restore_cells(next, i);
        restore_feed(next, i, mark);
        cr_assert_eq(evaluator_judged_tick(next), mark);
        cr_assert_eq(evaluator_pending_cause(next), evaluator_pending_cause(e));
        evaluator_free(e);
        e = next;
    }
    cr_assert_gt(p.n, 1000);
    evaluator_free(e);
    world_release(&w);
}

/* e29: a login of 4 March that arrives on the 26th changes that day from 1 to 2, revision + 1; other days and the open month have none. */
struct revised {
    int n;
    struct kpi_row row;
};

static int on_revision(void *ctx, const struct kpi_row *row)
{
    struct revised *r = ctx;
    if (row->revision == 0)
        return 0;
    r->n++;
    r->row = *row;
    return 0;
}

Test(eval_windows, a_late_event_revises_an_ended_day)
{
    world_init(&w, 8 * 3600 * 1000);
    add_measure(&w, "users", AGG_DISTINCT);
    add_kpi(&w, "dau", KPI_VALUE, NULL, NULL, "users", "d m", 1u << DIM_ORG);
    struct evaluator *e = world_start(&w, false, true, false);
    struct revised r = { 0 };
    struct evaluator_sink sink = { .ctx = &r, .judged_row = on_revision };
    int64_t day = at("2025-03-03T16:00Z"), month = at("2025-02-28T16:00Z"), late = at("2025-03-26T02:00Z");
    put(e, "org:acme|users.d", CELL_HOUR, day, at("2025-03-04T00:30Z"), 1);
    put(e, "org:acme|users.m", CELL_HOUR, month, at("2025-03-04T00:30Z"), 1);
    advance(e, late, &sink);
    cr_assert_eq(r.n, 0);
    put(e, "org:acme|users.d", CELL_HOUR, day, at("2025-03-04T05:00Z"), 1);
    put(e, "org:acme|users.m", CELL_HOUR, month, at("2025-03-04T05:00Z"), 1);
    advance(e, late + HOUR_MS, &sink);
    cr_assert_eq(r.n, 1);
    cr_assert(r.row.revision == 1 && r.row.value == 2 && r.row.window_start_ms == day &&
              r.row.at_ms == day + DAY_MS - 1);
    put(e, "org:acme|users.d", CELL_HOUR, day, late + 2 * HOUR_MS,
        1); /* a correction, in time but about an ended day */
    advance(e, late + 4 * HOUR_MS, &sink);
    cr_assert(r.n == 2 && r.row.revision == 2 && r.row.value == 3);
    evaluator_free(e);
    world_release(&w);
}

/* The live view of a restarted daemon: right at once, and windows go on sliding without an event. */
Test(eval_windows, a_restarted_live_view_goes_on)
{
    prepare(81);
    qsort(given, DELTAS, sizeof given[0], by_cause);
    struct evaluator *e = world_start(&w, true, false, false);
    struct published p = { 0 };
    struct evaluator_sink sink = { .ctx = &p, .live_row = on_row };
    int n = 0;
    while (n < DELTAS && given[n].cause_ms <= start_ms + 10 * DAY_MS)
        n++;
    restore_cells(e, n);
    for (int64_t now = start_ms + 10 * DAY_MS; now < start_ms + 50 * DAY_MS; now += 5 * HOUR_MS + 7) {
        for (; n < DELTAS && given[n].cause_ms <= now; n++)
            give(e, &given[n]);
        p.expected_until_ms = now;
        cr_assert_eq(evaluator_advance(e, INT64_MIN, now, &sink), 0);
        check_all(&p, now, now);
    }
    cr_assert_gt(p.n, 500);
    evaluator_free(e);
    world_release(&w);
}

/* Years 1 to 9999: beyond them no window has ends (TIME_MIN_MS, TIME_MAX_MS of civil.h). */
Test(eval, cells_outside_of_the_calendar_are_refused)
{
    static const int64_t bad[] = { INT64_C(253402300800000), INT64_C(-62135596800001), INT64_MAX };
    struct world world;
    world_init(&world, 0);
    add_measure(&world, "n", AGG_SUM);
    add_kpi(&world, "n", KPI_VALUE, NULL, NULL, "n", "24h m", 1u << DIM_ORG);
    struct evaluator *e = world_start(&world, false, true, false);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct cell_delta d = { SLICE("acme"), SLICE("org:acme|n"), CELL_HOUR, bad[i], 0, 1, false, false };
        cr_assert_eq(evaluator_restore_cell(e, &d), -1);
        cr_assert_eq(evaluator_apply(e, &d), -1);
        cr_assert_eq(evaluator_restore_pending(e, &d), -1);
        d.pane_ms = 0;
        d.cause_ms = bad[i];
        cr_assert_eq(evaluator_apply(e, &d), -1);
        cr_assert_eq(evaluator_restore_parked(e, &d), -1);
    }
    struct cell_delta good = { SLICE("acme"), SLICE("org:acme|n"), CELL_HOUR, 0, 0, 1, false, false };
    cr_assert_eq(evaluator_apply(e, &good), 0);
    evaluator_free(e);
    world_release(&world);
}
