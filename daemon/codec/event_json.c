/* JSON <-> struct event by the tables of the vocabulary. */
#include "crmpulse/event_json.h"

#include <jansson.h>

#include "json_text.h"

/* ---- reading ---- */

/* jansson goes 2048 levels deep; we have no use for more than a few. Brackets inside strings do not count. */
static bool is_too_deep(const char *text, size_t n)
{
    int depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        if (in_string) {
            i += c == '\\';
            in_string = c != '"';
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > EVENT_JSON_MAX_DEPTH)
                return true;
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return false;
}

/* A decimal integer of the form -?(0|[1-9][0-9]*) and nothing else. */
static enum event_reject parse_int(const char *p, size_t n, int64_t *ret)
{
    size_t i = n > 0 && p[0] == '-';
    bool negative = i == 1;
    if (i == n || (p[i] == '0' && n - i > 1))
        return REJECT_MALFORMED;
    int64_t value = 0;
    bool overflow = false;
    for (; i < n; i++) {
        if (p[i] < '0' || p[i] > '9')
            return REJECT_MALFORMED;
        int digit = p[i] - '0';
        overflow |= __builtin_mul_overflow(value, 10, &value);
        overflow |= __builtin_add_overflow(value, negative ? -digit : digit, &value);
    }
    *ret = value;
    return overflow ? REJECT_OUT_OF_RANGE : REJECT_NONE;
}

static enum event_reject read_int(const json_t *value, enum field_kind kind, int64_t *ret)
{
    if (kind == FIELD_BOOL || (kind == FIELD_COUNT && json_is_boolean(value))) {
        *ret = json_is_true(value);
        return json_is_boolean(value) ? REJECT_NONE : REJECT_MALFORMED;
    }
    if (json_is_string(value))
        return parse_int(json_string_value(value), json_string_length(value), ret);
    if (!json_is_integer(value))
        return REJECT_MALFORMED;
    *ret = json_integer_value(value);
    return REJECT_NONE;
}

static enum event_reject read_text(const json_t *value, struct arena *a, struct slice *ret)
{
    if (!json_is_string(value))
        return REJECT_MALFORMED;
    struct slice text = { json_string_value(value), (uint32_t)json_string_length(value) };
    if (text.n && memchr(text.p, '\0', text.n))
        return REJECT_INVALID_UTF8;
    *ret = arena_copy(a, text);
    return ret->p ? REJECT_NONE : REJECT_TOO_LARGE;
}

static enum event_reject read_entries(const json_t *list, int32_t *entries)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        int64_t entry;
        enum event_reject reason = read_int(json_array_get(list, i), FIELD_INT, &entry);
        if (reason != REJECT_NONE)
            return reason;
        if (entry < INT32_MIN || entry > INT32_MAX)
            return REJECT_OUT_OF_RANGE;
        entries[i] = (int32_t)entry;
    }
    return REJECT_NONE;
}

static enum event_reject read_list(const json_t *value, struct arena *a, union event_value *ret)
{
    size_t n = json_array_size(value);
    if (!json_is_array(value))
        return REJECT_MALFORMED;
    if (n > EVENT_PPM_LIST_MAX)
        return REJECT_OUT_OF_RANGE;
    int32_t *entries = arena_alloc(a, n * sizeof *entries);
    if (!entries)
        return REJECT_TOO_LARGE;
    ret->ppm.p = entries;
    ret->ppm.n = (uint32_t)n;
    return read_entries(value, entries);
}

static enum event_reject read_value(const json_t *value, enum event_field f, struct arena *a, union event_value *ret)
{
    enum field_kind kind = event_field_info(f)->kind;
    switch (kind) {
    case FIELD_ID:
    case FIELD_CODE:
    case FIELD_TEXT:
    case FIELD_CURRENCY:
        return read_text(value, a, &ret->s);
    case FIELD_PPM_LIST:
        return read_list(value, a, ret);
    default:
        return read_int(value, kind, &ret->i);
    }
}

/* "event_id" may come from a CloudEvents envelope; every other field only from the event's own object. */
static const json_t *find_value(const json_t *object, const json_t *envelope, enum event_field f)
{
    const json_t *value = json_object_get(object, event_field_info(f)->name);
    if (!value && f == F_EVENT_ID && envelope)
        return json_object_get(envelope, "id");
    return value;
}

static bool is_empty_list(const json_t *value)
{
    return json_is_array(value) && json_array_size(value) == 0;
}

