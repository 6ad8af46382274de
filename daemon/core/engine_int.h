/* The engine's inside, shared by engine.c, own_currency.c, event_index.c, affected.c, difference.c, view.c, measure.c and engine_flush.c. */
#ifndef CRMPULSE_ENGINE_INT_H
#define CRMPULSE_ENGINE_INT_H

#include "batch.h"
#include "crmpulse/engine.h"
#include "crmpulse/sketch.h"
#include "distinct.h"
#include "erased.h"
#include "ledger.h"
#include "track.h"

/* Bounds of one event's work in the daemon; replay (keep_causes) has no bound on causes. What goes beyond is counted (engine_stats). */
enum {
    CAUSES_MAX = 64,
    AFFECTED_MAX = 8192,
    LOG_ENTRIES_MAX = 4096,
    MERGES_MAX = 16384,
    DEPENDANTS_MAX = 1024,
    KEY_MAX = 4096
};

struct key_list {
    struct slice *v;
    uint32_t n, cap;
};

struct signed_fact {
    const struct fact *f;
    int32_t sign;
    int64_t cause_ms;
    bool ahead; /* time alone brings the cause about: the fact's from_ms */
};

/* The difference an event makes to one entity's facts as of one cause: what it adds minus what it withdraws. The lists hold the facts. */
struct fact_diff {
    struct fact_list before, after;
    struct signed_fact *v;
    uint32_t n, cap;
};

/* Keys without repetition, in the order they were found. */
struct key_set {
    struct slice *v;
    uint32_t n, cap;
    uint32_t *slot; /* index + 1; power of two */
    uint32_t mask;
    uint64_t seed;
};

/* A change of a distinct record, found while measuring and carried out at the commit. */
struct distinct_op {
    struct slice key;    /* of the record */
    struct slice prefix; /* "<dim>:<subject>|<measure>" */
    const struct measure_def *measure;
    int64_t t_ms, cause_ms, since_ms;
    int32_t n;
};

/* A change of a customer's ledger, found while measuring and carried out at the commit. */
struct ledger_op {
    struct slice customer; /* record key */
    struct ledger_item item;
};

/* The ledger of the customer at hand: as the record has it, with the event, and as of the view's instant. */
struct ledger_scratch {
    struct ledger_item *before, *after, *view;
    uint32_t n_before, n_after, cap; /* one room for all three */
    int64_t from_ms;                 /* facts that rest on items before it alone are the same before and after */
    uint64_t dropped;
};

/* `who` is to stand in the list of dependants of record `in`. */
struct dependency {
    struct slice in, who; /* record keys */
};

/* A subject that the event at hand was asked about (subjects.c). */
enum subject_verdict {
    SUBJECT_KNOWN,
    SUBJECT_ADMITTED, /* new, and there is room */
    SUBJECT_OTHER,    /* from here on: counts under OTHER_SUBJECTS */
    SUBJECT_CLOSES    /* the first that found no room */
};

struct asked_subject {
    enum dim dim;
    enum subject_verdict verdict;
    struct slice subject, key; /* of its record */
};

struct named {
    struct slice kind, id;
};

struct measure_plan {
    uint32_t n;
    const struct measure_def **v;
    bool cited; /* one of them wants evidence */
};

struct engine {
    const struct definitions *defs;
    struct engine_options opt;
    struct sketch_bounds bounds;
    struct measure_plan plan[FACT_TYPE_COUNT];
    struct record_cache *cache;
    struct delta_batch batch;
    struct feed_writer *feed;

