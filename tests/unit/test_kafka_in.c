/* The consumer on librdkafka's mock brokers: starts at given offsets, seeks back, pauses without loss, reports ends and faults, and
 * closes within its deadline at any moment. */
#include <criterion/criterion.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>

#include "crmpulse/crc32c.h"
#include "crmpulse/kafka_in.h"
#include "crmpulse/kafka_mock.h"
#include "crmpulse/kafka_producer.h"

enum { PARTITIONS = 2, SEEN_MAX = 20000, WAIT_MS = 20000 };

struct bench {
    uv_loop_t loop;
    uv_timer_t deadline;
    bool timed_out;
    struct kafka_mock *mock;
    struct config config;
    struct kafka_in *in;
    struct store_part part[PARTITIONS];
    uint32_t n_parts, revoked;
    uint32_t drain_max;
    uint32_t stop_after; /* `each` stops at this many, 0: never */
    uint32_t n;
    int64_t offset[SEEN_MAX]; /* of what was handed over, in order */
    int32_t partition[SEEN_MAX];
    uint32_t bad_value, bad_crc;
    int64_t eof[PARTITIONS];
    uint32_t answers, n_sizes;
    int32_t size; /* of the first topic, -1: not known */
    struct kafka_standing standing[PARTITIONS];
    uint32_t faults, lost, n_when_lost; /* messages there were when the first broker was lost */
    enum kafka_fault fault;
    int32_t fault_partition;
    char why[512];
};

static void on_assigned(void *ctx, const struct store_part *parts, uint32_t n)
{
    struct bench *b = ctx;
    cr_assert_leq(n, PARTITIONS);
    memcpy(b->part, parts, n * sizeof *parts);
    b->n_parts = n;
}

static void on_revoked(void *ctx, const struct store_part *parts, uint32_t n)
{
    struct bench *b = ctx;
    (void)parts;
    b->revoked += n;
}

/* Record `i` of a partition has the key "k" and the value "<partition>/<i>"; the mock has no gaps, so i is the offset. */
static int on_message(void *ctx, const struct kafka_message *m)
{
    struct bench *b = ctx;
    char value[32], whole[40];
    int n = snprintf(value, sizeof value, "%d/%lld", m->partition, (long long)m->offset);
    cr_assert_lt(b->n, SEEN_MAX);
    b->bad_value += !slice_eq(m->value, (struct slice){ value, (uint32_t)n });
    n = snprintf(whole, sizeof whole, "k%s", value);
    b->bad_crc += m->crc != crc32c_portable(0, whole, (size_t)n);
    b->offset[b->n] = m->offset;
    b->partition[b->n++] = m->partition;
    return b->stop_after && b->n >= b->stop_after;
}

static void on_readable(void *ctx)
{
    struct bench *b = ctx;
    kafka_in_drain(b->in, b->drain_max, on_message, b);
}

static void on_end(void *ctx, struct slice topic, int32_t partition, int64_t offset)
{
    struct bench *b = ctx;
    cr_assert(slice_eq(topic, SLICE("in")));
    b->eof[partition] = offset;
}

static void on_fault(void *ctx, enum kafka_fault fault, struct slice topic, int32_t partition, const char *why)
{
    struct bench *b = ctx;
    (void)topic;
    if (fault == KAFKA_FAULT_BROKER_LOST && b->lost++ == 0)
        b->n_when_lost = b->n;
    if (fault == KAFKA_FAULT_BROKERS || fault == KAFKA_FAULT_BROKER_LOST)
        return;
    b->faults++;
    b->fault = fault;
    b->fault_partition = partition;
    snprintf(b->why, sizeof b->why, "%s", why);
}

static void on_deadline(uv_timer_t *t)
{
    struct bench *b = t->data;
    b->timed_out = true;
}

typedef bool (*condition)(const struct bench *b);

