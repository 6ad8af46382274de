/* Civil time: zones, periods, panes and windows. Pure: a zone's rules arrive as a table (config/zone_icu.c makes it with ICU).
 *
 * All intervals are half-open [start, end) in unix ms. Nothing here fails on any int64 time inside years 0001..9999; times outside
 * are treated as the nearer end of that range. */
#ifndef CRMPULSE_CALENDAR_H
#define CRMPULSE_CALENDAR_H

#include <stddef.h>

#include "crmpulse/slice.h"

struct span {
    int64_t start_ms, end_ms;
};

/* Whether an instant lies inside the years 0001..9999. */
bool calendar_holds(int64_t unix_ms);

/* UTC offset in force from at_ms[i] until at_ms[i + 1]; at_ms[0] is INT64_MIN, |offset| < 24 h. The last offset holds for ever.
 * n == 0 (a zeroed struct) means UTC. Owned by whoever built it. */
struct zone {
    const char *name; /* IANA name */
    uint32_t n;
    const int64_t *at_ms;
    const int32_t *offset_ms;
};

/* UTC as a table; needs no free. */
struct zone zone_utc(void);

/* Offset in force at an instant. O(1) for a zone with none or two changes a year, else O(log n). */
int32_t zone_offset_ms(const struct zone *zone, int64_t unix_ms);

struct civil {
    int32_t year, month, day; /* 1-based month and day */
    int32_t weekday;          /* ISO: Monday 1 .. Sunday 7 */
    int32_t ms_of_day;
};
struct civil civil_from_unix(const struct zone *zone, int64_t unix_ms);

/* First instant of a local date; month and day may overflow (month 13 = next January, day 0 = last of the month before).
 * Where midnight is skipped by DST it is the first instant after the gap; a date that the zone skipped is empty (it starts where the
 * next one does). */
int64_t civil_day_start(const struct zone *zone, int32_t year, int32_t month, int32_t day);

enum period { PERIOD_DAY, PERIOD_WEEK, PERIOD_MONTH, PERIOD_QUARTER, PERIOD_HALF, PERIOD_YEAR, PERIOD_COUNT };

/* Working hours of one weekday: intervals of local time, ascending, apart from each other; none: closed. */
enum { DAY_INTERVALS_MAX = 6 };
struct day_hours {
    uint32_t n;
    struct {
        int32_t from_ms, to_ms; /* of the day, 0 <= from < to <= 24 h */
    } v[DAY_INTERVALS_MAX];
};

struct business {
    struct day_hours day[7]; /* Monday first */
    uint32_t n_holidays;
    const int64_t *holiday; /* days since 1970-01-01, ascending, without repetition: closed all day */
};

struct calendar {
    struct zone zone;
    const struct business *business; /* NULL: Monday to Friday 09:00-18:00, no holidays */
    int32_t week_start;              /* ISO weekday a week starts on, default 1 (also for 0) */
    int32_t
        fiscal_shift_months; /* -11..11; 3: fiscal years (and quarters, halves) start on 1 April of the year that names them,
                                  * -3: on 1 October of the year before */
    int64_t go_live_ms;      /* the first instant of the day the CRM went live, 0: not told */
    enum period cycle;       /* the org's appraisal cycle, default PERIOD_MONTH */
    int64_t fine_ms;         /* length of a fine pane: a divisor of a minute; 0: a minute */
};

/* The period that holds an instant, and the one before it. Periods follow each other without gap or overlap: where a clock is set back
 * across midnight, the repeated minutes stay with the new day. Days last 23, 24 or 25 h (or whatever the zone did). */
struct span calendar_period(const struct calendar *cal, enum period period, int64_t unix_ms);
struct span calendar_previous(const struct calendar *cal, enum period period, int64_t unix_ms);

/* "2025-03-04", "2025-W01", "2025-03", "2025-Q1", "2025-H1", "2025" (with a fiscal shift: "FY2024-Q4", "FY2024-H2", "FY2024"). A week is
 * named after the year of its fourth day (ISO for weeks from Monday). Returns the length, 0 if cap is too small. */
size_t calendar_label(const struct calendar *cal, enum period period, int64_t unix_ms, char *buf, size_t cap);

/* The inverse for target_set.cycle: a label as above (a bare year, quarter, month, week, day, half); -1 if it is none, or names a date or
 * week that does not exist. "FY" may be left out or added: quarter, half and year are always those of cal. */
int calendar_parse_label(const struct calendar *cal, struct slice label, enum period *ret_period,
                         struct span *ret_span);

/* Panes: the smallest slices a measure is kept in. A minute pane is as long as the calendar's fine_ms says. Hour panes follow civil hours (zones may be 30 or 45 minutes off UTC). A change of the
 * offset always ends a pane: a repeated hour gives two panes, a change by 30 minutes leaves a pane of 30. Periods begin with a pane. */
enum grain { GRAIN_MINUTE, GRAIN_HOUR, GRAIN_COUNT };
int64_t pane_start(const struct calendar *cal, enum grain grain, int64_t unix_ms);
int64_t pane_end(const struct calendar *cal, enum grain grain, int64_t unix_ms);

/* Working time in [from, to), 0 if to <= from. Exact where the clock is changed inside working hours: real time counts. O(log holidays + changes
 * of the offset in between). */