    /* scratch of one event */
    struct arena scratch;
    struct bytes packed;
    struct key_set affected;
    struct fact_diff diff[2]; /* this cause's and the one before it */
    struct signed_fact *step; /* their difference */
    uint32_t step_cap;
    int64_t *later; /* event times after the new event's, among everything the entity at hand read */
    uint32_t n_later, later_cap;
    struct cell_delta *deltas;
    uint32_t n_deltas, deltas_cap;
    struct distinct_op *ops;
    uint32_t n_ops, ops_cap;
    struct distinct_scratch distinct;
    struct ledger_op *ledger_ops;
    uint32_t n_ledger_ops, ledger_ops_cap;
    struct ledger_scratch ledger;
    struct asked_subject *asked;
    uint32_t n_asked, asked_cap;
    struct dependency *depend;
    uint32_t n_depend, depend_cap;
    struct record **read; /* records this event read */
    uint32_t n_read, read_cap;
    struct record **settled; /* of corrections that wait no longer with this event */
    uint32_t n_settled, settled_cap;
    struct slice waits;                  /* key of the record in which the new event waits itself */
    struct bytes overdue;                /* key of one that must be given up first */
    struct bytes cell_names, erased_ids; /* of who was erased for good */
    struct bytes waiting;                /* the new event's record, packed */
    struct fact spare;                   /* handed out when memory ran out */
    struct bytes converted;              /* fields of one entry in the org's currency */
    struct bytes rewritten;              /* fields of one entry with the ids that stand */
    bool no_memory;
    bool parked;                    /* the new event waits for a rate */
    struct engine_adoption adopted; /* by the new event; now[0] 0: none */
    bool probing;                   /* records are asked for, nothing is applied */
    bool counting; /* facts are computed for the first time, as of now: what is remarkable about them counts */
    int64_t negative_durations; /* more than there were before the event */
    struct named *named;        /* whom the new event's record depends on already */
    uint32_t n_named, named_cap;
    struct identity *identity; /* of every org with merges */
    struct arena identity_text;
    uint64_t n_computed; /* facts computed so far */

    struct arena missing_text;
    struct key_list missing;
    bool incomplete;

    /* scratch of one flush */
    struct arena flush_text;
    struct store_cell *cells;
    struct store_record *records;
    uint32_t cells_cap, records_cap;
    struct bytes record_bytes;

    struct engine_stats stats;
};

struct track_view {
    struct engine *e;
    struct slice org;     /* raw id */
    struct slice org_key; /* ":<org>:" as it stands in keys, made once for an event (view_key); empty: not yet */
    const struct org_def *def;
    int64_t upto_ms;
    bool after;           /* with the new event */
    struct slice overlay; /* key of the record that takes the new event */
    struct entry event;   /* the new event */
    struct slice index;   /* key of the record that knows the new event's id (event_index.c) */
    /* What the overlay takes: the new event and retractions that waited for it, in canonical order. */
    const struct entry *fresh;
    uint32_t n_fresh;
    int64_t reached_ms;          /* by the clock of the new event's partition: what was due before has come about */
    bool giving_up;              /* the new event withdraws a correction that waited too long: no bound applies to it */
    bool corrected;              /* the overlay holds corrections */
    bool mixed;                  /* its entity uses entity_seq on some events only: it is ignored (2.4 point 7) */
    int64_t since_ms;            /* the earliest of them: nothing changes before */
    struct slice self;           /* key of the entity whose facts are computed */
    int64_t self_ms;             /* its first event */
    int64_t from_day, until_day; /* lists of dependants that the event concerns, UTC days, both included */
    bool merging;                /* the event changes who is who: a merge, or its retraction */
    struct identity *who[2];     /* before and after the event; NULL: everybody is who they are */
    struct {                     /* the answer of identity.c to the last question */
        uint32_t *v, group;
        const struct identity *map;
        int64_t upto_ms, at_ms;
        uint64_t later_at;
    } roots;
    char currency[2][4];       /* the org's own, before and after the event; "": not known yet */
    struct slice currency_key; /* the record that knows it; empty: it is configured */
    bool currency_open;        /* it may still change */
    bool decides, renews;      /* what the new event is to that record */
    struct fact_list *out;
    struct { /* the shared parent read last: every fact of an entity tends to ask for the same */
        struct slice kind, id;
        bool dated, valid;
        int64_t day;
        struct entry_log log;
    } shared;
};

/* Room for one more element of *v; NULL-safe growth. */
bool engine_room(struct engine *e, void *v, uint32_t n, uint32_t *cap, size_t size);

/* event_index.c */
enum apply_result index_look_up(struct track_view *v, const struct event *ev);
/* Once it is known who is who: the record that a retraction belongs to may have moved (forget.c). */
enum apply_result index_follow(struct track_view *v);
void index_commit(struct track_view *v);

