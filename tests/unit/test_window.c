/* Windows: their names, where they lie, what they are compared with. */
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

static struct window window_named(const char *text)
{
    struct window w;
    cr_assert_eq(window_parse(NULL, slice_of(text), &w), 0, "%s", text);
    return w;
}

static void check(struct span got, int64_t start_ms, int64_t end_ms, const char *what)
{
    cr_assert(got.start_ms == start_ms && got.end_ms == end_ms, "%s: [%lld, %lld), expected [%lld, %lld)", what,
              (long long)got.start_ms, (long long)got.end_ms, (long long)start_ms, (long long)end_ms);
}

static struct span span_of(const struct calendar *cal, const char *name, int64_t at_ms)
{
    struct window w = window_named(name);
    return window_span(cal, &w, at_ms);
}

static struct span base_of(const struct calendar *cal, const char *name, int64_t at_ms, bool same_elapsed)
{
    struct window w = window_named(name);
    return window_previous(cal, &w, at_ms, same_elapsed);
}

Test(window, names)
{
    static const struct {
        const char *text, *name;
        enum window_kind kind;
        int64_t length_ms;
        enum grain grain;
    } rows[] = {
        { "5m", "5m", WINDOW_ROLLING, 300000, GRAIN_MINUTE },
        { "1h", "1h", WINDOW_ROLLING, 3600000, GRAIN_MINUTE },
        { "10s", "10s", WINDOW_ROLLING, 10000, GRAIN_MINUTE },
        { "90s", "90s", WINDOW_ROLLING, 90000, GRAIN_MINUTE },
        { "120s", "2m", WINDOW_ROLLING, 120000, GRAIN_MINUTE },
        { "3600s", "1h", WINDOW_ROLLING, 3600000, GRAIN_MINUTE },
        { "60m", "1h", WINDOW_ROLLING, 3600000, GRAIN_MINUTE },
        { "r1h", "1h", WINDOW_ROLLING, 3600000, GRAIN_MINUTE },
        { "2h", "2h", WINDOW_ROLLING, 7200000, GRAIN_HOUR },
        { "120m", "2h", WINDOW_ROLLING, 7200000, GRAIN_HOUR },
        { "24h", "24h", WINDOW_ROLLING, 86400000, GRAIN_HOUR },
        { "r24h", "24h", WINDOW_ROLLING, 86400000, GRAIN_HOUR },
        { "1d", "24h", WINDOW_ROLLING, 86400000, GRAIN_HOUR },
        { "7d", "7d", WINDOW_ROLLING, 604800000, GRAIN_HOUR },
        { "48h", "2d", WINDOW_ROLLING, 172800000, GRAIN_HOUR },
        { "36h", "36h", WINDOW_ROLLING, 129600000, GRAIN_HOUR },
        { "r30", "30d", WINDOW_ROLLING, 2592000000, GRAIN_HOUR },
        { "365d", "365d", WINDOW_ROLLING, 31536000000, GRAIN_HOUR },
        { "d", "d", WINDOW_PERIOD, 0, GRAIN_HOUR },
        { "w", "w", WINDOW_PERIOD, 0, GRAIN_HOUR },
        { "m", "m", WINDOW_PERIOD, 0, GRAIN_HOUR },
        { "q", "q", WINDOW_PERIOD, 0, GRAIN_HOUR },
        { "h", "h", WINDOW_PERIOD, 0, GRAIN_HOUR },
        { "y", "y", WINDOW_PERIOD, 0, GRAIN_HOUR },
        { "td", "td", WINDOW_TO_DATE, 0, GRAIN_HOUR },
        { "g", "g", WINDOW_GAUGE, 0, GRAIN_HOUR },
        { "0..3600000", "0..3600000", WINDOW_SPAN, 0, GRAIN_MINUTE },
        { "-5..3600000", "-5..3600000", WINDOW_SPAN, 0, GRAIN_HOUR },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct window w = window_named(rows[i].text);
        cr_assert_str_eq(w.name, rows[i].name, "%s", rows[i].text);
        cr_assert(w.kind == rows[i].kind && w.length_ms == rows[i].length_ms, "%s", rows[i].text);
        cr_assert_eq(window_grain(&w), rows[i].grain, "%s", rows[i].text);
        struct window again = window_named(w.name);
        cr_assert(again.kind == w.kind && again.length_ms == w.length_ms && again.period == w.period, "%s reads back",
                  w.name);
    }
}

