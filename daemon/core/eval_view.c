/* A view of the cells: takes deltas in when their cause has come, keeps window sums, and knows which KPIs a delta or the passing of time touches.
 * It computes no KPI. */
#include "eval_core.h"

#include <stdlib.h>

#include "board_order.h"
#include "erased.h"
#include "eval_erased.h"
#include "eval_pending.h"
#include "evidence.h"
#include "revise.h"
#include "rfm_quintile.h"
#include "rule_read.h"
#include "rules.h"

int subject_set_add(struct subject_set *set, struct subject *s)
{
    if (set->n == set->cap) {
        uint32_t cap = set->cap ? set->cap * 2 : 32;
        struct subject **v = realloc(set->v, cap * sizeof(struct subject *));
        if (!v)
            return -1;
        set->v = v;
        set->cap = cap;
    }
    set->v[set->n++] = s;
    return 0;
}

static int order_subjects(const void *a, const void *b)
{
    return subject_cmp(*(struct subject *const *)a, *(struct subject *const *)b);
}

void subject_set_sort(struct subject_set *set)
{
    if (set->n > 1)
        qsort(set->v, set->n, sizeof(struct subject *), order_subjects);
}

struct span org_span(struct evaluator *e, enum view_id v, struct org *org, int window, enum compared prev)
{
    struct org_view *view = &org->view[v];
    int64_t at_ms = e->view[v].at_ms;
    if (view->spans_at_ms != at_ms) {
        for (uint32_t i = 0; i < e->plan.n_windows * COMPARED_COUNT; i++)
            view->span[i] = (struct span){ 1, 0 };
        view->spans_at_ms = at_ms;
    }
    struct span *span = &view->span[window * COMPARED_COUNT + prev];
    if (span->end_ms < span->start_ms) {
        const struct window *w = &e->plan.window[window];
        *span = window_compared(org->cal, w, at_ms, prev);
    }
    return *span;
}

static void list_dirty(struct evaluator *e, enum view_id v, struct subject *s)
{
    if (s->view[v].listed_dirty)
        return;
    s->view[v].listed_dirty = true;
    if (subject_set_add(&e->view[v].dirty, s) < 0)
        e->out_of_memory = true;
}

void view_mark(struct evaluator *e, enum view_id v, struct subject *s, const uint64_t *watches)
{
    for (uint32_t i = 0; i < e->plan.n_words; i++)
        s->view[v].dirty[i] |= watches[i];
    list_dirty(e, v, s);
}

void view_mark_one(struct evaluator *e, enum view_id v, struct subject *s, uint32_t watch)
{
    bit_set(s->view[v].dirty, watch);
    list_dirty(e, v, s);
}

static void push_due(struct evaluator *e, enum view_id v, int64_t at_ms, void *target, int kind, int64_t extra)
{
    struct agenda_item item = { .at_ms = at_ms, .target = target, .kind = kind, .pane_ms = extra };
    if (at_ms != INT64_MAX && agenda_push(&e->view[v].due, item) < 0)
        e->out_of_memory = true;
}

void view_wake(struct evaluator *e, struct subject *s, uint32_t watch, int64_t at_ms)
{
    push_due(e, VIEW_JUDGED, at_ms, s, DUE_RULES, watch);
}

/* Bring the node's entry in the agenda down to the earliest of its slots. */
static void requeue(struct evaluator *e, enum view_id v, struct node *n)
{
    struct node_view *view = &n->view[v];
    int64_t next = INT64_MAX;
    for (uint32_t k = 0; k < e->plan.measure[n->measure].n_slots; k++)
        if (view->slot_next[k] < next)
            next = view->slot_next[k];
    if (next < view->due_ms) {
        view->due_ms = next;
        push_due(e, v, next, n, DUE_NODE, 0);
    }
}

static int reserve_slots(struct evaluator *e, struct node_view *view, int measure)
{
    uint32_t n = e->plan.measure[measure].n_slots;
    if (view->slot_next || n == 0)
        return 0;
    view->slot_next = malloc(n * sizeof *view->slot_next);
    if (!view->slot_next)
        return -1;
    for (uint32_t k = 0; k < n; k++)
        view->slot_next[k] = INT64_MAX;
    return 0;
}

