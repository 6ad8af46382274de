/* Panes in time order with the sums of windows over them, by subtract-on-evict: moving a window costs the panes that enter and leave, a late pane
 * costs its insertion. */
#ifndef CRMPULSE_CORE_PANES_H
#define CRMPULSE_CORE_PANES_H

#include <stdbool.h>
#include <stdint.h>

#include "crmpulse/calendar.h"

struct pane {
    int64_t start_ms, value;
};

struct panes {
    struct pane *v; /* ascending by start_ms; a pane may stand at 0 */
    uint32_t n, cap;
};

/* The sum over panes that start in [lo, hi), which are v[ilo .. ihi). */
struct winsum {
    int64_t lo_ms, hi_ms, sum;
    uint32_t ilo, ihi;
    bool valid; /* false: to be summed afresh */
    bool fine;  /* over minute panes */
};

struct winsums {
    struct winsum *v;
    uint32_t n;
};

/* Index of the first pane that starts at or after t_ms. O(log n). */
uint32_t panes_from(const struct panes *p, int64_t t_ms);

/* A pane that holds 0 changes no window by coming or going, as if it were not there. */
enum panes_change {
    PANES_FAILED = -1, /* out of memory */
    PANES_SAME,
    PANES_FILLED, /* the pane held 0 or was not there */
    PANES_EMPTIED /* the pane holds 0 now */
};

/* Add to a pane, keeping the sums of those windows whose grain is `fine`. *ret_overflow is set, never cleared. */
enum panes_change panes_add(struct panes *p, int64_t start_ms, int64_t value, struct winsums wins, bool fine,
                            bool *ret_overflow);

/* Forget panes that start before t_ms. */
void panes_drop(struct panes *p, int64_t t_ms, struct winsums wins, bool fine);

/* Move a window (usually forward) and give its sum. */
int64_t winsum_move(struct winsum *w, const struct panes *p, struct span span, bool *ret_overflow);

/* The same without a running sum. */
int64_t panes_sum(const struct panes *p, struct span span, bool *ret_overflow);

#endif
