/* Inside of the calendar: Gregorian day numbers, zone segments and digit scanning shared by zone.c, civil.c, calendar.c, label.c,
 * window.c and time_text.c. Not for other modules: they use calendar.h. */
#ifndef CRMPULSE_CORE_CIVIL_H
#define CRMPULSE_CORE_CIVIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crmpulse/calendar.h"

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS INT64_C(60000)
#define HOUR_MS   INT64_C(3600000)
#define DAY_MS    INT64_C(86400000)

/* 0001-01-01T00:00:00.000Z and 9999-12-31T23:59:59.999Z: times outside are treated as the nearer of the two. */
#define TIME_MIN_MS INT64_C(-62135596800000)
#define TIME_MAX_MS INT64_C(253402300799999)

static inline int64_t time_clamp(int64_t unix_ms)
{
    return unix_ms < TIME_MIN_MS ? TIME_MIN_MS : unix_ms > TIME_MAX_MS ? TIME_MAX_MS : unix_ms;
}

/* Division towards minus infinity; b > 0. */
static inline int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}
static inline int64_t floor_mod(int64_t a, int64_t b)
{
    int64_t r = a % b;
    return r < 0 ? r + b : r;
}

struct date {
    int32_t year, month, day; /* 1-based month and day */
};

/* Days since 1970-01-01, proleptic Gregorian. Month and day may lie outside their ranges and carry over. */
int64_t date_days(int64_t year, int64_t month, int64_t day);
struct date date_from_days(int64_t days);
bool date_exists(int32_t year, int32_t month, int32_t day); /* years 1..9999 */

/* ISO weekday of a day number: Monday 1 .. Sunday 7. */
static inline int32_t days_weekday(int64_t days)
{
    return (int32_t)floor_mod(days + 3, 7) + 1; /* 1970-01-01 was a Thursday */
}

/* The stretch of time around an instant with one offset: [from_ms, to_ms). */
struct zone_segment {
    int64_t from_ms, to_ms;
    int32_t offset_ms;
};
struct zone_segment zone_segment_at(const struct zone *zone, int64_t unix_ms);

/* First instant at which the local clock shows local_ms (written as if it were UTC) or more. */
int64_t zone_first_instant(const struct zone *zone, int64_t local_ms);

/* First instant of a day number. */
int64_t day_start_ms(const struct zone *zone, int64_t days);

/* A period as whole days [first, next), and the instants these days start at. */
struct period_days {
    int64_t first, next;
};
struct period_days period_days_at(const struct calendar *cal, enum period period, int64_t unix_ms,
                                  struct span *ret_span);

/* The period that holds a date given by its day number. */
struct period_days period_days_of(const struct calendar *cal, enum period period, int64_t days);

/* Length of a period in months (0: day and week), and the fiscal shift that applies to it. */
int32_t period_months(enum period period);
int32_t period_shift(const struct calendar *cal, enum period period);
int32_t calendar_week_start(const struct calendar *cal);

/* Takes exactly n digits (n <= 9) from the front of *text; on false *text is unchanged. */
bool scan_digits(struct slice *text, uint32_t n, int32_t *ret);
/* Takes one byte if it is c. */
bool scan_char(struct slice *text, char c);

/* As time_parse; *ret_bare tells that the text was a date without a time. */
int time_parse_any(const struct calendar *cal, struct slice text, int64_t *ret_unix_ms, bool *ret_bare);

#endif
