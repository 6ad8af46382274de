/* One connection to Redis for a command that asks one thing after the other: found, secured and logged in as the daemon's, but the shard is not opened and nothing is
 * written by connecting. Blocks. */
#ifndef CRMPULSE_REDIS_LOOK_H
#define CRMPULSE_REDIS_LOOK_H

#include <stdbool.h>

#include "daemon/redis/connection.h"

enum { REDIS_LOOK_WORDS = 8 };

struct redis_look {
    uv_loop_t loop;
    struct redis_conn *conn;
    struct redis_store_stats stats;
    bool answered, closed;
    void (*hear)(void *ctx, const redisReply *reply);
    void *ctx;
};

/* 0 once Redis answers; -1 with the reason. Either way redis_look_close is due. */
int redis_look_open(struct redis_look *l, const struct config *config, uint32_t shard, char *why, size_t cap);
/* One command of up to REDIS_LOOK_WORDS words, NULL ends it earlier; a word that begins with '@' is a key of the shard ("@meta" -> "cp:{0}:meta").
 * `hear` is called once: with an answer (an error is one), or NULL if the connection was lost. */
void redis_look_ask(struct redis_look *l, const char *const word[REDIS_LOOK_WORDS],
                    void (*hear)(void *ctx, const redisReply *reply), void *ctx);
void redis_look_close(struct redis_look *l);

#endif
