/* The Redis store of one shard on a uv loop: every call is asynchronous and ends with exactly one callback, also on loss of the connection.
 *
 * Keys of shard s are "cp:{s}:<rest>". One connection for flushes, claims and reads, one for the evaluator's reads and view commits. Reconnects by itself
 * with backoff and jitter; meanwhile calls fail fast with STORE_UNKNOWN (never queued without bound).
 *
 * Every call returns 0, and then its callback comes exactly once, from the loop, never from inside the call; or a negative errno, and then no callback comes:
 * -EBUSY (64 calls are open on that connection, or a second flush), -EINVAL, -ERANGE (a sum leaves int64), -ENOMEM, -ECANCELED (after redis_store_close).
 * Arguments are copied before a call returns; what a callback gets is borrowed until it returns. The process must ignore SIGPIPE. */
#ifndef CRMPULSE_REDIS_STORE_H
#define CRMPULSE_REDIS_STORE_H

#include <uv.h>

#include "crmpulse/config.h"
#include "crmpulse/duration.h"
#include "crmpulse/store.h"

struct redis_store;

enum store_state { STORE_CONNECTING, STORE_READY, STORE_DOWN, STORE_REFUSED };

struct redis_store_events {
    void *ctx;
    /* State changed; `why` is a sentence for the log ("Connection refused", "maxmemory-policy is allkeys-lru, must be noeviction", ..). On STORE_READY
     * the preflight (policy, layout version, script load) has passed. STORE_REFUSED: preflight failed for good, the daemon must not start; also later, when
     * the policy was changed (looked at every 5 s) or the shard was emptied or exchanged. A refused store does not reconnect: calls end with STORE_BROKEN. */
    void (*state)(void *ctx, enum store_state state, const char *why);
};

/* The shard that an org lives in, of so many. */
uint32_t redis_shard_of(struct slice org, uint32_t n_shards);

/* `config` is borrowed and must outlive the store. NULL: out of memory. The first change of state comes from the loop. */
struct redis_store *redis_store_new(uv_loop_t *loop, const struct config *config, uint32_t shard,
                                    const struct redis_store_events *events);
/* Closes connections; `done` after the last handle is closed. Pending calls get STORE_UNKNOWN first. */
void redis_store_close(struct redis_store *s, void (*done)(void *ctx), void *ctx);

/* Claim partitions: epoch + 1 each, returns what the store holds (store_part.prev_next = next to read, last, last_crc, max_event_ms, totals, epoch). */
typedef void (*store_parts_cb)(void *ctx, enum store_result r, const struct store_part *parts, uint32_t n);
int redis_store_claim(struct redis_store *s, const struct store_part *parts, uint32_t n, store_parts_cb cb, void *ctx);
/* The same without claiming: all partitions the shard knows (watermark of the shard, settling an unknown outcome). */
int redis_store_offsets(struct redis_store *s, store_parts_cb cb, void *ctx);

/* Read records (n >= 1); values[i] belongs to keys[i]; bytes has no version, version 0 = absent. Borrowed during the callback. */
typedef void (*store_records_cb)(void *ctx, enum store_result r, const struct store_record *values, uint32_t n);
int redis_store_load(struct redis_store *s, const struct slice *keys, uint32_t n, store_records_cb cb, void *ctx);

/* Apply a flush. Everything in `f` is copied before the call returns. At most one flush is in flight per store. Cells with the same key and field are added up.
 * A cell whose sum would reach +-(2^63 - 16384) is not changed: its field `<field>!` counts that, and `detail` of STORE_OK says so. STORE_BUSY also when the
 * outbox holds config.redis.outbox_max entries. */
typedef void (*store_flush_cb)(void *ctx, enum store_result r, const char *detail);
int redis_store_flush(struct redis_store *s, const struct store_flush *f, store_flush_cb cb, void *ctx);

/* ---- evaluator side, fenced by the shard's lease ---- */

struct store_lease {
    int64_t epoch; /* 0: not held */
    bool fresh;    /* newly taken: state must be loaded */
    int64_t ttl_ms;
    uint64_t feed_seq; /* sequence of the newest feed entry */
};
typedef void (*store_lease_cb)(void *ctx, enum store_result r, const struct store_lease *lease);
/* Take or extend the lease for `ttl_ms`; `owner` names this process. Held by another: r = STORE_OK with epoch 0.
 * held_epoch 0: none held yet. An expired lease that nobody took is extended, epoch unchanged. The same owner with another epoch (restarted) gets a new epoch at
 * once. ttl_ms 0 gives the lease up. Owner and time left are judged by Redis' clock; commits compare the epoch alone. */
int redis_store_lease(struct redis_store *s, struct slice owner, int64_t held_epoch, int64_t ttl_ms, store_lease_cb cb,
                      void *ctx);

/* Keys of all panes of the shard. */
typedef void (*store_keys_cb)(void *ctx, enum store_result r, const struct slice *keys, uint32_t n);
int redis_store_pane_keys(struct redis_store *s, store_keys_cb cb, void *ctx);
/* Keys of the records of corrections that wait for their target and are due before `until_ms`, the earliest first, `max` at most; and what people see of
 * those that wait is written (cp:{s}:meta, orphans_waiting and orphans_waiting_24h: due before `day_ms`). */
int redis_store_orphans(struct redis_store *s, int64_t until_ms, int64_t day_ms, uint32_t max, store_keys_cb cb,
                        void *ctx);
