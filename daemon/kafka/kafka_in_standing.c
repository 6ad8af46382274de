/* Where partitions stand: the ends of their logs and what the group has committed. Asked off the loop, by a client of its own: librdkafka's requests for
 * them block, in 2.0.2 for as long as socket.timeout.ms when a broker is away, and the consumer's own client must be able to end at any time. */
#include <stdio.h>
#include <stdlib.h>

#include "kafka_in_int.h"

/* A second, so that a broker that is silent does not hold up the end; doubled while that is not enough (a slow name server), for every question connects
 * anew. */
enum { ANSWER_MS = 1000, DOUBLED_MAX = 3 };

static const struct client_setting defaults[] = { { NULL, NULL } };

static const struct client_setting fixed[] = {
    { "enable.auto.commit", "false" },
    { "enable.auto.offset.store", "false" },
    { "socket.timeout.ms", "1000" },
    { NULL, NULL },
};

/* Reads the group's offsets without being a member. */
static rd_kafka_t *connect_probe(const struct config *config)
{
    char err[256];
    rd_kafka_conf_t *conf = client_conf(config, defaults, fixed, err, sizeof err);
    rd_kafka_t *rk = NULL;
    if (conf && client_set(conf, "group.id", config->kafka.group, err, sizeof err) == 0)
        rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, err, sizeof err);
    if (conf && !rk)
        rd_kafka_conf_destroy(conf);
    return rk;
}

static rd_kafka_topic_partition_list_t *list_of(const struct standing_question *q)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)q->n + 1);
    for (uint32_t i = 0; i < q->n; i++) {
        char name[256]; /* a topic's name has at most 249 bytes */
        snprintf(name, sizeof name, "%.*s", (int)q->v[i].topic.n, q->v[i].topic.p);
        rd_kafka_topic_partition_list_add(list, name, q->v[i].partition);
    }
    return list;
}

static int wait_ms(const struct standing_question *q)
{
    return ANSWER_MS << (q->failed < DOUBLED_MAX ? q->failed : DOUBLED_MAX);
}

static void ask_committed(rd_kafka_t *rk, struct standing_question *q, rd_kafka_topic_partition_list_t *list)
{
    bool known = rd_kafka_committed(rk, list, wait_ms(q)) == RD_KAFKA_RESP_ERR_NO_ERROR;
    for (uint32_t i = 0; i < q->n; i++) {
        const rd_kafka_topic_partition_t *p = &list->elems[i];
        if (known && p->err == RD_KAFKA_RESP_ERR_NO_ERROR)
            q->v[i].committed = p->offset < 0 ? -1 : p->offset;
    }
}

/* A broker that is silent costs wait_ms: the rest stays unknown then. */
static void ask_ends(rd_kafka_t *rk, struct standing_question *q, const rd_kafka_topic_partition_list_t *list)
{
    bool silent = false;
    for (uint32_t i = 0; i < q->n && !silent && !atomic_load(&q->stop); i++) {
        const rd_kafka_topic_partition_t *p = &list->elems[i];
        int64_t low, high;
        rd_kafka_resp_err_t code =
            rd_kafka_query_watermark_offsets(rk, p->topic, p->partition, &low, &high, wait_ms(q));
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
            q->v[i].low = low;
            q->v[i].high = high;
        }
        silent = code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__TRANSPORT;
    }
}

/* In a thread of the pool; it touches nothing but what belongs to the question. */
static void ask(uv_work_t *work)
{
    struct kafka_in *in = work->data;
    struct standing_question *q = &in->standing;
    rd_kafka_t *rk = atomic_load(&q->stop) ? NULL : connect_probe(in->config);
    if (!rk)
        return;
    rd_kafka_topic_partition_list_t *list = list_of(q);
    ask_committed(rk, q, list);
    ask_ends(rk, q, list);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy_flags(rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

static void on_answer(uv_work_t *work, int status)
{
    struct kafka_in *in = work->data;
    struct standing_question *q = &in->standing;
    struct kafka_standing *v = q->v;
    (void)status; /* cancelled: nothing is known */
    q->asking = false;
    q->v = NULL;
    uint32_t known = 0;
    for (uint32_t i = 0; i < q->n; i++)
        known += v[i].committed != KAFKA_UNKNOWN && v[i].low >= 0;
    q->failed = known == q->n ? 0 : q->failed + 1;
    if (!in->closing)
        q->answer(in->events.ctx, v, q->n);
    free(v);
    kafka_in_unref(in);
}

int kafka_in_standing(struct kafka_in *in, const struct store_part *parts, uint32_t n, kafka_in_standing_cb answer)
{
    struct standing_question *q = &in->standing;
    if (q->asking || in->closing)
        return -1;
    q->v = calloc(n + 1, sizeof *q->v);
    if (!q->v)
        return -1;
    for (uint32_t i = 0; i < n; i++)
        q->v[i] = (struct kafka_standing){ parts[i].topic, parts[i].partition, -1, -1, KAFKA_UNKNOWN };
    q->n = n;
    q->answer = answer;
    q->work.data = in;
    atomic_store(&q->stop, false);
    if (uv_queue_work(in->timer.loop, &q->work, ask, on_answer) < 0) {
        free(q->v);
        return -1;
    }
    q->asking = true;
    in->open_handles++;
    return 0;
}

void kafka_in_standing_end(struct kafka_in *in)
{
    struct standing_question *q = &in->standing;
    if (!q->asking)
        return;
    atomic_store(&q->stop, true);
    (void)uv_cancel((uv_req_t *)&q->work); /* under way: it ends by itself, within seconds */
}
