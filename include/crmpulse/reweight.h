/* Basis points that stay whole: splitting by largest remainder, and changing one weight among others (domain specification 4.2).
 *
 * Everything is integers: a part never depends on how a double was rounded, and parts always add up to the whole. */
#ifndef CRMPULSE_REWEIGHT_H
#define CRMPULSE_REWEIGHT_H

#include "crmpulse/slice.h"

enum { WEIGHT_ITEMS_MAX = 64, WEIGHT_TOTAL_BP = 10000 };

/* Split `total` in proportion to `weight` (each >= 0, their sum > 0 and within int64). Every part is first rounded towards zero; the units left over
 * go to the largest remainders, among equal ones to the bytewise smallest id (`id` NULL: to the first). A negative total is split like its
 * opposite. 0; -1: n is 0 or above WEIGHT_ITEMS_MAX, a negative weight, or nothing to split by. O(n^2). */
int largest_remainder(int64_t total, const int64_t *weight, const struct slice *id, uint32_t n, int64_t *ret_part);

/* Give item `changed` the weight `new_bp` and scale the others so that all sum to 10 000. `bp` must sum to 10 000.
 * 0; -1: it does not, `new_bp` is outside 0..10 000, or the others have nothing to scale. */
int reweight(const int32_t *bp, const struct slice *id, uint32_t n, uint32_t changed, int32_t new_bp, int32_t *ret_bp);

/* Multiply every weight by its factor (a phase preset: "cac x 2") and renormalise to 10 000. 0, or -1 as for largest_remainder. */
int reweight_scale(const int32_t *bp, const int32_t *factor, const struct slice *id, uint32_t n, int32_t *ret_bp);

#endif
