/* Backoff and rate limit. */
#include "daemon/notify/pace.h"

int64_t pace_backoff_ms(uint32_t attempt, int64_t min_ms, int64_t max_ms, uint64_t random)
{
    int64_t bound = min_ms;
    for (uint32_t i = 0; i < attempt && bound < max_ms; i++)
        bound = bound > max_ms / 2 ? max_ms : bound * 2;
    bound = bound > max_ms ? max_ms : bound;
    const int64_t wait = bound > 0 ? (int64_t)(random % ((uint64_t)bound + 1)) : 0;
    return wait > 0 ? wait : 1;
}

static double kept(const struct pace_bucket *b)
{
    return b->rate > 1 ? b->rate : 1;
}

void pace_bucket_init(struct pace_bucket *b, double rate, int64_t now_ms)
{
    *b = (struct pace_bucket){ .rate = rate, .at_ms = now_ms };
    b->tokens = kept(b);
}

bool pace_bucket_take(struct pace_bucket *b, int64_t now_ms)
{
    if (b->rate <= 0)
        return true;
    if (now_ms > b->at_ms)
        b->tokens += (double)(now_ms - b->at_ms) * b->rate / 1000;
    b->at_ms = now_ms;
    if (b->tokens > kept(b))
        b->tokens = kept(b);
    if (b->tokens < 1)
        return false;
    b->tokens -= 1;
    return true;
}
