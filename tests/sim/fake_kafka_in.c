/* daemon/kafka/kafka_in.c on the fake broker: the same promises (include/crmpulse/kafka_in.h), other bytes. */
#include <stdlib.h>

#include "broker.h"
#include "crmpulse/kafka_in.h"

struct fetch {
    bool started, halted, told_end;
    int64_t position;
    uint64_t ready_us; /* nothing comes before */
};

struct kafka_in {
    struct node *node;
    uint64_t incarnation;
    struct kafka_in_events events;
    struct fetch fetch[PARTITIONS_MAX];
    bool assigned, paused, posted;
    uint64_t learns_us; /* when it learns that the group goes on without it; 0: it does not have to */
    uint32_t turn;
    kafka_in_sizes_cb sizes_cb;
    kafka_in_standing_cb standing_cb;
};

static struct broker *broker_of(const struct kafka_in *in)
{
    return in->node->w->broker;
}

static struct slice topic_of(const struct kafka_in *in)
{
    return slice_of(broker_of(in)->topic);
}

/* ---- waking up ---- */

static bool available(const struct kafka_in *in, uint32_t p)
{
    const struct fetch *f = &in->fetch[p];
    const struct log_part *log = &broker_of(in)->part[p];
    return f->started && !f->halted && !in->paused && in->node->w->now_us >= f->ready_us &&
           (f->position != log->end || !f->told_end);
}

static void run_readable(void *arg)
{
    struct node *n = arg;
    if (!n->in || !node_alive(n))
        return;
    n->in->posted = false;
    n->in->events.readable(n->in->events.ctx);
}

/* Looks again and again, at random distances, as fetches come in. */
static void on_look(struct sim *w, void *arg, uint64_t tag)
{
    struct node *n = arg;
    if (!node_alive(n) || n->incarnation != tag || !n->in)
        return;
    struct member *m = member_of(w->broker, n);
    bool wanted = !m || m->must_revoke || m->must_assign || m->out;
    for (uint32_t p = 0; p < w->broker->n_parts; p++)
        wanted |= available(n->in, p);
    if (wanted && !n->in->posted) {
        n->in->posted = true;
        node_post(n, run_readable, n);
    }
    sim_at(w, w->now_us + 1000 + dice_below(&w->dice, 30000), on_look, n, tag);
}

struct kafka_in *kafka_in_new(uv_loop_t *loop, const struct config *config, const struct kafka_in_events *events,
                              char *err, size_t err_cap)
{
    struct kafka_in *in = calloc(1, sizeof *in);
    (void)loop, (void)config;
    if (err_cap)
        *err = 0;
    if (!in)
        abort();
    in->node = sim_running;
    in->incarnation = in->node->incarnation;
    in->events = *events;
    in->node->in = in;
    group_join(in->node->w->broker, in->node);
    sim_at(in->node->w, in->node->w->now_us, on_look, in->node, in->incarnation);
    return in;
}

void kafka_in_close(struct kafka_in *in, int64_t deadline_ms)
{
    (void)deadline_ms;
    if (!in)
        return;
    struct node *n = in->node;
    if (!n->dead)
        group_leave(n->w->broker, n);
    n->in = NULL;
    free(in);
}

/* ---- reading ---- */

int kafka_in_start(struct kafka_in *in, const struct store_part *parts, uint32_t n)
{
    struct sim *w = in->node->w;
    for (uint32_t p = 0; p < PARTITIONS_MAX; p++)
        in->fetch[p].started = false;
    for (uint32_t i = 0; i < n; i++)
        in->fetch[parts[i].partition] = (struct fetch){
            .started = true,
            .position = parts[i].prev_next,
            .ready_us = w->now_us + dice_below(&w->dice, 5000),
        };
    in->paused = false;
    return 0;
}

