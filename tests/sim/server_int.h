/* What server.c (commands, faults) and server_look.c (contents) share. */
#ifndef CRMPULSE_SIM_SERVER_INT_H
#define CRMPULSE_SIM_SERVER_INT_H

#include <lua.h>

#include "server.h"

struct server {
    struct sim *w;
    lua_State *lua;
    uint64_t down_until_us, loading_until_us, frozen_until_us, refuse_until_us;
    char refusal[64];
};

/* Pushes a function of server.lua. */
void server_push(struct server *s, const char *name);
/* A text on the stack; it lives as long as it stays there. */
struct slice server_slice(lua_State *lua, int at);
/* Of "<topic>/<partition>"; there are fewer than ten. */
uint32_t server_partition(struct slice field);

#endif
