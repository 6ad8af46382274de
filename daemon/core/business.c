/* Working time: weekly hours and holidays in an org's zone. Whole days are counted by weeks; only days on which the zone changes its offset, and those at
 * the two ends, are looked at one by one. */
#include "civil.h"

enum { NEXT_DAYS_MAX = 400 };

#define NINE_TO_SIX                                                                                                    \
    {                                                                                                                  \
        1,                                                                                                             \
        {                                                                                                              \
            {                                                                                                          \
                9 * 3600000, 18 * 3600000                                                                              \
            }                                                                                                          \
        }                                                                                                              \
    }
static const struct business office_hours = {
    .day = { NINE_TO_SIX, NINE_TO_SIX, NINE_TO_SIX, NINE_TO_SIX, NINE_TO_SIX },
};

struct work {
    int64_t ms, days;
};

static const struct business *business_of(const struct calendar *cal)
{
    return cal->business ? cal->business : &office_hours;
}

/* Number of holidays before a day. */
static uint32_t holidays_before(const struct business *b, int64_t day)
{
    uint32_t low = 0, high = b->n_holidays;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (b->holiday[mid] < day)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static const struct day_hours *hours_of(const struct business *b, int64_t day)
{
    static const struct day_hours closed = { 0 };
    uint32_t i = holidays_before(b, day);
    return i < b->n_holidays && b->holiday[i] == day ? &closed : &b->day[days_weekday(day) - 1];
}

/* ---- by the clock on the wall: a day without change of the offset ---- */

static struct work nominal(const struct day_hours *h)
{
    struct work w = { 0, h->n > 0 };
    for (uint32_t i = 0; i < h->n; i++)
        w.ms += h->v[i].to_ms - h->v[i].from_ms;
    return w;
}

static void add(struct work *to, struct work w, int64_t times)
{
    to->ms += w.ms * times;
    to->days += w.days * times;
}

/* Days [first, next), as if every day had 24 hours. */
static struct work nominal_days(const struct business *b, int64_t first, int64_t next)
{
    struct work sum = { 0 };
    int64_t weeks = (next - first) / 7, rest = (next - first) % 7;
    for (int64_t i = 0; i < 7; i++)
        add(&sum, nominal(&b->day[days_weekday(first + i) - 1]), weeks + (i < rest));
    uint32_t end = holidays_before(b, next);
    for (uint32_t i = holidays_before(b, first); i < end; i++)
        add(&sum, nominal(&b->day[days_weekday(b->holiday[i]) - 1]), -1);
    return sum;
}

/* ---- in real time ---- */

static struct work real_day(const struct calendar *cal, int64_t day, int64_t from_ms, int64_t to_ms)
{
    const struct day_hours *h = hours_of(business_of(cal), day);
    int64_t first_ms = day_start_ms(&cal->zone, day);
    struct work w = { 0, h->n > 0 && first_ms < day_start_ms(&cal->zone, day + 1) && first_ms >= from_ms &&
                             first_ms < to_ms };
    for (uint32_t i = 0; i < h->n; i++) {
        int64_t opens_ms = zone_first_instant(&cal->zone, day * DAY_MS + h->v[i].from_ms),
                closes_ms = zone_first_instant(&cal->zone, day * DAY_MS + h->v[i].to_ms);
        opens_ms = opens_ms < from_ms ? from_ms : opens_ms;
        closes_ms = closes_ms > to_ms ? to_ms : closes_ms;
        w.ms += closes_ms > opens_ms ? closes_ms - opens_ms : 0;
    }
    return w;
}

static int64_t local_day(const struct calendar *cal, int64_t unix_ms)
{
    return floor_div(unix_ms + zone_offset_ms(&cal->zone, unix_ms), DAY_MS);
}

/* What days [first, next) differ from nominal ones, because the zone changed its offset on some of them. */
static struct work irregular_days(const struct calendar *cal, int64_t first, int64_t next)
{
    struct work sum = { 0 };
    int64_t until_ms = day_start_ms(&cal->zone, next), done = first; /* days before `done` are settled */
    struct zone_segment s = zone_segment_at(&cal->zone, day_start_ms(&cal->zone, first));
    while (s.to_ms < until_ms) {
        int64_t from = local_day(cal, s.to_ms - 1), to = local_day(cal, s.to_ms);
        if (from > to) { /* set back across midnight */
            int64_t day = from;
            from = to;
            to = day;
        }
        for (int64_t day = from < done ? done : from; day <= to && day < next; day++) {
            add(&sum, real_day(cal, day, INT64_MIN, INT64_MAX), 1);
            add(&sum, nominal(hours_of(business_of(cal), day)), -1);
            done = day + 1;
        }
        s = zone_segment_at(&cal->zone, s.to_ms);
    }
    return sum;
}

static struct work work_between(const struct calendar *cal, int64_t from_ms, int64_t to_ms)
{
    struct work sum = { 0 };
    from_ms = time_clamp(from_ms);
    to_ms = time_clamp(to_ms);
    if (to_ms <= from_ms)
        return sum;
    /* One day of room at both ends: where a clock is set back across midnight, an instant shows the date before its day's. */
    int64_t first = local_day(cal, from_ms) - 1, last = local_day(cal, to_ms) + 1;
    int64_t inner = first + 3, inner_end = last - 2;
    if (inner > inner_end)
        inner = inner_end = last + 1;
    for (int64_t day = first; day <= last; day++) {
        if (day == inner)
            day = inner_end;
        if (day <= last)
            add(&sum, real_day(cal, day, from_ms, to_ms), 1);
    }
    if (inner < inner_end) {
        add(&sum, nominal_days(business_of(cal), inner, inner_end), 1);
        add(&sum, irregular_days(cal, inner, inner_end), 1);
    }
    return sum;
}

int64_t calendar_business_ms(const struct calendar *cal, int64_t from_ms, int64_t to_ms)
{
    return work_between(cal, from_ms, to_ms).ms;
}

int64_t calendar_business_days(const struct calendar *cal, int64_t from_ms, int64_t to_ms)
{
    return work_between(cal, from_ms, to_ms).days;
}

int64_t calendar_business_next(const struct calendar *cal, int64_t t_ms)
{
    int64_t first = local_day(cal, time_clamp(t_ms)) - 1;
    for (int64_t day = first; day < first + NEXT_DAYS_MAX; day++) {
        const struct day_hours *h = hours_of(business_of(cal), day);
        for (uint32_t i = 0; i < h->n; i++) {
            int64_t opens_ms = zone_first_instant(&cal->zone, day * DAY_MS + h->v[i].from_ms),
                    closes_ms = zone_first_instant(&cal->zone, day * DAY_MS + h->v[i].to_ms);
            if (t_ms < closes_ms && opens_ms < closes_ms)
                return t_ms > opens_ms ? t_ms : opens_ms;
        }
    }
    return t_ms;
}

static double real_share(struct span span, int64_t at_ms)
{
    return (double)(at_ms - span.start_ms) / (double)(span.end_ms - span.start_ms);
}

double calendar_business_share(const struct calendar *cal, struct span span, int64_t at_ms)
{
    if (at_ms <= span.start_ms || span.end_ms <= span.start_ms)
        return 0;
    if (at_ms >= span.end_ms)
        return 1;
    int64_t all = calendar_business_days(cal, span.start_ms, span.end_ms);
    struct span today = calendar_period(cal, PERIOD_DAY, at_ms);
    if (!all)
        return real_share(span, at_ms);
    double days = (double)calendar_business_days(cal, span.start_ms, today.start_ms);
    int64_t whole_ms = calendar_business_ms(cal, today.start_ms, today.end_ms);
    if (whole_ms)
        days += (double)calendar_business_ms(cal, today.start_ms, at_ms) / (double)whole_ms;
    return days / (double)all;
}
