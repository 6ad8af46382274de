/* Kafka of the simulated world: input logs, one consumer group, output topics. */
#ifndef CRMPULSE_SIM_BROKER_H
#define CRMPULSE_SIM_BROKER_H

#include <string.h>

#include "node.h"

struct record {
    int64_t offset;
    struct slice value;             /* lives in the history */
    uint32_t crc, shard, happening; /* its number in the history */
};

struct log_part {
    struct record *record;
    uint32_t n, cap;
    int64_t start, end; /* first offset that is still there, offset of the next record */
    int64_t committed;  /* by the group; -1: nothing */
};

/* An output message; the first of its id is kept, later ones must be equal to it. */
struct message_out {
    struct slice topic, id, payload;
    uint32_t times;
};

struct member {
    struct node *node; /* NULL: none */
    uint64_t incarnation;
    bool must_revoke, joined, must_assign, out; /* out: expelled, it does not know yet */
    uint64_t silent_since_us;                   /* SIM_NEVER: it answers */
    uint32_t n_parts;
    int32_t part[PARTITIONS_MAX];
};

struct broker {
    struct sim *w;
    struct log_part part[PARTITIONS_MAX];
    uint32_t n_parts;
    char *topic; /* of the input */
    struct message_out *out;
    uint32_t n_out, out_slots; /* open addressing */
    struct member member[NODES_MAX];
    bool rebalancing;
    uint64_t rebalance_until_us, no_output_until_us;
};

struct broker *broker_new(struct sim *w);
void broker_free(struct broker *b);

void broker_append(struct broker *b, uint32_t partition, uint32_t happening);
/* Offsets that hold no record, as after a transaction. */
void broker_skip(struct broker *b, uint32_t partition, uint32_t n);
/* Records of a shard from `from` to before `next` that can be read in a partition. */
uint32_t broker_count(const struct broker *b, uint32_t shard, uint32_t partition, int64_t from, int64_t next);
/* The records from `end` on are gone, the next one gets this offset. 0: a topic made anew. What was in it is gone from the history. */
void broker_truncate(struct broker *b, uint32_t partition, int64_t end);
void broker_grow(struct broker *b, uint32_t n_parts);
/* The output topics are made anew. */
void broker_forget_output(struct broker *b);

/* Whether it is about what came, changed or went with a reload (more.yaml): what that tells depends on when it came. */
static inline bool is_more(struct slice text)
{
    return text.p && memmem(text.p, text.n, "more_", 5);
}

void broker_publish(struct broker *b, struct slice topic, struct slice id, struct slice payload);
bool broker_has(const struct broker *b, struct slice topic, struct slice id);
const struct message_out *broker_find(const struct broker *b, struct slice topic, struct slice id);

/* group.c */
void group_join(struct broker *b, struct node *n);
void group_leave(struct broker *b, const struct node *n);
void group_rebalance(struct broker *b);
void group_acked(struct broker *b, struct member *m);
struct member *member_of(struct broker *b, const struct node *n); /* NULL: none */
void broker_gone(struct node *n);                                 /* the process died without leaving */
void broker_frozen(struct node *n);                               /* it neither dies nor answers */

#endif
