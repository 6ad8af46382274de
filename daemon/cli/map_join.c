/* The other files of a mapping: loading, ordering by key, and finding the row that belongs to the present one. */
#include <stdio.h>
#include <stdlib.h>

#include "map_int.h"

static int by_key(const void *a, const void *b, void *ctx)
{
    const struct map_table *t = ctx;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    int c = slice_cmp(t->rows.row[x].field[t->key_column], t->rows.row[y].field[t->key_column]);
    return c ? c : (x > y) - (x < y);
}

static int check_columns(struct map *map, struct map_table *t)
{
    t->key_column = csv_column(&t->rows, t->key);
    bool missing = t->key_column < 0;
    for (uint32_t i = 0; i < t->n_best; i++)
        missing |= csv_column(&t->rows, t->best[i]) < 0;
    if (missing)
        map->calls.problem(map->calls.ctx, t->file, 1, 0, "the table's `key` or `best` names no column");
    return missing ? -1 : 0;
}

static int load(struct map *map, struct map_table *t)
{
    struct slice bytes;
    uint32_t line;
    const char *why;
    if (map->calls.read(map->calls.ctx, t->file, &bytes) != 0)
        return -1;
    if (csv_table_read(&t->rows, &map->arena, bytes, &line, &why) != 0) {
        map->calls.problem(map->calls.ctx, t->file, line, 0, why);
        return -1;
    }
    t->by_key = arena_alloc(&map->arena, (t->rows.n + 1) * sizeof *t->by_key);
    if (!t->by_key || check_columns(map, t) != 0)
        return -1;
    for (uint32_t i = 0; i < t->rows.n; i++)
        t->by_key[i] = i;
    qsort_r(t->by_key, t->rows.n, sizeof *t->by_key, by_key, t);
    return 0;
}

int map_tables_load(struct map *map)
{
    for (uint32_t i = 0; i < map->n_tables; i++)
        if (load(map, &map->table[i]) != 0)
            return -1;
    return 0;
}

static struct slice key_at(const struct map_table *t, uint32_t i)
{
    return t->rows.row[t->by_key[i]].field[t->key_column];
}

/* The first place in by_key whose key is not below. */
static uint32_t lower_bound(const struct map_table *t, struct slice key)
{
    uint32_t low = 0, high = t->rows.n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (slice_cmp(key_at(t, middle), key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_better(const struct map_table *t, uint32_t row, uint32_t than)
{
    for (uint32_t i = 0; i < t->n_best; i++) {
        int column = csv_column(&t->rows, t->best[i]);
        int c = map_compare(t->rows.row[row].field[column], t->rows.row[than].field[column]);
        if (c)
            return c > 0;
    }
    return false;
}

enum { JOIN_BROKEN = -3 };

/* The conditions may name the table itself: they see the candidate. */
static int64_t best_candidate(struct map_scope *s, int i, struct slice key)
{
    const struct map_table *t = &s->map->table[i];
    int64_t best = JOIN_NONE;
    for (uint32_t at = lower_bound(t, key); at < t->rows.n && slice_eq(key_at(t, at), key); at++) {
        uint32_t row = t->by_key[at];
        s->joined[i] = row;
        int holds = map_conditions_hold(s, &t->where);
        if (holds < 0)
            return JOIN_BROKEN;
        if (holds && (best == JOIN_NONE || is_better(t, row, (uint32_t)best)))
            best = row;
    }
    return best;
}

int64_t map_join(struct map_scope *s, int i)
{
    struct slice key;
    if (s->joined[i] != JOIN_UNKNOWN)
        return s->joined[i];
    s->joined[i] = JOIN_NONE; /* a table that asks for itself finds nothing */
    if (map_text_expand(s, &s->map->table[i].of, &key) != 0)
        return JOIN_BROKEN;
    if (key.n == 0)
        return JOIN_NONE;
    int64_t best = best_candidate(s, i, key);
    s->joined[i] = best == JOIN_BROKEN ? JOIN_UNKNOWN : best;
    return best;
}
