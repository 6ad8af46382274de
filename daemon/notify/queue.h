/* What waits for one receiver, oldest first. Pure. */
#ifndef CRMPULSE_NOTIFY_QUEUE_H
#define CRMPULSE_NOTIFY_QUEUE_H

#include "daemon/notify/body.h"
#include "daemon/notify/marks.h"

/* Holds a reference of the note and one of the mark. */
struct item {
    struct item *next;
    struct told told;  /* told.note is ours */
    struct mark *mark; /* NULL: no record of the topic waits for it */
    int64_t since_ms;  /* steady: when it came */
};

struct queue {
    uint32_t n;
    struct item *first, *last;
};

/* Takes references of its own. 0, or -1 without memory. */
int queue_push(struct queue *q, const struct told *told, struct mark *mark, int64_t now_ms);
/* Drops the first one; its mark is done with. */
void queue_pop(struct queue *q, struct marks *p);
/* Drops all but the first `keep`. */
void queue_cut(struct queue *q, uint32_t keep, struct marks *p);
/* The first `max` into `ret`, borrowed; with `grouped` only as long as they are of the rule and org of the first. How many. */
uint32_t queue_head(const struct queue *q, uint32_t max, bool grouped, struct told *ret);

#endif
