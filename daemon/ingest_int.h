/* What ingest.c (messages) and claim.c (positions) share. */
#ifndef CRMPULSE_INGEST_INT_H
#define CRMPULSE_INGEST_INT_H

#include "daemon/daemon.h"

/* The context of a call of a store: answers that come after the work was dropped are recognised. */
struct ingest_call {
    struct shard *s;
    uint64_t generation;
};
struct ingest_call *ingest_call_new(struct shard *s);
/* Frees it. NULL: the answer belongs to work that was dropped. */
struct shard *ingest_call_end(void *ctx);

/* An assigned partition and its number, or NULL. */
struct part *ingest_part(struct ingest *in, struct slice topic, int32_t partition, uint32_t *ret_index);

/* All assigned partitions by name, in their order; owned by the caller (free). Room for one where there are none. */
struct store_part *ingest_part_names(const struct ingest *in);

/* While verifying: once every record awaited was seen, the next ones are looked at, or reading starts. */
void ingest_verified(struct daemon *d);

#endif
