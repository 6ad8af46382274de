/* Evidence: the ids of the events that a measure of a subject rests on, newest first kept. Only measures that rules read have any.
 *
 * A delta of evidence (CELL_EVIDENCE, field "<dim>:<subject>|<measure>@<event id>", pane_ms = time the fact counts at, value = facts added) travels with
 * the deltas of the cells in one feed entry, with the same cause, but is no cell: the store keeps none of it. The judged view counts ids per node, so that
 * a corrected or erased fact takes its id along. What was judged is saved with the judged state, what was not is in the retained feed. */
#ifndef CRMPULSE_CORE_EVIDENCE_H
#define CRMPULSE_CORE_EVIDENCE_H

#include "eval_core.h"

enum {
    EVIDENCE_SHOWN = 32, /* ids in an alert */
    EVIDENCE_KEPT = 64   /* per node, so that a few withdrawals leave enough */
};

/* Put a delta on the agenda of the judged view. 0 or -1 (malformed, out of memory). */
int evidence_push(struct evaluator *e, const struct cell_delta *d);
/* Its cause has come. */
int evidence_take(struct evaluator *e, const struct agenda_item *item);
/* After a tick: forget what is beyond the bound. */
void evidence_trim(struct evaluator *e);

/* Ids behind a KPI of a subject in a span, in order of time: the newest EVIDENCE_SHOWN. They are borrowed until the next delta. */
struct evidence_list {
    struct slice id[EVIDENCE_SHOWN];
    uint32_t n;
    bool truncated;
};
int evidence_of(struct evaluator *e, const struct subject *s, int kpi, struct span span, struct evidence_list *ret);

int evidence_save(struct evaluator *e, bool only_changed, evaluator_state_sink sink, void *ctx);
/* key "evi|<measure>|<dim>|<subject>", value "<dropped ms> <t ms>,<n>,<bytes>:<id>.."; `rest` is the key behind its first bar */
int evidence_restore(struct evaluator *e, struct slice org, struct slice rest, struct slice value);

void evidence_release(struct evidence *x);
void evidence_forget_waiting(struct evaluator *e);

#endif
