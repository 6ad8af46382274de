/* Why a rule is (not) firing for a subject: its state, what it sees now, which conditions hold, and the panes behind the value. Pure; the same code answers
 * from a file (replay) and from what Redis holds. It judges nothing and changes nothing. */
#ifndef CRMPULSE_EXPLAIN_H
#define CRMPULSE_EXPLAIN_H

#include "crmpulse/eval.h"

struct explained_pane {
    int64_t start_ms, value; /* unix ms; in the unit of the measure's cells */
};

/* A measure that the KPI reads. */
struct explained_measure {
    const char *id;
    const char *part; /* "" the measure itself; durations: "n", "sum" */
    bool gauge;       /* `total` is the state as of now; there are no panes */
    int64_t total;    /* of the panes shown */
    uint32_t n_panes; /* inside the window, not 0, ascending */
    const struct explained_pane *pane;
};

/* Everything borrowed is valid during the call only. */
struct explanation {
    const struct rule_def *rule;
    struct slice org, subject;
    enum dim dim;
    const char *state;   /* ok pending firing recovering no_data */
    int64_t since_ms;    /* tick at which the state began, 0: it never changed */
    bool critical;       /* of a firing one */
    uint32_t milestones; /* passed, where the rule has some */
    int64_t judged_ms;   /* everything before it is judged, INT64_MIN: nothing is */
    int64_t at_ms;       /* instant that the window is positioned at */
    bool complete;       /* false: the rule judges complete windows, and there is none yet */
    bool started;        /* false: it judges later in the window (`after`) */
    struct span window;
    bool has_value, is_ratio, has_samples, enough; /* enough: a value, and samples >= min_samples */
    double figure;                                 /* what is compared: the value, or a quantile */
    int64_t numerator, denominator, samples;
    bool fires, is_critical, clears; /* which conditions hold */
    const struct kpi_def *columns;   /* its extra columns, NULL: of a scorecard */
    const int64_t *extra;            /* their values, where not null */
    const bool *extra_null;
    uint32_t n_measures;
    const struct explained_measure *measure;
    uint32_t n_evidence; /* event ids behind the value, in order of time; the newest ones if `evidence_truncated` */
    const struct slice *evidence;
    bool evidence_truncated;
};

/* One call for each subject that the rule looks at: of dimension `dim` (-1: all of the rule's) and named `subject` (empty: all), at `at_ms`, in the order
 * org, dim, subject. 0, what `each` returned if not 0, or -1 (out of memory). */
struct explain_query {
    int rule, dim;
    struct slice subject;
    int64_t at_ms;
};
int evaluator_explain(struct evaluator *e, const struct explain_query *q,
                      int (*each)(void *ctx, const struct explanation *x), void *ctx);

#endif
