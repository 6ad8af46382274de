/* Runtime keys, defaults, included files, overrides, the sample file. */
#include "config_fixture.h"

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
    cr_assert_eq(c->defs.retention_ms, INT64_C(69120000000)); /* 800 d: a year and the year before it */
    cr_assert_eq(c->defs.lateness_ms, INT64_C(69120000000));
    cr_assert_eq(c->defs.orphan_wait_ms, INT64_C(69120000000));
    cr_assert_eq(c->defs.erase_final_ms, INT64_C(2592000000));
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
    cr_assert_eq(r.config->defs.orphan_wait_ms, INT64_C(2592000000));
    done(&r);
}

Test(config, windows_are_whole_panes)
{
    static const char kpi[] =
        "kpis: {x: {title: x, perspective: F, unit: count, value: deals_won, windows: [10s], dims: [O]}}\n";
    char text[400];
    struct loaded r = load(kpi);
    cr_assert_null(r.config);
    cr_assert_eq(r.problems.n_errors, 1u);
    cr_assert_str_eq(r.problems.v[0].message, "window 10s is no whole number of panes: time.fine_pane must divide it");
    done(&r);
    snprintf(text, sizeof text, "time: {fine_pane: 5s}\n%s", kpi);
    r = load(text);
    cr_assert_not_null(r.config);
    cr_assert_eq(r.config->defs.org[0].calendar.fine_ms, INT64_C(5000));
    done(&r);
    r = load("time: {fine_pane: 7s}\n");
    cr_assert_null(r.config);
    done(&r);
    r = load("measures: {late: {derive: \"deals_won[over=90s]\"}}\n");
    cr_assert_null(r.config);
    done(&r);
}

Test(config, a_window_longer_than_the_retention_is_a_warning)
{
    struct loaded r = load("time: {retention: 100d}\n");
    cr_assert_not_null(r.config);
    cr_assert_eq(r.problems.n_errors, 0u);
    cr_assert_eq(r.problems.n, 2u); /* repurchase_rate and purchase_cycle alone have a year */
    cr_assert(r.problems.v[0].warning);
    cr_assert_str_eq(r.problems.v[0].message, "window 365d of 'purchase_cycle' is longer than time.retention");
    cr_assert_str_eq(r.problems.v[1].message, "window 365d of 'repurchase_rate' is longer than time.retention");
    done(&r);
}

/* A quarter of the year before: 92 days of this one, 366 of a year. A month is 31 + 366. */
Test(config, who_reads_further_back_than_the_retention_is_warned)
{
    static const char rules[] =
        "rules:\n"
        "  q: {kpi: revenue_growth_rate, window: q, dims: [O], fire: \"< 0\", clear: \">= 0\", level: info}\n"
        "  m: {kpi: revenue_growth_rate, window: m, dims: [O], fire: \"< 0\", clear: \">= 0\", level: info}\n"
        "  mean: {kpi: sales_amount, window: 90d, dims: [O], fire: \"value < mean4\", clear: \"value >= mean4\", "
        "level: "
        "info}\n";
    char text[sizeof rules + 100];
    snprintf(text, sizeof text, "time: {retention: 400d}\n%s", rules);
    struct loaded r = load(text);
    cr_assert_not_null(r.config);
    cr_assert_eq(r.problems.n, 2u);
    cr_assert_str_eq(r.problems.v[0].message, "rule 'q' reads 'revenue_growth_rate' up to 458 days back, more than "
                                              "time.retention keeps: part of the time it has no value");
    cr_assert_str_eq(r.problems.v[1].message, "rule 'mean' reads 'sales_amount' up to 450 days back, more than "
                                              "time.retention keeps: part of the time it has no value");
    done(&r);
    r = load(rules); /* 800 days */
    cr_assert_eq(r.problems.n, 0u);
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

/* ---- several files ------------------------------------------------------------------------------------------------------------------------------ */

Test(config, an_included_file_comes_first_and_the_includer_has_the_last_word)
{
    char dir[400], main_path[512], sub_path[512];
    temp_name(dir, sizeof(dir), "include");
    cr_assert_not_null(mkdtemp(dir));
    snprintf(main_path, sizeof(main_path), "%s/main.yaml", dir);
    snprintf(sub_path, sizeof(sub_path), "%s/sub.yaml", dir);
    write_file(
        sub_path,
        "redis: {shards: 3, user: sub, password_file: pw}\nrules:\n  a: {kpi: csat, window: 30d, fire: '< 0.5'}\n  b: "
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
