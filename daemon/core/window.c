/* Windows: names, pane size, where they lie at an instant and what they are compared with. Every bound (but a gauge's) is a pane
 * bound, so a window is a run of whole panes. */
#include <stdio.h>

#include "civil.h"

#define WINDOW_LENGTH_MAX_MS (36600 * DAY_MS) /* about a century: keeps all sums far from overflow */

static const struct {
    const char *name;
    enum window_kind kind;
    enum period period;
} named_windows[] = {
    { "d", WINDOW_PERIOD, PERIOD_DAY },      { "w", WINDOW_PERIOD, PERIOD_WEEK },
    { "m", WINDOW_PERIOD, PERIOD_MONTH },    { "q", WINDOW_PERIOD, PERIOD_QUARTER },
    { "h", WINDOW_PERIOD, PERIOD_HALF },     { "y", WINDOW_PERIOD, PERIOD_YEAR },
    { "td", WINDOW_TO_DATE, PERIOD_DAY },    { "g", WINDOW_GAUGE, PERIOD_DAY },
    { "cy", WINDOW_CLOSED, PERIOD_DAY },     { "live", WINDOW_LIVE, PERIOD_DAY },
    { "5y", WINDOW_FIVE_YEARS, PERIOD_DAY },
};

static bool parse_named(struct slice text, struct window *ret)
{
    for (size_t i = 0; i < sizeof named_windows / sizeof named_windows[0]; i++) {
        if (!slice_eq(text, slice_of(named_windows[i].name)))
            continue;
        *ret = (struct window){ .kind = named_windows[i].kind, .period = named_windows[i].period };
        snprintf(ret->name, sizeof ret->name, "%s", named_windows[i].name);
        return true;
    }
    return false;
}

/* One name per length: seconds or minutes below an hour, hours up to a day, days where they are whole. */
static void name_rolling(struct window *w)
{
    int64_t unit_ms = w->length_ms % MINUTE_MS                          ? SECOND_MS
                      : w->length_ms % HOUR_MS                          ? MINUTE_MS
                      : w->length_ms % DAY_MS || w->length_ms == DAY_MS ? HOUR_MS
                                                                        : DAY_MS;
    char unit = unit_ms == SECOND_MS ? 's' : unit_ms == MINUTE_MS ? 'm' : unit_ms == HOUR_MS ? 'h' : 'd';
    snprintf(w->name, sizeof w->name, "%lld%c", (long long)(w->length_ms / unit_ms), unit);
}

/* Digits without a leading 0; false if there are none. */
static bool scan_count(struct slice *text, int64_t *ret)
{
    uint32_t digits = 0;
    *ret = 0;
    for (int32_t digit; digits < 9 && scan_digits(text, 1, &digit); digits++) {
        if (digits == 0 && digit == 0)
            return false;
        *ret = *ret * 10 + digit;
    }
    return digits > 0;
}

/* "7cd" */
static bool parse_days(struct slice text, struct window *ret)
{
    int64_t count;
    if (!scan_count(&text, &count) || !slice_eq(text, SLICE("cd")) || count * DAY_MS > WINDOW_LENGTH_MAX_MS)
        return false;
    *ret = (struct window){ .kind = WINDOW_DAYS, .length_ms = count * DAY_MS };
    snprintf(ret->name, sizeof ret->name, "%lldcd", (long long)count);
    return true;
}

/* "30d", "24h", "5m", "10s", "r30", "r24h" */
static bool parse_rolling(struct slice text, struct window *ret)
{
    bool short_form = scan_char(&text, 'r');
    int64_t count;
    if (!scan_count(&text, &count))
        return false;
    int64_t unit_ms = scan_char(&text, 's')   ? SECOND_MS
                      : scan_char(&text, 'm') ? MINUTE_MS
                      : scan_char(&text, 'h') ? HOUR_MS
                      : scan_char(&text, 'd') ? DAY_MS
                                              : 0;
    if (unit_ms == 0 && short_form)
        unit_ms = DAY_MS;
    if (unit_ms == 0 || text.n != 0)
        return false;
    int64_t length_ms = count * unit_ms;
    if (length_ms > WINDOW_LENGTH_MAX_MS || (length_ms > HOUR_MS && length_ms % HOUR_MS != 0))
        return false;
    *ret = (struct window){ .kind = WINDOW_ROLLING, .length_ms = length_ms };
    name_rolling(ret);
    return true;
}

static bool parse_bound(const struct calendar *cal, struct slice text, int64_t *ret_unix_ms)
{
    bool bare;
    return time_parse_any(cal, text, ret_unix_ms, &bare) == 0 && (cal || !bare);
}

