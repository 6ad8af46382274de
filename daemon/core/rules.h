/* Rules at a tick: who is to be judged, the judgement, the transition. */
#ifndef CRMPULSE_CORE_RULES_H
#define CRMPULSE_CORE_RULES_H

#include "eval_core.h"

/* Judge everything the tick touched, in the order org, rule, dim, subject. 0, -1 or what the sink returned. */
int rules_judge(struct evaluator *e, int64_t tick_ms);
/* The rules of a watch look at the subject at the tick to come, though nothing touched it: neither rows nor boards follow. 0 or -1. */
int rules_wake(struct evaluator *e, struct subject *s, uint32_t watch);
/* A late event changed the window (cycle: what scorecards read at the end of the cycle) with that last instant: rules that judged it before this tick
 * count a revision, one for all that the next snapshot tells. */
void rules_revised(struct evaluator *e, struct subject *s, const struct plan_slot *slot, int64_t last_ms, bool cycle);
int rules_want(struct evaluator *e, struct subject *s, int rule, int64_t at_ms);

#endif
