/* Proleptic Gregorian dates as day numbers. Knows nothing of zones. */
#include "civil.h"

enum { DAYS_TO_1970 = 719162 }; /* from 0001-01-01 to 1970-01-01 */

/* Days before month m (0-based) of a common year; [12] closes the table. */
static const int16_t month_starts[13] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365 };

static bool leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days from 0001-01-01 to 1 January of a year. */
static int64_t year_start(int64_t year)
{
    int64_t past = year - 1;
    return past * 365 + floor_div(past, 4) - floor_div(past, 100) + floor_div(past, 400);
}

static int64_t month_start(int64_t year, int64_t month0)
{
    return month_starts[month0] + (month0 > 1 && leap(year));
}

int64_t date_days(int64_t year, int64_t month, int64_t day)
{
    int64_t y = year + floor_div(month - 1, 12);
    return year_start(y) + month_start(y, floor_mod(month - 1, 12)) + day - 1 - DAYS_TO_1970;
}

struct date date_from_days(int64_t days)
{
    int64_t n = days + DAYS_TO_1970;
    int64_t year = floor_div(n * 400, 146097) + 1; /* 146097 days in 400 years: right, or off by one near New Year */
    if (n < year_start(year))
        year--;
    else if (n >= year_start(year + 1))
        year++;
    int64_t rest = n - year_start(year);
    int64_t month0 = rest / 32; /* right, or one too small */
    if (month0 < 11 && rest >= month_start(year, month0 + 1))
        month0++;
    return (struct date){ (int32_t)year, (int32_t)month0 + 1, (int32_t)(rest - month_start(year, month0)) + 1 };
}

bool date_exists(int32_t year, int32_t month, int32_t day)
{
    if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1)
        return false;
    return date_from_days(date_days(year, month, day)).day == day;
}
