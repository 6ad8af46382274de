/* Ingest: partitions from Kafka, batch by batch, into the shards' engines.
 *
 *   assigned ─ claim in every store ─ start at what they hold ─ verify the record before it ─┐
 *   ┌────────────────────────────────────────────────────────────────────────────────────────┘
 *   └─ drain a batch ─ apply; ask the stores for records that are missing, apply again ─ whole batch done: positions move ─ flush when due
 *
 * Whatever goes wrong ends in one place: drop all pending work, read the stores, start there again (ingest_rewind). Nothing is retried blindly. */
#include <stdlib.h>

#include "daemon/daemon.h"

enum { TICK_MS = 20 };

int64_t wall_ms(void)
{
    uv_timeval64_t now;
    uv_gettimeofday(&now);
    return now.tv_sec * 1000 + now.tv_usec / 1000;
}

/* ---- positions ---- */

static void drop_pending(struct daemon *d)
{
    struct ingest *in = &d->ingest;
    in->generation++;
    in->n_messages = in->n_done = 0;
    in->waiting = 0;
    arena_reset(&in->payload);
    for (uint32_t i = 0; i < d->n_shards; i++) {
        engine_reset(d->shard[i].engine);
        out_clear(&d->shard[i].outs);
        d->shard[i].loading = d->shard[i].moved = d->shard[i].flushing = false;
    }
}

static struct part *find_part(struct ingest *in, struct slice topic, int32_t partition, uint32_t *ret_index)
{
    for (uint32_t i = 0; i < in->n_parts; i++)
        if (in->part[i].partition == partition && slice_eq(in->part[i].topic, topic)) {
            if (ret_index)
                *ret_index = i;
            return &in->part[i];
        }
    return NULL;
}

void ingest_halt(struct daemon *d, uint32_t i, const char *why)
{
    struct part *p = &d->ingest.part[i];
    if (p->state == PART_HALTED)
        return;
    p->state = PART_HALTED;
    snprintf(p->why, sizeof p->why, "%s", why ? why : "unknown");
    log_line(&d->log, LOG_ERROR_, "partition_halted", "%.*s/%d at offset %lld: %s", (int)p->topic.n, p->topic.p, p->partition, (long long)p->position,
             p->why);
    (void)kafka_in_halt(d->in, p->topic, p->partition);
}

static void begin_running(struct daemon *d)
{
    struct ingest *in = &d->ingest;
    struct store_part *start = calloc(in->n_parts + 1, sizeof *start);
    uint32_t n = 0;
    for (uint32_t i = 0; start && i < in->n_parts; i++) {
        struct part *p = &in->part[i];
        if (p->state == PART_HALTED)
            continue;
        p->state = PART_RUN;
        p->eof_at_ms = 0;
        p->idle = false;
        start[n++] = (struct store_part){ .topic = p->topic, .partition = p->partition, .prev_next = p->verify >= 0 ? p->verify : p->position };
    }
    if (!start || kafka_in_start(d->in, start, n) < 0) {
        free(start);
        ingest_rewind(d, "the partitions could not be started", 1000);
        return;
    }
    free(start);
    in->state = INGEST_RUNNING;
    ingest_step(d);
}

/* What one shard holds of one partition. The start is the smallest position over the shards; the record before it is read again and compared. */
static void take_held(struct shard *s, uint32_t i, const struct store_part *held)
{
    struct part *p = &s->d->ingest.part[i];
    struct chain *c = &s->chain[i];
    *c = (struct chain){ held->prev_next, held->prev_next, held->epoch, held->read, held->applied, held->duplicate, held->late, held->dead };
    if (s->index == 0 || held->prev_next < p->position) {
        p->position = held->prev_next;
        p->verify = held->last;
        p->verify_crc = held->last_crc;
        p->last = held->last;
        p->last_crc = held->last_crc;
    }
    if (s->index == 0 || held->max_event_ms > p->max_event_ms)
        p->max_event_ms = held->max_event_ms;
}

struct store_call {
    struct shard *s;
    uint64_t generation;
};

static struct store_call *call_new(struct shard *s)
{
    struct store_call *c = malloc(sizeof *c);
    if (!c)
        abort();
    *c = (struct store_call){ s, s->d->ingest.generation };
    return c;
}

