/* What `crmpulse top` shows, read anew at each turn: partitions and shards out of Redis, ends of partitions out of Kafka. Knows no terminal. */
#ifndef CRMPULSE_TOP_VIEW_H
#define CRMPULSE_TOP_VIEW_H

#include "crmpulse/kafka_look.h"
#include "redis_look.h"

enum { TOP_PARTS_MAX = 256, TOP_ORGS_MAX = 256, TOP_ALERTS_MAX = 64, TOP_NAME_MAX = 280, TOP_WHY_MAX = 200 };

struct top_part {
    char topic[TOP_NAME_MAX];
    int32_t partition;
    int64_t next;     /* the smallest of all shards: what lies before it is counted */
    int64_t end;      /* behind the last record, -1: not known */
    int64_t event_ms; /* newest event, INT64_MIN: none */
    int64_t read, applied, duplicate, late, dead;
    int64_t read_before;
    bool idle, seen;
};

struct top_shard {
    struct redis_look look;
    bool open;
    char why[TOP_WHY_MAX];                /* why there is nothing to see; "": there is */
    int64_t tick_ms;                      /* judged, INT64_MIN: nothing yet */
    int64_t outbox, waiting;              /* messages to be published; corrections without a target */
    char judge[TOP_NAME_MAX];             /* who holds the lease; "": nobody */
    char org[TOP_ORGS_MAX][TOP_NAME_MAX]; /* whose alerts are looked at, as in keys */
    uint32_t n_orgs;
    char cursor[32]; /* of the search for them */
};

struct top_alert {
    char text[2 * TOP_NAME_MAX]; /* "<rule> <dim>:<subject>" */
    char state[16], level[16], value[40];
    int64_t since_ms;
};

struct top {
    const struct config *config;
    struct kafka_look *kafka;
    char kafka_why[TOP_WHY_MAX]; /* why lags are not known; "": they are */
    struct top_shard *shard;
    uint32_t n_parts, n_alerts, alerts_more;
    struct top_part part[TOP_PARTS_MAX];
    struct top_alert alert[TOP_ALERTS_MAX]; /* what is not ok, critical ones first, then the newest */
    int64_t now_ms, before_ms;              /* wall clock of this look and the one before; 0: none */
    uint32_t reading;                       /* shard that answers */
};

/* 0, or -1 (out of memory). */
int top_open(struct top *t, const struct config *config);
void top_read(struct top *t);
void top_close(struct top *t);

/* Over all partitions; -1: not known. */
int64_t top_lag(const struct top *t);
/* Records a second since the look before; of all, or of one. */
double top_rate(const struct top *t, const struct top_part *p);

#endif
