/* Scorecards: weighted KPIs against targets. */
#ifndef CRMPULSE_CORE_SCORECARD_H
#define CRMPULSE_CORE_SCORECARD_H

#include "kpi_value.h"

/* Cards of a subject that its changes touch, in the versions in force. */
int scorecards_publish(struct evaluator *e, struct subject *s, int64_t tick_ms);

/* The card of the cycle with that last instant, told anew at a snapshot tick unless it is what was told of it last. It says no change since a snapshot
 * before. Cards that read as-of measures are passed over: the judged view does not know their past. 0, -1 or what the sink returned. */
int scorecard_revise(struct evaluator *e, struct subject *s, uint32_t card, int64_t at_ms, int64_t tick_ms);

/* What a rule compares: score, coverage and band counted from the worst. */
struct card_figure {
    double score, coverage;
    int band;
};
/* Of the version in force at an instant; false: no card for that dim, no score, or too little coverage. */
bool scorecard_figure(struct evaluator *e, struct subject *s, struct slice id, int64_t at_ms, struct card_figure *ret);

#endif
