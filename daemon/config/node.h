/* A YAML file as a tree of nodes, each with its place in the file. */
#ifndef CRMPULSE_CONFIG_NODE_H
#define CRMPULSE_CONFIG_NODE_H

#include "crmpulse/arena.h"

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP };
enum node_style { STYLE_PLAIN, STYLE_SINGLE, STYLE_DOUBLE, STYLE_BLOCK };

/* Bytes that nodes were read from; they outlive the nodes. */
struct source {
    const char *name; /* as given by the user, or "built-in:catalogue/sales.yaml" */
    struct slice bytes;
    uint32_t order; /* of loading */
    bool builtin;
    bool override; /* a --set: merges into what it names instead of replacing it */
};

struct node {
    enum node_kind kind;
    enum node_style style;
    const struct source *source;
    uint32_t line, column;     /* 1-based; columns count characters */
    struct slice text;         /* NODE_SCALAR, with a NUL after it */
    struct node *first, *last; /* NODE_LIST: items; NODE_MAP: keys (scalars) */
    struct node *next;         /* in the list of the parent */
    struct node *value;        /* of a key */
};

struct position {
    uint32_t line, column;
};

/* What is wrong with the bytes, told to the caller as it is found. */
typedef void (*node_report)(void *ctx, const struct source *s, struct position at, const char *message);

/* Read one YAML document; NULL when it is not well-formed or empty (an empty file is no error). Duplicate keys, keys that are no scalars, anchors,
 * aliases, tags and a second document are errors. Everything lives in `arena`. *ret_ok says whether there was no error. */
struct node *node_parse(struct arena *arena, const struct source *s, node_report report, void *ctx, bool *ret_ok);

/* The key node of a map, NULL if there is none (or `map` is none). */
struct node *node_key(const struct node *map, const char *name);
/* Its value. */
struct node *node_get(const struct node *map, const char *name);

/* A copy of `base` in which the keys of `over` are put or replaced, maps inside maps likewise. NULL: out of memory. */
struct node *node_merge(struct arena *arena, const struct node *base, const struct node *over);

/* Where byte `at` of a scalar's text stands in the file: quotes, escapes and folded lines are counted. */
struct position node_position(const struct node *scalar, uint32_t at);

#endif
