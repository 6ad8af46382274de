/* The configuration loader: every class of error with its place and suggestion (tests/golden/bad), overrides, includes, defaults, reload identity. */
#include "crmpulse/config.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#define BAD_DIR CRMPULSE_SOURCE_DIR "/tests/golden/bad"

/* ---- helpers ------------------------------------------------------------------------------------------------------------------------------------ */

struct loaded {
    struct config *config;
    struct config_problems problems;
    char path[64];
};

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    cr_assert_not_null(f);
    cr_assert_geq(fputs(text, f), 0);
    cr_assert_eq(fclose(f), 0);
}

static struct loaded load_with(const char *text, uint32_t n_sets, const char *const *set)
{
    struct loaded r = { .path = "/tmp/crmpulse-config-XXXXXX" };
    struct config_load_options opt = { n_sets, set };
    if (text) {
        int fd = mkstemp(r.path);
        cr_assert_geq(fd, 0);
        close(fd);
        write_file(r.path, text);
    }
    r.config = config_load(text ? r.path : NULL, &opt, &r.problems);
    if (text)
        unlink(r.path);
    return r;
}

static struct loaded load(const char *text)
{
    return load_with(text, 0, NULL);
}

static void done(struct loaded *r)
{
    config_free(r->config);
    config_problems_release(&r->problems);
}

static struct config *must_load(struct loaded *r)
{
    if (!r->config)
        config_problems_print(&r->problems, stderr);
    cr_assert_not_null(r->config);
    cr_assert_eq(r->problems.n, 0u);
    return r->config;
}

static void one_problem(const struct loaded *r, uint32_t line, uint32_t column, const char *message)
{
    cr_assert_null(r->config);
    cr_assert_eq(r->problems.n, 1u);
    cr_assert_str_eq(r->problems.v[0].message, message);
    cr_assert_eq(r->problems.v[0].line, line);
    cr_assert_eq(r->problems.v[0].column, column);
}

static const struct kpi_def *kpi(const struct config *c, const char *id)
{
    int i = definitions_kpi(&c->defs, slice_of(id));
    cr_assert_geq(i, 0, "no KPI %s", id);
    return &c->defs.kpi[i];
}

static const struct measure_def *measure(const struct config *c, const char *id)
{
    int i = definitions_measure(&c->defs, slice_of(id));
    cr_assert_geq(i, 0, "no measure %s", id);
    return &c->defs.measure[i];
}

/* ---- the files that must be refused --------------------------------------------------------------------------------------------------------------- */

enum { EXPECTED_MAX = 64 };

struct expected {
    uint32_t line, column;
    char message[256];
    bool seen;
};

/* What the comments of a file say; see tests/golden/bad/README.md. */
static uint32_t read_expected(const char *path, struct expected *e)
{
    FILE *f = fopen(path, "r");
    char text[512];
    uint32_t n = 0, line = 0, above = 0;
    cr_assert_not_null(f, "%s", path);
    while (fgets(text, sizeof(text), f)) {
        line++;
        text[strcspn(text, "\n")] = 0;
        size_t blanks = strspn(text + 1, " ");
        cr_assert_lt(n, (uint32_t)EXPECTED_MAX);
        if (text[0] == '#' && text[1 + blanks] == '^') {
            e[n] = (struct expected){ .line = above, .column = (uint32_t)blanks + 2 };
            snprintf(e[n++].message, sizeof(e->message), "%s", text + blanks + 3);
        } else if (strncmp(text, "#! ", 3) == 0) {
            int used = 0;
            cr_assert_eq(sscanf(text + 3, "%u:%u %n", &e[n].line, &e[n].column, &used), 2);
            e[n].seen = false;
            snprintf(e[n++].message, sizeof(e->message), "%s", text + 3 + used);
        } else {
            above = line;
        }
    }
    fclose(f);
    return n;
}

/* "cannot read '*'/x.yaml'": one star stands for a directory. */
static bool matches(const char *pattern, const char *text)
{
    const char *star = strchr(pattern, '*');
    if (!star || star[1] != '/')
        return strcmp(pattern, text) == 0;
    size_t tail = strlen(star + 1), n = strlen(text);
    return strncmp(pattern, text, (size_t)(star - pattern)) == 0 && n >= tail && strcmp(text + n - tail, star + 1) == 0;
}

