/* Erased subjects (C6) in the evaluator: in no row, board, scorecard or rule from the instant on at which a view knows of it; what readers were shown is
 * taken back. */
#ifndef CRMPULSE_CORE_EVAL_ERASED_H
#define CRMPULSE_CORE_EVAL_ERASED_H

#include "eval_core.h"

/* Whether the view, as it stands, says that the subject was erased: for past instants, too. Marks are erased themselves. O(1) in an org without any, else a
 * hash and a search. */
bool subject_erased(const struct evaluator *e, const struct subject *s, enum view_id v);
/* A mark came or went: everything that shows the subject it stands for is to be looked at. O(subjects). */
void erased_touch(struct evaluator *e, enum view_id v, struct subject *mark);
/* Tell that something shown of it is gone. */
int erased_tell(const struct evaluator *e, const struct subject *s, enum gone_from from, const char *window,
                const char *id);

#endif
