/* The points that a distinct record contributes, and the difference a change makes to them at each cause. See distinct.h for the idea. */
#include <stdlib.h>

#include "cohort.h"
#include "distinct_int.h"

/* ---- what stands at a cause: s->pane as swept so far, with `bump` more facts in pane `at` ---- */

struct state {
    const struct distinct_scratch *s;
    uint32_t at;
    int32_t bump;
    int32_t k;
    int64_t bump_since_ms;
};

static int32_t standing(const struct state *st, uint32_t i)
{
    int32_t n = st->s->pane[i].n + (i == st->at ? st->bump : 0);
    return n > 0 ? n : 0;
}

/* The pane of the k-th latest fact, INT64_MIN if there are fewer. */
static int64_t latest(const struct state *st)
{
    int32_t n = 0;
    for (uint32_t i = st->s->n_panes; i-- > 0;)
        if ((n += standing(st, i)) >= st->k)
            return st->s->pane[i].pane_ms;
    return INT64_MIN;
}

static uint32_t pane_from(const struct distinct_scratch *s, int64_t start_ms)
{
    uint32_t lo = 0, hi = s->n_panes;
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (s->pane[mid].pane_ms < start_ms)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static bool reached(const struct state *st, struct span span, int32_t k)
{
    int32_t n = 0;
    for (uint32_t i = pane_from(st->s, span.start_ms); i < st->s->n_panes && st->s->pane[i].pane_ms < span.end_ms; i++)
        if ((n += standing(st, i)) >= k)
            return true;
    return false;
}

/* The earliest pane with a fact, INT64_MAX if there is none. */
static int64_t earliest(const struct state *st)
{
    for (uint32_t i = 0; i < st->s->n_panes; i++)
        if (standing(st, i))
            return st->s->pane[i].pane_ms;
    return INT64_MAX;
}

/* The earliest beginning that a standing fact knows of. */
static int64_t beginning(const struct state *st)
{
    int64_t since_ms = INT64_MAX;
    for (uint32_t i = 0; i < st->s->n_beginnings; i++) {
        const struct distinct_beginning *b = &st->s->beginning[i];
        if (b->n + (b->since_ms == st->bump_since_ms ? st->bump : 0) > 0 && b->since_ms < since_ms)
            since_ms = b->since_ms;
    }
    return since_ms;
}

static void count_beginning(struct distinct_scratch *s, int64_t since_ms, int32_t n)
{
    uint32_t i = 0;
    if (since_ms == INT64_MAX)
        return;
    while (i < s->n_beginnings && s->beginning[i].since_ms != since_ms)
        i++;
    if (i == s->n_beginnings) {
        if (!distinct_room(s, &s->beginning, s->n_beginnings, &s->beginning_cap, sizeof *s->beginning))
            return;
        s->beginning[s->n_beginnings++] = (struct distinct_beginning){ since_ms, 0 };
    }
    s->beginning[i].n += n;
}

/* ---- points ---- */

static void note(struct distinct_scratch *s, const char *part, int64_t pane_ms, int64_t value)
{
    struct distinct_points *to = &s->now;
    for (uint32_t i = 0; i < to->n; i++)
        if (to->v[i].pane_ms == pane_ms && strcmp(to->v[i].part, part) == 0) {
            to->v[i].value += value;
            return;
        }
    if (!distinct_room(s, &to->v, to->n, &to->cap, sizeof *to->v))
        return;
    struct distinct_point *p = &to->v[to->n++];
    *p = (struct distinct_point){ .pane_ms = pane_ms, .value = value };
    memcpy(p->part, part, strlen(part) + 1);
}

static const char *const period_part[PERIOD_COUNT] = { "d", "w", "m", "q", "h", "y" };

enum { LIFE_PERIODS = 3 };

/* What a record counts, apart from its threshold. */
struct distinct_terms {
    const struct calendar *cal;
    bool lifecycle;
    uint32_t trailing_days;
};

/* Civil time around the changed pane, looked up once per change. */
struct around {
    const struct calendar *cal;
    struct span period[PERIOD_COUNT];
    struct span next[LIFE_PERIODS]; /* day, week, month after */
    bool lifecycle;
    int64_t trailing_ms; /* 0: not kept */
};

/* The same few periods are asked for by one change after another. */
static struct span period_of(struct distinct_scratch *s, const struct calendar *cal, int period, int64_t t_ms)
{
    static const int64_t about_days[PERIOD_COUNT] = { 1, 7, 30, 91, 183, 365 };
    const uint64_t n = sizeof s->memo[0] / sizeof s->memo[0][0];
    struct distinct_span *memo = &s->memo[period][(uint64_t)(t_ms / (about_days[period] * 86400000)) % n];
    if (memo->cal != cal || t_ms < memo->span.start_ms || t_ms >= memo->span.end_ms)
        *memo = (struct distinct_span){ cal, calendar_period(cal, (enum period)period, t_ms) };
    return memo->span;
}

static void around_init(struct distinct_scratch *s, struct around *a, const struct distinct_terms *terms,
                        int64_t pane_ms)
{
    const struct calendar *cal = terms->cal;
    bool lifecycle = terms->lifecycle;
    a->cal = cal;
    a->lifecycle = lifecycle;
    a->trailing_ms = terms->trailing_days * INT64_C(86400000);
    for (int p = 0; p < PERIOD_COUNT; p++)
        a->period[p] = period_of(s, cal, p, pane_ms);
    for (int p = 0; p < LIFE_PERIODS && lifecycle; p++)
        a->next[p] = period_of(s, cal, p, a->period[p].end_ms);
}

static void life_note(struct distinct_scratch *s, const char *what, int period, const struct calendar *cal,
                      int64_t start_ms, int64_t sign)
{
    char part[16];
    size_t n = strlen(what);
    memcpy(part, what, n);
    part[n] = '.';
    part[n + 1] = period_part[period][0];
    part[n + 2] = 0;
    note(s, part, pane_start(cal, GRAIN_HOUR, start_ms), sign);
}

/* One interval of the life cycle: its label if the member was active in it, dormant if only in the one before. */
static void interval_points(struct distinct_scratch *s, const struct state *st, const struct around *a, int period,
                            struct span span, int64_t first_ms, int64_t sign)
{
    bool before = reached(st, period_of(s, a->cal, period, span.start_ms - 1), 1);
    if (!reached(st, span, 1)) {
        if (before)
            life_note(s, "dor", period, a->cal, span.start_ms, sign);
        return;
    }
    bool fresh = first_ms >= span.start_ms && first_ms < span.end_ms;
    life_note(s, fresh ? "new" : before ? "ret" : "res", period, a->cal, span.start_ms, sign);
}

/* The intervals whose label can differ: the changed one, the next, and those that hold the member's beginning before and after the change. */
static void life_points(struct distinct_scratch *s, const struct state *st, const struct around *a,
                        const int64_t *first_ms, int64_t own_first_ms, int64_t sign)
{
    for (int p = 0; p < LIFE_PERIODS; p++) {
        struct span seen[4] = { a->period[p], a->next[p] };
        int n = 2;
        for (int i = 0; i < 2; i++) {
            if (first_ms[i] == INT64_MAX || first_ms[0] == first_ms[1])
                continue;
            struct span span = period_of(s, a->cal, p, first_ms[i]);
            bool again = false;
            for (int j = 0; j < n; j++)
                again |= seen[j].start_ms == span.start_ms;
            if (!again)
                seen[n++] = span;
        }
        for (int i = 0; i < n; i++)
            interval_points(s, st, a, p, seen[i], own_first_ms, sign);
    }
}

/* Intervals between two starts. A change of the clock may move one by an hour. */
static int32_t age_of(const struct calendar *cal, int period, int64_t first_ms, int64_t start_ms)
{
    const int64_t day_ms = 86400000, half_day_ms = day_ms / 2;
    if (period == PERIOD_MONTH) {
        struct civil a = civil_from_unix(&cal->zone, first_ms + half_day_ms);
        struct civil b = civil_from_unix(&cal->zone, start_ms + half_day_ms);
        return (b.year - a.year) * 12 + b.month - a.month;
    }
    int64_t days = (start_ms - first_ms + half_day_ms) / day_ms;
    return (int32_t)(period == PERIOD_WEEK ? days / 7 : days);
}

/* What a member's cohort cells of one period are made of. */
struct cohort {
    bool any;
    struct span first;
    int64_t back_ms, last_ms; /* pane of the first activity after the first interval (INT64_MAX: none), of the latest */
};

static void cohort_note(struct distinct_scratch *s, const struct calendar *cal, int period, const struct cohort *c,
                        enum cohort_cell kind, int64_t pane_ms, int64_t sign)
{
    int64_t start_ms = period_of(s, cal, period, pane_ms).start_ms;
    int32_t age = age_of(cal, period, c->first.start_ms, start_ms), max = cohort_age_max((enum period)period);
    char part[16];
    size_t at = strlen(cohort_names[kind]);
    if (age > max && kind != COHORT_LAST)
        return;
    age = age > max ? max : age;
    memcpy(part, cohort_names[kind], at);
    part[at++] = period_part[period][0];
    part[at++] = '.';
    if (age >= 10)
        part[at++] = (char)('0' + age / 10);
    part[at++] = (char)('0' + age % 10);
    part[at] = 0;
    note(s, part, pane_start(cal, GRAIN_HOUR, c->first.start_ms), sign);
}

/* The member's intervals, counted from its first one; only the changed one where the first one is the same. */
static void cohort_intervals(struct distinct_scratch *s, const struct state *st, const struct around *a, int period,
                             const struct cohort *c, bool all, int64_t sign)
{
    int64_t end_ms = INT64_MIN;
    if (!all && reached(st, a->period[period], 1))
        cohort_note(s, a->cal, period, c, COHORT_ACTIVE, a->period[period].start_ms, sign);
    for (uint32_t i = 0; all && i < s->n_panes; i++) {
        if (!standing(st, i) || s->pane[i].pane_ms < end_ms)
            continue;
        end_ms = period_of(s, a->cal, period, s->pane[i].pane_ms).end_ms;
        cohort_note(s, a->cal, period, c, COHORT_ACTIVE, s->pane[i].pane_ms, sign);
    }
}

static struct cohort cohort_of(struct distinct_scratch *s, const struct state *st, const struct calendar *cal,
                               int period, int64_t active_ms)
{
    struct cohort c = { .any = active_ms != INT64_MAX, .back_ms = INT64_MAX };
    if (!c.any)
        return c;
    c.first = period_of(s, cal, period, active_ms);
    for (uint32_t i = pane_from(st->s, c.first.end_ms); i < st->s->n_panes && c.back_ms == INT64_MAX; i++)
        if (standing(st, i))
            c.back_ms = st->s->pane[i].pane_ms;
    for (uint32_t i = st->s->n_panes; i-- > 0;)
        if (standing(st, i)) {
            c.last_ms = st->s->pane[i].pane_ms;
            break;
        }
    return c;
}

static void cohort_points(struct distinct_scratch *s, const struct state *both, const struct around *a, int period,
                          const int64_t *active_ms)
{
    struct cohort c[2];
    for (int i = 0; i < 2; i++)
        c[i] = cohort_of(s, &both[i], a->cal, period, active_ms[i]);
    bool same = c[0].any && c[1].any && c[0].first.start_ms == c[1].first.start_ms;
    for (int i = 0; i < 2; i++) {
        int64_t sign = i ? 1 : -1;
        if (!c[i].any)
            continue;
        cohort_intervals(s, &both[i], a, period, &c[i], !same, sign);
        if (c[i].back_ms != INT64_MAX && !(same && c[0].back_ms == c[1].back_ms))
            cohort_note(s, a->cal, period, &c[i], COHORT_FIRST_BACK, c[i].back_ms, sign);
        if (!(same && c[0].last_ms == c[1].last_ms))
            cohort_note(s, a->cal, period, &c[i], COHORT_LAST, c[i].last_ms, sign);
    }
}

static void beginning_points(struct distinct_scratch *s, const struct state *both, const struct around *a)
{
    int64_t active_ms[2] = { earliest(&both[0]), earliest(&both[1]) }, first_ms[2];
    for (int i = 0; i < 2; i++) {
        int64_t since_ms = beginning(&both[i]);
        first_ms[i] = active_ms[i] < since_ms ? active_ms[i] : since_ms;
        if (active_ms[0] != active_ms[1] && active_ms[i] != INT64_MAX)
            note(s, "first", active_ms[i], i ? 1 : -1);
    }
    for (int i = 0; i < 2; i++)
        life_points(s, &both[i], a, first_ms, first_ms[i], i ? 1 : -1);
    for (int p = 0; p < COHORT_PERIODS; p++)
        cohort_points(s, both, a, p, active_ms);
}

/* The ends of days that only the changed pane lies so shortly before. */
static void trail_points(struct distinct_scratch *s, const struct state *both, const struct calendar *cal,
                         int64_t trailing_ms)
{
    const struct state *st = &both[0];
    uint32_t at = st->at;
    bool had = standing(&both[0], at) > 0, has = standing(&both[1], at) > 0;
    if (had == has)
        return;
    int64_t pane_ms = s->pane[at].pane_ms, low_ms = pane_ms, high_ms = pane_ms + trailing_ms;
    uint32_t i = at;
    while (i > 0 && !standing(st, i - 1))
        i--;
    if (i > 0 && s->pane[i - 1].pane_ms + trailing_ms > low_ms)
        low_ms = s->pane[i - 1].pane_ms + trailing_ms;
    for (i = at + 1; i < s->n_panes && !standing(st, i);)
        i++;
    if (i < s->n_panes && s->pane[i].pane_ms < high_ms)
        high_ms = s->pane[i].pane_ms;
    for (int64_t t = low_ms; t < high_ms;) {
        struct span day = period_of(s, cal, PERIOD_DAY, t);
        if (day.end_ms <= high_ms)
            note(s, "trail", pane_start(cal, GRAIN_HOUR, day.start_ms), has ? 1 : -1);
        t = day.end_ms;
    }
}

/* s->now = what stands with the change minus what stands without it. */
static void difference(struct distinct_scratch *s, const struct state *both, const struct around *a)
{
    s->now.n = 0;
    int64_t was = latest(&both[0]), is = latest(&both[1]);
    if (was != is && was != INT64_MIN)
        note(s, "", was, -1);
    if (was != is && is != INT64_MIN)
        note(s, "", is, 1);
    for (int p = 0; p < PERIOD_COUNT; p++) {
        bool had = reached(&both[0], a->period[p], both[0].k), has = reached(&both[1], a->period[p], both[1].k);
        if (had != has)
            note(s, period_part[p], pane_start(a->cal, GRAIN_HOUR, a->period[p].start_ms), has ? 1 : -1);
    }
    if (a->lifecycle)
        beginning_points(s, both, a);
    if (a->trailing_ms)
        trail_points(s, both, a->cal, a->trailing_ms);
}

static int64_t value_in(const struct distinct_points *list, const struct distinct_point *like)
{
    for (uint32_t i = 0; i < list->n; i++)
        if (list->v[i].pane_ms == like->pane_ms && strcmp(list->v[i].part, like->part) == 0)
            return list->v[i].value;
    return 0;
}

static void emit(struct distinct_scratch *s, const struct distinct_point *like, int64_t cause_ms, int64_t value)
{
    if (!value || !distinct_room(s, &s->point, s->n_points, &s->point_cap, sizeof *s->point))
        return;
    s->point[s->n_points] = *like;
    s->point[s->n_points].cause_ms = cause_ms;
    s->point[s->n_points++].value = value;
}

/* At this cause: the difference now minus the one at the cause before. */
static void emit_step(struct distinct_scratch *s, int64_t cause_ms)
{
    for (uint32_t i = 0; i < s->now.n; i++)
        emit(s, &s->now.v[i], cause_ms, s->now.v[i].value - value_in(&s->before, &s->now.v[i]));
    for (uint32_t i = 0; i < s->before.n; i++) {
        bool there = false;
        for (uint32_t k = 0; k < s->now.n && !there; k++)
            there = s->now.v[k].pane_ms == s->before.v[i].pane_ms && strcmp(s->now.v[k].part, s->before.v[i].part) == 0;
        if (!there)
            emit(s, &s->before.v[i], cause_ms, -s->before.v[i].value);
    }
    struct distinct_points was = s->before;
    s->before = s->now;
    s->now = was;
}

/* ---- the sweep over causes ---- */

static int by_cause(const void *a, const void *b)
{
    const struct activity *x = a, *y = b;
    return (x->cause_ms > y->cause_ms) - (x->cause_ms < y->cause_ms);
}

/* Panes as they stand at `from_ms`; changes with a later cause go to s->late in the order of their causes. Returns how many. */
static uint32_t start_sweep(struct distinct_scratch *s, int64_t pane_ms, int64_t from_ms, uint32_t *ret_at)
{
    uint32_t n_late = 0;
    bool placed = false;
    s->n_panes = s->n_beginnings = 0;
    if (!distinct_room(s, &s->pane, s->n_act + 1, &s->pane_cap, sizeof *s->pane) ||
        !distinct_room(s, &s->late, s->n_act + 1, &s->late_cap, sizeof *s->late))
        return 0;
    for (uint32_t i = 0; i <= s->n_act; i++) {
        if (!placed && (i == s->n_act || s->act[i].pane_ms >= pane_ms)) {
            *ret_at = s->n_panes;
            s->pane[s->n_panes++] = (struct distinct_pane){ pane_ms, 0 };
            placed = true;
        }
        if (i == s->n_act)
            break;
        if (!s->n_panes || s->pane[s->n_panes - 1].pane_ms != s->act[i].pane_ms)
            s->pane[s->n_panes++] = (struct distinct_pane){ s->act[i].pane_ms, 0 };
        if (s->act[i].cause_ms > from_ms) {
            s->late[n_late++] = s->act[i];
            continue;
        }
        s->pane[s->n_panes - 1].n += s->act[i].n;
        count_beginning(s, s->act[i].since_ms, s->act[i].n);
    }
    qsort(s->late, n_late, sizeof *s->late, by_cause);
    return n_late;
}

static void sweep(struct distinct_scratch *s, const struct distinct_terms *terms, struct state *both, int64_t pane_ms,
                  int64_t from_ms)
{
    uint32_t at = 0, n_late = start_sweep(s, pane_ms, from_ms, &at);
    struct around a;
    if (s->no_memory)
        return;
    both[0].at = both[1].at = at;
    count_beginning(s, both[1].bump_since_ms, 0);
    /* One more fact where there are enough already changes nothing, now or later: the usual case for a busy member. */
    if (!n_late && both[1].bump > 0 && s->pane[at].n >= both[0].k && beginning(&both[0]) == beginning(&both[1]))
        return;
    around_init(s, &a, terms, pane_ms);
    s->before.n = 0;
    difference(s, both, &a);
    emit_step(s, from_ms);
    for (uint32_t i = 0; i < n_late && !s->no_memory;) {
        int64_t cause_ms = s->late[i].cause_ms;
        for (; i < n_late && s->late[i].cause_ms == cause_ms; i++) {
            s->pane[pane_from(s, s->late[i].pane_ms)].n += s->late[i].n;
            count_beginning(s, s->late[i].since_ms, s->late[i].n);
        }
        difference(s, both, &a);
        emit_step(s, cause_ms);
    }
}

int distinct_change(struct distinct_scratch *s, const struct calendar *cal, uint32_t at_least, bool lifecycle,
                    struct bytes *log, const struct distinct_change *c)
{
    const struct activity a = { pane_start(cal, GRAIN_HOUR, c->t_ms), c->cause_ms, lifecycle ? c->since_ms : INT64_MAX,
                                c->n };
    int32_t k = at_least == 2 ? 2 : 1;
    const struct distinct_terms terms = { cal, lifecycle, k == 1 ? c->trailing_days : 0 };
    s->n_points = 0;
    s->no_memory = false;
    if (distinct_unpack(s, log) < 0)
        return -1;
    if (!c->n)
        return 0;
    struct state both[2] = { { .s = s, .k = k, .bump_since_ms = INT64_MAX },
                             { .s = s, .k = k, .bump = c->n, .bump_since_ms = a.since_ms } };
    sweep(s, &terms, both, a.pane_ms, a.cause_ms);
    distinct_add(s, &a);
    distinct_fold(s, a.pane_ms, c->n, k);
    distinct_forget(s, lifecycle);
    if (s->no_memory || distinct_pack(s, log) < 0)
        return -1;
    return 1;
}

void distinct_scratch_release(struct distinct_scratch *s)
{
    free(s->act);
    free(s->late);
    free(s->pane);
    free(s->beginning);
    free(s->now.v);
    free(s->before.v);
    free(s->point);
    *s = (struct distinct_scratch){ 0 };
}
