/* Boards: a complete ranking, with the ranks in the comparison window; the top of it is published. */
#include "board.h"

#include <stdio.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "board_order.h"
#include "board_shown.h"
#include "board_told.h"
#include "revision.h"
#include "row.h"

struct run {
    uint32_t from, n;
};

static int reserve(struct board_scratch *scratch, uint32_t n)
{
    if (n <= scratch->cap)
        return 0;
    struct board_entry *v = realloc(scratch->entry, n * sizeof *v);
    if (!v)
        return -1;
    scratch->entry = v;
    scratch->cap = n;
    return 0;
}

static struct ranking_rule rule_of(const struct evaluator *e, const struct board_def *board)
{
    struct ranking_rule rule = ranking_rule_of(e->defs, board->dim, board->kpi, board->ties);
    rule.min_samples = board->min_samples;
    if (board->has_order)
        rule.ascending = board->ascending;
    return rule;
}

/* Previous ranks into the subjects; 0 where it had no value, or where the window has nothing before it. */
static int rank_before(struct evaluator *e, const struct reading *now, const struct org *org,
                       const struct board_def *board)
{
    for (uint32_t i = 0; i < org->dim[board->dim].n; i++)
        org->dim[board->dim].v[i]->previous_rank = 0;
    if (board->window.kind == WINDOW_GAUGE)
        return 0;
    struct reading r = *now;
    r.prev = COMPARED_WHOLE;
    struct ranking_rule rule = rule_of(e, board);
    if (ranking_make(&r, org, &rule, &e->boards.before) < 0)
        return -1;
    for (uint32_t i = 0; i < e->boards.before.n; i++)
        if (!e->boards.before.v[i].is_null)
            e->boards.before.v[i].subject->previous_rank = e->boards.before.v[i].rank;
    return 0;
}

static struct board_entry entry_of(const struct ranked *x)
{
    int32_t before = x->subject->previous_rank;
    return (struct board_entry){
        .subject = x->subject->text,
        .rank = x->rank,
        .previous_rank = before,
        .movement = before && x->rank ? before - x->rank : 0,
        .value = x->value,
        .gap = x->gap,
        .reached_at_ms = x->reached_ms == INT64_MIN ? 0 : x->reached_ms,
        .is_null = x->is_null,
        .samples = x->samples,
    };
}

/* What a reader would see change. */
static uint64_t content_hash(const struct board_snapshot *b)
{
    uint64_t hash = XXH3_64bits(&b->window_start_ms, sizeof b->window_start_ms);
    for (size_t i = 0; i < b->entry_count; i++) {
        const struct board_entry *x = &b->entries[i];
        double figures[] = { x->value, x->gap };
        int64_t ranks[] = { x->rank, x->previous_rank, x->reached_at_ms, x->is_null };
        hash = XXH3_64bits_withSeed(x->subject.p, x->subject.n, hash);
        hash = XXH3_64bits_withSeed(figures, sizeof figures, hash);
        hash = XXH3_64bits_withSeed(ranks, sizeof ranks, hash);
    }
    return hash ? hash : 1;
}

static void write_id(struct board_snapshot *b, uint64_t content, char *id)
{
    const struct slice parts[] = { b->org, b->board, b->window, b->dim, b->definition_hash };
    const int64_t numbers[] = { b->tick_ms, b->window_start_ms, (int64_t)content };
    b->id = hex_id(parts, sizeof parts / sizeof parts[0], numbers, sizeof numbers / sizeof numbers[0], id);
}

/* Which entries a board shows: its top, or `reach` on either side of a subject. */
static struct run run_of(const struct ranking *ranking, const struct board_def *def, const struct board_around *around)
{
    uint32_t n = ranking->n, at = 0;
    if (!around)
        return (struct run){ 0, def->top && def->top < n ? def->top : n };
    while (at < n && !slice_eq(ranking->v[at].subject->text, around->subject))
        at++;
    if (at == n)
        return (struct run){ 0, 0 };
    uint32_t from = at > around->reach ? at - around->reach : 0;
    uint32_t to = n - at > around->reach ? at + around->reach + 1 : n;
    return (struct run){ from, to - from };
}

