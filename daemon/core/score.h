/* Score curves: a KPI value as points. */
#ifndef CRMPULSE_CORE_SCORE_H
#define CRMPULSE_CORE_SCORE_H

#include "crmpulse/defs.h"

/* 0 .. 100, or up to 100 x cap. `direction` decides the ratio curve; linear and step curves carry their own. */
double score_value(const struct score_curve *c, enum direction direction, double value);

#endif
