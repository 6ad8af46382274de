/* The expression language: values, null, errors with their place, limits. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

#include "crmpulse/expr.h"

enum { WON, LOST, AMOUNT, RATE, CHANNEL, NOTHING, BIG, SMALL, NOT_A_NUMBER, YES, DOTTED, INFINITE, NAME_COUNT };

static const char *const names[NAME_COUNT] = { "won", "lost",  "amount", "rate", "channel", "nothing",
                                               "big", "small", "nan",    "yes",  "a.b.c",   "inf" };

static int resolve(void *ctx, struct slice name)
{
    (void)ctx;
    for (int i = 0; i < NAME_COUNT; i++)
        if (slice_eq(name, slice_of(names[i])))
            return i;
    return -1;
}

static struct expr_value of_double(double d)
{
    return (struct expr_value){ .type = EXPR_DOUBLE, .d = d };
}

/* ctx counts the loads. */
static struct expr_value load(void *ctx, int slot)
{
    const struct expr_value values[NAME_COUNT] = {
        [WON] = expr_int(3),
        [LOST] = expr_int(1),
        [AMOUNT] = expr_int(5000000000),
        [RATE] = of_double(0.25),
        [CHANNEL] = { .type = EXPR_TEXT, .s = SLICE("web") },
        [NOTHING] = expr_null(),
        [BIG] = expr_int(INT64_MAX),
        [SMALL] = expr_int(INT64_MIN),
        [NOT_A_NUMBER] = of_double(NAN),
        [YES] = { .type = EXPR_BOOL, .i = 1 },
        [DOTTED] = expr_int(7),
        [INFINITE] = of_double(INFINITY),
    };
    ++*(int *)ctx;
    return values[slot];
}

static struct expr *compile(const char *text)
{
    struct expr_error error;
    struct expr *e = expr_compile(slice_of(text), resolve, NULL, &error);
    cr_assert(e, "%s: %u: %s", text, error.at, error.message);
    return e;
}

static struct expr_value eval_counting(const char *text, int *ret_loads)
{
    struct expr *e = compile(text);
    *ret_loads = 0;
    struct expr_value v = expr_eval(e, load, ret_loads);
    if (v.type == EXPR_TEXT) { /* borrowed from the program: keep it beyond it */
        static char kept[32];
        cr_assert_lt(v.s.n, sizeof kept);
        memcpy(kept, v.s.p, v.s.n);
        v.s.p = kept;
    }
    expr_free(e);
    return v;
}

static struct expr_value eval(const char *text)
{
    int loads;
    return eval_counting(text, &loads);
}

static void is_int(const char *text, int64_t expected)
{
    struct expr_value v = eval(text);
    cr_assert(v.type == EXPR_INT && v.i == expected, "%s: type %d, %lld, expected %lld", text, v.type, (long long)v.i,
              (long long)expected);
}

static void is_double(const char *text, double expected)
{
    struct expr_value v = eval(text);
    cr_assert(v.type == EXPR_DOUBLE && v.d == expected, "%s: type %d, %.17g, expected %.17g", text, v.type, v.d,
              expected);
}

static void is_bool(const char *text, bool expected)
{
    struct expr_value v = eval(text);
    cr_assert(v.type == EXPR_BOOL && v.i == expected, "%s: type %d, %lld, expected %d", text, v.type, (long long)v.i,
              expected);
}

static void is_null(const char *text)
{
    struct expr_value v = eval(text);
    cr_assert_eq(v.type, EXPR_NULL, "%s: type %d", text, v.type);
}

static void is_text(const char *text, const char *expected)
{
    struct expr_value v = eval(text);
    cr_assert(v.type == EXPR_TEXT && slice_eq(v.s, slice_of(expected)), "%s", text);
}

Test(expr, precedence)
{
    is_int("1 + 2 * 3", 7);
    is_int("(1 + 2) * 3", 9);
    is_int("10 - 3 - 2", 5);
    is_int("2 * 3 - 4 * 5", -14);
    is_int("-2 * -3", 6);
    is_int("--5", 5);
    is_int("2 - -3", 5);
    is_int("2-1", 1);
    is_double("8 / 4 / 2", 1);
    is_double("won / (won + lost)", 0.75);
    is_bool("not 1 == 2", true);
    is_bool("1 + 1 == 2 and 2 < 3", true);
    is_bool("true or false and false", true);
    is_bool("(true or false) and false", false);
    is_bool("not false and false", false);
    is_bool("not (false and false)", true);
    is_int(" \t\r\n 1 \n", 1);
}

