/* Reading all shards: judged states if they are wanted, then offsets, list of panes, what they are booked by, panes, one shard after the other. */
#include <stdio.h>
#include <stdlib.h>

#include "crmpulse/cli.h"
#include "crmpulse/redis_store.h"
#include "daemon/judge_int.h"
#include "stored.h"

enum { PANES_READ = 64, TIMEOUT_MS = 60000, SETTLED_MAX = 32, ATTEMPTS_MAX = 20 };

struct reader {
    const struct config *config;
    const char *command;
    bool judged;
    struct stored *to;
    uv_loop_t loop;
    uv_timer_t timeout;
    uint32_t shard, n_open;
    struct redis_store **store;
    struct arena keys;
    struct slice *key;
    uint32_t n_keys, read;
    int64_t newest_ms;         /* of this shard */
    char settled[SETTLED_MAX]; /* how often parked cells were moved in this shard when reading began */
    bool checking;             /* reading has ended: was anything moved meanwhile? */
    uint32_t attempts;
    bool done, failed, other;
};

static void end(struct reader *q, const char *why)
{
    if (why)
        fprintf(stderr, "crmpulse %s: %s\n", q->command, why);
    q->failed |= why != NULL;
    q->done = true;
    uv_stop(&q->loop);
}

static void next_shard(struct reader *q);
static void begin(struct reader *q);
static void read_panes(struct reader *q);

static void on_panes(void *ctx, enum store_result r, uint64_t feed_seq, const struct store_cell *cells, uint32_t n)
{
    struct reader *q = ctx;
    (void)feed_seq;
    if (r != STORE_OK || !judge_restore_cells(q->to->evaluator, cells, n)) {
        end(q, "panes could not be read");
        return;
    }
    q->read = q->read + PANES_READ < q->n_keys ? q->read + PANES_READ : q->n_keys;
    read_panes(q);
}

static int ask_settled(struct reader *q, bool checking);

static void read_panes(struct reader *q)
{
    uint32_t n = q->n_keys - q->read < PANES_READ ? q->n_keys - q->read : PANES_READ;
    if (!n) {
        if (ask_settled(q, true) < 0)
            end(q, "the state cannot be read");
    } else if (redis_store_panes(q->store[q->shard], q->key + q->read, n, on_panes, q) < 0) {
        end(q, "panes cannot be read");
    }
}

/* Cells that other definitions booked are not what is asked for. A shard that does not say what it is booked by was filled by hand. */
static void on_booked(void *ctx, enum store_result r, const struct slice *pairs, uint32_t n)
{
    struct reader *q = ctx;
    char why[BOOKING_WHY_MAX];
    if (r != STORE_OK) {
        end(q, "what is booked could not be read");
        return;
    }
    const struct booked held = {
        .pair = pairs, .n_pairs = n, .pane = q->key, .n_panes = q->n_keys, .newest_ms = q->newest_ms
    };
    for (uint32_t i = 0; i < n; i++)
        if (slice_eq(pairs[2 * i], SLICE("mixed")))
            snprintf(q->to->mixed, sizeof q->to->mixed, "%.*s", (int)pairs[2 * i + 1].n, pairs[2 * i + 1].p);
    if (booking_compare(q->config, &held, why) < BOOKING_OTHER) {
        read_panes(q);
        return;
    }
    fprintf(stderr,
            "crmpulse %s: Redis was booked by other definitions and cannot tell: %s. Ask with what the daemon runs "
            "with, or "
            "replay the events\n",
            q->command, why);
    q->failed = q->other = true;
    end(q, NULL);
}

static void on_keys(void *ctx, enum store_result r, const struct slice *keys, uint32_t n)
{
    struct reader *q = ctx;
    free(q->key);
    q->key = r == STORE_OK ? calloc(n + 1, sizeof *q->key) : NULL;
    if (!q->key) {
        end(q, "the list of panes could not be read");
        return;
    }
    arena_reset(&q->keys);
    for (uint32_t i = 0; i < n; i++)
        q->key[i] = arena_copy(&q->keys, keys[i]);
    q->n_keys = n;
    q->read = 0;
    if (redis_store_hash(q->store[q->shard], SLICE("booked"), on_booked, q) < 0)
        end(q, "what is booked cannot be read");
}

/* A cell that was moved between two reads was seen twice or not at all: everything is read again. */
static void begin_again(struct reader *q)
{
    const struct evaluator_options opt = { .judge = true };
    evaluator_free(q->to->evaluator);
    q->to->evaluator = evaluator_new(&q->config->defs, &opt);
    if (!q->to->evaluator || ++q->attempts == ATTEMPTS_MAX)
        end(q, "cells are being moved all the time");
    else
        begin(q);
}

