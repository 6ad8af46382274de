/* The evaluator's doors: made, fed, restored, asked for its size. What it does with time is in advance.c. */
#include "eval_core.h"

#include <stdlib.h>

#include "board_order.h"
#include "evidence.h"
#include "ranking.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define DEFAULT_TICK_MS INT64_C(60000)

static int find_board_watches(struct evaluator *e)
{
    const struct definitions *defs = e->defs;
    e->board_watch = calloc(defs->n_boards + 1u, sizeof *e->board_watch);
    for (uint32_t b = 0; e->board_watch && b < defs->n_boards; b++)
        e->board_watch[b] = plan_watch_of(&e->plan, defs->board[b].kpi, plan_window(&e->plan, &defs->board[b].window));
    return e->board_watch ? 0 : -1;
}

struct evaluator *evaluator_new(const struct definitions *defs, const struct evaluator_options *opt)
{
    struct evaluator *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->defs = defs;
    e->opt = *opt;
    e->tick_ms = defs->tick_ms > 0 ? defs->tick_ms : DEFAULT_TICK_MS;
    e->judged_tick = e->now_ms = e->stands_ms = INT64_MIN;
    e->view[VIEW_BASE] = (struct view_state){ .tracked = opt->live, .at_ms = INT64_MIN };
    e->view[VIEW_JUDGED] = (struct view_state){ .tracked = opt->judge, .at_ms = INT64_MIN };
    for (uint32_t b = 0; b < defs->n_boards; b++)
        if (defs->board[b].changes_ms && (!e->changes_ms || defs->board[b].changes_ms < e->changes_ms))
            e->changes_ms = defs->board[b].changes_ms;
    intern_init(&e->revisions.key, defs->hash_seed);
    sketch_bounds_init(&e->bounds);
    if (plan_init(&e->plan, defs) < 0) {
        evaluator_free(e);
        return NULL;
    }
    store_init(&e->store, &e->plan);
    if (find_board_watches(e) < 0) {
        evaluator_free(e);
        return NULL;
    }
    return e;
}

void evaluator_free(struct evaluator *e)
{
    if (!e)
        return;
    evidence_forget_waiting(e);
    free(e->cited.v);
    free(e->cited_unsaved.v);
    if (e->store.plan)
        store_release(&e->store);
    plan_release(&e->plan);
    for (int v = 0; v < VIEW_COUNT; v++) {
        agenda_release(&e->view[v].waiting);
        agenda_release(&e->view[v].due);
        free(e->view[v].dirty.v);
        free(e->view[v].changed.v);
        free(e->view[v].elapsed.v);
    }
    intern_release(&e->revisions.key);
    free(e->revisions.v);
    free(e->closing.v);
    free(e->revised.v);
    free(e->revised_saved.v);
    free(e->unsaved.v);
    free(e->judgements.v);
    free(e->counts);
    for (uint32_t i = 0; i < RANK_CACHES; i++)
        free(e->rank_cache[i].rank);
    free(e->placed.v);
    free(e->carded.v);
    ranking_release(&e->boards.now);
    ranking_release(&e->boards.before);
    free(e->boards.entry);
    free(e->boards.change);
    free(e->boards.same);
    free(e->boards.gone);
    free(e->board_watch);
    free(e->memos.v);
    free(e);
}

/* Totals of levels less their panes, all levels folded into one number. */
static void note_level(struct subject *s, const struct cell_delta *d, int measure)
{
    uint64_t amount = (uint64_t)d->value * (2 * (uint64_t)measure + 1) * UINT64_C(0x9e3779b97f4a7c15);
    s->levels_before += d->grain == CELL_GAUGE ? amount : 0 - amount;
}

/* The cell and its cause: what the same cause books and withdraws is as if it had never been. */
static uint64_t weight_of(const struct cell_delta *d)
{
    const int64_t at[] = { d->pane_ms, d->cause_ms, (int64_t)d->grain };
    return XXH3_64bits_withSeed(at, sizeof at, XXH3_64bits(d->field.p, d->field.n)) * (uint64_t)d->value;
}

/* The cause of a delta. A stored gauge has none: it stands since the saved state says it does, else always; it says nothing where all of it is still to
 * be judged. */
static int64_t stored_since(const struct evaluator *e, const struct subject *s, const struct cell_delta *d)
{
    if (d->cause_ms != INT64_MIN || !e->opt.judge || e->unjudged || e->judged_tick == INT64_MIN)
        return d->cause_ms;
    if (!s->known_saved)
        return INT64_MAX;
    return s->since_saved ? s->view[VIEW_JUDGED].gauge_since_ms : INT64_MIN;
}