static int compare_file(const char *path, const struct config_problems *p)
{
    struct expected e[EXPECTED_MAX] = { 0 };
    uint32_t n = read_expected(path, e);
    int wrong = 0;
    for (uint32_t i = 0; i < p->n; i++) {
        const struct config_problem *q = &p->v[i];
        if (strcmp(q->file, path) != 0)
            continue;
        uint32_t j = 0;
        while (j < n && (e[j].seen || e[j].line != q->line || e[j].column != q->column ||
                         !matches(e[j].message + (e[j].message[0] == ' '), q->message)))
            j++;
        if (j < n)
            e[j].seen = true;
        else
            wrong += fprintf(stderr, "not expected: %s:%u:%u: %s\n", path, q->line, q->column, q->message) > 0;
    }
    for (uint32_t j = 0; j < n; j++)
        if (!e[j].seen)
            wrong += fprintf(stderr, "missing: %s:%u:%u:%s\n", path, e[j].line, e[j].column, e[j].message) > 0;
    return wrong;
}

static int check_bad_file(const char *name)
{
    char path[512];
    struct config_problems p = { 0 };
    snprintf(path, sizeof(path), "%s/%s", BAD_DIR, name);
    struct config *c = config_load(path, NULL, &p);
    cr_assert_null(c, "%s", name);
    cr_assert_gt(p.n_errors, 0u);
    int wrong = compare_file(path, &p);
    if (strcmp(name, "include.yaml") == 0) {
        snprintf(path, sizeof(path), "%s/include/wrong.yaml", BAD_DIR);
        wrong += compare_file(path, &p);
    }
    config_problems_release(&p);
    return wrong;
}

Test(config, bad_files_give_exactly_the_errors_they_name)
{
    DIR *d = opendir(BAD_DIR);
    struct dirent *entry;
    int files = 0, wrong = 0;
    cr_assert_not_null(d);
    while ((entry = readdir(d))) {
        size_t n = strlen(entry->d_name);
        if (n < 5 || strcmp(entry->d_name + n - 5, ".yaml") != 0)
            continue;
        wrong += check_bad_file(entry->d_name);
        files++;
    }
    closedir(d);
    cr_assert_eq(wrong, 0);
    cr_assert_geq(files, 13);
}

Test(config, problems_are_in_file_order_and_printed_one_a_line)
{
    struct loaded r = load("redis: {shards: x}\nlog: {level: loud}\nkafka: {broker: 1}\n");
    cr_assert_eq(r.problems.n, 3u);
    for (uint32_t i = 0; i < 3; i++)
        cr_assert_eq(r.problems.v[i].line, i + 1);
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    config_problems_print(&r.problems, f);
    fclose(f);
    char expected[200];
    snprintf(expected, sizeof(expected), "%s:3:9: error: unknown key 'broker' in kafka; did you mean 'brokers'?\n",
             r.path);
    cr_assert_not_null(strstr(text, expected));
    free(text);
    done(&r);
}

Test(config, a_missing_file_is_an_error)
{
    struct config_problems p = { 0 };
    cr_assert_null(config_load("/nonexistent/crmpulse.yaml", NULL, &p));
    cr_assert_eq(p.n_errors, 1u);
    cr_assert_str_eq(p.v[0].message, "cannot read the file: No such file or directory");
    config_problems_release(&p);
}

Test(config, an_empty_file_is_the_defaults)
{
    struct loaded r = load("");
    must_load(&r);
    done(&r);
    r = load("# nothing\n");
    must_load(&r);
    done(&r);
}

/* ---- defaults ----------------------------------------------------------------------------------------------------------------------------------- */

Test(config, defaults)
{
    struct loaded r = load(NULL);
    const struct config *c = must_load(&r);
    cr_assert_str_eq(c->kafka.brokers, "127.0.0.1:9092");
    cr_assert_eq(c->kafka.n_inputs, 1u);
    cr_assert_str_eq(c->kafka.input[0], "crm.events");
    cr_assert_str_eq(c->kafka.instance_id, "");
    cr_assert_eq(c->kafka.format, INPUT_AUTO);
    cr_assert_eq(c->kafka.message_bytes_max, 1048576);
    cr_assert_eq(c->redis.flush_interval_ms, 50);
    cr_assert_eq(c->redis.shards, 1);
    cr_assert_eq(c->defs.tick_ms, 60000);
    cr_assert_eq(c->defs.snapshot_every_ms, 3600000);
    cr_assert_eq(c->defs.retention_ms, INT64_C(34560000000)); /* 400 d */
    cr_assert_eq(c->defs.lateness_ms, INT64_C(34560000000));
    cr_assert_eq(c->defs.fine_retention_ms, 21600000);
    cr_assert_eq(c->defs.out_of_orderness_ms, 10000);
    cr_assert_eq(c->defs.max_ahead_ms, 3600000);
    cr_assert_eq(c->run.idle_timeout_ms, 5000);
    cr_assert(c->run.wall_clock);
    cr_assert_str_eq(c->log.level, "info");
    cr_assert_eq(c->defs.n_orgs, 1u);
    cr_assert_str_eq(c->defs.org[0].id, "*");
    cr_assert_str_eq(c->defs.org[0].calendar.zone.name, "UTC");
    cr_assert_eq(c->defs.org[0].calendar.week_start, 1);
    cr_assert_eq(c->defs.org[0].calendar.cycle, PERIOD_MONTH);
    done(&r);
}

