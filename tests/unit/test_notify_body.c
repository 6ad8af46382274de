/* The bodies of notifications; the expected texts are written by hand. */
#include <string.h>

#include "crmpulse/config.h"
#include "notify_fixture.h"

static struct arena a;
static struct definitions defs;
static struct kpi_def kpis[3];

static void begin(void)
{
    arena_init(&a, 0, 0);
    kpis[0] = (struct kpi_def){ .id = "win_rate", .unit = UNIT_RATIO };
    kpis[1] = (struct kpi_def){ .id = "sales_amount", .unit = UNIT_MICROS };
    kpis[2] = (struct kpi_def){ .id = "response_time", .unit = UNIT_MS };
    defs = (struct definitions){ .n_kpis = 3, .kpi = kpis };
}

static void end(void)
{
    arena_release(&a);
}

TestSuite(notify_body, .init = begin, .fini = end);

static const struct body_context context = { .defs = &defs, .receiver = "crm", .external_url = "" };

#define LABELS                                                                                                         \
    "{\"alertname\":\"win_rate_drop\",\"dim\":\"rep\",\"kpi\":\"win_rate\",\"org\":\"acme\",\"severity\":\"warning\"," \
    "\"subject\":\"ann\",\"window\":\"30d\"}"
#define ANNOTATIONS                                                                                                    \
    "{\"summary\":\"win_rate 30d of rep ann (acme) is 21.5 %: value < 0.25\",\"value\":\"21.5 "                        \
    "%\",\"condition\":\"value < "                                                                                     \
    "0.25\",\"samples\":\"200\",\"evidence\":\"e1,e2\",\"transition\":\"t1\"}"

static struct told told_of(struct note *note, bool resolved, int64_t ends_ms)
{
    return (struct told){ .note = note, .resolved = resolved, .starts_ms = 1740794400000, .ends_ms = ends_ms };
}

Test(notify_body, alertmanager)
{
    struct alert_transition t = sample_alert();
    struct note *note = note_of(&t);
    const struct told v = told_of(note, false, 1740794640500);
    const struct slice got = body_alertmanager(&a, &context, &v, 1);
    cr_expect_str_eq(got.p, "[{\"labels\":" LABELS ",\"annotations\":" ANNOTATIONS
                            ",\"startsAt\":\"2025-03-01T02:00:00.000Z\",\"endsAt\":\"2025-03-01T02:04:00.500Z\"}]");
    note_drop(note);
}

Test(notify_body, alertmanager_with_a_link_and_several)
{
    struct alert_transition t = sample_alert();
    t.org = SLICE("a b/&");
    struct note *note = note_of(&t);
    struct body_context c = context;
    c.external_url = "https://board.example/crm";
    const struct told v[2] = { told_of(note, false, 0), told_of(note, true, 0) };
    const struct slice got = body_alertmanager(&a, &c, v, 2);
    cr_expect(strstr(got.p, "\"generatorURL\":\"https://board.example/crm/?org=a%20b%2F%26\"},{\"labels\""), "%s",
              got.p);
    note_drop(note);
}

Test(notify_body, webhook_of_one)
{
    struct alert_transition t = sample_alert();
    struct note *note = note_of(&t);
    char fingerprint[20];
    static const char want[] =
        "{\"version\":\"4\",\"groupKey\":\"{}:{alertname=\\\"win_rate_drop\\\", "
        "org=\\\"acme\\\"}\",\"truncatedAlerts\":0,"
        "\"status\":\"firing\",\"receiver\":\"crm\",\"groupLabels\":{\"alertname\":\"win_rate_drop\",\"org\":\"acme\"},"
        "\"commonLabels\":" LABELS ",\"commonAnnotations\":" ANNOTATIONS ",\"externalURL\":\"\",\"alerts\":[{"
        "\"status\":\"firing\",\"labels\":" LABELS ",\"annotations\":" ANNOTATIONS
        ",\"startsAt\":\"2025-03-01T02:00:00.000Z\",\"endsAt\":\"0001-01-01T00:00:00Z\",\"generatorURL\":\"\","
        "\"fingerprint\":\"";
    const struct told v = told_of(note, false, 5);
    const struct slice got = body_webhook(&a, &context, &v, 1);
    snprintf(fingerprint, sizeof fingerprint, "%016llx", (unsigned long long)note_fingerprint(note));
    cr_expect_eq(strncmp(got.p, want, sizeof want - 1), 0, "%s", got.p);
    cr_assert_geq(got.n, sizeof want - 1 + 16);
    cr_expect_eq(strncmp(got.p + sizeof want - 1, fingerprint, 16), 0);
    cr_expect_str_eq(got.p + sizeof want - 1 + 16, "\"}]}");
    note_drop(note);
}

