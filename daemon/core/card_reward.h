/* Rewards and penalties of a scorecard, and the band that its score ends up in. */
#ifndef CRMPULSE_CORE_CARD_REWARD_H
#define CRMPULSE_CORE_CARD_REWARD_H

#include "card_weight.h"
#include "crmpulse/defs.h"

struct card_verdict {
    double points; /* sum of the rewards that apply */
    uint32_t n_applied;
    struct slice applied[REWARDS_MAX];
    int band;       /* index, -1: none */
    int32_t raised; /* bands */
};

/* `item` has the weighted items, then those that only rewards read. No band without a score or when `provisional`. */
struct card_verdict card_judge(const struct scorecard_def *def, const struct card_item *item, struct card_total total,
                               bool provisional);

#endif
