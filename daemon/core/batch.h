/* The deltas of one batch, coalesced. Internal to the core. */
#ifndef CRMPULSE_BATCH_H
#define CRMPULSE_BATCH_H

#include "crmpulse/arena.h"
#include "crmpulse/cell.h"

struct delta_batch {
    struct arena text;
    struct cell_delta *v;
    uint64_t *hash;
    uint32_t n, cap;
    uint32_t *slot; /* index + 1; power of two */
    uint32_t mask;
    uint64_t seed;
    int64_t tick_ms; /* causes within one tick are folded, unless exact; 0: kept apart */
};

void delta_batch_init(struct delta_batch *b, int64_t tick_ms, uint64_t seed);
void delta_batch_release(struct delta_batch *b);
void delta_batch_clear(struct delta_batch *b);

/* Add; the texts are copied where they are new. 0 or -1 (out of memory). A sum that would leave +-2^53 starts an entry of its own. */
int delta_batch_add(struct delta_batch *b, const struct cell_delta *d);

#endif
