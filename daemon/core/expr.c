/* Expressions to stack programs: a recursive descent of bounded depth that emits as it reads. Evaluation is in expr_eval.c.
 *
 *   either     = both { "or" both }            both  = negation { "and" negation }
 *   negation   = "not" negation | comparison   comparison = sum [ ("==" | "!=" | "<" | "<=" | ">" | ">=") sum ]
 *   sum        = product { ("+" | "-") product }   product = signed { ("*" | "/") signed }
 *   signed     = "-" signed | value            value = literal | name | name "(" either { "," either } ")" | "(" either ")" */
#include <stdio.h>
#include <stdlib.h>

#include "expr_lex.h"
#include "expr_program.h"

struct parser {
    struct lexer lexer;
    struct token token; /* the next one, not taken yet */
    uint32_t nest, stack;
    bool failed;
    struct expr_error *error;
    expr_resolve resolve;
    void *ctx;
    uint32_t step_n, literal_n;
    struct expr_step steps[EXPR_OPS_MAX];
    struct expr_value literals[EXPR_OPS_MAX];
};

static void parse_either(struct parser *p);

static bool is_qualifier(struct slice name)
{
    return slice_eq(name, SLICE("over")) || slice_eq(name, SLICE("aged")) || slice_eq(name, SLICE("rate_bp"));
}

/* The first error stands; afterwards the rest of the text reads as its end, so every loop stops. */
static void fail(struct parser *p, uint32_t at, const char *before, struct slice what, const char *after)
{
    if (!p->failed) {
        uint32_t n = what.n < 60 ? what.n : 60;
        p->error->at = at;
        snprintf(p->error->message, sizeof p->error->message, "%s%.*s%s", before, (int)n, n ? what.p : "", after);
    }
    p->failed = true;
    p->token = (struct token){ .kind = TOKEN_END, .at = at };
}

static void fail_plain(struct parser *p, uint32_t at, const char *message)
{
    fail(p, at, message, SLICE(""), "");
}

static void advance(struct parser *p)
{
    if (p->failed)
        return;
    p->token = lexer_next(&p->lexer);
    if (p->token.kind == TOKEN_BAD)
        fail_plain(p, p->token.at, p->lexer.problem);
}

static void expect(struct parser *p, enum token_kind kind, const char *message)
{
    if (p->token.kind == kind)
        advance(p);
    else
        fail_plain(p, p->token.at, message);
}

/* Returns the step's index, so that a jump's target can be set later. `change` is what the step does to the stack's height. */
static uint32_t emit(struct parser *p, enum expr_op op, int32_t arg, int32_t change)
{
    if (p->failed)
        return 0;
    if (p->step_n == EXPR_OPS_MAX) {
        fail_plain(p, p->token.at, "expression is too long (more than 1024 operations)");
        return 0;
    }
    p->stack = (uint32_t)((int32_t)p->stack + change);
    if (p->stack > EXPR_STACK_MAX) {
        fail_plain(p, p->token.at, "expression is too complex (more than 256 values at once)");
        return 0;
    }
    p->steps[p->step_n] = (struct expr_step){ .op = (int32_t)op, .arg = arg };
    return p->step_n++;
}

static void land_here(struct parser *p, uint32_t jump)
{
    if (!p->failed)
        p->steps[jump].arg = (int32_t)p->step_n;
}

static void emit_literal(struct parser *p, struct expr_value v)
{
    uint32_t i = p->literal_n;
    emit(p, OP_PUSH, (int32_t)i, +1);
    if (!p->failed) /* never more literals than steps */
        p->literals[p->literal_n++] = v;
}

static bool enter(struct parser *p)
{
    if (++p->nest > EXPR_NEST_MAX)
        fail_plain(p, p->token.at, "nested too deeply (more than 64 levels)");
    return !p->failed;
}

static void leave(struct parser *p)
{
    p->nest--;
}

/* The next argument of a call; false and an error if there is none. */
static bool next_argument(struct parser *p)
{
    expect(p, TOKEN_COMMA, "expected ',' and another argument");
    parse_either(p);
    return !p->failed;
}

