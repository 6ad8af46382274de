/* From batch to flush: deltas of all causes fold into cells, but those that time alone makes and whose cause lies ahead are parked by cause; dirty
 * records are packed, records that were only read become version checks. */
#include <stdlib.h>

#include "crmpulse/decimal.h"
#include "engine_int.h"

uint32_t engine_deltas(const struct engine *e, const struct cell_delta **ret)
{
    *ret = e->batch.v;
    return e->batch.n;
}

uint32_t engine_batch_records(const struct engine *e)
{
    return record_cache_touched_count(e->cache);
}

bool engine_batch_empty(const struct engine *e)
{
    return e->batch.n == 0 && engine_batch_records(e) == 0;
}

/* "pane:<org>:<grain>:<start>" */
static struct slice pane_key(struct engine *e, struct slice org, enum cell_grain grain, int64_t pane_ms)
{
    char buf[KEY_MAX];
    size_t n = 5;
    memcpy(buf, "pane:", 5);
    n += cell_escape(org, buf + n, sizeof buf - n - 32);
    buf[n++] = ':';
    buf[n++] = (char)grain;
    buf[n++] = ':';
    n += decimal_put(buf + n, pane_ms);
    return arena_copy(&e->flush_text, (struct slice){ buf, (uint32_t)n });
}

static int by_cell(const void *a, const void *b)
{
    const struct cell_delta *x = *(const struct cell_delta *const *)a, *y = *(const struct cell_delta *const *)b;
    int c = slice_cmp(x->org, y->org);
    if (!c && x->grain != y->grain)
        c = x->grain < y->grain ? -1 : 1;
    if (!c && x->pane_ms != y->pane_ms)
        c = x->pane_ms < y->pane_ms ? -1 : 1;
    return c ? c : slice_cmp(x->field, y->field);
}

static bool same_pane(const struct cell_delta *x, const struct cell_delta *y)
{
    return x->grain == y->grain && x->pane_ms == y->pane_ms && slice_eq(x->org, y->org);
}

/* A step of a level may lie in the future: its pane is kept from then on. */
static int64_t expiry(const struct definitions *defs, const struct cell_delta *d, int64_t now_ms)
{
    if (d->grain == CELL_GAUGE)
        return 0;
    int64_t from_ms = d->pane_ms > now_ms ? d->pane_ms : now_ms;
    return from_ms + (d->grain == CELL_MINUTE ? defs->fine_retention_ms : defs->retention_ms);
}

/* A parked delta in its own cell; the store adds up those of one cause. */
static int park(struct engine *e, const struct cell_delta *d, uint32_t n_cells)
{
    char buf[KEY_MAX];
    struct slice field = { buf, (uint32_t)cell_parked_field(d, buf, sizeof buf) };
    struct slice key = pane_key(e, d->org, CELL_PARKED, cell_parked_hour(d->cause_ms));
    if (!engine_room(e, &e->cells, n_cells, &e->cells_cap, sizeof *e->cells))
        return -1;
    field = arena_copy(&e->flush_text, field);
    e->cells[n_cells] = (struct store_cell){ key, field, d->value, 0 };
    return key.p && field.n ? 0 : -1;
}

/* Parked deltas become the first cells, the others are put in order. How many of either; -1: out of memory. */
static int sort_out(struct engine *e, int64_t newest_ms, const struct cell_delta **order, uint32_t *ret_parked)
{
    uint32_t n = 0, parked = 0;
    for (uint32_t i = 0; i < e->batch.n; i++) {
        struct cell_delta *d = &e->batch.v[i];
        if (d->grain == CELL_EVIDENCE)
            continue; /* travels in the feed alone */
        d->ahead = cell_delta_parks(d, newest_ms);
        if (!d->ahead)
            order[n++] = d;
        else if (d->value && park(e, d, parked++) < 0)
            return -1;
    }
    *ret_parked = parked;
    return (int)n;
}

