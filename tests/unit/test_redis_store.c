/* The ingest side of the Redis store on a real server: claims, the chain, conflicts, overflow, planted damage, sequences, size. */
#include "test_redis_rig.h"

static const int64_t soon_ms = INT64_C(4102444800000); /* 2100-01-01 */

#define CELL(k, f, v)                                                                                                  \
    {                                                                                                                  \
        .key = SLICE(k), .field = SLICE(f), .value = (v), .expire_ms = soon_ms                                         \
    }

/* One part from `prev` to `next`, one cell, one record, a feed entry, one outbox entry. */
static struct answer flush_full(struct rig *g, int64_t epoch, int64_t prev, int64_t next, uint64_t expected,
                                uint64_t version)
{
    struct store_part part = rig_step(epoch, prev, next);
    struct store_cell cell = CELL("pane:acme:h:0", "org:|leads_created", 5);
    struct store_record record = {
        .key = SLICE("ent:lead:acme:l1"), .expected = expected, .version = version, .bytes = SLICE("state")
    };
    struct store_out out = { SLICE("alerts"), SLICE("acme"), SLICE("id1"), SLICE("crmpulse.alert.v1"),
                             SLICE("payload") };
    struct store_flush f = { 1, 1, 1, 1, &part, &cell, &record, &out, SLICE("delta") };
    return rig_flush(g, &f);
}

static void check_applied_once(struct rig *g)
{
    ASK(g, "5", "HGET cp:{3}:pane:acme:h:0 org:|leads_created");
    ASK(g, "1", "XLEN cp:{3}:feed");
    ASK(g, "1", "XLEN cp:{3}:outbox");
    ASK(g, "next=10 epoch=1 last=9 crc=1a2b3c4d max=1700000000000 idle=0 read=10 applied=10 duplicate=0 late=0 dead=0",
        "HGET cp:{3}:off crm.events/2");
    ASK(g, "1 1", "HMGET cp:{3}:meta feed_seq outbox_seq");
}

Test(redis_store, claim_begins_at_nothing_and_grows_the_epoch)
{
    struct rig g = { 0 };
    rig_start(&g, NULL);
    struct store_part part = rig_step(0, 0, 0);
    struct answer a = rig_claim(&g, &part, 1);
    cr_assert_eq(a.r, STORE_OK);
    cr_assert_eq(a.n, 1u);
    cr_assert_str_eq(a.topic[0], "crm.events");
    cr_assert_eq(a.part[0].partition, 2);
    cr_assert_eq(a.part[0].epoch, 1);
    cr_assert_eq(a.part[0].prev_next, -1);
    cr_assert_eq(a.part[0].last, -1);
    cr_assert_eq(a.part[0].max_event_ms, INT64_MIN);
    a = rig_claim(&g, &part, 1);
    cr_assert_eq(a.part[0].epoch, 2);
    cr_assert_eq(a.part[0].prev_next, -1);
    rig_stop(&g);
}

Test(redis_store, flush_applies_everything_once)
{
    struct rig g = { 0 };
    rig_start(&g, NULL);
    struct store_part part = rig_step(0, 0, 0);
    rig_claim(&g, &part, 1);
    struct answer a = flush_full(&g, 1, -1, 10, 0, 7);
    cr_assert_eq(a.r, STORE_OK, "%s", a.detail);
    check_applied_once(&g);
    /* the same again is stale and changes nothing */
    a = flush_full(&g, 1, -1, 10, 7, 8);
    cr_assert_eq(a.r, STORE_STALE);
    cr_assert_str_eq(a.detail, "crm.events/2 holds next=10 epoch=1, the flush follows next=-1 epoch=1");
    check_applied_once(&g);
    /* so is a batch that skips one, with `>` it would pass */
    cr_assert_eq(flush_full(&g, 1, 15, 20, 7, 8).r, STORE_STALE);
    check_applied_once(&g);
    cr_assert_eq(flush_full(&g, 1, 10, 12, 7, 8).r, STORE_OK);
    ASK(&g, "10", "HGET cp:{3}:pane:acme:h:0 org:|leads_created");
    ASK(&g, "2 2", "HMGET cp:{3}:meta feed_seq outbox_seq");
    struct redis_store_stats stats;
    redis_store_stats(g.store, &stats);
    cr_assert_eq(stats.flushes, 2u);
    cr_assert_eq(stats.stale, 2u);
    rig_stop(&g);
}

