/* Working hours and holidays of an org: "business_hours: {mon: 09:00-18:00, tue: [09:00-12:00, 13:00-18:00]}" (a day that is left out is closed) and
 * "holidays: [2025-05-01]". Without hours the default holds: Monday to Friday 09:00-18:00. */
#include <stdlib.h>

#include "loader.h"

static const char *const days[] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun", NULL };

enum { HOLIDAYS_MAX = 20000, MINUTE = 60000 };

static bool two_digits(const char *p, int32_t *ret)
{
    if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
        return false;
    *ret = (p[0] - '0') * 10 + p[1] - '0';
    return true;
}

/* "09:00" .. "24:00". */
static bool clock_of(const char *p, int32_t *ret_ms)
{
    int32_t hour, minute;
    if (!two_digits(p, &hour) || p[2] != ':' || !two_digits(p + 3, &minute) || minute > 59 || hour * 60 + minute > 1440)
        return false;
    *ret_ms = (hour * 60 + minute) * MINUTE;
    return true;
}

static void take_interval(struct loader *l, const struct node *n, struct day_hours *to)
{
    struct slice s;
    int32_t from_ms, to_ms;
    if (!value_text(l, n, &s) || !s.n)
        return;
    if (s.n != 11 || s.p[5] != '-' || !clock_of(s.p, &from_ms) || !clock_of(s.p + 6, &to_ms) || from_ms >= to_ms) {
        report(l, n, "expected hours such as 09:00-18:00 (up to 24:00), not '%s'", s.p);
        return;
    }
    if (to->n == DAY_INTERVALS_MAX || (to->n && from_ms < to->v[to->n - 1].to_ms)) {
        report(l, n, "the intervals of a day must be ascending and apart from each other, at most %d",
               DAY_INTERVALS_MAX);
        return;
    }
    to->v[to->n].from_ms = from_ms;
    to->v[to->n++].to_ms = to_ms;
}

static void load_hours(struct loader *l, const struct node *map, struct business *ret)
{
    check_keys(l, map, days, "weekday");
    for (int i = 0; days[i]; i++) {
        const struct node *n = node_get(map, days[i]);
        if (!n)
            continue;
        if (n->kind != NODE_LIST) {
            take_interval(l, n, &ret->day[i]);
            continue;
        }
        for (const struct node *item = n->first; item; item = item->next)
            take_interval(l, item, &ret->day[i]);
    }
}

static int by_day(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void load_holidays(struct loader *l, const struct node *list, struct org_def *org)
{
    struct business *b = &org->business.hours;
    uint32_t n = 0;
    for (const struct node *item = list->first; item; item = item->next)
        n++;
    if (n > HOLIDAYS_MAX) {
        report(l, list, "more than %d holidays", HOLIDAYS_MAX);
        return;
    }
    if (!(org->business.holidays = calloc(n + 1, sizeof *org->business.holidays))) {
        report_memory(l);
        return;
    }
    n = 0;
    for (const struct node *item = list->first; item; item = item->next) {
        struct slice s;
        int64_t start_ms;
        if (!value_text(l, item, &s))
            continue;
        if (s.n != 10 || time_parse(NULL, s, &start_ms) < 0)
            report(l, item, "expected a date such as 2025-05-01, not '%s'", s.p);
        else
            org->business.holidays[n++] = start_ms / 86400000 - (start_ms % 86400000 < 0);
    }
    qsort(org->business.holidays, n, sizeof *org->business.holidays, by_day);
    for (uint32_t i = 0; i < n; i++)
        if (!b->n_holidays || org->business.holidays[i] != org->business.holidays[b->n_holidays - 1])
            org->business.holidays[b->n_holidays++] = org->business.holidays[i];
    b->holiday = org->business.holidays;
}

void org_hours_load(struct loader *l, const struct node *hours, const struct node *holidays, struct org_def *ret)
{
    static const struct day_hours office = { 1, { { 9 * 60 * MINUTE, 18 * 60 * MINUTE } } };
    if (!hours && !holidays)
        return;
    struct business *b = &ret->business.hours;
    ret->calendar.business = b;
    for (int i = 0; i < 5 && !hours; i++)
        b->day[i] = office;
    if (hours && want_map(l, hours, "working hours by weekday"))
        load_hours(l, hours, b);
    if (holidays && want_list(l, holidays, "dates"))
        load_holidays(l, holidays, ret);
}
