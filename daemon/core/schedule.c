/* When does a pane enter or leave a window? For each kind of window a few moments per pane, each growing with the pane, so that the next one over
 * all panes is found by bisection. A moment that changes nothing costs a look; a missed one would cost a wrong value, so doubts are visited. */
#include "eval_core.h"

#define HOUR_MS INT64_C(3600000)
#define DAY_MS  INT64_C(86400000)

enum { EVENT_TYPES = 5 };

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* First instant at which a rolling window of `length_ms` starts after the pane. */
static int64_t rolling_leave(const struct calendar *cal, const struct window *w, bool fine, int64_t pane_ms,
                             int64_t length_ms)
{
    int64_t end_ms = pane_end(cal, fine ? GRAIN_MINUTE : GRAIN_HOUR, pane_ms);
    return pane_start(cal, window_grain(w), end_ms + length_ms - 1);
}

static int64_t rolling_event(const struct calendar *cal, const struct window *w, bool prev, bool fine, int type,
                             int64_t pane_ms)
{
    if (type == 0)
        return prev ? rolling_leave(cal, w, fine, pane_ms, w->length_ms) : pane_ms;
    if (type == 1)
        return rolling_leave(cal, w, fine, pane_ms, prev ? 2 * w->length_ms : w->length_ms);
    return INT64_MAX;
}

/* A level does not foresee: its step counts from its own hour on. */
static int64_t civil_event(const struct org *org, const struct window *w, bool level, int type, int64_t pane_ms)
{
    struct span p = org_period(org, w->kind == WINDOW_PERIOD ? w->period : org->cal->cycle, pane_ms);
    const int64_t event[] = { w->kind == WINDOW_PERIOD && !level ? p.start_ms : pane_ms, p.end_ms - 1, p.end_ms };
    return type < 3 ? event[type] : INT64_MAX;
}

/* A civil window whose panes come in one by one, next.start and so many ms after it (an hour earlier or later where DST differs), until it ends. */
static int64_t entering_event(struct span next, int64_t after_start_ms, int type)
{
    int64_t in_ms = next.start_ms + after_start_ms;
    const int64_t event[EVENT_TYPES] = { next.start_ms, in_ms - HOUR_MS, in_ms, in_ms + HOUR_MS, next.end_ms };
    return least(event[type], next.end_ms);
}

/* The comparison period is cut at the time elapsed in the present one. */
static int64_t civil_prev_event(const struct org *org, enum period period, bool year, int type, int64_t pane_ms)
{
    const struct calendar *cal = org->cal;
    struct span p = org_period(org, period, pane_ms), next;
    if (year) {
        int64_t noon_ms = p.start_ms + DAY_MS / 2;
        int64_t there_ms =
            period == PERIOD_WEEK ? calendar_shift_days(cal, noon_ms, 364) : calendar_shift_years(cal, noon_ms, 1);
        next = calendar_period(cal, period, there_ms);
        if (type == EVENT_TYPES - 1) /* a day too many after 28 February */
            return calendar_period(cal, period, next.end_ms).end_ms;
    } else {
        next = org_period(org, period, p.end_ms);
    }
    return entering_event(next, pane_ms - p.start_ms, type);
}

static int64_t days_event(const struct org *org, const struct window *w, bool prev, int type, int64_t pane_ms)
{
    const struct calendar *cal = org->cal;
    int32_t n = (int32_t)(w->length_ms / DAY_MS);
    if (type == 0 && !prev)
        return pane_ms;
    int64_t day_ms = org_period(org, PERIOD_DAY, pane_ms).start_ms;
    int64_t leave_ms = calendar_shift_days(cal, day_ms, n);
    if (prev)
        return entering_event((struct span){ leave_ms, calendar_shift_days(cal, day_ms, 2 * n) }, pane_ms - day_ms,
                              type);
    return type == 1 ? leave_ms : INT64_MAX;
}

