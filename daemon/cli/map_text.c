/* Texts with {columns} and conditions on them: parsing, and what they say for a row. */
#include <stdio.h>

#include "map_int.h"

static int table_index(const struct map *map, struct slice name)
{
    for (uint32_t i = 0; i < map->n_tables; i++)
        if (slice_eq(map->table[i].name, name))
            return (int)i;
    return -1;
}

static struct map_lookup *lookup_named(const struct map *map, struct slice name)
{
    for (uint32_t i = 0; i < map->n_lookups; i++)
        if (slice_eq(map->lookup[i].name, name))
            return &map->lookup[i];
    return NULL;
}

static struct slice cut(struct slice text, char at, struct slice *ret_rest)
{
    const char *p = text.n ? memchr(text.p, at, text.n) : NULL;
    *ret_rest = (struct slice){ 0 };
    if (!p)
        return text;
    *ret_rest = (struct slice){ p + 1, (uint32_t)(text.p + text.n - p - 1) };
    return (struct slice){ text.p, (uint32_t)(p - text.p) };
}

/* {row} and {row:5} */
static bool parse_row_number(struct slice inner, struct map_piece *piece)
{
    struct slice width, name = cut(inner, ':', &width);
    if (!slice_eq(name, SLICE("row")) || width.n > 1 || (width.n == 1 && (width.p[0] < '1' || width.p[0] > '9')))
        return false;
    *piece = (struct map_piece){ .kind = PIECE_ROW, .width = width.n ? (uint32_t)(width.p[0] - '0') : 0 };
    return true;
}

/* What stands between braces. A column whose name holds a point is found where no table has the name before the point. */
static int parse_inner(struct map *map, const struct node *at, struct slice inner, struct map_piece *piece)
{
    if (parse_row_number(inner, piece))
        return 0;
    struct slice lookup, rest, name = cut(inner, '|', &lookup);
    *piece = (struct map_piece){ .kind = PIECE_COLUMN, .text = name, .table = table_index(map, cut(name, '.', &rest)) };
    if (piece->table >= 0 && rest.n)
        piece->text = rest;
    else
        piece->table = -1;
    if (lookup.n) {
        piece->lookup = lookup_named(map, lookup);
        if (!piece->lookup) {
            map_problem_at(map, at, "there is no such lookup");
            return -1;
        }
    }
    if (name.n == 0) {
        map_problem_at(map, at, "an empty pair of braces");
        return -1;
    }
    return 0;
}

static int add_piece(struct map *map, const struct node *at, struct slice *text, struct map_piece *piece)
{
    if (text->p[0] != '{' || (text->n > 1 && text->p[1] == '{')) {
        uint32_t skip = text->p[0] == '{';                               /* {{ stands for one brace */
        const char *brace = skip ? NULL : memchr(text->p, '{', text->n); /* a NUL is a byte as any other */
        uint32_t n = skip ? 1 : brace ? (uint32_t)(brace - text->p) : text->n;
        *piece = (struct map_piece){ .kind = PIECE_LITERAL, .text = { text->p + skip, n } };
        text->p += n + skip;
        text->n -= n + skip;
        return 0;
    }
    const char *end = memchr(text->p, '}', text->n);
    if (!end) {
        map_problem_at(map, at, "a brace is never closed");
        return -1;
    }
    struct slice inner = { text->p + 1, (uint32_t)(end - text->p - 1) };
    text->n -= inner.n + 2;
    text->p = end + 1;
    return parse_inner(map, at, inner, piece);
}

static int parse_slice(struct map *map, const struct node *at, struct slice text, struct map_text *ret)
{
    *ret = (struct map_text){ .at = at };
    ret->piece = arena_alloc(&map->arena, (text.n + 1) * sizeof *ret->piece); /* at most a piece a byte */
    if (!ret->piece)
        return -1;
    while (text.n)
        if (add_piece(map, at, &text, &ret->piece[ret->n++]) != 0)
            return -1;
    return 0;
}

int map_text_parse(struct map *map, const struct node *at, struct map_text *ret)
{
    if (at->kind != NODE_SCALAR) {
        map_problem_at(map, at, "a text is expected");
        return -1;
    }
    return parse_slice(map, at, at->text, ret);
}

static const struct {
    const char *word;
    enum map_op op;
} ops[] = { { " != ", OP_NE }, { " <= ", OP_LE }, { " >= ", OP_GE },          { " = ", OP_EQ },
            { " < ", OP_LT },  { " > ", OP_GT },  { " present", OP_PRESENT }, { " absent", OP_ABSENT } };

static int parse_condition(struct map *map, const struct node *at, struct map_condition *ret)
{
    if (at->kind != NODE_SCALAR) {
        map_problem_at(map, at, "a condition is a text such as \"{stage} = Won\"");
        return -1;
    }
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        const char *p = memmem(at->text.p, at->text.n, ops[i].word, strlen(ops[i].word));
        if (!p)
            continue;
        const char *right = p + strlen(ops[i].word);
        ret->op = ops[i].op;
        return parse_slice(map, at, (struct slice){ at->text.p, (uint32_t)(p - at->text.p) }, &ret->left) ||
                       parse_slice(map, at, (struct slice){ right, (uint32_t)(at->text.p + at->text.n - right) },
                                   &ret->right)
                   ? -1
                   : 0;
    }
    map_problem_at(map, at, "no operator: = != < <= > >= between blanks, present or absent");
    return -1;
}

