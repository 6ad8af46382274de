/* What a seed is made of, and what goes wrong in it. Faults come at random instants of the first seconds; then there is quiet, and everything has to
 * come to its end. Who is killed comes back. */
#include <stdlib.h>

#include "broker.h"
#include "daemon/judge_int.h"
#include "server.h"

#define HOUR_MS INT64_C(3600000)

/* The whole catalogue costs four times as much. */
enum {
    WHOLE_ONE_IN = 24,
    DAMAGE_ONE_IN = 12,
    DAMAGE_MORE_ONE_IN = 7,
    GROWS_ONE_IN = 16,
    SETTINGS_ONE_IN = 6,
    RELOADS_ONE_IN = 6,
    LATE_ONE_IN = 8,
    FIRST_DAY_MAX = 30,
    FINALITY_ONE_IN = 12
};

/* How long something waits goes by the newest event of its partition, which with one partition is the newest of all. */
static void plan_finality(struct sim *w)
{
    struct plan *p = &w->plan;
    if (p->damage)
        return;
    p->finality = true;
    p->partitions = 1;
    w->own = *w->config;
    w->own.defs.orphan_wait_ms = (int64_t)dice_between(&w->more_dice, 6, 120) * HOUR_MS;
    w->own.defs.erase_final_ms = (int64_t)dice_between(&w->more_dice, 6, 120) * HOUR_MS;
    w->config = &w->own;
}

/* What only some seeds have; by other dice, so that the rest of a seed stays as it is. */
static void plan_more(struct sim *w)
{
    struct dice *d = &w->more_dice;
    struct plan *p = &w->plan;
    if (w->plain)
        return;
    if (w->reloading || (!w->slow && dice_one_in(&w->reload_dice, RELOADS_ONE_IN)))
        p->reloads = (uint32_t)dice_between(&w->reload_dice, 1, 6);
    p->changes = p->reloads && !p->whole && dice_one_in(&w->change_dice, 2);
    p->settings = dice_one_in(d, SETTINGS_ONE_IN);
    if (dice_one_in(d, w->slow ? DAMAGE_ONE_IN : DAMAGE_MORE_ONE_IN)) {
        p->damage = (enum damage)dice_between(d, DAMAGE_NONE + 1, DAMAGES - 1);
        p->later = (uint32_t)dice_between(d, 5, 60);
        /* Something has to be read before, and what was read committed to the group where only that tells it. */
        p->quiet_us += p->produce_us + dice_between(d, p->damage == DAMAGE_EMPTIED ? 1500 : 300, 2500) * SIM_MS;
    }
    if (dice_one_in(d, FINALITY_ONE_IN))
        plan_finality(w);
    if (dice_one_in(d, GROWS_ONE_IN) && !p->finality) {
        p->partitions = (uint32_t)dice_between(d, 1, PARTITIONS_MAX / 2);
        p->grows_to = 2 * p->partitions;
        p->produce_us += dice_between(d, 500, 2000) * SIM_MS;
        p->quiet_us += p->produce_us / 2;
    }
    /* What comes after the damage is of later days, and nothing of earlier ones may come behind it. */
    if (p->damage && p->quiet_us < p->produce_us + 300 * SIM_MS)
        p->quiet_us = p->produce_us + 300 * SIM_MS;
    /* What is too late goes by the newest event of its partition: each has to have one, for good. */
    if (!p->damage && !p->grows_to && dice_one_in(d, LATE_ONE_IN))
        p->too_late = (uint32_t)dice_between(d, 1, 5);
}

/* What makes a seed cheap, so that there can be many: mostly short histories, near what everybody is known by, with the faults soon after one another; half of
 * them without rows of the kpis topic. */
static void plan_cheap(struct sim *w)
{
    struct dice *d = &w->more_dice;
    struct plan *p = &w->plan;
    if (!dice_one_in(d, 3))
        p->events = 1 + (uint32_t)dice_below(d, dice_one_in(d, 2) ? 8 : 24);
    if (p->faults && !dice_one_in(d, 3))
        p->quiet_us = dice_between(d, 150, 700) * SIM_MS;
    p->first_day = (uint32_t)dice_below(d, dice_one_in(d, 3) ? FIRST_DAY_MAX + 1 : 5);
    p->mute = dice_one_in(d, 2);
}

