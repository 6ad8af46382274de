/* The evaluator's side of the Redis store on a real server: lease, fenced commits, panes with their feed sequence, feed, outbox. */
#include "test_redis_rig.h"

static const int64_t soon_ms = INT64_C(4102444800000); /* 2100-01-01 */

static void flush_cell(struct rig *g, struct slice key, struct slice field, int64_t value, struct slice feed)
{
    struct store_cell cell = { key, field, value, soon_ms };
    struct store_flush f = { .n_cells = 1, .cell = &cell, .feed = feed };
    cr_assert_eq(rig_flush(g, &f).r, STORE_OK);
}

Test(redis_evaluate, a_lease_is_taken_extended_kept_and_taken_over)
{
    struct rig g = { 0 };
    rig_start(&g, NULL);
    flush_cell(&g, SLICE("pane:a:h:0"), SLICE("x"), 1, SLICE("d"));
    struct answer a = rig_lease(&g, "one", 0, 60000);
    cr_assert_eq(a.r, STORE_OK);
    cr_assert_eq(a.lease.epoch, 1);
    cr_assert(a.lease.fresh);
    cr_assert_eq(a.lease.ttl_ms, 60000);
    cr_assert_eq(a.lease.feed_seq, 1u);
    a = rig_lease(&g, "one", 1, 60000);
    cr_assert_eq(a.lease.epoch, 1);
    cr_assert_not(a.lease.fresh);
    a = rig_lease(&g, "two", 0, 60000);
    cr_assert_eq(a.lease.epoch, 0);
    cr_assert(a.lease.ttl_ms > 50000 && a.lease.ttl_ms <= 60000, "%" PRId64, a.lease.ttl_ms);
    /* given up: ttl 0; the next epoch goes to the other */
    cr_assert_eq(rig_lease(&g, "one", 1, 0).lease.epoch, 1);
    a = rig_lease(&g, "two", 0, 100);
    cr_assert_eq(a.lease.epoch, 2);
    cr_assert(a.lease.fresh);
    cr_assert_eq(rig_lease(&g, "one", 1, 100).lease.epoch, 0);
    /* expired: an owner that nobody followed may go on, but another may take it */
    usleep(150000);
    a = rig_lease(&g, "two", 2, 100);
    cr_assert_eq(a.lease.epoch, 2);
    cr_assert_not(a.lease.fresh);
    usleep(150000);
    cr_assert_eq(rig_lease(&g, "one", 1, 60000).lease.epoch, 3);
    cr_assert_eq(rig_lease(&g, "two", 2, 60000).lease.epoch, 0);
    /* the same name after a restart need not wait */
    a = rig_lease(&g, "one", 0, 60000);
    cr_assert_eq(a.lease.epoch, 4);
    cr_assert(a.lease.fresh);
    rig_stop(&g);
}

/* Redis' clock was an hour ahead when the lease was taken, and its holder died: nobody waits for an hour. */
Test(redis_evaluate, a_lease_from_before_the_clock_went_back_ends)
{
    struct rig g = { 0 };
    rig_start(&g, NULL);
    flush_cell(&g, SLICE("pane:a:h:0"), SLICE("x"), 1, SLICE("d"));
    cr_assert_eq(rig_lease(&g, "one", 0, 3600000).lease.epoch, 1);
    struct answer a = rig_lease(&g, "two", 0, 0); /* who gives up what it does not hold changes nothing */
    cr_assert_eq(a.lease.epoch, 0);
    cr_assert(a.lease.ttl_ms > 3500000, "%" PRId64, a.lease.ttl_ms);
    a = rig_lease(&g, "two", 0, 200000);
    cr_assert_eq(a.lease.epoch, 0);
    cr_assert(a.lease.ttl_ms > 3500000, "not so much longer: %" PRId64, a.lease.ttl_ms);
    a = rig_lease(&g, "two", 0, 100);
    cr_assert_eq(a.lease.epoch, 0, "not at once: its holder may live");
    cr_assert(a.lease.ttl_ms <= 100, "%" PRId64, a.lease.ttl_ms);
    cr_assert_eq(rig_lease(&g, "one", 1, 3600000).lease.epoch, 1, "who lives extends it");
    rig_lease(&g, "two", 0, 100);
    usleep(150000);
    cr_assert_eq(rig_lease(&g, "two", 0, 100).lease.epoch, 2);
    rig_stop(&g);
}

