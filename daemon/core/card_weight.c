/* Renormalising weights. Integer basis points until the last division, so that full weights are exact. */
#include "card_weight.h"

static bool counts(const struct card_item *x)
{
    return x->usable || x->counts_zero;
}

/* Basis points of the counting items of a perspective. */
static int64_t counting_bp(const struct card_item *item, uint32_t n, struct slice perspective)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < n; i++)
        if (counts(&item[i]) && slice_eq(item[i].perspective, perspective))
            sum += item[i].kpi_bp;
    return sum;
}

static bool first_of_perspective(const struct card_item *item, uint32_t i)
{
    for (uint32_t j = 0; j < i; j++)
        if (slice_eq(item[j].perspective, item[i].perspective))
            return false;
    return true;
}

struct card_total card_weigh(struct card_item *item, uint32_t n)
{
    struct card_total total = { .is_null = true };
    int64_t perspectives_bp = 0, covered = 0;
    for (uint32_t i = 0; i < n; i++)
        if (first_of_perspective(item, i) && counting_bp(item, n, item[i].perspective) > 0)
            perspectives_bp += item[i].perspective_bp;
    for (uint32_t i = 0; i < n; i++) {
        int64_t nominal = (int64_t)item[i].perspective_bp * item[i].kpi_bp;
        covered += item[i].usable ? nominal : 0;
        int64_t inside = counting_bp(item, n, item[i].perspective);
        bool has_weight = counts(&item[i]) && inside > 0 && perspectives_bp > 0;
        item[i].weight = has_weight ? (double)nominal / ((double)inside * (double)perspectives_bp) : 0;
        total.score += item[i].weight * item[i].score;
        total.is_null &= !has_weight;
    }
    total.coverage = (double)covered / 1e8;
    return total;
}

bool card_perspective_score(const struct card_item *item, uint32_t n, struct slice perspective, double *ret)
{
    int64_t inside = counting_bp(item, n, perspective);
    double sum = 0;
    for (uint32_t i = 0; i < n; i++)
        if (counts(&item[i]) && slice_eq(item[i].perspective, perspective))
            sum += item[i].score * item[i].kpi_bp;
    *ret = inside > 0 ? sum / (double)inside : 0;
    return inside > 0;
}