Test(expr, literals)
{
    is_int("9223372036854775807", INT64_MAX);
    is_double("0.5", 0.5);
    is_double("0.1", 0.1);
    is_double("0.333333333333333", 0.333333333333333);
    is_double("1e6", 1e6);
    is_double("12.5E-3", 0.0125);
    is_double("1e+22", 1e22);
    is_text("'it is \"so\"'", "it is \"so\"");
    is_text("\"it's\"", "it's");
    is_text("''", "");
    is_bool("true", true);
    is_bool("false", false);
    is_null("null");
    is_int("a.b.c", 7);
}

Test(expr, integers_stay_integers)
{
    is_int("amount * 2", 10000000000);
    is_double("amount * 2.0", 1e10);
    is_double("4 / 2", 2);
    is_double("1 + 0.5", 1.5);
    is_int("true + true", 2);
    is_null("big + 1");
    is_null("small - 1");
    is_null("big * 2");
    is_null("-small");
    is_null("abs(small)");
    is_int("-big", -INT64_MAX);
    is_int("big + 0", INT64_MAX);
    is_int("abs(0 - 3)", 3);
    is_double("abs(-0.5)", 0.5);
}

Test(expr, never_infinite)
{
    is_null("1 / 0");
    is_null("0 / 0");
    is_null("1 / 0.0");
    is_null("1e22 * 1e22 * 1e22 * 1e22 * 1e22 * 1e22 * 1e22 * 1e22 * 1e22 * 1e22 * 1e22 * 1e22 * 1e22 * 1e22 * 1e22");
    is_null("nan");
    is_null("inf * 1");
    is_bool("nan == null", true);
}

