/* Dates, periods, labels, panes and instants as text. Expected values are worked out by hand; the sweep counts days one by one. */
#include <criterion/criterion.h>

#include "crmpulse/calendar.h"
#include "test_zones.h"

static struct calendar calendar_in(struct zone zone)
{
    return (struct calendar){ .zone = zone, .week_start = 1, .cycle = PERIOD_MONTH };
}

static int64_t ms(const char *text)
{
    int64_t t;
    cr_assert_eq(time_parse(NULL, slice_of(text), &t), 0, "%s", text);
    return t;
}

static void check_span(struct span got, int64_t start_ms, int64_t end_ms, const char *what)
{
    cr_assert(got.start_ms == start_ms && got.end_ms == end_ms, "%s: [%lld, %lld), expected [%lld, %lld)", what,
              (long long)got.start_ms, (long long)got.end_ms, (long long)start_ms, (long long)end_ms);
}

static void check_label(const struct calendar *cal, enum period period, const char *at, const char *expected)
{
    char buf[32];
    size_t n = calendar_label(cal, period, ms(at), buf, sizeof buf);
    cr_assert(n == strlen(expected) && strcmp(buf, expected) == 0, "%s: '%s', expected '%s'", at, buf, expected);
}

Test(calendar, known_days)
{
    static const struct {
        int32_t year, month, day, weekday;
        int64_t days;
    } rows[] = {
        { 1970, 1, 1, 4, 0 },       { 1969, 12, 31, 3, -1 },      { 2000, 2, 29, 2, 11016 }, { 2000, 3, 1, 3, 11017 },
        { 1900, 2, 28, 3, -25509 }, { 1900, 3, 1, 4, -25508 },    { 2024, 2, 29, 4, 19782 }, { 2025, 3, 3, 1, 20150 },
        { 1, 1, 1, 1, -719162 },    { 9999, 12, 31, 5, 2932896 }, { 2038, 1, 19, 2, 24855 },
    };
    struct zone utc = zone_utc();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t start = rows[i].days * TEST_DAY;
        cr_assert_eq(civil_day_start(&utc, rows[i].year, rows[i].month, rows[i].day), start, "row %zu", i);
        for (int edge = 0; edge < 2; edge++) {
            struct civil c = civil_from_unix(&utc, edge ? start + TEST_DAY - 1 : start);
            cr_assert(c.year == rows[i].year && c.month == rows[i].month && c.day == rows[i].day &&
                          c.weekday == rows[i].weekday,
                      "row %zu", i);
            cr_assert_eq(c.ms_of_day, edge ? 86399999 : 0);
        }
    }
}

