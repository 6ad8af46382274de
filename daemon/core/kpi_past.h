/* As-of measures at an instant before the newest event, from cells without causes: what query has. Internal to the core.
 *
 * A gauge is its total less the steps of later hours. A count or sum over panes is what they hold now less what later hours moved in and out of them. Both are
 * exact at the end of an hour, and inside one that changed nothing. Otherwise the reader gets VALUE_PAST_UNKNOWN. */
#ifndef CRMPULSE_CORE_KPI_PAST_H
#define CRMPULSE_CORE_KPI_PAST_H

#include "kpi_read.h"

/* Whether the series is asked for such an instant. */
bool past_of_cells_asked(const struct measure_reader *m, const struct series *s, const struct measure_def *def);

int64_t past_of_cells_sum(struct measure_reader *m, const struct series *s, const struct measure_def *def);

#endif
