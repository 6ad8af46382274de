/* Working days: Monday to Friday. The one place that knows which days these are. */
#include "workdays.h"

#include "civil.h"

int64_t workdays_before(const struct calendar *cal, int64_t t_ms)
{
    struct span day = calendar_period(cal, PERIOD_DAY, t_ms);
    struct civil c = civil_from_unix(&cal->zone, day.start_ms);
    int64_t days =
        date_days(c.year, c.month, c.day) + (day.start_ms < t_ms); /* dates begun before t_ms, since 1970-01-01 */
    int64_t weeks = floor_div(days + 3, 7), rest = floor_mod(days + 3, 7); /* from Monday 1969-12-29 on */
    return weeks * 5 + (rest < 5 ? rest : 5) - 3;
}
