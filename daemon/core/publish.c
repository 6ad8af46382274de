/* Rows that leave by themselves; the order is org, dim, subject, KPI, window. Into the live view a row goes only if a reader would see it change; to a
 * snapshot goes what was touched since the last one, whether its value came out the same or not: so a restart, which remembers what was touched and not
 * what was said, tells the same. */
#include "publish.h"

#include <stdlib.h>

#include "board.h"
#include "board_order.h"
#include "eval_erased.h"
#include "eval_pending.h"
#include "kpi_read.h"
#include "revise.h"
#include "revision.h"
#include "row.h"
#include "scorecard.h"

typedef int (*row_sink)(void *ctx, const struct kpi_row *row);

static int publish_row(struct evaluator *e, enum view_id v, struct subject *s, uint32_t watch, row_sink sink)
{
    const struct plan_watch *w = &e->plan.watch[watch];
    struct reading r = reading_at_view(e, v, w->window);
    struct kpi_value value;
    struct row_text text;
    struct kpi_row row;
    if (subject_erased(e, s, v)) {
        if (s->view[v].published)
            s->view[v].published[watch] = 0;
        return v == VIEW_BASE ? erased_tell(e, s, GONE_ROW, r.window->name, e->defs->kpi[w->kpi].id) : 0;
    }
    kpi_read(&r, s, w->kpi, &value);
    if (plan_moves_with_clock(&e->plan.kpi[w->kpi], value.is_null))
        elapsed_note(e, v, s, watch);
    row_make(&text, &r, s, w->kpi, &value, (struct row_note){ .judged = v == VIEW_JUDGED, .nameless = v == VIEW_BASE },
             &row);
    if (v == VIEW_JUDGED)
        return sink(e->sink->ctx, &row);
    if (!s->view[v].published)
        s->view[v].published = calloc(e->plan.n_watches, sizeof *s->view[v].published);
    if (!s->view[v].published)
        return -1;
    uint64_t hash = row_hash(&row, r.window);
    if (s->view[v].published[watch] == hash)
        return 0;
    s->view[v].published[watch] = hash;
    return sink(e->sink->ctx, &row);
}

static void want_boards(struct evaluator *e, enum view_id v, const struct subject *s, const struct plan_watch *w)
{
    for (uint32_t b = 0; b < w->n_boards; b++)
        if (e->defs->board[w->board[b]].dim == s->dim)
            bit_set(s->org->view[v].boards, (uint32_t)w->board[b]);
}

/* Rows of the watches in `set`, and the boards they move. */
static int publish_set(struct evaluator *e, enum view_id v, struct subject *s, const uint64_t *set, row_sink sink)
{
    int rc = 0;
    memo_begin(e, v, s);
    for (uint32_t i = bit_next(set, e->plan.n_watches, 0); rc == 0 && i < e->plan.n_watches;
         i = bit_next(set, e->plan.n_watches, i + 1)) {
        const struct plan_watch *w = &e->plan.watch[i];
        want_boards(e, v, s, w);
        if (sink && (v == VIEW_JUDGED ? w->row_dims : w->live_dims) >> s->dim & 1)
            rc = publish_row(e, v, s, i, sink);
    }
    memo_end(e);
    return rc;
}

static void mark_dim(struct evaluator *e, enum view_id v, struct org *org, int dim, uint32_t watch)
{
    const struct subject_list *list = &org->dim[dim];
    for (uint32_t j = 0; j < list->n; j++)
        if (list->v[j]->view[v].known)
            view_mark_one(e, v, list->v[j], watch);
}

/* A rank depends on all subjects of its dim. */
static void spread_rank(struct evaluator *e, enum view_id v, uint32_t watch, uint32_t n)
{
    const struct org *done = NULL;
    uint32_t done_dims = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct subject *s = e->view[v].dirty.v[i];
        if (!bit_test(s->view[v].dirty, watch) || (done && done == s->org && done_dims >> s->dim & 1))
            continue;
        done_dims = done && done == s->org ? done_dims | 1u << s->dim : 1u << s->dim;
        done = s->org;
        mark_dim(e, v, s->org, (int)s->dim, watch);
    }
}

