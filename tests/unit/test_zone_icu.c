/* Zone tables from ICU: known changes, agreement with ICU itself over two centuries and with the C library's own copy of the time zone
 * database, unknown names. */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE /* setenv, tzset, localtime_r */
#endif

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unicode/ucal.h>
#include <unicode/ustring.h>

#include "crmpulse/zone_icu.h"

#define HOUR INT64_C(3600000)

static struct zone zone_named(const char *name)
{
    struct zone zone;
    cr_assert_eq(zone_icu_load(name, &zone), 0, "%s", name);
    cr_assert_str_eq(zone.name, name);
    cr_assert_eq(zone.at_ms[0], INT64_MIN);
    for (uint32_t i = 1; i < zone.n; i++) {
        cr_assert_lt(zone.at_ms[i - 1], zone.at_ms[i]);
        cr_assert_neq(zone.offset_ms[i - 1], zone.offset_ms[i], "%s: equal neighbours", name);
    }
    return zone;
}

Test(zone_icu, known_changes)
{
    static const struct {
        const char *name;
        int64_t at_ms; /* of a change */
        int64_t before_minutes, after_minutes;
    } rows[] = {
        { "Europe/Berlin", 1743296400000, 60, 120 },
        { "Europe/Berlin", 1761440400000, 120, 60 },
        { "Australia/Lord_Howe", 1743865200000, 660, 630 },
        { "Australia/Lord_Howe", 1759591800000, 630, 660 },
        { "America/St_Johns", 1162089060000, -150, -210 },
        { "Pacific/Apia", 1325239200000, -600, 840 },
        /* 15 September 1991, 02:00 summer time (17:00Z of the 14th): the last change in China. */
        { "Asia/Shanghai", 684867600000, 540, 480 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct zone zone = zone_named(rows[i].name);
        cr_assert_eq(zone_offset_ms(&zone, rows[i].at_ms - 1), rows[i].before_minutes * 60000, "row %zu", i);
        cr_assert_eq(zone_offset_ms(&zone, rows[i].at_ms), rows[i].after_minutes * 60000, "row %zu", i);
        zone_icu_free(&zone);
    }
}

Test(zone_icu, fixed_zones)
{
    static const struct {
        const char *name;
        int64_t minutes;
    } rows[] = { { "UTC", 0 },
                 { "Etc/UTC", 0 },
                 { "Asia/Kolkata", 330 },
                 { "Asia/Kathmandu", 345 },
                 { "Asia/Shanghai", 480 },
                 { "Etc/GMT+8", -480 } };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct zone zone = zone_named(rows[i].name);
        cr_assert_eq(zone_offset_ms(&zone, 1743040800000), rows[i].minutes * 60000, "%s", rows[i].name);
        cr_assert_eq(zone_offset_ms(&zone, 4102444800000), rows[i].minutes * 60000, "%s in 2100", rows[i].name);
        zone_icu_free(&zone);
    }
    struct zone utc = zone_named("UTC");
    cr_assert_eq(utc.n, 1);
    zone_icu_free(&utc);
    cr_assert_eq(utc.n, 0);
    zone_icu_free(&utc);
}

static const char *const zones[] = { "Europe/Berlin",       "America/New_York",  "America/St_Johns",
                                     "Australia/Lord_Howe", "Pacific/Apia",      "Asia/Kolkata",
                                     "Asia/Shanghai",       "Asia/Kathmandu",    "America/Sao_Paulo",
                                     "Europe/Dublin",       "Africa/Casablanca", "Antarctica/Troll",
                                     "Pacific/Chatham",     "Asia/Tehran" };