Test(window, wrong_names_are_refused)
{
    static const char *const texts[] = { "",
                                         "x",
                                         "0m",
                                         "05m",
                                         "5",
                                         "0s",
                                         "3601s",
                                         "90m",
                                         "61m",
                                         "r",
                                         "r0",
                                         "td ",
                                         "-5m",
                                         "1.5h",
                                         "40000d",
                                         "999999999999d",
                                         "1..",
                                         "..1",
                                         "5..5",
                                         "6..5",
                                         "2025-03-01..x",
                                         "r30x",
                                         "30dd",
                                         "H",
                                         "5 m",
                                         "2025-03-01T00:00..2025-04-01T00:00Z" };
    struct calendar cal = calendar_in(shanghai);
    struct window w;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        cr_assert_eq(window_parse(&cal, slice_of(texts[i]), &w), -1, "'%s'", texts[i]);
}

Test(window, fine_panes_can_be_shorter_than_a_minute)
{
    struct calendar cal = calendar_in(shanghai);
    struct window ten = window_named("10s"), half = window_named("90s"), minute = window_named("1m"),
                  month = window_named("m");
    cr_assert(!window_fits(&ten, 0) && !window_fits(&half, 0) && window_fits(&minute, 0) && window_fits(&month, 0));
    struct window days = window_named("365d"); /* of hours, whatever the minutes are */
    cr_assert(window_fits(&days, 11000) && window_fits(&ten, 10000) && window_fits(&half, 30000) &&
              !window_fits(&half, 20000) && window_fits(&month, 10000));
    int64_t at_ms = ms("2025-03-10T02:30:27.500Z");
    check(span_of(&cal, "5m", at_ms), ms("2025-03-10T02:26:00Z"), ms("2025-03-10T02:31:00Z"), "minutes unless told");
    cal.fine_ms = 10000;
    check(span_of(&cal, "10s", at_ms), ms("2025-03-10T02:30:20Z"), ms("2025-03-10T02:30:30Z"),
          "one pane: a tumbling window");
    check(span_of(&cal, "30s", at_ms), ms("2025-03-10T02:30:00Z"), ms("2025-03-10T02:30:30Z"), "three");
    check(span_of(&cal, "5m", at_ms), ms("2025-03-10T02:25:30Z"), ms("2025-03-10T02:30:30Z"), "slides by a pane");
    check(span_of(&cal, "24h", at_ms), ms("2025-03-09T03:00:00Z"), ms("2025-03-10T03:00:00Z"), "hours stay hours");
    check(base_of(&cal, "10s", at_ms, false), ms("2025-03-10T02:30:10Z"), ms("2025-03-10T02:30:20Z"), "before");
}

Test(window, spans_of_dates_need_a_calendar)
{
    struct calendar cal = calendar_in(shanghai);
    struct window w;
    cr_assert_eq(window_parse(NULL, SLICE("2025-03-01..2025-04-01"), &w), -1);
    cr_assert_eq(window_parse(&cal, SLICE("2025-03-01..2025-04-01"), &w), 0);
    cr_assert_str_eq(w.name, "1740758400000..1743436800000");
    check(window_span(&cal, &w, 0), 1740758400000, 1743436800000, "March 2025 in Shanghai");
    cr_assert_eq(window_parse(NULL, SLICE("2025-03-01T00:00+08:00..1743436800000"), &w), 0);
    cr_assert_str_eq(w.name, "1740758400000..1743436800000");
}

Test(window, rolling_ends_with_the_pane)
{
    struct calendar utc = calendar_in(zone_utc()), china = calendar_in(shanghai), india = calendar_in(kolkata);
    check(span_of(&utc, "30d", 1498867199999), 1496275200000, 1498867200000, "30 June 2017, last ms");
    check(span_of(&utc, "30d", 1498867200000), 1496278800000, 1498870800000, "1 July 2017, first ms");
    check(span_of(&china, "30d", 1743040800000), 1740452400000, 1743044400000, "e30 of the golden stream");
    check(span_of(&utc, "5m", ms("2025-03-27T02:00:00Z")), ms("2025-03-27T01:56Z"), ms("2025-03-27T02:01Z"), "5m");
    check(span_of(&utc, "1h", ms("2025-03-27T02:00:59.999Z")), ms("2025-03-27T01:01Z"), ms("2025-03-27T02:01Z"), "1h");
    check(span_of(&india, "24h", ms("2025-03-27T02:00Z")), ms("2025-03-26T02:30Z"), ms("2025-03-27T02:30Z"),
          "local hours");
    check(base_of(&utc, "30d", 1498867199999, false), 1493683200000, 1496275200000, "the 30 days before");
    check(base_of(&utc, "30d", 1498867199999, true), 1493683200000, 1496275200000, "the same with same_elapsed");
}

