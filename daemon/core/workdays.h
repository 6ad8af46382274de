/* Working days of an org, counted. Internal to the core. */
#ifndef CRMPULSE_CORE_WORKDAYS_H
#define CRMPULSE_CORE_WORKDAYS_H

#include "crmpulse/calendar.h"

/* How many working days have their first instant before t_ms, from a fixed instant on (negative before it). Those that start in [a, b): the difference of
 * two. The cost of calendar_business_days. */
int64_t workdays_before(const struct calendar *cal, int64_t t_ms);

#endif