Test(config, lateness_follows_retention_unless_given)
{
    struct loaded r = load("time: {retention: 30d}\ncatalogue: none\n");
    cr_assert_eq(must_load(&r)->defs.lateness_ms, INT64_C(2592000000));
    done(&r);
    r = load("time: {retention: 30d, lateness: 2d}\ncatalogue: none\n");
    cr_assert_eq(must_load(&r)->defs.lateness_ms, INT64_C(172800000));
    done(&r);
}

Test(config, a_window_longer_than_the_retention_is_a_warning)
{
    struct loaded r = load("time: {retention: 100d}\n");
    cr_assert_not_null(r.config);
    cr_assert_eq(r.problems.n_errors, 0u);
    cr_assert_eq(r.problems.n, 1u); /* repurchase_rate alone has a year */
    cr_assert(r.problems.v[0].warning);
    cr_assert_str_eq(r.problems.v[0].message, "window 365d of 'repurchase_rate' is longer than time.retention");
    done(&r);
}

/* ---- values ------------------------------------------------------------------------------------------------------------------------------------- */

Test(config, durations_sizes_and_lists)
{
    struct loaded r = load(
        "kafka: {topics: {input: [a, b]}, message_max: 64KiB, format: json, properties: {fetch.min.bytes: 10}}\n"
        "redis: {flush_interval: 1.5s, command_timeout: 250ms, record_cache: 2GiB, url: 'unix:///run/redis.sock'}\n"
        "time: {tick: 5m, retention: 90d}\npublish: {windows: [1h, m], snapshot_every: 0}\ncatalogue: none\n");
    const struct config *c = must_load(&r);
    cr_assert_eq(c->kafka.n_inputs, 2u);
    cr_assert_str_eq(c->kafka.input[1], "b");
    cr_assert_eq(c->kafka.message_bytes_max, 65536);
    cr_assert_eq(c->kafka.format, INPUT_JSON);
    cr_assert_eq(c->kafka.n_properties, 1u);
    cr_assert_str_eq(c->kafka.property[0].name, "fetch.min.bytes");
    cr_assert_str_eq(c->kafka.property[0].value, "10");
    cr_assert_eq(c->redis.flush_interval_ms, 1500);
    cr_assert_eq(c->redis.command_timeout_ms, 250);
    cr_assert_eq(c->redis.record_cache_bytes, INT64_C(2147483648));
    cr_assert_str_eq(c->redis.url, "unix:///run/redis.sock");
    cr_assert_eq(c->defs.tick_ms, 300000);
    cr_assert_eq(c->defs.snapshot_every_ms, 0);
    cr_assert_eq(c->defs.n_snapshots, 2u);
    cr_assert_eq(c->defs.snapshot_window[0].length_ms, 3600000);
    cr_assert_eq(c->defs.snapshot_window[1].period, PERIOD_MONTH);
    done(&r);
}

Test(config, orgs_take_what_they_leave_out_from_the_star)
{
    struct loaded r =
        load("orgs:\n  '*': {zone: Europe/Berlin, week_start: sunday, fiscal_shift: 3, cycle: quarter, currency: EUR}\n"
             "  acme: {zone: Asia/Shanghai, currency: ''}\n");
    const struct config *c = must_load(&r);
    const struct org_def *acme = definitions_org(&c->defs, SLICE("acme")),
                         *other = definitions_org(&c->defs, SLICE("other"));
    cr_assert_str_eq(acme->calendar.zone.name, "Asia/Shanghai");
    cr_assert_eq(zone_offset_ms(&acme->calendar.zone, INT64_C(1740758400000)), 8 * 3600000);
    cr_assert_str_eq(acme->currency, "");
    cr_assert_eq(acme->calendar.week_start, 7);
    cr_assert_eq(acme->calendar.fiscal_shift_months, 3);
    cr_assert_eq(acme->calendar.cycle, PERIOD_QUARTER);
    cr_assert_str_eq(other->id, "*");
    cr_assert_str_eq(other->currency, "EUR");
    cr_assert_str_eq(other->calendar.zone.name, "Europe/Berlin");
    done(&r);
}

