/* A plain producer of keyed records to one topic, for `crmpulse send` and for tests. It blocks while its queue is full.
 *
 * Idempotent: in order per key, no duplicates of its own making. Does not use the loop. */
#ifndef CRMPULSE_KAFKA_PRODUCER_H
#define CRMPULSE_KAFKA_PRODUCER_H

#include "crmpulse/config.h"

struct kafka_producer;

struct kafka_producer_counts {
    uint64_t queued, delivered, failed;
    char last_error[256]; /* of the latest failure, "" if none */
};

/* Settings come from config->kafka: brokers, client_id, properties, message_bytes_max. NULL with the reason in `err`. */
struct kafka_producer *kafka_producer_new(const struct config *config, const char *topic, char *err, size_t err_cap);

/* Copies key and value; an empty key p = NULL means none. `content_type` becomes a header unless NULL. Waits for room while the
 * queue is full. 0, or -1 if the record was refused (counted as failed, the reason is in last_error). */
int kafka_producer_send(struct kafka_producer *p, struct slice key, struct slice value, int64_t timestamp_ms,
                        const char *content_type);

/* Takes in delivery reports; waits at most wait_ms. */
void kafka_producer_poll(struct kafka_producer *p, int wait_ms);

/* Waits until everything is delivered or failed: 0; -1 if deadline_ms ran out. */
int kafka_producer_flush(struct kafka_producer *p, int64_t deadline_ms);

const struct kafka_producer_counts *kafka_producer_counts(const struct kafka_producer *p);

/* What is still queued is dropped. Accepts NULL. */
void kafka_producer_free(struct kafka_producer *p);

#endif
