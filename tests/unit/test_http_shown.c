/* Texts of views, boards, alerts and scorecards as they are read for the API; names and days of the history. */
#include <criterion/criterion.h>

#include "daemon/history.h"
#include "daemon/http/shown.h"

static bool same(struct slice s, const char *want)
{
    return want ? s.p && slice_eq(s, slice_of(want)) : !s.p;
}

Test(http_shown, fields)
{
    struct shown_field f;
    cr_expect(shown_field(SLICE("rep:a%7Cb|win_rate"), &f) && same(f.dim, "rep") && same(f.subject, "a%7Cb") &&
              same(f.id, "win_rate"));
    cr_expect(shown_rule_field(SLICE("csat_low|org:acme"), &f) && same(f.dim, "org") && same(f.subject, "acme") &&
              same(f.id, "csat_low"));
    static const char *const bad[] = { "", "rep", "rep:", "rep:a", "rep:a|", ":a|b", "rep:|b" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_expect(!shown_field(slice_of(bad[i]), &f), "%s", bad[i]);
}

Test(http_shown, numbers)
{
    static const char *const good[] = { "0", "-1", "12.5", "1e+20", "-0.5e-7", "null", "9000000000000000" };
    static const char *const bad[] = { "",    "-",  "01", "1.",  ".5",  "1e",  "nan",
                                       "inf", "1 ", "+1", "0x1", "1E5", "1,2", "nul" };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        cr_expect(shown_number(slice_of(good[i])), "%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_expect(!shown_number(slice_of(bad[i])), "%s", bad[i]);
}

Test(http_shown, values)
{
    struct shown_value v;
    cr_expect(shown_value(SLICE("null"), &v) && same(v.value, "null") && !v.numerator.p && !v.count.p);
    cr_expect(shown_value(SLICE("0.75 (3/4)"), &v) && same(v.value, "0.75") && same(v.numerator, "3") &&
              same(v.denominator, "4"));
    cr_expect(shown_value(SLICE("12 (n=3 sum=36 p50=11.5 p90=20)"), &v) && same(v.count, "3") && same(v.sum, "36") &&
              same(v.p50, "11.5") && same(v.p90, "20") && !v.numerator.p);
    cr_expect(shown_value(SLICE("40 {new=3,returning=null}"), &v) && same(v.value, "40") &&
              same(v.extras, "new=3,returning=null"));
    cr_expect(shown_value(SLICE("0.6 (3/5) {gap=-2}"), &v) && same(v.denominator, "5") && same(v.extras, "gap=-2"));
    static const char *const bad[] = { "", "x", "1 (", "1 ()", "1 (a/b)", "1 (n=x)", "1 2", "{a=1}", "1{a=1}" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_expect(!shown_value(slice_of(bad[i]), &v), "%s", bad[i]);
}

Test(http_shown, words)
{
    struct slice rest = SLICE("  a b=1  "), word;
    cr_expect(shown_word(&rest, ' ', &word) && same(word, "a"));
    cr_expect(shown_word(&rest, ' ', &word) && same(shown_named(word, "b"), "1") && !shown_named(word, "c").p);
    cr_expect(!shown_word(&rest, ' ', &word));
}

Test(history, days_and_names)
{
    struct line l;
    char list[] = "win_rate, sales_amount";
    const struct config c = { .publish = { .history = list, .history_keep_ms = 86400000 } };
    cr_expect(history_day(0) == 0 && history_day(86399999) == 0 && history_day(86400000) == 1 && history_day(-1) == -1);
    cr_expect(history_expiry_ms(1, 5) == 2 * 86400000 + 5);
    l.n = 0;
    history_key(&l, SLICE("a:b"), SLICE("win_rate"), 20000);
    cr_expect(same(line_text(&l), "hist:a%3Ab:win_rate:20000"));
    l.n = 0;
    history_field(&l, SLICE("7d"), SLICE("team"), SLICE("n|w"));
    cr_expect(same(line_text(&l), "7d|team:n%7Cw|"));
    cr_expect(history_has(&c, SLICE("win_rate")) && history_has(&c, SLICE("sales_amount")) &&
              !history_has(&c, SLICE("win")) && !history_has(&c, SLICE("")));
    cr_expect(history_keeps(&c, SLICE("win_rate"), SLICE("team"), 0, 86400000 * 2 - 1));
    cr_expect(!history_keeps(&c, SLICE("win_rate"), SLICE("team"), 0, 86400000 * 2), "as old as that nobody asks");
    cr_expect(!history_keeps(&c, SLICE("win_rate"), SLICE("rep"), 0, 0), "no names of people");
    cr_expect(!history_keeps(&c, SLICE("win_rate"), SLICE("customer"), 0, 0));
    cr_expect(!history_keeps(&c, SLICE("csat"), SLICE("org"), 0, 0));
}
