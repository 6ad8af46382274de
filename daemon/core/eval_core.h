/* Inside the evaluator: its state, and what its parts offer one another.
 *
 *   deltas -> eval_view.c (tracks, dirty marks, agenda) -> advance.c (which ticks, what to look at)
 *          -> kpi_value.c, ranking.c -> rules.c, board.c, scorecard.c, publish.c -> sink */
#ifndef CRMPULSE_CORE_EVAL_CORE_H
#define CRMPULSE_CORE_EVAL_CORE_H

#include "agenda.h"
#include "crmpulse/customer_value.h"
#include "crmpulse/eval.h"
#include "crmpulse/sketch.h"
#include "series.h"

struct view_state {
    bool tracked;          /* keeps running sums, dirty marks and an agenda; else it only holds panes */
    int64_t at_ms;         /* the instant its windows are positioned at; INT64_MIN before the first */
    struct agenda waiting; /* deltas with a cause after `at` */
    struct agenda due;     /* nodes, watches and orgs that time alone changes */
    struct subject_set dirty, changed, elapsed;
};

/* Kinds of entries in view_state.due. */
enum { DUE_NODE, DUE_RULES, DUE_ORG_CLOSE, DUE_ELAPSED };

struct node_set {
    struct node **v;
    uint32_t n, cap;
};

/* A civil window that ended, or ended windows that a late delta changed; or a window as it stood at the end of a cycle, for the scorecards of that. */
struct closed_window {
    struct subject *subject;
    int window;
    int64_t at_ms;           /* its last instant, or that of the cycle */
    const uint64_t *watches; /* bit per watch that the change touches */
    int measure;             /* the plan's slot that `watches` is of */
    uint32_t slot;
};
struct closed_windows {
    struct closed_window *v;
    uint32_t n, cap;
};
int closed_windows_add(struct closed_windows *list, struct closed_window c); /* 0 or -1 (out of memory) */
int closed_windows_copy(struct closed_windows *to, const struct closed_windows *from);
bool closed_window_eq(const struct closed_window *a, const struct closed_window *b);
void closed_windows_note(struct evaluator *e, struct closed_windows *list,
                         struct closed_window c); /* unless just noted */

/* A rule to be judged for a subject. */
struct judgement {
    struct subject *subject;
    int rule;
    int64_t at_ms;
};
struct judgements {
    struct judgement *v;
    uint32_t n, cap;
};

/* All subjects of a dimension in the order of a KPI. */
struct ranked {
    struct subject *subject;
    bool is_null, unranked; /* unranked: too few samples */
    double value;
    int64_t reached_ms, samples;
    int32_t rank;
    double gap;          /* to the next strictly better value, 0 for the best */
    struct stand *stand; /* board_order.h: in an order that is kept, else NULL */
};

struct ranking {
    struct ranked *v;
    uint32_t n, cap;
};

/* Scratch of the board being made. */
struct board_scratch {
    struct ranking now, before;
    struct board_entry *entry;
    uint32_t cap;
    struct order_change *change; /* board_order.c */
    uint32_t cap_changes;
    bool *same; /* board_shown.c */
    struct slice *gone;
    uint32_t cap_same, cap_gone;
};

enum alert_state { ALERT_OK, ALERT_PENDING, ALERT_FIRING, ALERT_RECOVERING, ALERT_NO_DATA };

/* State of a rule for a subject. */
struct alert {
    enum alert_state state;
    int grade; /* of a firing one: enum alert_grade; with milestones: how many are passed */
    bool unsaved;
    int64_t since_ms; /* tick at which the state began; with milestones: start of the cycle they were passed in */
    int64_t wake_ms;  /* the look that is on the agenda; not saved */
    int64_t revision; /* how often late events changed the complete window whose last instant is revised_ms; 0: never */
    int64_t revised_ms, counted_ms; /* counted_ms: the snapshot tick that the last of these revisions is counted to */
};

/* How often the value of an ended window was revised: counted by "<org>\n<state key>". */
struct revisions {
    struct intern key;
    struct revision {
        int64_t n;
        uint64_t content; /* hash of what was told last; 0: not kept */
        bool unsaved;
    } * v;
    uint32_t cap;
};

/* A ranking made for rank KPIs, by position of the subject in its list. Several are kept: rows go subject by subject, each through all its windows. */
enum { RANK_CACHES = 32 };

struct rank_cache {
    bool valid;
    uint64_t generation;
    const struct org *org;
    enum dim dim;
    enum ties ties;
    int kpi, view;
    struct window window;
    int window_index;
    int64_t at_ms;
    bool past;
    enum compared prev;
    int32_t *rank; /* 0: not known at the instant */
    uint32_t cap;
};

/* What measures read while the rows of one subject are made: KPIs share them. Nothing changes meanwhile. */
enum { VALUE_MEMOS = 512 };

struct value_memo {
    uint64_t stamp, key; /* key: window, comparison, measure, part */
    struct expr_value value;
    uint32_t flags; /* that reading it raised */
    bool prev_zero;
};
struct value_memos {
    const struct subject *subject; /* NULL: nothing is kept */
    enum view_id view;
    uint64_t stamp; /* of those in force */
    struct value_memo *v;
};

