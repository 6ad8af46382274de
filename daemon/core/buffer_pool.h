/* Buffers by size class: what one record gives back another takes, so that records may grow, go and come without malloc.
 *
 * Classes are powers of two. Small buffers are cut from slabs that are kept until the pool goes; large ones are single allocations, kept on a bounded
 * list. A pool never gives small memory back: it holds what its owner held at its peak. Not thread-safe. All O(1). */
#ifndef CRMPULSE_CORE_BUFFER_POOL_H
#define CRMPULSE_CORE_BUFFER_POOL_H

#include <stddef.h>
#include <stdint.h>

struct buffer_pool;

struct buffer_pool *buffer_pool_new(void); /* NULL: out of memory */
void buffer_pool_free(
    struct buffer_pool *pool); /* and every small buffer with it; large ones must have been given back */

/* A buffer of at least n bytes (n > 0); *ret_cap is what it has. NULL: out of memory, or n beyond 2^31. */
char *buffer_pool_take(struct buffer_pool *pool, uint32_t n, uint32_t *ret_cap);
/* Give back what take returned, with its cap. NULL is fine. */
void buffer_pool_give(struct buffer_pool *pool, char *p, uint32_t cap);

#endif
