/* Money over civil days. Internal to the core. */
#ifndef CRMPULSE_TRACK_SPREAD_H
#define CRMPULSE_TRACK_SPREAD_H

#include "crmpulse/calendar.h"

/* A walk over the civil days that a span touches, each with its part of an amount: equal parts in whole micro-units, what is left over goes to the
 * first ones one micro each, so the parts sum to the whole. The first part lies at the span's start, the others at the start of their day. */
struct spread {
    const struct calendar *cal;
    int64_t t_ms, end_ms; /* the next part's time */
    int64_t part, rest;
};

/* O(days); an empty span gives one part at its start. */
void spread_begin(struct spread *s, const struct calendar *cal, struct span span, int64_t amount);
bool spread_next(struct spread *s, int64_t *ret_t_ms, int64_t *ret_amount);

#endif
