/* Rules at a tick: who is to be judged, the judgement, the transition. */
#ifndef CRMPULSE_CORE_RULES_H
#define CRMPULSE_CORE_RULES_H

#include "eval_core.h"

/* Judge everything the tick touched, in the order org, rule, dim, subject. 0, -1 or what the sink returned. */
int rules_judge(struct evaluator *e, int64_t tick_ms);
int rules_want(struct evaluator *e, struct subject *s, int rule, int64_t at_ms);

#endif
