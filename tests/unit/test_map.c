/* CSV mappings: values, texts, conditions, joins, and where mistakes are reported. */
#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>

#include "crmpulse/map.h"
#include "daemon/cli/map_int.h"

/* ---- values ---- */

static const char *why;

static void expect_decimal(const char *text, int64_t factor, int64_t want)
{
    int64_t got = -1;
    cr_expect_eq(map_decimal(slice_of(text), factor, &got, &why), 0, "%s: %s", text, why);
    cr_expect_eq(got, want, "%s x %lld = %lld, not %lld", text, (long long)factor, (long long)got, (long long)want);
}

static void refuse_decimal(const char *text, int64_t factor)
{
    int64_t got;
    cr_expect_eq(map_decimal(slice_of(text), factor, &got, &why), -1, "%s", text);
}

Test(map, decimals_are_exact)
{
    expect_decimal("1054", 1000000, 1054000000);
    expect_decimal("38.15", 1000000, 38150000);
    expect_decimal("0.1", 1000000, 100000);
    expect_decimal("0.000001", 1000000, 1);
    expect_decimal("1.10000000", 1000000, 1100000); /* zeros beyond the scale are no loss */
    expect_decimal("-2.5", 1000, -2500);
    expect_decimal("+7", 1, 7);
    expect_decimal("3.0", 1, 3);
    expect_decimal(".5", 1000, 500);
    expect_decimal("5.", 1000, 5000);
    expect_decimal("1.5", 60000, 90000); /* a minute and a half in ms */
    expect_decimal("9223372036854775807", 1, INT64_MAX);
    refuse_decimal("0.0000001", 1000000);
    refuse_decimal("3.5", 1);
    refuse_decimal("9223372036854775808", 1);
    refuse_decimal("-9223372036854775808", 1);
    refuse_decimal("9223372036854.775808", 1000000);
    refuse_decimal("", 1);
    refuse_decimal("-", 1);
    refuse_decimal(".", 1);
    refuse_decimal("1,000", 1);
    refuse_decimal("1.2.3", 1000000);
    refuse_decimal("12a", 1);
    refuse_decimal(" 1", 1);
}

static int64_t date(const char *text, const char *format, int64_t at_ms)
{
    int64_t ms;
    return map_date(slice_of(text), slice_of(format), at_ms, &ms, &why) ? -1 : ms;
}

Test(map, dates)
{
    const int64_t noon = 12 * 3600000, day = INT64_C(19782) * 86400000; /* 2024-02-29 is day 19782 */
    cr_expect_eq(date("2024-02-29", "", 0), day);
    cr_expect_eq(date("2024-02-29", "", noon), day + noon);
    cr_expect_eq(date("2024-02-29T01:00:00Z", "", noon), day + 3600000); /* a time of its own */
    cr_expect_eq(date("29/2/2024 03:04", "%d/%m/%Y %H:%M", noon), day + 3 * 3600000 + 4 * 60000);
    cr_expect_eq(date("29.02.2024", "%d.%m.%Y", noon), day + noon);
    cr_expect_eq(date("2024-02-29 03:00:07", "%Y-%m-%d %H:%M:%S", noon), day + 3 * 3600000 + 7000);
    cr_expect_eq(date("2023-02-29", "", 0), -1);
    cr_expect_eq(date("31/04/2024", "%d/%m/%Y", 0), -1);
    cr_expect_eq(date("2024-02-29 25:00:00", "%Y-%m-%d %H:%M:%S", 0), -1);
    cr_expect_eq(date("2024-02-29x", "%Y-%m-%d", 0), -1);
    cr_expect_eq(date("2024-02", "%Y-%m-%d", 0), -1);
    cr_expect_eq(date("?", "", 0), -1);
}

