/* Runs stack programs. Allocates nothing and cannot fail: what has no value is null. */
#include <math.h>

#include "expr_program.h"

/* Three-valued logic: null and text are unknown. */
enum truth { IS_FALSE, IS_TRUE, IS_UNKNOWN };

static struct expr_value of_truth(enum truth t)
{
    return t == IS_UNKNOWN ? expr_null() : (struct expr_value){ .type = EXPR_BOOL, .i = t == IS_TRUE };
}

static struct expr_value of_bool(bool b)
{
    return of_truth(b ? IS_TRUE : IS_FALSE);
}

static struct expr_value of_double(double d)
{
    return isfinite(d) ? (struct expr_value){ .type = EXPR_DOUBLE, .d = d } : expr_null();
}

static bool whole(struct expr_value v)
{
    return v.type == EXPR_INT || v.type == EXPR_BOOL;
}

bool expr_number(struct expr_value v, double *ret)
{
    if (whole(v))
        *ret = (double)v.i;
    else if (v.type == EXPR_DOUBLE && !isnan(v.d))
        *ret = v.d;
    else
        return false;
    return true;
}

static enum truth truth_of(struct expr_value v)
{
    double d;
    if (whole(v))
        return v.i ? IS_TRUE : IS_FALSE;
    return !expr_number(v, &d) ? IS_UNKNOWN : d != 0 ? IS_TRUE : IS_FALSE;
}

bool expr_true(struct expr_value v)
{
    return truth_of(v) == IS_TRUE;
}

static int order(double a, double b)
{
    return (a > b) - (a < b);
}

/* Exact, also where an int64 has no double: compares the whole parts, then the rest. */
static int order_int_double(int64_t i, double d)
{
    if (d >= 0x1p63)
        return -1;
    if (d < -0x1p63)
        return 1;
    int64_t t = (int64_t)d;
    return i != t ? (i > t) - (i < t) : order(0, d - (double)t);
}

/* False if the two have no order: a null, or a number and a text. */
static bool compare(struct expr_value a, struct expr_value b, int *ret)
{
    double x, y;
    if (a.type == EXPR_TEXT && b.type == EXPR_TEXT)
        *ret = slice_cmp(a.s, b.s);
    else if (!expr_number(a, &x) || !expr_number(b, &y))
        return false;
    else if (whole(a) && whole(b))
        *ret = (a.i > b.i) - (a.i < b.i);
    else if (whole(a))
        *ret = order_int_double(a.i, y);
    else if (whole(b))
        *ret = -order_int_double(b.i, x);
    else
        *ret = order(x, y);
    return true;
}

/* The analyzer cannot see that a compiled program never reads a value it has not pushed (expr.c counts the height at every step), and the
 * stack is too large to be cleared for each evaluation. */
// NOLINTBEGIN(clang-analyzer-core.UndefinedBinaryOperatorResult,clang-analyzer-core.CallAndMessage)
static bool equal(const struct expr_value *a, const struct expr_value *b)
{
    int c;
    if (a->type == EXPR_TEXT && b->type == EXPR_TEXT)
        return slice_eq(a->s, b->s);
    return compare(*a, *b, &c) ? c == 0 : a->type == EXPR_NULL && b->type == EXPR_NULL;
}

static struct expr_value op_and(struct expr_value a, struct expr_value b)
{
    enum truth x = truth_of(a), y = truth_of(b);
    return of_truth(x == IS_FALSE || y == IS_FALSE ? IS_FALSE : x == IS_TRUE && y == IS_TRUE ? IS_TRUE : IS_UNKNOWN);
}

static struct expr_value op_or(struct expr_value a, struct expr_value b)
{
    enum truth x = truth_of(a), y = truth_of(b);
    return of_truth(x == IS_TRUE || y == IS_TRUE ? IS_TRUE : x == IS_FALSE && y == IS_FALSE ? IS_FALSE : IS_UNKNOWN);
}

static struct expr_value op_lt(struct expr_value a, struct expr_value b)
{
    int c;
    return compare(a, b, &c) ? of_bool(c < 0) : expr_null();
}

static struct expr_value op_le(struct expr_value a, struct expr_value b)
{
    int c;
    return compare(a, b, &c) ? of_bool(c <= 0) : expr_null();
}

static struct expr_value op_gt(struct expr_value a, struct expr_value b)
{
    return op_lt(b, a);
}

static struct expr_value op_ge(struct expr_value a, struct expr_value b)
{
    return op_le(b, a);
}

static struct expr_value op_add(struct expr_value a, struct expr_value b)
{
    int64_t i;
    double x, y;
    if (whole(a) && whole(b))
        return __builtin_add_overflow(a.i, b.i, &i) ? expr_null() : expr_int(i);
    return expr_number(a, &x) && expr_number(b, &y) ? of_double(x + y) : expr_null();
}

