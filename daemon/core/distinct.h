/* Exact distinct counting over any window from one record per (measure, dim, subject, member). Internal to the core.
 *
 * The record lists how many facts of the member stand in each pane and which cause changed that number: it is the whole history, netted. What the
 * member contributes at a time t follows from the changes with cause <= t alone:
 * - one unit of a rolling histogram, in its latest pane (for "at least two": in the pane of its second latest fact): the members active in the last w
 *   are the sum of the histogram over w's panes;
 * - one unit per civil period with enough facts, in the pane where the period starts;
 * - for measures with a life cycle: new, returning, resurrected, dormant and the cohort (cohort.h), each by day, week and month, and one
 *   unit in the pane of its first fact ("first");
 * - with trailing_days: one unit per civil day at whose end it was active in so many times 24 h before ("trail").
 * A change emits the difference between what the record says after and before it, at its own cause and at every later one. So a view judged at T is
 * exact whatever arrived later, and the order of arrival does not matter (design, sections 4 and 5).
 *
 * A member begins with its first fact, or with the earliest enabling that a standing fact knows of.
 *
 * To keep records small, a pane's changes from the fifth on are folded where no threshold lies between them. Sums stay exact; a view of the past may
 * be off by this member if facts of such a pane are withdrawn later: counted in `folded_withdrawals`. */
#ifndef CRMPULSE_DISTINCT_H
#define CRMPULSE_DISTINCT_H

#include "crmpulse/calendar.h"
#include "crmpulse/record.h"

/* One change of the number of facts in a pane. */
struct activity {
    int64_t pane_ms, cause_ms;
    int64_t since_ms; /* life cycle: when these facts say the member was first enabled, INT64_MAX: they do not */
    int32_t n;        /* never 0 */
};

/* How many of the facts that stand say the same of the member's beginning. */
struct distinct_beginning {
    int64_t since_ms;
    int32_t n;
};

struct distinct_point {
    char part[16]; /* "" = rolling histogram, "d", "w", .., "new.d", "cohort.w.3" */
    int64_t pane_ms, cause_ms;
    int64_t value;
};

struct distinct_pane {
    int64_t pane_ms;
    int32_t n; /* facts that stand, as of the cause the sweep has reached */
};

struct distinct_points {
    struct distinct_point *v;
    uint32_t n, cap;
};

struct distinct_scratch {
    int64_t
        retention_ms; /* what is older than this before the member's newest pane is forgotten, 0: nothing; set by the owner */
    struct activity *act; /* by pane, cause, since */
    uint32_t n_act, act_cap;
    struct activity *late; /* those with a cause after the change's, by cause */
    uint32_t late_cap;
    struct distinct_pane *pane;
    uint32_t n_panes, pane_cap;
    struct distinct_beginning *beginning;
    uint32_t n_beginnings, beginning_cap;
    struct distinct_points now, before; /* difference after - before at this cause and at the one before */
    struct distinct_point *point;       /* the result */
    uint32_t n_points, point_cap;
    struct distinct_span { /* periods asked for, by time */
        const struct calendar *cal;
        struct span span;
    } memo[PERIOD_COUNT][16];
    uint64_t folded_withdrawals;
    bool no_memory;
};
void distinct_scratch_release(struct distinct_scratch *s);

struct distinct_change {
    int64_t t_ms, cause_ms;
    int32_t n;        /* facts added (> 0) or withdrawn (< 0) at this cause */
    int64_t since_ms; /* life cycle: when the member was first enabled, as these facts know it; INT64_MAX if unknown */
    uint32_t trailing_days; /* 0: none */
};

/* Whether everything in the record was withdrawn: it contributes nothing, and what is added to it counts as in a new one. O(n), of a pane's changes squared. */
bool distinct_is_empty(struct distinct_scratch *s, const struct bytes *log);
/* Whether a distinct record's log is well-formed to the last byte, with times and counts that sums can hold. */
bool distinct_sound(const struct bytes *log);

/* Apply a change to a distinct record's log (its own packed form) and list the resulting points in scratch->point, netted, none of them 0. Returns 1 if
 * the log changed, 0 if not, -1 when out of memory or for a malformed record. O(log) plus a step per later cause. */
int distinct_change(struct distinct_scratch *s, const struct calendar *cal, uint32_t at_least, bool lifecycle,
                    struct bytes *log, const struct distinct_change *change);

#endif
