/* Periods that ended and are changed by a delta in the past: which, and telling of them anew. Rows of ended windows: publish.c. */
#ifndef CRMPULSE_CORE_REVISE_H
#define CRMPULSE_CORE_REVISE_H

#include "eval_core.h"

/* The judged view takes in a delta of a node's pane, which belongs to that slot of its measure: ended windows that it changes wait for the next snapshot, and
 * so do the ends of those cycles whose scorecards read it; rules that judged such a window count a revision. O(1) unless a period ended since. */
void revise_note(struct evaluator *e, const struct node *n, uint32_t slot, int64_t pane_ms);

/* At a snapshot tick, behind the rows: boards of ended windows and scorecards of ended cycles that changed since the last one, in the order org, board,
 * window and org, dim, subject, card, cycle. 0, -1 or what the sink returned. */
int revise_publish(struct evaluator *e, int64_t tick_ms);

#endif
