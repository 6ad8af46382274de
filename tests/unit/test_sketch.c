/* The sketch: the promised error over the whole range, and nearest-rank quantiles. */
#include <criterion/criterion.h>
#include <math.h>

#include "crmpulse/sketch.h"

static struct sketch_bounds bounds;

static void setup(void)
{
    sketch_bounds_init(&bounds);
}

TestSuite(sketch, .init = setup);

/* 100 * |value - x| <= x, exactly. */
static bool close_enough(int64_t value, int64_t x)
{
    __int128 error = value > x ? (__int128)value - x : (__int128)x - value;
    return error * 100 <= x;
}

Test(sketch, bounds_grow_by_gamma_and_reach_the_end)
{
    cr_assert_eq(bounds.upper[0], 0);
    cr_assert_eq(bounds.upper[1], 1);
    cr_assert_eq(bounds.upper[99], 99, "up to 99 each integer is its own bin");
    cr_assert_eq(bounds.upper[100], 101);
    cr_assert_eq(bounds.upper[101], 103);
    cr_assert_eq(bounds.upper[124], 149, "steps of 2 as long as 2u/99 < 3");
    cr_assert_eq(bounds.upper[125], 152, "149 + 298/99");
    cr_assert_eq(bounds.n, 2067, "u + max(1, 2u/99), iterated with integers of any size");
    cr_assert_eq(bounds.upper[bounds.n - 1], INT64_MAX);
    cr_assert_lt(bounds.n, SKETCH_BINS_MAX);
    for (uint32_t i = 1; i < bounds.n; i++) {
        __int128 low = bounds.upper[i - 1], high = bounds.upper[i];
        cr_assert(high == low + 1 || high * 99 <= low * 101, "bin %u", i);
        cr_assert_gt(high, low, "bin %u", i);
    }
}

Test(sketch, every_bin_keeps_the_error)
{
    for (uint32_t i = 1; i < bounds.n; i++) {
        int64_t first = bounds.upper[i - 1] + 1, last = bounds.upper[i], value = sketch_value(&bounds, i);
        cr_assert_eq(sketch_bin(&bounds, first), i);
        cr_assert_eq(sketch_bin(&bounds, last), i);
        cr_assert(close_enough(value, first) && close_enough(value, last), "bin %u: %lld", i, (long long)value);
    }
    cr_assert_eq(sketch_value(&bounds, UINT32_MAX), sketch_value(&bounds, bounds.n - 1));
}

Test(sketch, sweep_of_values)
{
    for (int64_t x = 1; x < 200000; x++)
        cr_assert(close_enough(sketch_value(&bounds, sketch_bin(&bounds, x)), x), "%lld", (long long)x);
    for (double d = 1; d < 9e18; d *= 1.00037) {
        int64_t x = (int64_t)d;
        cr_assert(close_enough(sketch_value(&bounds, sketch_bin(&bounds, x)), x), "%lld", (long long)x);
    }
    const int64_t edges[] = { INT64_MAX, INT64_MAX - 1, INT64_C(1) << 53, (INT64_C(1) << 53) + 1, 9600000, 234000000 };
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++)
        cr_assert(close_enough(sketch_value(&bounds, sketch_bin(&bounds, edges[i])), edges[i]));
    for (int64_t x = 1; x < 100; x++)
        cr_assert_eq(sketch_value(&bounds, sketch_bin(&bounds, x)), x, "small integers are exact");
}

Test(sketch, zero_and_less_share_bin_0)
{
    cr_assert_eq(sketch_bin(&bounds, 0), 0);
    cr_assert_eq(sketch_bin(&bounds, -1), 0);
    cr_assert_eq(sketch_bin(&bounds, INT64_MIN), 0);
    cr_assert_eq(sketch_value(&bounds, 0), 0);
}

Test(sketch, quantiles_are_nearest_rank) /* T30 */
{
    const struct sketch_count counts[] = { { 1, 1 }, { 2, 1 }, { 3, 1 }, { 4, 1 } };
    static const struct {
        double p;
        int64_t expected;
    } rows[] = { { 0.5, 2 },  { 0.9, 4 }, { 0.25, 1 }, { 0.2500001, 1 }, { 0.250001, 2 },
                 { 0.75, 3 }, { 0, 1 },   { -1, 1 },   { 1, 4 },         { 2, 4 } };
    int64_t value;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cr_assert(sketch_quantile(&bounds, counts, 4, rows[i].p, &value));
        cr_assert_eq(value, rows[i].expected, "p %g: %lld", rows[i].p, (long long)value);
    }
}

Test(sketch, ranks_do_not_suffer_from_doubles)
{
    /* 0.07 * 100 is 7.000000000000001 as a double: the 7th element is 7, not 8. */
    struct sketch_count counts[99];
    int64_t value;
    for (uint32_t i = 0; i < 99; i++)
        counts[i] = (struct sketch_count){ i + 1, i == 98 ? 2 : 1 };
    for (int percent = 1; percent <= 99; percent++) {
        cr_assert(sketch_quantile(&bounds, counts, 99, percent / 100.0, &value));
        cr_assert_eq(value, percent, "p%d", percent);
    }
}

Test(sketch, weights_and_huge_counts)
{
    const struct sketch_count counts[] = { { 0, 10 }, { 5, 80 }, { 7, 10 } };
    int64_t value;
    cr_assert(sketch_quantile(&bounds, counts, 3, 0.1, &value) && value == 0);
    cr_assert(sketch_quantile(&bounds, counts, 3, 0.11, &value) && value == 5);
    cr_assert(sketch_quantile(&bounds, counts, 3, 0.9, &value) && value == 5);
    cr_assert(sketch_quantile(&bounds, counts, 3, 0.91, &value) && value == 7);
    const struct sketch_count huge[] = { { 1, INT64_MAX / 2 }, { 2, INT64_MAX / 2 } };
    cr_assert(sketch_quantile(&bounds, huge, 2, 0.5, &value) && value == 1);
    cr_assert(sketch_quantile(&bounds, huge, 2, 0.500001, &value) && value == 2);
}

Test(sketch, no_sample_no_quantile)
{
    int64_t value = 77;
    const struct sketch_count none[] = { { 3, 0 } }, gone[] = { { 3, 1 }, { 4, -1 } },
                              much[] = { { 1, INT64_MAX }, { 2, 1 } }, one[] = { { 3, 1 } };
    cr_assert_not(sketch_quantile(&bounds, NULL, 0, 0.5, &value));
    cr_assert_not(sketch_quantile(&bounds, none, 1, 0.5, &value));
    cr_assert_not(sketch_quantile(&bounds, gone, 2, 0.5, &value));
    cr_assert_not(sketch_quantile(&bounds, much, 2, 0.5, &value), "the total overflows");
    cr_assert_not(sketch_quantile(&bounds, one, 1, NAN, &value));
    cr_assert_eq(value, 77);
    cr_assert(sketch_quantile(&bounds, one, 1, 0.5, &value) && value == 3);
}
