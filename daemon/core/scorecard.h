/* Scorecards: weighted KPIs against targets. */
#ifndef CRMPULSE_CORE_SCORECARD_H
#define CRMPULSE_CORE_SCORECARD_H

#include "kpi_value.h"

/* Cards of a subject that its changes touch, in the versions in force. */
int scorecards_publish(struct evaluator *e, struct subject *s, int64_t tick_ms);

/* What a rule compares: score, coverage and band counted from the worst. */
struct card_figure {
    double score, coverage;
    int band;
};
/* Of the version in force at an instant; false: no card for that dim, no score, or too little coverage. */
bool scorecard_figure(struct evaluator *e, struct subject *s, struct slice id, int64_t at_ms, struct card_figure *ret);

#endif
