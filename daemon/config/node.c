/* YAML by libyaml's events into our own tree: libyaml's document loader shares nodes between aliases and accepts duplicate keys.
 *
 * It does not know any key. Aliases are refused on purpose: they make trees explode and give a value two places. */
#include "node.h"

#include <stdio.h>
#include <yaml.h>

enum { DEPTH_MAX = 32 };

struct reader {
    yaml_parser_t parser;
    struct arena *arena;
    const struct source *source;
    node_report report;
    void *ctx;
    bool ok;
};

static void fail(struct reader *r, yaml_mark_t mark, const char *message)
{
    r->ok = false;
    r->report(r->ctx, r->source, (struct position){ (uint32_t)mark.line + 1, (uint32_t)mark.column + 1 }, message);
}

/* 0, or -1 when the text is not well-formed (reported). */
static int next_event(struct reader *r, yaml_event_t *ret)
{
    if (yaml_parser_parse(&r->parser, ret))
        return 0;
    const char *problem = r->parser.problem ? r->parser.problem : "not readable as YAML";
    yaml_mark_t mark = r->parser.problem_mark;
    if (r->parser.error == YAML_READER_ERROR)
        mark = r->parser.mark;
    fail(r, mark, problem);
    return -1;
}

static enum node_style style_of(yaml_scalar_style_t style)
{
    switch (style) {
    case YAML_SINGLE_QUOTED_SCALAR_STYLE:
        return STYLE_SINGLE;
    case YAML_DOUBLE_QUOTED_SCALAR_STYLE:
        return STYLE_DOUBLE;
    case YAML_LITERAL_SCALAR_STYLE:
    case YAML_FOLDED_SCALAR_STYLE:
        return STYLE_BLOCK;
    default:
        return STYLE_PLAIN;
    }
}

static struct node *make(struct reader *r, enum node_kind kind, yaml_mark_t at)
{
    struct node *n = arena_alloc(r->arena, sizeof(*n));
    if (!n) {
        fail(r, at, "out of memory");
        return NULL;
    }
    *n = (struct node){
        .kind = kind, .source = r->source, .line = (uint32_t)at.line + 1, .column = (uint32_t)at.column + 1
    };
    return n;
}

static void append(struct node *parent, struct node *child)
{
    if (parent->last)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
}

static struct node *scalar(struct reader *r, const yaml_event_t *e)
{
    struct node *n = make(r, NODE_SCALAR, e->start_mark);
    if (!n)
        return NULL;
    n->style = style_of(e->data.scalar.style);
    n->text =
        arena_copy(r->arena, (struct slice){ (const char *)e->data.scalar.value, (uint32_t)e->data.scalar.length });
    if (e->data.scalar.anchor || e->data.scalar.tag)
        fail(r, e->start_mark, "anchors and tags are not supported");
    if (n->text.p)
        return n;
    fail(r, e->start_mark, "out of memory");
    return NULL;
}

static void refuse_duplicate(struct reader *r, const struct node *map, const struct node *key, yaml_mark_t at)
{
    for (const struct node *k = map->first; k; k = k->next)
        if (slice_eq(k->text, key->text)) {
            char message[160];
            snprintf(message, sizeof(message), "duplicate key '%.80s' (first in line %u)", key->text.p, k->line);
            fail(r, at, message);
            return;
        }
}

static struct node *read_node(struct reader *r, yaml_event_t *e, int depth);

/* Items of a list, or alternating keys and values, up to the closing event. -1 when reading cannot go on. */
static int read_children(struct reader *r, struct node *parent, int depth)
{
    struct node *key = NULL;
    for (;;) {
        yaml_event_t e;
        if (next_event(r, &e) < 0)
            return -1;
        if (e.type == YAML_SEQUENCE_END_EVENT || e.type == YAML_MAPPING_END_EVENT) {
            yaml_event_delete(&e);
            return 0;
        }
        yaml_mark_t at = e.start_mark;
        struct node *n = read_node(r, &e, depth + 1);
        yaml_event_delete(&e);
        if (!n)
            return -1;
        if (parent->kind == NODE_LIST) {
            append(parent, n);
        } else if (key) {
            key->value = n;
            key = NULL;
        } else if (n->kind != NODE_SCALAR) {
            fail(r, at, "a key must be plain text");
            return -1;
        } else {
            refuse_duplicate(r, parent, n, at);
            append(parent, n);
            key = n;
        }
    }
}

