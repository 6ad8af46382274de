/* One connection for each shard, one org after the other: the hash alert:<org>, then the evidence of what fires in it. Where the configuration lists no orgs, those of
 * the evaluator's own state are asked for first, once. */
#include "daemon/notify/known.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crmpulse/cell.h"
#include "daemon/redis/connection.h"
#include "daemon/redis/reply.h"

enum { ORGS_MAX = 10000, KEY_MAX = 1400, CHUNK = 200 };

/* As it stands in the hash. */
struct fired {
    struct slice field, shown;
};

struct known {
    const struct config *config;
    const struct log *log;
    struct firing *firing;
    uv_loop_t *loop;
    struct redis_store_stats stats;
    uint32_t n_shards, n_open;
    struct redis_conn **shard;
    uint32_t n_orgs, orgs_asked; /* shards whose state was asked for orgs */
    char **org;
    bool reading, closing, was_down;
    uint32_t at; /* org that is being read */
    struct arena text;
    uint32_t n_fired, fired_done;
    struct fired *fired; /* of that org, in `text` */
    uint64_t readings;
};

static void next(struct known *k);

/* ---- orgs -------------------------------------------------------------------------------------------------------------------------------------- */

void known_org(struct known *k, const char *org)
{
    for (uint32_t i = 0; i < k->n_orgs; i++)
        if (strcmp(k->org[i], org) == 0)
            return;
    if (k->n_orgs == ORGS_MAX)
        return;
    char **v = realloc(k->org, (k->n_orgs + 1) * sizeof *v);
    if (v)
        k->org = v;
    char *copy = v ? strdup(org) : NULL;
    if (copy)
        k->org[k->n_orgs++] = copy;
}

static bool lists_orgs(const struct config *c)
{
    return definitions_org(&c->defs, SLICE("*")) == NULL;
}

/* ---- asking ------------------------------------------------------------------------------------------------------------------------------------ */

static void end(struct known *k, const char *why)
{
    k->reading = false;
    arena_reset(&k->text);
    if (why && !k->was_down && !k->closing)
        log_line(k->log, LOG_WARNING_, "notify_redis", "what fires cannot be read: %s; tried again", why);
    k->was_down = why != NULL;
}

static int ask(struct known *k, uint32_t shard, struct redis_argv *argv, redis_done_fn done)
{
    struct redis_conn *conn = k->shard[shard];
    const int rc = conn->phase == PHASE_READY ? redis_conn_send(conn, SCRIPT_NONE, argv, done, k) : -1;
    if (rc < 0)
        end(k, conn->phase == PHASE_READY ? "too many requests are open"
               : *conn->why               ? conn->why
                                          : "no connection yet");
    return rc;
}

static void ask_hash(struct known *k, uint32_t shard, const char *key, redis_done_fn done)
{
    struct redis_argv argv;
    redis_argv_init(&argv, shard);
    redis_argv_text(&argv, "HGETALL");
    redis_argv_key(&argv, slice_of(key));
    (void)ask(k, shard, &argv, done);
    redis_argv_release(&argv);
}

static void key_of(const struct known *k, const char *rest, char ret[KEY_MAX])
{
    char escaped[KEY_MAX - 40];
    const size_t n = cell_escape(slice_of(k->org[k->at]), escaped, sizeof escaped);
    (void)snprintf(ret, KEY_MAX, "alert:%.*s%s", (int)n, escaped, rest);
}

static uint32_t shard_of(const struct known *k)
{
    return redis_shard_of(slice_of(k->org[k->at]), k->n_shards);
}

static const char *reason(const redisReply *reply, const char *why)
{
    return reply && reply->type == REDIS_REPLY_ERROR ? reply->str : why && *why ? why : "no answer";
}

/* ---- one org ----------------------------------------------------------------------------------------------------------------------------------- */

static void ask_evidence(struct known *k);

static void take(struct known *k, const struct fired *f, struct slice evidence)
{
    struct arena a;
    arena_init(&a, 4096, 0);
    const struct slice bytes =
        known_transition(&a, &k->config->defs, slice_of(k->org[k->at]), f->field, f->shown, evidence);
    struct note *note = bytes.p ? note_decode(bytes.p, bytes.n) : NULL;
    if (note)
        firing_read(k->firing, note, (int64_t)uv_now(k->loop));
    note_drop(note);
    arena_release(&a);
}

static void on_evidence(void *ctx, redisReply *reply, bool sent, const char *why)
{
    struct known *k = ctx;
    const struct slice none = { 0 };
    (void)sent;
    if (!reply || reply->type != REDIS_REPLY_ARRAY) {
        end(k, reason(reply, why));
        return;
    }
    for (size_t i = 0; i < reply->elements && k->fired_done < k->n_fired; i++) {
        const bool text = reply->element[i]->type == REDIS_REPLY_STRING;
        take(k, &k->fired[k->fired_done++], text ? redis_reply_slice(reply->element[i]) : none);
    }
    ask_evidence(k);
}

static void ask_evidence(struct known *k)
{
    char key[KEY_MAX];
    struct redis_argv argv;
    if (!k->fired || k->fired_done == k->n_fired) {
        k->at++;
        next(k);
        return;
    }
    key_of(k, ":evidence", key);
    redis_argv_init(&argv, shard_of(k));
    redis_argv_text(&argv, "HMGET");
    redis_argv_key(&argv, slice_of(key));
    for (uint32_t i = k->fired_done; i < k->n_fired && i < k->fired_done + CHUNK; i++)
        redis_argv_slice(&argv, k->fired[i].field);
    (void)ask(k, shard_of(k), &argv, on_evidence);
    redis_argv_release(&argv);
}

