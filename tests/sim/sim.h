/* The simulator: whole daemons on a fake Kafka, a fake Redis that runs the real Lua scripts, and a fake clock, in one thread from one seed.
 *
 *   world (sim.c): an ordered queue of events, the clock, the dice
 *    ├ nodes (node.c, fake_uv.c): daemons. Their code is that of daemon/ and daemon/redis as it is; libuv, hiredis' socket and daemon/kafka are replaced
 *    ├ server (server.c, server.lua, fake_hiredis.c): Redis, and the connections to it
 *    ├ broker (broker.c, group.c, fake_kafka_in.c, fake_kafka_out.c): logs, the consumer group, the output topics
 *    ├ history (history.c): what happened in the CRM, as events
 *    ├ faults (faults.c): what goes wrong, and when
 *    ├ lineage (lineage.c): a log that is not what was read from it, and the operator
 *    └ reference, check (reference.c, check.c): what must have come out
 * Time is in microseconds since the start of the world. Nothing outside the seed decides anything: no real clock, no address, no thread. */
#ifndef CRMPULSE_SIM_H
#define CRMPULSE_SIM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "crmpulse/config.h"
#include "crmpulse/slice.h"

enum { NODES_MAX = 3, PARTITIONS_MAX = 8, SHARDS_MAX = 2 };

#define SIM_MS      UINT64_C(1000)
#define SIM_NEVER   UINT64_MAX
/* What every wall clock says: after all events of a history, so that nothing lies in the future. */
#define SIM_WALL_MS INT64_C(1750000000000)

struct sim;
struct node;

typedef void (*sim_fn)(struct sim *w, void *arg, uint64_t tag);

struct sim_event {
    uint64_t at_us, order;
    sim_fn run;
    void *arg;
    uint64_t tag;
};

struct dice {
    uint64_t state;
};

/* Definitions. A seed runs with few of each kind (small.yaml), or the whole built-in catalogue (sim.yaml); its daemons may be reloaded with the
 * others: the small catalogue and some more, whose names begin with more_. */
enum catalogue { CATALOGUE_SMALL, CATALOGUE_WHOLE, CATALOGUE_MORE, CATALOGUE_MORE_CHANGED, CATALOGUES };

struct catalogues {
    struct config *by[CATALOGUES][SHARDS_MAX]; /* [number of shards - 1] */
};

/* What becomes of the input topic, or of Redis, once the other faults are over (lineage.c). */
enum damage {
    DAMAGE_NONE,
    DAMAGE_TRUNCATED, /* the log lost its newest records; others take their place */
    DAMAGE_REPLACED,  /* the topic was deleted and made anew */
    DAMAGE_EXPIRED,   /* the oldest records are gone, maybe unread */
    DAMAGE_EMPTIED,   /* Redis holds nothing any more */
    DAMAGES
};

/* What goes wrong in a seed, or makes it special: counted, so that it shows if one of it became rare. */
enum kind {
    KIND_KILL,
    KIND_TERMINATE,
    KIND_STANDSTILL,
    KIND_NETWORK,
    KIND_REDIS_KILL,
    KIND_LOST_WRITES,
    KIND_REFUSAL,
    KIND_SCRIPTS,
    KIND_REDIS_STANDSTILL,
    KIND_OUTPUT,
    KIND_REBALANCE,
    KIND_LOST_CLAIMS,
    KIND_TRUNCATED,
    KIND_REPLACED,
    KIND_EXPIRED,
    KIND_EMPTIED,
    KIND_GROWN,
    KIND_SETTINGS,
    KIND_LATE,
    KIND_FINALITY,
    KIND_CONFLICTS,
    KIND_WHOLE,
    KIND_RELOAD,
    KIND_CHANGES,
    KINDS
};

