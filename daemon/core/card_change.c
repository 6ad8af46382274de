/* Contributions to a change. */
#include "card_change.h"

static double card_score(const struct card_part *part, uint32_t n)
{
    double score = 0;
    for (uint32_t i = 0; i < n; i++)
        score += part[i].weight * part[i].score;
    return score;
}

void card_contributions(const struct card_part *before, const struct card_part *after, uint32_t n,
                        struct card_contribution *ret)
{
    double card = (card_score(before, n) + card_score(after, n)) / 2;
    for (uint32_t i = 0; i < n; i++) {
        const struct card_part *a = &before[i], *b = &after[i];
        double s = a->has_score ? a->score : b->has_score ? b->score : 0;
        double t = b->has_score ? b->score : s;
        ret[i].perf = (a->weight + b->weight) / 2 * (t - s);
        ret[i].mix = ((s + t) / 2 - card) * (b->weight - a->weight);
    }
}