Test(map, booleans_and_units)
{
    int64_t v = -1;
    cr_expect(map_bool(SLICE("True"), &v, &why) == 0 && v == 1);
    cr_expect(map_bool(SLICE("no"), &v, &why) == 0 && v == 0);
    cr_expect_eq(map_bool(SLICE("maybe"), &v, &why), -1);
    cr_expect_eq(map_unit_factor(FIELD_MICROS, SLICE("")), 1000000);
    cr_expect_eq(map_unit_factor(FIELD_MICROS, SLICE("cents")), 10000);
    cr_expect_eq(map_unit_factor(FIELD_DURATION_MS, SLICE("h")), 3600000);
    cr_expect_eq(map_unit_factor(FIELD_PPM, SLICE("percent")), 10000);
    cr_expect_eq(map_unit_factor(FIELD_MILLI, SLICE("h")), 0);
}

/* ---- whole mappings ---- */

struct world {
    char log[4096]; /* events as "type field=value ..;", problems as "file:line:column message;" */
    const char *file[4][2];
};

static int on_read(void *ctx, struct slice file, struct slice *ret)
{
    struct world *w = ctx;
    for (int i = 0; i < 4 && w->file[i][0]; i++)
        if (slice_eq(file, slice_of(w->file[i][0]))) {
            *ret = slice_of(w->file[i][1]);
            return 0;
        }
    return -1;
}

static void say(struct world *w, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    size_t n = strlen(w->log);
    vsnprintf(w->log + n, sizeof w->log - n, format, args);
    va_end(args);
}

static void on_problem(void *ctx, struct slice file, uint32_t line, uint32_t column, const char *message)
{
    say(ctx, "%.*s:%u:%u %s;", (int)file.n, file.p, line, column, message);
}

/* All fields of an event but its id and org, in the order of the vocabulary. */
static int on_event(void *ctx, const struct event *ev, struct slice file, uint32_t line)
{
    struct event_schema schema;
    event_schema_init(&schema);
    say(ctx, "%s@%.*s:%u", schema.type[ev->type].name, (int)file.n, file.p, line);
    for (int f = 0; f < EVENT_FIELD_COUNT; f++) {
        enum field_kind kind = event_field_info((enum event_field)f)->kind;
        if (!event_has(ev, (enum event_field)f) || f == F_ORG_ID)
            continue;
        if (kind <= FIELD_CURRENCY)
            say(ctx, " %s=%.*s", event_field_info((enum event_field)f)->name, (int)ev->v[f].s.n, ev->v[f].s.p);
        else
            say(ctx, " %s=%lld", event_field_info((enum event_field)f)->name, (long long)ev->v[f].i);
    }
    say(ctx, ";");
    return 0;
}

static int convert(struct world *w, const char *yaml)
{
    const struct map_calls calls = { w, on_read, on_problem, on_event };
    w->log[0] = '\0';
    struct map *map = map_new("m.yaml", slice_of(yaml), &calls);
    int rc = map ? map_convert(map, SLICE("main.csv")) : -2;
    map_free(map);
    return rc;
}

Test(map, constants_columns_lookups_and_row_numbers)
{
    struct world w = { .file = { { "main.csv", "id,size,empty\nA,big,\nB,odd,\n" } } };
    cr_expect_eq(convert(&w, "lookups:\n  sizes: { big: L }\n"
                             "every: { org_id: o }\n"
                             "events:\n"
                             "  - type: login\n"
                             "    fields:\n"
                             "      event_id: \"{id}-{row:3}\"\n"
                             "      user_id: \"{{{id}\"\n"
                             "      device: \"{size|sizes}\"\n"
                             "      session_id: \"s-{empty}\"\n"),
                 0);
    cr_expect_str_eq(
        w.log,
        "login@main.csv:2 event_id=A-000 user_id={A device=L;login@main.csv:3 event_id=B-001 user_id={B device=odd;");
}