/* NULL: the answer belongs to work that was dropped. */
static struct shard *call_end(void *ctx)
{
    struct store_call c = *(struct store_call *)ctx;
    free(ctx);
    return c.generation == c.s->d->ingest.generation ? c.s : NULL;
}

static void on_claimed(void *ctx, enum store_result r, const struct store_part *parts, uint32_t n)
{
    struct shard *s = call_end(ctx);
    if (!s)
        return;
    struct daemon *d = s->d;
    if (r != STORE_OK) {
        ingest_rewind(d, "the store could not be asked for offsets", r == STORE_BROKEN ? 5000 : 200);
        return;
    }
    for (uint32_t k = 0; k < n; k++) {
        uint32_t i;
        if (find_part(&d->ingest, parts[k].topic, parts[k].partition, &i))
            take_held(s, i, &parts[k]);
    }
    if (--d->ingest.waiting == 0)
        begin_running(d);
}

static void claim(struct daemon *d)
{
    struct ingest *in = &d->ingest;
    struct store_part *parts = calloc(in->n_parts + 1, sizeof *parts);
    if (!parts)
        abort();
    for (uint32_t i = 0; i < in->n_parts; i++)
        parts[i] = (struct store_part){ .topic = in->part[i].topic, .partition = in->part[i].partition };
    in->state = INGEST_CLAIMING;
    in->waiting = d->n_shards;
    uint64_t generation = in->generation;
    for (uint32_t i = 0; i < d->n_shards && in->generation == generation; i++) {
        struct store_call *call = call_new(&d->shard[i]);
        if (d->shard[i].store_state == STORE_READY && redis_store_claim(d->shard[i].store, parts, in->n_parts, on_claimed, call) == 0)
            continue;
        free(call);
        ingest_rewind(d, "the store is not ready", 200);
    }
    free(parts);
}

void ingest_assigned(void *ctx, const struct store_part *parts, uint32_t n)
{
    struct daemon *d = ctx;
    struct ingest *in = &d->ingest;
    drop_pending(d);
    uv_timer_stop(&in->retry);
    free(in->part);
    in->part = calloc(n + 1, sizeof *in->part);
    in->n_parts = n;
    for (uint32_t i = 0; i < d->n_shards; i++) {
        free(d->shard[i].chain);
        d->shard[i].chain = calloc(n + 1, sizeof *d->shard[i].chain);
        if (!d->shard[i].chain)
            abort();
    }
    if (!in->part)
        abort();
    for (uint32_t i = 0; i < n; i++)
        in->part[i] = (struct part){ .topic = parts[i].topic, .partition = parts[i].partition, .position = -1, .verify = -1, .last = -1, .max_event_ms = INT64_MIN };
    log_line(&d->log, LOG_INFO_, "assigned", "%u partitions", n);
    watermark_ask(d);
    if (n)
        claim(d);
    else
        in->state = INGEST_RUNNING;
}

void ingest_revoked(void *ctx, const struct store_part *parts, uint32_t n)
{
    struct daemon *d = ctx;
    (void)parts;
    drop_pending(d);
    uv_timer_stop(&d->ingest.retry);
    d->ingest.n_parts = 0;
    d->ingest.state = INGEST_UNASSIGNED;
    log_line(&d->log, LOG_INFO_, "revoked", "%u partitions", n);
}

/* ---- rewind ---- */

static void on_offsets(void *ctx, enum store_result r, const struct store_part *parts, uint32_t n)
{
    struct shard *s = call_end(ctx);
    if (!s)
        return;
    struct daemon *d = s->d;
    struct ingest *in = &d->ingest;
    bool lower = false, higher = false;
    uint32_t found = 0;
    if (r != STORE_OK) {
        ingest_rewind(d, "the store could not be asked for offsets", 200);
        return;
    }
    for (uint32_t k = 0; k < n; k++) {
        uint32_t i;
        if (!find_part(in, parts[k].topic, parts[k].partition, &i))
            continue;
        found++;
        higher |= parts[k].epoch > s->chain[i].epoch;
        lower |= parts[k].epoch < s->chain[i].epoch;
    }
    if (higher && in->rewinds < 8) {
        /* Another daemon owns a partition now. Kafka will tell us; until then nothing is read. */
        ingest_rewind(d, "a partition is owned by another daemon", 1000);
        return;
    }
    if (higher || lower || found < in->n_parts) { /* the store lost our claim, or the other one is gone: claim again */
        in->generation++;
        claim(d);
        return;
    }
    for (uint32_t k = 0; k < n; k++) {
        uint32_t i;
        if (find_part(in, parts[k].topic, parts[k].partition, &i))
            take_held(s, i, &parts[k]);
    }
    if (--in->waiting == 0)
        begin_running(d);
}

