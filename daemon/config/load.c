/* The way from files to a configuration, step by step. Each step reports what is wrong and goes on; the last one runs on a faultless whole. */
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "crmpulse/notify.h"
#include "crmpulse/zone_icu.h"
#include "loader.h"

/* Later steps lean on what earlier ones found: an error does not stop them, running out of memory does. */
static void run(struct loader *l, const char *path, const struct config_load_options *opt)
{
    static void (*const steps[])(struct loader *) = {
        sections_collect, keys_finish, switches_load,   targets_load, orgs_load,   measures_load,
        kpis_load,        boards_load, scorecards_load, rules_load,   notify_load,
    };
    keys_default(l);
    if (!l->problems->lost)
        files_read(l, path, opt);
    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps) && !l->problems->lost; i++)
        steps[i](l);
    if (!l->n_errors) {
        closure(l);
        booking_load(l);
    }
}

static uint64_t sources_hash(const struct loader *l)
{
    uint64_t hash = 0;
    for (uint32_t i = 0; i < l->n_files; i++)
        hash = XXH3_64bits_withSeed(l->file[i].source->bytes.p, l->file[i].source->bytes.n, hash + 1);
    return hash;
}

static struct config *load(const char *path, struct node *given, const struct config_load_options *opt,
                           struct config_problems *problems)
{
    struct loader *l = calloc(1, sizeof(*l));
    struct config *c = calloc(1, sizeof(*c));
    if (!l || !c) {
        free(l);
        free(c);
        problems->lost = true;
        problems->n_errors++;
        return NULL;
    }
    arena_init(&l->arena, 0, 0);
    l->config = c;
    l->defs = &c->defs;
    l->problems = problems;
    l->first_problem = problems->n;
    l->given = given;
    run(l, path, opt);
    problems_sort(l);
    bool ok = !l->n_errors;
    c->sources_hash = sources_hash(l);
    files_release(l);
    arena_release(&l->arena);
    free(l);
    if (ok)
        return c;
    config_free(c);
    return NULL;
}

struct config *config_load(const char *path, const struct config_load_options *opt, struct config_problems *problems)
{
    return load(path, NULL, opt, problems);
}

struct config *config_load_map(struct node *map, struct config_problems *problems)
{
    return load(NULL, map, NULL, problems);
}

const char *config_switch_value(const struct config *c, const char *name)
{
    for (uint32_t i = 0; i < c->n_switches; i++)
        if (strcmp(c->switches[i].name, name) == 0)
            return c->switches[i].value;
    return NULL;
}

static void free_kafka(struct config *c)
{
    char *const texts[] = { c->kafka.brokers,     c->kafka.group,
                            c->kafka.instance_id, c->kafka.client_id,
                            c->kafka.alerts,      c->kafka.boards,
                            c->kafka.scorecards,  c->kafka.kpis,
                            c->kafka.dead_letter, c->kafka.late,
                            c->kafka.security,    c->kafka.sasl_mechanism,
                            c->kafka.sasl_user,   c->kafka.sasl_password_file,
                            c->kafka.tls_ca,      c->kafka.tls_cert,
                            c->kafka.tls_key,     c->kafka.tls_key_password_file };
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        free(texts[i]);
    for (uint32_t i = 0; i < c->kafka.n_inputs; i++)
        free(c->kafka.input[i]);
    for (uint32_t i = 0; i < c->kafka.n_properties; i++) {
        free(c->kafka.property[i].name);
        free(c->kafka.property[i].value);
    }
    free(c->kafka.property);
}

static void free_redis(struct config *c)
{
    char *const texts[] = {
        c->redis.url,     c->redis.user,     c->redis.password_file, c->redis.tls_ca, c->redis.tls_cert,
        c->redis.tls_key, c->redis.tls_name, c->redis.sentinels,     c->redis.master, c->redis.sentinel_password_file
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        free(texts[i]);
}

static void free_http(struct config *c)
{
    free(c->publish.history);
    free(c->http.listen);
    free(c->http.hosts);
    free(c->http.token_file);
    free(c->http.kpi_metrics);
    for (uint32_t i = 0; i < c->http.n_orgs; i++) {
        free(c->http.org[i].name);
        free(c->http.org[i].value);
    }
    free(c->http.org);
}

void config_free(struct config *c)
{
    if (!c)
        return;
    free_kafka(c);
    free_http(c);
    free_redis(c);
    free(c->notify.group);
    free(c->notify.external_url);
    notify_receivers_free(c->notify.receivers);
    free(c->log.level);
    for (uint32_t i = 0; i < c->n_switches; i++) {
        free(c->switches[i].name);
        free(c->switches[i].value);
        free(c->switches[i].choices);
    }
    free(c->switches);
    booking_release(&c->booking);
    for (uint32_t i = 0; i < c->defs.n_orgs; i++)
        zone_icu_free(&c->defs.org[i].calendar.zone);
    definitions_free(&c->defs);
    free(c);
}
