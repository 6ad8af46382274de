/* What a Redis server must be like before crmpulse writes to it. Judges text; asks nothing itself. */
#ifndef CRMPULSE_REDIS_PREFLIGHT_H
#define CRMPULSE_REDIS_PREFLIGHT_H

#include "crmpulse/slice.h"

enum preflight {
    PREFLIGHT_PASS,
    PREFLIGHT_WAIT,  /* not now: loading, a replica; ask again later */
    PREFLIGHT_REFUSE /* an operator must change something */
};

/* Judge the answer to INFO. `why` gets a sentence unless it passes. */
enum preflight preflight_info(struct slice info, char *why, size_t cap);

#endif
