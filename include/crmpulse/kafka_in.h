/* Kafka input: a consumer group member whose queue wakes the uv loop by an eventfd. Never blocks; messages are pulled in bounded batches.
 *
 * With config.kafka.mock the caller makes the brokers (kafka_mock.h) and puts their address into config.kafka.brokers first.
 *
 * Offsets come from messages and from the store, never from librdkafka's position. Settings are those of design 8 and research/reliability 6.1:
 * enable.auto.commit=false, enable.auto.offset.store=false, auto.offset.reset=error, check.crcs=true, enable.partition.eof=true,
 * partition.assignment.strategy=roundrobin (eager), isolation.level=read_committed, client.id <= 64 bytes. */
#ifndef CRMPULSE_KAFKA_IN_H
#define CRMPULSE_KAFKA_IN_H

#include <uv.h>

#include "crmpulse/config.h"
#include "crmpulse/store.h"

struct kafka_in;

struct kafka_message {
    struct slice topic; /* stays valid while the kafka_in lives */
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms;      /* broker or producer time, -1 if none */
    struct slice key, value;   /* borrowed during the callback; value.p NULL = tombstone */
    uint32_t crc;              /* CRC32C of key bytes then value bytes */
    struct slice content_type; /* header content-type, may be empty */
};

enum kafka_fault {
    KAFKA_FAULT_BROKERS, /* information, librdkafka keeps trying */
    KAFKA_FAULT_BROKER_LOST, /* likewise; a connection broke. Comes before any message of whoever leads its partitions from then on */
    KAFKA_FAULT_PARTITION, /* this partition cannot go on (offset out of range, ..): nothing more of it comes until kafka_in_start; halt it */
    KAFKA_FAULT_FATAL /* client must be rebuilt or the process must end (fenced instance) */
};

struct kafka_in_events {
    void *ctx;
    /* Partitions were assigned: claim them in the store, then call kafka_in_start for each. Until then nothing is fetched. */
    void (*assigned)(void *ctx, const struct store_part *parts, uint32_t n);
    /* All partitions are taken away (eager): drop pending work; after return they are unassigned. */
    void (*revoked)(void *ctx, const struct store_part *parts, uint32_t n);
    /* Call kafka_in_drain, now or soon, also while paused: it serves rebalances and errors too. Comes at least once a second. */
    void (*readable)(void *ctx);
    void (*end_of_partition)(void *ctx, struct slice topic, int32_t partition, int64_t offset);
    void (*fault)(void *ctx, enum kafka_fault fault, struct slice topic, int32_t partition, const char *why);
};

/* `config` must stay as long as the loop has handles of the kafka_in. */
struct kafka_in *kafka_in_new(uv_loop_t *loop, const struct config *config, const struct kafka_in_events *events,
                              char *err, size_t err_cap);

/* Begin reading partitions at parts[i].prev_next (-1: the beginning). Also used to seek back: implemented by unassign + assign of the whole set, so
 * it takes the full list of partitions to run from now on. Messages fetched before are dropped. */
int kafka_in_start(struct kafka_in *in, const struct store_part *parts, uint32_t n);

/* Hand up to `max` messages to `each` (non-zero return stops early and keeps the rest queued; the message it was called
 * with counts as taken). Returns how many were handed over. All events of kafka_in_events but `readable` are called from
 * here, and only from here. When messages are left, `readable` follows by itself: at once if `max` was reached, after 20 ms
 * if `each` stopped. */
typedef int (*kafka_in_each)(void *ctx, const struct kafka_message *m);
uint32_t kafka_in_drain(struct kafka_in *in, uint32_t max, kafka_in_each each, void *ctx);

/* Flow control for all started partitions; kafka_in_start and a rebalance end a pause. No message is lost or repeated.
 * Idempotent; keeps its own record of what is paused (resume of a never-paused partition refetches). */
int kafka_in_pause(struct kafka_in *in);
int kafka_in_resume(struct kafka_in *in);
/* Stop fetching one partition for good (HALTED); the rest goes on. */
int kafka_in_halt(struct kafka_in *in, struct slice topic, int32_t partition);

/* Commit offsets to the group for lag displays only; asynchronous, never in a rebalance. */
void kafka_in_commit(struct kafka_in *in, const struct store_part *parts, uint32_t n);

/* Ask the brokers for the number of partitions of every input topic, in the order of the configuration; sizes is NULL where one is not known
 * now. The answer comes once, from the loop (events.ctx is its context), unless kafka_in_close comes first. 0, or -1: a question is open. */
typedef void (*kafka_in_sizes_cb)(void *ctx, const int32_t *sizes, uint32_t n);
int kafka_in_sizes(struct kafka_in *in, kafka_in_sizes_cb answer);

/* Where the log and the group stand in a partition. */
struct kafka_standing {
    struct slice topic; /* stays valid while the kafka_in lives */
    int32_t partition;
    int64_t low, high; /* first offset there is, and the one after the last; -1: not known now */
    int64_t committed; /* what the group has committed; -1: nothing, KAFKA_UNKNOWN: not known now */
};
enum { KAFKA_UNKNOWN = -2 };

/* Ask the brokers where these partitions stand. The answer comes once, from the loop, within a few seconds, unless kafka_in_close comes first.
 * 0, or -1: a question is open, or out of memory. */
typedef void (*kafka_in_standing_cb)(void *ctx, const struct kafka_standing *v, uint32_t n);
int kafka_in_standing(struct kafka_in *in, const struct store_part *parts, uint32_t n, kafka_in_standing_cb answer);

/* The first offset after the log of an assigned partition as it was last seen, -1: unknown. Asks nobody. `in` may be NULL. */
int64_t kafka_in_high(struct kafka_in *in, struct slice topic, int32_t partition);

/* Leave the group and destroy; bounded by deadline_ms, then gives up (the process is about to exit). Calls no event. `in` is
 * freed by the loop when its handles are closed: run the loop until then. Accepts NULL. */
void kafka_in_close(struct kafka_in *in, int64_t deadline_ms);

#endif
