/* Topic administration for the integration tests, through librdkafka: milliseconds where the broker's Java tool takes seconds.
 * It knows no configuration file and no security; it talks to a test broker on loopback only. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

enum { TIMEOUT_MS = 20000, TOPICS_MAX = 64, ERROR_SIZE = 512, REPLICAS_DEFAULT = -1 /* as the brokers are set */ };

struct admin {
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    char error[ERROR_SIZE];
};

static int usage(void)
{
    fputs("usage: kafka_admin BOOTSTRAP COMMAND\n"
          "  create NAME PARTITIONS [KEY=VALUE...] [NAME PARTITIONS...]...\n"
          "  add-partitions NAME TOTAL [NAME TOTAL]...\n"
          "  delete NAME...\n"
          "  delete-records NAME PARTITION BEFORE_OFFSET\n"
          "  offsets NAME            prints: partition, first offset, end offset\n",
          stderr);
    return 64;
}

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "kafka_admin: %s: %s\n", what, why);
    return 1;
}

/* A whole number >= 0, or -1. */
static long long parse_number(const char *text)
{
    char *end;
    long long n = strtoll(text, &end, 10);
    return *text && !*end && n >= 0 ? n : -1;
}

static int print_topic_results(const rd_kafka_topic_result_t **results, size_t n)
{
    int failed = 0;
    for (size_t i = 0; i < n; i++) {
        if (rd_kafka_topic_result_error(results[i])) {
            const char *text = rd_kafka_topic_result_error_string(results[i]);
            failed = fail(rd_kafka_topic_result_name(results[i]), text ? text : "unknown error");
        }
    }
    return failed;
}

static int event_failed(rd_kafka_event_t *event)
{
    const rd_kafka_topic_result_t **results = NULL;
    size_t n = 0;
    if (!event)
        return fail("reply", "none within the time limit");
    if (rd_kafka_event_error(event))
        return fail("request", rd_kafka_event_error_string(event));
    if (rd_kafka_event_CreateTopics_result(event))
        results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &n);
    else if (rd_kafka_event_DeleteTopics_result(event))
        results = rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &n);
    else if (rd_kafka_event_CreatePartitions_result(event))
        results = rd_kafka_CreatePartitions_result_topics(rd_kafka_event_CreatePartitions_result(event), &n);
    return print_topic_results(results, n);
}

/* Waits for the one reply that is under way. */
static int await(struct admin *a)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(a->queue, TIMEOUT_MS);
    int failed = event_failed(event);
    if (event)
        rd_kafka_event_destroy(event);
    return failed;
}

/* Reads KEY=VALUE arguments into the topic; returns how many, or -1. */
static int read_configs(struct admin *a, rd_kafka_NewTopic_t *topic, int argc, char **argv)
{
    int used = 0;
    while (used < argc && strchr(argv[used], '=')) {
        char *value = strchr(argv[used], '=');
        *value++ = '\0';
        if (rd_kafka_NewTopic_set_config(topic, argv[used], value)) {
            snprintf(a->error, sizeof a->error, "bad setting %s", argv[used]);
            return -1;
        }
        used++;
    }
    return used;
}

/* Adds the topic at argv[*at] and moves *at behind it; 0 or -1 with a->error. */
static int read_new_topic(struct admin *a, rd_kafka_NewTopic_t **ret_topic, int argc, char **argv, int *at)
{
    long long partitions = *at + 1 < argc ? parse_number(argv[*at + 1]) : -1;
    if (partitions < 1 || partitions > 10000) {
        snprintf(a->error, sizeof a->error, "%s needs a number of partitions", argv[*at]);
        return -1;
    }
    *ret_topic = rd_kafka_NewTopic_new(argv[*at], (int)partitions, REPLICAS_DEFAULT, a->error, sizeof a->error);
    if (!*ret_topic)
        return -1;
    int used = read_configs(a, *ret_topic, argc - *at - 2, argv + *at + 2);
    *at += 2 + (used > 0 ? used : 0);
    return used < 0 ? -1 : 0;
}

static int create(struct admin *a, int argc, char **argv)
{
    rd_kafka_NewTopic_t *topics[TOPICS_MAX] = { 0 };
    size_t n = 0;
    int at = 0;
    int failed = 0;
    while (!failed && at < argc) {
        if (n == TOPICS_MAX) {
            failed = fail("create", "too many topics in one call");
            break;
        }
        if (read_new_topic(a, &topics[n], argc, argv, &at) < 0)
            failed = fail("create", a->error);
        n += topics[n] != NULL;
    }
    if (!failed) {
        rd_kafka_CreateTopics(a->rk, topics, n, NULL, a->queue);
        failed = await(a);
    }
    rd_kafka_NewTopic_destroy_array(topics, n);
    return failed;
}

