/* Newest cause of a tick: a sum over (cell, value) for the cause at hand, which is 0 once all of it was withdrawn. */
#include "newest.h"

/* Odd, so that no single value vanishes. */
static uint64_t weight(uint64_t cell)
{
    cell = (cell ^ cell >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    cell = (cell ^ cell >> 27) * UINT64_C(0x94d049bb133111eb);
    return (cell ^ cell >> 31) | 1;
}

void newest_init(struct newest *n)
{
    *n = (struct newest){ INT64_MIN, INT64_MIN, INT64_MIN, 0 };
}

static int64_t newest(const struct newest *n)
{
    return n->open && n->open_ms > n->settled_ms ? n->open_ms : n->settled_ms;
}

void newest_note(struct newest *n, int64_t tick_ms, int64_t cause_ms, uint64_t cell, int64_t value)
{
    if (n->tick_ms != tick_ms)
        *n = (struct newest){ tick_ms, INT64_MIN, cause_ms, 0 };
    if (n->open_ms != cause_ms)
        *n = (struct newest){ tick_ms, newest(n), cause_ms, 0 };
    n->open += weight(cell) * (uint64_t)value;
}

int64_t newest_of(const struct newest *n, int64_t tick_ms)
{
    return n->tick_ms == tick_ms ? newest(n) : INT64_MIN;
}
