/* The parts of `crmpulse demo`: four processes, started and ended by the first.
 *
 *   display (the command itself)     redis-server (a unix socket in a private directory)
 *   daemon  (`crmpulse run`)         feed (mock brokers and the made-up company)
 *
 * A fifth, the keeper, waits for the display to end, however it ends, and then removes the directory. */
#ifndef CRMPULSE_DEMO_H
#define CRMPULSE_DEMO_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct demo_args {
    int64_t seconds; /* 0: until interrupted */
    int64_t rate;    /* events a second, once the history is sent */
    uint64_t seed;
    bool plain;
    const char *http; /* where the page is served; NULL: nowhere */
};

/* What the feed tells the others; lies in shared memory. */
struct demo_shared {
    _Atomic bool brokers_ready; /* `brokers` is written */
    _Atomic bool history_sent;
    _Atomic uint64_t sent;
    char brokers[128];
    char error[256]; /* why the feed ended; read only after it has */
};

enum demo_part { DEMO_REDIS, DEMO_FEED, DEMO_DAEMON, DEMO_PARTS };

struct demo {
    struct demo_args args;
    struct demo_shared *shared;
    char dir[64];          /* "" before it exists */
    char file[96];         /* scratch of demo_file */
    pid_t pid[DEMO_PARTS]; /* 0: not running */
    pid_t keeper;
    int keeper_fd; /* closed at the end: the keeper's signal */
};

/* "<dir>/<name>"; valid until the next call. */
const char *demo_file(struct demo *d, const char *name);

/* demo_child.c. Makes the private directory and its keeper: 0, or -1 with errno. */
int demo_directory(struct demo *d);
/* Starts a part; its output goes to <dir>/<part>.log. 0, or -1 with errno. */
int demo_start(struct demo *d, enum demo_part part);
/* Takes in ended children. The part that ended unasked, or -1. */
int demo_ended(struct demo *d);
/* Ends every part, then the keeper, which removes the directory. Accepts a demo that was never started. */
void demo_stop(struct demo *d);
const char *demo_part_name(enum demo_part part);

/* demo_feed.c. Brokers and events, until SIGTERM. The exit code. */
int demo_feed(const struct demo_args *args, struct demo_shared *shared);

#endif