static void on_settled(void *ctx, enum store_result r, const struct slice *pairs, uint32_t n)
{
    struct reader *q = ctx;
    char settled[SETTLED_MAX] = "";
    for (uint32_t i = 0; r == STORE_OK && i < n; i++)
        if (slice_eq(pairs[2 * i], SLICE("settled")))
            snprintf(settled, sizeof settled, "%.*s", (int)pairs[2 * i + 1].n, pairs[2 * i + 1].p);
    if (r != STORE_OK) {
        end(q, "the state could not be read");
    } else if (!q->checking) {
        memcpy(q->settled, settled, sizeof settled);
        if (redis_store_pane_keys(q->store[q->shard], on_keys, q) < 0)
            end(q, "the list of panes cannot be read");
    } else if (strcmp(q->settled, settled) != 0) {
        begin_again(q);
    } else {
        q->shard++;
        next_shard(q);
    }
}

static int ask_settled(struct reader *q, bool checking)
{
    q->checking = checking;
    return redis_store_hash(q->store[q->shard], SLICE("meta"), on_settled, q);
}

static void on_offsets(void *ctx, enum store_result r, const struct store_part *parts, uint32_t n)
{
    struct reader *q = ctx;
    q->newest_ms = INT64_MIN;
    for (uint32_t i = 0; r == STORE_OK && i < n; i++)
        if (parts[i].max_event_ms > q->newest_ms)
            q->newest_ms = parts[i].max_event_ms;
    if (q->newest_ms > q->to->newest_ms)
        q->to->newest_ms = q->newest_ms;
    if (r != STORE_OK || ask_settled(q, false) < 0)
        end(q, "offsets could not be read");
}

static void next_shard(struct reader *q)
{
    if (q->shard == (uint32_t)q->config->redis.shards)
        end(q, NULL);
    else if (redis_store_offsets(q->store[q->shard], on_offsets, q) < 0)
        end(q, "offsets cannot be read");
}

static void next_state(struct reader *q);

static void on_judged(void *ctx, enum store_result r, const struct slice *pairs, uint32_t n)
{
    struct reader *q = ctx;
    if (r != STORE_OK || !judge_restore_state(q->to->evaluator, pairs, n)) {
        end(q, "what was judged could not be read");
        return;
    }
    q->shard++;
    next_state(q);
}

/* Judged states come before all cells. */
static void next_state(struct reader *q)
{
    if (q->shard == (uint32_t)q->config->redis.shards) {
        q->shard = 0;
        next_shard(q);
    } else if (redis_store_hash(q->store[q->shard], SLICE("state"), on_judged, q) < 0) {
        end(q, "what was judged cannot be read");
    }
}

static void begin(struct reader *q)
{
    q->shard = 0;
    if (q->judged)
        next_state(q);
    else
        next_shard(q);
}

static void on_state(void *ctx, enum store_state state, const char *why)
{
    struct reader *q = ctx;
    if (state == STORE_REFUSED || state == STORE_DOWN)
        end(q, why);
    else if (state == STORE_READY && ++q->n_open == (uint32_t)q->config->redis.shards && !q->done)
        begin(q);
}

static void on_timeout(uv_timer_t *t)
{
    end(t->data, "Redis did not answer in time");
}

static void closed(void *ctx)
{
    struct reader *q = ctx;
    q->n_open--;
}

static void close_all(struct reader *q)
{
    uint32_t n = (uint32_t)q->config->redis.shards;
    q->n_open = n;
    for (uint32_t i = 0; i < n; i++)
        if (q->store[i])
            redis_store_close(q->store[i], closed, q);
    uv_close((uv_handle_t *)&q->timeout, NULL);
    uv_run(&q->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&q->loop);
}

static bool load(struct reader *q)
{
    const struct redis_store_events events = { q, on_state };
    uint32_t n = (uint32_t)q->config->redis.shards;
    q->store = calloc(n, sizeof *q->store);
    if (!q->store || uv_loop_init(&q->loop) < 0)
        return false;
    (void)uv_timer_init(&q->loop, &q->timeout);
    q->timeout.data = q;
    (void)uv_timer_start(&q->timeout, on_timeout, TIMEOUT_MS, 0);
    for (uint32_t i = 0; i < n; i++)
        if (!(q->store[i] = redis_store_new(&q->loop, q->config, i, &events)))
            end(q, "out of memory");
    if (!q->done)
        uv_run(&q->loop, UV_RUN_DEFAULT);
    close_all(q);
    return !q->failed;
}

int stored_read(struct stored *s, const struct config *config, const char *command, bool judged)
{
    const struct evaluator_options opt = { .judge = true };
    struct reader r = { .config = config, .command = command, .judged = judged, .to = s };
    *s = (struct stored){ .evaluator = evaluator_new(&config->defs, &opt), .newest_ms = INT64_MIN };
    bool read = s->evaluator && load(&r);
    if (read)
        evaluator_stands_at(s->evaluator, s->newest_ms);
    arena_release(&r.keys);
    free(r.store);
    free(r.key);
    return read ? EXIT_SUCCESS : r.other ? CLI_CONFIG : EXIT_FAILURE;
}

void stored_release(struct stored *s)
{
    evaluator_free(s->evaluator);
    s->evaluator = NULL;
}
