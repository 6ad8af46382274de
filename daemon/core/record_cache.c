/* The record cache: open addressing over keys, least-recently-used eviction of clean records, and the set touched by the batch being built.
 *
 * Evicted records give their buffers to a pool and wait on a free list, so that a steady stream of new entities does not allocate. */
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "buffer_pool.h"
#include "crmpulse/record.h"

struct record_list {
    struct record **v;
    uint32_t n, cap;
};

struct record_cache {
    struct record **slot; /* power of two; NULL = empty */
    uint32_t mask, n;
    size_t bytes, bytes_max;
    uint64_t seed;
    struct record *newest, *oldest;
    struct buffer_pool *pool; /* of keys and logs */
    struct record *free;
    struct record_list touched, in_flight;
};

struct record_cache *record_cache_new(size_t bytes_max, uint64_t seed)
{
    struct record_cache *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->mask = 1023;
    c->bytes_max = bytes_max;
    c->seed = seed;
    c->slot = calloc(c->mask + 1, sizeof(struct record *));
    c->pool = buffer_pool_new();
    if (!c->slot || !c->pool) {
        record_cache_free(c);
        return NULL;
    }
    return c;
}

/* The record without content; its buffers go to the pool. */
static void strip(struct record_cache *c, struct record *r)
{
    buffer_pool_give(c->pool, (char *)(uintptr_t)r->key.p, r->key_cap);
    record_release(r);
    *r = (struct record){ 0 };
}

static void unlink_lru(struct record_cache *c, struct record *r)
{
    *(r->newer ? &r->newer->older : &c->newest) = r->older;
    *(r->older ? &r->older->newer : &c->oldest) = r->newer;
    r->newer = r->older = NULL;
}

static void link_newest(struct record_cache *c, struct record *r)
{
    r->older = c->newest;
    r->newer = NULL;
    *(c->newest ? &c->newest->newer : &c->oldest) = r;
    c->newest = r;
}

static uint32_t slot_of(const struct record_cache *c, struct slice key, uint64_t hash)
{
    uint32_t i = (uint32_t)hash & c->mask;
    while (c->slot[i] && !(c->slot[i]->hash == hash && slice_eq(c->slot[i]->key, key)))
        i = (i + 1) & c->mask;
    return i;
}

struct record *record_cache_get(struct record_cache *c, struct slice key)
{
    struct record *r = c->slot[slot_of(c, key, XXH3_64bits_withSeed(key.p, key.n, c->seed))];
    if (r && r != c->newest) {
        unlink_lru(c, r);
        link_newest(c, r);
    }
    return r;
}

static int grow(struct record_cache *c)
{
    struct record **old = c->slot;
    uint32_t old_mask = c->mask;
    struct record **slot = calloc((size_t)(old_mask + 1) * 2, sizeof(struct record *));
    if (!slot)
        return -1;
    c->slot = slot;
    c->mask = old_mask * 2 + 1;
    for (uint32_t i = 0; i <= old_mask; i++)
        if (old[i])
            c->slot[slot_of(c, old[i]->key, old[i]->hash)] = old[i];
    free(old);
    return 0;
}

/* A blank record, from the free list if possible. */
static struct record *blank(struct record_cache *c, struct slice key)
{
    struct record *r = c->free;
    uint32_t cap;
    if (r)
        c->free = r->older;
    else if (!(r = calloc(1, sizeof *r)))
        return NULL;
    char *text = buffer_pool_take(c->pool, key.n ? key.n : 1, &cap);
    if (!text) {
        r->older = c->free;
        c->free = r;
        return NULL;
    }
    memcpy(text, key.p, key.n);
    *r = (struct record){
        .key = { text, key.n }, .key_cap = cap, .deps.pool = c->pool, .log.pool = c->pool, .tags.pool = c->pool
    };
    return r;
}