Test(calendar, every_day_of_ten_thousand_years)
{
    static const int lengths[13] = { 0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    struct zone utc = zone_utc();
    int year = 1, month = 1, day = 1, weekday = 1;
    for (int64_t days = -719162; year <= 9999; days++) {
        struct civil c = civil_from_unix(&utc, days * TEST_DAY + 1);
        cr_assert(c.year == year && c.month == month && c.day == day && c.weekday == weekday && c.ms_of_day == 1,
                  "%d-%d-%d", year, month, day);
        if (days % 5 == 0)
            cr_assert_eq(civil_day_start(&utc, year, month, day), days * TEST_DAY);
        bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        weekday = weekday % 7 + 1;
        if (++day > lengths[month] + (leap && month == 2)) {
            day = 1;
            if (++month > 12) {
                month = 1;
                year++;
            }
        }
    }
}

Test(calendar, months_and_days_carry_over)
{
    struct zone utc = zone_utc();
    cr_assert_eq(civil_day_start(&utc, 2024, 13, 1), ms("2025-01-01"));
    cr_assert_eq(civil_day_start(&utc, 2024, 3, 0), ms("2024-02-29"));
    cr_assert_eq(civil_day_start(&utc, 2025, 3, 0), ms("2025-02-28"));
    cr_assert_eq(civil_day_start(&utc, 2025, 0, 31), ms("2024-12-31"));
    cr_assert_eq(civil_day_start(&utc, 2025, -11, 1), ms("2024-01-01"));
    cr_assert_eq(civil_day_start(&utc, 2025, 1, 366), ms("2026-01-01"));
}

Test(calendar, offsets_change_at_the_instant)
{
    cr_assert_eq(zone_offset_ms(&berlin, 1743296399999), 3600000);
    cr_assert_eq(zone_offset_ms(&berlin, 1743296400000), 7200000);
    cr_assert_eq(zone_offset_ms(&berlin, 1761440399999), 7200000);
    cr_assert_eq(zone_offset_ms(&berlin, 1761440400000), 3600000);
    cr_assert_eq(zone_offset_ms(&berlin, INT64_MIN), 3600000);
    cr_assert_eq(zone_offset_ms(&berlin, INT64_MAX), 3600000);
    struct zone none = { 0 };
    cr_assert_eq(zone_offset_ms(&none, 0), 0);
}

/* Entries of very different lengths, so that the guess by half years is wrong nearly everywhere. */
Test(calendar, lookup_in_irregular_table)
{
    int64_t at[60] = { INT64_MIN };
    int32_t offset[60] = { 0 };
    for (int i = 1; i < 60; i++) {
        at[i] = (int64_t)i * i * i * TEST_DAY;
        offset[i] = i;
    }
    struct zone zone = { .name = "Test/Cubes", .n = 60, .at_ms = at, .offset_ms = offset };
    for (int i = 1; i < 60; i++) {
        cr_assert_eq(zone_offset_ms(&zone, at[i]), i);
        cr_assert_eq(zone_offset_ms(&zone, at[i] - 1), i - 1);
    }
    cr_assert_eq(zone_offset_ms(&zone, INT64_MIN), 0);
}

Test(calendar, week_has_seven_dates) /* T1 */
{
    struct calendar cal = calendar_in(shanghai);
    int64_t monday_3 = ms("2025-03-03T00:00+08:00"), monday_10 = ms("2025-03-10T00:00+08:00");
    check_span(calendar_period(&cal, PERIOD_WEEK, monday_3), monday_3, monday_10, "first instant");
    check_span(calendar_period(&cal, PERIOD_WEEK, monday_10 - 1), monday_3, monday_10, "last instant");
    check_span(calendar_period(&cal, PERIOD_WEEK, monday_10), monday_10, monday_10 + 7 * TEST_DAY,
               "next Monday 00:00:00.000");
    cal.week_start = 7;
    check_span(calendar_period(&cal, PERIOD_WEEK, monday_3), monday_3 - TEST_DAY, monday_3 + 6 * TEST_DAY,
               "from Sunday");
    cal.week_start = 6;
    check_span(calendar_period(&cal, PERIOD_WEEK, monday_3), monday_3 - 2 * TEST_DAY, monday_3 + 5 * TEST_DAY,
               "from Saturday");
}

Test(calendar, periods_of_months)
{
    static const struct {
        enum period period;
        const char *at, *start, *end, *previous;
    } rows[] = {
        { PERIOD_DAY, "2024-02-29T23:59:59.999Z", "2024-02-29", "2024-03-01", "2024-02-28" },
        { PERIOD_MONTH, "2024-02-29T00:00Z", "2024-02-01", "2024-03-01", "2024-01-01" },
        { PERIOD_MONTH, "2025-01-31T12:00Z", "2025-01-01", "2025-02-01", "2024-12-01" },
        { PERIOD_QUARTER, "2025-03-31T23:59:59.999Z", "2025-01-01", "2025-04-01", "2024-10-01" },
        { PERIOD_QUARTER, "2025-12-31T00:00Z", "2025-10-01", "2026-01-01", "2025-07-01" },
        { PERIOD_HALF, "2025-06-30T23:59:59.999Z", "2025-01-01", "2025-07-01", "2024-07-01" },
        { PERIOD_HALF, "2025-07-01T00:00Z", "2025-07-01", "2026-01-01", "2025-01-01" },
        { PERIOD_YEAR, "1900-12-31T23:00Z", "1900-01-01", "1901-01-01", "1899-01-01" },
        { PERIOD_YEAR, "1969-06-01T00:00Z", "1969-01-01", "1970-01-01", "1968-01-01" },
        { PERIOD_MONTH, "1969-12-31T23:59:59.999Z", "1969-12-01", "1970-01-01", "1969-11-01" },
    };
    struct calendar cal = calendar_in(zone_utc());
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        check_span(calendar_period(&cal, rows[i].period, ms(rows[i].at)), ms(rows[i].start), ms(rows[i].end),
                   rows[i].at);
        check_span(calendar_previous(&cal, rows[i].period, ms(rows[i].at)), ms(rows[i].previous), ms(rows[i].start),
                   rows[i].at);
    }
}

