/* DDSketch bins as plain counters: relative error 1 %, mergeable and subtractable (Masson, Rim, Lee: DDSketch, PVLDB 12(12), 2019).
 *
 * Bin 0 holds values <= 0; bin i >= 1 holds (upper[i-1], upper[i]]. Bounds are integers that grow by at most gamma = (1 + a) / (1 - a) =
 * 101 / 99 (a = 0.01) and by at least 1: up to 99 every integer has a bin of its own and is exact. They come from integer arithmetic,
 * so they are the same on every machine; 2067 bins reach INT64_MAX. Bin numbers are stored: the bounds are part of the format. */
#ifndef CRMPULSE_SKETCH_H
#define CRMPULSE_SKETCH_H

#include <stdbool.h>
#include <stdint.h>

#define SKETCH_RELATIVE_ERROR 0.01

enum { SKETCH_BINS_MAX = 2400 };

struct sketch_bounds {
    uint32_t n;
    int64_t upper[SKETCH_BINS_MAX]; /* inclusive upper bound of bin i; upper[0] = 0 */
};

void sketch_bounds_init(struct sketch_bounds *b);

/* Bin of a value. O(log n). */
uint32_t sketch_bin(const struct sketch_bounds *b, int64_t value);

/* A value standing for the bin, within the relative error of every value in it (0 for bin 0; bins out of range count as the last). */
int64_t sketch_value(const struct sketch_bounds *b, uint32_t bin);

struct sketch_count {
    uint32_t bin;
    int64_t n;
};

/* Nearest-rank quantile: element ceil(p * total) counted from 1 (p rounded to millionths, the first for p <= 0, the last for p >= 1), over
 * bins in ascending order. False if the total is <= 0 or overflows, or p is NaN. */
bool sketch_quantile(const struct sketch_bounds *b, const struct sketch_count *counts, uint32_t n, double p,
                     int64_t *ret);

#endif
