/* Rows, boards, alerts and scorecards as JSON lines: the one form that replay, query and tests read. */
#ifndef CRMPULSE_ROW_JSON_H
#define CRMPULSE_ROW_JSON_H

#include "crmpulse/arena.h"
#include "crmpulse/output.h"

/* One JSON object without a newline, in the arena; p is NULL when memory ran out. Emission times are left out: equal results are equal bytes. */
struct slice row_json(struct arena *a, const struct kpi_row *row);
struct slice alert_json(struct arena *a, const struct alert_transition *alert);
struct slice board_json(struct arena *a, const struct board_snapshot *board);
struct slice scorecard_json(struct arena *a, const struct scorecard_snapshot *card);

#endif
