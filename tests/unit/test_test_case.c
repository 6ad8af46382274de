/* `crmpulse test`: what a case accepts, what it refuses and where, and that wrong expectations are found. Cases are written to a temporary file. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/cli/test_run.h"
#include "temp_name.h"

struct outcome {
    int loaded; /* of test_case_load */
    enum test_run_result result;
    struct test_report report;
    uint32_t n_failures;
    struct test_failure failure[64];
    struct config_problems problems;
};

static void on_failure(void *ctx, const struct test_failure *f)
{
    struct outcome *o = ctx;
    if (o->n_failures < 64)
        o->failure[o->n_failures++] = *f;
}

static void run(struct outcome *o, const char *text)
{
    char path[512];
    *o = (struct outcome){ .result = TEST_RUN_BAD };
    temp_name(path, sizeof path, "case");
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    struct test_case c;
    o->report = (struct test_report){ .failure = on_failure, .ctx = o };
    o->loaded = test_case_load(&c, path, &o->problems);
    if (o->loaded == 0)
        o->result = test_run(&c, &o->report);
    test_case_release(&c);
    unlink(path);
}

static void passes(const char *text, uint64_t checks)
{
    struct outcome o;
    run(&o, text);
    config_problems_print(&o.problems, stderr);
    cr_assert_eq(o.loaded, 0);
    cr_assert_eq(o.result, TEST_RUN_DONE);
    for (uint32_t i = 0; i < o.n_failures; i++)
        fprintf(stderr, "%s: %s, got %s\n", o.failure[i].field, o.failure[i].expected, o.failure[i].got);
    cr_assert_eq(o.report.failed, 0u);
    cr_assert_eq(o.report.checks, checks, "%llu", (unsigned long long)o.report.checks);
    config_problems_release(&o.problems);
}

/* Exactly one field differs. */
static void fails(const char *text, const char *field, const char *expected, const char *got)
{
    struct outcome o;
    run(&o, text);
    config_problems_print(&o.problems, stderr);
    cr_assert_eq(o.loaded, 0);
    cr_assert_eq(o.n_failures, 1u, "%u", o.n_failures);
    cr_assert_str_eq(o.failure[0].field, field);
    cr_assert_str_eq(o.failure[0].expected, expected);
    cr_assert_str_eq(o.failure[0].got, got);
    config_problems_release(&o.problems);
}

/* Refused: the first problem at this place, with this text in its message. */
static void refused(const char *text, uint32_t line, uint32_t column, const char *message)
{
    struct outcome o;
    run(&o, text);
    cr_assert(o.loaded < 0 || o.result == TEST_RUN_BAD);
    cr_assert_geq(o.problems.n, 1u);
    cr_assert_eq(o.problems.v[0].line, line, "line %u: %s", o.problems.v[0].line, o.problems.v[0].message);
    cr_assert_eq(o.problems.v[0].column, column, "column %u: %s", o.problems.v[0].column, o.problems.v[0].message);
    cr_assert(strstr(o.problems.v[0].message, message), "%s", o.problems.v[0].message);
    config_problems_release(&o.problems);
}

#define WON                                                                                                            \
    "events:\n- {at: 2025-03-03T02:00Z, type: deal_closed, deal_id: 1, outcome: won, amount_micros: 60_000_000, "      \
    "currency: CNY, owner_id: ann}\n"
#define LOST                                                                                                           \
    "- {at: 2025-03-04T02:00Z, type: deal_closed, deal_id: 2, outcome: lost, amount_micros: 1, currency: CNY, "        \
    "owner_id: bo}\n"
#define RATE "expect:\n- {kpi: win_rate, at: 2025-03-31T00:00Z, window: m, dim: org, subject: acme, "

Test(test_case, figures_that_are_right)
{
    passes(WON LOST RATE "value: 0.5, numerator: 1, denominator: 2, unit: ratio}\n", 1);
    passes(WON "expect:\n- {kpi: sales_amount, window: m, dim: rep, subject: ann, value: 60000000}\n", 1);
    passes(WON "expect:\n- {kpi: csat, window: 30d, dim: org, value: null}\n", 1);
    passes(WON "expect:\n- {kpi: win_rate, window: m, dim: rep, subject: nobody, rows: 0}\n", 1);
}

Test(test_case, a_wrong_figure_is_found)
{
    fails(WON LOST RATE "value: 0.5000001}\n", "value", "0.5000001", "0.5");
    fails(WON LOST RATE "numerator: 2}\n", "numerator", "2", "1");
    fails(WON LOST RATE "value: null}\n", "value", "null", "0.5");
    fails(WON LOST RATE "unit: count}\n", "unit", "count", "\"ratio\"");
    fails(WON LOST RATE "no_such_field: 1}\n", "no_such_field", "1", "nothing");
    fails(WON LOST "expect:\n- {kpi: win_rate, window: m, dim: rep, value: 1}\n", "", "one", "2 rows");
    fails(WON LOST "expect:\n- {kpi: win_rate, window: m, dim: rep, rows: 1}\n", "rows", "1", "2");
}

