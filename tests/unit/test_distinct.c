/* Distinct members: every list of activities, in every order, against a naive recomputation as of every cause.
 *
 * The naive side knows only facts with the time they came and the time they went: it counts, for an instant t, the facts alive at t. */
#include <stdio.h>
#include <stdlib.h>

#include <criterion/criterion.h>

#include "daemon/core/distinct.h"
#include "test_zones.h"

enum { FACTS_MAX = 12, CELLS_MAX = 16384 };

static const int64_t monday_ms = 1740960000000; /* 2025-03-03T00:00Z */

/* A fact: in a pane, added at one cause, withdrawn at another (INT64_MAX: never). */
struct fact_life {
    int64_t t_ms, added_ms, gone_ms;
};

struct cells {
    struct distinct_point v[CELLS_MAX];
    uint32_t n;
};

static void add(struct cells *c, const char *part, int64_t pane_ms, int64_t value)
{
    for (uint32_t i = 0; i < c->n; i++)
        if (c->v[i].pane_ms == pane_ms && strcmp(c->v[i].part, part) == 0) {
            c->v[i].value += value;
            return;
        }
    cr_assert_lt(c->n, CELLS_MAX);
    struct distinct_point *p = &c->v[c->n++];
    *p = (struct distinct_point){ .pane_ms = pane_ms, .value = value };
    snprintf(p->part, sizeof p->part, "%s", part);
}

static int64_t value_of(const struct cells *c, const char *part, int64_t pane_ms)
{
    for (uint32_t i = 0; i < c->n; i++)
        if (c->v[i].pane_ms == pane_ms && strcmp(c->v[i].part, part) == 0)
            return c->v[i].value;
    return 0;
}

/* ---- the naive side ---- */

struct world {
    const struct calendar *cal;
    const struct fact_life *f;
    uint32_t n, k;
    int64_t since_ms, t_ms; /* as of t_ms */
};

static bool alive(const struct world *w, uint32_t i)
{
    return w->f[i].added_ms <= w->t_ms && w->t_ms < w->f[i].gone_ms;
}

static uint32_t count_in(const struct world *w, struct span span)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < w->n; i++) {
        int64_t pane = pane_start(w->cal, GRAIN_HOUR, w->f[i].t_ms);
        n += alive(w, i) && pane >= span.start_ms && pane < span.end_ms;
    }
    return n;
}

static int by_value(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x < *y) - (*x > *y);
}

static int64_t first_pane(const struct world *w)
{
    int64_t first = INT64_MAX;
    for (uint32_t i = 0; i < w->n; i++)
        if (alive(w, i) && pane_start(w->cal, GRAIN_HOUR, w->f[i].t_ms) < first)
            first = pane_start(w->cal, GRAIN_HOUR, w->f[i].t_ms);
    return first;
}

static void naive_life(const struct world *w, enum period period, struct cells *to)
{
    static const char *const letter[] = { "d", "w", "m" };
    int64_t first = first_pane(w) < w->since_ms ? first_pane(w) : w->since_ms;
    char part[16];
    struct span at = calendar_period(w->cal, period, monday_ms - 40 * TEST_DAY);
    for (; at.start_ms < monday_ms + 120 * TEST_DAY; at = calendar_period(w->cal, period, at.end_ms)) {
        bool now = count_in(w, at) > 0, before = count_in(w, calendar_previous(w->cal, period, at.start_ms)) > 0;
        if (!now && !before)
            continue;
        bool fresh = first >= at.start_ms && first < at.end_ms;
        snprintf(part, sizeof part, "%s.%s", !now ? "dor" : fresh ? "new" : before ? "ret" : "res", letter[period]);
        add(to, part, pane_start(w->cal, GRAIN_HOUR, at.start_ms), 1);
    }
}

static void naive_cohort(const struct world *w, enum period period, struct cells *to)
{
    static const char letter[] = "dwm";
    static const int max[] = { 30, 52, 24 };
    char part[32];
    if (first_pane(w) == INT64_MAX)
        return;
    struct span first = calendar_period(w->cal, period, first_pane(w)), at = first;
    int back = -1, last = 0;
    for (int age = 0; at.start_ms < monday_ms + 400 * TEST_DAY;
         age++, at = calendar_period(w->cal, period, at.end_ms)) {
        if (!count_in(w, at))
            continue;
        last = age;
        back = back < 0 && age > 0 ? age : back;
        snprintf(part, sizeof part, "cohort.%c.%d", letter[period], age);
        if (age <= max[period])
            add(to, part, pane_start(w->cal, GRAIN_HOUR, first.start_ms), 1);
    }
    snprintf(part, sizeof part, "return.%c.%d", letter[period], back);
    if (back > 0 && back <= max[period])
        add(to, part, pane_start(w->cal, GRAIN_HOUR, first.start_ms), 1);
    snprintf(part, sizeof part, "last.%c.%d", letter[period], last < max[period] ? last : max[period]);
    add(to, part, pane_start(w->cal, GRAIN_HOUR, first.start_ms), 1);
}

