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

/* The board of the ended window with that last instant, told anew at a snapshot tick unless it is what was told of it last. Which rank stood in the message
 * before is not said. Boards by as-of measures are passed over: the judged view does not know their past. 0, -1 or what the sink returned. */
int board_revise(struct evaluator *e, struct org *org, uint32_t board, int64_t at_ms, int64_t tick_ms);

/* Between snapshots: what changed on the boards that want it at this tick. */
int boards_change(struct evaluator *e, int64_t tick_ms);

#endif
