/* crmpulse demo: everything embedded, shown live. This file: arguments, the order of the start, the loop, the end. */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "crmpulse/cli.h"
#include "demo.h"
#include "demo_screen.h"
#include "progress.h"

enum { START_LOOK_MS = 50, DRAW_MS = 250, RATE_MAX = 5000, LOG_LINES = 12 };

struct session {
    struct demo demo;
    struct view view;
    struct plain plain;
    int signals; /* signalfd */
    int64_t begin_ms;
    bool told_to_stop;
    char why[600]; /* what went wrong, "" if nothing did */
};

static int usage(FILE *to)
{
    fputs("usage: crmpulse demo [--seconds N] [--rate N] [--seed N] [--plain] [--http ADDRESS]\n"
          "  --seconds N   ends after N seconds; otherwise Ctrl-C ends it\n"
          "  --rate N      events a second after two weeks of history, 1 to 5000 (20)\n"
          "  --seed N      another company with other luck (from the clock)\n"
          "  --http A      serves the live page, API and metrics, too: 127.0.0.1:9464\n"
          "  --plain       lines instead of a screen, as when the output is no terminal\n",
          to);
    return to == stdout ? EXIT_SUCCESS : CLI_USAGE;
}

static bool number(const char *text, int64_t min, int64_t max, int64_t *ret)
{
    char *end;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    *ret = v;
    return end != text && !*end && !errno && v >= min && v <= max;
}

