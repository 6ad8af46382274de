/* The text of metrics: both formats, escaping, histograms, and the table on a made-up status. */
#include <criterion/criterion.h>
#include <math.h>

#include "daemon/http/metrics.h"

static const char *text_of(struct body *b)
{
    body_add(b, "", 1);
    b->n--;
    if (b->n == b->cap || b->failed)
        return "failed";
    b->p[b->n] = 0;
    return b->p;
}

static void write_sample(struct body *to, bool openmetrics)
{
    static const struct metric m = { "x_seconds", "seconds", "Say \"hi\"\\\nthere.", METRIC_COUNTER };
    const struct metric_label label = { "who", SLICE("a\"b\\c\nd") };
    struct metric_writer w = { to, openmetrics, NULL };
    metric_begin(&w, &m);
    metric_sample(&w, &label, 1, 0.1);
    metric_sample(&w, NULL, 0, NAN);
    metric_end(&w);
}

Test(http_metrics, text_format)
{
    struct body b = { 0 };
    write_sample(&b, false);
    cr_expect_str_eq(text_of(&b), "# HELP x_seconds_total Say \"hi\"\\\\\\nthere.\n# TYPE x_seconds_total counter\n"
                                  "x_seconds_total{who=\"a\\\"b\\\\c\\nd\"} 0.1\n");
    body_release(&b);
}

Test(http_metrics, openmetrics_names_the_family_and_ends)
{
    struct body b = { 0 };
    write_sample(&b, true);
    cr_expect_str_eq(
        text_of(&b),
        "# TYPE x_seconds counter\n# UNIT x_seconds seconds\n# HELP x_seconds Say \\\"hi\\\"\\\\\\nthere.\n"
        "x_seconds_total{who=\"a\\\"b\\\\c\\nd\"} 0.1\n# EOF\n");
    body_release(&b);
}

Test(http_metrics, bytes_that_are_no_text)
{
    static const struct metric m = { "x", "", "h", METRIC_GAUGE };
    const struct metric_label label = { "who", SLICE("a\xff") };
    struct body b = { 0 };
    struct metric_writer w = { &b, false, NULL };
    metric_begin(&w, &m);
    metric_count(&w, &label, 1, UINT64_MAX);
    cr_expect(strstr(text_of(&b), "x{who=\"a?\"} 18446744073709551615\n") != NULL);
    body_release(&b);
}

Test(http_metrics, histograms_are_cumulative)
{
    static const struct metric m = { "x_seconds", "seconds", "h", METRIC_HISTOGRAM };
    struct duration_histogram h = { 0 };
    struct body b = { 0 };
    struct metric_writer w = { &b, true, NULL };
    duration_add(&h, 250); /* the first bucket holds its bound */
    duration_add(&h, 251);
    duration_add(&h, 900000);
    duration_add(&h, 5000001); /* in none */
    metric_begin(&w, &m);
    metric_durations(&w, NULL, 0, &h);
    const char *got = text_of(&b);
    cr_expect(strstr(got, "x_seconds_bucket{le=\"0.00025\"} 1\n") != NULL);
    cr_expect(strstr(got, "x_seconds_bucket{le=\"0.0005\"} 2\n") != NULL);
    cr_expect(strstr(got, "x_seconds_bucket{le=\"0.5\"} 2\n") != NULL);
    cr_expect(strstr(got, "x_seconds_bucket{le=\"1.0\"} 3\n") != NULL);
    cr_expect(strstr(got, "x_seconds_bucket{le=\"5.0\"} 3\nx_seconds_bucket{le=\"+Inf\"} 4\nx_seconds_sum "
                          "5.900502\nx_seconds_count 4\n") != NULL,
              "%s", got);
    body_release(&b);
}

static struct status *made_up(void)
{
    struct status *s = status_new(2, 1);
    cr_assert(s);
    s->now_ms = 1700000000500;
    s->started_ms = 1700000000000;
    s->reading = true;
    s->phase = "running";
    s->counts.applied = 5;
    s->counts.dead[REJECT_BAD_ID] = 3;
    s->coalescing = NAN;
    strcpy(s->part[0].topic, "crm.events");
    s->part[0].state = "run";
    s->part[0].lag = 4;
    s->part[0].end_offset = 10;
    s->part[0].next_offset = 6;
    s->part[0].age_seconds = s->part[0].lag_seconds = 1.5;
    s->part[0].newest_ms = 1699999999000;
    s->part[1] = s->part[0];
    s->part[1].partition = 1;
    s->part[1].state = "halted";
    strcpy(s->part[1].why, "lineage: offset 7 is \"gone\"");
    s->part[1].lag = s->part[1].end_offset = -1;
    s->part[1].age_seconds = s->part[1].lag_seconds = NAN;
    s->part[1].newest_ms = STATUS_UNKNOWN_MS;
    s->shard[0].up = true;
    s->shard[0].lease_epoch = -1;
    return s;
}