static int add_partitions(struct admin *a, int argc, char **argv)
{
    int failed = argc % 2 ? usage() : 0;
    for (int i = 0; !failed && i < argc; i += 2) {
        long long total = parse_number(argv[i + 1]);
        if (total < 1 || total > 10000)
            return fail(argv[i], "needs the new total of partitions");
        rd_kafka_NewPartitions_t *more = rd_kafka_NewPartitions_new(argv[i], (size_t)total, a->error, sizeof a->error);
        if (!more)
            return fail(argv[i], a->error);
        rd_kafka_CreatePartitions(a->rk, &more, 1, NULL, a->queue);
        failed = await(a);
        rd_kafka_NewPartitions_destroy(more);
    }
    return failed;
}

static int delete_topics(struct admin *a, int argc, char **argv)
{
    int failed = 0;
    for (int i = 0; !failed && i < argc; i++) {
        rd_kafka_DeleteTopic_t *topic = rd_kafka_DeleteTopic_new(argv[i]);
        rd_kafka_DeleteTopics(a->rk, &topic, 1, NULL, a->queue);
        failed = await(a);
        rd_kafka_DeleteTopic_destroy(topic);
    }
    return failed;
}

static int delete_records(struct admin *a, int argc, char **argv)
{
    if (argc != 3 || parse_number(argv[1]) < 0 || parse_number(argv[2]) < 0)
        return usage();
    rd_kafka_topic_partition_list_t *before = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(before, argv[0], (int32_t)parse_number(argv[1]))->offset = parse_number(argv[2]);
    rd_kafka_DeleteRecords_t *request = rd_kafka_DeleteRecords_new(before);
    rd_kafka_DeleteRecords(a->rk, &request, 1, NULL, a->queue);
    int failed = await(a);
    rd_kafka_DeleteRecords_destroy(request);
    rd_kafka_topic_partition_list_destroy(before);
    return failed;
}

static int print_offsets(struct admin *a, const rd_kafka_metadata_topic_t *topic)
{
    for (int p = 0; p < topic->partition_cnt; p++) {
        int64_t low, high;
        rd_kafka_resp_err_t err = rd_kafka_query_watermark_offsets(a->rk, topic->topic, p, &low, &high, TIMEOUT_MS);
        if (err)
            return fail(topic->topic, rd_kafka_err2str(err));
        printf("%d %lld %lld\n", p, (long long)low, (long long)high);
    }
    return 0;
}

static int offsets(struct admin *a, int argc, char **argv)
{
    if (argc != 1)
        return usage();
    const rd_kafka_metadata_t *metadata;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(a->rk, argv[0], NULL);
    rd_kafka_resp_err_t err = rd_kafka_metadata(a->rk, 0, topic, &metadata, TIMEOUT_MS);
    int failed;
    if (err) {
        failed = fail(argv[0], rd_kafka_err2str(err));
    } else {
        err = metadata->topic_cnt == 1 ? metadata->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
        failed = err ? fail(argv[0], rd_kafka_err2str(err)) : print_offsets(a, &metadata->topics[0]);
        rd_kafka_metadata_destroy(metadata);
    }
    rd_kafka_topic_destroy(topic);
    return failed;
}

static const struct command {
    const char *name;
    int (*run)(struct admin *a, int argc, char **argv);
} commands[] = {
    { .name = "create", .run = create },        { .name = "add-partitions", .run = add_partitions },
    { .name = "delete", .run = delete_topics }, { .name = "delete-records", .run = delete_records },
    { .name = "offsets", .run = offsets },
};

static int admin_open(struct admin *a, const char *bootstrap)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap, a->error, sizeof a->error) != RD_KAFKA_CONF_OK) {
        rd_kafka_conf_destroy(conf);
        return fail("bootstrap", a->error);
    }
    a->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, a->error, sizeof a->error);
    if (!a->rk) {
        rd_kafka_conf_destroy(conf);
        return fail("client", a->error);
    }
    a->queue = rd_kafka_queue_new(a->rk);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return usage();
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(argv[2], commands[i].name) != 0)
            continue;
        struct admin a = { 0 };
        int failed = admin_open(&a, argv[1]);
        if (failed)
            return failed;
        failed = commands[i].run(&a, argc - 3, argv + 3);
        rd_kafka_queue_destroy(a.queue);
        rd_kafka_destroy(a.rk);
        return failed;
    }
    return usage();
}
