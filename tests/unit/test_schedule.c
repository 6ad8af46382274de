/* When a window next changes by time alone: the search over all panes against looking at each of them, in zones whose clocks change. */
#include "daemon/core/eval_core.h"
#include "eval_fixture.h"
#include "test_zones.h"

enum { PANES = 200, ROUNDS = 400 };

static uint64_t seed = 7;

static uint64_t below(uint64_t n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % n;
}

/* Ascending, dense in places, on the bounds of the calendar's hours. */
static uint32_t make_panes(const struct calendar *cal, enum grain grain, struct pane *to)
{
    static const uint64_t gaps_h[] = { 1, 3, 24, 24 * 8, 24 * 45 };
    int64_t t = at("2024-10-15") + (int64_t)below(500) * HOUR_MS;
    uint32_t n = 1 + (uint32_t)below(PANES - 1);
    uint64_t gap_h = gaps_h[below(5)];
    for (uint32_t i = 0; i < n; i++) {
        t = pane_end(cal, grain, t + (int64_t)below(grain == GRAIN_MINUTE ? 90 : gap_h * 60) * MINUTE_MS);
        to[i] = (struct pane){ .start_ms = t, .value = below(5) ? 1 : 0 };
    }
    return n;
}

static int64_t by_looking(const struct org *org, const struct window *w, const struct plan_slot *slot,
                          const struct panes *p, int64_t after_ms)
{
    int64_t next = INT64_MAX;
    for (uint32_t i = 0; i < p->n; i++) {
        if (!p->v[i].value)
            continue; /* as if it were not there */
        int64_t t = slot_event_of_pane(org, w, slot, p->v[i].start_ms, after_ms);
        next = t < next ? t : next;
    }
    return next;
}

static void check(struct org *org, const char *window, enum compared prev, bool level)
{
    struct window w = win(window);
    struct pane v[PANES];
    bool fine = window_grain(&w) == GRAIN_MINUTE && below(2);
    struct plan_slot slot = { .prev = prev, .fine = fine, .level = level };
    for (int i = 0; i < ROUNDS; i++) {
        struct panes p = { .v = v, .n = make_panes(org->cal, fine ? GRAIN_MINUTE : GRAIN_HOUR, v) };
        int64_t span_ms = v[p.n - 1].start_ms - v[0].start_ms + 100 * DAY_MS;
        int64_t after_ms = v[0].start_ms - 40 * DAY_MS + (int64_t)below((uint64_t)span_ms / 1000) * 1000;
        if (below(2)) /* on a bound, or just before it */
            after_ms = pane_end(org->cal, GRAIN_HOUR, after_ms) - (int64_t)below(2);
        int64_t got = panes_next_event(org, &w, &slot, &p, after_ms), want = by_looking(org, &w, &slot, &p, after_ms);
        /* The look an hour before a comparison period begins is for clocks that change there; it may be passed over. */
        bool early = (prev == COMPARED_ELAPSED || prev == COMPARED_WHOLE) && got > want && got - want <= HOUR_MS;
        cr_assert(got == want || early, "%s, compared %d, level %d, round %d: %lld, not %lld", window, (int)prev, level,
                  i, (long long)got, (long long)want);
    }
}

Test(schedule, the_search_finds_the_earliest)
{
    static const char *const windows[] = { "d",  "w",  "m",   "q",    "h",  "y", "24h", "7d",  "30d",
                                           "1h", "5m", "7cd", "30cd", "td", "g", "cy",  "live" };
    struct zone zones[] = { shanghai, berlin, lord_howe };
    for (size_t z = 0; z < sizeof zones / sizeof zones[0]; z++) {
        struct calendar cal = { .zone = zones[z], .week_start = 1, .cycle = PERIOD_MONTH };
        struct period_memo memo = { 0 };
        struct org org = { .cal = &cal, .memo = &memo };
        for (size_t i = 0; i < sizeof windows / sizeof windows[0]; i++)
            for (int prev = COMPARED_NOT; prev < COMPARED_COUNT; prev++) {
                check(&org, windows[i], (enum compared)prev, false);
                check(&org, windows[i], (enum compared)prev, true);
            }
    }
}
