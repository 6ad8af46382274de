#include <criterion/criterion.h>

#include "../../daemon/core/workdays.h"

static const int64_t day_ms = 86400000, monday_ms = 1741564800000; /* 2025-03-10T00:00Z */

static int64_t between(const struct calendar *cal, int64_t from_ms, int64_t to_ms)
{
    return workdays_before(cal, to_ms) - workdays_before(cal, from_ms);
}

Test(workdays, a_week_has_five)
{
    const struct calendar utc = { .week_start = 1 };
    for (int64_t i = 0; i < 14; i++)
        cr_assert_eq(between(&utc, monday_ms + i * day_ms, monday_ms + (i + 7) * day_ms), 5);
    static const int64_t from_monday[] = { 0, 1, 2, 3, 4, 5, 5, 5, 6 };
    for (int64_t i = 0; i < 9; i++)
        cr_assert_eq(between(&utc, monday_ms, monday_ms + i * day_ms), from_monday[i], "after %d days", (int)i);
}

Test(workdays, those_that_start_in_the_span_count)
{
    const struct calendar utc = { .week_start = 1 };
    cr_assert_eq(between(&utc, monday_ms, monday_ms + 1), 1);
    cr_assert_eq(between(&utc, monday_ms + 1, monday_ms + day_ms), 0);
    cr_assert_eq(between(&utc, monday_ms + 1, monday_ms + day_ms + 1), 1);
    cr_assert_eq(between(&utc, monday_ms - 2 * day_ms, monday_ms), 0);
    cr_assert_eq(between(&utc, 0, 1), 1); /* 1970-01-01 was a Thursday */
    cr_assert_eq(between(&utc, -day_ms, monday_ms),
                 14398); /* 2879 weeks from Monday 1970-01-05, and three days before */
}

Test(workdays, dates_are_local)
{
    const struct calendar shanghai = { .zone = { "Asia/Shanghai", 1, (int64_t[]){ INT64_MIN },
                                                 (int32_t[]){ 28800000 } } };
    cr_assert_eq(between(&shanghai, monday_ms - 8 * 3600000, monday_ms - 8 * 3600000 + 1), 1);
    cr_assert_eq(between(&shanghai, monday_ms - 8 * 3600000 - 1, monday_ms - 8 * 3600000), 0);
}

Test(workdays, hours_and_holidays_of_the_org)
{
    static const int64_t holiday[] = { 20159, 20164 }; /* Wednesday 12 and Monday 17 March 2025 */
    struct business b = { .n_holidays = 2, .holiday = holiday };
    for (int i = 0; i < 6; i++) /* Saturdays are worked */
        b.day[i] = (struct day_hours){ 1, { { 9 * 3600000, 12 * 3600000 } } };
    const struct calendar utc = { .week_start = 1, .business = &b };
    cr_assert_eq(between(&utc, monday_ms, monday_ms + 7 * day_ms), 5);
    cr_assert_eq(between(&utc, monday_ms + 7 * day_ms, monday_ms + 14 * day_ms), 5);
    cr_assert_eq(between(&utc, monday_ms + 14 * day_ms, monday_ms + 21 * day_ms), 6);
}
