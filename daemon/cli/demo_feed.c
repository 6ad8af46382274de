/* The feed: mock brokers in this process, and the made-up company's events into them. Runs in a process of its own because the brokers bring threads. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "crmpulse/event_pb.h"
#include "crmpulse/kafka_mock.h"
#include "crmpulse/kafka_producer.h"
#include "demo.h"
#include "demo_crm.h"
#include "progress.h"

/* Only newer librdkafka has it; without it a new group waits 3 s for more members. */
extern void rd_kafka_mock_group_initial_rebalance_delay_ms(struct rd_kafka_mock_cluster_s *cluster, int32_t delay_ms)
    __attribute__((weak));

enum { JOIN_MS = 100, FLUSH_MS = 10000, POLL_EVERY = 256 };

struct feed {
    struct demo_shared *shared;
    struct config *config;
    struct kafka_mock *mock;
    struct kafka_producer *producer;
    struct event_pb codec;
    struct arena arena;
    struct crm crm;
    int signals; /* signalfd */
};

static int64_t wall_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* One org, one key, one partition: its events arrive in the order in which they happened. */
static int put(void *ctx, const struct event *ev)
{
    struct feed *f = ctx;
    uint8_t *bytes;
    size_t n = event_pb_encode(&f->codec, ev, &f->arena, &bytes);
    int rc = n ? kafka_producer_send(f->producer, SLICE(DEMO_ORG), (struct slice){ (const char *)bytes, (uint32_t)n },
                                     event_int(ev, F_OCCURRED_AT_MS, 0), "application/protobuf")
               : -1;
    arena_reset(&f->arena);
    if (rc < 0) {
        snprintf(f->shared->error, sizeof f->shared->error, "an event was not sent: %.200s",
                 n ? kafka_producer_counts(f->producer)->last_error : "not encodable");
        return -1;
    }
    if (++f->shared->sent % POLL_EVERY == 0)
        kafka_producer_poll(f->producer, 0);
    return 0;
}

static int open_brokers(struct feed *f)
{
    char *why = f->shared->error;
    size_t cap = sizeof f->shared->error;
    struct config_problems problems = { 0 };
    char brokers[192];
    const char *sets[] = { brokers };
    const struct config_load_options opt = { 1, sets };
    f->mock = kafka_mock_new(1, why, cap);
    if (!f->mock)
        return -1;
    if (rd_kafka_mock_group_initial_rebalance_delay_ms)
        rd_kafka_mock_group_initial_rebalance_delay_ms(kafka_mock_cluster(f->mock), JOIN_MS);
    snprintf(brokers, sizeof brokers, "kafka.brokers=%s", kafka_mock_brokers(f->mock));
    f->config = config_load(NULL, &opt, &problems);
    config_problems_print(&problems, stderr);
    config_problems_release(&problems);
    if (!f->config) {
        snprintf(why, cap, "the built-in configuration has an error");
        return -1;
    }
    if (kafka_mock_topic(f->mock, f->config->kafka.input[0], 1, why, cap) <
        0) /* the other topics are made when they are first written to */
        return -1;
    snprintf(f->shared->brokers, sizeof f->shared->brokers, "%s", kafka_mock_brokers(f->mock));
    f->shared->brokers_ready = true;
    f->producer = kafka_producer_new(f->config, f->config->kafka.input[0], why, cap);
    return f->producer && event_pb_init(&f->codec) == 0 ? 0 : -1;
}

/* Waits; true if SIGTERM came. */
static bool told_to_stop(const struct feed *f, int64_t wait_ms)
{
    struct pollfd p = { f->signals, POLLIN, 0 };
    return poll(&p, 1, (int)wait_ms) > 0;
}

static int run_live(struct feed *f, int64_t rate)
{
    int64_t begin_ms = progress_clock_ms(), done = 0;
    for (;;) {
        int64_t due_ms = begin_ms + done * 1000 / rate, now_ms = progress_clock_ms();
        if (told_to_stop(f, due_ms > now_ms ? due_ms - now_ms : 0))
            return 0;
        if (crm_live(&f->crm, wall_now_ms()) < 0)
            return -1;
        kafka_producer_poll(f->producer, 0);
        done++;
    }
}

static int open_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0) /* before the brokers' threads are made: they inherit it */
        return -1;
    return signalfd(-1, &set, SFD_CLOEXEC);
}

int demo_feed(const struct demo_args *args, struct demo_shared *shared)
{
    struct feed f = { .shared = shared };
    const struct crm_sink sink = { &f, put };
    arena_init(&f.arena, 0, 0);
    crm_init(&f.crm, args->seed, &sink);
    f.signals = open_signals();
    int rc = f.signals < 0 ? -1 : open_brokers(&f);
    if (rc == 0)
        rc = crm_history(&f.crm, wall_now_ms());
    if (rc == 0)
        rc = kafka_producer_flush(f.producer, FLUSH_MS);
    if (rc == 0) {
        shared->history_sent = true;
        rc = run_live(&f, args->rate);
    }
    kafka_producer_free(f.producer);
    kafka_mock_free(f.mock);
    config_free(f.config);
    crm_release(&f.crm);
    arena_release(&f.arena);
    if (f.signals >= 0)
        close(f.signals);
    return rc < 0;
}
