/* The partitions a consumer knows: which run, from where on, which are paused. Bookkeeping only: it calls no librdkafka. */
#ifndef CRMPULSE_KAFKA_PARTS_H
#define CRMPULSE_KAFKA_PARTS_H

#include "crmpulse/slice.h"

enum part_state {
    PART_IDLE, /* not ours, or not started yet: its messages are dropped */
    PART_RUN,
    PART_HALTED /* ours, but nothing of it is handed over any more */
};

struct part {
    enum part_state state;
    bool fetched; /* librdkafka was told to fetch it since the last assignment */
    bool paused;  /* by us; librdkafka remembers that beyond an assignment */
    int64_t next; /* messages below are dropped: they were handed over before */
};

struct part_topic {
    char *name; /* never freed before the table: messages refer to it */
    uint32_t n;
    struct part *part; /* by partition number */
};

struct parts {
    uint32_t n, last; /* `last`: topic of the latest lookup */
    struct part_topic **topic;
};

/* The partition's row, made if it is new; NULL without memory or for a negative number. Rows move when others are added. */
struct part *parts_row(struct parts *parts, struct slice topic, int32_t partition);

/* As parts_row, but NULL if there is none. *ret_topic lives as long as the table. */
struct part *parts_find(struct parts *parts, const char *topic, int32_t partition, struct slice *ret_topic);

void parts_release(struct parts *parts);

#endif
