/* The parts of `crmpulse send`: arguments, input, buffered items. */
#ifndef CRMPULSE_SEND_H
#define CRMPULSE_SEND_H

#include "crmpulse/config.h"
#include "crmpulse/event_decode.h"
#include "crmpulse/kafka_producer.h"
#include "progress.h"

enum send_key { KEY_ORG, KEY_ENTITY, KEY_RANDOM, KEY_EVENT };

struct send_args {
    const char *file; /* NDJSON, "-": standard input */
    const char *csv, *map, *to_ndjson;
    const char *brokers, *topic, *config;
    enum send_key key;
    bool json, lenient;
    int64_t rate;       /* events a second, 0: no limit */
    int64_t shuffle_ms; /* by how much event time may go back */
    int64_t duplicate_ppm;
    uint64_t seed;
};

/* An event ready to go. Texts lie in the items' arena. */
struct send_item {
    int64_t order_ms; /* occurred_at_ms, moved by the shuffle */
    uint32_t number;  /* of reading: ties keep it */
    struct slice id, key, value;
};

struct send_items {
    struct arena arena;
    uint32_t n, cap;
    struct send_item *v;
};

struct send_counts {
    uint64_t read, refused, duplicated;
};

struct send {
    struct send_args args;
    struct event_codec codec;
    struct arena scratch;
    struct event ev;
    struct send_items items;
    struct send_counts counts;
    uint64_t random;                                          /* state */
    bool buffered;                                            /* all items are held, put in order and then sent */
    int (*out)(struct send *s, const struct send_item *item); /* to Kafka or to a file */
    struct kafka_producer *producer;
    FILE *ndjson;
    struct progress progress;
    uint64_t n_out, bytes_out;
};

/* send_items.c */
uint64_t send_random(struct send *s);
/* Takes a checked event in: encodes it, and sends or keeps it (with its duplicate, if chance wants one). 0 or -1. */
int send_accept(struct send *s, const struct event *ev);
/* Sends what is kept, in order: for CSV by time and id, else as read; shuffled if asked for. 0 or -1. */
int send_kept(struct send *s);
void send_items_release(struct send_items *items);

/* send_input.c: read everything; 0, 1 after an input error, 78 if the mapping is wrong. */
int send_ndjson(struct send *s);
int send_csv(struct send *s);

#endif
