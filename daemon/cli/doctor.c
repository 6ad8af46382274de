/* crmpulse doctor: is everything around the daemon set up so that it starts, and so that nothing is lost? Asks only; all that it writes is one key of its own in
 * Redis, to see whether the user may, and that is deleted at once. */
#include "doctor.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "crmpulse/cli.h"
#include "crmpulse/secret.h"

enum { SETS_MAX = 64, FILES_BASE = 64, FILES_BROKER = 9 };

struct doctor_args {
    const char *file, *set[SETS_MAX];
    uint32_t n_sets;
    bool quiet;
};

static int usage(FILE *to)
{
    fputs("usage: crmpulse doctor [--config FILE] [--set KEY=VALUE]... [--quiet]\n"
          "  Connects to Kafka and Redis as the daemon would, and looks at versions, topics, settings, rights, clocks "
          "and limits. One line each: ok, warn or fail,\n"
          "  with what to do. Exit code 0, 1 if anything fails, 78 if the configuration does.\n"
          "  --quiet    only what is not well\n",
          to);
    return to == stdout ? EXIT_SUCCESS : CLI_USAGE;
}

/* -1: go on. */
static int parse(struct doctor_args *a, int argc, char **argv)
{
    static const struct option options[] = {
        { "config", required_argument, NULL, 'c' },
        { "set", required_argument, NULL, 's' },
        { "quiet", no_argument, NULL, 'q' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    int opt;
    optind = 1;
    while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (opt == 'c')
            a->file = optarg;
        else if (opt == 's' && a->n_sets < SETS_MAX)
            a->set[a->n_sets++] = optarg;
        else if (opt == 'q')
            a->quiet = true;
        else
            return usage(opt == 'h' ? stdout : stderr);
    }
    return optind < argc ? usage(stderr) : -1;
}

void doctor_tell(struct doctor *d, enum finding how, const char *what, const char *format, ...)
{
    static const char *const words[] = { "ok", "warn", "fail" };
    va_list ap;
    d->count[how]++;
    if (d->quiet && how == FINDING_OK)
        return;
    printf("%-5s %s: ", words[how], what);
    va_start(ap, format);
    vprintf(format, ap);
    va_end(ap);
    putchar('\n');
    fflush(stdout);
}

static void look_at_files(struct doctor *d)
{
    struct rlimit limit;
    const unsigned long long need = FILES_BASE + (unsigned long long)d->config->redis.shards;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    const unsigned long long may = limit.rlim_max;
    if (may < need)
        doctor_tell(d, FINDING_FAIL, "files",
                    "%llu may be open, the daemon needs %llu: raise ulimit -Hn, or LimitNOFILE=", may, need);
    else if (may < need + 8 * FILES_BROKER)
        doctor_tell(d, FINDING_WARN, "files",
                    "%llu may be open; with more than some brokers that is too few: raise ulimit -Hn", may);
    else
        doctor_tell(d, FINDING_OK, "files", "%llu may be open", may);
}

/* Those of Kafka and Redis are read when they are connected to. */
static void look_at_token(struct doctor *d, const char *key, const char *name)
{
    struct secret secret;
    char why[300];
    if (!secret_named(name))
        return;
    if (secret_read(name, &secret, why, sizeof why) < 0)
        doctor_tell(d, FINDING_FAIL, "http", "%s: %s", key, why);
    else
        doctor_tell(d, FINDING_OK, "http", "%s can be read", key);
    secret_wipe(&secret);
}

static void look_at_tokens(struct doctor *d)
{
    char key[200];
    look_at_token(d, "http.token_file", d->config->http.token_file);
    for (uint32_t i = 0; i < d->config->http.n_orgs; i++) {
        snprintf(key, sizeof key, "http.orgs.%.100s", d->config->http.org[i].name);
        look_at_token(d, key, d->config->http.org[i].value);
    }
}

int cmd_doctor(int argc, char **argv)
{
    struct doctor_args a = { 0 };
    struct config_problems problems = { 0 };
    int rc = parse(&a, argc, argv);
    if (rc >= 0)
        return rc;
    struct config_load_options opt = { a.n_sets, a.set };
    struct config *config = config_load(a.file, &opt, &problems);
    struct doctor d = { .config = config, .quiet = a.quiet };
    config_problems_print(&problems, stderr);
    if (config)
        doctor_tell(&d, problems.n ? FINDING_WARN : FINDING_OK, "configuration", "%s: %u KPIs, %u rules, %u boards%s",
                    a.file ? a.file : "built-in", config->defs.n_kpis, config->defs.n_rules, config->defs.n_boards,
                    problems.n ? "; see the warnings above" : "");
    else
        doctor_tell(&d, FINDING_FAIL, "configuration", "see the errors above; crmpulse check %s", a.file ? a.file : "");
    config_problems_release(&problems);
    if (!config)
        return CLI_CONFIG;
    look_at_files(&d);
    look_at_tokens(&d);
    doctor_kafka(&d);
    doctor_redis(&d);
    printf("%u ok, %u to look at, %u to mend\n", d.count[FINDING_OK], d.count[FINDING_WARN], d.count[FINDING_FAIL]);
    config_free(config);
    return d.count[FINDING_FAIL] ? EXIT_FAILURE : EXIT_SUCCESS;
}
