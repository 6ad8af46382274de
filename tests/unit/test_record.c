/* Records: packing, canonical order, dependants, and the cache that holds them. */
#include "engine_rig.h"

#include "crmpulse/record.h"

static void insert(struct record *r, const char *line)
{
    struct rig_event e;
    struct bytes packed = { 0 };
    rig_parse(&e, line);
    cr_assert_eq(entry_pack(&packed, &e.ev, 7), 0);
    cr_assert_eq(record_insert(r, (struct slice){ packed.p, packed.n }), 0);
    bytes_release(&packed);
}

static void expect_ids(const struct record *r, const char *ids)
{
    struct reader in = { r->log.p, r->log.p + r->log.n, true };
    struct entry e;
    char got[200] = "";
    size_t n = 0;
    while (in.p < in.end && entry_read(&in, &e))
        n += (size_t)snprintf(got + n, sizeof got - n, "%.*s ", (int)e.id.n, e.id.p);
    cr_assert(in.ok);
    cr_assert_str_eq(got, ids);
}

Test(record, an_entry_keeps_what_trackers_read)
{
    struct rig_event e;
    struct bytes packed = { 0 };
    struct entry got;
    rig_parse(&e, "deal_closed -5 e1 deal_id=D1 outcome=lost amount_micros=-9007199254740992 reason=price "
                  "entity_seq=-3 note=long source=erp");
    cr_assert_eq(entry_pack(&packed, &e.ev, 0x1122334455667788u), 0);
    struct reader in = { packed.p, packed.p + packed.n, true };
    cr_assert(entry_read(&in, &got));
    cr_assert_eq(in.p, in.end);
    cr_assert_eq(got.type, EV_DEAL_CLOSED);
    cr_assert_eq(got.t_ms, -5);
    cr_assert(got.has_seq);
    cr_assert_eq(got.seq, -3);
    cr_assert_eq(got.payload_hash, 0x1122334455667788u);
    cr_assert(slice_eq(got.id, SLICE("e1")));
    cr_assert(slice_eq(entry_str(&got, F_DEAL_ID), SLICE("D1")));
    cr_assert(slice_eq(entry_str(&got, F_REASON), SLICE("price")));
    cr_assert_eq(entry_int(&got, F_AMOUNT_MICROS, 0), -9007199254740992);
    cr_assert_eq(entry_int(&got, F_ITEMS, 42), 42, "absent");
    cr_assert_not(entry_has(&got, F_NOTE), "nobody computes with it");
    cr_assert_not(entry_has(&got, F_SOURCE));
    bytes_release(&packed);
}

Test(record, entries_stand_in_order_of_time_then_id)
{
    struct record r = { 0 };
    insert(&r, "lead_created 20 b lead_id=L1 owner_id=u");
    insert(&r, "lead_scored 10 z lead_id=L1 prob_ppm=5");
    insert(&r, "lead_scored 20 a lead_id=L1 prob_ppm=6");
    insert(&r, "lead_scored 30 c lead_id=L1 prob_ppm=7");
    insert(&r, "lead_scored -1 y lead_id=L1 prob_ppm=7");
    expect_ids(&r, "y z a b c ");
    record_release(&r);
}

Test(record, encode_and_decode_are_inverse)
{
    struct record r = { 0 }, back = { 0 };
    struct bytes stored = { 0 };
    insert(&r, "lead_created 20 b lead_id=L1 owner_id=u");
    insert(&r, "lead_scored 10 z lead_id=L1 prob_ppm=5");
    record_add_dep(&r, SLICE("ent:deal:o:D1"));
    record_add_dep(&r, SLICE("ent:deal:o:D2"));
    cr_assert_eq(record_encode(&r, &stored), 0);
    cr_assert_eq(record_decode(&back, (struct slice){ stored.p, stored.n }), 0);
    cr_assert_eq(back.n_deps, 2);
    cr_assert(record_has_dep(&back, SLICE("ent:deal:o:D2")));
    cr_assert_not(record_has_dep(&back, SLICE("ent:deal:o:D")));
    expect_ids(&back, "z b ");
    bytes_release(&stored);
    record_release(&r);
    record_release(&back);
}

