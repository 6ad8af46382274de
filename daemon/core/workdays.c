/* Working days, as the org's calendar has them, counted from a fixed instant on: any would do, differences are what is used. */
#include "workdays.h"

static const int64_t origin_ms = 946684800000; /* 2000-01-01T00:00Z */

int64_t workdays_before(const struct calendar *cal, int64_t t_ms)
{
    return t_ms < origin_ms ? -calendar_business_days(cal, t_ms, origin_ms)
                            : calendar_business_days(cal, origin_ms, t_ms);
}
