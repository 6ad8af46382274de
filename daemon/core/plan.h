/* The plan: what follows from the definitions alone. Which windows exist, which KPI is watched in which window and why, which measures that needs,
 * and for each measure in each window which watches a change of it touches. Made once, read only. */
#ifndef CRMPULSE_CORE_PLAN_H
#define CRMPULSE_CORE_PLAN_H

#include "crmpulse/defs.h"

enum { PLAN_DEPTH_MAX = 16 }; /* of measures derived from derived ones */

/* A measure with cells that a KPI reads. */
struct plan_leaf {
    int measure;
    int window;       /* index of an own window of definitions.ref, -1: the window of the row */
    enum compared at; /* where that window lies */
    bool whole;       /* of the org */
    bool raising;     /* more of it makes the numerator or value greater: it tells when a value was reached */
};

struct plan_kpi {
    struct plan_leaf *leaf;
    uint32_t n_leaves;
    bool paced;   /* measured against the share of the window that has passed: means something before its end too */
    bool clocked; /* counts time up to the present: a value may come up by the clock alone */
    bool whole;   /* rows of other subjects change with the org's */
    bool levels;  /* reads one */
    bool
        plain; /* a formula of its own measures in its own window: it changes when a watch says so, and at no other time */
    enum compared prev; /* the comparison window it reads; COMPARED_NOT: none */
};

/* A KPI in a window that something wants. */
struct plan_watch {
    int kpi, window;
    uint32_t live_dims; /* rows of the live view */
    uint32_t row_dims;  /* rows at snapshot ticks */
    uint32_t rule_dims; /* rules */
    bool ranked;        /* its value depends on all subjects of the dim */
    int *rule, *board, *card;
    uint32_t n_rules, n_boards, n_cards;
};

/* A measure in a window: one running sum per series. */
struct plan_slot {
    int window;
    enum compared prev;
    bool fine;
    bool level;        /* of a level: panes after the window count too */
    bool carded;       /* scorecards read it */
    uint64_t *watches; /* bit per watch: touched by a change */
    uint32_t dims;     /* those in which somebody looks at any of these */
    uint32_t parts;    /* bit per series_part: series that serve it */
};

struct plan_measure {
    struct plan_slot *slot;
    uint32_t n_slots;
    int16_t *by_window; /* [window * COMPARED_COUNT + prev]: index of the slot or -1 */
};

struct plan {
    const struct definitions *defs;
    struct window *window;
    struct plan_kpi *kpi;
    struct plan_watch *watch;
    struct plan_measure *measure;
    int *measure_slot; /* by hash of the name: measure + 1, 0: none */
    uint32_t measure_mask;
    int *ref_window;                        /* by ref: index of its window, -1: none of its own */
    uint32_t n_windows, n_watches, n_words; /* words of a bit set over watches */
    int erased;                             /* measure: who was erased, by mark; -1: none */
    int roster;                             /* measure: who is enabled; -1: none */
    int rfm_last,
        rfm_sales; /* measures that quintiles read of each customer: when it bought last, how often; -1: none */
};

int plan_init(struct plan *plan, const struct definitions *defs); /* -1: out of memory; release it then too */
void plan_release(struct plan *plan);
int plan_window(const struct plan *plan, const struct window *w);     /* index or -1 */
uint32_t plan_watch_of(const struct plan *plan, int kpi, int window); /* of a pair that is watched */
int plan_measure_named(const struct plan *plan, struct slice id);     /* index or -1; O(1) */
int plan_slot_of(const struct plan *plan, int measure, int window,
                 enum compared prev); /* index or -1; window may be -1 */

/* Whether a value is to be looked at again when time has passed, without an event. */
static inline bool plan_moves_with_clock(const struct plan_kpi *k, bool is_null)
{
    return k->clocked || (k->paced && !is_null);
}

/* Whether the judged view knows the KPI in that window at a past instant: it holds as-of measures as they stand now. */
bool plan_past_known(const struct plan *plan, int kpi, const struct window *w);

/* A rule that judges complete windows only: "less than" in a civil window, unless the KPI allows for the part that has passed. */
bool plan_rule_at_close(const struct plan *plan, const struct rule_def *rule);

static inline bool bit_test(const uint64_t *set, uint32_t i)
{
    return set[i / 64] >> (i % 64) & 1;
}
static inline void bit_set(uint64_t *set, uint32_t i)
{
    set[i / 64] |= (uint64_t)1 << (i % 64);
}
static inline void bit_clear(uint64_t *set, uint32_t i)
{
    set[i / 64] &= ~((uint64_t)1 << (i % 64));
}
/* The first member from `from` on, n where there is none below n. */
static inline uint32_t bit_next(const uint64_t *set, uint32_t n, uint32_t from)
{
    while (from < n) {
        uint64_t rest = set[from / 64] >> (from % 64);
        if (rest) {
            uint32_t at = from + (uint32_t)__builtin_ctzll(rest);
            return at < n ? at : n;
        }
        from = (from / 64 + 1) * 64;
    }
    return n;
}

#endif
