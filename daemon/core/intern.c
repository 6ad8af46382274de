/* The string set: open addressing over numbers, the bytes in an arena. Nothing is ever taken out singly. */
#include "intern.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

void intern_init(struct intern *set, uint64_t seed)
{
    *set = (struct intern){ .seed = seed };
    arena_init(&set->bytes, 0, 0);
}

void intern_release(struct intern *set)
{
    arena_release(&set->bytes);
    free(set->text);
    free(set->bucket);
    free(set->hash);
    *set = (struct intern){ .seed = set->seed };
}

void intern_clear(struct intern *set)
{
    arena_reset(&set->bytes);
    if (set->n)
        memset(set->bucket, 0, set->n_buckets * sizeof *set->bucket);
    set->n = 0;
}

static int grow(struct intern *set)
{
    uint32_t cap = set->cap ? set->cap * 2 : 64;
    struct slice *text = realloc(set->text, cap * sizeof *text);
    if (!text)
        return -1;
    set->text = text;
    uint64_t *hash = realloc(set->hash, cap * sizeof *hash);
    if (!hash)
        return -1;
    set->hash = hash;
    uint32_t n_buckets = cap * 2;
    uint32_t *bucket = calloc(n_buckets, sizeof *bucket);
    if (!bucket)
        return -1;
    for (uint32_t i = 0; i < set->n; i++) {
        uint32_t at = (uint32_t)set->hash[i] & (n_buckets - 1);
        while (bucket[at])
            at = (at + 1) & (n_buckets - 1);
        bucket[at] = i + 1;
    }
    free(set->bucket);
    set->bucket = bucket;
    set->n_buckets = n_buckets;
    set->cap = cap;
    return 0;
}

uint32_t intern_add(struct intern *set, struct slice text, bool *ret_new)
{
    if (set->n == set->cap && grow(set) < 0)
        return UINT32_MAX;
    uint64_t hash = XXH3_64bits_withSeed(text.n ? text.p : "", text.n, set->seed);
    uint32_t at = (uint32_t)hash & (set->n_buckets - 1);
    for (; set->bucket[at]; at = (at + 1) & (set->n_buckets - 1)) {
        uint32_t i = set->bucket[at] - 1;
        if (set->hash[i] == hash && slice_eq(set->text[i], text)) {
            *ret_new = false;
            return i;
        }
    }
    struct slice copy = arena_copy(&set->bytes, text);
    if (!copy.p)
        return UINT32_MAX;
    set->text[set->n] = copy;
    set->hash[set->n] = hash;
    set->bucket[at] = ++set->n;
    *ret_new = true;
    return set->n - 1;
}