static void give_back(struct kafka_in *in, struct member *m, struct store_part *parts)
{
    uint32_t n = 0;
    for (uint32_t p = 0; p < PARTITIONS_MAX; p++)
        if (in->fetch[p].started)
            parts[n++] = (struct store_part){ .topic = topic_of(in), .partition = (int32_t)p };
    if (in->assigned)
        in->events.revoked(in->events.ctx, parts, n);
    for (uint32_t p = 0; p < PARTITIONS_MAX; p++)
        in->fetch[p] = (struct fetch){ 0 };
    in->assigned = false;
    group_acked(broker_of(in), m);
}

/* Who was left out hears of it with an answer of the brokers. Until then it reads and flushes as if it owned its partitions: a zombie. */
static bool in_the_dark(struct kafka_in *in, const struct member *m)
{
    struct sim *w = in->node->w;
    if (m && !m->out) {
        in->learns_us = 0;
        return false;
    }
    if (!in->learns_us)
        in->learns_us = w->now_us + 1 + dice_below(&w->dice, 400 * SIM_MS);
    return w->now_us < in->learns_us;
}

static void serve_group(struct kafka_in *in)
{
    struct store_part parts[PARTITIONS_MAX];
    struct member *m = member_of(broker_of(in), in->node);
    if (in_the_dark(in, m))
        return;
    if (!m) { /* left out and forgotten: a new member */
        if (in->assigned)
            in->events.revoked(in->events.ctx, parts, 0);
        in->assigned = false;
        group_join(broker_of(in), in->node);
        return;
    }
    if (m->silent_since_us != SIM_NEVER && !m->out)
        m->silent_since_us = SIM_NEVER;
    if (m->must_revoke || m->out)
        give_back(in, m, parts);
    if (!m->must_assign)
        return;
    m->must_assign = false;
    in->assigned = true;
    in->paused = false;
    for (uint32_t i = 0; i < m->n_parts; i++)
        parts[i] = (struct store_part){ .topic = topic_of(in), .partition = m->part[i] };
    in->events.assigned(in->events.ctx, parts, m->n_parts);
}

static const struct record *record_at(const struct log_part *log, int64_t offset)
{
    uint32_t low = 0, high = log->n;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        if (log->record[mid].offset < offset)
            low = mid + 1;
        else
            high = mid;
    }
    return low < log->n ? &log->record[low] : NULL;
}

/* One step of one partition; true if a message was handed over. */
static bool step(struct kafka_in *in, uint32_t p, kafka_in_each each, void *ctx, bool *ret_stop)
{
    struct fetch *f = &in->fetch[p];
    const struct log_part *log = &broker_of(in)->part[p];
    if (f->position < 0)
        f->position = log->start;
    if (f->position < log->start || f->position > log->end) {
        f->halted = true;
        in->events.fault(in->events.ctx, KAFKA_FAULT_PARTITION, topic_of(in), (int32_t)p,
                         "Broker: Offset out of range");
        return false;
    }
    const struct record *r = record_at(log, f->position);
    if (!r) {
        f->position = log->end;
        f->told_end = true;
        in->events.end_of_partition(in->events.ctx, topic_of(in), (int32_t)p, log->end);
        return false;
    }
    f->position = r->offset + 1;
    f->told_end = false;
    const struct kafka_message m = { .topic = topic_of(in),
                                     .partition = (int32_t)p,
                                     .offset = r->offset,
                                     .timestamp_ms = -1,
                                     .value = r->value,
                                     .crc = r->crc };
    *ret_stop = each(ctx, &m) != 0;
    return true;
}

uint32_t kafka_in_drain(struct kafka_in *in, uint32_t max, kafka_in_each each, void *ctx)
{
    struct sim *w = in->node->w;
    uint32_t n = 0, idle = 0;
    bool stop = false;
    serve_group(in);
    /* A fetch brings some of what is there: batches have every size. */
    uint32_t most = 1 + (uint32_t)dice_below(&w->dice, dice_one_in(&w->dice, 3) ? 4 : 64);
    most = most < max ? most : max;
    while (n < most && !stop && idle < broker_of(in)->n_parts) {
        uint32_t p = in->turn % broker_of(in)->n_parts;
        if (!available(in, p)) {
            in->turn++;
            idle++;
            continue;
        }
        idle = 0;
        n += step(in, p, each, ctx, &stop);
        if (dice_one_in(&w->dice, 5))
            in->turn++;
    }
    return n;
}

