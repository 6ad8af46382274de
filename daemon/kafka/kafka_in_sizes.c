/* How many partitions the input topics have, asked off the loop: librdkafka's request for metadata blocks. */
#include <stdlib.h>
#include <string.h>

#include "kafka_in_int.h"

enum { ASK_MS = 300 };

/* -1: not known now. */
static int32_t size_of(rd_kafka_t *rk, const char *name)
{
    const struct rd_kafka_metadata *found = NULL;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, name, NULL);
    int32_t n = -1;
    if (topic && rd_kafka_metadata(rk, 0, topic, &found, ASK_MS) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (found->topic_cnt == 1 && found->topics[0].err == RD_KAFKA_RESP_ERR_NO_ERROR)
            n = found->topics[0].partition_cnt;
        rd_kafka_metadata_destroy(found);
    }
    if (topic)
        rd_kafka_topic_destroy(topic);
    return n;
}

/* In a thread of the pool; it touches nothing but what belongs to the question, and the client. */
static void ask(uv_work_t *work)
{
    struct kafka_in *in = work->data;
    struct sizes_question *q = &in->sizes;
    for (uint32_t i = 0; i < q->n; i++)
        q->size[i] = atomic_load(&q->stop) ? -1 : size_of(in->rk, q->topic[i]);
    uv_sem_post(&q->over);
}

static void on_answer(uv_work_t *work, int status)
{
    struct kafka_in *in = work->data;
    struct sizes_question *q = &in->sizes;
    bool known = status == 0;
    for (uint32_t i = 0; i < q->n; i++)
        known &= q->size[i] > 0;
    q->asking = false;
    if (!in->closing)
        q->answer(in->events.ctx, known ? q->size : NULL, q->n);
    uv_sem_destroy(&q->over);
    kafka_in_unref(in);
}

int kafka_in_sizes(struct kafka_in *in, kafka_in_sizes_cb answer)
{
    struct sizes_question *q = &in->sizes;
    if (q->asking || in->closing || uv_sem_init(&q->over, 0) < 0)
        return -1;
    q->answer = answer;
    q->work.data = in;
    atomic_store(&q->stop, false);
    if (uv_queue_work(in->timer.loop, &q->work, ask, on_answer) < 0) {
        uv_sem_destroy(&q->over);
        return -1;
    }
    q->asking = true;
    in->open_handles++;
    return 0;
}

void kafka_in_sizes_end(struct kafka_in *in)
{
    struct sizes_question *q = &in->sizes;
    if (!q->asking)
        return;
    atomic_store(&q->stop, true);
    if (uv_cancel((uv_req_t *)&q->work) != 0)
        uv_sem_wait(&q->over);
}
