/* Bounds, bins and quantiles of the sketch. Counts live elsewhere, as measures. */
#include "crmpulse/sketch.h"

#include <math.h>

/* gamma = 101/99, so a bin may reach from u to u + 2u/99. Computed in integers (2u overflows, so u is split by 99). */
static int64_t next_bound(int64_t u)
{
    int64_t step = u / 99 * 2 + u % 99 * 2 / 99;
    if (step == 0)
        step = 1;
    return u > INT64_MAX - step ? INT64_MAX : u + step;
}

void sketch_bounds_init(struct sketch_bounds *b)
{
    b->upper[0] = 0;
    b->n = 1;
    while (b->n < SKETCH_BINS_MAX && b->upper[b->n - 1] < INT64_MAX) {
        b->upper[b->n] = next_bound(b->upper[b->n - 1]);
        b->n++;
    }
}

uint32_t sketch_bin(const struct sketch_bounds *b, int64_t value)
{
    if (value <= 0)
        return 0;
    uint32_t low = 0, high = b->n - 1; /* upper[low] < value <= upper[high] */
    while (high - low > 1) {
        uint32_t mid = low + (high - low) / 2;
        if (b->upper[mid] < value)
            low = mid;
        else
            high = mid;
    }
    return high;
}

/* Every x of the bin (u, h] has h <= u * 101/99. The value v = h - h/100 (rounded down) is >= 0.99 h, hence v >= 0.99 x; and
 * v < 0.99 h + 1 <= 1.01 u + 1 < 1.01 (u + 1) <= 1.01 x whenever h/100 > 0; below 100 the bins hold one integer each. */
int64_t sketch_value(const struct sketch_bounds *b, uint32_t bin)
{
    int64_t upper = b->upper[bin < b->n ? bin : b->n - 1];
    return upper - upper / 100;
}

/* ceil(p * total) with p in millionths, exactly: 0.07 * 100 is 7, not 8 as doubles say. 1 <= result <= total. */
static int64_t rank_of(double p, int64_t total)
{
    int64_t ppm = p >= 1 ? 1000000 : p > 0 ? (int64_t)llround(p * 1e6) : 0;
    int64_t rank = total / 1000000 * ppm + (total % 1000000 * ppm + 999999) / 1000000;
    return rank < 1 ? 1 : rank;
}

bool sketch_quantile(const struct sketch_bounds *b, const struct sketch_count *counts, uint32_t n, double p,
                     int64_t *ret)
{
    int64_t total = 0, seen = 0;
    for (uint32_t i = 0; i < n; i++)
        if (__builtin_add_overflow(total, counts[i].n, &total))
            return false;
    if (total <= 0 || isnan(p))
        return false;
    int64_t rank = rank_of(p, total);
    for (uint32_t i = 0; i < n; i++) {
        seen += counts[i].n;
        if (seen >= rank) {
            *ret = sketch_value(b, counts[i].bin);
            return true;
        }
    }
    return false;
}
