/* One seed: the world is made, runs until nothing is left to do, is compared, and taken down. */
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "broker.h"
#include "check.h"
#include "daemon/judge_int.h"
#include "server.h"

enum { LOOK_EVERY = 32, TAKE_DOWN_MAX = 100000, IDLE_SOON_MS = 100 };
#define PATIENCE_US (UINT64_C(40) * 1000 * SIM_MS) /* after the last fault everything has to end within it */

/* A topic that has grown gets records in the new partitions once every daemon knows of them. */
static uint32_t partition_for(struct sim *w, uint32_t happening)
{
    if (!w->plan.grows_to || w->broker->n_parts < w->plan.grows_to)
        return w->history->v[happening].partition;
    for (uint32_t i = 0; i < w->plan.nodes; i++) {
        const struct daemon *d = w->node[i]->d;
        if (d && (!d->sizes.known || d->sizes.size[0] < (int32_t)w->broker->n_parts))
            return w->history->v[happening].partition;
    }
    return (uint32_t)dice_below(&w->more_dice, w->broker->n_parts);
}

static void on_append(struct sim *w, void *arg, uint64_t tag)
{
    const uint32_t partition = partition_for(w, (uint32_t)tag);
    (void)arg;
    broker_append(w->broker, partition, (uint32_t)tag);
    if (dice_one_in(&w->history_dice, 12))
        broker_skip(w->broker, partition, 1 + (uint32_t)dice_below(&w->history_dice, 3));
}

static void make(struct sim *w)
{
    plan_make(w);
    w->broker = broker_new(w);
    w->history = history_new(w);
    w->server = server_new(w);
    for (uint32_t i = 0; i < w->plan.nodes; i++) {
        w->node[i] = calloc(1, sizeof *w->node[i]);
        if (!w->node[i])
            abort();
        w->node[i]->w = w;
        w->node[i]->index = i;
    }
    for (uint32_t i = 0; i < w->history->n_first; i++)
        sim_at(w, w->plan.produce_us * i / w->history->n_first, on_append, NULL, i);
    faults_begin(w);
    sim_trace(w, "orphans wait %lld h, erasures become final after %lld h",
              (long long)w->config->defs.orphan_wait_ms / 3600000, (long long)w->config->defs.erase_final_ms / 3600000);
    sim_trace(w, "seed %llu: %u daemons, %u partitions, %u shards, %u records, %u faults", (unsigned long long)w->seed,
              w->plan.nodes, w->plan.partitions, w->plan.shards, w->history->n, w->plan.faults);
}

/* Who has partitions has read all of those that are not halted. */
static bool has_read(const struct daemon *d)
{
    const struct ingest *in = &d->ingest;
    if (in->state != INGEST_RUNNING || in->n_messages || in->waiting)
        return false;
    for (uint32_t i = 0; i < in->n_parts; i++)
        if (in->part[i].state != PART_HALTED && !in->part[i].idle)
            return false;
    for (uint32_t s = 0; s < d->n_shards; s++)
        if (d->shard[s].flushing || d->shard[s].moved)
            return false;
    return true;
}

/* At the ends of the logs of all its partitions, or as far as it goes. */
static bool at_ends(const struct daemon *d)
{
    const struct ingest *in = &d->ingest;
    for (uint32_t i = 0; i < in->n_parts; i++)
        if (in->part[i].state != PART_HALTED && !in->part[i].eof_at_ms)
            return false;
    return in->state == INGEST_RUNNING && !in->n_messages && !in->waiting;
}

/* A partition is idle after longer than anybody stands still, or a daemon that wakes would call partitions idle which it has not looked at. Once nobody stands
 * still any more and all is read, nothing happens until then but asking and waiting: the rest of it is left out. */
static void hasten(struct sim *w)
{
    if (w->slow || w->idle_soon_ms || w->now_us < w->plan.quiet_us || w->now_us < w->plan.produce_us || w->down)
        return;
    for (uint32_t i = 0; i < w->plan.nodes; i++)
        if (!node_alive(w->node[i]) || w->node[i]->frozen_until_us > w->now_us || !at_ends(w->node[i]->d))
            return;
    w->idle_soon_ms = IDLE_SOON_MS;
    for (uint32_t i = 0; i < w->plan.nodes; i++)
        w->node[i]->config.run.idle_timeout_ms = IDLE_SOON_MS;
    sim_trace(w, "all is read");
}

/* Who holds a lease has judged all. Whether the others have noticed that somebody judges does not matter. */
static bool has_judged(const struct daemon *d, bool *judged)
{
    for (uint32_t s = 0; s < d->n_shards; s++) {
        const struct shard *shard = &d->shard[s];
        const bool holds = shard->judge->lease_epoch != 0;
        if (!publish_settled(shard->publish) ||
            (holds && (!judge_settled(shard->judge) || !orphans_settled(shard) || shard->clean.state != CLEAN_IDLE)))
            return false;
        judged[s] |= holds;
    }
    return true;
}