enum { TRAILING_DAYS = 9 };

static void naive_trail(const struct world *w, struct cells *to)
{
    struct span day = calendar_period(w->cal, PERIOD_DAY, monday_ms - 40 * TEST_DAY);
    for (; day.start_ms < monday_ms + 140 * TEST_DAY; day = calendar_period(w->cal, PERIOD_DAY, day.end_ms))
        if (count_in(w, (struct span){ day.end_ms - TRAILING_DAYS * TEST_DAY, day.end_ms }))
            add(to, "trail", pane_start(w->cal, GRAIN_HOUR, day.start_ms), 1);
}

static void naive(const struct world *w, bool lifecycle, struct cells *to)
{
    static const char *const letter[PERIOD_COUNT] = { "d", "w", "m", "q", "h", "y" };
    int64_t panes[FACTS_MAX];
    uint32_t n = 0;
    to->n = 0;
    for (uint32_t i = 0; i < w->n; i++)
        if (alive(w, i))
            panes[n++] = pane_start(w->cal, GRAIN_HOUR, w->f[i].t_ms);
    qsort(panes, n, sizeof *panes, by_value);
    if (n >= w->k)
        add(to, "", panes[w->k - 1], 1);
    for (int p = 0; p < PERIOD_COUNT; p++) {
        struct span at = calendar_period(w->cal, (enum period)p, monday_ms - 400 * TEST_DAY);
        for (; at.start_ms < monday_ms + 120 * TEST_DAY; at = calendar_period(w->cal, (enum period)p, at.end_ms))
            if (count_in(w, at) >= w->k)
                add(to, letter[p], pane_start(w->cal, GRAIN_HOUR, at.start_ms), 1);
    }
    for (int p = PERIOD_DAY; lifecycle && p <= PERIOD_MONTH; p++)
        naive_life(w, (enum period)p, to);
    for (int p = PERIOD_DAY; lifecycle && p <= PERIOD_MONTH; p++)
        naive_cohort(w, (enum period)p, to);
    if (lifecycle && n)
        add(to, "first", first_pane(w), 1);
    if (lifecycle && w->k == 1)
        naive_trail(w, to);
}

/* ---- the record under test ---- */

struct rig {
    struct calendar cal;
    struct distinct_scratch scratch;
    struct bytes log;
    struct distinct_point *points;
    size_t n, cap;
    uint32_t k;
    bool lifecycle;
};

static void change(struct rig *r, int64_t t_ms, int64_t cause_ms, int32_t n, int64_t since_ms)
{
    const struct distinct_change c = { t_ms, cause_ms, n, since_ms, r->lifecycle ? TRAILING_DAYS : 0 };
    cr_assert_geq(distinct_change(&r->scratch, &r->cal, r->k, r->lifecycle, &r->log, &c), 0);
    for (uint32_t i = 0; i < r->scratch.n_points; i++) {
        if (r->n == r->cap)
            r->points = realloc(r->points, (r->cap = r->cap * 2 + 256) * sizeof *r->points);
        r->points[r->n++] = r->scratch.point[i];
    }
}

static void release(struct rig *r)
{
    distinct_scratch_release(&r->scratch);
    bytes_release(&r->log);
    free(r->points);
}

static void as_of(const struct rig *r, int64_t t_ms, struct cells *to)
{
    to->n = 0;
    for (size_t i = 0; i < r->n; i++)
        if (r->points[i].cause_ms <= t_ms)
            add(to, r->points[i].part, r->points[i].pane_ms, r->points[i].value);
}

static bool agree(const struct cells *a, const struct cells *b)
{
    for (uint32_t i = 0; i < a->n; i++)
        if (a->v[i].value != value_of(b, a->v[i].part, a->v[i].pane_ms))
            return false;
    for (uint32_t i = 0; i < b->n; i++)
        if (b->v[i].value != value_of(a, b->v[i].part, b->v[i].pane_ms))
            return false;
    return true;
}

