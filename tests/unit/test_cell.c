/* Names of cells and the feed. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "crmpulse/cell.h"

static struct slice escape(const char *raw, size_t n, char *buf, size_t cap)
{
    return (struct slice){ buf, (uint32_t)cell_escape((struct slice){ raw, (uint32_t)n }, buf, cap) };
}

Test(cell, escapes_what_could_forge_a_field)
{
    char buf[64], back[64];
    struct slice e = escape("a|b:c#d%e\n\"<>&'{} \x7f", 19, buf, sizeof buf);
    cr_assert_eq(e.n, 5 + 14 * 3);
    cr_assert_eq(memcmp(e.p, "a%7Cb%3Ac%23d%25e%0A%22%3C%3E%26%27%7B%7D%20%7F", e.n), 0);
    cr_assert_eq(cell_unescape(e, back, sizeof back), 19);
    cr_assert_eq(memcmp(back, "a|b:c#d%e\n\"<>&'{} \x7f", 19), 0);
}

Test(cell, leaves_utf8_and_broken_escapes_alone)
{
    char buf[64];
    struct slice e = escape("张三", 6, buf, sizeof buf);
    cr_assert_eq(e.n, 6);
    cr_assert_eq(cell_unescape(SLICE("a%2"), buf, sizeof buf), 3);
    cr_assert_eq(memcmp(buf, "a%2", 3), 0);
    cr_assert_eq(cell_unescape(SLICE("%zz%41"), buf, sizeof buf), 4);
    cr_assert_eq(memcmp(buf, "%zzA", 4), 0);
    cr_assert_eq(cell_escape(SLICE("a|"), buf, 3), 0, "too small");
    cr_assert_eq(cell_escape(SLICE("a|"), buf, 4), 4);
}

Test(cell, parses_every_kind_of_field)
{
    struct cell_field f;
    cr_assert_eq(cell_field_parse(SLICE("rep:ann|deals_won"), &f), 0);
    cr_assert(f.dim == DIM_REP && slice_eq(f.subject, SLICE("ann")) && slice_eq(f.measure, SLICE("deals_won")));
    cr_assert(f.part.n == 0 && !f.has_sub);
    cr_assert_eq(cell_field_parse(SLICE("org:acme|frt_ms#117"), &f), 0);
    cr_assert(f.has_sub && f.sub == 117 && f.part.n == 0 && slice_eq(f.measure, SLICE("frt_ms")));
    cr_assert_eq(cell_field_parse(SLICE("org:acme|low#-9223372036854775808"), &f), 0);
    cr_assert_eq(f.sub, INT64_MIN);
    cr_assert_eq(cell_field_parse(SLICE("team:a%3Ab|active_users.new.d"), &f), 0);
    cr_assert(slice_eq(f.subject, SLICE("a%3Ab")) && slice_eq(f.part, SLICE("new.d")));
    cr_assert_eq(cell_field_parse(SLICE("org:acme|active_users.cohort.w.3"), &f), 0);
    cr_assert(slice_eq(f.part, SLICE("cohort.w.3")));
}

Test(cell, refuses_what_is_no_field)
{
    static const char *const bad[] = { "",
                                       "rep",
                                       "rep:ann",
                                       "rep:|x",
                                       "nodim:a|x",
                                       "rep:ann|",
                                       "rep:ann|.n",
                                       "rep:ann|x.",
                                       "rep:ann|x#",
                                       "rep:ann|x#1a",
                                       "rep:ann|x#9223372036854775808",
                                       ":a|x" };
    struct cell_field f;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_eq(cell_field_parse(slice_of(bad[i]), &f), -1, "%s", bad[i]);
}

Test(cell, parked_fields_round_trip_and_only_well_formed_ones_are_read)
{
    const struct cell_delta d = {
        { 0 }, SLICE("org:acme|churn|x#1"), CELL_HOUR, -3600000, INT64_C(1741568400123), 0, true, false
    };
    char buf[80];
    struct cell_delta got = { 0 };
    size_t n = cell_parked_field(&d, buf, sizeof buf);
    cr_assert_eq(n, strlen("1741568400123|h|-3600000|org:acme|churn|x#1"));
    cr_assert_eq(memcmp(buf, "1741568400123|h|-3600000|org:acme|churn|x#1", n), 0);
    cr_assert_eq(cell_parked_parse((struct slice){ buf, (uint32_t)n }, &got), 0);
    cr_assert(got.cause_ms == d.cause_ms && got.pane_ms == d.pane_ms && got.grain == CELL_HOUR && got.ahead);
    cr_assert(slice_eq(got.field, d.field));
    cr_assert_eq(cell_parked_field(&d, buf, 20), 0);
    static const char *const bad[] = { "", "1", "1|h", "1|h|2", "1|h|2|", "1|f|2|x", "1|hh|2|x", "a|h|2|x", "1|h|b|x" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_eq(cell_parked_parse(slice_of(bad[i]), &got), -1, "%s", bad[i]);
    cr_assert_eq(cell_parked_hour(INT64_C(1741568400123)), INT64_C(1741568400000));
    cr_assert_eq(cell_parked_hour(-1), -3600000);
}

Test(cell, only_what_time_alone_makes_and_lies_ahead_is_parked)
{
    struct cell_delta d = { .cause_ms = 100, .ahead = true };
    cr_assert(cell_delta_parks(&d, 99) && !cell_delta_parks(&d, 100) && cell_delta_parks(&d, INT64_MIN));
    d.ahead = false;
    cr_assert_not(cell_delta_parks(&d, 99));
}

struct got {
    struct cell_delta d[8];
    int n;
};

static int collect(void *ctx, const struct cell_delta *d)
{
    struct got *g = ctx;
    g->d[g->n++] = *d;
    return 0;
}

static bool same(const struct cell_delta *a, const struct cell_delta *b)
{
    return slice_eq(a->org, b->org) && slice_eq(a->field, b->field) && a->grain == b->grain &&
           a->pane_ms == b->pane_ms && a->cause_ms == b->cause_ms && a->value == b->value && a->ahead == b->ahead;
}

static const struct cell_delta sample[] = {
    { { "acme", 4 }, { "rep:ann|won", 11 }, CELL_HOUR, 1741568400000, 1741568400123, 1, false, false },
    { { "acme", 4 }, { "rep:ann|won", 11 }, CELL_MINUTE, 1741568400000, 1741568400123, -1, true, false },
    { { "acme", 4 }, { "org:acme|open", 13 }, CELL_GAUGE, 0, INT64_MIN, INT64_MIN, true, false },
    { { "b", 1 }, { "rep:ann|won", 11 }, CELL_HOUR, INT64_MAX, INT64_MAX, INT64_MAX, false, false },
};

static struct feed_writer *written_with(uint64_t seed)
{
    struct feed_writer *w = feed_writer_new(seed);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(feed_writer_add(w, &sample[i]), 0);
    return w;
}

static struct feed_writer *written(void)
{
    return written_with(0);
}

Test(cell, reads_the_key_of_a_pane)
{
    char org[16];
    struct cell_delta d;
    cr_assert_eq(cell_pane_parse(SLICE("pane:a%3Ab:h:1741568400000"), org, sizeof org, &d), 0);
    cr_assert(slice_eq(d.org, SLICE("a:b")) && d.grain == CELL_HOUR && d.pane_ms == 1741568400000);
    cr_assert_eq(cell_pane_parse(SLICE("pane:acme:g:0"), org, sizeof org, &d), 0);
    cr_assert_eq(cell_pane_parse(SLICE("pane:acme:m:-60000"), org, sizeof org, &d), 0);
    cr_assert(d.grain == CELL_MINUTE && d.pane_ms == -60000);
    static const char *const bad[] = { "",
                                       "pane:acme:h:",
                                       "pane:acme:h:12x",
                                       "pane:acme:h: 12",
                                       "pane:acme:e:0",
                                       "pane:acme:hh:0",
                                       "pane::h:0",
                                       "board:acme:h:0",
                                       "pane:acme:h",
                                       "pane:acme:h:253402300800000",
                                       "pane:acme:h:-62135596800001",
                                       "pane:acme:h:174156840000000222220",
                                       "pane:a-name-of-17-byte:h:0" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_eq(cell_pane_parse(slice_of(bad[i]), org, sizeof org, &d), -1, "%s", bad[i]);
}

Test(feed, the_seed_of_the_hash_does_not_show)
{
    struct feed_writer *a = written(), *b = written_with(0x5eed5eed5eed5eed);
    cr_assert(slice_eq(feed_writer_bytes(a), feed_writer_bytes(b)));
    feed_writer_free(a);
    feed_writer_free(b);
}

Test(feed, gives_back_what_was_written)
{
    struct feed_writer *w = written();
    for (int round = 0; round < 2; round++) {
        struct got g = { 0 };
        cr_assert_eq(feed_read(feed_writer_bytes(w), collect, &g), 0);
        cr_assert_eq(g.n, 4);
        for (int i = 0; i < 4; i++)
            cr_assert(same(&g.d[i], &sample[i]), "delta %d", i);
        feed_writer_clear(w);
        cr_assert_eq(feed_writer_bytes(w).n, 0);
        for (int i = 0; i < 4; i++)
            cr_assert_eq(feed_writer_add(w, &sample[i]), 0);
    }
    feed_writer_free(w);
}

Test(feed, stores_strings_once)
{
    struct feed_writer *w = feed_writer_new(0);
    cr_assert_eq(feed_writer_add(w, &sample[0]), 0);
    uint32_t first = feed_writer_bytes(w).n;
    cr_assert_eq(feed_writer_add(w, &sample[0]), 0);
    cr_assert_eq(feed_writer_bytes(w).n - first, 6, "org, field, grain, pane, cause, value: a byte each");
    feed_writer_free(w);
}

Test(feed, refuses_every_truncation_inside_a_delta)
{
    struct feed_writer *w = feed_writer_new(0);
    cr_assert_eq(feed_writer_add(w, &sample[0]), 0);
    struct slice bytes = feed_writer_bytes(w);
    for (uint32_t n = 2; n < bytes.n; n++) {
        struct got g = { 0 };
        cr_assert_eq(feed_read((struct slice){ bytes.p, n }, collect, &g), -1, "%u bytes", n);
        cr_assert_eq(g.n, 0);
    }
    feed_writer_free(w);
}

Test(feed, refuses_garbage)
{
    struct got g = { 0 };
    cr_assert_eq(feed_read(SLICE("\x02zzz"), collect, &g), -1, "version");
    cr_assert_eq(feed_read(SLICE("\x01\x05"), collect, &g), -1, "a string that was never stored");
    cr_assert_eq(feed_read(SLICE("\x01\x00\xff\xff\xff\xff\x7f"), collect, &g), -1, "a length beyond the end");
    cr_assert_eq(feed_read(SLICE("\x01\x00\x01"
                                 "a\x00\x01"
                                 "bx\x00\x00\x00"),
                           collect, &g),
                 -1, "grain");
    cr_assert_eq(feed_read(SLICE("\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f"), collect, &g), -1,
                 "more than 64 bits");
    cr_assert_eq(g.n, 0);
    cr_assert_eq(feed_read((struct slice){ NULL, 0 }, collect, &g), 0);
}