int map_conditions_parse(struct map *map, const struct node *at, struct map_conditions *ret)
{
    *ret = (struct map_conditions){ 0 };
    if (!at)
        return 0;
    if (at->kind != NODE_LIST) {
        map_problem_at(map, at, "a list of conditions is expected");
        return -1;
    }
    uint32_t n = 0;
    for (const struct node *i = at->first; i; i = i->next)
        n++;
    ret->v = arena_alloc(&map->arena, n * sizeof *ret->v);
    for (const struct node *i = at->first; i && ret->v; i = i->next)
        if (parse_condition(map, i, &ret->v[ret->n++]) != 0)
            return -1;
    return ret->v || n == 0 ? 0 : -1;
}

/* ---- for a row ---- */

static int missing_column(struct map_scope *s, const struct map_text *text)
{
    map_problem_at(s->map, text->at, "there is no such column");
    return -1;
}

static int column_value(struct map_scope *s, const struct map_text *text, const struct map_piece *piece,
                        struct slice *ret)
{
    const struct csv_table *rows = piece->table < 0 ? s->rows : &s->map->table[piece->table].rows;
    int column = csv_column(rows, piece->text);
    int64_t row = s->row;
    if (column < 0)
        return missing_column(s, text);
    if (piece->table >= 0)
        row = map_join(s, piece->table);
    *ret = (struct slice){ 0 };
    if (row < JOIN_NONE)
        return -1;
    if (row >= 0)
        *ret = rows->row[row].field[column];
    for (uint32_t i = 0; piece->lookup && i < piece->lookup->n; i++)
        if (slice_eq(*ret, piece->lookup->pair[i].from)) {
            *ret = piece->lookup->pair[i].to;
            break;
        }
    return 0;
}

static int piece_value(struct map_scope *s, const struct map_text *text, const struct map_piece *piece, char *number,
                       size_t cap, struct slice *ret)
{
    if (piece->kind == PIECE_COLUMN)
        return column_value(s, text, piece, ret);
    *ret = piece->text;
    if (piece->kind == PIECE_ROW)
        *ret = (struct slice){ number, (uint32_t)snprintf(number, cap, "%0*u", (int)piece->width, s->row) };
    return 0;
}

int map_text_expand(struct map_scope *s, const struct map_text *text, struct slice *ret)
{
    char out[4096], number[16];
    uint32_t n = 0;
    *ret = (struct slice){ 0 };
    for (uint32_t i = 0; i < text->n; i++) {
        struct slice value;
        if (piece_value(s, text, &text->piece[i], number, sizeof number, &value) != 0)
            return -1;
        if (value.n == 0)
            return 0;
        if (text->n == 1 && text->piece[i].kind != PIECE_ROW) {
            *ret = value; /* the common case: a column as it is */
            return 0;
        }
        if (value.n > sizeof out - n) {
            map_problem_at(s->map, text->at, "a text over 4096 bytes");
            return -1;
        }
        memcpy(out + n, value.p, value.n);
        n += value.n;
    }
    *ret = arena_copy(&s->map->arena, (struct slice){ out, n });
    return ret->p ? 0 : -1;
}

int map_compare(struct slice a, struct slice b)
{
    int64_t x, y;
    const char *why;
    if (map_decimal(a, 1000000, &x, &why) == 0 && map_decimal(b, 1000000, &y, &why) == 0)
        return (x > y) - (x < y);
    return slice_cmp(a, b);
}

static bool is_one_of(struct slice value, struct slice list)
{
    struct slice rest;
    do {
        if (slice_eq(value, cut(list, '|', &rest)))
            return true;
        list = rest;
    } while (list.n);
    return false;
}

static bool compare_holds(enum map_op op, struct slice a, struct slice b)
{
    int c = map_compare(a, b);
    return a.n && b.n && (op == OP_LT ? c < 0 : op == OP_LE ? c <= 0 : op == OP_GT ? c > 0 : c >= 0);
}

static int condition_holds(struct map_scope *s, const struct map_condition *c)
{
    struct slice a, b;
    if (map_text_expand(s, &c->left, &a) != 0 || map_text_expand(s, &c->right, &b) != 0)
        return -1;
    switch (c->op) {
    case OP_PRESENT:
        return a.n > 0;
    case OP_ABSENT:
        return a.n == 0;
    case OP_EQ:
        return is_one_of(a, b);
    case OP_NE:
        return !is_one_of(a, b);
    default:
        return compare_holds(c->op, a, b);
    }
}

int map_conditions_hold(struct map_scope *s, const struct map_conditions *c)
{
    for (uint32_t i = 0; i < c->n; i++) {
        int holds = condition_holds(s, &c->v[i]);
        if (holds != 1)
            return holds;
    }
    return 1;
}