void plan_make(struct sim *w)
{
    struct dice *d = &w->dice;
    struct plan *p = &w->plan;
    p->nodes = 1 + (uint32_t)dice_below(d, NODES_MAX);
    p->partitions = 1 + (uint32_t)dice_below(d, 3);
    p->shards = dice_one_in(d, 3) ? 2 : 1;
    p->events = 10 + (uint32_t)dice_below(d, dice_one_in(d, 4) ? 110 : 40);
    p->produce_us = dice_one_in(d, 2) ? 0 : dice_between(d, 50, 900) * SIM_MS;
    p->conflicts = dice_one_in(d, 2);
    p->faults = dice_one_in(d, 8) ? 0 : 1 + (uint32_t)dice_below(d, dice_one_in(d, 4) ? 14 : 5);
    p->whole = w->plain || dice_one_in(&w->more_dice, w->slow ? WHOLE_ONE_IN : 2 * WHOLE_ONE_IN);
    w->config = w->catalogues->by[p->whole ? CATALOGUE_WHOLE : CATALOGUE_SMALL][p->shards - 1];
    p->quiet_us = p->faults ? dice_between(d, 200, 2500) * SIM_MS : 0;
    p->first_day = FIRST_DAY_MAX;
    if (!w->slow)
        plan_cheap(w);
    w->lineage.rebuild =
        true; /* Redis may come back as it was before anything was read: then everything is read again */
    plan_more(w);
}

static struct node *any_node(struct sim *w)
{
    return w->node[dice_below(&w->dice, w->plan.nodes)];
}

static void on_start(struct sim *w, void *arg, uint64_t tag)
{
    struct node *n = arg;
    (void)tag;
    if (!n->d && !w->down)
        node_start(n);
}

/* Mostly soon, so that its own lease and membership stand yet. */
static void start_later(struct sim *w, struct node *n)
{
    sim_at(w, w->now_us + dice_between(&w->dice, 1, dice_one_in(&w->dice, 3) ? 1500 : 200) * SIM_MS, on_start, n, 0);
}

static void crash(struct sim *w)
{
    struct node *n = any_node(w);
    if (!node_alive(n))
        return;
    node_crash(n);
    start_later(w, n);
}

/* Started again when it is gone: on_return. */
static void on_return(struct sim *w, void *arg, uint64_t tag)
{
    struct node *n = arg;
    (void)tag;
    if (n->d)
        sim_at(w, w->now_us + 50 * SIM_MS, on_return, n, 0);
    else if (!w->down)
        node_start(n);
}

static void terminate(struct sim *w)
{
    struct node *n = any_node(w);
    if (!node_alive(n))
        return;
    node_terminate(n);
    sim_at(w, w->now_us + dice_between(&w->dice, 20, 800) * SIM_MS, on_return, n, 0);
}

static void stand_still(struct node *n)
{
    struct dice *d = &n->w->dice;
    node_freeze(n, n->w->now_us + dice_between(d, 5, dice_one_in(d, 2) ? 1900 : 100) * SIM_MS);
}

static bool in_a_call(const struct node *n)
{
    for (uint32_t s = 0; s < n->d->n_shards; s++)
        if (n->d->shard[s].judge->busy || n->d->shard[s].flushing)
            return true;
    return false;
}

/* `tag`: how often to look again for a moment at which an answer of Redis is awaited: what follows on it then comes from a zombie. */
static void on_freeze(struct sim *w, void *arg, uint64_t tag)
{
    struct node *n = arg;
    if (!node_alive(n))
        return;
    if (in_a_call(n) || !tag)
        stand_still(n);
    else
        sim_at(w, w->now_us + 50 + dice_below(&w->dice, 500), on_freeze, n, tag - 1);
}

static void freeze(struct sim *w)
{
    on_freeze(w, any_node(w), dice_one_in(&w->dice, 3) ? 0 : 100);
}

static void break_connections(struct sim *w)
{
    conns_break(any_node(w));
}

static void kill_server(struct sim *w)
{
    double keep = dice_one_in(&w->dice, 2) ? 1 : 0.5 + (double)dice_below(&w->dice, 50) / 100;
    server_kill(w->server, dice_below(&w->dice, 300) * SIM_MS, dice_below(&w->dice, 100) * SIM_MS, keep);
}

static void freeze_server(struct sim *w)
{
    server_freeze(w->server, w->now_us + dice_between(&w->dice, 5, 1200) * SIM_MS);
}