#define ARGS(...)                                                                                                      \
    .n_args = sizeof((const struct slice[]){ __VA_ARGS__ }) / sizeof(struct slice), .args = (const struct slice[])     \
    {                                                                                                                  \
        __VA_ARGS__                                                                                                    \
    }

Test(redis_evaluate, a_commit_writes_views_and_outbox_for_the_holder_only)
{
    struct rig g = { 0 };
    rig_start(&g, NULL);
    for (int i = 0; i < 3; i++)
        flush_cell(&g, SLICE("pane:a:h:0"), SLICE("x"), 1, SLICE("d"));
    rig_lease(&g, "one", 0, 60000);
    const struct store_op ops[] = {
        { SLICE("HSET"), SLICE("view:acme:30d"),
          ARGS(SLICE("org:|win_rate"), SLICE("0.42"), SLICE("org:|won"), SLICE("5")) },
        { SLICE("ZADD"), SLICE("board:acme:sales"),
          ARGS(SLICE("12.5"), SLICE("rep:ann"), SLICE("-3"), SLICE("rep:bob")) },
        { SLICE("HDEL"), SLICE("view:acme:30d"), ARGS(SLICE("org:|won")) },
        { SLICE("ZREM"), SLICE("board:acme:sales"), ARGS(SLICE("rep:bob")) },
        { SLICE("PEXPIREAT"), SLICE("view:acme:30d"), ARGS(SLICE("4102444800000")) },
    };
    const struct store_out out = { SLICE("alerts"), SLICE("acme"), SLICE("id1"), SLICE("crmpulse.alert.v1"),
                                   SLICE("bytes") };
    struct store_commit c = {
        .lease_epoch = 1, .n_ops = 5, .op = ops, .n_outs = 1, .out = &out, .trim_feed_before = 3
    };
    struct answer a = rig_commit(&g, &c);
    cr_assert_eq(a.r, STORE_OK, "%s", a.detail);
    ASK(&g, "org:|win_rate 0.42", "HGETALL cp:{3}:view:acme:30d");
    ASK(&g, "rep:ann 12.5", "ZRANGE cp:{3}:board:acme:sales 0 -1 WITHSCORES");
    ASK(&g, "4102444800000", "PEXPIRETIME cp:{3}:view:acme:30d");
    ASK(&g, "1-0 topic alerts key acme id id1 type crmpulse.alert.v1 payload bytes", "XRANGE cp:{3}:outbox - +");
    ASK(&g, "3-0 d d", "XRANGE cp:{3}:feed - +");
    /* lost lease: nothing of it */
    ASK(&g, "0", "HSET cp:{3}:lease epoch 2");
    a = rig_commit(&g, &c);
    cr_assert_eq(a.r, STORE_STALE);
    cr_assert_str_eq(a.detail, "the lease has epoch 2, this is 1");
    ASK(&g, "1", "XLEN cp:{3}:outbox");
    rig_stop(&g);
}