static void check_as_of(const struct rig *r, const struct world *w, const char *what)
{
    static struct cells want, got;
    naive(w, r->lifecycle, &want);
    as_of(r, w->t_ms, &got);
    if (agree(&want, &got))
        return;
    for (uint32_t i = 0; i < want.n; i++)
        fprintf(stderr, "want %s %lld %lld\n", want.v[i].part, (long long)want.v[i].pane_ms,
                (long long)want.v[i].value);
    for (uint32_t i = 0; i < got.n; i++)
        if (got.v[i].value)
            fprintf(stderr, "got %s %lld %lld\n", got.v[i].part, (long long)got.v[i].pane_ms,
                    (long long)got.v[i].value);
    for (uint32_t i = 0; i < w->n; i++)
        fprintf(stderr, "fact at %lld added %lld gone %lld\n", (long long)w->f[i].t_ms, (long long)w->f[i].added_ms,
                (long long)w->f[i].gone_ms);
    cr_assert_fail("%s, k %u, as of %lld", what, r->k, (long long)w->t_ms);
}

/* ---- by hand ---- */

static int64_t hour(int64_t n)
{
    return monday_ms + n * TEST_HOUR;
}

static struct rig fresh(uint32_t k, bool lifecycle)
{
    return (struct rig){ .cal = { .zone = zone_utc(), .week_start = 1 }, .k = k, .lifecycle = lifecycle };
}

static void expect(const struct rig *r, int64_t t_ms, const char *part, int64_t pane_ms, int64_t value)
{
    static struct cells c;
    as_of(r, t_ms, &c);
    cr_assert_eq(value_of(&c, part, pane_ms), value, "'%s' %lld: %lld", part, (long long)pane_ms,
                 (long long)value_of(&c, part, pane_ms));
}

Test(distinct, one_member_is_one_unit_in_its_latest_pane)
{
    struct rig r = fresh(1, false);
    change(&r, hour(1) + 5, hour(1) + 5, 1, INT64_MAX);
    expect(&r, INT64_MAX, "", hour(1), 1);
    expect(&r, INT64_MAX, "d", hour(0), 1);
    change(&r, hour(30), hour(30), 1, INT64_MAX);
    expect(&r, INT64_MAX, "", hour(1), 0);
    expect(&r, INT64_MAX, "", hour(30), 1);
    expect(&r, hour(29), "", hour(1), 1); /* a view judged before still holds the old place */
    expect(&r, hour(29), "", hour(30), 0);
    expect(&r, INT64_MAX, "w", hour(0), 1); /* once a week */
    size_t n = r.n;
    change(&r, hour(30) + 9, hour(30) + 9, 1, INT64_MAX);
    cr_assert_eq(r.n, n, "a second fact in the pane says nothing new");
    release(&r);
}

/* In order: p -> e1 at e1, e1 -> e2 at e2. With e1 after e2: the same, seen from every cause. */
Test(distinct, a_late_fact_says_what_each_cause_should_have_said)
{
    struct rig r = fresh(1, false);
    change(&r, hour(1), hour(1), 1, INT64_MAX);
    change(&r, hour(9), hour(9), 1, INT64_MAX);
    change(&r, hour(5), hour(5), 1, INT64_MAX);
    expect(&r, hour(4), "", hour(1), 1);
    expect(&r, hour(5), "", hour(1), 0);
    expect(&r, hour(5), "", hour(5), 1);
    expect(&r, hour(9), "", hour(5), 0);
    expect(&r, hour(9), "", hour(9), 1);
    release(&r);
}

Test(distinct, two_facts_stand_where_the_second_latest_is)
{
    struct rig r = fresh(2, false);
    change(&r, hour(1), hour(1), 1, INT64_MAX);
    cr_assert_eq(r.n, 0);
    change(&r, hour(9), hour(9), 1, INT64_MAX);
    expect(&r, INT64_MAX, "", hour(1), 1);
    expect(&r, INT64_MAX, "d", hour(0), 1);
    change(&r, hour(9) + 1, hour(9) + 1, 1, INT64_MAX);
    expect(&r, INT64_MAX, "", hour(1), 0);
    expect(&r, INT64_MAX, "", hour(9), 1);
    change(&r, hour(9), hour(40), -1, INT64_MAX); /* withdrawn later: not before */
    expect(&r, hour(39), "", hour(9), 1);
    expect(&r, hour(40), "", hour(9), 0);
    expect(&r, hour(40), "", hour(1), 1);
    release(&r);
}