static struct expr_value op_sub(struct expr_value a, struct expr_value b)
{
    int64_t i;
    double x, y;
    if (whole(a) && whole(b))
        return __builtin_sub_overflow(a.i, b.i, &i) ? expr_null() : expr_int(i);
    return expr_number(a, &x) && expr_number(b, &y) ? of_double(x - y) : expr_null();
}

static struct expr_value op_mul(struct expr_value a, struct expr_value b)
{
    int64_t i;
    double x, y;
    if (whole(a) && whole(b))
        return __builtin_mul_overflow(a.i, b.i, &i) ? expr_null() : expr_int(i);
    return expr_number(a, &x) && expr_number(b, &y) ? of_double(x * y) : expr_null();
}

static struct expr_value op_div(struct expr_value a, struct expr_value b)
{
    double x, y;
    return expr_number(a, &x) && expr_number(b, &y) && y != 0 ? of_double(x / y) : expr_null();
}

static struct expr_value op_min(struct expr_value a, struct expr_value b)
{
    int c;
    return !compare(a, b, &c) ? expr_null() : c <= 0 ? a : b;
}

static struct expr_value op_max(struct expr_value a, struct expr_value b)
{
    int c;
    return !compare(a, b, &c) ? expr_null() : c >= 0 ? a : b;
}

static struct expr_value negated(struct expr_value v)
{
    return op_sub(expr_int(0), v);
}

static struct expr_value absolute(struct expr_value v)
{
    double d;
    if (whole(v))
        return v.i < 0 ? negated(v) : expr_int(v.i);
    return expr_number(v, &d) ? of_double(fabs(d)) : expr_null();
}

static struct expr_value floored(struct expr_value v)
{
    double d;
    if (whole(v))
        return expr_int(v.i);
    if (!expr_number(v, &d))
        return expr_null();
    d = floor(d);
    return d >= -9223372036854775808.0 && d < 9223372036854775808.0 ? expr_int((int64_t)d) : expr_null();
}

static struct expr_value inverted(struct expr_value v)
{
    enum truth t = truth_of(v);
    return of_truth(t == IS_UNKNOWN ? t : t == IS_TRUE ? IS_FALSE : IS_TRUE);
}

typedef struct expr_value (*binary_op)(struct expr_value a, struct expr_value b);

static const binary_op binary_ops[OP_COUNT] = {
    [OP_AND] = op_and, [OP_OR] = op_or,   [OP_LT] = op_lt,   [OP_LE] = op_le,   [OP_GT] = op_gt,   [OP_GE] = op_ge,
    [OP_ADD] = op_add, [OP_SUB] = op_sub, [OP_MUL] = op_mul, [OP_DIV] = op_div, [OP_MIN] = op_min, [OP_MAX] = op_max,
};

static struct expr_value loaded(struct expr_value v)
{
    return v.type == EXPR_DOUBLE && isnan(v.d) ? expr_null() : v;
}

struct expr_value expr_eval(const struct expr *e, expr_load load, void *ctx)
{
    struct expr_value stack[EXPR_STACK_MAX + 1];
    struct expr_value *top = stack; /* the value on top; stack[0] stays unused */
    for (uint32_t pc = 0; pc < e->step_n; pc++) {
        struct expr_step step = e->steps[pc];
        uint32_t before_target = (uint32_t)step.arg - 1; /* the loop adds one */
        switch (step.op) {
        case OP_PUSH:
            *++top = e->literals[step.arg];
            break;
        case OP_LOAD:
            *++top = loaded(load(ctx, step.arg));
            break;
        case OP_JUMP:
            pc = before_target;
            break;
        case OP_UNLESS:
            pc = expr_true(*top--) ? pc : before_target;
            break;
        case OP_AND_SKIP:
        case OP_OR_SKIP:
            if (truth_of(*top) == (step.op == OP_AND_SKIP ? IS_FALSE : IS_TRUE)) {
                *top = of_bool(step.op == OP_OR_SKIP);
                pc = before_target;
            }
            break;
        case OP_COALESCE_SKIP:
            if (top->type == EXPR_NULL)
                top--;
            else
                pc = before_target;
            break;
        case OP_IN_TEST:
            top--;
            if (top->type != EXPR_NULL && equal(&top[0], &top[1])) {
                *top = of_bool(true);
                pc = before_target;
            }
            break;
        case OP_IN_NONE:
            *top = top->type == EXPR_NULL ? expr_null() : of_bool(false);
            break;
        case OP_EQ:
        case OP_NE: /* here and not in the table: filters are made of them */
            top--;
            *top = of_bool(equal(&top[0], &top[1]) == (step.op == OP_EQ));
            break;
        case OP_NOT:
            *top = inverted(*top);
            break;
        case OP_NEGATE:
            *top = negated(*top);
            break;
        case OP_ABS:
            *top = absolute(*top);
            break;
        case OP_FLOOR:
            *top = floored(*top);
            break;
        default:
            top--;
            *top = binary_ops[step.op](top[0], top[1]);
            break;
        }
    }
    return *top;
}
// NOLINTEND(clang-analyzer-core.UndefinedBinaryOperatorResult,clang-analyzer-core.CallAndMessage)