Test(window, rolling_and_civil_in_a_zone_with_summer_time) /* T17 */
{
    struct calendar cal = calendar_in(berlin);
    int64_t march = ms("2025-03-30T12:30Z"), october = ms("2025-10-26T12:30Z"), last = ms("2025-03-31T12:00Z");
    check(span_of(&cal, "d", march), 1743289200000, 1743372000000, "23 h");
    check(span_of(&cal, "24h", march), ms("2025-03-29T13:00Z"), ms("2025-03-30T13:00Z"), "24 h");
    check(span_of(&cal, "d", october), 1761429600000, 1761519600000, "25 h");
    check(span_of(&cal, "24h", october), ms("2025-10-25T13:00Z"), ms("2025-10-26T13:00Z"), "24 h");
    check(span_of(&cal, "m", last), ms("2025-02-28T23:00Z"), ms("2025-03-31T22:00Z"),
          "the civil month: 31 days less an hour");
    check(span_of(&cal, "r30", last), ms("2025-03-01T13:00Z"), ms("2025-03-31T13:00Z"), "30 x 24 h");
}

Test(window, half_hour_change_moves_the_start_to_a_pane)
{
    struct calendar cal = calendar_in(lord_howe);
    /* 5 April 20:10Z is 06:40 at UTC+10:30: the pane ends 20:30Z. A day earlier, at UTC+11, 20:30Z is 07:30: its pane starts 20:00Z. */
    check(span_of(&cal, "24h", ms("2025-04-05T20:10Z")), ms("2025-04-04T20:00Z"), ms("2025-04-05T20:30Z"),
          "across the change");
    check(span_of(&cal, "24h", ms("2025-04-07T20:10Z")), ms("2025-04-06T20:30Z"), ms("2025-04-07T20:30Z"),
          "after the change");
}

Test(window, periods)
{
    struct calendar cal = calendar_in(zone_utc());
    int64_t at = ms("2025-08-20T10:20:30Z"); /* a Wednesday */
    check(span_of(&cal, "d", at), ms("2025-08-20"), ms("2025-08-21"), "d");
    check(span_of(&cal, "w", at), ms("2025-08-18"), ms("2025-08-25"), "w");
    check(span_of(&cal, "m", at), ms("2025-08-01"), ms("2025-09-01"), "m");
    check(span_of(&cal, "q", at), ms("2025-07-01"), ms("2025-10-01"), "q");
    check(span_of(&cal, "h", at), ms("2025-07-01"), ms("2026-01-01"), "h");
    check(span_of(&cal, "y", at), ms("2025-01-01"), ms("2026-01-01"), "y");
    check(span_of(&cal, "td", at), ms("2025-08-01"), ms("2025-08-20T11:00Z"), "td of a month");
    check(span_of(&cal, "g", at), at, at, "g");
    check(base_of(&cal, "g", at, false), at, at, "g has no other");
    cal.cycle = PERIOD_QUARTER;
    cal.fiscal_shift_months = 1;
    check(span_of(&cal, "td", at), ms("2025-08-01"), ms("2025-08-20T11:00Z"), "td of a quarter that starts in August");
    check(span_of(&cal, "q", at), ms("2025-08-01"), ms("2025-11-01"), "q shifted");
}

Test(window, march_against_february) /* T6 */
{
    struct calendar cal = calendar_in(zone_utc());
    int64_t at = ms("2025-03-10T23:59:59.999Z"), feb_1 = 1738368000000, feb_11 = 1739232000000, mar_1 = 1740787200000;
    check(span_of(&cal, "td", at), mar_1, ms("2025-03-11"), "ten days of March");
    check(base_of(&cal, "td", at, true), feb_1, feb_11, "ten days of February");
    check(base_of(&cal, "td", at, false), feb_1, mar_1, "all of February");
    check(base_of(&cal, "m", at, true), feb_1, feb_11, "a month with same_elapsed");
    check(base_of(&cal, "m", at, false), feb_1, mar_1, "a month against the month before");
    check(base_of(&cal, "td", ms("2025-03-01"), true), feb_1, feb_1 + TEST_HOUR, "the first pane");
}

Test(window, short_base_on_31_march) /* T18 */
{
    struct calendar cal = calendar_in(zone_utc());
    int64_t at = ms("2025-03-31T23:00Z"), feb_1 = 1738368000000, mar_1 = 1740787200000;
    check(span_of(&cal, "td", at), mar_1, ms("2025-04-01"), "31 days");
    check(base_of(&cal, "td", at, true), feb_1, mar_1, "all of February, not a day more");
    check(base_of(&cal, "td", ms("2025-03-28T22:59Z"), true), feb_1, ms("2025-02-28T23:00Z"), "27 days and 23 h");
    check(base_of(&cal, "td", ms("2025-03-28T23:00Z"), true), feb_1, mar_1, "exactly 28 days");
}