/* What reads the org's figure changes with it, for every subject that somebody looks at. */
static void spread_whole(struct evaluator *e, enum view_id v, uint32_t watch, uint32_t n)
{
    const struct plan_watch *w = &e->plan.watch[watch];
    uint32_t dims = (v == VIEW_JUDGED ? w->row_dims : w->live_dims) | w->rule_dims;
    for (uint32_t b = 0; b < w->n_boards; b++)
        dims |= 1u << e->defs->board[w->board[b]].dim;
    for (uint32_t c = 0; c < w->n_cards; c++)
        dims |= 1u << e->defs->scorecard[w->card[c]].dim;
    for (uint32_t i = 0; i < n; i++) {
        struct subject *s = e->view[v].dirty.v[i];
        for (int d = DIM_ORG + 1; s->dim == DIM_ORG && bit_test(s->view[v].dirty, watch) && d < DIM_COUNT; d++)
            if (dims >> d & 1)
                mark_dim(e, v, s->org, d, watch);
    }
}

void publish_spread(struct evaluator *e, enum view_id v)
{
    uint32_t n = e->view[v].dirty.n; /* those that come in below have nothing new to spread */
    for (uint32_t k = 0; k < e->plan.n_watches && n; k++) {
        if (e->plan.watch[k].ranked)
            spread_rank(e, v, k, n);
        if (e->plan.kpi[e->plan.watch[k].kpi].whole)
            spread_whole(e, v, k, n);
    }
}

static void forget(struct evaluator *e, enum view_id v)
{
    struct subject_set *set = &e->view[v].dirty;
    for (uint32_t i = 0; i < set->n; i++) {
        board_order_note_dirty(e, v, set->v[i]);
        set->v[i]->view[v].listed_dirty = false;
        memset(set->v[i]->view[v].dirty, 0, e->plan.n_words * sizeof(uint64_t));
    }
    set->n = 0;
}

static void resume_elapsed(struct evaluator *e, struct subject *s)
{
    for (uint32_t i = 0; i < e->plan.n_watches; i++) {
        const struct plan_watch *w = &e->plan.watch[i];
        const struct plan_kpi *k = &e->plan.kpi[w->kpi];
        if ((!k->paced && !k->clocked) || !(w->row_dims >> s->dim & 1))
            continue;
        struct reading r = reading_at_view(e, VIEW_JUDGED, w->window);
        struct kpi_value value;
        kpi_read(&r, s, w->kpi, &value);
        if (plan_moves_with_clock(k, value.is_null))
            elapsed_note(e, VIEW_JUDGED, s, i);
    }
}

void publish_resume(struct evaluator *e)
{
    forget(e, VIEW_JUDGED);
    board_orders_forget(e, VIEW_JUDGED);
    for (uint32_t o = 0; o < e->store.n_orgs; o++)
        for (int d = 0; d < DIM_COUNT; d++)
            for (uint32_t i = 0; i < e->store.org[o]->dim[d].n; i++) {
                struct subject *s = e->store.org[o]->dim[d].v[i];
                s->view[VIEW_JUDGED].known = s->known_saved; /* cells also tell of what is not judged yet */
                if (s->known_saved)
                    resume_elapsed(e, s);
                else
                    s->view[VIEW_JUDGED].pane_since_ms = s->view[VIEW_JUDGED].gauge_since_ms = INT64_MAX;
            }
}

/* Where nobody listens (a replay that asks for rows afterwards), nothing is prepared. */
static bool heard(const struct evaluator *e)
{
    return e->sink->judged_row || e->sink->board || e->sink->scorecard;
}

int publish_gather(struct evaluator *e)
{
    struct subject_set *dirty = &e->view[VIEW_JUDGED].dirty;
    if (!heard(e)) {
        forget(e, VIEW_JUDGED);
        e->revised.n = 0;
        e->rows_due = false;
        return 0;
    }
    for (uint32_t i = 0; i < dirty->n; i++) {
        struct subject *s = dirty->v[i];
        struct subject_view *view = &s->view[VIEW_JUDGED];
        uint64_t fresh = 0;
        for (uint32_t k = 0; k < e->plan.n_words; k++) {
            fresh |= view->dirty[k] & ~view->changed[k];
            view->changed[k] |= view->dirty[k];
        }
        if (fresh)
            pending_note(e, s);
        if (!view->listed_changed && subject_set_add(&e->view[VIEW_JUDGED].changed, s) < 0)
            return -1;
        view->listed_changed = true;
        e->rows_due = true;
    }
    forget(e, VIEW_JUDGED);
    return 0;
}

