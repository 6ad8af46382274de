/* What a flush carries into a store, and what a store answers. Plain data, shared by the Redis store (daemon/redis) and the in-memory one (replay).
 *
 * A flush is atomic: offsets, cells, records, the feed entry and outbox entries are applied together or not at all. Invariants: design I1 (chain),
 * I2 (no failure after the first write), I6 (outbox), I9 (record versions). */
#ifndef CRMPULSE_STORE_H
#define CRMPULSE_STORE_H

#include "crmpulse/slice.h"

/* One partition's step of the chain. A shard that took no event of a partition still moves its offset. */
struct store_part {
    struct slice topic;
    int32_t partition;
    int64_t epoch;        /* fencing number claimed at assignment */
    int64_t prev_next;    /* the next offset the store must hold now; -1: none yet */
    int64_t next;         /* next offset to apply after this flush */
    int64_t last;         /* offset of the last applied record, -1 if none */
    uint32_t last_crc;    /* CRC32C of that record's key and value */
    int64_t max_event_ms; /* newest event time seen in the partition, INT64_MIN if none */
    bool idle; /* its reader has been at the end of the log for idle_timeout: it does not hold the watermark back */
    int64_t read, applied, duplicate, late, dead; /* totals since the partition began (I8) */
};

struct store_cell {
    struct slice key; /* "pane:<org>:<h|m|g>:<start>", org escaped as a subject (cell.h) */
    struct slice field;
    int64_t value;     /* added; |value| <= 2^53 */
    int64_t expire_ms; /* unix ms at which the key may go, 0 = never; by processing time */
};

/* Records are opaque bytes with an 8-byte version in front (big endian), 0 = absent. */
struct store_record {
    struct slice key;   /* "ent:<kind>:<org>:<id>" */
    uint64_t expected;  /* version the store must hold */
    uint64_t version;   /* version to write; = expected: check only, no write */
    struct slice bytes; /* without the version; empty with version != expected: delete */
    int64_t ttl_ms;     /* 0 = never */
    bool keep;          /* check only, and let it live on for ttl_ms from now */
    int64_t due_ms;     /* of a correction that waits (kind "orphan"): when it is given up */
    bool told;          /* with the deletion of such a record: it was given up, which is counted */
};

struct store_out {
    struct slice
        topic;        /* "alerts" "boards" "scorecards" "kpis" "dead_letter" "late": which output, not the Kafka name */
    struct slice key; /* Kafka message key */
    struct slice id;  /* deterministic id, goes into ce_id */
    struct slice type;    /* ce_type, e.g. "crmpulse.alert.v1" */
    struct slice payload; /* protobuf */
};

struct store_flush {
    uint32_t n_parts, n_cells, n_records, n_outs;
    const struct store_part *part;
    const struct store_cell *cell;
    const struct store_record *record;
    const struct store_out *out;
    struct slice feed; /* entry for the feed (cell.h), empty = none */
};

enum store_result {
    STORE_OK,
    STORE_STALE,    /* an offset or epoch differs: nothing was applied; re-read with claim or offsets */
    STORE_CONFLICT, /* a record's version differs: nothing was applied; drop the batch, re-read, run again */
    STORE_UNKNOWN,  /* connection lost or timed out before the answer: settle by reading offsets */
    STORE_BUSY, /* refused for now (OOM, MISCONF, READONLY, LOADING, BUSY, NOREPLICAS ...): nothing applied, retry later */
    STORE_BROKEN /* wrong type, foreign layout, evicted state: nothing applied; halt, an operator must look */
};

#endif