/* Sizes of the RFM segments by quintiles at a close of the cycle, kept as long as nothing before it changes. */
enum { RFM_CLOSES = 16 };

struct rfm_close {
    const struct org *org;
    enum view_id view;
    int64_t close_ms;
    bool valid;
    int64_t size[RFM_SEGMENTS];
};

struct evaluator {
    const struct definitions *defs;
    struct evaluator_options opt;
    struct plan plan;
    struct store store;
    struct view_state view[VIEW_COUNT];
    struct sketch_bounds bounds;
    int64_t tick_ms, judged_tick, now_ms;
    int64_t stands_ms; /* the newest event that the cells know, INT64_MIN: not told */
    bool
        unjudged; /* restored without a judged tick, and pending deltas are all there is: the judged view begins empty */
    bool restored; /* cells came in that no agenda knows yet */
    bool tick_unsaved;
    bool out_of_memory; /* in the middle of evaluation; reported by the next return */
    bool rows_due;      /* something waits for the next snapshot tick */
    struct closed_windows closing, revised, revised_saved;
    struct subject_set unsaved; /* their `changed` differs from what was saved */
    uint64_t plan_hash;         /* of bits and slots in the saved state, 0: not computed yet */
    uint64_t plan_saved;        /* hash of the plan that the saved state is of, 0: none */
    struct judgements judgements;
    struct node_set cited, cited_unsaved; /* whose evidence this tick changed; what is to be saved */
    uint64_t fed_seq,
        judged_seq; /* position in the feed of what was given last, and of that when the last tick was judged */
    struct revisions revisions;
    uint64_t generation; /* raised whenever cells change or a view moves */
    struct rank_cache rank_cache[RANK_CACHES];
    uint32_t rank_cache_next; /* the one to be replaced */
    struct value_memos memos;
    struct board_scratch boards;
    uint32_t *board_watch; /* by board: its watch */
    struct rfm_close rfm[RFM_CLOSES];
    uint32_t rfm_next;           /* the one to be replaced */
    struct subject_set carded;   /* with scorecards to be saved */
    struct subject_set placed;   /* with places to be saved */
    int64_t changes_ms;          /* least of the boards', 0: none */
    struct sketch_count *counts; /* scratch for quantiles */
    uint32_t cap_counts;
    const struct evaluator_sink *sink; /* during evaluator_advance */
    struct evaluator_stats stats;
};

/* eval_view.c */
/* Since when a delta tells of its subject: steps of levels and what came late tell by their panes, anything else by its cause. */
int64_t view_since(bool level, bool gauge, int64_t pane_ms, int64_t cause_ms);
int view_apply(struct evaluator *e, enum view_id v, struct series *s, const struct agenda_item *delta,
               int64_t cause_ms);
void view_mark(struct evaluator *e, enum view_id v, struct subject *s, const uint64_t *watches);
void view_mark_one(struct evaluator *e, enum view_id v, struct subject *s, uint32_t watch);
void view_wake(struct evaluator *e, struct subject *s, uint32_t watch, int64_t at_ms); /* mark it then */
int view_move(struct evaluator *e, enum view_id v, int64_t at_ms); /* lets waiting deltas in, marks what time changed */
int view_reschedule(struct evaluator *e, enum view_id v);          /* after a restore */
int subject_set_add(struct subject_set *set, struct subject *s);
void subject_set_sort(struct subject_set *set);
struct span org_span(struct evaluator *e, enum view_id v, struct org *org, int window, enum compared prev);
void elapsed_note(struct evaluator *e, enum view_id v, struct subject *s, uint32_t watch);

/* advance.c: the first snapshot tick at or after t_ms; INT64_MAX: there are none */
int64_t snapshot_at(const struct evaluator *e, int64_t t_ms);

/* schedule.c: when a window over a pane changes by time alone */
int64_t slot_event_of_pane(const struct org *org, const struct window *w, const struct plan_slot *slot, int64_t pane_ms,
                           int64_t after_ms);
/* The earliest of these events over all panes. */
int64_t panes_next_event(const struct org *org, const struct window *w, const struct plan_slot *slot,
                         const struct panes *p, int64_t after_ms);
int64_t slot_next_event(struct evaluator *e, enum view_id v, const struct node *n, uint32_t slot, int64_t after_ms);
/* When its window begins before the panes that are kept, and a figure that was has to be taken back; INT64_MAX: not foreseen. It depends on what the node holds
 * in that window or later, so a restored evaluator foresees the same. */
int64_t slot_cut_ms(struct evaluator *e, enum view_id v, const struct node *n, const struct plan_slot *slot,
                    int64_t after_ms);

static inline int64_t tick_after(const struct evaluator *e, int64_t t_ms)
{
    int64_t tick = e->tick_ms, rest = t_ms % tick;
    return t_ms - (rest < 0 ? rest + tick : rest) + tick;
}

#endif
