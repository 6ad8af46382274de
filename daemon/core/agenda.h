/* What is due when: things with a time, in a run where they come in order, as most do, and in a binary heap where they do not. Two uses: deltas that wait for their cause to be judged, and nodes whose windows lose or
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
    struct agenda_item *item; /* the heap */
    uint32_t n, cap;
    struct agenda_item *run; /* from first to before end: ascending */
    uint32_t first, end, run_cap;
};

int agenda_push(struct agenda *a, struct agenda_item item);                       /* 0 or -1 (out of memory) */
bool agenda_pop_due(struct agenda *a, int64_t until_ms, struct agenda_item *ret); /* the earliest with at <= until */
int64_t agenda_next(const struct agenda *a);                                      /* INT64_MAX if empty */
void agenda_clear(struct agenda *a);
uint32_t agenda_count(const struct agenda *a);
uint32_t agenda_room(const struct agenda *a); /* items that it has memory for */
void agenda_release(struct agenda *a);

#endif
