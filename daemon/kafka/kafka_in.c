/* The consumer's life and flow: settings, draining, pausing, the end. What the group does is in kafka_in_group.c.
 *
 * Messages are polled one by one: the batch calls of librdkafka 2.0.2 lose messages around pause and seek. Does not decode,
 * store offsets or decide where to start. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kafka_in_int.h"

enum {
    HEART_MS = 1000, /* a look at the queue even without news: librdkafka wants to be polled */
    AGAIN_MS = 20,   /* after a drain that its caller stopped */
    PREFETCH_KBYTES = 128 * 1024,
    FETCH_BYTES_MIN = 1 << 20
};

static const struct client_setting defaults[] = {
    { "fetch.wait.max.ms", "50" },
    { "fetch.error.backoff.ms", "100" },
    /* Over this many messages librdkafka 2.0.2 sleeps for a second: only the byte limit may stop it. */
    { "queued.min.messages", "1000000" },
    /* A broken connection is told at once, before whoever leads next is asked for anything (KAFKA_FAULT_BROKER_LOST). */
    { "log.connection.close", "true" },
    { NULL, NULL },
};

static const struct client_setting fixed[] = {
    { "enable.auto.commit", "false" },       { "enable.auto.offset.store", "false" },
    { "auto.offset.reset", "error" },        { "check.crcs", "true" },
    { "enable.partition.eof", "true" },      { "partition.assignment.strategy", "roundrobin" },
    { "isolation.level", "read_committed" }, { NULL, NULL },
};

/* ---- drain ---- */

static struct slice content_type(const rd_kafka_message_t *m)
{
    rd_kafka_headers_t *headers;
    const void *value;
    size_t n;
    if (rd_kafka_message_headers(m, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        rd_kafka_header_get_last(headers, "content-type", &value, &n) != RD_KAFKA_RESP_ERR_NO_ERROR || !value)
        return (struct slice){ 0 };
    return (struct slice){ value, (uint32_t)n };
}

/* 1 if the message was handed over, 0 if it was dropped; *ret_stop is what `each` said. */
static uint32_t hand_over(struct kafka_in *in, const rd_kafka_message_t *m, kafka_in_each each, void *ctx,
                          int *ret_stop)
{
    struct kafka_message out = { .partition = m->partition, .offset = m->offset };
    struct part *part = parts_find(&in->parts, rd_kafka_topic_name(m->rkt), m->partition, &out.topic);
    if (!part || part->state != PART_RUN || m->offset < part->next)
        return 0;
    part->next = m->offset + 1;
    out.timestamp_ms = rd_kafka_message_timestamp(m, NULL);
    out.key = (struct slice){ m->key, (uint32_t)m->key_len };
    out.value = (struct slice){ m->payload, (uint32_t)m->len };
    out.crc = in->crc(in->crc(0, m->key, m->key_len), m->payload, m->len);
    if (in->read_content_type)
        out.content_type = content_type(m);
    *ret_stop = each(ctx, &out);
    return 1;
}

static void on_idle(uv_idle_t *idle)
{
    struct kafka_in *in = idle->data;
    uv_idle_stop(idle); /* who does not drain now is not asked again and again */
    in->events.readable(in->events.ctx);
}

uint32_t kafka_in_drain(struct kafka_in *in, uint32_t max, kafka_in_each each, void *ctx)
{
    uint32_t handed = 0, polled = 0;
    rd_kafka_message_t *m = NULL;
    int stop = 0;
    while (polled < max && !stop && (m = rd_kafka_consumer_poll(in->rk, 0))) {
        if (m->err)
            kafka_in_handle_error(in, m);
        else
            handed += hand_over(in, m, each, ctx, &stop);
        rd_kafka_message_destroy(m);
        polled++;
    }
    /* The eventfd tells only of a queue that was empty before. */
    if (m && !stop)
        uv_idle_start(&in->idle, on_idle);
    else
        uv_idle_stop(&in->idle);
    if (stop)
        uv_timer_start(&in->timer, in->timer.timer_cb, AGAIN_MS, HEART_MS);
    return handed;
}

/* ---- flow control ---- */

static bool may_pause(const struct part *part)
{
    return part->state == PART_RUN && !part->paused;
}

static bool may_resume(const struct part *part)
{
    return part->state == PART_RUN && part->paused;
}

static int switch_parts(struct kafka_in *in, part_match match, bool pause)
{
    rd_kafka_topic_partition_list_t *list = kafka_in_list(&in->parts, match);
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    if (list->cnt)
        code = pause ? rd_kafka_pause_partitions(in->rk, list) : rd_kafka_resume_partitions(in->rk, list);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        kafka_in_set_paused(in, list, pause);
    rd_kafka_topic_partition_list_destroy(list);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : -1;
}

int kafka_in_pause(struct kafka_in *in)
{
    return switch_parts(in, may_pause, true);
}

int kafka_in_resume(struct kafka_in *in)
{
    return switch_parts(in, may_resume, false);
}

int kafka_in_halt(struct kafka_in *in, struct slice topic, int32_t partition)
{
    char name[256];
    struct slice found;
    snprintf(name, sizeof name, "%.*s", (int)topic.n, topic.p);
    struct part *part = parts_find(&in->parts, name, partition, &found);
    if (!part)
        return -1;
    part->state = PART_HALTED;
    if (part->paused)
        return 0;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, name, partition);
    rd_kafka_resp_err_t code = rd_kafka_pause_partitions(in->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    part->paused = code == RD_KAFKA_RESP_ERR_NO_ERROR;
    return part->paused ? 0 : -1;
}

void kafka_in_commit(struct kafka_in *in, const struct store_part *parts, uint32_t n)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n + 1);
    for (uint32_t i = 0; i < n; i++) {
        char name[256];
        snprintf(name, sizeof name, "%.*s", (int)parts[i].topic.n, parts[i].topic.p);
        if (parts[i].next >= 0)
            rd_kafka_topic_partition_list_add(list, name, parts[i].partition)->offset = parts[i].next;
    }
    if (in->assigned && list->cnt)
        rd_kafka_commit(in->rk, list, 1); /* a failure shows as lag that does not shrink: nothing rests on it */
    rd_kafka_topic_partition_list_destroy(list);
}