Test(calendar, fiscal_shift_moves_quarter_half_and_year_only) /* T18 */
{
    struct calendar cal = calendar_in(zone_utc());
    cal.fiscal_shift_months = 3;
    check_label(&cal, PERIOD_QUARTER, "2025-03-31T23:59:59.999Z", "FY2024-Q4");
    check_label(&cal, PERIOD_QUARTER, "2025-04-01T00:00Z", "FY2025-Q1");
    check_label(&cal, PERIOD_HALF, "2025-03-31T00:00Z", "FY2024-H2");
    check_label(&cal, PERIOD_YEAR, "2025-03-31T00:00Z", "FY2024");
    check_label(&cal, PERIOD_MONTH, "2025-03-31T00:00Z", "2025-03");
    check_label(&cal, PERIOD_WEEK, "2024-12-30T00:00Z", "2025-W01");
    check_label(&cal, PERIOD_DAY, "2025-03-31T00:00Z", "2025-03-31");
    check_span(calendar_period(&cal, PERIOD_YEAR, ms("2025-03-31")), ms("2024-04-01"), ms("2025-04-01"), "FY2024");
    check_span(calendar_period(&cal, PERIOD_HALF, ms("2025-10-01")), ms("2025-10-01"), ms("2026-04-01"), "FY2025-H2");
    check_span(calendar_period(&cal, PERIOD_MONTH, ms("2025-03-31")), ms("2025-03-01"), ms("2025-04-01"), "month");
    cal.fiscal_shift_months = -3;
    check_label(&cal, PERIOD_QUARTER, "2024-10-01T00:00Z", "FY2025-Q1");
    check_label(&cal, PERIOD_YEAR, "2024-09-30T00:00Z", "FY2024");
}

Test(calendar, labels)
{
    struct calendar cal = calendar_in(shanghai);
    check_label(&cal, PERIOD_DAY, "2025-03-03T16:00Z", "2025-03-04");
    check_label(&cal, PERIOD_DAY, "2025-03-03T15:59:59.999Z", "2025-03-03");
    check_label(&cal, PERIOD_QUARTER, "2025-03-31T16:00Z", "2025-Q2");
    check_label(&cal, PERIOD_HALF, "2025-06-30T15:59Z", "2025-H1");
    check_label(&cal, PERIOD_YEAR, "2024-12-31T16:00Z", "2025");
    /* ISO weeks: 2020 and 2026 have 53; 1 January 2021 is a Friday of 2020's last week. */
    check_label(&cal, PERIOD_WEEK, "2024-12-30T12:00+08:00", "2025-W01");
    check_label(&cal, PERIOD_WEEK, "2024-12-29T12:00+08:00", "2024-W52");
    check_label(&cal, PERIOD_WEEK, "2021-01-01T12:00+08:00", "2020-W53");
    check_label(&cal, PERIOD_WEEK, "2021-01-04T12:00+08:00", "2021-W01");
    check_label(&cal, PERIOD_WEEK, "2027-01-01T12:00+08:00", "2026-W53");
    check_label(&cal, PERIOD_DAY, "9999-12-31T12:00+08:00", "9999-12-31");
    char small[10];
    cr_assert_eq(calendar_label(&cal, PERIOD_DAY, 0, small, sizeof small), 0, "ten characters and the NUL do not fit");
}