/* A closed cycle is read from its end to that of the next, compared with until one later. */
static int64_t closed_event(const struct org *org, bool prev, bool year, int type, int64_t pane_ms)
{
    const struct calendar *cal = org->cal;
    struct span p = org_period(org, cal->cycle, pane_ms);
    struct span next = org_period(org, cal->cycle, year ? calendar_shift_years(cal, p.end_ms, 1) : p.end_ms);
    struct span after = org_period(org, cal->cycle, next.end_ms);
    if (type > 1)
        return INT64_MAX;
    return !prev || year ? (type ? next.end_ms : p.end_ms + (year ? next.start_ms - p.end_ms : 0))
                         : (type ? after.end_ms : after.start_ms);
}

/* At the last millisecond of a day, windows move on to its end: the pane comes in with its day, and leaves with that which ends a length later. */
static int64_t last_day_event(const struct org *org, const struct window *w, int type, int64_t pane_ms)
{
    const struct calendar *cal = org->cal;
    struct span day = org_period(org, PERIOD_DAY, pane_ms);
    int64_t leave_ms = w->kind == WINDOW_ROLLING ? rolling_leave(cal, w, false, pane_ms, w->length_ms)
                       : w->kind == WINDOW_DAYS
                           ? calendar_shift_days(cal, day.start_ms, (int32_t)(w->length_ms / DAY_MS))
                       : w->kind == WINDOW_PERIOD ? org_period(org, w->period, pane_ms).end_ms
                                                  : org_period(org, cal->cycle, pane_ms).end_ms;
    return type == 0 ? day.end_ms - 1 : type == 1 ? org_period(org, PERIOD_DAY, leave_ms).end_ms - 1 : INT64_MAX;
}

/* Rolling windows a year back: visited around the day, in hours. */
static int64_t rolling_year_event(const struct calendar *cal, const struct window *w, int type, int64_t pane_ms)
{
    int64_t in_ms = calendar_shift_years(cal, pane_ms, 1);
    const int64_t event[EVENT_TYPES] = { in_ms, in_ms + HOUR_MS, in_ms + DAY_MS, in_ms + w->length_ms,
                                         in_ms + w->length_ms + DAY_MS };
    return event[type];
}

/* Five years with the first instant that sees the pane in them, and the first that does not. */
static int64_t five_years_event(const struct calendar *cal, bool prev, int type, int64_t pane_ms)
{
    struct span span = calendar_five_years(cal, pane_ms);
    if (!cal->go_live_ms) {
        struct span year = calendar_period(cal, PERIOD_YEAR, pane_ms);
        span = (struct span){ year.start_ms, year.end_ms + (span.end_ms - span.start_ms) };
    }
    const int64_t now[] = { span.start_ms, pane_ms, span.end_ms - 1, span.end_ms };
    const int64_t then[] = { span.end_ms, 2 * span.end_ms - span.start_ms + 3 * DAY_MS };
    if (prev)
        return type < 2 ? then[type] : INT64_MAX;
    return type < 4 ? now[type] : INT64_MAX;
}

static int64_t compared_event(const struct org *org, const struct window *w, const struct plan_slot *slot, int type,
                              int64_t pane_ms)
{
    const struct calendar *cal = org->cal;
    bool year = slot->prev == COMPARED_YEAR;
    if (slot->prev == COMPARED_LAST_DAY)
        return w->kind == WINDOW_SPAN ? INT64_MAX : last_day_event(org, w, type, pane_ms);
    switch (w->kind) {
    case WINDOW_ROLLING:
        return year ? rolling_year_event(cal, w, type, pane_ms)
                    : rolling_event(cal, w, true, slot->fine, type, pane_ms);
    case WINDOW_DAYS:
        return year ? rolling_year_event(cal, w, type, pane_ms) : days_event(org, w, true, type, pane_ms);
    case WINDOW_PERIOD:
        return civil_prev_event(org, w->period, year, type, pane_ms);
    case WINDOW_TO_DATE:
    case WINDOW_GAUGE: /* measures with panes run to date in it */
        return civil_prev_event(org, cal->cycle, year, type, pane_ms);
    case WINDOW_CLOSED:
        return closed_event(org, true, year, type, pane_ms);
    case WINDOW_FIVE_YEARS:
        return five_years_event(cal, true, type, pane_ms);
    case WINDOW_LIVE:
    case WINDOW_SPAN:
        break;
    }
    return INT64_MAX;
}

