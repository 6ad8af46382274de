/* Growable byte buffer and bounded reader: varints (LEB128), zigzag signed varints, length-prefixed text. */
#include <stdlib.h>

#include "buffer_pool.h"
#include "crmpulse/record.h"

static char *grown(struct bytes *b, uint32_t need, uint32_t *ret_cap)
{
    if (!b->pool) {
        *ret_cap = need;
        return realloc(b->p, need);
    }
    char *p = buffer_pool_take(b->pool, need, ret_cap);
    if (!p)
        return NULL;
    if (b->n)
        memcpy(p, b->p, b->n);
    buffer_pool_give(b->pool, b->p, b->cap);
    return p;
}

int bytes_reserve(struct bytes *b, uint32_t more)
{
    if (b->cap - b->n >= more)
        return 0;
    uint32_t need = b->cap ? b->cap : 128;
    while (need - b->n < more) {
        if (need > UINT32_MAX / 2)
            return -1;
        need *= 2;
    }
    char *p = grown(b, need, &need);
    if (!p)
        return -1;
    b->p = p;
    b->cap = need;
    return 0;
}

int bytes_put(struct bytes *b, const void *p, uint32_t n)
{
    if (bytes_reserve(b, n) < 0)
        return -1;
    if (n)
        memcpy(b->p + b->n, p, n);
    b->n += n;
    return 0;
}

int bytes_put_varint(struct bytes *b, uint64_t v)
{
    char tmp[10];
    uint32_t n = 0;
    while (v >= 0x80) {
        tmp[n++] = (char)(v | 0x80);
        v >>= 7;
    }
    tmp[n++] = (char)v;
    return bytes_put(b, tmp, n);
}

int bytes_put_svarint(struct bytes *b, int64_t v)
{
    return bytes_put_varint(b, ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0));
}

int bytes_put_text(struct bytes *b, struct slice s)
{
    return bytes_put_varint(b, s.n) < 0 ? -1 : bytes_put(b, s.p, s.n);
}

void bytes_release(struct bytes *b)
{
    if (b->pool)
        buffer_pool_give(b->pool, b->p, b->cap);
    else
        free(b->p);
    *b = (struct bytes){ .pool = b->pool };
}

uint64_t read_varint(struct reader *r)
{
    uint64_t v = 0;
    for (uint32_t shift = 0; shift < 64; shift += 7) {
        if (r->p >= r->end)
            break;
        uint8_t byte = (uint8_t)*r->p++;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return v;
    }
    r->ok = false;
    return 0;
}

int64_t read_svarint(struct reader *r)
{
    uint64_t v = read_varint(r);
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

struct slice read_text(struct reader *r)
{
    uint64_t n = read_varint(r);
    if (!r->ok || n > (uint64_t)(r->end - r->p)) {
        r->ok = false;
        return (struct slice){ 0 };
    }
    struct slice s = { r->p, (uint32_t)n };
    r->p += n;
    return s;
}
