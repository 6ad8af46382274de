/* How often the published value of an ended window was revised. */
#ifndef CRMPULSE_CORE_REVISION_H
#define CRMPULSE_CORE_REVISION_H

#include "eval_core.h"

/* The revision of (subject, watch, window that starts then), raised by one first if `raise`. -1 when out of memory. */
int64_t revision_of(struct evaluator *e, const struct subject *s, uint32_t watch, int64_t start_ms, bool raise);

/* The count under a state key, raised by one for what is to be told with that content; 0: it is what was told last, before any revision (`first`, 0: not
 * known) or at the last one. -1 when out of memory. */
int64_t revision_told(struct evaluator *e, struct slice org, struct slice key, uint64_t content, uint64_t first);

/* The count under a state key of an org, made if it is missing; NULL when out of memory. */
struct revision *revision_at(struct evaluator *e, struct slice org, struct slice key);

#endif
