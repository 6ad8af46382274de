/* crmpulse check: what can be said about a configuration without any event. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "crmpulse/arena.h"
#include "crmpulse/cli.h"
#include "crmpulse/config.h"
#include "crmpulse/notify.h"
#include "config_page.h"
#include "daemon/codec/json_text.h"

struct check_args {
    const char *file;
    const char *set[64];
    uint32_t n_sets;
    bool json, quiet, sample, markdown;
};

static const struct option options[] = {
    { "config", required_argument, NULL, 'c' }, { "set", required_argument, NULL, 's' },
    { "json", no_argument, NULL, 'J' },         { "quiet", no_argument, NULL, 'q' },
    { "sample", no_argument, NULL, 'p' },       { "markdown", no_argument, NULL, 'm' },
    { "help", no_argument, NULL, 'h' },         { NULL, 0, NULL, 0 },
};

static int usage(FILE *to)
{
    fputs(
        "usage: crmpulse check [FILE] [--config FILE] [--set KEY=VALUE] [--json] [--quiet] [--sample | --markdown]\n"
        "  Reads the configuration with everything it includes and prints every error; exit code 78 if there is any.\n"
        "  --json      one object on standard output: ok, problems with file, line and column, counts\n"
        "  --sample    prints every key with its default\n"
        "  --markdown  prints every key with type, default, bounds and meaning, as docs/CONFIG.md has them\n",
        to);
    return to == stdout ? EXIT_SUCCESS : CLI_USAGE;
}

/* -1: go on. */
static int parse(struct check_args *a, int argc, char **argv)
{
    int opt;
    optind = 1;
    while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1)
        switch (opt) {
        case 'c':
            a->file = optarg;
            break;
        case 's':
            if (a->n_sets < 64)
                a->set[a->n_sets++] = optarg;
            break;
        case 'J':
            a->json = true;
            break;
        case 'q':
            a->quiet = true;
            break;
        case 'p':
            a->sample = true;
            break;
        case 'm':
            a->markdown = true;
            break;
        default:
            return usage(opt == 'h' ? stdout : stderr);
        }
    if (argc - optind > 1)
        return usage(stderr);
    if (optind < argc)
        a->file = argv[optind];
    return -1;
}

static void problem_json(struct json_text *t, const struct config_problem *p)
{
    json_text_open(t, '{');
    json_text_key(t, "file");
    json_text_string(t, slice_of(p->file));
    json_text_key(t, "line");
    json_text_uint(t, p->line);
    json_text_key(t, "column");
    json_text_uint(t, p->column);
    json_text_key(t, "severity");
    json_text_string(t, p->warning ? SLICE("warning") : SLICE("error"));
    json_text_key(t, "message");
    json_text_string(t, slice_of(p->message));
    json_text_close(t, '}');
}

/* Who is told of alerts by `crmpulse notify`. */
static uint32_t receivers_of(const struct config *c)
{
    return c->notify.receivers ? c->notify.receivers->n : 0;
}

/* One object: {"ok": .., "problems": [..], "measures": n, ..}. 0 or -1. */
static int print_json(const struct config *c, const struct config_problems *problems)
{
    static const struct {
        const char *name;
        size_t at;
    } counts[] = {
        { "measures", offsetof(struct definitions, n_measures) },
        { "kpis", offsetof(struct definitions, n_kpis) },
        { "boards", offsetof(struct definitions, n_boards) },
        { "rules", offsetof(struct definitions, n_rules) },
        { "scorecards", offsetof(struct definitions, n_scorecards) },
    };
    struct arena a;
    struct json_text t;
    arena_init(&a, 0, 0);
    json_text_init(&t, &a);
    json_text_open(&t, '{');
    json_text_key(&t, "ok");
    json_text_bool(&t, c != NULL);
    json_text_key(&t, "problems");
    json_text_open(&t, '[');
    for (uint32_t i = 0; i < problems->n; i++)
        problem_json(&t, &problems->v[i]);
    json_text_close(&t, ']');
    for (size_t i = 0; c && i < sizeof counts / sizeof *counts; i++) {
        uint32_t n;
        memcpy(&n, (const char *)&c->defs + counts[i].at, sizeof n);
        json_text_key(&t, counts[i].name);
        json_text_uint(&t, n);
    }
    if (c) {
        json_text_key(&t, "receivers");
        json_text_uint(&t, receivers_of(c));
    }
    json_text_close(&t, '}');
    struct slice s = json_text_end(&t);
    if (s.p)
        puts(s.p);
    arena_release(&a);
    return s.p ? 0 : -1;
}

static void print_text(const struct config *c, const struct config_problems *problems, bool quiet)
{
    config_problems_print(problems, stderr);
    if (c && !quiet)
        printf("ok: %u measures, %u KPIs, %u boards, %u rules, %u scorecards, %u receivers\n", c->defs.n_measures,
               c->defs.n_kpis, c->defs.n_boards, c->defs.n_rules, c->defs.n_scorecards, receivers_of(c));
}

int cmd_check(int argc, char **argv)
{
    struct check_args a = { 0 };
    int rc = parse(&a, argc, argv);
    if (rc >= 0)
        return rc;
    if (a.markdown)
        return config_page(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    if (a.sample)
        return config_sample_print(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    struct config_problems problems = { 0 };
    const struct config_load_options opt = { a.n_sets, a.set };
    struct config *c = config_load(a.file, &opt, &problems);
    rc = c ? EXIT_SUCCESS : CLI_CONFIG;
    if (!a.json)
        print_text(c, &problems, a.quiet);
    else if (print_json(c, &problems) < 0)
        rc = EXIT_FAILURE;
    config_problems_release(&problems);
    config_free(c);
    return rc;
}
