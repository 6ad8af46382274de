/* What distinct_log.c (the history of a member) and distinct.c (what it contributes) share. */
#ifndef CRMPULSE_DISTINCT_INT_H
#define CRMPULSE_DISTINCT_INT_H

#include "distinct.h"

/* Room for one more than `n` elements in the array that v points to. False: out of memory, noted in the scratch. */
bool distinct_room(struct distinct_scratch *s, void *v, uint32_t n, uint32_t *cap, size_t size);

/* Between the log and s->act. 0; negative: malformed or out of memory. */
int distinct_unpack(struct distinct_scratch *s, const struct bytes *log);
int distinct_pack(const struct distinct_scratch *s, struct bytes *log);

/* Enters a change into s->act; one that comes to nothing leaves it. */
void distinct_add(struct distinct_scratch *s, const struct activity *a);
/* Afterwards, of the pane it is in: `n` as changed, `k` facts are enough. */
void distinct_fold(struct distinct_scratch *s, int64_t pane_ms, int32_t n, int32_t k);
/* Panes behind the retention; that the member was there before is kept as its beginning. */
void distinct_forget(struct distinct_scratch *s, bool lifecycle);

#endif
