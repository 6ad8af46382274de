/* Where cells live in memory: org -> subject -> node (one measure) -> series (one kind of cell of that measure) -> one track per view. */
#ifndef CRMPULSE_CORE_SERIES_H
#define CRMPULSE_CORE_SERIES_H

#include "cohort.h"
#include "crmpulse/cell.h"
#include "intern.h"
#include "newest.h"
#include "panes.h"
#include "plan.h"

/* Base: the newest state, live if opt.live, otherwise all deltas. Judged: the deltas with cause < T. */
struct evidence;

enum view_id { VIEW_BASE, VIEW_JUDGED, VIEW_COUNT };

enum life { LIFE_NEW, LIFE_RETURNING, LIFE_RESURRECTED, LIFE_DORMANT, LIFE_COUNT };

enum series_part {
    SERIES_BASE,
    SERIES_N,
    SERIES_SUM,
    SERIES_BIN,                                /* sub: DDSketch bin of a duration, value of a minimum or maximum */
    SERIES_CIVIL,                              /* + enum period */
    SERIES_LIFE = SERIES_CIVIL + PERIOD_COUNT, /* + enum life * 3 + day, week, month */
    SERIES_TRAILING = SERIES_LIFE + LIFE_COUNT * 3,
    SERIES_FIRST,
    SERIES_PARTS
};

/* Cells of cohorts are bins too, numbered by cohort_code; so are those of moves of as-of counts and sums, by the pane that changed. */

/* What one view holds of a series. */
struct track {
    struct panes panes[GRAIN_COUNT];
    struct winsums wins; /* by slot of the measure; none until first used */
    int64_t total;       /* gauges */
    bool overflow;       /* a sum left int64: no value any more */
};

/* One delta of an as-of series, kept to answer for past instants (asof_history), or one parked in the store (query). */
struct past_delta {
    int64_t cause_ms, pane_ms, value;
    enum cell_grain grain;
};

struct series {
    struct node *node;
    enum series_part part;
    int64_t sub;
    struct track track[VIEW_COUNT];
    struct past_delta *past;
    uint32_t n_past, cap_past;
};

struct node_view {
    int64_t *slot_next; /* by slot of the measure: when its window next loses or gains a pane; none until first used */
    int64_t due_ms;     /* the entry for it in the agenda */
    struct newest newest;
    bool emptied; /* some pane held 0 at some time: what is on the agenda may have become nothing */
};

struct node {
    struct subject *subject;
    int measure;
    struct series *part[SERIES_PARTS]; /* not SERIES_BIN */
    struct series **bin;               /* ascending by sub */
    uint32_t n_bins, cap_bins;
    struct evidence *evidence; /* of the judged view; NULL: none */
    struct node_view view[VIEW_COUNT];
};

struct subject_view {
    bool known;             /* a delta reached this view */
    int64_t pane_since_ms;  /* start of its first pane, INT64_MAX: none */
    int64_t gauge_since_ms; /* counts where there is no pane: a stored gauge does not tell since when it stands */
    bool listed_dirty, listed_changed, listed_elapsed;
    uint64_t *dirty;     /* bit per watch: to be looked at */
    uint64_t *changed;   /* bit per watch: since it was last published */
    uint64_t *elapsed;   /* bit per watch: moves with the clock */
    uint64_t *published; /* hash per watch of what was published last, 0: nothing */
};

/* Deltas that tell of a subject since this time, folded: 0 where they were all withdrawn. */
struct since {
    int64_t since_ms;
    uint64_t sum;
};

struct subject {
    struct org *org;
    enum dim dim;
    struct slice text;    /* unescaped */
    struct slice escaped; /* as in fields */
    struct since *since;  /* with history: what stands, by the time it tells of; ascending */
    uint32_t n_since, cap_since;
    uint64_t
        levels_before; /* not 0: some level has steps that no pane holds any more, so the subject is older than they tell */
    struct node **node; /* by measure */
    struct subject_view view[VIEW_COUNT];
    struct alert *alert;             /* by rule; none until first used */
    uint64_t *card_published;        /* hash per scorecard */
    bool listed_unsaved;             /* eval_pending.c: waits to be saved */
    bool known_saved;                /* was known to the judged view when it was saved */
    bool since_saved, since_unsaved; /* since when the judged view knows it: restored; to be saved */
    uint32_t position;               /* scratch: in the list of its dim, when a ranking was made */
    struct card_told *card_told;     /* by scorecard: its last snapshot; NULL: none */
    bool listed_carded;              /* in evaluator.carded */
    struct place *place;             /* by board, as told last; NULL: nowhere */
    bool listed_placed;              /* in evaluator.placed */
    int32_t previous_rank;           /* scratch: of the board being made */
    struct stand **stand;            /* board_order.h; by view and board; NULL: none */
};

