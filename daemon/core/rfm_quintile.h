/* RFM by quintiles (rfm_cut: quintile): all customers of an org that ever bought, ranked against each other at the close of a cycle (domain specification
 * 4.9). Trackers know one customer at a time, so they say only what has to be known of each; the ranking is read from the panes by customer.
 *
 * R goes by the hour of the last sale, F by the sales of the 365 days up to the close. A score is 1 + floor(5 x share of customers that are worse): equals
 * score alike, however many they are, and those of one hour are equals. So the sizes are a function of the panes before the close alone: neither order of
 * arrival nor restart matter, and a late event changes every close after it. */
#ifndef CRMPULSE_CORE_RFM_QUINTILE_H
#define CRMPULSE_CORE_RFM_QUINTILE_H

#include "kpi_value.h"

/* The newest end of a cycle of the org that is reached when the hour of at_ms is over: windows know a level then. */
int64_t rfm_close_ms(const struct calendar *cal, int64_t at_ms);
/* How many customers are in the RFM segment that `segment` is named after, at the newest close before the reading; 0 where it is none. The ranking is kept:
 * O(1), the first time O(n log n) in the org's customers. */
int64_t rfm_quintile_size(const struct reading *r, const struct subject *segment);
/* A delta of a view: forgets the rankings that it changes. */
void rfm_quintile_note(struct evaluator *e, enum view_id v, const struct node *n, const struct agenda_item *d);

#endif