Test(http_metrics, the_table)
{
    static const char *const wanted[] = {
        "crmpulse_status_timestamp_seconds 1700000000.5\n",
        "crmpulse_events_total{outcome=\"applied\"} 5\n",
        "crmpulse_events_total{outcome=\"dead\"} 3\n",
        "crmpulse_dead_letters_total{reason=\"bad_id\"} 3\n",
        "crmpulse_partition_state{topic=\"crm.events\",partition=\"0\",state=\"run\",reason=\"\"} 1\n",
        "{topic=\"crm.events\",partition=\"1\",state=\"halted\",reason=\"lineage: offset 7 is \\\"gone\\\"\"} 1\n",
        "crmpulse_kafka_consumer_lag{topic=\"crm.events\",partition=\"0\"} 4\n",
        "crmpulse_event_time_lag_seconds{topic=\"crm.events\",partition=\"0\"} 1.5\n",
        "crmpulse_store_up{shard=\"0\"} 1\n",
        "crmpulse_lease_held{shard=\"0\"} 0\n",
        "crmpulse_http_requests_total{code=\"200\"} 2\n",
        "crmpulse_http_connections 1\n",
        "crmpulse_redis_command_duration_seconds_count{script=\"flush\"} 0\n",
        "process_start_time_seconds 1700000000\n",
        "# more\n",
    };
    /* What is not known is left out. */
    static const char *const unwanted[] = {
        "crmpulse_kafka_consumer_lag{topic=\"crm.events\",partition=\"1\"}",
        "crmpulse_event_time_lag_seconds{topic=\"crm.events\",partition=\"1\"}",
        "crmpulse_last_event_processed_timestamp_seconds{topic=\"crm.events\",partition=\"1\"}",
        "\ncrmpulse_coalescing_ratio ",
        "\ncrmpulse_lease_epoch",
        "nan",
        "# EOF"
    };
    static struct http_counts counts;
    struct status *s = made_up();
    struct body b = { 0 };
    counts.requests[200 - HTTP_STATUS_MIN] = 2;
    counts.connections = 1;
    metrics_write(&b, false, s, &counts, SLICE("# more\n"));
    const char *got = text_of(&b);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        cr_expect(strstr(got, wanted[i]) != NULL, "%s", wanted[i]);
    for (size_t i = 0; i < sizeof unwanted / sizeof *unwanted; i++)
        cr_expect(strstr(got, unwanted[i]) == NULL, "%s", unwanted[i]);
    body_clear(&b);
    metrics_write(&b, true, s, &counts, SLICE(""));
    got = text_of(&b);
    cr_expect(strcmp(got + b.n - 6, "# EOF\n") == 0);
    cr_expect(strstr(got, "# TYPE crmpulse_events counter\n") != NULL);
    cr_expect(strstr(got, "# TYPE crmpulse_build info\n") != NULL);
    body_clear(&b);
    metrics_write(&b, false, NULL, &counts, SLICE(""));
    cr_expect(strstr(text_of(&b), "process_cpu_seconds_total ") != NULL, "before the first status");
    body_release(&b);
    status_free(s);
}

Test(http_metrics, ready_and_why_not)
{
    struct status *s = made_up();
    struct body why = { 0 };
    cr_expect(!health_ready(NULL, NULL));
    cr_expect(!health_ready(s, &why));
    cr_expect_str_eq(text_of(&why), "partition crm.events/1: halted: lineage: offset 7 is \"gone\"\n");
    s->part[1].state = "run";
    cr_expect(health_ready(s, NULL));
    s->shard[0].up = false;
    s->reading = false;
    s->stopping = true;
    s->phase = "rewinding";
    body_clear(&why);
    cr_expect(!health_ready(s, &why));
    cr_expect_str_eq(text_of(&why), "redis: shard 0 is not connected\nstopping\nkafka: rewinding\n");
    body_release(&why);
    status_free(s);
}

Test(http_metrics, json_text_is_safe_in_a_page)
{
    struct body b = { 0 };
    body_add_json(&b, SLICE("a\"\\</script>&\n\x7f\xff\xe2\x80\xa8\xe5\xbc\xa0"));
    cr_expect_str_eq(text_of(&b),
                     "\"a\\\"\\\\\\u003c/script\\u003e\\u0026\\u000a\\u007f\xef\xbf\xbd\\u2028\xe5\xbc\xa0\"");
    body_release(&b);
}

Test(http_metrics, doubles_read_back)
{
    struct body b = { 0 };
    body_add_double(&b, 0.1);
    body_add(&b, " ", 1);
    body_add_double(&b, 1.0 / 3);
    body_add(&b, " ", 1);
    body_add_double(&b, 1e300);
    cr_expect_str_eq(text_of(&b), "0.1 0.3333333333333333 1e+300");
    body_release(&b);
}
