/* The first commands on a new connection, one after the other: AUTH, where the shard lives (Sentinel, cluster), SELECT, INFO, SCRIPT LOAD for each script,
 * the shard's signature. */
#include "daemon/redis/connection.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "daemon/redis/preflight.h"
#include "daemon/redis/reply.h"

enum heard { HEARD_NEXT, HEARD_SAME, HEARD_END }; /* END: the connection was dropped or refused */

struct step {
    bool (*ask)(struct redis_conn *c); /* false: nothing to ask, next step */
    enum heard (*hear)(struct redis_conn *c, redisReply *reply);
    bool secret;
};

static enum heard give_up(struct redis_conn *c, const char *what, const char *why)
{
    redis_conn_give_up(c, what, why);
    return HEARD_END;
}

static enum heard hear_ok(struct redis_conn *c, redisReply *reply)
{
    return reply->type == REDIS_REPLY_ERROR ? give_up(c, "Redis refuses the connection", reply->str) : HEARD_NEXT;
}

static bool ask_auth(struct redis_conn *c)
{
    const char *file = c->asks ? c->config->redis.sentinel_password_file : c->config->redis.password_file;
    const char *user = c->config->redis.user;
    char why[REDIS_WHY_MAX];
    if (!secret_named(file))
        return false;
    if (secret_read(file, &c->secret, why, sizeof why) < 0) {
        give_up(c, c->asks ? "cannot read redis.sentinel_password_file" : "cannot read redis.password_file", why);
        return true;
    }
    redis_argv_text(&c->argv, "AUTH");
    if (!c->asks && user && *user)
        redis_argv_text(&c->argv, user);
    redis_argv_text(&c->argv, c->secret.text);
    return true;
}

static bool ask_master(struct redis_conn *c)
{
    if (!c->asks)
        return false;
    redis_argv_text(&c->argv, "SENTINEL");
    redis_argv_text(&c->argv, "GET-MASTER-ADDR-BY-NAME");
    redis_argv_text(&c->argv, c->config->redis.master);
    return true;
}

/* That the server which a Sentinel names is a primary is seen by INFO: it may have lost that role a moment ago. */
static enum heard hear_master(struct redis_conn *c, redisReply *reply)
{
    char why[REDIS_WHY_MAX];
    if (redis_topology_master(&c->topology, reply) == WHITHER_THERE) {
        redis_conn_redirect(c, NULL);
        return HEARD_END;
    }
    snprintf(why, sizeof why, "the Sentinel at %.128s knows no primary '%.64s'", c->address.host,
             c->config->redis.master);
    redis_conn_drop(c, why);
    return HEARD_END;
}

static bool ask_slots(struct redis_conn *c)
{
    if (!c->config->redis.cluster)
        return false;
    redis_argv_text(&c->argv, "CLUSTER");
    redis_argv_text(&c->argv, "SLOTS");
    return true;
}

static enum heard hear_slots(struct redis_conn *c, redisReply *reply)
{
    char why[REDIS_WHY_MAX];
    if (reply->type == REDIS_REPLY_ERROR)
        return give_up(c, "CLUSTER SLOTS", reply->str);
    switch (redis_topology_slots(&c->topology, reply, &c->address)) {
    case WHITHER_HERE:
        return HEARD_NEXT;
    case WHITHER_THERE:
        redis_conn_redirect(c, NULL);
        return HEARD_END;
    default:
        snprintf(why, sizeof why, "no node of the cluster serves slot %u", c->topology.slot);
        redis_conn_drop(c, why);
        return HEARD_END;
    }
}

static bool ask_select(struct redis_conn *c)
{
    if (c->address.db == 0)
        return false;
    redis_argv_text(&c->argv, "SELECT");
    redis_argv_int(&c->argv, c->address.db);
    return true;
}

static bool ask_info(struct redis_conn *c)
{
    if (c->looks)
        return false;
    redis_argv_text(&c->argv, "INFO");
    return true;
}

static enum heard hear_info(struct redis_conn *c, redisReply *reply)
{
    char why[REDIS_WHY_MAX];
    if (reply->type != REDIS_REPLY_STRING)
        return give_up(c, "INFO", reply->type == REDIS_REPLY_ERROR ? reply->str : "no text");
    switch (preflight_info((struct slice){ reply->str, (uint32_t)reply->len }, why, sizeof why)) {
    case PREFLIGHT_PASS:
        return HEARD_NEXT;
    case PREFLIGHT_WAIT:
        redis_conn_drop(c, why);
        return HEARD_END;
    default:
        redis_conn_refuse(c, why);
        return HEARD_END;
    }
}

static bool ask_script(struct redis_conn *c)
{
    if (c->looks || c->script_at == SCRIPT_COUNT)
        return false;
    redis_argv_text(&c->argv, "SCRIPT");
    redis_argv_text(&c->argv, "LOAD");
    redis_argv_slice(&c->argv, redis_script_text((enum redis_script)c->script_at));
    return true;
}

