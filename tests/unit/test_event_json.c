/* JSON in and out: the vocabulary's example, the matrix of bad input, a round trip of every type. */
#include <criterion/criterion.h>

#include "crmpulse/event_json.h"
#include "event_samples.h"

static struct event_schema schema;
static struct arena a;
static struct event ev;
static struct event_note note;

static void begin(void)
{
    event_schema_init(&schema);
    arena_init(&a, 0, 0);
}

static void end(void)
{
    arena_release(&a);
}

TestSuite(event_json, .init = begin, .fini = end);

/* Decodes from an exact copy without a NUL behind it, which is gone when the event is looked at. */
static enum event_reject decode_n(const char *text, size_t n)
{
    char *copy = malloc(n ? n : 1);
    memcpy(copy, text, n);
    enum event_reject reason = event_json_decode(&schema, &a, copy, n, &ev, &note);
    memset(copy, '#', n);
    free(copy);
    return reason;
}

static enum event_reject decode(const char *text)
{
    return decode_n(text, strlen(text));
}

static bool text_is(enum event_field f, const char *want)
{
    return event_has(&ev, f) && slice_eq(ev.v[f].s, slice_of(want));
}

/* ---- good input ---- */

static const char example[] =
    "{\"event_id\":\"e13\",\"type\":\"deal_closed\",\"org_id\":\"acme\","
    "\"occurred_at_ms\":1741568400000,\"owner_id\":\"ann\",\"deal_id\":\"D1\",\"outcome\":\"won\","
    "\"amount_micros\":60000000000,\"currency\":\"CNY\",\"items\":3,\"cost_micros\":36000000000}";

Test(event_json, example)
{
    cr_assert_eq(decode(example), REJECT_NONE);
    cr_assert_eq(ev.type, EV_DEAL_CLOSED);
    cr_assert(text_is(F_EVENT_ID, "e13") && text_is(F_ORG_ID, "acme") && text_is(F_OWNER_ID, "ann"));
    cr_assert(text_is(F_DEAL_ID, "D1") && text_is(F_OUTCOME, "won") && text_is(F_CURRENCY, "CNY"));
    cr_assert_eq(event_int(&ev, F_OCCURRED_AT_MS, 0), 1741568400000);
    cr_assert_eq(event_int(&ev, F_AMOUNT_MICROS, 0), 60000000000);
    cr_assert_eq(event_int(&ev, F_COST_MICROS, 0), 36000000000);
    cr_assert_eq(event_int(&ev, F_ITEMS, 0), 3);
    cr_assert_eq(note.unknown_keys, 0);
    cr_assert(!event_has(&ev, F_TYPE) && !event_has(&ev, F_REASON));
}

Test(event_json, written_in_the_order_of_the_fields)
{
    static const char want[] =
        "{\"event_id\":\"e13\",\"type\":\"deal_closed\",\"org_id\":\"acme\","
        "\"occurred_at_ms\":1741568400000,\"owner_id\":\"ann\",\"currency\":\"CNY\",\"deal_id\":\"D1\","
        "\"amount_micros\":60000000000,\"cost_micros\":36000000000,\"items\":3,\"outcome\":\"won\"}";
    cr_assert_eq(decode(example), REJECT_NONE);
    cr_assert_str_eq(event_json_encode(&schema, &ev, &a).p, want);
}

Test(event_json, round_trip_of_every_type)
{
    static struct event_sample sample;
    for (int t = 0; t < EVENT_TYPE_COUNT; t++) {
        for (int sparse = 0; sparse < 2; sparse++) {
            sample_fill(&sample, &schema, (enum event_type)t, sparse);
            struct slice text = event_json_encode(&schema, &sample.ev, &a);
            cr_assert_not_null(text.p, "%s", schema.type[t].name);
            cr_assert_null(memchr(text.p, '\n', text.n), "%s is one line", schema.type[t].name);
            cr_assert_eq(decode_n(text.p, text.n), REJECT_NONE, "%s: %s", schema.type[t].name, text.p);
            cr_assert_eq(note.unknown_keys, 0, "%s", schema.type[t].name);
            sample_assert_equal(&ev, &sample.ev, schema.type[t].name);
        }
    }
}

/* An event of type task_assigned (it has a count) or another one, with one more member. */
static enum event_reject decode_with(const char *type, const char *member)
{
    char text[4096];
    int n = snprintf(text, sizeof text, "{\"type\":\"%s\",%s}", type, member);
    return decode_n(text, (size_t)n);
}