/* Contents of panes, read in one step with the feed sequence they stand at. Cells come grouped by key, in the order asked; expire_ms is 0; overflow
 * marks (`<field>!`) are left out. A gap in the sequences of the feed means that entries were removed by others: read the panes again. */
typedef void (*store_panes_cb)(void *ctx, enum store_result r, uint64_t feed_seq, const struct store_cell *cells,
                               uint32_t n);
int redis_store_panes(struct redis_store *s, const struct slice *keys, uint32_t n, store_panes_cb cb, void *ctx);

struct store_feed_entry {
    uint64_t seq;
    struct slice bytes;
};
typedef void (*store_feed_cb)(void *ctx, enum store_result r, const struct store_feed_entry *entries, uint32_t n);
int redis_store_feed(struct redis_store *s, uint64_t after_seq, uint32_t max, store_feed_cb cb, void *ctx);

/* A view commit: plain write commands on keys of this shard, executed in order after the lease epoch was checked; outbox entries with it. All or nothing: a
 * wrong type, argument or key (off, meta, lease, feed, outbox, panes, ent:, pane:) is STORE_BROKEN before the first write. Goes on when Redis is out of memory. */
struct store_op {
    struct slice command; /* HSET HDEL DEL ZADD ZREM PEXPIREAT: nothing else is accepted */
    struct slice key;     /* rest of the key, without "cp:{s}:" */
    uint32_t n_args;
    const struct slice *args;
};
struct store_commit {
    int64_t lease_epoch;
    uint32_t n_ops, n_outs;
    const struct store_op *op;
    const struct store_out *out;
    uint64_t trim_feed_before; /* feed entries with seq < this may go; 0 = none */
};
int redis_store_commit(struct redis_store *s, const struct store_commit *c, store_flush_cb cb,
                       void *ctx); /* STORE_STALE: the lease is lost */

/* Move parked cells of one hour into their ordinary cells, about `most` of them; detail "more": call again. Fenced by the lease. Only for hours before the
 * tick that is saved as judged: the judged view takes an ordinary cell for granted. */
struct store_settle {
    int64_t lease_epoch, hour_ms;
    struct slice org; /* escaped */
    int64_t minute_expire_ms, hour_expire_ms;
    uint32_t most;
};
int redis_store_settle(struct redis_store *s, const struct store_settle *what, store_flush_cb cb, void *ctx);

/* Delete the cells of somebody erased for good that hold 0 from these panes, and his revision counters and marks of change. Fenced by the lease. */
struct store_clean {
    int64_t lease_epoch;
    struct slice state_org; /* fields of the state that may be his begin with it: "<org>/" */
    struct slice names;     /* "rep:<id>", escaped, a line each */
    const struct slice *panes;
    uint32_t n_panes;
};
int redis_store_clean(struct redis_store *s, const struct store_clean *what, store_flush_cb cb, void *ctx);

/* One step of a walk over all records of an org: keys of those that hold one of `texts`. The callback gets the cursor to go on with ("0": that was all; to
 * begin, too), then the keys; nothing: the shard has another layout. */
struct store_names {
    struct slice cursor, org; /* escaped */
    const struct slice *texts;
    uint32_t n_texts, count; /* about how many keys to look at */
};
int redis_store_names(struct redis_store *s, const struct store_names *what, store_keys_cb cb, void *ctx);

/* Read whole hashes of this shard (alert states, evaluator state). */
typedef void (*store_hash_cb)(void *ctx, enum store_result r, const struct slice *pairs,
                              uint32_t n_pairs); /* field, value, field, value */
int redis_store_hash(struct redis_store *s, struct slice key, store_hash_cb cb, void *ctx);

/* Write hash "booked" (crmpulse/booking.h) whole, if its field "hash" still is `was` ("": the hash was absent). STORE_STALE: it is another one by now. */
int redis_store_book(struct redis_store *s, struct slice was, const struct slice *pairs, uint32_t n_pairs,
                     store_flush_cb cb, void *ctx);

/* Add to the counters of hash "counters": name, number, name, number .. */
int redis_store_tally(struct redis_store *s, const struct slice *pairs, uint32_t n_pairs, store_flush_cb cb, void *ctx);

struct store_outbox_entry {
    uint64_t seq;
    struct store_out out;
};
typedef void (*store_outbox_cb)(void *ctx, enum store_result r, const struct store_outbox_entry *entries, uint32_t n);
int redis_store_outbox(struct redis_store *s, uint64_t after_seq, uint32_t max, store_outbox_cb cb, void *ctx);
/* Drop entries with seq <= up_to after their delivery reports; fenced by the lease. */
int redis_store_outbox_trim(struct redis_store *s, int64_t lease_epoch, uint64_t up_to, store_flush_cb cb, void *ctx);

enum { STORE_SCRIPTS = 14 };
/* "flush", "commit", ..; NULL: there is no such script. */
const char *redis_store_script_name(int script);

struct redis_store_stats {
    uint64_t flushes, flush_cells, flush_records, commands, bytes_out, reconnects, conflicts, stale, timeouts;
    double last_flush_ms;
    struct duration_histogram script[STORE_SCRIPTS]; /* from the call to its answer */
};
void redis_store_stats(const struct redis_store *s, struct redis_store_stats *ret);

#endif
