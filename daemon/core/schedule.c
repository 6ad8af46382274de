/* When does a pane enter or leave a window? For each kind of window a few moments per pane, each growing with the pane, so that the next one over
 * all panes is found by bisection. A moment that changes nothing costs a look; a missed one would cost a wrong value, so doubts are visited. */
#include "eval_core.h"

#define HOUR_MS INT64_C(3600000)

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

/* The comparison period is cut at the time elapsed in the present one, so its panes come in one by one (an hour earlier or later where DST differs). */
static int64_t civil_prev_event(const struct org *org, const struct window *w, int type, int64_t pane_ms)
{
    enum period period = w->kind == WINDOW_PERIOD ? w->period : org->cal->cycle;
    struct span p = org_period(org, period, pane_ms), next = org_period(org, period, p.end_ms);
    int64_t in_ms = next.start_ms + (pane_ms - p.start_ms);
    const int64_t event[EVENT_TYPES] = { next.start_ms, in_ms - HOUR_MS, in_ms, in_ms + HOUR_MS, next.end_ms };
    return least(event[type], next.end_ms);
}

static int64_t slot_event(const struct org *org, const struct window *w, const struct plan_slot *slot, int type,
                          int64_t pane_ms)
{
    bool prev = slot->prev != COMPARED_NOT;
    switch (w->kind) {
    case WINDOW_ROLLING:
        return rolling_event(org->cal, w, prev, slot->fine, type, pane_ms);
    case WINDOW_PERIOD:
    case WINDOW_TO_DATE:
    case WINDOW_GAUGE: /* measures with panes run to date in it */
        return prev ? civil_prev_event(org, w, type, pane_ms) : civil_event(org, w, slot->level, type, pane_ms);
    case WINDOW_SPAN:
        return slot->level && type == 0 ? pane_ms : INT64_MAX;
    }
    return INT64_MAX;
}

int64_t slot_event_of_pane(const struct org *org, const struct window *w, const struct plan_slot *slot, int64_t pane_ms,
                           int64_t after_ms)
{
    int64_t next = INT64_MAX;
    for (int type = 0; type < EVENT_TYPES; type++) {
        int64_t t = slot_event(org, w, slot, type, pane_ms);
        if (t > after_ms)
            next = least(next, t);
    }
    return next;
}

static int64_t next_of_panes(const struct org *org, const struct window *w, const struct plan_slot *slot,
                             const struct panes *p, int64_t after_ms)
{
    int64_t next = INT64_MAX;
    for (int type = 0; type < EVENT_TYPES; type++) {
        uint32_t low = 0, high = p->n;
        while (low < high) {
            uint32_t mid = low + (high - low) / 2;
            if (slot_event(org, w, slot, type, p->v[mid].start_ms) <= after_ms)
                low = mid + 1;
            else
                high = mid;
        }
        if (low < p->n)
            next = least(next, slot_event(org, w, slot, type, p->v[low].start_ms));
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

int64_t slot_next_event(const struct evaluator *e, enum view_id v, const struct node *n, uint32_t slot,
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
    for (int i = 0; i < SERIES_PARTS; i++)
        if (n->part[i] && series_serves(n->part[i], m, w))
            next = least(next, next_of_panes(org, w, ps, &n->part[i]->track[v].panes[grain], after_ms));
    for (uint32_t i = 0; m->agg != AGG_DURATION && i < n->n_bins; i++)
        next = least(next, next_of_panes(org, w, ps, &n->bin[i]->track[v].panes[grain], after_ms));
    return next;
}
