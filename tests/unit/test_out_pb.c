/* Outputs: every field of each struct arrives under its name, read back as JSON by the descriptors. The expected texts are
 * written by hand in the order of the field numbers; every value is different, so that no two fields can be swapped. */
#include <criterion/criterion.h>
#include <math.h>

#include "crmpulse/event_pb.h"
#include "crmpulse/out_pb.h"
#include "crmpulse/v1/kpi.pb-c.h"

static struct arena a;

static void begin(void)
{
    arena_init(&a, 0, 0);
}

static void end(void)
{
    arena_release(&a);
}

TestSuite(out_pb, .init = begin, .fini = end);

static const char *json(enum out_message which, struct slice bytes)
{
    struct slice text = { "(none)", 0 };
    cr_assert_not_null(bytes.p, "not encoded");
    cr_assert_eq(out_json_from_bytes(&a, which, (const uint8_t *)bytes.p, bytes.n, &text), 0);
    cr_assert_eq(strlen(text.p), text.n);
    return text.p;
}

static struct kpi_row sample_row(void)
{
    return (struct kpi_row){ .id = SLICE("id1"),
                             .org = SLICE("acme"),
                             .kpi = SLICE("win_rate"),
                             .window = SLICE("30d"),
                             .dim = SLICE("rep"),
                             .subject = SLICE("ann"),
                             .value = 0.1,
                             .is_ratio = true,
                             .numerator = 3,
                             .denominator = 30,
                             .window_start_ms = 101,
                             .window_end_ms = 102,
                             .at_ms = 103,
                             .revision = 4,
                             .unit = SLICE("ratio"),
                             .flags = SLICE("cost_missing"),
                             .has_distribution = true,
                             .sum = INT64_MIN,
                             .count = INT64_MAX,
                             .mean = 1.5,
                             .p50 = 50.5,
                             .p90 = 90.5,
                             .p95 = 95.5,
                             .p99 = 1e300,
                             .quantile_error = 0.01,
                             .definition_hash = SLICE("beef"),
                             .judged = true,
                             .emitted_at_ms = 105 };
}

Test(out_pb, kpi_row)
{
    struct kpi_row row = sample_row();
    cr_assert_str_eq(
        json(OUT_KPI_ROW, out_pb_kpi_row(&a, &row)),
        "{\"id\":\"id1\",\"org\":\"acme\",\"kpi\":\"win_rate\",\"window\":\"30d\",\"dim\":\"rep\","
        "\"subject\":\"ann\",\"value\":0.1,\"is_null\":false,\"is_ratio\":true,\"numerator\":3,"
        "\"denominator\":30,\"window_start_ms\":101,\"window_end_ms\":102,\"at_ms\":103,\"revision\":4,"
        "\"unit\":\"ratio\",\"flags\":\"cost_missing\",\"has_distribution\":true,"
        "\"sum\":-9223372036854775808,\"count\":9223372036854775807,\"mean\":1.5,\"p50\":50.5,\"p90\":90.5,"
        "\"p95\":95.5,\"p99\":1e+300,\"quantile_error\":0.01,\"definition_hash\":\"beef\",\"judged\":true,"
        "\"emitted_at_ms\":105}");
}

Test(out_pb, booleans_do_not_stand_in_for_each_other)
{
    struct kpi_row row = { .is_null = true };
    const char *text = json(OUT_KPI_ROW, out_pb_kpi_row(&a, &row));
    cr_assert_not_null(strstr(text, "\"is_null\":true,\"is_ratio\":false"));
    cr_assert_not_null(strstr(text, "\"has_distribution\":false"));
    row = (struct kpi_row){ .judged = true };
    text = json(OUT_KPI_ROW, out_pb_kpi_row(&a, &row));
    cr_assert_not_null(strstr(text, "\"is_null\":false,\"is_ratio\":false"));
    cr_assert_not_null(strstr(text, "\"has_distribution\":false"));
    cr_assert_not_null(strstr(text, "\"judged\":true"));
}

/* Field 1 with "id1", field 12 with 101 and so on, by the wire format's specification. */
Test(out_pb, literal_bytes)
{
    struct kpi_row row = { .id = SLICE("id1"), .value = 1.0, .window_start_ms = 300, .judged = true };
    static const uint8_t want[] = { 0x0A, 3,    'i',  'd', '1',                   /* id */
                                    0x39, 0,    0,    0,   0,   0, 0, 0xF0, 0x3F, /* value: 1.0, little-endian */
                                    0x60, 0xAC, 0x02,                             /* window_start_ms */
                                    0xE0, 0x01, 0x01 };                           /* judged: field 28 */
    struct slice bytes = out_pb_kpi_row(&a, &row);
    cr_assert_eq(bytes.n, sizeof want);
    cr_assert_eq(memcmp(bytes.p, want, sizeof want), 0);
}

