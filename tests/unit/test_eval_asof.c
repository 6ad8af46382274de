/* State as of an instant: gauges, exact distinct members and memberships asked for in the past, against lists kept by the test. */
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

TestSuite(eval_asof, .init = begin, .fini = end);

/* 2.4.8: a deal lost on the 14th and reopened on the 17th is not open on the 15th. */
Test(eval_asof, gauge_at_a_past_edge)
{
    struct measure_def *m = add_measure(&w, "open", AGG_COUNT);
    m->gauge = m->asof = true;
    int k = add_kpi(&w, "open", KPI_VALUE, NULL, NULL, "open", "g m d", 1u << DIM_ORG);
    e = world_start(&w, false, false, true);
    put(e, "org:acme|open", CELL_GAUGE, 0, at("2025-03-17T02:00Z"), 1);
    put(e, "org:acme|open", CELL_GAUGE, 0, at("2025-03-05T03:00Z"), 1);
    put(e, "org:acme|open", CELL_GAUGE, 0, at("2025-03-14T03:00Z"), -1);
    cr_assert_eq(one(e, k, "g", DIM_ORG, "acme", at("2025-03-05T02:59:59.999Z")).row.value, 0);
    cr_assert_eq(one(e, k, "g", DIM_ORG, "acme", at("2025-03-05T03:00Z")).row.value, 1);
    cr_assert_eq(one(e, k, "g", DIM_ORG, "acme", at("2025-03-15")).row.value, 0);
    cr_assert_eq(one(e, k, "g", DIM_ORG, "acme", at("2025-03-18")).row.value, 1);
    cr_assert_eq(one(e, k, "d", DIM_ORG, "acme", at("2025-03-16T12:00Z")).row.value, 0);
    struct kept_row r = one(e, k, "2025-03-05T00:00Z..2025-03-14T04:00Z", DIM_ORG, "acme", at("2025-04-01"));
    cr_assert_eq(r.row.value, 0, "a span in the past is read at its own end");
    r = one(e, k, "2025-03-05T00:00Z..2025-03-14T03:00Z", DIM_ORG, "acme", at("2025-04-01"));
    cr_assert_eq(r.row.value, 1);
}

Test(eval_asof, without_history_the_newest_state_answers)
{
    struct measure_def *m = add_measure(&w, "open", AGG_COUNT);
    m->gauge = m->asof = true;
    int k = add_kpi(&w, "open", KPI_VALUE, NULL, NULL, "open", "g", 1u << DIM_ORG);
    e = world_start(&w, false, false, false);
    put(e, "org:acme|open", CELL_GAUGE, 0, at("2025-03-05T03:00Z"), 5);
    put(e, "org:acme|open", CELL_GAUGE, 0, at("2025-03-14T03:00Z"), -1);
    cr_assert_eq(one(e, k, "g", DIM_ORG, "acme", at("2025-03-05T04:00Z")).row.value, 4);
}

enum { USERS = 12, VISITS = 300 };

struct visit {
    int64_t t_ms;
    int user;
};

static int by_time(const void *a, const void *b)
{
    const struct visit *x = a, *y = b;
    return (x->t_ms > y->t_ms) - (x->t_ms < y->t_ms);
}

static struct visit visit[VISITS];

static void make_visits(uint64_t seed)
{
    for (int i = 0; i < VISITS; i++) {
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        visit[i].t_ms = at("2025-03-01") + (int64_t)(seed >> 33) % (40 * DAY_MS);
        visit[i].user = (int)(seed >> 20) % USERS;
        visit[i].user = visit[i].user < 0 ? -visit[i].user : visit[i].user;
    }
    qsort(visit, VISITS, sizeof visit[0], by_time);
}

/* One delta moves a user from the hour it was last active in to the present one. */
static void give_visits(void)
{
    int64_t last[USERS];
    for (int u = 0; u < USERS; u++)
        last[u] = INT64_MIN;
    for (int i = 0; i < VISITS; i++) {
        int64_t pane = visit[i].t_ms - visit[i].t_ms % HOUR_MS, *before = &last[visit[i].user];
        if (*before != INT64_MIN)
            put(e, "org:acme|users", CELL_HOUR, *before, visit[i].t_ms, -1);
        put(e, "org:acme|users", CELL_HOUR, pane, visit[i].t_ms, 1);
        *before = pane;
    }
}

static int active(struct span span, int64_t until_ms)
{
    bool seen[USERS] = { false };
    int n = 0;
    for (int i = 0; i < VISITS; i++)
        if (visit[i].t_ms >= span.start_ms && visit[i].t_ms < span.end_ms && visit[i].t_ms <= until_ms &&
            !seen[visit[i].user]) {
            seen[visit[i].user] = true;
            n++;
        }
    return n;
}

