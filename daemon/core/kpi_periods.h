/* A measure read period by period: sums over the years or cycles of a window, what a series of yearly flows is worth, the next value of a series. */
#ifndef CRMPULSE_CORE_KPI_PERIODS_H
#define CRMPULSE_CORE_KPI_PERIODS_H

#include "kpi_read.h"

/* The value of a reference with `over_periods`; null where there is none. The years of a window are those between anniversaries of its start. */
struct expr_value periods_value(struct measure_reader *m, const struct measure_ref *ref);

#endif
