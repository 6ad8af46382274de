/* The pyramid: the figures of the domain specification 4.5 and trap T30. */
#include <criterion/criterion.h>

#include "crmpulse/pyramid.h"

static void foot(struct pyramid_score *s, double quality, double delivery, double cycle, double waste)
{
    const double score[] = { quality, delivery, cycle, waste };
    for (int i = 0; i < 4; i++)
        s[PYRAMID_QUALITY + i] = (struct pyramid_score){ .score = score[i] };
}

Test(pyramid, the_example)
{
    struct pyramid_score s[PYRAMID_NODES] = { 0 };
    foot(s, 82, 74, 68, 90);
    cr_assert_eq(pyramid_scores_up(NULL, s), 0);
    cr_assert_eq(s[PYRAMID_SATISFACTION].score, 78);
    cr_assert_eq(s[PYRAMID_FLEXIBILITY].score, 71);
    cr_assert_eq(s[PYRAMID_PRODUCTIVITY].score, 79);
    cr_assert_eq(s[PYRAMID_MARKET].score, 74.5);
    cr_assert_eq(s[PYRAMID_FINANCIAL].score, 75);
    cr_assert_eq(s[PYRAMID_VISION].score, 74.75);
}

Test(pyramid, weights_and_missing_scores)
{
    struct pyramid_score s[PYRAMID_NODES] = { 0 };
    double weight[PYRAMID_EDGES];
    foot(s, 82, 74, 68, 90);
    for (int e = 0; e < PYRAMID_EDGES; e++)
        weight[e] = pyramid_edges()[e].child == PYRAMID_QUALITY ? 3 : 1;
    cr_assert_eq(pyramid_scores_up(weight, s), 0);
    cr_assert_eq(s[PYRAMID_SATISFACTION].score, 80, "(3 x 82 + 74) / 4");
    s[PYRAMID_DELIVERY].is_null = s[PYRAMID_CYCLE_TIME].is_null = true;
    cr_assert_eq(pyramid_scores_up(NULL, s), 0);
    cr_assert(s[PYRAMID_FLEXIBILITY].is_null);
    cr_assert_eq(s[PYRAMID_SATISFACTION].score, 82, "quality alone");
    cr_assert_eq(s[PYRAMID_VISION].score, 86, "82 through market, 90 through financial");
    weight[0] = -1;
    cr_assert_eq(pyramid_scores_up(weight, s), -1);
}

Test(pyramid, levels_names_and_kpis)
{
    cr_assert_eq(pyramid_level(PYRAMID_VISION), 1);
    cr_assert_eq(pyramid_level(PYRAMID_FINANCIAL), 2);
    cr_assert_eq(pyramid_level(PYRAMID_SATISFACTION), 3);
    cr_assert_eq(pyramid_level(PYRAMID_WASTE), 4);
    cr_assert_str_eq(pyramid_node_name(PYRAMID_CYCLE_TIME), "cycle_time");
    cr_assert_eq(pyramid_node_of_kpi(SLICE("csat")), PYRAMID_QUALITY);
    cr_assert_eq(pyramid_node_of_kpi(SLICE("sla_hit_rate")), PYRAMID_DELIVERY);
    cr_assert_eq(pyramid_node_of_kpi(SLICE("sales_cycle")), PYRAMID_CYCLE_TIME);
    cr_assert_eq(pyramid_node_of_kpi(SLICE("duplicate_rate")), PYRAMID_WASTE);
    cr_assert_eq(pyramid_node_of_kpi(SLICE("win_rate")), -1);
    for (int e = 0; e < PYRAMID_EDGES; e++)
        cr_assert_eq(pyramid_level(pyramid_edges()[e].child), pyramid_level(pyramid_edges()[e].parent) + 1);
}

Test(pyramid, a_million_in_three)
{
    int64_t part[3];
    cr_assert_eq(pyramid_goal_down(1000000000000, (const int64_t[]){ 1, 1, 1 }, 3, part), 0);
    cr_assert_eq(part[0], 333333333334, "333 333.333334");
    cr_assert_eq(part[1], 333333333333);
    cr_assert_eq(part[2], 333333333333);
    cr_assert_eq(pyramid_goal_down(1, (const int64_t[]){ 0 }, 1, part), -1);
}

Test(pyramid, t30_ratios_are_re_formed)
{
    const struct pyramid_ratio child[] = { { 9, 10 }, { 10, 40 } };
    struct pyramid_ratio r;
    cr_assert_eq(pyramid_ratio_up(child, 2, &r), 0);
    cr_assert(r.numerator == 19 && r.denominator == 50, "0.38, never 0.575");
    const struct pyramid_ratio huge[] = { { 1, INT64_MAX }, { 1, 1 } };
    cr_assert_eq(pyramid_ratio_up(huge, 2, &r), -1);
}
