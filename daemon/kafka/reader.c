/* The group-less reader: explicit assignment of every partition, one message at a time. */
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>

#include "client.h"
#include "crmpulse/kafka_reader.h"

enum { METADATA_MS = 10000, END_MS = 3000 };

struct kafka_reader {
    rd_kafka_t *rk;
    rd_kafka_message_t *current;
    int32_t n_partitions, n_ended;
    bool *ended;
};

static const struct client_setting defaults[] = {
    { "fetch.wait.max.ms", "50" },
    { NULL, NULL },
};

static const struct client_setting fixed[] = {
    { "group.id", "crmpulse-reader" }, /* the consumer needs a name; nothing is ever committed under it */
    { "enable.auto.commit", "false" },  { "enable.auto.offset.store", "false" }, { "auto.offset.reset", "earliest" },
    { "enable.partition.eof", "true" }, { "isolation.level", "read_committed" }, { NULL, NULL },
};

static int32_t count_partitions(rd_kafka_t *rk, const char *topic, char *err, size_t err_cap)
{
    const struct rd_kafka_metadata *md = NULL;
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(rk, topic, NULL);
    rd_kafka_resp_err_t code = rkt ? rd_kafka_metadata(rk, 0, rkt, &md, METADATA_MS) : rd_kafka_last_error();
    int32_t n = 0;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && md && md->topic_cnt == 1) {
        code = md->topics[0].err;
        n = md->topics[0].partition_cnt;
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR || n == 0)
        snprintf(err, err_cap, "topic %s: %s", topic, code ? rd_kafka_err2str(code) : "it has no partitions");
    if (md)
        rd_kafka_metadata_destroy(md);
    if (rkt)
        rd_kafka_topic_destroy(rkt);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? n : 0;
}

static int assign(struct kafka_reader *r, const char *topic, bool from_beginning, char *err, size_t err_cap)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(r->n_partitions);
    for (int32_t p = 0; p < r->n_partitions; p++)
        rd_kafka_topic_partition_list_add(list, topic, p)->offset =
            from_beginning ? RD_KAFKA_OFFSET_BEGINNING : RD_KAFKA_OFFSET_END;
    rd_kafka_resp_err_t code = rd_kafka_assign(r->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (code)
        snprintf(err, err_cap, "assign: %s", rd_kafka_err2str(code));
    return code ? -1 : 0;
}

struct kafka_reader *kafka_reader_new(const struct config *config, const char *topic, bool from_beginning, char *err,
                                      size_t err_cap)
{
    struct kafka_reader *r = calloc(1, sizeof *r);
    rd_kafka_conf_t *conf = r ? client_conf(config, defaults, fixed, err, err_cap) : NULL;
    if (conf)
        r->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, err, err_cap);
    if (!conf || !r->rk) {
        if (conf)
            rd_kafka_conf_destroy(conf);
        free(r);
        return NULL;
    }
    rd_kafka_poll_set_consumer(r->rk);
    r->n_partitions = count_partitions(r->rk, topic, err, err_cap);
    if (r->n_partitions)
        r->ended = calloc((size_t)r->n_partitions, sizeof *r->ended);
    if (r->ended && assign(r, topic, from_beginning, err, err_cap) == 0)
        return r;
    kafka_reader_free(r);
    return NULL;
}

static struct slice header(const rd_kafka_message_t *m, const char *name)
{
    rd_kafka_headers_t *headers;
    const void *value;
    size_t n;
    if (rd_kafka_message_headers(m, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        rd_kafka_header_get_last(headers, name, &value, &n) != RD_KAFKA_RESP_ERR_NO_ERROR || !value)
        return (struct slice){ 0 };
    return (struct slice){ value, (uint32_t)n };
}

static enum kafka_read end_of(struct kafka_reader *r, int32_t partition)
{
    if (partition >= 0 && partition < r->n_partitions && !r->ended[partition]) {
        r->ended[partition] = true;
        r->n_ended++;
    }
    return r->n_ended == r->n_partitions ? KAFKA_READ_ALL_ENDS : KAFKA_READ_NOTHING;
}

static enum kafka_read record_of(struct kafka_reader *r, const rd_kafka_message_t *m, struct kafka_record *ret)
{
    if (m->partition < r->n_partitions && r->ended[m->partition]) {
        r->ended[m->partition] = false;
        r->n_ended--;
    }
    *ret = (struct kafka_record){
        .partition = m->partition,
        .offset = m->offset,
        .timestamp_ms = rd_kafka_message_timestamp(m, NULL),
        .key = { m->key, (uint32_t)m->key_len },
        .value = { m->payload, (uint32_t)m->len },
        .type = header(m, "ce_type"),
        .id = header(m, "ce_id"),
    };
    return KAFKA_READ_RECORD;
}

enum kafka_read kafka_reader_next(struct kafka_reader *r, int wait_ms, struct kafka_record *ret, char *err,
                                  size_t err_cap)
{
    if (r->current)
        rd_kafka_message_destroy(r->current);
    const rd_kafka_message_t *m = r->current = rd_kafka_consumer_poll(r->rk, wait_ms);
    if (!m || m->err == RD_KAFKA_RESP_ERR__TRANSPORT || m->err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        return KAFKA_READ_NOTHING; /* librdkafka reconnects */
    if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
        return end_of(r, m->partition);
    if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR)
        return record_of(r, m, ret);
    snprintf(err, err_cap, "partition %d: %s", m->partition, rd_kafka_message_errstr(m));
    return KAFKA_READ_ERROR;
}

void kafka_reader_free(struct kafka_reader *r)
{
    if (!r)
        return;
    if (r->current)
        rd_kafka_message_destroy(r->current);
    client_end(r->rk, END_MS, NULL);
    free(r->ended);
    free(r);
}
