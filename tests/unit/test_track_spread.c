/* Money over civil days: parts, remainders, partial days, changes of the clock. */
#include <criterion/criterion.h>

#include "daemon/core/track_spread.h"
#include "test_zones.h"

static const int64_t day = TEST_DAY;

static uint32_t parts(const struct calendar *cal, struct span span, int64_t amount, int64_t *t, int64_t *part)
{
    struct spread s;
    uint32_t n = 0;
    spread_begin(&s, cal, span, amount);
    while (n < 4000 && spread_next(&s, &t[n], &part[n]))
        n++;
    return n;
}

Test(spread, the_first_parts_take_what_is_left_over)
{
    const struct calendar cal = { .zone = zone_utc() };
    int64_t t[4000], part[4000];
    cr_assert_eq(parts(&cal, (struct span){ 0, 3 * day }, 10, t, part), 3u);
    cr_assert_eq(part[0], 4);
    cr_assert_eq(part[1], 3);
    cr_assert_eq(part[2], 3);
    cr_assert_eq(parts(&cal, (struct span){ 0, 3 * day }, -11, t, part), 3u);
    cr_assert_eq(part[0], -4);
    cr_assert_eq(part[1], -4);
    cr_assert_eq(part[2], -3);
}

/* 22:00 to 01:00 touches two days; the first part lies at the start itself, not before it. */
Test(spread, a_day_is_touched_or_not)
{
    const struct calendar cal = { .zone = zone_utc() };
    int64_t t[4000], part[4000];
    cr_assert_eq(parts(&cal, (struct span){ 22 * TEST_HOUR, 25 * TEST_HOUR }, 7, t, part), 2u);
    cr_assert_eq(t[0], 22 * TEST_HOUR);
    cr_assert_eq(t[1], day);
    cr_assert_eq(parts(&cal, (struct span){ 22 * TEST_HOUR, day }, 7, t, part), 1u);
    cr_assert_eq(parts(&cal, (struct span){ 5, 5 }, 7, t, part), 1u);
    cr_assert_eq(t[0], 5);
    cr_assert_eq(part[0], 7);
}

Test(spread, five_years_sum_to_the_whole)
{
    const struct calendar cal = { .zone = zone_utc() };
    int64_t t[4000], part[4000], sum = 0;
    const struct span span = { INT64_C(1577836800000), INT64_C(1735689600000) }; /* 2020 .. 2024: 1827 days */
    uint32_t n = parts(&cal, span, INT64_C(1000000000001), t, part);
    cr_assert_eq(n, 1827u);
    for (uint32_t i = 0; i < n; i++) {
        sum += part[i];
        cr_assert_eq(t[i], span.start_ms + i * day);
    }
    cr_assert_eq(sum, INT64_C(1000000000001));
}
