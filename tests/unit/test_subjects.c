/* The limit of subjects per org and dimension: who overflows, that it stays so, and that sums are exact whatever the order. */
#include "engine_rig.h"
#include "test_zones.h"

struct rig {
    struct definitions defs;
    struct engine *e;
    struct rig_store *store; /* NULL: all in memory */
    struct rig_cells cells;
    struct rig_event ev;
    uint32_t n_lasting, n_others; /* records flushed without and with a time to live */
};

static struct engine *engine_of(const struct rig *r)
{
    const struct engine_options opt = { .cache_bytes = 1 << 20 };
    return r->store ? engine_new(&r->defs, &opt) : rig_engine(&r->defs);
}

static struct rig *rig_new(int64_t most, bool stored)
{
    struct rig *r = calloc(1, sizeof *r);
    rig_org(&r->defs, zone_utc());
    rig_measure(&r->defs, "n", "lead", AGG_COUNT, NULL, NULL);
    r->defs.subjects_max = most;
    r->store = stored ? calloc(1, sizeof *r->store) : NULL;
    r->e = engine_of(r);
    return r;
}

static void rig_free(struct rig *r)
{
    engine_free(r->e);
    rig_cells_release(&r->cells);
    definitions_free(&r->defs);
    if (r->store)
        rig_store_free(r->store);
    free(r);
}

static bool lasting(struct slice key)
{
    return key.n > 11 && memcmp(key.p, "ent:subject", 11) == 0;
}

static void keep(struct rig *r)
{
    struct store_flush f = { 0 };
    const struct cell_delta *d;
    uint32_t n = engine_deltas(r->e, &d);
    for (uint32_t i = 0; i < n; i++)
        rig_cells_add(&r->cells, &d[i]);
    if (r->store) {
        cr_assert_eq(engine_build_flush(r->e, 0, INT64_MAX, &f), 0);
        cr_assert(rig_store_flush(r->store, &f));
        for (uint32_t i = 0; i < f.n_records; i++) {
            if (f.record[i].version == f.record[i].expected)
                continue; /* read, not written */
            cr_assert_eq(f.record[i].ttl_ms == 0, lasting(f.record[i].key), "%s", f.record[i].key.p);
            *(lasting(f.record[i].key) ? &r->n_lasting : &r->n_others) += 1;
        }
    }
    engine_flush_begun(r->e);
    engine_flush_applied(r->e);
}

static void say(struct rig *r, const char *line)
{
    enum apply_result result;
    rig_parse(&r->ev, line);
    while ((result = engine_apply(r->e, &r->ev.ev, INT64_MIN)) == APPLY_NEED)
        rig_store_give(r->store, r->e);
    cr_assert_eq(result, APPLY_DONE, "%s", line);
    keep(r);
}

static void lead(struct rig *r, const char *rep, int i)
{
    char line[128];
    snprintf(line, sizeof line, "lead_created %d e%d lead_id=L%d owner_id=%s", 1000 + i, i, i, rep);
    say(r, line);
}

static int64_t count(const struct rig *r, const char *field)
{
    return rig_sum(&r->cells, field, CELL_HOUR, INT64_MIN, INT64_MAX);
}

static uint64_t capped(const struct rig *r)
{
    struct engine_stats stats;
    engine_stats(r->e, &stats);
    return stats.subjects_capped;
}

Test(subjects, who_comes_when_it_is_full_counts_with_the_others)
{
    for (int stored = 0; stored < 2; stored++) {
        struct rig *r = rig_new(2, stored);
        const char *const reps[] = { "ann", "bo", "cy", "dee", "ann", "cy" };
        for (int i = 0; i < 6; i++)
            lead(r, reps[i], i);
        cr_assert_eq(count(r, "rep:ann|n"), 2);
        cr_assert_eq(count(r, "rep:bo|n"), 1);
        cr_assert_eq(count(r, "rep:cy|n"), 0);
        cr_assert_eq(count(r, "rep:dee|n"), 0);
        cr_assert_eq(count(r, "rep:__other__|n"), 3);
        cr_assert_eq(count(r, "org:o|n"), 6);
        cr_assert_eq(capped(r), 3u);
        rig_free(r);
    }
}

