/* Brokers inside the process, for the demo and for tests: librdkafka's mock cluster. Not durable, no ACLs, at most some MB a partition.
 *
 * Whoever runs with config.kafka.mock makes one first, takes its address for config.kafka.brokers, and frees it last. */
#ifndef CRMPULSE_KAFKA_MOCK_H
#define CRMPULSE_KAFKA_MOCK_H

#include <stddef.h>

struct kafka_mock;
struct rd_kafka_mock_cluster_s;

/* NULL with the reason in `err`. */
struct kafka_mock *kafka_mock_new(int n_brokers, char *err, size_t err_cap);

/* 0, or -1 with the reason in `err` (the topic exists, too many partitions). */
int kafka_mock_topic(struct kafka_mock *mock, const char *name, int n_partitions, char *err, size_t err_cap);

/* "host:port,host:port"; lives as long as the mock. */
const char *kafka_mock_brokers(const struct kafka_mock *mock);

/* For tests that inject errors with <librdkafka/rdkafka_mock.h>. */
struct rd_kafka_mock_cluster_s *kafka_mock_cluster(const struct kafka_mock *mock);

/* Clients of the mock must be closed before. Accepts NULL. */
void kafka_mock_free(struct kafka_mock *mock);

#endif
