/* What stands on live boards: the difference to what was written before. */
#ifndef CRMPULSE_CORE_BOARD_SHOWN_H
#define CRMPULSE_CORE_BOARD_SHOWN_H

#include "eval_core.h"

/* Fill same and gone of the board just made (its subjects are the first of the scratch ranking), which counts as written from now on: an evaluator
 * whose writing failed is dropped. O(entries). 0 or -1 (out of memory). */
int board_shown(struct evaluator *e, enum view_id v, struct org *org, uint32_t board, struct board_snapshot *b);

#endif
