/* The status: read off the daemon's structs about once a second, and only where somebody serves it. Costs microseconds; nothing is asked of Kafka or Redis. */
#include <math.h>
#include <stdlib.h>

#include "crmpulse/http.h"
#include "daemon/judge_int.h"

enum { EVERY_MS = 1000 };

struct status *status_new(uint32_t n_parts, uint32_t n_shards)
{
    struct status *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->part = calloc((size_t)n_parts + 1, sizeof *s->part);
    s->shard = calloc((size_t)n_shards + 1, sizeof *s->shard);
    if (!s->part || !s->shard) {
        status_free(s);
        return NULL;
    }
    s->n_parts = n_parts;
    s->n_shards = n_shards;
    return s;
}

void status_free(struct status *s)
{
    if (!s)
        return;
    free(s->part);
    free(s->shard);
    free(s);
}

const char *status_phase(const struct daemon *d)
{
    if (!d->started)
        return "starting";
    switch (d->ingest.state) { /* the compiler misses no new one */
    case INGEST_UNASSIGNED:
        return "unassigned";
    case INGEST_CLAIMING:
        return "claiming";
    case INGEST_VERIFYING:
        return "verifying";
    case INGEST_REWINDING:
        return "rewinding";
    case INGEST_RUNNING:
        break;
    }
    return "running";
}

/* Every shard that is there has what lies before it. */
static int64_t stored_next(const struct daemon *d, uint32_t part)
{
    int64_t next = INT64_MAX;
    for (uint32_t i = 0; i < d->n_shards; i++) {
        const struct shard *s = &d->shard[i];
        if (s->chain && !s->away && s->chain[part].stored_next < next)
            next = s->chain[part].stored_next;
    }
    return next == INT64_MAX ? -1 : next;
}

static void fill_lag(const struct daemon *d, const struct part *p, struct status_part *to, int64_t now_ms)
{
    to->age_seconds = to->lag_seconds = NAN;
    to->end_offset = kafka_in_high(d->in, p->topic, p->partition);
    to->lag = to->end_offset < 0 || to->next_offset < 0 ? -1
              : to->end_offset > to->next_offset        ? to->end_offset - to->next_offset
                                                        : 0;
    /* At the end of the log; what lies between are marks of transactions. */
    if (p->eof_at_ms && to->next_offset >= p->position)
        to->lag = 0;
    if (p->max_event_ms > 0) {
        to->newest_ms = p->max_event_ms;
        to->age_seconds = (double)(now_ms - p->max_event_ms) / 1000.0;
    }
    if (to->lag == 0)
        to->lag_seconds = 0;
    else if (to->lag > 0)
        to->lag_seconds = fmax(to->age_seconds, 0);
}

static void fill_part(const struct daemon *d, uint32_t i, struct status_part *to, int64_t now_ms)
{
    const struct part *p = &d->ingest.part[i];
    snprintf(to->topic, sizeof to->topic, "%.*s", (int)p->topic.n, p->topic.p);
    to->partition = p->partition;
    to->next_offset = stored_next(d, i);
    if (p->state == PART_HALTED) {
        to->state = "halted";
        snprintf(to->why, sizeof to->why, "%s", p->why);
    } else if (d->ingest.state != INGEST_RUNNING) {
        to->state = "paused";
        snprintf(to->why, sizeof to->why, "%s", status_phase(d));
    } else {
        to->state = "run";
    }
    fill_lag(d, p, to, now_ms);
}

static int64_t known_ms(int64_t t_ms)
{
    return t_ms == INT64_MIN ? STATUS_UNKNOWN_MS : t_ms;
}

static void fill_shard(const struct shard *s, struct status_shard *to)
{
    to->index = s->index;
    to->up = s->store_state == STORE_READY;
    to->lease_epoch = judge_lease(s->judge);
    to->lease = to->lease_epoch != 0;
    if (!to->lease)
        to->lease_epoch = -1;
    to->watermark_ms =
        to->lease && s->judge->phase == JUDGE_READY ? known_ms(s->judge->watermark_ms) : STATUS_UNKNOWN_MS;
    to->judged_ms = known_ms(judge_reached(s->judge));
    to->outbox_open = publish_open(s->publish);
}

/* All members of engine_stats but the name of the newest dimension are counters. */
static void add_engine(struct engine_stats *to, const struct engine_stats *e)
{
    to->records_cached += e->records_cached;
    to->deltas_made += e->deltas_made;
    to->subjects_capped += e->subjects_capped;
    to->dependants_capped += e->dependants_capped;
    to->ledger_capped += e->ledger_capped;
    to->causes_capped += e->causes_capped;
    to->folded_withdrawals += e->folded_withdrawals;
    to->money_overflows += e->money_overflows;
}

static void add_store(struct redis_store_stats *to, const struct redis_store_stats *s)
{
    to->flushes += s->flushes;
    to->flush_cells += s->flush_cells;
    to->flush_records += s->flush_records;
    to->commands += s->commands;
    to->bytes_out += s->bytes_out;
    to->reconnects += s->reconnects;
    to->conflicts += s->conflicts;
    to->stale += s->stale;
    to->timeouts += s->timeouts;
    for (int i = 0; i < STORE_SCRIPTS; i++)
        duration_merge(&to->script[i], &s->script[i]);
}

static void add_shard(struct status *to, const struct shard *s)
{
    struct engine_stats engine;
    struct redis_store_stats store;
    engine_stats(s->engine, &engine);
    add_engine(&to->engine, &engine);
    if (!s->store)
        return;
    redis_store_stats(s->store, &store);
    add_store(&to->store, &store);
}

static struct status *take(const struct daemon *d)
{
    struct status *s = status_new(d->ingest.n_parts, d->n_shards);
    if (!s)
        return NULL;
    s->now_ms = wall_ms();
    s->started_ms = d->started_ms;
    s->stopping = d->stopping;
    s->phase = status_phase(d);
    s->reading = d->started && d->ingest.state == INGEST_RUNNING;
    s->counts = d->counts;
    s->reload.done = d->reload.done;
    s->reload.failed = d->reload.failed;
    s->reload.last_failed = d->reload.last_failed;
    s->reload.last_ms = d->reload.last_ms;
    for (uint32_t i = 0; i < s->n_parts; i++)
        fill_part(d, i, &s->part[i], s->now_ms);
    for (uint32_t i = 0; i < d->n_shards; i++) {
        fill_shard(&d->shard[i], &s->shard[i]);
        add_shard(s, &d->shard[i]);
    }
    s->coalescing = s->store.flush_cells ? (double)s->engine.deltas_made / (double)s->store.flush_cells : NAN;
    return s;
}

static void on_timer(uv_timer_t *t)
{
    struct daemon *d = t->data;
    struct status *s = d->closing ? NULL : take(d);
    if (s)
        http_tell(d->http, s);
}

int status_start(struct daemon *d)
{
    char why[400];
    d->started_ms = wall_ms();
    if (!*d->config->http.listen)
        return 0;
    d->http = http_start(d->config, why, sizeof why);
    if (!d->http) {
        log_line(&d->log, LOG_ERROR_, "http", "%s", why);
        return -1;
    }
    log_line(&d->log, LOG_INFO_, "http", "listening on %s", d->config->http.listen);
    d->status_timer.data = d;
    return uv_timer_init(&d->loop, &d->status_timer) | uv_timer_start(&d->status_timer, on_timer, 0, EVERY_MS);
}

void status_stop(struct daemon *d)
{
    http_stop(d->http);
    d->http = NULL;
}