/* Looks up every field the type may carry, so a key outside it is never looked at, only counted. */
static enum event_reject read_fields(const struct event_type_info *type, const json_t *object, const json_t *envelope,
                                     struct arena *a, struct event *ret_ev, struct event_note *note)
{
    for (int i = 0; i < EVENT_FIELD_COUNT; i++) {
        enum event_field f = (enum event_field)i;
        if (!(type->allowed[f >> 6] >> (f & 63) & 1))
            continue;
        const json_t *value = find_value(object, envelope, f);
        if (!value)
            continue;
        note->unknown_keys -= json_object_get(object, event_field_info(f)->name) != NULL;
        if (json_is_null(value) || is_empty_list(value))
            continue;
        note->field = f;
        enum event_reject reason = read_value(value, f, a, &ret_ev->v[f]);
        if (reason != REJECT_NONE)
            return reason;
        event_mark(ret_ev, f);
    }
    note->field = EVENT_FIELD_COUNT;
    return REJECT_NONE;
}

static enum event_reject read_event(const struct event_schema *schema, const json_t *object, const json_t *envelope,
                                    struct arena *a, struct event *ret_ev, struct event_note *note)
{
    const json_t *type = json_object_get(object, "type");
    note->field = F_TYPE;
    if (!type || json_is_null(type))
        return REJECT_MISSING_FIELD;
    if (!json_is_string(type))
        return REJECT_MALFORMED;
    int t = event_type_by_name((struct slice){ json_string_value(type), (uint32_t)json_string_length(type) });
    if (t < 0)
        return REJECT_UNKNOWN_TYPE;
    event_clear(ret_ev);
    ret_ev->type = (enum event_type)t;
    note->unknown_keys = (uint32_t)json_object_size(object) - 1; /* read_fields takes off what it knows */
    return read_fields(&schema->type[t], object, envelope, a, ret_ev, note);
}

static enum event_reject read_root(const struct event_schema *schema, const json_t *root, struct arena *a,
                                   struct event *ret_ev, struct event_note *note)
{
    if (!json_is_object(root))
        return REJECT_MALFORMED;
    const json_t *data = json_object_get(root, "data");
    bool is_cloud_event = json_is_string(json_object_get(root, "specversion")) && json_is_object(data);
    return read_event(schema, is_cloud_event ? data : root, is_cloud_event ? root : NULL, a, ret_ev, note);
}

enum event_reject event_json_decode(const struct event_schema *schema, struct arena *a, const char *text, size_t n,
                                    struct event *ret_ev, struct event_note *ret_note)
{
    *ret_note = (struct event_note){ .field = EVENT_FIELD_COUNT };
    if (n > EVENT_JSON_MAX_BYTES)
        return REJECT_TOO_LARGE;
    if (n == 0 || is_too_deep(text, n))
        return REJECT_MALFORMED;
    json_error_t error;
    json_t *root = json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (!root)
        return json_error_code(&error) == json_error_invalid_utf8 ? REJECT_INVALID_UTF8 : REJECT_MALFORMED;
    struct arena_mark mark = arena_mark(a);
    enum event_reject reason = read_root(schema, root, a, ret_ev, ret_note);
    json_decref(root);
    if (reason != REJECT_NONE)
        arena_rewind(a, mark);
    return reason;
}

/* ---- writing ---- */

static void write_list(struct json_text *t, const union event_value *v)
{
    json_text_open(t, '[');
    for (uint32_t i = 0; i < v->ppm.n; i++)
        json_text_int(t, v->ppm.p[i]);
    json_text_close(t, ']');
}

static void write_value(struct json_text *t, const struct event *ev, enum event_field f)
{
    const union event_value *v = &ev->v[f];
    switch (event_field_info(f)->kind) {
    case FIELD_ID:
    case FIELD_CODE:
    case FIELD_TEXT:
    case FIELD_CURRENCY:
        json_text_string(t, v->s);
        return;
    case FIELD_BOOL:
        json_text_bool(t, v->i != 0);
        return;
    case FIELD_PPM_LIST:
        write_list(t, v);
        return;
    default:
        if (f == F_CONFORMANT && ev->type == EV_PROCESS_FINISHED)
            json_text_bool(t, v->i != 0); /* a count in record_created, a yes or no here */
        else
            json_text_int(t, v->i);
    }
}

struct slice event_json_encode(const struct event_schema *schema, const struct event *ev, struct arena *a)
{
    struct json_text t;
    json_text_init(&t, a);
    json_text_open(&t, '{');
    for (int i = 0; i < EVENT_FIELD_COUNT; i++) {
        enum event_field f = (enum event_field)i;
        if (f != F_TYPE && !event_has(ev, f))
            continue;
        json_text_key(&t, event_field_info(f)->name);
        if (f == F_TYPE)
            json_text_string(&t, slice_of(schema->type[ev->type].name));
        else
            write_value(&t, ev, f);
    }
    json_text_close(&t, '}');
    return json_text_end(&t);
}
