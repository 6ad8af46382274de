/* Rankings that are kept between two messages of a board: only subjects that a watch, a change of the roster or a first appearance concerns are evaluated
 * anew and moved to where they belong; the rest of the order stands. What is published of it is board.c's work.
 *
 * Kept are boards whose KPI is plain (plan.h) at the position of a tracked view. Everything else, past instants too, is ranked whole by ranking_make. */
#ifndef CRMPULSE_CORE_BOARD_ORDER_H
#define CRMPULSE_CORE_BOARD_ORDER_H

#include "ranking.h"

/* What time alone changes, and no watch knows: when the comparison window reaches the instant since which a subject is known (JOINS), and when a step of the
 * roster comes into force (TURNS). */
enum board_wait { BOARD_JOINS, BOARD_TURNS, BOARD_WAITS };

/* A subject on one board of one view. */
struct stand {
    struct ranked now, before; /* before: in the comparison window. Values with the sign that makes greater better */
    bool in_now, in_before;
    bool stale;                   /* to be evaluated anew */
    int64_t wait_ms[BOARD_WAITS]; /* entry in board_order.wait, INT64_MAX: none */
    uint32_t seen;                /* board_shown.c: board_order.written at which it was on the board last */
    uint64_t shown;               /* board_shown.c: hash of the entry written last, 0: none */
};

/* Ascending by ranked_cmp. */
struct standings {
    struct ranked **v;
    uint32_t n, cap;
    bool numbered; /* ranks are those of this order */
};

struct board_order {
    bool valid;   /* made; else nothing is noted */
    uint32_t cut; /* what of the windows was not kept then */
    struct standings now, before;
    struct subject_set stale;
    struct agenda wait[BOARD_WAITS]; /* subjects, by that instant */
    uint32_t written;                /* board_shown.c: how often the board was */
    struct subject_set shown;
};

bool board_order_kept(const struct reading *r, uint32_t board);

/* The best `limit` (0: all) with ranks and gaps into `ret`, their previous ranks into the subjects; *ret_ranked counts all that have a rank.
 * O(changed log n) comparisons and a move of n pointers; O(n log n) the first time. With dense ties, or a limit above 64, previous ranks cost O(n) when the
 * comparison changed. 0 or -1 (out of memory). */
int board_order_take(const struct reading *r, struct org *org, uint32_t board, const struct ranking_rule *rule,
                     uint32_t limit, struct ranking *ret, int64_t *ret_ranked);

/* A subject is to be evaluated anew: on the boards whose watch is dirty, or on all of its dim. */
void board_order_note_dirty(struct evaluator *e, enum view_id v, struct subject *s);
void board_order_note(struct evaluator *e, enum view_id v, struct subject *s);
/* Everything is to be ranked whole again. */
void board_orders_forget(struct evaluator *e, enum view_id v);

/* Found or made; NULL when out of memory. */
struct stand *stand_of(const struct evaluator *e, enum view_id v, struct subject *s, uint32_t board);

void stand_release(struct subject *s, uint32_t n_boards);
void board_orders_release(struct board_order *order, uint32_t n_boards);

#endif
