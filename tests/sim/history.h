/* What happened in the CRM of the simulated world: small histories with late, repeated and out-of-order events and every kind of correction. */
#ifndef CRMPULSE_SIM_HISTORY_H
#define CRMPULSE_SIM_HISTORY_H

#include "crmpulse/arena.h"
#include "crmpulse/event_decode.h"
#include "sim.h"

struct happening {
    int64_t occurred_at_ms, arrives_ms; /* event time; the order of arrival */
    struct slice json;
    uint32_t partition, shard;
    bool gone; /* nobody can read it any more, and nobody has */
};

struct history {
    struct happening *v; /* in order of arrival, repeated ones included */
    uint32_t n;
    uint32_t n_first, n_then; /* of them before the topic is damaged, and before it is mended */
    struct arena text;
    struct event_codec codec;
};

/* So many come first, and make everybody known. */
enum { HISTORY_FIRST = 12 };

/* How far an event may arrive behind newer ones; time.out_of_orderness is more. */
#define HISTORY_DISORDER_MS INT64_C(21600000)

struct history *history_new(struct sim *w);
void history_free(struct history *h);

#endif
