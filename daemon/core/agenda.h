/* What is due when: a binary heap of things with a time. Two uses: deltas that wait for their cause to be judged, and nodes whose windows lose or
 * gain a pane. */
#ifndef CRMPULSE_CORE_AGENDA_H
#define CRMPULSE_CORE_AGENDA_H

#include <stdbool.h>
#include <stdint.h>

struct agenda_item {
    int64_t at_ms;
    void *target;
    int64_t pane_ms, value; /* of a delta */
    int32_t kind;           /* of a delta: its grain */
};

struct agenda {
    struct agenda_item *item;
    uint32_t n, cap;
};

int agenda_push(struct agenda *a, struct agenda_item item);                       /* 0 or -1 (out of memory) */
bool agenda_pop_due(struct agenda *a, int64_t until_ms, struct agenda_item *ret); /* the earliest with at <= until */
int64_t agenda_next(const struct agenda *a);                                      /* INT64_MAX if empty */
void agenda_release(struct agenda *a);

#endif
