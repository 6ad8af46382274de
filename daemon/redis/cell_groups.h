/* Cells of a flush sorted into groups of one key, each field once: cells of the same key and field are added up. Order of first appearance. */
#ifndef CRMPULSE_REDIS_CELL_GROUPS_H
#define CRMPULSE_REDIS_CELL_GROUPS_H

#include "crmpulse/arena.h"
#include "crmpulse/store.h"

struct cell_group {
    struct slice key;
    int64_t expire_ms; /* latest of its cells, 0 = never */
    uint32_t first, last, n;
};

struct cell_groups {
    struct cell_group *group;
    uint32_t n_groups, n_cells;
    const struct slice *field; /* per cell; cells of a group are linked by next */
    const int64_t *value;
    const uint32_t *next;
};

/* Memory comes from the arena; keys and fields are borrowed. 0, -ENOMEM, or -ERANGE if a sum leaves int64. O(n). */
int cell_groups_make(struct cell_groups *ret, const struct store_cell *cells, uint32_t n, struct arena *arena);

#endif