static bool another(const struct parser *p)
{
    return p->token.kind == TOKEN_COMMA;
}

static void call_if(struct parser *p, enum expr_op unused)
{
    (void)unused;
    parse_either(p);
    uint32_t to_else = emit(p, OP_UNLESS, 0, -1);
    if (!next_argument(p))
        return;
    uint32_t to_end = emit(p, OP_JUMP, 0, -1); /* the other branch starts without this one's value */
    land_here(p, to_else);
    if (next_argument(p))
        land_here(p, to_end);
}

/* min, max: folded pairwise. */
static void call_fold(struct parser *p, enum expr_op op)
{
    parse_either(p);
    do {
        if (!next_argument(p))
            return;
        emit(p, op, 0, -1);
    } while (another(p));
}

/* "over('30d', aged(2, name))" reads as the one name "name@aged=2@over=30d". */
static void parse_qualified(struct parser *p, struct slice qualifier, char *name, size_t cap)
{
    struct token how = p->token;
    if (how.kind != TOKEN_TEXT && how.kind != TOKEN_INT)
        fail(p, how.at, "expected a literal as the first argument of ", qualifier, "");
    advance(p);
    expect(p, TOKEN_COMMA, "expected ',' and a name");
    struct token of = p->token;
    if (of.kind != TOKEN_NAME)
        fail_plain(p, of.at, "expected a name");
    advance(p);
    if (p->token.kind == TOKEN_OPEN && is_qualifier(of.text)) {
        if (!enter(p))
            return;
        advance(p);
        parse_qualified(p, of.text, name, cap);
        expect(p, TOKEN_CLOSE, "expected ')'");
        leave(p);
    } else {
        snprintf(name, cap, "%.*s", (int)of.text.n, of.text.n ? of.text.p : "");
    }
    size_t n = strlen(name);
    if (n + qualifier.n + how.text.n + 3 > cap)
        fail_plain(p, how.at, "name too long");
    else
        snprintf(name + n, cap - n, "@%.*s=%.*s", (int)qualifier.n, qualifier.p, (int)how.text.n,
                 how.text.n ? how.text.p : "");
}

static void call_qualified(struct parser *p, struct token qualifier)
{
    char name[256] = "";
    parse_qualified(p, qualifier.text, name, sizeof name);
    int slot = p->failed ? -1 : p->resolve(p->ctx, slice_of(name));
    if (slot < 0)
        fail(p, qualifier.at, "unknown name '", slice_of(name), "'");
    emit(p, OP_LOAD, slot, +1);
    expect(p, TOKEN_CLOSE, "expected ')'");
}

static void call_abs(struct parser *p, enum expr_op op)
{
    parse_either(p);
    emit(p, op, 0, 0);
}

/* Every skip of a call jumps to its end. They are chained through their targets until that is known. */
static void land_chain(struct parser *p, int32_t last)
{
    while (!p->failed && last >= 0) {
        int32_t before = p->steps[last].arg;
        p->steps[last].arg = (int32_t)p->step_n;
        last = before;
    }
}

static void call_coalesce(struct parser *p, enum expr_op op)
{
    int32_t chain = -1;
    parse_either(p);
    do {
        chain = (int32_t)emit(p, op, chain, -1);
        if (!next_argument(p))
            return;
    } while (another(p));
    land_chain(p, chain);
}

static void call_in(struct parser *p, enum expr_op op)
{
    int32_t chain = -1;
    parse_either(p);
    do {
        if (!next_argument(p))
            return;
        chain = (int32_t)emit(p, op, chain, -1);
    } while (another(p));
    emit(p, OP_IN_NONE, 0, 0);
    land_chain(p, chain);
}

