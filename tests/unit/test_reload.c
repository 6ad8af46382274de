/* What a reload may change (daemon/config/reload.c): keys that need a restart are named, all else changes places. */
#include <criterion/criterion.h>

#include "crmpulse/config.h"

enum { SETS_MAX = 20 };

/* Keys that have no effect alone are given by both. */
static const char *const company[] = { "kafka.security=sasl_ssl", "kafka.sasl_user=u", "kafka.sasl_password_file=p",
                                       "kafka.tls_ca=ca",         "kafka.tls_cert=c",  "kafka.tls_key=k",
                                       "redis.sentinels=a:1",     "redis.master=m",    "redis.user=u",
                                       "redis.password_file=p" };

static struct config *load_beside(uint32_t n_company, const char *set)
{
    const char *sets[SETS_MAX];
    struct config_load_options opt = { n_company, sets };
    struct config_problems problems = { 0 };
    memcpy(sets, company, sizeof company);
    if (set)
        sets[opt.n_sets++] = set;
    struct config *c = config_load(NULL, &opt, &problems);
    cr_expect(c, "%s: %s", set, problems.n ? problems.v[0].message : "");
    config_problems_release(&problems);
    return c;
}

static struct config *load_with(const char *set)
{
    return load_beside(sizeof company / sizeof *company, set);
}

/* A value other than the default, for each kind of key. */
static const char *other_value(const struct config_key *key)
{
    static const struct {
        const char *path, *value;
    } given[] = {
        { "time.lateness", "10d" },
        { "time.orphan_wait", "10d" },
        { "time.retention", "801d" },
        { "redis.shards", "2" },
        { "redis.sentinels", "b:2" },
        { "redis.backoff_min", "101ms" },
        { "time.fine_retention", "7h" },
        { "time.fine_pane", "10s" },
        { "kafka.sasl_mechanism", "PLAIN" },
        { "kafka.security", "ssl" },
        { "kafka.format", "json" },
        { "kafka.topics.input", "[a, b]" },
        { "kafka.properties", "{fetch.wait.max.ms: 10}" },
        { "log.level", "debug" },
        { "http.listen", "127.0.0.1:9464" },
        { "http.orgs", "{acme: /t}" },
        { "notify.receivers", "{am: {kind: alertmanager, url: 'http://127.0.0.1:9093'}}" },
        { "notify.external_url", "http://board.example" },
        { "publish.dims", "[org]" },
        { "publish.windows", "[d]" },
        { "publish.history_keep", "3d" },
        { "publish.by_customer", "[sales_amount]" },
    };
    for (size_t i = 0; i < sizeof given / sizeof *given; i++)
        if (strcmp(given[i].path, key->path) == 0)
            return given[i].value;
    if (strcmp(key->unit, "true or false") == 0)
        return strcmp(key->default_value, "true") == 0 ? "false" : "true";
    if (strcmp(key->unit, "duration") == 0)
        return "11s";
    if (strcmp(key->unit, "size") == 0)
        return "2MiB";
    return strcmp(key->unit, "count") == 0 ? "777" : "other";
}

Test(reload, every_key_is_taken_or_named)
{
    uint32_t n;
    const struct config_key *key = config_keys(&n);
    for (uint32_t i = 0; i < n; i++) {
        char set[200];
        if (strncmp(key[i].path, "redis.tls_", 10) == 0) /* not every hiredis has it */
            continue;
        snprintf(set, sizeof set, "%s=%s", key[i].path, other_value(&key[i]));
        const bool alone = strcmp(key[i].path, "redis.cluster") == 0 || strcmp(key[i].path, "kafka.security") == 0;
        struct config *was = alone ? load_beside(0, NULL) : load_with(NULL);
        struct config *next = alone ? load_beside(0, set) : load_with(set);
        const char *named = next ? config_needs_restart(was, next) : NULL;
        bool derived = strcmp(key[i].path, "time.retention") == 0; /* moves time.lateness, which comes first */
        if (key[i].reloadable)
            cr_expect(!named, "%s is named though it is reloadable: %s", key[i].path, named ? named : "");
        else
            cr_expect(named && (derived || strcmp(named, key[i].path) == 0), "%s: named is %s", set,
                      named ? named : "none");
        config_free(was);
        config_free(next);
    }
}

Test(reload, what_is_reloadable_changes_places)
{
    struct config *running = load_with(NULL);
    struct config *next = load_with("limits.subjects=9");
    const struct definitions *defs = &running->defs;
    const char *brokers = running->kafka.brokers;
    const uint64_t hash = next->sources_hash;
    running->defs.hash_seed = 42;
    next->redis.flush_interval_ms = 7;
    next->run.wall_clock = false;
    cr_expect_neq(running->sources_hash, hash);
    config_exchange(running, next);
    cr_expect_eq(&running->defs, defs);
    cr_expect_eq(running->kafka.brokers, brokers);
    cr_expect_eq(next->defs.subjects_max, 100000);
    cr_expect_eq(running->defs.hash_seed, 42u);
    cr_expect_eq(running->defs.subjects_max, 9);
    cr_expect_eq(running->redis.flush_interval_ms, 7);
    cr_expect_eq(next->redis.flush_interval_ms, 50);
    cr_expect_not(running->run.wall_clock);
    cr_expect_eq(running->sources_hash, hash);
    config_free(next);
    cr_expect_gt(running->defs.n_kpis, 100u);
    config_free(running);
}

Test(reload, the_same_text_has_the_same_hash)
{
    struct config *a = load_with("log.level=debug"), *b = load_with("log.level=debug"),
                  *c = load_with("log.level=error");
    cr_expect_eq(a->sources_hash, b->sources_hash);
    cr_expect_neq(a->sources_hash, c->sources_hash);
    config_free(a);
    config_free(b);
    config_free(c);
}
