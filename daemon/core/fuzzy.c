/* Membership, composition and the grade. It reads no survey and knows no KPI. */
#include "crmpulse/fuzzy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Sums of products that are equal on paper differ in the last bits; memberships closer than this are a tie. */
#define SAME 1e-12

struct fuzzy_scale fuzzy_scale_default(void)
{
    return (struct fuzzy_scale){ .n = 4, .value = { 95, 80, 65, 45 } };
}

bool fuzzy_scale_ok(const struct fuzzy_scale *s)
{
    if (s->n < 2 || s->n > FUZZY_GRADES_MAX)
        return false;
    for (uint32_t k = 0; k < s->n; k++)
        if (!isfinite(s->value[k]) || (k && s->value[k] >= s->value[k - 1]))
            return false;
    return true;
}

void fuzzy_of_score(const struct fuzzy_scale *s, double score, double *ret_row)
{
    uint32_t k = 0;
    memset(ret_row, 0, s->n * sizeof(*ret_row));
    while (k + 1 < s->n && score < s->value[k + 1])
        k++;
    if (k + 1 == s->n || score >= s->value[k]) {
        ret_row[k] = 1;
        return;
    }
    ret_row[k] = (score - s->value[k + 1]) / (s->value[k] - s->value[k + 1]);
    ret_row[k + 1] = 1 - ret_row[k];
}

static int normalise(double *v, uint32_t n)
{
    double sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (!(v[i] >= 0))
            return -1;
        sum += v[i];
    }
    if (!(sum > 0) || !isfinite(sum))
        return -1;
    for (uint32_t i = 0; i < n; i++)
        v[i] /= sum;
    return 0;
}

int fuzzy_of_survey(const struct fuzzy_scale *s, const double *answers, double *ret_row)
{
    memcpy(ret_row, answers, s->n * sizeof(*ret_row));
    return normalise(ret_row, s->n);
}

static double put_weighted(double b, double a, double r)
{
    return b + a * r;
}

static double put_max_min(double b, double a, double r)
{
    return fmax(b, fmin(a, r));
}

static double put_max_product(double b, double a, double r)
{
    return fmax(b, a * r);
}

typedef double (*put_fn)(double b, double a, double r);
static const put_fn operators[] = {
    [FUZZY_WEIGHTED] = put_weighted, [FUZZY_MAX_MIN] = put_max_min, [FUZZY_MAX_PRODUCT] = put_max_product
};

/* b starts as zeros and is renormalised at the end by the caller's `normalise`. */
static void put_row(const struct fuzzy_scale *s, enum fuzzy_operator op, double a, const double *row, double *b)
{
    for (uint32_t k = 0; k < s->n; k++)
        b[k] = operators[op](b[k], a, row[k]);
}

/* The weighted mean of rows that sum to 1 does too: dividing it once more would only round. */
static int finish(const struct fuzzy_scale *s, enum fuzzy_operator op, double *b)
{
    return op == FUZZY_WEIGHTED ? 0 : normalise(b, s->n);
}

int fuzzy_compose(const struct fuzzy_scale *s, enum fuzzy_operator op, const double *weight, const double *row,
                  uint32_t n, double *ret_b)
{
    double sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (!(weight[i] >= 0))
            return -1;
        sum += weight[i];
    }
    if (!(sum > 0) || !isfinite(sum))
        return -1;
    memset(ret_b, 0, s->n * sizeof(*ret_b));
    for (uint32_t i = 0; i < n; i++)
        put_row(s, op, weight[i] / sum, row + (size_t)i * s->n, ret_b);
    return finish(s, op, ret_b);
}

int fuzzy_evaluate(const struct fuzzy_scale *s, enum fuzzy_operator op, struct fuzzy_node *node, uint32_t n)
{
    double *weight = malloc((size_t)n * sizeof(*weight) + 1);
    double *row = malloc((size_t)n * s->n * sizeof(*row) + 1);
    int rc = weight && row && n ? 0 : -1;
    for (uint32_t i = 1; i < n && rc == 0; i++)
        rc = node[i].parent < i && !node[node[i].parent].is_leaf ? 0 : -1;
    for (uint32_t p = n; p-- > 0 && rc == 0;) {
        uint32_t children = 0;
        for (uint32_t i = p + 1; i < n; i++)
            if (node[i].parent == p) {
                memcpy(row + (size_t)children * s->n, node[i].row, s->n * sizeof(*row));
                weight[children++] = node[i].weight;
            }
        if (!node[p].is_leaf)
            rc = fuzzy_compose(s, op, weight, row, children, node[p].row);
    }
    free(weight);
    free(row);
    return rc;
}

static uint32_t nearest(const struct fuzzy_scale *s, double score)
{
    uint32_t best = 0;
    for (uint32_t k = 1; k < s->n; k++)
        if (fabs(score - s->value[k]) <= fabs(score - s->value[best]) + SAME)
            best = k;
    return best;
}

/* The largest membership but that of `except`; s->n as `except` leaves none out. */
static uint32_t largest(const struct fuzzy_scale *s, const double *b, uint32_t except)
{
    uint32_t best = except == 0 ? 1 : 0;
    for (uint32_t k = best + 1; k < s->n; k++)
        if (k != except && b[k] >= b[best] - SAME)
            best = k;
    return best;
}

struct fuzzy_verdict fuzzy_judge(const struct fuzzy_scale *s, const double *b)
{
    struct fuzzy_verdict v = { .largest = largest(s, b, s->n) };
    for (uint32_t k = 0; k < s->n; k++)
        v.score += b[k] * s->value[k];
    double b1 = b[v.largest], b2 = b[largest(s, b, v.largest)];
    v.alpha_is_null = b2 <= 0;
    v.alpha = v.alpha_is_null ? 0 : (s->n * b1 - 1) / (2 * b2 * (s->n - 1));
    v.by_score = !v.alpha_is_null && v.alpha < 0.5;
    v.grade = v.by_score ? nearest(s, v.score) : v.largest;
    return v;
}