Test(eval_asof, distinct_members_of_any_past_window)
{
    static const char *const names[] = { "24h", "7d", "30d", "td" };
    struct measure_def *m = add_measure(&w, "users", AGG_DISTINCT);
    m->asof = true;
    int k = add_kpi(&w, "users", KPI_VALUE, NULL, NULL, "users", "24h 7d 30d td", 1u << DIM_ORG);
    int before = add_kpi(&w, "before", KPI_VALUE, NULL, NULL, "users.prev", "24h 7d", 1u << DIM_ORG);
    for (uint64_t seed = 1; seed < 5; seed++) {
        evaluator_free(e);
        e = world_start(&w, false, false, true);
        make_visits(seed);
        give_visits();
        for (int64_t t = at("2025-02-27T00:30Z"); t < at("2025-05-20"); t += 17 * HOUR_MS + 1)
            for (int i = 0; i < 4; i++) {
                struct window win_ = win(names[i]);
                struct span span = window_span(&w.org[0].calendar, &win_, t);
                cr_assert_eq(one(e, k, names[i], DIM_ORG, "acme", t).row.value, active(span, t), "%s at %lld", names[i],
                             (long long)t);
                if (i >= 2)
                    continue;
                span = window_previous(&w.org[0].calendar, &win_, t, true);
                cr_assert_eq(one(e, before, names[i], DIM_ORG, "acme", t).row.value, active(span, t), "before %s",
                             names[i]);
            }
    }
}

/* Judged and live views need no history: they hold what had happened. */
struct last {
    double value[2];
};

static int on_live(void *ctx, const struct kpi_row *row)
{
    ((struct last *)ctx)->value[slice_eq(row->window, SLICE("7d"))] = row->value;
    return 0;
}

Test(eval_asof, the_live_view_counts_members_as_it_goes)
{
    struct measure_def *m = add_measure(&w, "users", AGG_DISTINCT);
    m->asof = true;
    add_kpi(&w, "users", KPI_VALUE, NULL, NULL, "users", "24h 7d", 1u << DIM_ORG);
    e = world_start(&w, true, false, false);
    make_visits(9);
    give_visits(); /* all at once: each waits for its cause */
    struct last last = { { 0 } };
    struct evaluator_sink sink = { .ctx = &last, .live_row = on_live };
    for (int64_t t = at("2025-03-01T05:00Z"); t < at("2025-04-20"); t += 5 * HOUR_MS + 7) {
        struct window day = win("24h"), week = win("7d");
        advance(e, t, &sink);
        cr_assert_eq(last.value[0], active(window_span(&w.org[0].calendar, &day, t), t));
        cr_assert_eq(last.value[1], active(window_span(&w.org[0].calendar, &week, t), t));
    }
}

/* T25: S 200, 40 of them leave, 30 join, 5 of these leave: E 185, CRR (185 - 25) / 200 = 0.80, churn 0.20. */
Test(eval_asof, retention_from_memberships)
{
    struct measure_def *m = add_measure(&w, "members", AGG_COUNT);
    m->gauge = m->asof = true;
    add_measure(&w, "joined", AGG_SUM)->asof = true; /* by the pane of the joining, members only */
    add_measure(&w, "left", AGG_SUM)->asof =
        true; /* joined before and left, by the pane of the leaving; -1 in the pane of the joining */
    int crr = add_kpi(&w, "crr", KPI_RATIO, "members - joined", "members - joined + left", NULL, "m", 1u << DIM_ORG);
    int churn = add_kpi(&w, "churn", KPI_RATIO, "left", "members - joined + left", NULL, "m", 1u << DIM_ORG);
    e = world_start(&w, false, false, true);
    int64_t before = at("2025-01-10"), t = at("2025-03-10"), gone = at("2025-03-20"), later = at("2025-04-15");
    put(e, "org:acme|members", CELL_GAUGE, 0, before, 200);
    put(e, "org:acme|joined", CELL_HOUR, before, before, 200);
    put(e, "org:acme|members", CELL_GAUGE, 0, t, -40);
    put(e, "org:acme|joined", CELL_HOUR, before, t, -40);
    put(e, "org:acme|left", CELL_HOUR, t, t, 40);
    put(e, "org:acme|left", CELL_HOUR, before, t, -40);
    put(e, "org:acme|members", CELL_GAUGE, 0, t, 30);
    put(e, "org:acme|joined", CELL_HOUR, t, t, 30);
    put(e, "org:acme|members", CELL_GAUGE, 0, gone, -5);
    put(e, "org:acme|joined", CELL_HOUR, t, gone, -5);
    put(e, "org:acme|left", CELL_HOUR, gone, gone, 5);
    put(e, "org:acme|left", CELL_HOUR, t, gone, -5);
    put(e, "org:acme|members", CELL_GAUGE, 0, later, -100);
    put(e, "org:acme|joined", CELL_HOUR, before, later, -100);
    put(e, "org:acme|left", CELL_HOUR, later, later, 100);
    struct kept_row r = one(e, crr, "m", DIM_ORG, "acme", at("2025-03-31T23:59:59Z"));
    cr_assert(r.row.numerator == 160 && r.row.denominator == 200 && r.row.value == 0.8, "%lld / %lld",
              (long long)r.row.numerator, (long long)r.row.denominator);
    r = one(e, churn, "m", DIM_ORG, "acme", at("2025-03-31T23:59:59Z"));
    cr_assert(r.row.numerator == 40 && r.row.value == 0.2,
              "who joined and left inside the window counts on neither side");
}
