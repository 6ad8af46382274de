/* Which ended periods a late delta changes, and the order in which their boards and scorecards leave. It makes neither (board.c, scorecard.c). */
#include "revise.h"

#include <stdlib.h>

#include "board.h"
#include "rules.h"
#include "scorecard.h"

/* ---- noting ---------------------------------------------------------------------------------------------------------------------------------------- */

struct late {
    struct evaluator *e;
    const struct node *node;
    uint32_t slot;
    const struct plan_slot *of;
    const struct window *window;
    int64_t pane_ms;
};

static void note(const struct late *l, int64_t at_ms)
{
    closed_windows_note(
        l->e, &l->e->revised,
        (struct closed_window){ l->node->subject, l->of->window, at_ms, l->of->watches, l->node->measure, l->slot });
    l->e->rows_due = true;
}

/* The ended civil windows that it changes: its own, for a level every later one too. */
static void note_windows(const struct late *l)
{
    struct org *org = l->node->subject->org;
    int64_t open_ms = org_span(l->e, VIEW_JUDGED, org, l->of->window, COMPARED_NOT).start_ms;
    if (l->pane_ms >= open_ms)
        return;
    for (int64_t t = l->pane_ms; t == l->pane_ms || (l->of->level && t < open_ms);) {
        t = org_period(org, l->window->period, t).end_ms;
        note(l, t - 1);
        rules_revised(l->e, l->node->subject, l->of, t - 1, false);
    }
}

static bool has_card(const struct late *l)
{
    const struct plan *plan = &l->e->plan;
    for (uint32_t i = bit_next(l->of->watches, plan->n_watches, 0); i < plan->n_watches;
         i = bit_next(l->of->watches, plan->n_watches, i + 1))
        for (uint32_t k = 0; k < plan->watch[i].n_cards; k++)
            if (plan->defs->scorecard[plan->watch[i].card[k]].dim == l->node->subject->dim)
                return true;
    return false;
}

/* The ended cycles of which the window, as it stood at their end, held the pane. */
static void note_cycles(const struct late *l)
{
    struct org *org = l->node->subject->org;
    enum period cycle = org->cal->cycle;
    int64_t open_ms = org_period(org, cycle, l->e->view[VIEW_JUDGED].at_ms).start_ms;
    bool same = l->window->kind == WINDOW_PERIOD && l->window->period == cycle; /* is noted as a window */
    if (l->pane_ms >= open_ms || !has_card(l))
        return;
    for (int64_t t = l->pane_ms; t < open_ms;) {
        t = org_period(org, cycle, t).end_ms;
        struct reading r = reading_past(l->e, VIEW_JUDGED, l->window, t - 1);
        if (!l->of->level && reading_span(&r, org, COMPARED_NOT).start_ms > l->pane_ms)
            break;
        if (!same)
            note(l, t - 1);
        rules_revised(l->e, l->node->subject, l->of, t - 1, true);
    }
}

void revise_note(struct evaluator *e, const struct node *n, uint32_t slot, int64_t pane_ms)
{
    const struct plan_slot *of = &e->plan.measure[n->measure].slot[slot];
    const struct late l = { e, n, slot, of, &e->plan.window[of->window], pane_ms };
    if (e->view[VIEW_JUDGED].at_ms == INT64_MIN)
        return;
    if (l.window->kind == WINDOW_PERIOD)
        note_windows(&l);
    if (of->carded)
        note_cycles(&l);
}

/* ---- telling --------------------------------------------------------------------------------------------------------------------------------------- */

/* A board of an org (subject NULL) or a card of a subject, and the last instant of what it is about. */
struct ended {
    struct org *org;
    struct subject *subject;
    uint32_t id;
    int64_t at_ms;
};

struct ended_list {
    struct ended *v;
    uint32_t n, cap;
};

static int add(struct ended_list *list, struct ended x)
{
    if (list->n == list->cap) {
        uint32_t cap = list->cap ? list->cap * 2 : 64;
        struct ended *v = realloc(list->v, cap * sizeof *v);
        if (!v)
            return -1;
        list->v = v;
        list->cap = cap;
    }
    list->v[list->n++] = x;
    return 0;
}

static int order(const void *x, const void *y)
{
    const struct ended *a = x, *b = y;
    int c = a->org == b->org ? 0 : slice_cmp(a->org->id, b->org->id);
    if (c == 0 && a->subject && b->subject)
        c = subject_cmp(a->subject, b->subject);
    if (c == 0)
        c = (a->id > b->id) - (a->id < b->id);
    return c ? c : (a->at_ms > b->at_ms) - (a->at_ms < b->at_ms);
}

/* What one changed window concerns. */
static int add_boards(struct evaluator *e, const struct closed_window *c, const struct plan_watch *w,
                      struct ended_list *to)
{
    const struct window *window = &e->plan.window[c->window];
    struct org *org = c->subject->org;
    int rc = 0;
    if (window->kind != WINDOW_PERIOD || org_period(org, window->period, c->at_ms).end_ms - 1 != c->at_ms)
        return 0;
    for (uint32_t b = 0; rc == 0 && b < w->n_boards; b++)
        if (e->defs->board[w->board[b]].dim == c->subject->dim)
            rc = add(to, (struct ended){ org, NULL, (uint32_t)w->board[b], c->at_ms });
    return rc;
}

static int add_cards(struct evaluator *e, const struct closed_window *c, const struct plan_watch *w,
                     struct ended_list *to)
{
    const struct org *org = c->subject->org;
    int rc = 0;
    if (!w->n_cards || org_period(org, org->cal->cycle, c->at_ms).end_ms - 1 != c->at_ms)
        return 0;
    for (uint32_t k = 0; rc == 0 && k < w->n_cards; k++)
        if (e->defs->scorecard[w->card[k]].dim == c->subject->dim)
            rc = add(to, (struct ended){ c->subject->org, c->subject, (uint32_t)w->card[k], c->at_ms });
    return rc;
}

static int tell_board(struct evaluator *e, const struct ended *x, int64_t tick_ms)
{
    return board_revise(e, x->org, x->id, x->at_ms, tick_ms);
}

static int tell_card(struct evaluator *e, const struct ended *x, int64_t tick_ms)
{
    return scorecard_revise(e, x->subject, x->id, x->at_ms, tick_ms);
}

static int publish(struct evaluator *e, int64_t tick_ms,
                   int (*each)(struct evaluator *, const struct closed_window *, const struct plan_watch *,
                               struct ended_list *),
                   int (*tell)(struct evaluator *, const struct ended *, int64_t))
{
    struct ended_list list = { 0 };
    uint32_t n = e->plan.n_watches;
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < e->revised.n; i++) {
        const struct closed_window *c = &e->revised.v[i];
        for (uint32_t k = bit_next(c->watches, n, 0); rc == 0 && k < n; k = bit_next(c->watches, n, k + 1))
            if (e->plan.watch[k].window == c->window)
                rc = each(e, c, &e->plan.watch[k], &list);
    }
    if (rc == 0 && list.n > 1)
        qsort(list.v, list.n, sizeof *list.v, order);
    for (uint32_t i = 0; rc == 0 && i < list.n; i++)
        if (i == 0 || order(&list.v[i - 1], &list.v[i]) != 0)
            rc = tell(e, &list.v[i], tick_ms);
    free(list.v);
    return rc;
}

int revise_publish(struct evaluator *e, int64_t tick_ms)
{
    int rc = e->sink->board ? publish(e, tick_ms, add_boards, tell_board) : 0;
    if (rc == 0 && e->sink->scorecard)
        rc = publish(e, tick_ms, add_cards, tell_card);
    return rc;
}
