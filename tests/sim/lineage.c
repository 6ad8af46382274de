/* A log that is not what was read from it: cut short, made anew under its name, expired unread; and an emptied Redis. It happens once the other faults are over,
 * while no daemon runs. Then daemons are started: each partition that is concerned has to be halted with the reason, nothing of it may be written (server.c looks
 * at every flush), and the others go on. Then the operator does what the daemon says, and everything has to come to an end that is that of the records
 * which could be read. */
#include <stdlib.h>
#include <string.h>

#include "broker.h"
#include "history.h"
#include "server.h"

enum { LOOK_MS = 100, REST_MS = 120 };

static bool hits(const struct sim *w)
{
    for (uint32_t p = 0; p < PARTITIONS_MAX; p++)
        if (w->lineage.hit[p])
            return true;
    return false;
}

static void append(struct sim *w, uint32_t from, uint32_t to, uint32_t partition)
{
    for (uint32_t i = from; i < to; i++)
        broker_append(w->broker, partition < w->broker->n_parts ? partition : w->history->v[i].partition, i);
}

/* ---- daemons, all of them ---- */

static void stop_all(struct sim *w)
{
    w->down = true;
    for (uint32_t i = 0; i < w->plan.nodes; i++)
        node_crash(w->node[i]);
}

static void on_start(struct sim *w, void *arg, uint64_t tag)
{
    (void)tag;
    if (!w->down && !((struct node *)arg)->d)
        node_start(arg);
}

static void start_all(struct sim *w)
{
    w->down = false;
    for (uint32_t i = 0; i < w->plan.nodes; i++)
        sim_at(w, w->now_us + dice_between(&w->more_dice, 1, 300) * SIM_MS, on_start, w->node[i], 0);
}

/* Nothing that a daemon sent is on its way any more. */
static bool settled(struct sim *w, sim_fn again)
{
    if (!w->in_flight)
        return true;
    sim_at(w, w->now_us + LOOK_MS * SIM_MS, again, NULL, 0);
    return false;
}

/* ---- the operator ---- */

static void on_mended(struct sim *w, void *arg, uint64_t tag)
{
    const struct history *h = w->history;
    (void)arg, (void)tag;
    if (!settled(w, on_mended))
        return;
    memset(w->lineage.hit, 0, sizeof w->lineage.hit);
    if (w->plan.damage == DAMAGE_TRUNCATED || w->plan.damage == DAMAGE_REPLACED) {
        server_empty(w->server);
        broker_forget_output(w->broker);
    }
    w->lineage.rebuild = true;
    w->lineage.accept_loss = w->plan.damage == DAMAGE_EXPIRED;
    append(w, h->n_then, h->n, PARTITIONS_MAX);
    start_all(w);
    w->faults_over = true;
    w->lineage.until_us = w->now_us;
    sim_trace(w, "the operator has mended it");
}

static void mend(struct sim *w)
{
    stop_all(w);
    sim_at(w, w->now_us + REST_MS * SIM_MS, on_mended, NULL, 0);
}

/* ---- what has to be seen ---- */

static const struct part *owned(const struct sim *w, uint32_t partition)
{
    for (uint32_t i = 0; i < w->plan.nodes; i++)
        for (uint32_t k = 0; w->node[i]->d && k < w->node[i]->d->ingest.n_parts; k++)
            if (w->node[i]->d->ingest.part[k].partition == (int32_t)partition)
                return &w->node[i]->d->ingest.part[k];
    return NULL;
}

static bool reason_fits(const struct sim *w, const char *why)
{
    static const char *const texts[DAMAGES] = {
        [DAMAGE_TRUNCATED] = "lineage:",
        [DAMAGE_REPLACED] = "lineage:",
        [DAMAGE_EXPIRED] = "retention:",
        [DAMAGE_EMPTIED] = "empty state:",
    };
    return strncmp(why, texts[w->plan.damage], strlen(texts[w->plan.damage])) == 0 ||
           (w->plan.damage != DAMAGE_EMPTIED && strstr(why, "Offset out of range"));
}

