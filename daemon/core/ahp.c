/* Row geometric means and the consistency ratio (Saaty's random index as given by the specification). */
#include "crmpulse/ahp.h"

#include <math.h>

#define TOLERANCE 1e-3

static const double random_index[AHP_MAX + 1] = {
    [3] = 0.58, [4] = 0.90, [5] = 1.12, [6] = 1.24, [7] = 1.32, [8] = 1.41, [9] = 1.45
};

static enum ahp_error check_entry(const double *a, uint32_t n, uint32_t i, uint32_t j)
{
    double x = a[i * n + j];
    if (!(x >= (1 - TOLERANCE) / 9 && x <= 9))
        return AHP_RANGE;
    if (i == j)
        return x == 1 ? AHP_OK : AHP_DIAGONAL;
    return i > j && fabs(x * a[j * n + i] - 1) > TOLERANCE ? AHP_RECIPROCAL : AHP_OK;
}

static enum ahp_error check(const double *a, uint32_t n, uint32_t *ret_at)
{
    for (uint32_t i = 0; i < n * n; i++) {
        enum ahp_error error = check_entry(a, n, i / n, i % n);
        if (error != AHP_OK) {
            if (ret_at)
                *ret_at = i;
            return error;
        }
    }
    return AHP_OK;
}

static void set_weights(const double *a, struct ahp *r)
{
    double sum = 0;
    for (uint32_t i = 0; i < r->n; i++) {
        double logs = 0;
        for (uint32_t j = 0; j < r->n; j++)
            logs += log(a[i * r->n + j]);
        r->weight[i] = exp(logs / r->n);
        sum += r->weight[i];
    }
    for (uint32_t i = 0; i < r->n; i++)
        r->weight[i] /= sum;
}

/* lambda = mean of (A w)_i / w_i */
static double eigenvalue(const double *a, const struct ahp *r)
{
    double lambda = 0;
    for (uint32_t i = 0; i < r->n; i++) {
        double row = 0;
        for (uint32_t j = 0; j < r->n; j++)
            row += a[i * r->n + j] * r->weight[j];
        lambda += row / r->weight[i] / r->n;
    }
    return lambda;
}

enum ahp_error ahp_evaluate(const double *a, uint32_t n, struct ahp *ret, uint32_t *ret_at)
{
    if (n < 1 || n > AHP_MAX)
        return AHP_SIZE;
    enum ahp_error error = check(a, n, ret_at);
    if (error != AHP_OK)
        return error;
    *ret = (struct ahp){ .n = n };
    set_weights(a, ret);
    ret->lambda = eigenvalue(a, ret);
    if (n >= 3) {
        ret->ci = (ret->lambda - n) / (n - 1);
        ret->cr = ret->ci / random_index[n];
    }
    ret->refused = ret->cr >= AHP_CR_LIMIT;
    return AHP_OK;
}
