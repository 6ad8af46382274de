/* When to send: the wait before a repeat, and how often at most. Pure; times are ms of any steady clock. */
#ifndef CRMPULSE_NOTIFY_PACE_H
#define CRMPULSE_NOTIFY_PACE_H

#include <stdbool.h>
#include <stdint.h>

/* The wait before repeat number `attempt` (0 the first): anything from 0 to min * 2^attempt, at most `max` ("full jitter": Brooker, Exponential Backoff and
 * Jitter, 2015), but never less than 1 ms. `random` is any 64 bits. */
int64_t pace_backoff_ms(uint32_t attempt, int64_t min_ms, int64_t max_ms, uint64_t random);

/* A token bucket: `rate` tokens a second, at most as many kept as come in a second, but one at least. rate 0: no limit. */
struct pace_bucket {
    double rate, tokens;
    int64_t at_ms; /* when `tokens` was true */
};
void pace_bucket_init(struct pace_bucket *b, double rate, int64_t now_ms);
/* Takes one; false: there is none now. */
bool pace_bucket_take(struct pace_bucket *b, int64_t now_ms);

#endif
