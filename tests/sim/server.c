/* Redis of the simulated world: server.lua in an embedded Lua, its ups and downs, and Lua values as answers of hiredis. One Lua state serves all seeds of a
 * process: a seed begins with an empty keyspace. */
#include "server_int.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdlib.h>
#include <string.h>

#include "broker.h"
#include "daemon/redis/scripts.h"
#include "sim_lua.h"

/* A script tells its name in its second line: "-- flush: applies one batch ..". */
static struct slice script_name(uint32_t script)
{
    struct slice text = redis_script_text((enum redis_script)script);
    const char *p = memchr(text.p, '\n', text.n);
    p += sizeof "\n-- " - 1;
    const char *end = memchr(p, ':', text.n - (size_t)(p - text.p));
    return (struct slice){ p, (uint32_t)(end - p) };
}

/* ---- what server.lua calls ---- */

static struct server *server_of(lua_State *lua)
{
    lua_getfield(lua, LUA_REGISTRYINDEX, "server");
    struct server *s = lua_touserdata(lua, -1);
    lua_pop(lua, 1);
    return s;
}

static int lua_violation(lua_State *lua)
{
    sim_violation(server_of(lua)->w, "%s", luaL_checkstring(lua, 1));
    return 0;
}

struct slice server_slice(lua_State *lua, int at)
{
    size_t n;
    const char *p = luaL_checklstring(lua, at, &n);
    return (struct slice){ p, (uint32_t)n };
}

uint32_t server_partition(struct slice field)
{
    return (uint32_t)(field.p[field.n - 1] - '0');
}

/* Also whether it may be read at all. */
static int lua_expected_read(lua_State *lua)
{
    struct sim *w = server_of(lua)->w;
    const uint32_t shard = (uint32_t)luaL_checkinteger(lua, 1), partition = server_partition(server_slice(lua, 2));
    const int64_t from = (int64_t)luaL_checknumber(lua, 3), next = (int64_t)luaL_checknumber(lua, 4);
    if (w->lineage.hit[partition] && next > w->lineage.limit[shard][partition])
        sim_violation(w, "I5: partition %u of shard %u was written up to %lld, though it is not the log that was read",
                      partition, shard, (long long)next);
    if (next > w->lineage.ever[shard][partition])
        w->lineage.ever[shard][partition] = next;
    lua_pushnumber(lua, (lua_Number)broker_count(w->broker, shard, partition, from, next));
    return 1;
}

static int lua_was_published(lua_State *lua)
{
    const struct server *s = server_of(lua);
    lua_pushboolean(lua, broker_has(s->w->broker, server_slice(lua, 1), server_slice(lua, 2)));
    return 1;
}

/* Sums beyond 2^53, which Lua's numbers do not hold. nil: overflow. */
static int lua_add_int64(lua_State *lua)
{
    long long sum;
    char text[24];
    if (__builtin_add_overflow(strtoll(luaL_checkstring(lua, 1), NULL, 10), strtoll(luaL_checkstring(lua, 2), NULL, 10),
                               &sum))
        return 0;
    lua_pushlstring(lua, text, (size_t)snprintf(text, sizeof text, "%lld", sum));
    return 1;
}

/* ---- the state ---- */

static lua_State *open_lua(void)
{
    lua_State *lua = luaL_newstate();
    if (!lua)
        abort();
    luaL_openlibs(lua);
    if (luaL_loadbuffer(lua, lua_server, lua_server_len, "@server.lua")) {
        fprintf(stderr, "sim: %s\n", lua_tostring(lua, -1));
        abort();
    }
    lua_pushcfunction(lua, lua_violation);
    lua_pushcfunction(lua, lua_expected_read);
    lua_pushcfunction(lua, lua_was_published);
    lua_pushcfunction(lua, lua_add_int64);
    lua_call(lua, 4, 1);
    lua_setfield(lua, LUA_REGISTRYINDEX, "api");
    return lua;
}

void server_push(struct server *s, const char *name)
{
    lua_getfield(s->lua, LUA_REGISTRYINDEX, "api");
    lua_getfield(s->lua, -1, name);
    lua_remove(s->lua, -2);
}

static void sha_of(uint32_t script, char sha[static REDIS_SHA_BYTES + 1])
{
    snprintf(sha, REDIS_SHA_BYTES + 1, "%040x", script + 1);
}

