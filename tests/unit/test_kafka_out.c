/* The outbox's producer on librdkafka's mock brokers: delivery reports, headers, missing topics, bounds, and the rebuild after a fatal error. */
#include <criterion/criterion.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>

#include "crmpulse/kafka_mock.h"
#include "crmpulse/kafka_out.h"
#include "crmpulse/kafka_producer.h"

enum { SEEN_MAX = 40000, WAIT_MS = 30000, API_PRODUCE = 0 };

struct bench {
    uv_loop_t loop;
    uv_timer_t deadline;
    bool timed_out;
    struct kafka_mock *mock;
    struct config config;
    struct kafka_out *out;
    uint32_t n_delivered, n_failed;
    uint8_t delivered[SEEN_MAX], failed[SEEN_MAX]; /* by seq: how often */
    bool resend;
    char why[256];
};

static const struct store_out alert = { .topic = { "alerts", 6 },
                                        .key = { "org|rule", 8 },
                                        .id = { "id-1", 4 },
                                        .type = { "crmpulse.alert.v1", 17 },
                                        .payload = { "pay\0load", 8 } };

/* 2025-03-10T01:00:00.000Z = 20157 days and an hour after 1970-01-01 */
static const int64_t now_ms = (INT64_C(20157) * 24 + 1) * 3600000;

static void on_delivered(void *ctx, uint32_t shard, uint64_t seq)
{
    struct bench *b = ctx;
    cr_assert_eq(shard, 7);
    b->n_delivered++;
    b->delivered[seq]++;
}

static void on_failed(void *ctx, uint32_t shard, uint64_t seq, const char *why)
{
    struct bench *b = ctx;
    cr_assert_eq(shard, 7);
    b->n_failed++;
    b->failed[seq]++;
    snprintf(b->why, sizeof b->why, "%s", why);
}

static void on_deadline(uv_timer_t *t)
{
    struct bench *b = t->data;
    b->timed_out = true;
}

static bool run_until(struct bench *b, bool (*holds)(const struct bench *b), int64_t ms)
{
    b->timed_out = false;
    uv_timer_start(&b->deadline, on_deadline, (uint64_t)ms, 0);
    while (!holds(b) && !b->timed_out)
        uv_run(&b->loop, UV_RUN_ONCE);
    uv_timer_stop(&b->deadline);
    return holds(b);
}

static struct bench *bench_new(void)
{
    char err[256] = "";
    struct bench *b = calloc(1, sizeof *b);
    b->mock = kafka_mock_new(1, err, sizeof err);
    cr_assert_not_null(b->mock, "%s", err);
    cr_assert_eq(kafka_mock_topic(b->mock, "crm.alerts", 1, err, sizeof err), 0, "%s", err);
    b->config.kafka.brokers = strdup(kafka_mock_brokers(b->mock));
    b->config.kafka.client_id = "unit";
    b->config.kafka.alerts = "crm.alerts";
    b->config.kafka.kpis = "";
    b->config.kafka.message_bytes_max = 1 << 20;
    uv_loop_init(&b->loop);
    uv_timer_init(&b->loop, &b->deadline);
    b->deadline.data = b;
    return b;
}

static void open_out(struct bench *b)
{
    char err[256] = "";
    const struct kafka_out_events events = { b, on_delivered, on_failed };
    b->out = kafka_out_new(&b->loop, &b->config, &events, err, sizeof err);
    cr_assert_not_null(b->out, "%s", err);
}

static void bench_free(struct bench *b)
{
    kafka_out_close(b->out, 2000);
    uv_close((uv_handle_t *)&b->deadline, NULL);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    cr_expect_eq(uv_loop_close(&b->loop), 0);
    kafka_mock_free(b->mock);
    free(b->config.kafka.brokers);
    free(b);
}

