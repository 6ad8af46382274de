/* A table of texts. Open addressing; nothing is ever moved out, a dropped entry stays as one without text. */
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "check.h"

struct row {
    struct slice key, text;
    int64_t value;
};

struct book {
    struct row *row;
    uint32_t n, slots;
    struct arena arena;
};

struct book *book_new(void)
{
    struct book *b = calloc(1, sizeof *b);
    if (b) {
        b->slots = 4096;
        b->row = calloc(b->slots, sizeof *b->row);
        arena_init(&b->arena, 0, 0);
    }
    if (!b || !b->row)
        abort();
    return b;
}

void book_free(struct book *b)
{
    if (!b)
        return;
    arena_release(&b->arena);
    free(b->row);
    free(b);
}

static struct row *find(const struct book *b, struct slice key)
{
    uint32_t i = (uint32_t)XXH3_64bits(key.p, key.n) & (b->slots - 1);
    while (b->row[i].key.p && !slice_eq(b->row[i].key, key))
        i = (i + 1) & (b->slots - 1);
    return &b->row[i];
}

static void grow(struct book *b)
{
    struct row *old = b->row;
    uint32_t n = b->slots;
    b->slots *= 2;
    b->row = calloc(b->slots, sizeof *b->row);
    if (!b->row)
        abort();
    for (uint32_t i = 0; i < n; i++)
        if (old[i].key.p)
            *find(b, old[i].key) = old[i];
    free(old);
}

static struct row *make(struct book *b, struct slice key)
{
    struct row *r = find(b, key);
    if (r->key.p)
        return r;
    if (b->n * 2 >= b->slots) {
        grow(b);
        r = find(b, key);
    }
    b->n++;
    r->key = arena_copy(&b->arena, key);
    return r;
}

void book_add(struct book *b, struct slice key, int64_t value)
{
    make(b, key)->value += value;
}

void book_put(struct book *b, struct slice key, struct slice text)
{
    make(b, key)->text = arena_copy(&b->arena, text);
}

void book_drop(struct book *b, struct slice prefix, struct slice key)
{
    if (key.p) {
        find(b, key)->text = (struct slice){ 0 };
        return;
    }
    for (uint32_t i = 0; i < b->slots; i++)
        if (b->row[i].key.n >= prefix.n && memcmp(b->row[i].key.p, prefix.p, prefix.n) == 0)
            b->row[i].text = (struct slice){ 0 };
}

struct slice book_text(const struct book *b, struct slice key)
{
    return find(b, key)->text;
}

void book_walk(const struct book *b, book_each each, void *ctx)
{
    for (uint32_t i = 0; i < b->slots; i++)
        if (b->row[i].key.p)
            each(ctx, b->row[i].key, b->row[i].value, b->row[i].text);
}