static void compare(struct sim *w)
{
    int64_t next[PARTITIONS_MAX];
    for (uint32_t p = 0; p < w->broker->n_parts; p++) {
        const struct part *is = owned(w, p);
        if (!is || (is->state == PART_HALTED) != w->lineage.hit[p])
            sim_violation(w, "I5: partition %u is%s halted: %s", p, w->lineage.hit[p] ? " not" : "", is ? is->why : "");
        else if (w->lineage.hit[p] && !reason_fits(w, is->why))
            sim_violation(w, "I5: partition %u is halted for another reason: %s", p, is->why);
        w->n_halted += w->lineage.hit[p];
        for (uint32_t s = 0; s < w->plan.shards && w->lineage.hit[p]; s++) {
            server_held(w->server, s, next);
            if (next[p] != w->lineage.limit[s][p])
                sim_violation(w, "I5: shard %u moved from %lld to %lld in partition %u, which is halted", s,
                              (long long)w->lineage.limit[s][p], (long long)next[p], p);
        }
    }
}

static void on_look(struct sim *w, void *arg, uint64_t tag)
{
    (void)arg, (void)tag;
    if (!sim_at_rest(w)) {
        sim_at(w, w->now_us + LOOK_MS * SIM_MS, on_look, NULL, 0);
        return;
    }
    compare(w);
    mend(w);
}

/* ---- damage ---- */

struct held {
    int64_t next[SHARDS_MAX][PARTITIONS_MAX];
};

static int64_t most(const struct sim *w, const struct held *held, uint32_t p)
{
    return w->plan.shards > 1 && held->next[1][p] > held->next[0][p] ? held->next[1][p] : held->next[0][p];
}

static int64_t least(const struct sim *w, const struct held *held, uint32_t p)
{
    return w->plan.shards > 1 && held->next[1][p] < held->next[0][p] ? held->next[1][p] : held->next[0][p];
}

/* One of those that something was read from; PARTITIONS_MAX: there is none. */
static uint32_t choose(struct sim *w, const struct held *held)
{
    const uint32_t n = w->broker->n_parts, from = (uint32_t)dice_below(&w->more_dice, n);
    for (uint32_t i = 0; i < n; i++)
        if (least(w, held, (from + i) % n) > 0)
            return (from + i) % n;
    return PARTITIONS_MAX;
}

/* What was applied still stands where it stood, though it was written anew: then nobody can tell, and nobody has to. */
static bool still_stands(const struct log_part *log, const struct record *was, uint32_t n, int64_t applied)
{
    for (uint32_t i = 0; i < n && was[i].offset < applied; i++)
        if (i >= log->n || log->record[i].offset != was[i].offset || !slice_eq(log->record[i].value, was[i].value))
            return false;
    return true;
}

/* Records from `end` on were applied once, by a state that Redis has lost since. */
static bool told_of(const struct sim *w, uint32_t p, int64_t end)
{
    bool told = false;
    for (uint32_t s = 0; s < w->plan.shards; s++)
        told |= w->lineage.ever[s][p] > end;
    return told;
}