static void parse_call(struct parser *p, struct token name)
{
    static const struct {
        const char *name;
        void (*parse)(struct parser *p, enum expr_op op);
        enum expr_op op;
    } functions[] = {
        { "if", call_if, OP_UNLESS },    { "min", call_fold, OP_MIN },  { "max", call_fold, OP_MAX },
        { "abs", call_abs, OP_ABS },     { "in", call_in, OP_IN_TEST }, { "coalesce", call_coalesce, OP_COALESCE_SKIP },
        { "floor", call_abs, OP_FLOOR },
    };
    advance(p); /* "(" */
    if (is_qualifier(name.text)) {
        call_qualified(p, name);
        return;
    }
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        if (!slice_eq(name.text, slice_of(functions[i].name)))
            continue;
        functions[i].parse(p, functions[i].op);
        expect(p, TOKEN_CLOSE, "expected ')'");
        return;
    }
    fail(p, name.at, "unknown function '", name.text, "'");
}

static void parse_name(struct parser *p)
{
    struct token name = p->token;
    advance(p);
    if (p->token.kind == TOKEN_OPEN) {
        parse_call(p, name);
        return;
    }
    int slot = p->failed ? -1 : p->resolve(p->ctx, name.text);
    if (slot < 0)
        fail(p, name.at, "unknown name '", name.text, "'");
    emit(p, OP_LOAD, slot, +1);
}

static bool literal_of(struct token token, struct expr_value *ret)
{
    switch (token.kind) {
    case TOKEN_INT:
        *ret = expr_int(token.i);
        return true;
    case TOKEN_DOUBLE:
        *ret = (struct expr_value){ .type = EXPR_DOUBLE, .d = token.d };
        return true;
    case TOKEN_TEXT:
        *ret = (struct expr_value){ .type = EXPR_TEXT, .s = token.text };
        return true;
    case TOKEN_TRUE:
    case TOKEN_FALSE:
        *ret = (struct expr_value){ .type = EXPR_BOOL, .i = token.kind == TOKEN_TRUE };
        return true;
    case TOKEN_NULL:
        *ret = expr_null();
        return true;
    default:
        return false;
    }
}

static void parse_value(struct parser *p)
{
    struct expr_value literal;
    if (literal_of(p->token, &literal)) {
        emit_literal(p, literal);
        advance(p);
        return;
    }
    if (p->token.kind == TOKEN_END) {
        fail_plain(p, p->token.at, "expected a value at the end");
    } else if (p->token.kind != TOKEN_NAME && p->token.kind != TOKEN_OPEN) {
        fail(p, p->token.at, "expected a value before '", p->token.text, "'");
    } else if (enter(p)) {
        if (p->token.kind == TOKEN_NAME) {
            parse_name(p);
        } else {
            advance(p);
            parse_either(p);
            expect(p, TOKEN_CLOSE, "expected ')'");
        }
        leave(p);
    }
}

/* A prefix operator: itself again, or what binds tighter. */
static void parse_prefix(struct parser *p, enum token_kind sign, enum expr_op op, void (*tighter)(struct parser *p))
{
    if (p->token.kind != sign) {
        tighter(p);
        return;
    }
    if (!enter(p))
        return;
    advance(p);
    parse_prefix(p, sign, op, tighter);
    emit(p, op, 0, 0);
    leave(p);
}

static void parse_signed(struct parser *p)
{
    parse_prefix(p, TOKEN_MINUS, OP_NEGATE, parse_value);
}

static void parse_product(struct parser *p)
{
    parse_signed(p);
    while (p->token.kind == TOKEN_STAR || p->token.kind == TOKEN_SLASH) {
        enum expr_op op = p->token.kind == TOKEN_STAR ? OP_MUL : OP_DIV;
        advance(p);
        parse_signed(p);
        emit(p, op, 0, -1);
    }
}

static void parse_sum(struct parser *p)
{
    parse_product(p);
    while (p->token.kind == TOKEN_PLUS || p->token.kind == TOKEN_MINUS) {
        enum expr_op op = p->token.kind == TOKEN_PLUS ? OP_ADD : OP_SUB;
        advance(p);
        parse_product(p);
        emit(p, op, 0, -1);
    }
}

_Static_assert(OP_GE - OP_EQ == (int)TOKEN_GE - (int)TOKEN_EQ, "comparisons in one order in both lists");

static bool compares(enum token_kind kind)
{
    return kind >= TOKEN_EQ && kind <= TOKEN_GE;
}

