/* The Redis of the simulated world and the connections to it. */
#ifndef CRMPULSE_SIM_SERVER_H
#define CRMPULSE_SIM_SERVER_H

#include <hiredis/hiredis.h>

#include "node.h"

/* One keyspace, and the log of all writes (as an append-only file), from which any earlier state can be made again. */
struct server;

struct server *server_new(struct sim *w);
void server_free(struct server *s);

/* Arguments of a command, owned by who made them. */
struct command {
    uint32_t argc;
    struct slice *argv;
    char *bytes; /* all of them, one after the other */
};

/* Run it now. NULL: the server is down. The reply is the caller's (freeReplyObject). */
redisReply *server_execute(struct server *s, const struct command *c);

bool server_up(const struct server *s);
uint64_t server_frozen_until(const struct server *s);

/* Faults. */
void server_kill(struct server *s, uint64_t down_us, uint64_t loading_us,
                 double keep); /* keep: the share of the newest writes that survives, 1 = all */
void server_freeze(struct server *s, uint64_t until_us);
void server_refuse(struct server *s, const char *error, uint64_t until_us); /* "-OOM", .. as Redis would */
void server_forget_scripts(struct server *s);
void server_empty(struct server *s);

/* Messages in the outboxes. */
uint32_t server_untold(struct server *s);

/* What is in it, for the check at the end: calls `each` with key, field, value of every field of every hash of this prefix. */
typedef void (*server_each)(void *ctx, struct slice key, struct slice field, struct slice value);
void server_hashes(struct server *s, const char *prefix, server_each each, void *ctx);

/* The next offset that a shard holds of each partition; -1: none. */
void server_held(struct server *s, uint32_t shard, int64_t next[PARTITIONS_MAX]);

/* fake_hiredis.c */
void conns_cut(struct node *n);        /* the node's process dies: of what it sent a part arrives */
void conns_break(struct node *n);      /* the network breaks all its connections */
void conns_server_gone(struct sim *w); /* the server died: every connection ends */
void conns_free(struct node *n);

#endif
