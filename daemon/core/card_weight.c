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

static int foot_of(struct slice perspective)
{
    for (int i = PYRAMID_QUALITY; i < PYRAMID_NODES; i++)
        if (slice_eq(perspective, slice_of(pyramid_node_name((enum pyramid_node)i))))
            return i;
    return -1;
}

/* The mean is linear: the weight of a foot is what the top makes of a 1 there and 0 at the others that have a score. */
static double weight_of_foot(const struct pyramid_score *node, int foot)
{
    struct pyramid_score unit[PYRAMID_NODES];
    for (int i = 0; i < PYRAMID_NODES; i++)
        unit[i] = (struct pyramid_score){ node[i].is_null, i == foot };
    return pyramid_scores_up(NULL, unit) == 0 && !unit[PYRAMID_VISION].is_null ? unit[PYRAMID_VISION].score : 0;
}

struct card_total card_weigh_pyramid(struct card_item *item, uint32_t n, struct pyramid_score node[PYRAMID_NODES])
{
    struct card_total total = card_weigh(item, n); /* coverage, by the nominal weights */
    for (int i = 0; i < PYRAMID_NODES; i++)
        node[i] = (struct pyramid_score){ .is_null = true };
    for (int i = PYRAMID_QUALITY; i < PYRAMID_NODES; i++) {
        double score;
        if (card_perspective_score(item, n, slice_of(pyramid_node_name((enum pyramid_node)i)), &score))
            node[i] = (struct pyramid_score){ false, score };
    }
    if (pyramid_scores_up(NULL, node) < 0)
        return total; /* cannot be: no weights */
    total.is_null = node[PYRAMID_VISION].is_null;
    total.score = total.is_null ? 0 : node[PYRAMID_VISION].score;
    for (uint32_t i = 0; i < n; i++) {
        int foot = foot_of(item[i].perspective);
        int64_t inside = counting_bp(item, n, item[i].perspective);
        bool has_weight = counts(&item[i]) && inside > 0 && foot >= 0;
        item[i].weight = has_weight ? weight_of_foot(node, foot) * item[i].kpi_bp / (double)inside : 0;
    }
    return total;
}
