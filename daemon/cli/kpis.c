/* crmpulse kpis: the catalogue as text, as JSON lines or as the page docs/KPI.md. It says what is defined; values are replay's and query's business. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "crmpulse/arena.h"
#include "crmpulse/cli.h"
#include "crmpulse/config.h"
#include "daemon/codec/json_text.h"
#include "kpis_page.h"

struct kpis_args {
    struct config_load_options opt;
    const char *file;
    const char *set[64];
    bool json, markdown;
};

static const struct option options[] = {
    { "config", required_argument, NULL, 'c' }, { "set", required_argument, NULL, 's' },
    { "json", no_argument, NULL, 'J' },         { "markdown", no_argument, NULL, 'm' },
    { "help", no_argument, NULL, 'h' },         { NULL, 0, NULL, 0 },
};

static int usage(FILE *to)
{
    fputs("usage: crmpulse kpis [FILE] [--config FILE] [--set KEY=VALUE] [--json|--markdown]\n"
          "  Lists every KPI of the catalogue and of the configuration.\n"
          "  --json      one object a line: titles, unit, direction, windows, dimensions, formula, switches in force, "
          "definition hash\n"
          "  --markdown  the page docs/KPI.md\n",
          to);
    return to == stdout ? EXIT_SUCCESS : CLI_USAGE;
}

/* -1: go on. */
static int parse(struct kpis_args *a, int argc, char **argv)
{
    int opt;
    optind = 1;
    a->opt.set = a->set;
    while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1)
        switch (opt) {
        case 'c':
            a->file = optarg;
            break;
        case 's':
            if (a->opt.n_sets == 64)
                return usage(stderr);
            a->set[a->opt.n_sets++] = optarg;
            break;
        case 'J':
            a->json = true;
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

static void text(struct json_text *t, const char *key, struct slice value)
{
    json_text_key(t, key);
    json_text_string(t, value);
}

/* "win_rate_by=count,clock=wall" as an object. */
static void switches(struct json_text *t, const char *p)
{
    json_text_key(t, "switches");
    json_text_open(t, '{');
    while (p && *p) {
        char name[64];
        size_t n = strcspn(p, ",="), end = strcspn(p, ",");
        snprintf(name, sizeof name, "%.*s", (int)n, p);
        text(t, name, (struct slice){ p + n + 1, n < end ? (uint32_t)(end - n - 1) : 0 });
        p += end + (p[end] == ',');
    }
    json_text_close(t, '}');
}

static void lists(struct json_text *t, const struct kpi_def *k)
{
    json_text_key(t, "windows");
    json_text_open(t, '[');
    for (uint32_t i = 0; i < k->n_windows; i++)
        json_text_string(t, slice_of(k->window[i].name));
    json_text_close(t, ']');
    json_text_key(t, "dims");
    json_text_open(t, '[');
    for (int d = 0; d < DIM_COUNT; d++)
        if (k->dims >> d & 1)
            json_text_string(t, slice_of(dim_name((enum dim)d)));
    json_text_close(t, ']');
}

static int print_json(const struct kpi_def *k)
{
    struct arena a;
    struct json_text t;
    char hash[17];
    arena_init(&a, 0, 0);
    json_text_init(&t, &a);
    snprintf(hash, sizeof hash, "%016" PRIx64, k->hash);
    json_text_open(&t, '{');
    text(&t, "id", slice_of(k->id));
    text(&t, "title", slice_of(k->title_en));
    text(&t, "title_zh", slice_of(k->title_zh));
    text(&t, "perspective", (struct slice){ &k->perspective, 1 });
    text(&t, "unit", slice_of(kpi_unit_name(k->unit)));
    text(&t, "direction", slice_of(kpi_direction_name(k->direction)));
    text(&t, "empty", k->empty_zero ? SLICE("0") : SLICE("null"));
    lists(&t, k);
    text(&t, "formula", slice_of(k->formula));
    switches(&t, k->switches);
    text(&t, "definition_hash", slice_of(hash));
    json_text_close(&t, '}');
    struct slice s = json_text_end(&t);
    if (s.p)
        puts(s.p);
    arena_release(&a);
    return s.p ? 0 : -1;
}

static int list(const struct kpis_args *a, const struct config *c)
{
    int rc = 0;
    if (a->markdown)
        return kpis_page(c, stdout);
    for (uint32_t i = 0; rc == 0 && i < c->defs.n_kpis; i++) {
        const struct kpi_def *k = &c->defs.kpi[i];
        if (a->json)
            rc = print_json(k);
        else
            printf("%-28s %-7s %-8s %s\n", k->id, kpi_unit_name(k->unit), kpi_direction_name(k->direction),
                   k->title_en);
    }
    return rc;
}

int cmd_kpis(int argc, char **argv)
{
    struct kpis_args a = { 0 };
    struct config_problems problems = { 0 };
    int rc = parse(&a, argc, argv);
    if (rc >= 0)
        return rc;
    struct config *c = config_load(a.file, &a.opt, &problems);
    config_problems_print(&problems, stderr);
    config_problems_release(&problems);
    if (!c)
        return CLI_CONFIG;
    rc = list(&a, c);
    config_free(c);
    return rc < 0 || fflush(stdout) != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