Test(record, malformed_bytes_are_refused)
{
    struct record r = { 0 };
    cr_assert_eq(record_decode(&r, (struct slice){ "", 0 }), -1);
    cr_assert_eq(record_decode(&r, SLICE("\x02")), -1, "another format");
    cr_assert_eq(record_decode(&r, SLICE("\x01\x02\x03"
                                         "ab")),
                 -1, "a dependant cut short");
    cr_assert_eq(record_decode(&r, SLICE("\x01\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")), -1,
                 "a length beyond 64 bits");
    struct entry e;
    static const char *const bad[] = { "", "\x01", "\xff\xff\x01\x00", "\x04\x00\xff\x00\x00\x00",
                                       "\x03\x00\x00\x00\x80" };
    static const uint32_t n[] = { 0, 1, 4, 6, 5 };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct reader in = { bad[i], bad[i] + n[i], true };
        cr_assert_not(entry_read(&in, &e), "case %zu", i);
    }
    record_release(&r);
}

Test(record, every_prefix_of_a_record_is_refused_or_read)
{
    struct rig_event e;
    struct bytes packed = { 0 };
    struct entry got;
    rig_parse(&e, "deal_closed 1741000000000 e1 deal_id=D1 outcome=won amount_micros=5 channel=web");
    cr_assert_eq(entry_pack(&packed, &e.ev, 1), 0);
    for (uint32_t n = 0; n < packed.n; n++) {
        char *copy = malloc(n + 1); /* of its own, so that a sanitizer sees an overrun */
        memcpy(copy, packed.p, n);
        struct reader in = { copy, copy + n, true };
        cr_assert_not(entry_read(&in, &got), "%u bytes", n);
        free(copy);
    }
    bytes_release(&packed);
}

static struct slice dep_name(int i, char buf[32])
{
    return (struct slice){ buf, (uint32_t)snprintf(buf, 32, "ent:deal:o:D%d", i) };
}

/* Those from `first` to before `end`, and no others. */
static void check_deps(const struct record *r, int first, int end, int most)
{
    char buf[32];
    cr_assert_eq(r->n_deps, (uint32_t)(end - first));
    for (int i = 0; i < most; i++)
        cr_assert_eq(record_has_dep(r, dep_name(i, buf)), i >= first && i < end, "%d of %d..%d", i, first, end);
}

Test(record, many_dependants_are_known_as_few_are)
{
    char buf[32];
    struct record r = { 0 }, back = { 0 };
    struct bytes packed = { 0 };
    for (int i = 0; i < 300; i++) {
        check_deps(&r, 0, i, 300);
        cr_assert_eq(record_add_dep(&r, dep_name(i, buf)), 0);
    }
    for (int i = 300; i < 1500; i++) { /* full: one goes for each that comes */
        record_drop_dep(&r);
        cr_assert_eq(record_add_dep(&r, dep_name(i, buf)), 0);
        if (i % 100 == 0)
            check_deps(&r, i - 299, i + 1, 1600);
    }
    cr_assert_eq(record_encode(&r, &packed), 0);
    for (int i = 1200; i < 1500; i++)
        record_drop_dep(&r);
    cr_assert_eq(record_add_dep(&r, dep_name(7, buf)), 0);
    check_deps(&r, 7, 8, 1600); /* few again */
    cr_assert_eq(record_decode(&back, (struct slice){ packed.p, packed.n }), 0);
    check_deps(&back, 1200, 1500, 1600);
    bytes_release(&packed);
    record_release(&r);
    record_release(&back);
}

