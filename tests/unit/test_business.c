/* Working time. Expected values are worked out by hand; long spans are compared with a count of single minutes. */
#include <criterion/criterion.h>

#include "crmpulse/calendar.h"
#include "test_zones.h"

static int64_t ms(const char *text)
{
    int64_t t;
    cr_assert_eq(time_parse(NULL, slice_of(text), &t), 0, "%s", text);
    return t;
}

static struct calendar calendar_in(struct zone zone, const struct business *b)
{
    return (struct calendar){ .zone = zone, .week_start = 1, .cycle = PERIOD_MONTH, .business = b };
}

#define H(from, to)                                                                                                    \
    {                                                                                                                  \
        (from) * 3600000, (to)*3600000                                                                                 \
    }

Test(business, friday_evening_to_monday_morning) /* T27 */
{
    struct calendar cal = calendar_in(shanghai, NULL);
    int64_t friday = ms("2025-03-07T17:50+08:00"), monday = ms("2025-03-10T09:10+08:00");
    cr_assert_eq(calendar_business_ms(&cal, friday, monday), 20 * 60000);
    cr_assert_eq(monday - friday, 63 * TEST_HOUR + 20 * 60000);
    const int64_t holiday[] = { ms("2025-03-10T00:00Z") / TEST_DAY };
    struct business b = { .n_holidays = 1, .holiday = holiday };
    for (int i = 0; i < 5; i++)
        b.day[i] = (struct day_hours){ 1, { H(9, 18) } };
    cal.business = &b;
    cr_assert_eq(calendar_business_ms(&cal, friday, monday), 10 * 60000, "a holiday on Monday");
    cr_assert_eq(calendar_business_ms(&cal, friday, ms("2025-03-11T09:10+08:00")), 20 * 60000, "pushes it on");
    cr_assert_eq(calendar_business_days(&cal, friday, ms("2025-03-12T00:00+08:00")), 1,
                 "only Tuesday starts in between");
    cr_assert_eq(calendar_business_next(&cal, ms("2025-03-07T18:00+08:00")), ms("2025-03-11T09:00+08:00"));
    cr_assert_eq(calendar_business_next(&cal, friday), friday);
}

Test(business, edges_and_empty_spans)
{
    struct calendar cal = calendar_in(zone_utc(), NULL);
    int64_t nine = ms("2025-03-03T09:00Z"), six = ms("2025-03-03T18:00Z");
    cr_assert_eq(calendar_business_ms(&cal, nine, six), 9 * TEST_HOUR);
    cr_assert_eq(calendar_business_ms(&cal, nine - 1, six + 1), 9 * TEST_HOUR);
    cr_assert_eq(calendar_business_ms(&cal, six - 1, six + 1), 1);
    cr_assert_eq(calendar_business_ms(&cal, six, nine), 0);
    cr_assert_eq(calendar_business_ms(&cal, nine, nine), 0);
    cr_assert_eq(calendar_business_next(&cal, six - 1), six - 1);
    cr_assert_eq(calendar_business_next(&cal, six), nine + TEST_DAY);
    static const struct business never = { 0 };
    cal.business = &never;
    cr_assert_eq(calendar_business_ms(&cal, 0, INT64_MAX), 0);
    cr_assert_eq(calendar_business_next(&cal, nine), nine);
}

Test(business, several_intervals_a_day)
{
    static const struct business b = {
        .day = { { 2, { H(9, 12), H(13, 18) } }, { 0 }, { 3, { H(0, 2), H(6, 10), H(22, 24) } } }
    };
    struct calendar cal = calendar_in(kolkata, &b);
    cr_assert_eq(calendar_business_ms(&cal, ms("2025-03-03T11:30+05:30"), ms("2025-03-03T13:30+05:30")), TEST_HOUR);
    cr_assert_eq(calendar_business_ms(&cal, ms("2025-03-03T00:00+05:30"), ms("2025-03-10T00:00+05:30")),
                 16 * TEST_HOUR);
    cr_assert_eq(calendar_business_days(&cal, ms("2025-03-03T00:00+05:30"), ms("2025-03-10T00:00+05:30")), 2);
    cr_assert_eq(calendar_business_next(&cal, ms("2025-03-03T12:00+05:30")), ms("2025-03-03T13:00+05:30"));
    cr_assert_eq(calendar_business_next(&cal, ms("2025-03-03T18:00+05:30")), ms("2025-03-05T00:00+05:30"));
}

