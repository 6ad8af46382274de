/* The sections of an appraisal file, one function each: read the value of `key`, report, fill the outputs. Not for other commands. */
#ifndef CRMPULSE_CLI_APPRAISE_H
#define CRMPULSE_CLI_APPRAISE_H

#include "plan.h"

void appraise_panel(struct plan *p, const struct node *key);
void appraise_ahp(struct plan *p, const struct node *key);
void appraise_fuzzy(struct plan *p, const struct node *key);
void appraise_before_after(struct plan *p, const struct node *key);
void appraise_trend(struct plan *p, const struct node *key);
void appraise_pyramid(struct plan *p, const struct node *key);
void appraise_eva(struct plan *p, const struct node *key);
void appraise_turnover(struct plan *p, const struct node *key);
void appraise_goals_down(struct plan *p, const struct node *key);
void appraise_measures_up(struct plan *p, const struct node *key);
void appraise_go_live(struct plan *p, const struct node *key);

/* The names of a list of 1..max different words. false after reporting. */
bool appraise_names(struct plan *p, const struct node *list, uint32_t max, struct slice *ret, uint32_t *ret_n);

#endif