Test(redis_evaluate, a_bad_operation_refuses_the_whole_commit)
{
    const struct store_op bad[] = {
        { SLICE("SET"), SLICE("view:a"), ARGS(SLICE("x")) },
        { SLICE("HSET"), SLICE("view:a"), ARGS(SLICE("x")) },
        { SLICE("HSET"), SLICE("is_zset"), ARGS(SLICE("x"), SLICE("1")) },
        { SLICE("ZADD"), SLICE("good"), ARGS(SLICE("1"), SLICE("x")) }, /* a hash since the operation before */
        { SLICE("ZADD"), SLICE("is_zset"), ARGS(SLICE("abc"), SLICE("x")) },
        { SLICE("ZADD"), SLICE("is_zset"), ARGS(SLICE("nan"), SLICE("x")) },
        { SLICE("ZADD"), SLICE("is_zset"), ARGS(SLICE("1e400"), SLICE("x")) },
        { SLICE("PEXPIREAT"), SLICE("view:a"), ARGS(SLICE("soon")) },
        { SLICE("DEL"), SLICE("view:a"), ARGS(SLICE("x")) },
        { SLICE("DEL"), SLICE("meta"), .n_args = 0 },
        { SLICE("HSET"), SLICE("pane:a:h:0"), ARGS(SLICE("x"), SLICE("1")) },
        { SLICE("HSET"), SLICE("ent:lead:a:1"), ARGS(SLICE("x"), SLICE("1")) },
    };
    struct rig g = { 0 };
    rig_start(&g, NULL);
    rig_lease(&g, "one", 0, 60000);
    ASK(&g, "1", "ZADD cp:{3}:is_zset 1 m");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const struct store_op ops[] = { { SLICE("HSET"), SLICE("good"), ARGS(SLICE("f"), SLICE("v")) }, bad[i] };
        struct store_commit c = { .lease_epoch = 1, .n_ops = 2, .op = ops };
        struct answer a = rig_commit(&g, &c);
        cr_assert_eq(a.r, STORE_BROKEN, "operation %zu: %d %s", i, a.r, a.detail);
        ASK(&g, "0", "EXISTS cp:{3}:good");
    }
    /* a key may change its type by way of DEL */
    const struct store_op ops[] = { { SLICE("DEL"), SLICE("is_zset"), .n_args = 0 },
                                    { SLICE("HSET"), SLICE("is_zset"), ARGS(SLICE("f"), SLICE("v")) } };
    struct store_commit c = { .lease_epoch = 1, .n_ops = 2, .op = ops };
    cr_assert_eq(rig_commit(&g, &c).r, STORE_OK);
    ASK(&g, "v", "HGET cp:{3}:is_zset f");
    rig_stop(&g);
}

Test(redis_evaluate, a_commit_may_be_larger_than_the_lua_stack)
{
    enum { PAIRS = 20000, NAME = 16 };
    struct rig g = { 0 };
    rig_start(&g, NULL);
    rig_lease(&g, "one", 0, 60000);
    struct slice *args = calloc(2 * PAIRS, sizeof *args);
    char(*names)[NAME] = calloc(PAIRS, NAME);
    cr_assert(args && names);
    for (int i = 0; i < PAIRS; i++) {
        snprintf(names[i], NAME, "%d", i);
        args[2 * i] = args[2 * i + 1] = slice_of(names[i]);
    }
    const struct store_op ops[] = { { SLICE("HSET"), SLICE("view:big"), 2 * PAIRS, args },
                                    { SLICE("ZADD"), SLICE("board:big"), 2 * PAIRS, args } };
    struct store_commit c = { .lease_epoch = 1, .n_ops = 2, .op = ops };
    struct answer a = rig_commit(&g, &c);
    cr_assert_eq(a.r, STORE_OK, "%s", a.detail);
    ASK(&g, "20000", "HLEN cp:{3}:view:big");
    ASK(&g, "19999", "ZSCORE cp:{3}:board:big 19999");
    free(args);
    free(names);
    rig_stop(&g);
}