static struct node *read_node(struct reader *r, yaml_event_t *e, int depth)
{
    if (e->type == YAML_SCALAR_EVENT)
        return scalar(r, e);
    if (e->type == YAML_ALIAS_EVENT) {
        fail(r, e->start_mark, "aliases are not supported");
        return NULL;
    }
    if (depth > DEPTH_MAX) {
        fail(r, e->start_mark, "nested too deeply");
        return NULL;
    }
    bool list = e->type == YAML_SEQUENCE_START_EVENT;
    if (list ? e->data.sequence_start.anchor || e->data.sequence_start.tag
             : e->data.mapping_start.anchor || e->data.mapping_start.tag)
        fail(r, e->start_mark, "anchors and tags are not supported");
    struct node *n = make(r, list ? NODE_LIST : NODE_MAP, e->start_mark);
    return n && read_children(r, n, depth) == 0 ? n : NULL;
}

static struct node *read_document(struct reader *r)
{
    struct node *root = NULL;
    for (;;) {
        yaml_event_t e;
        if (next_event(r, &e) < 0)
            return NULL;
        yaml_event_type_t type = e.type;
        bool content = type == YAML_SCALAR_EVENT || type == YAML_SEQUENCE_START_EVENT ||
                       type == YAML_MAPPING_START_EVENT || type == YAML_ALIAS_EVENT;
        bool more = content || type == YAML_DOCUMENT_START_EVENT;
        if (more && root)
            fail(r, e.start_mark, "only one document per file");
        bool stop = type == YAML_STREAM_END_EVENT || (more && root);
        if (content && !stop && !(root = read_node(r, &e, 0)))
            stop = true;
        yaml_event_delete(&e);
        if (stop)
            return root;
    }
}

struct node *node_parse(struct arena *arena, const struct source *s, node_report report, void *ctx, bool *ret_ok)
{
    struct reader r = { .arena = arena, .source = s, .report = report, .ctx = ctx, .ok = true };
    *ret_ok = false;
    if (!yaml_parser_initialize(&r.parser)) {
        report(ctx, s, (struct position){ 1, 1 }, "out of memory");
        return NULL;
    }
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)s->bytes.p, s->bytes.n);
    struct node *root = read_document(&r);
    yaml_parser_delete(&r.parser);
    *ret_ok = r.ok;
    return root;
}

struct node *node_key(const struct node *map, const char *name)
{
    if (!map || map->kind != NODE_MAP)
        return NULL;
    for (struct node *k = map->first; k; k = k->next)
        if (slice_eq(k->text, slice_of(name)))
            return k;
    return NULL;
}

struct node *node_get(const struct node *map, const char *name)
{
    struct node *k = node_key(map, name);
    return k ? k->value : NULL;
}

static struct node *copy(struct arena *arena, const struct node *from)
{
    struct node *n = arena_alloc(arena, sizeof(*n));
    if (n)
        *n = *from;
    return n;
}

struct node *node_merge(struct arena *arena, const struct node *base, const struct node *over)
{
    struct node *merged = copy(arena, base->kind == NODE_MAP && over->kind == NODE_MAP ? base : over);
    if (!merged || base->kind != NODE_MAP || over->kind != NODE_MAP)
        return merged;
    merged->first = merged->last = NULL;
    for (const struct node *k = base->first; k; k = k->next) {
        const struct node *with = node_key(over, k->text.p);
        struct node *key = copy(arena, with ? with : k);
        if (!key || (with && !(key->value = node_merge(arena, k->value, with->value))))
            return NULL;
        key->next = NULL;
        append(merged, key);
    }
    for (const struct node *k = over->first; k; k = k->next) {
        struct node *key = node_key(base, k->text.p) ? NULL : copy(arena, k);
        if (!key)
            continue;
        key->next = NULL;
        append(merged, key);
    }
    return merged;
}
