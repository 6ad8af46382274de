/* The embedded brokers: a client handle that connects nowhere, and the mock cluster that lives in its thread. */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>

#include "crmpulse/kafka_mock.h"

struct kafka_mock {
    rd_kafka_t *rk; /* owns the cluster's timers; has no brokers of its own */
    rd_kafka_mock_cluster_t *cluster;
};

struct kafka_mock *kafka_mock_new(int n_brokers, char *err, size_t err_cap)
{
    struct kafka_mock *mock = calloc(1, sizeof *mock);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, NULL);
    if (mock)
        mock->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, err, err_cap);
    if (!mock || !mock->rk) {
        rd_kafka_conf_destroy(conf);
        free(mock);
        return NULL;
    }
    mock->cluster = rd_kafka_mock_cluster_new(mock->rk, n_brokers);
    if (!mock->cluster) {
        snprintf(err, err_cap, "no mock cluster with %d brokers", n_brokers);
        kafka_mock_free(mock);
        return NULL;
    }
    return mock;
}

int kafka_mock_topic(struct kafka_mock *mock, const char *name, int n_partitions, char *err, size_t err_cap)
{
    rd_kafka_resp_err_t code = rd_kafka_mock_topic_create(mock->cluster, name, n_partitions, 1);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    snprintf(err, err_cap, "topic %s: %s", name, rd_kafka_err2str(code));
    return -1;
}

const char *kafka_mock_brokers(const struct kafka_mock *mock)
{
    return rd_kafka_mock_cluster_bootstraps(mock->cluster);
}

struct rd_kafka_mock_cluster_s *kafka_mock_cluster(const struct kafka_mock *mock)
{
    return mock->cluster;
}

void kafka_mock_free(struct kafka_mock *mock)
{
    if (!mock)
        return;
    if (mock->cluster)
        rd_kafka_mock_cluster_destroy(mock->cluster);
    rd_kafka_destroy(mock->rk);
    free(mock);
}
