/* Bump allocator over a list of blocks. Does not free single allocations. */
#include "crmpulse/arena.h"

#include <stdlib.h>

enum { ARENA_ALIGN = 16, ARENA_DEFAULT_BLOCK = 64 * 1024 };

struct arena_block {
    struct arena_block *next;
    size_t bytes; /* of data */
    _Alignas(ARENA_ALIGN) char data[];
};

void arena_init(struct arena *a, size_t block_bytes, size_t max_bytes)
{
    *a = (struct arena){ .block_bytes = block_bytes ? block_bytes : ARENA_DEFAULT_BLOCK, .max_bytes = max_bytes };
}

/* A new block behind the current one, so that the kept ones after it stay in the list. */
static struct arena_block *add_block(struct arena *a, size_t need)
{
    size_t bytes = need > a->block_bytes ? need : a->block_bytes;
    if (bytes > SIZE_MAX - sizeof(struct arena_block) || bytes > SIZE_MAX - a->held_bytes)
        return NULL;
    if (a->max_bytes && a->held_bytes + bytes > a->max_bytes)
        return NULL;
    struct arena_block *b = malloc(sizeof *b + bytes);
    if (!b)
        return NULL;
    b->bytes = bytes;
    b->next = a->current ? a->current->next : NULL;
    if (a->current)
        a->current->next = b;
    else
        a->first = b;
    a->held_bytes += bytes;
    a->mallocs++;
    return b;
}

/* The kept blocks after the current one are empty: the first that is large enough becomes its successor. */
static struct arena_block *find_kept(struct arena *a, size_t need)
{
    struct arena_block **link = &a->current->next;
    while (*link && (*link)->bytes < need)
        link = &(*link)->next;
    struct arena_block *b = *link;
    if (b && a->current->next != b) {
        *link = b->next;
        b->next = a->current->next;
        a->current->next = b;
    }
    return b;
}

void *arena_alloc(struct arena *a, size_t n)
{
    if (n > SIZE_MAX - ARENA_ALIGN)
        return NULL;
    size_t need = (n + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    if (!a->current || a->current->bytes - a->used < need) {
        struct arena_block *b = a->current ? find_kept(a, need) : NULL;
        if (!b)
            b = add_block(a, need);
        if (!b)
            return NULL;
        a->current = b;
        a->used = 0;
    }
    void *p = a->current->data + a->used;
    a->used += need;
    return p;
}

struct slice arena_copy(struct arena *a, struct slice s)
{
    char *p = arena_alloc(a, (size_t)s.n + 1);
    if (!p)
        return (struct slice){ 0 };
    if (s.n)
        memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return (struct slice){ p, s.n };
}

struct arena_mark arena_mark(const struct arena *a)
{
    return (struct arena_mark){ a->current, a->used };
}

void arena_rewind(struct arena *a, struct arena_mark mark)
{
    a->current = mark.block ? mark.block : a->first;
    a->used = mark.block ? mark.used : 0;
}

void arena_reset(struct arena *a)
{
    arena_rewind(a, (struct arena_mark){ 0 });
}

void arena_release(struct arena *a)
{
    for (struct arena_block *b = a->first; b;) {
        struct arena_block *next = b->next;
        free(b);
        b = next;
    }
    a->first = a->current = NULL;
    a->used = a->held_bytes = 0;
}
