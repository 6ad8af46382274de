/* An explanation for people and for scripts. Private to the command explain. */
#ifndef CRMPULSE_EXPLAIN_TEXT_H
#define CRMPULSE_EXPLAIN_TEXT_H

#include <stdio.h>

#include "crmpulse/arena.h"
#include "crmpulse/explain.h"

/* Several lines. `kpi` is the rule's. */
void explain_text(FILE *to, const struct kpi_def *kpi, const struct explanation *x);

/* One JSON object without a newline; p is NULL when memory ran out. */
struct slice explain_json(struct arena *a, const struct kpi_def *kpi, const struct explanation *x);

#endif
