/* Working days of an org, counted. Internal to the core. */
#ifndef CRMPULSE_CORE_WORKDAYS_H
#define CRMPULSE_CORE_WORKDAYS_H

#include "crmpulse/calendar.h"

/* How many working days have their first instant before t_ms, since 1970-01-01. Working days that start in [a, b): the difference of two. O(1). */
int64_t workdays_before(const struct calendar *cal, int64_t t_ms);

#endif
