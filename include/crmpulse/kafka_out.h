/* Kafka output: the idempotent producer for outbox entries. At least once with deterministic ids; rebuilt after a fatal error.
 *
 * CloudEvents binary mode headers: ce_specversion 1.0, ce_id, ce_type, ce_source, ce_time, content-type application/protobuf. */
#ifndef CRMPULSE_KAFKA_OUT_H
#define CRMPULSE_KAFKA_OUT_H

#include <uv.h>

#include "crmpulse/config.h"
#include "crmpulse/store.h"

struct kafka_out;

struct kafka_out_events {
    void *ctx;
    /* The entry with this seq is safely in Kafka (or its output has no topic configured). Seqs arrive in any order. */
    void (*delivered)(void *ctx, uint32_t shard, uint64_t seq);
    /* Not delivered: the producer was rebuilt or the broker refused it for now; send it again later. */
    void (*failed)(void *ctx, uint32_t shard, uint64_t seq, const char *why);
};

/* `config` is borrowed and outlives the kafka_out. NULL with the reason in `err`. */
struct kafka_out *kafka_out_new(uv_loop_t *loop, const struct config *config, const struct kafka_out_events *events,
                                char *err, size_t err_cap);

/* Queue one entry; payload, key and id are copied. Returns 0, or -1 when nothing was queued: the queue is full (20,000
 * entries or 64 MiB) or the producer is being rebuilt; try again after deliveries or a little later. An entry without a topic
 * is reported delivered, one that cannot be sent at all failed, both from inside this call; everything else is reported from
 * the loop. */
int kafka_out_send(struct kafka_out *out, uint32_t shard, uint64_t seq, const struct store_out *entry, int64_t now_ms);

/* Destroy; waits at most deadline_ms for what is queued (reports arrive meanwhile), then up to as long again, at least 1 s,
 * for the client to end. What is left then is not reported. Freed by the loop when its handles are closed. Accepts NULL. */
void kafka_out_close(struct kafka_out *out, int64_t deadline_ms);

#endif
