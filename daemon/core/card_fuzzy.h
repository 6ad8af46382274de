/* A scorecard as a fuzzy evaluation (domain specification 4.4): every item is a membership in grades, by its score, by the answers to a survey or by the
 * grades of experts; memberships are composed up to the card. */
#ifndef CRMPULSE_CORE_CARD_FUZZY_H
#define CRMPULSE_CORE_CARD_FUZZY_H

#include "card_weight.h"
#include "kpi_value.h"

struct card_row {
    bool any; /* else share is meaningless */
    double share[FUZZY_GRADES_MAX];
};

/* Membership of an item whose KPI has the value `score`. A graded item counts the grades of the subject `s` (a criterion of a panel), an answered one
 * the answers in the window; nobody said anything: any is false. */
struct card_row card_row_of(const struct scorecard_def *def, const struct scorecard_item *item, const struct reading *r,
                            struct subject *s, double score);
/* Membership of a score. */
struct card_row card_row_of_score(const struct scorecard_def *def, double score);

/* Rows of the perspectives (at the index of their first item) and of the card, from those of the items that count. 0 or -1 (out of memory). */
int card_compose(const struct scorecard_def *def, const struct card_item *item, const struct card_row *row,
                 struct card_row *ret_perspective, struct card_row *ret_whole);

/* The score that a row stands for. */
double card_row_score(const struct scorecard_def *def, const struct card_row *row);

/* Weights of the card's perspectives by its panel, as it stood at t_ms, into the items: only if it has stopped and ranked just these perspectives; else
 * nothing changes and the answer is false. */
bool card_panel_weights(const struct scorecard_def *def, const struct reading *r, const struct org *org,
                        struct card_item *item);

#endif
