/* The engine: events in, one flush out. Pure; records it does not have are asked for, never fetched.
 *
 *   event ── remembered in its entity's record ── facts before and after ── difference ── measures ── cell deltas ── coalesced batch
 *
 * The same code runs in the daemon (records from Redis) and in replay (all records in memory). Whatever the order of arrival, duplication or
 * correction, the cells end up as a recomputation from the final facts would have them (invariant R); every delta carries its cause. */
#ifndef CRMPULSE_ENGINE_H
#define CRMPULSE_ENGINE_H

#include "crmpulse/cell.h"
#include "crmpulse/defs.h"
#include "crmpulse/event.h"
#include "crmpulse/store.h"

struct engine;

struct engine_options {
    size_t cache_bytes; /* records kept; clean ones beyond it are forgotten */
    bool all_in_memory; /* a record that is not cached does not exist (replay); nothing is ever forgotten */
    bool keep_causes;   /* do not fold causes within a tick (replay) */
    const struct engine_stats *stats; /* counters go on from these; NULL: from 0. Read by engine_new only */
};

struct engine *engine_new(const struct definitions *defs, const struct engine_options *opt); /* NULL: out of memory */
void engine_free(struct engine *e);

enum apply_result {
    APPLY_DONE,
    APPLY_DUPLICATE, /* the same event again */
    APPLY_CONFLICT,  /* the same event_id with another payload: the first one stands */
    APPLY_LATE,      /* behind the allowed lateness, or its entity's history is at its cap */
    APPLY_PARKED,    /* remembered, but its money has no rate to the org's currency: it counts once one is set */
    APPLY_OVERDUE,   /* a correction has waited too long for it: give up engine_overdue first; nothing was changed */
    APPLY_ERASED,    /* an event of somebody whose erasure is final: not counted, not remembered */
    APPLY_FINAL,     /* the retraction of an erasure that is final: without effect, not remembered */
    APPLY_NO_ORG,    /* the configuration lists its orgs, and this is none of them */
    APPLY_NEED,      /* records are missing: nothing was changed; see engine_missing */
    APPLY_NO_MEMORY  /* nothing was changed */
};
/* Apply a validated event. `newest_ms` is the newest event time of its partition so far (INT64_MIN: none). */
enum apply_result engine_apply(struct engine *e, const struct event *ev, int64_t newest_ms);

/* The last event applied decided which currency an org without a configured one counts in. */
struct engine_adoption {
    struct slice org; /* the event's */
    char before[4],
        now[4]; /* before: "" at first; else what came earlier than the first amount is in another currency */
};
/* False: it did not. */
bool engine_adopted(const struct engine *e, struct engine_adoption *ret);

/* Where an event came from. What waits for its target longer than orphan_wait is told with it. */
struct event_source {
    struct slice topic;
    int32_t partition;
    int64_t offset;
    struct slice payload;
};
/* The same with the event's source (NULL: none). */
enum apply_result engine_apply_from(struct engine *e, const struct event *ev, int64_t newest_ms,
                                    const struct event_source *from);

/* Ask for the records that an event needs, as far as they can be told now, and change nothing. */
void engine_probe(struct engine *e, const struct event *ev);

/* ---- corrections whose target is unknown (C9) ----
 *
 * A correction that comes before what it corrects waits in a record "ent:orphan:<org>:<event id>", which ends with the coming of the target. It waits
 * orphan_wait from its own time or the newest event of its partition when it came, whichever is later; the clock is event time. Once given up it is
 * withdrawn for good: a target that comes afterwards is not corrected. */
struct orphan {
    struct event_source from;
    struct slice org, event_id;
    enum event_type type;
    int64_t t_ms, since_ms, due_ms; /* its own time; when it began to wait; when it is given up */
};
/* Whether events of that type may have to wait for a target. */
bool event_corrects(enum event_type type);
/* The key of the record in which the event applied last waits; empty: it does not. Valid until the next call, as is all that these return. */
struct slice engine_waits(const struct engine *e);
/* After APPLY_OVERDUE: the key of the record to give up. */
struct slice engine_overdue(const struct engine *e);
/* What waits in a record. False: nothing does (or the record is not at hand). */
bool engine_waiting(struct engine *e, struct slice key, struct orphan *ret);
/* Give up what is due before `until_ms`. APPLY_DONE: it was, and is to be told with *ret. APPLY_DUPLICATE: it does not wait (any longer), or not yet long
 * enough. APPLY_NEED, APPLY_NO_MEMORY: as for engine_apply. */
