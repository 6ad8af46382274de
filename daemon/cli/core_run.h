/* Events through decode, engine and evaluator in one process, on records in memory: what replay, explain and test run. No Kafka, no Redis, no clock. */
#ifndef CRMPULSE_CORE_RUN_H
#define CRMPULSE_CORE_RUN_H

#include "crmpulse/engine.h"
#include "crmpulse/eval.h"
#include "crmpulse/event_decode.h"

/* A choice of the currency that an org without a configured one counts in. */
struct core_adoption {
    struct engine_adoption what;
    struct core_adoption *before;
};

struct core_run {
    const struct definitions *defs;
    struct event_codec codec;
    struct engine *engine;
    struct evaluator *evaluator;
    struct arena decode;
    int64_t now_ms;    /* processing time: what is more than max_ahead later is refused */
    int64_t newest_ms; /* newest event time taken, INT64_MIN before the first */
    uint64_t read, applied, duplicates, late, rejected;
    struct arena told;             /* what `adopted` borrows */
    struct core_adoption *adopted; /* newest first */
    struct core_waiting *waiting;  /* corrections that wait for their target, or did when they came */
    uint32_t n_waiting, waiting_cap;
    uint64_t orphans; /* given up; they are among the applied */
};

/* A correction that waits. */
struct core_waiting {
    char *key;
    uint32_t key_n;
    int64_t due_ms;
};

/* What became of one event. */
struct core_verdict {
    enum apply_result result; /* meaningful if `why` is REJECT_NONE */
    enum event_reject why;    /* REJECT_NONE: not for the dead letter */
    enum event_field field;   /* at fault, or EVENT_FIELD_COUNT */
};

/* `defs` must outlive the run. 0 or -1 (out of memory); release in both cases. */
int core_run_init(struct core_run *r, const struct definitions *defs, int64_t now_ms);
void core_run_release(struct core_run *r);

/* Take one event (JSON or protobuf). 0, or -1 when memory ran out; a refused event is no error but a verdict. */
int core_run_take(struct core_run *r, struct slice bytes, struct core_verdict *ret);

/* Corrections that have been waiting for a day or longer at the newest event. */
uint32_t core_run_waiting(struct core_run *r);

/* Judge up to the watermark that the newest event allows; `at_end`: up to the tick after the newest event, as when a topic is idle. 0 or -1. */
int core_run_advance(struct core_run *r, bool at_end, const struct evaluator_sink *sink);
/* Judge every tick up to `until_ms`, as when time passes and nothing comes. 0 or -1. */
int core_run_idle(struct core_run *r, int64_t until_ms, const struct evaluator_sink *sink);

#endif
