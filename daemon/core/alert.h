/* The state machine of one rule for one subject, without knowing rules or subjects. */
#ifndef CRMPULSE_CORE_ALERT_H
#define CRMPULSE_CORE_ALERT_H

#include "eval_core.h"

enum alert_grade { GRADE_BASE, GRADE_CRITICAL, GRADE_PAGE };

/* What a rule sees at a tick. */
struct alert_sight {
    bool has_value, enough; /* enough: n >= min_samples and a value */
    bool fires, clears;
    int grade; /* of one that fires: enum alert_grade */
};

struct alert_step {
    bool emit;
    enum alert_state from, to;
    int64_t deadline_ms; /* tick from which a pending or recovering state may end, INT64_MAX: none */
};

/*   ok --fires--> pending --held for `for`--> firing --clears--> recovering --held--> ok
 *
 * With for_ms 0 the middle states are skipped. Too few samples neither fire nor clear: pending falls back to ok, recovering to firing. A firing alert that
 * rises to a higher grade makes a step firing -> firing. Idempotent: another look at the same tick changes nothing. */
struct alert_step alert_look(struct alert *a, const struct alert_sight *sight, int64_t tick_ms, int64_t for_ms);

/* Milestones instead: `passed` of them are passed in the cycle that starts then. True as long as there is one more to tell of; a->grade counts those told.
 * What was passed stays passed whatever is corrected later; a new cycle starts from none. */
bool alert_pass(struct alert *a, int passed, int64_t cycle_start_ms);

const char *alert_state_name(enum alert_state state);

#endif
