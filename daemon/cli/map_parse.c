/* The mapping's YAML to structs. Every mistake is told, with its place; nothing is guessed. */
#include <stdio.h>

#include "crmpulse/calendar.h"
#include "map_int.h"

void map_problem_at(struct map *map, const struct node *at, const char *message)
{
    map->bad = true;
    map->calls.problem(map->calls.ctx, slice_of(map->source.name), at ? at->line : 1, at ? at->column : 1, message);
}

static int fail(struct map *map, const struct node *at, const char *message)
{
    map_problem_at(map, at, message);
    return -1;
}

static uint32_t count(const struct node *parent)
{
    uint32_t n = 0;
    for (const struct node *i = parent ? parent->first : NULL; i; i = i->next)
        n++;
    return n;
}

/* Every key must be in the list, which ends with NULL. */
static int check_keys(struct map *map, const struct node *at, const char *const *known)
{
    int rc = 0;
    if (!at || at->kind != NODE_MAP)
        return fail(map, at, "a map is expected");
    for (const struct node *key = at->first; key; key = key->next) {
        const char *const *k = known;
        while (*k && !slice_eq(key->text, slice_of(*k)))
            k++;
        if (!*k)
            rc = fail(map, key, "an unknown key");
    }
    return rc;
}

static int read_text(struct map *map, const struct node *parent, const char *key, bool required, struct slice *ret)
{
    const struct node *v = node_get(parent, key);
    *ret = (struct slice){ 0 };
    if (!v)
        return required ? fail(map, parent, "a key is missing") : 0;
    if (v->kind != NODE_SCALAR)
        return fail(map, v, "a text is expected");
    *ret = v->text;
    return 0;
}

static int parse_lookup(struct map *map, const struct node *key, struct map_lookup *ret)
{
    uint32_t n = count(key->value);
    *ret = (struct map_lookup){ .name = key->text };
    if (!key->value || key->value->kind != NODE_MAP)
        return fail(map, key, "a lookup is a map of values to values");
    ret->pair = arena_alloc(&map->arena, n * sizeof *ret->pair);
    for (const struct node *from = key->value->first; from && ret->pair; from = from->next) {
        if (!from->value || from->value->kind != NODE_SCALAR)
            return fail(map, from, "a text is expected");
        ret->pair[ret->n++] = (struct map_pair){ from->text, from->value->text };
    }
    return ret->pair ? 0 : -1;
}

static int parse_best(struct map *map, const struct node *list, struct map_table *t)
{
    if (!list)
        return 0;
    t->best = arena_alloc(&map->arena, count(list) * sizeof *t->best);
    if (list->kind != NODE_LIST || !t->best)
        return fail(map, list, "a list of columns is expected");
    for (const struct node *i = list->first; i; i = i->next)
        t->best[t->n_best++] = i->text;
    return 0;
}

static int parse_table(struct map *map, const struct node *key, struct map_table *t)
{
    static const char *const known[] = { "file", "key", "of", "where", "best", NULL };
    const struct node *v = key->value;
    if (check_keys(map, v, known) != 0 || read_text(map, v, "file", true, &t->file) != 0 ||
        read_text(map, v, "key", true, &t->key) != 0)
        return -1;
    if (!node_get(v, "of"))
        return fail(map, key, "`of` is missing: the key's value for a row");
    if (map_text_parse(map, node_get(v, "of"), &t->of) != 0 ||
        map_conditions_parse(map, node_get(v, "where"), &t->where) != 0)
        return -1;
    return parse_best(map, node_get(v, "best"), t);
}

/* "hh:mm" */
static int parse_time_of_day(struct map *map, const struct node *at, int64_t *ret_ms)
{
    char iso[64];
    *ret_ms = 0;
    if (!at)
        return 0;
    int n = snprintf(iso, sizeof iso, "1970-01-01T%.*sZ",
                     at->kind == NODE_SCALAR && at->text.n < 16 ? (int)at->text.n : 0, at->text.p);
    return time_parse(NULL, (struct slice){ iso, (uint32_t)n }, ret_ms) ? fail(map, at, "a time of day is hh:mm") : 0;
}

static int parse_middle(struct map *map, const struct node *list, struct map_field *f)
{
    if (list->kind != NODE_LIST || count(list) != 2)
        return fail(map, list, "middle_of takes two texts");
    return map_text_parse(map, list->first, &f->text) || map_text_parse(map, list->last, &f->middle) ? -1 : 0;
}

static int check_unit(struct map *map, const struct node *at, struct map_field *f)
{
    enum field_kind kind = event_field_info(f->field)->kind;
    if (f->unit.n && kind == FIELD_UNIX_MS)
        kind = FIELD_DURATION_MS; /* the unit of `plus` */
    return f->unit.n && !map_unit_factor(kind, f->unit) ? fail(map, at, "no such unit for this field") : 0;
}

static int parse_spec(struct map *map, const struct node *v, struct map_field *f)
{
    static const char *const known[] = { "text", "middle_of", "date", "at", "plus", "unit", NULL };
    const struct node *text = node_get(v, "text"), *middle = node_get(v, "middle_of"), *plus = node_get(v, "plus");
    if (check_keys(map, v, known) != 0)
        return -1;
    if (!text == !middle)
        return fail(map, v, "either `text` or `middle_of` is needed");
    if ((text ? map_text_parse(map, text, &f->text) : parse_middle(map, middle, f)) != 0)
        return -1;
    if (plus && map_text_parse(map, plus, &f->plus) != 0)
        return -1;
    if (read_text(map, v, "date", false, &f->date) != 0 || read_text(map, v, "unit", false, &f->unit) != 0 ||
        parse_time_of_day(map, node_get(v, "at"), &f->at_ms) != 0)
        return -1;
    return check_unit(map, v, f);
}

