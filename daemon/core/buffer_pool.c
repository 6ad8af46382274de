/* Buffers by size class, cut from slabs. */
#include "buffer_pool.h"

#include <stdbool.h>
#include <stdlib.h>

enum {
    CLASS_MIN = 6,  /* 64 bytes */
    SMALL_MAX = 13, /* up to 8 KiB come from slabs */
    CLASS_MAX = 31,
    SLAB_BYTES = 1 << 18,
    LARGE_KEPT = 16 /* per class */
};

struct free_buffer {
    struct free_buffer *next;
};

struct slab {
    struct slab *next;
    char bytes[];
};

struct buffer_pool {
    struct slab *slab;
    uint32_t slab_used;
    struct free_buffer *free[CLASS_MAX + 1];
    uint32_t n_large[CLASS_MAX + 1];
};

struct buffer_pool *buffer_pool_new(void)
{
    return calloc(1, sizeof(struct buffer_pool));
}

void buffer_pool_free(struct buffer_pool *pool)
{
    if (!pool)
        return;
    for (int k = SMALL_MAX + 1; k <= CLASS_MAX; k++)
        for (struct free_buffer *b = pool->free[k], *next; b; b = next) {
            next = b->next;
            free(b);
        }
    for (struct slab *s = pool->slab, *next; s; s = next) {
        next = s->next;
        free(s);
    }
    free(pool);
}

static int class_of(uint32_t n)
{
    int k = CLASS_MIN;
    while (k <= CLASS_MAX && (uint64_t)1 << k < n)
        k++;
    return k;
}

/* The rest of the old slab becomes small buffers, so that nothing is wasted. */
static void cut_up_rest(struct buffer_pool *pool)
{
    uint32_t rest = SLAB_BYTES - pool->slab_used;
    for (int k = SMALL_MAX; k >= CLASS_MIN; k--)
        for (; rest >= (uint32_t)1 << k; rest -= (uint32_t)1 << k) {
            buffer_pool_give(pool, pool->slab->bytes + pool->slab_used, (uint32_t)1 << k);
            pool->slab_used += (uint32_t)1 << k;
        }
}

static char *cut(struct buffer_pool *pool, uint32_t n)
{
    if (!pool->slab || pool->slab_used + n > SLAB_BYTES) {
        struct slab *s = malloc(sizeof *s + SLAB_BYTES);
        if (!s)
            return NULL;
        if (pool->slab)
            cut_up_rest(pool);
        s->next = pool->slab;
        pool->slab = s;
        pool->slab_used = 0;
    }
    char *p = pool->slab->bytes + pool->slab_used;
    pool->slab_used += n;
    return p;
}

char *buffer_pool_take(struct buffer_pool *pool, uint32_t n, uint32_t *ret_cap)
{
    int k = class_of(n);
    if (k > CLASS_MAX)
        return NULL;
    uint32_t cap = (uint32_t)1 << k;
    struct free_buffer *b = pool->free[k];
    char *p = (char *)b;
    if (b) {
        pool->free[k] = b->next;
        pool->n_large[k] -= k > SMALL_MAX;
    } else {
        p = k <= SMALL_MAX ? cut(pool, cap) : malloc(cap);
    }
    *ret_cap = p ? cap : 0;
    return p;
}

void buffer_pool_give(struct buffer_pool *pool, char *p, uint32_t cap)
{
    int k = class_of(cap);
    if (!p)
        return;
    bool large = k > SMALL_MAX;
    if (large && pool->n_large[k] >= LARGE_KEPT) {
        free(p); // NOLINT(clang-analyzer-unix.Malloc): what is large was allocated by itself
        return;
    }
    struct free_buffer *b = (struct free_buffer *)(void *)p;
    b->next = pool->free[k];
    pool->free[k] = b;
    pool->n_large[k] += large;
}
