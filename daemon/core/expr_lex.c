/* Bytes to tokens. Numbers are read without strtod: no locale, and a literal is either exact to the last bit or refused. */
#include "expr_lex.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name(char c)
{
    return is_name_start(c) || is_digit(c);
}

/* Byte at the cursor plus k; NUL behind the end. */
static char peek(const struct lexer *lexer, uint32_t k)
{
    return k < lexer->text.n - lexer->at ? lexer->text.p[lexer->at + k] : '\0';
}

static struct token finish(struct lexer *lexer, enum token_kind kind, uint32_t start)
{
    return (struct token){ .kind = kind, .at = start, .text = { lexer->text.p + start, lexer->at - start } };
}

static struct token bad(struct lexer *lexer, uint32_t at, const char *problem)
{
    lexer->problem = problem;
    return (struct token){ .kind = TOKEN_BAD, .at = at };
}

static struct token lex_name(struct lexer *lexer)
{
    static const struct {
        const char *word;
        enum token_kind kind;
    } words[] = {
        { "and", TOKEN_AND },   { "or", TOKEN_OR },       { "not", TOKEN_NOT },
        { "true", TOKEN_TRUE }, { "false", TOKEN_FALSE }, { "null", TOKEN_NULL },
    };
    uint32_t start = lexer->at;
    while (is_name(peek(lexer, 0)) || (peek(lexer, 0) == '.' && is_name(peek(lexer, 1))))
        lexer->at++;
    struct token token = finish(lexer, TOKEN_NAME, start);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (slice_eq(token.text, slice_of(words[i].word)))
            token.kind = words[i].kind;
    return token;
}

struct decimal {
    uint64_t digits; /* all digits without the point */
    int32_t scale;   /* value = digits * 10^scale */
    bool overflow;   /* more digits than fit */
    bool real;       /* written with a point or an exponent */
};

static void take_digits(struct lexer *lexer, struct decimal *number, int32_t scale_step)
{
    for (; is_digit(peek(lexer, 0)); lexer->at++) {
        uint64_t digit = (uint64_t)(peek(lexer, 0) - '0');
        if (number->digits > (UINT64_MAX - digit) / 10) {
            number->overflow = true;
            continue;
        }
        number->digits = number->digits * 10 + digit;
        number->scale += scale_step;
    }
}

static bool take_exponent(struct lexer *lexer, struct decimal *number)
{
    char sign = peek(lexer, 1);
    uint32_t skip = sign == '+' || sign == '-' ? 2 : 1;
    if (!is_digit(peek(lexer, skip)))
        return false;
    lexer->at += skip;
    int32_t exponent = 0;
    for (; is_digit(peek(lexer, 0)); lexer->at++)
        exponent = exponent < 1000 ? exponent * 10 + (peek(lexer, 0) - '0') : exponent;
    number->scale += sign == '-' ? -exponent : exponent;
    number->real = true;
    return true;
}

/* Digits below 2^53 and a power of ten up to 10^22 are both exact doubles, so one division or product rounds once. */
static bool decimal_value(struct decimal number, double *ret)
{
    for (; number.scale < 0 && number.digits % 10 == 0; number.scale++)
        number.digits /= 10;
    if (number.overflow || number.digits > (UINT64_C(1) << 53) || number.scale < -22 || number.scale > 22)
        return false;
    double power = 1;
    for (int32_t i = number.scale < 0 ? -number.scale : number.scale; i > 0; i--)
        power *= 10;
    *ret = number.scale < 0 ? (double)number.digits / power : (double)number.digits * power;
    return true;
}

static struct token lex_number(struct lexer *lexer)
{
    uint32_t start = lexer->at;
    struct decimal number = { 0 };
    take_digits(lexer, &number, 0);
    if (peek(lexer, 0) == '.' && is_digit(peek(lexer, 1))) {
        number.real = true;
        lexer->at++;
        take_digits(lexer, &number, -1);
    }
    if ((peek(lexer, 0) == 'e' || peek(lexer, 0) == 'E') && !take_exponent(lexer, &number))
        return bad(lexer, start, "malformed number");
    if (is_name(peek(lexer, 0)) || peek(lexer, 0) == '.')
        return bad(lexer, start, "malformed number");
    struct token token = finish(lexer, number.real ? TOKEN_DOUBLE : TOKEN_INT, start);
    if (number.real)
        return decimal_value(number, &token.d) ? token : bad(lexer, start, "number has too many digits");
    token.i = (int64_t)number.digits;
    return number.overflow || number.digits > INT64_MAX ? bad(lexer, start, "integer out of range") : token;
}

static struct token lex_text(struct lexer *lexer)
{
    uint32_t start = lexer->at;
    const char *from = lexer->text.p + start + 1;
    const char *end = memchr(from, lexer->text.p[start], lexer->text.n - start - 1);
    if (!end)
        return bad(lexer, start, "text without closing quote");
    lexer->at = (uint32_t)(end - lexer->text.p) + 1;
    return (struct token){ .kind = TOKEN_TEXT, .at = start, .text = { from, (uint32_t)(end - from) } };
}

static struct token lex_sign(struct lexer *lexer)
{
    /* Longer signs first. Signs of other languages are listed to say what to write instead. */
    static const struct {
        const char *sign;
        enum token_kind kind;
        const char *problem;
    } signs[] = {
        { "==", TOKEN_EQ, NULL },
        { "!=", TOKEN_NE, NULL },
        { "<>", TOKEN_BAD, "'<>' is written '!='" },
        { "<=", TOKEN_LE, NULL },
        { ">=", TOKEN_GE, NULL },
        { "&&", TOKEN_BAD, "'&&' is written 'and'" },
        { "||", TOKEN_BAD, "'||' is written 'or'" },
        { "<", TOKEN_LT, NULL },
        { ">", TOKEN_GT, NULL },
        { "=", TOKEN_BAD, "'=' is written '=='" },
        { "!", TOKEN_BAD, "'!' is written 'not'" },
        { "+", TOKEN_PLUS, NULL },
        { "-", TOKEN_MINUS, NULL },
        { "*", TOKEN_STAR, NULL },
        { "/", TOKEN_SLASH, NULL },
        { "(", TOKEN_OPEN, NULL },
        { ")", TOKEN_CLOSE, NULL },
        { ",", TOKEN_COMMA, NULL },
    };
    uint32_t start = lexer->at;
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
        if (peek(lexer, 0) != signs[i].sign[0] || (signs[i].sign[1] && peek(lexer, 1) != signs[i].sign[1]))
            continue;
        if (signs[i].kind == TOKEN_BAD)
            return bad(lexer, start, signs[i].problem);
        lexer->at += (uint32_t)strlen(signs[i].sign);
        return finish(lexer, signs[i].kind, start);
    }
    return bad(lexer, start, "character that has no meaning here");
}

struct token lexer_next(struct lexer *lexer)
{
    while (lexer->at < lexer->text.n && strchr(" \t\r\n", lexer->text.p[lexer->at]) && lexer->text.p[lexer->at])
        lexer->at++;
    if (lexer->at == lexer->text.n)
        return finish(lexer, TOKEN_END, lexer->at);
    char c = lexer->text.p[lexer->at];
    if (is_name_start(c))
        return lex_name(lexer);
    if (is_digit(c))
        return lex_number(lexer);
    if (c == '\'' || c == '"')
        return lex_text(lexer);
    return lex_sign(lexer);
}
