/* One shard's flush: positions of all partitions, cells, records, feed and outbox entries in one atomic step; and what follows from its answer. */
#include <stdlib.h>

#include "daemon/crash_point.h"
#include "daemon/daemon.h"

enum { OUTS_FLUSH_AT = 1000, BATCH_MIN = 50 };

int out_push(struct out_list *l, const struct store_out *out)
{
    if (l->n == l->cap) {
        uint32_t cap = l->cap ? l->cap * 2 : 64;
        struct store_out *v = realloc(l->v, cap * sizeof *v);
        if (!v)
            return -1;
        l->v = v;
        l->cap = cap;
    }
    struct store_out *to = &l->v[l->n];
    *to = (struct store_out){
        .topic = arena_copy(&l->text, out->topic),
        .key = arena_copy(&l->text, out->key),
        .id = arena_copy(&l->text, out->id),
        .type = arena_copy(&l->text, out->type),
        .payload = arena_copy(&l->text, out->payload),
    };
    if (!to->topic.p || !to->key.p || !to->id.p || !to->type.p || !to->payload.p)
        return -1;
    l->n++;
    return 0;
}

void out_clear(struct out_list *l)
{
    l->n = 0;
    arena_reset(&l->text);
}

bool shard_flush_due(const struct shard *s, uint64_t now_ms)
{
    const struct config *c = s->d->config;
    const struct cell_delta *ignored;
    if (s->flushing || !s->moved || s->away || s->store_state != STORE_READY)
        return false;
    return now_ms - s->last_flush_ms >= (uint64_t)c->redis.flush_interval_ms ||
           engine_deltas(s->engine, &ignored) >= c->redis.flush_cells_max ||
           engine_batch_records(s->engine) >= c->redis.flush_records_max || s->outs.n >= OUTS_FLUSH_AT;
}

static int64_t newest_event_ms(const struct ingest *in)
{
    int64_t newest_ms = INT64_MIN;
    for (uint32_t i = 0; i < in->n_parts; i++)
        newest_ms = in->part[i].max_event_ms > newest_ms ? in->part[i].max_event_ms : newest_ms;
    return newest_ms;
}

struct flush_call {
    struct shard *s;
    uint64_t generation, since_ns;
};

static uint32_t fill_parts(struct shard *s, struct store_part *parts)
{
    const struct ingest *in = &s->d->ingest;
    uint32_t n = 0;
    for (uint32_t i = 0; i < in->n_parts; i++) {
        const struct part *p = &in->part[i];
        struct chain *c = &s->chain[i];
        if (p->state == PART_HALTED)
            continue;
        const bool behind = p->position < c->stored_next; /* others read again what this shard has */
        c->flushed_next = p->position > c->stored_next ? p->position : c->stored_next;
        parts[n++] = (struct store_part){
            .topic = p->topic,
            .partition = p->partition,
            .epoch = c->epoch,
            .prev_next = c->stored_next,
            .next = c->flushed_next,
            .last = behind ? c->last : p->last,
            .last_crc = behind ? c->last_crc : p->last_crc,
            .max_event_ms = behind ? c->max_event_ms : p->max_event_ms,
            .idle = p->idle,
            .read = c->read,
            .applied = c->applied,
            .duplicate = c->duplicate,
            .late = c->late,
            .dead = c->dead,
        };
    }
    return n;
}

static void grow_batch(struct daemon *d)
{
    const uint32_t full = (uint32_t)d->config->kafka.batch_messages;
    uint32_t grown = d->ingest.batch_max + d->ingest.batch_max / 8 + 1;
    d->ingest.batch_max = grown < full ? grown : full;
}

static void shrink_batch(struct daemon *d)
{
    uint32_t *max = &d->ingest.batch_max;
    if (*max > BATCH_MIN)
        *max = *max / 4 > BATCH_MIN ? *max / 4 : BATCH_MIN;
}

static void applied(struct shard *s)
{
    struct ingest *in = &s->d->ingest;
    for (uint32_t i = 0; i < in->n_parts; i++)
        s->chain[i].stored_next = s->chain[i].flushed_next;
    engine_flush_applied(s->engine);
    in->rewinds = 0;
    in->doubts = false;
    bounds_tell(s, uv_now(&s->d->loop));
    CRASH_POINT(flush_noted);
    grow_batch(s->d);
    judge_stir(s->judge);
}

static void on_flush(void *ctx, enum store_result r, const char *detail)
{
    struct flush_call call = *(struct flush_call *)ctx;
    struct shard *s = call.s;
    struct daemon *d = s->d;
    free(ctx);
    s->flushing = false;
    duration_add(&d->counts.flush, (uv_hrtime() - call.since_ns) / 1000);
    if (call.generation != d->ingest.generation)
        return; /* what it carried was dropped since; the stores will tell whether it was applied */
    switch (r) {
    case STORE_OK:
        CRASH_POINT(flush_answered);
        if (detail && *detail)
            log_line(&d->log, LOG_WARNING_, "overflow", "shard %u: %s", s->index, detail);
        applied(s);
        ingest_step(d);
        break;
    case STORE_CONFLICT:
        /* Somebody else changed a record: run the events again on what it is now. Random spacing lets one side win. */
        shrink_batch(d);
        ingest_rewind(d, detail,
                      2 + (uint64_t)(uv_hrtime() >> 10) % (20u << (d->ingest.rewinds < 5 ? d->ingest.rewinds : 5)));
        break;
    case STORE_STALE:
        ingest_rewind(d, detail, 100);
        break;
    case STORE_UNKNOWN:
    case STORE_BUSY:
        ingest_rewind(d, detail, 200);
        break;
    case STORE_BROKEN:
        ingest_halt_all(d, detail);
        break;
    }
}

void shard_flush(struct shard *s)
{
    struct daemon *d = s->d;
    struct store_flush f = { 0 };
    struct store_part *parts = calloc(d->ingest.n_parts + 1, sizeof *parts);
    struct flush_call *call = malloc(sizeof *call);
    const uint64_t since_ns = uv_hrtime();
    if (!parts || !call || engine_build_flush(s->engine, wall_ms(), newest_event_ms(&d->ingest), &f) < 0) {
        free(parts);
        free(call);
        ingest_rewind(d, "out of memory", 1000);
        return;
    }
    *call = (struct flush_call){ s, d->ingest.generation, since_ns };
    f.n_parts = fill_parts(s, parts);
    f.part = parts;
    f.n_outs = s->outs.n;
    f.out = s->outs.v;
    s->flushing = true;
    s->moved = false;
    s->last_flush_ms = uv_now(&d->loop);
    CRASH_POINT(flush_built);
    int rc = f.n_parts || f.n_records ? redis_store_flush(s->store, &f, on_flush, call) : -1;
    CRASH_POINT(flush_queued);
    CRASH_POINT_WHEN_WRITTEN(flush_written);
    engine_flush_begun(s->engine);
    out_clear(&s->outs);
    free(parts);
    if (rc < 0) {
        free(call);
        s->flushing = false;
        if (d->ingest.state == INGEST_RUNNING)
            ingest_rewind(d, "the store takes no flush now", 200);
    }
}
