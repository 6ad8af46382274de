/* Asking brokers: metadata of all topics, settings of one, ends of partitions. A producer that never produces. */
#include "crmpulse/kafka_look.h"

#include <stdio.h>
#include <stdlib.h>

#include "client.h"

struct kafka_look {
    rd_kafka_t *rk;
    const struct rd_kafka_metadata *answer;
    char last_error[256]; /* of the connections, as librdkafka tells it */
};

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    struct kafka_look *k = opaque;
    (void)rk, (void)code;
    snprintf(k->last_error, sizeof k->last_error, "%s", reason);
}

struct kafka_look *kafka_look_new(const struct config *config, char *err, size_t err_cap)
{
    static const struct client_setting none[] = { { NULL, NULL } };
    struct kafka_look *k = calloc(1, sizeof *k);
    rd_kafka_conf_t *conf = k ? client_conf(config, none, none, err, err_cap) : NULL;
    if (conf) {
        rd_kafka_conf_set_opaque(conf, k);
        rd_kafka_conf_set_error_cb(conf, on_error);
        k->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, err, err_cap);
        if (!k->rk)
            rd_kafka_conf_destroy(conf);
    }
    if (k && k->rk)
        return k;
    free(k);
    return NULL;
}

void kafka_look_free(struct kafka_look *k)
{
    if (!k)
        return;
    if (k->answer)
        rd_kafka_metadata_destroy(k->answer);
    rd_kafka_destroy(k->rk);
    free(k);
}

int kafka_look_brokers(struct kafka_look *k, int wait_ms, char *err, size_t err_cap)
{
    const struct rd_kafka_metadata *answer = NULL;
    rd_kafka_resp_err_t e = rd_kafka_metadata(k->rk, 1, NULL, &answer, wait_ms);
    rd_kafka_poll(k->rk, 0);
    if (e) {
        snprintf(err, err_cap, "%s%s%s", rd_kafka_err2str(e), *k->last_error ? ": " : "", k->last_error);
        return -1;
    }
    if (k->answer)
        rd_kafka_metadata_destroy(k->answer);
    k->answer = answer;
    return answer->broker_cnt;
}

static void take_partitions(const struct kafka_look *k, const char *name, struct kafka_topic *ret)
{
    for (int i = 0; k->answer && i < k->answer->topic_cnt; i++) {
        const struct rd_kafka_metadata_topic *t = &k->answer->topics[i];
        if (strcmp(t->topic, name) != 0)
            continue;
        ret->partitions = t->partition_cnt;
        for (int p = 0; p < t->partition_cnt; p++) {
            const int replicas = t->partitions[p].replica_cnt;
            ret->replicas_min = p == 0 || replicas < ret->replicas_min ? replicas : ret->replicas_min;
            ret->without_leader += t->partitions[p].leader < 0;
        }
    }
}

static void take_setting(struct kafka_topic *ret, const char *name, const char *value)
{
    const struct {
        const char *name;
        int64_t *to;
    } numbers[] = { { "retention.ms", &ret->retention_ms },
                    { "retention.bytes", &ret->retention_bytes },
                    { "min.insync.replicas", &ret->min_insync },
                    { "max.message.bytes", &ret->message_max } };
    if (strcmp(name, "cleanup.policy") == 0)
        snprintf(ret->cleanup, sizeof ret->cleanup, "%s", value);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (strcmp(name, numbers[i].name) == 0)
            *numbers[i].to = strtoll(value, NULL, 10);
}

static void take_described(rd_kafka_event_t *event, struct kafka_topic *ret)
{
    const rd_kafka_DescribeConfigs_result_t *result = event ? rd_kafka_event_DescribeConfigs_result(event) : NULL;
    size_t n = 0, entries = 0;
    const rd_kafka_ConfigResource_t **resource = result ? rd_kafka_DescribeConfigs_result_resources(result, &n) : NULL;
    if (!n || rd_kafka_ConfigResource_error(resource[0])) {
        const char *why = n       ? rd_kafka_ConfigResource_error_string(resource[0])
                          : event ? rd_kafka_event_error_string(event)
                                  : NULL;
        snprintf(ret->why, sizeof ret->why, "%s", why ? why : "no answer in time");
        return;
    }
    const rd_kafka_ConfigEntry_t **entry = rd_kafka_ConfigResource_configs(resource[0], &entries);
    for (size_t i = 0; i < entries; i++) {
        const char *value = rd_kafka_ConfigEntry_value(entry[i]);
        if (value)
            take_setting(ret, rd_kafka_ConfigEntry_name(entry[i]), value);
    }
    ret->described = true;
}

void kafka_look_topic(struct kafka_look *k, const char *name, int wait_ms, struct kafka_topic *ret)
{
    char err[200];
    *ret = (struct kafka_topic){ 0 };
    take_partitions(k, name, ret);
    if (!ret->partitions)
        return;
    rd_kafka_ConfigResource_t *resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name);
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(k->rk, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(k->rk);
    (void)rd_kafka_AdminOptions_set_request_timeout(options, wait_ms, err, sizeof err);
    rd_kafka_DescribeConfigs(k->rk, &resource, 1, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, wait_ms + 1000);
    take_described(event, ret);
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_ConfigResource_destroy(resource);
}

int64_t kafka_look_end(struct kafka_look *k, const char *topic, int32_t partition, int wait_ms)
{
    int64_t low, high;
    return rd_kafka_query_watermark_offsets(k->rk, topic, partition, &low, &high, wait_ms) ? -1 : high;
}