static bool parse_span(const struct calendar *cal, struct slice text, struct window *ret)
{
    uint32_t dots = 0;
    while (dots + 1 < text.n && memcmp(text.p + dots, "..", 2) != 0)
        dots++;
    if (dots + 1 >= text.n)
        return false;
    struct slice from = { text.p, dots }, to = { text.p + dots + 2, text.n - dots - 2 };
    struct span span;
    if (!parse_bound(cal, from, &span.start_ms) || !parse_bound(cal, to, &span.end_ms) || span.start_ms >= span.end_ms)
        return false;
    *ret = (struct window){ .kind = WINDOW_SPAN, .span = span };
    snprintf(ret->name, sizeof ret->name, "%lld..%lld", (long long)span.start_ms, (long long)span.end_ms);
    return true;
}

int window_parse(const struct calendar *cal, struct slice text, struct window *ret)
{
    return parse_named(text, ret) || parse_rolling(text, ret) || parse_days(text, ret) || parse_span(cal, text, ret)
               ? 0
               : -1;
}

bool window_fits(const struct window *w, int64_t fine_ms)
{
    return w->kind != WINDOW_ROLLING || w->length_ms > HOUR_MS || w->length_ms % (fine_ms ? fine_ms : MINUTE_MS) == 0;
}

enum grain window_grain(const struct window *w)
{
    int64_t length_ms = w->kind == WINDOW_ROLLING ? w->length_ms
                        : w->kind == WINDOW_SPAN  ? w->span.end_ms - w->span.start_ms
                                                  : DAY_MS;
    return length_ms <= HOUR_MS ? GRAIN_MINUTE : GRAIN_HOUR;
}

/* Widened to whole panes. */
static struct span cut(const struct calendar *cal, const struct window *w, struct span span)
{
    enum grain grain = window_grain(w);
    return (struct span){ pane_start(cal, grain, span.start_ms), pane_end(cal, grain, span.end_ms - 1) };
}

/* The first instant of the day `days` before that of `at`. */
static int64_t days_before_ms(const struct calendar *cal, int64_t at_ms, int64_t days)
{
    struct span day;
    return day_start_ms(&cal->zone, period_days_at(cal, PERIOD_DAY, at_ms, &day).first - days);
}

enum { BLOCK_YEARS = 5 };

struct span calendar_five_years(const struct calendar *cal, int64_t at_ms)
{
    if (cal->go_live_ms) {
        int32_t n = 0;
        if (at_ms > cal->go_live_ms) /* not past the block that holds it */
            n = BLOCK_YEARS * (int32_t)((at_ms - cal->go_live_ms) / (BLOCK_YEARS * 367 * DAY_MS));
        while (calendar_shift_years(cal, cal->go_live_ms, n + BLOCK_YEARS) <= at_ms)
            n += BLOCK_YEARS;
        return (struct span){ calendar_shift_years(cal, cal->go_live_ms, n),
                              calendar_shift_years(cal, cal->go_live_ms, n + BLOCK_YEARS) };
    }
    struct span span = calendar_period(cal, PERIOD_YEAR, at_ms);
    for (int i = 1; i < BLOCK_YEARS; i++)
        span.start_ms = calendar_previous(cal, PERIOD_YEAR, span.start_ms).start_ms;
    return span;
}

struct span window_span(const struct calendar *cal, const struct window *w, int64_t at_ms)
{
    int64_t end_ms = pane_end(cal, window_grain(w), at_ms);
    switch (w->kind) {
    case WINDOW_ROLLING:
        return cut(cal, w, (struct span){ end_ms - w->length_ms, end_ms });
    case WINDOW_PERIOD:
        return calendar_period(cal, w->period, at_ms);
    case WINDOW_TO_DATE:
        return (struct span){ calendar_period(cal, cal->cycle, at_ms).start_ms, end_ms };
    case WINDOW_DAYS:
        return (struct span){ days_before_ms(cal, at_ms, w->length_ms / DAY_MS - 1), end_ms };
    case WINDOW_CLOSED:
        return calendar_previous(cal, cal->cycle, at_ms);
    case WINDOW_LIVE:
        return (struct span){ cal->go_live_ms && cal->go_live_ms < end_ms ? cal->go_live_ms : end_ms, end_ms };
    case WINDOW_FIVE_YEARS:
        return calendar_five_years(cal, at_ms);
    case WINDOW_SPAN:
        return cut(cal, w, w->span);
    case WINDOW_GAUGE:
        break;
    }
    return (struct span){ at_ms, at_ms };
}

