/* The consumer's insides, shared by its life and flow (kafka_in.c) and what the group does to it (kafka_in_group.c). */
#ifndef CRMPULSE_KAFKA_IN_INT_H
#define CRMPULSE_KAFKA_IN_INT_H

#include <stdatomic.h>

#include "client.h"
#include "crmpulse/crc32c.h"
#include "crmpulse/kafka_in.h"
#include "parts.h"

/* One at a time. While it is asked, all but `stop` belongs to a thread of the pool. */
struct sizes_question {
    uv_work_t work;
    uv_sem_t over; /* the thread has done with the client */
    atomic_bool stop;
    bool asking;
    kafka_in_sizes_cb answer;
    uint32_t n;
    char *const *topic; /* of the configuration */
    int32_t size[CONFIG_TOPICS_MAX];
};

/* The same for where partitions stand; the thread has a client of its own. */
struct standing_question {
    uv_work_t work;
    atomic_bool stop;
    bool asking;
    uint32_t failed; /* questions in a row whose answer was not all there: the next may take longer */
    kafka_in_standing_cb answer;
    uint32_t n;
    struct kafka_standing *v;
};

struct kafka_in {
    rd_kafka_t *rk;
    const struct config *config; /* the caller's */
    rd_kafka_queue_t *queue;
    struct kafka_in_events events;
    struct client_wake wake;
    uv_timer_t timer;
    uv_idle_t idle;        /* runs while a drain left messages behind */
    uint32_t open_handles; /* of poll, timer, idle, and the questions under way */
    struct sizes_question sizes;
    struct standing_question standing;
    struct parts parts;
    crc32c_fn crc;
    bool read_content_type;
    bool assigned;
    bool closing; /* from now on the rebalance callback comes from the thread that closes */
    bool ended;   /* the client is destroyed: everything may be freed */
};

/* librdkafka's callbacks; they come from inside kafka_in_drain, and from the closing thread once `closing` is set. */
void kafka_in_on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque);
void kafka_in_on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t *list,
                           void *opaque);

/* A message that is an error: the end of a partition or a fault. */
void kafka_in_handle_error(struct kafka_in *in, const rd_kafka_message_t *m);

/* One of the open handles is gone. */
void kafka_in_unref(struct kafka_in *in);
/* Before the client ends: no thread may be asking it for sizes any more. Waits at most for the question under way. */
void kafka_in_sizes_end(struct kafka_in *in);
/* Nobody waits for the answer any more. */
void kafka_in_standing_end(struct kafka_in *in);

typedef bool (*part_match)(const struct part *part);

/* The partitions that match; the caller destroys the list. */
rd_kafka_topic_partition_list_t *kafka_in_list(struct parts *parts, part_match match);
void kafka_in_set_paused(struct kafka_in *in, const rd_kafka_topic_partition_list_t *list, bool paused);

#endif