Test(window, same_elapsed_is_real_time)
{
    struct calendar cal = calendar_in(berlin);
    /* 1 November to the end of the 10th: 240 h. October has them too: its hour more comes on the 26th. */
    check(base_of(&cal, "td", ms("2025-11-10T22:59Z"), true), ms("2025-09-30T22:00Z"), ms("2025-10-10T22:00Z"),
          "November");
    /* The last pane of April ends after 720 h. March, with its short day, has 743 h: 720 of them end on the 31st at 01:00 local. */
    check(base_of(&cal, "td", ms("2025-04-30T21:59Z"), true), ms("2025-02-28T23:00Z"), ms("2025-03-30T23:00Z"),
          "April");
}

Test(window, fixed_spans_are_widened_to_panes)
{
    struct calendar cal = calendar_in(kolkata);
    check(span_of(&cal, "7200001..10799999", 0), 7200000, 10800000, "up to an hour: minutes");
    check(span_of(&cal, "3600000..18000000", 0), 1800000, 19800000, "longer: local hours, 30 min off UTC");
    check(base_of(&cal, "1800000..9000000", 0, false), -5400000, 1800000, "one length before");
}

/* Every bound is a pane's bound, whatever the zone, and a rolling window has its length where the zone keeps whole hours. */
Test(window, bounds_are_panes)
{
    static const char *const names[] = { "5m", "1h", "24h", "7d", "30d", "90d", "d", "w", "m", "q", "h", "y", "td" };
    const struct zone zones[] = { shanghai, kolkata, berlin, st_johns, lord_howe, apia };
    const char *starts[] = { "2025-02-20", "2025-02-20", "2025-03-01", "2006-10-01", "2025-03-20", "2011-12-15" };
    for (size_t z = 0; z < 6; z++) {
        struct calendar cal = calendar_in(zones[z]);
        for (size_t n = 0; n < sizeof names / sizeof names[0]; n++) {
            struct window w = window_named(names[n]);
            enum grain grain = window_grain(&w);
            for (int64_t t = ms(starts[z]); t < ms(starts[z]) + 40 * TEST_DAY; t += 49 * 60000 + 7) {
                struct span now = window_span(&cal, &w, t), before = window_previous(&cal, &w, t, true);
                const int64_t bounds[] = { now.start_ms, now.end_ms, before.start_ms, before.end_ms };
                for (size_t b = 0; b < 4; b++)
                    cr_assert_eq(pane_start(&cal, grain, bounds[b]), bounds[b], "%s %s at %lld", zones[z].name,
                                 names[n], (long long)t);
                cr_assert(now.start_ms <= t && t < now.end_ms && before.end_ms <= now.start_ms);
                if (w.kind == WINDOW_ROLLING && z < 3)
                    cr_assert_eq(now.end_ms - now.start_ms, w.length_ms);
            }
        }
    }
}

/* Since the go-live; five years from it, then the next five; without one the fiscal year and the four before it. */
Test(window, since_the_go_live_and_five_years)
{
    struct calendar cal = calendar_in(shanghai);
    cal.go_live_ms = ms("2020-03-01T00:00+08:00");
    int64_t at_ms = ms("2025-02-28T15:30+08:00"), end_ms = ms("2025-02-28T16:00+08:00");
    check(span_of(&cal, "live", at_ms), cal.go_live_ms, end_ms, "live");
    check(span_of(&cal, "5y", at_ms), cal.go_live_ms, ms("2025-03-01T00:00+08:00"), "the first five years");
    check(span_of(&cal, "5y", ms("2025-03-01T00:00+08:00")), ms("2025-03-01T00:00+08:00"), ms("2030-03-01T00:00+08:00"),
          "the next five");
    check(base_of(&cal, "5y", ms("2026-01-01T00:00Z"), false), cal.go_live_ms, ms("2025-03-01T00:00+08:00"),
          "before them");
    check(span_of(&cal, "5y", ms("2019-01-01T00:00Z")), cal.go_live_ms, ms("2025-03-01T00:00+08:00"), "planned");
    struct span early = span_of(&cal, "live", ms("2020-02-29T12:00+08:00"));
    cr_assert_eq(early.start_ms, early.end_ms, "empty before the go-live");
    cal.go_live_ms = 0;
    early = span_of(&cal, "live", at_ms);
    cr_assert_eq(early.start_ms, early.end_ms, "and without one");
    check(span_of(&cal, "5y", at_ms), ms("2021-01-01T00:00+08:00"), ms("2026-01-01T00:00+08:00"), "civil years");
    cal.fiscal_shift_months = 3;
    check(span_of(&cal, "5y", at_ms), ms("2020-04-01T00:00+08:00"), ms("2025-04-01T00:00+08:00"), "fiscal years");
}
