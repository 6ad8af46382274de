/* Ledgers: netting by cause, the state as of an instant, the packed form, the bounds. */
#include <stdlib.h>

#include <criterion/criterion.h>

#include "daemon/core/ledger.h"

enum { ROOM = LEDGER_ITEMS_MAX + LEDGER_USES_MAX + 8 };

static struct ledger_item item(enum ledger_kind kind, int64_t t_ms, int64_t cause_ms, int64_t value, int32_t n)
{
    return (struct ledger_item){ .kind = kind,
                                 .t_ms = t_ms,
                                 .cause_ms = cause_ms,
                                 .value = value,
                                 .n = n,
                                 .text = { SLICE("ann"), SLICE(""), SLICE("p1"), SLICE("s") } };
}

static uint32_t add(struct ledger_item *v, uint32_t n, struct ledger_item x)
{
    return ledger_add(v, n, &x);
}

Test(ledger, an_amended_sale_is_one_sale_at_every_cause)
{
    struct ledger_item v[8], now[8];
    uint32_t n = add(v, 0, item(LEDGER_SALE, 10, 10, 100, 1));
    n = add(v, n, item(LEDGER_SALE, 10, 20, 100, -1)); /* amended at 20 */
    n = add(v, n, item(LEDGER_SALE, 10, 20, 70, 1));
    n = add(v, n, item(LEDGER_USE, 5, 5, 0, 1));
    cr_assert_eq(n, 4u);
    cr_assert_eq(ledger_as_of(v, n, 4, now), 0u);
    cr_assert_eq(ledger_as_of(v, n, 15, now), 2u);
    cr_assert(now[0].kind == LEDGER_SALE && now[0].value == 100 && now[1].kind == LEDGER_USE);
    cr_assert_eq(ledger_as_of(v, n, 20, now), 2u);
    cr_assert_eq(now[0].value, 70);
    n = add(v, n, item(LEDGER_SALE, 10, 20, 100, 1)); /* the amendment is retracted: nothing of it is left */
    n = add(v, n, item(LEDGER_SALE, 10, 20, 70, -1));
    cr_assert_eq(n, 2u);
    cr_assert_eq(ledger_as_of(v, n, INT64_MAX, now), 2u);
    cr_assert_eq(now[0].value, 100);
}

Test(ledger, two_equal_sales_are_two_and_texts_tell_them_apart)
{
    struct ledger_item v[8], now[8], other = item(LEDGER_SALE, 10, 10, 100, 1);
    uint32_t n = add(v, 0, item(LEDGER_SALE, 10, 10, 100, 1));
    n = add(v, n, item(LEDGER_SALE, 10, 10, 100, 1));
    other.text[LEDGER_REP] = SLICE("bo");
    n = add(v, n, other);
    cr_assert_eq(ledger_as_of(v, n, 10, now), 2u);
    cr_assert_eq(now[0].n, 2);
    cr_assert(slice_eq(now[1].text[LEDGER_REP], SLICE("bo")));
}

Test(ledger, the_packed_form_round_trips_and_damage_is_seen)
{
    struct bytes log = { 0 }, scratch = { 0 };
    struct ledger_item v[8], got[8];
    uint32_t n = 0;
    for (int k = 0; k < LEDGER_KINDS; k++)
        n = add(v, n, item((enum ledger_kind)k, -5 + k, 7 * k, -k * INT64_C(1000000000000), k % 2 ? -1 : 2));
    cr_assert_eq(ledger_pack(v, n, &scratch, &log), 0);
    cr_assert_eq(ledger_count(&log), n);
    cr_assert(ledger_unpack(&log, got));
    for (uint32_t i = 0; i < n; i++) {
        cr_assert(got[i].kind == v[i].kind && got[i].t_ms == v[i].t_ms && got[i].cause_ms == v[i].cause_ms);
        cr_assert(got[i].value == v[i].value && got[i].n == v[i].n);
        cr_assert(slice_eq(got[i].text[LEDGER_PRODUCT], SLICE("p1")));
    }
    cr_assert_eq(ledger_pack(got, n, &scratch, &log), 0, "the items borrow from what is written");
    cr_assert(ledger_unpack(&log, got) && slice_eq(got[n - 1].text[LEDGER_SEGMENT], SLICE("s")));
    log.n--;
    cr_assert_not(ledger_unpack(&log, got));
    log.n = 0;
    cr_assert(ledger_unpack(&log, got) && ledger_count(&log) == 0);
    bytes_release(&log);
    bytes_release(&scratch);
}

Test(ledger, the_oldest_uses_go_first_and_sales_beyond_the_bound_are_counted)
{
    struct ledger_item *v = malloc(ROOM * sizeof *v);
    uint64_t dropped = 0;
    uint32_t n = 0;
    for (int i = 0; i <= LEDGER_USES_MAX; i++)
        n = add(v, n, item(LEDGER_USE, i, i, 0, 1));
    n = ledger_trim(v, n, &dropped);
    cr_assert_eq(n, (uint32_t)LEDGER_USES_MAX);
    cr_assert_eq(v[0].t_ms, 1);
    cr_assert_eq(dropped, 1u);
    for (int i = 0; i < LEDGER_ITEMS_MAX; i++)
        n = add(v, n, item(LEDGER_SALE, i, i, 1, 1));
    cr_assert_eq(ledger_trim(v, n, &dropped), n);
    n = add(v, n, item(LEDGER_SALE, 7, 9, 1, -1)); /* what was withdrawn makes room */
    n = ledger_trim(v, n, &dropped);
    cr_assert_eq(dropped, 1u);
    n = add(v, n, item(LEDGER_SALE, 9000, 9000, 1, 1));
    n = add(v, n, item(LEDGER_SALE, 9001, 9001, 1, 1));
    n = ledger_trim(v, n, &dropped);
    cr_assert_eq(dropped, 2u);
    cr_assert_eq(n, (uint32_t)(LEDGER_ITEMS_MAX + LEDGER_USES_MAX));
    free(v);
}
