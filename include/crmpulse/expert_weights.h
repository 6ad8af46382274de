/* Weights of criteria from experts who rank them, round by round, until they agree (domain specification 4.3).
 *
 * Pure: ranks in, weights and agreement out. Sums are kept in half ranks, so that agreement, stopping and basis points are exact. */
#ifndef CRMPULSE_EXPERT_WEIGHTS_H
#define CRMPULSE_EXPERT_WEIGHTS_H

#include "crmpulse/slice.h"

enum { EXPERTS_MAX = 1000, CRITERIA_MAX = 20, EXPERT_ROUNDS_MIN = 2, EXPERT_ROUNDS_MAX = 4 };

enum expert_method { EXPERT_RANK_SUM, EXPERT_ROC };

/* What one round says. */
struct expert_round {
    uint32_t n_experts, n_criteria;
    int64_t half_ranks[CRITERIA_MAX]; /* twice the sum of a criterion's ranks */
    double mean_rank[CRITERIA_MAX];   /* what each expert is shown before the next round */
    double d;                         /* squared distance of the rank totals from their mean */
    int64_t ties;                     /* T: sum of t^3 - t over the tie groups of all experts */
    bool w_is_null;                   /* everybody ties everything: agreement is not defined */
    double w;                         /* Kendall's W, 0..1 */
    bool agreed;                      /* W >= 0.7, compared exactly */
    double weight[CRITERIA_MAX];      /* by the method asked for; they sum to 1 */
    int32_t weight_bp[CRITERIA_MAX];  /* the same by largest remainder, ties by id; they sum to 10 000 */
};

/* `rank` holds n_experts rows of n_criteria values, 1 = most important. Only the order inside a row counts: equal values share their mid-rank, so
 * "1 2 3 3" and "1 2 3.5 3.5" are the same row. `id` names the criteria. 0; -1: fewer than 2 experts, no criterion, too many of either, or a
 * value that is no number. */
int expert_round_evaluate(const double *rank, uint32_t n_experts, uint32_t n_criteria, const struct slice *id,
                          enum expert_method method, struct expert_round *ret);

enum expert_stop {
    EXPERT_AGAIN,       /* another round, with the mean ranks shown */
    EXPERT_AGREED,      /* W >= 0.7 */
    EXPERT_SETTLED,     /* no weight moved by more than 0.02 */
    EXPERT_NO_CONSENSUS /* the last round allowed, and neither */
};

/* After round number `number` (1 = first). `previous` is the round before it, NULL for the first. */
enum expert_stop expert_round_stop(const struct expert_round *previous, const struct expert_round *now,
                                   uint32_t number);

/* "again", "agreed", "settled", "no_consensus" */
const char *expert_stop_name(enum expert_stop stop);

#endif
