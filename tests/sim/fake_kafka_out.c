/* daemon/kafka/kafka_out.c on the fake broker. What is sent arrives later, in order; it may fail, and it may have arrived though it is said to have failed. */
#include <stdlib.h>
#include <string.h>

#include "broker.h"
#include "crmpulse/kafka_out.h"

struct kafka_out {
    struct node *node;
    struct kafka_out_events events;
    uint64_t last_us;
};

struct entry {
    struct node *node;
    uint64_t incarnation, seq;
    uint32_t shard;
    bool delivered;
    struct slice topic, id, payload; /* copies behind the struct */
};

struct kafka_out *kafka_out_new(uv_loop_t *loop, const struct config *config, const struct kafka_out_events *events,
                                char *err, size_t err_cap)
{
    struct kafka_out *out = calloc(1, sizeof *out);
    (void)loop, (void)config;
    if (err_cap)
        *err = 0;
    if (!out)
        abort();
    out->node = sim_running;
    out->events = *events;
    out->node->out = out;
    return out;
}

void kafka_out_close(struct kafka_out *out, int64_t deadline_ms)
{
    (void)deadline_ms;
    if (!out)
        return;
    out->node->out = NULL;
    free(out);
}

static void run_report(void *arg)
{
    struct entry *e = arg;
    struct node *n = e->node;
    if (n->out && !n->dead && n->incarnation == e->incarnation) {
        const struct kafka_out_events *ev = &n->out->events;
        if (e->delivered)
            ev->delivered(ev->ctx, e->shard, e->seq);
        else
            ev->failed(ev->ctx, e->shard, e->seq, "Local: Message timed out");
    }
    free(e);
}

static void on_report(struct sim *w, void *arg, uint64_t tag)
{
    struct entry *e = arg;
    (void)w, (void)tag;
    if (node_alive(e->node) && e->node->incarnation == e->incarnation)
        node_post(e->node, run_report, e);
    else
        free(e);
}

static void on_broker(struct sim *w, void *arg, uint64_t tag)
{
    struct entry *e = arg;
    bool down = w->now_us < w->broker->no_output_until_us;
    bool gone = !node_alive(e->node) || e->node->incarnation != e->incarnation;
    (void)tag;
    if (gone && dice_one_in(&w->dice, 2)) { /* the process died before it was on the wire */
        free(e);
        return;
    }
    bool arrives = !down || dice_one_in(&w->dice, 3);
    if (arrives)
        broker_publish(w->broker, e->topic, e->id, e->payload);
    e->delivered = arrives && !(down && dice_one_in(&w->dice, 2));
    w->n_undelivered += !e->delivered;
    sim_at(w, w->now_us + 100 + dice_below(&w->dice, 4000), on_report, e, 0);
}

int kafka_out_send(struct kafka_out *out, uint32_t shard, uint64_t seq, const struct store_out *entry, int64_t now_ms)
{
    struct sim *w = out->node->w;
    (void)now_ms;
    if (dice_one_in(&w->dice, 200))
        return -1;
    struct entry *e = malloc(sizeof *e + entry->topic.n + entry->id.n + entry->payload.n);
    if (!e)
        abort();
    char *to = (char *)(e + 1);
    *e =
        (struct entry){ out->node, out->node->incarnation, seq, shard, false, entry->topic, entry->id, entry->payload };
    struct slice *copy[] = { &e->topic, &e->id, &e->payload };
    for (int i = 0; i < 3; i++) {
        if (copy[i]->n)
            memcpy(to, copy[i]->p, copy[i]->n);
        copy[i]->p = to;
        to += copy[i]->n;
    }
    uint64_t at = w->now_us + 200 + dice_below(&w->dice, 3000);
    out->last_us = at > out->last_us ? at : out->last_us;
    if (out->node->dead)
        free(e);
    else
        sim_at(w, out->last_us, on_broker, e, 0);
    return 0;
}
