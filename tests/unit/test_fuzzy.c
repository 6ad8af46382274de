/* Fuzzy evaluation: the worked example of the domain specification 4.4, its property, the other operators and the edges. */
#include <criterion/criterion.h>
#include <math.h>

#include "crmpulse/fuzzy.h"

static void check(const double *got, double a, double b, double c, double d, double tolerance)
{
    const double want[] = { a, b, c, d };
    for (int i = 0; i < 4; i++)
        cr_assert_float_eq(got[i], want[i], tolerance, "grade %d: %.12g, not %.12g", i, got[i], want[i]);
}

Test(fuzzy, membership_is_a_triangle)
{
    struct fuzzy_scale s = fuzzy_scale_default();
    double row[4];
    fuzzy_of_score(&s, 60, row);
    check(row, 0, 0, .75, .25, 1e-12);
    fuzzy_of_score(&s, 80, row);
    check(row, 0, 1, 0, 0, 0);
    fuzzy_of_score(&s, 95, row);
    check(row, 1, 0, 0, 0, 0);
    fuzzy_of_score(&s, 120, row);
    check(row, 1, 0, 0, 0, 0);
    fuzzy_of_score(&s, 45, row);
    check(row, 0, 0, 0, 1, 0);
    fuzzy_of_score(&s, -3, row);
    check(row, 0, 0, 0, 1, 0);
}

Test(fuzzy, survey_gives_shares)
{
    struct fuzzy_scale s = fuzzy_scale_default();
    double row[4];
    cr_assert_eq(fuzzy_of_survey(&s, (double[]){ 8, 7, 3, 2 }, row), 0);
    check(row, .4, .35, .15, .1, 1e-12);
    cr_assert_eq(fuzzy_of_survey(&s, (double[]){ 0, 0, 0, 0 }, row), -1);
    cr_assert_eq(fuzzy_of_survey(&s, (double[]){ 2, -1, 0, 0 }, row), -1);
}

/* card, F C I L, then F: 60 80, C: survey 74, I: 75, L: 50; the weights of 4.2. */
enum { CARD, F, C, I, L, NODES = 11 };

static void example(struct fuzzy_node node[NODES])
{
    static const struct {
        uint32_t parent;
        double weight, score; /* 0: no indicator; -1: surveyed */
    } row[NODES] = { { 0, 1, 0 },   { 0, 40, 0 },  { 0, 30, 0 },  { 0, 20, 0 },   { 0, 10, 0 },  { F, 60, 60 },
                     { F, 40, 80 }, { C, 50, -1 }, { C, 50, 74 }, { I, 100, 75 }, { L, 100, 50 } };
    struct fuzzy_scale s = fuzzy_scale_default();
    for (int i = 0; i < NODES; i++) {
        node[i] = (struct fuzzy_node){ .parent = row[i].parent, .weight = row[i].weight, .is_leaf = row[i].score != 0 };
        if (row[i].score > 0)
            fuzzy_of_score(&s, row[i].score, node[i].row);
        else if (row[i].score < 0)
            cr_assert_eq(fuzzy_of_survey(&s, (double[]){ .40, .35, .15, .10 }, node[i].row), 0);
    }
}

Test(fuzzy, the_example)
{
    struct fuzzy_scale s = fuzzy_scale_default();
    struct fuzzy_node node[NODES];
    example(node);
    cr_assert_eq(fuzzy_evaluate(&s, FUZZY_WEIGHTED, node, NODES), 0);
    check(node[F].row, 0, .4, .45, .15, 1e-12);
    check(node[C].row, .2, .475, .275, .05, 1e-12);
    check(node[I].row, 0, 2 / 3.0, 1 / 3.0, 0, 1e-12);
    check(node[L].row, 0, 0, .25, .75, 1e-12);
    check(node[CARD].row, .0600, .4358, .3542, .1500, .00005);
    struct fuzzy_verdict v = fuzzy_judge(&s, node[CARD].row);
    cr_assert_float_eq(v.score, 70.3375, 1e-9);
    cr_assert_eq(v.largest, 1, "good has the largest membership");
    cr_assert_float_eq(v.alpha, 0.3498, .00005);
    cr_assert_eq(v.grade, 2, "but its validity is low: fair, 65 is nearer than 80");
    cr_assert(v.by_score);
}

