/* Largest remainder and reweighting: the figures of the domain specification 4.2 and 4.5, and what must hold for any weights. */
#include <criterion/criterion.h>

#include "crmpulse/reweight.h"

#define ID(text)                                                                                                       \
    {                                                                                                                  \
        text, sizeof(text) - 1                                                                                         \
    }

Test(reweight, satisfaction_from_1000_to_2000)
{
    const struct slice id[] = { ID("attainment"), ID("new_customers"), ID("followup"), ID("satisfaction") };
    const int32_t bp[] = { 5000, 2500, 1500, 1000 };
    int32_t got[4];
    cr_assert_eq(reweight(bp, id, 4, 3, 2000, got), 0);
    cr_assert_eq(got[0], 4445);
    cr_assert_eq(got[1], 2222);
    cr_assert_eq(got[2], 1333);
    cr_assert_eq(got[3], 2000);
}

Test(reweight, preset_doubles_one_and_renormalises)
{
    const struct slice id[] = { ID("cac"), ID("conversion"), ID("roi") };
    const int32_t bp[] = { 3000, 4000, 3000 }, factor[] = { 2, 1, 1 };
    int32_t got[3];
    cr_assert_eq(reweight_scale(bp, factor, id, 3, got), 0);
    /* 6000, 4000, 3000 of 13000: 4615.38, 3076.92, 2307.69; one unit each to .92 and .69 */
    cr_assert_eq(got[0], 4615);
    cr_assert_eq(got[1], 3077);
    cr_assert_eq(got[2], 2308);
}

Test(reweight, refuses)
{
    const int32_t bp[] = { 5000, 5000 }, short_bp[] = { 5000, 4999 }, alone[] = { 10000, 0 };
    int32_t got[2];
    cr_assert_eq(reweight(short_bp, NULL, 2, 0, 1000, got), -1, "the weights do not sum to 10 000");
    cr_assert_eq(reweight(bp, NULL, 2, 2, 1000, got), -1, "no such item");
    cr_assert_eq(reweight(bp, NULL, 2, 0, 10001, got), -1);
    cr_assert_eq(reweight(bp, NULL, 2, 0, -1, got), -1);
    cr_assert_eq(reweight(alone, NULL, 2, 0, 9000, got), -1, "nothing among the others to scale");
}

Test(largest_remainder, ties_go_by_id_or_by_place)
{
    const struct slice id[] = { ID("c"), ID("a"), ID("b") };
    const int64_t weight[] = { 1, 1, 1 };
    int64_t got[3];
    cr_assert_eq(largest_remainder(10000, weight, id, 3, got), 0);
    cr_assert(got[0] == 3333 && got[1] == 3334 && got[2] == 3333, "the smallest id");
    cr_assert_eq(largest_remainder(10000, weight, NULL, 3, got), 0);
    cr_assert(got[0] == 3334 && got[1] == 3333 && got[2] == 3333, "the first");
    cr_assert_eq(largest_remainder(-2, weight, NULL, 3, got), 0);
    cr_assert(got[0] == -1 && got[1] == -1 && got[2] == 0);
}

Test(largest_remainder, refuses)
{
    const int64_t zero[] = { 0, 0 }, negative[] = { 2, -1 }, huge[] = { INT64_MAX, 1 };
    int64_t got[2];
    cr_assert_eq(largest_remainder(10, zero, NULL, 2, got), -1);
    cr_assert_eq(largest_remainder(10, negative, NULL, 2, got), -1);
    cr_assert_eq(largest_remainder(10, huge, NULL, 2, got), -1);
    cr_assert_eq(largest_remainder(10, zero, NULL, 0, got), -1);
}

Test(largest_remainder, holds_up_to_the_ends_of_int64)
{
    const int64_t weight[] = { INT64_MAX - 1, 1 };
    int64_t got[2];
    cr_assert_eq(largest_remainder(INT64_MAX, weight, NULL, 2, got), 0);
    cr_assert(got[0] == INT64_MAX - 1 && got[1] == 1);
    cr_assert_eq(largest_remainder(INT64_MIN, (const int64_t[]){ 1, 0 }, NULL, 2, got), 0);
    cr_assert(got[0] == INT64_MIN && got[1] == 0);
}

static uint64_t next(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

/* Parts add up to the whole, and none is a whole unit away from its exact share. */
Test(largest_remainder, parts_sum_to_the_whole)
{
    uint64_t seed = 7;
    for (int round = 0; round < 5000; round++) {
        int64_t weight[WEIGHT_ITEMS_MAX], got[WEIGHT_ITEMS_MAX], sum = 0, parts = 0;
        uint32_t n = 1 + (uint32_t)(next(&seed) % WEIGHT_ITEMS_MAX);
        int64_t total = (int64_t)(next(&seed) % 2000000);
        for (uint32_t i = 0; i < n; i++)
            sum += weight[i] = (int64_t)(next(&seed) % 50);
        weight[0] += sum ? 0 : 1;
        sum += sum ? 0 : 1;
        cr_assert_eq(largest_remainder(total, weight, NULL, n, got), 0);
        for (uint32_t i = 0; i < n; i++) {
            parts += got[i];
            int64_t off = got[i] * sum - total * weight[i];
            cr_assert(off < sum && off > -sum, "round %d item %u", round, i);
        }
        cr_assert_eq(parts, total, "round %d", round);
    }
}