static bool run_until(struct bench *b, condition holds, int64_t ms)
{
    b->timed_out = false;
    uv_timer_start(&b->deadline, on_deadline, (uint64_t)ms, 0);
    while (!holds(b) && !b->timed_out)
        uv_run(&b->loop, UV_RUN_ONCE);
    uv_timer_stop(&b->deadline);
    return holds(b);
}

static void produce_partition(rd_kafka_topic_t *rkt, int32_t partition, int from, int to)
{
    for (int i = from; i < to; i++) {
        char value[32];
        int n = snprintf(value, sizeof value, "%d/%d", partition, i);
        cr_assert_eq(rd_kafka_produce(rkt, partition, RD_KAFKA_MSG_F_COPY, value, (size_t)n, "k", 1, NULL), 0);
    }
}

/* Offsets from..to-1 of every partition. */
static void fill(struct bench *b, int from, int to)
{
    char err[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", kafka_mock_brokers(b->mock), err, sizeof err);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, err, sizeof err);
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(rk, "in", NULL);
    for (int32_t p = 0; p < PARTITIONS; p++)
        produce_partition(rkt, p, from, to);
    cr_assert_eq(rd_kafka_flush(rk, 10000), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_destroy(rkt);
    rd_kafka_destroy(rk);
}

static struct bench *bench_new(void)
{
    static char *inputs = "in";
    char err[256] = "";
    struct bench *b = calloc(1, sizeof *b);
    b->drain_max = 100;
    b->eof[0] = b->eof[1] = -1;
    b->mock = kafka_mock_new(1, err, sizeof err);
    cr_assert_not_null(b->mock, "%s", err);
    cr_assert_eq(kafka_mock_topic(b->mock, "in", PARTITIONS, err, sizeof err), 0, "%s", err);
    b->config.kafka.brokers = strdup(kafka_mock_brokers(b->mock));
    b->config.kafka.group = "g";
    b->config.kafka.client_id = "a client id that is a good deal longer than the sixty-four bytes it may have";
    b->config.kafka.input[0] = inputs;
    b->config.kafka.n_inputs = 1;
    b->config.kafka.session_timeout_ms = 6000;
    b->config.kafka.message_bytes_max = 1 << 20;
    uv_loop_init(&b->loop);
    uv_timer_init(&b->loop, &b->deadline);
    b->deadline.data = b;
    return b;
}

static void open_in(struct bench *b)
{
    char err[256] = "";
    const struct kafka_in_events events = { b, on_assigned, on_revoked, on_readable, on_end, on_fault };
    b->in = kafka_in_new(&b->loop, &b->config, &events, err, sizeof err);
    cr_assert_not_null(b->in, "%s", err);
}

static void bench_free(struct bench *b)
{
    uint64_t start = uv_hrtime();
    kafka_in_close(b->in, 5000);
    uv_close((uv_handle_t *)&b->deadline, NULL);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    cr_expect_lt((uv_hrtime() - start) / 1000000, 6000);
    cr_expect_eq(uv_loop_close(&b->loop), 0);
    kafka_mock_free(b->mock);
    free(b->config.kafka.brokers);
    free(b);
}

static bool is_assigned(const struct bench *b)
{
    return b->n_parts == PARTITIONS;
}

static void start_at(struct bench *b, int64_t offset)
{
    for (uint32_t i = 0; i < b->n_parts; i++)
        b->part[i].prev_next = offset;
    cr_assert_eq(kafka_in_start(b->in, b->part, b->n_parts), 0);
}

static bool has_200(const struct bench *b)
{
    return b->n >= 200;
}

static bool has_fault(const struct bench *b)
{
    return b->faults > 0;
}

static bool never(const struct bench *b)
{
    (void)b;
    return false;
}

static bool at_both_ends(const struct bench *b)
{
    return b->eof[0] >= 0 && b->eof[1] >= 0;
}

/* From `since` on, each partition gave exactly the offsets first..last-1 in order. */
static void expect_run(const struct bench *b, uint32_t since, int64_t first, int64_t last)
{
    int64_t next[PARTITIONS] = { first, first };
    for (uint32_t i = since; i < b->n; i++) {
        cr_assert_eq(b->offset[i], next[b->partition[i]], "message %u: offset %lld of partition %d, not %lld", i,
                     (long long)b->offset[i], b->partition[i], (long long)next[b->partition[i]]);
        next[b->partition[i]]++;
    }
    for (int p = 0; p < PARTITIONS; p++)
        cr_expect_eq(next[p], last, "partition %d ends at %lld", p, (long long)next[p]);
    cr_expect_eq(b->bad_value, 0);
    cr_expect_eq(b->bad_crc, 0);
}

Test(kafka_in, fetches_nothing_until_started_then_from_the_beginning)
{
    struct bench *b = bench_new();
    fill(b, 0, 100);
    open_in(b);
    cr_assert(run_until(b, is_assigned, WAIT_MS));
    run_until(b, never, 300);
    cr_expect_eq(b->n, 0);
    start_at(b, -1);
    cr_assert(run_until(b, at_both_ends, WAIT_MS));
    expect_run(b, 0, 0, 100);
    cr_expect_eq(b->eof[0], 100);
    cr_expect_eq(b->eof[1], 100);
    bench_free(b);
}

Test(kafka_in, starts_at_the_given_offset)
{
    struct bench *b = bench_new();
    fill(b, 0, 100);
    open_in(b);
    cr_assert(run_until(b, is_assigned, WAIT_MS));
    start_at(b, 63);
    cr_assert(run_until(b, at_both_ends, WAIT_MS));
    expect_run(b, 0, 63, 100);
    bench_free(b);
}

static bool has_some(const struct bench *b)
{
    return b->n >= 20;
}

/* The queue is full of messages beyond 20 when the second start goes back to 5: none of them may come first. */
Test(kafka_in, second_start_seeks_back_without_stale_messages)
{
    for (int round = 0; round < 3; round++) {
        struct bench *b = bench_new();
        b->drain_max = 7;
        fill(b, 0, 2000);
        open_in(b);
        cr_assert(run_until(b, is_assigned, WAIT_MS));
        start_at(b, -1);
        cr_assert(run_until(b, has_some, WAIT_MS));
        start_at(b, 5);
        uint32_t since = b->n;
        b->drain_max = 1000;
        b->eof[0] = b->eof[1] = -1;
        cr_assert(run_until(b, at_both_ends, WAIT_MS));
        expect_run(b, since, 5, 2000);
        start_at(b, 1990);
        since = b->n;
        b->eof[0] = b->eof[1] = -1;
        cr_assert(run_until(b, at_both_ends, WAIT_MS));
        expect_run(b, since, 1990, 2000);
        bench_free(b);
    }
}

Test(kafka_in, pause_and_resume_lose_and_repeat_nothing)
{
    struct bench *b = bench_new();
    b->drain_max = 13;
    fill(b, 0, 3000);
    open_in(b);
    cr_assert(run_until(b, is_assigned, WAIT_MS));
    start_at(b, 0);
    for (uint32_t round = 0; round < 8; round++) {
        uint32_t before = b->n;
        run_until(b, never, 30 + 20 * round);
        cr_expect_eq(kafka_in_pause(b->in), 0);
        cr_expect_eq(kafka_in_pause(b->in), 0); /* idempotent */
        uint32_t paused_at = b->n;
        run_until(b, never, 60);
        cr_expect_eq(b->n, paused_at);
        cr_expect_geq(paused_at, before);
        cr_expect_eq(kafka_in_resume(b->in), 0);
        cr_expect_eq(kafka_in_resume(b->in), 0);
    }
    cr_assert(run_until(b, at_both_ends, WAIT_MS));
    expect_run(b, 0, 0, 3000);
    bench_free(b);
}

Test(kafka_in, start_while_paused_reads_from_its_offset)
{
    struct bench *b = bench_new();
    fill(b, 0, 500);
    open_in(b);
    cr_assert(run_until(b, is_assigned, WAIT_MS));
    start_at(b, 0);
    cr_assert(run_until(b, has_200, WAIT_MS));
    cr_assert_eq(kafka_in_pause(b->in), 0);
    run_until(b, never, 100);
    start_at(b, 10);
    uint32_t since = b->n;
    b->eof[0] = b->eof[1] = -1;
    cr_assert(run_until(b, at_both_ends, WAIT_MS));
    expect_run(b, since, 10, 500);
    bench_free(b);
}

Test(kafka_in, a_stopped_drain_goes_on_later)
{
    struct bench *b = bench_new();
    fill(b, 0, 100);
    open_in(b);
    b->stop_after = 1; /* from the first message on, each one stops its drain */
    cr_assert(run_until(b, is_assigned, WAIT_MS));
    start_at(b, 0);
    cr_assert(run_until(b, at_both_ends, WAIT_MS));
    expect_run(b, 0, 0, 100);
    bench_free(b);
}

Test(kafka_in, follows_what_is_appended)
{
    struct bench *b = bench_new();
    fill(b, 0, 50);
    open_in(b);
    cr_assert(run_until(b, is_assigned, WAIT_MS));
    start_at(b, -1);
    cr_assert(run_until(b, at_both_ends, WAIT_MS));
    fill(b, 50, 100);
    cr_assert(run_until(b, has_200, WAIT_MS));
    expect_run(b, 0, 0, 100);
    bench_free(b);
}

static bool has_lost(const struct bench *b)
{
    return b->lost > 0;
}

Test(kafka_in, a_lost_broker_is_told_before_anything_that_comes_after)
{
    struct bench *b = bench_new();
    fill(b, 0, 50);
    open_in(b);
    cr_assert(run_until(b, is_assigned, WAIT_MS));
    start_at(b, -1);
    cr_assert(run_until(b, at_both_ends, WAIT_MS));
    cr_expect_eq(b->lost, 0);
    rd_kafka_mock_broker_set_down(kafka_mock_cluster(b->mock), 1);
    cr_assert(run_until(b, has_lost, WAIT_MS));
    rd_kafka_mock_broker_set_up(kafka_mock_cluster(b->mock), 1);
    fill(b, 50, 100);
    cr_assert(run_until(b, has_200, WAIT_MS));
    cr_expect_eq(b->n_when_lost, 100);
    bench_free(b);
}

Test(kafka_in, offset_out_of_range_is_a_fault_of_that_partition_alone)
{
    struct bench *b = bench_new();
    fill(b, 0, 100);
    open_in(b);
    cr_assert(run_until(b, is_assigned, WAIT_MS));
    b->part[0].prev_next = 90;
    b->part[1].prev_next = 5000;
    cr_assert_eq(kafka_in_start(b->in, b->part, 2), 0);
    cr_assert(run_until(b, has_fault, WAIT_MS));
    cr_expect_eq(b->fault, KAFKA_FAULT_PARTITION);
    cr_expect_eq(b->fault_partition, b->part[1].partition);
    cr_expect(strstr(b->why, "OFFSET") != NULL, "%s", b->why);
    cr_expect_eq(kafka_in_halt(b->in, SLICE("in"), b->part[1].partition), 0);
    run_until(b, never, 500);
    cr_expect_eq(b->n, 10); /* 90..99 of the other one */
    for (uint32_t i = 0; i < b->n; i++)
        cr_expect_eq(b->partition[i], b->part[0].partition);
    /* An operator accepts the loss: the parked partition comes back. */
    uint32_t since = b->n;
    b->eof[0] = b->eof[1] = -1;
    start_at(b, 80);
    cr_assert(run_until(b, at_both_ends, WAIT_MS));
    expect_run(b, since, 80, 100);
    bench_free(b);
}

static bool has_a_hundred(const struct bench *b)
{
    return b->n >= 100;
}

Test(kafka_in, a_halted_partition_stays_silent)
{
    struct bench *b = bench_new();
    fill(b, 0, 100);
    open_in(b);
    cr_assert(run_until(b, is_assigned, WAIT_MS));
    start_at(b, 0);
    cr_assert_eq(kafka_in_halt(b->in, SLICE("in"), 1), 0);
    cr_expect_eq(kafka_in_halt(b->in, SLICE("other"), 1), -1);
    kafka_in_pause(b->in);
    kafka_in_resume(b->in);
    cr_assert(run_until(b, has_a_hundred, WAIT_MS));
    run_until(b, never, 700); /* long enough for the halted one to speak up */
    cr_expect_eq(b->n, 100);
    for (uint32_t i = 0; i < b->n; i++)
        cr_expect_eq(b->partition[i], 0);
    bench_free(b);
}

Test(kafka_in, closes_before_the_first_assignment)
{
    for (int round = 0; round < 4; round++) {
        struct bench *b = bench_new();
        open_in(b);
        run_until(b, never, 15 * round * round);
        cr_expect_eq(b->n_parts, 0);
        bench_free(b);
    }
}

/* The assignment arrives, but nobody drains it: close comes while librdkafka waits for an answer. */
Test(kafka_in, closes_while_an_assignment_waits)
{
    struct bench *b = bench_new();
    open_in(b);
    b->drain_max = 0;
    run_until(b, never, 4000);
    cr_expect_eq(b->n_parts, 0);
    bench_free(b);
}

Test(kafka_in, closes_in_time_without_brokers)
{
    struct bench *b = bench_new();
    open_in(b);
    cr_assert(run_until(b, is_assigned, WAIT_MS));
    start_at(b, -1);
    rd_kafka_mock_broker_set_down(kafka_mock_cluster(b->mock), 1);
    run_until(b, never, 200);
    uint64_t begin = uv_hrtime();
    kafka_in_close(b->in, 700);
    cr_expect_lt((uv_hrtime() - begin) / 1000000, 2000);
    uv_close((uv_handle_t *)&b->deadline, NULL);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    cr_expect_eq(uv_loop_close(&b->loop), 0);
    /* The client's thread may still be at it: nothing else is freed, but it stays reachable for the leak checker. */
    static struct bench *volatile kept;
    kept = b;
    cr_expect_not_null(kept);
}

static void on_sizes(void *ctx, const int32_t *sizes, uint32_t n)
{
    struct bench *b = ctx;
    b->answers++;
    b->n_sizes = n;
    b->size = sizes ? sizes[0] : -1;
}

static bool is_answered(const struct bench *b)
{
    return b->answers > 0;
}

Test(kafka_in, tells_the_partitions_of_its_topics)
{
    struct bench *b = bench_new();
    open_in(b);
    cr_assert_eq(kafka_in_sizes(b->in, on_sizes), 0);
    cr_expect_eq(kafka_in_sizes(b->in, on_sizes), -1); /* one question at a time */
    cr_assert(run_until(b, is_answered, WAIT_MS));
    cr_expect_eq(b->n_sizes, 1);
    cr_expect_eq(b->size, PARTITIONS);
    b->answers = 0;
    rd_kafka_mock_broker_set_down(kafka_mock_cluster(b->mock), 1);
    cr_assert_eq(kafka_in_sizes(b->in, on_sizes), 0);
    cr_assert(run_until(b, is_answered, WAIT_MS));
    cr_expect_eq(b->size, -1);
    rd_kafka_mock_broker_set_up(kafka_mock_cluster(b->mock), 1);
    bench_free(b);
}

Test(kafka_in, closes_while_sizes_are_asked)
{
    struct bench *b = bench_new();
    open_in(b);
    rd_kafka_mock_broker_set_rtt(kafka_mock_cluster(b->mock), 1, 200);
    cr_assert_eq(kafka_in_sizes(b->in, on_sizes), 0);
    run_until(b, never, 50);
    bench_free(b); /* answers no more, and the loop closes clean */
}

static void on_standing(void *ctx, const struct kafka_standing *v, uint32_t n)
{
    struct bench *b = ctx;
    cr_assert_leq(n, PARTITIONS);
    memcpy(b->standing, v, n * sizeof *v);
    b->answers++;
}

Test(kafka_in, tells_where_log_and_group_stand)
{
    struct bench *b = bench_new();
    fill(b, 0, 7);
    open_in(b);
    cr_assert(run_until(b, is_assigned, WAIT_MS));
    cr_assert_eq(kafka_in_standing(b->in, b->part, b->n_parts, on_standing), 0);
    cr_expect_eq(kafka_in_standing(b->in, b->part, b->n_parts, on_standing), -1); /* one question at a time */
    cr_assert(run_until(b, is_answered, WAIT_MS));
    for (uint32_t i = 0; i < b->n_parts; i++) {
        cr_expect_eq(b->standing[i].partition, b->part[i].partition);
        cr_expect_eq(b->standing[i].low, 0);
        cr_expect_eq(b->standing[i].high, 7);
        cr_expect_eq(b->standing[i].committed, -1);
    }
    for (uint32_t i = 0; i < b->n_parts; i++)
        b->part[i].next = b->part[i].partition == 0 ? 5 : -1;
    kafka_in_commit(b->in, b->part, b->n_parts);
    run_until(b, never, 500);
    b->answers = 0;
    cr_assert_eq(kafka_in_standing(b->in, b->part, b->n_parts, on_standing), 0);
    cr_assert(run_until(b, is_answered, WAIT_MS));
    for (uint32_t i = 0; i < b->n_parts; i++)
        cr_expect_eq(b->standing[i].committed, b->part[i].partition == 0 ? 5 : -1);
    bench_free(b);
}

Test(kafka_in, does_not_know_where_things_stand_without_brokers)
{
    struct bench *b = bench_new();
    open_in(b);
    cr_assert(run_until(b, is_assigned, WAIT_MS));
    rd_kafka_mock_broker_set_down(kafka_mock_cluster(b->mock), 1);
    cr_assert_eq(kafka_in_standing(b->in, b->part, b->n_parts, on_standing), 0);
    cr_assert(run_until(b, is_answered, WAIT_MS));
    cr_expect_eq(b->standing[0].committed, KAFKA_UNKNOWN);
    cr_expect_eq(b->standing[0].low, -1);
    rd_kafka_mock_broker_set_up(kafka_mock_cluster(b->mock), 1);
    bench_free(b);
}

Test(kafka_in, closes_while_standings_are_asked)
{
    struct bench *b = bench_new();
    open_in(b);
    cr_assert(run_until(b, is_assigned, WAIT_MS));
    rd_kafka_mock_broker_set_rtt(kafka_mock_cluster(b->mock), 1, 200);
    cr_assert_eq(kafka_in_standing(b->in, b->part, b->n_parts, on_standing), 0);
    run_until(b, never, 50);
    bench_free(b); /* answers no more, and the loop closes clean */
}

Test(kafka_in, refuses_a_bad_property)
{
    struct bench *b = bench_new();
    char err[256] = "";
    const struct kafka_in_events events = { b, on_assigned, on_revoked, on_readable, on_end, on_fault };
    b->config.kafka.property = calloc(1, sizeof *b->config.kafka.property);
    b->config.kafka.property[0].name = "no.such.property";
    b->config.kafka.property[0].value = "1";
    b->config.kafka.n_properties = 1;
    cr_expect_null(kafka_in_new(&b->loop, &b->config, &events, err, sizeof err));
    cr_expect(strstr(err, "no.such.property") != NULL, "%s", err);
    free(b->config.kafka.property);
    bench_free(b);
}
