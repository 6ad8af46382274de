/* Small texts: times, windows, numbers and dates of CSV, the address of Redis, a partition's line in `off`. */
#include "fuzz.h"

#include "crmpulse/calendar.h"
#include "crmpulse/utf8.h"
#include "daemon/cli/map_int.h"
#include "daemon/redis/address.h"
#include "daemon/redis/part_text.h"

enum { ADDRESS_MAX = 1024 };

static void part(struct slice text)
{
    struct store_part p, again;
    char buf[PART_TEXT_MAX];
    const char *blank = text.n ? memchr(text.p, '\n', text.n) : NULL;
    if (!blank)
        return;
    struct slice field = { text.p, (uint32_t)(blank - text.p) };
    struct slice line = { blank + 1, text.n - field.n - 1 };
    if (part_text_read(field, line, &p) < 0)
        return;
    FUZZ_CHECK(part_text_read(field, (struct slice){ buf, (uint32_t)part_text_write(&p, buf) }, &again) == 0);
    FUZZ_CHECK(again.next == p.next && again.epoch == p.epoch && again.last == p.last && again.last_crc == p.last_crc);
    FUZZ_CHECK(again.max_event_ms == p.max_event_ms && again.idle == p.idle && again.read == p.read &&
               again.applied == p.applied && again.duplicate == p.duplicate && again.late == p.late &&
               again.dead == p.dead && again.partition == p.partition);
}

/* What was read, written canonically and read again, is the same. */
static void times(struct slice text)
{
    char buf[32];
    int64_t ms, again;
    struct window w, same;
    if (time_parse(NULL, text, &ms) == 0) {
        size_t n = time_format(ms, buf, sizeof buf);
        FUZZ_CHECK(n && time_parse(NULL, (struct slice){ buf, (uint32_t)n }, &again) == 0 && ms == again);
    }
    if (window_parse(NULL, text, &w) == 0)
        FUZZ_CHECK(window_parse(NULL, slice_of(w.name), &same) == 0 && strcmp(w.name, same.name) == 0);
}

static void numbers(struct slice text)
{
    static const int64_t factors[] = { 1, 1000, 60000, 1000000 };
    const char *why = NULL;
    int64_t ms;
    for (size_t i = 0; i < sizeof factors / sizeof factors[0]; i++)
        FUZZ_CHECK(map_decimal(text, factors[i], &ms, &why) == 0 || why);
    const char *bar = text.n ? memchr(text.p, '\n', text.n) : NULL;
    struct slice first = { text.p, bar ? (uint32_t)(bar - text.p) : text.n };
    struct slice format = { bar ? bar + 1 : text.p, bar ? text.n - first.n - 1 : 0 };
    FUZZ_CHECK(map_date(first, format, 0, &ms, &why) == 0 || why);
}

static void address(struct slice text)
{
    char url[ADDRESS_MAX];
    struct redis_address a;
    const char *why = NULL;
    if (text.n >= sizeof url)
        return;
    if (text.n)
        memcpy(url, text.p, text.n);
    url[text.n] = 0;
    if (redis_address_parse(url, &a, &why) == 0)
        FUZZ_CHECK(memchr(a.path, 0, sizeof a.path) && memchr(a.host, 0, sizeof a.host) && a.port >= 0 && a.db >= 0);
    else
        FUZZ_CHECK(why);
}

int fuzz_one(const uint8_t *bytes, size_t n)
{
    struct slice text = fuzz_slice(bytes, n);
    times(text);
    numbers(text);
    part(text);
    address(text);
    (void)utf8_valid(text.p, text.n);
    return 0;
}
