/* Texts of CSV cells to numbers and instants, exactly: decimals are scaled in integers. Knows no rows, no events. */
#include <stdio.h>

#include "crmpulse/calendar.h"
#include "map_int.h"

int map_decimal(struct slice text, int64_t factor, int64_t *ret, const char **ret_why)
{
    uint32_t i = 0;
    int64_t value = 0, scale = factor;
    bool negative = text.n && text.p[0] == '-', digits = false, overflow = false, inexact = false, point = false;
    if (text.n && (text.p[0] == '-' || text.p[0] == '+'))
        i++;
    for (; i < text.n; i++) {
        int64_t part;
        if (text.p[i] == '.' && !point) {
            point = true;
            continue;
        }
        if (text.p[i] < '0' || text.p[i] > '9')
            break;
        digits = true;
        int64_t d = text.p[i] - '0';
        if (!point) {
            overflow |= __builtin_mul_overflow(value, 10, &value) || __builtin_mul_overflow(d, factor, &part) ||
                        __builtin_add_overflow(value, part, &value);
            continue;
        }
        /* A digit behind the point counts scale/10; what is left of a scale that is no multiple of ten is not representable. */
        inexact |= d != 0 && scale % 10 != 0;
        scale = scale % 10 ? 0 : scale / 10;
        overflow |= __builtin_add_overflow(value, d * scale, &value);
    }
    *ret_why = !digits || i < text.n ? "not a number"
               : overflow            ? "a number too large"
                                     : "more decimals than the field can hold";
    *ret = overflow ? 0 : negative ? -value : value;
    return !digits || i < text.n || overflow || inexact ? -1 : 0;
}

struct clock {
    int year, month, day, hour, minute, second;
    bool has_hour;
};

static bool read_number(struct slice *text, uint32_t max_digits, int *ret)
{
    uint32_t n = 0;
    for (*ret = 0; n < max_digits && n < text->n && text->p[n] >= '0' && text->p[n] <= '9'; n++)
        *ret = *ret * 10 + (text->p[n] - '0');
    text->p += n;
    text->n -= n;
    return n > 0;
}

static bool read_part(struct clock *c, char letter, struct slice *text)
{
    switch (letter) {
    case 'Y':
        return read_number(text, 4, &c->year);
    case 'm':
        return read_number(text, 2, &c->month);
    case 'd':
        return read_number(text, 2, &c->day);
    case 'H':
        c->has_hour = true;
        return read_number(text, 2, &c->hour);
    case 'M':
        return read_number(text, 2, &c->minute);
    case 'S':
        return read_number(text, 2, &c->second);
    default:
        return false;
    }
}

static bool read_clock(struct clock *c, struct slice text, struct slice format)
{
    for (uint32_t i = 0; i < format.n; i++) {
        if (format.p[i] == '%' && i + 1 < format.n) {
            if (!read_part(c, format.p[++i], &text))
                return false;
            continue;
        }
        if (text.n == 0 || text.p[0] != format.p[i])
            return false;
        text.p++;
        text.n--;
    }
    return text.n == 0;
}

static int free_date(struct slice text, int64_t at_ms, int64_t *ret_unix_ms)
{
    if (time_parse(NULL, text, ret_unix_ms) != 0)
        return -1;
    if (text.n == 10 && text.p[4] == '-') /* a bare date */
        *ret_unix_ms += at_ms;
    return 0;
}

int map_date(struct slice text, struct slice format, int64_t at_ms, int64_t *ret_unix_ms, const char **ret_why)
{
    struct clock c = { .month = 1, .day = 1 };
    char iso[64];
    *ret_why = "not a time of the given format";
    if (format.n == 0)
        return free_date(text, at_ms, ret_unix_ms);
    if (!read_clock(&c, text, format))
        return -1;
    /* The calendar's own parser knows which dates exist. */
    int n =
        snprintf(iso, sizeof iso, "%04d-%02d-%02dT%02d:%02d:%02dZ", c.year, c.month, c.day, c.hour, c.minute, c.second);
    if (time_parse(NULL, (struct slice){ iso, (uint32_t)n }, ret_unix_ms) != 0)
        return -1;
    *ret_unix_ms += c.has_hour ? 0 : at_ms;
    return 0;
}

int64_t map_unit_factor(enum field_kind kind, struct slice unit)
{
    static const struct {
        enum field_kind kind;
        const char *unit;
        int64_t factor;
    } table[] = {
        { FIELD_MICROS, "", 1000000 },
        { FIELD_MICROS, "cents", 10000 },
        { FIELD_MICROS, "micros", 1 },
        { FIELD_MILLI, "", 1000 },
        { FIELD_MILLI, "milli", 1 },
        { FIELD_PPM, "", 1 },
        { FIELD_PPM, "percent", 10000 },
        { FIELD_PPM, "ratio", 1000000 },
        { FIELD_COUNT, "", 1 },
        { FIELD_INT, "", 1 },
        { FIELD_DURATION_MS, "", 1 },
        { FIELD_DURATION_MS, "ms", 1 },
        { FIELD_DURATION_MS, "s", 1000 },
        { FIELD_DURATION_MS, "min", 60000 },
        { FIELD_DURATION_MS, "h", 3600000 },
        { FIELD_DURATION_MS, "d", 86400000 },
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (table[i].kind == kind && slice_eq(unit, slice_of(table[i].unit)))
            return table[i].factor;
    return 0;
}

int map_bool(struct slice text, int64_t *ret, const char **ret_why)
{
    static const char *const words[2][6] = { { "false", "False", "FALSE", "0", "no", "n" },
                                             { "true", "True", "TRUE", "1", "yes", "y" } };
    *ret_why = "neither true nor false";
    for (int value = 0; value < 2; value++)
        for (int i = 0; i < 6; i++)
            if (slice_eq(text, slice_of(words[value][i]))) {
                *ret = value;
                return 0;
            }
    return -1;
}
