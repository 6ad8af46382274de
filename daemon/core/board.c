/* Boards: a complete ranking, with the ranks in the comparison window; the top of it is published. */
#include "board.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "row.h"

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
    if (ranking_make(&r, org, board->dim, board->kpi, board->ties, &e->boards.before) < 0)
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
        .movement = before ? before - x->rank : 0,
        .value = x->value,
        .gap = x->gap,
        .reached_at_ms = x->reached_ms == INT64_MIN ? 0 : x->reached_ms,
        .is_null = x->is_null,
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
    const struct slice parts[] = { b->org, b->board, b->window, b->dim };
    const int64_t numbers[] = { b->tick_ms, b->window_start_ms, (int64_t)content };
    b->id = hex_id(parts, sizeof parts / sizeof parts[0], numbers, sizeof numbers / sizeof numbers[0], id);
}

int board_make(struct evaluator *e, const struct reading *r, const struct org *org, int board, char *id, char *hash,
               struct board_snapshot *ret)
{
    const struct board_def *def = &e->defs->board[board];
    struct board_scratch *scratch = &e->boards;
    if (rank_before(e, r, org, def) < 0 || ranking_make(r, org, def->dim, def->kpi, def->ties, &scratch->now) < 0)
        return -1;
    uint32_t n = def->top && def->top < scratch->now.n ? def->top : scratch->now.n;
    if (reserve(scratch, n) < 0)
        return -1;
    for (uint32_t i = 0; i < n; i++)
        scratch->entry[i] = entry_of(&scratch->now.v[i]);
    struct span span = reading_span(r, org, COMPARED_NOT);
    hex_hash(e->defs->kpi[def->kpi].hash, hash);
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
        .entry_count = n,
        .definition_hash = { hash, 16 },
    };
    write_id(ret, content_hash(ret), id);
    return 0;
}

static int publish_board(struct evaluator *e, enum view_id v, struct org *org, uint32_t board)
{
    char id[33], hash[17];
    struct board_snapshot b;
    struct reading r = reading_at_view(e, v, plan_window(&e->plan, &e->defs->board[board].window));
    if (board_make(e, &r, org, (int)board, id, hash, &b) < 0)
        return -1;
    uint64_t content = content_hash(&b);
    if (b.entry_count == 0 || org->view[v].board_published[board] == content)
        return 0;
    org->view[v].board_published[board] = content;
    return e->sink->board(e->sink->ctx, &b, v == VIEW_BASE);
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

int evaluator_boards(struct evaluator *e, int64_t at_ms, int (*each)(void *ctx, const struct board_snapshot *b),
                     void *ctx)
{
    int rc = 0;
    for (uint32_t o = 0; o < e->store.n_orgs; o++)
        for (uint32_t b = 0; rc == 0 && b < e->defs->n_boards; b++) {
            char id[33], hash[17];
            struct board_snapshot snapshot;
            struct reading r = reading_past(e, VIEW_BASE, &e->defs->board[b].window, at_ms);
            rc = board_make(e, &r, e->store.org[o], (int)b, id, hash, &snapshot);
            if (rc == 0)
                rc = each(ctx, &snapshot);
        }
    return rc;
}
