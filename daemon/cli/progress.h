/* How far a long command is: a line that is redrawn on a terminal, a plain line now and then elsewhere. */
#ifndef CRMPULSE_PROGRESS_H
#define CRMPULSE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct progress {
    FILE *to;
    const char *what; /* "sent" */
    bool tty, shown;
    uint64_t total; /* 0: not known */
    int64_t begin_ms, last_ms;
};

/* Monotonic milliseconds. */
int64_t progress_clock_ms(void);

void progress_begin(struct progress *p, FILE *to, const char *what, uint64_t total);

/* Shows `done` if it is time: ten times a second on a terminal, else every five seconds. Cheap enough for every hundredth item. */
void progress_step(struct progress *p, uint64_t done);

/* Takes the redrawn line away. */
void progress_end(struct progress *p);

#endif