Test(record, the_oldest_dependant_goes_first)
{
    struct record r = { 0 };
    record_drop_dep(&r);
    record_add_dep(&r, SLICE("first"));
    record_add_dep(&r, SLICE("second"));
    record_drop_dep(&r);
    cr_assert_eq(r.n_deps, 1);
    cr_assert_not(record_has_dep(&r, SLICE("first")));
    cr_assert(record_has_dep(&r, SLICE("second")));
    record_drop_dep(&r);
    cr_assert_eq(r.deps.n, 0);
    record_release(&r);
}

Test(record, varints_at_their_edges)
{
    static const int64_t values[] = { 0, 1, -1, 63, 64, -64, -65, INT64_MAX, INT64_MIN, 1741000000000 };
    struct bytes b = { 0 };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        cr_assert_eq(bytes_put_svarint(&b, values[i]), 0);
    struct reader in = { b.p, b.p + b.n, true };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        cr_assert_eq(read_svarint(&in), values[i]);
    cr_assert(in.ok);
    cr_assert_eq(read_varint(&in), 0);
    cr_assert_not(in.ok, "nothing left");
    bytes_release(&b);
}

/* ---- the cache ---- */

static struct record *put(struct record_cache *c, const char *key)
{
    struct record *r = record_cache_put(c, slice_of(key));
    cr_assert(r);
    return r;
}

Test(record_cache, finds_what_was_put_among_many)
{
    struct record_cache *c = record_cache_new(SIZE_MAX, 1234567);
    char key[32];
    for (int i = 0; i < 5000; i++) {
        snprintf(key, sizeof key, "ent:lead:o:%d", i);
        put(c, key)->version = (uint64_t)i;
    }
    cr_assert_eq(record_cache_count(c), 5000);
    for (int i = 0; i < 5000; i++) {
        snprintf(key, sizeof key, "ent:lead:o:%d", i);
        struct record *r = record_cache_get(c, slice_of(key));
        cr_assert(r && r->version == (uint64_t)i);
    }
    cr_assert_null(record_cache_get(c, SLICE("ent:lead:o:5000")));
    record_cache_free(c);
}

Test(record_cache, versions_advance_once_a_batch_and_only_for_changed_records)
{
    struct record_cache *c = record_cache_new(SIZE_MAX, 1234567);
    struct record *a = put(c, "a"), *b = put(c, "b");
    a->version = 4;
    record_cache_touch(c, a, false);
    record_cache_touch(c, a, true);
    record_cache_touch(c, a, true);
    record_cache_touch(c, b, false);
    cr_assert_eq(a->flushed, 4);
    cr_assert_eq(a->version, 5);
    cr_assert_eq(b->version, 0);
    record_cache_flush_begin(c);
    cr_assert(a->pinned && !a->touched);
    record_cache_touch(c, a, true); /* changed again while its flush is in flight */
    cr_assert_eq(a->flushed, 5);
    cr_assert_eq(a->version, 6);
    record_cache_flush_done(c);
    record_cache_free(c);
}

Test(record_cache, forgets_the_least_recently_used_that_nothing_needs)
{
    struct record_cache *c = record_cache_new(3 * (sizeof(struct record) + 64), 1234567);
    struct record *pinned = put(c, "p");
    record_cache_touch(c, pinned, true);
    record_cache_flush_begin(c);
    put(c, "a");
    put(c, "b");
    put(c, "c");
    record_cache_touch(c, put(c, "t"), false);
    cr_assert(record_cache_get(c, SLICE("a")), "used again");
    record_cache_trim(c);
    cr_assert(record_cache_get(c, SLICE("p")), "in flight");
    cr_assert(record_cache_get(c, SLICE("t")), "in the batch");
    cr_assert(record_cache_get(c, SLICE("a")));
    cr_assert_null(record_cache_get(c, SLICE("b")));
    cr_assert_null(record_cache_get(c, SLICE("c")));
    record_cache_flush_done(c);
    record_cache_clear(c);
    cr_assert_eq(record_cache_count(c), 0);
    record_cache_free(c);
}

/* ---- what comes from the store ---- */