Test(config, working_hours_and_holidays)
{
    struct loaded r =
        load("orgs:\n  '*': {holidays: [2025-05-01, 2025-01-01, 2025-05-01]}\n"
             "  acme: {business_hours: {mon: '09:00-18:00', sat: ['10:00-12:00', '13:00-24:00'], sun: ''}}\n");
    const struct config *c = must_load(&r);
    const struct business *acme = definitions_org(&c->defs, SLICE("acme"))->calendar.business,
                          *other = definitions_org(&c->defs, SLICE("other"))->calendar.business;
    cr_assert(acme && other);
    cr_assert(acme->day[0].n == 1 && acme->day[0].v[0].from_ms == 9 * 3600000 &&
              acme->day[0].v[0].to_ms == 18 * 3600000);
    cr_assert(acme->day[1].n == 0 && acme->day[6].n == 0, "a day that is left out or empty is closed");
    cr_assert(acme->day[5].n == 2 && acme->day[5].v[1].to_ms == 24 * 3600000);
    cr_assert(acme->n_holidays == 2 && acme->holiday[0] == 20089 && acme->holiday[1] == 20209);
    cr_assert(other->n_holidays == 2 && other->day[0].n == 1 && other->day[5].n == 0, "the default hours");
    done(&r);
}

Test(config, working_hours_that_make_no_sense)
{
    static const char *const bad[] = { "{mon: '9-18'}",           "{mon: '18:00-09:00'}",
                                       "{mon: '09:00-24:01'}",    "{mon: ['09:00-12:00', '11:00-13:00']}",
                                       "{monday: '09:00-18:00'}", "[mon]" };
    char text[200];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(text, sizeof text, "orgs: {acme: {business_hours: %s}}\n", bad[i]);
        struct loaded r = load(text);
        cr_assert_null(r.config, "%s", bad[i]);
        done(&r);
    }
    struct loaded r = load("orgs: {acme: {holidays: [2025-02-30]}}\n");
    cr_assert_null(r.config);
    done(&r);
}

Test(config, rules_are_read_with_their_units)
{
    struct loaded r = load("rules:\n  slow: {kpi: first_response_time, window: 24h, dims: [org, team], stat: p90, "
                           "fire: '> 4h', clear: '< 3h', for: 1h, min_samples: 20}\n"
                           "  low: {kpi: csat, window: 30d, fire: '< 0.80', critical: '< 0.70', level: critical}\n");
    const struct config *c = must_load(&r);
    const struct rule_def *slow = &c->defs.rule[0], *low = &c->defs.rule[1];
    cr_assert_eq(slow->fire_op, CMP_GT);
    cr_assert_float_eq(slow->fire, 14400000.0, 0);
    cr_assert_float_eq(slow->clear, 10800000.0, 0);
    cr_assert_eq(slow->stat, 90);
    cr_assert_eq(slow->for_ms, 3600000);
    cr_assert_eq(slow->min_samples, 20);
    cr_assert_eq(slow->dims, 1u << DIM_ORG | 1u << DIM_TEAM);
    cr_assert_str_eq(slow->level, "warning");
    cr_assert_eq(low->clear_op, CMP_GE); /* not given: the opposite of fire */
    cr_assert_float_eq(low->clear, 0.80, 0);
    cr_assert(low->has_critical);
    cr_assert_str_eq(low->level, "critical");
    cr_assert_eq(low->dims, 1u << DIM_ORG);
    done(&r);
}