bool sim_at_rest(const struct sim *w)
{
    for (uint32_t i = 0; i < w->plan.nodes; i++) {
        const struct node *n = w->node[i];
        if (!node_alive(n) || n->d->stopping || n->frozen_until_us > w->now_us || !has_read(n->d))
            return false;
    }
    return true;
}

static bool ended(const struct sim *w)
{
    bool judged[SHARDS_MAX] = { false };
    if (!w->faults_over || !sim_at_rest(w))
        return false;
    for (uint32_t i = 0; i < w->plan.nodes; i++)
        if (!has_judged(w->node[i]->d, judged))
            return false;
    return judged[0] && (w->plan.shards == 1 || judged[1]) && !server_untold(w->server);
}

static void stuck(struct sim *w)
{
    char text[600] = "";
    int n = 0;
    for (uint32_t i = 0; i < w->plan.nodes; i++) {
        const struct daemon *d = w->node[i]->d;
        n += snprintf(text + n, sizeof text - (size_t)n, "; node %u: %s", i, d ? "" : "gone");
        if (d)
            n += snprintf(text + n, sizeof text - (size_t)n, "ingest state %d, %u parts, %u rewinds",
                          (int)d->ingest.state, d->ingest.n_parts, d->ingest.rewinds);
        for (uint32_t k = 0; d && k < d->ingest.n_parts; k++)
            n +=
                snprintf(text + n, sizeof text - (size_t)n, ", part %d %d idle=%d at %lld", d->ingest.part[k].partition,
                         (int)d->ingest.part[k].state, d->ingest.part[k].idle, (long long)d->ingest.part[k].position);
        for (uint32_t k = 0; d && k < d->n_shards; k++)
            n += snprintf(text + n, sizeof text - (size_t)n, ", shard %u store %d judge settled=%d published=%d", k,
                          (int)d->shard[k].store_state, judge_settled(d->shard[k].judge),
                          publish_settled(d->shard[k].publish));
    }
    sim_violation(w, "nothing moves any more, or nothing ends%s", text);
}

static bool step(struct sim *w)
{
    struct node *first = NULL;
    struct sim_event e;
    uint64_t at = w->n_events ? w->heap[0].at_us : SIM_NEVER;
    for (uint32_t i = 0; i < w->plan.nodes; i++)
        if (node_wake_us(w->node[i]) < at) {
            first = w->node[i];
            at = node_wake_us(first);
        }
    if (at == SIM_NEVER || at > w->lineage.until_us + w->plan.quiet_us + w->plan.produce_us + PATIENCE_US) {
        stuck(w);
        return false;
    }
    w->now_us = at > w->now_us ? at : w->now_us;
    w->steps++;
    if (first)
        node_turn(first);
    else if (sim_next(w, &e))
        e.run(w, e.arg, e.tag);
    return !w->failed;
}

static void take_down(struct sim *w)
{
    struct sim_event e;
    w->faults_over = w->down = true;
    for (uint32_t i = 0; i < w->plan.nodes; i++)
        if (w->node[i]->d)
            node_crash(w->node[i]);
    server_kill(w->server, SIM_NEVER / 4, 0, 1);
    w->plan.nodes = 0; /* nobody is started any more */
    /* What is under way ends; something that always begins anew does not. */
    for (uint32_t left = TAKE_DOWN_MAX; left && sim_next(w, &e); left--)
        e.run(w, e.arg, e.tag);
    for (uint32_t i = 0; i < NODES_MAX; i++)
        node_free(w->node[i]);
    server_free(w->server);
    broker_free(w->broker);
    history_free(w->history);
}

/* What left and when: two runs that differ in anything come to differ in it. */
static uint64_t digest(const struct sim *w)
{
    const uint64_t told[] = {
        w->steps,     w->now_us,    w->order,    w->n_crashes,     w->n_restarts,     w->n_lost,
        w->n_rewinds, w->n_refused, w->n_frozen, w->n_undelivered, w->n_rows_missing, w->n_extra
    };
    const struct broker *b = w->broker;
    uint64_t hash = XXH3_64bits(told, sizeof told);
    for (uint32_t i = 0; i < b->out_slots; i++)
        if (b->out[i].times) {
            hash = XXH3_64bits_withSeed(b->out[i].id.p, b->out[i].id.n, hash + b->out[i].times);
            hash = XXH3_64bits_withSeed(b->out[i].payload.p, b->out[i].payload.n, hash);
        }
    return hash;
}

bool sim_run(struct sim *w)
{
    make(w);
    while (step(w) && (w->steps % LOOK_EVERY || !ended(w)))
        if (w->steps % LOOK_EVERY == 0)
            hasten(w);
    if (!w->failed)
        check_end(w);
    const bool ok = !w->failed;
    w->digest = digest(w);
    bool trace = w->trace;
    w->trace = false;
    take_down(w);
    w->trace = trace;
    return ok;
}