Test(expr, null_is_contagious)
{
    static const char *const texts[] = {
        "nothing + 1", "1 - nothing",  "nothing * 0",     "nothing / 1",        "-nothing",     "not nothing",
        "nothing < 1", "1 >= nothing", "min(1, nothing)", "max(nothing, 1, 2)", "abs(nothing)", "in(nothing, 1, null)",
        "channel + 1", "-channel",     "channel < 1",     "min(channel, 1)",    "not channel",  "in(nothing, nothing)"
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        is_null(texts[i]);
    is_bool("nothing == null", true);
    is_bool("nothing != null", false);
    is_bool("won == null", false);
    is_bool("won != nothing", true);
    is_int("coalesce(nothing, null, 4)", 4);
    is_int("coalesce(won, nothing)", 3);
    is_null("coalesce(nothing, null)");
    is_int("if(nothing, 1, 2)", 2);
    is_null("if(true, nothing, 2)");
}

Test(expr, three_valued_logic)
{
    is_bool("nothing and false", false);
    is_bool("false and nothing", false);
    is_null("nothing and true");
    is_null("true and nothing");
    is_null("nothing and nothing");
    is_bool("nothing or true", true);
    is_bool("true or nothing", true);
    is_null("nothing or false");
    is_null("false or nothing");
    is_null("nothing or nothing");
    is_bool("2 and 3", true);
    is_bool("0.0 or 0", false);
}

Test(expr, comparisons)
{
    is_bool("1 == 1.0", true);
    is_bool("won >= 3", true);
    is_bool("won > 3", false);
    is_bool("won <= 3", true);
    is_bool("won < 3", false);
    is_bool("won != 4", true);
    is_bool("channel == 'web'", true);
    is_bool("channel != \"web\"", false);
    is_bool("'a' < 'b'", true);
    is_bool("'a' < 'aa'", true);
    is_bool("'Z' < 'a'", true);
    is_bool("channel == 1", false);
    is_bool("channel != 1", true);
    is_bool("yes == true", true);
    is_bool("yes == 1", true);
    /* 2^63 - 1 and 2^53 + 1 have no double: still exact. */
    is_bool("big < 9007199254740992.0 * 1024", true);
    is_bool("9007199254740993 == 9007199254740992.0", false);
    is_bool("9007199254740993 > 9007199254740992.0", true);
    is_bool("9007199254740992.0 < 9007199254740993", true);
    is_bool("-1 < -0.5", true);
    is_bool("0 < 0.5", true);
    is_bool("0 > -0.5", true);
    is_bool("big < inf", true);
}

Test(expr, functions)
{
    is_int("min(3, 1, 2)", 1);
    is_int("max(3, 1, 2)", 3);
    is_double("max(1, 2.5)", 2.5);
    is_int("min(1, 2.5)", 1);
    is_text("min('b', 'a')", "a");
    is_int("if(won > lost, 10, 20)", 10);
    is_int("if(won < lost, 10, 20)", 20);
    is_int("if(won < lost, 10, if(yes, 30, 40))", 30);
    is_int("1 + if(false, 10, 20) * 2", 41);
    is_bool("in(channel, 'mail', 'web')", true);
    is_bool("in(channel, 'mail', 'shop')", false);
    is_bool("in(won, 1, 2, 3.0)", true);
    is_bool("in(won, null, 3)", true);
    is_bool("in(won, null, 4)", false);
    is_int("1 + coalesce(nothing, 2) + coalesce(3, 9)", 6);
    is_int("if(in(won, 3, 4) and in(lost, 1), max(min(5, 6), 2), 0)", 5);
}

Test(expr, loads_only_what_it_needs)
{
    static const struct {
        const char *text;
        int loads;
    } rows[] = {
        { "won + won", 2 },           { "false and won", 0 },
        { "true and won", 1 },        { "true or won", 0 },
        { "if(true, won, lost)", 1 }, { "if(lost, won, rate)", 2 },
        { "coalesce(won, lost)", 1 }, { "coalesce(nothing, lost)", 2 },
        { "in(3, won, lost)", 1 },    { "in(9, won, lost, rate)", 3 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int loads;
        (void)eval_counting(rows[i].text, &loads);
        cr_assert_eq(loads, rows[i].loads, "%s: %d", rows[i].text, loads);
    }
}

Test(expr, slots_are_sorted_and_unique)
{
    struct expr *e = compile("rate * lost + won / lost - rate");
    uint32_t n;
    const int *slots = expr_slots(e, &n);
    cr_assert_eq(n, 3);
    cr_assert(slots[0] == WON && slots[1] == LOST && slots[2] == RATE);
    expr_free(e);
    e = compile("1 + 1");
    (void)expr_slots(e, &n);
    cr_assert_eq(n, 0);
    expr_free(e);
    expr_free(NULL);
}

Test(expr, literals_outlive_the_text)
{
    char text[] = "'web' == channel";
    struct expr *e = compile(text);
    memset(text, 'x', sizeof text - 1);
    int loads = 0;
    cr_assert(expr_true(expr_eval(e, load, &loads)));
    expr_free(e);
}

Test(expr, errors_say_what_and_where)
{
    static const struct {
        const char *text;
        uint32_t at;
        const char *message;
    } rows[] = {
        { "", 0, "expected a value at the end" },
        { "   ", 3, "expected a value at the end" },
        { "won + x", 6, "unknown name 'x'" },
        { "won.x > 1", 0, "unknown name 'won.x'" },
        { "sum(won, 1)", 0, "unknown function 'sum'" },
        { "(won + 1", 8, "expected ')'" },
        { "(won 1)", 5, "expected ')'" },
        { "won + 1)", 7, "expected an operator before ')'" },
        { "won lost", 4, "expected an operator before 'lost'" },
        { "won +", 5, "expected a value at the end" },
        { "won + * 2", 6, "expected a value before '*'" },
        { "min(1)", 5, "expected ',' and another argument" },
        { "min()", 4, "expected a value before ')'" },
        { "if(1, 2)", 7, "expected ',' and another argument" },
        { "if(1, 2, 3, 4)", 10, "expected ')'" },
        { "abs(1, 2)", 5, "expected ')'" },
        { "in(won)", 6, "expected ',' and another argument" },
        { "coalesce(won,)", 13, "expected a value before ')'" },
        { "1 < 2 < 3", 6, "comparisons cannot be chained, use 'and'" },
        { "won = 1", 4, "'=' is written '=='" },
        { "won && lost", 4, "'&&' is written 'and'" },
        { "won || lost", 4, "'||' is written 'or'" },
        { "!won", 0, "'!' is written 'not'" },
        { "won <> 1", 4, "'<>' is written '!='" },
        { "won % 2", 4, "character that has no meaning here" },
        { "\xc3\xa9", 0, "character that has no meaning here" },
        { "channel == 'web", 11, "text without closing quote" },
        { "1 + 9223372036854775808", 4, "integer out of range" },
        { "99999999999999999999999", 0, "integer out of range" },
        { "0.12345678901234567890", 0, "number has too many digits" },
        { "1e23", 0, "number has too many digits" },
        { "12abc", 0, "malformed number" },
        { "1.", 0, "malformed number" },
        { "1.2.3", 0, "malformed number" },
        { "1e", 0, "malformed number" },
        { "2 * - not won", 6, "expected a value before 'not'" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct expr_error error;
        struct expr *e = expr_compile(slice_of(rows[i].text), resolve, NULL, &error);
        cr_assert_null(e, "%s", rows[i].text);
        cr_assert(error.at == rows[i].at && strcmp(error.message, rows[i].message) == 0, "'%s': %u: %s", rows[i].text,
                  error.at, error.message);
    }
}

static struct expr *repeat(const char *before, int count, const char *core, const char *after,
                           struct expr_error *ret_error)
{
    static char text[200000];
    char *end = text;
    for (int i = 0; i < count; i++)
        end += sprintf(end, "%s", before);
    end += sprintf(end, "%s", core);
    for (int i = 0; i < count; i++)
        end += sprintf(end, "%s", after);
    return expr_compile((struct slice){ text, (uint32_t)(end - text) }, resolve, NULL, ret_error);
}

Test(expr, nesting_is_bounded)
{
    static const struct {
        const char *before, *core, *after;
        int fits; /* the core `1` counts none, a name one */
    } rows[] = {
        { "(", "1", ")", 64 },           { "-", "1", "", 64 },          { "not ", "1", "", 64 },
        { "abs(", "1", ")", 64 },        { "if(1, 2, ", "1", ")", 64 }, { "(", "won", ")", 63 },
        { "1 + (1 * (", "1", "))", 32 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct expr_error error;
        struct expr *e = repeat(rows[i].before, rows[i].fits, rows[i].core, rows[i].after, &error);
        cr_assert(e, "row %zu: %s", i, error.message);
        expr_free(e);
        e = repeat(rows[i].before, rows[i].fits + 1, rows[i].core, rows[i].after, &error);
        cr_assert_null(e, "row %zu", i);
        cr_assert_str_eq(error.message, "nested too deeply (more than 64 levels)");
        e = repeat(rows[i].before, 10000, rows[i].core, rows[i].after, &error);
        cr_assert_null(e);
    }
}

Test(expr, programs_are_bounded)
{
    struct expr_error error;
    int loads = 0;
    struct expr *e = repeat("1 + ", 511, "1", "", &error); /* 512 literals and 511 additions: 1023 operations */
    cr_assert(e, "%s", error.message);
    cr_assert_eq(expr_eval(e, load, &loads).i, 512);
    expr_free(e);
    e = repeat("1 + ", 512, "1", "", &error);
    cr_assert_null(e);
    cr_assert_str_eq(error.message, "expression is too long (more than 1024 operations)");
    e = repeat("1 or 1 and 1 == 1 + 2 * (", 60, "1", ")", &error);
    cr_assert_null(e);
    cr_assert_str_eq(error.message, "expression is too complex (more than 256 values at once)");
}

/* Every prefix and every one-byte change of a valid text compiles or fails cleanly; sanitizers watch. */
Test(expr, damaged_texts)
{
    const char *text =
        "if(in(channel, 'web', \"x\") and not won / 2.5e1 >= -lost, min(1, coalesce(nothing, a.b.c)), 1 != 2 or (3))";
    size_t n = strlen(text);
    char damaged[200];
    struct expr_error error;
    int loads = 0, compiled = 0;
    for (size_t i = 0; i < n; i++) {
        struct expr *e = expr_compile((struct slice){ text, (uint32_t)i }, resolve, NULL, &error);
        cr_assert_null(e, "a prefix is never complete");
        cr_assert_leq(error.at, i);
        for (int c = 0; c < 256; c++) {
            memcpy(damaged, text, n);
            damaged[i] = (char)c;
            e = expr_compile((struct slice){ damaged, (uint32_t)n }, resolve, NULL, &error);
            compiled += e != NULL;
            cr_assert(e || error.message[0]);
            if (e)
                (void)expr_eval(e, load, &loads);
            expr_free(e);
        }
    }
    cr_assert_gt(compiled, (int)n, "at least the unchanged ones and more");
}

Test(expr, readings)
{
    double d = -1;
    cr_assert(expr_number(expr_int(4), &d) && d == 4);
    cr_assert(expr_number(of_double(0.5), &d) && d == 0.5);
    cr_assert_not(expr_number(expr_null(), &d));
    cr_assert_not(expr_number(of_double(NAN), &d));
    cr_assert_not(expr_number((struct expr_value){ .type = EXPR_TEXT, .s = SLICE("1") }, &d));
    cr_assert(expr_true(expr_int(-1)));
    cr_assert_not(expr_true(expr_int(0)));
    cr_assert_not(expr_true(expr_null()));
    cr_assert_not(expr_true(of_double(NAN)));
    cr_assert_not(expr_true((struct expr_value){ .type = EXPR_TEXT, .s = SLICE("yes") }));
}