/* T15: the same bands without a gap are fine, and a step curve may start below zero. */
Test(config, half_open_bands_and_steps_cover_the_line)
{
    struct loaded r =
        load("scorecards:\n  s:\n    version: '1'\n    effective_from: 2025-01-01\n    dim: rep\n    missing: hold\n   "
             " perspectives:\n"
             "      a: {weight: 10000, kpis: {sales_growth_rate: {weight: 10000, window: td, curve: step, edge: "
             "from_exclusive,\n"
             "          steps: {-.inf: 0, 0: 60, 0.1: 100}}}}\n    bands: {low: [0, 51], high: [51, 100]}\n");
    const struct scorecard_def *s = &must_load(&r)->defs.scorecard[0];
    cr_assert_eq(s->effective_from_ms, INT64_C(1735689600000));
    cr_assert_eq(s->dim, DIM_REP);
    cr_assert_eq(s->missing, MISSING_HOLD);
    cr_assert_float_eq(s->min_coverage, 0.6, 1e-12);
    cr_assert_eq(s->n_bands, 2u);
    cr_assert_str_eq(s->band[0].name, "high");
    cr_assert_float_eq(s->band[0].from, 51, 0);
    cr_assert_str_eq(s->band[1].name, "low");
    cr_assert_eq(s->item[0].score.n_steps, 3u);
    cr_assert(isinf(s->item[0].score.step[0].from) && s->item[0].score.step[0].from < 0);
    cr_assert_float_eq(s->item[0].score.step[2].score, 100, 0);
    cr_assert(s->item[0].score.edge_exclusive);
    done(&r);
}

Test(config, usual_bands_when_none_are_given)
{
    struct loaded r = load("scorecards:\n  s: {version: '1', dim: org, perspectives: {a: {weight: 10000, kpis: {csat: "
                           "{weight: 10000, window: m, floor: 0.5, goal: 1, cap: 1.2}}}}}\n");
    const struct scorecard_def *s = &must_load(&r)->defs.scorecard[0];
    cr_assert_eq(s->n_bands, 5u);
    cr_assert_str_eq(s->band[0].name, "A");
    cr_assert_float_eq(s->band[0].from, 95, 0);
    cr_assert_float_eq(s->band[4].from, 0, 0);
    cr_assert_float_eq(s->item[0].score.cap, 1.2, 1e-12);
    done(&r);
}

/* ---- several files ------------------------------------------------------------------------------------------------------------------------------ */

Test(config, an_included_file_comes_first_and_the_includer_has_the_last_word)
{
    char dir[] = "/tmp/crmpulse-include-XXXXXX", main_path[80], sub_path[80];
    cr_assert_not_null(mkdtemp(dir));
    snprintf(main_path, sizeof(main_path), "%s/main.yaml", dir);
    snprintf(sub_path, sizeof(sub_path), "%s/sub.yaml", dir);
    write_file(sub_path, "redis: {shards: 3, user: sub}\nrules:\n  a: {kpi: csat, window: 30d, fire: '< 0.5'}\n  b: "
                         "{kpi: csat, window: 30d, fire: '< 0.4'}\n");
    write_file(main_path,
               "include: [sub.yaml]\nredis: {shards: 5}\nrules:\n  a: {kpi: csat, window: 30d, fire: '< 0.6'}\n");
    struct config_problems p = { 0 };
    struct config *c = config_load(main_path, NULL, &p);
    cr_assert_not_null(c);
    cr_assert_eq(c->redis.shards, 5);
    cr_assert_str_eq(c->redis.user, "sub");
    cr_assert_eq(c->defs.n_rules, 2u);
    cr_assert_float_eq(c->defs.rule[0].fire, 0.6, 0);
    cr_assert_float_eq(c->defs.rule[1].fire, 0.4, 0);
    config_free(c);
    config_problems_release(&p);
    unlink(main_path);
    unlink(sub_path);
    rmdir(dir);
}

Test(config, a_definition_replaces_the_built_in_one_of_the_same_id)
{
    struct loaded r = load("kpis:\n  win_rate: {title: mine, perspective: C, unit: ratio, numerator: deals_won, "
                           "denominator: deals_opened, windows: [7d], dims: [org]}\n");
    const struct kpi_def *k = kpi(must_load(&r), "win_rate");
    cr_assert_str_eq(k->title_en, "mine");
    cr_assert_eq(k->perspective, 'C');
    cr_assert_eq(k->n_windows, 1u);
    cr_assert_eq(k->dims, 1u << DIM_ORG);
    cr_assert_eq(k->dims, 1u);
    done(&r);
}

Test(config, without_the_catalogue)
{
    struct loaded r = load("catalogue: none\nmeasures: {n: {fact: deal, agg: count}}\n"
                           "kpis: {k: {perspective: F, unit: count, value: n, windows: [m], dims: [O]}}\n");
    const struct config *c = must_load(&r);
    cr_assert_eq(c->defs.n_measures, 1u);
    cr_assert_eq(c->defs.n_kpis, 1u);
    cr_assert_str_eq(c->defs.kpi[0].title_en, "k");
    cr_assert_str_eq(c->defs.kpi[0].switches, "");
    cr_assert_eq(c->n_switches, 0u);
    done(&r);
}

