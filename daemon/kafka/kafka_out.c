/* The idempotent producer behind the outbox.
 *
 * An item is what we remember of an entry until its delivery report: shard and seq. A fatal error of librdkafka (2.0.2 gives
 * up on an out-of-order sequence) ends that client in the background; its items are reported failed, a new client takes
 * over. Reports of the old client find no owner and are ignored. Does not retry, order or store entries. */
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "client.h"
#include "crmpulse/calendar.h"
#include "crmpulse/kafka_out.h"

enum {
    ITEMS_MAX = 20000,
    BYTES_MAX = 64 << 20,
    HEART_MS = 1000,
    STALL_MS = 60000, /* no report for so long: the client may be stuck (2.0.2 can be, on metadata), make a new one */
    OUTPUT_COUNT = 6
};

struct item {
    struct item *next, *prev; /* ring of the unacknowledged */
    struct kafka_out *out;
    uint32_t shard, bytes;
    uint64_t seq;
};

/* One producer client. `owner` is taken away when it is retired; its thread reads it under no lock because retiring happens
 * on the loop's thread, before the thread that ends the client is started. */
struct generation {
    struct kafka_out *owner;
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    rd_kafka_topic_t *topic[OUTPUT_COUNT]; /* NULL: not configured */
    bool fatal;
    char why[256];
};

struct kafka_out {
    const struct config *config;
    struct kafka_out_events events;
    struct generation *live; /* NULL while no client could be made: the timer tries again */
    struct item ring;        /* its head */
    uint32_t n_items;
    uint64_t n_bytes;
    uint64_t progress_ms; /* loop time of the latest report, or when the first item came */
    struct client_wake wake;
    uv_timer_t timer;
    uint32_t open_handles;
};

/* kafka.message_max is about input. Ours must pass whatever that is: a dead letter carries up to 64 KiB of payload, a board all its rows. */
static int64_t output_bytes_max(const struct config *config)
{
    const int64_t floor = 4 << 20;
    return config->kafka.message_bytes_max > floor ? config->kafka.message_bytes_max : floor;
}

static const struct client_setting defaults[] = {
    { "linger.ms", "5" },
    { "compression.type", "lz4" },
    { "topic.metadata.propagation.max.ms", "5000" }, /* a missing topic is reported after this */
    { NULL, NULL },
};

static const struct client_setting fixed[] = {
    { "enable.idempotence", "true" },
    { "acks", "all" },
    /* Giving up on a message that may have been written breaks the sequence: wait for ever instead. */
    { "message.timeout.ms", "0" },
    { "partitioner", "murmur2_random" },
    { NULL, NULL },
};

static const struct {
    const char *name; /* store_out.topic */
    size_t offset;    /* of the Kafka name in struct config */
} outputs[OUTPUT_COUNT] = {
    { "alerts", offsetof(struct config, kafka.alerts) },           { "boards", offsetof(struct config, kafka.boards) },
    { "scorecards", offsetof(struct config, kafka.scorecards) },   { "kpis", offsetof(struct config, kafka.kpis) },
    { "dead_letter", offsetof(struct config, kafka.dead_letter) }, { "late", offsetof(struct config, kafka.late) },
};

static int output_index(struct slice name)
{
    for (int i = 0; i < OUTPUT_COUNT; i++)
        if (slice_eq(name, slice_of(outputs[i].name)))
            return i;
    return -1;
}

static const char *output_topic(const struct config *config, int i)
{
    const char *topic = *(char *const *)(const void *)((const char *)config + outputs[i].offset);
    return topic ? topic : "";
}

/* ---- items ---- */

static struct item *item_new(struct kafka_out *out, uint32_t shard, uint64_t seq, uint32_t bytes)
{
    struct item *item = malloc(sizeof *item);
    if (!item)
        return NULL;
    *item = (struct item){
        .next = &out->ring, .prev = out->ring.prev, .out = out, .shard = shard, .bytes = bytes, .seq = seq
    };
    item->prev->next = item;
    out->ring.prev = item;
    if (out->n_items++ == 0)
        out->progress_ms = uv_now(out->timer.loop);
    out->n_bytes += bytes;
    return item;
}

static void item_free(struct item *item)
{
    item->prev->next = item->next;
    item->next->prev = item->prev;
    item->out->n_items--;
    item->out->n_bytes -= item->bytes;
    free(item);
}