static int64_t count_ranked(const struct ranking *ranking)
{
    int64_t n = 0;
    for (uint32_t i = 0; i < ranking->n; i++)
        n += ranking->v[i].rank > 0;
    return n;
}

/* What a board shows comes first in scratch->now; the order that is kept, or all ranked anew. */
static int rank(struct evaluator *e, const struct reading *r, const struct org *org, int board,
                const struct board_around *around, int64_t *ret_ranked)
{
    const struct board_def *def = &e->defs->board[board];
    struct ranking_rule rule = rule_of(e, def);
    if (!around && board_order_kept(r, (uint32_t)board))
        return board_order_take(r, (struct org *)org, (uint32_t)board, &rule, (uint32_t)def->top, &e->boards.now,
                                ret_ranked);
    if (rank_before(e, r, org, def) < 0 || ranking_make(r, org, &rule, &e->boards.now) < 0)
        return -1;
    *ret_ranked = count_ranked(&e->boards.now);
    return 0;
}

int board_make(struct evaluator *e, const struct reading *r, const struct org *org, int board,
               const struct board_around *around, struct board_text *text, struct board_snapshot *ret)
{
    const struct board_def *def = &e->defs->board[board];
    struct board_scratch *scratch = &e->boards;
    int64_t ranked;
    if (rank(e, r, org, board, around, &ranked) < 0)
        return -1;
    struct run run = run_of(&scratch->now, def, around);
    if (reserve(scratch, run.n) < 0)
        return -1;
    for (uint32_t i = 0; i < run.n; i++)
        scratch->entry[i] = entry_of(&scratch->now.v[run.from + i]);
    struct span span = reading_span(r, org, COMPARED_NOT);
    hex_hash(e->defs->kpi[def->kpi].hash, text->hash);
    *ret = (struct board_snapshot){
        .board = slice_of(def->id),
        .org = org->id,
        .kpi = slice_of(e->defs->kpi[def->kpi].id),
        .window = slice_of(def->window.name),
        .dim = slice_of(dim_name(def->dim)),
        .tick_ms = r->view == VIEW_JUDGED ? r->at_ms + 1 : r->at_ms,
        .window_start_ms = span.start_ms,
        .window_end_ms = span.end_ms,
        .entries = scratch->entry,
        .entry_count = run.n,
        .ranked_count = ranked,
        .definition_hash = { text->hash, 16 },
    };
    text->content = content_hash(ret);
    write_id(ret, text->content, text->id);
    return 0;
}

/* A change says what differs; afterwards all of the board counts as told. */
static int tell(struct evaluator *e, struct org *org, uint32_t board, struct board_text *text, struct board_snapshot *b,
                bool change)
{
    size_t n = b->entry_count;
    struct board_entry *all = NULL;
    board_compare(e, board, n);
    if (change) {
        all = malloc((n ? n : 1) * sizeof *all);
        if (!all)
            return -1;
        memcpy(all, b->entries, n * sizeof *all);
        if (board_difference(e, org, board, b) < 0) {
            free(all);
            return -1;
        }
        b->change = true;
        write_id(b, content_hash(b), text->id);
    }
    int rc = change && b->entry_count == 0 ? 0 : e->sink->board(e->sink->ctx, b, false);
    if (rc == 0)
        rc = board_told(e, org, board, change ? all : b->entries, n);
    free(all);
    return rc;
}

static int publish_board(struct evaluator *e, enum view_id v, struct org *org, uint32_t board)
{
    struct board_text text;
    struct board_snapshot b;
    struct reading r = reading_at_view(e, v, plan_window(&e->plan, &e->defs->board[board].window));
    if (board_make(e, &r, org, (int)board, NULL, &text, &b) < 0)
        return -1;
    uint64_t content = text.content;
    bool emptied = v == VIEW_BASE && org->marks; /* the last one on it was erased */
    if ((b.entry_count == 0 && !emptied) || org->view[v].board_published[board] == content)
        return 0;
    org->view[v].board_published[board] = content;
    if (v == VIEW_JUDGED)
        return tell(e, org, board, &text, &b, false);
    board_compare(e, board, b.entry_count);
    if (board_shown(e, v, org, board, &b) < 0)
        return -1;
    return e->sink->board(e->sink->ctx, &b, true);
}

