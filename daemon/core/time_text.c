/* Instants as text: ISO 8601 with a zone, bare dates, decimal ms. Local times without a zone are refused: they are ambiguous. */
#include <stdio.h>

#include "civil.h"

bool scan_char(struct slice *text, char c)
{
    if (text->n == 0 || text->p[0] != c)
        return false;
    text->p++;
    text->n--;
    return true;
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

bool scan_digits(struct slice *text, uint32_t n, int32_t *ret)
{
    if (text->n < n)
        return false;
    int32_t value = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (!digit(text->p[i]))
            return false;
        value = value * 10 + (text->p[i] - '0');
    }
    text->p += n;
    text->n -= n;
    *ret = value;
    return true;
}

static int parse_ms(struct slice text, int64_t *ret_unix_ms)
{
    bool negative = scan_char(&text, '-');
    if (text.n == 0 || text.n > 15) /* the largest time has 15 digits */
        return -1;
    int64_t value = 0;
    for (uint32_t i = 0; i < text.n; i++) {
        if (!digit(text.p[i]))
            return -1;
        value = value * 10 + (text.p[i] - '0');
    }
    value = negative ? -value : value;
    if (value != time_clamp(value))
        return -1;
    *ret_unix_ms = value;
    return 0;
}

/* ".d{1,9}" after the seconds, if any; digits past ms are dropped. */
static bool scan_fraction(struct slice *text, int32_t *ret_ms)
{
    *ret_ms = 0;
    if (!scan_char(text, '.'))
        return true;
    uint32_t n = 0;
    for (int32_t unit = 100; n < text->n && digit(text->p[n]); n++, unit /= 10)
        *ret_ms += (text->p[n] - '0') * unit;
    text->p += n;
    text->n -= n;
    return n >= 1 && n <= 9;
}

/* "hh:mm[:ss[.fff]]" */
static bool scan_clock(struct slice *text, int64_t *ret_ms)
{
    int32_t hour, minute, second = 0, ms = 0;
    if (!scan_digits(text, 2, &hour) || !scan_char(text, ':') || !scan_digits(text, 2, &minute))
        return false;
    if (scan_char(text, ':') && !(scan_digits(text, 2, &second) && scan_fraction(text, &ms)))
        return false;
    *ret_ms = hour * HOUR_MS + minute * MINUTE_MS + second * 1000 + ms;
    return hour < 24 && minute < 60 && second < 60;
}

/* "Z" or "+hh:mm" */
static bool scan_offset(struct slice *text, int64_t *ret_ms)
{
    *ret_ms = 0;
    if (scan_char(text, 'Z'))
        return true;
    int64_t sign = scan_char(text, '+') ? 1 : scan_char(text, '-') ? -1 : 0;
    int32_t hour, minute;
    if (!sign || !scan_digits(text, 2, &hour) || !scan_char(text, ':') || !scan_digits(text, 2, &minute))
        return false;
    *ret_ms = sign * (hour * HOUR_MS + minute * MINUTE_MS);
    return hour < 24 && minute < 60;
}

int time_parse_any(const struct calendar *cal, struct slice text, int64_t *ret_unix_ms, bool *ret_bare)
{
    struct slice rest = text;
    int32_t year, month, day;
    *ret_bare = false;
    if (!(scan_digits(&rest, 4, &year) && scan_char(&rest, '-')))
        return parse_ms(text, ret_unix_ms);
    if (!scan_digits(&rest, 2, &month) || !scan_char(&rest, '-') || !scan_digits(&rest, 2, &day) ||
        !date_exists(year, month, day))
        return -1;
    int64_t days = date_days(year, month, day);
    if (rest.n == 0) {
        *ret_bare = true;
        *ret_unix_ms = cal ? day_start_ms(&cal->zone, days) : days * DAY_MS;
        return 0;
    }
    int64_t clock_ms, offset_ms;
    if (!scan_char(&rest, 'T') || !scan_clock(&rest, &clock_ms) || !scan_offset(&rest, &offset_ms) || rest.n != 0)
        return -1;
    int64_t unix_ms = days * DAY_MS + clock_ms - offset_ms;
    if (unix_ms != time_clamp(unix_ms))
        return -1;
    *ret_unix_ms = unix_ms;
    return 0;
}

int time_parse(const struct calendar *cal, struct slice text, int64_t *ret_unix_ms)
{
    bool bare;
    return time_parse_any(cal, text, ret_unix_ms, &bare);
}

size_t time_format(int64_t unix_ms, char *buf, size_t cap)
{
    int n;
    if (unix_ms != time_clamp(unix_ms)) {
        n = snprintf(buf, cap, "%lld", (long long)unix_ms);
    } else {
        int64_t days = floor_div(unix_ms, DAY_MS);
        int ms = (int)(unix_ms - days * DAY_MS);
        struct date date = date_from_days(days);
        n = snprintf(buf, cap, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", (int)date.year, (int)date.month, (int)date.day,
                     ms / 3600000, ms / 60000 % 60, ms / 1000 % 60, ms % 1000);
    }
    return n > 0 && (size_t)n < cap ? (size_t)n : 0;
}
