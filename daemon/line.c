/* Numbers and escaped texts of a line. Numbers read as printf would write them. */
#include "daemon/line.h"

#include <float.h>
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

/* The whole number `digits`, `decimals` of its digits behind the point; ends without zeros there. */
static void add_decimal(struct line *l, bool negative, uint64_t digits, uint32_t decimals)
{
    char text[2 * DECIMAL_MAX];
    size_t at = sizeof text;
    for (; decimals && digits % 10 == 0; decimals--)
        digits /= 10;
    for (uint32_t i = 0; i < decimals; i++, digits /= 10)
        text[--at] = (char)('0' + digits % 10);
    if (decimals)
        text[--at] = '.';
    do {
        text[--at] = (char)('0' + digits % 10);
        digits /= 10;
    } while (digits);
    if (negative)
        text[--at] = '-';
    line_add(l, (struct slice){ text + at, (uint32_t)(sizeof text - at) });
}

/* Ten digits of an ordinary number. Scaled up to a whole number of ten digits it is exact but for the last bit of 64, and printf is asked where so little
 * could decide how it is rounded. False: nothing was added. */
static bool add_ten_digits(struct line *l, double v)
{
    static const long double power[] = { 1e0L, 1e1L, 1e2L, 1e3L,  1e4L,  1e5L,  1e6L,
                                         1e7L, 1e8L, 1e9L, 1e10L, 1e11L, 1e12L, 1e13L };
    const uint64_t most = UINT64_C(10000000000);
    double size = fabs(v);
    uint32_t decimals = 0;
    if (LDBL_MANT_DIG < 64 || !(size >= 1e-4 && size < 1e10))
        return false;
    while ((long double)size * power[decimals] < 1e9L)
        decimals++;
    long double scaled = (long double)size * power[decimals];
    uint64_t digits = (uint64_t)scaled;
    long double rest = scaled - (long double)digits;
    if (rest > 0.4999L && rest < 0.5001L)
        return false;
    digits += rest > 0.5L;
    if (digits >= most && !decimals)
        return false; /* reads 1e+10 */
    add_decimal(l, v < 0, digits, decimals);
    return true;
}

static void add_rounded(struct line *l, double v)
{
    if (add_ten_digits(l, v))
        return;
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
