/* What leaves when: rows, boards and scorecards of whatever changed. */
#ifndef CRMPULSE_CORE_PUBLISH_H
#define CRMPULSE_CORE_PUBLISH_H

#include "eval_core.h"

/* Before anything is read: values that depend on all subjects of a dim mark all of them. */
void publish_spread(struct evaluator *e, enum view_id v);

/* After a restore: what the loading of cells touched is not news; KPIs that move with the clock are found again. */
void publish_resume(struct evaluator *e);

/* Move dirty marks to what waits for the next snapshot tick. */
int publish_gather(struct evaluator *e);

/* Rows and boards of the live view for what is dirty, then nothing is dirty. */
int publish_live(struct evaluator *e);

/* Final rows of the civil windows that ended at this tick. */
int publish_finals(struct evaluator *e);

/* At a snapshot tick: rows, revisions, boards, scorecards of everything that changed since the last. */
int publish_snapshot(struct evaluator *e, int64_t tick_ms);

#endif
