/* What the crash points of a test build do (CRMPULSE_CRASH_POINTS). CRASH_AT=name:n kills the process by SIGKILL at the n-th passing of a point; CRASH_COUNT=1
 * tells at the end how often each was passed. The counts are mutable globals: this file is in no other build. */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/crash_point.h"

#ifndef CRMPULSE_CRASH_POINTS
#error "built without CRMPULSE_CRASH_POINTS"
#endif

static const char *const names[] = {
#define POINT(name, text) #name,
#include "daemon/crash_points.def"
#undef POINT
};

static struct {
    unsigned long passed[CRASH_POINTS];
    int at; /* the point that kills; -1: none */
    unsigned long pass;
    int armed; /* the point that kills as soon as everything is written; -1: none */
    bool known;
} crash;

static void tell(void)
{
    for (int i = 0; i < CRASH_POINTS; i++)
        fprintf(stderr, "crash_point %s %lu\n", names[i], crash.passed[i]);
}

static void learn(void)
{
    const char *where = getenv("CRASH_AT"), *colon = where ? strchr(where, ':') : NULL;
    crash.known = true;
    crash.at = crash.armed = -1;
    if (getenv("CRASH_COUNT"))
        (void)atexit(tell);
    if (!where)
        return;
    size_t n = colon ? (size_t)(colon - where) : strlen(where);
    for (int i = 0; i < CRASH_POINTS; i++)
        if (strlen(names[i]) == n && memcmp(names[i], where, n) == 0)
            crash.at = i;
    crash.pass = colon ? strtoul(colon + 1, NULL, 10) : 1;
    if (crash.at < 0 || !crash.pass) {
        fprintf(stderr, "CRASH_AT=%s: no such crash point\n", where);
        _exit(64);
    }
}

static void die(int point)
{
    dprintf(STDERR_FILENO, "crashed at %s:%lu\n", names[point], crash.pass);
    (void)kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

/* True if this is the pass that kills. */
static bool pass(enum crash_point point)
{
    if (!crash.known)
        learn();
    return ++crash.passed[point] == crash.pass && crash.at == (int)point;
}

void crash_point(enum crash_point point)
{
    if (pass(point))
        die((int)point);
}

void crash_point_when_written(enum crash_point point)
{
    if (pass(point))
        crash.armed = (int)point;
}

void crash_point_written(void)
{
    if (crash.known && crash.armed >= 0)
        die(crash.armed);
}
