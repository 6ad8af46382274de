/* crmpulse query: KPI rows from what a running installation keeps in Redis, with the same code as replay. Reads only; needs no lease. */
#include <stdio.h>
#include <stdlib.h>

#include "crmpulse/cli.h"
#include "crmpulse/redis_store.h"
#include "daemon/judge_int.h"
#include "query_args.h"
#include "results.h"

enum { PANES_READ = 64, TIMEOUT_MS = 60000, SETTLED_MAX = 32, ATTEMPTS_MAX = 20 };

struct query {
    struct config *config;
    struct query_args args;
    struct evaluator *evaluator;
    uv_loop_t loop;
    uv_timer_t timeout;
    uint32_t shard, n_open;
    struct redis_store **store;
    struct arena keys;
    struct slice *key;
    uint32_t n_keys, read;
    int64_t newest_ms;
    char settled[SETTLED_MAX]; /* how often parked cells were moved in this shard when reading began */
    bool checking;             /* reading has ended: was anything moved meanwhile? */
    uint32_t attempts;
    bool done, failed;
};

static void end(struct query *q, const char *why)
{
    if (why)
        fprintf(stderr, "crmpulse query: %s\n", why);
    q->failed |= why != NULL;
    q->done = true;
    uv_stop(&q->loop);
}

static void next_shard(struct query *q);
static void read_panes(struct query *q);

static void on_panes(void *ctx, enum store_result r, uint64_t feed_seq, const struct store_cell *cells, uint32_t n)
{
    struct query *q = ctx;
    (void)feed_seq;
    if (r != STORE_OK || !judge_restore_cells(q->evaluator, cells, n)) {
        end(q, "panes could not be read");
        return;
    }
    q->read = q->read + PANES_READ < q->n_keys ? q->read + PANES_READ : q->n_keys;
    read_panes(q);
}

static int ask_settled(struct query *q, bool checking);

static void read_panes(struct query *q)
{
    uint32_t n = q->n_keys - q->read < PANES_READ ? q->n_keys - q->read : PANES_READ;
    if (!n) {
        if (ask_settled(q, true) < 0)
            end(q, "the state cannot be read");
    } else if (redis_store_panes(q->store[q->shard], q->key + q->read, n, on_panes, q) < 0) {
        end(q, "panes cannot be read");
    }
}

static void on_keys(void *ctx, enum store_result r, const struct slice *keys, uint32_t n)
{
    struct query *q = ctx;
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
    read_panes(q);
}

/* A cell that was moved between two reads was seen twice or not at all: everything is read again. */
static void begin_again(struct query *q)
{
    const struct evaluator_options opt = { .judge = true };
    evaluator_free(q->evaluator);
    q->evaluator = evaluator_new(&q->config->defs, &opt);
    q->shard = 0;
    if (!q->evaluator || ++q->attempts == ATTEMPTS_MAX)
        end(q, "cells are being moved all the time");
    else
        next_shard(q);
}

static void on_settled(void *ctx, enum store_result r, const struct slice *pairs, uint32_t n)
{
    struct query *q = ctx;
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

static int ask_settled(struct query *q, bool checking)
{
    q->checking = checking;
    return redis_store_hash(q->store[q->shard], SLICE("meta"), on_settled, q);
}

static void on_offsets(void *ctx, enum store_result r, const struct store_part *parts, uint32_t n)
{
    struct query *q = ctx;
    for (uint32_t i = 0; r == STORE_OK && i < n; i++)
        if (parts[i].max_event_ms > q->newest_ms)
            q->newest_ms = parts[i].max_event_ms;
    if (r != STORE_OK || ask_settled(q, false) < 0)
        end(q, "offsets could not be read");
}

static void next_shard(struct query *q)
{
    if (q->shard == (uint32_t)q->config->redis.shards)
        end(q, NULL);
    else if (redis_store_offsets(q->store[q->shard], on_offsets, q) < 0)
        end(q, "offsets cannot be read");
}

static void on_state(void *ctx, enum store_state state, const char *why)
{
    struct query *q = ctx;
    if (state == STORE_REFUSED || state == STORE_DOWN)
        end(q, why);
    else if (state == STORE_READY && ++q->n_open == (uint32_t)q->config->redis.shards && !q->done)
        next_shard(q);
}

static void on_timeout(uv_timer_t *t)
{
    end(t->data, "Redis did not answer in time");
}

static void closed(void *ctx)
{
    struct query *q = ctx;
    q->n_open--;
}

static void close_all(struct query *q)
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

static bool load(struct query *q)
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

static int results(struct query *q)
{
    struct results r;
    results_init(&r, &q->args);
    int rc = results_print(&r, q->evaluator, q->newest_ms);
    results_release(&r);
    return rc;
}

int cmd_query(int argc, char **argv)
{
    struct query q = { .newest_ms = INT64_MIN };
    const char *unused;
    int rc = query_args_parse(&q.args, QUERY_STORE, "query", argc, argv, &q.config, &unused);
    if (rc == QUERY_ARGS_OK) {
        const struct evaluator_options opt = { .judge = true };
        q.evaluator = evaluator_new(&q.config->defs, &opt);
        rc = q.evaluator && load(&q) && results(&q) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    evaluator_free(q.evaluator);
    query_args_release(&q.args);
    config_free(q.config);
    arena_release(&q.keys);
    free(q.store);
    free(q.key);
    return rc;
}
