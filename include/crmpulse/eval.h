/* The evaluator: cells in, KPI values, boards, alert transitions and scorecards out. Pure; the same code serves the daemon, replay and query.
 *
 * Two views of the same cells are kept: live (every delta whose cause is not in the future, as of `now`) and judged (exactly the deltas with
 * cause < T for the last judged tick T). Series are per (org, dim, subject, measure part); each keeps its panes in time order and a running sum per
 * window in use, by subtract-on-evict, so the cost of a delta does not depend on the length or the slide of windows.
 *
 * Ticks are multiples of definitions.tick_ms. At tick T windows are positioned at the instant T - 1. Only ticks at which something can change are
 * visited: after a delta, where a pane leaves a window, at civil boundaries, at `for` deadlines and at snapshot ticks. KPIs that use the elapsed share
 * of a window are looked at whenever their cells change and at every full hour (UTC).
 *
 * Choices: a gauge window reads measures with panes from the start of the org's cycle to `at`. Windows of minutes over measures without minute panes take
 * whole hours (flag "coarse"). A part of a lifecycle measure has a value in windows d, w and m only. The comparison window of as-of and distinct measures
 * is exact where asof_history is kept; the live and judged views know the present state only. A board's previous ranks are those of the whole
 * comparison window. Flags of rows: from_zero, short_base, overflow, coarse, warming, past_unknown, final, then additional figures as name=value, then the switches. */
#ifndef CRMPULSE_EVAL_H
#define CRMPULSE_EVAL_H

#include "crmpulse/cell.h"
#include "crmpulse/defs.h"
#include "crmpulse/output.h"

struct evaluator;

struct evaluator_options {
    bool live;  /* keep the live view (the daemon); replay and query judge only */
    bool judge; /* keep the judged view */
    bool
        asof_history; /* keep as-of deltas with their causes, so that as-of measures can be asked for at past instants (replay) */
};

/* NULL when out of memory. `defs` must outlive the evaluator. */
struct evaluator *evaluator_new(const struct definitions *defs, const struct evaluator_options *opt);
void evaluator_free(struct evaluator *e);

/* Take one delta; it reaches the live view at once and the judged view when its cause is judged. 0, or -1 (out of memory, malformed field, a time
 * outside of the years 1 to 9999; the same holds for what is restored).
 * Cells of measures that the definitions do not know are kept (a definition may come back) but cost nothing. */
int evaluator_apply(struct evaluator *e, const struct cell_delta *d);

/* Starting again, in this order: evaluator_state_restore for every field, evaluator_restore_cell for every cell, evaluator_restore_pending for every
 * retained feed entry; then evaluator_apply for new ones only. Without a saved tick judging begins at the first watermark, unless nothing was ever judged and the feed is whole
 * (evaluator_restore_unjudged, before the first cell): then it begins with the first event.
 *
 * Base state at start-up: the cell's stored value, which already contains the deltas of retained feed entries; those are then given to
 * evaluator_restore_pending, which takes what was not judged yet out of the judged view again. Parked cells keep their causes: each view takes them in
 * when their time has come, and without a live view (query) the instants asked for decide. */
void evaluator_restore_unjudged(struct evaluator *e);
int evaluator_restore_cell(struct evaluator *e, const struct cell_delta *cell);
int evaluator_restore_parked(struct evaluator *e, const struct cell_delta *d);
int evaluator_restore_pending(struct evaluator *e, const struct cell_delta *d);

/* Where in the feed the deltas come from that are given next (a rising number of the caller's, 0: none): evidence is saved with the judged state, and only
 * so it is known which of it was in the saved one. Feed entries may be trimmed up to the position at which the last tick was judged. */
void evaluator_feed_position(struct evaluator *e, uint64_t seq);
uint64_t evaluator_judged_position(const struct evaluator *e);

/* Without live view and history (query): the newest event that the restored cells know. From there on as-of measures are as they stand; before it they are
 * what steps and moves (crmpulse/cell.h) tell, at the end of an hour or where its hour changed nothing; else, and for rolling distinct counts, there is
 * no value, and the flag "past_unknown". Not told: always as they stand. */
void evaluator_stands_at(struct evaluator *e, int64_t newest_ms);

