/* Expert rounds: the worked example of the domain specification 4.3, ties, stopping, and what must hold for any ranking. */
#include <criterion/criterion.h>
#include <math.h>

#include "crmpulse/expert_weights.h"

#define ID(text)                                                                                                       \
    {                                                                                                                  \
        text, sizeof(text) - 1                                                                                         \
    }

static const struct slice fcil[] = { ID("F"), ID("C"), ID("I"), ID("L") };

static const double round_1[] = { 1, 2, 3, 4, 2, 1, 3, 4, 1, 3, 2, 4, 3, 1, 2, 4, 1, 2, 4, 3 };
static const double round_2[] = { 1, 2, 3, 4, 1, 2, 3, 4, 1, 3, 2, 4, 2, 1, 3, 4, 1, 2, 3.5, 3.5 };

static struct expert_round evaluate(const double *rank, uint32_t m, enum expert_method method)
{
    struct expert_round r;
    cr_assert_eq(expert_round_evaluate(rank, m, 4, fcil, method, &r), 0);
    return r;
}

static void check(const double *got, double a, double b, double c, double d)
{
    const double want[] = { a, b, c, d };
    for (int i = 0; i < 4; i++)
        cr_assert_float_eq(got[i], want[i], 1e-12, "%d: %.17g", i, got[i]);
}

Test(expert_weights, round_1_of_the_example)
{
    struct expert_round r = evaluate(round_1, 5, EXPERT_RANK_SUM);
    check(r.mean_rank, 1.6, 1.8, 2.8, 3.8);
    cr_assert_eq(r.d, 77);
    cr_assert_eq(r.ties, 0);
    cr_assert_float_eq(r.w, 0.616, 1e-12, "12 x 77 / 1500");
    cr_assert_not(r.agreed);
    check(r.weight, .34, .32, .22, .12);
    cr_assert_eq(expert_round_stop(NULL, &r, 1), EXPERT_AGAIN);
}

Test(expert_weights, round_2_of_the_example)
{
    struct expert_round r1 = evaluate(round_1, 5, EXPERT_RANK_SUM), r = evaluate(round_2, 5, EXPERT_RANK_SUM);
    check(r.mean_rank, 1.2, 2.0, 2.9, 3.9);
    cr_assert_eq(r.d, 101.5);
    cr_assert_eq(r.ties, 6);
    cr_assert_float_eq(r.w, 1218.0 / 1470, 1e-12);
    cr_assert_float_eq(r.w, 0.8286, 0.00005);
    check(r.weight, .38, .30, .21, .11);
    const int32_t bp[] = { 3800, 3000, 2100, 1100 };
    for (int i = 0; i < 4; i++)
        cr_assert_eq(r.weight_bp[i], bp[i]);
    cr_assert_eq(expert_round_stop(&r1, &r, 2), EXPERT_AGREED);
    cr_assert_str_eq(expert_stop_name(EXPERT_AGREED), "agreed");
}

Test(expert_weights, roc_of_four)
{
    struct expert_round r = evaluate(round_2, 5, EXPERT_ROC);
    cr_assert_float_eq(r.weight[0], .5208, .00005);
    cr_assert_float_eq(r.weight[1], .2708, .00005);
    cr_assert_float_eq(r.weight[2], .1458, .00005);
    cr_assert_float_eq(r.weight[3], .0625, 1e-12);
    /* 5208.33 2708.33 1458.33 625: three remainders tie, the smallest id is C */
    const int32_t bp[] = { 5208, 2709, 1458, 625 };
    for (int i = 0; i < 4; i++)
        cr_assert_eq(r.weight_bp[i], bp[i], "%d: %d", i, r.weight_bp[i]);
}

Test(expert_weights, roc_shares_the_average_of_equal_mean_ranks)
{
    const double rank[] = { 1, 2, 3, 4, 2, 1, 3, 4 };
    struct expert_round r = evaluate(rank, 2, EXPERT_ROC);
    check(r.weight, 19.0 / 48, 19.0 / 48, 7.0 / 48, 3.0 / 48); /* (25/48 + 13/48) / 2 */
}

Test(expert_weights, only_the_order_of_a_row_counts)
{
    const double raw[] = { 1, 2, 3, 3, 10, 20, 30, 30 };
    struct expert_round r = evaluate(raw, 2, EXPERT_RANK_SUM);
    check(r.mean_rank, 1, 2, 3.5, 3.5);
    cr_assert_eq(r.ties, 12);
    cr_assert_eq(r.w, 1, "full agreement, ties or not");
}

Test(expert_weights, everything_tied_has_no_agreement)
{
    const double rank[] = { 1, 1, 1, 1, 2.5, 2.5, 2.5, 2.5 };
    struct expert_round r = evaluate(rank, 2, EXPERT_RANK_SUM);
    cr_assert(r.w_is_null);
    cr_assert_not(r.agreed);
    cr_assert_eq(r.ties, 120);
    check(r.weight, .25, .25, .25, .25);
    cr_assert_eq(expert_round_stop(&r, &r, 2), EXPERT_SETTLED);
}

Test(expert_weights, opposite_experts)
{
    const double rank[] = { 1, 2, 3, 4, 4, 3, 2, 1 };
    struct expert_round r = evaluate(rank, 2, EXPERT_RANK_SUM);
    cr_assert_eq(r.w, 0);
    check(r.weight, .25, .25, .25, .25);
}