static int64_t slot_event(const struct org *org, const struct window *w, const struct plan_slot *slot, int type,
                          int64_t pane_ms)
{
    if (slot->prev != COMPARED_NOT)
        return compared_event(org, w, slot, type, pane_ms);
    switch (w->kind) {
    case WINDOW_ROLLING:
        return rolling_event(org->cal, w, false, slot->fine, type, pane_ms);
    case WINDOW_DAYS:
        return days_event(org, w, false, type, pane_ms);
    case WINDOW_PERIOD:
    case WINDOW_TO_DATE:
    case WINDOW_GAUGE:
        return civil_event(org, w, slot->level, type, pane_ms);
    case WINDOW_CLOSED:
        return closed_event(org, false, false, type, pane_ms);
    case WINDOW_LIVE:
        return type == 0 ? pane_ms : type == 1 ? org->cal->go_live_ms : INT64_MAX;
    case WINDOW_FIVE_YEARS:
        return five_years_event(org->cal, false, type, pane_ms);
    case WINDOW_SPAN:
        return slot->level && type == 0 ? pane_ms : INT64_MAX;
    }
    return INT64_MAX;
}

/* Types beyond these have no event. */
static int types_of(const struct window *w, enum compared prev)
{
    if (w->kind == WINDOW_ROLLING)
        return prev == COMPARED_YEAR ? EVENT_TYPES : 2;
    bool civil = w->kind == WINDOW_PERIOD || w->kind == WINDOW_TO_DATE || w->kind == WINDOW_GAUGE;
    return civil && prev == COMPARED_NOT ? 3 : EVENT_TYPES;
}

static int64_t event_of_pane(const struct org *org, const struct window *w, const struct plan_slot *slot,
                             int64_t pane_ms, int64_t after_ms)
{
    int64_t next = INT64_MAX;
    for (int type = 0; type < types_of(w, slot->prev); type++) {
        int64_t t = slot_event(org, w, slot, type, pane_ms);
        if (t > after_ms)
            next = least(next, t);
    }
    return next;
}

int64_t slot_event_of_pane(const struct org *org, const struct window *w, const struct plan_slot *slot, int64_t pane_ms,
                           int64_t after_ms)
{
    uint32_t what = ((uint32_t)slot->window * COMPARED_COUNT + (uint32_t)slot->prev) << 2 | (uint32_t)slot->fine << 1 |
                    (uint32_t)slot->level;
    uint64_t hash = ((uint64_t)what ^ (uint64_t)pane_ms / 60000 << 20) * UINT64_C(0x9e3779b97f4a7c15);
    struct event_memo *memo = &org->memo->event[hash >> 32 & (EVENT_MEMO - 1)];
    if (memo->slot != what + 1 || memo->pane_ms != pane_ms || memo->after_ms != after_ms) {
        memo->next_ms = event_of_pane(org, w, slot, pane_ms, after_ms);
        memo->slot = what + 1;
        memo->pane_ms = pane_ms;
        memo->after_ms = after_ms;
    }
    return memo->next_ms;
}

/* Panes before v[from] are past their event, those from v[to] on are not. */
struct doubt {
    uint32_t from, to;
};

static struct doubt between(const struct panes *p, int64_t from_ms, int64_t to_ms)
{
    return (struct doubt){ panes_from(p, from_ms), panes_from(p, to_ms) };
}

/* Events of a pane lie in its own period, or in the one after it and the hour before that. */
static struct doubt civil_doubt(const struct org *org, enum period period, bool prev, const struct panes *p,
                                int64_t after_ms)
{
    struct span now = org_period(org, period, after_ms);
    return prev ? between(p, org_period(org, period, now.start_ms - 1).start_ms, now.start_ms + HOUR_MS)
                : between(p, now.start_ms, now.end_ms);
}

/* Events of a closed cycle's pane come in the cycle after its own, of one compared with in the next but one. */
static struct doubt closed_doubt(const struct org *org, bool prev, const struct panes *p, int64_t after_ms)
{
    struct span now = org_period(org, org->cal->cycle, after_ms), from = now;
    for (int back = prev ? 2 : 1; back > 0; back--)
        from = org_period(org, org->cal->cycle, from.start_ms - 1);
    return between(p, from.start_ms, now.end_ms);
}