Test(test_case, quantiles_are_compared_within_their_stated_error_only)
{
#define CYCLE                                                                                                          \
    "events:\n- {at: 2025-03-05T02:00Z, opened_at_ms: 2025-03-03T02:00Z, type: deal_closed, deal_id: 1, outcome: "     \
    "won, "                                                                                                            \
    "amount_micros: 1, currency: CNY, owner_id: ann}\n"                                                                \
    "expect:\n- {kpi: sales_cycle, window: m, dim: org, subject: acme, count: 1, mean: 172800000, "
    passes(CYCLE "p50: 172800000}\n", 1);
    struct outcome o;
    run(&o, CYCLE "p50: 178000000}\n");
    cr_assert_eq(o.n_failures, 1u);
    config_problems_release(&o.problems);
#undef CYCLE
}

#define BOARD "config: {boards: {b: {kpi: sales_amount, window: m, dim: rep}}}\n"

Test(test_case, boards_are_compared_entry_by_entry)
{
    passes(BOARD WON LOST "boards:\n- {board: b, entries: [{subject: ann, rank: 1, value: 60000000}, {subject: bo, "
                          "rank: 2, gap: 60000000}]}\n",
           1);
    fails(BOARD WON LOST "boards:\n- {board: b, entries: [{subject: ann, rank: 2}, {subject: bo}]}\n", "rank", "2",
          "1");
    struct outcome o;
    run(&o, BOARD WON LOST "boards:\n- {board: b, entries: [{subject: ann}]}\n");
    cr_assert_eq(o.n_failures, 1u, "an entry too many");
    cr_assert_str_eq(o.failure[0].expected, "1 entries");
    config_problems_release(&o.problems);
}

#define RULE                                                                                                           \
    "config: {rules: {r: {kpi: win_rate, window: 30d, dims: [org], fire: '< 0.8', clear: '>= 0.9', min_samples: "      \
    "2}}}\n"

Test(test_case, alerts_are_the_whole_list)
{
    passes(RULE WON LOST "alerts:\n- {rule: r, subject: acme, at: 2025-03-04T02:00Z, from: ok, to: firing, value: 0.5, "
                         "n: 2, level: warning}\n",
           1);
    fails(RULE WON LOST "alerts:\n- {rule: r, subject: acme, from: ok, to: ok}\n", "to", "ok", "\"firing\"");
    struct outcome o;
    run(&o, RULE WON LOST "alerts: []\n");
    cr_assert_eq(o.n_failures, 1u);
    cr_assert_str_eq(o.failure[0].expected, "no further transition");
    config_problems_release(&o.problems);
    run(&o, RULE WON "alerts:\n- {rule: r, subject: acme, to: firing}\n");
    cr_assert_eq(o.n_failures, 1u);
    cr_assert_str_eq(o.failure[0].got, "none");
    config_problems_release(&o.problems);
}

Test(test_case, what_is_refused_is_counted_and_otherwise_a_failure)
{
    passes(WON
           "- {at: 2025-03-04T02:00Z, type: deal_closed, deal_id: 2, outcome: lost}\ndead_letter: {missing_field: 1}\n",
           1);
    fails(WON "- {at: 2025-03-04T02:00Z, type: deal_closed, deal_id: 2, outcome: lost}\n", "event", "taken",
          "missing_field: amount_micros");
    passes(WON "- {event_id: e1, at: 2025-03-03T02:00Z, type: deal_closed, deal_id: 1, outcome: won, amount_micros: "
               "60000000, currency: CNY, owner_id: ann}\n"
               "duplicates: 1\n",
           1);
    fails("now: 2025-03-03T00:00Z\n" WON, "event", "taken", "future_time: occurred_at_ms");
    passes("now: 2025-03-03T00:00Z\n" WON "dead_letter: 1\n", 1);
}

Test(test_case, shuffled_orders_are_further_runs)
{
    passes("orders: shuffled\n" WON LOST RATE "value: 0.5}\n", 9);
}

Test(test_case, a_refused_configuration_can_be_what_is_expected)
{
    passes("config: {switches: {win_rate_by: luck}}\nrefused: [\"'win_rate_by' has no value 'luck'\"]\n", 1);
    refused("config: {switches: {win_rate_by: amount}}\nrefused: [no value]\n", 2, 10, "not refused");
    refused("config: {switches: {win_rate_by: luck}}\nrefused: [no horse]\n", 2, 11, "no such message");
}

Test(test_case, mistakes_are_told_with_their_place)
{
    refused("events:\n  - {at: 2025-03-01, type: lead_created, lead_idd: 1}\n", 2, 42, "no field");
    refused("events:\n  - {at: 2025-03-01T00:00, type: login}\n", 2, 10, "expected a time");
    refused("config: {switches: {win_rate_by: luck}}\n", 1, 34, "no value 'luck'");
    refused("evnts: []\n", 1, 1, "unknown key 'evnts'");
    refused(WON "expect:\n- {kpi: no_such}\n", 4, 9, "no such KPI");
    refused(WON "expect:\n- {kpi: win_rate, window: 30x}\n", 4, 27, "not a window");
    refused("events: [\n", 2, 1, "");
    refused("orders: any\n", 1, 9, "'orders' is");
}
