/* What a rule sees: the value it judges, and everything its conditions name beside it. */
#ifndef CRMPULSE_CORE_RULE_READ_H
#define CRMPULSE_CORE_RULE_READ_H

#include "alert.h"
#include "scorecard.h"

struct rule_reader {
    struct evaluator *e;
    const struct rule_def *rule;
    struct subject *subject;
    int64_t at_ms; /* instant at which the judged window is positioned, before its lag */
    bool here;     /* that is where the judged view is */
    struct reading r;
    struct kpi_value value;
    bool has_value;
    double figure;           /* meaningful if has_value */
    struct card_figure card; /* of a rule on a scorecard */
};

void rule_read(struct rule_reader *ret, struct evaluator *e, const struct rule_def *rule, struct subject *s,
               int64_t at_ms);

/* Whether a condition holds: the expression, or else the comparison of the figure. */
bool rule_holds(struct rule_reader *x, const struct expr *expr, enum compare op, double threshold);

/* First instant at which the rule judges the window (its `after`), INT64_MIN: at once, INT64_MAX: no sample yet. */
int64_t rule_starts_ms(const struct rule_reader *x);

/* What the state machine is shown: which conditions hold, if there are enough samples and the rule has started. */
struct alert_sight rule_sight(struct rule_reader *x, int64_t starts_ms);

/* The period of a rule that judges complete windows. */
enum period rule_period(const struct rule_def *rule, const struct calendar *cal);
/* Last instant of the newest window that is complete (and mature) at `at_ms`; INT64_MIN if the subject did not exist then. */
int64_t rule_complete_ms(const struct evaluator *e, const struct rule_def *rule, const struct subject *s,
                         int64_t at_ms);

bool rule_compare(enum compare op, double value, double threshold);

#endif
