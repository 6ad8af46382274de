/* Text put together in the arena, and its hash. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <stdarg.h>

#include "loader.h"

static bool reserve(struct text *t, uint32_t more)
{
    if (t->n + more < t->cap)
        return true;
    uint32_t cap = (t->cap ? t->cap * 2 : 128) + more;
    char *p = arena_alloc(&t->l->arena, cap);
    if (!p) {
        report_memory(t->l);
        return false;
    }
    if (t->n)
        memcpy(p, t->p, t->n);
    t->p = p;
    t->cap = cap;
    return true;
}

void text_put(struct text *t, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    if (n >= 0 && reserve(t, (uint32_t)n + 1)) {
        vsnprintf(t->p + t->n, (size_t)n + 1, format, again);
        t->n += (uint32_t)n;
    }
    va_end(again);
    va_end(args);
}

uint64_t text_hash(const struct text *t)
{
    return XXH3_64bits(t->p ? t->p : "", t->n);
}
