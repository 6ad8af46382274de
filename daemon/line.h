/* A short text put together piece by piece, for what leaves by the hundred thousand: printf costs more than the figures in it. What does not fit is cut
 * off. */
#ifndef CRMPULSE_DAEMON_LINE_H
#define CRMPULSE_DAEMON_LINE_H

#include <string.h>

#include "crmpulse/slice.h"

struct line {
    uint32_t n;
    char buf[4096];
};

static inline void line_add(struct line *l, struct slice s)
{
    uint32_t room = (uint32_t)sizeof l->buf - l->n, n = s.n < room ? s.n : room;
    if (n)
        memcpy(l->buf + l->n, s.p, n);
    l->n += n;
}

static inline struct slice line_text(const struct line *l)
{
    return (struct slice){ l->buf, l->n };
}

void line_add_escaped(struct line *l, struct slice raw); /* as in a cell's name (crmpulse/cell.h) */
void line_add_int(struct line *l, int64_t v);
void line_add_general(struct line *l, double v); /* as printf's %.10g */
void line_add_number(struct line *l, double v);  /* integers up to 9e15 whole, others as printf's %.10g */

#endif