static void schedule_pane(struct evaluator *e, enum view_id v, struct series *s, enum cell_grain grain, int64_t pane_ms)
{
    struct node *n = s->node;
    const struct measure_def *m = &e->defs->measure[n->measure];
    const struct plan_measure *pm = &e->plan.measure[n->measure];
    int64_t at_ms = e->view[v].at_ms;
    for (uint32_t k = 0; k < pm->n_slots; k++) {
        const struct plan_slot *slot = &pm->slot[k];
        const struct window *w = &e->plan.window[slot->window];
        int64_t next;
        if (!(slot->dims >> n->subject->dim & 1))
            continue;
        if (m->gauge || (slot->level && n->view[v].slot_next[k] == INT64_MAX))
            next = n->view[v].slot_next[k] == INT64_MAX ? slot_next_event(e, v, n, k, at_ms) : INT64_MAX;
        else if (slot->fine == (grain == CELL_MINUTE) && slot->parts >> s->part & 1)
            next = slot_event_of_pane(n->subject->org, w, slot, pane_ms, at_ms);
        else
            continue;
        int64_t cut_ms = slot_cut_ms(e, v, n, slot, at_ms);
        next = cut_ms < next ? cut_ms : next;
        if (next < n->view[v].slot_next[k])
            n->view[v].slot_next[k] = next;
    }
    requeue(e, v, n);
}

/* Old panes leave whenever the row has doubled, so that pruning costs nothing per delta. */
static void prune(struct evaluator *e, enum view_id v, struct track *t, enum grain grain)
{
    struct panes *p = &t->panes[grain];
    int64_t keep_ms = grain == GRAIN_MINUTE ? e->defs->fine_retention_ms : e->defs->retention_ms;
    if (keep_ms <= 0 || p->n < 64 || (p->n & (p->n - 1)) || e->view[v].at_ms < INT64_MIN + keep_ms)
        return;
    panes_drop(p, e->view[v].at_ms - keep_ms, t->wins, grain == GRAIN_MINUTE);
}

static enum panes_change add_to_track(struct evaluator *e, enum view_id v, struct track *t, const struct agenda_item *d)
{
    bool overflow = false, fresh = false;
    enum panes_change change = PANES_SAME;
    if (d->kind == CELL_GAUGE) {
        overflow = __builtin_add_overflow(t->total, d->value, &t->total);
    } else {
        enum grain grain = d->kind == CELL_MINUTE ? GRAIN_MINUTE : GRAIN_HOUR;
        uint32_t before = t->panes[grain].n;
        change = panes_add(&t->panes[grain], d->pane_ms, d->value, t->wins, grain == GRAIN_MINUTE, &overflow);
        if (change == PANES_FAILED)
            return change;
        fresh = t->panes[grain].n != before;
        if (fresh && e->view[v].tracked)
            prune(e, v, t, grain);
    }
    e->stats.cells += (uint64_t)(fresh && v == VIEW_BASE);
    if (overflow && !t->overflow)
        e->stats.overflows++;
    t->overflow |= overflow;
    return change;
}

int closed_windows_add(struct closed_windows *list, struct closed_window c)
{
    if (!list->v || list->n == list->cap) {
        uint32_t cap = list->cap ? list->cap * 2 : 32;
        struct closed_window *v = realloc(list->v, cap * sizeof *v);
        if (!v)
            return -1;
        list->v = v;
        list->cap = cap;
    }
    list->v[list->n++] = c;
    return 0;
}

int closed_windows_copy(struct closed_windows *to, const struct closed_windows *from)
{
    to->n = 0;
    for (uint32_t i = 0; i < from->n; i++)
        if (closed_windows_add(to, from->v[i]) < 0)
            return -1;
    return 0;
}

bool closed_window_eq(const struct closed_window *a, const struct closed_window *b)
{
    return a->subject == b->subject && a->at_ms == b->at_ms && a->watches == b->watches;
}

