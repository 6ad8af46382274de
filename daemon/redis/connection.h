/* One connection to Redis that comes back by itself: address, TLS, AUTH, SELECT, preflight, scripts, requests, deadlines, backoff. It follows its shard:
 * to the node of a cluster that serves its slot, or to the primary that Sentinels name (topology.h). A request that a server refused because the shard
 * lives elsewhere ends with that answer; it is not sent again.
 *
 * Every accepted request ends with exactly one call of its `done`, never from inside redis_conn_send. A request lost with the connection, or sent while
 * there is none, ends with reply NULL. Nothing is queued while the connection is down; at most REDIS_IN_FLIGHT_MAX requests are open. */
#ifndef CRMPULSE_REDIS_CONNECTION_H
#define CRMPULSE_REDIS_CONNECTION_H

#include <hiredis/async.h>
#include <uv.h>

#include "crmpulse/redis_store.h"
#include "crmpulse/secret.h"
#include "daemon/redis/address.h"
#include "daemon/redis/argv.h"
#include "daemon/redis/scripts.h"
#include "daemon/redis/tls.h"
#include "daemon/redis/topology.h"

/* Never written. Named as a key of every script in a cluster: while the slot of the shard is being moved, a script is refused before it runs if one of
 * its keys is not there. Without, a script could fail in the middle, at a key that it did not name and that has left already or is new. */
#define REDIS_NEVER_KEY "never"

enum { REDIS_IN_FLIGHT_MAX = 64, REDIS_WHY_MAX = 256, REDIS_SHARD_NAME_MAX = 64 };

struct redis_conn;

/* `sent` with reply NULL: Redis may have executed it. */
typedef void (*redis_done_fn)(void *ctx, redisReply *reply, bool sent, const char *why);

enum redis_phase {
    PHASE_WAITING,
    PHASE_RESOLVING,
    PHASE_CONNECTING,
    PHASE_HANDSHAKE,
    PHASE_READY,
    PHASE_REFUSED,
    PHASE_CLOSED
};

struct redis_request {
    struct redis_request *next, *prev;
    struct redis_conn *conn;
    redis_done_fn done;
    void *ctx;
    char *command; /* as the protocol has it; kept for a repeat after NOSCRIPT */
    size_t bytes;
    uint64_t since_ms; /* uv time of the last send */
    enum redis_script script;
    bool sent, repeated, secret;
};

struct redis_request_list {
    struct redis_request *first, *last;
    uint32_t n;
};

struct redis_conn {
    uv_loop_t *loop;
    const struct config *config;
    struct redis_store_stats *stats;
    void (*changed)(void *ctx);
    void *ctx;
    void (*closed)(void *ctx);
    uint32_t shard;

    enum redis_phase phase;
    char why[REDIS_WHY_MAX];               /* why it is not ready; empty when it is */
    bool dirty;                            /* phase or why changed, `changed` is due */
    bool was_ready;                        /* once at least */
    bool greet;                            /* connected, the handshake is due */
    char shard_name[REDIS_SHARD_NAME_MAX]; /* field `created` of meta when last ready */

    redisAsyncContext *ac; /* NULL unless connecting or connected */
    struct redis_tls *tls; /* of ac; NULL: none, or not yet */
    struct redis_topology topology;
    struct redis_address address; /* connected to, or last tried */
    bool looks;                   /* for who only looks: no preflight, no scripts, the shard is not opened */
    bool asks;                    /* the server at `address` is a Sentinel: it is asked for the primary, no more */
    struct redis_lookup *lookup;  /* under way; NULL: none */
    uv_timer_t settle;            /* runs what must not run inside other calls: lost requests, `changed` */
    uv_timer_t tick;              /* deadlines, and the preflight again from time to time */
    uv_timer_t retry;             /* next attempt to connect */
    uint32_t open_handles;
    uint32_t attempt; /* since it was ready */
    uint64_t random;
    uint64_t phase_since_ms, checked_ms;
    uint32_t overdue_ticks; /* in a row */

    uint32_t step, script_at; /* of the handshake */
    char sha[SCRIPT_COUNT][REDIS_SHA_BYTES + 1];
    struct redis_request_list in_flight, lost;
    struct redis_argv argv; /* for the connection's own commands */
    struct secret secret;   /* while AUTH is put together */
};

/* Starts to connect. `config`, `stats` are borrowed and must outlive the connection; `changed` is called after each change of phase READY, REFUSED, or
 * neither, and of the reason. NULL: out of memory or no timer. */
struct redis_conn *redis_conn_new(uv_loop_t *loop, const struct config *config, uint32_t shard,
                                  struct redis_store_stats *stats, void (*changed)(void *ctx), void *ctx);
/* Ends open requests with NULL, closes all handles, calls `closed` and frees the connection: later, from the loop. */
void redis_conn_close(struct redis_conn *c, void (*closed)(void *ctx), void *ctx);

/* Send a command. For a script `argv` holds what follows the SHA1 (count of keys, keys, arguments); Redis that forgot the script gets it again, once.
 * Returns 0, -EBUSY (too many open requests), -ENOMEM, or -ECANCELED after redis_conn_close; when negative, `done` is not called. */
int redis_conn_send(struct redis_conn *c, enum redis_script script, struct redis_argv *argv, redis_done_fn done,
                    void *ctx);

/* ---- between connection.c, request.c and handshake.c ---- */

int redis_request_send(struct redis_conn *c, enum redis_script script, struct redis_argv *argv, bool internal,
                       redis_done_fn done, void *ctx);
void redis_request_mark_secret(struct redis_conn *c); /* the newest request's bytes are wiped after use */
void redis_requests_settle(struct redis_conn *c);     /* end the lost ones */
void redis_conn_settle_soon(struct redis_conn *c);
/* hiredis is about to free, or has freed, the context: forget it and try again later. */
void redis_conn_lost(struct redis_conn *c, const char *why);
/* Close the connection from our side and try again later. */
void redis_conn_drop(struct redis_conn *c, const char *why);
/* Close the connection and go where the topology's target is, at once; `why` is told unless it is NULL. After too many in a row as redis_conn_drop. */
void redis_conn_redirect(struct redis_conn *c, const char *why);
/* The server said that it does not serve the shard (redis_error_elsewhere): go where it points, or look for the shard anew. A primary that became a
 * replica: the name in the address may lead to the new one. */
void redis_conn_follow(struct redis_conn *c, const char *error);
/* For good if it has never worked and this will not pass by itself, else as redis_conn_drop. */
void redis_conn_give_up(struct redis_conn *c, const char *what, const char *why);
/* Close it for good. */
void redis_conn_refuse(struct redis_conn *c, const char *why);
void redis_conn_enter(struct redis_conn *c, enum redis_phase phase, const char *why);
/* Start AUTH, SELECT, INFO, scripts, signature; ends in PHASE_READY, or the connection is dropped or refused. */
void redis_handshake_start(struct redis_conn *c);
/* INFO again on a ready connection: a policy changed meanwhile refuses it. */
void redis_preflight_again(struct redis_conn *c);

#endif
