/* Offsets of a zone: lookup by instant and by local time. The table comes from outside (config/zone_icu.c); rules are not
 * extrapolated past its last entry. */
#include "civil.h"

#define HALF_YEAR_MS INT64_C(15778476000)

static const int64_t utc_at_ms[1] = { INT64_MIN };
static const int32_t utc_offset_ms[1] = { 0 };

struct zone zone_utc(void)
{
    return (struct zone){ .name = "UTC", .n = 1, .at_ms = utc_at_ms, .offset_ms = utc_offset_ms };
}

static bool holds(const struct zone *zone, uint32_t i, int64_t unix_ms)
{
    return zone->at_ms[i] <= unix_ms && unix_ms < zone->at_ms[i + 1];
}

static uint32_t search(const struct zone *zone, int64_t unix_ms)
{
    uint32_t low = 0, high = zone->n; /* at[low] <= t < at[high] */
    while (high - low > 1) {
        uint32_t mid = low + (high - low) / 2;
        if (zone->at_ms[mid] <= unix_ms)
            low = mid;
        else
            high = mid;
    }
    return low;
}

/* A zone without summer time answers from its last entry. One with summer time has two entries a year, so counting half years
 * back from the last entry lands on the right one or beside it; irregular years fall through to the search. */
static uint32_t segment_index(const struct zone *zone, int64_t unix_ms)
{
    uint32_t last = zone->n - 1;
    if (unix_ms >= zone->at_ms[last])
        return last;
    uint64_t back = ((uint64_t)zone->at_ms[last] - (uint64_t)unix_ms) / HALF_YEAR_MS;
    if (back + 1 < last) {
        uint32_t guess = last - 1 - (uint32_t)back;
        if (holds(zone, guess, unix_ms))
            return guess;
        if (holds(zone, guess - 1, unix_ms))
            return guess - 1;
        if (holds(zone, guess + 1, unix_ms))
            return guess + 1;
    }
    return search(zone, unix_ms);
}

struct zone_segment zone_segment_at(const struct zone *zone, int64_t unix_ms)
{
    if (zone->n == 0)
        return (struct zone_segment){ INT64_MIN, INT64_MAX, 0 };
    uint32_t i = segment_index(zone, unix_ms);
    return (struct zone_segment){
        .from_ms = zone->at_ms[i],
        .to_ms = i + 1 < zone->n ? zone->at_ms[i + 1] : INT64_MAX,
        .offset_ms = zone->offset_ms[i],
    };
}

int32_t zone_offset_ms(const struct zone *zone, int64_t unix_ms)
{
    return zone->n ? zone->offset_ms[segment_index(zone, unix_ms)] : 0;
}

int64_t zone_first_instant(const struct zone *zone, int64_t local_ms)
{
    if (zone->n == 0)
        return local_ms;
    /* Offsets are shorter than a day, so every instant before local_ms - 1 day shows an earlier local time. */
    uint32_t i = segment_index(zone, local_ms - DAY_MS);
    while (i + 1 < zone->n && local_ms >= zone->at_ms[i + 1] + zone->offset_ms[i])
        i++;
    int64_t unix_ms = local_ms - zone->offset_ms[i];
    return unix_ms < zone->at_ms[i] ? zone->at_ms[i] : unix_ms; /* inside a gap: the first instant after it */
}

int64_t day_start_ms(const struct zone *zone, int64_t days)
{
    /* A year of room on both sides: a period that holds the first or the last day may reach past it. */
    int64_t low = TIME_MIN_MS / DAY_MS - 366, high = TIME_MAX_MS / DAY_MS + 366;
    days = days < low ? low : days > high ? high : days;
    return zone_first_instant(zone, days * DAY_MS);
}

int64_t civil_day_start(const struct zone *zone, int32_t year, int32_t month, int32_t day)
{
    return day_start_ms(zone, date_days(year, month, day));
}

struct civil civil_from_unix(const struct zone *zone, int64_t unix_ms)
{
    int64_t t = time_clamp(unix_ms);
    int64_t local_ms = t + zone_offset_ms(zone, t);
    int64_t days = floor_div(local_ms, DAY_MS);
    struct date date = date_from_days(days);
    return (struct civil){
        .year = date.year,
        .month = date.month,
        .day = date.day,
        .weekday = days_weekday(days),
        .ms_of_day = (int32_t)(local_ms - days * DAY_MS),
    };
}
