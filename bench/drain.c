/* How fast librdkafka alone hands over a topic, from its first offset to its end: the ceiling for the daemon on the same machine.
 *
 * It consumes as the daemon does: one queue whose eventfd wakes a poll loop, drained in bounded batches, one thread. The records are
 * counted and their bytes touched once; nothing is decoded. One JSON object a run on standard output. */
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <librdkafka/rdkafka.h>

enum {
    ERROR_SIZE = 512,
    PARTITIONS_MAX = 1024,
    METADATA_MS = 20000,
    STALL_MS = 30000,
    EVENTS_MAX = 4096,
    SETTINGS_MAX = 32
};

struct drain {
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    const char *topic;
    int wake_fd;
    int partitions, ended; /* partitions whose end was reached */
    uint8_t at_end[PARTITIONS_MAX];
    uint64_t events, bytes, touched; /* touched: sum of first and last bytes, so that the payload is read */
    double first_s, last_s;          /* monotonic time of the first and the last batch that held a record */
    int failed;
};

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu_s(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void take_error(struct drain *d, rd_kafka_resp_err_t err, int partition, const char *text)
{
    if (err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        fprintf(stderr, "drain: %s\n", text);
        d->failed = 1;
    } else if (partition >= 0 && partition < PARTITIONS_MAX && !d->at_end[partition]) {
        d->at_end[partition] = 1;
        d->ended++;
    }
}

static void take(rd_kafka_message_t *m, void *opaque)
{
    struct drain *d = opaque;
    if (m->err) {
        take_error(d, m->err, m->partition, rd_kafka_message_errstr(m));
        return;
    }
    d->events++;
    d->bytes += m->len;
    if (m->len)
        d->touched += ((const uint8_t *)m->payload)[0] + ((const uint8_t *)m->payload)[m->len - 1];
}

/* With the event interface the end of a partition is an error event, not a message. */
static void take_error_event(struct drain *d, rd_kafka_event_t *event)
{
    rd_kafka_topic_partition_t *at = rd_kafka_event_topic_partition(event);
    take_error(d, rd_kafka_event_error(event), at ? at->partition : -1, rd_kafka_event_error_string(event));
    if (at)
        rd_kafka_topic_partition_destroy(at);
}

/* The two ways to empty a queue without waiting. Both return how many operations they took. */
static int drain_callback(struct drain *d)
{
    return rd_kafka_consume_callback_queue(d->queue, 0, take, d);
}

static int drain_events(struct drain *d)
{
    int n = 0;
    rd_kafka_event_t *event;
    while (n < EVENTS_MAX && (event = rd_kafka_queue_poll(d->queue, 0)) != NULL) {
        const rd_kafka_message_t *m;
        while ((m = rd_kafka_event_message_next(event)) != NULL)
            take((rd_kafka_message_t *)(uintptr_t)m, d);
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR)
            take_error_event(d, event);
        rd_kafka_event_destroy(event);
        n++;
    }
    return n;
}

static const struct api {
    const char *name;
    int (*run)(struct drain *d);
} apis[] = {
    { "callback", drain_callback },
    { "event", drain_events },
};

/* The daemon's settings (design 8); the command line may change them. */
static const char *const settings[][2] = {
    { "group.id", "bench-drain" },           { "client.id", "bench-drain" },
    { "enable.auto.commit", "false" },       { "enable.auto.offset.store", "false" },
    { "auto.offset.reset", "error" },        { "check.crcs", "true" },
    { "enable.partition.eof", "true" },      { "partition.assignment.strategy", "roundrobin" },
    { "isolation.level", "read_committed" }, { "fetch.wait.max.ms", "50" },
    { "queued.min.messages", "1000000" },    { "queued.max.messages.kbytes", "65536" },
    { "socket.nagle.disable", "true" },
};

static int open_consumer(struct drain *d, const char *bootstrap, const char **extra, int n_extra)
{
    char error[ERROR_SIZE];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    int bad = rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap, error, sizeof error) != RD_KAFKA_CONF_OK;
    for (size_t i = 0; !bad && i < sizeof settings / sizeof settings[0]; i++)
        bad = rd_kafka_conf_set(conf, settings[i][0], settings[i][1], error, sizeof error) != RD_KAFKA_CONF_OK;
    for (int i = 0; !bad && i < n_extra; i++) {
        char name[128] = { 0 };
        const char *value = strchr(extra[i], '=');
        if (value && (size_t)(value - extra[i]) < sizeof name)
            memcpy(name, extra[i], (size_t)(value - extra[i]));
        bad = rd_kafka_conf_set(conf, name, value ? value + 1 : NULL, error, sizeof error) != RD_KAFKA_CONF_OK;
    }
    d->rk = bad ? NULL : rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof error);
    if (!d->rk) {
        fprintf(stderr, "drain: %s\n", error);
        rd_kafka_conf_destroy(conf);
        return -1;
    }
    rd_kafka_poll_set_consumer(d->rk);
    d->queue = rd_kafka_queue_get_consumer(d->rk);
    d->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (d->wake_fd < 0)
        return -1;
    static const uint64_t one = 1;
    rd_kafka_queue_io_event_enable(d->queue, d->wake_fd, &one, sizeof one);
    return 0;
}