Test(redis_evaluate, panes_stand_at_one_feed_sequence)
{
    struct rig g = { 0 };
    rig_start(&g, NULL);
    flush_cell(&g, SLICE("pane:a:h:0"), SLICE("x"), 2, SLICE("one"));
    flush_cell(&g, SLICE("pane:a:h:1"), SLICE("y"), -3, SLICE("two"));
    ASK(&g, "1", "HSET cp:{3}:pane:a:h:1 y! 4"); /* overflow marks are for people, not for the evaluator */
    struct answer a = { 0 };
    cr_assert_eq(redis_store_pane_keys(g.store, on_keys, &a), 0);
    rig_await(&g, &a);
    cr_assert_eq(a.n, 2u);
    cr_assert_str_eq(a.key[0], "pane:a:h:0");
    cr_assert_str_eq(a.key[1], "pane:a:h:1");
    const struct slice keys[] = { SLICE("pane:a:h:1"), SLICE("pane:none:h:0"), SLICE("pane:a:h:0") };
    a = (struct answer){ 0 };
    cr_assert_eq(redis_store_panes(g.store, keys, 3, on_panes, &a), 0);
    rig_await(&g, &a);
    cr_assert_eq(a.r, STORE_OK);
    cr_assert_eq(a.seq, 2u);
    cr_assert_eq(a.n, 2u);
    cr_assert_str_eq(a.key[0], "pane:a:h:1");
    cr_assert_str_eq(a.field[0], "y");
    cr_assert_eq(a.cell[0].value, -3);
    cr_assert_str_eq(a.key[1], "pane:a:h:0");
    cr_assert_eq(a.cell[1].value, 2);
    rig_stop(&g);
}

/* One walk over all records; the answers of its steps are gathered in `a`. */
static void walk(struct rig *g, const struct slice *texts, uint32_t n_texts, struct answer *ret)
{
    char cursor[64] = "0";
    *ret = (struct answer){ 0 };
    do {
        struct answer a = { 0 };
        const struct store_names what = { slice_of(cursor), SLICE("acme"), texts, n_texts, 3 };
        cr_assert_eq(redis_store_names(g->store, &what, on_keys, &a), 0);
        rig_await(g, &a);
        cr_assert_eq(a.r, STORE_OK);
        cr_assert_geq(a.n, 1u);
        for (uint32_t i = 1; i < a.n; i++)
            snprintf(ret->key[ret->n++], sizeof ret->key[0], "%s", a.key[i]);
        snprintf(cursor, sizeof cursor, "%s", a.key[0]);
    } while (strcmp(cursor, "0") != 0);
}

Test(redis_evaluate, names_are_found_in_keys_and_values)
{
    struct rig g = { 0 };
    struct answer a;
    const struct slice texts[] = { SLICE("x%nn"), SLICE("x%25nn") };
    rig_start(&g, NULL);
    for (int i = 0; i < 40; i++) {
        ASK(&g, "OK", "SET cp:{3}:ent:deal:acme:D%d nothing", i);
    }
    walk(&g, texts, 2, &a);
    cr_assert_eq(a.n, 0u);
    ASK(&g, "OK", "SET cp:{3}:ent:deal:acme:D7 %s", "of-x%nn");
    walk(&g, texts, 2, &a);
    cr_assert_eq(a.n, 1u);
    cr_assert_str_eq(a.key[0], "ent:deal:acme:D7");
    ASK(&g, "OK", "SET %s nothing", "cp:{3}:ent:user:acme:x%25nn");
    ASK(&g, "OK", "SET cp:{3}:ent:deal:other:D %s", "of-x%nn"); /* of another org, another shard, no record */
    ASK(&g, "OK", "SET cp:{4}:ent:deal:acme:D %s", "of-x%nn");
    ASK(&g, "OK", "SET %s of-it", "cp:{3}:pane:acme:x%nn");
    walk(&g, texts, 2, &a);
    cr_assert_eq(a.n, 2u);
    rig_stop(&g);
}

/* Flushes and snapshots race on two connections: each flush adds 1 and one feed entry, so a snapshot at sequence n must hold exactly n. */
struct race {
    struct rig *g;
    unsigned flushes, snapshots, finished;
    int64_t value;
    uint64_t seq;
};

static const struct slice race_key = { "pane:a:h:0", 10 };