Test(distinct, life_cycle_by_hand)
{
    struct rig r = fresh(1, true);
    change(&r, hour(1), hour(1), 1, hour(-24 * 40)); /* enabled long before */
    expect(&r, INT64_MAX, "res.d", hour(0), 1);      /* not new, not there the day before */
    expect(&r, INT64_MAX, "dor.d", hour(24), 1);
    change(&r, hour(25), hour(25), 1, INT64_MAX);
    expect(&r, INT64_MAX, "dor.d", hour(24), 0);
    expect(&r, INT64_MAX, "ret.d", hour(24), 1);
    expect(&r, hour(24), "dor.d", hour(24), 1);
    change(&r, hour(24 * 15), hour(24 * 15), 1, INT64_MAX);
    expect(&r, INT64_MAX, "cohort.w.0", hour(0), 1);
    expect(&r, INT64_MAX, "cohort.w.2", hour(0), 1);
    expect(&r, INT64_MAX, "res.w", hour(24 * 14), 1);
    release(&r);
}

Test(distinct, learning_of_an_earlier_beginning_turns_new_into_resurrected)
{
    struct rig r = fresh(1, true);
    change(&r, hour(1), hour(1), 1, INT64_MAX);
    expect(&r, INT64_MAX, "new.d", hour(0), 1);
    change(&r, hour(1), hour(1), -1, INT64_MAX); /* the fact is another now: it knows */
    change(&r, hour(1), hour(1), 1, hour(-30));
    expect(&r, hour(1), "new.d", hour(0), 0);
    expect(&r, hour(1), "res.d", hour(0), 1);
    expect(&r, hour(1), "new.m", 1740787200000, 1); /* 1 March: enabled and active in the same month */
    change(&r, hour(1), hour(5), -1, hour(-30));    /* the enabling is withdrawn at hour 5 */
    change(&r, hour(1), hour(5), 1, INT64_MAX);
    expect(&r, hour(4), "new.d", hour(0), 0);
    expect(&r, hour(5), "new.d", hour(0), 1);
    expect(&r, hour(5), "res.d", hour(0), 0);
    release(&r);
}

/* Retention 10 days: two years of daily activity stay small; who comes back after more than that is not new again. */
Test(distinct, what_is_behind_the_retention_is_forgotten)
{
    struct rig r = fresh(1, true);
    r.scratch.retention_ms = 240 * TEST_HOUR;
    for (int i = 0; i < 730; i++)
        change(&r, hour(24 * i), hour(24 * i), 1, INT64_MAX);
    cr_assert_lt(r.log.n, 150, "%u bytes", r.log.n);
    change(&r, hour(24 * 800), hour(24 * 800), 1, INT64_MAX);
    change(&r, hour(24 * 900), hour(24 * 900), 1, INT64_MAX);
    cr_assert_lt(r.log.n, 30, "%u bytes", r.log.n);
    expect(&r, INT64_MAX, "res.d", hour(24 * 900), 1);
    expect(&r, INT64_MAX, "new.d", hour(24 * 900), 0);
    expect(&r, INT64_MAX, "", hour(24 * 900), 1);
    release(&r);
}

/* ---- by chance ---- */

struct rng {
    uint64_t s;
};

static uint32_t below(struct rng *r, uint32_t n)
{
    r->s = r->s * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((r->s >> 33) % n);
}

struct step {
    int64_t t_ms, cause_ms;
    int32_t n;
};

static uint32_t make_facts(struct rng *r, struct fact_life *f, bool in_time, bool withdrawals)
{
    uint32_t n = 1 + below(r, FACTS_MAX), spread = below(r, 2) ? 40 : 24 * 60;
    for (uint32_t i = 0; i < n; i++) {
        f[i].t_ms = monday_ms + (int64_t)below(r, spread) * TEST_HOUR + below(r, 3);
        f[i].added_ms = in_time ? f[i].t_ms : monday_ms + (int64_t)below(r, spread) * TEST_HOUR + below(r, 3);
        f[i].gone_ms = withdrawals && !below(r, 3) ? f[i].added_ms + 1 + (int64_t)below(r, 60) * TEST_HOUR : INT64_MAX;
    }
    return n;
}