Test(out_pb, alert_transition)
{
    const struct slice evidence[] = { SLICE("e1"), SLICE("e\"2") };
    struct alert_transition alert = { .id = SLICE("id2"),
                                      .rule = SLICE("csat_low"),
                                      .org = SLICE("acme"),
                                      .dim = SLICE("team"),
                                      .subject = SLICE("north"),
                                      .level = SLICE("warning"),
                                      .from_state = SLICE("pending"),
                                      .to_state = SLICE("firing"),
                                      .tick_ms = 201,
                                      .occurred_at_ms = 202,
                                      .kpi = SLICE("csat"),
                                      .window = SLICE("r30"),
                                      .window_start_ms = 203,
                                      .window_end_ms = 204,
                                      .value = 0.75,
                                      .numerator = 30,
                                      .denominator = 40,
                                      .samples = 41,
                                      .threshold = 0.8,
                                      .condition = SLICE("< 0.80"),
                                      .revision = 2,
                                      .definition_hash = SLICE("cafe"),
                                      .historical = true,
                                      .evidence_event_ids = evidence,
                                      .evidence_count = 2,
                                      .evidence_truncated = true,
                                      .page = true,
                                      .emitted_at_ms = 205 };
    cr_assert_str_eq(json(OUT_ALERT_TRANSITION, out_pb_alert_transition(&a, &alert)),
                     "{\"id\":\"id2\",\"rule\":\"csat_low\",\"org\":\"acme\",\"dim\":\"team\",\"subject\":\"north\","
                     "\"level\":\"warning\",\"from_state\":\"pending\",\"to_state\":\"firing\",\"tick_ms\":201,"
                     "\"occurred_at_ms\":202,\"kpi\":\"csat\",\"window\":\"r30\",\"window_start_ms\":203,"
                     "\"window_end_ms\":204,\"value\":0.75,\"is_null\":false,\"numerator\":30,\"denominator\":40,"
                     "\"samples\":41,\"threshold\":0.8,\"revision\":2,\"definition_hash\":\"cafe\",\"historical\":true,"
                     "\"evidence_event_ids\":[\"e1\",\"e\\\"2\"],\"emitted_at_ms\":205,\"condition\":\"< 0.80\","
                     "\"page\":true,\"evidence_truncated\":true}");
    alert = (struct alert_transition){ .is_null = true };
    const char *text = json(OUT_ALERT_TRANSITION, out_pb_alert_transition(&a, &alert));
    cr_assert_not_null(strstr(text, "\"is_null\":true"));
    cr_assert_not_null(strstr(text, "\"historical\":false,\"evidence_event_ids\":[]"));
}

Test(out_pb, board_snapshot)
{
    const struct board_entry entries[] = {
        { .subject = SLICE("ann"),
          .rank = 1,
          .previous_rank = 3,
          .movement = 2,
          .value = 9.5,
          .reached_at_ms = 306,
          .last_rank = 4,
          .moved = 3,
          .samples = 12 },
        { .subject = SLICE("bob"),
          .rank = 2,
          .movement = -1,
          .value = 8.25,
          .gap = 1.25,
          .reached_at_ms = 307,
          .is_null = true },
    };
    struct board_snapshot board = { .id = SLICE("id3"),
                                    .board = SLICE("top_sellers"),
                                    .org = SLICE("acme"),
                                    .kpi = SLICE("sales"),
                                    .window = SLICE("m"),
                                    .dim = SLICE("rep"),
                                    .tick_ms = 301,
                                    .window_start_ms = 302,
                                    .window_end_ms = 303,
                                    .entries = entries,
                                    .entry_count = 2,
                                    .revision = 5,
                                    .definition_hash = SLICE("f00d"),
                                    .change = true,
                                    .ranked_count = 9,
                                    .emitted_at_ms = 304 };
    cr_assert_str_eq(json(OUT_BOARD_SNAPSHOT, out_pb_board_snapshot(&a, &board)),
                     "{\"id\":\"id3\",\"board\":\"top_sellers\",\"org\":\"acme\",\"kpi\":\"sales\",\"window\":\"m\","
                     "\"dim\":\"rep\",\"tick_ms\":301,\"window_start_ms\":302,\"window_end_ms\":303,\"entries\":["
                     "{\"subject\":\"ann\",\"rank\":1,\"previous_rank\":3,\"movement\":2,\"value\":9.5,\"gap\":0,"
                     "\"reached_at_ms\":306,\"is_null\":false,\"last_rank\":4,\"moved\":3,\"samples\":12},"
                     "{\"subject\":\"bob\",\"rank\":2,\"previous_rank\":0,\"movement\":-1,\"value\":8.25,\"gap\":1.25,"
                     "\"reached_at_ms\":307,\"is_null\":true,\"last_rank\":0,"
                     "\"moved\":0,\"samples\":0}],\"revision\":5,\"definition_hash\":\"f00d\",\"emitted_at_ms\":304,"
                     "\"change\":true,\"ranked_count\":9}");
}