struct subject_set {
    struct subject **v;
    uint32_t n, cap;
};

struct place;
struct card_told;
struct stand;
struct board_order;

struct subject_list {
    struct subject **v; /* ascending by text, bytewise */
    uint32_t n, cap;
};

/* Civil periods looked up last: panes are looked at in runs, and a calendar costs more than a comparison. */
enum { PERIOD_MEMO = 16, EVENT_MEMO = 64 };
struct event_memo {
    int64_t pane_ms, after_ms, next_ms;
    uint32_t slot; /* window, comparison, grain, level; 0: none yet */
};
struct period_memo {
    struct event_memo event[EVENT_MEMO];         /* schedule.c: subjects of an org have the same panes */
    struct span span[PERIOD_COUNT][PERIOD_MEMO]; /* end 0: none yet */
};

struct org {
    struct slice id;
    const struct calendar *cal;
    struct period_memo *memo;
    struct slice currency;
    struct subject_list dim[DIM_COUNT];
    struct intern fields;
    struct series **series; /* by number of the field; NULL: no measure knows it */
    uint32_t cap_series;
    bool marks;               /* somebody was erased, or was until a retraction */
    struct subject_set *told; /* by board: whose places were told last */
    struct org_view {
        int64_t spans_at_ms;  /* instant that `span` was computed for */
        struct span *span;    /* [window * COMPARED_COUNT + prev]; end < start: not yet */
        int64_t close_due_ms; /* next civil boundary at which rules on complete windows are judged */
        int64_t first_ms; /* start of the first pane that holds anything, as known at first_at_ms; INT64_MAX: none */
        int64_t first_at_ms;
        uint64_t *boards;          /* bit per board: its ranking may have changed */
        uint64_t *board_published; /* hash per board */
        uint64_t *board_saved;     /* the same as saved last */
        struct board_order *order; /* by board */
        bool changed;              /* something to publish at the next snapshot tick */
    } view[VIEW_COUNT];
};

/* calendar_period(org->cal, ..), remembered. */
struct span org_period(const struct org *org, enum period period, int64_t t_ms);

struct store {
    const struct plan *plan;
    struct org **org; /* ascending by id, bytewise */
    struct org *last; /* asked for */
    uint32_t n_orgs, cap_orgs;
    uint64_t n_series;
    struct calendar utc; /* of orgs without a definition */
};

void store_init(struct store *st, const struct plan *plan);
void store_release(struct store *st);

/* Find or make. NULL when out of memory. */
struct org *store_org(struct store *st, struct slice id);
struct org *store_find_org(const struct store *st, struct slice id);
struct subject *org_subject(struct store *st, struct org *org, enum dim dim, struct slice escaped);
struct subject *org_find_subject(const struct org *org, enum dim dim, struct slice text);

/* The node of a measure, found or made. NULL when out of memory. */
struct node *subject_node(struct subject *s, int measure);

/* The series of a field. *ret is NULL where no measure knows the field, and *ret_subject its subject where the field is new. 0 or -1. */
int store_series(struct store *st, struct org *org, struct slice field, struct series **ret,
                 struct subject **ret_subject);

struct series *node_find_bin(const struct node *n, int64_t sub); /* NULL: none */

/* Which slots a series serves: civil windows of distinct measures have their own part. */
bool series_serves(const struct series *s, const struct measure_def *m, const struct window *w, enum compared at);
uint32_t series_parts(const struct measure_def *m, const struct window *w, enum compared at); /* bit per series_part */
/* The part that holds the base value of a measure in a window. */
enum series_part part_for(const struct measure_def *m, const struct window *w);
/* Whether its value at a past instant depends on what was known then: as-of facts, and the rolling count of distinct members. */
bool series_asof(const struct series *s, const struct measure_def *m);
/* The part of a lifecycle figure, or -1 where there is none. */
int life_part(enum life life, const struct window *w);

/* Since when a subject is known to a view, by what reached it; INT64_MIN where its panes do not reach back to its beginning. */
int64_t subject_known_ms(const struct subject *s, enum view_id v);
/* What reached the view tells of the subject since then, by a gauge or a pane. True: it is known since earlier than before. */
bool subject_known_note(struct subject *s, enum view_id v, bool gauge, int64_t since_ms);
/* The same for the base view with history: what is booked and withdrawn by the same cause leaves no trace, so the order of arrival does not matter. INT64_MAX:
 * nothing is left. O(times). */
int64_t subject_listed_ms(const struct subject *s);
/* Note a delta that tells of a subject since then; `weight` is a hash of the cell and its cause, times the value. 0 or -1 (out of memory). O(1) for the newest time. */
int subject_note_since(struct subject *s, int64_t since_ms, uint64_t weight);

/* Order of output: org, dim, subject, bytewise. */
int subject_cmp(const struct subject *a, const struct subject *b);

#endif
