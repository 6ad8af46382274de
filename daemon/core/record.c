/* One record: its packed form, its dependants, insertion in canonical order. */
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "crmpulse/record.h"

enum { RECORD_FORMAT = 1 };

static int set_bytes(struct bytes *b, const char *p, size_t n)
{
    b->n = 0;
    return bytes_put(b, p, (uint32_t)n);
}

/* ---- dependants ----
 *
 * New ones are the usual case, and that one is new only a look at all would tell: where there are many, a set of their hashes says so at once. */

enum { TAGS_FROM = 16 };

static uint32_t tag_of(const struct record *r, struct slice key)
{
    uint32_t tag = (uint32_t)XXH3_64bits_withSeed(key.p, key.n, r->hash);
    return tag ? tag : 1;
}

/* A power of two of them, 0: free. */
static uint32_t *tag_slot(const struct record *r, uint32_t tag)
{
    uint32_t *tags = (uint32_t *)(void *)r->tags.p, mask = r->tags.n / (uint32_t)sizeof *tags - 1, i = tag & mask;
    while (tags[i] && tags[i] != tag)
        i = (i + 1) & mask;
    return &tags[i];
}

static void put_tag(struct record *r, struct slice key)
{
    uint32_t tag = tag_of(r, key), *slot = tag_slot(r, tag);
    r->n_tags += !*slot;
    *slot = tag;
}

/* Room for one more tag, those of the dropped left out. */
static int tags_again(struct record *r)
{
    uint32_t bytes = 2 * TAGS_FROM * (uint32_t)sizeof(uint32_t);
    while (bytes / sizeof(uint32_t) < (uint64_t)r->n_deps * 3)
        bytes *= 2;
    r->tags.n = 0;
    if (bytes_reserve(&r->tags, bytes) < 0)
        return -1;
    r->tags.n = bytes;
    memset(r->tags.p, 0, bytes);
    r->n_tags = 0;
    struct reader in = { r->deps.p, r->deps.p + r->deps.n, true };
    while (in.p < in.end && in.ok)
        put_tag(r, read_text(&in));
    return 0;
}

static int note_tag(struct record *r, struct slice key)
{
    if (!r->tags.n && r->n_deps < TAGS_FROM)
        return 0;
    if (!r->tags.n || (r->n_tags + 1) * sizeof(uint32_t) > r->tags.n / 4 * 3)
        return tags_again(r);
    put_tag(r, key);
    return 0;
}

int record_decode(struct record *r, struct slice stored)
{
    struct reader in = { stored.p, stored.p + stored.n, true };
    if (stored.n < 1 || *in.p++ != RECORD_FORMAT)
        return -1;
    uint64_t n_deps = read_varint(&in);
    const char *deps = in.p;
    for (uint64_t i = 0; i < n_deps && in.ok; i++)
        read_text(&in);
    if (!in.ok || set_bytes(&r->deps, deps, (size_t)(in.p - deps)) < 0 ||
        set_bytes(&r->log, in.p, (size_t)(in.end - in.p)) < 0)
        return -1;
    r->n_deps = (uint32_t)n_deps;
    r->tags.n = 0;
    if (r->n_deps >= TAGS_FROM && tags_again(r) < 0)
        return -1;
    return 0;
}

void record_release(struct record *r)
{
    bytes_release(&r->deps);
    bytes_release(&r->log);
    bytes_release(&r->tags);
    r->n_deps = r->n_tags = 0;
}

int record_encode(const struct record *r, struct bytes *to)
{
    char format = RECORD_FORMAT;
    int rc = bytes_put(to, &format, 1);
    rc |= bytes_put_varint(to, r->n_deps);
    rc |= bytes_put(to, r->deps.p, r->deps.n);
    rc |= bytes_put(to, r->log.p, r->log.n);
    return rc;
}

bool record_has_dep(const struct record *r, struct slice key)
{
    if (r->tags.n && !*tag_slot(r, tag_of(r, key)))
        return false;
    struct reader in = { r->deps.p, r->deps.p + r->deps.n, true };
    while (in.p < in.end && in.ok)
        if (slice_eq(read_text(&in), key))
            return true;
    return false;
}

int record_add_dep(struct record *r, struct slice key)
{
    if (bytes_put_text(&r->deps, key) < 0)
        return -1;
    r->n_deps++;
    return note_tag(r, key);
}

void record_swap_deps(struct record *a, struct record *b)
{
    struct record was = *a;
    a->deps = b->deps, a->tags = b->tags, a->n_deps = b->n_deps, a->n_tags = b->n_tags;
    b->deps = was.deps, b->tags = was.tags, b->n_deps = was.n_deps, b->n_tags = was.n_tags;
}

void record_drop_dep(struct record *r)
{
    struct reader in = { r->deps.p, r->deps.p + r->deps.n, true };
    if (!r->n_deps)
        return;
    read_text(&in);
    r->deps.n = (uint32_t)(in.end - in.p);
    memmove(r->deps.p, in.p, r->deps.n);
    r->n_deps--;
}

/* Offset at which `e` belongs: after every entry that is not greater. Appending is the common case, but the entries have to be walked once either way. */
static uint32_t place_of(const struct record *r, const struct entry *e)
{
    struct reader in = { r->log.p, r->log.p + r->log.n, true };
    struct entry at;
    while (in.p < in.end) {
        const char *here = in.p;
        if (!entry_read(&in, &at) || entry_cmp(&at, e) > 0)
            return (uint32_t)(here - r->log.p);
    }
    return r->log.n;
}

int record_insert(struct record *r, struct slice packed)
{
    struct reader in = { packed.p, packed.p + packed.n, true };
    struct entry e;
    if (!entry_read(&in, &e))
        return -1;
    uint32_t at = place_of(r, &e), tail = r->log.n - at;
    if (bytes_put(&r->log, packed.p, packed.n) < 0)
        return -1;
    memmove(r->log.p + at + packed.n, r->log.p + at, tail);
    memcpy(r->log.p + at, packed.p, packed.n);
    return 0;
}

size_t record_bytes(const struct record *r)
{
    return sizeof *r + r->key_cap + r->deps.cap + r->log.cap + r->tags.cap;
}