static void race_flush(void *ctx, enum store_result r, const char *detail)
{
    struct race *race = ctx;
    cr_assert_eq(r, STORE_OK, "%s", detail);
    if (race->flushes++ == 500) {
        race->finished = 1;
        return;
    }
    struct store_cell cell = { race_key, SLICE("x"), 1, soon_ms };
    struct store_flush f = { .n_cells = 1, .cell = &cell, .feed = SLICE("d") };
    cr_assert_eq(redis_store_flush(race->g->store, &f, race_flush, race), 0);
}

static void race_panes(void *ctx, enum store_result r, uint64_t seq, const struct store_cell *cells, uint32_t n)
{
    struct race *race = ctx;
    if (race->finished)
        return; /* the last one is ended by the close */
    cr_assert_eq(r, STORE_OK);
    cr_assert_eq(n ? cells[0].value : 0, (int64_t)seq);
    cr_assert_geq(seq, race->seq);
    race->seq = seq;
    race->snapshots++;
    cr_assert_eq(redis_store_panes(race->g->store, &race_key, 1, race_panes, race), 0);
}

Test(redis_evaluate, snapshots_among_flushes_are_consistent)
{
    struct rig g = { 0 };
    rig_start(&g, NULL);
    struct race race = { .g = &g };
    race_flush(&race, STORE_OK, "");
    race_panes(&race, STORE_OK, 0, NULL, 0);
    cr_assert(rig_run_until(&g, &race.finished, 0, RIG_WAIT_MS));
    cr_assert_gt(race.snapshots, 10u);
    cr_assert_gt(race.seq, 10u);
    rig_stop(&g);
}

Test(redis_evaluate, feed_and_outbox_are_read_in_order_and_trimmed)
{
    struct rig g = { 0 };
    rig_start(&g, NULL);
    const struct store_out outs[] = {
        { SLICE("alerts"), SLICE("k1"), SLICE("id1"), SLICE("t"), SLICE("p1") },
        { SLICE("late"), SLICE("k2"), SLICE("id2"), SLICE("t"), SLICE("") },
        { SLICE("kpis"), SLICE("k3"), SLICE("id3"), SLICE("t"), SLICE("p3") },
    };
    struct store_flush f = { .n_outs = 3, .out = outs, .feed = SLICE("one") };
    cr_assert_eq(rig_flush(&g, &f).r, STORE_OK);
    f = (struct store_flush){ .feed = SLICE("two") };
    cr_assert_eq(rig_flush(&g, &f).r, STORE_OK);

    struct answer a = { 0 };
    cr_assert_eq(redis_store_feed(g.store, 0, 10, on_feed, &a), 0);
    rig_await(&g, &a);
    cr_assert_eq(a.n, 2u);
    cr_assert_eq(a.feed[0].seq, 1u);
    cr_assert_str_eq(a.bytes[0], "one");
    cr_assert_str_eq(a.bytes[1], "two");
    a = (struct answer){ 0 };
    cr_assert_eq(redis_store_feed(g.store, 1, 10, on_feed, &a), 0);
    rig_await(&g, &a);
    cr_assert_eq(a.n, 1u);
    cr_assert_eq(a.feed[0].seq, 2u);

    a = (struct answer){ 0 };
    cr_assert_eq(redis_store_outbox(g.store, 1, 1, on_outbox, &a), 0);
    rig_await(&g, &a);
    cr_assert_eq(a.n, 1u);
    cr_assert_eq(a.out[0].seq, 2u);
    cr_assert_str_eq(a.topic[0], "late");
    cr_assert_str_eq(a.key[0], "k2");
    cr_assert_str_eq(a.field[0], "id2");
    cr_assert_str_eq(a.bytes[0], "");

    rig_lease(&g, "one", 0, 60000);
    a = (struct answer){ 0 };
    cr_assert_eq(redis_store_outbox_trim(g.store, 7, 2, on_flush, &a), 0);
    rig_await(&g, &a);
    cr_assert_eq(a.r, STORE_STALE);
    ASK(&g, "3", "XLEN cp:{3}:outbox");
    a = (struct answer){ 0 };
    cr_assert_eq(redis_store_outbox_trim(g.store, 1, 2, on_flush, &a), 0);
    rig_await(&g, &a);
    cr_assert_eq(a.r, STORE_OK);
    a = (struct answer){ 0 };
    cr_assert_eq(redis_store_outbox(g.store, 0, 10, on_outbox, &a), 0);
    rig_await(&g, &a);
    cr_assert_eq(a.n, 1u);
    cr_assert_eq(a.out[0].seq, 3u);
    /* the sequence goes on after a trim */
    f = (struct store_flush){ .n_outs = 1, .out = outs };
    cr_assert_eq(rig_flush(&g, &f).r, STORE_OK);
    ASK(&g, "4", "HGET cp:{3}:meta outbox_seq");
    rig_stop(&g);
}

