/* Periods and panes of a calendar: which day, week, month, quarter, half, year, hour or minute holds an instant. Names of periods
 * are in label.c. */
#include "civil.h"

/* Periods that consist of months; day and week have 0. Fiscal shift moves quarters, halves and years only. */
static const struct {
    int32_t months;
    bool fiscal;
} period_rules[PERIOD_COUNT] = {
    [PERIOD_MONTH] = { 1, false },
    [PERIOD_QUARTER] = { 3, true },
    [PERIOD_HALF] = { 6, true },
    [PERIOD_YEAR] = { 12, true },
};

bool calendar_holds(int64_t unix_ms)
{
    return time_clamp(unix_ms) == unix_ms;
}

int32_t period_months(enum period period)
{
    return period_rules[period].months;
}

int32_t period_shift(const struct calendar *cal, enum period period)
{
    return period_rules[period].fiscal ? cal->fiscal_shift_months : 0;
}

int32_t calendar_week_start(const struct calendar *cal)
{
    return cal->week_start >= 1 && cal->week_start <= 7 ? cal->week_start : 1;
}

struct period_days period_days_of(const struct calendar *cal, enum period period, int64_t days)
{
    if (period == PERIOD_DAY)
        return (struct period_days){ days, days + 1 };
    if (period == PERIOD_WEEK) {
        int64_t first = days - floor_mod(days_weekday(days) - calendar_week_start(cal), 7);
        return (struct period_days){ first, first + 7 };
    }
    int32_t shift = period_shift(cal, period), months = period_months(period);
    struct date date = date_from_days(days);
    int64_t month0 = (int64_t)date.year * 12 + date.month - 1 - shift; /* months since fiscal year 0 began */
    int64_t start = month0 - floor_mod(month0, months) + shift;
    return (struct period_days){ date_days(0, start + 1, 1), date_days(0, start + months + 1, 1) };
}

struct period_days period_days_at(const struct calendar *cal, enum period period, int64_t unix_ms,
                                  struct span *ret_span)
{
    int64_t t = time_clamp(unix_ms);
    int64_t local_ms = t + zone_offset_ms(&cal->zone, t);
    struct period_days days = period_days_of(cal, period, floor_div(local_ms, DAY_MS));
    struct span span = { day_start_ms(&cal->zone, days.first), day_start_ms(&cal->zone, days.next) };
    /* A clock set back across midnight shows the old date again after the new one has begun: those minutes stay with the new one,
     * so that periods remain one run of time each. */
    while (t >= span.end_ms) {
        days = period_days_of(cal, period, days.next);
        span = (struct span){ span.end_ms, day_start_ms(&cal->zone, days.next) };
    }
    *ret_span = span;
    return days;
}

struct span calendar_period(const struct calendar *cal, enum period period, int64_t unix_ms)
{
    struct span span;
    (void)period_days_at(cal, period, unix_ms, &span);
    return span;
}

struct span calendar_previous(const struct calendar *cal, enum period period, int64_t unix_ms)
{
    return calendar_period(cal, period, calendar_period(cal, period, unix_ms).start_ms - 1);
}

static int64_t to_day(const struct calendar *cal, int64_t t, int64_t days)
{
    int64_t local_ms = t + zone_offset_ms(&cal->zone, t);
    return zone_first_instant(&cal->zone, days * DAY_MS + floor_mod(local_ms, DAY_MS));
}

int64_t calendar_shift_days(const struct calendar *cal, int64_t unix_ms, int32_t n)
{
    int64_t t = time_clamp(unix_ms);
    return to_day(cal, t, floor_div(t + zone_offset_ms(&cal->zone, t), DAY_MS) + n);
}

int64_t calendar_shift_years(const struct calendar *cal, int64_t unix_ms, int32_t n)
{
    int64_t t = time_clamp(unix_ms);
    struct date d = date_from_days(floor_div(t + zone_offset_ms(&cal->zone, t), DAY_MS));
    if (!date_exists(d.year + n, d.month, d.day))
        d.day = 28; /* 29 February, or out of range: clamped like any other time */
    return to_day(cal, t, date_days(d.year + n, d.month, d.day));
}

int64_t calendar_last_day_ms(const struct calendar *cal, int64_t at_ms)
{
    struct span day = calendar_period(cal, PERIOD_DAY, at_ms);
    return at_ms == day.end_ms - 1 ? at_ms : day.start_ms - 1;
}

/* Local hours (minutes), cut where the offset changes: a change by half an hour leaves a half pane, and an hour that the clock
 * shows twice gives two panes. */
static struct span pane_at(const struct calendar *cal, enum grain grain, int64_t unix_ms)
{
    int64_t length_ms = grain == GRAIN_HOUR ? HOUR_MS : cal->fine_ms ? cal->fine_ms : MINUTE_MS;
    int64_t t = time_clamp(unix_ms);
    struct zone_segment segment = zone_segment_at(&cal->zone, t);
    int64_t start = t - floor_mod(t + segment.offset_ms, length_ms);
    int64_t end = start + length_ms;
    return (struct span){
        .start_ms = start < segment.from_ms ? segment.from_ms : start,
        .end_ms = end > segment.to_ms ? segment.to_ms : end,
    };
}

int64_t pane_start(const struct calendar *cal, enum grain grain, int64_t unix_ms)
{
    return pane_at(cal, grain, unix_ms).start_ms;
}

int64_t pane_end(const struct calendar *cal, enum grain grain, int64_t unix_ms)
{
    return pane_at(cal, grain, unix_ms).end_ms;
}
