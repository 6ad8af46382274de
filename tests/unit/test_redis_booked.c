/* The hashes "booked" and "counters" in a real Redis: the one is written whole, and only over what was read; the other is added to. */
#include "test_redis_rig.h"

static struct answer book(struct rig *g, const char *was, const char *hash)
{
    const struct slice pairs[] = { SLICE("switch:sales_basis"), SLICE("deals"), SLICE("hash"), slice_of(hash) };
    struct answer a = { 0 };
    cr_assert_eq(redis_store_book(g->store, slice_of(was), pairs, 2, on_flush, &a), 0);
    rig_await(g, &a);
    return a;
}

Test(redis_booked, written_over_what_was_read)
{
    struct rig g = { 0 };
    rig_start(&g, NULL);
    cr_assert_eq(book(&g, "", "h1").r, STORE_OK);
    ASK(&g, "deals h1", "HMGET cp:{3}:booked switch:sales_basis hash");
    struct answer a = book(&g, "", "h2");
    cr_assert_eq(a.r, STORE_STALE);
    cr_assert(strstr(a.detail, "another daemon"), "%s", a.detail);
    ASK(&g, "h1", "HGET cp:{3}:booked hash");
    ASK(&g, "1", "HSET cp:{3}:booked measure:gone x");
    cr_assert_eq(book(&g, "h1", "h2").r, STORE_OK);
    ASK(&g, "2 h2", "EVAL %s 1 cp:{3}:booked",
        "return {redis.call('HLEN', KEYS[1]), redis.call('HGET', KEYS[1], 'hash')}");
    rig_stop(&g);
}

Test(redis_booked, foreign_keys_are_left_alone)
{
    struct rig g = { 0 };
    rig_start(&g, NULL);
    ASK(&g, "OK", "SET cp:{3}:booked mine");
    struct answer a = book(&g, "", "h1");
    cr_assert_eq(a.r, STORE_BROKEN);
    cr_assert(strstr(a.detail, "cp:{3}:booked is a string"), "%s", a.detail);
    ASK(&g, "mine", "GET cp:{3}:booked");
    ASK(&g, "1", "DEL cp:{3}:booked");
    ASK(&g, "1", "HSET cp:{3}:meta layout 7 other 0");
    cr_assert_eq(book(&g, "", "h1").r, STORE_BROKEN);
    ASK(&g, "0", "EXISTS cp:{3}:booked");
    rig_stop(&g);
}

Test(redis_booked, counters_add_up)
{
    struct rig g = { 0 };
    const struct slice pairs[] = { SLICE("late"), SLICE("2"), SLICE("applied"), SLICE("40") };
    rig_start(&g, NULL);
    for (int i = 0; i < 2; i++) {
        struct answer a = { 0 };
        cr_assert_eq(redis_store_tally(g.store, pairs, 2, on_flush, &a), 0);
        rig_await(&g, &a);
        cr_assert_eq(a.r, STORE_OK);
    }
    ASK(&g, "4 80", "HMGET cp:{3}:counters late applied");
    rig_stop(&g);
}
