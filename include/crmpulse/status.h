/* What one daemon tells of itself, as plain numbers taken at one instant: made by the loop of the daemon (daemon/status.c) about once a second, read by
 * the thread that serves HTTP. Borrows nothing, so it may be handed from one thread to the other. */
#ifndef CRMPULSE_STATUS_H
#define CRMPULSE_STATUS_H

#include <stdbool.h>

#include "crmpulse/duration.h"
#include "crmpulse/engine.h"
#include "crmpulse/redis_store.h"

enum { STATUS_UNKNOWN_MS = 0, STATUS_TOPIC_MAX = 250, STATUS_WHY_MAX = 200 };

/* What became of the records that were taken since the start. What is read again after a rewind is counted again. */
struct status_counts {
    uint64_t applied, duplicate, late, erased; /* erased: of somebody whose erasure is final */
    uint64_t dead[REJECT_COUNT];               /* by reason; [REJECT_NONE] is not used */
    uint64_t rewinds;
    uint64_t delivered, deliveries_failed; /* messages of the outbox */
    uint64_t commits, judge_failures, leases_taken;
    struct duration_histogram flush; /* from the building of a flush to its answer */
    struct duration_histogram judge; /* one step of the evaluator, without Redis */
};

struct status_part {
    char topic[STATUS_TOPIC_MAX];
    int32_t partition;
    const char *state; /* "run", "paused", "halted": static */
    char why[STATUS_WHY_MAX];
    int64_t next_offset; /* every shard has what lies before it; -1: unknown */
    int64_t end_offset;  /* of the log, -1: unknown */
    int64_t lag;         /* records between the two, -1: unknown */
    int64_t newest_ms;   /* event time of the newest event, STATUS_UNKNOWN_MS: none */
    double age_seconds;  /* of the newest event now; NAN: none */
    double lag_seconds;  /* the same while records wait, else 0; NAN: unknown */
};

struct status_shard {
    uint32_t index;
    bool up;    /* its store is ready */
    bool lease; /* this daemon judges it */
    int64_t lease_epoch;
    int64_t watermark_ms, judged_ms; /* STATUS_UNKNOWN_MS: unknown, or judged by another daemon */
    uint64_t outbox_open;            /* messages handed to the producer and not yet trimmed */
};

struct status {
    int64_t now_ms, started_ms;
    bool stopping;
    bool reading;      /* records are read: partitions were assigned and claimed, or there are none for this daemon */
    const char *phase; /* of reading: "unassigned", "claiming", "running", "rewinding"; static */
    struct status_counts counts;
    struct {
        uint64_t done, failed; /* since the start */
        bool last_failed;
        int64_t last_ms; /* when the last one ended, STATUS_UNKNOWN_MS: none yet */
    } reload;
    struct engine_stats engine;     /* summed over the shards */
    struct redis_store_stats store; /* likewise */
    double coalescing;              /* deltas per flushed cell; NAN before the first flush */
    uint32_t n_parts, n_shards;
    struct status_part *part;
    struct status_shard *shard;
};

/* Room for that many; NULL: out of memory. Freed by status_free. */
struct status *status_new(uint32_t n_parts, uint32_t n_shards);
void status_free(struct status *s);

#endif