Test(out_pb, scorecard_snapshot)
{
    const struct scorecard_grade grades[] = { { SLICE("good"), 0.75 }, { SLICE("bad"), 0.25 } };
    const struct scorecard_kpi kpis[] = {
        { .kpi = SLICE("sales"),
          .weight_bp = 6000,
          .value = 1.5,
          .score = 80.5,
          .effective_weight = 0.75,
          .perf = 0.5,
          .mix = -0.25,
          .of = SLICE("p/F"),
          .grades = grades,
          .grade_count = 1 },
        { .kpi = SLICE("csat"), .weight_bp = 4000, .is_null = true, .missing_reason = SLICE("no_target") },
    };
    const struct scorecard_perspective perspectives[] = {
        { .name = SLICE("financial"),
          .weight_bp = 7000,
          .score = 80.25,
          .kpis = kpis,
          .kpi_count = 2,
          .grades = grades,
          .grade_count = 2 },
        { .name = SLICE("customer"), .weight_bp = 3000, .is_null = true },
    };
    const struct slice rewards[] = { SLICE("more") };
    struct scorecard_snapshot card = { .id = SLICE("id4"),
                                       .scorecard = SLICE("seller"),
                                       .version = SLICE("2"),
                                       .org = SLICE("acme"),
                                       .dim = SLICE("rep"),
                                       .subject = SLICE("ann"),
                                       .tick_ms = 401,
                                       .window = SLICE("q"),
                                       .window_start_ms = 402,
                                       .window_end_ms = 403,
                                       .score = 80.125,
                                       .coverage = 0.625,
                                       .band = SLICE("gold"),
                                       .provisional = true,
                                       .perspectives = perspectives,
                                       .perspective_count = 2,
                                       .revision = 6,
                                       .definition_hash = SLICE("d00f"),
                                       .points = 2,
                                       .rewards = rewards,
                                       .reward_count = 1,
                                       .has_pay = true,
                                       .pay_factor = 1.25,
                                       .has_change = true,
                                       .change = -3.5,
                                       .review_due = true,
                                       .grades = grades,
                                       .grade_count = 2,
                                       .has_alpha = true,
                                       .alpha = 0.375,
                                       .panel_weights = true,
                                       .emitted_at_ms = 404 };
    cr_assert_str_eq(
        json(OUT_SCORECARD_SNAPSHOT, out_pb_scorecard_snapshot(&a, &card)),
        "{\"id\":\"id4\",\"scorecard\":\"seller\",\"version\":\"2\",\"org\":\"acme\",\"dim\":\"rep\","
        "\"subject\":\"ann\",\"tick_ms\":401,\"window\":\"q\",\"window_start_ms\":402,\"window_end_ms\":403,"
        "\"score\":80.125,\"is_null\":false,\"coverage\":0.625,\"band\":\"gold\",\"provisional\":true,"
        "\"perspectives\":[{\"name\":\"financial\",\"weight_bp\":7000,\"score\":80.25,\"is_null\":false,"
        "\"kpis\":[{\"kpi\":\"sales\",\"weight_bp\":6000,\"value\":1.5,\"is_null\":false,\"score\":80.5,"
        "\"effective_weight\":0.75,\"missing_reason\":\"\",\"perf\":0.5,\"mix\":-0.25,\"of\":\"p/"
        "F\",\"grades\":[{\"grade\":\"good\",\"membership\":0.75}]},"
        "{\"kpi\":\"csat\",\"weight_bp\":4000,\"value\":0,\"is_null\":true,\"score\":0,"
        "\"effective_weight\":0,\"missing_reason\":\"no_target\",\"perf\":0,\"mix\":0,\"of\":\"\",\"grades\":[]}],"
        "\"grades\":[{\"grade\":\"good\",\"membership\":0.75},{\"grade\":\"bad\",\"membership\":0.25}]},"
        "{\"name\":\"customer\",\"weight_bp\":3000,\"score\":0,\"is_null\":true,\"kpis\":[],\"grades\":[]}],"
        "\"revision\":6,\"definition_hash\":\"d00f\",\"emitted_at_ms\":404,\"points\":2,\"rewards\":[\"more\"],"
        "\"has_pay\":true,\"pay_factor\":1.25,\"has_change\":true,\"change\":-3.5,\"review_due\":true,"
        "\"grades\":[{\"grade\":\"good\",\"membership\":0.75},{\"grade\":\"bad\",\"membership\":0.25}],\"has_alpha\":"
        "true,"
        "\"alpha\":0.375,\"panel_weights\":true}");
}

