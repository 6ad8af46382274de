/* Largest remainder in 128-bit integers. It knows no card and no criterion. */
#include "crmpulse/reweight.h"

struct share {
    __int128 part;      /* the opposite of INT64_MIN needs more than 64 bits */
    __int128 remainder; /* of total * weight / sum, in units of 1/sum */
    bool given;         /* has its extra unit */
};

/* 0 and the sum, or -1. */
static int sum_of(const int64_t *weight, uint32_t n, int64_t *ret_sum)
{
    *ret_sum = 0;
    for (uint32_t i = 0; i < n; i++)
        if (weight[i] < 0 || __builtin_add_overflow(*ret_sum, weight[i], ret_sum))
            return -1;
    return *ret_sum > 0 ? 0 : -1;
}

static bool before(const struct share *share, const struct slice *id, uint32_t a, uint32_t b)
{
    if (share[a].remainder != share[b].remainder)
        return share[a].remainder > share[b].remainder;
    int c = id ? slice_cmp(id[a], id[b]) : 0;
    return c ? c < 0 : a < b;
}

static uint32_t next_in_line(const struct share *share, const struct slice *id, uint32_t n)
{
    uint32_t best = n;
    for (uint32_t i = 0; i < n; i++)
        if (!share[i].given && (best == n || before(share, id, i, best)))
            best = i;
    return best;
}

int largest_remainder(int64_t total, const int64_t *weight, const struct slice *id, uint32_t n, int64_t *ret_part)
{
    struct share share[WEIGHT_ITEMS_MAX];
    int64_t sum;
    if (n == 0 || n > WEIGHT_ITEMS_MAX || sum_of(weight, n, &sum) != 0)
        return -1;
    bool negative = total < 0;
    __int128 left = negative ? -(__int128)total : total;
    __int128 whole = left;
    for (uint32_t i = 0; i < n; i++) {
        __int128 product = whole * weight[i];
        share[i] = (struct share){ .part = product / sum, .remainder = product % sum };
        left -= share[i].part;
    }
    for (; left > 0; left--) { /* fewer than n units: each remainder is below one */
        uint32_t i = next_in_line(share, id, n);
        share[i].given = true;
        share[i].part++;
    }
    for (uint32_t i = 0; i < n; i++)
        ret_part[i] = (int64_t)(negative ? -share[i].part : share[i].part);
    return 0;
}

static int split_bp(int64_t total_bp, const int64_t *weight, const struct slice *id, uint32_t n, int32_t *ret_bp)
{
    int64_t part[WEIGHT_ITEMS_MAX];
    if (largest_remainder(total_bp, weight, id, n, part) != 0)
        return -1;
    for (uint32_t i = 0; i < n; i++)
        ret_bp[i] = (int32_t)part[i];
    return 0;
}

int reweight(const int32_t *bp, const struct slice *id, uint32_t n, uint32_t changed, int32_t new_bp, int32_t *ret_bp)
{
    int64_t weight[WEIGHT_ITEMS_MAX] = { 0 }, sum = 0;
    if (n > WEIGHT_ITEMS_MAX || changed >= n || new_bp < 0 || new_bp > WEIGHT_TOTAL_BP)
        return -1;
    for (uint32_t i = 0; i < n; i++) {
        sum += bp[i];
        weight[i] = i == changed ? 0 : bp[i];
    }
    if (sum != WEIGHT_TOTAL_BP || split_bp(WEIGHT_TOTAL_BP - new_bp, weight, id, n, ret_bp) != 0)
        return -1;
    ret_bp[changed] = new_bp;
    return 0;
}

int reweight_scale(const int32_t *bp, const int32_t *factor, const struct slice *id, uint32_t n, int32_t *ret_bp)
{
    int64_t weight[WEIGHT_ITEMS_MAX] = { 0 };
    if (n == 0 || n > WEIGHT_ITEMS_MAX)
        return -1;
    for (uint32_t i = 0; i < n; i++)
        weight[i] = (int64_t)bp[i] * factor[i];
    return split_bp(WEIGHT_TOTAL_BP, weight, id, n, ret_bp);
}
