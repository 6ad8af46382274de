/* What was told of boards: the rank at which each subject stood in the message before, and what makes up the difference to now. */
#ifndef CRMPULSE_CORE_BOARD_TOLD_H
#define CRMPULSE_CORE_BOARD_TOLD_H

#include "eval_core.h"

/* Where a subject stood; one per board. */
struct place {
    int32_t rank;       /* 0: nowhere */
    uint64_t hash;      /* of the whole entry */
    bool unsaved, seen; /* seen: scratch, in the message being made */
};

/* Of all that a reader sees of an entry but where it stood in the message before; never 0. */
uint64_t board_entry_hash(const struct board_entry *x);
/* Fill last_rank and moved of the n entries of the board just made. */
void board_compare(struct evaluator *e, uint32_t board, size_t n);
/* Leave only the entries that differ from those told before, and add those that are gone with rank 0 (compare first). -1: out of memory. */
int board_difference(struct evaluator *e, const struct org *org, uint32_t board, struct board_snapshot *b);
/* All entries of the ranking were told, be it by their difference. */
int board_told(struct evaluator *e, struct org *org, uint32_t board, const struct board_entry *entry, size_t n);

/*   org      key "pos|<board>|<dim>|<subject>"       value "<rank> <hash>"; empty: gone */
int board_told_save(struct evaluator *e, bool only_changed, evaluator_state_sink sink, void *ctx);
int board_told_restore(struct evaluator *e, struct slice org, struct slice rest, const char *value);

#endif