int64_t calendar_business_ms(const struct calendar *cal, int64_t from_ms, int64_t to_ms);
/* Working days (with hours, no holidays) whose first instant lies in [from, to). The same cost. */
int64_t calendar_business_days(const struct calendar *cal, int64_t from_ms, int64_t to_ms);
/* The first instant not before t_ms that is working time; t_ms where the next 400 days have none. */
int64_t calendar_business_next(const struct calendar *cal, int64_t t_ms);
/* The part of a span's working days that has passed at at_ms, 0..1: each working day weighs the same, the present one by its working time.
 * A span without working days passes like real time. */
double calendar_business_share(const struct calendar *cal, struct span span, int64_t at_ms);

enum window_kind {
    WINDOW_ROLLING, /* ends with the pane of `at`, starts one length earlier (if that is inside a pane, which takes an offset change by
                     * a part of an hour in between: at that pane's start) */
    WINDOW_PERIOD,  /* the whole civil period that holds `at` */
    WINDOW_TO_DATE, /* from the start of the org's cycle to the end of the pane of `at` */
    WINDOW_DAYS,    /* so many civil days, the last being that of `at`, to the end of the pane of `at` */
    WINDOW_CLOSED,  /* the org's last complete cycle */
    WINDOW_LIVE,    /* since the org's go-live to the end of the pane of `at`; empty before it, and without one */
    WINDOW_FIVE_YEARS, /* five years from the go-live, then the next five; without one the fiscal year of `at` and the four before it */
    WINDOW_GAUGE, /* no panes: the state as of `at` */
    WINDOW_SPAN   /* fixed, widened to whole panes */
};

struct window {
    enum window_kind kind;
    enum period period; /* WINDOW_PERIOD */
    int64_t length_ms;  /* WINDOW_ROLLING; WINDOW_DAYS: days x 24 h */
    struct span span;   /* WINDOW_SPAN, as asked for */
    char name
        [48]; /* canonical: 5m 1h 24h 7d 30d .. 7cd .. d w m q h y td cy g live 5y, or START..END in ms as asked for */
};

/* Parse "5m", "1h", "24h", "7d", "r30" (= 30d), "r24h", "7cd" (civil days), "d", "w", "m", "q", "h", "y", "td", "cy", "g", "live", "5y", "START..END" (ms or ISO 8601 with
 * zone, or a bare date, which needs `cal`; cal may be NULL otherwise). Rolling lengths are whole seconds ("10s") up to an hour, whole hours
 * above, at most 36600 d; equal lengths get one name ("48h" is "2d", "1d" is "24h", "60m" is "1h", "60s" is "1m"). Returns 0 or -1. */
int window_parse(const struct calendar *cal, struct slice text, struct window *ret);

/* Whether a window is a whole number of panes where fine ones are fine_ms long (0: a minute): "10s" is none of minutes. */
bool window_fits(const struct window *w, int64_t fine_ms);

/* Panes of windows (rolling or fixed) up to one hour are minutes, else civil hours. */
enum grain window_grain(const struct window *w);

/* Where the window lies at instant `at_ms`: a run of whole panes. A gauge gives [at, at]. */
struct span window_span(const struct calendar *cal, const struct window *w, int64_t at_ms);

/* The equal-kind window to compare with: the previous period; for rolling windows the one ending where this one starts; for
 * to-date and periods with same_elapsed, the previous cycle cut at the same elapsed time (not longer than that cycle). Elapsed is real
 * time from the period's start to the end of at's pane. Without same_elapsed, to-date compares with the whole previous cycle. A span
 * is compared with one of its length before it, a gauge with itself. The base is short where its length is below window_span's. */
struct span window_previous(const struct calendar *cal, const struct window *w, int64_t at_ms, bool same_elapsed);

/* Where a window is read: its own span, or one to compare with. */
enum compared {
    COMPARED_NOT,
    COMPARED_ELAPSED, /* window_previous with same_elapsed */
    COMPARED_WHOLE,   /* window_previous without */
    COMPARED_YEAR, /* a civil year earlier: both ends by the calendar (29 February: the 28th), weeks by 52 weeks; civil windows cut at the
                        * time elapsed as with same_elapsed */
    COMPARED_LAST_DAY, /* positioned at the end of the last complete day; a day is complete at its last millisecond */
    COMPARED_COUNT
};
struct span window_compared(const struct calendar *cal, const struct window *w, int64_t at_ms, enum compared compared);
/* Where WINDOW_FIVE_YEARS lies. */
struct span calendar_five_years(const struct calendar *cal, int64_t at_ms);
/* The last instant of the last complete day. */
int64_t calendar_last_day_ms(const struct calendar *cal, int64_t at_ms);
/* The same local date and time n days later or earlier; n years later or earlier. */
int64_t calendar_shift_days(const struct calendar *cal, int64_t unix_ms, int32_t n);
int64_t calendar_shift_years(const struct calendar *cal, int64_t unix_ms, int32_t n);

/* "2025-03-27T02:00:00Z", "...+08:00", "2025-03-27" (midnight in cal's zone, UTC if NULL) or decimal ms. Seconds may be left out or have
 * up to 9 decimals (ms are kept, the rest dropped); a local time without zone is refused. Years 0001..9999. Returns 0 or -1. */
int time_parse(const struct calendar *cal, struct slice text, int64_t *ret_unix_ms);

/* "2025-03-27T02:00:00.000Z" (24 bytes); decimal ms outside years 0001..9999. Returns the length, 0 if cap is too small. */
size_t time_format(int64_t unix_ms, char *buf, size_t cap);

#endif