/* Out of memory stops the input, but what makes room goes on: lease, commit with a trim of the feed, trim of the outbox. */
Test(redis_evaluate, draining_works_out_of_memory)
{
    struct rig g = { 0 };
    rig_start(&g, NULL);
    const struct store_out out = { SLICE("alerts"), SLICE("k"), SLICE("id"), SLICE("t"), SLICE("p") };
    struct store_flush f = { .n_outs = 1, .out = &out, .feed = SLICE("d") };
    cr_assert_eq(rig_flush(&g, &f).r, STORE_OK);
    ASK(&g, "OK", "CONFIG SET maxmemory 1");
    cr_assert_eq(rig_lease(&g, "one", 0, 60000).lease.epoch, 1);
    struct store_commit c = { .lease_epoch = 1, .trim_feed_before = 2 };
    struct answer a = rig_commit(&g, &c);
    cr_assert_eq(a.r, STORE_OK, "%s", a.detail);
    a = (struct answer){ 0 };
    cr_assert_eq(redis_store_outbox_trim(g.store, 1, 1, on_flush, &a), 0);
    rig_await(&g, &a);
    cr_assert_eq(a.r, STORE_OK, "%s", a.detail);
    ASK(&g, "0", "XLEN cp:{3}:feed");
    ASK(&g, "0", "XLEN cp:{3}:outbox");
    rig_stop(&g);
}

Test(redis_evaluate, hashes_are_read_whole)
{
    struct rig g = { 0 };
    rig_start(&g, NULL);
    ASK(&g, "1", "HSET cp:{3}:alert:acme rule firing");
    struct answer a = { 0 };
    cr_assert_eq(redis_store_hash(g.store, SLICE("alert:acme"), on_pairs, &a), 0);
    rig_await(&g, &a);
    cr_assert_eq(a.n, 2u);
    cr_assert_str_eq(a.key[0], "rule");
    cr_assert_str_eq(a.key[1], "firing");
    a = (struct answer){ 0 };
    cr_assert_eq(redis_store_hash(g.store, SLICE("alert:none"), on_pairs, &a), 0);
    rig_await(&g, &a);
    cr_assert_eq(a.r, STORE_OK);
    cr_assert_eq(a.n, 0u);
    ASK(&g, "OK", "SET cp:{3}:alert:wrong x");
    a = (struct answer){ 0 };
    cr_assert_eq(redis_store_hash(g.store, SLICE("alert:wrong"), on_pairs, &a), 0);
    rig_await(&g, &a);
    cr_assert_eq(a.r, STORE_BROKEN);
    rig_stop(&g);
}

static struct answer settle(struct rig *g, int64_t epoch, uint32_t most)
{
    const struct store_settle what = { epoch, 3600000, SLICE("a"), soon_ms, soon_ms, most };
    struct answer a = { 0 };
    cr_assert_eq(redis_store_settle(g->store, &what, on_flush, &a), 0);
    rig_await(g, &a);
    return a;
}