/* Civil days are 24 hours, give or take the change of a zone. */
static struct doubt days_doubt(const struct window *w, bool prev, const struct panes *p, int type, int64_t after_ms)
{
    if (type == 0 && !prev)
        return between(p, after_ms + 1, after_ms + 1);
    return between(p, after_ms - (prev ? 2 : 1) * w->length_ms - 3 * DAY_MS, after_ms - w->length_ms + 3 * DAY_MS);
}

/* An event `length_ms` after the pane, give or take. */
static struct doubt after_doubt(const struct panes *p, int64_t after_ms, int64_t length_ms, int64_t give_ms)
{
    return between(p, after_ms - length_ms - give_ms, after_ms - length_ms + give_ms + 1);
}

/* A bisection over all panes asks the calendar about each it looks at: for the usual windows most are out of the question. */
static struct doubt doubt_of(const struct org *org, const struct window *w, const struct plan_slot *slot,
                             const struct panes *p, int type, int64_t after_ms)
{
    bool prev = slot->prev != COMPARED_NOT;
    if (after_ms == INT64_MIN || slot->prev == COMPARED_YEAR || slot->prev == COMPARED_LAST_DAY)
        return (struct doubt){ 0, p->n };
    switch (w->kind) {
    case WINDOW_ROLLING:
        if (type == 0 && !prev)
            return between(p, after_ms + 1, after_ms + 1);
        return after_doubt(p, after_ms, type && prev ? 2 * w->length_ms : w->length_ms, 2 * HOUR_MS);
    case WINDOW_PERIOD:
        return civil_doubt(org, w->period, prev, p, after_ms);
    case WINDOW_TO_DATE:
    case WINDOW_GAUGE:
        return civil_doubt(org, org->cal->cycle, prev, p, after_ms);
    case WINDOW_DAYS:
        return days_doubt(w, prev, p, type, after_ms);
    case WINDOW_CLOSED:
        return closed_doubt(org, prev, p, after_ms);
    case WINDOW_LIVE:
    case WINDOW_FIVE_YEARS:
    case WINDOW_SPAN:
        break;
    }
    return (struct doubt){ 0, p->n };
}

