/* Printing what an evaluator knows: KPI rows, boards, alerts, scorecards, as the options of replay and query ask. */
#ifndef CRMPULSE_RESULTS_H
#define CRMPULSE_RESULTS_H

#include "crmpulse/arena.h"
#include "query_args.h"

struct results {
    const struct query_args *args;
    struct arena text; /* of one line at a time */
};

void results_init(struct results *r, const struct query_args *args);
void results_release(struct results *r);

/* For judging: prints transitions with --alerts and rows with --published. The sink borrows `r`. */
struct evaluator_sink results_sink(struct results *r);

/* Rows, boards or scorecards at the instants asked for (default: `newest_ms`), as JSON lines, rows without --json as a table. 0 or -1. */
int results_print(struct results *r, struct evaluator *e, int64_t newest_ms);

#endif
