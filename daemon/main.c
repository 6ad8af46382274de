/* crmpulse: the command. One row per subcommand; everything else is elsewhere. */
#include <stdio.h>
#include <string.h>

#include "crmpulse/cli.h"

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
};

static const struct command commands[] = {
    { "init", cmd_init, "write a configuration to begin with" },
    { "run", cmd_run, "the daemon: Kafka to Redis, KPIs, boards, alerts, scorecards" },
    { "demo", cmd_demo, "the whole pipeline on embedded parts and synthetic events, live in the terminal" },
    { "check", cmd_check, "check a configuration; every error at once" },
    { "doctor", cmd_doctor, "ask Kafka and Redis whether they are set up so that nothing is lost; say what to do" },
    { "top", cmd_top, "a running installation in the terminal: lag, rates, partitions, alerts" },
    { "notify", cmd_notify, "tell Alertmanager, webhooks and Slack of alerts" },
    { "replay", cmd_replay, "run a file of events through the same core; print KPIs, boards, alerts" },
    { "test", cmd_test, "run test cases: events in, KPI values, boards, alerts, scorecards out" },
    { "query", cmd_query, "KPI rows from a running installation's Redis" },
    { "explain", cmd_explain, "why a rule is (not) firing for a subject" },
    { "send", cmd_send, "send NDJSON or CSV events to Kafka" },
    { "tap", cmd_tap, "decode our topics to JSON lines" },
    { "kpis", cmd_kpis, "list the KPI catalogue" },
    { "appraise", cmd_appraise, "expert weights, AHP, fuzzy evaluation, before/after from a file" },
    { "tco", cmd_tco, "total cost of ownership, ROI, payback, NPV, IRR of a plan in a file" },
    { "version", cmd_version, "versions of crmpulse and of the libraries it runs on" },
};

static int help(FILE *to)
{
    fputs("usage: crmpulse COMMAND [options]; crmpulse COMMAND --help tells more\n\n", to);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        fprintf(to, "  %-8s %s\n", commands[i].name, commands[i].help);
    return to == stdout ? 0 : CLI_USAGE;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return help(stderr);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0)
        return help(stdout);
    if (strcmp(argv[1], "--version") == 0)
        return cmd_version(1, argv);
    fprintf(stderr, "crmpulse: unknown command '%s'\n", argv[1]);
    return help(stderr);
}
