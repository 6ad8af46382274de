/* Remembering what was written of live boards, by a hash per subject. Messages remember ranks: board_told.c. */
#include "board_shown.h"

#include <stdlib.h>

#include "board_order.h"
#include "board_told.h"

static int reserve(struct board_scratch *scratch, size_t entries, uint32_t gone)
{
    if (entries > scratch->cap_same) {
        bool *v = realloc(scratch->same, entries * sizeof *v);
        if (!v)
            return -1;
        scratch->same = v;
        scratch->cap_same = (uint32_t)entries;
    }
    if (gone > scratch->cap_gone) {
        struct slice *v = realloc(scratch->gone, gone * sizeof *v);
        if (!v)
            return -1;
        scratch->gone = v;
        scratch->cap_gone = gone;
    }
    return 0;
}

/* Those listed before that are not any more, into scratch->gone; the list is emptied. */
static size_t take_gone(struct evaluator *e, enum view_id v, struct board_order *order, uint32_t board)
{
    size_t n = 0;
    for (uint32_t i = 0; i < order->shown.n; i++) {
        struct stand *s = stand_of(e, v, order->shown.v[i], board);
        if (s->seen == order->written)
            continue;
        s->shown = 0;
        e->boards.gone[n++] = order->shown.v[i]->text;
    }
    order->shown.n = 0;
    return n;
}

int board_shown(struct evaluator *e, enum view_id v, struct org *org, uint32_t board, struct board_snapshot *b)
{
    struct board_order *order = &org->view[v].order[board];
    struct board_scratch *scratch = &e->boards;
    const struct ranked *who = scratch->now.v;
    order->written++;
    if (reserve(scratch, b->entry_count, order->shown.n) < 0)
        return -1;
    for (size_t i = 0; i < b->entry_count; i++) {
        struct stand *s = who[i].stand ? who[i].stand : stand_of(e, v, who[i].subject, board);
        if (!s)
            return -1;
        uint64_t hash = board_entry_hash(&b->entries[i]);
        scratch->same[i] = s->shown == hash;
        s->shown = hash;
        s->seen = order->written;
    }
    b->gone_count = take_gone(e, v, order, board);
    b->gone = scratch->gone;
    b->same = order->written > 1 ? scratch->same : NULL;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < b->entry_count; i++)
        rc = subject_set_add(&order->shown, who[i].subject);
    return rc;
}