Test(out_pb, dead_letter)
{
    struct dead_letter letter = { .reason = SLICE("malformed"),
                                  .detail = SLICE("cut off"),
                                  .topic = SLICE("crm.events"),
                                  .partition = 7,
                                  .offset = 501,
                                  .payload = { "\x00\xFF\x10", 3 },
                                  .payload_hash = SLICE("0123"),
                                  .org = SLICE("acme"),
                                  .event_id = SLICE("e9"),
                                  .received_at_ms = 502 };
    cr_assert_str_eq(json(OUT_DEAD_LETTER, out_pb_dead_letter(&a, &letter)),
                     "{\"reason\":\"malformed\",\"detail\":\"cut off\",\"topic\":\"crm.events\",\"partition\":7,"
                     "\"offset\":501,\"payload\":\"AP8Q\",\"payload_bytes\":3,\"payload_hash\":\"0123\","
                     "\"org\":\"acme\",\"event_id\":\"e9\",\"received_at_ms\":502}");
}

Test(out_pb, late_event)
{
    struct late_event late = { .reason = SLICE("too_late"),
                               .detail = SLICE("by an hour"),
                               .topic = SLICE("crm.events"),
                               .partition = 8,
                               .offset = 601,
                               .payload = SLICE("ab"),
                               .payload_hash = SLICE("4567"),
                               .org = SLICE("acme"),
                               .event_id = SLICE("e10"),
                               .type = SLICE("login"),
                               .occurred_at_ms = 602,
                               .watermark_ms = 603,
                               .received_at_ms = 604 };
    cr_assert_str_eq(json(OUT_LATE_EVENT, out_pb_late_event(&a, &late)),
                     "{\"reason\":\"too_late\",\"detail\":\"by an hour\",\"topic\":\"crm.events\",\"partition\":8,"
                     "\"offset\":601,\"payload\":\"YWI=\",\"payload_bytes\":2,\"payload_hash\":\"4567\","
                     "\"org\":\"acme\",\"event_id\":\"e10\",\"type\":\"login\",\"occurred_at_ms\":602,"
                     "\"watermark_ms\":603,\"received_at_ms\":604}");
}

Test(out_pb, payload_is_cut_off)
{
    static char payload[DEAD_LETTER_PAYLOAD_MAX + 1];
    struct dead_letter letter = { .payload = { payload, sizeof payload } };
    struct slice bytes = out_pb_dead_letter(&a, &letter);
    const char *text = json(OUT_DEAD_LETTER, bytes);
    cr_assert_not_null(strstr(text, "\"payload_bytes\":65537"));
    cr_assert_gt(bytes.n, DEAD_LETTER_PAYLOAD_MAX);
    cr_assert_lt(bytes.n, DEAD_LETTER_PAYLOAD_MAX + 20);
}