/* ---- birth and end ---- */

static int set_group(rd_kafka_conf_t *conf, const struct config *config, char *err, size_t err_cap)
{
    int64_t session_ms = config->kafka.session_timeout_ms;
    int64_t fetch_bytes = config->kafka.message_bytes_max;
    const char *instance = config->kafka.instance_id;
    if (fetch_bytes < FETCH_BYTES_MIN)
        fetch_bytes = FETCH_BYTES_MIN;
    if (client_set(conf, "group.id", config->kafka.group, err, err_cap) ||
        client_set_number(conf, "session.timeout.ms", session_ms, err, err_cap) ||
        client_set_number(conf, "heartbeat.interval.ms", session_ms / 3 < 3000 ? session_ms / 3 : 3000, err, err_cap) ||
        client_set_number(conf, "fetch.message.max.bytes", fetch_bytes, err, err_cap) ||
        client_set_number(conf, "queued.max.messages.kbytes", PREFETCH_KBYTES, err, err_cap))
        return -1;
    return instance && *instance ? client_set(conf, "group.instance.id", instance, err, err_cap) : 0;
}

static rd_kafka_t *connect_consumer(struct kafka_in *in, const struct config *config, char *err, size_t err_cap)
{
    rd_kafka_conf_t *conf = client_conf(config, defaults, fixed, err, err_cap);
    if (!conf)
        return NULL;
    rd_kafka_conf_set_opaque(conf, in);
    rd_kafka_conf_set_rebalance_cb(conf, kafka_in_on_rebalance);
    rd_kafka_conf_set_error_cb(conf, kafka_in_on_error);
    rd_kafka_t *rk = NULL;
    if (set_group(conf, config, err, err_cap) == 0)
        rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, err, err_cap);
    if (!rk)
        rd_kafka_conf_destroy(conf);
    return rk;
}

static int subscribe(struct kafka_in *in, const struct config *config, char *err, size_t err_cap)
{
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new((int)config->kafka.n_inputs + 1);
    for (uint32_t i = 0; i < config->kafka.n_inputs; i++)
        rd_kafka_topic_partition_list_add(topics, config->kafka.input[i], RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t code = rd_kafka_subscribe(in->rk, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        snprintf(err, err_cap, "subscribe: %s", rd_kafka_err2str(code));
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : -1;
}

static void on_wake(uv_poll_t *poll, int status, int events)
{
    struct kafka_in *in = poll->data;
    (void)status, (void)events;
    client_wake_clear(&in->wake);
    in->events.readable(in->events.ctx);
}

static void on_timer(uv_timer_t *timer)
{
    struct kafka_in *in = timer->data;
    in->events.readable(in->events.ctx);
}

struct kafka_in *kafka_in_new(uv_loop_t *loop, const struct config *config, const struct kafka_in_events *events,
                              char *err, size_t err_cap)
{
    struct kafka_in *in = calloc(1, sizeof *in);
    if (!in) {
        snprintf(err, err_cap, "out of memory");
        return NULL;
    }
    in->events = *events;
    in->config = config;
    in->crc = crc32c_choose();
    in->sizes.n = config->kafka.n_inputs;
    in->sizes.topic = config->kafka.input;
    in->read_content_type = config->kafka.format == INPUT_AUTO;
    in->rk = connect_consumer(in, config, err, err_cap);
    if (!in->rk || client_wake_start(&in->wake, loop, on_wake) != 0) {
        if (in->rk) {
            snprintf(err, err_cap, "no eventfd on the loop");
            rd_kafka_destroy(in->rk);
        }
        free(in);
        return NULL;
    }
    uv_timer_init(loop, &in->timer);
    uv_idle_init(loop, &in->idle);
    in->open_handles = 3;
    in->wake.poll.data = in->timer.data = in->idle.data = in;
    rd_kafka_poll_set_consumer(in->rk);
    in->queue = rd_kafka_queue_get_consumer(in->rk);
    client_wake_attach(&in->wake, in->queue);
    uv_timer_start(&in->timer, on_timer, HEART_MS, HEART_MS);
    if (subscribe(in, config, err, err_cap) == 0)
        return in;
    kafka_in_close(in, HEART_MS);
    return NULL;
}

/* A client that did not end in time may still call back: then `in` stays for ever. */
void kafka_in_unref(struct kafka_in *in)
{
    if (--in->open_handles > 0)
        return;
    close(in->wake.fd);
    if (!in->ended)
        return;
    parts_release(&in->parts);
    free(in);
}

static void on_closed(uv_handle_t *handle)
{
    kafka_in_unref(handle->data);
}

void kafka_in_close(struct kafka_in *in, int64_t deadline_ms)
{
    if (!in)
        return;
    in->closing = true;
    kafka_in_sizes_end(in);
    kafka_in_standing_end(in);
    client_wake_detach(in->queue);
    in->ended = client_end(in->rk, deadline_ms, NULL);
    uv_close((uv_handle_t *)&in->wake.poll, on_closed);
    uv_close((uv_handle_t *)&in->timer, on_closed);
    uv_close((uv_handle_t *)&in->idle, on_closed);
}
