/* Packed records of the store under an event. Input: a line of JSON (the event), then records, each a length of two bytes (little endian) and bytes;
 * length 0: absent. The engine gets them in the order in which it asks. Whatever they hold, it refuses or goes on, and what it would write can be read. */
#include "fuzz.h"

#include "crmpulse/cell.h"
#include "crmpulse/engine.h"
#include "crmpulse/record.h"

enum { ROUNDS_MAX = 64, CACHE_BYTES = 1 << 22 };

static struct slice next_record(struct slice *rest)
{
    if (rest->n < 2) {
        rest->n = 0;
        return (struct slice){ 0 };
    }
    uint32_t n = (uint8_t)rest->p[0] | (uint32_t)(uint8_t)rest->p[1] << 8;
    if (n > rest->n - 2)
        n = rest->n - 2;
    struct slice record = { rest->p + 2, n };
    *rest = (struct slice){ rest->p + 2 + n, rest->n - 2 - n };
    return record;
}

/* 0, or -1 if one is malformed. */
static int give(struct engine *e, struct slice *rest)
{
    const struct slice *key;
    uint32_t n = engine_missing(e, &key);
    int rc = 0;
    FUZZ_CHECK(n > 0);
    for (uint32_t i = 0; i < n && rc == 0; i++) {
        struct slice record = next_record(rest);
        rc = engine_put(e, key[i], record.n ? 1 : 0, record);
    }
    engine_missing_clear(e);
    return rc;
}

static int take(void *ctx, const struct cell_delta *d)
{
    (void)ctx;
    FUZZ_CHECK(d->org.n && d->field.n);
    return 0;
}

static void build(struct engine *e)
{
    struct store_flush flush = { 0 };
    if (engine_build_flush(e, FUZZ_NOW_MS, FUZZ_NOW_MS, &flush) < 0)
        return;
    for (uint32_t i = 0; i < flush.n_records; i++) {
        struct record r = { 0 };
        if (flush.record[i].version != flush.record[i].expected && flush.record[i].bytes.n)
            FUZZ_CHECK(record_decode(&r, flush.record[i].bytes) == 0);
        record_release(&r);
    }
    FUZZ_CHECK(feed_read(flush.feed, take, NULL) == 0);
    engine_flush_begun(e);
    engine_flush_applied(e);
}

int fuzz_one(const uint8_t *bytes, size_t n)
{
    static const struct engine_options opt = { .cache_bytes = CACHE_BYTES };
    static struct event ev;
    struct event_note note;
    struct arena a;
    struct slice rest = fuzz_slice(bytes, n), line;
    enum event_field field;
    arena_init(&a, 0, 1 << 24);
    if (fuzz_line(&rest, &line) && line.n && line.p[0] == '{' &&
        event_decode(fuzz_codec(), &a, (const uint8_t *)line.p, line.n, &ev, &note) == REJECT_NONE &&
        event_validate(&fuzz_codec()->schema, &ev, FUZZ_NOW_MS, FUZZ_HOUR_MS, &field) == REJECT_NONE) {
        struct engine *e = engine_new(&fuzz_config()->defs, &opt);
        enum apply_result r = APPLY_NEED;
        FUZZ_CHECK(e);
        for (int i = 0; i < ROUNDS_MAX && r == APPLY_NEED; i++) {
            r = engine_apply(e, &ev, FUZZ_NOW_MS);
            if (r == APPLY_NEED && give(e, &rest) < 0)
                break;
        }
        if (r == APPLY_DONE)
            build(e);
        engine_free(e);
    }
    arena_release(&a);
    return 0;
}
