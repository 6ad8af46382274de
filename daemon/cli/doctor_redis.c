/* The doctor's questions to Redis: version, policy, persistence, memory, clock, and whether the user may send every command that the daemon needs. */
#include <stdlib.h>
#include <time.h>

#include "daemon/redis/preflight.h"
#include "daemon/redis/reply.h"
#include "doctor.h"
#include "redis_look.h"

enum {
    CLOCK_WARN_MS = 1000,
    CLOCK_FAIL_MS = 60000,
    MEMORY_WARN_PERCENT = 80,
    TEXT_MAX = 128,
    DENIED_MAX = 400,
    HEARD_MAX = 16
};

/* One call of each command that the daemon or its scripts send, on a key of the doctor's own; those that write leave nothing when DEL has run. A test compares with
 * config/redis-users.acl. */
static const char *const probes[][REDIS_LOOK_WORDS] = {
    { "DEL", "@doctor" },
    { "SET", "@doctor", "1", "PX", "60000" },
    { "MGET", "@doctor" },
    { "GETRANGE", "@doctor", "0", "0" },
    { "TYPE", "@doctor" },
    { "EXISTS", "@doctor" },
    { "PERSIST", "@doctor" },
    { "PEXPIREAT", "@doctor", "1" },
    { "HSET", "@doctor", "f", "1" },
    { "HGET", "@doctor", "f" },
    { "HMGET", "@doctor", "f" },
    { "HGETALL", "@doctor" },
    { "HSCAN", "@doctor", "0" },
    { "HINCRBY", "@doctor", "f", "1" },
    { "HDEL", "@doctor", "f" },
    { "ZADD", "@doctor", "1", "m" },
    { "ZCARD", "@doctor" },
    { "ZCOUNT", "@doctor", "0", "1" },
    { "ZRANGE", "@doctor", "0", "1" },
    { "ZRANGEBYSCORE", "@doctor", "0", "1" },
    { "ZREM", "@doctor", "x" },
    { "ZREMRANGEBYSCORE", "@doctor", "0", "1" },
    { "XADD", "@doctor", "1-0", "f", "1" },
    { "XLEN", "@doctor" },
    { "XRANGE", "@doctor", "-", "+" },
    { "XINFO", "STREAM", "@doctor" },
    { "XTRIM", "@doctor", "MAXLEN", "0" },
    { "DEL", "@doctor" },
    { "INFO", "server" },
    { "TIME" },
    { "SELECT", "0" },
    { "SCAN", "0", "MATCH", "cp:{none}:*" },
    { "SCRIPT", "LOAD", "return 1" },
    { "EVALSHA", "0000000000000000000000000000000000000000", "1", "@doctor" },
    { "CLUSTER", "SLOTS" },
};

struct heard {
    struct doctor *d;
    char what[40];       /* "redis shard 0" */
    const char *command; /* the probe under way */
    char denied[DENIED_MAX];
    char server[HEARD_MAX * 20]; /* run ids of the servers looked at */
    bool appends;                /* it has an append-only file */
    bool fresh;                  /* this server was not looked at before */
};