/* Open round the clock: a day of 23 or 25 hours counts as long as it is; a shift over the change as long as it really is. */
Test(business, clock_changes_inside_working_hours)
{
    struct business b = { 0 };
    for (int i = 0; i < 7; i++)
        b.day[i] = (struct day_hours){ 1, { H(0, 24) } };
    struct calendar cal = calendar_in(berlin, &b);
    int64_t spring = ms("2025-03-30T00:00+01:00"), autumn = ms("2025-10-26T00:00+02:00");
    cr_assert_eq(calendar_business_ms(&cal, spring, spring + 23 * TEST_HOUR), 23 * TEST_HOUR);
    cr_assert_eq(calendar_business_ms(&cal, ms("2025-01-01T00:00+01:00"), ms("2026-01-01T00:00+01:00")),
                 365 * TEST_DAY);
    cr_assert_eq(calendar_business_ms(&cal, ms("2025-03-01T00:00+01:00"), ms("2025-04-01T00:00+02:00")),
                 31 * TEST_DAY - TEST_HOUR);
    cr_assert_eq(calendar_business_ms(&cal, autumn - 20 * TEST_DAY, autumn + 20 * TEST_DAY), 40 * TEST_DAY);
    for (int i = 0; i < 7; i++)
        b.day[i] = (struct day_hours){ 1, { H(1, 4) } };
    cr_assert_eq(calendar_business_ms(&cal, ms("2025-03-20T00:00+01:00"), ms("2025-04-10T00:00+02:00")),
                 (21 * 3 - 1) * TEST_HOUR);
    cr_assert_eq(calendar_business_ms(&cal, ms("2025-10-20T00:00+02:00"), ms("2025-11-10T00:00+01:00")),
                 (21 * 3 + 1) * TEST_HOUR);
    cal.zone = apia; /* 30 December 2011 did not happen there */
    cr_assert_eq(calendar_business_days(&cal, ms("2011-12-20T00:00-10:00"), ms("2012-01-10T00:00+14:00")), 20);
    cr_assert_eq(calendar_business_ms(&cal, ms("2011-12-20T00:00-10:00"), ms("2012-01-10T00:00+14:00")),
                 60 * TEST_HOUR);
}

/* Minute by minute, by what the clock shows: right for hours that no change of the offset touches. */
static int64_t counted_ms(const struct calendar *cal, int64_t from_ms, int64_t to_ms)
{
    int64_t sum = 0;
    for (int64_t t = from_ms; t < to_ms; t += 60000) {
        struct civil c = civil_from_unix(&cal->zone, t);
        const struct day_hours *h = &cal->business->day[c.weekday - 1];
        int64_t day = (t + zone_offset_ms(&cal->zone, t)) / TEST_DAY;
        bool open = false;
        for (uint32_t i = 0; i < h->n; i++)
            open |= c.ms_of_day >= h->v[i].from_ms && c.ms_of_day < h->v[i].to_ms;
        for (uint32_t i = 0; i < cal->business->n_holidays; i++)
            open &= cal->business->holiday[i] != day;
        sum += open ? 60000 : 0;
    }
    return sum;
}

Test(business, long_spans_agree_with_a_count)
{
    const int64_t holiday[] = { ms("2025-01-01T00:00Z") / TEST_DAY, ms("2025-04-18T00:00Z") / TEST_DAY,
                                ms("2025-04-19T00:00Z") / TEST_DAY, ms("2025-05-01T00:00Z") / TEST_DAY };
    struct business b = { .day = { { 1, { H(9, 18) } },
                                   { 2, { H(8, 12), H(13, 17) } },
                                   { 0 },
                                   { 1, { H(10, 20) } },
                                   { 1, { H(9, 15) } },
                                   { 1, { H(9, 12) } } },
                          .n_holidays = 4,
                          .holiday = holiday };
    const struct zone *zones[] = { &berlin, &shanghai, &kolkata, &lord_howe };
    for (size_t z = 0; z < 4; z++) {
        struct calendar cal = calendar_in(*zones[z], &b);
        int64_t start = ms("2024-12-20T00:00Z");
        for (int i = 0; i < 40; i++) {
            int64_t from = start + i * 91 * TEST_HOUR, to = from + (int64_t)i * i * 317 * 60000;
            cr_assert_eq(calendar_business_ms(&cal, from, to), counted_ms(&cal, from, to), "zone %zu, span %d", z, i);
        }
    }
}

Test(business, share_of_working_days)
{
    struct calendar cal = calendar_in(shanghai, NULL);
    struct span march = { ms("2025-03-01T00:00+08:00"), ms("2025-04-01T00:00+08:00") }; /* 21 working days */
    cr_assert_eq(calendar_business_days(&cal, march.start_ms, march.end_ms), 21);
    cr_assert_eq(calendar_business_share(&cal, march, march.start_ms), 0);
    cr_assert_eq(calendar_business_share(&cal, march, ms("2025-03-03T08:59+08:00")), 0,
                 "the 1st and 2nd are a weekend");
    cr_assert_float_eq(calendar_business_share(&cal, march, ms("2025-03-03T13:30+08:00")), 0.5 / 21, 1e-15);
    cr_assert_float_eq(calendar_business_share(&cal, march, ms("2025-03-08T12:00+08:00")), 5.0 / 21, 1e-15);
    cr_assert_eq(calendar_business_share(&cal, march, march.end_ms), 1);
    static const struct business never = { 0 };
    cal.business = &never;
    cr_assert_float_eq(calendar_business_share(&cal, march, march.start_ms + (march.end_ms - march.start_ms) / 4), 0.25,
                       1e-15);
}