/* Redis forgets that a daemon claimed its partitions, and others claim them with the numbers that it holds, while it stands still. */
static void lose_claims(struct sim *w)
{
    node_freeze(any_node(w), w->now_us + dice_between(&w->dice, 1050, 1900) * SIM_MS);
    server_kill(w->server, dice_below(&w->dice, 50) * SIM_MS, 0, (double)dice_below(&w->dice, 80) / 100);
}

static void refuse(struct sim *w)
{
    static const char *const errors[] = {
        "OOM command not allowed when used memory > 'maxmemory'.",
        "MISCONF Redis is configured to save RDB snapshots, but it is currently unable to persist to disk.",
        "NOREPLICAS Not enough good replicas to write.",
        "BUSY Redis is busy running a script.",
        "READONLY You can't write against a read only replica.",
    };
    server_refuse(w->server, errors[dice_below(&w->dice, sizeof errors / sizeof errors[0])],
                  w->now_us + dice_between(&w->dice, 1, 600) * SIM_MS);
}

static void forget_scripts(struct sim *w)
{
    sim_trace(w, "redis forgets its scripts");
    server_forget_scripts(w->server);
}

static void no_output(struct sim *w)
{
    w->broker->no_output_until_us = w->now_us + dice_between(&w->dice, 5, 700) * SIM_MS;
    sim_trace(w, "output fails until %llu ms", (unsigned long long)(w->broker->no_output_until_us / SIM_MS));
}

static void rebalance(struct sim *w)
{
    group_rebalance(w->broker);
}

static const struct {
    void (*happens)(struct sim *w);
    enum kind kind;
} kinds[] = {
    { crash, KIND_KILL },
    { crash, KIND_KILL },
    { crash, KIND_KILL },
    { terminate, KIND_TERMINATE },
    { freeze, KIND_STANDSTILL },
    { break_connections, KIND_NETWORK },
    { break_connections, KIND_NETWORK },
    { kill_server, KIND_REDIS_KILL },
    { refuse, KIND_REFUSAL },
    { forget_scripts, KIND_SCRIPTS },
    { refuse, KIND_REFUSAL },
    { freeze_server, KIND_REDIS_STANDSTILL },
    { no_output, KIND_OUTPUT },
    { rebalance, KIND_REBALANCE },
    { lose_claims, KIND_LOST_CLAIMS },
};

static void on_fault(struct sim *w, void *arg, uint64_t tag)
{
    (void)arg, (void)tag;
    if (w->faults_over)
        return;
    const uint64_t i = dice_below(&w->dice, sizeof kinds / sizeof kinds[0]);
    w->had |= 1u << kinds[i].kind;
    kinds[i].happens(w);
}

static void on_quiet(struct sim *w, void *arg, uint64_t tag)
{
    (void)arg, (void)tag;
    sim_trace(w, "no more faults");
    if (w->plan.damage)
        lineage_begin(w);
    else
        w->faults_over = true;
}

/* Also after the faults, and then to a daemon that has settled. */
static void on_reload(struct sim *w, void *arg, uint64_t tag)
{
    (void)arg, (void)tag;
    if (!w->down)
        node_reload(w->node[dice_below(&w->reload_dice, w->plan.nodes)]);
}

static void on_grow(struct sim *w, void *arg, uint64_t tag)
{
    (void)arg, (void)tag;
    broker_grow(w->broker, w->plan.grows_to);
}

void faults_begin(struct sim *w)
{
    if (w->plan.grows_to)
        sim_at(w, dice_below(&w->more_dice, w->plan.produce_us), on_grow, NULL, 0);
    for (uint32_t i = 0; i < w->plan.reloads; i++)
        sim_at(w, dice_below(&w->reload_dice, w->plan.quiet_us + 1000 * SIM_MS), on_reload, NULL, 0);
    for (uint32_t i = 0; i < w->plan.nodes; i++)
        sim_at(w, i ? dice_below(&w->dice, 600) * SIM_MS : 0, on_start, w->node[i], 0);
    for (uint32_t i = 0; i < w->plan.faults; i++)
        sim_at(w, dice_below(&w->dice, w->plan.quiet_us), on_fault, NULL, 0);
    sim_at(w, w->plan.quiet_us, on_quiet, NULL, 0);
}