static int build_cells(struct engine *e, int64_t now_ms, int64_t newest_ms, struct store_flush *flush)
{
    uint32_t n_cells = 0;
    const struct cell_delta **order = arena_alloc(&e->flush_text, (e->batch.n + 1) * sizeof(const struct cell_delta *));
    int n = order ? sort_out(e, newest_ms, order, &n_cells) : -1;
    if (n < 0)
        return -1;
    qsort(order, (size_t)n, sizeof *order, by_cell);
    const struct cell_delta *before = NULL;
    for (int i = 0; i < n; i++) {
        const struct cell_delta *d = order[i];
        if (!engine_room(e, &e->cells, n_cells, &e->cells_cap, sizeof *e->cells))
            return -1;
        if (before && by_cell(&order[i - 1], &order[i]) == 0) {
            struct store_cell *c = &e->cells[n_cells - 1];
            int64_t sum = c->value + d->value;
            if (sum <= (int64_t)1 << 53 && sum >= -((int64_t)1 << 53)) {
                c->value = sum;
                continue;
            }
        }
        struct slice key =
            before && same_pane(before, d) ? e->cells[n_cells - 1].key : pane_key(e, d->org, d->grain, d->pane_ms);
        e->cells[n_cells++] = (struct store_cell){ key, d->field, d->value, expiry(e->defs, d, now_ms) };
        before = d;
    }
    flush->cell = e->cells;
    flush->n_cells = n_cells;
    return 0;
}

static int build_feed(struct engine *e, struct store_flush *flush)
{
    bool any = false;
    feed_writer_clear(e->feed);
    for (uint32_t i = 0; i < e->batch.n; i++) {
        if (!e->batch.v[i].value)
            continue;
        any = true;
        if (feed_writer_add(e->feed, &e->batch.v[i]) < 0)
            return -1;
    }
    flush->feed = any ? feed_writer_bytes(e->feed) : (struct slice){ 0 };
    return 0;
}

struct record_walk {
    struct engine *e;
    uint32_t n;
};

static int pack_record(void *ctx, struct record *r)
{
    struct record_walk *w = ctx;
    struct engine *e = w->e;
    if (!engine_room(e, &e->records, w->n, &e->records_cap, sizeof *e->records))
        return -1;
    struct store_record *to = &e->records[w->n++];
    *to = (struct store_record){
        .key = r->key, .expected = r->flushed, .version = r->version, .ttl_ms = e->defs->retention_ms, .told = r->told
    };
    struct slice kind = key_kind(r->key);
    if (!r->dirty) /* merges live as long as what they map: whatever is written of the org renews them */
        to->keep = r->version && slice_eq(kind, SLICE("merge")) && !e->defs->erase_keep;
    if (!r->dirty || r->deleted)
        return 0;
    if (slice_eq(kind, SLICE("erased")) || (slice_eq(kind, SLICE("merge")) && e->defs->erase_keep))
        to->ttl_ms = 0; /* who was erased stays so; and what he did, under another name */
    if (subjects_kind(kind))
        to->ttl_ms = 0; /* who was admitted stays so */
    if (slice_eq(kind, SLICE("orphan")) ||
        slice_eq(kind, SLICE("final"))) { /* kept until it is given up or its target comes */
        to->due_ms = orphan_due_ms(r);
        to->ttl_ms = 0;
    }
    e->record_bytes.n = 0;
    if (record_encode(r, &e->record_bytes) < 0)
        return -1;
    to->bytes = arena_copy(&e->flush_text, (struct slice){ e->record_bytes.p, e->record_bytes.n });
    return to->bytes.p ? 0 : -1;
}

int engine_build_flush(struct engine *e, int64_t now_ms, int64_t newest_ms, struct store_flush *flush)
{
    struct record_walk walk = { e, 0 };
    arena_reset(&e->flush_text);
    if (build_cells(e, now_ms, newest_ms, flush) < 0 || build_feed(e, flush) < 0 ||
        record_cache_touched(e->cache, pack_record, &walk) < 0)
        return -1;
    /* Cells whose deltas cancelled out are written all the same: a subject that once had something is listed with 0 (T4). */
    flush->record = e->records;
    flush->n_records = walk.n;
    return 0;
}

void engine_flush_begun(struct engine *e)
{
    delta_batch_clear(&e->batch);
    record_cache_flush_begin(e->cache);
}

void engine_flush_applied(struct engine *e)
{
    record_cache_flush_done(e->cache);
}

void engine_reset(struct engine *e)
{
    delta_batch_clear(&e->batch);
    record_cache_clear(e->cache);
    identity_clear(e);
    engine_missing_clear(e);
}
