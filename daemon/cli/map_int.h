/* The parts of a mapping, shared by its reader (map_parse.c), its texts (map_text.c), its values (map_value.c) and map.c. */
#ifndef CRMPULSE_MAP_INT_H
#define CRMPULSE_MAP_INT_H

#include "crmpulse/csv.h"
#include "crmpulse/map.h"
#include "daemon/config/node.h"

struct map_pair {
    struct slice from, to;
};

struct map_lookup {
    struct slice name;
    uint32_t n;
    struct map_pair *pair;
};

/* A piece of a text: literal bytes, a column, or the number of the row. */
struct map_piece {
    enum { PIECE_LITERAL, PIECE_COLUMN, PIECE_ROW } kind;
    struct slice text;         /* literal, or the column's name */
    int table;                 /* index, -1: the present row */
    struct map_lookup *lookup; /* or NULL */
    uint32_t width;            /* of a row number */
};

struct map_text {
    uint32_t n;
    struct map_piece *piece;
    const struct node *at; /* where it stands */
};

enum map_op { OP_PRESENT, OP_ABSENT, OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE };

struct map_condition {
    enum map_op op;
    struct map_text left, right;
};

struct map_conditions {
    uint32_t n;
    struct map_condition *v;
};

struct map_table {
    struct slice name, file, key;
    struct map_text of;
    struct map_conditions where;
    uint32_t n_best;
    struct slice *best;
    /* once loaded */
    struct csv_table rows;
    int key_column;
    uint32_t *by_key; /* row numbers, ordered by key and then by number */
};

struct map_field {
    enum event_field field;
    struct map_text text;
    struct map_text middle; /* the second of middle_of; n = 0: none */
    struct map_text plus;   /* n = 0: none */
    struct slice date;      /* format, empty: ISO 8601 or decimal ms */
    int64_t at_ms;          /* time of day for a format without hours, and for bare dates */
    struct slice unit;      /* empty: the kind's own */
};

struct map_event {
    enum event_type type;
    struct slice rows; /* empty: the main file */
    struct map_conditions when;
    uint32_t n;
    struct map_field *field;
};

struct map {
    struct map_calls calls;
    struct source source;
    struct event_schema schema;
    struct arena arena; /* the mapping, the tables and the texts of events */
    bool bad;           /* a problem was found in the mapping */
    uint32_t n_lookups, n_tables, n_every, n_events;
    struct map_lookup *lookup;
    struct map_table *table;
    struct map_field *every;
    struct map_event *event;
};

/* The row being converted, and what it has been joined to. */
struct map_scope {
    struct map *map;
    const struct csv_table *rows;
    uint32_t row;
    struct slice file;
    int64_t *joined; /* per table: row number, -1 none, -2 not looked for yet */
};
enum { JOIN_NONE = -1, JOIN_UNKNOWN = -2 };

/* map_parse.c */
int map_parse(struct map *map, const struct node *root);
void map_problem_at(struct map *map, const struct node *at, const char *message);

/* map_text.c */
int map_text_parse(struct map *map, const struct node *at, struct map_text *ret);
int map_conditions_parse(struct map *map, const struct node *at, struct map_conditions *ret);
/* The text for this row in the arena; empty if one of its pieces is. -1: a column or memory is missing (reported). */
int map_text_expand(struct map_scope *s, const struct map_text *text, struct slice *ret);
/* 1 all hold, 0 not all, -1 as above. */
int map_conditions_hold(struct map_scope *s, const struct map_conditions *c);
/* Bytes, or numbers if both are. */
int map_compare(struct slice a, struct slice b);

/* map_join.c: the row of table `i` for this scope: its number, JOIN_NONE, or -3 after a reported mistake. */
int64_t map_join(struct map_scope *s, int i);
int map_tables_load(struct map *map);

/* map_value.c: pure. 0, or -1 with *ret_why. */
int map_decimal(struct slice text, int64_t factor, int64_t *ret, const char **ret_why);
int map_date(struct slice text, struct slice format, int64_t at_ms, int64_t *ret_unix_ms, const char **ret_why);
/* How many of the field's integers `unit` is; 0 if it is no unit of that kind. An empty unit is the kind's own. */
int64_t map_unit_factor(enum field_kind kind, struct slice unit);
int map_bool(struct slice text, int64_t *ret, const char **ret_why);

#endif