/* max-min of F: weights .6 .4, rows (0 0 .75 .25), (0 1 0 0): (0 .4 .6 .25), sum 1.25. max-product: (0 .4 .45 .15), sum 1. */
Test(fuzzy, other_operators_are_renormalised)
{
    struct fuzzy_scale s = fuzzy_scale_default();
    const double weight[] = { 60, 40 }, row[] = { 0, 0, .75, .25, 0, 1, 0, 0 };
    double b[4];
    cr_assert_eq(fuzzy_compose(&s, FUZZY_MAX_MIN, weight, row, 2, b), 0);
    check(b, 0, .32, .48, .2, 1e-12);
    cr_assert_eq(fuzzy_compose(&s, FUZZY_MAX_PRODUCT, weight, row, 2, b), 0);
    check(b, 0, .4, .45, .15, 1e-12);
    /* I of the example twice, 50 50: max-product (0 1/3 1/6 0) becomes (0 2/3 1/3 0) */
    const double twice[] = { 0, 2 / 3.0, 1 / 3.0, 0, 0, 2 / 3.0, 1 / 3.0, 0 };
    cr_assert_eq(fuzzy_compose(&s, FUZZY_MAX_PRODUCT, (double[]){ 1, 1 }, twice, 2, b), 0);
    check(b, 0, 2 / 3.0, 1 / 3.0, 0, 1e-12);
}

Test(fuzzy, grade_rules)
{
    struct fuzzy_scale s = fuzzy_scale_default();
    struct fuzzy_verdict v = fuzzy_judge(&s, (double[]){ 0, 1, 0, 0 });
    cr_assert(v.alpha_is_null, "b2 = 0");
    cr_assert_eq(v.grade, 1);
    /* A tie takes the worse: .5 .5 over good and fair; alpha = (4 x .5 - 1) / (2 x .5 x 3) = 1/3, score 72.5 as near to 80 as to 65: fair */
    v = fuzzy_judge(&s, (double[]){ 0, .5, .5, 0 });
    cr_assert_eq(v.largest, 2);
    cr_assert_float_eq(v.alpha, 1 / 3.0, 1e-12);
    cr_assert_eq(v.grade, 2);
    /* alpha = (4 x .7 - 1) / (2 x .2 x 3) = 1.5: the largest stands */
    v = fuzzy_judge(&s, (double[]){ .1, .7, .2, 0 });
    cr_assert_float_eq(v.alpha, 1.5, 1e-12);
    cr_assert_eq(v.grade, 1);
    cr_assert_not(v.by_score);
}

Test(fuzzy, refuses)
{
    struct fuzzy_scale s = fuzzy_scale_default(), rising = { .n = 2, .value = { 1, 2 } },
                       one = { .n = 1, .value = { 1 } };
    double b[4];
    cr_assert(fuzzy_scale_ok(&s));
    cr_assert_not(fuzzy_scale_ok(&rising));
    cr_assert_not(fuzzy_scale_ok(&one));
    cr_assert_eq(fuzzy_compose(&s, FUZZY_WEIGHTED, (double[]){ 0 }, (double[]){ 1, 0, 0, 0 }, 1, b), -1);
    struct fuzzy_node barren[] = { { .weight = 1 }, { .parent = 0, .weight = 1 } };
    cr_assert_eq(fuzzy_evaluate(&s, FUZZY_WEIGHTED, barren, 2), -1, "a perspective without indicators");
    struct fuzzy_node below_leaf[] = { { .weight = 1, .is_leaf = true },
                                       { .parent = 0, .weight = 1, .is_leaf = true } };
    cr_assert_eq(fuzzy_evaluate(&s, FUZZY_WEIGHTED, below_leaf, 2), -1);
    struct fuzzy_node forward[] = { { .weight = 1 }, { .parent = 1, .weight = 1, .is_leaf = true } };
    cr_assert_eq(fuzzy_evaluate(&s, FUZZY_WEIGHTED, forward, 2), -1, "a parent not before its child");
    cr_assert_eq(fuzzy_evaluate(&s, FUZZY_WEIGHTED, forward, 0), -1);
}

static uint64_t next(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

/* Rows sum to 1 under every operator; for counted indicators in 45..95 the score is the weighted score. */
Test(fuzzy, score_is_the_weighted_score)
{
    struct fuzzy_scale s = fuzzy_scale_default();
    uint64_t seed = 5;
    for (int round = 0; round < 3000; round++) {
        double weight[6], row[24], b[4], want = 0, sum = 0, rows = 0;
        uint32_t n = 1 + (uint32_t)(next(&seed) % 6);
        for (uint32_t i = 0; i < n; i++) {
            double score = 45 + (double)(next(&seed) % 50001) / 1000;
            weight[i] = 1 + (double)(next(&seed) % 9999);
            fuzzy_of_score(&s, score, row + 4 * i);
            want += weight[i] * score;
            sum += weight[i];
        }
        cr_assert_eq(fuzzy_compose(&s, FUZZY_WEIGHTED, weight, row, n, b), 0);
        cr_assert_float_eq(fuzzy_judge(&s, b).score, want / sum, 1e-9);
        for (int op = FUZZY_WEIGHTED; op <= FUZZY_MAX_PRODUCT; op++) {
            cr_assert_eq(fuzzy_compose(&s, (enum fuzzy_operator)op, weight, row, n, b), 0);
            rows = b[0] + b[1] + b[2] + b[3];
            cr_assert_float_eq(rows, 1, 1e-12);
        }
    }
}
