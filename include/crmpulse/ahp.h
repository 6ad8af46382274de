/* Analytic hierarchy process: weights from pairwise comparisons, refused when the comparisons contradict each other (domain specification 4.3). */
#ifndef CRMPULSE_AHP_H
#define CRMPULSE_AHP_H

#include <stdbool.h>
#include <stdint.h>

enum { AHP_MAX = 9 }; /* the random index is tabled up to here */

/* From this consistency ratio on a matrix is refused. */
#define AHP_CR_LIMIT 0.10

struct ahp {
    uint32_t n;
    double weight[AHP_MAX]; /* row geometric means, normalised to 1 */
    double lambda;          /* estimate of the largest eigenvalue, >= n */
    double ci, cr;          /* consistency index and ratio; 0 for n < 3, where nothing can contradict */
    bool refused;           /* cr >= AHP_CR_LIMIT: the weights are there to be looked at, not to be used */
};

enum ahp_error {
    AHP_OK,
    AHP_SIZE,      /* n is 0 or above AHP_MAX */
    AHP_RANGE,     /* an entry is outside 1/9..9 */
    AHP_DIAGONAL,  /* an entry with itself is not 1 */
    AHP_RECIPROCAL /* a_ji is not 1 / a_ij */
};

/* `a` holds n rows of n: a[i * n + j] = importance of i over j, 1/9..9. On AHP_RANGE, AHP_DIAGONAL and AHP_RECIPROCAL *ret_at (may be NULL) is the index
 * of the faulty entry; *ret is then untouched. Reciprocals are compared to 1e-3 relative, so that "0.333" may stand for 1/3. */
enum ahp_error ahp_evaluate(const double *a, uint32_t n, struct ahp *ret, uint32_t *ret_at);

#endif