/* The first pane whose event of this type is to come; most often the ends of what is in doubt tell. */
static uint32_t first_to_come(const struct org *org, const struct window *w, const struct plan_slot *slot,
                              const struct panes *p, int type, int64_t after_ms)
{
    struct doubt d = doubt_of(org, w, slot, p, type, after_ms);
    if (d.from == d.to || slot_event(org, w, slot, type, p->v[d.from].start_ms) > after_ms)
        return d.from;
    if (slot_event(org, w, slot, type, p->v[d.to - 1].start_ms) <= after_ms)
        return d.to;
    uint32_t low = d.from + 1, high = d.to - 1;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (slot_event(org, w, slot, type, p->v[mid].start_ms) <= after_ms)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

int64_t panes_next_event(const struct org *org, const struct window *w, const struct plan_slot *slot,
                         const struct panes *p, int64_t after_ms)
{
    int64_t next = INT64_MAX;
    for (int type = 0; p->n && type < types_of(w, slot->prev); type++) {
        uint32_t i = first_to_come(org, w, slot, p, type, after_ms);
        while (i < p->n && !p->v[i].value)
            i++;
        if (i < p->n)
            next = least(next, slot_event(org, w, slot, type, p->v[i].start_ms));
    }
    return next;
}

/* A gauge does not change by time, but the civil window it is published in ends. */
static int64_t next_of_gauge(const struct org *org, const struct window *w, bool prev, int64_t after_ms)
{
    if (w->kind != WINDOW_PERIOD || prev || after_ms == INT64_MIN)
        return INT64_MAX;
    return org_period(org, w->period, after_ms + 1).end_ms - 1;
}

/* Nor does a level, between its steps: but it has a value at the end of every civil window, and a new one to start from. */
static int64_t next_of_level(const struct org *org, const struct window *w, bool prev, int64_t after_ms)
{
    if (w->kind != WINDOW_PERIOD || prev || after_ms == INT64_MIN)
        return INT64_MAX;
    int64_t end_ms = org_period(org, w->period, after_ms).end_ms;
    return end_ms - 1 > after_ms ? end_ms - 1 : end_ms;
}

/* Whether a series holds anything from an instant on. */
static bool holds(const struct series *s, enum view_id v, enum grain grain, int64_t from_ms)
{
    const struct panes *p = s ? &s->track[v].panes[grain] : NULL;
    uint32_t i = p ? panes_from(p, from_ms) : 0;
    while (p && i < p->n && !p->v[i].value)
        i++;
    return p && i < p->n;
}

static bool node_holds(const struct node *n, enum view_id v, const struct plan_slot *slot, int64_t from_ms)
{
    enum grain grain = slot->fine ? GRAIN_MINUTE : GRAIN_HOUR;
    bool any = false;
    for (uint32_t parts = slot->parts; parts && !any; parts &= parts - 1) {
        const struct series *s = n->part[__builtin_ctz(parts)];
        any = holds(s, v, grain, from_ms) || (s && slot->level && s->track[v].total);
    }
    for (uint32_t i = 0; i < n->n_bins && !any; i++)
        any = holds(n->bin[i], v, grain, from_ms);
    return any;
}

int64_t slot_cut_ms(struct evaluator *e, enum view_id v, const struct node *n, const struct plan_slot *slot,
                    int64_t after_ms)
{
    const struct window *w = &e->plan.window[slot->window];
    struct org *org = n->subject->org;
    int64_t kept_ms = e->defs->retention_ms;
    bool past = w->kind == WINDOW_LIVE || w->kind == WINDOW_FIVE_YEARS || w->kind == WINDOW_CLOSED;
    bool civil = w->kind == WINDOW_PERIOD || w->kind == WINDOW_TO_DATE;
    bool moves = past || (civil && slot->prev != COMPARED_NOT && slot->prev != COMPARED_LAST_DAY);
    if (!moves || kept_ms <= 0 || after_ms == INT64_MIN)
        return INT64_MAX;
    struct span span = after_ms == e->view[v].at_ms ? org_span(e, v, org, slot->window, slot->prev)
                                                    : window_compared(org->cal, w, after_ms, slot->prev);
    int64_t cut_ms = span.start_ms + kept_ms + 1;
    if (cut_ms <= after_ms && slot->level) /* a level needs only what comes after it */
        cut_ms = span.end_ms + kept_ms + 1;
    return cut_ms > after_ms && node_holds(n, v, slot, span.start_ms) ? cut_ms : INT64_MAX;
}

static int64_t next_of_panes(const struct evaluator *e, enum view_id v, const struct node *n, uint32_t slot,
                             int64_t after_ms)
{
    const struct measure_def *m = &e->defs->measure[n->measure];
    const struct plan_slot *ps = &e->plan.measure[n->measure].slot[slot];
    const struct window *w = &e->plan.window[ps->window];
    const struct org *org = n->subject->org;
    if (m->gauge)
        return next_of_gauge(org, w, ps->prev, after_ms);
    int64_t next = ps->level ? next_of_level(org, w, ps->prev, after_ms) : INT64_MAX;
    enum grain grain = ps->fine ? GRAIN_MINUTE : GRAIN_HOUR;
    for (uint32_t parts = ps->parts; parts; parts &= parts - 1) {
        const struct series *s = n->part[__builtin_ctz(parts)];
        if (s)
            next = least(next, panes_next_event(org, w, ps, &s->track[v].panes[grain], after_ms));
    }
    for (uint32_t i = 0; m->agg != AGG_DURATION && m->agg != AGG_DISTINCT && i < n->n_bins; i++)
        next = least(next, panes_next_event(org, w, ps, &n->bin[i]->track[v].panes[grain], after_ms));
    return next;
}

int64_t slot_next_event(struct evaluator *e, enum view_id v, const struct node *n, uint32_t slot, int64_t after_ms)
{
    int64_t cut_ms = slot_cut_ms(e, v, n, &e->plan.measure[n->measure].slot[slot], after_ms);
    return least(cut_ms, next_of_panes(e, v, n, slot, after_ms));
}
