/* Money over civil days: equal parts, the remainder to the first. It does not bound the number of days: event_validate.c does. */
#include "track_spread.h"

static int64_t day_end(const struct calendar *cal, int64_t t_ms)
{
    return calendar_period(cal, PERIOD_DAY, t_ms).end_ms;
}

void spread_begin(struct spread *s, const struct calendar *cal, struct span span, int64_t amount)
{
    int64_t days = 1;
    for (int64_t t = day_end(cal, span.start_ms); t < span.end_ms; t = day_end(cal, t))
        days++;
    *s = (struct spread){ cal, span.start_ms, span.end_ms > span.start_ms ? span.end_ms : span.start_ms + 1,
                          amount / days, amount % days };
}

bool spread_next(struct spread *s, int64_t *ret_t_ms, int64_t *ret_amount)
{
    if (s->t_ms >= s->end_ms)
        return false;
    int64_t extra = (s->rest > 0) - (s->rest < 0);
    *ret_t_ms = s->t_ms;
    *ret_amount = s->part + extra;
    s->rest -= extra;
    s->t_ms = day_end(s->cal, s->t_ms);
    return true;
}