static bool sound(const char *key, const struct bytes *log)
{
    struct record r = { .log = *log };
    return record_sound(slice_of(key), &r);
}

Test(record, a_damaged_log_is_seen_wherever_it_is_cut)
{
    struct record r = { 0 };
    insert(&r, "deal_opened 5 e1 deal_id=D1 amount_micros=1000000 stage=new owner_id=ann");
    struct bytes log = r.log;
    cr_assert(sound("ent:deal:o:D1", &log));
    for (log.n = 1; log.n < r.log.n; log.n++)
        cr_assert_not(sound("ent:deal:o:D1", &log), "%u of %u bytes", log.n, r.log.n);
    r.log.p[r.log.n - 4] = (char)0xff; /* the length of the last text */
    cr_assert_not(sound("ent:deal:o:D1", &r.log), "the last field leaves its entry");
    record_release(&r);
}

Test(record, each_kind_has_a_form_of_its_own)
{
    struct record r = { 0 };
    struct bytes distinct = { 0 }, ledger = { 0 };
    insert(&r, "deal_opened 5 e1 deal_id=D1 amount_micros=1000000 stage=new owner_id=ann");
    cr_assert_eq(bytes_put(&distinct, "\0\2\0\2", 4), 0); /* one second, its own cause, one fact */
    cr_assert_eq(bytes_put(&ledger, "\1\0\2\0\2\2\0\0\0\0", 10), 0);
    cr_assert(sound("ent:dst:o:m/org/o/C1", &distinct) && sound("ent:ledger:o:C1", &ledger));
    cr_assert_not(sound("ent:dst:o:m/org/o/C1", &ledger));
    cr_assert_not(sound("ent:dst:o:m/org/o/C1", &r.log));
    cr_assert_not(sound("ent:ledger:o:C1", &r.log));
    cr_assert_not(sound("ent:deal:o:D1", &distinct));
    distinct.n--;
    ledger.n--;
    cr_assert_not(sound("ent:dst:o:m/org/o/C1", &distinct));
    cr_assert_not(sound("ent:ledger:o:C1", &ledger));
    bytes_release(&distinct);
    bytes_release(&ledger);
    record_release(&r);
}

/* Numbers whose sums no int64 holds. */
Test(record, absurd_times_and_counts_are_damage)
{
    struct bytes b = { 0 };
    cr_assert_eq(bytes_put(&b, "\0", 1), 0);
    cr_assert_eq(bytes_put_svarint(&b, INT64_MAX), 0);
    cr_assert_eq(bytes_put(&b, "\0\2", 2), 0);
    cr_assert_not(sound("ent:dst:o:x", &b));
    b.n = 0;
    cr_assert_eq(bytes_put(&b, "\1\0", 2), 0);
    cr_assert_eq(bytes_put_svarint(&b, INT64_MAX - 1), 0);
    cr_assert_eq(bytes_put_svarint(&b, INT64_MAX - 1), 0); /* the cause: their sum */
    cr_assert_eq(bytes_put(&b, "\2\2\0\0\0\0", 6), 0);
    cr_assert_not(sound("ent:ledger:o:x", &b));
    bytes_release(&b);
}

Test(record, a_damaged_record_is_refused_by_the_engine)
{
    struct definitions defs = { 0 };
    const struct engine_options opt = { .cache_bytes = 1 << 20 };
    rig_org(&defs, (struct zone){ 0 });
    struct engine *e = engine_new(&defs, &opt);
    cr_assert(e);
    cr_assert_eq(engine_put(e, SLICE("ent:dst:o:x"), 1, (struct slice){ "\1\0\0\2\0\2", 6 }), 0);
    cr_assert_eq(engine_put(e, SLICE("ent:dst:o:y"), 1, (struct slice){ "\1\0\0\2\0", 5 }), -1);
    cr_assert_eq(engine_put(e, SLICE("ent:deal:o:D"), 1, (struct slice){ "\1\0junk", 6 }), -1);
    engine_free(e);
    definitions_free(&defs);
}
