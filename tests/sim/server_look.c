/* What is in the Redis of the simulated world, for who compares it. Changes nothing. */
#include <stdlib.h>
#include <string.h>

#include "server_int.h"

uint32_t server_untold(struct server *s)
{
    server_push(s, "untold");
    lua_pushinteger(s->lua, (lua_Integer)s->w->plan.shards);
    lua_call(s->lua, 1, 1);
    const uint32_t n = (uint32_t)lua_tointeger(s->lua, -1);
    lua_pop(s->lua, 1);
    return n;
}

struct held {
    int64_t next[PARTITIONS_MAX];
};

static void take_held(void *ctx, struct slice key, struct slice field, struct slice value)
{
    struct held *held = ctx;
    char text[32];
    (void)key;
    snprintf(text, sizeof text, "%.*s", (int)value.n, value.p);
    held->next[server_partition(field)] = strtoll(text + sizeof "next=" - 1, NULL, 10);
}

void server_held(struct server *s, uint32_t shard, int64_t next[PARTITIONS_MAX])
{
    struct held held;
    char key[32];
    for (uint32_t i = 0; i < PARTITIONS_MAX; i++)
        held.next[i] = -1;
    snprintf(key, sizeof key, "cp:{%u}:off", shard);
    server_hashes(s, key, take_held, &held);
    memcpy(next, held.next, sizeof held.next);
}

struct walk {
    server_each each;
    void *ctx;
};

static int lua_each(lua_State *lua)
{
    const struct walk *walk = lua_touserdata(lua, lua_upvalueindex(1));
    walk->each(walk->ctx, server_slice(lua, 1), server_slice(lua, 2), server_slice(lua, 3));
    return 0;
}

void server_hashes(struct server *s, const char *prefix, server_each each, void *ctx)
{
    struct walk walk = { each, ctx };
    server_push(s, "hashes");
    lua_pushstring(s->lua, prefix);
    lua_pushlightuserdata(s->lua, &walk);
    lua_pushcclosure(s->lua, lua_each, 1);
    lua_call(s->lua, 2, 0);
}