Test(calendar, labels_read_back)
{
    static const struct {
        const char *text;
        enum period period;
        const char *start, *end;
    } rows[] = {
        { "2025-03-04", PERIOD_DAY, "2025-03-04", "2025-03-05" },
        { "2024-02-29", PERIOD_DAY, "2024-02-29", "2024-03-01" },
        { "2025-W01", PERIOD_WEEK, "2024-12-30", "2025-01-06" },
        { "2020-W53", PERIOD_WEEK, "2020-12-28", "2021-01-04" },
        { "2025-03", PERIOD_MONTH, "2025-03-01", "2025-04-01" },
        { "2025-Q4", PERIOD_QUARTER, "2025-10-01", "2026-01-01" },
        { "2025-H2", PERIOD_HALF, "2025-07-01", "2026-01-01" },
        { "2025", PERIOD_YEAR, "2025-01-01", "2026-01-01" },
        { "FY2025", PERIOD_YEAR, "2025-01-01", "2026-01-01" },
    };
    struct calendar cal = calendar_in(zone_utc());
    enum period period;
    struct span span;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cr_assert_eq(calendar_parse_label(&cal, slice_of(rows[i].text), &period, &span), 0, "%s", rows[i].text);
        cr_assert_eq(period, rows[i].period, "%s", rows[i].text);
        check_span(span, ms(rows[i].start), ms(rows[i].end), rows[i].text);
    }
    cal.fiscal_shift_months = 3;
    cr_assert_eq(calendar_parse_label(&cal, SLICE("FY2024-Q4"), &period, &span), 0);
    check_span(span, ms("2025-01-01"), ms("2025-04-01"), "FY2024-Q4");
    cr_assert_eq(calendar_parse_label(&cal, SLICE("2024-H2"), &period, &span), 0);
    check_span(span, ms("2024-10-01"), ms("2025-04-01"), "2024-H2 of a shifted year");
}

Test(calendar, wrong_labels_are_refused)
{
    static const char *const texts[] = {
        "",         "2025-02-30", "2023-02-29", "2025-13", "2025-00",     "2025-Q5", "2025-Q0",  "2025-H3",
        "2025-W00", "2024-W53",   "2025-W54",   "25",      "2025-",       "2025-3",  "2025-Q1x", "FY2025-03",
        "FY",       "0000",       "2025-03-",   "2025-W1", "2025-03-04T", "x2025",   "20250",    "FY2025-W01"
    };
    struct calendar cal = calendar_in(zone_utc());
    enum period period;
    struct span span;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        cr_assert_eq(calendar_parse_label(&cal, slice_of(texts[i]), &period, &span), -1, "'%s'", texts[i]);
    cal.zone = apia;
    cr_assert_eq(calendar_parse_label(&cal, SLICE("2011-12-30"), &period, &span), -1, "a date that Apia never had");
    cr_assert_eq(calendar_parse_label(&cal, SLICE("2011-12-31"), &period, &span), 0);
}

Test(calendar, days_of_23_and_25_hours) /* T17 */
{
    struct calendar cal = calendar_in(berlin);
    check_span(calendar_period(&cal, PERIOD_DAY, ms("2025-03-30T12:00Z")), 1743289200000, 1743372000000, "23 h");
    check_span(calendar_period(&cal, PERIOD_DAY, ms("2025-10-26T12:00Z")), 1761429600000, 1761519600000, "25 h");
    check_span(calendar_period(&cal, PERIOD_MONTH, ms("2025-03-30T12:00Z")), ms("2025-02-28T23:00Z"),
               ms("2025-03-31T22:00Z"), "March");
    /* 02:30 twice: 00:30Z in summer time, 01:30Z after it. */
    int64_t first = ms("2025-10-26T00:30Z"), second = ms("2025-10-26T01:30Z");
    cr_assert_eq(civil_from_unix(&berlin, first).ms_of_day, 9000000);
    cr_assert_eq(civil_from_unix(&berlin, second).ms_of_day, 9000000);
    cr_assert_eq(pane_start(&cal, GRAIN_HOUR, first), ms("2025-10-26T00:00Z"));
    cr_assert_eq(pane_end(&cal, GRAIN_HOUR, first), ms("2025-10-26T01:00Z"));
    cr_assert_eq(pane_start(&cal, GRAIN_HOUR, second), ms("2025-10-26T01:00Z"));
    cr_assert_eq(pane_end(&cal, GRAIN_HOUR, second), ms("2025-10-26T02:00Z"));
}

