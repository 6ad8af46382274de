/* crmpulse replay: a file of events through the same core as the daemon, on records in memory; prints KPI rows, boards, alerts, scorecards. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core_run.h"
#include "crmpulse/cli.h"
#include "event_file.h"
#include "results.h"

enum { ADVANCE_EVERY = 2000 };

struct replay {
    struct config *config;
    struct query_args args;
    const char *file;
    struct core_run run;
    struct results results;
};

static int advance(struct replay *r, bool at_end)
{
    struct evaluator_sink sink = results_sink(&r->results);
    sink.emitted_at_ms = r->run.now_ms;
    return core_run_advance(&r->run, at_end, &sink);
}

static void complain(const struct replay *r, uint64_t line, const char *why, const char *field)
{
    fprintf(stderr, "%s:%llu: %s%s%s\n", r->file, (unsigned long long)line, why, *field ? ": " : "", field);
}

static int take(struct replay *r, struct slice line, uint64_t number)
{
    struct core_verdict v;
    if (core_run_take(&r->run, line, &v) < 0)
        return -1;
    if (v.why != REJECT_NONE)
        complain(r, number, event_reject_name(v.why),
                 v.field < EVENT_FIELD_COUNT ? event_field_info(v.field)->name : "");
    return r->run.read % ADVANCE_EVERY ? 0 : advance(r, false);
}

static int read_events(struct replay *r)
{
    struct event_file *f = event_file_open(r->file);
    struct slice line;
    int rc, more = 0;
    if (!f) {
        fprintf(stderr, "crmpulse replay: %s: %s\n", r->file, strerror(errno));
        return -1;
    }
    for (rc = 0; rc == 0 && (more = event_file_next(f, &line)) > 0;)
        rc = take(r, line, event_file_line(f));
    if (more < 0) {
        complain(r, event_file_line(f) + 1, "cannot be read (damaged, or a line over 1 MiB)", "");
        rc = -1;
    }
    event_file_close(f);
    return rc < 0 ? rc : advance(r, true);
}

static void summary(const struct core_run *r)
{
    fprintf(stderr, "read %llu = applied %llu + duplicate %llu + late %llu + rejected %llu\n",
            (unsigned long long)r->read, (unsigned long long)r->applied, (unsigned long long)r->duplicates,
            (unsigned long long)r->late, (unsigned long long)r->rejected);
}

static int run(struct replay *r)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    results_init(&r->results, &r->args);
    int rc = core_run_init(&r->run, &r->config->defs, (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
    if (rc == 0)
        rc = read_events(r);
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
    int rc = query_args_parse(&r.args, QUERY_FILE, "replay", argc, argv, &r.config, &r.file);
    if (rc == QUERY_ARGS_OK)
        rc = run(&r);
    query_args_release(&r.args);
    config_free(r.config);
    return rc;
}
