/* Ingest: partitions from Kafka, batch by batch, into the shards' engines.
 *
 *   assigned ─ claim in every store ─ start at what they hold ─ verify the record before it ─┐
 *   ┌────────────────────────────────────────────────────────────────────────────────────────┘
 *   └─ drain a batch ─ apply; ask the stores for records that are missing, apply again ─ whole batch done: positions move ─ flush when due
 *
 * Where it starts, and starts again after anything went wrong, is in claim.c. Nothing is retried blindly. */
#include <stdlib.h>

#include "daemon/crash_point.h"
#include "daemon/ingest_int.h"

enum {
    TICK_MS = 20,
    STOOD_STILL_MS = 500, /* between two ticks */
    SLICE_MS = 50,        /* of applying at a time: large records must not keep the loop from leases and signals */
    LOOK_EVERY = 8
};

int64_t wall_ms(void)
{
    uv_timeval64_t now;
    uv_gettimeofday(&now);
    return now.tv_sec * 1000 + now.tv_usec / 1000;
}

/* ---- messages ---- */

/* I5: what a shard has applied last must be what lies there now. */
static bool verified(struct daemon *d, uint32_t i, const struct kafka_message *m)
{
    struct part *p = &d->ingest.part[i];
    char why[160];
    if (m->offset == p->verify && m->crc == p->verify_crc) {
        p->verify = -1;
        p->verified = m->offset;
        CRASH_POINT(verified);
        return true;
    }
    if (m->offset == p->verify)
        snprintf(why, sizeof why,
                 "lineage: the record at offset %lld is not the one that was applied (topic re-created or truncated)",
                 (long long)m->offset);
    else
        snprintf(why, sizeof why, "lineage: offset %lld is gone, the log continues at %lld", (long long)p->verify,
                 (long long)m->offset);
    ingest_halt(d, i, why);
    return false;
}

static int take_message(void *ctx, const struct kafka_message *m)
{
    struct daemon *d = ctx;
    struct ingest *in = &d->ingest;
    uint32_t i;
    struct part *p = ingest_part(in, m->topic, m->partition, &i);
    if (p && p->state != PART_HALTED && in->state == INGEST_VERIFYING && p->verify >= 0)
        (void)verified(d, i, m);
    if (!p || p->state == PART_HALTED || in->state != INGEST_RUNNING)
        return 0; /* what comes while nothing is read is fetched again from where reading starts */
    p->eof_at_ms = 0;
    if (in->broker_lost) { /* I5: who leads now may lack what was applied */
        ingest_rewind(d, "a broker was lost: the last applied records are compared again", 20);
        return 0;
    }
    if (p->verify >= 0) {
        (void)verified(d, i, m);
        return 0;
    }
    if (m->offset < p->position)
        return 0;
    if (in->n_messages == in->messages_cap) {
        uint32_t cap = in->messages_cap ? in->messages_cap * 2 : 1024;
        struct message *v = realloc(in->message, cap * sizeof *v);
        if (!v)
            abort();
        in->message = v;
        in->messages_cap = cap;
    }
    struct slice value = m->value.n ? arena_copy(&in->payload, m->value) : (struct slice){ 0 };
    if (m->value.n && !value.p)
        abort();
    in->message[in->n_messages++] = (struct message){ .part = i, .offset = m->offset, .crc = m->crc, .value = value };
    if (p->idle) {
        p->idle = false;
        for (uint32_t s = 0; s < d->n_shards; s++)
            d->shard[s].moved = true;
    }
    return 0;
}

static void batch_done(struct daemon *d)
{
    struct ingest *in = &d->ingest;
    if (in->n_messages)
        CRASH_POINT(batch_applied);
    for (uint32_t k = 0; k < in->n_messages; k++) {
        const struct message *m = &in->message[k];
        struct part *p = &in->part[m->part];
        if (m->offset >= p->position) {
            p->position = m->offset + 1;
            p->last = m->offset;
            p->last_crc = m->crc;
        }
    }
    if (in->n_messages)
        for (uint32_t i = 0; i < d->n_shards; i++)
            d->shard[i].moved = true;
    in->n_messages = in->n_done = 0;
    arena_reset(&in->payload);
    for (uint32_t i = 0; i < in->n_parts; i++)
        in->part[i].seen_ms = INT64_MIN;
}

