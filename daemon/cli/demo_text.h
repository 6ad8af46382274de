/* Text for a terminal: a growing buffer, columns that fit whatever the script, numbers that people read. */
#ifndef CRMPULSE_DEMO_TEXT_H
#define CRMPULSE_DEMO_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "demo_view.h"

struct text {
    char *p;
    size_t n, cap;
    bool failed; /* out of memory: something is missing */
};

__attribute__((format(printf, 2, 3))) void text_add(struct text *t, const char *fmt, ...);

/* `s` in exactly `columns` columns: cut or filled with blanks, at the left if `right`. Control characters and bytes that are no UTF-8 become '?'. */
void text_column(struct text *t, const char *s, int columns, bool right);

/* Columns that `s` takes on a terminal, as text_column writes it. */
int text_width(const char *s);

void text_release(struct text *t);

/* "1,234,567": a whole number, rounded. */
void format_whole(double value, char *buf, size_t cap);

/* A tile's value as people read it: money in whole units, shares in percent, durations in s, min, h or d; a dash if unknown. */
void format_tile(const struct view_tile *tile, enum tile_unit unit, char *buf, size_t cap);

#endif