/* What a seed is made of. */
struct plan {
    uint32_t nodes, partitions, shards, events;
    uint32_t first_day;  /* of the history, from 2025-01-02 on */
    bool whole;          /* with the whole catalogue */
    bool mute;           /* no kpis topic */
    uint64_t produce_us; /* all records are appended by then */
    uint64_t quiet_us;   /* no fault begins after it */
    uint32_t faults;     /* how many */
    bool conflicts;      /* an entity's events are spread over partitions */
    enum damage damage;
    uint32_t later;    /* records that come after the damage, and as many after it was mended */
    uint32_t grows_to; /* partitions the topic gets while daemons run; 0: it does not grow */
    uint32_t too_late; /* events beyond time.lateness */
    bool finality;     /* corrections wait for their target for days only, and erasures become final */
    uint32_t reloads;  /* signals to read the configuration again */
    bool changes;      /* rules, boards and KPIs come, change and go with them */
    bool settings;     /* every process starts with other settings, and the same definitions */
};

struct sim {
    uint64_t seed, now_us, order, steps;
    struct sim_event *heap;
    uint32_t n_events, events_cap;
    struct dice dice, history_dice;
    struct dice
        more_dice; /* for what is newer than the seeds that are known by number: those mean what they meant (`plain`) */
    struct dice reload_dice; /* for reloads, which are newer still */
    struct dice change_dice; /* for what they change */
    bool plain;              /* the whole catalogue, and nothing that more_dice decides */
    bool slow;      /* the idle timeout is waited for, as in the seeds that are known by number; so with `plain` */
    bool reloading; /* daemons are reloaded in every seed, not only in some */
    int64_t idle_soon_ms; /* 0: as configured */
    uint64_t digest;      /* of all that it did */
    uint32_t had;         /* bits: enum kind */
    struct plan plan;
    const struct catalogues *catalogues;
    const struct config *config;
    struct config own; /* what it is, where a seed changes it */
    struct node *node[NODES_MAX];
    struct server *server;
    struct broker *broker;
    struct history *history;
    bool trace, failed, faults_over;
    bool down;          /* daemons are kept from starting */
    uint32_t in_flight; /* requests to Redis */
    struct {
        bool hit[PARTITIONS_MAX]; /* has to be halted: nothing beyond `limit` may be written */
        int64_t limit[SHARDS_MAX][PARTITIONS_MAX];
        int64_t ever[SHARDS_MAX]
                    [PARTITIONS_MAX]; /* the furthest that was ever written, whatever Redis has lost since */
        uint64_t until_us;            /* by then it has to be seen */
        bool rebuild, accept_loss;    /* what the operator starts daemons with */
    } lineage;
    char why[1024]; /* failed: the first violation */
    uint64_t n_crashes, n_restarts, n_lost, n_rewinds, n_rebalances, n_frozen, n_reloads, n_refused, n_undelivered,
        n_rows_missing, n_extra;
    uint64_t n_same; /* boards that were not told, and revisions with another number, because nothing changed */
    uint64_t n_damaged[DAMAGES], n_halted, n_grown, n_late;
};

/* ---- sim.c ---- */
struct sim_options {
    bool trace, plain, slow, reloads;
};
void sim_init(struct sim *w, uint64_t seed, const struct catalogues *catalogues, const struct sim_options *opt);
void sim_release(struct sim *w);
void sim_at(struct sim *w, uint64_t at_us, sim_fn run, void *arg, uint64_t tag);
bool sim_next(struct sim *w, struct sim_event *ret);
__attribute__((format(printf, 2, 3))) void sim_violation(struct sim *w, const char *format, ...);
__attribute__((format(printf, 2, 3))) void sim_trace(const struct sim *w, const char *format, ...);
/* For a look with protoc --decode: SIM_DUMP names a folder for what was to be told and what was. */
void sim_dump(const char *name, struct slice payload);
uint64_t dice_next(struct dice *d);
uint64_t dice_below(struct dice *d, uint64_t n);                    /* n >= 1 */
uint64_t dice_between(struct dice *d, uint64_t low, uint64_t high); /* both included */
bool dice_one_in(struct dice *d, uint64_t n);

/* The node whose code runs now, for what libuv gives without a loop. */
extern struct node *sim_running;

/* ---- faults.c ---- */
void plan_make(struct sim *w);
void faults_begin(struct sim *w);

/* ---- lineage.c: after the faults; sets faults_over when it is mended ---- */
void lineage_begin(struct sim *w);

/* ---- run.c: everything is read, but for partitions that are halted ---- */
bool sim_at_rest(const struct sim *w);

/* ---- run.c: one seed from beginning to end; false after a violation ---- */
bool sim_run(struct sim *w);

#endif