static void on_records(void *ctx, enum store_result r, const struct store_record *values, uint32_t n)
{
    struct shard *s = ingest_call_end(ctx);
    if (!s)
        return;
    struct daemon *d = s->d;
    CRASH_POINT(records_read);
    s->loading = false;
    d->ingest.waiting--;
    if (r != STORE_OK) {
        ingest_rewind(d, "records could not be read", 200);
        return;
    }
    for (uint32_t i = 0; i < n; i++)
        if (engine_put(s->engine, values[i].key, values[i].version, values[i].bytes) < 0) {
            ingest_halt_all(d, "a record in the store is malformed");
            return;
        }
    if (!d->ingest.waiting)
        ingest_step(d);
}

/* True if the batch has to wait for records. */
static bool ask_for_records(struct daemon *d)
{
    struct ingest *in = &d->ingest;
    for (uint32_t i = 0; i < d->n_shards; i++) {
        struct shard *s = &d->shard[i];
        const struct slice *keys;
        uint32_t n = engine_missing(s->engine, &keys);
        if (!n)
            continue;
        struct ingest_call *call = ingest_call_new(s);
        in->waiting++;
        s->loading = true;
        int rc = redis_store_load(s->store, keys, n, on_records, call);
        engine_missing_clear(s->engine);
        if (rc < 0) {
            free(call);
            ingest_rewind(d, "the store takes no reads now", 200);
            return true;
        }
    }
    return in->waiting > 0;
}

/* Apply what is not applied yet, for a slice of time; true when all messages had their turn. */
static bool work_pass(struct daemon *d)
{
    struct ingest *in = &d->ingest;
    const uint64_t end = uv_hrtime() + SLICE_MS * UINT64_C(1000000);
    for (uint32_t i = 0; i < in->n_parts && !in->cursor; i++)
        in->part[i].blocked = in->part[i].behind = false;
    while (in->cursor < in->n_messages) {
        struct message *m = &in->message[in->cursor++];
        if (m->done)
            continue;
        message_take(d, m);
        in->n_done += m->done;
        if (in->cursor % LOOK_EVERY == 0 && in->cursor < in->n_messages && uv_hrtime() > end)
            return false;
    }
    in->cursor = 0;
    return true;
}

static void flush_due(struct daemon *d)
{
    for (uint32_t i = 0; i < d->n_shards && d->ingest.state == INGEST_RUNNING; i++)
        if (shard_flush_due(&d->shard[i], uv_now(&d->loop)))
            shard_flush(&d->shard[i]);
}

static bool any_flush_due(const struct daemon *d)
{
    for (uint32_t i = 0; i < d->n_shards; i++)
        if (shard_flush_due(&d->shard[i], uv_now(&d->loop)))
            return true;
    return false;
}

/* Redis does one thing after the other: what the next batch reads is asked for before a flush keeps it busy, so that there is work meanwhile. Records
 * that the flush writes are in the cache and are not asked for. How many messages of the next batch there are. */
static uint32_t flush_behind_reads(struct daemon *d)
{
    struct ingest *in = &d->ingest;
    uint32_t got = 0;
    if (!any_flush_due(d))
        return 0;
    if (orphans_work(d))
        got = kafka_in_drain(d->in, in->batch_max, take_message, d);
    if (got)
        CRASH_POINT(batch_drained);
    for (uint32_t k = 0; k < in->n_messages; k++)
        message_probe(d, &in->message[k]);
    if (in->state == INGEST_RUNNING)
        (void)ask_for_records(d);
    flush_due(d);
    return got;
}

/* While a flush is under way the next batch may grow to the same size; then reading waits (I7). */
static bool room(const struct daemon *d)
{
    for (uint32_t i = 0; i < d->n_shards; i++) {
        const struct shard *s = &d->shard[i];
        const struct cell_delta *ignored;
        if (s->away)
            continue;
        if (s->store_state != STORE_READY || engine_deltas(s->engine, &ignored) >= d->config->redis.flush_cells_max ||
            engine_batch_records(s->engine) >= d->config->redis.flush_records_max)
            return false;
    }
    return true;
}

