/* Inside of the expression language: the stack program that expr.c writes and expr_eval.c runs. Not for other modules. */
#ifndef CRMPULSE_CORE_EXPR_PROGRAM_H
#define CRMPULSE_CORE_EXPR_PROGRAM_H

#include "crmpulse/expr.h"

enum {
    EXPR_OPS_MAX = 1024,  /* operations of one program */
    EXPR_NEST_MAX = 64,   /* brackets, calls and prefix operators inside each other */
    EXPR_STACK_MAX = 256, /* values on the stack at once */
};

enum expr_op {
    OP_PUSH,          /* arg: literal                                  -> v */
    OP_LOAD,          /* arg: slot                                     -> v */
    OP_JUMP,          /* arg: target                                   -> */
    OP_UNLESS,        /* arg: target if v is not true                v -> */
    OP_AND_SKIP,      /* arg: target, v kept as false if it is       v -> v */
    OP_OR_SKIP,       /* arg: target, v kept as true if it is        v -> v */
    OP_COALESCE_SKIP, /* arg: target, v kept if it is not null       v -> v or nothing */
    OP_IN_TEST,       /* arg: target with true if x == a           x a -> true or x */
    OP_IN_NONE,       /* the end of a fruitless in()                 x -> false or null */
    OP_NOT,           /*                                             v -> v */
    OP_NEGATE,        /*                                             v -> v */
    OP_ABS,           /*                                             v -> v */
    OP_FLOOR,         /*                                             v -> v */
    OP_FIRST_BINARY,  /* from here on                              a b -> v */
    OP_AND = OP_FIRST_BINARY,
    OP_OR,
    OP_EQ,
    OP_NE,
    OP_LT,
    OP_LE,
    OP_GT,
    OP_GE,
    OP_ADD,
    OP_SUB,
    OP_MUL,
    OP_DIV,
    OP_MIN,
    OP_MAX,
    OP_COUNT
};

struct expr_step {
    int32_t op; /* enum expr_op */
    int32_t arg;
};

struct expr {
    uint32_t step_n, literal_n, slot_n;
    struct expr_step *steps;
    struct expr_value *literals;
    int *slots;
    char *text; /* copy of the source; text literals point into it */
};

#endif
