/* The newest cause behind the deltas that a node took in within one tick. Deltas that one cause books and withdraws again do not count: whether they met in
 * a batch, and so were never seen here, must not make a difference. */
#ifndef CRMPULSE_CORE_NEWEST_H
#define CRMPULSE_CORE_NEWEST_H

#include <stdint.h>

struct newest {
    int64_t tick_ms;    /* of what follows */
    int64_t settled_ms; /* newest of the causes before open_ms that left something; INT64_MIN: none */
    int64_t open_ms;    /* the cause being taken in */
    uint64_t open;      /* what it left, folded: 0 where all of it was withdrawn */
};

void newest_init(struct newest *n);
/* `cell` names the cell within the node. Causes come ascending within a tick, else a withdrawal is not recognised. */
void newest_note(struct newest *n, int64_t tick_ms, int64_t cause_ms, uint64_t cell, int64_t value);
/* INT64_MIN if nothing was left in that tick. */
int64_t newest_of(const struct newest *n, int64_t tick_ms);

#endif
