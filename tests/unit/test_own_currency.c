/* The currency of an org that configures none: that of its earliest event with money, agreed on through a record, final once many entities rest on it. */
#include "engine_rig.h"
#include "test_zones.h"

static const int64_t t0 = 1740960000000; /* 2025-03-03T00:00Z, a Monday */

static void init(struct definitions *defs)
{
    *defs = (struct definitions){ 0 };
    rig_org(defs, zone_utc());
    rig_measure(defs, "ordered", "order", AGG_SUM, NULL, "amount");
}

static enum apply_result order(struct engine *e, struct rig_event *ev, int id, int64_t t_ms, int amount,
                               const char *currency)
{
    char line[256];
    snprintf(line, sizeof line, "order_placed %lld e%d order_id=O%d customer_id=k amount_micros=%d items=1 currency=%s",
             (long long)t_ms, id, id, amount, currency);
    rig_parse(ev, line);
    return engine_apply(e, &ev->ev, INT64_MIN);
}

static int64_t ordered(struct rig_cells *c, struct engine *e)
{
    rig_take(c, e);
    return rig_sum(c, "org:o|ordered", CELL_HOUR, INT64_MIN, INT64_MAX);
}

static void expect_adopted(const struct engine *e, const char *before, const char *now)
{
    struct engine_adoption a;
    cr_assert_eq(engine_adopted(e, &a), *now != 0);
    cr_assert_str_eq(a.before, before);
    cr_assert_str_eq(a.now, now);
}

Test(own_currency, the_earliest_event_with_money_decides)
{
    struct definitions defs;
    struct rig_cells cells = { 0 };
    struct rig_event ev;
    init(&defs);
    struct engine *e = rig_engine(&defs);
    cr_assert_eq(order(e, &ev, 1, t0 + 5000, 100, "EUR"), APPLY_DONE);
    expect_adopted(e, "", "EUR");
    cr_assert_eq(order(e, &ev, 2, t0 + 6000, 10, "USD"), APPLY_PARKED);
    expect_adopted(e, "", "");
    cr_assert_eq(ordered(&cells, e), 100);
    cr_assert_eq(order(e, &ev, 3, t0 + 4000, 7, "USD"),
                 APPLY_DONE); /* earlier: what counted waits, what waited counts */
    expect_adopted(e, "EUR", "USD");
    cr_assert_eq(ordered(&cells, e), 17);
    cr_assert_eq(order(e, &ev, 4, t0 + 3000, 1, "USD"), APPLY_DONE); /* earlier still, and nothing changes */
    expect_adopted(e, "", "");
    cr_assert_eq(ordered(&cells, e), 18);
    /* A view of the past says what it always said: nothing of the euros. */
    cr_assert_eq(rig_sum(&cells, "org:o|ordered", CELL_HOUR, INT64_MIN, t0 + 4500), 8);
    cr_assert_eq(rig_sum(&cells, "org:o|ordered", CELL_HOUR, INT64_MIN, t0 + 5500), 8);
    rig_cells_release(&cells);
    engine_free(e);
    definitions_free(&defs);
}

Test(own_currency, is_final_once_many_entities_rest_on_it)
{
    enum { MANY = 512 };
    struct definitions defs;
    struct rig_cells cells = { 0 };
    struct rig_event ev;
    init(&defs);
    struct engine *e = rig_engine(&defs);
    for (int i = 0; i < MANY; i++)
        cr_assert_eq(order(e, &ev, i, t0 + i, 1, "EUR"), APPLY_DONE);
    cr_assert_eq(order(e, &ev, MANY, t0 - 1, 1000, "USD"), APPLY_PARKED);
    expect_adopted(e, "", "");
    cr_assert_eq(ordered(&cells, e), MANY);
    rig_cells_release(&cells);
    engine_free(e);
    definitions_free(&defs);
}

Test(own_currency, two_that_choose_at_once_agree)
{
    const struct engine_options opt = { .cache_bytes = 1 << 20 };
    struct definitions defs;
    struct rig_event ev;
    init(&defs);
    struct rig_store *s = calloc(1, sizeof *s);
    struct engine *a = engine_new(&defs, &opt), *b = engine_new(&defs, &opt);
    struct store_flush fa = { 0 }, fb = { 0 };
    while (order(a, &ev, 1, t0, 100, "EUR") == APPLY_NEED)
        rig_store_give(s, a);
    while (order(b, &ev, 2, t0 + 1, 10, "USD") == APPLY_NEED)
        rig_store_give(s, b);
    cr_assert_eq(engine_build_flush(a, t0, INT64_MAX, &fa), 0);
    cr_assert(rig_store_flush(s, &fa));
    cr_assert_eq(engine_build_flush(b, t0, INT64_MAX, &fb), 0);
    cr_assert_not(rig_store_flush(s, &fb), "it chose without knowing of the other");
    engine_flush_begun(b);
    engine_reset(b);
    enum apply_result r;
    while ((r = order(b, &ev, 2, t0 + 1, 10, "USD")) == APPLY_NEED)
        rig_store_give(s, b);
    cr_assert_eq(r, APPLY_PARKED);
    engine_free(a);
    engine_free(b);
    rig_store_free(s);
    definitions_free(&defs);
}

static bool writes_currency(struct engine *e, struct rig_store *s)
{
    struct store_flush f = { 0 };
    bool written = false;
    cr_assert_eq(engine_build_flush(e, t0, INT64_MAX, &f), 0);
    for (uint32_t i = 0; i < f.n_records; i++)
        written |=
            slice_eq(f.record[i].key, SLICE("ent:currency:o:own")) && f.record[i].version != f.record[i].expected;
    cr_assert(rig_store_flush(s, &f));
    engine_flush_begun(e);
    engine_flush_applied(e);
    return written;
}

Test(own_currency, its_record_is_renewed_before_it_expires)
{
    const struct engine_options opt = { .cache_bytes = 1 << 20 };
    struct definitions defs;
    struct rig_event ev;
    init(&defs);
    struct rig_store *s = calloc(1, sizeof *s);
    struct engine *e = engine_new(&defs, &opt);
    const struct {
        int64_t t_ms;
        bool written;
    } steps[] = { { t0, true },
                  { t0 + defs.retention_ms / 4, false },
                  { t0 + defs.retention_ms / 4 + 1, true },
                  { t0 + defs.retention_ms / 3, false } };
    for (int i = 0; i < 4; i++) {
        char line[128];
        snprintf(line, sizeof line,
                 i ? "login %lld e%d user_id=ann"
                   : "order_placed %lld e%d order_id=O customer_id=k amount_micros=1 items=1 currency=EUR",
                 (long long)steps[i].t_ms, i);
        rig_parse(&ev, line);
        while (engine_apply(e, &ev.ev, INT64_MIN) == APPLY_NEED)
            rig_store_give(s, e);
        cr_assert_eq(writes_currency(e, s), steps[i].written, "event %d", i);
    }
    engine_free(e);
    rig_store_free(s);
    definitions_free(&defs);
}
