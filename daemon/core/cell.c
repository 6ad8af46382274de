/* Names of cells: splitting a field into its parts, escaping subjects. It does not know which measures exist. */
#include "crmpulse/cell.h"
#include "crmpulse/calendar.h"
#include "crmpulse/decimal.h"

static const char hex_digits[] = "0123456789ABCDEF";

/* Bytes that do not stand for themselves in a subject: they would forge a field or break a page. Controls, DEL, space and those named here. */
static const bool special[256] = {
    1,         1,         1,          1,         1,          1,         1,         1,         1,
    1,         1,         1,          1,         1,          1,         1,         1,         1,
    1,         1,         1,          1,         1,          1,         1,         1,         1,
    1,         1,         1,          1,         1,          1, /* 0x00 to 0x20 */
    ['"'] = 1, ['#'] = 1, ['%'] = 1,  ['&'] = 1, ['\''] = 1, [':'] = 1, ['<'] = 1, ['>'] = 1, ['{'] = 1,
    ['|'] = 1, ['}'] = 1, [0x7f] = 1,
};

static bool plain(unsigned char c)
{
    return !special[c];
}

size_t cell_escape(struct slice raw, char *buf, size_t cap)
{
    size_t n = 0;
    if (raw.n > cap)
        return 0;
    while (n < raw.n && plain((unsigned char)raw.p[n])) /* most often all of it */
        n++;
    if (n)
        memcpy(buf, raw.p, n);
    for (uint32_t i = (uint32_t)n; i < raw.n; i++) {
        unsigned char c = (unsigned char)raw.p[i];
        size_t need = plain(c) ? 1 : 3;
        if (cap - n < need)
            return 0;
        if (need == 1) {
            buf[n++] = (char)c;
            continue;
        }
        buf[n++] = '%';
        buf[n++] = hex_digits[c >> 4];
        buf[n++] = hex_digits[c & 15];
    }
    return n;
}

static int hex_value(char c)
{
    const char *at = c ? strchr(hex_digits, c) : NULL;
    return at ? (int)(at - hex_digits) : -1;
}

size_t cell_unescape(struct slice escaped, char *buf, size_t cap)
{
    size_t n = 0;
    for (uint32_t i = 0; i < escaped.n; i++) {
        char c = escaped.p[i];
        if (n == cap)
            return 0;
        if (c == '%' && escaped.n - i > 2) {
            int high = hex_value(escaped.p[i + 1]), low = hex_value(escaped.p[i + 2]);
            if (high >= 0 && low >= 0) {
                c = (char)(high * 16 + low);
                i += 2;
            }
        }
        buf[n++] = c;
    }
    return n;
}

/* Decimal int64, all of the text. */
static bool parse_int(struct slice text, int64_t *ret)
{
    bool negative = text.n > 0 && text.p[0] == '-';
    uint32_t i = negative ? 1 : 0;
    int64_t value = 0;
    if (i == text.n)
        return false;
    for (; i < text.n; i++) {
        int digit = text.p[i] - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, digit, &value)) /* downwards: INT64_MIN has no positive twin */
            return false;
    }
    if (!negative && value == INT64_MIN)
        return false;
    *ret = negative ? value : -value;
    return true;
}

/* The part of `text` before the first `mark`; *rest becomes what follows it. False, and nothing changed, if there is none. */
static bool split(struct slice text, char mark, struct slice *before, struct slice *rest)
{
    const char *at = text.n ? memchr(text.p, mark, text.n) : NULL;
    if (!at)
        return false;
    uint32_t n = (uint32_t)(at - text.p);
    *before = (struct slice){ text.p, n };
    *rest = (struct slice){ at + 1, text.n - n - 1 };
    return true;
}

int cell_field_parse(struct slice field, struct cell_field *ret)
{
    struct cell_field f = { 0 };
    struct slice dim, rest, measure, sub;
    if (!split(field, ':', &dim, &rest) || dim.n < 2 || !split(rest, '|', &f.subject, &measure))
        return -1;
    int d = dim_by_name(dim);
    if (d < 0 || f.subject.n == 0)
        return -1;
    f.dim = (enum dim)d;
    if (split(measure, '#', &measure, &sub)) {
        f.has_sub = true;
        if (!parse_int(sub, &f.sub))
            return -1;
    }
    if (split(measure, '.', &f.measure, &f.part)) {
        if (f.part.n == 0)
            return -1;
    } else {
        f.measure = measure;
    }
    if (f.measure.n == 0)
        return -1;
    *ret = f;
    return 0;
}

int cell_pane_parse(struct slice key, char *buf, size_t cap, struct cell_delta *ret)
{
    struct slice rest, name, org, grain;
    int64_t pane_ms;
    if (!split(key, ':', &name, &rest) || !slice_eq(name, SLICE("pane")) || !split(rest, ':', &org, &rest) ||
        !split(rest, ':', &grain, &rest))
        return -1;
    if (grain.n != 1 || !memchr("mhgf", grain.p[0], 4) || !parse_int(rest, &pane_ms) || !calendar_holds(pane_ms))
        return -1;
    size_t n = cell_unescape(org, buf, cap);
    if (!n)
        return -1;
    *ret = (struct cell_delta){ .org = { buf, (uint32_t)n }, .grain = (enum cell_grain)grain.p[0], .pane_ms = pane_ms };
    return 0;
}

/* ---- parked cells ---- */

int64_t cell_parked_hour(int64_t cause_ms)
{
    const int64_t hour_ms = 3600000;
    int64_t rest = cause_ms % hour_ms;
    return cause_ms - (rest < 0 ? rest + hour_ms : rest);
}

size_t cell_parked_field(const struct cell_delta *d, char *buf, size_t cap)
{
    if (cap < 48 + (size_t)d->field.n)
        return 0;
    size_t n = decimal_put(buf, d->cause_ms);
    buf[n++] = '|';
    buf[n++] = (char)d->grain;
    buf[n++] = '|';
    n += decimal_put(buf + n, d->pane_ms);
    buf[n++] = '|';
    memcpy(buf + n, d->field.p, d->field.n);
    return n + d->field.n;
}

int cell_parked_parse(struct slice parked, struct cell_delta *ret)
{
    struct slice rest = parked, cause, grain, pane;
    if (!split(rest, '|', &cause, &rest) || !split(rest, '|', &grain, &rest) || !split(rest, '|', &pane, &rest))
        return -1;
    if (grain.n != 1 || !memchr("mhg", grain.p[0], 3) || !rest.n || !parse_int(cause, &ret->cause_ms) ||
        !parse_int(pane, &ret->pane_ms))
        return -1;
    ret->grain = (enum cell_grain)grain.p[0];
    ret->field = rest;
    ret->ahead = true;
    return 0;
}
