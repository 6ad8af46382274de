/* Configurations from texts: written to a temporary file, loaded, looked at. */
#ifndef CRMPULSE_TESTS_CONFIG_FIXTURE_H
#define CRMPULSE_TESTS_CONFIG_FIXTURE_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

#include "crmpulse/config.h"
#include "temp_name.h"

struct loaded {
    struct config *config;
    struct config_problems problems;
    char path[512];
};

static inline void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    cr_assert_not_null(f);
    cr_assert_geq(fputs(text, f), 0);
    cr_assert_eq(fclose(f), 0);
}

static inline struct loaded load_with(const char *text, uint32_t n_sets, const char *const *set)
{
    struct loaded r = { 0 };
    struct config_load_options opt = { n_sets, set };
    if (text) {
        temp_name(r.path, sizeof(r.path), "config");
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

static inline struct loaded load(const char *text)
{
    return load_with(text, 0, NULL);
}

static inline void done(struct loaded *r)
{
    config_free(r->config);
    config_problems_release(&r->problems);
}

static inline struct config *must_load(struct loaded *r)
{
    if (!r->config)
        config_problems_print(&r->problems, stderr);
    cr_assert_not_null(r->config);
    cr_assert_eq(r->problems.n, 0u);
    return r->config;
}

static inline void one_problem(const struct loaded *r, uint32_t line, uint32_t column, const char *message)
{
    cr_assert_null(r->config);
    cr_assert_eq(r->problems.n, 1u);
    cr_assert_str_eq(r->problems.v[0].message, message);
    cr_assert_eq(r->problems.v[0].line, line);
    cr_assert_eq(r->problems.v[0].column, column);
}

static inline const struct kpi_def *kpi(const struct config *c, const char *id)
{
    int i = definitions_kpi(&c->defs, slice_of(id));
    cr_assert_geq(i, 0, "no KPI %s", id);
    return &c->defs.kpi[i];
}

static inline const struct measure_def *measure(const struct config *c, const char *id)
{
    int i = definitions_measure(&c->defs, slice_of(id));
    cr_assert_geq(i, 0, "no measure %s", id);
    return &c->defs.measure[i];
}

#endif
