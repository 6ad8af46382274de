/* Mid-ranks, Kendall's W with ties, rank-sum and rank-order-centroid weights. It asks nobody and shows nothing. */
#include "crmpulse/expert_weights.h"

#include <math.h>

#include "crmpulse/reweight.h"

enum { MOVE_MAX_BP = 200 };

/* Adds one expert's half ranks; returns its sum of t^3 - t. The mid-rank of a value with `less` below it in a group of `same` is
 * less + (same + 1) / 2. */
static int64_t add_expert(const double *rank, uint32_t n, int64_t *half_ranks)
{
    int64_t ties = 0;
    for (uint32_t j = 0; j < n; j++) {
        int64_t less = 0, same = 0;
        for (uint32_t k = 0; k < n; k++) {
            less += rank[k] < rank[j];
            same += rank[k] == rank[j];
        }
        half_ranks[j] += 2 * less + same + 1;
        ties += same * same - 1; /* once for each of the `same` members: t * (t^2 - 1) in all */
    }
    return ties;
}

/* W = 12 D / (m^2 (n^3 - n) - m T), with D in quarters. */
static void agreement(struct expert_round *r)
{
    int64_t m = r->n_experts, n = r->n_criteria, quarters = 0;
    for (int64_t j = 0; j < n; j++) {
        int64_t off = r->half_ranks[j] - m * (n + 1);
        quarters += off * off;
    }
    int64_t divisor = m * m * (n * n * n - n) - m * r->ties;
    r->d = (double)quarters / 4;
    r->w_is_null = divisor <= 0;
    r->w = r->w_is_null ? 0 : (double)(3 * quarters) / (double)divisor;
    r->agreed = !r->w_is_null && 30 * quarters >= 7 * divisor;
}

/* w_j = 2 (n + 1 - R_j) / (n (n + 1)), times m n (n + 1). */
static void rank_sum(const struct expert_round *r, int64_t *weight)
{
    for (uint32_t j = 0; j < r->n_criteria; j++)
        weight[j] = 2 * (int64_t)r->n_experts * (r->n_criteria + 1) - r->half_ranks[j];
}

static int64_t gcd(int64_t a, int64_t b)
{
    while (b) {
        int64_t c = a % b;
        a = b;
        b = c;
    }
    return a;
}

/* w of place k = (1/n) sum(i = k..n) 1/i. Times n L^2 with L = lcm(1..n) it is whole, also after sharing a tie: lcm(1..20)^2 < 2^56. */
static void roc(const struct expert_round *r, int64_t *weight)
{
    int64_t n = r->n_criteria, lcm = 1, place[CRITERIA_MAX + 2] = { 0 };
    for (int64_t i = 2; i <= n; i++)
        lcm = lcm / gcd(lcm, i) * i;
    for (int64_t k = n; k >= 1; k--)
        place[k] = place[k + 1] + lcm / k;
    for (int64_t j = 0; j < n; j++) {
        int64_t less = 0, same = 0, sum = 0;
        for (int64_t k = 0; k < n; k++) {
            less += r->half_ranks[k] < r->half_ranks[j];
            same += r->half_ranks[k] == r->half_ranks[j];
        }
        for (int64_t k = less + 1; k <= less + same; k++)
            sum += place[k];
        weight[j] = sum * (lcm / same);
    }
}

static int set_weights(struct expert_round *r, const struct slice *id, enum expert_method method)
{
    static void (*const methods[])(const struct expert_round *,
                                   int64_t *) = { [EXPERT_RANK_SUM] = rank_sum, [EXPERT_ROC] = roc };
    int64_t weight[CRITERIA_MAX], bp[CRITERIA_MAX], sum = 0;
    methods[method](r, weight);
    if (largest_remainder(WEIGHT_TOTAL_BP, weight, id, r->n_criteria, bp) != 0)
        return -1;
    for (uint32_t j = 0; j < r->n_criteria; j++)
        sum += weight[j];
    for (uint32_t j = 0; j < r->n_criteria; j++) {
        r->weight[j] = (double)weight[j] / (double)sum;
        r->weight_bp[j] = (int32_t)bp[j];
    }
    return 0;
}

int expert_round_evaluate(const double *rank, uint32_t n_experts, uint32_t n_criteria, const struct slice *id,
                          enum expert_method method, struct expert_round *ret)
{
    if (n_experts < 2 || n_experts > EXPERTS_MAX || n_criteria < 1 || n_criteria > CRITERIA_MAX)
        return -1;
    for (uint32_t i = 0; i < n_experts * n_criteria; i++)
        if (!isfinite(rank[i]))
            return -1;
    *ret = (struct expert_round){ .n_experts = n_experts, .n_criteria = n_criteria };
    for (uint32_t e = 0; e < n_experts; e++)
        ret->ties += add_expert(rank + (size_t)e * n_criteria, n_criteria, ret->half_ranks);
    for (uint32_t j = 0; j < n_criteria; j++)
        ret->mean_rank[j] = (double)ret->half_ranks[j] / (2.0 * n_experts);
    agreement(ret);
    return set_weights(ret, id, method);
}

/* A move of exactly 0.02 counts as settled; the slack is far below what one rank moves a weight. */
static bool settled(const struct expert_round *a, const struct expert_round *b)
{
    for (uint32_t j = 0; j < b->n_criteria; j++)
        if (fabs(a->weight[j] - b->weight[j]) > MOVE_MAX_BP / 1e4 + 1e-12)
            return false;
    return a->n_criteria == b->n_criteria;
}

enum expert_stop expert_round_stop(const struct expert_round *previous, const struct expert_round *now, uint32_t number)
{
    if (number < EXPERT_ROUNDS_MIN)
        return EXPERT_AGAIN;
    if (now->agreed)
        return EXPERT_AGREED;
    if (previous && settled(previous, now))
        return EXPERT_SETTLED;
    return number >= EXPERT_ROUNDS_MAX ? EXPERT_NO_CONSENSUS : EXPERT_AGAIN;
}

const char *expert_stop_name(enum expert_stop stop)
{
    static const char *const names[] = { [EXPERT_AGAIN] = "again",
                                         [EXPERT_AGREED] = "agreed",
                                         [EXPERT_SETTLED] = "settled",
                                         [EXPERT_NO_CONSENSUS] = "no_consensus" };
    return names[stop];
}
