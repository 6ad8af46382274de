/* Groups cells by key with two open-addressing tables. Does not judge keys or fields. */
#include "daemon/redis/cell_groups.h"

#include <errno.h>

static const uint32_t empty = UINT32_MAX;

struct builder {
    struct cell_groups *g;
    struct slice *field;
    int64_t *value;
    uint32_t *next, *group_of;
    uint32_t *group_slot, *cell_slot; /* tables of indices */
    uint32_t mask;
};

/* FNV-1a, 64 bits, folded. */
static uint32_t hash_bytes(struct slice s, uint64_t seed)
{
    uint64_t h = UINT64_C(14695981039346656037) ^ (seed * UINT64_C(0x9E3779B97F4A7C15));
    for (uint32_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * UINT64_C(1099511628211);
    return (uint32_t)(h ^ (h >> 32));
}

static uint32_t find_group(struct builder *b, struct slice key)
{
    struct cell_groups *g = b->g;
    uint32_t at = hash_bytes(key, 0) & b->mask;
    while (b->group_slot[at] != empty && !slice_eq(g->group[b->group_slot[at]].key, key))
        at = (at + 1) & b->mask;
    if (b->group_slot[at] == empty) {
        b->group_slot[at] = g->n_groups;
        g->group[g->n_groups++] = (struct cell_group){ .key = key, .first = empty, .expire_ms = -1 };
    }
    return b->group_slot[at];
}

static void extend_expiry(struct cell_group *group, int64_t expire_ms)
{
    if (expire_ms <= 0)
        group->expire_ms = 0;
    else if (group->expire_ms != 0 && expire_ms > group->expire_ms)
        group->expire_ms = expire_ms;
}

static void append(struct builder *b, uint32_t group_at, struct slice field, int64_t value)
{
    struct cell_groups *g = b->g;
    struct cell_group *group = &g->group[group_at];
    uint32_t i = g->n_cells++;
    b->field[i] = field;
    b->value[i] = value;
    b->group_of[i] = group_at;
    b->next[i] = empty;
    if (group->first == empty)
        group->first = i;
    else
        b->next[group->last] = i;
    group->last = i;
    group->n++;
}

static int add_cell(struct builder *b, uint32_t group_at, const struct store_cell *cell)
{
    uint32_t at = hash_bytes(cell->field, group_at + 1) & b->mask;
    for (; b->cell_slot[at] != empty; at = (at + 1) & b->mask) {
        uint32_t i = b->cell_slot[at];
        if (b->group_of[i] == group_at && slice_eq(b->field[i], cell->field))
            return __builtin_add_overflow(b->value[i], cell->value, &b->value[i]) ? -ERANGE : 0;
    }
    b->cell_slot[at] = b->g->n_cells;
    append(b, group_at, cell->field, cell->value);
    return 0;
}

static int take_memory(struct builder *b, uint32_t n, struct arena *arena)
{
    size_t slots = 16;
    while (slots < (size_t)n * 2)
        slots *= 2;
    b->mask = (uint32_t)(slots - 1);
    b->g->group = arena_alloc(arena, n * sizeof *b->g->group);
    b->field = arena_alloc(arena, n * sizeof *b->field);
    b->value = arena_alloc(arena, n * sizeof *b->value);
    b->next = arena_alloc(arena, n * sizeof *b->next);
    b->group_of = arena_alloc(arena, n * sizeof *b->group_of);
    b->group_slot = arena_alloc(arena, slots * sizeof *b->group_slot);
    b->cell_slot = arena_alloc(arena, slots * sizeof *b->cell_slot);
    if (!b->g->group || !b->field || !b->value || !b->next || !b->group_of || !b->group_slot || !b->cell_slot)
        return -ENOMEM;
    memset(b->group_slot, 0xff, slots * sizeof *b->group_slot);
    memset(b->cell_slot, 0xff, slots * sizeof *b->cell_slot);
    return 0;
}

int cell_groups_make(struct cell_groups *ret, const struct store_cell *cells, uint32_t n, struct arena *arena)
{
    *ret = (struct cell_groups){ 0 };
    struct builder b = { .g = ret };
    int rc = take_memory(&b, n, arena);
    uint32_t group_at = empty;
    for (uint32_t i = 0; i < n && rc == 0; i++) {
        /* Cells mostly come in runs of one key. */
        if (i == 0 || !slice_eq(cells[i].key, cells[i - 1].key))
            group_at = find_group(&b, cells[i].key);
        extend_expiry(&ret->group[group_at], cells[i].expire_ms);
        rc = add_cell(&b, group_at, &cells[i]);
    }
    ret->field = b.field;
    ret->value = b.value;
    ret->next = b.next;
    return rc;
}