void closed_windows_note(struct evaluator *e, struct closed_windows *list, struct closed_window c)
{
    if (list->n && closed_window_eq(&list->v[list->n - 1], &c))
        return;
    if (closed_windows_add(list, c) < 0)
        e->out_of_memory = true;
}

/* A user who comes or leaves changes boards and ranks, whatever these go by. */
static void touch_roster(struct evaluator *e, enum view_id v, struct subject *s)
{
    for (uint32_t i = 0; i < e->plan.n_watches; i++) {
        const struct plan_watch *w = &e->plan.watch[i];
        bool listed = w->ranked;
        for (uint32_t b = 0; !listed && b < w->n_boards; b++)
            listed = e->defs->board[w->board[b]].dim == s->dim;
        if (listed)
            view_mark_one(e, v, s, i);
    }
}

static void touch(struct evaluator *e, enum view_id v, struct series *s, const struct agenda_item *d)
{
    struct node *n = s->node;
    const struct measure_def *m = &e->defs->measure[n->measure];
    const struct plan_measure *pm = &e->plan.measure[n->measure];
    if (n->measure == e->plan.roster && n->subject->dim == DIM_REP)
        touch_roster(e, v, n->subject);
    if (n->measure == e->plan.erased && dim_has_marks(n->subject->dim))
        erased_touch(e, v, n->subject);
    for (uint32_t k = 0; k < pm->n_slots; k++) {
        const struct plan_slot *slot = &pm->slot[k];
        bool same_grain = d->kind == CELL_GAUGE || slot->fine == (d->kind == CELL_MINUTE);
        if (!(slot->dims >> n->subject->dim & 1))
            continue;
        bool aside = m->agg == AGG_DURATION && (s->part == SERIES_SUM || s->part == SERIES_BIN);
        if (!same_grain || (!aside && !(slot->parts >> s->part & 1)))
            continue;
        view_mark(e, v, n->subject, slot->watches);
        if (v == VIEW_JUDGED && d->kind != CELL_GAUGE && !slot->prev && !e->restored)
            revise_note(e, n, k, d->pane_ms);
    }
}

/* A subject that appears is looked at once by every rule and board; an org by everything. */
static void welcome(struct evaluator *e, enum view_id v, struct subject *s)
{
    s->view[v].known = true;
    for (uint32_t i = 0; i < e->plan.n_watches; i++) {
        const struct plan_watch *w = &e->plan.watch[i];
        if (w->n_rules || w->n_boards || s->dim == DIM_ORG)
            view_mark_one(e, v, s, i);
    }
    if (v == VIEW_JUDGED && s->org->view[v].close_due_ms == INT64_MAX && !e->restored) {
        s->org->view[v].close_due_ms = INT64_MIN; /* the agenda finds the boundary */
        push_due(e, v, e->view[v].at_ms, s->org, DUE_ORG_CLOSE, 0);
    }
}

/* A cell of a series: its grain and pane; and the series, which is part and sub of its node. */
static uint64_t cell_of(const struct series *s, const struct agenda_item *d)
{
    return (uint64_t)d->pane_ms * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)s->sub * UINT64_C(0xd6e8feb86659fd93) +
           (uint64_t)s->part * 256 + (uint64_t)d->kind;
}

int64_t view_since(bool level, bool gauge, int64_t pane_ms, int64_t cause_ms)
{
    return !gauge && (level || pane_ms < cause_ms) ? pane_ms : cause_ms;
}

/* The judged view knows a subject since what was judged says so: not by what waits, and not by how far the feed was read. Cells tell it after a restart
 * only if no state does. */
static void note_judged(struct evaluator *e, const struct series *s, const struct agenda_item *d, int64_t cause_ms)
{
    struct subject *subject = s->node->subject;
    bool gauge = d->kind == CELL_GAUGE, level = e->defs->measure[s->node->measure].agg == AGG_LEVEL;
    bool stored = cause_ms == INT64_MIN;
    if ((stored && subject->since_saved) || (level && gauge))
        return;
    if (!subject_known_note(subject, VIEW_JUDGED, gauge,
                            stored && !gauge ? d->pane_ms : view_since(level, gauge, d->pane_ms, cause_ms)))
        return;
    board_order_note(e, VIEW_JUDGED, subject);
    subject->since_unsaved = true;
    if (!stored)
        pending_note(e, subject);
}

