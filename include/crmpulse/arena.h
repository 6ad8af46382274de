/* A bump allocator: many small allocations, given back all at once.
 *
 * Blocks are taken from malloc when first needed and kept over arena_reset, so that a batch like the last one costs no
 * malloc. Nothing is freed on its own. What it does not do: call destructors, grow past its limit, lock. */
#ifndef CRMPULSE_ARENA_H
#define CRMPULSE_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crmpulse/slice.h"

struct arena_block; /* private */

struct arena {
    struct arena_block *first;
    struct arena_block *current; /* blocks after it are empty */
    size_t used;                 /* bytes used of `current` */
    size_t block_bytes;          /* size of an ordinary block */
    size_t max_bytes;            /* limit on the sum of all blocks; 0: none */
    size_t held_bytes;           /* that sum */
    uint64_t mallocs;            /* blocks ever taken: stands still in steady state */
};

/* A place to fall back to. */
struct arena_mark {
    struct arena_block *block;
    size_t used;
};

/* Takes no memory yet. `block_bytes` 0 means 64 KiB. */
void arena_init(struct arena *a, size_t block_bytes, size_t max_bytes);

/* `n` bytes, aligned for any type, uninitialised; valid until arena_reset, a rewind before them, or arena_release.
 * NULL if malloc fails or max_bytes would be exceeded. n = 0 gives a valid pointer to nothing. O(1) but for a new block. */
void *arena_alloc(struct arena *a, size_t n);

/* A copy of `s` with a NUL after it (not counted in n); p is NULL if there is no memory. */
struct slice arena_copy(struct arena *a, struct slice s);

/* Everything allocated after the mark becomes invalid; the memory is kept. */
struct arena_mark arena_mark(const struct arena *a);
void arena_rewind(struct arena *a, struct arena_mark mark);

/* Everything becomes invalid; the memory is kept. O(1). */
void arena_reset(struct arena *a);

/* Gives all memory back; the arena may be used again. Accepts one that was only zeroed. */
void arena_release(struct arena *a);

#endif
