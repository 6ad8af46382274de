/* notify.receivers: what is read, what is refused and where. */
#include "config_fixture.h"
#include "crmpulse/notify.h"

Test(config_notify, all_keys)
{
    struct loaded r =
        load("notify:\n"
             "  resend: 30s\n"
             "  receivers:\n"
             "    am: {kind: alertmanager, url: 'http://127.0.0.1:9093', user: u, password_file: /p}\n"
             "    team: {kind: slack, url_file: 'credential:slack', levels: [warning, critical], rules: [r],\n"
             "           orgs: [acme], resolved: false, historical: true}\n"
             "    hook: {kind: webhook, url: 'https://h.example/x', token_file: /t, ca_file: /ca, rate: 2.5}\n"
             "orgs: {acme: {zone: UTC, currency: EUR}}\n"
             "rules: {r: {kpi: win_rate, window: 30d, fire: value < 0.2, clear: value > 0.3}}\n");
    const struct config *c = must_load(&r);
    cr_assert_eq(c->notify.receivers->n, 3u);
    cr_expect_eq(c->notify.resend_ms, 30000);
    const struct notify_receiver *v = c->notify.receivers->v;
    cr_expect_str_eq(v[0].name, "am");
    cr_expect_eq(v[0].kind, NOTIFY_ALERTMANAGER);
    cr_expect_str_eq(v[0].user, "u");
    cr_expect_str_eq(v[0].password_file, "/p");
    cr_expect_eq(v[0].levels, 7u);
    cr_expect_eq(v[0].rate, 0);
    cr_expect(v[0].resolved && !v[0].historical);
    cr_expect_eq(v[1].kind, NOTIFY_SLACK);
    cr_expect_str_eq(v[1].url_file, "credential:slack");
    cr_expect_null(v[1].url);
    cr_expect_eq(v[1].levels, 6u);
    cr_expect_eq(v[1].rate, 1);
    cr_expect(!v[1].resolved && v[1].historical);
    cr_assert_eq(v[1].n_rules, 1u);
    cr_expect_str_eq(v[1].rule[0], "r");
    cr_assert_eq(v[1].n_orgs, 1u);
    cr_expect_str_eq(v[1].org[0], "acme");
    cr_expect_str_eq(v[2].token_file, "/t");
    cr_expect_str_eq(v[2].ca_file, "/ca");
    cr_expect_eq(v[2].rate, 2.5);
    done(&r);
}

Test(config_notify, none_by_default)
{
    struct loaded r = load(NULL);
    cr_expect_null(must_load(&r)->notify.receivers);
    cr_expect_eq(r.config->notify.queue_max, 1000);
    cr_expect_eq(r.config->notify.give_up_ms, 3600000);
    done(&r);
}

/* One receiver `am`, its map at column 9 of line 1 of the text given after "notify: {receivers: {am: ". */
static void refuse(const char *map, uint32_t column, const char *message)
{
    char text[500];
    snprintf(text, sizeof text, "notify: {receivers: {am: %s}}\n", map);
    struct loaded r = load(text);
    cr_expect_null(r.config, "%s", map);
    cr_assert_geq(r.problems.n, 1u);
    cr_expect_str_eq(r.problems.v[0].message, message);
    cr_expect_eq(r.problems.v[0].line, 1u);
    cr_expect_eq(r.problems.v[0].column, column, "%s: column %u", map, r.problems.v[0].column);
    done(&r);
}

Test(config_notify, what_is_wrong_is_said_where_it_stands)
{
    refuse("{kind: alertmanager}", 22, "receiver 'am' needs url or url_file, one of them");
    refuse("{kind: alertmanager, url: 'http://h', url_file: /f}", 22,
           "receiver 'am' needs url or url_file, one of them");
    refuse("{kind: pager, url: 'http://h'}", 33,
           "unknown kind of receiver 'pager' (one of: alertmanager, webhook, slack)");
    refuse("{url: 'http://h'}", 22, "'am' lacks the key 'kind'");
    refuse("{kind: slack, ulr: 'http://h', url_file: /f}", 40, "unknown key 'ulr' in a receiver; did you mean 'url'?");
    refuse("{kind: slack, url: 'ftp://h'}", 45,
           "expected http://host[:port][/path] or https://.., without a query: a secret URL comes from url_file");
    refuse("{kind: slack, url: 'http://u:p@h/'}", 45,
           "a URL must not hold a user or password: use user and password_file, or url_file");
    refuse("{kind: slack, url: 'http://h', user: u}", 22, "receiver 'am': user and password_file need each other");
    refuse("{kind: slack, url: 'http://h', user: u, password_file: /p, token_file: /t}", 22,
           "receiver 'am' has a token and a user: only one can be sent");
    refuse("{kind: slack, url: 'http://h', levels: [dire]}", 66,
           "unknown level 'dire' (one of: info, warning, critical)");
    refuse("{kind: slack, url: 'http://h', rules: [nope]}", 65, "unknown rule 'nope'");
    refuse("{kind: slack, url: 'http://h', rate: -1}", 63, "rate is 0 (no limit) to 1000 requests a second");
    refuse("3", 26, "expected a receiver (a map)");
}

Test(config_notify, a_secret_in_the_clear_is_a_warning)
{
    struct loaded r = load("notify: {receivers: {am: {kind: webhook, url: 'http://h.example/', token_file: /t}}}\n");
    cr_assert_not_null(r.config);
    cr_assert_eq(r.problems.n, 1u);
    cr_expect(r.problems.v[0].warning);
    done(&r);
    r = load("notify: {receivers: {am: {kind: webhook, url: 'http://127.0.0.1:1/', token_file: /t}}}\n");
    (void)must_load(&r);
    done(&r);
}

Test(config_notify, bounds)
{
    struct loaded r = load("notify: {retry_min: 10s, retry_max: 5s}\n");
    cr_expect_null(r.config);
    cr_expect_str_eq(r.problems.v[0].message, "notify.retry_min must not exceed notify.retry_max");
    done(&r);
    r = load("notify: {external_url: board}\n");
    cr_expect_null(r.config);
    done(&r);
}