int publish_live(struct evaluator *e)
{
    struct subject_set *dirty = &e->view[VIEW_BASE].dirty;
    int rc = 0;
    publish_spread(e, VIEW_BASE);
    subject_set_sort(dirty);
    for (uint32_t i = 0; rc == 0 && i < dirty->n; i++)
        rc = publish_set(e, VIEW_BASE, dirty->v[i], dirty->v[i]->view[VIEW_BASE].dirty, e->sink->live_row);
    forget(e, VIEW_BASE);
    return rc ? rc : boards_publish(e, VIEW_BASE);
}

static int order_closed(const void *x, const void *y)
{
    const struct closed_window *a = x, *b = y;
    int c = subject_cmp(a->subject, b->subject);
    if (c)
        return c;
    if (a->at_ms != b->at_ms)
        return a->at_ms < b->at_ms ? -1 : 1;
    return (a->window > b->window) - (a->window < b->window);
}

/* Rows of one ended window of one subject: those KPIs that one of the n changes touches. */
static int publish_ended(struct evaluator *e, const struct closed_window *c, uint32_t n, bool late)
{
    int rc = 0;
    const struct window *window = &e->plan.window[c->window];
    struct reading r = reading_past(e, VIEW_JUDGED, window, c->at_ms);
    if (subject_erased(e, c->subject, VIEW_JUDGED) || window->kind != WINDOW_PERIOD ||
        org_period(c->subject->org, window->period, c->at_ms).end_ms - 1 != c->at_ms) /* of a cycle, for scorecards */
        return 0;
    for (uint32_t i = 0; rc == 0 && i < e->plan.n_watches; i++) {
        const struct plan_watch *w = &e->plan.watch[i];
        bool touched = false;
        for (uint32_t k = 0; k < n; k++)
            touched |= bit_test(c[k].watches, i);
        if (!touched || w->window != c->window || !(w->row_dims >> c->subject->dim & 1))
            continue;
        struct kpi_value value;
        struct row_text text;
        struct kpi_row row;
        struct row_note note = { .final = true, .judged = true };
        kpi_read(&r, c->subject, w->kpi, &value);
        note.revision = revision_of(e, c->subject, i, value.span.start_ms, late);
        row_make(&text, &r, c->subject, w->kpi, &value, note, &row);
        rc = note.revision < 0 ? -1 : e->sink->judged_row(e->sink->ctx, &row);
        if (!late) { /* told for good: the next snapshot has nothing to add to it */
            want_boards(e, VIEW_JUDGED, c->subject, w);
            bit_clear(c->subject->view[VIEW_JUDGED].changed, i);
        }
    }
    return rc;
}

static int publish_closed(struct evaluator *e, struct closed_windows *list, bool late)
{
    int rc = 0;
    if (list->n > 1)
        qsort(list->v, list->n, sizeof *list->v, order_closed);
    for (uint32_t i = 0, n; rc == 0 && e->sink->judged_row && i < list->n; i += n) {
        for (n = 1; i + n < list->n && order_closed(&list->v[i], &list->v[i + n]) == 0;)
            n++;
        rc = publish_ended(e, &list->v[i], n, late);
    }
    return rc;
}

int publish_finals(struct evaluator *e)
{
    int rc = publish_closed(e, &e->closing, false);
    e->closing.n = 0;
    return rc;
}

int publish_snapshot(struct evaluator *e, int64_t tick_ms)
{
    struct subject_set *changed = &e->view[VIEW_JUDGED].changed;
    subject_set_sort(changed);
    int rc = publish_closed(e, &e->revised, true);
    for (uint32_t i = 0; rc == 0 && i < changed->n; i++)
        rc = publish_set(e, VIEW_JUDGED, changed->v[i], changed->v[i]->view[VIEW_JUDGED].changed, e->sink->judged_row);
    if (rc == 0)
        rc = boards_publish(e, VIEW_JUDGED);
    for (uint32_t i = 0; rc == 0 && i < changed->n; i++)
        rc = scorecards_publish(e, changed->v[i], tick_ms);
    if (rc == 0)
        rc = revise_publish(e, tick_ms);
    pending_told(e);
    return rc;
}
