/* Boards (rankings of subjects): reading and checking them. Ranking is the evaluator's. */
#include <stdlib.h>

#include "loader.h"

const char *const ties_words[] = {
    [TIES_COMPETITION] = "competition", [TIES_DENSE] = "dense", [TIES_ORDINAL] = "ordinal", NULL
};

static void load_board(struct loader *l, struct entry *e, struct board_def *b)
{
    static const char *const keys[] = { "kpi",         "window",  "dim",   "ties", "top",
                                        "min_samples", "changes", "order", "note", NULL };
    static const char *const orders[] = { "descending", "ascending", NULL };
    const struct node *n;
    int64_t top = 0;
    int ties;
    check_keys(l, e->map, keys, "a board");
    b->id = copy_text(l, e->id);
    b->kpi = kpi_reference(l, e);
    if ((n = require(l, e->key, e->map, "window")))
        value_window(l, n, &b->window);
    if ((n = require(l, e->key, e->map, "dim")))
        value_dim(l, n, &b->dim);
    if ((n = node_get(e->map, "ties")) && (ties = value_choice(l, n, ties_words, "ties")) >= 0)
        b->ties = (enum ties)ties;
    if ((n = node_get(e->map, "top")) && value_int(l, n, 0, 1000000, &top))
        b->top = (uint32_t)top;
    if ((n = node_get(e->map, "min_samples")))
        value_int(l, n, 0, INT64_MAX / 2, &b->min_samples);
    if ((n = node_get(e->map, "changes")) && value_duration(l, n, 0, 86400000, &b->changes_ms) &&
        b->changes_ms % l->defs->tick_ms)
        report(l, n, "changes are published at ticks: a multiple of time.tick");
    if ((n = node_get(e->map, "order")) && (ties = value_choice(l, n, orders, "order")) >= 0) {
        b->has_order = true;
        b->ascending = ties == 1;
    }
}

void boards_load(struct loader *l)
{
    struct section *s = &l->section[SECTION_BOARDS];
    l->defs->board = calloc(s->n ? s->n : 1, sizeof(*l->defs->board));
    if (!l->defs->board) {
        report_memory(l);
        return;
    }
    l->defs->n_boards = s->n;
    for (uint32_t i = 0; i < s->n; i++)
        load_board(l, &s->v[i], &l->defs->board[i]);
}