Test(calendar, half_hour_change_leaves_half_panes)
{
    struct calendar cal = calendar_in(lord_howe);
    check_span(calendar_period(&cal, PERIOD_DAY, ms("2025-04-05T20:00Z")), ms("2025-04-05T13:00Z"),
               ms("2025-04-06T13:30Z"), "24.5 h");
    check_span(calendar_period(&cal, PERIOD_DAY, ms("2025-10-04T20:00Z")), ms("2025-10-04T13:30Z"),
               ms("2025-10-05T13:00Z"), "23.5 h");
    static const char *const bounds[] = { "2025-04-05T14:00Z", "2025-04-05T15:00Z", "2025-04-05T15:30Z",
                                          "2025-04-05T16:30Z", "2025-10-04T14:30Z", "2025-10-04T15:30Z",
                                          "2025-10-04T16:00Z", "2025-10-04T17:00Z" };
    for (size_t i = 0; i < 8; i++) {
        int64_t start = ms(bounds[i]);
        cr_assert_eq(pane_start(&cal, GRAIN_HOUR, start), start, "%s", bounds[i]);
        if (i % 4 == 3)
            continue;
        int64_t end = ms(bounds[i + 1]);
        cr_assert_eq(pane_end(&cal, GRAIN_HOUR, start), end, "%s", bounds[i]);
        cr_assert_eq(pane_start(&cal, GRAIN_HOUR, end - 1), start, "%s", bounds[i]);
    }
}

Test(calendar, panes_follow_local_hours)
{
    struct calendar cal = calendar_in(kolkata); /* 07:30 local */
    cr_assert_eq(pane_start(&cal, GRAIN_HOUR, ms("2025-03-27T02:00Z")), ms("2025-03-27T01:30Z"));
    cr_assert_eq(pane_end(&cal, GRAIN_HOUR, ms("2025-03-27T02:00Z")), ms("2025-03-27T02:30Z"));
    cr_assert_eq(pane_start(&cal, GRAIN_MINUTE, ms("2025-03-27T02:00:59.999Z")), ms("2025-03-27T02:00Z"));
    cr_assert_eq(pane_end(&cal, GRAIN_MINUTE, ms("2025-03-27T02:01Z")), ms("2025-03-27T02:02Z"));
    check_span(calendar_period(&cal, PERIOD_DAY, ms("2025-03-27T02:00Z")), ms("2025-03-26T18:30Z"),
               ms("2025-03-27T18:30Z"), "day");
    cal = calendar_in(st_johns); /* UTC-3:30 after 2006: 12:10Z is 08:40 */
    cr_assert_eq(pane_start(&cal, GRAIN_HOUR, ms("2007-01-15T12:10Z")), ms("2007-01-15T11:30Z"));
    cal = calendar_in(zone_utc()); /* before 1970 */
    cr_assert_eq(pane_start(&cal, GRAIN_HOUR, -1), -3600000);
    cr_assert_eq(pane_end(&cal, GRAIN_HOUR, -1), 0);
    cr_assert_eq(pane_start(&cal, GRAIN_MINUTE, -60001), -120000);
}

Test(calendar, clock_set_back_across_midnight)
{
    struct calendar cal = calendar_in(st_johns);
    int64_t day_29 = 1162089000000, change = 1162089060000, day_30 = 1162179000000;
    check_span(calendar_period(&cal, PERIOD_DAY, day_29 - 1), 1162002600000, day_29, "28 October: 24 h");
    check_span(calendar_period(&cal, PERIOD_DAY, day_29), day_29, day_30, "29 October: 25 h");
    cr_assert_eq(civil_from_unix(&st_johns, change).day, 28);
    check_span(calendar_period(&cal, PERIOD_DAY, change), day_29, day_30,
               "the second 23:01 of the 28th stays with the 29th");
    check_span(calendar_previous(&cal, PERIOD_DAY, change), 1162002600000, day_29, "one day before");
    char buf[16];
    cr_assert_eq(calendar_label(&cal, PERIOD_DAY, change, buf, sizeof buf), 10);
    cr_assert_str_eq(buf, "2006-10-29");
    cr_assert_eq(pane_end(&cal, GRAIN_HOUR, day_29), change);
    cr_assert_eq(pane_start(&cal, GRAIN_HOUR, change), change);
    cr_assert_eq(pane_end(&cal, GRAIN_HOUR, change), change + 59 * 60000);
}