Test(map, conditions_choose_rows)
{
    struct world w = { .file = { { "main.csv", "id,n,s\na,9,Won\nb,10,Lost\nc,,Open\nd,x,Won\n" } } };
    static const struct {
        const char *when, *ids;
    } cases[] = {
        { "{s} = Won", "ad" },   { "{s} = Won|Lost", "abd" }, { "{s} != Won|Lost", "c" }, { "{n} present", "abd" },
        { "{n} absent", "c" },   { "{n} < 10", "a" },         { "{n} >= 9", "abd" },      { "{s} < Open", "b" },
        { "{s} = {s}", "abcd" }, { "{n} > 9", "bd" },         { "{n} <= 10", "ab" },
    };
    /* "x" is no number, so it is compared bytewise: above any digit. */
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char yaml[512], ids[16] = "";
        snprintf(yaml, sizeof yaml,
                 "events:\n  - type: login\n    when: [\"%s\"]\n    fields: { event_id: \"{id}\" }\n", cases[i].when);
        cr_assert_eq(convert(&w, yaml), 0, "%s: %s", cases[i].when, w.log);
        for (const char *p = w.log; (p = strstr(p, "event_id=")) != NULL; p++)
            strncat(ids, p + 9, 1);
        cr_expect_str_eq(ids, cases[i].ids, "%s gives %s", cases[i].when, ids);
    }
}

/* As of: the dearest plan that had begun; among equals the larger id; none for an unknown key. */
Test(map, joins)
{
    struct world w = {
        .file = { { "main.csv", "id,who,day\n1,ann,2024-05-01\n2,ann,2024-01-15\n3,bob,2024-05-01\n4,,2024-05-01\n" },
                  { "plans.csv",
                    "plan,user,from,price\nP1,ann,2024-01-01,9\nP3,ann,2024-02-01,10\nP2,ann,2024-03-01,10\n"
                    "P4,ann,2024-06-01,99\n" } }
    };
    static const char yaml[] = "tables:\n"
                               "  plan:\n"
                               "    file: plans.csv\n"
                               "    key: user\n"
                               "    of: \"{who}\"\n"
                               "    where: [\"{plan.from} <= {day}\"]\n"
                               "    best: [price, plan]\n"
                               "events:\n"
                               "  - type: order_placed\n"
                               "    fields:\n"
                               "      event_id: \"{id}\"\n"
                               "      order_id: \"{plan.plan}\"\n"
                               "      amount_micros: \"{plan.price}\"\n";
    cr_expect_eq(convert(&w, yaml), 0);
    cr_expect_str_eq(w.log, "order_placed@main.csv:2 event_id=1 amount_micros=10000000 order_id=P3;"
                            "order_placed@main.csv:3 event_id=2 amount_micros=9000000 order_id=P1;"
                            "order_placed@main.csv:4 event_id=3;order_placed@main.csv:5 event_id=4;");
}

Test(map, instants_with_delays_and_middles)
{
    struct world w = { .file = { { "main.csv", "id,a,b,wait\n1,1970-01-01,1970-01-05,30\n2,1970-01-02,,\n" } } };
    static const char yaml[] = "events:\n"
                               "  - type: task_assigned\n"
                               "    fields:\n"
                               "      event_id: \"{id}\"\n"
                               "      occurred_at_ms: { text: \"{a}\", at: \"12:00\", plus: \"{wait}\", unit: min }\n"
                               "      due_at_ms: { middle_of: [\"{a}\", \"{b}\"], at: \"06:00\" }\n";
    cr_expect_eq(convert(&w, yaml), 0);
    /* noon and 30 minutes = 45,000 s; the middle of the 1st and the 5th, 6 o'clock, is the 3rd = 2 days and 6 hours */
    cr_expect_str_eq(w.log, "task_assigned@main.csv:2 event_id=1 occurred_at_ms=45000000 "
                            "due_at_ms=194400000;task_assigned@main.csv:3 event_id=2;");
}