struct server *server_new(struct sim *w)
{
    static lua_State *lua;
    struct server *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    if (!lua)
        lua = open_lua();
    s->w = w;
    s->lua = lua;
    lua_pushlightuserdata(lua, s);
    lua_setfield(lua, LUA_REGISTRYINDEX, "server");
    server_push(s, "reset");
    lua_call(lua, 0, 0);
    /* Not while a seed runs: where `pairs` finds what was removed and set again would depend on when it was collected, so on the seeds before. */
    lua_gc(lua, LUA_GCCOLLECT, 0);
    lua_gc(lua, LUA_GCSTOP, 0);
    return s;
}

void server_free(struct server *s)
{
    if (!s)
        return;
    server_push(s, "reset");
    lua_call(s->lua, 0, 0);
    free(s);
}

/* ---- answers ---- */

static redisReply *reply_new(int type)
{
    redisReply *r = calloc(1, sizeof *r);
    if (!r)
        abort();
    r->type = type;
    return r;
}

static redisReply *reply_text(int type, const char *p, size_t n)
{
    redisReply *r = reply_new(type);
    r->str = malloc(n + 1);
    if (!r->str)
        abort();
    memcpy(r->str, p, n);
    r->str[n] = '\0';
    r->len = n;
    return r;
}

static redisReply *reply_of(lua_State *lua);

/* {ok = ..}, {err = ..}, or a list that ends at the first nil. */
static redisReply *reply_table(lua_State *lua)
{
    static const struct {
        const char *name;
        int type;
    } marks[] = { { "err", REDIS_REPLY_ERROR }, { "ok", REDIS_REPLY_STATUS } };
    const size_t elements = lua_objlen(lua, -1);
    for (size_t i = 0; i < 2 && !elements; i++) {
        size_t n;
        lua_getfield(lua, -1, marks[i].name);
        const char *text = lua_isstring(lua, -1) ? lua_tolstring(lua, -1, &n) : NULL;
        redisReply *r = text ? reply_text(marks[i].type, text, n) : NULL;
        lua_pop(lua, 1);
        if (r)
            return r;
    }
    redisReply *r = reply_new(REDIS_REPLY_ARRAY);
    r->elements = elements;
    r->element = calloc(r->elements + 1, sizeof(redisReply *));
    if (!r->element)
        abort();
    for (size_t i = 0; i < r->elements; i++) {
        lua_rawgeti(lua, -1, (int)i + 1);
        r->element[i] = reply_of(lua);
        lua_pop(lua, 1);
    }
    return r;
}

static redisReply *reply_of(lua_State *lua)
{
    size_t n;
    const char *text;
    redisReply *r;
    switch (lua_type(lua, -1)) {
    case LUA_TNUMBER:
        r = reply_new(REDIS_REPLY_INTEGER);
        r->integer = (long long)lua_tonumber(lua, -1);
        return r;
    case LUA_TSTRING:
        text = lua_tolstring(lua, -1, &n);
        return reply_text(REDIS_REPLY_STRING, text, n);
    case LUA_TTABLE:
        return reply_table(lua);
    default:
        return reply_new(REDIS_REPLY_NIL);
    }
}

/* SCRIPT LOAD text: the name is found by the text, the SHA1 is made up. */
static redisReply *load_script(struct server *s, struct slice text)
{
    char sha[REDIS_SHA_BYTES + 1];
    for (uint32_t i = 0; i < SCRIPT_COUNT; i++) {
        if (!slice_eq(text, redis_script_text((enum redis_script)i)))
            continue;
        sha_of(i, sha);
        server_push(s, "load");
        lua_pushlstring(s->lua, script_name(i).p, script_name(i).n);
        lua_pushlstring(s->lua, text.p, text.n);
        lua_pushstring(s->lua, sha);
        lua_call(s->lua, 3, 0);
        return reply_text(REDIS_REPLY_STRING, sha, REDIS_SHA_BYTES);
    }
    return reply_text(REDIS_REPLY_ERROR, "ERR unknown script", 18);
}

static const char *refusal(const struct server *s)
{
    if (s->loading_until_us > s->w->now_us)
        return "LOADING Redis is loading the dataset in memory";
    return s->refuse_until_us > s->w->now_us ? s->refusal : "";
}

