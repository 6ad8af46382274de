/* Remembering what was told of boards. The subjects of a board just made are the first of the scratch ranking. */
#include "board_told.h"

#include <stdio.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

static struct place *place_of(struct evaluator *e, struct subject *s, uint32_t board)
{
    if (!s->place)
        s->place = calloc(e->defs->n_boards + 1u, sizeof *s->place);
    return s->place ? &s->place[board] : NULL;
}

uint64_t board_entry_hash(const struct board_entry *x)
{
    struct {
        double value, gap;
        int64_t rank, previous, reached_ms, null;
    } seen = { x->value, x->gap, x->rank, x->previous_rank, x->reached_at_ms, x->is_null };
    uint64_t hash = XXH3_64bits(&seen, sizeof seen);
    return hash ? hash : 1;
}

void board_compare(struct evaluator *e, uint32_t board, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct subject *s = e->boards.now.v[i].subject;
        struct board_entry *x = &e->boards.entry[i];
        x->last_rank = s->place ? s->place[board].rank : 0;
        x->moved = x->last_rank && x->rank ? x->last_rank - x->rank : 0;
    }
}

static bool differs(struct subject *s, uint32_t board, const struct board_entry *x)
{
    if (!s->place)
        return true;
    s->place[board].seen = true;
    return s->place[board].hash != board_entry_hash(x);
}

static int reserve(struct board_scratch *scratch, size_t n)
{
    if (n <= scratch->cap)
        return 0;
    struct board_entry *v = realloc(scratch->entry, n * sizeof *v);
    if (!v)
        return -1;
    scratch->entry = v;
    scratch->cap = (uint32_t)n;
    return 0;
}

int board_difference(struct evaluator *e, const struct org *org, uint32_t board, struct board_snapshot *b)
{
    struct board_scratch *scratch = &e->boards;
    const struct subject_set *told = &org->told[board];
    size_t n = 0;
    for (size_t i = 0; i < b->entry_count; i++)
        if (differs(scratch->now.v[i].subject, board, &scratch->entry[i]))
            scratch->entry[n++] = scratch->entry[i];
    if (reserve(scratch, n + told->n) < 0)
        return -1;
    for (uint32_t i = 0; i < told->n; i++) {
        struct place *p = &told->v[i]->place[board];
        if (!p->seen && p->rank)
            scratch->entry[n++] = (struct board_entry){ .subject = told->v[i]->text, .last_rank = p->rank };
        p->seen = false;
    }
    b->entries = scratch->entry;
    b->entry_count = n;
    return 0;
}

static int note(struct evaluator *e, struct subject *s)
{
    if (s->listed_placed)
        return 0;
    s->listed_placed = true;
    return subject_set_add(&e->placed, s);
}

static int put(struct evaluator *e, struct subject *s, uint32_t board, int32_t rank, uint64_t hash, bool seen)
{
    struct place *p = place_of(e, s, board);
    if (!p)
        return -1;
    p->seen = seen;
    if (p->rank == rank && p->hash == hash)
        return 0;
    p->rank = rank;
    p->hash = hash;
    p->unsaved = true;
    return note(e, s);
}

int board_told(struct evaluator *e, struct org *org, uint32_t board, const struct board_entry *entry, size_t n)
{
    const struct ranked *who = e->boards.now.v;
    struct subject_set *told = &org->told[board];
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = put(e, who[i].subject, board, entry[i].rank, board_entry_hash(&entry[i]), true);
    for (uint32_t i = 0; rc == 0 && i < told->n; i++)
        if (!told->v[i]->place[board].seen)
            rc = put(e, told->v[i], board, 0, 0, false);
    told->n = 0;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        who[i].subject->place[board].seen = false;
        rc = subject_set_add(told, who[i].subject);
    }
    return rc;
}

/* ---- saved and restored ---------------------------------------------------------------------------------------------------------------------------- */

static int save_place(struct evaluator *e, const struct subject *s, uint32_t board, evaluator_state_sink sink,
                      void *ctx)
{
    char key[1200], value[48];
    const struct place *p = &s->place[board];
    int n = snprintf(key, sizeof key, "pos|%s|%s|%.*s", e->defs->board[board].id, dim_name(s->dim), (int)s->escaped.n,
                     s->escaped.p);
    int m = p->rank || p->hash ? snprintf(value, sizeof value, "%d %llx", p->rank, (unsigned long long)p->hash) : 0;
    if (n < 0 || (size_t)n >= sizeof key)
        return -1;
    return sink(ctx, s->org->id, (struct slice){ key, (uint32_t)n }, (struct slice){ value, (uint32_t)m });
}

static int save_told(struct evaluator *e, evaluator_state_sink sink, void *ctx)
{
    int rc = 0;
    for (uint32_t o = 0; o < e->store.n_orgs; o++)
        for (uint32_t b = 0; b < e->defs->n_boards; b++)
            for (uint32_t i = 0; rc == 0 && i < e->store.org[o]->told[b].n; i++)
                rc = save_place(e, e->store.org[o]->told[b].v[i], b, sink, ctx);
    return rc;
}

int board_told_save(struct evaluator *e, bool only_changed, evaluator_state_sink sink, void *ctx)
{
    int rc = only_changed ? 0 : save_told(e, sink, ctx);
    for (uint32_t i = 0; i < e->placed.n; i++) {
        struct subject *s = e->placed.v[i];
        for (uint32_t b = 0; b < e->defs->n_boards; b++) {
            if (rc == 0 && only_changed && s->place[b].unsaved)
                rc = save_place(e, s, b, sink, ctx);
            s->place[b].unsaved = false;
        }
        s->listed_placed = false;
    }
    e->placed.n = 0;
    return rc;
}

static int board_named(const struct evaluator *e, struct slice id)
{
    for (uint32_t b = 0; b < e->defs->n_boards; b++)
        if (slice_eq(slice_of(e->defs->board[b].id), id))
            return (int)b;
    return -1;
}

int board_told_restore(struct evaluator *e, struct slice org_id, struct slice rest, const char *value)
{
    const char *end = rest.p + rest.n, *bar = memchr(rest.p, '|', rest.n);
    const char *bar2 = bar ? memchr(bar + 1, '|', (size_t)(end - bar - 1)) : NULL;
    char *at;
    if (!bar2)
        return -1;
    int board = board_named(e, (struct slice){ rest.p, (uint32_t)(bar - rest.p) });
    int dim = dim_by_name((struct slice){ bar + 1, (uint32_t)(bar2 - bar - 1) });
    if (board < 0)
        return 0;
    struct org *org = store_org(&e->store, org_id);
    struct slice escaped = { bar2 + 1, (uint32_t)(end - bar2 - 1) };
    struct subject *s = org && dim >= 0 ? org_subject(&e->store, org, (enum dim)dim, escaped) : NULL;
    struct place *p = s ? place_of(e, s, (uint32_t)board) : NULL;
    if (!p)
        return -1;
    p->rank = (int32_t)strtol(value, &at, 10);
    p->hash = strtoull(at, &at, 16);
    return *at ? -1 : subject_set_add(&org->told[board], s);
}