/* Whether a subject of the board was touched since the last snapshot. */
static bool is_touched(const struct evaluator *e, const struct org *org, uint32_t board)
{
    const struct board_def *def = &e->defs->board[board];
    uint32_t watch = plan_watch_of(&e->plan, def->kpi, plan_window(&e->plan, &def->window));
    const struct subject_set *changed = &e->view[VIEW_JUDGED].changed;
    for (uint32_t i = 0; i < changed->n; i++)
        if (changed->v[i]->org == org && changed->v[i]->dim == def->dim &&
            bit_test(changed->v[i]->view[VIEW_JUDGED].changed, watch))
            return true;
    return false;
}

int boards_change(struct evaluator *e, int64_t tick_ms)
{
    int rc = 0;
    for (uint32_t o = 0; e->sink->board && o < e->store.n_orgs; o++)
        for (uint32_t b = 0; rc == 0 && b < e->defs->n_boards; b++) {
            struct org *org = e->store.org[o];
            const struct board_def *def = &e->defs->board[b];
            struct board_text text;
            struct board_snapshot snapshot;
            if (!def->changes_ms || tick_ms % def->changes_ms || !is_touched(e, org, b))
                continue;
            struct reading r = reading_at_view(e, VIEW_JUDGED, plan_window(&e->plan, &def->window));
            rc = board_make(e, &r, org, (int)b, NULL, &text, &snapshot);
            if (rc == 0)
                rc = tell(e, org, b, &text, &snapshot, true);
        }
    return rc;
}

int boards_publish(struct evaluator *e, enum view_id v)
{
    int rc = 0;
    for (uint32_t o = 0; o < e->store.n_orgs; o++) {
        struct org *org = e->store.org[o];
        for (uint32_t b = 0; rc == 0 && b < e->defs->n_boards; b++) {
            if (!e->sink->board || !bit_test(org->view[v].boards, b))
                continue;
            bit_clear(org->view[v].boards, b);
            rc = publish_board(e, v, org, b);
        }
    }
    return rc;
}

int board_revise(struct evaluator *e, struct org *org, uint32_t board, int64_t at_ms, int64_t tick_ms)
{
    const struct board_def *def = &e->defs->board[board];
    struct reading r = reading_past(e, VIEW_JUDGED, &def->window, at_ms);
    struct board_text text;
    struct board_snapshot b;
    char key[256];
    if (!plan_past_known(&e->plan, def->kpi, &def->window))
        return 0;
    if (board_make(e, &r, org, (int)board, NULL, &text, &b) < 0)
        return -1;
    if (b.entry_count == 0 && !org->marks)
        return 0; /* as of any period: a board without entries is told only where the last one was erased */
    int n = snprintf(key, sizeof key, "rvb|%s|%lld", def->id, (long long)b.window_start_ms);
    if (n < 0 || (size_t)n >= sizeof key)
        return -1;
    b.revision = revision_told(e, org->id, (struct slice){ key, (uint32_t)n }, text.content,
                               org->view[VIEW_JUDGED].board_published[board]);
    if (b.revision <= 0)
        return (int)b.revision;
    b.tick_ms = tick_ms;
    write_id(&b, text.content, text.id);
    return e->sink->board(e->sink->ctx, &b, false);
}

int evaluator_boards_around(struct evaluator *e, int64_t at_ms, const struct board_around *around,
                            int (*each)(void *ctx, const struct board_snapshot *b), void *ctx)
{
    int rc = 0;
    for (uint32_t o = 0; o < e->store.n_orgs; o++)
        for (uint32_t b = 0; rc == 0 && b < e->defs->n_boards; b++) {
            struct board_text text;
            struct board_snapshot snapshot;
            struct reading r = reading_past(e, VIEW_BASE, &e->defs->board[b].window, at_ms);
            rc = board_make(e, &r, e->store.org[o], (int)b, around, &text, &snapshot);
            if (rc == 0 && (!around || snapshot.entry_count))
                rc = each(ctx, &snapshot);
        }
    return rc;
}

int evaluator_boards(struct evaluator *e, int64_t at_ms, int (*each)(void *ctx, const struct board_snapshot *b),
                     void *ctx)
{
    return evaluator_boards_around(e, at_ms, NULL, each, ctx);
}