static uint32_t make_steps(struct rng *r, const struct fact_life *f, uint32_t n, struct step *s)
{
    uint32_t m = 0;
    for (uint32_t i = 0; i < n; i++) {
        s[m++] = (struct step){ f[i].t_ms, f[i].added_ms, 1 };
        if (f[i].gone_ms != INT64_MAX)
            s[m++] = (struct step){ f[i].t_ms, f[i].gone_ms, -1 };
    }
    for (uint32_t i = m; i > 1; i--) { /* any order of arrival: a withdrawal may come before what it withdraws */
        uint32_t k = below(r, i);
        struct step was = s[i - 1];
        s[i - 1] = s[k];
        s[k] = was;
    }
    return m;
}

static void check_seed(uint64_t seed, struct zone zone)
{
    struct rng rng = { seed * 2654435761u + 1 };
    struct fact_life f[FACTS_MAX];
    struct step s[FACTS_MAX * 2];
    struct rig r = fresh(1 + below(&rng, 2), below(&rng, 2));
    bool in_time = below(&rng, 2), withdrawals = below(&rng, 2);
    r.cal.zone = zone;
    uint32_t n = make_facts(&rng, f, in_time, withdrawals), m = make_steps(&rng, f, n, s);
    struct world w = { .cal = &r.cal, .f = f, .n = n, .k = r.k, .since_ms = INT64_MAX };
    if (r.lifecycle && below(&rng, 2))
        w.since_ms = monday_ms + (int64_t)below(&rng, 40) * TEST_HOUR - 20 * TEST_HOUR;
    uint32_t told = below(&rng, m + 1); /* when the beginning becomes known */
    for (uint32_t i = 0; i <= m; i++) {
        for (uint32_t j = 0; i == told && j < told && w.since_ms != INT64_MAX; j++) {
            change(&r, s[j].t_ms, s[j].cause_ms, -s[j].n, INT64_MAX);
            change(&r, s[j].t_ms, s[j].cause_ms, s[j].n, w.since_ms);
        }
        if (i < m)
            change(&r, s[i].t_ms, s[i].cause_ms, s[i].n, i >= told ? w.since_ms : INT64_MAX);
    }
    w.t_ms = INT64_MAX - 1;
    char what[40];
    snprintf(what, sizeof what, "seed %llu, final", (unsigned long long)seed);
    check_as_of(&r, &w, what);
    snprintf(what, sizeof what, "seed %llu", (unsigned long long)seed);
    for (uint32_t i = 0; i < m && !r.scratch.folded_withdrawals; i++) {
        w.t_ms = s[i].cause_ms;
        check_as_of(&r, &w, what);
    }
    release(&r);
}

Test(distinct, any_list_in_any_order_as_of_every_cause)
{
    for (uint64_t seed = 1; seed <= 1500; seed++)
        check_seed(seed, zone_utc());
}

Test(distinct, any_list_across_a_change_of_the_clock)
{
    for (uint64_t seed = 10001; seed <= 10500; seed++)
        check_seed(seed, berlin);
}

/* Many facts of one member in one hour: the record stays small, the sums stay exact. */
Test(distinct, a_busy_pane_is_folded)
{
    for (uint32_t k = 1; k <= 2; k++) {
        struct rig r = fresh(k, false);
        for (int i = 0; i < 1000; i++)
            change(&r, hour(0) + i, hour(0) + i, 1, INT64_MAX);
        cr_assert_lt(r.log.n, 60, "%u bytes", r.log.n);
        for (int i = 0; i < 999; i++)
            change(&r, hour(0) + i, hour(2) + i, -1, INT64_MAX);
        expect(&r, INT64_MAX, "", hour(0), k == 1);
        cr_assert_gt(r.scratch.folded_withdrawals, 0, "and it says so");
        change(&r, hour(0) + 999, hour(3), -1, INT64_MAX);
        expect(&r, INT64_MAX, "", hour(0), 0);
        expect(&r, INT64_MAX, "d", hour(0), 0);
        release(&r);
    }
}

Test(distinct, malformed_bytes_are_refused)
{
    struct rig r = fresh(1, false);
    const struct distinct_change c = { hour(0), hour(0), 1, INT64_MAX, 0 };
    cr_assert_eq(bytes_put(&r.log, "\x01", 1), 0); /* announces a beginning, then ends */
    cr_assert_eq(distinct_change(&r.scratch, &r.cal, 1, false, &r.log, &c), -1);
    release(&r);
}
