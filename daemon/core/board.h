/* Leaderboards. */
#ifndef CRMPULSE_CORE_BOARD_H
#define CRMPULSE_CORE_BOARD_H

#include "ranking.h"

struct board_text {
    char id[33], hash[17];
    uint64_t content; /* hash of what a reader sees */
};

/* A board of an org at a reading (of its window), its top or what is around a subject (NULL: the top); entries live in the evaluator's scratch until
 * the next board. */
int board_make(struct evaluator *e, const struct reading *r, const struct org *org, int board,
               const struct board_around *around, struct board_text *text, struct board_snapshot *ret);

/* Boards whose ranking may have changed and did, in order of orgs and boards. */
int boards_publish(struct evaluator *e, enum view_id v);

/* Between snapshots: what changed on the boards that want it at this tick. */
int boards_change(struct evaluator *e, int64_t tick_ms);

#endif
