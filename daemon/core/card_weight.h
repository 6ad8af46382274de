/* Weights of a scorecard: how the scores of its items make one score when some are missing. */
#ifndef CRMPULSE_CORE_CARD_WEIGHT_H
#define CRMPULSE_CORE_CARD_WEIGHT_H

#include "crmpulse/pyramid.h"

struct card_item {
    struct slice perspective;
    int32_t perspective_bp, kpi_bp;
    bool usable;      /* has a score, its own or a held one */
    bool counts_zero; /* has none and counts as 0 with its full weight */
    bool is_null;
    double value, score;
    double weight;       /* on the whole card, set by card_weigh */
    const char *missing; /* reason; "" for none */
};

struct card_total {
    double score, coverage;
    bool is_null;
};

/* Sets every weight: nominal shares renormalised inside the perspective, then over the perspectives that have something left. Coverage is the nominal
 * weight of the usable items. */
struct card_total card_weigh(struct card_item *item, uint32_t n);

/* The same up the performance pyramid: perspectives are the nodes of its foot (all their weights stand for what an even pyramid gives them), the total is the
 * score of its top and `node` all scores on the way. A node without a score is left out of the means above it. */
struct card_total card_weigh_pyramid(struct card_item *item, uint32_t n, struct pyramid_score node[PYRAMID_NODES]);

/* Score of one perspective; false if nothing in it counts. */
bool card_perspective_score(const struct card_item *item, uint32_t n, struct slice perspective, double *ret);

#endif
