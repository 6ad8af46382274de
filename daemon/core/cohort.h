/* Cells of cohorts: parts "cohort.w.3", "return.w.3", "last.w.3" of a distinct measure with a life cycle, in the pane where the member's first interval
 * starts. Written by distinct.c, read through series.c. */
#ifndef CRMPULSE_CORE_COHORT_H
#define CRMPULSE_CORE_COHORT_H

#include "crmpulse/calendar.h"

enum cohort_cell {
    COHORT_ACTIVE, /* active `age` intervals after the first: one unit per interval with activity, 0 is the first itself */
    COHORT_FIRST_BACK, /* the age of the second interval with activity: one unit per member that came back */
    COHORT_LAST, /* the age of the latest interval with activity, beyond the greatest age as that: one unit per member */
    COHORT_CELLS
};

static const char *const cohort_names[COHORT_CELLS] = { "cohort.", "return.", "last." };

enum { COHORT_PERIODS = 3 }; /* day, week, month */

/* The greatest age that is told apart; below 100. */
static inline int32_t cohort_age_max(enum period period)
{
    return period == PERIOD_DAY ? 30 : period == PERIOD_WEEK ? 52 : 24;
}

/* One number per cell of a cohort. */
static inline int64_t cohort_code(enum cohort_cell kind, enum period period, int32_t age)
{
    return ((int64_t)kind * COHORT_PERIODS + (int64_t)period) * 64 + age;
}

#endif