Test(map, rows_of_other_files_and_bad_rows)
{
    struct world w = { .file = { { "main.csv", "id\n1\n" }, { "other.csv", "id,n\n\"7\",x\n8,5\n" } } };
    static const char yaml[] = "events:\n"
                               "  - type: login\n"
                               "    fields: { event_id: \"{id}\" }\n"
                               "  - type: feature_used\n"
                               "    rows: other.csv\n"
                               "    fields: { event_id: \"{id}\", n: \"{n}\" }\n";
    cr_expect_eq(convert(&w, yaml), 0);
    cr_expect_str_eq(
        w.log, "login@main.csv:2 event_id=1;other.csv:2:0 n: not a number;feature_used@other.csv:3 event_id=8 n=5;");
}

Test(map, mistakes_have_a_place)
{
    struct world w = { .file = { { "main.csv", "id\n1\n" } } };
    static const struct {
        const char *yaml, *log;
        int rc;
    } cases[] = {
        { "events:\n  - type: login\n    fields: { colour: x }\n",
          "m.yaml:3:15 no field of an event that a mapping can fill;", -2 },
        { "evens: []\nevents: []\n", "m.yaml:1:1 an unknown key;", -2 },
        { "events:\n  - type: login\n    fields: { event_id: \"{none}\" }\n", "m.yaml:3:25 there is no such column;",
          -1 },
        { "events:\n  - type: login\n    when: [\"{id} is 1\"]\n    fields: {}\n",
          "m.yaml:3:12 no operator: = != < <= > >= between blanks, present or absent;", -2 },
        { "tables:\n  t: { file: absent.csv, key: k, of: \"{id}\" }\nevents: []\n", "", -1 },
        { "tables:\n  t: { file: main.csv, key: k, of: \"{id}\" }\nevents: []\n",
          "main.csv:1:0 the table's `key` or `best` names no column;", -1 },
        { "events:\n  - type: login\n    fields: { event_id: { text: a, unit: h } }\n",
          "m.yaml:3:25 no such unit for this field;", -2 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_expect_eq(convert(&w, cases[i].yaml), cases[i].rc, "case %zu: %s", i, w.log);
        cr_expect_str_eq(w.log, cases[i].log, "case %zu: %s", i, w.log);
    }
}

/* YAML can write a NUL; it was once read as the end of the text, over and over. */
Test(map, a_nul_in_a_text_is_a_byte)
{
    struct world w = { .file = { { "main.csv", "id,s\n1,x\n" } } };
    cr_expect_eq(convert(&w, "events:\n  - type: login\n    fields: { event_id: \"a\\0{id}b\", user_id: u }\n"), 0);
    cr_expect_str_eq(w.log, "login@main.csv:2 event_id=a user_id=u;"); /* as far as a C string shows it */
    cr_expect_eq(
        convert(&w, "events:\n  - type: login\n    when: [\"\\0\\0 = {s}\"]\n    fields: { event_id: \"\\0\" }\n"), 0);
    cr_expect_str_eq(w.log, "");
}

/* What the type does not have could not be sent: refused with its place. */
Test(map, fields_of_other_types_are_refused)
{
    struct world w = { .file = { { "main.csv", "id,s\n1,x\n" } } };
    cr_expect_lt(convert(&w, "events:\n  - type: deal_closed\n    fields: { event_id: \"{id}\", user_id: u }\n"), 0);
    cr_expect(strstr(w.log, "no field of this event type"), "%s", w.log);
    cr_expect_lt(convert(&w, "every: { deal_id: d }\nevents:\n  - type: login\n    fields: { event_id: \"{id}\" }\n"),
                 0);
    cr_expect(strstr(w.log, "`every` fills a field"), "%s", w.log);
    cr_expect_lt(convert(&w, "every: { colour: d }\nevents:\n  - type: login\n    fields: { shade: d }\n"), 0);
    cr_expect_str_eq(w.log, "m.yaml:1:10 no field of an event that a mapping can fill;"
                            "m.yaml:4:15 no field of an event that a mapping can fill;");
}
