/* The history of chosen KPIs: rows of snapshot ticks kept in Redis, a hash per org, KPI and UTC day, so that each ages by its own TTL. Written with the commit
 * that tells them, so it is as exact: a tick judged again writes the same fields, a revised row replaces its own. A snapshot tells what was touched since
 * the one before, so where a tick has no field the value is that of the tick before.
 *
 * Rows of reps and customers are not kept: erasing somebody then has nothing to look for here. */
#ifndef CRMPULSE_HISTORY_H
#define CRMPULSE_HISTORY_H

#include "crmpulse/config.h"
#include "daemon/line.h"

/* Is the KPI among publish.history? */
bool history_has(const struct config *c, struct slice kpi);
/* Is a row of it to be kept, if it is not too old already? */
bool history_keeps(const struct config *c, struct slice kpi, struct slice dim, int64_t at_ms, int64_t now_ms);

int64_t history_day(int64_t at_ms); /* since 1970 */
int64_t history_expiry_ms(int64_t day, int64_t keep_ms);

/* "hist:<org>:<kpi>:<day>"; "<window>|<dim>:<subject>|", which the instant follows. */
void history_key(struct line *l, struct slice org, struct slice kpi, int64_t day);
void history_field(struct line *l, struct slice window, struct slice dim, struct slice subject);

#endif