Test(subjects, no_limit_no_others)
{
    struct rig *r = rig_new(0, true);
    for (int i = 0; i < 6; i++)
        lead(r, (const char *const[]){ "a", "b", "c", "d", "e", "f" }[i], i);
    cr_assert_eq(count(r, "rep:f|n"), 1);
    cr_assert_eq(r->n_lasting, 0u);
    rig_free(r);
}

/* Corrections withdraw where it was counted. */
Test(subjects, what_was_counted_with_the_others_is_withdrawn_there)
{
    struct rig *r = rig_new(1, true);
    lead(r, "ann", 0);
    lead(r, "bo", 1);
    lead(r, "cy", 2);
    cr_assert_eq(count(r, "rep:__other__|n"), 2);
    say(r, "event_retracted 5000 x target_event_id=e1");
    cr_assert_eq(count(r, "rep:__other__|n"), 1);
    say(r, "event_retracted 5001 y target_event_id=e0"); /* ann's place is hers for good */
    lead(r, "dee", 3);
    cr_assert_eq(count(r, "rep:ann|n"), 0);
    cr_assert_eq(count(r, "rep:dee|n"), 0);
    cr_assert_eq(count(r, "rep:__other__|n"), 2);
    cr_assert_eq(count(r, "org:o|n"), 2);
    rig_free(r);
}

/* A restart, and a larger limit: a dimension that was closed stays closed, or "cy" would be withdrawn where it never counted. */
Test(subjects, it_stays_so_after_a_restart_and_under_another_limit)
{
    struct rig *r = rig_new(2, true);
    lead(r, "ann", 0);
    lead(r, "bo", 1);
    lead(r, "cy", 2);
    engine_free(r->e);
    r->defs.subjects_max = 100;
    r->e = engine_of(r);
    lead(r, "cy", 3);
    lead(r, "dee", 4);
    lead(r, "bo", 5);
    say(r, "event_retracted 5000 x target_event_id=e2");
    cr_assert_eq(count(r, "rep:bo|n"), 2);
    cr_assert_eq(count(r, "rep:cy|n"), 0);
    cr_assert_eq(count(r, "rep:__other__|n"), 2);
    cr_assert_gt(r->n_lasting, 0u);
    rig_free(r);
}

/* A dimension that is not full takes a larger limit over; others are counted by themselves: channels are few. */
Test(subjects, dimensions_and_limits_are_apart)
{
    struct rig *r = rig_new(2, true);
    say(r, "lead_created 1000 a lead_id=L1 owner_id=ann channel=web");
    say(r, "lead_created 1001 b lead_id=L2 owner_id=bo channel=web");
    r->defs.subjects_max = 3;
    say(r, "lead_created 1002 c lead_id=L3 owner_id=cy channel=fair");
    say(r, "lead_created 1003 d lead_id=L4 owner_id=dee channel=web");
    cr_assert_eq(count(r, "rep:cy|n"), 1);
    cr_assert_eq(count(r, "rep:__other__|n"), 1);
    cr_assert_eq(count(r, "channel:web|n"), 3);
    cr_assert_eq(count(r, "channel:fair|n"), 1);
    cr_assert_eq(count(r, "channel:__other__|n"), 0);
    rig_free(r);
}

/* Any order: sums over all subjects are the same, and whoever has figures of its own has all of them. */
Test(subjects, any_order_keeps_the_sum_and_tears_nobody_apart)
{
    static const char *const reps[] = { "a", "b", "c", "d", "e" };
    enum { EVENTS = 40, ORDERS = 50 };
    uint32_t random = 7;
    for (int k = 0; k < ORDERS; k++) {
        struct rig *r = rig_new(3, k % 2);
        int order[EVENTS], own = 0;
        for (int i = 0; i < EVENTS; i++) {
            int j = (int)((random = random * 1103515245 + 12345) >> 16) % (i + 1);
            order[i] = order[j];
            order[j] = i;
        }
        for (int i = 0; i < EVENTS; i++)
            lead(r, reps[order[i] % 5], order[i]);
        int64_t sum = count(r, "rep:__other__|n");
        for (int i = 0; i < 5; i++) {
            char field[32];
            snprintf(field, sizeof field, "rep:%s|n", reps[i]);
            int64_t n = count(r, field);
            cr_assert(n == 0 || n == EVENTS / 5, "%s has %lld", field, (long long)n);
            own += n > 0;
            sum += n;
        }
        cr_assert_eq(own, 3);
        cr_assert_eq(sum, EVENTS);
        rig_free(r);
    }
}