Test(redis_store, a_new_claim_fences_the_old_epoch)
{
    struct rig g = { 0 };
    rig_start(&g, NULL);
    struct store_part part = rig_step(0, 0, 0);
    rig_claim(&g, &part, 1);
    cr_assert_eq(flush_full(&g, 1, -1, 10, 0, 7).r, STORE_OK);
    struct answer a = rig_claim(&g, &part, 1);
    cr_assert_eq(a.part[0].epoch, 2);
    cr_assert_eq(a.part[0].prev_next, 10);
    cr_assert_eq(a.part[0].last, 9);
    cr_assert_eq(a.part[0].last_crc, 0x1a2b3c4du);
    cr_assert_eq(a.part[0].read, 10);
    cr_assert_eq(flush_full(&g, 1, 10, 20, 7, 8).r, STORE_STALE);
    cr_assert_eq(flush_full(&g, 2, 10, 20, 7, 8).r, STORE_OK);
    rig_stop(&g);
}

Test(redis_store, one_stale_partition_of_two_refuses_both)
{
    struct rig g = { 0 };
    rig_start(&g, NULL);
    struct store_part part[2] = { rig_step(0, 0, 0), rig_step(0, 0, 0) };
    part[1].partition = 5;
    struct answer a = rig_claim(&g, part, 2);
    cr_assert_eq(a.n, 2u);
    part[0] = rig_step(1, -1, 10);
    part[1] = rig_step(1, 4, 10);
    part[1].partition = 5;
    struct store_flush f = { .n_parts = 2, .part = part };
    cr_assert_eq(rig_flush(&g, &f).r, STORE_STALE);
    a = (struct answer){ 0 };
    cr_assert_eq(redis_store_offsets(g.store, on_parts, &a), 0);
    rig_await(&g, &a);
    cr_assert_eq(a.n, 2u);
    cr_assert_eq(a.part[0].next, -1);
    cr_assert_eq(a.part[1].next, -1);
    rig_stop(&g);
}

Test(redis_store, a_conflict_changes_nothing)
{
    struct rig g = { 0 };
    rig_start(&g, NULL);
    struct store_part part = rig_step(0, 0, 0);
    rig_claim(&g, &part, 1);
    cr_assert_eq(flush_full(&g, 1, -1, 10, 0, 7).r, STORE_OK);
    struct answer a = flush_full(&g, 1, 10, 20, 6, 8);
    cr_assert_eq(a.r, STORE_CONFLICT);
    cr_assert_str_eq(a.detail, "ent:lead:acme:l1 was changed by another");
    check_applied_once(&g);
    a = flush_full(&g, 1, 10, 20, 0, 8); /* believed absent */
    cr_assert_eq(a.r, STORE_CONFLICT);
    check_applied_once(&g);
    struct redis_store_stats stats;
    redis_store_stats(g.store, &stats);
    cr_assert_eq(stats.conflicts, 2u);
    rig_stop(&g);
}