static int parse_field(struct map *map, const struct node *key, struct map_field *f)
{
    int field = event_field_by_name(key->text);
    *f = (struct map_field){ .field = (enum event_field)field };
    if (field < 0 || field == F_TYPE || event_field_info((enum event_field)field)->kind == FIELD_PPM_LIST)
        return fail(map, key, "no field of an event that a mapping can fill");
    if (!key->value)
        return fail(map, key, "a text is expected");
    return key->value->kind == NODE_MAP ? parse_spec(map, key->value, f) : map_text_parse(map, key->value, &f->text);
}

/* What is no field at all was told before. */
static bool has_field(const struct map *map, enum event_type type, enum event_field f)
{
    return (unsigned)f >= EVENT_FIELD_COUNT || map->schema.type[type].allowed[f >> 6] >> (f & 63) & 1;
}

/* What the type does not have could not be sent. */
static int check_fields(struct map *map, const struct node *at, const struct map_event *ev)
{
    const struct node *key = node_get(at, "fields") ? node_get(at, "fields")->first : NULL;
    int rc = 0;
    for (uint32_t i = 0; key && i < ev->n; i++, key = key->next)
        if (!has_field(map, ev->type, ev->field[i].field))
            rc = fail(map, key, "no field of this event type");
    for (uint32_t i = 0; i < map->n_every; i++)
        if (!has_field(map, ev->type, map->every[i].field))
            rc = fail(map, node_get(at, "type"), "`every` fills a field that this event type does not have");
    return rc;
}

static int parse_fields(struct map *map, const struct node *fields, struct map_field **ret, uint32_t *ret_n)
{
    int rc = 0;
    *ret_n = 0;
    if (fields && fields->kind != NODE_MAP)
        return fail(map, fields, "a map of fields is expected");
    *ret = arena_alloc(&map->arena, count(fields) * sizeof **ret);
    for (const struct node *key = fields ? fields->first : NULL; key && *ret; key = key->next)
        rc |= parse_field(map, key, &(*ret)[(*ret_n)++]);
    return *ret ? rc : -1;
}

static int parse_event(struct map *map, const struct node *v, struct map_event *ev)
{
    static const char *const known[] = { "type", "rows", "when", "fields", NULL };
    struct slice type;
    if (check_keys(map, v, known) != 0 || read_text(map, v, "type", true, &type) != 0)
        return -1;
    int number = event_type_by_name(type);
    if (number < 0)
        return fail(map, node_get(v, "type"), "no such event type");
    ev->type = (enum event_type)number;
    if (read_text(map, v, "rows", false, &ev->rows) != 0 ||
        map_conditions_parse(map, node_get(v, "when"), &ev->when) != 0)
        return -1;
    if (!node_get(v, "fields"))
        return fail(map, v, "`fields` is missing");
    return parse_fields(map, node_get(v, "fields"), &ev->field, &ev->n) < 0 ? -1 : check_fields(map, v, ev);
}

static int parse_lookups(struct map *map, const struct node *v)
{
    int rc = 0;
    map->lookup = arena_alloc(&map->arena, count(v) * sizeof *map->lookup);
    for (const struct node *key = v ? v->first : NULL; key && map->lookup; key = key->next)
        rc |= parse_lookup(map, key, &map->lookup[map->n_lookups++]);
    return map->lookup ? rc : -1;
}

/* Names first: the conditions of a table may speak of itself and of others. */
static int parse_tables(struct map *map, const struct node *v)
{
    int rc = 0;
    uint32_t n = 0;
    map->table = arena_alloc(&map->arena, count(v) * sizeof *map->table);
    for (const struct node *key = v ? v->first : NULL; key && map->table; key = key->next)
        map->table[map->n_tables++] = (struct map_table){ .name = key->text };
    for (const struct node *key = v ? v->first : NULL; key && map->table; key = key->next)
        rc |= parse_table(map, key, &map->table[n++]);
    return map->table ? rc : -1;
}

static int parse_events(struct map *map, const struct node *v)
{
    int rc = 0;
    if (!v || v->kind != NODE_LIST)
        return fail(map, v, "`events`: a list is expected");
    map->event = arena_alloc(&map->arena, count(v) * sizeof *map->event);
    for (const struct node *i = v->first; i && map->event; i = i->next) {
        map->event[map->n_events] = (struct map_event){ 0 };
        rc |= parse_event(map, i, &map->event[map->n_events++]);
    }
    return map->event ? rc : -1;
}

int map_parse(struct map *map, const struct node *root)
{
    static const char *const known[] = { "lookups", "tables", "every", "events", NULL };
    if (check_keys(map, root, known) != 0)
        return -1;
    event_schema_init(&map->schema);
    int rc = parse_lookups(map, node_get(root, "lookups"));
    rc |= parse_tables(map, node_get(root, "tables"));
    rc |= parse_fields(map, node_get(root, "every"), &map->every, &map->n_every);
    rc |= parse_events(map, node_get(root, "events"));
    return rc;
}
