/* crmpulse replay: a file of events through the same core as the daemon, on records in memory; prints KPI rows, boards, alerts, scorecards. */
#include <stdio.h>
#include <stdlib.h>

#include "core_file.h"
#include "crmpulse/cli.h"
#include "results.h"

enum { ADVANCE_EVERY = 2000 };

struct replay {
    struct config *config;
    struct query_args args;
    struct core_run run;
    struct results results;
};

static int advance(struct replay *r, bool at_end)
{
    struct evaluator_sink sink = results_sink(&r->results);
    sink.emitted_at_ms = r->run.now_ms;
    return core_run_advance(&r->run, at_end, &sink);
}

static int each_event(void *ctx)
{
    struct replay *r = ctx;
    return r->run.read % ADVANCE_EVERY ? 0 : advance(r, false);
}

/* An org without a configured currency counts in one all the same. */
static void tell_currencies(const struct core_adoption *a)
{
    if (!a)
        return;
    tell_currencies(a->before);
    fprintf(stderr,
            "org %.*s has no currency configured: its amounts count in %s, that of its earliest event with money%s%s\n",
            (int)a->what.org.n, a->what.org.p, a->what.now, a->what.before[0] ? ", no longer in " : "", a->what.before);
}

static void summary(struct core_run *r)
{
    uint32_t waiting = core_run_waiting(r);
    tell_currencies(r->adopted);
    fprintf(stderr, "read %llu = applied %llu + duplicate %llu + late %llu + rejected %llu\n",
            (unsigned long long)r->read, (unsigned long long)r->applied, (unsigned long long)r->duplicates,
            (unsigned long long)r->late, (unsigned long long)r->rejected);
    if (r->orphans || waiting)
        fprintf(stderr, "corrections without their target: given up %llu, waiting for a day or longer %u\n",
                (unsigned long long)r->orphans, waiting);
}

static int run(struct replay *r)
{
    results_init(&r->results, &r->args);
    int rc = core_run_init(&r->run, &r->config->defs, core_file_now_ms());
    if (rc == 0)
        rc = core_file_read(&r->run, r->args.word[0], "replay", each_event, r);
    if (rc == 0)
        rc = advance(r, true);
    if (rc == 0)
        rc = results_print(&r->results, r->run.evaluator, r->run.newest_ms);
    if (!r->args.quiet)
        summary(&r->run);
    core_run_release(&r->run);
    results_release(&r->results);
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int cmd_replay(int argc, char **argv)
{
    struct replay r = { 0 };
    int rc = query_args_parse(&r.args, QUERY_FILE, argc, argv, &r.config);
    if (rc == QUERY_ARGS_OK)
        rc = run(&r);
    config_free(r.config);
    return rc;
}
