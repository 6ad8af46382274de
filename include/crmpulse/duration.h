/* How long things took, as a histogram with fixed bounds; what a scraper adds up and subtracts. No locking: one thread adds, copies are read. */
#ifndef CRMPULSE_DURATION_H
#define CRMPULSE_DURATION_H

#include <stdint.h>

enum { DURATION_BUCKETS = 13 };

/* Upper bounds in microseconds, ascending; what is longer is in none of them. */
#define DURATION_BOUNDS_MICROS                                                                                         \
    {                                                                                                                  \
        250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 5000000                      \
    }

struct duration_histogram {
    uint64_t bucket[DURATION_BUCKETS]; /* each for itself, not cumulative */
    uint64_t n, sum_micros;
};

static inline void duration_add(struct duration_histogram *h, uint64_t micros)
{
    static const uint32_t bound[DURATION_BUCKETS] = DURATION_BOUNDS_MICROS;
    int i = 0;
    while (i < DURATION_BUCKETS && micros > bound[i])
        i++;
    if (i < DURATION_BUCKETS)
        h->bucket[i]++;
    h->n++;
    h->sum_micros += micros;
}

static inline void duration_merge(struct duration_histogram *to, const struct duration_histogram *from)
{
    for (int i = 0; i < DURATION_BUCKETS; i++)
        to->bucket[i] += from->bucket[i];
    to->n += from->n;
    to->sum_micros += from->sum_micros;
}

#endif
