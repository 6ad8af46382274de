/* Coalescing: one entry per (org, field, grain, pane, cause tick), or cause where it must stay exact. */
#include "batch.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

static const int64_t value_max = (int64_t)1 << 53;

void delta_batch_init(struct delta_batch *b, int64_t tick_ms, uint64_t seed)
{
    *b = (struct delta_batch){ .tick_ms = tick_ms, .seed = seed };
    arena_init(&b->text, 0, 0);
}

void delta_batch_release(struct delta_batch *b)
{
    arena_release(&b->text);
    free(b->v);
    free(b->hash);
    free(b->slot);
    *b = (struct delta_batch){ 0 };
}

/* A table that once was large is not swept for a few. */
static void empty_slots(struct delta_batch *b)
{
    if (!b->slot)
        return;
    if (b->n > b->mask / 16) {
        memset(b->slot, 0, (b->mask + 1) * sizeof *b->slot);
        return;
    }
    for (uint32_t k = 0; k < b->n; k++) {
        uint32_t i = (uint32_t)b->hash[k] & b->mask;
        while (b->slot[i] != k + 1)
            i = (i + 1) & b->mask;
        b->slot[i] = 0;
    }
}

void delta_batch_clear(struct delta_batch *b)
{
    arena_reset(&b->text);
    empty_slots(b);
    b->n = 0;
}

static int64_t cause_of(const struct delta_batch *b, const struct cell_delta *d)
{
    if (!b->tick_ms || d->exact)
        return d->cause_ms;
    int64_t q = d->cause_ms / b->tick_ms;
    return q - (d->cause_ms % b->tick_ms < 0);
}

static uint64_t hash_of(const struct delta_batch *b, const struct cell_delta *d)
{
    uint64_t seed = (uint64_t)d->pane_ms * 0x9E3779B97F4A7C15u ^ (uint64_t)cause_of(b, d) ^ (uint64_t)d->grain << 56 ^
                    (uint64_t)d->ahead << 63;
    return XXH3_64bits_withSeed(d->field.p, d->field.n, seed ^ XXH3_64bits_withSeed(d->org.p, d->org.n, b->seed));
}

static bool same(const struct delta_batch *b, const struct cell_delta *x, const struct cell_delta *y)
{
    return x->pane_ms == y->pane_ms && x->grain == y->grain && x->ahead == y->ahead && x->exact == y->exact &&
           cause_of(b, x) == cause_of(b, y) && slice_eq(x->field, y->field) && slice_eq(x->org, y->org);
}

static int grow_entries(struct delta_batch *b)
{
    uint32_t cap = b->cap ? b->cap * 2 : 1024;
    struct cell_delta *v = realloc(b->v, cap * sizeof *v);
    if (v)
        b->v = v;
    uint64_t *hash = realloc(b->hash, cap * sizeof *hash);
    if (hash)
        b->hash = hash;
    if (!v || !hash)
        return -1;
    b->cap = cap;
    return 0;
}

static int grow_slots(struct delta_batch *b)
{
    uint32_t mask = b->slot ? b->mask * 2 + 1 : 4095;
    uint32_t *slot = calloc((size_t)mask + 1, sizeof *slot);
    if (!slot)
        return -1;
    free(b->slot);
    b->slot = slot;
    b->mask = mask;
    for (uint32_t k = 0; k < b->n; k++) {
        uint32_t i = (uint32_t)b->hash[k] & mask;
        while (slot[i])
            i = (i + 1) & mask;
        slot[i] = k + 1;
    }
    return 0;
}

static bool fits(int64_t a, int64_t d)
{
    int64_t sum;
    return !__builtin_add_overflow(a, d, &sum) && sum <= value_max && sum >= -value_max;
}

int delta_batch_add(struct delta_batch *b, const struct cell_delta *d)
{
    if (b->n == b->cap && grow_entries(b) < 0)
        return -1;
    if ((!b->slot || (uint64_t)(b->n + 1) * 4 > (uint64_t)(b->mask + 1) * 3) && grow_slots(b) < 0)
        return -1;
    uint64_t h = hash_of(b, d);
    uint32_t i = (uint32_t)h & b->mask;
    for (; b->slot[i]; i = (i + 1) & b->mask) {
        struct cell_delta *have = &b->v[b->slot[i] - 1];
        if (b->hash[b->slot[i] - 1] != h || !same(b, have, d) || !fits(have->value, d->value))
            continue;
        have->value += d->value;
        if (d->cause_ms > have->cause_ms)
            have->cause_ms = d->cause_ms;
        return 0;
    }
    struct cell_delta copy = *d;
    copy.field = arena_copy(&b->text, d->field);
    copy.org = b->n && slice_eq(b->v[b->n - 1].org, d->org) ? b->v[b->n - 1].org : arena_copy(&b->text, d->org);
    if (!copy.field.p || !copy.org.p)
        return -1;
    b->v[b->n] = copy;
    b->hash[b->n] = h;
    b->slot[i] = ++b->n;
    return 0;
}