/* Since when a delta tells of its subject. Steps of levels tell by their panes, in a restart as in a replay. `counted`: its cell held it already. */
static int note_known(struct evaluator *e, struct subject *s, const struct series *series, const struct cell_delta *d,
                      bool counted)
{
    bool level = series && e->defs->measure[series->node->measure].agg == AGG_LEVEL;
    bool gauge = d->grain == CELL_GAUGE, tells = !(level && gauge), aged = false;
    int64_t since_ms = view_since(level, gauge, d->pane_ms, stored_since(e, s, d));
    if (level && !counted) {
        bool before = s->levels_before != 0;
        note_level(s, d, series->node->measure);
        aged = before != (s->levels_before != 0);
    }
    if ((tells && subject_known_note(s, VIEW_BASE, gauge, since_ms)) || aged)
        board_order_note(e, VIEW_BASE, s);
    if (aged)
        board_order_note(e, VIEW_JUDGED, s);
    return e->opt.asof_history && tells ? subject_note_since(s, since_ms, weight_of(d)) : 0;
}

/* Whether the past of as-of measures is asked of the cells: by query, which has no causes. */
static bool past_of_cells(const struct evaluator *e)
{
    return !e->opt.live && !e->opt.asof_history;
}

static bool is_move(struct slice field)
{
    static const char mark[] = CELL_MOVED "#";
    uint32_t n = sizeof mark - 1, i = field.n;
    while (i > 0 && ((field.p[i - 1] >= '0' && field.p[i - 1] <= '9') || field.p[i - 1] == '-'))
        i--; /* a pane: most names end with a letter */
    return i >= n && memcmp(field.p + i - n, mark, n) == 0;
}

/* What lies outside of the calendar was not written by an engine, and no window's ends can be counted from it. */
static bool in_time(const struct cell_delta *d)
{
    return calendar_holds(d->pane_ms) && (calendar_holds(d->cause_ms) || d->cause_ms == INT64_MIN);
}

/* Series of a delta; *ret is NULL where no measure knows the field. The org becomes a subject of its own. */
static int locate_one(struct evaluator *e, const struct cell_delta *d, bool counted, struct series **ret)
{
    char buf[1024];
    struct subject *fresh;
    bool move = is_move(d->field);
    *ret = NULL;
    if (!in_time(d))
        return -1;
    if (move && !past_of_cells(e))
        return 0;
    struct org *org = store_org(&e->store, d->org);
    if (!org)
        return -1;
    if (org->dim[DIM_ORG].n == 0) {
        struct slice escaped = { buf, (uint32_t)cell_escape(d->org, buf, sizeof buf) };
        if (!org_subject(&e->store, org, DIM_ORG, escaped))
            return -1;
    }
    if (store_series(&e->store, org, d->field, ret, &fresh) < 0)
        return -1;
    e->generation++;
    struct subject *s = *ret ? (*ret)->node->subject : fresh;
    bool step = move && *ret && (*ret)->sub == 0; /* of a gauge, which tells by them since when it stands */
    return s && (!move || step) ? note_known(e, s, *ret, d, counted) : 0;
}

static int locate(struct evaluator *e, const struct cell_delta *d, struct series **ret)
{
    return locate_one(e, d, false, ret);
}

/* Moves serve the past of the base view alone. 1: that is what it was, 0: it is an ordinary delta. */
static int take_past(struct evaluator *e, struct series *s, const struct cell_delta *d)
{
    if (!is_move(d->field))
        return 0;
    const struct agenda_item item = {
        .at_ms = d->cause_ms, .pane_ms = d->pane_ms, .value = d->value, .kind = (int32_t)d->grain
    };
    return past_of_cells(e) && view_apply(e, VIEW_BASE, s, &item, d->cause_ms) < 0 ? -1 : 1;
}

static struct agenda_item item_of(const struct cell_delta *d, struct series *s)
{
    return (struct agenda_item){
        .at_ms = d->cause_ms, .target = s, .pane_ms = d->pane_ms, .value = d->value, .kind = (int32_t)d->grain
    };
}

static int remember(struct series *s, const struct cell_delta *d)
{
    if (s->n_past == s->cap_past) {
        uint32_t cap = s->cap_past ? s->cap_past * 2 : 4;
        struct past_delta *v = realloc(s->past, cap * sizeof *v);
        if (!v)
            return -1;
        s->past = v;
        s->cap_past = cap;
    }
    s->past[s->n_past++] = (struct past_delta){ d->cause_ms, d->pane_ms, d->value, d->grain };
    return 0;
}

void evaluator_stands_at(struct evaluator *e, int64_t newest_ms)
{
    e->stands_ms = newest_ms;
}

void evaluator_feed_position(struct evaluator *e, uint64_t seq)
{
    e->fed_seq = seq;
}

