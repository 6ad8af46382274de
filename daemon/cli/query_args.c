/* Options of replay and query. Names are resolved after the configuration is read, so options may come in any order. */
#include "query_args.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "crmpulse/cli.h"

enum { AROUND_REACH = 5 };

struct raw_args {
    const char *config;
    uint32_t n_sets, n_at, n_kpis, n_windows, n_dims, n_subjects;
    const char *set[QUERY_LIST_MAX], *at[QUERY_LIST_MAX], *kpi[QUERY_LIST_MAX], *window[QUERY_LIST_MAX],
        *dim[QUERY_LIST_MAX], *subject[QUERY_LIST_MAX];
    char switches[64][160]; /* --switch rewritten as --set */
    uint32_t n_switches;
};

static const struct option options[] = {
    { "config", required_argument, NULL, 'c' },
    { "set", required_argument, NULL, 's' },
    { "switch", required_argument, NULL, 'S' },
    { "at", required_argument, NULL, 'a' },
    { "kpi", required_argument, NULL, 'k' },
    { "window", required_argument, NULL, 'w' },
    { "dim", required_argument, NULL, 'd' },
    { "subject", required_argument, NULL, 'j' },
    { "json", no_argument, NULL, 'J' },
    { "boards", no_argument, NULL, 'B' },
    { "alerts", no_argument, NULL, 'A' },
    { "scorecards", no_argument, NULL, 'C' },
    { "published", no_argument, NULL, 'P' },
    { "quiet", no_argument, NULL, 'q' },
    { "around", required_argument, NULL, 'R' },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

static const struct {
    const char *command, *words, *more;
    int least, most; /* words */
} sources[] = {
    [QUERY_FILE] = { "replay", "FILE.ndjson[.gz]|- ",
                     "  --published          print the rows that the daemon would publish, as judged at snapshot "
                     "ticks\n",
                     1, 1 },
    [QUERY_STORE] = { "query", "", "", 0, 0 },
    [QUERY_RULE] = { "explain", "RULE [FILE.ndjson[.gz]|-] ",
                     "  Tells why the rule is (not) firing: from the file, or else from what a running installation "
                     "keeps in Redis.\n",
                     1, 2 },
};

static void usage(FILE *to, enum query_source source)
{
    fprintf(to,
            "usage: crmpulse %s %s[options]\n"
            "  --config FILE        definitions and settings (default: built in)\n"
            "  --at TIME            instant to position windows at: ISO 8601 or unix ms; repeatable (default: the "
            "newest event)\n"
            "%s"
            "  --dim D              org team rep channel product region campaign feature segment kind; repeatable\n"
            "  --subject S          repeatable (default: every subject)\n"
            "  --switch NAME=VALUE  KPI switch, e.g. csat_mode=mean\n"
            "  --set KEY=VALUE      any other configuration key\n"
            "%s"
            "%s"
            "  --json               one JSON object a line\n"
            "  --quiet              no closing summary on standard error\n",
            sources[source].command, sources[source].words,
            source == QUERY_RULE
                ? ""
                : "  --kpi ID             repeatable (default: every KPI)\n"
                  "  --window W           5m 1h 24h 7d 14d 30d 90d 365d, d w m q h y td g, or START..END; "
                  "repeatable (default: the KPI's own)\n",
            source == QUERY_RULE ? ""
                                 : "  --boards --alerts --scorecards   print those instead of rows\n"
                                   "  --around SUBJECT     with --boards: only what is up to 5 ranks around it\n",
            sources[source].more);
}

static bool keep(const char **list, uint32_t *n, const char *value)
{
    if (*n == QUERY_LIST_MAX)
        return false;
    list[(*n)++] = value;
    return true;
}

static bool keep_switch(struct raw_args *r, const char *value)
{
    if (r->n_switches == 64 ||
        snprintf(r->switches[r->n_switches], sizeof r->switches[0], "switches.%s", value) >= (int)sizeof r->switches[0])
        return false;
    return keep(r->set, &r->n_sets, r->switches[r->n_switches++]);
}

static bool take(struct query_args *q, struct raw_args *r, int opt)
{
    switch (opt) {
    case 'c':
        r->config = optarg;
        return true;
    case 's':
        return keep(r->set, &r->n_sets, optarg);
    case 'S':
        return keep_switch(r, optarg);
    case 'a':
        return keep(r->at, &r->n_at, optarg);
    case 'k':
        return keep(r->kpi, &r->n_kpis, optarg);
    case 'w':
        return keep(r->window, &r->n_windows, optarg);
    case 'd':
        return keep(r->dim, &r->n_dims, optarg);
    case 'j':
        return keep(r->subject, &r->n_subjects, optarg);
    case 'J':
        return q->json = true;
    case 'B':
        return q->boards = true;
    case 'A':
        return q->alerts = true;
    case 'C':
        return q->scorecards = true;
    case 'P':
        return q->published = true;
    case 'q':
        return q->quiet = true;
    case 'R':
        q->around = (struct board_around){ slice_of(optarg), AROUND_REACH };
        return q->boards = true;
    default:
        return false;
    }
}

/* Calendar for times without a zone: the only org listed beside "*", else "*". */
static const struct calendar *calendar_of(const struct definitions *defs)
{
    const struct org_def *named = NULL, *any = NULL;
    uint32_t n_named = 0;
    for (uint32_t i = 0; i < defs->n_orgs; i++) {
        bool star = strcmp(defs->org[i].id, "*") == 0;
        *(star ? &any : &named) = &defs->org[i];
        n_named += !star;
    }
    const struct org_def *org = n_named == 1 ? named : any;
    return org ? &org->calendar : NULL;
}

static int bad(const char *what, const char *value)
{
    fprintf(stderr, "crmpulse: %s '%s'\n", what, value);
    return CLI_USAGE;
}

static int resolve(struct query_args *q, const struct raw_args *r, const struct definitions *defs)
{
    const struct calendar *cal = calendar_of(defs);
    for (; q->n_at < r->n_at; q->n_at++)
        if (time_parse(cal, slice_of(r->at[q->n_at]), &q->at_ms[q->n_at]) < 0)
            return bad("not a time (ISO 8601 or unix ms):", r->at[q->n_at]);
    for (; q->n_kpis < r->n_kpis; q->n_kpis++)
        if ((q->kpi[q->n_kpis] = definitions_kpi(defs, slice_of(r->kpi[q->n_kpis]))) < 0)
            return bad("no such KPI:", r->kpi[q->n_kpis]);
    for (; q->n_windows < r->n_windows; q->n_windows++)
        if (window_parse(cal, slice_of(r->window[q->n_windows]), &q->window[q->n_windows]) < 0)
            return bad("not a window:", r->window[q->n_windows]);
        else if (!window_fits(&q->window[q->n_windows], defs->fine_pane_ms))
            return bad("no whole number of panes (time.fine_pane):", r->window[q->n_windows]);
    for (; q->n_dims < r->n_dims; q->n_dims++) {
        int dim = dim_by_name(slice_of(r->dim[q->n_dims]));
        if (dim < 0)
            return bad("not a dimension:", r->dim[q->n_dims]);
        q->dim[q->n_dims] = (enum dim)dim;
    }
    for (; q->n_subjects < r->n_subjects; q->n_subjects++)
        q->subject[q->n_subjects] = slice_of(r->subject[q->n_subjects]);
    return QUERY_ARGS_OK;
}

static struct config *load(const struct raw_args *r)
{
    struct config_problems problems = { 0 };
    const struct config_load_options opt = { r->n_sets, r->set };
    struct config *config = config_load(r->config, &opt, &problems);
    config_problems_print(&problems, stderr);
    config_problems_release(&problems);
    return config;
}

int query_args_parse(struct query_args *q, enum query_source source, int argc, char **argv, struct config **ret_config)
{
    struct raw_args *raw = calloc(1, sizeof *raw);
    int opt, rc = CLI_USAGE;
    if (!raw)
        return EXIT_FAILURE;
    optind = 1;
    while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1)
        if (opt == 'h' || !take(q, raw, opt)) {
            usage(opt == 'h' ? stdout : stderr, source);
            free(raw);
            return opt == 'h' ? EXIT_SUCCESS : CLI_USAGE;
        }
    int words = argc - optind;
    if (words < sources[source].least || words > sources[source].most) {
        usage(stderr, source);
    } else if (!(*ret_config = load(raw))) {
        rc = CLI_CONFIG;
    } else {
        for (int i = 0; i < words; i++)
            q->word[i] = argv[optind + i];
        rc = resolve(q, raw, &(*ret_config)->defs);
    }
    free(raw);
    return rc;
}

void query_args_fill(const struct query_args *q, const int64_t *default_at_ms, struct row_query *ret)
{
    *ret = (struct row_query){
        .n_at = q->n_at ? q->n_at : 1,
        .n_kpis = q->n_kpis,
        .n_windows = q->n_windows,
        .n_dims = q->n_dims,
        .n_subjects = q->n_subjects,
        .at_ms = q->n_at ? q->at_ms : default_at_ms,
        .kpi = q->kpi,
        .window = q->window,
        .dim = q->dim,
        .subject = q->subject,
    };
}