/* A dead letter must get through whatever the record held; a row must not carry what is no text. */
Test(out_pb, texts_that_are_none)
{
    struct dead_letter letter = { .event_id = { "a\xFF\0b\xC3\xA9", 6 }, .detail = SLICE("\xC3\xA9 stays") };
    const char *text = json(OUT_DEAD_LETTER, out_pb_dead_letter(&a, &letter));
    cr_assert_not_null(strstr(text, "\"event_id\":\"a??b??\""), "%s", text);
    cr_assert_not_null(strstr(text, "\"detail\":\"\xC3\xA9 stays\""), "%s", text);
    struct kpi_row row = { .subject = SLICE("a\xFF") };
    cr_assert_null(out_pb_kpi_row(&a, &row).p);
    row.subject = (struct slice){ "a\0b", 3 };
    cr_assert_null(out_pb_kpi_row(&a, &row).p);
    const struct slice evidence[] = { SLICE("e1"), SLICE("\x80") };
    struct alert_transition alert = { .evidence_event_ids = evidence, .evidence_count = 2 };
    cr_assert_null(out_pb_alert_transition(&a, &alert).p);
}

/* Each allocation fails once: nothing, until there is enough for everything. */
Test(out_pb, without_memory)
{
    struct kpi_row row = sample_row();
    struct slice want = out_pb_kpi_row(&a, &row);
    int failures = 0;
    for (size_t limit = 16;; limit += 16) {
        struct arena small;
        arena_init(&small, 16, limit);
        struct slice got = out_pb_kpi_row(&small, &row);
        bool done = got.p != NULL;
        cr_assert(!done || slice_eq(got, want), "%zu bytes", limit);
        arena_release(&small);
        if (done)
            break;
        failures++;
    }
    cr_assert_gt(failures, 10); /* the message, nine texts, the bytes */
}

Test(out_pb, numbers_that_json_has_not)
{
    struct kpi_row row = { .value = NAN, .mean = INFINITY, .p50 = -INFINITY, .p95 = 5e-324, .p99 = 1.0 / 3 };
    const char *text = json(OUT_KPI_ROW, out_pb_kpi_row(&a, &row));
    cr_assert_not_null(strstr(text, "\"value\":null"));
    cr_assert_not_null(strstr(text, "\"mean\":null,\"p50\":null,\"p90\":0,"), "%s", text);
    cr_assert_not_null(strstr(text, "\"p95\":4.94065645841247e-324,\"p99\":0.3333333333333333,"), "%s", text);
}

Test(out_pb, names)
{
    cr_assert_str_eq(out_pb_name(OUT_KPI_ROW), "crmpulse.v1.KpiRow");
    cr_assert_str_eq(out_pb_name(OUT_EVENT), "crmpulse.v1.Event");
    cr_assert_eq(out_pb_descriptor(OUT_KPI_ROW), &crmpulse__v1__kpi_row__descriptor);
}

Test(out_pb, json_of_an_event)
{
    struct event_pb map;
    static struct event ev;
    uint8_t *bytes;
    static const int32_t ppm[] = { 1, 2 };
    cr_assert_eq(event_pb_init(&map), 0);
    event_clear(&ev);
    ev.type = EV_TARGET_SET;
    event_set_str(&ev, F_EVENT_ID, SLICE("<\x1B>"));
    event_set_int(&ev, F_VALUE, 0);
    event_mark(&ev, F_DISTRIBUTION_PPM);
    ev.v[F_DISTRIBUTION_PPM].ppm.p = ppm;
    ev.v[F_DISTRIBUTION_PPM].ppm.n = 2;
    size_t n = event_pb_encode(&map, &ev, &a, &bytes);
    cr_assert_str_eq(json(OUT_EVENT, (struct slice){ (char *)bytes, (uint32_t)n }),
                     "{\"event_id\":\"<\\u001b>\",\"target_set\":{\"value\":0,\"distribution_ppm\":[1,2]}}");
}

Test(out_pb, json_of_garbage)
{
    struct slice text = SLICE("untouched");
    static uint8_t large[(1 << 20) + 1];
    cr_assert_eq(out_json_from_bytes(&a, OUT_KPI_ROW,
                                     (const uint8_t *)"\x0A\x05"
                                                      "ab",
                                     4, &text),
                 -1);
    cr_assert_eq(out_json_from_bytes(&a, OUT_KPI_ROW, large, sizeof large, &text), -1);
    cr_assert(slice_eq(text, SLICE("untouched")));
    /* what another program wrote need not be UTF-8 */
    cr_assert_eq(out_json_from_bytes(&a, OUT_KPI_ROW,
                                     (const uint8_t *)"\x0A\x03"
                                                      "a\xFF"
                                                      "b",
                                     5, &text),
                 0);
    cr_assert_not_null(strstr(text.p, "\"id\":\"a\xEF\xBF\xBD"
                                      "b\""));
}
