/* What a running installation keeps in Redis, read into an evaluator. Reads only; needs no lease. */
#ifndef CRMPULSE_STORED_H
#define CRMPULSE_STORED_H

#include "crmpulse/config.h"
#include "crmpulse/eval.h"

struct stored {
    struct evaluator *evaluator;
    int64_t newest_ms; /* newest event time applied, INT64_MIN: none */
};

/* All shards. With `judged` also what was judged: the states of alerts. 0, or -1 after saying why on standard error, for `command`. Release in both
 * cases; `config` must outlive it. */
int stored_read(struct stored *s, const struct config *config, const char *command, bool judged);
void stored_release(struct stored *s);

#endif
