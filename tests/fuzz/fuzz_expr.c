/* Any text as an expression. What compiles gives a value of a known type, the same every time, and the same with brackets around it. */
#include "fuzz.h"

#include <math.h>

#include "crmpulse/expr.h"

enum { SLOTS = 16, TEXT_MAX = 1 << 16 };

static int resolve(void *ctx, struct slice name)
{
    (void)ctx;
    uint32_t sum = 0;
    for (uint32_t i = 0; i < name.n; i++)
        sum = sum * 31 + (unsigned char)name.p[i];
    return sum % 17 == 16 ? -1 : (int)(sum % 17);
}

static struct expr_value load(void *ctx, int slot)
{
    const int shift = *(const int *)ctx;
    switch ((slot + shift) % 9) {
    case 0:
        return expr_null();
    case 1:
        return expr_int(0);
    case 2:
        return expr_int(INT64_MAX);
    case 3:
        return expr_int(INT64_MIN);
    case 4:
        return (struct expr_value){ .type = EXPR_DOUBLE, .d = -2.5e300 };
    case 5:
        return (struct expr_value){ .type = EXPR_BOOL, .i = 1 };
    case 6:
        return (struct expr_value){ .type = EXPR_TEXT, .s = { "won", 3 } };
    case 7:
        return (struct expr_value){ .type = EXPR_DOUBLE, .d = 0.125 };
    default:
        return expr_int(7);
    }
}

static bool same(struct expr_value a, struct expr_value b)
{
    if (a.type != b.type)
        return false;
    if (a.type == EXPR_TEXT)
        return slice_eq(a.s, b.s);
    return a.type == EXPR_NULL || memcmp(&a.i, &b.i, sizeof a.i) == 0;
}

static void evaluate(const struct expr *e, const struct expr *bracketed)
{
    uint32_t n;
    const int *slots = expr_slots(e, &n);
    for (uint32_t i = 0; i < n; i++)
        FUZZ_CHECK(slots[i] >= 0 && slots[i] <= SLOTS && (!i || slots[i] > slots[i - 1]));
    for (int shift = 0; shift < 9; shift++) {
        struct expr_value v = expr_eval(e, load, &shift);
        double number;
        FUZZ_CHECK(v.type <= EXPR_TEXT && (v.type != EXPR_DOUBLE || isfinite(v.d)));
        FUZZ_CHECK(same(v, expr_eval(e, load, &shift)));
        FUZZ_CHECK(!bracketed || same(v, expr_eval(bracketed, load, &shift)));
        (void)expr_number(v, &number);
        (void)expr_true(v);
    }
}

int fuzz_one(const uint8_t *bytes, size_t n)
{
    struct expr_error error = { 0 };
    struct slice text = fuzz_slice(bytes, n);
    if (n > TEXT_MAX)
        return 0;
    struct expr *e = expr_compile(text, resolve, NULL, &error);
    if (!e) {
        FUZZ_CHECK(error.at <= n && memchr(error.message, 0, sizeof error.message) && error.message[0]);
        return 0;
    }
    char *wrapped = malloc(n + 2);
    FUZZ_CHECK(wrapped);
    wrapped[0] = '(';
    memcpy(wrapped + 1, bytes, n);
    wrapped[n + 1] = ')';
    struct expr *bracketed = expr_compile((struct slice){ wrapped, (uint32_t)n + 2 }, resolve, NULL, &error);
    evaluate(e, bracketed); /* NULL: nested too deeply now */
    expr_free(bracketed);
    expr_free(e);
    free(wrapped);
    return 0;
}
