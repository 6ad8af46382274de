/* The pyramid's shape as tables, and the walk along it. */
#include "crmpulse/pyramid.h"

#include "crmpulse/reweight.h"

static const struct pyramid_edge edges[PYRAMID_EDGES] = {
    { PYRAMID_VISION, PYRAMID_MARKET },           { PYRAMID_VISION, PYRAMID_FINANCIAL },
    { PYRAMID_MARKET, PYRAMID_SATISFACTION },     { PYRAMID_MARKET, PYRAMID_FLEXIBILITY },
    { PYRAMID_FINANCIAL, PYRAMID_FLEXIBILITY },   { PYRAMID_FINANCIAL, PYRAMID_PRODUCTIVITY },
    { PYRAMID_SATISFACTION, PYRAMID_QUALITY },    { PYRAMID_SATISFACTION, PYRAMID_DELIVERY },
    { PYRAMID_FLEXIBILITY, PYRAMID_DELIVERY },    { PYRAMID_FLEXIBILITY, PYRAMID_CYCLE_TIME },
    { PYRAMID_PRODUCTIVITY, PYRAMID_CYCLE_TIME }, { PYRAMID_PRODUCTIVITY, PYRAMID_WASTE },
};

static const char *const names[PYRAMID_NODES] = {
    "vision",       "market",  "financial", "satisfaction", "flexibility",
    "productivity", "quality", "delivery",  "cycle_time",   "waste",
};

static const struct {
    const char *kpi;
    enum pyramid_node node;
} foot[] = {
    { "quality_index", PYRAMID_QUALITY },  { "csat", PYRAMID_QUALITY },
    { "sla_hit_rate", PYRAMID_DELIVERY },  { "first_response_time", PYRAMID_DELIVERY },
    { "sales_cycle", PYRAMID_CYCLE_TIME }, { "resolution_time", PYRAMID_CYCLE_TIME },
    { "rework_rate", PYRAMID_WASTE },      { "cost_plan_variance", PYRAMID_WASTE },
    { "duplicate_rate", PYRAMID_WASTE },
};

const struct pyramid_edge *pyramid_edges(void)
{
    return edges;
}

const char *pyramid_node_name(enum pyramid_node node)
{
    return names[node];
}

uint32_t pyramid_level(enum pyramid_node node)
{
    return node >= PYRAMID_QUALITY ? 4 : node >= PYRAMID_SATISFACTION ? 3 : node >= PYRAMID_MARKET ? 2 : 1;
}

int pyramid_node_of_kpi(struct slice kpi)
{
    for (size_t i = 0; i < sizeof(foot) / sizeof(*foot); i++)
        if (slice_eq(kpi, slice_of(foot[i].kpi)))
            return (int)foot[i].node;
    return -1;
}

static struct pyramid_score mean_of_children(enum pyramid_node parent, const double *weight,
                                             const struct pyramid_score *score)
{
    double sum = 0, weights = 0;
    for (int e = 0; e < PYRAMID_EDGES; e++) {
        const struct pyramid_score *child = &score[edges[e].child];
        if (edges[e].parent != parent || child->is_null)
            continue;
        double w = weight ? weight[e] : 1;
        sum += w * child->score;
        weights += w;
    }
    return (struct pyramid_score){ .is_null = !(weights > 0), .score = weights > 0 ? sum / weights : 0 };
}

int pyramid_scores_up(const double *weight, struct pyramid_score *score)
{
    for (int e = 0; weight && e < PYRAMID_EDGES; e++)
        if (!(weight[e] >= 0))
            return -1;
    for (int node = PYRAMID_QUALITY; node-- > PYRAMID_VISION;)
        score[node] = mean_of_children((enum pyramid_node)node, weight, score);
    return 0;
}

int pyramid_goal_down(int64_t goal, const int64_t *share, uint32_t n, int64_t *ret_part)
{
    return largest_remainder(goal, share, NULL, n, ret_part);
}

int pyramid_ratio_up(const struct pyramid_ratio *child, uint32_t n, struct pyramid_ratio *ret)
{
    *ret = (struct pyramid_ratio){ 0 };
    for (uint32_t i = 0; i < n; i++)
        if (__builtin_add_overflow(ret->numerator, child[i].numerator, &ret->numerator) ||
            __builtin_add_overflow(ret->denominator, child[i].denominator, &ret->denominator))
            return -1;
    return 0;
}
