/* Text for a terminal. */
#include "demo_text.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *room(struct text *t, size_t n)
{
    if (t->n + n + 1 > t->cap) {
        size_t cap = (t->n + n + 1) * 2;
        char *p = realloc(t->p, cap);
        if (!p) {
            t->failed = true;
            return NULL;
        }
        t->p = p;
        t->cap = cap;
    }
    return t->p + t->n;
}

void text_add(struct text *t, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    char *to = n >= 0 ? room(t, (size_t)n) : NULL;
    if (to) {
        vsnprintf(to, (size_t)n + 1, fmt, again);
        t->n += (size_t)n;
    }
    va_end(again);
    va_end(ap);
}

void text_release(struct text *t)
{
    free(t->p);
    *t = (struct text){ 0 };
}

/* ---- columns ---- */

/* The character at *s and its length; what is no UTF-8 is one '?' a byte. */
static uint32_t next_char(const char *s, size_t *ret_n)
{
    const unsigned char *p = (const unsigned char *)s;
    static const struct {
        unsigned char mask, lead;
        uint32_t least;
    } form[] = { { 0x80, 0x00, 0 }, { 0xe0, 0xc0, 0x80 }, { 0xf0, 0xe0, 0x800 }, { 0xf8, 0xf0, 0x10000 } };
    *ret_n = 1;
    for (size_t more = 0; more < sizeof form / sizeof form[0]; more++) {
        if ((p[0] & form[more].mask) != form[more].lead)
            continue;
        uint32_t c = p[0] & (unsigned char)~form[more].mask;
        for (size_t i = 1; i <= more; i++) {
            if ((p[i] & 0xc0) != 0x80)
                return '?';
            c = c << 6 | (p[i] & 0x3f);
        }
        if (c < form[more].least || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
            return '?';
        *ret_n = more + 1;
        return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x202a && c <= 0x202e) ? '?' : c;
    }
    return '?';
}

/* 0 for marks that join the character before, 2 for East Asian wide ones (Unicode annex 11, by block), else 1. */
static int char_width(uint32_t c)
{
    static const struct {
        uint32_t first, last;
        int width;
    } range[] = {
        { 0x0300, 0x036f, 0 }, { 0x1100, 0x115f, 2 },   { 0x1ab0, 0x1aff, 0 },   { 0x200b, 0x200f, 0 },
        { 0x20d0, 0x20ff, 0 }, { 0x2e80, 0x303e, 2 },   { 0x3041, 0xa4cf, 2 },   { 0xac00, 0xd7a3, 2 },
        { 0xf900, 0xfaff, 2 }, { 0xfe00, 0xfe0f, 0 },   { 0xfe30, 0xfe6f, 2 },   { 0xff00, 0xff60, 2 },
        { 0xffe0, 0xffe6, 2 }, { 0x1f300, 0x1f64f, 2 }, { 0x1f900, 0x1f9ff, 2 }, { 0x20000, 0x3fffd, 2 },
    };
    for (size_t i = 0; i < sizeof range / sizeof range[0] && range[i].first <= c; i++)
        if (c <= range[i].last)
            return range[i].width;
    return 1;
}

int text_width(const char *s)
{
    int width = 0;
    for (size_t n; *s; s += n)
        width += char_width(next_char(s, &n));
    return width;
}

void text_column(struct text *t, const char *s, int columns, bool right)
{
    int used = 0, width = text_width(s);
    if (right && width < columns)
        text_add(t, "%*s", columns - width, "");
    for (size_t n; *s; s += n) {
        uint32_t c = next_char(s, &n);
        if (used + char_width(c) > columns)
            break;
        used += char_width(c);
        text_add(t, "%.*s", (int)n, c == '?' ? "?" : s);
    }
    if (!right || width >= columns)
        text_add(t, "%*s", columns - used, "");
}

/* ---- numbers ---- */

void format_whole(double value, char *buf, size_t cap)
{
    char digits[400];
    size_t out = 0;
    snprintf(digits, sizeof digits, "%.0f", fabs(value));
    size_t n = strlen(digits);
    if (value <= -0.5 && cap > 1)
        buf[out++] = '-';
    for (size_t i = 0; i < n && out + 2 < cap; i++) {
        if (i && (n - i) % 3 == 0)
            buf[out++] = ',';
        buf[out++] = digits[i];
    }
    buf[out] = '\0';
}

static void format_duration(double ms, char *buf, size_t cap)
{
    static const struct {
        double below_ms, unit_ms;
        const char *name;
    } row[] = { { 120e3, 1e3, "s" }, { 7200e3, 60e3, "min" }, { 172800e3, 3600e3, "h" }, { INFINITY, 86400e3, "d" } };
    size_t i = 0;
    while (ms >= row[i].below_ms && i + 1 < sizeof row / sizeof row[0])
        i++;
    snprintf(buf, cap, "%.1f %s", ms / row[i].unit_ms, row[i].name);
}

void format_tile(const struct view_tile *tile, enum tile_unit unit, char *buf, size_t cap)
{
    if (!tile->known)
        snprintf(buf, cap, "-");
    else if (unit == TILE_MONEY)
        format_whole(tile->value / 1e6, buf, cap);
    else if (unit == TILE_COUNT)
        format_whole(tile->value, buf, cap);
    else if (unit == TILE_SHARE)
        snprintf(buf, cap, "%.1f %%", tile->value * 100);
    else
        format_duration(tile->value, buf, cap);
}
