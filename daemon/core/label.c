/* Names of periods ("2025-03-04", "2025-W01", "FY2024-Q4") and their inverse. */
#include <stdio.h>

#include "civil.h"

/* A week belongs to the year that holds its fourth day (ISO 8601, where that is Thursday). */
static int format_week(int64_t first_day, char *buf, size_t cap)
{
    struct date fourth = date_from_days(first_day + 3);
    int week = (int)((first_day + 3 - date_days(fourth.year, 1, 1)) / 7) + 1;
    return snprintf(buf, cap, "%04d-W%02d", (int)fourth.year, week);
}

static int format_months(const struct calendar *cal, enum period period, struct date first, char *buf, size_t cap)
{
    int64_t month0 = (int64_t)first.year * 12 + first.month - 1 - period_shift(cal, period);
    int year = (int)floor_div(month0, 12);
    int number = (int)floor_mod(month0, 12) / period_months(period) + 1;
    const char *fiscal = period_shift(cal, period) ? "FY" : "";
    if (period == PERIOD_YEAR)
        return snprintf(buf, cap, "%s%04d", fiscal, year);
    if (period == PERIOD_MONTH)
        return snprintf(buf, cap, "%04d-%02d", year, number);
    return snprintf(buf, cap, "%s%04d-%c%d", fiscal, year, period == PERIOD_QUARTER ? 'Q' : 'H', number);
}

size_t calendar_label(const struct calendar *cal, enum period period, int64_t unix_ms, char *buf, size_t cap)
{
    struct span span;
    int64_t day = period_days_at(cal, period, unix_ms, &span).first;
    struct date first = date_from_days(day);
    int n;
    if (period == PERIOD_DAY)
        n = snprintf(buf, cap, "%04d-%02d-%02d", (int)first.year, (int)first.month, (int)first.day);
    else if (period == PERIOD_WEEK)
        n = format_week(day, buf, cap);
    else
        n = format_months(cal, period, first, buf, cap);
    return n > 0 && (size_t)n < cap ? (size_t)n : 0;
}

struct label {
    enum period period;
    bool fiscal; /* written with FY */
    int32_t year, number, day;
};

/* What follows "YYYY-": Qn, Hn, Wnn, nn or nn-nn. */
static bool scan_part(struct slice *text, struct label *ret)
{
    if (scan_char(text, 'Q')) {
        ret->period = PERIOD_QUARTER;
        return scan_digits(text, 1, &ret->number) && ret->number >= 1 && ret->number <= 4;
    }
    if (scan_char(text, 'H')) {
        ret->period = PERIOD_HALF;
        return scan_digits(text, 1, &ret->number) && ret->number >= 1 && ret->number <= 2;
    }
    if (scan_char(text, 'W')) {
        ret->period = PERIOD_WEEK;
        return scan_digits(text, 2, &ret->number) && ret->number >= 1 && ret->number <= 53;
    }
    ret->period = PERIOD_MONTH;
    if (!scan_digits(text, 2, &ret->number) || ret->number < 1 || ret->number > 12)
        return false;
    if (!scan_char(text, '-'))
        return true;
    ret->period = PERIOD_DAY;
    return scan_digits(text, 2, &ret->day) && date_exists(ret->year, ret->number, ret->day);
}

static bool scan_label(struct slice text, struct label *ret)
{
    *ret = (struct label){ .period = PERIOD_YEAR, .number = 1 };
    if (text.n >= 2 && memcmp(text.p, "FY", 2) == 0) {
        text = (struct slice){ text.p + 2, text.n - 2 };
        ret->fiscal = true;
    }
    if (!scan_digits(&text, 4, &ret->year) || ret->year < 1)
        return false;
    if (text.n == 0)
        return true;
    if (!scan_char(&text, '-') || !scan_part(&text, ret) || text.n != 0)
        return false;
    return !ret->fiscal || ret->period >= PERIOD_QUARTER;
}

/* A day inside the labelled period; false for a week the year does not have. */
static bool label_day(const struct calendar *cal, const struct label *label, int64_t *ret)
{
    if (label->period == PERIOD_DAY) {
        *ret = date_days(label->year, label->number, label->day);
        return true;
    }
    if (label->period == PERIOD_WEEK) {
        int64_t first = period_days_of(cal, PERIOD_WEEK, date_days(label->year, 1, 4)).first + (label->number - 1) * 7;
        *ret = first;
        return date_from_days(first + 3).year == label->year;
    }
    int32_t months = period_months(label->period);
    *ret = date_days(label->year, (label->number - 1) * months + 1 + period_shift(cal, label->period), 1);
    return true;
}

int calendar_parse_label(const struct calendar *cal, struct slice text, enum period *ret_period, struct span *ret_span)
{
    struct label label;
    int64_t day;
    if (!scan_label(text, &label) || !label_day(cal, &label, &day))
        return -1;
    struct period_days days = period_days_of(cal, label.period, day);
    struct span span = { day_start_ms(&cal->zone, days.first), day_start_ms(&cal->zone, days.next) };
    if (span.start_ms >= span.end_ms) /* a date that the zone skipped */
        return -1;
    *ret_period = label.period;
    *ret_span = span;
    return 0;
}