int view_apply(struct evaluator *e, enum view_id v, struct series *s, const struct agenda_item *d, int64_t cause_ms)
{
    enum panes_change change = add_to_track(e, v, &s->track[v], d);
    if (change == PANES_FAILED)
        return -1;
    rfm_quintile_note(e, v, s->node, d);
    if (!e->view[v].tracked)
        return 0;
    struct subject *subject = s->node->subject;
    if (v == VIEW_JUDGED)
        note_judged(e, s, d, cause_ms);
    if (!subject->view[v].known)
        welcome(e, v, subject);
    if (reserve_slots(e, &s->node->view[v], s->node->measure) < 0)
        return -1;
    s->node->view[v].emptied |= change == PANES_EMPTIED;
    if (v == VIEW_JUDGED)
        newest_note(&s->node->view[v].newest, e->view[v].at_ms, cause_ms, cell_of(s, d), d->value);
    touch(e, v, s, d);
    if (!e->restored && (change == PANES_FILLED || d->kind == CELL_GAUGE))
        schedule_pane(e, v, s, (enum cell_grain)d->kind, d->pane_ms);
    return 0;
}

void elapsed_note(struct evaluator *e, enum view_id v, struct subject *s, uint32_t watch)
{
    struct view_state *view = &e->view[v];
    if (view->elapsed.n == 0)
        push_due(e, v, pane_end(&e->store.utc, GRAIN_HOUR, view->at_ms), NULL, DUE_ELAPSED,
                 0); /* one clock for all orgs */
    bit_set(s->view[v].elapsed, watch);
    if (s->view[v].listed_elapsed)
        return;
    s->view[v].listed_elapsed = true;
    if (subject_set_add(&view->elapsed, s) < 0)
        e->out_of_memory = true;
}

static void due_elapsed(struct evaluator *e, enum view_id v)
{
    struct subject_set *set = &e->view[v].elapsed;
    for (uint32_t i = 0; i < set->n; i++) {
        struct subject *s = set->v[i];
        s->view[v].listed_elapsed = false;
        view_mark(e, v, s, s->view[v].elapsed);
        memset(s->view[v].elapsed, 0, e->plan.n_words * sizeof(uint64_t));
    }
    set->n = 0;
}

static void due_node(struct evaluator *e, enum view_id v, struct node *n, int64_t due_ms)
{
    struct node_view *view = &n->view[v];
    if (view->due_ms != due_ms)
        return; /* an older, later entry */
    view->due_ms = INT64_MAX;
    const struct plan_measure *pm = &e->plan.measure[n->measure];
    bool known = n->subject->view[v].known; /* after a restart panes may hold nothing but what waits */
    for (uint32_t k = 0; k < pm->n_slots; k++) {
        if (view->slot_next[k] > e->view[v].at_ms)
            continue;
        const struct plan_slot *slot = &pm->slot[k];
        const struct window *w = &e->plan.window[slot->window];
        int64_t t = view->slot_next[k];
        if (view->emptied)
            t = slot_next_event(e, v, n, k, t - 1);
        view->slot_next[k] = slot_next_event(e, v, n, k, e->view[v].at_ms);
        if (!known || t > e->view[v].at_ms)
            continue;
        view_mark(e, v, n->subject, slot->watches);
        bool ends = w->kind == WINDOW_PERIOD && !slot->prev &&
                    calendar_period(n->subject->org->cal, w->period, t).end_ms - 1 == t;
        if (v == VIEW_JUDGED && ends)
            closed_windows_note(e, &e->closing,
                                (struct closed_window){ n->subject, slot->window, t, slot->watches, n->measure, k });
    }
    requeue(e, v, n);
}

