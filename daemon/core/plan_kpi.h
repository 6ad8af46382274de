/* What one KPI reads. */
#ifndef CRMPULSE_CORE_PLAN_KPI_H
#define CRMPULSE_CORE_PLAN_KPI_H

#include "plan.h"

/* Leaves of all formulas of a KPI, through derived measures; a rank has those of what it ranks by. The windows of
 * definitions.ref must be in the plan. 0 or -1 (out of memory). */
int plan_kpi_init(struct plan_kpi *ret, const struct plan *plan, int kpi);

#endif