static enum heard hear_script(struct redis_conn *c, redisReply *reply)
{
    if (reply->type != REDIS_REPLY_STRING || reply->len != REDIS_SHA_BYTES)
        return give_up(c, "SCRIPT LOAD", reply->type == REDIS_REPLY_ERROR ? reply->str : "no SHA1");
    memcpy(c->sha[c->script_at++], reply->str, REDIS_SHA_BYTES);
    return HEARD_SAME;
}

/* A name for a shard signed now, so that one emptied and signed anew is told from the one we knew. */
static struct slice new_shard_name(struct redis_conn *c)
{
    struct timespec now;
    char name[REDIS_SHARD_NAME_MAX];
    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(name, sizeof name, "%lld-%08x", (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000,
             (unsigned)(c->random >> 32));
    return arena_copy(&c->argv.arena, slice_of(name));
}

static bool ask_open(struct redis_conn *c)
{
    static const char *const keys[] = { "meta",    "off",      "feed",  "outbox", "panes",
                                        "orphans", "erasures", "lease", "booked" };
    enum { N_KEYS = sizeof keys / sizeof keys[0] };
    char place[32];
    if (c->looks)
        return false;
    redis_topology_place(&c->topology, place, sizeof place);
    redis_argv_text(&c->argv, "EVALSHA");
    redis_argv_bytes(&c->argv, c->sha[SCRIPT_OPEN], REDIS_SHA_BYTES);
    redis_argv_int(&c->argv, N_KEYS + c->config->redis.cluster);
    for (int i = 0; i < N_KEYS; i++)
        redis_argv_key(&c->argv, slice_of(keys[i]));
    if (c->config->redis.cluster)
        redis_argv_key(&c->argv, slice_of(REDIS_NEVER_KEY));
    redis_argv_text(&c->argv, REDIS_LAYOUT);
    redis_argv_int(&c->argv, c->config->redis.shards);
    redis_argv_slice(&c->argv, new_shard_name(c));
    redis_argv_slice(&c->argv, arena_copy(&c->argv.arena, slice_of(place)));
    return true;
}

static enum heard hear_open(struct redis_conn *c, redisReply *reply)
{
    const char *detail;
    enum store_result r = redis_script_result(reply, 3, &detail);
    if (r == STORE_BROKEN && reply->type == REDIS_REPLY_ARRAY) {
        redis_conn_refuse(c, detail);
        return HEARD_END;
    }
    if (r != STORE_OK && redis_error_elsewhere(detail)) {
        redis_conn_follow(c, detail);
        return HEARD_END;
    }
    if (r != STORE_OK)
        return give_up(c, "the shard cannot be opened", detail);
    if (c->was_ready && strcmp(c->shard_name, detail) != 0) {
        redis_conn_refuse(c,
                          "the shard in Redis is not the one from before the reconnect: it was emptied or exchanged");
        return HEARD_END;
    }
    snprintf(c->shard_name, sizeof c->shard_name, "%s", detail);
    return HEARD_NEXT;
}

static const struct step steps[] = {
    { ask_auth, hear_ok, true },    { ask_master, hear_master, false }, { ask_slots, hear_slots, false },
    { ask_select, hear_ok, false }, { ask_info, hear_info, false },     { ask_script, hear_script, false },
    { ask_open, hear_open, false },
};
enum { N_STEPS = sizeof steps / sizeof steps[0] };

static void ask_next(struct redis_conn *c);

static void on_answer(void *ctx, redisReply *reply, bool sent, const char *why)
{
    struct redis_conn *c = ctx;
    (void)sent, (void)why;
    if (!reply || c->phase != PHASE_HANDSHAKE)
        return;
    enum heard heard = steps[c->step].hear(c, reply);
    if (heard == HEARD_END)
        return;
    if (heard == HEARD_NEXT)
        c->step++;
    ask_next(c);
}

static void ask_next(struct redis_conn *c)
{
    while (c->step < N_STEPS) {
        redis_argv_clear(&c->argv);
        if (steps[c->step].ask(c))
            break;
        c->step++;
    }
    if (c->phase != PHASE_HANDSHAKE)
        return;
    if (c->step == N_STEPS) {
        c->was_ready = true;
        c->attempt = 0;
        redis_topology_settled(&c->topology);
        c->checked_ms = uv_now(c->loop);
        redis_conn_enter(c, PHASE_READY, NULL);
        return;
    }
    int rc = redis_request_send(c, SCRIPT_NONE, &c->argv, true, on_answer, c);
    secret_wipe(&c->secret);
    if (rc < 0)
        redis_conn_drop(c, "out of memory");
    else if (steps[c->step].secret)
        redis_request_mark_secret(c);
}

void redis_handshake_start(struct redis_conn *c)
{
    c->step = 0;
    c->script_at = 0;
    ask_next(c);
}

static void on_info_again(void *ctx, redisReply *reply, bool sent, const char *why)
{
    (void)sent, (void)why;
    if (reply)
        hear_info(ctx, reply);
}

void redis_preflight_again(struct redis_conn *c)
{
    c->checked_ms = uv_now(c->loop);
    redis_argv_clear(&c->argv);
    redis_argv_text(&c->argv, "INFO");
    if (redis_request_send(c, SCRIPT_NONE, &c->argv, true, on_info_again, c) < 0)
        redis_conn_drop(c, "out of memory");
}
