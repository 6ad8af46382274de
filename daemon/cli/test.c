/* crmpulse test: cases of events and expected results through the core, in one process, without Kafka and Redis. */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "crmpulse/cli.h"
#include "daemon/codec/json_text.h"
#include "test_run.h"

struct tester {
    bool json, quiet;
    uint32_t passed, failed, bad; /* cases */
    uint64_t checks;
    bool no_memory;
    struct json_text *line; /* --json: the case's object under construction */
};

static const struct option options[] = {
    { "json", no_argument, NULL, 'J' },
    { "quiet", no_argument, NULL, 'q' },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

static int usage(FILE *to)
{
    fprintf(to, "usage: crmpulse test [--json] [--quiet] FILE.yaml|DIR...\n"
                "  Runs each case (events in, KPI values, boards, alerts, scorecards out) and prints what differs.\n"
                "  --json    one JSON object for each case, then a summary\n"
                "  --quiet   no line for a case that passes\n"
                "  exit code 0, 2 if a case fails, 78 if a case or its configuration is faulty\n");
    return to == stdout ? EXIT_SUCCESS : CLI_USAGE;
}

static void text(struct json_text *t, const char *key, const char *value)
{
    json_text_key(t, key);
    json_text_string(t, slice_of(value));
}

static void integer(struct json_text *t, const char *key, uint64_t value)
{
    json_text_key(t, key);
    json_text_uint(t, value);
}

static void on_failure(void *ctx, const struct test_failure *f)
{
    struct tester *t = ctx;
    if (!t->json) {
        printf("%s:%u:%u: not ok: %s %s %s %s: expected %s, got %s", f->file, f->line, f->column, f->what, f->window,
               f->subject, f->field, f->expected, f->got);
        printf(f->order ? " (shuffled order %u)\n" : "\n", f->order);
        return;
    }
    json_text_open(t->line, '{');
    integer(t->line, "line", f->line);
    integer(t->line, "column", f->column);
    integer(t->line, "order", f->order);
    text(t->line, "what", f->what);
    text(t->line, "window", f->window);
    text(t->line, "subject", f->subject);
    text(t->line, "field", f->field);
    text(t->line, "expected", f->expected);
    text(t->line, "got", f->got);
    json_text_close(t->line, '}');
}

static const char *result_name(bool bad, const struct test_report *r)
{
    return bad ? "bad" : r->failed ? "failed" : "passed";
}

/* Runs one; `line` takes the failures with --json. */
static void run_case(struct tester *t, const char *path, struct test_report *report, bool *ret_bad)
{
    struct config_problems problems = { 0 };
    struct test_case c;
    enum test_run_result r = TEST_RUN_BAD;
    if (test_case_load(&c, path, &problems) == 0)
        r = test_run(&c, report);
    test_case_release(&c);
    if (problems.n_errors)
        config_problems_print(&problems, stderr);
    config_problems_release(&problems);
    *ret_bad = r == TEST_RUN_BAD;
    t->no_memory |= r == TEST_RUN_NO_MEMORY;
    t->checks += report->checks;
    t->bad += *ret_bad;
    t->failed += !*ret_bad && report->failed;
    t->passed += !*ret_bad && !report->failed;
}

static void test_file(struct tester *t, const char *path)
{
    struct test_report report = { .failure = on_failure, .ctx = t };
    struct json_text line;
    struct arena a;
    bool bad;
    arena_init(&a, 0, 0);
    json_text_init(&line, &a);
    t->line = &line;
    json_text_open(&line, '{');
    text(&line, "file", path);
    json_text_key(&line, "failures");
    json_text_open(&line, '[');
    run_case(t, path, &report, &bad);
    json_text_close(&line, ']');
    text(&line, "result", result_name(bad, &report));
    integer(&line, "checks", report.checks);
    json_text_close(&line, '}');
    struct slice s = json_text_end(&line);
    if (t->json)
        printf("%.*s\n", (int)s.n, s.p ? s.p : "");
    else if (!t->quiet && !bad && !report.failed)
        printf("ok %s: %llu checks\n", path, (unsigned long long)report.checks);
    t->no_memory |= !s.p;
    t->line = NULL;
    arena_release(&a);
}

/* ---- files ---- */

static bool is_case(const char *name)
{
    size_t n = strlen(name);
    return n > 5 && strcmp(name + n - 5, ".yaml") == 0;
}

static int visible(const struct dirent *d)
{
    return d->d_name[0] != '.';
}

static int bytewise(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int walk(struct tester *t, const char *path, bool named);

static int walk_directory(struct tester *t, const char *path)
{
    struct dirent **entry;
    int n = scandir(path, &entry, visible, bytewise), rc = n < 0 ? -1 : 0;
    for (int i = 0; i < n; i++) {
        char *child;
        if (asprintf(&child, "%s/%s", path, entry[i]->d_name) < 0) {
            t->no_memory = true;
        } else {
            if (walk(t, child, false) < 0)
                rc = -1;
            free(child);
        }
        free(entry[i]);
    }
    if (n >= 0)
        free(entry);
    return rc;
}

/* A file that was named is a case whatever it is called; in a directory those called *.yaml are. */
static int walk(struct tester *t, const char *path, bool named)
{
    struct stat st;
    int rc = stat(path, &st);
    if (rc == 0 && S_ISDIR(st.st_mode))
        rc = walk_directory(t, path);
    else if (rc == 0 && (named || is_case(path)))
        test_file(t, path);
    if (rc < 0 && named)
        fprintf(stderr, "crmpulse test: %s: %s\n", path, strerror(errno));
    return rc;
}

static void summary(const struct tester *t)
{
    if (t->json)
        printf("{\"cases\":%u,\"passed\":%u,\"failed\":%u,\"bad\":%u,\"checks\":%llu}\n",
               t->passed + t->failed + t->bad, t->passed, t->failed, t->bad, (unsigned long long)t->checks);
    else
        printf("cases: %u passed, %u failed, %u bad; %llu checks\n", t->passed, t->failed, t->bad,
               (unsigned long long)t->checks);
}

int cmd_test(int argc, char **argv)
{
    struct tester t = { 0 };
    int opt, rc = 0;
    optind = 1;
    while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1)
        switch (opt) {
        case 'J':
            t.json = true;
            break;
        case 'q':
            t.quiet = true;
            break;
        default:
            return usage(opt == 'h' ? stdout : stderr);
        }
    if (optind == argc)
        return usage(stderr);
    for (int i = optind; i < argc; i++)
        if (walk(&t, argv[i], true) < 0)
            rc = -1;
    uint32_t cases = t.passed + t.failed + t.bad;
    if (!cases && rc == 0)
        fprintf(stderr, "crmpulse test: no case found\n");
    summary(&t);
    return t.no_memory        ? EXIT_FAILURE
           : t.bad            ? CLI_CONFIG
           : rc < 0 || !cases ? CLI_USAGE
           : t.failed         ? CLI_TEST_FAILED
                              : EXIT_SUCCESS;
}