/* Judged state that survives restarts, as text fields (org, key, value): alert states, last judged tick (org ""), revisions. Saving marks it as saved. A rule
 * whose definition hash changed starts anew. */
typedef int (*evaluator_state_sink)(void *ctx, struct slice org, struct slice key, struct slice value);
int evaluator_state_save(struct evaluator *e, bool only_changed, evaluator_state_sink sink, void *ctx);
int evaluator_state_restore(struct evaluator *e, struct slice org, struct slice key, struct slice value);

/* Something shown of a subject that was erased since: it is to be taken back. */
enum gone_from { GONE_ROW, GONE_ALERT, GONE_SCORECARD };
struct gone {
    enum gone_from from;
    struct slice org, dim, subject;
    struct slice window, id; /* of a row; id: KPI, rule or scorecard */
};

/* Where results go; all borrowed slices are valid during the call only. Any may be NULL. Return 0 to go on. */
struct evaluator_sink {
    void *ctx;
    int64_t emitted_at_ms; /* processing time, which tells what is historical; 0: the `now` of evaluator_advance */
    int (*live_row)(
        void *ctx,
        const struct kpi_row *row); /* a value of the live view that changed; without id and definition hash */
    int (*judged_row)(void *ctx, const struct kpi_row *row); /* snapshot tick, or a revision of a closed window */
    int (*alert)(void *ctx, const struct alert_transition *a);
    /* Boards and scorecards of ended periods come again, with revision > 0, at the snapshot tick after a late event or a correction changed them. */
    int (*board)(void *ctx, const struct board_snapshot *b, bool live);
    int (*scorecard)(void *ctx, const struct scorecard_snapshot *s);
    int (*gone)(void *ctx, const struct gone *g); /* may come again for what is gone already */
};

/* Judge every tick T <= watermark_ms in order, then move the live view to now_ms (wall clock, or the newest event time when replaying) and report
 * what changed. watermark_ms and now_ms never go back. */
int evaluator_advance(struct evaluator *e, int64_t watermark_ms, int64_t now_ms, const struct evaluator_sink *sink);

int64_t evaluator_judged_tick(const struct evaluator *e); /* INT64_MIN before the first */
/* The earliest cause among deltas not judged yet (INT64_MAX if none): feed entries with only earlier causes may be trimmed. */
int64_t evaluator_pending_cause(const struct evaluator *e);

/* Ask for rows: every combination that the filters leave; subjects that were not known at the instant only if asked for by name, dims in which a KPI is not
 * published only if both are. Values come from the final panes (late events and corrections included; with opt.live: what is not in the future), windows are
 * positioned at `at_ms`; as-of measures are as of `at_ms` where asof_history is kept, else see evaluator_stands_at. Order: at, KPI (as defined),
 * window, dim, subject (bytewise): the same input gives the same bytes. */
struct row_query {
    uint32_t n_at, n_kpis, n_windows, n_dims, n_subjects;
    const int64_t *at_ms;
    const int *kpi;              /* indexes; 0 of them: all */
    const struct window *window; /* 0: the KPI's own */
    const enum dim *dim;         /* 0: the KPI's own */
    const struct slice *subject; /* unescaped; 0: all */
};
int evaluator_rows(struct evaluator *e, const struct row_query *q, int (*each)(void *ctx, const struct kpi_row *row),
                   void *ctx);
int evaluator_boards(struct evaluator *e, int64_t at_ms, int (*each)(void *ctx, const struct board_snapshot *b),
                     void *ctx);
/* Only the boards that a subject is on, each with the `reach` entries on either side of it. */
struct board_around {
    struct slice subject;
    uint32_t reach;
};
int evaluator_boards_around(struct evaluator *e, int64_t at_ms, const struct board_around *around,
                            int (*each)(void *ctx, const struct board_snapshot *b), void *ctx);
int evaluator_scorecards(struct evaluator *e, int64_t at_ms, int (*each)(void *ctx, const struct scorecard_snapshot *s),
                         void *ctx);

/* Size, for metrics. */
struct evaluator_stats {
    uint64_t series, cells, pending, bytes, ticks_judged, overflows;
};
void evaluator_stats(const struct evaluator *e, struct evaluator_stats *ret);

#endif
