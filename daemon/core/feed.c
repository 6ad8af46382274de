/* The feed: the deltas of one flush as compact bytes, and back.
 *
 *   version (1 byte) then per delta: string(org) string(field) grain(1 byte, the highest bit set: parked) pane cause value
 *   string: varint 0, varint length, bytes: a new one; varint k: the k-th new one of this entry
 *   pane and cause: zigzag varint of the difference from the delta before; value: zigzag varint
 *
 * It knows nothing of the meaning of fields. */
#include "crmpulse/cell.h"

#include <stdlib.h>

#include "intern.h"

enum { FEED_VERSION = 1, VARINT_MAX = 10, FEED_PARKED = 0x80 };

struct feed_writer {
    struct intern strings;
    char *bytes;
    size_t n, cap;
    int64_t pane_ms, cause_ms; /* of the delta before */
};

struct feed_writer *feed_writer_new(uint64_t seed)
{
    struct feed_writer *w = calloc(1, sizeof *w);
    if (w)
        intern_init(&w->strings, seed);
    return w;
}

void feed_writer_free(struct feed_writer *w)
{
    if (!w)
        return;
    intern_release(&w->strings);
    free(w->bytes);
    free(w);
}

void feed_writer_clear(struct feed_writer *w)
{
    intern_clear(&w->strings);
    w->n = 0;
    w->pane_ms = w->cause_ms = 0;
}

struct slice feed_writer_bytes(struct feed_writer *w)
{
    return (struct slice){ w->bytes, (uint32_t)w->n };
}

static int reserve(struct feed_writer *w, size_t more)
{
    if (w->cap - w->n >= more)
        return 0;
    size_t cap = w->cap ? w->cap * 2 : 4096;
    while (cap - w->n < more)
        cap *= 2;
    if (cap > UINT32_MAX)
        return -1;
    char *bytes = realloc(w->bytes, cap);
    if (!bytes)
        return -1;
    w->bytes = bytes;
    w->cap = cap;
    return 0;
}

static void put_varint(struct feed_writer *w, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        w->bytes[w->n++] = (char)(v | 0x80);
    w->bytes[w->n++] = (char)v;
}

static uint64_t zigzag(int64_t v)
{
    return ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0);
}

static int put_string(struct feed_writer *w, struct slice text)
{
    bool is_new;
    uint32_t k = intern_add(&w->strings, text, &is_new);
    if (k == UINT32_MAX || reserve(w, (size_t)text.n + 2 * VARINT_MAX) < 0)
        return -1;
    if (!is_new) {
        put_varint(w, (uint64_t)k + 1);
        return 0;
    }
    put_varint(w, 0);
    put_varint(w, text.n);
    if (text.n)
        memcpy(w->bytes + w->n, text.p, text.n);
    w->n += text.n;
    return 0;
}

int feed_writer_add(struct feed_writer *w, const struct cell_delta *d)
{
    if (reserve(w, 1) < 0)
        return -1;
    if (w->n == 0)
        w->bytes[w->n++] = FEED_VERSION;
    if (put_string(w, d->org) < 0 || put_string(w, d->field) < 0 || reserve(w, 1 + 3 * VARINT_MAX) < 0)
        return -1;
    w->bytes[w->n++] = (char)((int)d->grain | (d->ahead ? FEED_PARKED : 0));
    put_varint(w, zigzag((int64_t)((uint64_t)d->pane_ms - (uint64_t)w->pane_ms)));
    put_varint(w, zigzag((int64_t)((uint64_t)d->cause_ms - (uint64_t)w->cause_ms)));
    put_varint(w, zigzag(d->value));
    w->pane_ms = d->pane_ms;
    w->cause_ms = d->cause_ms;
    return 0;
}

struct feed_reader {
    const unsigned char *p, *end;
    struct slice *string;
    uint32_t n, cap;
};

static int get_varint(struct feed_reader *r, uint64_t *ret)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64 && r->p < r->end; shift += 7) {
        unsigned char c = *r->p++;
        if (shift == 63 && c > 1)
            return -1;
        v |= (uint64_t)(c & 0x7f) << shift;
        if (c < 0x80) {
            *ret = v;
            return 0;
        }
    }
    return -1;
}

static int get_signed(struct feed_reader *r, int64_t *ret)
{
    uint64_t v;
    if (get_varint(r, &v) < 0)
        return -1;
    *ret = (int64_t)((v >> 1) ^ (v & 1 ? UINT64_MAX : 0));
    return 0;
}

static int remember(struct feed_reader *r, struct slice text)
{
    if (r->n == r->cap) {
        uint32_t cap = r->cap ? r->cap * 2 : 64;
        struct slice *string = realloc(r->string, cap * sizeof *string);
        if (!string)
            return -1;
        r->string = string;
        r->cap = cap;
    }
    r->string[r->n++] = text;
    return 0;
}

static int get_string(struct feed_reader *r, struct slice *ret)
{
    uint64_t k, length;
    if (get_varint(r, &k) < 0)
        return -1;
    if (k > 0) {
        if (k > r->n)
            return -1;
        *ret = r->string[k - 1];
        return 0;
    }
    if (get_varint(r, &length) < 0 || length > (uint64_t)(r->end - r->p))
        return -1;
    *ret = (struct slice){ (const char *)r->p, (uint32_t)length };
    r->p += length;
    return remember(r, *ret);
}

static int get_delta(struct feed_reader *r, struct cell_delta *d)
{
    int64_t pane, cause;
    if (get_string(r, &d->org) < 0 || get_string(r, &d->field) < 0 || r->p == r->end)
        return -1;
    int grain = *r->p & ~FEED_PARKED;
    d->ahead = (*r->p++ & FEED_PARKED) != 0;
    if (grain != CELL_MINUTE && grain != CELL_HOUR && grain != CELL_GAUGE && grain != CELL_EVIDENCE)
        return -1;
    d->grain = (enum cell_grain)grain;
    if (get_signed(r, &pane) < 0 || get_signed(r, &cause) < 0 || get_signed(r, &d->value) < 0)
        return -1;
    d->pane_ms = (int64_t)((uint64_t)d->pane_ms + (uint64_t)pane);
    d->cause_ms = (int64_t)((uint64_t)d->cause_ms + (uint64_t)cause);
    return 0;
}

int feed_read(struct slice bytes, int (*each)(void *ctx, const struct cell_delta *d), void *ctx)
{
    if (bytes.n == 0)
        return 0;
    struct feed_reader r = { .p = (const unsigned char *)bytes.p, .end = (const unsigned char *)bytes.p + bytes.n };
    struct cell_delta d = { 0 };
    int rc = *r.p++ == FEED_VERSION ? 0 : -1;
    while (rc == 0 && r.p < r.end)
        if (get_delta(&r, &d) < 0 || each(ctx, &d) != 0)
            rc = -1;
    free(r.string);
    return rc;
}
