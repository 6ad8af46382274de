/* Texts put together without printf read as printf would write them. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

#include "daemon/line.h"

static uint64_t next(uint64_t *seed)
{
    uint64_t z = (*seed += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void check_general(double v)
{
    struct line l;
    char want[64];
    l.n = 0;
    line_add_general(&l, v);
    int n = snprintf(want, sizeof want, "%.10g", v);
    cr_assert(l.n == (uint32_t)n && memcmp(l.buf, want, l.n) == 0, "%.*s instead of %s (%a)", (int)l.n, l.buf, want, v);
}

static void check_number(double v, const char *want)
{
    struct line l;
    l.n = 0;
    line_add_number(&l, v);
    cr_assert(l.n == strlen(want) && memcmp(l.buf, want, l.n) == 0, "%.*s instead of %s", (int)l.n, l.buf, want);
}

Test(line, edges_read_as_printf_writes_them)
{
    static const double v[] = { 0.0,
                                -0.0,
                                1,
                                -1,
                                0.5,
                                1.5,
                                0.1,
                                1e-4,
                                9.9999e-5,
                                1e-5,
                                0.00012345,
                                9999999999.0,
                                9999999999.4,
                                9999999999.6,
                                1e10,
                                1e15,
                                9e15,
                                1e300,
                                5e-324,
                                0.99999999999,
                                9.9999999995,
                                999999999.95,
                                1234567890.5,
                                1234567891.5,
                                0.12345678905,
                                1e-4 - 1e-18,
                                2.0 / 3,
                                1.0 / 3 };
    for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
        check_general(v[i]);
        check_general(-v[i]);
        check_general(nextafter(v[i], 1e308));
        check_general(nextafter(v[i], -1e308));
    }
    check_general(INFINITY);
    check_general(NAN);
}

Test(line, random_numbers_read_as_printf_writes_them)
{
    uint64_t seed = 7;
    for (int i = 0; i < 300000; i++) {
        uint64_t a = next(&seed), b = next(&seed);
        check_general((double)(int64_t)a / pow(10, (double)(b % 24)));
        check_general((double)(a % 10000) / (double)(1 + b % 10000));
        check_general((double)(a % 2000000000001) / 200.0); /* ends in ..5: ties, and what only looks like one */
    }
}

Test(line, whole_numbers_are_whole_up_to_9e15)
{
    check_number(0, "0");
    check_number(-0.0, "0");
    check_number(12345678901234, "12345678901234");
    check_number(-8999999999999999, "-8999999999999999");
    check_number(9e15, "9e+15");
    check_number(0.25, "0.25");
    check_number(-1e18, "-1e+18");
}

Test(line, what_does_not_fit_is_cut_off)
{
    struct line l;
    l.n = 0;
    for (int i = 0; i < 1000; i++)
        line_add(&l, SLICE("0123456789"));
    cr_assert_eq(l.n, sizeof l.buf);
    line_add_escaped(&l, SLICE("a:b"));
    line_add_int(&l, 5);
    cr_assert_eq(l.n, sizeof l.buf);
}

Test(line, subjects_are_escaped)
{
    struct line l;
    l.n = 0;
    line_add_escaped(&l, SLICE("a|b"));
    line_add_int(&l, INT64_MIN);
    cr_assert(l.n == 25 && memcmp(l.buf, "a%7Cb-9223372036854775808", 25) == 0, "%.*s", (int)l.n, l.buf);
}