static bool fires(struct slice shown)
{
    static const char word[] = "firing ";
    return shown.n >= sizeof word - 1 && memcmp(shown.p, word, sizeof word - 1) == 0;
}

static void on_alerts(void *ctx, redisReply *reply, bool sent, const char *why)
{
    struct known *k = ctx;
    (void)sent;
    if (!reply || reply->type != REDIS_REPLY_ARRAY) {
        end(k, reason(reply, why));
        return;
    }
    arena_reset(&k->text);
    k->n_fired = k->fired_done = 0;
    k->fired = arena_alloc(&k->text, (reply->elements / 2 + 1) * sizeof *k->fired);
    for (size_t i = 0; k->fired && i + 1 < reply->elements; i += 2) {
        const struct fired f = { redis_reply_slice(reply->element[i]), redis_reply_slice(reply->element[i + 1]) };
        if (fires(f.shown))
            k->fired[k->n_fired++] = (struct fired){ arena_copy(&k->text, f.field), arena_copy(&k->text, f.shown) };
    }
    ask_evidence(k);
}

/* ---- all of them ------------------------------------------------------------------------------------------------------------------------------- */

/* "<org>/<key>", the org escaped. */
static void on_state(void *ctx, redisReply *reply, bool sent, const char *why)
{
    struct known *k = ctx;
    char org[KEY_MAX];
    (void)sent;
    if (!reply || reply->type != REDIS_REPLY_ARRAY) {
        end(k, reason(reply, why));
        return;
    }
    for (size_t i = 0; i + 1 < reply->elements; i += 2) {
        const struct slice field = redis_reply_slice(reply->element[i]);
        const char *slash = field.n ? memchr(field.p, '/', field.n) : NULL;
        if (!slash || slash == field.p)
            continue;
        const size_t n = cell_unescape((struct slice){ field.p, (uint32_t)(slash - field.p) }, org, sizeof org - 1);
        org[n] = 0;
        known_org(k, org);
    }
    k->orgs_asked++;
    next(k);
}

static void next(struct known *k)
{
    char key[KEY_MAX];
    if (k->closing) {
        end(k, NULL);
    } else if (k->orgs_asked < k->n_shards) {
        ask_hash(k, k->orgs_asked, "state", on_state);
    } else if (k->at < k->n_orgs) {
        key_of(k, "", key);
        ask_hash(k, shard_of(k), key, on_alerts);
    } else {
        const uint32_t dropped = firing_read_end(k->firing);
        k->readings++;
        if (k->readings == 1 || dropped || k->was_down)
            log_line(k->log, LOG_INFO_, "notify_firing", "%u alerts known, of them %u dropped: Redis has them no more",
                     k->firing->n + dropped, dropped);
        end(k, NULL);
    }
}

/* Some connection is being made, and nothing has gone wrong yet. */
static bool connecting(const struct known *k)
{
    for (uint32_t i = 0; i < k->n_shards; i++)
        if (k->shard[i]->phase != PHASE_READY && !*k->shard[i]->why)
            return true;
    return false;
}

void known_read(struct known *k)
{
    if (k->reading || k->closing || connecting(k))
        return;
    k->reading = true;
    k->at = 0;
    firing_read_begin(k->firing, (int64_t)uv_now(k->loop));
    next(k);
}

uint64_t known_readings(const struct known *k)
{
    return k->readings;
}

/* ---- life -------------------------------------------------------------------------------------------------------------------------------------- */

static void on_changed(void *ctx)
{
    struct known *k = ctx;
    if (k->n_open == k->n_shards && (!k->readings || k->was_down))
        known_read(k);
}

static void known_free(struct known *k)
{
    for (uint32_t i = 0; i < k->n_orgs; i++)
        free(k->org[i]);
    free(k->org);
    free(k->shard);
    arena_release(&k->text);
    free(k);
}

struct known *known_new(uv_loop_t *loop, const struct config *config, const struct log *log, struct firing *firing)
{
    struct known *k = calloc(1, sizeof *k);
    if (!k)
        return NULL;
    *k = (struct known){ .loop = loop, .config = config, .log = log, .firing = firing };
    k->n_shards = (uint32_t)config->redis.shards;
    arena_init(&k->text, 0, 0);
    k->orgs_asked = lists_orgs(config) ? k->n_shards : 0;
    for (uint32_t i = 0; lists_orgs(config) && i < config->defs.n_orgs; i++)
        known_org(k, config->defs.org[i].id);
    k->shard = calloc(k->n_shards, sizeof(struct redis_conn *));
    for (uint32_t i = 0; k->shard && i < k->n_shards; i++) {
        k->shard[i] = redis_conn_new(loop, config, i, &k->stats, on_changed, k);
        if (!k->shard[i]) {
            known_close(k);
            return NULL;
        }
        k->shard[i]->looks = true;
        k->n_open++;
    }
    if (k->shard)
        return k;
    known_free(k);
    return NULL;
}

static void on_closed(void *ctx)
{
    struct known *k = ctx;
    if (--k->n_open == 0)
        known_free(k);
}

void known_close(struct known *k)
{
    if (!k)
        return;
    k->closing = true;
    const uint32_t n = k->n_open;
    if (!n)
        known_free(k);
    for (uint32_t i = 0; i < n; i++)
        redis_conn_close(k->shard[i], on_closed, k);
}
