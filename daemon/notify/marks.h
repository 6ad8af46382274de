/* How far each partition of the topic is done with: a record counts once every receiver has taken it or given it up, and all before it are. Pure. */
#ifndef CRMPULSE_NOTIFY_MARKS_H
#define CRMPULSE_NOTIFY_MARKS_H

#include <stdbool.h>
#include <stdint.h>

struct marks_row;

/* One record that was read. */
struct mark {
    struct mark *next;
    struct marks_row *row; /* NULL: its partition is not ours any more */
    int64_t offset;
    uint32_t pending; /* receivers that still have it */
};

struct marks_row {
    int32_t partition;
    int64_t next; /* to read next, once all before it is done: what may be committed; -1: nothing is known */
    struct mark *first, *last;
};

struct marks {
    uint32_t n;
    struct marks_row **row;
    bool moved; /* some `next` has changed; whoever commits resets it */
};

/* A partition that is read from `next` on. 0, or -1 without memory. */
int marks_begin(struct marks *p, int32_t partition, int64_t next);
/* A record, in order of offsets, with one reference that marks_done gives back. NULL: out of memory, or no such partition. */
struct mark *marks_read(struct marks *p, int32_t partition, int64_t offset);
/* One more has it; one is done with it. Frees it when it was the last and all before it are done. */
void marks_hold(struct mark *m);
void marks_done(struct marks *p, struct mark *m);
/* All partitions are taken away: marks still held free themselves. */
void marks_forget(struct marks *p);
void marks_release(struct marks *p);

#endif