/* The value of "name:value" in INFO. */
static bool info_value(const redisReply *r, const char *name, char value[static TEXT_MAX])
{
    const size_t n = strlen(name);
    for (const char *p = r->str; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
        if (strncmp(p, name, n) == 0 && p[n] == ':') {
            snprintf(value, TEXT_MAX, "%.*s", (int)strcspn(p + n + 1, "\r\n"), p + n + 1);
            return true;
        }
    value[0] = 0;
    return false;
}

static void look_at_persistence(struct heard *h, const redisReply *r)
{
    char value[TEXT_MAX];
    h->appends = info_value(r, "aof_enabled", value) && strcmp(value, "0") != 0;
    if (!h->appends)
        doctor_tell(h->d, FINDING_WARN, h->what,
                    "appendonly is no: a restart of Redis is an empty state, all has to be read again (run --rebuild); "
                    "set appendonly yes");
    else
        doctor_tell(h->d, FINDING_OK, h->what, "appendonly is yes");
    if (info_value(r, "aof_last_write_status", value) && strcmp(value, "err") == 0)
        doctor_tell(h->d, FINDING_FAIL, h->what,
                    "the last write of the append-only file failed: look at the disk of Redis");
    if (info_value(r, "rdb_last_bgsave_status", value) && strcmp(value, "err") == 0)
        doctor_tell(h->d, FINDING_WARN, h->what,
                    "the last snapshot failed: with stop-writes-on-bgsave-error Redis refuses writes; look at its log");
}

static void look_at_memory(struct heard *h, const redisReply *r)
{
    char used[TEXT_MAX], max[TEXT_MAX];
    if (!info_value(r, "used_memory", used) || !info_value(r, "maxmemory", max))
        return;
    const long long most = strtoll(max, NULL, 10), now = strtoll(used, NULL, 10);
    if (most == 0)
        doctor_tell(h->d, FINDING_OK, h->what, "%lld MiB used, no maxmemory", now >> 20);
    else
        doctor_tell(h->d, now * 100 / most > MEMORY_WARN_PERCENT ? FINDING_WARN : FINDING_OK, h->what,
                    "%lld of %lld MiB used; when it is full nothing is lost, but reading waits", now >> 20, most >> 20);
}

static void hear_info(void *ctx, const redisReply *r)
{
    struct heard *h = ctx;
    char why[300], version[TEXT_MAX], id[TEXT_MAX];
    if (!r || r->type != REDIS_REPLY_STRING) {
        doctor_tell(h->d, FINDING_FAIL, h->what, "INFO is not answered%s%s: give the user +info",
                    r && r->str ? ": " : "", r && r->str ? r->str : "");
        return;
    }
    (void)info_value(r, "run_id", id);
    id[16] = 0; /* enough to tell servers apart */
    h->fresh = !*id || !strstr(h->server, id);
    if (!h->fresh)
        return;
    (void)snprintf(h->server + strlen(h->server), sizeof h->server - strlen(h->server), "%s ", id);
    (void)info_value(r, "redis_version", version);
    if (preflight_info(redis_reply_slice(r), why, sizeof why) == PREFLIGHT_PASS)
        doctor_tell(h->d, FINDING_OK, h->what, "version %s, maxmemory-policy noeviction, nothing evicted", version);
    else
        doctor_tell(h->d, FINDING_FAIL, h->what, "%s", why);
    look_at_persistence(h, r);
    look_at_memory(h, r);
}

static void hear_fsync(void *ctx, const redisReply *r)
{
    struct heard *h = ctx;
    if (!r || r->type != REDIS_REPLY_ARRAY || r->elements < 2 || !r->element[1]->str)
        return; /* the daemon's user has no right to ask, and needs none */
    const char *how = r->element[1]->str;
    if (strcmp(how, "no") == 0)
        doctor_tell(
            h->d, FINDING_WARN, h->what,
            "appendfsync is no: a power cut costs what the system had not written, to be read again; set everysec");
    else
        doctor_tell(h->d, FINDING_OK, h->what, "appendfsync is %s", how);
}

static void hear_time(void *ctx, const redisReply *r)
{
    struct heard *h = ctx;
    struct timespec now;
    if (!r || r->type != REDIS_REPLY_ARRAY || r->elements < 2)
        return; /* told with the rights */
    clock_gettime(CLOCK_REALTIME, &now);
    const long long theirs =
        strtoll(r->element[0]->str, NULL, 10) * 1000 + strtoll(r->element[1]->str, NULL, 10) / 1000;
    const long long by = theirs - ((long long)now.tv_sec * 1000 + now.tv_nsec / 1000000), off = by < 0 ? -by : by;
    doctor_tell(h->d,
                off > CLOCK_FAIL_MS   ? FINDING_FAIL
                : off > CLOCK_WARN_MS ? FINDING_WARN
                                      : FINDING_OK,
                h->what, "its clock is %lld ms %s ours%s", off, by < 0 ? "behind" : "ahead of",
                off > CLOCK_WARN_MS ? ": run a time service on both" : "");
}

static void hear_probe(void *ctx, const redisReply *r)
{
    struct heard *h = ctx;
    const size_t n = strlen(h->denied);
    if (r && r->type == REDIS_REPLY_ERROR && redis_error_denied(r->str) && !strstr(h->denied, h->command))
        (void)snprintf(h->denied + n, sizeof h->denied - n, " %s", h->command);
}

static void look_at_rights(struct heard *h, struct redis_look *l)
{
    h->denied[0] = 0;
    for (size_t i = 0; i < sizeof probes / sizeof *probes; i++) {
        const bool cluster = strcmp(probes[i][0], "CLUSTER") == 0;
        if (cluster && !h->d->config->redis.cluster)
            continue;
        h->command = probes[i][0];
        redis_look_ask(l, probes[i], hear_probe, h);
    }
    const char *user = *h->d->config->redis.user ? h->d->config->redis.user : "default";
    if (*h->denied)
        doctor_tell(h->d, FINDING_FAIL, h->what, "user %s may not:%s; config/redis-users.acl has all that is needed",
                    user, h->denied);
    else
        doctor_tell(h->d, FINDING_OK, h->what, "user %s may send every command that is needed", user);
}

static void hear_meta(void *ctx, const redisReply *r)
{
    struct heard *h = ctx;
    const long long shards = (long long)h->d->config->redis.shards;
    if (!r || r->type != REDIS_REPLY_ARRAY || r->elements < 2)
        return;
    const char *layout = r->element[0]->str, *held = r->element[1]->str;
    if (!layout || !held)
        doctor_tell(h->d, FINDING_OK, h->what, "empty: the first daemon begins here");
    else if (strcmp(layout, REDIS_LAYOUT) != 0)
        doctor_tell(h->d, FINDING_FAIL, h->what,
                    "layout %s, this program writes %s: run the program that wrote it, or rebuild", layout,
                    REDIS_LAYOUT);
    else if (strtoll(held, NULL, 10) != shards)
        doctor_tell(h->d, FINDING_FAIL, h->what,
                    "laid out for %s shards, redis.shards is %lld: set it back, or rebuild", held, shards);
    else
        doctor_tell(h->d, FINDING_OK, h->what, "layout %s, %s shards", layout, held);
}

static void look_at_shard(struct heard *h, uint32_t shard)
{
    static const char *const info[REDIS_LOOK_WORDS] = { "INFO" };
    static const char *const fsync_setting[REDIS_LOOK_WORDS] = { "CONFIG", "GET", "appendfsync" };
    static const char *const now[REDIS_LOOK_WORDS] = { "TIME" };
    static const char *const meta[REDIS_LOOK_WORDS] = { "HMGET", "@meta", "layout", "shards" };
    struct redis_look l;
    char why[300];
    snprintf(h->what, sizeof h->what, "redis shard %u", shard);
    if (redis_look_open(&l, h->d->config, shard, why, sizeof why) < 0) {
        doctor_tell(h->d, FINDING_FAIL, h->what, "%s: check redis.url, user and password, and that the server runs",
                    why);
    } else {
        redis_look_ask(&l, info, hear_info, h);
        if (h->fresh) {
            if (h->appends)
                redis_look_ask(&l, fsync_setting, hear_fsync, h);
            redis_look_ask(&l, now, hear_time, h);
            look_at_rights(h, &l);
        }
        redis_look_ask(&l, meta, hear_meta, h);
    }
    redis_look_close(&l);
}

void doctor_redis(struct doctor *d)
{
    struct heard h = { .d = d };
    for (uint32_t i = 0; i < (uint32_t)d->config->redis.shards; i++)
        look_at_shard(&h, i);
}
