/* The progress line. Prints nothing for what is over before it would be due. */
#include <inttypes.h>
#include <time.h>
#include <unistd.h>

#include "progress.h"

enum { TTY_EVERY_MS = 100, PLAIN_EVERY_MS = 5000, BAR_WIDTH = 30 };

int64_t progress_clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void progress_begin(struct progress *p, FILE *to, const char *what, uint64_t total)
{
    int64_t now_ms = progress_clock_ms();
    *p = (struct progress){
        .to = to, .what = what, .tty = isatty(fileno(to)) == 1, .total = total, .begin_ms = now_ms, .last_ms = now_ms
    };
}

static void draw_bar(struct progress *p, uint64_t done)
{
    int full = done >= p->total ? BAR_WIDTH : (int)(done * BAR_WIDTH / p->total);
    fprintf(p->to, "[%.*s%*s] %3d %% ", full, "##############################", BAR_WIDTH - full, "",
            (int)(done >= p->total ? 100 : done * 100 / p->total));
}

void progress_step(struct progress *p, uint64_t done)
{
    int64_t now_ms = progress_clock_ms();
    if (now_ms - p->last_ms < (p->tty ? TTY_EVERY_MS : PLAIN_EVERY_MS))
        return;
    p->last_ms = now_ms;
    p->shown = true;
    fputs(p->tty ? "\r" : "", p->to);
    if (p->total)
        draw_bar(p, done);
    uint64_t rate = done * 1000 / (uint64_t)(now_ms > p->begin_ms ? now_ms - p->begin_ms : 1);
    fprintf(p->to, "%s %" PRIu64 ", %" PRIu64 "/s%s", p->what, done, rate, p->tty ? "\033[K" : "\n");
    fflush(p->to);
}

void progress_end(struct progress *p)
{
    if (p->tty && p->shown)
        fputs("\r\033[K", p->to);
    fflush(p->to);
}