static void on_retry(uv_timer_t *t)
{
    struct daemon *d = t->data;
    struct ingest *in = &d->ingest;
    if (in->state != INGEST_REWINDING)
        return;
    for (uint32_t i = 0; i < d->n_shards; i++)
        if (d->shard[i].store_state != STORE_READY) {
            uv_timer_start(t, on_retry, 50, 0);
            return;
        }
    bool claimed = in->n_parts > 0;
    for (uint32_t i = 0; i < in->n_parts; i++)
        claimed &= d->shard[0].chain[i].epoch > 0;
    if (!claimed) {
        claim(d);
        return;
    }
    in->waiting = d->n_shards;
    uint64_t generation = in->generation;
    for (uint32_t i = 0; i < d->n_shards && in->generation == generation; i++) {
        struct store_call *call = call_new(&d->shard[i]);
        if (redis_store_offsets(d->shard[i].store, on_offsets, call) == 0)
            continue;
        free(call);
        ingest_rewind(d, "the store is not ready", 200);
    }
}

void ingest_rewind(struct daemon *d, const char *why, uint64_t delay_ms)
{
    struct ingest *in = &d->ingest;
    if (in->state == INGEST_UNASSIGNED || d->stopping)
        return;
    drop_pending(d);
    in->rewinds++;
    in->state = INGEST_REWINDING;
    log_line(&d->log, in->rewinds > 3 ? LOG_WARNING_ : LOG_INFO_, "rewind", "%s; reading the store again in %llu ms", why ? why : "?",
             (unsigned long long)delay_ms);
    (void)kafka_in_pause(d->in);
    uv_timer_start(&in->retry, on_retry, delay_ms, 0);
}

/* ---- messages ---- */

/* I5: the record before our start must be the one that was applied. */
static bool verified(struct daemon *d, uint32_t i, const struct kafka_message *m)
{
    struct part *p = &d->ingest.part[i];
    char why[160];
    if (m->offset == p->verify && m->crc == p->verify_crc) {
        p->verify = -1;
        return true;
    }
    if (m->offset == p->verify)
        snprintf(why, sizeof why, "lineage: the record at offset %lld is not the one that was applied (topic re-created or truncated)", (long long)m->offset);
    else
        snprintf(why, sizeof why, "lineage: offset %lld is gone, the log continues at %lld", (long long)p->verify, (long long)m->offset);
    ingest_halt(d, i, why);
    return false;
}

static int take_message(void *ctx, const struct kafka_message *m)
{
    struct daemon *d = ctx;
    struct ingest *in = &d->ingest;
    uint32_t i;
    struct part *p = find_part(in, m->topic, m->partition, &i);
    if (!p || p->state == PART_HALTED)
        return 0;
    p->eof_at_ms = 0;
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
}