/* Others take the place of what is gone: fewer, or so many that the log ends beyond what was read. */
static void cut(struct sim *w, const struct held *held, uint32_t p)
{
    const struct history *h = w->history;
    const bool anew = w->plan.damage == DAMAGE_REPLACED;
    const int64_t end = anew ? 0 : (int64_t)dice_below(&w->more_dice, (uint64_t)most(w, held, p));
    const uint32_t n = (uint32_t)dice_below(&w->more_dice, h->n_then - h->n_first + 1);
    struct log_part *log = &w->broker->part[p];
    const uint32_t n_was = log->n;
    struct record *was = malloc((n_was + 1) * sizeof *was);
    if (!was)
        abort();
    memcpy(was, log->record, n_was * sizeof *was);
    broker_truncate(w->broker, p, end);
    for (uint32_t i = 0; i < HISTORY_FIRST; i++)
        if (h->v[i].gone) { /* who is known by nothing else may be listed or not */
            h->v[i].gone = false;
            broker_append(w->broker, p, i);
        }
    append(w, h->n_first, h->n_first + n, p);
    append(w, h->n_first + n, h->n_then, PARTITIONS_MAX);
    w->lineage.hit[p] = log->end < most(w, held, p) || !still_stands(log, was, n_was, most(w, held, p));
    free(was);
    if (!w->lineage.hit[p] &&
        told_of(w, p, end)) { /* no daemon can tell, and what was told of them stays told: all begins anew */
        server_empty(w->server);
        broker_forget_output(w->broker);
    }
    sim_trace(w, "partition %u %s at %lld, ends at %lld now", p, anew ? "begins anew" : "is cut", (long long)end,
              (long long)log->end);
}

static bool lost(const struct log_part *log, const struct record *r, const struct held *held, uint32_t p)
{
    return r->offset < log->start && r->offset >= held->next[r->shard][p];
}

/* What makes everybody known; and what was told by a state that Redis has lost since: it stays told. */
static bool loses_too_much(const struct sim *w, const struct log_part *log, const struct held *held, uint32_t p)
{
    bool loses = false;
    for (uint32_t i = 0; i < log->n; i++)
        loses |=
            lost(log, &log->record[i], held, p) && (log->record[i].happening < HISTORY_FIRST ||
                                                    log->record[i].offset < w->lineage.ever[log->record[i].shard][p]);
    return loses;
}

static void expire(struct sim *w, const struct held *held, uint32_t p)
{
    struct log_part *log = &w->broker->part[p];
    append(w, w->history->n_first, w->history->n_then, PARTITIONS_MAX);
    log->start = (int64_t)dice_below(&w->more_dice, (uint64_t)log->end + 1);
    if (loses_too_much(w, log, held, p))
        log->start = 0;
    w->lineage.hit[p] = log->start > least(w, held, p);
    for (uint32_t i = 0; i < log->n; i++)
        if (lost(log, &log->record[i], held, p))
            w->history->v[log->record[i].happening].gone = true;
    sim_trace(w, "partition %u begins at %lld now", p, (long long)log->start);
}

static void empty(struct sim *w)
{
    server_empty(w->server);
    w->lineage.rebuild = false;
    append(w, w->history->n_first, w->history->n_then, PARTITIONS_MAX);
    for (uint32_t p = 0; p < w->broker->n_parts; p++)
        w->lineage.hit[p] = w->broker->part[p].committed > 0;
}

static void on_damage(struct sim *w, void *arg, uint64_t tag)
{
    struct held held;
    (void)arg, (void)tag;
    if (!settled(w, on_damage))
        return;
    for (uint32_t s = 0; s < w->plan.shards; s++)
        server_held(w->server, s, held.next[s]);
    const uint32_t p = choose(w, &held);
    if (w->plan.damage == DAMAGE_EMPTIED)
        empty(w);
    else if (p == PARTITIONS_MAX)
        append(w, w->history->n_first, w->history->n_then, PARTITIONS_MAX);
    else if (w->plan.damage == DAMAGE_EXPIRED)
        expire(w, &held, p);
    else
        cut(w, &held, p);
    for (uint32_t s = 0; s < w->plan.shards; s++)
        server_held(w->server, s, w->lineage.limit[s]);
    w->n_damaged[w->plan.damage] += hits(w);
    w->lineage.until_us = w->now_us;
    start_all(w);
    sim_at(w, w->now_us + 2 * LOOK_MS * SIM_MS, on_look, NULL, 0);
}

void lineage_begin(struct sim *w)
{
    stop_all(w);
    sim_at(w, w->now_us + REST_MS * SIM_MS, on_damage, NULL, 0);
}