/* ---- --set -------------------------------------------------------------------------------------------------------------------------------------- */

Test(config, sets_act_last_and_change_one_key)
{
    const char *const set[] = { "redis.shards=7",
                                "switches.csat_mode=mean",
                                "rules.r.min_samples=9",
                                "kafka.topics.input=[x, y]",
                                "kpis.win_rate.windows=[7d]",
                                "kafka.properties.fetch.min.bytes=3",
                                "orgs.acme.zone=Asia/Tokyo" };
    struct loaded r =
        load_with("redis: {shards: 2}\nrules: {r: {kpi: csat, window: 30d, fire: '< 4', min_samples: 1}}\n", 7, set);
    const struct config *c = must_load(&r);
    cr_assert_eq(c->redis.shards, 7);
    cr_assert_str_eq(config_switch_value(c, "csat_mode"), "mean");
    cr_assert_null(config_switch_value(c, "nothing"));
    cr_assert_eq(c->defs.rule[0].min_samples, 9);
    cr_assert_float_eq(c->defs.rule[0].fire, 4, 0);
    cr_assert_eq(c->kafka.n_inputs, 2u);
    cr_assert_str_eq(c->kafka.input[0], "x");
    cr_assert_eq(kpi(c, "win_rate")->n_windows, 1u);
    cr_assert_not_null(kpi(c, "win_rate")->numerator);
    cr_assert_str_eq(c->kafka.property[0].name, "fetch.min.bytes");
    cr_assert_str_eq(definitions_org(&c->defs, SLICE("acme"))->calendar.zone.name, "Asia/Tokyo");
    done(&r);
}

Test(config, wrong_sets_say_which_and_where)
{
    const char *const unknown[] = { "redis.shards=2", "kafka.brokr=x" };
    struct loaded r = load_with(NULL, 2, unknown);
    one_problem(&r, 2, 7, "unknown key 'brokr' in kafka; did you mean 'brokers'?");
    cr_assert_str_eq(r.problems.v[0].file, "--set");
    done(&r);
    const char *const value[] = { "switches.csat_mode=men" };
    r = load_with(NULL, 1, value);
    one_problem(&r, 1, 20, "switch 'csat_mode' has no value 'men'; did you mean 'mean'? (one of: top2, mean)");
    done(&r);
    const char *const rule[] = { "rules.csat_lo.for=1h" };
    r = load_with("rules: {csat_low: {kpi: csat, window: 30d, fire: '< 0.8'}}\n", 1, rule);
    one_problem(&r, 1, 7, "unknown rule 'csat_lo'; did you mean 'csat_low'?");
    done(&r);
    const char *const shape[] = { "redis.shards" };
    r = load_with(NULL, 1, shape);
    one_problem(&r, 1, 1, "expected KEY=VALUE, not 'redis.shards'");
    done(&r);
    const char *const yaml[] = { "time.tick=[1" };
    r = load_with(NULL, 1, yaml);
    cr_assert_null(r.config);
    cr_assert_eq(r.problems.n, 1u);
    cr_assert_eq(r.problems.v[0].line, 1u);
    done(&r);
}

/* ---- what is computed at load ---------------------------------------------------------------------------------------------------------------------- */

static const char small[] = "catalogue: none\n"
                            "switches: {basis: [deals, orders], unused: [a, b]}\n"
                            "measures:\n"
                            "  sold: {fact: txn, where: 'basis == switch.basis', agg: sum, value: amount}\n"
                            "  back: {fact: refund, agg: sum, value: amount}\n"
                            "  net: {derive: 'sold - back'}\n"
                            "  spare: {fact: deal, agg: count}\n"
                            "  users: {fact: usage, agg: distinct}\n"
                            "  open: {fact: deal_open, agg: count}\n"
                            "  joined: {fact: member_joined, agg: sum, value: n}\n"
                            "kpis:\n"
                            "  net: {perspective: F, unit: micros, value: net, windows: [m], dims: [org, product]}\n"
                            "  place: {perspective: F, form: rank, unit: count, of: net, windows: [m], dims: [rep]}\n"
                            "boards: {b: {kpi: net, window: m, dim: team}}\n"
                            "rules: {r: {kpi: net, window: 1h, dims: [region], fire: '< 1'}}\n";