static void settle(struct item *item, const char *why)
{
    struct kafka_out *out = item->out;
    uint32_t shard = item->shard;
    uint64_t seq = item->seq;
    item_free(item);
    if (why)
        out->events.failed(out->events.ctx, shard, seq, why);
    else
        out->events.delivered(out->events.ctx, shard, seq);
}

/* ---- a client ---- */

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    struct generation *g = opaque;
    (void)rk;
    if (!g->owner)
        return; /* retired: reported already */
    g->owner->progress_ms = uv_now(g->owner->timer.loop);
    settle(m->_private, m->err ? rd_kafka_err2str(m->err) : NULL);
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    struct generation *g = opaque;
    char text[200] = "";
    (void)reason; /* others pass by themselves: librdkafka reconnects */
    if (code != RD_KAFKA_RESP_ERR__FATAL)
        return;
    rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(rk, text, sizeof text);
    snprintf(g->why, sizeof g->why, "producer rebuilt: %s: %s", rd_kafka_err2name(fatal), text);
    g->fatal = true;
}

static rd_kafka_t *connect_producer(struct generation *g, const struct config *config, char *err, size_t err_cap)
{
    rd_kafka_conf_t *conf = client_conf(config, defaults, fixed, err, err_cap);
    if (!conf)
        return NULL;
    rd_kafka_conf_set_opaque(conf, g);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_t *rk = NULL;
    if (client_set_number(conf, "message.max.bytes", output_bytes_max(config), err, err_cap) == 0)
        rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, err, err_cap);
    if (!rk)
        rd_kafka_conf_destroy(conf);
    return rk;
}

/* Topic handles are made now: the first message to an unknown topic may wait a second for metadata. */
static struct generation *generation_new(struct kafka_out *out, char *err, size_t err_cap)
{
    struct generation *g = calloc(1, sizeof *g);
    if (!g) {
        snprintf(err, err_cap, "out of memory");
        return NULL;
    }
    g->owner = out;
    g->rk = connect_producer(g, out->config, err, err_cap);
    if (!g->rk) {
        free(g);
        return NULL;
    }
    g->queue = rd_kafka_queue_get_main(g->rk);
    client_wake_attach(&out->wake, g->queue);
    for (int i = 0; i < OUTPUT_COUNT; i++)
        if (*output_topic(out->config, i))
            g->topic[i] = rd_kafka_topic_new(g->rk, output_topic(out->config, i), NULL);
    return g;
}

