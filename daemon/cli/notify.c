/* crmpulse notify: alerts to people. The work is in daemon/notify. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "crmpulse/cli.h"
#include "crmpulse/config.h"
#include "crmpulse/notify.h"
#include "daemon/notify/post.h"

enum { SETS_MAX = 64 };

static int usage(FILE *to)
{
    fputs("usage: crmpulse notify --config FILE [--set KEY=VALUE]... [--metrics-file FILE]\n"
          "\n"
          "Tells the receivers of the section `notify` (Alertmanager, webhooks, Slack) of alerts: reads "
          "kafka.topics.alerts as\n"
          "a consumer group of its own, beside the daemon. At least once; receivers drop repeats by label or "
          "transition id.\n"
          "SIGUSR1 writes a summary to the log, SIGHUP has the configuration read again.\n"
          "\n"
          "  --metrics-file FILE   counters in Prometheus' text format, every 15 s, for a textfile collector\n",
          to);
    return to == stdout ? EXIT_SUCCESS : CLI_USAGE;
}

static int refuse(const char *what, const char *why)
{
    fprintf(stderr, "crmpulse notify: %s%s%s\n", what, *what ? ": " : "", why);
    return CLI_CONFIG;
}

static int check(const struct config *c)
{
    char why[512];
    if (!c->notify.receivers || !c->notify.receivers->n)
        return refuse("", "notify.receivers names nobody to tell");
    if (!*c->kafka.alerts)
        return refuse("", "kafka.topics.alerts is empty: there is nothing to read");
    for (uint32_t i = 0; i < c->notify.receivers->n; i++)
        if (poster_check(&c->notify.receivers->v[i], why, sizeof why) < 0)
            return refuse(c->notify.receivers->v[i].name, why);
    return 0;
}

/* NULL: refused, and said why. */
static struct config *load(const char *file, const struct config_load_options *opt)
{
    struct config_problems problems = { 0 };
    struct config *config = config_load(file, opt, &problems);
    config_problems_print(&problems, stderr);
    config_problems_release(&problems);
    if (config && check(config) == 0)
        return config;
    config_free(config);
    return NULL;
}

/* What SIGHUP brings; if that is refused it goes on with what it had. */
static struct config *reload(const char *file, const struct config_load_options *opt, struct config *config)
{
    struct config *next = load(file, opt);
    if (!next) {
        fputs("crmpulse notify: the configuration is refused; it goes on with the former one\n", stderr);
        return config;
    }
    config_free(config);
    return next;
}

int cmd_notify(int argc, char **argv)
{
    static const struct option options[] = {
        { "config", required_argument, NULL, 'c' },
        { "set", required_argument, NULL, 's' },
        { "metrics-file", required_argument, NULL, 'm' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    const char *file = NULL, *metrics = NULL, *set[SETS_MAX];
    struct config_load_options opt = { 0, set };
    int o, rc;
    optind = 1;
    while ((o = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (o == 'c')
            file = optarg;
        else if (o == 'm')
            metrics = optarg;
        else if (o == 's' && opt.n_sets < SETS_MAX)
            set[opt.n_sets++] = optarg;
        else
            return usage(o == 'h' ? stdout : stderr);
    }
    if (optind != argc || !file)
        return usage(stderr);
    struct config *config = load(file, &opt);
    if (!config)
        return CLI_CONFIG;
    while ((rc = notify_run(config, metrics)) == NOTIFY_AGAIN)
        config = reload(file, &opt, config);
    config_free(config);
    return rc;
}
