/* Tokens of the expression language. Not for other modules than expr.c. */
#ifndef CRMPULSE_CORE_EXPR_LEX_H
#define CRMPULSE_CORE_EXPR_LEX_H

#include "crmpulse/expr.h"

enum token_kind {
    TOKEN_END,
    TOKEN_BAD, /* lexer.problem says why */
    TOKEN_NAME,
    TOKEN_INT,
    TOKEN_DOUBLE,
    TOKEN_TEXT,
    TOKEN_OPEN,
    TOKEN_CLOSE,
    TOKEN_COMMA,
    TOKEN_EQ,
    TOKEN_NE,
    TOKEN_LT,
    TOKEN_LE,
    TOKEN_GT,
    TOKEN_GE,
    TOKEN_PLUS,
    TOKEN_MINUS,
    TOKEN_STAR,
    TOKEN_SLASH,
    TOKEN_AND,
    TOKEN_OR,
    TOKEN_NOT,
    TOKEN_TRUE,
    TOKEN_FALSE,
    TOKEN_NULL
};

struct token {
    enum token_kind kind;
    uint32_t at;       /* byte offset */
    struct slice text; /* as written; of a text literal what is between the quotes */
    int64_t i;         /* TOKEN_INT */
    double d;          /* TOKEN_DOUBLE */
};

struct lexer {
    struct slice text;
    uint32_t at;
    const char *problem; /* static text */
};

struct token lexer_next(struct lexer *lexer);

#endif
