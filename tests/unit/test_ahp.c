/* AHP: the two matrices of the domain specification 4.3, and the edges. */
#include <criterion/criterion.h>

#include "crmpulse/ahp.h"

Test(ahp, the_example)
{
    const double a[] = { 1, 2, 3, 5, 1 / 2.0, 1, 2, 3, 1 / 3.0, 1 / 2.0, 1, 2, 1 / 5.0, 1 / 3.0, 1 / 2.0, 1 };
    const double want[] = { .4832, .2717, .1569, .0882 };
    struct ahp r;
    cr_assert_eq(ahp_evaluate(a, 4, &r, NULL), AHP_OK);
    for (int i = 0; i < 4; i++)
        cr_assert_float_eq(r.weight[i], want[i], .00005, "%d: %g", i, r.weight[i]);
    cr_assert_float_eq(r.lambda, 4.0145, .00005);
    cr_assert_float_eq(r.cr, 0.0054, .00005);
    cr_assert_not(r.refused);
}

Test(ahp, contradiction_is_refused)
{
    const double a[] = { 1, 2, 1 / 3.0, 5, 1 / 2.0, 1, 2, 3, 3, 1 / 2.0, 1, 2, 1 / 5.0, 1 / 3.0, 1 / 2.0, 1 };
    struct ahp r;
    cr_assert_eq(ahp_evaluate(a, 4, &r, NULL), AHP_OK);
    cr_assert_float_eq(r.cr, 0.2565, .00005);
    cr_assert(r.refused);
}

Test(ahp, below_three_nothing_contradicts)
{
    const double two[] = { 1, 9, 1 / 9.0, 1 }, one[] = { 1 };
    struct ahp r;
    cr_assert_eq(ahp_evaluate(two, 2, &r, NULL), AHP_OK);
    cr_assert_float_eq(r.weight[0], 0.9, 1e-12);
    cr_assert_eq(r.cr, 0);
    cr_assert_eq(ahp_evaluate(one, 1, &r, NULL), AHP_OK);
    cr_assert_float_eq(r.weight[0], 1, 1e-12);
    cr_assert_not(r.refused);
}

/* Consistent by construction, a_ij = w_i / w_j: the weights come back and CR is 0. */
Test(ahp, consistent_matrix_gives_its_weights_back)
{
    const double w[] = { .4, .3, .2, .1 };
    double a[16];
    struct ahp r;
    for (int i = 0; i < 16; i++)
        a[i] = w[i / 4] / w[i % 4];
    cr_assert_eq(ahp_evaluate(a, 4, &r, NULL), AHP_OK);
    for (int i = 0; i < 4; i++)
        cr_assert_float_eq(r.weight[i], w[i], 1e-12);
    cr_assert_float_eq(r.lambda, 4, 1e-12);
    cr_assert_float_eq(r.cr, 0, 1e-12);
}

Test(ahp, bad_entries_are_named)
{
    const double range[] = { 1, 10, .1, 1 }, diagonal[] = { 2, 1, 1, 1 }, reciprocal[] = { 1, 2, 2, 1 },
                 zero[] = { 1, 0, 0, 1 };
    struct ahp r;
    uint32_t at = 99;
    cr_assert_eq(ahp_evaluate(range, 2, &r, &at), AHP_RANGE);
    cr_assert_eq(at, 1);
    cr_assert_eq(ahp_evaluate(diagonal, 2, &r, &at), AHP_DIAGONAL);
    cr_assert_eq(at, 0);
    cr_assert_eq(ahp_evaluate(reciprocal, 2, &r, &at), AHP_RECIPROCAL);
    cr_assert_eq(at, 2);
    cr_assert_eq(ahp_evaluate(zero, 2, &r, &at), AHP_RANGE);
    cr_assert_eq(ahp_evaluate(zero, 0, &r, &at), AHP_SIZE);
    cr_assert_eq(ahp_evaluate(zero, AHP_MAX + 1, &r, &at), AHP_SIZE);
}