Test(redis_store, records_are_read_checked_written_deleted)
{
    struct rig g = { 0 };
    rig_start(&g, NULL);
    const uint64_t large = UINT64_C(0x8000000000000001);
    struct store_record set[2] = {
        { .key = SLICE("ent:deal:acme:a"), .expected = 0, .version = large, .bytes = SLICE("aa"), .ttl_ms = 60000 },
        { .key = SLICE("ent:deal:acme:b"), .expected = 0, .version = 1, .bytes = SLICE("bb") },
    };
    cr_assert_eq(rig_flush(&g, &(struct store_flush){ .n_records = 2, .record = set }).r, STORE_OK);
    const struct slice keys[] = { SLICE("ent:deal:acme:a"), SLICE("ent:deal:acme:none"), SLICE("ent:deal:acme:b") };
    struct answer a = { 0 };
    cr_assert_eq(redis_store_load(g.store, keys, 3, on_records, &a), 0);
    rig_await(&g, &a);
    cr_assert_eq(a.r, STORE_OK);
    cr_assert_eq(a.n, 3u);
    cr_assert_eq(a.record[0].version, large);
    cr_assert_str_eq(a.bytes[0], "aa");
    cr_assert_eq(a.record[1].version, 0u);
    cr_assert_str_eq(a.key[1], "ent:deal:acme:none");
    cr_assert_eq(a.record[2].version, 1u);
    ASK(&g, "-1", "PTTL cp:{3}:ent:deal:acme:b");
    char text[RIG_TEXT_MAX];
    long ttl_ms = strtol(rig_ask(&g, text, "PTTL cp:{3}:ent:deal:acme:a"), NULL, 10);
    cr_assert(ttl_ms > 0 && ttl_ms <= 60000, "%ld", ttl_ms);
    /* a: only checked, which changes nothing, and kept for longer; b: deleted */
    struct store_record second[2] = {
        { .key = SLICE("ent:deal:acme:a"), .expected = large, .version = large, .bytes = SLICE("ignored") },
        { .key = SLICE("ent:deal:acme:b"), .expected = 1, .version = 2 },
    };
    cr_assert_eq(rig_flush(&g, &(struct store_flush){ .n_records = 2, .record = second }).r, STORE_OK);
    ASK(&g, "aa", "GETRANGE cp:{3}:ent:deal:acme:a 8 -1");
    ASK(&g, "0", "EXISTS cp:{3}:ent:deal:acme:b");
    ttl_ms = strtol(rig_ask(&g, text, "PTTL cp:{3}:ent:deal:acme:a"), NULL, 10);
    cr_assert(ttl_ms > 0 && ttl_ms <= 60000, "%ld", ttl_ms);
    second[0].keep = true;
    second[0].ttl_ms = 3600000;
    cr_assert_eq(rig_flush(&g, &(struct store_flush){ .n_records = 1, .record = second }).r, STORE_OK);
    ASK(&g, "aa", "GETRANGE cp:{3}:ent:deal:acme:a 8 -1");
    ttl_ms = strtol(rig_ask(&g, text, "PTTL cp:{3}:ent:deal:acme:a"), NULL, 10);
    cr_assert(ttl_ms > 3500000 && ttl_ms <= 3600000, "%ld", ttl_ms);
    second[0].expected = second[0].version = 5;
    cr_assert_eq(rig_flush(&g, &(struct store_flush){ .n_records = 1, .record = second }).r, STORE_CONFLICT);
    rig_stop(&g);
}

Test(redis_store, sums_stay_exact_above_2_to_53)
{
    struct rig g = { 0 };
    rig_start(&g, NULL);
    const int64_t exact = INT64_C(1) << 53;
    struct store_cell cells[] = { CELL("pane:a:h:0", "large", exact), CELL("pane:a:h:0", "small", -3),
                                  CELL("pane:a:h:0", "edge", exact - 1), CELL("pane:a:h:0", "odd", exact - 1) };
    struct store_flush f = { .n_cells = 4, .cell = cells };
    cr_assert_eq(rig_flush(&g, &f).r, STORE_OK);
    cells[0].value = cells[1].value = cells[2].value = 1;
    cells[3].value = 2; /* 2^53 + 1 is no double */
    cr_assert_eq(rig_flush(&g, &f).r, STORE_OK);
    ASK(&g, "9007199254740993 -2 9007199254740992 9007199254740993", "HMGET cp:{3}:pane:a:h:0 large small edge odd");
    cells[0].value = -2;
    cr_assert_eq(rig_flush(&g, &f).r, STORE_OK);
    ASK(&g, "9007199254740991 -1 9007199254740993 9007199254740995", "HMGET cp:{3}:pane:a:h:0 large small edge odd");
    rig_stop(&g);
}