struct record *record_cache_put(struct record_cache *c, struct slice key)
{
    uint64_t hash = XXH3_64bits_withSeed(key.p, key.n, c->seed);
    uint32_t i = slot_of(c, key, hash);
    if (c->slot[i])
        return c->slot[i];
    if ((uint64_t)(c->n + 1) * 4 > (uint64_t)(c->mask + 1) * 3) {
        if (grow(c) < 0)
            return NULL;
        i = slot_of(c, key, hash);
    }
    struct record *r = blank(c, key);
    if (!r)
        return NULL;
    r->hash = hash;
    c->slot[i] = r;
    c->n++;
    c->bytes += record_bytes(r);
    link_newest(c, r);
    return r;
}

/* Remove a slot and close the gap (linear probing). */
static void vacate(struct record_cache *c, uint32_t i)
{
    c->slot[i] = NULL;
    for (uint32_t j = (i + 1) & c->mask; c->slot[j]; j = (j + 1) & c->mask) {
        struct record *r = c->slot[j];
        c->slot[j] = NULL;
        c->slot[slot_of(c, r->key, r->hash)] = r;
    }
}

static void forget(struct record_cache *c, struct record *r)
{
    vacate(c, slot_of(c, r->key, r->hash));
    unlink_lru(c, r);
    c->n--;
    c->bytes -= record_bytes(r);
    strip(c, r);
    r->older = c->free;
    c->free = r;
}

void record_cache_trim(struct record_cache *c)
{
    for (struct record *r = c->oldest, *next; r && c->bytes > c->bytes_max; r = next) {
        next = r->newer;
        if (!r->touched && !r->pinned)
            forget(c, r);
    }
}

void record_cache_clear(struct record_cache *c)
{
    c->touched.n = c->in_flight.n = 0;
    while (c->oldest)
        forget(c, c->oldest);
}

void record_cache_free(struct record_cache *c)
{
    if (!c)
        return;
    record_cache_clear(c);
    for (struct record *r = c->free, *next; r; r = next) {
        next = r->older;
        free(r);
    }
    buffer_pool_free(c->pool);
    free(c->touched.v);
    free(c->in_flight.v);
    free(c->slot);
    free(c);
}

void record_cache_resized(struct record_cache *c, const struct record *r, size_t before)
{
    c->bytes += record_bytes(r) - before;
}

uint32_t record_cache_count(const struct record_cache *c)
{
    return c->n;
}

void record_cache_touch(struct record_cache *c, struct record *r, bool dirty)
{
    if (!r->touched) {
        if (c->touched.n == c->touched.cap) {
            uint32_t cap = c->touched.cap ? c->touched.cap * 2 : 256;
            struct record **v = realloc(c->touched.v, cap * sizeof(struct record *));
            if (!v)
                abort(); /* a lost touch would lose an update: stop instead of a wrong number */
            c->touched.v = v;
            c->touched.cap = cap;
        }
        c->touched.v[c->touched.n++] = r;
        r->touched = true;
        r->flushed = r->version;
    }
    if (dirty && !r->dirty) {
        r->dirty = true;
        r->version = r->flushed + 1;
    }
}

int record_cache_touched(struct record_cache *c, record_visit visit, void *ctx)
{
    for (uint32_t i = 0; i < c->touched.n; i++) {
        int rc = visit(ctx, c->touched.v[i]);
        if (rc)
            return rc;
    }
    return 0;
}

uint32_t record_cache_touched_count(const struct record_cache *c)
{
    return c->touched.n;
}

void record_cache_flush_begin(struct record_cache *c)
{
    struct record_list was = c->in_flight;
    c->in_flight = c->touched;
    c->touched = was;
    c->touched.n = 0;
    for (uint32_t i = 0; i < c->in_flight.n; i++) {
        struct record *r = c->in_flight.v[i];
        if (r->deleted)
            r->version = 0;
        r->touched = r->dirty = r->deleted = r->told = false;
        r->pinned = true;
    }
}

void record_cache_flush_done(struct record_cache *c)
{
    for (uint32_t i = 0; i < c->in_flight.n; i++)
        c->in_flight.v[i]->pinned = false;
    c->in_flight.n = 0;
    record_cache_trim(c);
}