/* -1: go on; else the exit code. */
static int read_args(int argc, char **argv, struct demo_args *args)
{
    static const struct option options[] = {
        { "seconds", required_argument, NULL, 's' },
        { "rate", required_argument, NULL, 'r' },
        { "seed", required_argument, NULL, 'e' },
        { "plain", no_argument, NULL, 'p' },
        { "http", required_argument, NULL, 'H' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    int64_t seed = time(NULL);
    *args = (struct demo_args){ .rate = 20, .plain = isatty(STDOUT_FILENO) != 1 };
    int o;
    bool ok = true;
    optind = 1;
    while (ok && (o = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (o == 'h')
            return usage(stdout);
        if (o == 'p')
            args->plain = true;
        else if (o == 'H')
            args->http = optarg;
        else
            ok = (o == 's' && number(optarg, 1, 1000000, &args->seconds)) ||
                 (o == 'r' && number(optarg, 1, RATE_MAX, &args->rate)) ||
                 (o == 'e' && number(optarg, 0, INT64_MAX, &seed));
    }
    args->seed = (uint64_t)seed;
    return ok && optind == argc ? -1 : usage(stderr);
}

/* ---- start ---- */

static int open_signals(struct session *s)
{
    static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGCHLD };
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        sigaddset(&set, numbers[i]);
    signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -1;
    s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return s->signals < 0 ? -1 : 0;
}

static int fail(struct session *s, const char *what)
{
    if (!s->why[0])
        snprintf(s->why, sizeof s->why, "%s: %s", what, strerror(errno));
    return -1;
}

static int start(struct session *s)
{
    struct demo *d = &s->demo;
    d->keeper_fd = -1;
    d->shared = mmap(NULL, sizeof *d->shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (d->shared == MAP_FAILED) {
        d->shared = NULL;
        return fail(s, "no shared memory");
    }
    if (open_signals(s) < 0)
        return fail(s, "no signals");
    if (demo_directory(d) < 0)
        return fail(s, "no private directory with examples/demo.yaml");
    if (demo_start(d, DEMO_REDIS) < 0 || demo_start(d, DEMO_FEED) < 0)
        return fail(s, "no child process");
    return 0;
}

/* The daemon is started as soon as it has something to connect to. */
static int go_on_starting(struct session *s)
{
    struct demo *d = &s->demo;
    if (!s->view.redis)
        (void)view_open(&s->view, demo_file(d, "redis.sock"));
    if (s->view.redis && d->shared->brokers_ready && !d->pid[DEMO_DAEMON] && demo_start(d, DEMO_DAEMON) < 0)
        return fail(s, "no child process");
    return 0;
}

static const char *doing(const struct session *s)
{
    if (!s->view.redis)
        return "redis-server starts";
    if (!s->demo.pid[DEMO_DAEMON])
        return "brokers start";
    if (!view_has_numbers(&s->view))
        return s->demo.shared->history_sent ? "the daemon joins its group and reads the history"
                                            : "two weeks of history are written";
    return NULL;
}

/* ---- the loop ---- */

static void take_signals(struct session *s, int64_t wait_ms)
{
    struct pollfd p = { s->signals, POLLIN, 0 };
    struct signalfd_siginfo info;
    if (poll(&p, 1, (int)wait_ms) <= 0)
        return;
    while (read(s->signals, &info, sizeof info) == (ssize_t)sizeof info)
        if (info.ssi_signo != SIGWINCH && info.ssi_signo != SIGCHLD)
            s->told_to_stop = true;
}

static int look_at_children(struct session *s)
{
    int ended = demo_ended(&s->demo);
    if (ended < 0)
        return 0;
    snprintf(s->why, sizeof s->why, "%s ended unexpectedly%s%s", demo_part_name((enum demo_part)ended),
             s->demo.shared->error[0] ? ": " : "", s->demo.shared->error);
    return -1;
}

static int64_t until_next(const struct session *s, int64_t elapsed_ms)
{
    int64_t wait_ms = doing(s) ? START_LOOK_MS : DRAW_MS, end_ms = s->demo.args.seconds * 1000;
    return end_ms && end_ms - elapsed_ms < wait_ms ? (end_ms > elapsed_ms ? end_ms - elapsed_ms : 0) : wait_ms;
}

static int loop(struct session *s)
{
    const struct demo_args *args = &s->demo.args;
    for (;;) {
        int64_t elapsed_ms = progress_clock_ms() - s->begin_ms;
        if (s->told_to_stop || (args->seconds && elapsed_ms >= args->seconds * 1000))
            return 0;
        if (look_at_children(s) < 0 || go_on_starting(s) < 0)
            return -1;
        if (s->view.redis && view_read(&s->view) < 0 && look_at_children(s) == 0) {
            view_close(&s->view);
            return fail(s, "Redis does not answer");
        }
        const struct screen_status status = { elapsed_ms, s->demo.shared->sent, args->rate, doing(s) };
        if (args->plain)
            plain_tell(&s->plain, &s->view, &status);
        else
            screen_draw(&s->view, &status);
        take_signals(s, until_next(s, elapsed_ms));
    }
}

/* ---- end ---- */

/* The last lines of each log, while they are still there. */
static void show_logs(struct demo *d)
{
    for (int part = 0; part < DEMO_PARTS; part++) {
        char name[40], bytes[4096];
        snprintf(name, sizeof name, "%s.log", demo_part_name((enum demo_part)part));
        FILE *f = fopen(demo_file(d, name), "re");
        if (!f)
            continue;
        if (fseek(f, -(long)(sizeof bytes - 1), SEEK_END) < 0)
            rewind(f);
        size_t n = fread(bytes, 1, sizeof bytes - 1, f);
        fclose(f);
        bytes[n] = '\0';
        const char *from = bytes + n;
        for (int lines = 0; from > bytes && (lines += from[-1] == '\n') <= LOG_LINES;)
            from--;
        fprintf(stderr, "--- %s\n%s", name, from);
    }
}

int cmd_demo(int argc, char **argv)
{
    struct session s = { .signals = -1, .begin_ms = progress_clock_ms() };
    int rc = read_args(argc, argv, &s.demo.args);
    if (rc >= 0)
        return rc;
    rc = start(&s);
    if (rc == 0) {
        if (!s.demo.args.plain)
            screen_enter();
        rc = loop(&s);
        if (!s.demo.args.plain)
            screen_leave();
    }
    view_close(&s.view);
    if (rc < 0) {
        fprintf(stderr, "crmpulse demo: %s\n", s.why);
        show_logs(&s.demo);
    }
    demo_stop(&s.demo);
    if (s.demo.shared)
        (void)munmap(s.demo.shared, sizeof *s.demo.shared);
    if (s.signals >= 0)
        close(s.signals);
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
