/* Arguments of one Redis command. Knows nothing of the protocol: hiredis writes it. */
#include "daemon/redis/argv.h"

#include <stdio.h>
#include <stdlib.h>

enum { DIGITS_MAX = 20, FIRST_CAP = 64 };

void redis_argv_init(struct redis_argv *a, uint32_t shard)
{
    *a = (struct redis_argv){ 0 };
    arena_init(&a->arena, 0, 0);
    snprintf(a->prefix, sizeof a->prefix, "cp:{%u}:", shard);
}

void redis_argv_release(struct redis_argv *a)
{
    free(a->text);
    free(a->len);
    arena_release(&a->arena);
    a->text = NULL;
    a->len = NULL;
    a->n = a->cap = 0;
}

void redis_argv_clear(struct redis_argv *a)
{
    a->n = 0;
    a->failed = false;
    arena_reset(&a->arena);
}

static bool grow(struct redis_argv *a)
{
    uint32_t cap = a->cap ? a->cap * 2 : FIRST_CAP;
    const char **text = realloc(a->text, cap * sizeof *text);
    if (text)
        a->text = text;
    size_t *len = realloc(a->len, cap * sizeof *len);
    if (len)
        a->len = len;
    if (!text || !len || cap < a->cap)
        return false;
    a->cap = cap;
    return true;
}

void redis_argv_bytes(struct redis_argv *a, const char *p, size_t n)
{
    if (a->failed || (a->n == a->cap && !grow(a))) {
        a->failed = true;
        return;
    }
    a->text[a->n] = n ? p : "";
    a->len[a->n] = n;
    a->n++;
}

void redis_argv_slice(struct redis_argv *a, struct slice s)
{
    redis_argv_bytes(a, s.p, s.n);
}

void redis_argv_text(struct redis_argv *a, const char *text)
{
    redis_argv_bytes(a, text, strlen(text));
}

/* Digits by hand: a flush writes hundreds of thousands of numbers. */
static void put_number(struct redis_argv *a, uint64_t value, bool negative)
{
    char *buf = arena_alloc(&a->arena, DIGITS_MAX + 1);
    if (!buf) {
        a->failed = true;
        return;
    }
    char *end = buf + DIGITS_MAX + 1, *p = end;
    do {
        *--p = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    if (negative)
        *--p = '-';
    redis_argv_bytes(a, p, (size_t)(end - p));
}

void redis_argv_uint(struct redis_argv *a, uint64_t value)
{
    put_number(a, value, false);
}

void redis_argv_int(struct redis_argv *a, int64_t value)
{
    put_number(a, value < 0 ? -(uint64_t)value : (uint64_t)value, value < 0);
}

void redis_argv_key(struct redis_argv *a, struct slice rest)
{
    size_t head = strlen(a->prefix);
    char *buf = arena_alloc(&a->arena, head + rest.n);
    if (!buf) {
        a->failed = true;
        return;
    }
    memcpy(buf, a->prefix, head);
    if (rest.n)
        memcpy(buf + head, rest.p, rest.n);
    redis_argv_bytes(a, buf, head + rest.n);
}
