/* The one expression language: filters over facts, values of measures, KPI formulas, rules.
 *
 *   or and not   == != < <= > >=   + - * /   unary -   ( )   name   a.b   'text' "text"   12 0.5 true false null
 *   if(c, a, b)  min(a, b, ...)  max(a, b, ...)  abs(a)  floor(a)  coalesce(a, b, ...)  in(x, a, b, ...)
 *   over('30d', name)  aged(3, name)  rate_bp(1000, name)   a name read in another way: the resolver is asked for "name@over=30d" ..
 *
 * Integers stay integers under + - * (an overflow gives null); `/` always gives a double, null for a zero divisor. null is
 * contagious except for coalesce, if, ==, != and `and`/`or` (three-valued). Text compares bytewise. Compiled once to a stack
 * program; evaluation allocates nothing.
 *
 * Tightest first: unary -, * /, + -, comparisons (not chainable), not, and, or. `and`, `or`, `if`, `coalesce` and `in` do not load what
 * they do not need. In detail:
 * - null == null is true, null == 1 false: `x == null` tests for null. Between a number and a text == is false, < is null.
 * - true and false count as 1 and 0 in arithmetic and comparisons; a number other than 0 is true; text is neither (as null).
 * - Integers and doubles compare exactly. A double result that is not finite is null; a loaded NaN is null.
 * - if with a null condition gives b. in(null, ...) is null; a null among the candidates matches nothing. min and max need one type
 *   (all numbers or all text), else null.
 * - floor gives an integer, null where that does not fit.
 * - Names are ASCII letters, digits, _ and dots between parts. Text has no escapes: use the other quote. Double literals have at most
 *   15 or 16 digits and exponents to 22, so that each is exact to the last bit.
 * Limits: 64 nested brackets, calls or prefix operators; 1024 operations. */
#ifndef CRMPULSE_EXPR_H
#define CRMPULSE_EXPR_H

#include "crmpulse/slice.h"

enum expr_type { EXPR_NULL, EXPR_INT, EXPR_DOUBLE, EXPR_BOOL, EXPR_TEXT };

struct expr_value {
    enum expr_type type;
    union {
        int64_t i; /* EXPR_INT, EXPR_BOOL (0 or 1) */
        double d;
        struct slice s; /* borrowed */
    };
};

struct expr;

/* Turns a name (which may contain dots) into a slot number >= 0, or returns -1 for an unknown name. */
typedef int (*expr_resolve)(void *ctx, struct slice name);

struct expr_error {
    uint32_t at;       /* byte offset in the text */
    char message[120]; /* what is wrong, without position */
};

/* Compile; NULL and *ret_error on failure (the first error). The program owns copies of its literals; expr_free(NULL) is fine. */
struct expr *expr_compile(struct slice text, expr_resolve resolve, void *ctx, struct expr_error *ret_error);
void expr_free(struct expr *e);

/* Slots used, in ascending order without repetition; *ret_n of them. Owned by `e`. */
const int *expr_slots(const struct expr *e, uint32_t *ret_n);

/* Value of a slot, asked for at most once per use of the name. */
typedef struct expr_value (*expr_load)(void *ctx, int slot);
struct expr_value expr_eval(const struct expr *e, expr_load load, void *ctx);

/* Numeric reading: false for null, text and NaN. */
bool expr_number(struct expr_value v, double *ret);
bool expr_true(struct expr_value v);

static inline struct expr_value expr_int(int64_t i)
{
    return (struct expr_value){ .type = EXPR_INT, .i = i };
}
static inline struct expr_value expr_null(void)
{
    return (struct expr_value){ .type = EXPR_NULL };
}

#endif
