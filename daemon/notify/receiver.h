/* One receiver: what waits for it, what is under way, when it is tried again, and what is given up. It sends nothing itself: `post` does, and receiver_answered
 * says how that ended. One request at a time, so that a receiver hears of changes in their order. Pure but for its log; times are steady ms unless they are
 * called unix. */
#ifndef CRMPULSE_NOTIFY_RECEIVER_H
#define CRMPULSE_NOTIFY_RECEIVER_H

#include "crmpulse/config.h"
#include "crmpulse/notify.h"
#include "daemon/log.h"
#include "daemon/notify/firing.h"
#include "daemon/notify/pace.h"
#include "daemon/notify/queue.h"

enum { RECEIVER_BATCH_MAX = 100, RECEIVER_SLACK_MAX = 500, RECEIVER_WHY_MAX = 256 };

/* How a request ended. */
struct answer {
    long status;            /* of HTTP, 0: there was no answer */
    int64_t retry_after_ms; /* 0: not said */
    const char *why;        /* for the log; says no secret */
};

struct receiver_counts {
    uint64_t requests, retries; /* requests made; of them failed, to be repeated */
    uint64_t told;              /* transitions taken */
    uint64_t given_up;          /* transitions not taken within notify.give_up */
    uint64_t refused;           /* transitions that it answered with a status that is not repeated */
    uint64_t filtered;          /* transitions that are not for it */
    uint64_t resent;            /* alerts that Alertmanager was told again */
};

struct receiver;

struct receiver_env {
    const struct config *config;
    const struct log *log;
    struct marks *marks;
    struct firing *firing;
    void *ctx;
    /* Send this body. 0: receiver_answered follows, never from inside; -1: not now, `why` filled. */
    int (*post)(void *ctx, struct receiver *r, struct slice body, char *why, size_t cap);
    uint64_t (*random)(void *ctx);
    int64_t (*unix_ms)(void *ctx);
};

struct receiver {
    const struct notify_receiver *conf;
    const struct receiver_env *env;
    struct queue queue;
    struct pace_bucket bucket;
    struct arena arena; /* of the body */
    uint32_t under_way; /* items of the queue's head that a request carries; 0 with `busy`: it is a re-send */
    bool busy;
    bool full;    /* what waits has reached notify.queue, and has not been half of it since */
    bool overrun; /* that was so for notify.give_up: the oldest make room at once, until nothing waits any more */
    int64_t full_since_ms;
    uint32_t alone;        /* after a refusal of several: so many go one by one, so that the one at fault is found */
    uint32_t attempt;      /* failures in a row */
    int64_t not_before_ms; /* wait after a failure */
    int64_t resend_at_ms;  /* Alertmanager: when the next round begins */
    uint32_t resend_next;  /* of the firing set; a round is under way if it is not 0 */
    uint32_t resend_n;     /* alerts of the request under way */
    char why[RECEIVER_WHY_MAX]; /* of the last failure */
    struct receiver_counts counts;
};

void receiver_init(struct receiver *r, const struct notify_receiver *conf, const struct receiver_env *env,
                   int64_t now_ms);
void receiver_release(struct receiver *r);

/* A transition that was read. 0, or -1 without memory. What is not for it is passed over. */
int receiver_take(struct receiver *r, struct note *note, const struct firing_change *change, struct mark *mark,
                  int64_t now_ms);
bool receiver_is_full(const struct receiver *r);
/* There is room for half of what may wait. */
bool receiver_has_room(const struct receiver *r);
/* Partitions are taken away: what waits is read again by whoever gets them. */
void receiver_forget(struct receiver *r);

/* Gives up what is too old, begins a request if there is something to send and it may. Call it often. */
void receiver_step(struct receiver *r, int64_t now_ms);
void receiver_answered(struct receiver *r, const struct answer *answer, int64_t now_ms);

#endif
