/* Where reading starts: partitions are claimed in every store, and whatever goes wrong ends in ingest_rewind: pending work is dropped, the stores are
 * read, reading starts there again. Takes no messages. */
#include <stdlib.h>

#include "daemon/crash_point.h"
#include "daemon/ingest_int.h"

enum { AWAY_AFTER_MS = 1000 }; /* a short loss is waited for: to read again costs more */

struct ingest_call *ingest_call_new(struct shard *s)
{
    struct ingest_call *c = malloc(sizeof *c);
    if (!c)
        abort();
    *c = (struct ingest_call){ s, s->d->ingest.generation };
    return c;
}

struct shard *ingest_call_end(void *ctx)
{
    struct ingest_call c = *(struct ingest_call *)ctx;
    free(ctx);
    return c.generation == c.s->d->ingest.generation ? c.s : NULL;
}

static void drop_pending(struct daemon *d)
{
    struct ingest *in = &d->ingest;
    in->generation++;
    in->broker_lost = false; /* whoever starts again compares */
    in->n_messages = in->n_done = in->cursor = 0;
    in->waiting = 0;
    arena_reset(&in->payload);
    for (uint32_t i = 0; i < in->n_parts; i++)
        in->part[i].seen_ms = INT64_MIN;
    for (uint32_t i = 0; i < d->n_shards; i++) {
        engine_reset(d->shard[i].engine);
        out_clear(&d->shard[i].outs);
        orphans_drop(&d->shard[i]);
        d->shard[i].loading = d->shard[i].moved = d->shard[i].flushing = false;
    }
}

struct part *ingest_part(struct ingest *in, struct slice topic, int32_t partition, uint32_t *ret_index)
{
    for (uint32_t i = 0; i < in->n_parts; i++)
        if (in->part[i].partition == partition && slice_eq(in->part[i].topic, topic)) {
            if (ret_index)
                *ret_index = i;
            return &in->part[i];
        }
    return NULL;
}

struct store_part *ingest_part_names(const struct ingest *in)
{
    struct store_part *parts = calloc(in->n_parts + 1, sizeof *parts);
    if (!parts)
        abort();
    for (uint32_t i = 0; i < in->n_parts; i++)
        parts[i] = (struct store_part){ .topic = in->part[i].topic, .partition = in->part[i].partition };
    return parts;
}

void ingest_halt(struct daemon *d, uint32_t i, const char *why)
{
    struct part *p = &d->ingest.part[i];
    if (p->state == PART_HALTED)
        return;
    p->state = PART_HALTED;
    snprintf(p->why, sizeof p->why, "%s", why ? why : "unknown");
    log_line(&d->log, LOG_ERROR_, "partition_halted", "%.*s/%d at offset %lld: %s", (int)p->topic.n, p->topic.p,
             p->partition, (long long)p->position, p->why);
    (void)kafka_in_halt(d->in, p->topic, p->partition);
}

void ingest_halt_all(struct daemon *d, const char *why)
{
    for (uint32_t i = 0; i < d->ingest.n_parts; i++)
        ingest_halt(d, i, why);
    drop_pending(d); /* what was applied behind the halt must not be written without it */
}

/* The newest record of a shard that was not compared yet. */
static void aim(struct daemon *d, uint32_t i)
{
    struct part *p = &d->ingest.part[i];
    p->verify = -1;
    for (uint32_t k = 0; k < d->n_shards; k++) {
        const struct chain *c = &d->shard[k].chain[i];
        if (!d->shard[k].away && c->last > p->verify && c->last >= p->low && c->last < p->verified) {
            p->verify = c->last;
            p->verify_crc = c->last_crc;
        }
    }
}

/* Shards that stand at different places may rest on different records. Each is compared, the furthest first, before anything is applied: reading starts where the
 * one that is furthest behind stands, and what the others hold already is passed over. */
static bool must_look_ahead(const struct part *p)
{
    return p->state != PART_HALTED && p->verify >= 0 && p->verify + 1 != p->position;
}

void ingest_verified(struct daemon *d)
{
    const struct ingest *in = &d->ingest;
    for (uint32_t i = 0; i < in->n_parts; i++)
        if (must_look_ahead(&in->part[i]))
            return;
    ingest_begin(d);
}

