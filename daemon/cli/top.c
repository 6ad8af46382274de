/* crmpulse top: a running installation in the terminal. Draws what top_view.c read; to a pipe it prints the same lines once. */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "crmpulse/calendar.h"
#include "crmpulse/cli.h"
#include "demo_screen.h"
#include "demo_text.h"
#include "top_view.h"

enum { SETS_MAX = 64, WIDTH_DEFAULT = 100, WIDTH_MIN = 40, INTERVAL_MS = 2000, INTERVAL_MIN_MS = 200, TEXT_MAX = 600 };

struct top_args {
    const char *file, *set[SETS_MAX];
    uint32_t n_sets;
    bool once;
    int interval_ms;
};

/* Lines of one look. */
struct page {
    struct text text;
    bool screen;
    int width, room; /* lines left */
};

/* The one variable of the file: a signal handler has no argument of ours. */
static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

static int usage(FILE *to)
{
    fputs("usage: crmpulse top [--config FILE] [--set KEY=VALUE]... [--interval SECONDS] [--once]\n"
          "  Lag, rates, partitions, shards and alerts of what runs with that configuration, from its Redis and Kafka. "
          "q or Ctrl-C ends it.\n"
          "  --interval S   between two looks (default 2)\n"
          "  --once         print one look and end; so it is where standard output is no terminal\n",
          to);
    return to == stdout ? EXIT_SUCCESS : CLI_USAGE;
}

/* -1: go on. */
static int parse(struct top_args *a, int argc, char **argv)
{
    static const struct option options[] = {
        { "config", required_argument, NULL, 'c' },   { "set", required_argument, NULL, 's' },
        { "interval", required_argument, NULL, 'i' }, { "once", no_argument, NULL, 'o' },
        { "help", no_argument, NULL, 'h' },           { NULL, 0, NULL, 0 },
    };
    int opt;
    optind = 1;
    while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        char *end = NULL;
        if (opt == 'c')
            a->file = optarg;
        else if (opt == 's' && a->n_sets < SETS_MAX)
            a->set[a->n_sets++] = optarg;
        else if (opt == 'o')
            a->once = true;
        else if (opt == 'i')
            a->interval_ms = (int)(strtod(optarg, &end) * 1000);
        else
            return usage(opt == 'h' ? stdout : stderr);
        if (opt == 'i' && (*end || a->interval_ms < INTERVAL_MIN_MS || a->interval_ms > 3600000)) {
            fprintf(stderr, "crmpulse top: --interval: seconds from 0.2 to 3600 are expected\n");
            return CLI_USAGE;
        }
    }
    return optind < argc ? usage(stderr) : -1;
}

/* ---- drawing ---- */

__attribute__((format(printf, 3, 4))) static void line(struct page *p, const char *style, const char *format, ...)
{
    char text[TEXT_MAX];
    va_list ap;
    if (p->screen && p->room <= 0)
        return;
    p->room--;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    if (p->screen) {
        text_add(&p->text, "%s", style);
        text_column(&p->text, text, p->width, false);
        text_add(&p->text, "\033[0m\033[K%s", p->room > 0 ? "\r\n" : "");
    } else {
        text_column(&p->text, text, text_width(text), false);
        text_add(&p->text, "\n");
    }
}

/* "-": not known. */
static void number(int64_t value, char *buf, size_t cap)
{
    if (value < 0)
        snprintf(buf, cap, "-");
    else
        format_whole((double)value, buf, cap);
}

static void instant(int64_t ms, char *buf, size_t cap)
{
    if (ms == INT64_MIN || time_format(ms, buf, cap) >= cap)
        snprintf(buf, cap, "-");
}

static void draw_head(struct page *p, const struct top *t)
{
    char lag[40], read[40], rate[40];
    int64_t sum[5] = { 0 };
    for (uint32_t i = 0; i < t->n_parts; i++) {
        sum[0] += t->part[i].read;
        sum[1] += t->part[i].applied;
        sum[2] += t->part[i].duplicate;
        sum[3] += t->part[i].late;
        sum[4] += t->part[i].dead;
    }
    number(top_lag(t), lag, sizeof lag);
    number(sum[0], read, sizeof read);
    number((int64_t)(top_rate(t, NULL) + 0.5), rate, sizeof rate);
    line(p, "\033[1m", "crmpulse top   group %s   lag %s   %s/s   read %s", t->config->kafka.group, lag, rate, read);
    line(p, "", "applied %lld   duplicate %lld   late %lld   dead letters %lld", (long long)sum[1], (long long)sum[2],
         (long long)sum[3], (long long)sum[4]);
    if (*t->kafka_why)
        line(p, "\033[1;31m", "Kafka: %s; lags are not known", t->kafka_why);
}