Test(redis_store, an_overflowing_cell_is_marked_and_the_rest_is_added)
{
    struct rig g = { 0 };
    rig_start(&g, NULL);
    ASK(&g, "2", "HSET cp:{3}:pane:a:h:0 top 9223372036854700000 bottom -9223372036854700000");
    struct store_cell cells[] = { CELL("pane:a:h:0", "top", 100000), CELL("pane:a:h:0", "bottom", -100000),
                                  CELL("pane:a:h:0", "fine", 4) };
    struct store_flush f = { .n_cells = 3, .cell = cells };
    struct answer a = rig_flush(&g, &f);
    cr_assert_eq(a.r, STORE_OK);
    cr_assert_str_eq(a.detail, "2 cells would leave the range of int64 and were not added");
    ASK(&g, "9223372036854700000 1 -9223372036854700000 1 4", "HMGET cp:{3}:pane:a:h:0 top top! bottom bottom! fine");
    cr_assert_eq(rig_flush(&g, &f).r, STORE_OK);
    ASK(&g, "9223372036854700000 2 -9223372036854700000 2 8", "HMGET cp:{3}:pane:a:h:0 top top! bottom bottom! fine");
    cells[0].value = -700000; /* and back from the edge */
    cr_assert_eq(rig_flush(&g, &f).r, STORE_OK);
    ASK(&g, "9223372036854000000", "HGET cp:{3}:pane:a:h:0 top");
    rig_stop(&g);
}

Test(redis_store, the_same_cell_twice_in_a_flush_adds_up)
{
    struct rig g = { 0 };
    rig_start(&g, NULL);
    struct store_cell cells[] = { CELL("pane:a:h:0", "x", 2), CELL("pane:b:h:0", "x", 10), CELL("pane:a:h:0", "x", 3),
                                  CELL("pane:a:h:0", "y", 1) };
    struct store_flush f = { .n_cells = 4, .cell = cells };
    cr_assert_eq(rig_flush(&g, &f).r, STORE_OK);
    ASK(&g, "5 1", "HMGET cp:{3}:pane:a:h:0 x y");
    ASK(&g, "10", "HGET cp:{3}:pane:b:h:0 x");
    rig_stop(&g);
}

Test(redis_store, panes_expire_and_leave_the_register)
{
    struct rig g = { 0 };
    rig_start(&g, NULL);
    struct store_cell cells[] = { CELL("pane:a:h:0", "x", 1), CELL("pane:a:g:0", "x", 1),
                                  CELL("pane:old:h:0", "x", 1) };
    cells[1].expire_ms = 0;
    cells[2].expire_ms = 1000; /* 1970 */
    cr_assert_eq(rig_flush(&g, &(struct store_flush){ .n_cells = 3, .cell = cells }).r, STORE_OK);
    ASK(&g, "4102444800000", "PEXPIRETIME cp:{3}:pane:a:h:0");
    ASK(&g, "-1", "PEXPIRETIME cp:{3}:pane:a:g:0");
    ASK(&g, "0", "EXISTS cp:{3}:pane:old:h:0");
    ASK(&g, "pane:a:h:0 4102444800000 pane:a:g:0 inf", "ZRANGE cp:{3}:panes 0 -1 WITHSCORES");
    rig_stop(&g);
}

static void check_broken(const char *plant, const char *detail)
{
    struct rig g = { 0 };
    char text[RIG_TEXT_MAX];
    rig_start(&g, NULL);
    struct store_part part = rig_step(0, 0, 0);
    rig_claim(&g, &part, 1);
    rig_ask(&g, text, plant);
    char before[RIG_TEXT_MAX], after[RIG_TEXT_MAX];
    rig_ask(&g, before, "DEBUG DIGEST");
    cr_assert_eq(strlen(before), 40u, "%s", before);
    struct answer a = flush_full(&g, 1, -1, 10, 0, 7);
    cr_assert_eq(a.r, STORE_BROKEN, "%s gave %d %s", plant, a.r, a.detail);
    cr_assert_not_null(strstr(a.detail, detail), "%s gave %s", plant, a.detail);
    cr_assert_str_eq(rig_ask(&g, after, "DEBUG DIGEST"), before, "%s: the refused flush changed something", plant);
    rig_stop(&g);
}

