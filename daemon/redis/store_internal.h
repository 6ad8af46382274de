/* The store's inside, shared by the files store_*.c: one struct per store, one per open call. */
#ifndef CRMPULSE_REDIS_STORE_INTERNAL_H
#define CRMPULSE_REDIS_STORE_INTERNAL_H

#include "crmpulse/redis_store.h"
#include "daemon/redis/connection.h"
#include "daemon/redis/reply.h"

enum redis_lane { LANE_INGEST, LANE_EVALUATE, LANE_COUNT };

struct redis_store {
    uv_loop_t *loop;
    const struct config *config;
    struct redis_store_events events;
    struct redis_conn *lane[LANE_COUNT];
    struct redis_argv argv; /* scratch of the call being built */
    struct redis_store_stats stats;
    enum store_state state; /* as last told */
    char why[REDIS_WHY_MAX];
    bool flushing; /* a flush is open */
    bool closing;
    uint32_t open_lanes;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

/* An open call. `finish` turns the answer into the caller's callback; reply is NULL when there is none. */
struct store_call {
    struct redis_store *store;
    void (*finish)(struct store_call *call, enum store_result r, const redisReply *reply, const char *detail);
    union {
        store_parts_cb parts;
        store_records_cb records;
        store_flush_cb flush;
        store_lease_cb lease;
        store_keys_cb keys;
        store_panes_cb panes;
        store_feed_cb feed;
        store_hash_cb hash;
        store_outbox_cb outbox;
    } cb;
    void *ctx;
    uint64_t since_ns;
    int script; /* SCRIPT_NONE: a plain command */
    uint32_t cells, records;
    struct slice *asked; /* copy of the keys asked for, in the same allocation */
    uint32_t n_asked;
};

/* A call with copies of `keys`; NULL if there is no memory. Owned by the caller until store_call_send has returned 0. */
struct store_call *store_call_new(struct redis_store *s, const struct slice *keys, uint32_t n, void *ctx);
/* The same for a script that answers (code, detail) and nothing more, which `cb` is told. */
struct store_call *store_flush_call(struct redis_store *s, store_flush_cb cb, void *ctx);
/* Clear s->argv; push the count of keys and the fixed keys "cp:{s}:<name>" of a script, NULL-terminated. */
void store_begin(struct redis_store *s, const char *const *keys);
/* Send what s->argv holds. Returns as redis_conn_send; when negative the call is freed. */
int store_call_send(struct store_call *call, enum redis_lane lane, enum redis_script script);
void store_push_part_field(struct redis_argv *a, const struct store_part *p); /* "<topic>/<partition>" */
void store_push_outs(struct redis_argv *a, const struct store_out *out, uint32_t n);

#endif
