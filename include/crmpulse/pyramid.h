/* The performance pyramid of Cross and Lynch (domain specification 4.5): scores go up its edges, goals go down, counts are re-formed. */
#ifndef CRMPULSE_PYRAMID_H
#define CRMPULSE_PYRAMID_H

#include "crmpulse/slice.h"

/* From the top; a node stands before those below it. */
enum pyramid_node {
    PYRAMID_VISION,
    PYRAMID_MARKET,
    PYRAMID_FINANCIAL,
    PYRAMID_SATISFACTION,
    PYRAMID_FLEXIBILITY,
    PYRAMID_PRODUCTIVITY,
    PYRAMID_QUALITY,
    PYRAMID_DELIVERY,
    PYRAMID_CYCLE_TIME,
    PYRAMID_WASTE,
    PYRAMID_NODES
};

enum { PYRAMID_EDGES = 12 };

struct pyramid_edge {
    enum pyramid_node parent, child;
};

/* The edges, children of one parent side by side. */
const struct pyramid_edge *pyramid_edges(void);
/* "vision", "cycle_time" .. */
const char *pyramid_node_name(enum pyramid_node node);
/* 1 (vision) .. 4 */
uint32_t pyramid_level(enum pyramid_node node);
/* The node at the foot of the pyramid that a KPI belongs to, -1 if it has none. */
int pyramid_node_of_kpi(struct slice kpi);

struct pyramid_score {
    bool is_null;
    double score; /* 0..100 */
};

/* Fill the six upper nodes from the four of the foot: weighted mean of the children that have a score, null if none has. `weight` has one entry >= 0
 * per edge, NULL: all equal. 0; -1: a negative weight. */
int pyramid_scores_up(const double *weight, struct pyramid_score *score);

/* A goal that adds up (money in micros, counts) into shares in whole units, children summing to the parent: largest remainder, among equal
 * remainders the first. A goal that is a ratio is inherited as it is and needs no function. 0, or -1 as for largest_remainder. */
int pyramid_goal_down(int64_t goal, const int64_t *share, uint32_t n, int64_t *ret_part);

struct pyramid_ratio {
    int64_t numerator, denominator;
};

/* Measures that are ratios go up as sums: 9/10 and 10/40 give 19/50. 0; -1: overflow. */
int pyramid_ratio_up(const struct pyramid_ratio *child, uint32_t n, struct pyramid_ratio *ret);

#endif