/* Ends it in the background once wait_ms have passed; `g` is gone. */
static void generation_end(struct generation *g, int64_t wait_ms)
{
    g->owner = NULL;
    client_wake_detach(g->queue);
    for (int i = 0; i < OUTPUT_COUNT; i++)
        if (g->topic[i])
            rd_kafka_topic_destroy(g->topic[i]);
    rd_kafka_purge(g->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
    client_end(g->rk, wait_ms, g);
}

static void fail_all(struct kafka_out *out, const char *why)
{
    /* Only those of now: `failed` may send anew. */
    for (uint32_t left = out->n_items; left && out->ring.next != &out->ring; left--)
        settle(out->ring.next, why); /* NOLINT(clang-analyzer-unix.Malloc): item_free unlinks, so next is another one */
}

static void rebuild(struct kafka_out *out)
{
    char why[256], err[256];
    struct generation *old = out->live;
    snprintf(why, sizeof why, "%s", old->why);
    out->live = NULL;
    generation_end(old, 0);
    out->live = generation_new(out, err, sizeof err);
    fail_all(out, why);
}

static void serve(struct kafka_out *out)
{
    if (!out->live) {
        char err[256];
        out->live = generation_new(out, err, sizeof err);
        return;
    }
    rd_kafka_poll(out->live->rk, 0);
    if (out->live->fatal)
        rebuild(out);
}

static void on_wake(uv_poll_t *poll, int status, int events)
{
    struct kafka_out *out = poll->data;
    (void)status, (void)events;
    client_wake_clear(&out->wake);
    serve(out);
}

/* Also while brokers are away this does no harm: what fails is sent again. */
static void watch_progress(struct kafka_out *out)
{
    struct generation *g = out->live;
    if (!g || out->n_items == 0 || uv_now(out->timer.loop) - out->progress_ms < STALL_MS)
        return;
    out->progress_ms = uv_now(out->timer.loop);
    snprintf(g->why, sizeof g->why, "producer rebuilt: no delivery report in time");
    rebuild(out);
}

static void on_timer(uv_timer_t *timer)
{
    struct kafka_out *out = timer->data;
    serve(out);
    watch_progress(out);
}

/* ---- sending ---- */

static rd_kafka_resp_err_t produce(struct kafka_out *out, rd_kafka_topic_t *topic, const struct store_out *e,
                                   int64_t now_ms, struct item *item)
{
    char time[32];
    size_t time_n = time_format(now_ms, time, sizeof time);
    const char *source = out->config->kafka.client_id;
    if (!source || !*source)
        source = "crmpulse";
    /* No partition is named: 2.0.2 frees headers twice where that one does not exist. */
    return rd_kafka_producev(
        out->live->rk, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_KEY(e->key.p, e->key.n), RD_KAFKA_V_VALUE((void *)(uintptr_t)e->payload.p, e->payload.n),
        RD_KAFKA_V_TIMESTAMP(now_ms), RD_KAFKA_V_OPAQUE(item), RD_KAFKA_V_HEADER("ce_specversion", "1.0", 3),
        RD_KAFKA_V_HEADER("ce_id", e->id.p, e->id.n), RD_KAFKA_V_HEADER("ce_type", e->type.p, e->type.n),
        RD_KAFKA_V_HEADER("ce_source", source, -1), RD_KAFKA_V_HEADER("ce_time", time, (ssize_t)time_n),
        RD_KAFKA_V_HEADER("content-type", "application/protobuf", -1), RD_KAFKA_V_END);
}

int kafka_out_send(struct kafka_out *out, uint32_t shard, uint64_t seq, const struct store_out *entry, int64_t now_ms)
{
    int i = output_index(entry->topic);
    if (i < 0) {
        out->events.failed(out->events.ctx, shard, seq, "no such output");
        return 0;
    }
    if (!*output_topic(out->config, i)) {
        out->events.delivered(out->events.ctx, shard, seq);
        return 0;
    }
    uint32_t bytes = entry->key.n + entry->payload.n;
    if (!out->live || out->n_items >= ITEMS_MAX || out->n_bytes + bytes > BYTES_MAX)
        return -1;
    struct item *item = item_new(out, shard, seq, bytes);
    if (!item)
        return -1;
    rd_kafka_resp_err_t code = produce(out, out->live->topic[i], entry, now_ms, item);
    if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL || code == RD_KAFKA_RESP_ERR__FATAL) {
        item_free(item); /* after a fatal error the rebuild is under way */
        return -1;
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        settle(item, rd_kafka_err2str(code));
    return 0;
}

/* ---- birth and end ---- */

struct kafka_out *kafka_out_new(uv_loop_t *loop, const struct config *config, const struct kafka_out_events *events,
                                char *err, size_t err_cap)
{
    struct kafka_out *out = calloc(1, sizeof *out);
    if (!out || client_wake_start(&out->wake, loop, on_wake) != 0) {
        snprintf(err, err_cap, "no memory or no eventfd on the loop");
        free(out);
        return NULL;
    }
    out->config = config;
    out->events = *events;
    out->ring.next = out->ring.prev = &out->ring;
    uv_timer_init(loop, &out->timer);
    out->open_handles = 2;
    out->wake.poll.data = out->timer.data = out;
    out->live = generation_new(out, err, err_cap);
    if (!out->live) {
        kafka_out_close(out, 0);
        return NULL;
    }
    uv_timer_start(&out->timer, on_timer, HEART_MS, HEART_MS);
    return out;
}

static void on_closed(uv_handle_t *handle)
{
    struct kafka_out *out = handle->data;
    if (--out->open_handles > 0)
        return;
    close(out->wake.fd);
    free(out);
}

/* Reports of entries that make it in time still arrive. */
static void flush(struct kafka_out *out, int64_t deadline_ms)
{
    uint64_t end = uv_hrtime() + (uint64_t)deadline_ms * 1000000;
    while (out->n_items && !out->live->fatal && uv_hrtime() < end)
        rd_kafka_flush(out->live->rk, 50);
}

void kafka_out_close(struct kafka_out *out, int64_t deadline_ms)
{
    if (!out)
        return;
    if (out->live)
        flush(out, deadline_ms);
    if (out->live)
        generation_end(out->live, deadline_ms < HEART_MS ? HEART_MS : deadline_ms);
    out->live = NULL;
    while (out->ring.next != &out->ring)
        item_free(out->ring.next); /* NOLINT(clang-analyzer-unix.Malloc): it unlinks, so next is another one */
    uv_close((uv_handle_t *)&out->wake.poll, on_closed);
    uv_close((uv_handle_t *)&out->timer, on_closed);
}