/* Assigns every partition of the topic at its first offset. */
static int assign_all(struct drain *d)
{
    const rd_kafka_metadata_t *metadata;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(d->rk, d->topic, NULL);
    rd_kafka_resp_err_t err =
        topic ? rd_kafka_metadata(d->rk, 0, topic, &metadata, METADATA_MS) : RD_KAFKA_RESP_ERR__INVALID_ARG;
    if (!err) {
        d->partitions = metadata->topic_cnt == 1 ? metadata->topics[0].partition_cnt : 0;
        rd_kafka_metadata_destroy(metadata);
    }
    if (topic)
        rd_kafka_topic_destroy(topic);
    if (err || d->partitions < 1 || d->partitions > PARTITIONS_MAX) {
        fprintf(stderr, "drain: %s: %s\n", d->topic, err ? rd_kafka_err2str(err) : "no such topic");
        return -1;
    }
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(d->partitions);
    for (int p = 0; p < d->partitions; p++)
        rd_kafka_topic_partition_list_add(list, d->topic, p)->offset = RD_KAFKA_OFFSET_BEGINNING;
    err = rd_kafka_assign(d->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    return err ? -1 : 0;
}

/* Waits for the eventfd and drains, until every partition is at its end; gives up after STALL_MS without progress. */
static int drain_to_end(struct drain *d, const struct api *api)
{
    while (d->ended < d->partitions && !d->failed) {
        struct pollfd wake = { .fd = d->wake_fd, .events = POLLIN };
        if (poll(&wake, 1, STALL_MS) == 0) {
            fprintf(stderr, "drain: no progress in %d ms after %" PRIu64 " events\n", STALL_MS, d->events);
            return -1;
        }
        uint64_t count;
        if (read(d->wake_fd, &count, sizeof count) < 0)
            continue;
        uint64_t before = d->events;
        while (!d->failed && api->run(d) > 0) {
            if (d->events == before)
                continue;
            d->last_s = now_s();
            if (!before)
                d->first_s = d->last_s;
            before = d->events;
        }
    }
    return d->failed ? -1 : 0;
}

static void print_result(const struct drain *d, const struct api *api, double begin_s, double cpu)
{
    double events = d->events ? (double)d->events : 1;
    double wall = d->last_s > begin_s ? d->last_s - begin_s : 1e-9;
    printf("{\"what\":\"drain\",\"api\":\"%s\",\"topic\":\"%s\",\"partitions\":%d,\"events\":%" PRIu64
           ",\"bytes\":%" PRIu64 ",\"wall_s\":%.4f,\"to_first_s\":%.4f,\"events_per_s\":%.0f,\"cpu_s\":%.4f,\"cpu_us_"
           "per_event\":%.4f,\"librdkafka\":\"%s\"}\n",
           api->name, d->topic, d->partitions, d->events, d->bytes, wall, d->first_s - begin_s,
           (double)d->events / wall, cpu, cpu * 1e6 / events, rd_kafka_version_str());
}

static int run(const char *bootstrap, const char *topic, const struct api *api, const char **extra, int n_extra)
{
    struct drain d = { .topic = topic, .wake_fd = -1 };
    double cpu_before = cpu_s();
    double begin_s = now_s();
    int status = 1;
    if (open_consumer(&d, bootstrap, extra, n_extra) == 0) {
        status = assign_all(&d) == 0 && drain_to_end(&d, api) == 0 ? 0 : 1;
        if (status == 0)
            print_result(&d, api, begin_s, cpu_s() - cpu_before);
        rd_kafka_assign(d.rk, NULL);
        rd_kafka_consumer_close(d.rk);
        rd_kafka_queue_destroy(d.queue);
        rd_kafka_destroy(d.rk);
    }
    if (d.wake_fd >= 0)
        close(d.wake_fd);
    return status;
}

static int usage(void)
{
    fputs("usage: bench_drain --brokers B --topic T [--api callback|event] [-X KEY=VALUE]...\n", stderr);
    return 64;
}

static const struct api *api_by_name(const char *name)
{
    for (size_t i = 0; i < sizeof apis / sizeof apis[0]; i++)
        if (strcmp(apis[i].name, name) == 0)
            return &apis[i];
    return NULL;
}

int main(int argc, char **argv)
{
    static const struct option names[] = {
        { "brokers", required_argument, NULL, 'b' },
        { "topic", required_argument, NULL, 't' },
        { "api", required_argument, NULL, 'a' },
        { NULL, 0, NULL, 0 },
    };
    const char *bootstrap = NULL;
    const char *topic = NULL;
    const struct api *api = &apis[0];
    const char *extra[SETTINGS_MAX];
    int n_extra = 0;
    int c;
    while ((c = getopt_long(argc, argv, "X:", names, NULL)) != -1) {
        if (c == 'b')
            bootstrap = optarg;
        else if (c == 't')
            topic = optarg;
        else if (c == 'a')
            api = api_by_name(optarg);
        else if (c == 'X' && n_extra < SETTINGS_MAX)
            extra[n_extra++] = optarg;
        else
            return usage();
    }
    return bootstrap && topic && api ? run(bootstrap, topic, api, extra, n_extra) : usage();
}
