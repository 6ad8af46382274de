/* Rows to events by a mapping: for each of its event kinds, for each row that meets the conditions, the fields. */
#include <stdio.h>
#include <stdlib.h>

#include "map_int.h"

static void on_yaml(void *ctx, const struct source *s, struct position at, const char *message)
{
    struct map *map = ctx;
    map->bad = true;
    map->calls.problem(map->calls.ctx, slice_of(s->name), at.line, at.column, message);
}

struct map *map_new(const char *name, struct slice yaml, const struct map_calls *calls)
{
    bool ok = false;
    struct map *map = calloc(1, sizeof *map);
    if (!map)
        return NULL;
    map->calls = *calls;
    map->source = (struct source){ .name = name, .bytes = yaml };
    arena_init(&map->arena, 0, 0);
    const struct node *root = node_parse(&map->arena, &map->source, on_yaml, map, &ok);
    if (ok && map_parse(map, root) == 0 && !map->bad)
        return map;
    map_free(map);
    return NULL;
}

void map_free(struct map *map)
{
    if (!map)
        return;
    arena_release(&map->arena);
    free(map);
}

/* ---- fields ---- */

static int instant(struct map_scope *s, const struct map_field *f, const struct map_text *text, int64_t *ret,
                   const char **ret_why)
{
    struct slice value;
    if (map_text_expand(s, text, &value) != 0)
        return -2;
    if (value.n == 0)
        return 0;
    return map_date(value, f->date, f->at_ms, ret, ret_why) ? -1 : 1;
}

static int set_instant(struct map_scope *s, const struct map_field *f, struct event *ev, const char **ret_why)
{
    int64_t ms, other, delay = 0;
    int rc = instant(s, f, &f->text, &ms, ret_why);
    if (rc == 1 && f->middle.n) {
        rc = instant(s, f, &f->middle, &other, ret_why);
        ms += rc == 1 ? (other - ms) / 2 : 0;
    }
    if (rc == 1 && f->plus.n) {
        struct slice value;
        if (map_text_expand(s, &f->plus, &value) != 0)
            return -2;
        rc = value.n == 0                                                                       ? 0
             : map_decimal(value, map_unit_factor(FIELD_DURATION_MS, f->unit), &delay, ret_why) ? -1
                                                                                                : 1;
    }
    if (rc == 1)
        event_set_int(ev, f->field, ms + delay);
    return rc < 0 ? rc : 0;
}

static int set_value(const struct map_field *f, struct slice value, struct event *ev, const char **ret_why)
{
    int64_t number;
    enum field_kind kind = event_field_info(f->field)->kind;
    if (kind == FIELD_ID || kind == FIELD_CODE || kind == FIELD_TEXT || kind == FIELD_CURRENCY) {
        event_set_str(ev, f->field, value);
        return 0;
    }
    if ((kind == FIELD_BOOL ? map_bool(value, &number, ret_why)
                            : map_decimal(value, map_unit_factor(kind, f->unit), &number, ret_why)) != 0)
        return -1;
    event_set_int(ev, f->field, number);
    return 0;
}

/* 0, -1 (the value is bad), -2 (the mapping or memory is). */
static int set_field(struct map_scope *s, const struct map_field *f, struct event *ev, const char **ret_why)
{
    struct slice value;
    if (event_field_info(f->field)->kind == FIELD_UNIX_MS)
        return set_instant(s, f, ev, ret_why);
    if (map_text_expand(s, &f->text, &value) != 0)
        return -2;
    return value.n ? set_value(f, value, ev, ret_why) : 0;
}

static void report_row(struct map_scope *s, enum event_field field, const char *why)
{
    char message[256];
    snprintf(message, sizeof message, "%s: %s", event_field_info(field)->name, why);
    s->map->calls.problem(s->map->calls.ctx, s->file, s->rows->line[s->row], 0, message);
}

static int set_fields(struct map_scope *s, const struct map_field *field, uint32_t n, struct event *ev)
{
    for (uint32_t i = 0; i < n; i++) {
        const char *why = "";
        int rc = set_field(s, &field[i], ev, &why);
        if (rc == -1)
            report_row(s, field[i].field, why);
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* ---- rows ---- */

static int convert_row(struct map_scope *s, const struct map_event *me, struct event *ev)
{
    struct map *map = s->map;
    for (uint32_t t = 0; t < map->n_tables; t++)
        s->joined[t] = JOIN_UNKNOWN;
    int holds = map_conditions_hold(s, &me->when);
    if (holds != 1)
        return holds;
    event_clear(ev);
    ev->type = me->type;
    int rc = set_fields(s, map->every, map->n_every, ev);
    if (rc == 0)
        rc = set_fields(s, me->field, me->n, ev);
    if (rc != 0)
        return rc == -1 ? 0 : -1;
    return map->calls.event(map->calls.ctx, ev, s->file, s->rows->line[s->row]);
}

static int convert_rows(struct map *map, const struct map_event *me, const struct csv_table *rows, struct slice file)
{
    struct event *ev = calloc(1, sizeof *ev);
    struct map_scope s = { .map = map, .rows = rows, .file = file };
    s.joined = arena_alloc(&map->arena, (map->n_tables + 1) * sizeof *s.joined);
    int rc = ev && s.joined ? 0 : -1;
    for (; rc == 0 && s.row < rows->n; s.row++)
        rc = convert_row(&s, me, ev);
    free(ev);
    return rc;
}

struct loaded {
    struct slice file;
    struct csv_table rows;
};

static const struct csv_table *load_rows(struct map *map, struct loaded *cache, uint32_t *n, struct slice file)
{
    struct slice bytes;
    uint32_t line;
    const char *why;
    for (uint32_t i = 0; i < *n; i++)
        if (slice_eq(cache[i].file, file))
            return &cache[i].rows;
    struct loaded *l = &cache[*n];
    l->file = file;
    if (map->calls.read(map->calls.ctx, file, &bytes) != 0)
        return NULL;
    if (csv_table_read(&l->rows, &map->arena, bytes, &line, &why) != 0) {
        map->calls.problem(map->calls.ctx, file, line, 0, why);
        return NULL;
    }
    (*n)++;
    return &l->rows;
}

int map_convert(struct map *map, struct slice main_file)
{
    uint32_t n = 0;
    struct loaded *cache = arena_alloc(&map->arena, (map->n_events + 1) * sizeof *cache);
    int rc = cache ? map_tables_load(map) : -1;
    for (uint32_t i = 0; i < map->n_events && rc == 0; i++) {
        const struct map_event *me = &map->event[i];
        struct slice file = me->rows.n ? me->rows : main_file;
        const struct csv_table *rows = load_rows(map, cache, &n, file);
        rc = rows ? convert_rows(map, me, rows, file) : -1;
    }
    return rc;
}
