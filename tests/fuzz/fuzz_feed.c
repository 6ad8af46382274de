/* Any bytes as an entry of the feed: what is read, written and read again is the same deltas. Fields that are cells can be parked and found again. */
#include "fuzz.h"

#include "crmpulse/cell.h"

struct walk {
    struct feed_writer *writer;
    struct slice again; /* of the second reading: what is left of the writer's bytes' deltas is counted only */
    struct cell_delta v[64];
    uint32_t n, compared;
};

static void parked(const struct cell_delta *d)
{
    char buf[4096];
    struct cell_delta back = { 0 };
    size_t n = cell_parked_field(d, buf, sizeof buf);
    if (!n || d->grain == CELL_EVIDENCE || !d->field.n)
        return;
    FUZZ_CHECK(cell_parked_parse((struct slice){ buf, (uint32_t)n }, &back) == 0);
    FUZZ_CHECK(back.cause_ms == d->cause_ms && back.pane_ms == d->pane_ms && back.grain == d->grain &&
               slice_eq(back.field, d->field));
    int64_t hour = d->cause_ms > INT64_MIN + FUZZ_HOUR_MS ? cell_parked_hour(d->cause_ms) : 0;
    FUZZ_CHECK(hour % FUZZ_HOUR_MS == 0 && (!hour || hour <= d->cause_ms));
}

static int take(void *ctx, const struct cell_delta *d)
{
    struct walk *w = ctx;
    struct cell_field f;
    if (w->n < sizeof w->v / sizeof w->v[0])
        w->v[w->n++] = *d;
    FUZZ_CHECK(feed_writer_add(w->writer, d) == 0);
    if (cell_field_parse(d->field, &f) == 0)
        FUZZ_CHECK(f.subject.n && f.measure.n && f.dim < DIM_COUNT);
    parked(d);
    return 0;
}

static int compare(void *ctx, const struct cell_delta *d)
{
    struct walk *w = ctx;
    const struct cell_delta *was = &w->v[w->compared];
    if (w->compared >= w->n)
        return 0;
    FUZZ_CHECK(slice_eq(was->org, d->org) && slice_eq(was->field, d->field) && was->grain == d->grain);
    FUZZ_CHECK(was->pane_ms == d->pane_ms && was->cause_ms == d->cause_ms && was->value == d->value &&
               was->ahead == d->ahead);
    w->compared++;
    return 0;
}

static void escapes(const uint8_t *bytes, size_t n)
{
    char escaped[3 * 256], back[3 * 256];
    struct slice raw = fuzz_slice(bytes, n < 256 ? n : 256);
    size_t m = cell_escape(raw, escaped, sizeof escaped);
    size_t k = cell_unescape((struct slice){ escaped, (uint32_t)m }, back, sizeof back);
    FUZZ_CHECK(slice_eq(raw, (struct slice){ back, (uint32_t)k }));
}

int fuzz_one(const uint8_t *bytes, size_t n)
{
    struct walk *w = calloc(1, sizeof *w);
    struct cell_delta d;
    FUZZ_CHECK(w && (w->writer = feed_writer_new(0)));
    if (feed_read(fuzz_slice(bytes, n), take, w) == 0)
        FUZZ_CHECK(feed_read(feed_writer_bytes(w->writer), compare, w) == 0 && w->compared == w->n);
    if (cell_parked_parse(fuzz_slice(bytes, n), &d) == 0)
        FUZZ_CHECK(d.field.n && d.ahead);
    escapes(bytes, n);
    feed_writer_free(w->writer);
    free(w);
    return 0;
}