int kafka_in_pause(struct kafka_in *in)
{
    in->paused = true;
    return 0;
}

int kafka_in_resume(struct kafka_in *in)
{
    in->paused = false;
    return 0;
}

int kafka_in_halt(struct kafka_in *in, struct slice topic, int32_t partition)
{
    (void)topic;
    in->fetch[partition].halted = true;
    return 0;
}

void kafka_in_commit(struct kafka_in *in, const struct store_part *parts, uint32_t n)
{
    for (uint32_t i = 0; i < n && !in->node->dead; i++)
        if (parts[i].next >= 0)
            broker_of(in)->part[parts[i].partition].committed = parts[i].next;
}

/* ---- where log and group stand ---- */

struct question {
    struct node *node;
    uint64_t incarnation;
    uint32_t n;
    struct kafka_standing v[PARTITIONS_MAX];
};

static void run_standing(void *arg)
{
    struct question *q = arg;
    struct kafka_in *in = q->node->in;
    if (in && !q->node->dead && in->incarnation == q->incarnation && in->standing_cb) {
        kafka_in_standing_cb answer = in->standing_cb;
        in->standing_cb = NULL;
        answer(in->events.ctx, q->v, q->n);
    }
    free(q);
}

/* The brokers answer now; some of it may not be known. */
static void on_standing_due(struct sim *w, void *arg, uint64_t tag)
{
    struct question *q = arg;
    (void)tag;
    if (!node_alive(q->node) || q->node->incarnation != q->incarnation) {
        free(q);
        return;
    }
    bool ends = !dice_one_in(&w->dice, 8), group = !dice_one_in(&w->dice, 8);
    for (uint32_t i = 0; i < q->n; i++) {
        const struct log_part *log = &w->broker->part[q->v[i].partition];
        q->v[i].low = ends ? log->start : -1;
        q->v[i].high = ends ? log->end : -1;
        q->v[i].committed = group ? log->committed : (int64_t)KAFKA_UNKNOWN;
    }
    node_post(q->node, run_standing, q);
}

int kafka_in_standing(struct kafka_in *in, const struct store_part *parts, uint32_t n, kafka_in_standing_cb answer)
{
    struct sim *w = in->node->w;
    if (in->standing_cb)
        return -1;
    struct question *q = calloc(1, sizeof *q);
    if (!q)
        abort();
    *q = (struct question){ .node = in->node, .incarnation = in->incarnation, .n = n };
    for (uint32_t i = 0; i < n; i++)
        q->v[i] = (struct kafka_standing){ .topic = topic_of(in), .partition = parts[i].partition };
    in->standing_cb = answer;
    sim_at(w, w->now_us + 300 + dice_below(&w->dice, 20000), on_standing_due, q, 0);
    return 0;
}

/* ---- sizes of topics ---- */

static void run_sizes(void *arg)
{
    struct node *n = arg;
    if (!n->in || !n->in->sizes_cb || n->dead)
        return;
    kafka_in_sizes_cb answer = n->in->sizes_cb;
    const int32_t size = (int32_t)n->w->broker->n_parts;
    n->in->sizes_cb = NULL;
    answer(n->in->events.ctx, dice_one_in(&n->w->dice, 6) ? NULL : &size, 1);
}

static void on_sizes_due(struct sim *w, void *arg, uint64_t tag)
{
    struct node *n = arg;
    (void)w;
    if (node_alive(n) && n->incarnation == tag)
        node_post(n, run_sizes, n);
}

int kafka_in_sizes(struct kafka_in *in, kafka_in_sizes_cb answer)
{
    struct sim *w = in->node->w;
    if (in->sizes_cb)
        return -1;
    in->sizes_cb = answer;
    sim_at(w, w->now_us + 500 + dice_below(&w->dice, 20000), on_sizes_due, in->node, in->incarnation);
    return 0;
}