/* Reads `n` messages of partition 0 and calls `check` on each. Returns how many came. */
static int read_back(struct bench *b, const char *topic, int n, void (*check)(const rd_kafka_message_t *m, int i))
{
    char err[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", b->config.kafka.brokers, err, sizeof err);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, err, sizeof err);
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(rk, topic, NULL);
    cr_assert_eq(rd_kafka_consume_start(rkt, 0, RD_KAFKA_OFFSET_BEGINNING), 0);
    int got = 0;
    for (uint64_t end = uv_hrtime() + UINT64_C(10000000000); got < n && uv_hrtime() < end;) {
        rd_kafka_message_t *m = rd_kafka_consume(rkt, 0, 100);
        if (m && !m->err)
            check(m, got++);
        if (m)
            rd_kafka_message_destroy(m);
    }
    rd_kafka_consume_stop(rkt, 0);
    rd_kafka_topic_destroy(rkt);
    rd_kafka_destroy(rk);
    return got;
}

static void expect_header(const rd_kafka_message_t *m, const char *name, const char *value)
{
    rd_kafka_headers_t *headers;
    const void *got;
    size_t n;
    cr_assert_eq(rd_kafka_message_headers(m, &headers), RD_KAFKA_RESP_ERR_NO_ERROR);
    cr_assert_eq(rd_kafka_header_get_last(headers, name, &got, &n), RD_KAFKA_RESP_ERR_NO_ERROR, "%s", name);
    cr_expect(n == strlen(value) && memcmp(got, value, n) == 0, "%s: %.*s", name, (int)n, (const char *)got);
}

static void check_alert(const rd_kafka_message_t *m, int i)
{
    (void)i;
    cr_expect(m->key_len == 8 && memcmp(m->key, "org|rule", 8) == 0);
    cr_expect(m->len == 8 && memcmp(m->payload, "pay\0load", 8) == 0);
    expect_header(m, "ce_specversion", "1.0");
    expect_header(m, "ce_id", "id-1");
    expect_header(m, "ce_type", "crmpulse.alert.v1");
    expect_header(m, "ce_source", "unit");
    expect_header(m, "ce_time", "2025-03-10T01:00:00.000Z");
    expect_header(m, "content-type", "application/protobuf");
}

static bool one_settled(const struct bench *b)
{
    return b->n_delivered + b->n_failed >= 1;
}

Test(kafka_out, delivers_with_cloudevents_headers)
{
    struct bench *b = bench_new();
    open_out(b);
    cr_assert_eq(kafka_out_send(b->out, 7, 1, &alert, now_ms), 0);
    cr_expect_eq(b->n_delivered, 0);
    cr_assert(run_until(b, one_settled, WAIT_MS));
    cr_expect_eq(b->delivered[1], 1, "%s", b->why);
    cr_expect_eq(read_back(b, "crm.alerts", 1, check_alert), 1);
    bench_free(b);
}

Test(kafka_out, an_output_without_a_topic_is_delivered_at_once)
{
    struct bench *b = bench_new();
    struct store_out kpi = alert, late = alert, odd = alert;
    kpi.topic = SLICE("kpis");  /* "" */
    late.topic = SLICE("late"); /* NULL */
    odd.topic = SLICE("kpi");   /* no such output */
    open_out(b);
    cr_expect_eq(kafka_out_send(b->out, 7, 1, &kpi, now_ms), 0);
    cr_expect_eq(kafka_out_send(b->out, 7, 2, &late, now_ms), 0);
    cr_expect_eq(kafka_out_send(b->out, 7, 3, &odd, now_ms), 0);
    cr_expect(b->delivered[1] == 1 && b->delivered[2] == 1 && b->failed[3] == 1);
    bench_free(b);
}

Test(kafka_out, a_missing_topic_fails_with_its_reason)
{
    struct bench *b = bench_new();
    b->config.kafka.alerts = "crm.absent";
    rd_kafka_mock_topic_set_error(kafka_mock_cluster(b->mock), "crm.absent", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    open_out(b);
    cr_assert_eq(kafka_out_send(b->out, 7, 1, &alert, now_ms), 0);
    cr_assert(run_until(b, one_settled, WAIT_MS));
    cr_expect_eq(b->failed[1], 1);
    cr_expect(strstr(b->why, "topic") != NULL, "%s", b->why);
    /* Known as missing now: refused from inside the call, and not sent twice. */
    cr_expect_eq(kafka_out_send(b->out, 7, 2, &alert, now_ms), 0);
    run_until(b, one_settled, WAIT_MS);
    cr_expect_eq(b->n_delivered, 0);
    bench_free(b);
}

Test(kafka_out, an_entry_too_large_fails_and_the_next_one_passes)
{
    struct bench *b = bench_new();
    struct store_out big = alert;
    char *bytes = calloc(1, 5 << 20);
    big.payload = (struct slice){ bytes, 5 << 20 };
    open_out(b);
    cr_expect_eq(kafka_out_send(b->out, 7, 1, &big, now_ms), 0);
    cr_expect_eq(b->failed[1], 1);
    cr_expect_eq(kafka_out_send(b->out, 7, 2, &alert, now_ms), 0);
    b->n_failed = 0;
    cr_assert(run_until(b, one_settled, WAIT_MS));
    cr_expect_eq(b->delivered[2], 1);
    free(bytes);
    bench_free(b);
}

static bool all_settled(const struct bench *b)
{
    return b->n_delivered + b->n_failed >= 20000;
}

Test(kafka_out, is_bounded_and_loses_nothing_at_the_bound)
{
    struct bench *b = bench_new();
    open_out(b);
    rd_kafka_mock_broker_set_rtt(kafka_mock_cluster(b->mock), 1, 300);
    uint64_t seq = 0;
    while (seq < SEEN_MAX && kafka_out_send(b->out, 7, seq, &alert, now_ms) == 0)
        seq++;
    cr_expect_eq(seq, 20000);
    rd_kafka_mock_broker_set_rtt(kafka_mock_cluster(b->mock), 1, 0);
    cr_assert(run_until(b, all_settled, WAIT_MS));
    cr_expect_eq(b->n_delivered, 20000);
    cr_expect_eq(kafka_out_send(b->out, 7, seq, &alert, now_ms), 0);
    bench_free(b);
}

static bool one_failed(const struct bench *b)
{
    return b->n_failed >= 1;
}

static bool nothing_left(const struct bench *b)
{
    for (uint64_t seq = 1; seq <= 3; seq++)
        if (!b->delivered[seq])
            return false;
    return true;
}

static bool never(const struct bench *b)
{
    (void)b;
    return false;
}

static void send_three(struct bench *b)
{
    for (uint64_t seq = 1; seq <= 3; seq++)
        cr_assert_eq(kafka_out_send(b->out, 7, seq, &alert, now_ms), 0);
}

/* As the outbox does it: what is not delivered is sent again after a pause. */
static void send_until_delivered(struct bench *b)
{
    for (int round = 0; round < 60 && !nothing_left(b); round++) {
        for (uint64_t seq = 1; seq <= 3; seq++)
            if (!b->delivered[seq])
                (void)kafka_out_send(b->out, 7, seq, &alert, now_ms);
        run_until(b, nothing_left, 500);
    }
    cr_expect(nothing_left(b), "%s", b->why);
}

/* The recipe of fault K4: the batch is written, its answer is lost with the connection, and the retry is refused as out of
 * sequence. The idempotent producer of 2.0.2 gives up for good; the entries fail and a new client delivers them. Newer
 * releases survive it: then they are simply delivered. */
Test(kafka_out, a_fatal_error_rebuilds_the_producer)
{
    struct bench *b = bench_new();
    rd_kafka_mock_cluster_t *cluster = kafka_mock_cluster(b->mock);
    open_out(b);
    cr_assert_eq(kafka_out_send(b->out, 7, 0, &alert, now_ms), 0);
    cr_assert(run_until(b, one_settled, WAIT_MS));
    rd_kafka_mock_broker_push_request_error_rtts(cluster, 1, API_PRODUCE, 1, RD_KAFKA_RESP_ERR_NO_ERROR, 750);
    rd_kafka_mock_broker_push_request_error_rtts(cluster, 1, API_PRODUCE, 1,
                                                 RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, 0);
    send_three(b);
    run_until(b, never, 250);
    rd_kafka_mock_broker_set_down(cluster, 1);
    rd_kafka_mock_broker_set_up(cluster, 1);
    if (rd_kafka_version() < 0x02030000) {
        cr_assert(run_until(b, one_failed, WAIT_MS), "no fatal error");
        run_until(b, never, 50);
        cr_expect_eq(b->n_failed, 3);
    }
    send_until_delivered(b); /* without the rebuild every send would be refused now */
    bench_free(b);
}

static bool three_settled(const struct bench *b)
{
    return b->n_delivered + b->n_failed >= 3;
}

/* Refused without a fatal error: the entries fail with the reason, and the client recovers. */
Test(kafka_out, a_refused_batch_fails_and_may_be_sent_again)
{
    struct bench *b = bench_new();
    open_out(b);
    rd_kafka_mock_push_request_errors(kafka_mock_cluster(b->mock), API_PRODUCE, 1,
                                      RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    send_three(b);
    cr_assert(run_until(b, three_settled, WAIT_MS));
    cr_expect_geq(b->n_failed, 1, "those of the refused batch: usually all three");
    cr_expect(strstr(b->why, "authorization") != NULL, "%s", b->why);
    send_until_delivered(b);
    bench_free(b);
}

Test(kafka_out, close_waits_for_what_is_queued)
{
    struct bench *b = bench_new();
    open_out(b);
    for (uint64_t seq = 0; seq < 500; seq++)
        cr_assert_eq(kafka_out_send(b->out, 7, seq, &alert, now_ms), 0);
    kafka_out_close(b->out, 10000);
    b->out = NULL;
    cr_expect_eq(b->n_delivered, 500);
    bench_free(b);
}

Test(kafka_out, close_is_bounded_without_brokers)
{
    struct bench *b = bench_new();
    rd_kafka_mock_broker_set_down(kafka_mock_cluster(b->mock), 1);
    open_out(b);
    cr_assert_eq(kafka_out_send(b->out, 7, 0, &alert, now_ms), 0);
    uint64_t begin = uv_hrtime();
    kafka_out_close(b->out, 300);
    b->out = NULL;
    cr_expect_lt((uv_hrtime() - begin) / 1000000, 3000);
    cr_expect_eq(b->n_delivered, 0);
    bench_free(b);
}

static void check_plain(const rd_kafka_message_t *m, int i)
{
    char want[16];
    int n = snprintf(want, sizeof want, "v%d", i);
    cr_expect(m->len == (size_t)n && memcmp(m->payload, want, m->len) == 0);
    cr_expect(m->key_len == 1 && *(const char *)m->key == 'k');
}

Test(kafka_producer, sends_in_order_and_counts)
{
    struct bench *b = bench_new();
    char err[256] = "";
    struct kafka_producer *p = kafka_producer_new(&b->config, "crm.alerts", err, sizeof err);
    cr_assert_not_null(p, "%s", err);
    for (int i = 0; i < 200; i++) {
        char value[16];
        int n = snprintf(value, sizeof value, "v%d", i);
        cr_assert_eq(kafka_producer_send(p, SLICE("k"), (struct slice){ value, (uint32_t)n }, now_ms, NULL), 0);
    }
    cr_expect_eq(kafka_producer_flush(p, 10000), 0);
    cr_expect_eq(kafka_producer_counts(p)->queued, 200);
    cr_expect_eq(kafka_producer_counts(p)->delivered, 200);
    cr_expect_eq(kafka_producer_counts(p)->failed, 0);
    kafka_producer_free(p);
    cr_expect_eq(read_back(b, "crm.alerts", 200, check_plain), 200);
    bench_free(b);
}
