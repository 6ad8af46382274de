/* Before and after, and trend: the worked examples of the domain specification 4.8 and the edges. */
#include <criterion/criterion.h>
#include <string.h>

#include "crmpulse/before_after.h"

Test(before_after, win_rate_of_the_example)
{
    struct change c = change_of_rates((struct rate_sample){ 54, 180 }, (struct rate_sample){ 81, 216 }, false);
    cr_assert_float_eq(c.before, .300, 1e-12);
    cr_assert_float_eq(c.after, .375, 1e-12);
    cr_assert_float_eq(c.relative, .25, 1e-12);
    cr_assert_float_eq(c.statistic, 1.568, .0005);
    cr_assert_eq(c.verdict, CHANGE_NONE);
    cr_assert_str_eq(change_verdict_name(c.verdict), "no clear change");
}

Test(before_after, cycle_of_the_example)
{
    struct mean_sample before = { 42, 12, 60 }, after = { 37, 11, 72 };
    struct change c = change_of_means(before, after, true);
    cr_assert_float_eq(c.relative, -.119, .0005);
    cr_assert_float_eq(c.statistic, -2.475, .0005);
    cr_assert_eq(c.verdict, CHANGE_IMPROVED);
    cr_assert_eq(change_of_means(before, after, false).verdict, CHANGE_WORSENED, "the same numbers, higher is better");
    cr_assert_eq(change_of_means(after, before, true).verdict, CHANGE_WORSENED);
}

Test(before_after, thirty_on_each_side)
{
    struct mean_sample small = { 42, 1, 29 }, enough = { 42, 1, 30 }, after = { 20, 1, 100 };
    cr_assert_eq(change_of_means(small, after, true).verdict, CHANGE_TOO_LITTLE_DATA);
    cr_assert_eq(change_of_means(after, small, true).verdict, CHANGE_TOO_LITTLE_DATA);
    cr_assert_eq(change_of_means(enough, after, true).verdict, CHANGE_IMPROVED);
    struct change c = change_of_rates((struct rate_sample){ 0, 0 }, (struct rate_sample){ 5, 50 }, false);
    cr_assert(c.values_null && c.relative_is_null && c.statistic_is_null);
    cr_assert_eq(c.verdict, CHANGE_TOO_LITTLE_DATA);
}

/* Sure but tiny: 1.9 % stays silent, 2 % speaks. */
Test(before_after, two_percent_is_the_least)
{
    struct mean_sample before = { 1000, 1, 1000 };
    cr_assert_eq(change_of_means(before, (struct mean_sample){ 1019, 1, 1000 }, false).verdict, CHANGE_NONE);
    cr_assert_eq(change_of_means(before, (struct mean_sample){ 1020, 1, 1000 }, false).verdict, CHANGE_IMPROVED);
}

Test(before_after, from_zero_and_without_spread)
{
    struct change c = change_of_rates((struct rate_sample){ 0, 100 }, (struct rate_sample){ 20, 100 }, false);
    cr_assert(c.relative_is_null, "no base, not infinity");
    cr_assert_eq(c.verdict, CHANGE_IMPROVED, "z = .2 / sqrt(.1 x .9 / 50) = 4.71");
    c = change_of_rates((struct rate_sample){ 0, 100 }, (struct rate_sample){ 0, 100 }, false);
    cr_assert(c.statistic_is_null);
    cr_assert_eq(c.verdict, CHANGE_NONE);
    c = change_of_means((struct mean_sample){ 10, 0, 50 }, (struct mean_sample){ 12, 0, 50 }, false);
    cr_assert(c.statistic_is_null);
    cr_assert_eq(c.verdict, CHANGE_IMPROVED, "every single one rose");
}

Test(trend, the_example)
{
    const double y[] = { .31, .33, .32, .35, .36, .375 };
    struct trend t = trend_of(y, 6);
    cr_assert_float_eq(t.slope, .0125, 1e-12);
    cr_assert_eq(t.s, 13);
    cr_assert_float_eq(t.z, 2.254, .0005);
    cr_assert_eq(t.direction, TREND_RISING);
    cr_assert_str_eq(trend_direction_name(t.direction), "rising");
}

Test(trend, only_the_last_six_count)
{
    const double y[] = { 100, 90, .31, .33, .32, .35, .36, .375 };
    struct trend t = trend_of(y, 8);
    cr_assert_eq(t.n, 6);
    cr_assert_eq(t.s, 13);
}

Test(trend, edges)
{
    const double falling[] = { 6, 5, 4, 3, 2, 1 }, flat[] = { 3, 3, 3, 3, 3, 3 }, three[] = { 1, 2, 4 };
    struct trend t = trend_of(falling, 6);
    cr_assert_eq(t.s, -15);
    cr_assert_eq(t.slope, -1);
    cr_assert_eq(t.direction, TREND_FALLING);
    cr_assert_float_eq(t.z, -14 / 5.322906474223771, 1e-9);
    t = trend_of(flat, 6);
    cr_assert(t.z == 0 && t.slope == 0 && t.direction == TREND_NONE);
    t = trend_of(three, 3);
    cr_assert_eq(t.slope, 1.5, "1, 1.5, 2");
    cr_assert_eq(t.direction, TREND_NONE, "three points prove nothing");
    cr_assert(trend_of(three, 1).is_null);
    cr_assert(trend_of(NULL, 0).is_null);
}
