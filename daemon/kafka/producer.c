/* The blocking producer of `crmpulse send`. No retries of its own, no files, no progress. */
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>

#include "client.h"
#include "crmpulse/kafka_producer.h"

enum { END_MS = 3000, FULL_WAIT_MS = 100, REPORTS_EVERY = 1000 };

struct kafka_producer {
    rd_kafka_t *rk;
    rd_kafka_topic_t *topic;
    struct kafka_producer_counts counts;
};

static const struct client_setting defaults[] = {
    { "linger.ms", "10" },
    { "compression.type", "lz4" },
    { "batch.num.messages", "10000" },
    { "queue.buffering.max.messages", "100000" },
    { "topic.metadata.propagation.max.ms", "5000" },
    { "message.timeout.ms", "120000" },
    { NULL, NULL },
};

static const struct client_setting fixed[] = {
    { "enable.idempotence", "true" },
    { "acks", "all" },
    { "partitioner", "murmur2_random" }, /* as Java's clients do it */
    { NULL, NULL },
};

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    struct kafka_producer *p = opaque;
    (void)rk;
    p->counts.delivered += m->err == RD_KAFKA_RESP_ERR_NO_ERROR;
    p->counts.failed += m->err != RD_KAFKA_RESP_ERR_NO_ERROR;
    if (m->err)
        snprintf(p->counts.last_error, sizeof p->counts.last_error, "%s", rd_kafka_err2str(m->err));
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    struct kafka_producer *p = opaque;
    (void)rk;
    snprintf(p->counts.last_error, sizeof p->counts.last_error, "%s: %s", rd_kafka_err2name((rd_kafka_resp_err_t)code),
             reason);
}

struct kafka_producer *kafka_producer_new(const struct config *config, const char *topic, char *err, size_t err_cap)
{
    struct kafka_producer *p = calloc(1, sizeof *p);
    rd_kafka_conf_t *conf = p ? client_conf(config, defaults, fixed, err, err_cap) : NULL;
    if (!conf) {
        free(p);
        return NULL;
    }
    rd_kafka_conf_set_opaque(conf, p);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_error_cb(conf, on_error);
    if (client_set_number(conf, "message.max.bytes", config->kafka.message_bytes_max, err, err_cap) == 0)
        p->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, err, err_cap);
    if (!p->rk) {
        rd_kafka_conf_destroy(conf);
        free(p);
        return NULL;
    }
    p->topic = rd_kafka_topic_new(p->rk, topic, NULL);
    if (!p->topic) {
        snprintf(err, err_cap, "topic %s: %s", topic, rd_kafka_err2str(rd_kafka_last_error()));
        kafka_producer_free(p);
        return NULL;
    }
    return p;
}

static rd_kafka_resp_err_t produce(struct kafka_producer *p, struct slice key, struct slice value, int64_t timestamp_ms,
                                   const char *content_type)
{
    void *bytes = (void *)(uintptr_t)value.p; /* copied, never written to */
    if (!content_type)
        return rd_kafka_producev(p->rk, RD_KAFKA_V_RKT(p->topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                 RD_KAFKA_V_KEY(key.p, key.n), RD_KAFKA_V_VALUE(bytes, value.n),
                                 RD_KAFKA_V_TIMESTAMP(timestamp_ms), RD_KAFKA_V_END);
    return rd_kafka_producev(p->rk, RD_KAFKA_V_RKT(p->topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                             RD_KAFKA_V_KEY(key.p, key.n), RD_KAFKA_V_VALUE(bytes, value.n),
                             RD_KAFKA_V_TIMESTAMP(timestamp_ms), RD_KAFKA_V_HEADER("content-type", content_type, -1),
                             RD_KAFKA_V_END);
}

int kafka_producer_send(struct kafka_producer *p, struct slice key, struct slice value, int64_t timestamp_ms,
                        const char *content_type)
{
    rd_kafka_resp_err_t code;
    while ((code = produce(p, key, value, timestamp_ms, content_type)) == RD_KAFKA_RESP_ERR__QUEUE_FULL)
        rd_kafka_poll(p->rk, FULL_WAIT_MS);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        p->counts.failed++;
        snprintf(p->counts.last_error, sizeof p->counts.last_error, "%s", rd_kafka_err2str(code));
        return -1;
    }
    if (++p->counts.queued % REPORTS_EVERY == 0)
        rd_kafka_poll(p->rk, 0);
    return 0;
}

void kafka_producer_poll(struct kafka_producer *p, int wait_ms)
{
    rd_kafka_poll(p->rk, wait_ms);
}

int kafka_producer_flush(struct kafka_producer *p, int64_t deadline_ms)
{
    return rd_kafka_flush(p->rk, (int)deadline_ms) == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : -1;
}

const struct kafka_producer_counts *kafka_producer_counts(const struct kafka_producer *p)
{
    return &p->counts;
}

void kafka_producer_free(struct kafka_producer *p)
{
    if (!p)
        return;
    if (p->topic)
        rd_kafka_topic_destroy(p->topic);
    rd_kafka_purge(p->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    client_end(p->rk, END_MS, p);
}
