/* Processes: started, killed, stopped, frozen. A process that was killed is taken apart by its own shutdown, which then talks to nobody: that frees
 * its memory and shows nothing outside. What a killed process had sent is cut at a random place per connection (conns_cut, out_cut), which
 * is the same as killing it in the middle of a step. */
#include "node.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "broker.h"
#include "server.h"

bool node_alive(const struct node *n)
{
    return n->d && !n->dead;
}

void node_post(struct node *n, void (*run)(void *arg), void *arg)
{
    struct post *p = malloc(sizeof *p);
    if (!p)
        abort();
    *p = (struct post){ NULL, run, arg };
    *(n->loop.last ? &n->loop.last->next : &n->loop.first) = p;
    n->loop.last = p;
}

/* What an operator may change between two starts without changing a figure. */
static void other_settings(struct dice *d, struct config *c)
{
    c->kafka.batch_messages = (int64_t)dice_between(d, 1, 80);
    c->redis.flush_interval_ms = (int64_t)dice_between(d, 5, 150);
    c->redis.flush_records_max = (int64_t)dice_between(d, 20, 200);
    c->redis.flush_cells_max = (int64_t)dice_between(d, 50, 5000);
    c->redis.outbox_max = (int64_t)dice_between(d, 300, 2000);
    c->redis.record_cache_bytes = (int64_t)dice_between(d, 4096, 1 << 20);
    c->run.lease_ms = (int64_t)dice_between(d, 400, 1000);
}

/* Somebody writes another file. */
static void write_file(struct node *n)
{
    struct sim *w = n->w;
    const uint64_t more = CATALOGUES - CATALOGUE_MORE,
                   i = w->plan.changes ? dice_below(&w->change_dice, more + 1) : more;
    n->file = i < more ? w->catalogues->by[CATALOGUE_MORE + i][w->plan.shards - 1] : w->config;
    sim_trace(w, "node %u: its file has %u rules now", n->index, n->file->defs.n_rules);
}

/* What a seed changes holds in all files. */
static void take_definitions(const struct node *n, struct config *c)
{
    const struct definitions *own = &n->w->config->defs;
    c->defs = n->file->defs;
    c->defs.orphan_wait_ms = own->orphan_wait_ms;
    c->defs.erase_final_ms = own->erase_final_ms;
    c->n_switches = n->file->n_switches;
    c->switches = n->file->switches;
    c->booking = n->file->booking;
}

/* All share the definitions: nothing of them is freed. */
static struct config *read_again(void *ctx, struct config_problems *problems)
{
    struct node *n = ctx;
    struct config *c = malloc(sizeof *c);
    (void)problems;
    if (!c)
        abort();
    *c = n->config;
    c->sources_hash = ++n->reads;
    write_file(n);
    take_definitions(n, c);
    other_settings(&n->w->reload_dice, c);
    return c;
}

static void release_config(struct config *c)
{
    free(c);
}

void node_start(struct node *n)
{
    struct sim *w = n->w;
    n->incarnation++;
    n->dead = false;
    n->config = *w->config;
    n->hrtime_ns = (uint64_t)(n->index + 1) << 40;
    n->busy_until_us = n->frozen_until_us = 0;
    /* A lasting name or none: both kinds of start after a crash, with the lease taken back at once or waited for. */
    snprintf(n->instance_id, sizeof n->instance_id, "n%u", n->index);
    n->config.kafka.instance_id = dice_one_in(&w->dice, 2) ? n->instance_id : n->no_id;
    if (!n->file)
        write_file(n);
    take_definitions(n, &n->config);
    if (w->plan.settings)
        other_settings(&w->more_dice, &n->config);
    if (w->plan.mute)
        n->config.kafka.kpis = NULL;
    if (w->idle_soon_ms)
        n->config.run.idle_timeout_ms = w->idle_soon_ms;
    sim_trace(w, "node %u starts", n->index);
    sim_running = n;
    n->d = daemon_open(&n->config, &(struct daemon_options){ .rebuild = w->lineage.rebuild,
                                                             .accept_loss = w->lineage.accept_loss,
                                                             .read = read_again,
                                                             .release = release_config,
                                                             .read_ctx = n });
    if (!n->d || n->d->refused)
        sim_violation(w, "node %u cannot be started", n->index);
}

static void end_process(struct node *n)
{
    sim_running = n;
    n->loop.stop = false;
    (void)daemon_close(n->d);
    while (n->loop.first)
        loop_turn(&n->loop);
    loop_release(&n->loop);
    n->d = NULL;
    n->dead = false;
}

void node_crash(struct node *n)
{
    if (!node_alive(n))
        return;
    sim_trace(n->w, "node %u is killed", n->index);
    n->w->n_crashes++;
    n->dead = true;
    conns_cut(n);
    broker_gone(n);
    end_process(n);
}

void node_terminate(struct node *n)
{
    if (!node_alive(n) || n->d->stopping)
        return;
    sim_trace(n->w, "node %u gets SIGTERM", n->index);
    sim_running = n;
    loop_signal(&n->loop, SIGTERM);
}

void node_reload(struct node *n)
{
    if (!node_alive(n) || n->d->stopping)
        return;
    sim_trace(n->w, "node %u gets SIGHUP", n->index);
    n->w->n_reloads++;
    sim_running = n;
    loop_signal(&n->loop, SIGHUP);
}

void node_freeze(struct node *n, uint64_t until_us)
{
    if (!node_alive(n))
        return;
    sim_trace(n->w, "node %u stands still until %llu ms", n->index, (unsigned long long)(until_us / SIM_MS));
    n->w->n_frozen++;
    n->frozen_until_us = until_us;
    broker_frozen(n);
}

uint64_t node_wake_us(const struct node *n)
{
    if (!node_alive(n))
        return SIM_NEVER;
    uint64_t at = loop_next_timer_ms(&n->loop);
    at = at > SIM_NEVER / SIM_MS ? SIM_NEVER : at * SIM_MS;
    if (loop_busy(&n->loop))
        at = n->w->now_us;
    at = at < n->busy_until_us ? n->busy_until_us : at;
    return at < n->frozen_until_us ? n->frozen_until_us : at;
}

void node_turn(struct node *n)
{
    struct sim *w = n->w;
    sim_running = n;
    n->loop.now_ms = w->now_us / SIM_MS;
    loop_turn(&n->loop);
    n->busy_until_us = w->now_us + 20 + dice_below(&w->dice, dice_one_in(&w->dice, 16) ? 20000 : 300);
    if (!n->loop.stop)
        return;
    bool asked = n->d->stopping && !n->d->refused;
    sim_trace(w, "node %u ends%s", n->index, asked ? "" : " by itself");
    if (!asked)
        sim_violation(w, "node %u ended though nobody asked it to", n->index);
    end_process(n);
}

void node_free(struct node *n)
{
    if (!n)
        return;
    if (n->d) {
        n->dead = true;
        conns_cut(n);
        broker_gone(n);
        end_process(n);
    }
    conns_free(n);
    free(n);
}
