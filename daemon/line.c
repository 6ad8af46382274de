/* Numbers and escaped texts of a line. Numbers read as printf would write them. */
#include "daemon/line.h"

#include <math.h>
#include <stdio.h>

#include "crmpulse/cell.h"
#include "crmpulse/decimal.h"

void line_add_escaped(struct line *l, struct slice raw)
{
    l->n += (uint32_t)cell_escape(raw, l->buf + l->n, sizeof l->buf - l->n);
}

void line_add_int(struct line *l, int64_t v)
{
    char text[DECIMAL_MAX];
    line_add(l, (struct slice){ text, (uint32_t)decimal_put(text, v) });
}

static void add_rounded(struct line *l, double v)
{
    char text[64];
    int n = snprintf(text, sizeof text, "%.10g", v);
    line_add(l, (struct slice){ text, n > 0 ? (uint32_t)n : 0 });
}

static bool whole_below(double v, double limit)
{
    return v > -limit && v < limit && v == (double)(int64_t)v;
}

void line_add_general(struct line *l, double v)
{
    if (whole_below(v, 1e10) && (v != 0 || !signbit(v)))
        line_add_int(l, (int64_t)v);
    else
        add_rounded(l, v);
}

void line_add_number(struct line *l, double v)
{
    if (whole_below(v, 9e15))
        line_add_int(l, (int64_t)v);
    else
        add_rounded(l, v);
}
