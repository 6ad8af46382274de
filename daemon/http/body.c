/* A text that grows by doubling. */
#include "daemon/http/body.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "crmpulse/utf8.h"

enum { FIRST_BYTES = 1024, FORMATTED_MAX = 512 };

static bool room(struct body *t, size_t n)
{
    if (t->failed)
        return false;
    if (n > BODY_BYTES_MAX || t->n + n > BODY_BYTES_MAX) {
        t->failed = true;
        return false;
    }
    if (t->n + n <= t->cap)
        return true;
    size_t cap = t->cap ? t->cap : FIRST_BYTES;
    while (cap < t->n + n)
        cap *= 2;
    char *p = realloc(t->p, cap);
    if (!p) {
        t->failed = true;
        return false;
    }
    t->p = p;
    t->cap = cap;
    return true;
}

void body_add(struct body *t, const char *bytes, size_t n)
{
    if (!n || !room(t, n))
        return;
    memcpy(t->p + t->n, bytes, n);
    t->n += n;
}

void body_add_slice(struct body *t, struct slice s)
{
    body_add(t, s.p, s.n);
}

void body_add_z(struct body *t, const char *z)
{
    body_add(t, z, strlen(z));
}

void body_addf(struct body *t, const char *format, ...)
{
    char buf[FORMATTED_MAX];
    va_list ap;
    va_start(ap, format);
    int n = vsnprintf(buf, sizeof buf, format, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof buf)
        t->failed = true;
    else
        body_add(t, buf, (size_t)n);
}

void body_add_double(struct body *t, double v)
{
    char buf[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(buf, sizeof buf, "%.*g", digits, v);
        if (isnan(v) || strtod(buf, NULL) == v)
            break;
    }
    body_add_z(t, buf);
}

/* Bytes of the character at `p`, 0: not UTF-8. */
static uint32_t character(const char *p, uint32_t n)
{
    const unsigned char c = (unsigned char)*p;
    const uint32_t len = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    return len <= n && utf8_valid(p, len) ? len : 0;
}

static const char *escaped(const char *p, uint32_t len)
{
    if (len == 3)
        return memcmp(p, "\xe2\x80\xa8", 3) == 0 ? "\\u2028" : memcmp(p, "\xe2\x80\xa9", 3) == 0 ? "\\u2029" : NULL;
    if (len != 1)
        return len ? NULL : "\xef\xbf\xbd";
    switch (*p) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '<':
        return "\\u003c";
    case '>':
        return "\\u003e";
    case '&':
        return "\\u0026";
    default:
        return NULL;
    }
}

void body_add_json(struct body *t, struct slice s)
{
    body_add(t, "\"", 1);
    for (uint32_t i = 0; i < s.n;) {
        const uint32_t len = character(s.p + i, s.n - i);
        const char *as = escaped(s.p + i, len);
        if (as)
            body_add_z(t, as);
        else if (len == 1 && ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f))
            body_addf(t, "\\u%04x", (unsigned char)s.p[i]);
        else
            body_add(t, s.p + i, len);
        i += len ? len : 1;
    }
    body_add(t, "\"", 1);
}

void body_clear(struct body *t)
{
    t->n = 0;
    t->failed = false;
}

void body_release(struct body *t)
{
    free(t->p);
    *t = (struct body){ 0 };
}