/* Whether the index knows the event of that id. */
bool index_knows(struct track_view *v, struct slice id);

/* orphan.c */
bool orphan_type(enum event_type type); /* a correction of an entity that may have to wait */
/* What waits for the new event, and whether it has to wait itself; APPLY_DONE, or APPLY_OVERDUE. */
enum apply_result orphans_look(struct track_view *v, const struct event *ev, int64_t newest_ms,
                               const struct event_source *from);
/* The new event names the entity of this record. If nobody did before, what waited for anybody to know it need not wait any more; true if one of it has waited
 * too long and is to be given up first. */
bool orphans_named(struct track_view *v, struct slice key);
void orphans_commit(struct track_view *v);
/* Whether the erasure by that event should be final by now; it is noted as overdue then. */
bool final_overdue(struct track_view *v, struct slice deletion_id);
int64_t orphan_due_ms(const struct record *r);
bool orphan_sound(const struct record *r);

/* engine.c: the new event to its records and measures, all of it or nothing. */
enum apply_result engine_run(struct track_view *v, const struct event *ev);
int engine_pack_event(struct track_view *v, const struct event *ev);
int engine_replace_event(struct track_view *v,
                         const struct event *ev); /* the same with other ids: what it was keeps its hash */
void engine_begin(struct engine *e);

/* view.c */
/* The same without regard to retractions: everything the record holds. */
struct entry_log view_raw_log_key(struct track_view *v, struct slice key);
struct slice view_key(struct track_view *v, struct slice kind, struct slice id);
struct entry_log view_log_key(struct track_view *v, struct slice key);
/* Whether the log of a merged entity counts for nothing in that of `self`: it had been deleted before. */
bool view_log_gone(struct track_view *v, struct slice self, struct slice key);
struct record *view_record(struct track_view *v, struct slice key); /* NULL: absent or missing */
struct slice key_kind(struct slice key);
void engine_miss(struct engine *e, struct slice key);

/* identity.c: merges. Record keys and ids of entities that were never merged stand for themselves. */
void who_ask(struct track_view *v); /* for the record, with the first records of an event: saves a round trip */
void who_begin(struct track_view *v);
void identity_clear(struct engine *e);
/* The kind and id of the entity that a field names; kind empty: none that could be merged. */
struct slice who_named(const struct event *ev, enum event_field f, struct slice *ret_id);
/* The key of what `key` stands for at the view's instant. */
struct slice who_key(struct track_view *v, struct slice key);
/* The key of an erased entity of which nothing is left. */
bool who_nobody(struct track_view *v, struct slice key);
/* Whether it is an id that was erased, or was merged into one. */
bool who_erased(struct track_view *v, struct slice key);
/* Whether it was ever merged with another. */
bool who_merged(struct track_view *v, struct slice key);
/* Every key that `key` stands for at the view's instant, itself among them; with `ever` all that were ever merged with it. */
void who_each(struct track_view *v, struct slice key, bool ever,
              void (*each)(struct track_view *v, struct slice key, void *ctx), void *ctx);
/* Every key that the new merge or retraction concerns. */
void who_each_merged(struct track_view *v, void (*each)(struct track_view *v, struct slice key, void *ctx), void *ctx);
/* Whether two keys stood for the same at t_ms, by what the view's instant knows. */
bool who_were_one(struct track_view *v, struct slice a, struct slice b, int64_t t_ms);
/* Writes into entries the ids that stand. */
void who_rewrite(struct track_view *v, struct entry_log log);

/* Erasures that are final (orphan.c says when): APPLY_ERASED: the event is one of somebody erased; APPLY_OVERDUE: the erasure it meets is to be made final
 * first; APPLY_DONE: ids of erased that it only names are replaced by the name that stands for them. */
enum apply_result who_meets_erased(struct track_view *v, struct event *ev, const struct route *route,
                                   bool *ret_replaced);
/* The erasure becomes final, for the id and all that stands for the same; false: it does not stand. A line each: their kinds and ids go to *ret_ids, the
 * names of their cells to *ret_cells. Nothing is changed if records are missing. */
