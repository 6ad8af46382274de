/* What a running installation keeps in Redis, read into an evaluator. Reads only; needs no lease. */
#ifndef CRMPULSE_STORED_H
#define CRMPULSE_STORED_H

#include "crmpulse/config.h"
#include "crmpulse/eval.h"

struct stored {
    struct evaluator *evaluator;
    int64_t newest_ms; /* newest event time applied, INT64_MIN: none */
    char mixed[40];    /* since when definitions differ from those before (run.accept_mixed), "": never */
};

/* All shards. With `judged` also what was judged: the states of alerts. EXIT_SUCCESS, or the exit code to end with after saying why on standard error, for
 * `command`: CLI_CONFIG if the cells were booked by other definitions than those of `config`. Release in all cases; `config` must outlive it. */
int stored_read(struct stored *s, const struct config *config, const char *command, bool judged);
void stored_release(struct stored *s);

#endif