Test(redis_evaluate, parked_cells_cancel_out_and_settle_for_the_holder_only)
{
    struct rig g = { 0 };
    rig_start(&g, NULL);
    const struct store_cell cells[] = {
        { SLICE("pane:a:f:3600000"), SLICE("3600001|g|0|org:a|members"), -1, 0 },
        { SLICE("pane:a:f:3600000"), SLICE("3600001|h|7200000|org:a|left"), 1, 0 },
        { SLICE("pane:a:f:3600000"), SLICE("3600002|g|0|org:a|members"), 5, 0 },
        { SLICE("pane:a:g:0"), SLICE("org:a|members"), 10, 0 },
    };
    struct store_flush f = { .n_cells = 4, .cell = cells };
    cr_assert_eq(rig_flush(&g, &f).r, STORE_OK);
    const struct store_cell back = { SLICE("pane:a:f:3600000"), SLICE("3600002|g|0|org:a|members"), -5, 0 };
    f = (struct store_flush){ .n_cells = 1, .cell = &back };
    cr_assert_eq(rig_flush(&g, &f).r, STORE_OK);
    ASK(&g, "2", "HLEN cp:{3}:pane:a:f:3600000");
    rig_lease(&g, "one", 0, 60000);
    struct answer a = settle(&g, 7, 100);
    cr_assert_eq(a.r, STORE_STALE, "%s", a.detail);
    ASK(&g, "10", "HGET cp:{3}:pane:a:g:0 org:a|members");
    a = settle(&g, 1, 100);
    cr_assert_eq(a.r, STORE_OK, "%s", a.detail);
    cr_assert_str_eq(a.detail, "");
    ASK(&g, "9", "HGET cp:{3}:pane:a:g:0 org:a|members");
    ASK(&g, "1", "HGET cp:{3}:pane:a:h:7200000 org:a|left");
    ASK(&g, "4102444800000", "PEXPIRETIME cp:{3}:pane:a:h:7200000");
    ASK(&g, "-1", "PEXPIRETIME cp:{3}:pane:a:g:0");
    ASK(&g, "0", "EXISTS cp:{3}:pane:a:f:3600000");
    ASK(&g, "pane:a:h:7200000 pane:a:g:0", "ZRANGE cp:{3}:panes 0 -1");
    ASK(&g, "1", "HGET cp:{3}:meta settled");
    cr_assert_eq(settle(&g, 1, 100).r, STORE_OK, "once more moves nothing");
    ASK(&g, "9", "HGET cp:{3}:pane:a:g:0 org:a|members");
    rig_stop(&g);
}

Test(redis_evaluate, a_large_hour_settles_in_steps_and_a_malformed_one_not_at_all)
{
    enum { FIELDS = 3000, NAME = 48 };
    struct rig g = { 0 };
    rig_start(&g, NULL);
    struct store_cell *cells = calloc(FIELDS, sizeof *cells);
    char(*names)[NAME] = calloc(FIELDS, NAME);
    cr_assert(cells && names);
    for (int i = 0; i < FIELDS; i++) {
        snprintf(names[i], NAME, "%d|g|0|rep:r%d|members", 3600000 + i, i);
        cells[i] = (struct store_cell){ SLICE("pane:a:f:3600000"), slice_of(names[i]), 1, 0 };
    }
    struct store_flush f = { .n_cells = FIELDS, .cell = cells };
    cr_assert_eq(rig_flush(&g, &f).r, STORE_OK);
    rig_lease(&g, "one", 0, 60000);
    struct answer a = settle(&g, 1, 1000);
    uint32_t steps = 1;
    for (; a.r == STORE_OK && !strcmp(a.detail, "more"); steps++)
        a = settle(&g, 1, 1000);
    cr_assert_eq(a.r, STORE_OK, "%s", a.detail);
    cr_assert(steps > 1 && steps < 20);
    ASK(&g, "3000", "HLEN cp:{3}:pane:a:g:0");
    ASK(&g, "2", "HSET cp:{3}:pane:a:f:3600000 3600000|g|0|org:a|x 1 what 1");
    cr_assert_eq(settle(&g, 1, 1000).r, STORE_BROKEN);
    ASK(&g, "3000", "HLEN cp:{3}:pane:a:g:0");
    free(cells);
    free(names);
    rig_stop(&g);
}