bool who_finalise(struct track_view *v, const struct entry *deletion, struct bytes *ret_ids, struct bytes *ret_cells);
bool who_find_deletion(struct track_view *v, struct slice event_id, struct entry *ret);
bool who_is_final(struct track_view *v, const struct entry *deletion);
/* Whether that event erased somebody for good, though nothing else tells of it any more. */
bool who_was_final(struct track_view *v, struct slice deletion_id);
/* The name that stands for an id that is erased for good; empty: it is not. */
struct slice who_final(struct track_view *v, struct slice kind, struct slice id);
bool who_final_any(struct track_view *v, struct slice id); /* whatever its kind */
/* The key under which a record lies that had an id erased for good in its key; any other key stays. */
struct slice who_now(struct track_view *v, struct slice key);
/* Writes the names that stand for ids erased for good into an entry; false: it has none. */
bool who_forget(struct track_view *v, struct entry *e);

/* forget.c: records that lie under a key made of an id and something else. The key that it was moved to, if it was. */
struct slice forget_place(struct track_view *v, struct slice key);

/* money.c */
/* The log with every amount in the org's currency; entries that wait for a rate are of type ENTRY_PARKED. */
struct entry_log money_in_own_currency(struct track_view *v, struct entry_log log);
/* The instants for which the new event, a rate, is the one in force. */
struct span money_rate_days(struct track_view *v);

/* own_currency.c */
void currency_ask(struct track_view *v); /* the record, if it is not at hand */
void currency_begin(struct track_view *v, const struct event *ev);
/* Amounts mean something else after the event. */
bool currency_changes(const struct track_view *v);
void currency_commit(struct track_view *v);

/* affected.c */
/* The view's entity depends on the record. */
void view_depend_on(struct track_view *v, struct slice key);
/* The key of a shared parent of which only what was up to t_ms matters; the view's entity depends on it from now on. */
struct slice view_depend_dated(struct track_view *v, struct slice kind, struct slice id, int64_t t_ms);
void find_affected(struct track_view *v);
/* The new event's record depends on everybody the event names: a merge changes them. */
void note_names(struct track_view *v, const struct event *ev);
void commit_dependencies(struct engine *e);
void key_set_clear(struct key_set *s);
void key_set_release(struct key_set *s);

/* difference.c */
/* Deltas and distinct operations of every affected entity, into the engine's scratch. */
void measure_difference(struct track_view *v);

/* customer_dim.c */
/* Says of each fact which customer it belongs to, where customers are looked at one by one. */
/* With segment_by rfm: whether it counts in the RFM segment of its customer. */
bool fact_in_segment(const struct fact *f);
void name_customers(struct track_view *v, struct entry_log log, struct fact_list *facts);

/* ledger_fact.c */
bool ledger_fact_pack(const struct fact *f, struct bytes *to); /* false: out of memory */
bool ledger_fact_unpack(struct slice packed, struct fact *f);  /* texts borrow; false: malformed */

/* ledger_facts.c */
/* What a fact of another entity says to its customer's ledger. */
void ledger_note(struct track_view *v, const struct signed_fact *sf);
/* Every customer that the event affects, by its own record or its ledger: `each` with v->self and the scratch filled. */
void ledger_each_customer(struct track_view *v, void (*each)(struct track_view *v));
void ledger_commit(struct track_view *v);
void ledger_release(struct engine *e);

/* subjects.c */
/* The subject under which the figures of `subject` count: itself, or OTHER_SUBJECTS. O(1). */
struct slice subject_counted(struct track_view *v, enum dim dim, struct slice subject);
void subjects_commit(struct track_view *v);
/* Is it the kind of one of their records, and does the record hold what it should? */
bool subjects_kind(struct slice kind);
bool subjects_sound(const struct bytes *log);

/* measure.c */
int measure_plan_init(struct engine *e);
void measure_fact(struct track_view *v, const struct signed_fact *sf);
void measure_part(struct track_view *v, const struct distinct_op *op, const struct distinct_point *p);

#endif