/* Every 10 h 1 min of 1900..2100: the steps pass through all hours of the day. */
Test(zone_icu, agrees_with_icu, .timeout = 120)
{
    for (size_t i = 0; i < sizeof zones / sizeof zones[0]; i++) {
        struct zone zone = zone_named(zones[i]);
        UChar id[64];
        UErrorCode status = U_ZERO_ERROR;
        u_charsToUChars(zones[i], id, (int32_t)strlen(zones[i]) + 1);
        UCalendar *calendar = ucal_open(id, -1, "en", UCAL_GREGORIAN, &status);
        for (int64_t t = -2208988800000; t < 4133980800000; t += 10 * HOUR + 60000) {
            ucal_setMillis(calendar, (UDate)t, &status);
            int32_t offset =
                ucal_get(calendar, UCAL_ZONE_OFFSET, &status) + ucal_get(calendar, UCAL_DST_OFFSET, &status);
            cr_assert(U_SUCCESS(status));
            cr_assert_eq(zone_offset_ms(&zone, t), offset, "%s at %lld", zones[i], (long long)t);
        }
        ucal_close(calendar);
        zone_icu_free(&zone);
    }
}

/* localtime_r reads the tzdata package: another copy of the rules and other code. 1970 to 2037, zones whose rules are old and settled. */
Test(zone_icu, agrees_with_the_c_library, .timeout = 120)
{
    static const char *const settled[] = { "Europe/Berlin",       "America/New_York", "America/St_Johns",
                                           "Australia/Lord_Howe", "Pacific/Apia",     "Asia/Kolkata",
                                           "Asia/Shanghai",       "Pacific/Chatham" };
    for (size_t i = 0; i < sizeof settled / sizeof settled[0]; i++) {
        struct zone zone = zone_named(settled[i]);
        struct calendar cal = { .zone = zone, .week_start = 1, .cycle = PERIOD_MONTH };
        cr_assert_eq(setenv("TZ", settled[i], 1), 0);
        tzset();
        for (int64_t t = 0; t < INT64_C(2114380800000); t += 7 * HOUR + 60000) {
            time_t seconds = (time_t)(t / 1000);
            struct tm tm;
            cr_assert_not_null(localtime_r(&seconds, &tm));
            struct civil c = civil_from_unix(&cal.zone, t);
            cr_assert(c.year == tm.tm_year + 1900 && c.month == tm.tm_mon + 1 && c.day == tm.tm_mday &&
                          c.weekday % 7 == tm.tm_wday &&
                          c.ms_of_day == ((tm.tm_hour * 60 + tm.tm_min) * 60 + tm.tm_sec) * 1000,
                      "%s at %lld (tzdata installed?)", settled[i], (long long)t);
            struct tm midnight = { .tm_year = tm.tm_year, .tm_mon = tm.tm_mon, .tm_mday = 1, .tm_isdst = -1 };
            cr_assert_eq(calendar_period(&cal, PERIOD_MONTH, t).start_ms, (int64_t)mktime(&midnight) * 1000,
                         "%s at %lld", settled[i], (long long)t);
        }
        zone_icu_free(&zone);
    }
}

Test(zone_icu, days_of_23_and_25_hours) /* T17, with the real zone */
{
    struct calendar cal = { .zone = zone_named("Europe/Berlin"), .week_start = 1, .cycle = PERIOD_MONTH };
    struct span march = calendar_period(&cal, PERIOD_DAY, 1743336000000),
                october = calendar_period(&cal, PERIOD_DAY, 1761480000000);
    cr_assert(march.start_ms == 1743289200000 && march.end_ms == 1743372000000);
    cr_assert(october.start_ms == 1761429600000 && october.end_ms == 1761519600000);
    zone_icu_free(&cal.zone);
}

Test(zone_icu, unknown_names_are_refused)
{
    static const char *const names[] = {
        "",
        "Nowhere/Atlantis",
        "europe/berlin",
        "Europe/Berlin ",
        "GMT+8",
        "UTC+8",
        "+08:00",
        "Etc/Unknown",
        "PST",
        "BST",
        "CST",
        "Europe",
        "Europe/",
        "Asia/\xe4\xb8\x8a\xe6\xb5\xb7",
        "Europe/Berlin\n",
        "Europe/Berlin/Europe/Berlin/Europe/Berlin/Europe/Berlin/Europe/Berlin/Europe/Berlin"
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct zone zone;
        cr_assert_eq(zone_icu_load(names[i], &zone), -EINVAL, "'%s'", names[i]);
        cr_assert(zone.n == 0 && zone.at_ms == NULL);
        zone_icu_free(&zone);
    }
    cr_assert_gt(strlen(zone_icu_version()), 4, "2022e or the like");
}