struct int_case {
    const char *text;
    enum event_reject want;
    int64_t value;
};

Test(event_json, integers)
{
    static const struct int_case cases[] = {
        { "0", REJECT_NONE, 0 },
        { "-0", REJECT_NONE, 0 },
        { "\"0\"", REJECT_NONE, 0 },
        { "\"-12\"", REJECT_NONE, -12 },
        { "9223372036854775807", REJECT_NONE, INT64_MAX },
        { "-9223372036854775808", REJECT_NONE, INT64_MIN },
        { "\"9223372036854775807\"", REJECT_NONE, INT64_MAX },
        { "\"-9223372036854775808\"", REJECT_NONE, INT64_MIN },
        { "\"9223372036854775808\"", REJECT_OUT_OF_RANGE, 0 },
        { "\"-9223372036854775809\"", REJECT_OUT_OF_RANGE, 0 },
        { "\"99999999999999999999\"", REJECT_OUT_OF_RANGE, 0 },
        { "99999999999999999999", REJECT_MALFORMED, 0 },
        { "1.0", REJECT_MALFORMED, 0 },
        { "1.5", REJECT_MALFORMED, 0 },
        { "1e3", REJECT_MALFORMED, 0 },
        { "1e999", REJECT_MALFORMED, 0 },
        { "NaN", REJECT_MALFORMED, 0 },
        { "Infinity", REJECT_MALFORMED, 0 },
        { "01", REJECT_MALFORMED, 0 },
        { "+1", REJECT_MALFORMED, 0 },
        { "0x10", REJECT_MALFORMED, 0 },
        { "\"\"", REJECT_MALFORMED, 0 },
        { "\"-\"", REJECT_MALFORMED, 0 },
        { "\"+1\"", REJECT_MALFORMED, 0 },
        { "\" 1\"", REJECT_MALFORMED, 0 },
        { "\"1 \"", REJECT_MALFORMED, 0 },
        { "\"01\"", REJECT_MALFORMED, 0 },
        { "\"1.0\"", REJECT_MALFORMED, 0 },
        { "\"1e3\"", REJECT_MALFORMED, 0 },
        { "\"1\\u0000\"", REJECT_MALFORMED, 0 },
        { "true", REJECT_MALFORMED, 0 },
        { "[1]", REJECT_MALFORMED, 0 },
        { "{}", REJECT_MALFORMED, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char member[128];
        snprintf(member, sizeof member, "\"amount_micros\":%s", cases[i].text);
        enum event_reject got = decode_with("deal_closed", member);
        cr_expect_eq(got, cases[i].want, "%s: %s", cases[i].text, event_reject_name(got));
        if (got == REJECT_NONE)
            cr_expect_eq(event_int(&ev, F_AMOUNT_MICROS, 77), cases[i].value, "%s", cases[i].text);
    }
}

Test(event_json, yes_and_no)
{
    cr_assert_eq(decode_with("ticket_hold", "\"on\":true"), REJECT_NONE);
    cr_assert_eq(event_int(&ev, F_ON, 7), 1);
    cr_assert_eq(decode_with("ticket_hold", "\"on\":false"), REJECT_NONE);
    cr_assert_eq(event_int(&ev, F_ON, 7), 0);
    cr_assert_eq(decode_with("ticket_hold", "\"on\":1"), REJECT_MALFORMED);
    cr_assert_eq(note.field, F_ON);
    cr_assert_eq(decode_with("ticket_hold", "\"on\":\"true\""), REJECT_MALFORMED);
    cr_assert_eq(decode_with("process_finished", "\"conformant\":true"), REJECT_NONE);
    cr_assert_eq(event_int(&ev, F_CONFORMANT, 7), 1);
    cr_assert_eq(decode_with("record_created", "\"conformant\":9"), REJECT_NONE);
    cr_assert_eq(event_int(&ev, F_CONFORMANT, 7), 9);
}

Test(event_json, null_and_empty_list_are_absent)
{
    cr_assert_eq(decode_with("deal_closed", "\"items\":null,\"reason\":null"), REJECT_NONE);
    cr_assert(!event_has(&ev, F_ITEMS) && !event_has(&ev, F_REASON));
    cr_assert_eq(note.unknown_keys, 0);
    cr_assert_eq(decode_with("target_set", "\"distribution_ppm\":[]"), REJECT_NONE);
    cr_assert(!event_has(&ev, F_DISTRIBUTION_PPM));
}

Test(event_json, unknown_keys_are_counted)
{
    cr_assert_eq(decode_with("login", "\"colour\":\"red\",\"nested\":{\"type\":[1.5,{}]},\"amount_micros\":1.5"),
                 REJECT_NONE);
    cr_assert_eq(note.unknown_keys, 3); /* amount_micros is no field of a login */
    cr_assert(!event_has(&ev, F_AMOUNT_MICROS));
}

Test(event_json, lists)
{
    cr_assert_eq(decode_with("target_set", "\"distribution_ppm\":[250000,\"750000\"]"), REJECT_NONE);
    cr_assert_eq(ev.v[F_DISTRIBUTION_PPM].ppm.n, 2);
    cr_assert_eq(ev.v[F_DISTRIBUTION_PPM].ppm.p[1], 750000);
    cr_assert_eq(decode_with("target_set", "\"distribution_ppm\":[2147483648]"), REJECT_OUT_OF_RANGE);
    cr_assert_eq(decode_with("target_set", "\"distribution_ppm\":[0.5]"), REJECT_MALFORMED);
    cr_assert_eq(decode_with("target_set", "\"distribution_ppm\":5"), REJECT_MALFORMED);
    char member[2048] = "\"distribution_ppm\":[0";
    for (int i = 1; i < EVENT_PPM_LIST_MAX; i++)
        strcat(member, ",0");
    char *close = member + strlen(member);
    cr_assert_eq(decode_with("target_set", strcat(member, "]")), REJECT_NONE);
    cr_assert_eq(ev.v[F_DISTRIBUTION_PPM].ppm.n, 366);
    strcpy(close, ",0]");
    cr_assert_eq(decode_with("target_set", member), REJECT_OUT_OF_RANGE);
}

Test(event_json, texts)
{
    cr_assert_eq(decode_with("login", "\"user_id\":\"\\u00e9\\ud83d\\ude00\\n{}|<script>\""), REJECT_NONE);
    cr_assert(text_is(F_USER_ID, "\xC3\xA9\xF0\x9F\x98\x80\n{}|<script>"));
    cr_assert_eq(decode_with("login", "\"user_id\":\"\""), REJECT_NONE);
    cr_assert(text_is(F_USER_ID, ""));
    cr_assert_eq(decode_with("login", "\"user_id\":7"), REJECT_MALFORMED);
    cr_assert_eq(note.field, F_USER_ID);
    cr_assert_eq(decode_with("login", "\"user_id\":\"a\\u0000b\""), REJECT_INVALID_UTF8);
    cr_assert_eq(decode_with("login", "\"user_id\":\"a\xFF\""), REJECT_INVALID_UTF8);
    cr_assert_eq(decode_with("login", "\"user_id\":\"\xC0\x80\""), REJECT_INVALID_UTF8);
    cr_assert_eq(decode_with("login", "\"user_id\":\"\xED\xA0\x80\""), REJECT_INVALID_UTF8);
    cr_assert_eq(decode_with("login", "\"user_id\":\"\\ud800\""), REJECT_MALFORMED);
}

Test(event_json, escapes_of_controls)
{
    cr_assert_eq(decode_with("login", "\"user_id\":\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\\u007f/\""), REJECT_NONE);
    struct slice text = event_json_encode(&schema, &ev, &a);
    cr_assert_str_eq(text.p, "{\"type\":\"login\",\"user_id\":\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\\u007f/\"}");
}

/* ---- CloudEvents ---- */

Test(event_json, cloud_event)
{
    cr_assert_eq(decode("{\"specversion\":\"1.0\",\"id\":\"ce-1\",\"type\":\"com.example.login\",\"source\":\"/crm\","
                        "\"data\":{\"type\":\"login\",\"user_id\":\"u\"}}"),
                 REJECT_NONE);
    cr_assert_eq(ev.type, EV_LOGIN);
    cr_assert(text_is(F_EVENT_ID, "ce-1") && text_is(F_USER_ID, "u"));
    cr_assert(!event_has(&ev, F_SOURCE));
    cr_assert_eq(note.unknown_keys, 0);
    cr_assert_eq(decode("{\"specversion\":\"1.0\",\"id\":\"ce-1\",\"data\":{\"type\":\"login\",\"event_id\":\"own\"}}"),
                 REJECT_NONE);
    cr_assert(text_is(F_EVENT_ID, "own"));
}

/* ---- bad input ---- */

Test(event_json, malformed)
{
    static const char *const texts[] = {
        "",
        " ",
        "{",
        "{\"type\":\"login\"",
        "{\"type\":\"login\"}}",
        "{\"type\":\"login\"} x",
        "{\"type\":\"login\"}{\"type\":\"login\"}",
        "\xEF\xBB\xBF{\"type\":\"login\"}",
        "{\"type\":\"login\",\"type\":\"login\"}",
        "{\"type\":\"login\",\"user_id\":\"a\",\"user_id\":\"b\"}",
        "{\"type\":\"login\",\"x\":{\"y\":1,\"y\":1}}",
        "{\"type\":\"login\",\"x\":1e999}",
        "{\"type\":\"login\",\"x\":NaN}",
        "{\"type\":\"login\",}",
        "{type:\"login\"}",
        "{'type':'login'}",
        "// {\"type\":\"login\"}",
        "{\"type\":7}",
        "[{\"type\":\"login\"}]",
        "\"login\"",
        "null",
        "7",
        "{\"type\":\"login\",\"a\\u0000b\":1}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        enum event_reject got = decode(texts[i]);
        cr_expect_eq(got, REJECT_MALFORMED, "%s: %s", texts[i], event_reject_name(got));
    }
}

Test(event_json, blanks_around_are_fine)
{
    cr_assert_eq(decode(" \t\r\n{ \"type\" : \"login\" }\r\n"), REJECT_NONE);
}

Test(event_json, types)
{
    cr_assert_eq(decode("{}"), REJECT_MISSING_FIELD);
    cr_assert_eq(note.field, F_TYPE);
    cr_assert_eq(decode("{\"type\":null}"), REJECT_MISSING_FIELD);
    cr_assert_eq(decode("{\"type\":\"logout\"}"), REJECT_UNKNOWN_TYPE);
    cr_assert_eq(decode("{\"type\":\"\"}"), REJECT_UNKNOWN_TYPE);
    cr_assert_eq(decode("{\"type\":\"login\\u0000\"}"), REJECT_UNKNOWN_TYPE);
}

/* {"type":"login","x":[[...]]} with `depth` levels in all. */
static enum event_reject decode_nested(int depth, char open, char close)
{
    static char text[32768];
    int n = snprintf(text, sizeof text, "{\"type\":\"login\",\"x\":");
    for (int i = 1; i < depth; i++) {
        text[n++] = open;
        if (open == '{' && i + 1 < depth)
            n += snprintf(text + n, 8, "\"k\":");
    }
    for (int i = 1; i < depth; i++)
        text[n++] = close;
    text[n++] = '}';
    return decode_n(text, (size_t)n);
}

Test(event_json, depth)
{
    cr_assert_eq(decode_nested(32, '[', ']'), REJECT_NONE);
    cr_assert_eq(decode_nested(33, '[', ']'), REJECT_MALFORMED);
    cr_assert_eq(decode_nested(32, '{', '}'), REJECT_NONE);
    cr_assert_eq(decode_nested(33, '{', '}'), REJECT_MALFORMED);
    cr_assert_eq(decode_nested(10000, '[', ']'), REJECT_MALFORMED);
    cr_assert_eq(decode_with("login", "\"user_id\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[\""), REJECT_NONE,
                 "brackets in a text do not nest");
}

Test(event_json, size)
{
    static char text[EVENT_JSON_MAX_BYTES + 1];
    memset(text, ' ', sizeof text);
    memcpy(text, "{\"type\":\"login\"}", 16);
    cr_assert_eq(decode_n(text, EVENT_JSON_MAX_BYTES), REJECT_NONE);
    cr_assert_eq(decode_n(text, EVENT_JSON_MAX_BYTES + 1), REJECT_TOO_LARGE);
}

Test(event_json, an_arena_without_memory)
{
    struct arena small;
    arena_init(&small, 64, 64);
    cr_assert_eq(event_json_decode(&schema, &small, example, sizeof example - 1, &ev, &note), REJECT_TOO_LARGE);
    cr_assert_null(event_json_encode(&schema, &ev, &small).p);
    arena_release(&small);
}

Test(event_json, failure_leaves_the_arena_as_it_was)
{
    cr_assert_eq(decode(example), REJECT_NONE);
    struct arena_mark before = arena_mark(&a);
    cr_assert_eq(decode_with("login", "\"event_id\":\"a text before the bad one\",\"user_id\":7"), REJECT_MALFORMED);
    struct arena_mark after = arena_mark(&a);
    cr_assert(before.block == after.block && before.used == after.used);
}