Test(expert_weights, refuses)
{
    const double nan_[] = { 1, NAN, 2, 1 };
    struct expert_round r;
    cr_assert_eq(expert_round_evaluate(round_1, 1, 4, fcil, EXPERT_ROC, &r), -1, "one expert agrees with himself");
    cr_assert_eq(expert_round_evaluate(round_1, 2, 0, fcil, EXPERT_ROC, &r), -1);
    cr_assert_eq(expert_round_evaluate(round_1, 2, CRITERIA_MAX + 1, fcil, EXPERT_ROC, &r), -1);
    cr_assert_eq(expert_round_evaluate(nan_, 2, 2, fcil, EXPERT_ROC, &r), -1);
}

Test(expert_weights, stops_when_weights_settle_or_rounds_run_out)
{
    /* Mean ranks 1.6 1.8 2.8 3.8 against 1.8 1.8 2.6 3.8: the weights move by 0.02 at most (2 x 0.2 / 20), which is settled. */
    const double near[] = { 1, 2, 3, 4, 2, 1, 3, 4, 2, 3, 1, 4, 3, 1, 2, 4, 1, 2, 4, 3 };
    struct expert_round a = evaluate(round_1, 5, EXPERT_RANK_SUM), b = evaluate(near, 5, EXPERT_RANK_SUM);
    check(b.mean_rank, 1.8, 1.8, 2.6, 3.8);
    cr_assert_eq(expert_round_stop(NULL, &a, 2), EXPERT_AGAIN);
    cr_assert_eq(expert_round_stop(&a, &b, 1), EXPERT_AGAIN, "at least two rounds");
    cr_assert_eq(expert_round_stop(&a, &b, 2), EXPERT_SETTLED);
    /* 0.04 is too much */
    const double far[] = { 1, 2, 3, 4, 2, 1, 3, 4, 3, 2, 1, 4, 3, 1, 2, 4, 1, 2, 4, 3 };
    struct expert_round c = evaluate(far, 5, EXPERT_RANK_SUM);
    cr_assert_float_eq(c.mean_rank[0], 2.0, 1e-12);
    cr_assert_not(c.agreed);
    cr_assert_eq(expert_round_stop(&a, &c, 3), EXPERT_AGAIN);
    cr_assert_eq(expert_round_stop(&a, &c, 4), EXPERT_NO_CONSENSUS);
    cr_assert_eq(expert_round_stop(&a, &b, 4), EXPERT_SETTLED);
}

/* Two experts, five criteria: W = 12 D / (4 x 120) = D / 40, so D = 28 is 0.7 to the letter. Rank totals lie around 6. */
Test(expert_weights, exactly_seven_tenths_is_agreement)
{
    const struct slice id[] = { ID("a"), ID("b"), ID("c"), ID("d"), ID("e") };
    const double rank[] = { 1, 2, 3, 4, 5, 2, 3, 1, 4, 5 }; /* totals 3 5 4 8 10: 9 + 1 + 4 + 4 + 16 = 34 */
    struct expert_round r;
    cr_assert_eq(expert_round_evaluate(rank, 2, 5, id, EXPERT_RANK_SUM, &r), 0);
    cr_assert_eq(r.d, 34);
    const double seven[] = { 1, 2, 4, 3, 5, 2, 3, 1, 4, 5 }; /* totals 3 5 5 7 10: 9 + 1 + 1 + 1 + 16 = 28 */
    cr_assert_eq(expert_round_evaluate(seven, 2, 5, id, EXPERT_RANK_SUM, &r), 0);
    cr_assert_eq(r.d, 28);
    cr_assert(r.agreed);
    const double less[] = { 1, 2, 5, 3, 4, 2, 3, 1, 4, 5 }; /* totals 3 5 6 7 9: 9 + 1 + 0 + 1 + 9 = 20 */
    cr_assert_eq(expert_round_evaluate(less, 2, 5, id, EXPERT_RANK_SUM, &r), 0);
    cr_assert_eq(r.w, 0.5);
    cr_assert_not(r.agreed);
}

static uint64_t next(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

/* Any ranking, ties and all: weights sum to 1, basis points to 10 000, W lies in 0..1. */
Test(expert_weights, sums_hold_for_any_ranking)
{
    struct slice id[CRITERIA_MAX];
    char name[CRITERIA_MAX];
    uint64_t seed = 11;
    for (int i = 0; i < CRITERIA_MAX; i++) {
        name[i] = (char)('a' + i);
        id[i] = (struct slice){ &name[i], 1 };
    }
    for (int round = 0; round < 2000; round++) {
        double rank[8 * CRITERIA_MAX];
        uint32_t m = 2 + (uint32_t)(next(&seed) % 7), n = 1 + (uint32_t)(next(&seed) % CRITERIA_MAX);
        for (uint32_t i = 0; i < m * n; i++)
            rank[i] = (double)(next(&seed) % 12);
        for (int method = EXPERT_RANK_SUM; method <= EXPERT_ROC; method++) {
            struct expert_round r;
            double sum = 0;
            int32_t bp = 0;
            cr_assert_eq(expert_round_evaluate(rank, m, n, id, (enum expert_method)method, &r), 0);
            for (uint32_t j = 0; j < n; j++) {
                sum += r.weight[j];
                bp += r.weight_bp[j];
            }
            cr_assert_float_eq(sum, 1, 1e-12);
            cr_assert_eq(bp, 10000);
            cr_assert(r.w_is_null || (r.w >= 0 && r.w <= 1 + 1e-12), "W %g", r.w);
        }
    }
}
