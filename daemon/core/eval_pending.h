/* What waits for the next snapshot, as state that survives a restart: the watches of each subject that were touched since the last one, and the ended
 * windows that late deltas changed. Without it a restart would tell everything again, at ticks at which nobody else would, and forget revisions.
 *
 *   org ""   key "plan"                   value "<hash of all watches>": the rest below means something under this plan alone
 *   org      key "chg|<dim>|<subject>"    value "<hex word>,<hex word>,..", or "-": the judged view knows the subject, nothing waits
 *   org      key "crd|<dim>|<subject>"    value "<hex hash>,..": of each scorecard's snapshot told last
 *   org      key "snc|<dim>|<subject>"    value "<ms> <ms>": since when the judged view knows it by panes, by gauges
 *   org      key "rvd|<n>"                value "<measure>|<slot>|<dim>|<at ms>|<subject>"; empty: gone */
#ifndef CRMPULSE_CORE_EVAL_PENDING_H
#define CRMPULSE_CORE_EVAL_PENDING_H

#include "eval_core.h"

/* The subject has watches to be told of that it had not before. */
void pending_note(struct evaluator *e, struct subject *s);
/* The snapshot was told: nothing waits any more. */
void pending_told(struct evaluator *e);

int pending_save(struct evaluator *e, bool only_changed, evaluator_state_sink sink, void *ctx);
/* `rest`: the key behind its first bar. 0 or -1 (malformed, out of memory). */
int pending_restore_changed(struct evaluator *e, struct slice org, struct slice rest, const char *value);
int pending_restore_since(struct evaluator *e, struct slice org, struct slice rest, const char *value);
int pending_restore_cards(struct evaluator *e, struct slice org, struct slice rest, const char *value);
int pending_restore_revised(struct evaluator *e, struct slice org, struct slice rest, struct slice value);
int pending_restore_plan(struct evaluator *e, const char *value);

/* After all was restored: true if what was saved belongs to this plan and is complete. */
bool pending_exact(struct evaluator *e);
/* It does not: what was told of running windows is not known. Of ended ones stays to be revised what is still looked at. */
void pending_settle(struct evaluator *e);

#endif