static void parse_comparison(struct parser *p)
{
    parse_sum(p);
    if (!compares(p->token.kind))
        return;
    enum expr_op op = (enum expr_op)(OP_EQ + (p->token.kind - TOKEN_EQ)); /* both lists run == != < <= > >= */
    advance(p);
    parse_sum(p);
    emit(p, op, 0, -1);
    if (compares(p->token.kind))
        fail_plain(p, p->token.at, "comparisons cannot be chained, use 'and'");
}

static void parse_negation(struct parser *p)
{
    parse_prefix(p, TOKEN_NOT, OP_NOT, parse_comparison);
}

static void parse_both(struct parser *p)
{
    parse_negation(p);
    while (p->token.kind == TOKEN_AND) {
        advance(p);
        uint32_t skip = emit(p, OP_AND_SKIP, 0, 0);
        parse_negation(p);
        emit(p, OP_AND, 0, -1);
        land_here(p, skip);
    }
}

static void parse_either(struct parser *p)
{
    parse_both(p);
    while (p->token.kind == TOKEN_OR) {
        advance(p);
        uint32_t skip = emit(p, OP_OR_SKIP, 0, 0);
        parse_both(p);
        emit(p, OP_OR, 0, -1);
        land_here(p, skip);
    }
}

static int compare_slots(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

static uint32_t collect_slots(const struct parser *p, int *slots)
{
    uint32_t n = 0, kept = 0;
    for (uint32_t i = 0; i < p->step_n; i++)
        if (p->steps[i].op == OP_LOAD)
            slots[n++] = p->steps[i].arg;
    if (n > 1)
        qsort(slots, n, sizeof *slots, compare_slots);
    for (uint32_t i = 0; i < n; i++)
        if (kept == 0 || slots[i] != slots[kept - 1])
            slots[kept++] = slots[i];
    return kept;
}

/* One block: the program, its steps, literals, slots and a copy of the text. */
static struct expr *build(const struct parser *p, struct slice text)
{
    size_t literals_at = sizeof(struct expr), steps_at = literals_at + p->literal_n * sizeof(struct expr_value);
    size_t slots_at = steps_at + p->step_n * sizeof(struct expr_step), text_at = slots_at + p->step_n * sizeof(int);
    char *block = malloc(text_at + text.n);
    if (!block)
        return NULL;
    struct expr *e = (struct expr *)block;
    *e = (struct expr){
        .step_n = p->step_n,
        .literal_n = p->literal_n,
        .literals = (struct expr_value *)(block + literals_at),
        .steps = (struct expr_step *)(block + steps_at),
        .slots = (int *)(block + slots_at),
        .text = block + text_at,
    };
    memcpy(e->text, text.p, text.n);
    memcpy(e->steps, p->steps, p->step_n * sizeof *e->steps);
    for (uint32_t i = 0; i < p->literal_n; i++) {
        e->literals[i] = p->literals[i];
        if (e->literals[i].type == EXPR_TEXT)
            e->literals[i].s.p = e->text + (p->literals[i].s.p - text.p);
    }
    e->slot_n = collect_slots(p, e->slots);
    return e;
}

struct expr *expr_compile(struct slice text, expr_resolve resolve, void *ctx, struct expr_error *ret_error)
{
    *ret_error = (struct expr_error){ 0 };
    text = text.n ? text : SLICE("");
    struct parser *p = malloc(sizeof *p);
    struct expr *e = NULL;
    if (p) {
        *p = (struct parser){ .lexer = { .text = text }, .error = ret_error, .resolve = resolve, .ctx = ctx };
        advance(p);
        parse_either(p);
        if (p->token.kind != TOKEN_END)
            fail(p, p->token.at, "expected an operator before '", p->token.text, "'");
        if (!p->failed)
            e = build(p, text);
    }
    if (!e && ret_error->message[0] == '\0')
        snprintf(ret_error->message, sizeof ret_error->message, "out of memory");
    free(p);
    return e;
}

void expr_free(struct expr *e)
{
    free(e);
}

const int *expr_slots(const struct expr *e, uint32_t *ret_n)
{
    *ret_n = e->slot_n;
    return e->slots;
}
