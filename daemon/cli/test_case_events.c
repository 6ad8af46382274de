/* The events of a test case as JSON texts: defaults, ids by position, times from ISO text. Rules of the types are the core's business. */
#include <stdio.h>

#include "daemon/codec/json_text.h"
#include "test_case.h"

struct writer {
    struct test_case *c;
    struct json_text t;
    int64_t occurred_ms;
    uint32_t number; /* of the event, 1-based */
    int rc;
};

static bool texts(enum field_kind kind)
{
    return kind == FIELD_ID || kind == FIELD_CODE || kind == FIELD_TEXT || kind == FIELD_CURRENCY;
}

static bool flag(struct slice text, int64_t *ret)
{
    *ret = slice_eq(text, SLICE("true"));
    return *ret || slice_eq(text, SLICE("false"));
}

static int integer(struct writer *w, const struct node *v, enum field_kind kind)
{
    int64_t n;
    if (v->kind == NODE_SCALAR && (kind == FIELD_BOOL || kind == FIELD_COUNT) && flag(v->text, &n)) {
        json_text_bool(&w->t, n);
        return 0;
    }
    if (kind == FIELD_UNIX_MS) {
        if (test_case_time(w->c, v, &n) < 0)
            return -1;
    } else if (v->kind != NODE_SCALAR || !test_case_integer(v->text, &n)) {
        return test_case_problem(w->c, v, "expected a whole number");
    }
    json_text_int(&w->t, n);
    return 0;
}

static int list(struct writer *w, const struct node *v)
{
    int rc = 0;
    if (v->kind != NODE_LIST)
        return test_case_problem(w->c, v, "expected a list of whole numbers");
    json_text_open(&w->t, '[');
    for (const struct node *i = v->first; i; i = i->next)
        if (integer(w, i, FIELD_INT) < 0)
            rc = -1;
    json_text_close(&w->t, ']');
    return rc;
}

static int text(struct writer *w, const struct node *v)
{
    if (v->kind != NODE_SCALAR)
        return test_case_problem(w->c, v, "expected a text");
    json_text_string(&w->t, v->text);
    return 0;
}

static bool absent(const struct node *v)
{
    return v->kind == NODE_SCALAR && v->style == STYLE_PLAIN &&
           (!v->text.n || slice_eq(v->text, SLICE("null")) || slice_eq(v->text, SLICE("~")));
}

static int field(struct writer *w, const struct node *key)
{
    bool at = slice_eq(key->text, SLICE("at"));
    int f = at ? F_OCCURRED_AT_MS : event_field_by_name(key->text);
    const struct node *v = key->value;
    if (f < 0)
        return test_case_problem(w->c, key, "'%.60s' is no field of any event", key->text.p);
    if (absent(v))
        return 0;
    enum field_kind kind = event_field_info((enum event_field)f)->kind;
    if (f == F_OCCURRED_AT_MS && test_case_time(w->c, v, &w->occurred_ms) < 0)
        return -1;
    json_text_key(&w->t, at ? "occurred_at_ms" : key->text.p);
    return texts(kind) ? text(w, v) : kind == FIELD_PPM_LIST ? list(w, v) : integer(w, v, kind);
}

static void fields(struct writer *w, const struct node *map, const struct node *unless)
{
    for (const struct node *k = map ? map->first : NULL; k; k = k->next)
        if ((!unless || !node_key(unless, k->text.p)) && field(w, k) < 0)
            w->rc = -1;
}

/* A field that most cases leave out. */
static void otherwise(struct writer *w, const struct node *ev, const struct node *defaults, const char *key,
                      struct slice value)
{
    if (node_key(ev, key) || node_key(defaults, key))
        return;
    json_text_key(&w->t, key);
    json_text_string(&w->t, value);
}

static struct slice event(struct writer *w, const struct node *ev, const struct node *defaults)
{
    char id[16];
    int n = snprintf(id, sizeof id, "e%u", w->number);
    json_text_init(&w->t, &w->c->arena);
    json_text_open(&w->t, '{');
    otherwise(w, ev, defaults, "event_id", (struct slice){ id, (uint32_t)n });
    otherwise(w, ev, defaults, "org_id", SLICE("acme"));
    fields(w, defaults, ev);
    fields(w, ev, NULL);
    json_text_close(&w->t, '}');
    return json_text_end(&w->t);
}

int test_case_events(struct test_case *c, const struct node *events, const struct node *defaults)
{
    struct writer w = { .c = c };
    if (defaults && defaults->kind != NODE_MAP)
        return test_case_problem(c, defaults, "'defaults' holds fields of events");
    if (!events)
        return 0;
    if (events->kind != NODE_LIST)
        return test_case_problem(c, events, "'events' holds a list");
    for (const struct node *e = events->first; e; e = e->next)
        c->n_events++;
    c->event = arena_alloc(&c->arena, c->n_events * sizeof *c->event);
    if (!c->event)
        return test_case_problem(c, events, "out of memory");
    bool timed = c->now_ms != INT64_MIN;
    for (const struct node *e = events->first; e; e = e->next) {
        if (e->kind != NODE_MAP) {
            w.rc = test_case_problem(c, e, "an event is a map");
            continue;
        }
        w.occurred_ms = INT64_MIN;
        c->event[w.number++] = (struct slice){ 0 };
        struct slice json = event(&w, e, defaults);
        c->event[w.number - 1] = json;
        if (!json.p)
            w.rc = test_case_problem(c, e, "out of memory");
        if (!timed && w.occurred_ms > c->now_ms)
            c->now_ms = w.occurred_ms;
    }
    return w.rc;
}