Test(config, a_measure_is_kept_by_every_dimension_that_something_wants)
{
    struct loaded r = load(small);
    const struct config *c = must_load(&r);
    uint32_t wanted = 1u << DIM_ORG | 1u << DIM_PRODUCT | 1u << DIM_REP | 1u << DIM_TEAM | 1u << DIM_REGION;
    cr_assert_eq(measure(c, "net")->dims, wanted);
    cr_assert_eq(measure(c, "sold")->dims, wanted); /* by way of the derived one */
    cr_assert_eq(measure(c, "back")->dims, wanted);
    cr_assert_eq(measure(c, "spare")->dims, 1u << DIM_ORG);
    cr_assert(measure(c, "sold")->fine); /* the rule's 1h */
    cr_assert_not(measure(c, "users")->fine);
    done(&r);
    const char *const set[] = { "rules.r.window=24h" };
    r = load_with(small, 1, set);
    cr_assert_not(measure(must_load(&r), "sold")->fine);
    done(&r);
}

Test(config, asof_and_gauge)
{
    struct loaded r = load(small);
    const struct config *c = must_load(&r);
    cr_assert(measure(c, "open")->asof && measure(c, "open")->gauge);
    cr_assert(measure(c, "joined")->asof && !measure(c, "joined")->gauge); /* transitions lie in panes */
    cr_assert(measure(c, "users")->asof && !measure(c, "users")->gauge);   /* distinct: moved by later activity */
    cr_assert(!measure(c, "sold")->asof && !measure(c, "sold")->gauge);
    done(&r);
}

Test(config, switches_of_a_kpi_reach_through_its_measures)
{
    struct loaded r = load(small);
    const struct config *c = must_load(&r);
    cr_assert_str_eq(kpi(c, "net")->switches, "basis=deals");
    cr_assert_str_eq(kpi(c, "place")->switches, "basis=deals");
    done(&r);
}

/* Only the branch taken is in the program: a cohort rate does not cost the cells of the other one. */
Test(config, switches_choose_the_measures_that_are_used)
{
    static const char text[] = "catalogue: none\nswitches: {by: [count, amount]}\n"
                               "measures: {n: {fact: deal, agg: count}, a: {fact: deal, agg: sum, value: amount}}\n"
                               "kpis: {k: {perspective: F, unit: \"if(switch.by == 'amount', micros, count)\", value: "
                               "\"if(switch.by == 'amount', a, n)\", windows: [m], dims: [T]}}\n";
    const char *const set[] = { "switches.by=amount" };
    struct loaded r = load(text);
    const struct config *c = must_load(&r);
    cr_assert_eq(c->defs.kpi[0].unit, UNIT_COUNT);
    cr_assert_eq(measure(c, "n")->dims, 3u);
    cr_assert_eq(measure(c, "a")->dims, 1u);
    uint64_t hash = c->defs.kpi[0].hash;
    done(&r);
    r = load_with(text, 1, set);
    c = must_load(&r);
    cr_assert_eq(c->defs.kpi[0].unit, UNIT_MICROS);
    cr_assert_eq(measure(c, "n")->dims, 1u);
    cr_assert_eq(measure(c, "a")->dims, 3u);
    cr_assert_neq(c->defs.kpi[0].hash, hash);
    cr_assert_str_eq(c->defs.kpi[0].switches, "by=amount");
    done(&r);
}

struct hashes {
    uint64_t kpi, rank, rule;
};

static struct hashes hashes_with(const char *set)
{
    struct loaded r = load_with(small, set ? 1 : 0, &set);
    const struct config *c = must_load(&r);
    struct hashes h = { kpi(c, "net")->hash, kpi(c, "place")->hash, c->defs.rule[0].hash };
    done(&r);
    return h;
}

