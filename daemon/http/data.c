/* Hashes of Redis on the server's own loop and connections: one store per shard, made when first needed. */
#include "daemon/http/data.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "crmpulse/arena.h"
#include "crmpulse/redis_store.h"

/* No field takes Redis as long as 10 us: what an answer takes beyond that it waited for work of others. */
enum { KEY_MAX = 1400, FRESH_MS = 900, COST_SHARE = 50, OLD_MS = 15000, FIELDS_PER_MS = 100 };

struct source_shard {
    struct data *d;
    struct redis_store *store;
    enum store_state state;
};

struct entry {
    struct data *d;
    struct source_shard *shard; /* NULL: unused */
    char key[KEY_MAX];
    uint32_t key_n;
    struct arena text;
    struct slice *pair;
    uint32_t n;
    uint64_t version, read_ms, began_ms, cost_ms, asked_ms;
    bool known, reading;
};

struct data {
    uv_loop_t *loop;
    const struct config *config;
    void (*changed)(void *ctx);
    void *ctx;
    uint32_t n_shards;
    struct source_shard *shard;
    struct entry entry[DATA_ENTRIES_MAX];
    bool closing;
};

static void on_state(void *ctx, enum store_state state, const char *why)
{
    struct source_shard *s = ctx;
    (void)why;
    s->state = state;
    if (!s->d->closing)
        s->d->changed(s->d->ctx);
}

struct data *data_new(uv_loop_t *loop, const struct config *config, void (*changed)(void *ctx), void *ctx)
{
    struct data *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    *d = (struct data){ .loop = loop, .config = config, .changed = changed, .ctx = ctx };
    d->n_shards = (uint32_t)config->redis.shards;
    d->shard = calloc(d->n_shards + 1, sizeof *d->shard);
    if (!d->shard) {
        free(d);
        return NULL;
    }
    for (uint32_t i = 0; i < d->n_shards; i++)
        d->shard[i].d = d;
    return d;
}

static void on_closed(void *ctx)
{
    struct source_shard *s = ctx;
    s->store = NULL;
}

void data_close(struct data *d)
{
    if (!d)
        return;
    d->closing = true;
    for (uint32_t i = 0; i < d->n_shards; i++)
        if (d->shard[i].store)
            redis_store_close(d->shard[i].store, on_closed, &d->shard[i]);
}

static void forget(struct entry *e)
{
    free(e->pair);
    arena_release(&e->text);
    memset(e, 0, sizeof *e);
}

void data_free(struct data *d)
{
    if (!d)
        return;
    for (uint32_t i = 0; i < DATA_ENTRIES_MAX; i++)
        forget(&d->entry[i]);
    free(d->shard);
    free(d);
}

static struct source_shard *shard_of(struct data *d, struct slice org)
{
    const uint32_t i = redis_shard_of(org, d->n_shards);
    struct source_shard *s = &d->shard[i];
    const struct redis_store_events events = { s, on_state };
    if (!s->store && !d->closing) {
        s->state = STORE_CONNECTING;
        s->store = redis_store_new(d->loop, d->config, i, &events);
    }
    return s;
}

/* ---- entries ---- */

static bool is(const struct entry *e, const struct source_shard *s, struct slice key)
{
    return e->shard == s && slice_eq((struct slice){ e->key, e->key_n }, key);
}

/* That key's, or a free one, or the one that nobody has asked for the longest; NULL: all are in use. */
static struct entry *entry_for(struct data *d, struct source_shard *s, struct slice key)
{
    struct entry *found = NULL;
    for (uint32_t i = 0; i < DATA_ENTRIES_MAX; i++) {
        struct entry *e = &d->entry[i];
        if (is(e, s, key))
            return e;
        if (!e->reading && (!found || e->asked_ms < found->asked_ms))
            found = e;
    }
    const uint64_t now = uv_now(d->loop);
    if (!found || key.n > KEY_MAX || (found->shard && now - found->asked_ms < FRESH_MS))
        return NULL;
    forget(found);
    found->d = d;
    found->shard = s;
    memcpy(found->key, key.p, key.n);
    found->key_n = key.n;
    return found;
}

static int by_field(const void *a, const void *b)
{
    return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

static bool take(struct entry *e, const struct slice *pairs, uint32_t n)
{
    XXH3_state_t *h = XXH3_createState();
    struct slice *list = calloc(2 * (size_t)n + 1, sizeof *list);
    bool good = h && list;
    arena_reset(&e->text);
    for (uint32_t i = 0; good && i < 2 * n; i++) {
        list[i] = arena_copy(&e->text, pairs[i]);
        good = list[i].p != NULL;
    }
    if (good) {
        qsort(list, n, 2 * sizeof *list, by_field);
        (void)XXH3_64bits_reset(h);
        for (uint32_t i = 0; i < 2 * n; i++) {
            (void)XXH3_64bits_update(h, &list[i].n, sizeof list[i].n);
            (void)XXH3_64bits_update(h, list[i].p, list[i].n);
        }
        e->version = XXH3_64bits_digest(h);
    }
    XXH3_freeState(h);
    free(e->pair);
    e->pair = good ? list : NULL;
    e->n = good ? n : 0;
    if (!good)
        free(list);
    return good;
}

static void on_hash(void *ctx, enum store_result r, const struct slice *pairs, uint32_t n_pairs)
{
    struct entry *e = ctx;
    struct data *d = e->d;
    e->reading = false;
    if (r == STORE_OK) {
        e->known = take(e, pairs, n_pairs);
        e->read_ms = uv_now(d->loop);
        const uint64_t took_ms = e->read_ms - e->began_ms, most_ms = n_pairs / FIELDS_PER_MS;
        e->cost_ms = took_ms < most_ms ? took_ms : most_ms;
    }
    if (!d->closing)
        d->changed(d->ctx);
}

static void refresh(struct entry *e, uint64_t now)
{
    const uint64_t rest = e->cost_ms * COST_SHARE > FRESH_MS ? e->cost_ms * COST_SHARE : FRESH_MS;
    if (e->reading || e->shard->state != STORE_READY || (e->known && now - e->read_ms < rest))
        return;
    e->began_ms = now;
    e->reading = redis_store_hash(e->shard->store, (struct slice){ e->key, e->key_n }, on_hash, e) == 0;
}

enum data_state data_hash(struct data *d, struct slice org, struct slice key, struct data_hash *ret)
{
    struct source_shard *s = shard_of(d, org);
    struct entry *e = s->store ? entry_for(d, s, key) : NULL;
    const uint64_t now = uv_now(d->loop);
    if (!e)
        return DATA_GONE;
    if (e->known && now - e->asked_ms > OLD_MS && now - e->read_ms > OLD_MS)
        e->known = false; /* nobody looked for long: what it holds is old */
    e->asked_ms = now;
    refresh(e, now);
    *ret = (struct data_hash){ e->n, e->pair, e->version };
    if (e->known && (e->reading || s->state == STORE_READY))
        return DATA_READY;
    return e->reading || s->state == STORE_CONNECTING ? DATA_WAIT : DATA_GONE;
}

struct slice data_value(const struct data_hash *h, struct slice field)
{
    uint32_t low = 0, high = h->n;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const struct slice *pair = &h->pair[2 * (size_t)middle];
        const int order = slice_cmp(pair[0], field);
        if (order == 0)
            return pair[1];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return (struct slice){ 0 };
}
