/* The alerts that fire, and those that ended a short while ago: what Alertmanager is told again and again. Filled by transitions of the topic, in their order,
 * and by what Redis holds; the newer one of both counts (event time of the change). Pure; steady times are ms of any clock, event times unix ms. */
#ifndef CRMPULSE_NOTIFY_FIRING_H
#define CRMPULSE_NOTIFY_FIRING_H

#include "daemon/notify/note.h"

enum { FIRING_MAX = 100000, FIRING_KEEP_RESOLVED_MS = 15 * 60000 };

struct firing_alert {
    struct note *note; /* the newest transition */
    bool resolved;
    int64_t starts_ms;  /* event time: when it began to fire at this level */
    int64_t changed_ms; /* event time of the newest transition */
    int64_t seen_at_ms; /* steady: when that came */
    uint64_t reading;   /* the last reading of Redis that had it as firing */
};

struct firing {
    uint32_t n, cap;
    struct firing_alert *v;
    uint32_t *slot; /* index + 1 by hash, 0: free; twice as many as cap */
    uint64_t reading;
    int64_t reading_at_ms; /* steady: when it began */
    uint64_t refused;      /* for want of room: they are told once, not again */
};

void firing_release(struct firing *f);

/* What a transition means to those who are told. */
struct firing_change {
    bool stale;              /* something newer is known: tell it, but change nothing */
    int64_t starts_ms;       /* of what the transition tells; of an end: when it had begun, INT64_MIN: not known */
    struct note *superseded; /* the alert at its former level, which is over; the caller drops it. NULL: none */
    int64_t superseded_starts_ms;
    bool was_firing; /* before */
};
/* A transition of the topic. Milestones are not kept. */
void firing_apply(struct firing *f, struct note *note, int64_t now_ms, struct firing_change *ret);

/* Reading of Redis: begin, then every alert that fires there, then end, which drops what fires here and not there and has not changed since the reading began. An
 * incomplete reading is not ended. */
void firing_read_begin(struct firing *f, int64_t now_ms);
void firing_read(struct firing *f, struct note *note, int64_t now_ms);
/* How many were dropped. */
uint32_t firing_read_end(struct firing *f);

/* Drops those that ended long enough ago. */
void firing_expire(struct firing *f, int64_t now_ms);

#endif