uint64_t evaluator_judged_position(const struct evaluator *e)
{
    return e->judged_seq;
}

int evaluator_apply(struct evaluator *e, const struct cell_delta *d)
{
    struct series *s;
    if (d->grain == CELL_EVIDENCE)
        return in_time(d) ? evidence_push(e, d) : -1;
    if (locate(e, d, &s) < 0)
        return -1;
    if (!s)
        return 0;
    int past = take_past(e, s, d);
    if (past)
        return past < 0 ? -1 : 0;
    struct agenda_item item = item_of(d, s);
    if (e->opt.asof_history && series_asof(s, &e->defs->measure[s->node->measure]) && remember(s, d) < 0)
        return -1;
    bool wait = e->opt.live && d->cause_ms > e->view[VIEW_BASE].at_ms;
    if (wait ? agenda_push(&e->view[VIEW_BASE].waiting, item) < 0 : view_apply(e, VIEW_BASE, s, &item, d->cause_ms) < 0)
        return -1;
    return e->opt.judge ? agenda_push(&e->view[VIEW_JUDGED].waiting, item) : 0;
}

int evaluator_restore_cell(struct evaluator *e, const struct cell_delta *cell)
{
    struct series *s;
    struct cell_delta since =
        *cell; /* a stored cell has no cause: its subject is known since its pane, with a gauge always */
    since.cause_ms = cell->grain == CELL_GAUGE ? INT64_MIN : cell->pane_ms;
    if (locate(e, &since, &s) < 0)
        return -1;
    if (!s)
        return 0;
    int past = take_past(e, s, cell);
    if (past)
        return past < 0 ? -1 : 0;
    struct agenda_item item = item_of(cell, s);
    e->restored = true;
    if (view_apply(e, VIEW_BASE, s, &item, INT64_MIN) < 0)
        return -1;
    return e->opt.judge && !e->unjudged ? view_apply(e, VIEW_JUDGED, s, &item, INT64_MIN) : 0;
}

void evaluator_restore_unjudged(struct evaluator *e)
{
    e->unjudged = e->opt.judge;
}

int evaluator_restore_parked(struct evaluator *e, const struct cell_delta *d)
{
    struct series *s;
    if (locate(e, d, &s) < 0)
        return -1;
    if (!s)
        return 0;
    if (is_move(d->field)) /* its time has not come: nothing of the past */
        return 0;
    struct agenda_item item = item_of(d, s);
    bool judged = e->judged_tick != INT64_MIN && d->cause_ms < e->judged_tick;
    e->restored = true;
    if (e->opt.live ? agenda_push(&e->view[VIEW_BASE].waiting, item) < 0 : remember(s, d) < 0)
        return -1;
    if (!e->opt.judge)
        return 0;
    return judged ? view_apply(e, VIEW_JUDGED, s, &item, INT64_MIN) : agenda_push(&e->view[VIEW_JUDGED].waiting, item);
}

int evaluator_restore_pending(struct evaluator *e, const struct cell_delta *d)
{
    struct series *s;
    bool judged = e->judged_tick != INT64_MIN && d->cause_ms < e->judged_tick;
    if (d->grain == CELL_EVIDENCE)
        return judged && e->fed_seq <= e->judged_seq ? 0 : in_time(d) ? evidence_push(e, d) : -1;
    if (locate_one(e, d, true, &s) < 0)
        return -1;
    if (!s || !e->opt.judge || judged || d->value == INT64_MIN || is_move(d->field))
        return 0;
    struct agenda_item item = item_of(d, s), back = item;
    back.value = -back.value;
    e->restored = true;
    if (!e->unjudged && view_apply(e, VIEW_JUDGED, s, &back, INT64_MIN) < 0)
        return -1;
    return agenda_push(&e->view[VIEW_JUDGED].waiting, item);
}

int64_t evaluator_judged_tick(const struct evaluator *e)
{
    return e->judged_tick;
}

int64_t evaluator_pending_cause(const struct evaluator *e)
{
    return agenda_next(&e->view[VIEW_JUDGED].waiting);
}

void evaluator_stats(const struct evaluator *e, struct evaluator_stats *ret)
{
    *ret = e->stats;
    ret->series = e->store.n_series;
    ret->pending = agenda_count(&e->view[VIEW_JUDGED].waiting) + agenda_count(&e->view[VIEW_BASE].waiting);
    ret->bytes = ret->series * sizeof(struct series) + ret->cells * sizeof(struct pane) * ((uint64_t)e->opt.judge + 1) +
                 (uint64_t)(agenda_room(&e->view[VIEW_JUDGED].waiting) + agenda_room(&e->view[VIEW_BASE].waiting)) *
                     sizeof(struct agenda_item);
}