static void on_more(uv_idle_t *h)
{
    struct daemon *d = h->data;
    uv_idle_stop(h);
    d->ingest.more_active = false;
    ingest_step(d);
}

static void again(struct daemon *d)
{
    if (d->ingest.more_active)
        return;
    d->ingest.more_active = true;
    uv_idle_start(&d->ingest.more, on_more);
}

void ingest_step(struct daemon *d)
{
    struct ingest *in = &d->ingest;
    if (in->state != INGEST_RUNNING || in->waiting || in->stepping || d->stopping)
        return;
    in->stepping = true;
    uint32_t got = 0;
    if (!in->n_messages && room(d) && !orphans_work(d)) {
        (void)ask_for_records(d);
        in->stepping = false;
        return;
    }
    if (!in->n_messages && room(d))
        got = kafka_in_drain(d->in, in->batch_max, take_message, d);
    if (got)
        CRASH_POINT(batch_drained);
    bool over = in->state == INGEST_RUNNING && work_pass(d);
    if (over && in->n_done == in->n_messages) {
        batch_done(d);
        got += flush_behind_reads(d);
    } else if (over) {
        (void)ask_for_records(d);
    }
    in->stepping = false;
    if ((got || !over) && in->state == INGEST_RUNNING && !in->waiting)
        again(d);
}

void ingest_readable(void *ctx)
{
    ingest_step(ctx);
}

/* ---- ends of logs, faults, the clock ---- */

void ingest_end(void *ctx, struct slice topic, int32_t partition, int64_t offset)
{
    struct daemon *d = ctx;
    uint32_t i;
    struct part *p = ingest_part(&d->ingest, topic, partition, &i);
    if (!p || p->state == PART_HALTED || (d->ingest.state != INGEST_RUNNING && d->ingest.state != INGEST_VERIFYING))
        return;
    if (p->verify >= 0) {
        char why[160];
        snprintf(why, sizeof why,
                 "lineage: the log ends at %lld before the applied offset %lld (truncated or re-created)",
                 (long long)offset, (long long)p->verify);
        ingest_halt(d, i, why);
        return;
    }
    if (!p->eof_at_ms)
        p->eof_at_ms = uv_now(&d->loop);
}

void ingest_fault(void *ctx, enum kafka_fault fault, struct slice topic, int32_t partition, const char *why)
{
    struct daemon *d = ctx;
    struct part *p;
    uint32_t i;
    switch (fault) {
    case KAFKA_FAULT_BROKERS:
        log_line(&d->log, LOG_WARNING_, "kafka", "%s", why);
        break;
    case KAFKA_FAULT_BROKER_LOST:
        log_line(&d->log, LOG_WARNING_, "kafka", "%s", why);
        d->ingest.broker_lost = true;
        break;
    case KAFKA_FAULT_PARTITION:
        if (!(p = ingest_part(&d->ingest, topic, partition, &i)))
            break;
        if (p->verify >= 0 && !d->ingest.doubts) {
            /* What a shard has applied last is not there any more. Where the log begins now says whether it has just expired, which is no fault. */
            d->ingest.doubts = true;
            ingest_rewind(d, why, 100);
            break;
        }
        ingest_halt(d, i, why);
        if (d->ingest.state == INGEST_RUNNING) /* its records of this batch must not be written without its position */
            ingest_rewind(d, "a partition was halted", 100);
        break;
    case KAFKA_FAULT_FATAL:
        log_line(&d->log, LOG_ERROR_, "kafka_fatal", "%s", why);
        d->refused = true;
        uv_stop(&d->loop);
        break;
    }
}