/* The first part of `before` that is as long as what has passed since start_ms at the end of at's pane. */
static struct span cut_elapsed(const struct calendar *cal, const struct window *w, int64_t start_ms, struct span before,
                               int64_t at_ms)
{
    int64_t end_ms = before.start_ms + (pane_end(cal, window_grain(w), at_ms) - start_ms);
    if (end_ms < before.end_ms)
        before.end_ms = pane_end(cal, window_grain(w), end_ms - 1);
    return before;
}

/* The period before the one of `at`, whole or only its first part that is as long as what has elapsed at the end of at's pane. */
static struct span previous_period(const struct calendar *cal, const struct window *w, enum period period,
                                   int64_t at_ms, bool same_elapsed)
{
    struct span before = calendar_previous(cal, period, at_ms);
    return same_elapsed ? cut_elapsed(cal, w, calendar_period(cal, period, at_ms).start_ms, before, at_ms) : before;
}

static struct span previous_days(const struct calendar *cal, const struct window *w, struct span now, int64_t at_ms,
                                 bool same_elapsed)
{
    struct span before = { days_before_ms(cal, at_ms, 2 * (w->length_ms / DAY_MS) - 1), now.start_ms };
    return same_elapsed ? cut_elapsed(cal, w, now.start_ms, before, at_ms) : before;
}

struct span window_previous(const struct calendar *cal, const struct window *w, int64_t at_ms, bool same_elapsed)
{
    struct span now = window_span(cal, w, at_ms);
    switch (w->kind) {
    case WINDOW_ROLLING:
        return cut(cal, w, (struct span){ now.start_ms - w->length_ms, now.start_ms });
    case WINDOW_PERIOD:
        return previous_period(cal, w, w->period, at_ms, same_elapsed);
    case WINDOW_TO_DATE:
        return previous_period(cal, w, cal->cycle, at_ms, same_elapsed);
    case WINDOW_DAYS:
        return previous_days(cal, w, now, at_ms, same_elapsed);
    case WINDOW_CLOSED:
        return calendar_previous(cal, cal->cycle, now.start_ms);
    case WINDOW_LIVE: /* there is nothing before it */
        return (struct span){ now.start_ms, now.start_ms };
    case WINDOW_FIVE_YEARS:
        return (struct span){ calendar_shift_years(cal, now.start_ms, -BLOCK_YEARS), now.start_ms };
    case WINDOW_SPAN:
        return cut(cal, w, (struct span){ now.start_ms - (now.end_ms - now.start_ms), now.start_ms });
    case WINDOW_GAUGE:
        break;
    }
    return now;
}

/* The period a year earlier, cut at the time elapsed. */
static struct span year_period(const struct calendar *cal, const struct window *w, enum period period, int64_t at_ms)
{
    struct span now = calendar_period(cal, period, at_ms);
    int64_t noon_ms = now.start_ms + DAY_MS / 2; /* no change of the clock moves it to another day */
    int64_t there_ms =
        period == PERIOD_WEEK ? calendar_shift_days(cal, noon_ms, -364) : calendar_shift_years(cal, noon_ms, -1);
    return cut_elapsed(cal, w, now.start_ms, calendar_period(cal, period, there_ms), at_ms);
}

static struct span window_year_ago(const struct calendar *cal, const struct window *w, int64_t at_ms)
{
    struct span now = window_span(cal, w, at_ms);
    switch (w->kind) {
    case WINDOW_PERIOD:
        return year_period(cal, w, w->period, at_ms);
    case WINDOW_TO_DATE:
        return year_period(cal, w, cal->cycle, at_ms);
    case WINDOW_CLOSED:
        return year_period(cal, w, cal->cycle, now.end_ms - 1);
    case WINDOW_LIVE:
    case WINDOW_FIVE_YEARS:
        return window_previous(cal, w, at_ms, false);
    case WINDOW_SPAN:
        return cut(
            cal, w,
            (struct span){ calendar_shift_years(cal, now.start_ms, -1), calendar_shift_years(cal, now.end_ms, -1) });
    case WINDOW_ROLLING:
    case WINDOW_DAYS:
        return window_span(cal, w, calendar_shift_years(cal, at_ms, -1));
    case WINDOW_GAUGE:
        break;
    }
    return now;
}

struct span window_compared(const struct calendar *cal, const struct window *w, int64_t at_ms, enum compared compared)
{
    if (compared == COMPARED_YEAR)
        return window_year_ago(cal, w, at_ms);
    if (compared == COMPARED_LAST_DAY)
        return window_span(cal, w, calendar_last_day_ms(cal, at_ms));
    return compared ? window_previous(cal, w, at_ms, compared == COMPARED_ELAPSED) : window_span(cal, w, at_ms);
}
