/* Leaderboards. */
#ifndef CRMPULSE_CORE_BOARD_H
#define CRMPULSE_CORE_BOARD_H

#include "ranking.h"

/* A board of an org at a reading (of its window); entries live in the evaluator's scratch until the next board. `id` has 33 bytes, `hash` 17. */
int board_make(struct evaluator *e, const struct reading *r, const struct org *org, int board, char *id, char *hash,
               struct board_snapshot *ret);

/* Boards whose ranking may have changed and did, in order of orgs and boards. */
int boards_publish(struct evaluator *e, enum view_id v);

#endif