void ingest_begin(struct daemon *d)
{
    struct ingest *in = &d->ingest;
    struct store_part *start = calloc(in->n_parts + 1, sizeof *start);
    bool ahead = false;
    uint32_t n = 0;
    for (uint32_t i = 0; i < in->n_parts; i++) {
        aim(d, i);
        ahead |= must_look_ahead(&in->part[i]);
    }
    for (uint32_t i = 0; start && i < in->n_parts; i++) {
        struct part *p = &in->part[i];
        if (p->state == PART_HALTED || (ahead && !must_look_ahead(p)))
            continue;
        p->state = PART_RUN;
        p->eof_at_ms = 0;
        p->idle = false;
        start[n++] = (struct store_part){ .topic = p->topic,
                                          .partition = p->partition,
                                          .prev_next = p->verify >= 0 ? p->verify : p->position };
    }
    if (!start || kafka_in_start(d->in, start, n) < 0) {
        free(start);
        ingest_rewind(d, "the partitions could not be started", 1000);
        return;
    }
    free(start);
    in->state = ahead ? INGEST_VERIFYING : INGEST_RUNNING;
    if (ahead)
        return;
    CRASH_POINT(reading_begun);
    ingest_step(d);
}

/* What one shard holds of one partition. The start is the smallest position over the shards, whichever answers first; the records before all of them are read
 * again and compared. The newest event time is that of the start, too: a shard that reads again must not be told of what is yet to come. */
static void take_held(struct shard *s, uint32_t i, const struct store_part *held)
{
    struct part *p = &s->d->ingest.part[i];
    const bool first = s->d->ingest.waiting == s->d->ingest.asked;
    s->chain[i] = (struct chain){ .stored_next = held->prev_next,
                                  .flushed_next = held->prev_next,
                                  .epoch = held->epoch,
                                  .last = held->last,
                                  .last_crc = held->last_crc,
                                  .read = held->read,
                                  .applied = held->applied,
                                  .duplicate = held->duplicate,
                                  .late = held->late,
                                  .dead = held->dead,
                                  .max_event_ms = held->max_event_ms };
    p->verified = INT64_MAX;
    if (first || held->prev_next < p->position) {
        p->position = held->prev_next;
        p->last = held->last;
        p->last_crc = held->last_crc;
        p->max_event_ms = held->max_event_ms;
    }
}

static void on_claimed(void *ctx, enum store_result r, const struct store_part *parts, uint32_t n)
{
    struct shard *s = ingest_call_end(ctx);
    if (!s)
        return;
    struct daemon *d = s->d;
    if (r != STORE_OK) {
        ingest_rewind(d, "the store could not be asked for offsets", r == STORE_BROKEN ? 5000 : 200);
        return;
    }
    for (uint32_t k = 0; k < n; k++) {
        uint32_t i;
        if (ingest_part(&d->ingest, parts[k].topic, parts[k].partition, &i))
            take_held(s, i, &parts[k]);
    }
    CRASH_POINT(claimed);
    if (--d->ingest.waiting == 0)
        standing_ask(d);
}

static void leave_out(struct shard *s)
{
    const bool ready = s->store_state == STORE_READY;
    if (s->away == ready)
        log_line(&s->d->log, ready ? LOG_INFO_ : LOG_WARNING_, ready ? "shard_back" : "shard_away", "shard %u%s",
                 s->index, ready ? "" : ": the others go on, it reads again what it misses");
    s->away = !ready;
    for (uint32_t i = 0; s->away && i < s->d->ingest.n_parts; i++)
        s->chain[i] = (struct chain){ .stored_next = INT64_MAX, .last = -1, .max_event_ms = INT64_MIN };
}

/* Who takes part from now on: all shards, or those that are ready once the others have been gone for a while. False: wait. */
static bool muster(struct daemon *d)
{
    const uint64_t now_ms = uv_now(&d->loop);
    uint32_t ready = 0;
    for (uint32_t i = 0; i < d->n_shards; i++) {
        if (d->shard[i].store_state == STORE_READY && !d->shard[i].booked)
            return false; /* after a reload: first it is noted what is booked from now on */
        if (d->shard[i].store_state == STORE_READY)
            ready++;
        else if (now_ms - d->shard[i].down_ms < AWAY_AFTER_MS)
            return false;
    }
    if (!ready)
        return false;
    for (uint32_t i = 0; i < d->n_shards; i++)
        leave_out(&d->shard[i]);
    d->ingest.asked = ready;
    return true;
}