Test(config, hashes_tell_a_changed_definition_from_an_unchanged_one)
{
    struct hashes base = hashes_with(NULL), again = hashes_with("redis.shards=2");
    cr_assert_eq(base.kpi, again.kpi);
    cr_assert_eq(base.rule, again.rule);
    cr_assert_eq(hashes_with("kpis.net.title=other words").kpi, base.kpi);
    cr_assert_eq(hashes_with("measures.net.derive='sold   -  back'").kpi, base.kpi); /* blanks say nothing */
    cr_assert_eq(hashes_with("measures.spare.agg=count").kpi, base.kpi);
    struct hashes window = hashes_with("kpis.net.windows=[q]");
    cr_assert_neq(window.kpi, base.kpi);
    cr_assert_eq(window.rule, base.rule); /* the rule has its own window */
    struct hashes deep = hashes_with("measures.back.where=\"amount > 0\"");
    cr_assert_neq(deep.kpi, base.kpi);
    cr_assert_neq(deep.rank, base.rank);
    cr_assert_neq(deep.rule, base.rule);
    struct hashes turned = hashes_with("switches.basis=orders");
    cr_assert_neq(turned.kpi, base.kpi);
    cr_assert_neq(turned.rule, base.rule);
    cr_assert_eq(hashes_with("switches.unused=b").kpi, base.kpi);
    cr_assert_neq(hashes_with("rules.r.fire='< 2'").rule, base.rule);
    cr_assert_eq(hashes_with("rules.r.fire='< 2'").kpi, base.kpi);
}

Test(config, scorecards_have_a_hash_of_everything_in_them)
{
    static const char text[] = "scorecards:\n  s: {version: '1', dim: org, perspectives: {a: {weight: 10000, kpis: "
                               "{csat: {weight: 10000, window: m, floor: 0.5, goal: 1}}}}}\n";
    const char *const same[] = { "redis.shards=3" }, *const goal[] = {
        "scorecards.s.perspectives.a.kpis.csat.goal=0.9"
    };
    struct loaded a = load(text), b = load_with(text, 1, same), c = load_with(text, 1, goal);
    uint64_t first = must_load(&a)->defs.scorecard[0].hash;
    cr_assert_eq(must_load(&b)->defs.scorecard[0].hash, first);
    cr_assert_neq(must_load(&c)->defs.scorecard[0].hash, first);
    done(&a);
    done(&b);
    done(&c);
}

/* ---- the sample file ---------------------------------------------------------------------------------------------------------------------------- */

static char *read_text(const char *path)
{
    FILE *f = fopen(path, "r");
    char *text = calloc(1, 65536);
    cr_assert(f && text);
    cr_assert_lt(fread(text, 1, 65535, f), 65535u);
    fclose(f);
    return text;
}

static char *sample_text(void)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    cr_assert_eq(config_sample_print(f), 0);
    fclose(f);
    return text;
}

Test(config, the_sample_file_is_the_table)
{
    char *file = read_text(CRMPULSE_SOURCE_DIR "/config/crmpulse.yaml"), *table = sample_text();
    cr_assert_str_eq(file, table);
    free(file);
    free(table);
}

/* With every line uncommented the sample is a valid file that says the defaults. */
Test(config, the_sample_file_uncommented_is_the_defaults)
{
    char *sample = sample_text();
    const char *p = strstr(sample, "\n#kafka:");
    cr_assert_not_null(p);
    char *text = calloc(1, strlen(p) + 1);
    size_t n = 0;
    for (p++; *p; p += strcspn(p, "\n") + 1) {
        if (*p == '#')
            p++;
        size_t line = strcspn(p, "\n") + 1;
        memcpy(text + n, p, line);
        n += line;
    }
    struct loaded plain = load(NULL), sampled = load(text);
    const struct config *a = must_load(&plain), *b = must_load(&sampled);
    cr_assert_eq(memcmp(&a->run, &b->run, sizeof(a->run)), 0);
    cr_assert_eq(a->redis.record_cache_bytes, b->redis.record_cache_bytes);
    cr_assert_eq(a->redis.backoff_max_ms, b->redis.backoff_max_ms);
    cr_assert_eq(a->defs.lateness_ms, b->defs.lateness_ms);
    cr_assert_eq(a->defs.fine_retention_ms, b->defs.fine_retention_ms);
    cr_assert_str_eq(a->kafka.late, b->kafka.late);
    cr_assert_str_eq(b->redis.user, "");
    done(&plain);
    done(&sampled);
    free(text);
    free(sample);
}

Test(config, every_key_has_help_and_a_unit)
{
    uint32_t n;
    const struct config_key *k = config_keys(&n);
    cr_assert_geq(n, 40u);
    for (uint32_t i = 0; i < n; i++) {
        cr_assert(strchr(k[i].path, '.') && *k[i].unit && *k[i].help, "%s", k[i].path);
        for (uint32_t j = 0; j < i; j++)
            cr_assert_str_neq(k[i].path, k[j].path);
    }
}

Test(config, free_takes_null)
{
    config_free(NULL);
}
