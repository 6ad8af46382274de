/* Hours with parked cells: each once, the earliest first, due when they have ended. */
#include <criterion/criterion.h>

#include "daemon/parked.h"

#define HOUR INT64_C(3600000)

Test(parked, hours_come_due_in_order_and_once)
{
    struct parked p;
    struct slice org;
    int64_t hour;
    parked_init(&p);
    cr_assert_not(parked_due(&p, INT64_MAX, &org, &hour));
    static const int64_t hours[] = { 5, 2, 9, 2, 5, 1, 7 };
    for (size_t i = 0; i < sizeof hours / sizeof hours[0]; i++)
        cr_assert_eq(parked_note(&p, i % 2 ? SLICE("b") : SLICE("a"), hours[i] * HOUR), 0);
    cr_assert_eq(p.n, 5u, "a has hour 5 twice, b hour 2");
    cr_assert_not(parked_due(&p, 2 * HOUR - 1, &org, &hour));
    cr_assert(parked_due(&p, 2 * HOUR, &org, &hour));
    cr_assert(hour == HOUR && slice_eq(org, SLICE("b")));
    cr_assert_not(parked_due(&p, INT64_MIN, &org, &hour));
    int64_t before = 0;
    uint32_t n = 0;
    for (; parked_due(&p, 100 * HOUR, &org, &hour); n++, before = hour) {
        cr_assert(hour >= before);
        parked_drop_first(&p);
    }
    cr_assert_eq(n, 5u);
    parked_clear(&p);
    cr_assert_eq(parked_note(&p, SLICE("c"), HOUR), 0);
    cr_assert(parked_due(&p, 3 * HOUR, &org, &hour) && slice_eq(org, SLICE("c")));
    parked_release(&p);
}