static void draw_shards(struct page *p, const struct top *t)
{
    for (int64_t i = 0; i < t->config->redis.shards; i++) {
        const struct top_shard *s = &t->shard[i];
        char judged[64];
        instant(s->tick_ms, judged, sizeof judged);
        if (*s->why)
            line(p, "\033[1;31m", "shard %lld   Redis: %s", (long long)i, s->why);
        else
            line(p, *s->judge ? "" : "\033[33m",
                 "shard %lld   judged until %s by %s   to be published %lld   corrections that wait %lld", (long long)i,
                 judged, *s->judge ? s->judge : "nobody", (long long)s->outbox, (long long)s->waiting);
    }
}

static void draw_parts(struct page *p, const struct top *t)
{
    line(p, "\033[2m", "%-32s %14s %12s %10s  %-24s %s", "partition", "next", "lag", "records/s", "newest event", "");
    for (uint32_t i = 0; i < t->n_parts && (!p->screen || p->room > 4 || i < 4); i++) {
        const struct top_part *part = &t->part[i];
        char name[TOP_NAME_MAX + 16], next[40], lag[40], event[64];
        const int64_t from = part->next < 0 ? 0 : part->next;
        snprintf(name, sizeof name, "%s/%d", part->topic, part->partition);
        number(part->next, next, sizeof next);
        number(part->end < 0 ? -1 : part->end > from ? part->end - from : 0, lag, sizeof lag);
        instant(part->event_ms, event, sizeof event);
        line(p, "", "%-32s %14s %12s %10.0f  %-24s %s", name, next, lag, top_rate(t, part), event,
             part->idle ? "idle" : "");
    }
}

static void draw_alerts(struct page *p, const struct top *t)
{
    line(p, "\033[2m", "%s", t->n_alerts ? "alerts" : "alerts: none");
    for (uint32_t i = 0; i < t->n_alerts; i++) {
        const struct top_alert *a = &t->alert[i];
        char since[64];
        instant(a->since_ms, since, sizeof since);
        line(p, strcmp(a->level, "critical") == 0 ? "\033[1;31m" : "\033[33m", "%-9s %-10s %s   value %s   since %s",
             a->level, a->state, a->text, a->value, since);
    }
    if (t->alerts_more)
        line(p, "\033[2m", "and %u more", t->alerts_more);
}

static void show(const struct top *t, bool screen)
{
    struct page p = { .screen = screen, .width = WIDTH_DEFAULT, .room = 40 };
    struct winsize size;
    if (screen && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col && size.ws_row) {
        p.width = size.ws_col < WIDTH_MIN ? WIDTH_MIN : size.ws_col;
        p.room = size.ws_row;
    }
    if (screen)
        text_add(&p.text, "\033[H");
    draw_head(&p, t);
    draw_shards(&p, t);
    line(&p, "", "%s", "");
    draw_parts(&p, t);
    line(&p, "", "%s", "");
    draw_alerts(&p, t);
    if (screen)
        text_add(&p.text, "\033[J");
    fwrite(p.text.p, 1, p.text.n, stdout);
    fflush(stdout);
    text_release(&p.text);
}

/* Waits for the next look; true: the user has had enough. A standard input that is no terminal says nothing. */
static bool enough(bool keys, int wait_ms)
{
    struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
    char key;
    if (poll(&in, keys ? 1 : 0, wait_ms) > 0 && (read(STDIN_FILENO, &key, 1) != 1 || key == 'q'))
        return true;
    return interrupted;
}

static int follow(struct top *t, const struct top_args *a)
{
    struct sigaction action = { .sa_handler = on_signal };
    struct termios usual, single;
    const bool keys = tcgetattr(STDIN_FILENO, &usual) == 0;
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    if (keys) {
        single = usual;
        single.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &single);
    }
    screen_enter();
    do {
        top_read(t);
        if (!interrupted)
            show(t, true);
    } while (!enough(keys, a->interval_ms) && !ferror(stdout));
    screen_leave();
    if (keys)
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &usual);
    return EXIT_SUCCESS;
}

static int print_once(struct top *t)
{
    bool seen = true;
    top_read(t);
    show(t, false);
    for (int64_t i = 0; i < t->config->redis.shards; i++)
        seen &= !*t->shard[i].why;
    return seen && !ferror(stdout) ? EXIT_SUCCESS : EXIT_FAILURE;
}

int cmd_top(int argc, char **argv)
{
    struct top_args a = { .interval_ms = INTERVAL_MS };
    struct config_problems problems = { 0 };
    int rc = parse(&a, argc, argv);
    if (rc >= 0)
        return rc;
    struct config_load_options opt = { a.n_sets, a.set };
    struct config *config = config_load(a.file, &opt, &problems);
    if (!config)
        config_problems_print(&problems, stderr);
    config_problems_release(&problems);
    if (!config)
        return CLI_CONFIG;
    struct top *t = malloc(sizeof *t);
    (void)signal(SIGPIPE, SIG_IGN);
    if (!t || top_open(t, config) < 0)
        rc = EXIT_FAILURE;
    else
        rc = a.once || !isatty(STDOUT_FILENO) ? print_once(t) : follow(t, &a);
    if (t)
        top_close(t);
    free(t);
    config_free(config);
    return rc;
}