Test(notify_body, webhook_of_several_has_what_is_common)
{
    struct note *ann = note_at("ann", "ok", "warning", 9), *bob = note_at("bob", "ok", "warning", 9);
    const struct told ends[2] = { told_of(ann, true, 1740794940000), told_of(bob, true, 1740794940000) };
    struct told mixed[2] = { ends[0], ends[1] };
    const struct slice all = body_webhook(&a, &context, ends, 2);
    cr_expect(strstr(all.p, "\"truncatedAlerts\":0,\"status\":\"resolved\""), "%s", all.p);
    cr_expect(strstr(all.p,
                     "\"commonLabels\":{\"alertname\":\"win_rate_drop\",\"dim\":\"rep\",\"kpi\":\"win_rate\",\"org\":"
                     "\"acme\",\"severity\":\"warning\",\"window\":\"30d\"},\"commonAnnotations\":{},"));
    cr_expect(strstr(all.p, "\"endsAt\":\"2025-03-01T02:09:00.000Z\""), "%s", all.p);
    mixed[1].resolved = false;
    cr_expect(strstr(body_webhook(&a, &context, mixed, 2).p, "\"truncatedAlerts\":0,\"status\":\"firing\""));
    note_drop(ann);
    note_drop(bob);
}

Test(notify_body, slack_escapes_names)
{
    struct alert_transition t = sample_alert();
    t.subject = SLICE("<!channel> R&D\n\"x\"");
    struct note *note = note_of(&t);
    const struct told v = told_of(note, false, 0);
    cr_expect_str_eq(
        body_slack(&a, &context, &v, 1).p,
        "{\"text\":\"*FIRING* warning win_rate_drop: win_rate 30d of rep &lt;!channel&gt; R&amp;D \\\"x\\\" "
        "(acme) is 21.5 %: value &lt; 0.25\"}");
    note_drop(note);
}

Test(notify_body, slack_puts_many_together)
{
    struct note *note = note_at("ann", "firing", "critical", 0);
    struct told v[BODY_SLACK_LINES + 3];
    for (int i = 0; i < BODY_SLACK_LINES + 3; i++)
        v[i] = told_of(note, i < 2, 0);
    const struct slice got = body_slack(&a, &context, v, BODY_SLACK_LINES + 3);
    uint32_t lines = 0;
    for (const char *p = got.p; (p = strstr(p, "\\n")); p += 2)
        lines++;
    cr_expect(strstr(got.p, "{\"text\":\"23 alerts: 21 firing, 2 resolved\\n*RESOLVED* win_rate_drop: ") == got.p, "%s",
              got.p);
    cr_expect(strstr(got.p, "\\nand 3 more\"}"), "%s", got.p);
    cr_expect_eq(lines, BODY_SLACK_LINES + 1u);
    note_drop(note);
}

Test(notify_body, figures)
{
    const struct {
        const char *kpi;
        double value;
        const char *want;
    } rows[] = { { "win_rate", 0.5, "50 %" },
                 { "sales_amount", 60000000000, "60000.00" },
                 { "response_time", 16200000, "4.5 h" },
                 { "response_time", 250, "250 ms" },
                 { "response_time", -7200000, "-2 h" },
                 { "nobody_knows", 12.5, "12.5" } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char got[FIGURE_MAX];
        body_figure(&defs, rows[i].kpi, rows[i].value, got);
        cr_expect_str_eq(got, rows[i].want);
    }
}

Test(notify_body, no_value_and_milestone)
{
    char text[SENTENCE_MAX];
    struct alert_transition t = sample_alert();
    t.is_null = true;
    struct note *note = note_of(&t);
    body_sentence(&defs, note, text);
    cr_expect_str_eq(text, "win_rate 30d of rep ann (acme) is unknown: value < 0.25");
    note_drop(note);
    t = sample_alert();
    t.kpi = SLICE("sales_amount");
    t.condition = SLICE("");
    t.value = 61e9;
    t.threshold = 60e9;
    note = note_of(&t);
    cr_expect(note->passing);
    body_sentence(&defs, note, text);
    cr_expect_str_eq(text, "sales_amount 30d of rep ann (acme) is 61000.00: passed 60000.00");
    note_drop(note);
}

Test(notify_body, evidence_that_is_cut_says_so)
{
    static char longest[120];
    struct slice ids[32];
    memset(longest, 'x', sizeof longest);
    for (int i = 0; i < 32; i++)
        ids[i] = (struct slice){ longest, sizeof longest };
    struct alert_transition t = sample_alert();
    t.evidence_event_ids = ids;
    t.evidence_count = 2;
    t.evidence_truncated = true;
    struct note *note = note_of(&t);
    struct told v = told_of(note, false, 0);
    cr_expect(strstr(body_alertmanager(&a, &context, &v, 1).p, "xxx ..\",\"transition\""));
    note_drop(note);
    t.evidence_count = 32;
    t.evidence_truncated = false;
    note = note_of(&t);
    v.note = note;
    cr_expect_not(strstr(body_alertmanager(&a, &context, &v, 1).p, " ..\""));
    note_drop(note);
}

Test(notify_body, what_is_no_transition_is_refused)
{
    struct alert_transition t = sample_alert();
    cr_expect_null(note_decode(NULL, 0));
    cr_expect_null(note_decode("\xff\xff", 2));
    t.level = SLICE("dreadful");
    cr_expect_null(note_of(&t));
    t = sample_alert();
    t.rule = SLICE("");
    cr_expect_null(note_of(&t));
}