Test(redis_store, planted_damage_is_refused_whole)
{
    const char *const rows[][2] = {
        { "SET cp:{3}:feed x", "cp:{3}:feed is a string, it must be a stream" },
        { "SET cp:{3}:outbox x", "cp:{3}:outbox is a string, it must be a stream" },
        { "SET cp:{3}:panes x", "cp:{3}:panes is a string, it must be a zset" },
        { "SET cp:{3}:pane:acme:h:0 x", "cp:{3}:pane:acme:h:0 is no pane" },
        { "HSET cp:{3}:pane:acme:h:0 org:|leads_created 1.5", "is no integer" },
        { "HSET cp:{3}:pane:acme:h:0 org:|leads_created 99999999999999999999", "is no integer" },
        { "HSET cp:{3}:ent:lead:acme:l1 f v", "cp:{3}:ent:lead:acme:l1 is no record" },
        { "SET cp:{3}:ent:lead:acme:l1 short", "cp:{3}:ent:lead:acme:l1 is no record" },
        { "HSET cp:{3}:off crm.events/2 rubbish", "cannot be read" },
        { "HSET cp:{3}:meta layout 2", "has layout 2, this program writes 1" },
        { "HSET cp:{3}:meta feed_seq x", "holds a sequence that is no number" },
        { "DEL cp:{3}:meta", "cp:{3}:meta is a none" },
        { "XADD cp:{3}:feed 5-0 d foreign", "cannot take 1-0" },
        { "XADD cp:{3}:outbox 5-0 d foreign", "cp:{3}:outbox ends with 5-0" },
        { "FLUSHALL", "cp:{3}:meta is a none" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check_broken(rows[i][0], rows[i][1]);
}

Test(redis_store, a_full_outbox_refuses_the_flush)
{
    struct rig g = { 0 };
    rig_start(&g, NULL);
    g.config.redis.outbox_max = 2;
    struct store_part part = rig_step(0, 0, 0);
    rig_claim(&g, &part, 1);
    cr_assert_eq(flush_full(&g, 1, -1, 10, 0, 1).r, STORE_OK);
    cr_assert_eq(flush_full(&g, 1, 10, 11, 1, 2).r, STORE_OK);
    struct answer a = flush_full(&g, 1, 11, 12, 2, 3);
    cr_assert_eq(a.r, STORE_BUSY);
    cr_assert_str_eq(a.detail, "the outbox holds 2 entries");
    ASK(&g, "2", "XLEN cp:{3}:outbox");
    ASK(&g, "10", "HGET cp:{3}:pane:acme:h:0 org:|leads_created");
    rig_stop(&g);
}

Test(redis_store, out_of_memory_is_busy_and_applies_nothing)
{
    struct rig g = { 0 };
    rig_start(&g, NULL);
    struct store_part part = rig_step(0, 0, 0);
    rig_claim(&g, &part, 1);
    ASK(&g, "OK", "CONFIG SET maxmemory 1");
    struct answer a = flush_full(&g, 1, -1, 10, 0, 7);
    cr_assert_eq(a.r, STORE_BUSY, "%s", a.detail);
    cr_assert_eq(strncmp(a.detail, "OOM", 3), 0, "%s", a.detail);
    ASK(&g, "0", "EXISTS cp:{3}:pane:acme:h:0 cp:{3}:feed cp:{3}:outbox cp:{3}:ent:lead:acme:l1");
    ASK(&g, "OK", "CONFIG SET maxmemory 0");
    cr_assert_eq(flush_full(&g, 1, -1, 10, 0, 7).r, STORE_OK);
    check_applied_once(&g);
    rig_stop(&g);
}

Test(redis_store, a_user_without_a_command_is_refused_before_the_first_write)
{
    struct rig g = { 0 };
    rig_start(&g, NULL);
    struct store_part part = rig_step(0, 0, 0);
    rig_claim(&g, &part, 1);
    ASK(&g, "OK", "ACL SETUSER default -pexpireat");
    struct answer a = flush_full(&g, 1, -1, 10, 0, 7);
    cr_assert_eq(a.r, STORE_BROKEN);
    cr_assert_str_eq(a.detail, "the redis user may not run PEXPIREAT on cp:{3}:pane:");
    ASK(&g, "0", "EXISTS cp:{3}:pane:acme:h:0 cp:{3}:feed");
    rig_stop(&g);
}

Test(redis_store, scripts_that_redis_forgot_are_loaded_again)
{
    struct rig g = { 0 };
    rig_start(&g, NULL);
    struct store_part part = rig_step(0, 0, 0);
    rig_claim(&g, &part, 1);
    for (int64_t i = 0; i < 20; i++) {
        ASK(&g, "OK", "SCRIPT FLUSH");
        struct answer a = flush_full(&g, 1, i == 0 ? -1 : i, i + 1, (uint64_t)i, (uint64_t)i + 1);
        cr_assert_eq(a.r, STORE_OK, "%s", a.detail);
    }
    ASK(&g, "100", "HGET cp:{3}:pane:acme:h:0 org:|leads_created");
    ASK(&g, "20", "XLEN cp:{3}:outbox");
    rig_stop(&g);
}

Test(redis_store, only_one_flush_at_a_time)
{
    struct rig g = { 0 };
    rig_start(&g, NULL);
    struct store_flush f = { .feed = SLICE("d") };
    struct answer a = { 0 }, b = { 0 };
    cr_assert_eq(redis_store_flush(g.store, &f, on_flush, &a), 0);
    cr_assert_lt(redis_store_flush(g.store, &f, on_flush, &b), 0);
    rig_await(&g, &a);
    cr_assert_eq(a.r, STORE_OK);
    cr_assert_eq(b.calls, 0u);
    ASK(&g, "1", "XLEN cp:{3}:feed");
    rig_stop(&g);
}

/* 200,000 cells in 40 panes: 5,000 fields a pane, more than unpack() takes. Twice, so that both absent and present fields are met. */
Test(redis_store, two_hundred_thousand_cells_in_one_flush)
{
    enum { PANES = 40, FIELDS = 5000, CELLS = PANES * FIELDS, NAME = 32 };
    struct rig g = { 0 };
    rig_start(&g, NULL);
    struct store_cell *cells = calloc(CELLS, sizeof *cells);
    char(*keys)[NAME] = calloc(PANES, NAME), (*fields)[NAME] = calloc(FIELDS, NAME);
    cr_assert(cells && keys && fields);
    for (int i = 0; i < FIELDS; i++)
        snprintf(fields[i], NAME, "rep:user%d|deals_won", i);
    for (int i = 0; i < CELLS; i++) {
        snprintf(keys[i % PANES], NAME, "pane:acme:h:%d", i % PANES);
        cells[i] = (struct store_cell){ slice_of(keys[i % PANES]), slice_of(fields[i / PANES]), i % 7, soon_ms };
    }
    struct store_flush f = { .n_cells = CELLS, .cell = cells };
    for (int round = 1; round <= 2; round++) {
        struct answer a = rig_flush(&g, &f);
        cr_assert_eq(a.r, STORE_OK, "%s", a.detail);
        struct redis_store_stats stats;
        redis_store_stats(g.store, &stats);
        fprintf(stderr, "[info] flush %d of %d cells: %.0f ms, %.1f MB sent so far\n", round, CELLS,
                stats.last_flush_ms, (double)stats.bytes_out / 1e6);
    }
    char text[RIG_TEXT_MAX];
    const char *spent = strstr(rig_ask(&g, text, "INFO commandstats"), "cmdstat_evalsha:");
    fprintf(stderr, "[info] in Redis: %.60s\n", spent ? spent : "?");
    ASK(&g, "5000", "HLEN cp:{3}:pane:acme:h:39");
    /* cell i = field * 40 + pane; field 4999, pane 39: i = 199999 = 7 * 28571 + 2, twice 2 */
    ASK(&g, "4", "HGET cp:{3}:pane:acme:h:39 rep:user4999|deals_won");
    /* i = 3 * 40 + 5 = 125 = 7 * 17 + 6, twice 6 */
    ASK(&g, "12", "HGET cp:{3}:pane:acme:h:5 rep:user3|deals_won");
    free(cells);
    free(keys);
    free(fields);
    rig_stop(&g);
}