Test(calendar, skipped_day_and_skipped_midnight)
{
    struct calendar cal = calendar_in(apia);
    int64_t change = 1325239200000;
    cr_assert_eq(civil_day_start(&apia, 2011, 12, 30), change);
    cr_assert_eq(civil_day_start(&apia, 2011, 12, 31), change);
    check_span(calendar_period(&cal, PERIOD_DAY, change - 1), change - TEST_DAY, change, "29 December");
    check_span(calendar_period(&cal, PERIOD_DAY, change), change, change + TEST_DAY, "31 December");
    check_span(calendar_previous(&cal, PERIOD_DAY, change), change - TEST_DAY, change,
               "the 29th comes before the 31st");
    check_span(calendar_period(&cal, PERIOD_WEEK, change), change - 4 * TEST_DAY, change + 2 * TEST_DAY,
               "a week of six days");
    cr_assert_eq(civil_day_start(&no_midnight, 2025, 3, 10), ms("2025-03-10T00:00Z"));
    cr_assert_eq(civil_from_unix(&no_midnight, ms("2025-03-10T00:00Z")).ms_of_day, 3600000);
    cr_assert_eq(civil_day_start(&no_midnight, 2025, 3, 11), ms("2025-03-10T23:00Z"));
}

Test(calendar, clock_set_back_at_midnight)
{
    struct calendar cal = calendar_in(sao_paulo);
    check_span(calendar_period(&cal, PERIOD_DAY, 1518919200000 - 1), ms("2018-02-17T02:00Z"), ms("2018-02-18T03:00Z"),
               "first 23:59");
    check_span(calendar_period(&cal, PERIOD_DAY, 1518919200000), ms("2018-02-17T02:00Z"), ms("2018-02-18T03:00Z"),
               "second 23:00");
    cr_assert_eq(civil_day_start(&sao_paulo, 2018, 2, 18), ms("2018-02-18T03:00Z"));
}

/* Whatever the zone does, periods and panes tile time: each holds its instants, and the next starts where it ends. */
Test(calendar, periods_and_panes_tile)
{
    const struct zone zones[] = { zone_utc(), shanghai, kolkata,     berlin,   st_johns,
                                  lord_howe,  apia,     no_midnight, sao_paulo };
    const char *starts[] = { "2025-01-01", "2025-02-20", "2025-02-20", "2025-03-01", "2006-10-01",
                             "2025-03-20", "2011-12-15", "2025-03-01", "2018-01-20" };
    for (size_t z = 0; z < sizeof zones / sizeof zones[0]; z++) {
        struct calendar cal = calendar_in(zones[z]);
        cal.fiscal_shift_months = (int32_t)z;
        for (int64_t t = ms(starts[z]); t < ms(starts[z]) + 240 * TEST_DAY; t += 37 * 60000 + 1) {
            for (int p = 0; p < PERIOD_COUNT; p++) {
                struct span span = calendar_period(&cal, (enum period)p, t);
                cr_assert(span.start_ms <= t && t < span.end_ms, "%s period %d at %lld", zones[z].name, p,
                          (long long)t);
                cr_assert_eq(calendar_period(&cal, (enum period)p, span.end_ms).start_ms, span.end_ms);
                cr_assert_eq(calendar_period(&cal, (enum period)p, span.end_ms - 1).start_ms, span.start_ms);
                cr_assert_eq(calendar_previous(&cal, (enum period)p, t).end_ms, span.start_ms);
                cr_assert_eq(pane_start(&cal, GRAIN_HOUR, span.start_ms), span.start_ms, "periods begin with a pane");
            }
            for (int g = 0; g < GRAIN_COUNT; g++) {
                int64_t start = pane_start(&cal, (enum grain)g, t), end = pane_end(&cal, (enum grain)g, t);
                cr_assert(start <= t && t < end);
                cr_assert_eq(pane_start(&cal, (enum grain)g, end), end);
                cr_assert_eq(pane_start(&cal, (enum grain)g, end - 1), start);
            }
        }
    }
}