/* An erasure waits likewise, in a record "ent:final:..", until it becomes final: APPLY_DUPLICATE, there is nothing to tell. Then the record goes on until
 * the names of the erased's cells, which hold 0, are deleted and records rewritten: APPLY_FINAL, the payload has those names ("rep:<id>", escaped), a line
 * each, the topic the ids likewise ("user:<id>"). */
enum apply_result engine_give_up(struct engine *e, struct slice key, int64_t until_ms, struct orphan *ret);

/* The names of cells of such a record are deleted: it ends. */
enum apply_result engine_cleaned(struct engine *e, struct slice key);

/* Takes ids that are erased for good out of one record: with `moving` out of its key, then out of what it holds. APPLY_DONE: it was changed, what it says
 * stays. APPLY_DUPLICATE: there was nothing to do. APPLY_NEED, APPLY_NO_MEMORY: as for engine_apply. */
enum apply_result engine_forget(struct engine *e, struct slice org, struct slice key, bool moving);

/* Keys asked for since the last engine_missing_clear, without repetition. */
uint32_t engine_missing(const struct engine *e, const struct slice **ret_keys);
void engine_missing_clear(struct engine *e);
/* A record as the store holds it; version 0: absent. 0 or -1 (malformed, out of memory). */
int engine_put(struct engine *e, struct slice key, uint64_t version, struct slice bytes);

/* The batch so far. Deltas with value 0 cancelled out. */
uint32_t engine_deltas(const struct engine *e, const struct cell_delta **ret);
bool engine_batch_empty(const struct engine *e);
uint32_t engine_batch_records(const struct engine *e);

/* Fill cells, records and feed of `flush` from the batch; they are borrowed until engine_flush_begun. `now_ms` dates the expiry of panes. Deltas that time
 * alone makes, later than `newest_ms` (the newest event time known), are parked. 0 or -1. */
int engine_build_flush(struct engine *e, int64_t now_ms, int64_t newest_ms, struct store_flush *flush);
/* The flush was handed to the store: the batch starts anew. Then exactly one of: applied, or engine_reset. */
void engine_flush_begun(struct engine *e);
void engine_flush_applied(struct engine *e);
/* Forget batch and cache: the store is the truth, everything is read again. */
void engine_reset(struct engine *e);

struct engine_stats {
    uint64_t applied, duplicates, conflicts, late, negative_durations, records_cached, deltas;
    uint64_t deltas_made;     /* since the start, before they were folded in the batch */
    uint64_t parked;          /* events that had no rate when they came */
    uint64_t money_overflows; /* amounts beyond 2^53 after conversion: parked as well */
    uint64_t sequence_mixed;  /* events of entities that use entity_seq on some of their events only */
    /* Where a bound made a result inexact. The first two touch views of the past only (final values stay exact), and only for events later than the
     * newest 64 causes of their entity, or a withdrawal from a pane with more than four facts of one member. */
    uint64_t causes_capped, folded_withdrawals;
    uint64_t
        ledger_capped; /* sales and uses that a customer's ledger had no room for: they count, but not in what is said of the customer */
    uint64_t
        unacquired; /* customers that bought, used or paid before anything else was known of them: no membership begins with that */
    uint64_t subjects_capped;    /* subjects of events that counted under OTHER_SUBJECTS */
    char subjects_capped_in[96]; /* "<org>/<dim>" of the newest */
    uint64_t dependants_capped;  /* dependants forgotten: a late event of what they depend on does not reach them */
};
void engine_stats(const struct engine *e, struct engine_stats *ret);

#endif
