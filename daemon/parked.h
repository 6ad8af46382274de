/* Which hours of which orgs have parked cells in a shard: what the judge will settle. Plain bookkeeping, no I/O. */
#ifndef CRMPULSE_PARKED_H
#define CRMPULSE_PARKED_H

#include "crmpulse/arena.h"

struct parked_hour {
    int64_t start_ms;
    uint32_t org; /* index */
};

struct parked {
    struct arena text;
    struct slice *org; /* raw ids */
    uint32_t n_orgs, cap_orgs;
    struct parked_hour *v; /* ascending */
    uint32_t n, cap;
};

void parked_init(struct parked *p);
void parked_clear(struct parked *p);
void parked_release(struct parked *p);

/* There may be cells of this hour. Repetitions are fine. 0 or -1 (out of memory). O(log n) where it is known. */
int parked_note(struct parked *p, struct slice org, int64_t hour_ms);
/* The earliest hour that has ended at `until_ms`; false if there is none. */
bool parked_due(const struct parked *p, int64_t until_ms, struct slice *ret_org, int64_t *ret_hour_ms);
/* The earliest hour was settled. */
void parked_drop_first(struct parked *p);

#endif