static void on_records(void *ctx, enum store_result r, const struct store_record *values, uint32_t n)
{
    struct shard *s = call_end(ctx);
    if (!s)
        return;
    struct daemon *d = s->d;
    s->loading = false;
    d->ingest.waiting--;
    if (r != STORE_OK) {
        ingest_rewind(d, "records could not be read", 200);
        return;
    }
    for (uint32_t i = 0; i < n; i++)
        if (engine_put(s->engine, values[i].key, values[i].version, values[i].bytes) < 0) {
            for (uint32_t k = 0; k < d->ingest.n_parts; k++)
                ingest_halt(d, k, "a record in the store is malformed");
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
        struct store_call *call = call_new(s);
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

/* Apply what is not applied yet; true when the batch is complete. */
static bool work_batch(struct daemon *d)
{
    struct ingest *in = &d->ingest;
    for (uint32_t k = 0; k < in->n_messages; k++) {
        if (in->message[k].done)
            continue;
        message_take(d, &in->message[k]);
        in->n_done += in->message[k].done;
    }
    return in->n_done == in->n_messages;
}

static void flush_due(struct daemon *d)
{
    for (uint32_t i = 0; i < d->n_shards && d->ingest.state == INGEST_RUNNING; i++)
        if (shard_flush_due(&d->shard[i], uv_now(&d->loop)))
            shard_flush(&d->shard[i]);
}

/* While a flush is under way the next batch may grow to the same size; then reading waits (I7). */
static bool room(const struct daemon *d)
{
    for (uint32_t i = 0; i < d->n_shards; i++) {
        const struct shard *s = &d->shard[i];
        const struct cell_delta *ignored;
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
    if (!in->n_messages && room(d))
        got = kafka_in_drain(d->in, (uint32_t)d->config->kafka.batch_messages, take_message, d);
    bool complete = in->state == INGEST_RUNNING && work_batch(d);
    if (complete) {
        batch_done(d);
        flush_due(d);
    } else if (in->state == INGEST_RUNNING) {
        (void)ask_for_records(d);
    }
    in->stepping = false;
    if (got && in->state == INGEST_RUNNING && !in->waiting)
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
    struct part *p = find_part(&d->ingest, topic, partition, &i);
    if (!p || p->state == PART_HALTED || d->ingest.state != INGEST_RUNNING)
        return;
    if (p->verify >= 0) {
        char why[160];
        snprintf(why, sizeof why, "lineage: the log ends at %lld before the applied offset %lld (truncated or re-created)", (long long)offset,
                 (long long)p->verify);
        ingest_halt(d, i, why);
        return;
    }
    if (!p->eof_at_ms)
        p->eof_at_ms = uv_now(&d->loop);
}

void ingest_fault(void *ctx, enum kafka_fault fault, struct slice topic, int32_t partition, const char *why)
{
    struct daemon *d = ctx;
    uint32_t i;
    switch (fault) {
    case KAFKA_FAULT_BROKERS:
        log_line(&d->log, LOG_WARNING_, "kafka", "%s", why);
        break;
    case KAFKA_FAULT_PARTITION:
        if (find_part(&d->ingest, topic, partition, &i))
            ingest_halt(d, i, why);
        break;
    case KAFKA_FAULT_FATAL:
        log_line(&d->log, LOG_ERROR_, "kafka_fatal", "%s", why);
        d->refused = true;
        uv_stop(&d->loop);
        break;
    }
}

static void mark_idle(struct daemon *d)
{
    struct ingest *in = &d->ingest;
    uint64_t now = uv_now(&d->loop);
    for (uint32_t i = 0; i < in->n_parts; i++) {
        struct part *p = &in->part[i];
        if (p->state != PART_RUN || !p->eof_at_ms || p->idle || now - p->eof_at_ms < (uint64_t)d->config->run.idle_timeout_ms || in->n_messages)
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
    if (d->ingest.state == INGEST_RUNNING) {
        mark_idle(d);
        ingest_step(d);
        if (!d->ingest.n_messages)
            flush_due(d);
    } else {
        /* Paused or without partitions: the group protocol still has to be served. */
        (void)kafka_in_drain(d->in, 1, take_message, d);
    }
    watermark_tick(d);
    for (uint32_t i = 0; i < d->n_shards; i++)
        judge_poke(d->shard[i].judge);
    for (uint32_t i = 0; i < d->n_shards; i++)
        publish_tick(d->shard[i].publish);
    if (d->until_idle && ingest_drained(d))
        daemon_stop(d);
}

bool ingest_drained(const struct daemon *d)
{
    const struct ingest *in = &d->ingest;
    if (in->state != INGEST_RUNNING || in->n_messages || in->waiting || !in->n_parts)
        return false;
    for (uint32_t i = 0; i < in->n_parts; i++)
        if (in->part[i].state != PART_HALTED && !in->part[i].idle)
            return false;
    for (uint32_t i = 0; i < d->n_shards; i++)
        if (d->shard[i].flushing || d->shard[i].moved || !judge_settled(d->shard[i].judge) || !publish_settled(d->shard[i].publish))
            return false;
    return true;
}

int ingest_start(struct daemon *d)
{
    struct ingest *in = &d->ingest;
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