Test(calendar, ends_of_time)
{
    struct calendar cal = calendar_in(berlin);
    int64_t last = ms("9999-12-31T22:59:59.999Z");
    check_span(calendar_period(&cal, PERIOD_YEAR, last), ms("9998-12-31T23:00Z"), last + 1, "9999");
    const int64_t extremes[] = { INT64_MIN, INT64_MIN + 1, INT64_MAX - 1, INT64_MAX, -62135596800000, 253402300799999 };
    for (size_t i = 0; i < 6; i++) {
        for (int p = 0; p < PERIOD_COUNT; p++) {
            struct span span = calendar_period(&cal, (enum period)p, extremes[i]);
            cr_assert_lt(span.start_ms, span.end_ms);
            (void)calendar_previous(&cal, (enum period)p, extremes[i]);
        }
        cr_assert_lt(pane_start(&cal, GRAIN_HOUR, extremes[i]), pane_end(&cal, GRAIN_HOUR, extremes[i]));
        int32_t year = civil_from_unix(&cal.zone, extremes[i]).year;
        cr_assert(year == 1 || year == 9999 || year == 10000, "%d",
                  year); /* 23:59Z of 9999's last day is next day in Berlin */
    }
    (void)civil_day_start(&berlin, INT32_MAX, INT32_MAX, INT32_MAX);
    (void)civil_day_start(&berlin, INT32_MIN, INT32_MIN, INT32_MIN);
}

Test(calendar, times_from_text)
{
    static const struct {
        const char *text;
        int64_t unix_ms;
    } rows[] = {
        { "2025-03-27T02:00:00Z", 1743040800000 },
        { "2025-03-27T10:00:00+08:00", 1743040800000 },
        { "2025-03-26T22:30:00-03:30", 1743040800000 },
        { "2025-03-27T02:00Z", 1743040800000 },
        { "2025-03-27T02:00:00.5Z", 1743040800500 },
        { "2025-03-27T02:00:00.123456789Z", 1743040800123 },
        { "2025-03-27", 1743033600000 },
        { "1743040800000", 1743040800000 },
        { "-1", -1 },
        { "0", 0 },
        { "2025", 2025 },
        { "1969-12-31T23:59:59.999Z", -1 },
        { "0001-01-01T00:00:00Z", -62135596800000 },
        { "9999-12-31T23:59:59.999Z", 253402300799999 },
    };
    int64_t t;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cr_assert_eq(time_parse(NULL, slice_of(rows[i].text), &t), 0, "%s", rows[i].text);
        cr_assert_eq(t, rows[i].unix_ms, "%s: %lld", rows[i].text, (long long)t);
    }
    struct calendar cal = calendar_in(shanghai);
    cr_assert_eq(time_parse(&cal, SLICE("2025-03-27"), &t), 0);
    cr_assert_eq(t, 1743033600000 - 8 * TEST_HOUR);
}

Test(calendar, wrong_times_are_refused)
{
    static const char *const texts[] = { "",
                                         "-",
                                         "x",
                                         "2025-03-27T02:00:00",
                                         "2025-03-27 02:00:00Z",
                                         "2025-02-29",
                                         "2025-13-01",
                                         "2025-03-27T24:00Z",
                                         "2025-03-27T23:60Z",
                                         "2025-03-27T23:59:60Z",
                                         "2025-03-27T02:00:00.Z",
                                         "2025-03-27T02:00:00.1234567890Z",
                                         "2025-03-27T02:00:00+8",
                                         "2025-03-27T02:00:00+08:60",
                                         "2025-03-27T02:00:00Zx",
                                         "2025-03-27x",
                                         "0000-01-01",
                                         "0001-01-01T00:00:00+01:00",
                                         "999999999999999999999",
                                         "9223372036854775807",
                                         "253402300800000",
                                         "1e3",
                                         "+1" };
    int64_t t;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        cr_assert_eq(time_parse(NULL, slice_of(texts[i]), &t), -1, "'%s'", texts[i]);
}

Test(calendar, times_to_text)
{
    char buf[32];
    cr_assert_eq(time_format(1743040800123, buf, sizeof buf), 24);
    cr_assert_str_eq(buf, "2025-03-27T02:00:00.123Z");
    cr_assert_eq(time_format(-1, buf, sizeof buf), 24);
    cr_assert_str_eq(buf, "1969-12-31T23:59:59.999Z");
    cr_assert_eq(time_format(-62135596800000, buf, sizeof buf), 24);
    cr_assert_str_eq(buf, "0001-01-01T00:00:00.000Z");
    cr_assert_eq(time_format(INT64_MAX, buf, sizeof buf), 19);
    cr_assert_str_eq(buf, "9223372036854775807");
    cr_assert_eq(time_format(0, buf, 24), 0, "no room for the NUL");
}
