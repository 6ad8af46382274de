/* What was told of scorecards: the parts of each subject's last snapshot, which the next one is compared with. */
#ifndef CRMPULSE_CORE_CARD_TOLD_H
#define CRMPULSE_CORE_CARD_TOLD_H

#include "card_change.h"
#include "eval_core.h"

/* Contributions since the snapshot told last, and the change of the score before rewards. False: there was none under this definition. */
bool card_compare(const struct subject *s, uint32_t card, const struct scorecard_def *def, const struct card_part *now,
                  double score, struct card_contribution *ret, double *ret_change);
/* 0 or -1 (out of memory). */
int card_remember(struct evaluator *e, struct subject *s, uint32_t card, const struct card_part *now, double score);
/* As if nothing had been told. 0 or -1. */
int card_forget(struct evaluator *e, struct subject *s, uint32_t card);
void card_told_release(struct subject *s, uint32_t n_scorecards);

/*   org      key "prt|<card hash>|<dim>|<subject>"    value "<score> <weight>:<score> ..", doubles as hex of their bits, '-' without a score; "": forgotten */
int card_told_save(struct evaluator *e, bool only_changed, evaluator_state_sink sink, void *ctx);
int card_told_restore(struct evaluator *e, struct slice org, struct slice rest, struct slice value);

#endif
