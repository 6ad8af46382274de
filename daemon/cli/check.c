/* crmpulse check, kpis, version: what can be said without any event. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "crmpulse/arena.h"
#include "crmpulse/cli.h"
#include "crmpulse/config.h"
#include "daemon/codec/json_text.h"

struct check_args {
    const char *file;
    const char *set[64];
    uint32_t n_sets;
    bool json, quiet, sample;
};

static const struct option options[] = {
    { "config", required_argument, NULL, 'c' },
    { "set", required_argument, NULL, 's' },
    { "json", no_argument, NULL, 'J' },
    { "quiet", no_argument, NULL, 'q' },
    { "sample", no_argument, NULL, 'p' },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

static int usage(FILE *to, const char *command, const char *what)
{
    fprintf(to, "usage: crmpulse %s [FILE] [--config FILE] [--set KEY=VALUE] [--json] [--quiet] [--sample]\n  %s\n",
            command, what);
    return to == stdout ? EXIT_SUCCESS : CLI_USAGE;
}

/* -1: go on. */
static int parse(struct check_args *a, const char *what, int argc, char **argv)
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
        default:
            return usage(opt == 'h' ? stdout : stderr, argv[0], what);
        }
    if (argc - optind > 1)
        return usage(stderr, argv[0], what);
    if (optind < argc)
        a->file = argv[optind];
    return -1;
}

static struct config *load(const struct check_args *a)
{
    struct config_problems problems = { 0 };
    const struct config_load_options opt = { a->n_sets, a->set };
    struct config *c = config_load(a->file, &opt, &problems);
    config_problems_print(&problems, stderr);
    config_problems_release(&problems);
    return c;
}

int cmd_check(int argc, char **argv)
{
    struct check_args a = { 0 };
    int rc = parse(&a,
                   "Reads the configuration with everything it includes and prints every error; exit code 78 if there "
                   "is any. --sample prints every key with its default.",
                   argc, argv);
    if (rc >= 0)
        return rc;
    if (a.sample)
        return config_sample_print(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    struct config *c = load(&a);
    if (!c)
        return CLI_CONFIG;
    if (!a.quiet)
        printf("ok: %u measures, %u KPIs, %u boards, %u rules, %u scorecards\n", c->defs.n_measures, c->defs.n_kpis,
               c->defs.n_boards, c->defs.n_rules, c->defs.n_scorecards);
    config_free(c);
    return EXIT_SUCCESS;
}

static const char *const unit_names[] = { "ratio", "count", "micros", "ms", "score", "days" };
static const char *const direction_names[] = { "up", "down", "neutral" };

static void kpi_json(const struct kpi_def *k)
{
    struct arena a;
    struct json_text t;
    arena_init(&a, 0, 0);
    json_text_init(&t, &a);
    json_text_open(&t, '{');
    json_text_key(&t, "id");
    json_text_string(&t, slice_of(k->id));
    json_text_key(&t, "title");
    json_text_string(&t, slice_of(k->title_en));
    json_text_key(&t, "title_zh");
    json_text_string(&t, slice_of(k->title_zh));
    json_text_key(&t, "perspective");
    json_text_string(&t, (struct slice){ &k->perspective, 1 });
    json_text_key(&t, "unit");
    json_text_string(&t, slice_of(unit_names[k->unit]));
    json_text_key(&t, "direction");
    json_text_string(&t, slice_of(direction_names[k->direction]));
    json_text_key(&t, "empty");
    json_text_string(&t, k->empty_zero ? SLICE("0") : SLICE("null"));
    json_text_key(&t, "windows");
    json_text_open(&t, '[');
    for (uint32_t i = 0; i < k->n_windows; i++)
        json_text_string(&t, slice_of(k->window[i].name));
    json_text_close(&t, ']');
    json_text_key(&t, "dims");
    json_text_open(&t, '[');
    for (int d = 0; d < DIM_COUNT; d++)
        if (k->dims >> d & 1)
            json_text_string(&t, slice_of(dim_name((enum dim)d)));
    json_text_close(&t, ']');
    json_text_key(&t, "switches");
    json_text_string(&t, slice_of(k->switches));
    json_text_close(&t, '}');
    printf("%s\n", json_text_end(&t).p);
    arena_release(&a);
}

int cmd_kpis(int argc, char **argv)
{
    struct check_args a = { 0 };
    int rc = parse(&a, "Lists every KPI of the catalogue and of the configuration.", argc, argv);
    if (rc >= 0)
        return rc;
    struct config *c = load(&a);
    if (!c)
        return CLI_CONFIG;
    for (uint32_t i = 0; i < c->defs.n_kpis; i++) {
        const struct kpi_def *k = &c->defs.kpi[i];
        if (a.json)
            kpi_json(k);
        else
            printf("%-28s %-7s %-8s %s\n", k->id, unit_names[k->unit], direction_names[k->direction],
                   k->title_en ? k->title_en : "");
    }
    config_free(c);
    return EXIT_SUCCESS;
}