static void claim(struct daemon *d)
{
    struct ingest *in = &d->ingest;
    in->state = INGEST_CLAIMING;
    d->standing.known = false;
    if (!muster(d)) {
        ingest_rewind(d, "the store is not ready", 200);
        return;
    }
    struct store_part *parts = ingest_part_names(in);
    uint64_t generation = in->generation;
    in->waiting = in->asked;
    for (uint32_t i = 0; i < d->n_shards && in->generation == generation; i++) {
        if (d->shard[i].away)
            continue;
        struct ingest_call *call = ingest_call_new(&d->shard[i]);
        if (redis_store_claim(d->shard[i].store, parts, in->n_parts, on_claimed, call) == 0) {
            CRASH_POINT_WHEN_WRITTEN(claim_written);
            continue;
        }
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
        in->part[i] = (struct part){ .topic = parts[i].topic,
                                     .partition = parts[i].partition,
                                     .position = -1,
                                     .verify = -1,
                                     .verified = INT64_MAX,
                                     .last = -1,
                                     .max_event_ms = INT64_MIN,
                                     .seen_ms = INT64_MIN };
    log_line(&d->log, LOG_INFO_, "assigned", "%u partitions", n);
    CRASH_POINT(assigned);
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
    CRASH_POINT(revoke_begun);
    drop_pending(d);
    uv_timer_stop(&d->ingest.retry);
    d->ingest.n_parts = 0;
    d->ingest.state = INGEST_UNASSIGNED;
    log_line(&d->log, LOG_INFO_, "revoked", "%u partitions", n);
    CRASH_POINT(revoked);
}

/* ---- rewind ---- */

static void on_offsets(void *ctx, enum store_result r, const struct store_part *parts, uint32_t n)
{
    struct shard *s = ingest_call_end(ctx);
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
        if (!ingest_part(in, parts[k].topic, parts[k].partition, &i))
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
        if (ingest_part(in, parts[k].topic, parts[k].partition, &i))
            take_held(s, i, &parts[k]);
    }
    if (--in->waiting > 0)
        return;
    /* What was passed over is not in the store yet. */
    if (d->opt.accept_loss || in->doubts || !d->standing.known)
        standing_ask(d);
    else
        ingest_begin(d);
}

static bool all_claimed(const struct daemon *d)
{
    for (uint32_t k = 0; k < d->n_shards; k++)
        for (uint32_t i = 0; !d->shard[k].away && i < d->ingest.n_parts; i++)
            if (d->shard[k].chain[i].epoch <= 0)
                return false;
    return true;
}

static void on_retry(uv_timer_t *t)
{
    struct daemon *d = t->data;
    struct ingest *in = &d->ingest;
    if (in->state != INGEST_REWINDING)
        return;
    if (!muster(d)) {
        uv_timer_start(t, on_retry, 50, 0);
        return;
    }
    if (!in->n_parts) { /* the daemon only judges, and what it gave up was refused */
        in->state = INGEST_RUNNING;
        return;
    }
    if (!all_claimed(d)) {
        claim(d);
        return;
    }
    uint64_t generation = in->generation;
    in->waiting = in->asked;
    for (uint32_t i = 0; i < d->n_shards && in->generation == generation; i++) {
        if (d->shard[i].away)
            continue;
        struct ingest_call *call = ingest_call_new(&d->shard[i]);
        if (redis_store_offsets(d->shard[i].store, on_offsets, call) == 0)
            continue;
        free(call);
        ingest_rewind(d, "the store is not ready", 200);
    }
}

void ingest_renew(struct daemon *d)
{
    if (!d->ingest.begun)
        return;
    drop_pending(d);
    if (d->ingest.n_parts)
        ingest_rewind(d, "another configuration", 0);
}

void ingest_rewind(struct daemon *d, const char *why, uint64_t delay_ms)
{
    struct ingest *in = &d->ingest;
    if (in->state == INGEST_UNASSIGNED)
        return;
    drop_pending(d);
    in->state = INGEST_REWINDING;
    if (d->stopping)
        return; /* for good: who reads next begins where the store stands */
    in->rewinds++;
    d->counts.rewinds++;
    log_line(&d->log, in->rewinds > 3 ? LOG_WARNING_ : LOG_INFO_, "rewind", "%s; reading the store again in %llu ms",
             why ? why : "?", (unsigned long long)delay_ms);
    (void)kafka_in_pause(d->in);
    uv_timer_start(&in->retry, on_retry, delay_ms, 0);
}