/* All subjects of a rule that were known when the window ended, those without any event in it too. */
static void want_all(struct evaluator *e, struct org *org, uint32_t rule, int64_t at_ms)
{
    for (int d = 0; d < DIM_COUNT; d++)
        for (uint32_t i = 0; e->defs->rule[rule].dims >> d & 1 && i < org->dim[d].n; i++) {
            struct subject *s = org->dim[d].v[i];
            if (s->view[VIEW_JUDGED].known && subject_known_ms(s, VIEW_JUDGED) <= at_ms &&
                rules_want(e, s, (int)rule, at_ms) < 0)
                e->out_of_memory = true;
        }
}

/* A civil boundary: rules on complete windows are judged, once these are mature. */
static void due_org_close(struct evaluator *e, struct org *org, int64_t due_ms)
{
    int64_t at_ms = e->view[VIEW_JUDGED].at_ms, next = INT64_MAX;
    for (uint32_t r = 0; r < e->defs->n_rules; r++) {
        const struct rule_def *rule = &e->defs->rule[r];
        if (!plan_rule_at_close(&e->plan, rule))
            continue;
        enum period period = rule_period(rule, org->cal);
        int64_t last_ms = calendar_period(org->cal, period, due_ms - rule->mature_ms).end_ms - 1;
        if (last_ms + rule->mature_ms <= at_ms)
            want_all(e, org, r, last_ms);
        last_ms = calendar_period(org->cal, period, at_ms + 1 - rule->mature_ms).end_ms - 1;
        if (last_ms + rule->mature_ms < next)
            next = last_ms + rule->mature_ms;
    }
    org->view[VIEW_JUDGED].close_due_ms = next;
    push_due(e, VIEW_JUDGED, next, org, DUE_ORG_CLOSE, 0);
}

int view_move(struct evaluator *e, enum view_id v, int64_t at_ms)
{
    struct view_state *view = &e->view[v];
    struct agenda_item item;
    view->at_ms = at_ms;
    e->generation++;
    while (agenda_pop_due(&view->waiting, at_ms, &item))
        if ((item.kind == CELL_EVIDENCE ? evidence_take(e, &item) : view_apply(e, v, item.target, &item, item.at_ms)) <
            0)
            return -1;
    while (agenda_pop_due(&view->due, at_ms, &item)) {
        if (item.kind == DUE_NODE)
            due_node(e, v, item.target, item.at_ms);
        else if (item.kind == DUE_RULES) {
            if (rules_wake(e, item.target, (uint32_t)item.pane_ms) < 0)
                return -1;
        } else if (item.kind == DUE_ELAPSED)
            due_elapsed(e, v);
        else
            due_org_close(e, item.target, item.at_ms);
    }
    return e->out_of_memory ? -1 : 0;
}

static void reschedule_subject(struct evaluator *e, enum view_id v, struct subject *s)
{
    for (uint32_t m = 0; m < e->defs->n_measures; m++) {
        struct node *n = s->node[m];
        if (!n || !n->view[v].slot_next)
            continue;
        for (uint32_t k = 0; k < e->plan.measure[m].n_slots; k++)
            if (e->plan.measure[m].slot[k].dims >> s->dim & 1)
                n->view[v].slot_next[k] = slot_next_event(e, v, n, k, e->view[v].at_ms);
        n->view[v].due_ms = INT64_MAX;
        requeue(e, v, n);
    }
}

int view_reschedule(struct evaluator *e, enum view_id v)
{
    agenda_clear(&e->view[v].due);
    e->view[v].elapsed.n = 0;
    for (uint32_t o = 0; o < e->store.n_orgs; o++) {
        struct org *org = e->store.org[o];
        for (int d = 0; d < DIM_COUNT; d++)
            for (uint32_t i = 0; i < org->dim[d].n; i++) {
                org->dim[d].v[i]->view[v].listed_elapsed = false;
                reschedule_subject(e, v, org->dim[d].v[i]);
            }
        if (v == VIEW_JUDGED) {
            org->view[v].close_due_ms = INT64_MIN;
            push_due(e, v, e->view[v].at_ms + 1, org, DUE_ORG_CLOSE, 0);
        }
    }
    return e->out_of_memory ? -1 : 0;
}