/* Time in which the loop stood still (a stopped process, a paused machine) does not count: nobody looked at the log. */
static void leave_out(struct ingest *in, uint64_t now)
{
    uint64_t gap = in->looked_ms ? now - in->looked_ms : 0;
    in->looked_ms = now;
    for (uint32_t i = 0; gap > STOOD_STILL_MS && i < in->n_parts; i++) {
        uint64_t *eof_at_ms = &in->part[i].eof_at_ms;
        if (*eof_at_ms)
            *eof_at_ms = now - *eof_at_ms > gap ? *eof_at_ms + gap : now;
    }
}

/* Whoever is stopping reads no more: what comes now is seen by the next owner. */
static void mark_idle(struct daemon *d)
{
    struct ingest *in = &d->ingest;
    uint64_t now = uv_now(&d->loop);
    leave_out(in, now);
    for (uint32_t i = 0; !d->stopping && i < in->n_parts; i++) {
        struct part *p = &in->part[i];
        if (p->state != PART_RUN || !p->eof_at_ms || p->idle ||
            now - p->eof_at_ms < (uint64_t)d->config->run.idle_timeout_ms || in->n_messages)
            continue;
        p->idle = true;
        for (uint32_t s = 0; s < d->n_shards; s++)
            d->shard[s].moved = true;
    }
}

static void on_tick(uv_timer_t *t)
{
    struct daemon *d = t->data;
    if (d->closing)
        return;
    d->ticks++;
    if (d->ingest.state == INGEST_RUNNING) {
        mark_idle(d);
        ingest_step(d);
        if (!d->ingest.n_messages)
            flush_due(d);
        orphans_tick(d);
    } else {
        /* Paused or without partitions: the group protocol still has to be served. */
        (void)kafka_in_drain(d->in, d->ingest.state == INGEST_VERIFYING ? d->ingest.batch_max : 1, take_message, d);
        if (d->ingest.state == INGEST_VERIFYING)
            ingest_verified(d);
    }
    watermark_tick(d);
    standing_tick(d);
    tally_tick(d);
    reload_tick(d);
    for (uint32_t i = 0; i < d->n_shards; i++)
        judge_poke(d->shard[i].judge);
    for (uint32_t i = 0; i < d->n_shards; i++)
        publish_tick(d->shard[i].publish);
    if (d->opt.until_idle && ingest_drained(d))
        daemon_stop(d);
}

bool ingest_drained(const struct daemon *d)
{
    const struct ingest *in = &d->ingest;
    if (in->state != INGEST_RUNNING || in->n_messages || in->waiting || !in->n_parts || d->reload.state != RELOAD_NONE)
        return false;
    for (uint32_t i = 0; i < in->n_parts; i++)
        if (in->part[i].state != PART_HALTED && !in->part[i].idle)
            return false;
    for (uint32_t i = 0; i < d->n_shards; i++)
        if (d->shard[i].away || d->shard[i].flushing || d->shard[i].moved || !judge_settled(d->shard[i].judge) ||
            !publish_settled(d->shard[i].publish) || !orphans_settled(&d->shard[i]))
            return false;
    return true;
}

int ingest_start(struct daemon *d)
{
    struct ingest *in = &d->ingest;
    in->begun = true;
    in->batch_max = (uint32_t)d->config->kafka.batch_messages;
    arena_init(&in->payload, 1 << 20, 0);
    arena_init(&in->decode, 0, 0);
    int rc = uv_timer_init(&d->loop, &in->retry);
    rc |= uv_timer_init(&d->loop, &in->tick);
    rc |= uv_idle_init(&d->loop, &in->more);
    in->retry.data = in->tick.data = in->more.data = d;
    rc |= uv_timer_start(&in->tick, on_tick, TICK_MS, TICK_MS);
    return rc;
}

void ingest_stop(struct daemon *d)
{
    struct ingest *in = &d->ingest;
    uv_close((uv_handle_t *)&in->retry, NULL);
    uv_close((uv_handle_t *)&in->tick, NULL);
    uv_close((uv_handle_t *)&in->more, NULL);
    for (uint32_t i = 0; i < d->n_shards; i++) {
        free(d->shard[i].chain);
        d->shard[i].chain = NULL;
    }
    free(in->part);
    free(in->message);
    arena_release(&in->payload);
    arena_release(&in->decode);
    in->n_parts = 0;
}
