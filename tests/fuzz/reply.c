/* Reads a tree of answers from lines. Every text is an allocation of its own, so that a sanitizer sees its end. */
#include "reply.h"

#include "fuzz.h"

enum { DEPTH_MAX = 6, TEXT_MAX = 1 << 16 };

static redisReply *keep(struct replies *r, int type)
{
    redisReply *x = r->n < REPLIES_MAX ? calloc(1, sizeof *x) : NULL;
    if (!x)
        return NULL;
    x->type = type;
    r->v[r->n++] = x;
    return x;
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static redisReply *text(struct replies *r, int type, struct slice line, bool hex)
{
    redisReply *x = keep(r, type);
    if (!x || !(x->str = malloc(line.n + 1U)))
        return NULL;
    for (uint32_t i = 0; i < line.n; i++) {
        if (!hex) {
            x->str[x->len++] = line.p[i];
        } else if (i + 1 < line.n && digit(line.p[i]) >= 0 && digit(line.p[i + 1]) >= 0) {
            x->str[x->len++] = (char)(digit(line.p[i]) * 16 + digit(line.p[i + 1]));
            i++;
        }
    }
    x->str[x->len] = 0;
    return x;
}

static redisReply *read_reply(struct replies *r, struct slice *rest, int depth);

static redisReply *array(struct replies *r, struct slice *rest, int depth)
{
    redisReply *x = keep(r, REDIS_REPLY_ARRAY), *item;
    size_t cap = 0;
    while (x && (item = read_reply(r, rest, depth + 1))) {
        if (x->elements == cap) {
            cap = cap ? cap * 2 : 4;
            redisReply **more = realloc(x->element, cap * sizeof(redisReply *));
            FUZZ_CHECK(more);
            x->element = more;
        }
        x->element[x->elements++] = item;
    }
    return x;
}

/* NULL at "]", at the end, and for what is no reply. */
static redisReply *read_reply(struct replies *r, struct slice *rest, int depth)
{
    struct slice line;
    if (depth > DEPTH_MAX || !fuzz_line(rest, &line) || !line.n || line.n > TEXT_MAX)
        return NULL;
    struct slice tail = { line.p + 1, line.n - 1 };
    redisReply *x;
    switch (line.p[0]) {
    case '[':
        return array(r, rest, depth);
    case '"':
        return text(r, REDIS_REPLY_STRING, tail, false);
    case 'x':
        return text(r, REDIS_REPLY_STRING, tail, true);
    case '+':
        return text(r, REDIS_REPLY_STATUS, tail, false);
    case '-':
        return text(r, REDIS_REPLY_ERROR, tail, false);
    case '0':
        return keep(r, REDIS_REPLY_NIL);
    case ':':
        if ((x = text(r, REDIS_REPLY_INTEGER, tail, false))) {
            x->integer = strtoll(x->str, NULL, 10);
            free(x->str);
            x->str = NULL;
            x->len = 0;
        }
        return x;
    default:
        return NULL;
    }
}

redisReply *replies_read(struct replies *r, struct slice *rest)
{
    return read_reply(r, rest, 0);
}

void replies_release(struct replies *r)
{
    for (uint32_t i = 0; i < r->n; i++) {
        free(r->v[i]->str);
        free(r->v[i]->element);
        free(r->v[i]);
    }
    r->n = 0;
}
