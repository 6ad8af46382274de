/* Merges live as long as anything they map: their record is written when somebody is merged and used ever after, in a store whose records expire. */
#include "engine_rig.h"
#include "test_zones.h"

enum { DAY = 86400000 };
static const int64_t t0 = 1740960000000; /* 2025-03-03T00:00Z */

struct ageing {
    struct definitions defs;
    struct engine *e;
    struct rig_store *store;
    struct rig_cells cells;
    int64_t until_ms[RIG_STORE_MAX]; /* by the record's place in the store */
};

static void begin(struct ageing *a)
{
    const struct engine_options opt = { .cache_bytes = 1 << 20 };
    *a = (struct ageing){ 0 };
    rig_org(&a->defs, zone_utc());
    rig_measure(&a->defs, "n", "lead", AGG_COUNT, NULL, NULL);
    a->store = calloc(1, sizeof *a->store);
    a->e = engine_new(&a->defs, &opt);
}

static void end(struct ageing *a)
{
    engine_free(a->e);
    rig_store_free(a->store);
    rig_cells_release(&a->cells);
    definitions_free(&a->defs);
}

/* As Redis does it: a record lives for its TTL from when it was written, or kept. */
static void expire(struct ageing *a, int64_t now_ms)
{
    for (uint32_t i = 0; i < a->store->n; i++)
        if (a->until_ms[i] && a->until_ms[i] <= now_ms)
            a->store->v[i].version = 0, a->store->v[i].n_bytes = 0;
}

static bool flush(struct ageing *a, int64_t now_ms)
{
    struct store_flush f = { 0 };
    const struct cell_delta *d;
    uint32_t n = engine_deltas(a->e, &d);
    bool kept = false;
    for (uint32_t i = 0; i < n; i++)
        rig_cells_add(&a->cells, &d[i]);
    cr_assert_eq(engine_build_flush(a->e, now_ms, INT64_MAX, &f), 0);
    cr_assert(rig_store_flush(a->store, &f));
    for (uint32_t i = 0; i < f.n_records; i++) {
        const struct store_record *r = &f.record[i];
        uint32_t at = rig_store_find(a->store, r->key);
        bool written = r->version != r->expected;
        cr_assert(!(r->keep && written) && !(r->keep && !r->expected));
        if (at < a->store->n && (written || r->keep))
            a->until_ms[at] = r->ttl_ms ? now_ms + r->ttl_ms : 0;
        kept |= r->keep;
    }
    engine_flush_begun(a->e);
    engine_flush_applied(a->e);
    engine_reset(a->e); /* nothing stays in the cache that is gone from the store */
    return kept;
}

/* At noon of that day; whether the record of merges was kept. */
static bool say(struct ageing *a, int day, const char *format)
{
    char line[256];
    struct rig_event ev;
    enum apply_result r;
    int64_t t_ms = t0 + (int64_t)day * DAY + DAY / 2;
    expire(a, t_ms);
    snprintf(line, sizeof line, format, (long long)t_ms);
    rig_parse(&ev, line);
    while ((r = engine_apply(a->e, &ev.ev, INT64_MIN)) == APPLY_NEED)
        rig_store_give(a->store, a->e);
    cr_assert_eq(r, APPLY_DONE, "%s", line);
    return flush(a, t_ms);
}

/* x is merged into y; long after the retention of 400 days, in which the org had other events, a lead of x is one of y. */
Test(merge_kept, as_long_as_the_org_has_events)
{
    struct ageing a;
    begin(&a);
    cr_assert(!say(&a, 0, "entity_merged %lld m entity_kind=user from_id=x into_id=y"), "it was written");
    cr_assert(say(&a, 300, "login %lld e1 user_id=ann"));
    cr_assert(say(&a, 690, "login %lld e2 user_id=ann"));
    cr_assert(say(&a, 1000, "lead_created %lld e3 lead_id=L1 owner_id=x"));
    cr_assert_eq(rig_sum(&a.cells, "rep:y|n", CELL_HOUR, INT64_MIN, INT64_MAX), 1);
    cr_assert_eq(rig_sum(&a.cells, "rep:x|n", CELL_HOUR, INT64_MIN, INT64_MAX), 0);
    cr_assert(say(&a, 1399, "login %lld e4 user_id=ann"), "what was written on day 1000 may still be corrected");
    end(&a);
}

/* An org without merges has nothing to keep, and with `erase: keep` the record never expires. */
Test(merge_kept, only_what_expires)
{
    struct ageing a;
    begin(&a);
    cr_assert(!say(&a, 0, "login %lld e1 user_id=ann"));
    a.defs.erase_keep = true;
    cr_assert(!say(&a, 1, "entity_merged %lld m entity_kind=user from_id=x into_id=y"));
    cr_assert(!say(&a, 2, "login %lld e2 user_id=ann"));
    end(&a);
}
