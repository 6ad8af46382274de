/* Scorecards: weighted KPIs against targets. */
#ifndef CRMPULSE_CORE_SCORECARD_H
#define CRMPULSE_CORE_SCORECARD_H

#include "kpi_value.h"

/* Cards of a subject that its changes touch, in the versions in force. */
int scorecards_publish(struct evaluator *e, struct subject *s, int64_t tick_ms);

#endif
