/* What the brokers say of themselves and of topics, asked by a client of no group: for `crmpulse doctor` and `crmpulse top`. It blocks, and changes
 * nothing (no topic is created by asking for it). */
#ifndef CRMPULSE_KAFKA_LOOK_H
#define CRMPULSE_KAFKA_LOOK_H

#include "crmpulse/config.h"

struct kafka_look;

struct kafka_topic {
    int partitions;   /* 0: no such topic, or not ours to see */
    int replicas_min; /* of the partition that has the fewest */
    int without_leader;
    bool described;          /* what follows is known; else `why` says why not */
    char cleanup[64];        /* "delete", "compact", "compact,delete" */
    int64_t retention_ms;    /* -1: for ever */
    int64_t retention_bytes; /* of a partition, -1: no limit */
    int64_t min_insync;
    int64_t message_max; /* bytes of a batch */
    char why[200];
};

/* NULL with the reason in `err`. */
struct kafka_look *kafka_look_new(const struct config *config, char *err, size_t err_cap);
void kafka_look_free(struct kafka_look *k); /* accepts NULL */

/* Ask for all topics, waiting at most wait_ms. The number of brokers, or -1 with the reason. */
int kafka_look_brokers(struct kafka_look *k, int wait_ms, char *err, size_t err_cap);
/* Of the answer to the last kafka_look_brokers, and the settings of the topic, which are asked for now. */
void kafka_look_topic(struct kafka_look *k, const char *name, int wait_ms, struct kafka_topic *ret);
/* The offset behind the last record of a partition; -1: not known now. */
int64_t kafka_look_end(struct kafka_look *k, const char *topic, int32_t partition, int wait_ms);

#endif