static void trace_command(const struct server *s, const struct command *c, const redisReply *r)
{
    const char *name = c->argv[0].p;
    int n = (int)c->argv[0].n;
    if (!s->w->trace || slice_eq(c->argv[0], SLICE("SCRIPT")) || slice_eq(c->argv[0], SLICE("INFO")))
        return;
    if (slice_eq(c->argv[0], SLICE("EVALSHA"))) {
        char sha[REDIS_SHA_BYTES + 1];
        memcpy(sha, c->argv[1].p, REDIS_SHA_BYTES);
        sha[REDIS_SHA_BYTES] = 0;
        unsigned long i = strtoul(sha, NULL, 16) - 1;
        name = script_name((uint32_t)i).p;
        n = (int)script_name((uint32_t)i).n;
    }
    const redisReply *code = r->type == REDIS_REPLY_ARRAY && r->elements > 1 ? r->element[0] : NULL;
    bool told = code && code->type == REDIS_REPLY_INTEGER && code->integer;
    sim_trace(s->w, "    redis %.*s%s%s", n, name, told || r->type == REDIS_REPLY_ERROR ? ": " : "",
              told                           ? r->element[1]->str
              : r->type == REDIS_REPLY_ERROR ? r->str
                                             : "");
}

static void push_list(lua_State *lua, const struct slice *v, uint32_t n)
{
    lua_createtable(lua, (int)n, 0);
    for (uint32_t i = 0; i < n; i++) {
        lua_pushlstring(lua, v[i].p, v[i].n);
        lua_rawseti(lua, -2, (int)i + 1);
    }
}

redisReply *server_execute(struct server *s, const struct command *c)
{
    lua_State *lua = s->lua;
    redisReply *r;
    if (!server_up(s))
        return NULL;
    if (slice_eq(c->argv[0], SLICE("SCRIPT")))
        return load_script(s, c->argv[2]);
    const bool script = slice_eq(c->argv[0], SLICE("EVALSHA"));
    const uint32_t n_keys = script ? (uint32_t)strtoul(c->argv[2].p, NULL, 10) : 0;
    server_push(s, script ? "evalsha" : "execute");
    if (script) {
        lua_pushlstring(lua, c->argv[1].p, c->argv[1].n);
        push_list(lua, c->argv + 3, n_keys);
    }
    push_list(lua, c->argv + (script ? 3 + n_keys : 0), c->argc - (script ? 3 + n_keys : 0));
    lua_pushnumber(lua, (lua_Number)(SIM_WALL_MS + (int64_t)(s->w->now_us / SIM_MS)));
    lua_pushstring(lua, refusal(s));
    lua_pushnumber(lua, (lua_Number)dice_below(&s->w->dice, 1 << 20));
    if (lua_pcall(lua, script ? 6 : 4, 1, 0)) {
        sim_violation(s->w, "server.lua: %s", lua_tostring(lua, -1));
        lua_pop(lua, 1);
        return NULL;
    }
    r = reply_of(lua);
    lua_pop(lua, 1);
    trace_command(s, c, r);
    return r;
}

bool server_up(const struct server *s)
{
    return s->w->now_us >= s->down_until_us;
}

uint64_t server_frozen_until(const struct server *s)
{
    return s->frozen_until_us;
}

/* ---- faults ---- */

void server_kill(struct server *s, uint64_t down_us, uint64_t loading_us, double keep)
{
    server_push(s, "log_length");
    lua_call(s->lua, 0, 1);
    lua_Number writes = lua_tonumber(s->lua, -1);
    lua_pop(s->lua, 1);
    lua_Number left = keep < 1 ? (lua_Number)(int64_t)(writes * keep) : writes;
    sim_trace(s->w, "redis is killed; of %.0f writes %.0f survive", writes, left);
    s->w->n_restarts++;
    s->down_until_us = s->w->now_us + down_us;
    s->loading_until_us = s->down_until_us + loading_us;
    s->frozen_until_us = s->refuse_until_us = 0;
    if (left < writes) {
        s->w->n_rewinds++;
        server_push(s, "rewind");
        lua_pushnumber(s->lua, left);
        lua_call(s->lua, 1, 0);
    }
    server_forget_scripts(s);
    conns_server_gone(s->w);
}

void server_freeze(struct server *s, uint64_t until_us)
{
    sim_trace(s->w, "redis stands still until %llu ms", (unsigned long long)(until_us / SIM_MS));
    if (until_us > s->frozen_until_us)
        s->frozen_until_us = until_us;
}

void server_refuse(struct server *s, const char *error, uint64_t until_us)
{
    sim_trace(s->w, "redis answers %s until %llu ms", error, (unsigned long long)(until_us / SIM_MS));
    s->w->n_refused++;
    snprintf(s->refusal, sizeof s->refusal, "%s", error);
    s->refuse_until_us = until_us;
}

void server_forget_scripts(struct server *s)
{
    server_push(s, "forget_scripts");
    lua_call(s->lua, 0, 0);
}

void server_empty(struct server *s)
{
    sim_trace(s->w, "redis is emptied");
    server_push(s, "reset");
    lua_call(s->lua, 0, 0);
}
