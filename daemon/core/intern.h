/* A set of strings: each distinct run of bytes is kept once and numbered from 0 in the order of arrival. */
#ifndef CRMPULSE_CORE_INTERN_H
#define CRMPULSE_CORE_INTERN_H

#include <stddef.h>

#include "crmpulse/arena.h"
#include "crmpulse/slice.h"

struct intern {
    struct arena bytes;
    struct slice *text; /* by number */
    uint32_t *bucket;   /* number + 1; 0 is free */
    uint64_t *hash;     /* by number */
    uint32_t n, cap, n_buckets;
    uint64_t seed; /* of the hash: texts come from events */
};

void intern_init(struct intern *set, uint64_t seed);
void intern_release(struct intern *set);
void intern_clear(struct intern *set); /* keeps the memory */

/* The number of `text`; *ret_new tells whether it was added now. UINT32_MAX when out of memory. */
uint32_t intern_add(struct intern *set, struct slice text, bool *ret_new);

#endif
