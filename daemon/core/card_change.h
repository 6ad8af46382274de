/* Why a score changed: the contribution of each KPI to the change between two snapshots of a card (domain specification 4.2). */
#ifndef CRMPULSE_CORE_CARD_CHANGE_H
#define CRMPULSE_CORE_CARD_CHANGE_H

#include <stdbool.h>
#include <stdint.h>

/* One KPI at one snapshot. */
struct card_part {
    bool has_score;
    double score, weight; /* weight: on the whole card; 0 without a score, if missing scores are excluded */
};

/* perf: by the KPI's own score; mix: because its weight changed. */
struct card_contribution {
    double perf, mix;
};

/* perf = mean weight x change of score; mix = (mean score - mean of the two card scores) x change of weight. A score missing on one side takes the other
 * side's value. The sum over all parts is the change of the card's score. */
void card_contributions(const struct card_part *before, const struct card_part *after, uint32_t n,
                        struct card_contribution *ret);

#endif
