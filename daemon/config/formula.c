/* Formulas: switches resolved, names looked up, compiled; errors at their column in the file. What a formula means is the evaluator's business. */
#include <ctype.h>

#include "crmpulse/fact_slot.h"
#include "loader.h"

struct part_name {
    const char *name;
    enum measure_part part;
};

static const struct part_name parts[] = {
    { "n", PART_N },
    { "sum", PART_SUM },
    { "start", PART_START },
    { "new", PART_NEW },
    { "returning", PART_RETURNING },
    { "resurrected", PART_RESURRECTED },
    { "dormant", PART_DORMANT },
};

static const char *const builtins[BUILTIN_COUNT + 1] = { [BUILTIN_ELAPSED] = "elapsed",
                                                         [BUILTIN_DAYS] = "days",
                                                         [BUILTIN_CYCLE_DAYS] = "cycle_days",
                                                         [BUILTIN_START_MS] = "start_ms",
                                                         [BUILTIN_UNTIL_MS] = "until_ms",
                                                         [BUILTIN_WORKDAYS_START] = "workdays_start",
                                                         [BUILTIN_WORKDAYS_UNTIL] = "workdays_until",
                                                         [BUILTIN_WINDOW] = "window",
                                                         NULL };

struct scope_ctx {
    struct loader *l;
    enum scope scope;
    char why[200]; /* said instead of "unknown name" */
    struct suggest suggest;
};

static int refuse(struct scope_ctx *c, const char *format, struct slice name)
{
    snprintf(c->why, sizeof(c->why), format, (int)name.n, name.p);
    return -1;
}

static int unknown_field(struct scope_ctx *c, struct slice name)
{
    suggest_begin(&c->suggest, name);
    for (int i = 0; i <= FACT_SLOT_MEMBER; i++)
        if (fact_slot_name(i))
            suggest_try(&c->suggest, slice_of(fact_slot_name(i)));
    return refuse(c, "unknown field '%.*s'", name);
}

static int resolve_field(void *ctx, struct slice name)
{
    int slot = fact_slot_by_name(name);
    return slot >= 0 ? slot : unknown_field(ctx, name);
}

static int unknown_measure(struct scope_ctx *c, struct slice name)
{
    suggest_begin(&c->suggest, name);
    section_suggest(c->l, SECTION_MEASURES, &c->suggest);
    for (int i = 0; c->scope == SCOPE_FORMULA && builtins[i]; i++)
        suggest_try(&c->suggest, slice_of(builtins[i]));
    return refuse(c, "unknown measure '%.*s'", name);
}

static int unknown_part(struct scope_ctx *c, struct slice part)
{
    suggest_begin(&c->suggest, part);
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
        suggest_try(&c->suggest, slice_of(parts[i].name));
    return refuse(c, "unknown part '.%.*s' of a measure", part);
}

/* Agg of a measure as its YAML says: the measure itself may not be compiled yet. */
static bool agg_is(const struct entry *e, const char *agg)
{
    const struct node *n = node_get(e->map, "agg");
    return n && n->kind == NODE_SCALAR && slice_eq(n->text, slice_of(agg));
}

static bool is_lifecycle(const struct entry *e)
{
    const struct node *n = node_get(e->map, "lifecycle");
    return n && n->kind == NODE_SCALAR && slice_eq(n->text, SLICE("true"));
}

static int part_slot(struct scope_ctx *c, const struct entry *e, int part)
{
    int index = (int)(e - c->l->section[SECTION_MEASURES].v);
    bool duration = agg_is(e, "duration");
    if ((part == PART_N || part == PART_SUM) && !duration)
        return refuse(c, "measure '%.*s' is no duration: it has no .n and .sum", e->id);
    if ((part == PART_START || part == PART_PREV_START) && !agg_is(e, "level"))
        return refuse(c, "measure '%.*s' is no level: it has no .start", e->id);
    if (part >= PART_NEW && !is_lifecycle(e))
        return refuse(c, "measure '%.*s' keeps no lifecycle (lifecycle: true)", e->id);
    if (part <= PART_PREV && part != PART_N && part != PART_SUM && duration != (c->scope == SCOPE_DURATION))
        return refuse(c, duration ? "measure '%.*s' is a duration: use .n or .sum" : "measure '%.*s' is no duration",
                      e->id);
    return index * MEASURE_PARTS + part;
}

static int resolve_measure(void *ctx, struct slice name)
{
    struct scope_ctx *c = ctx;
    int part = PART_VALUE;
    struct slice id = name;
    int builtin = find_word(name, builtins);
    if (builtin >= 0 && c->scope == SCOPE_FORMULA)
        return SLOT_BUILTIN + builtin;
    if (id.n > 5 && memcmp(id.p, "prev.", 5) == 0) {
        part = PART_PREV;
        id = (struct slice){ id.p + 5, id.n - 5 };
        if (c->scope != SCOPE_FORMULA)
            return refuse(c, "'prev.%.*s' is for the formulas of KPIs", id);
    }
    const char *dot = memchr(id.p, '.', id.n);
    struct slice suffix = dot ? (struct slice){ dot + 1, (uint32_t)(id.p + id.n - dot - 1) } : (struct slice){ 0 };
    if (dot)
        id.n = (uint32_t)(dot - id.p);
    const struct entry *e = section_find(c->l, SECTION_MEASURES, id);
    if (!e)
        return unknown_measure(c, id);
    if (dot && part == PART_PREV) {
        if (!slice_eq(suffix, SLICE("start")))
            return refuse(c, "'prev.' and a part cannot be combined: '%.*s'", name);
        return part_slot(c, e, PART_PREV_START);
    }
    for (size_t i = 0; dot && i < sizeof(parts) / sizeof(*parts); i++)
        if (slice_eq(suffix, slice_of(parts[i].name)))
            return part_slot(c, e, parts[i].part);
    return dot ? unknown_part(c, suffix) : part_slot(c, e, part);
}

static struct expr *compile(struct loader *l, const struct node *n, enum scope scope, const struct resolved *r)
{
    struct scope_ctx c = { .l = l, .scope = scope };
    struct expr_error error = { 0 };
    expr_resolve resolve = scope == SCOPE_FACT ? resolve_field : resolve_measure;
    struct expr *e = expr_compile((struct slice){ r->text, r->n }, resolve, &c, &error);
    if (e)
        return e;
    uint32_t at = error.at < r->n ? r->at[error.at] : n->text.n;
    report_inside(l, n, at, "%s%s", *c.why ? c.why : error.message, *c.why ? suggest_text(&c.suggest) : "");
    return NULL;
}

static bool word_byte(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '.';
}

/* Blanks say nothing except between two words; inside quotes they stay. */
static const char *canonical(struct loader *l, const struct resolved *r)
{
    char *out = arena_alloc(&l->arena, r->n + 1);
    uint32_t n = 0;
    char quote = 0;
    if (!out) {
        report_memory(l);
        return "";
    }
    for (uint32_t i = 0; i < r->n; i++) {
        char c = r->text[i];
        if (quote) {
            quote = c == quote ? 0 : quote;
        } else if (c == '\'' || c == '"') {
            quote = c;
        } else if (isspace((unsigned char)c)) {
            uint32_t next = i + 1;
            while (next < r->n && isspace((unsigned char)r->text[next]))
                next++;
            if (!n || next == r->n || !word_byte(out[n - 1]) || !word_byte(r->text[next]))
                continue;
            i = next - 1;
            c = ' ';
        }
        out[n++] = c;
    }
    out[n] = 0;
    return out;
}

static bool is_text(struct loader *l, const struct node *n)
{
    if (n->kind == NODE_SCALAR && n->text.n)
        return true;
    report(l, n, "expected an expression");
    return false;
}

/* The branches that the switches do not take are compiled too, so that a mistake shows before somebody turns the switch. */
bool formula_compile(struct loader *l, const struct node *n, enum scope scope, struct formula *ret)
{
    struct resolved r;
    if (!is_text(l, n) || !switches_resolve(l, n, false, &r))
        return false;
    struct expr *whole = compile(l, n, scope, &r);
    bool ok = whole && switches_resolve(l, n, true, &r);
    expr_free(whole);
    if (!ok || !(ret->expr = compile(l, n, scope, &r)))
        return false;
    ret->canonical = canonical(l, &r);
    ret->switches = r.used;
    return true;
}

bool formula_resolve(struct loader *l, const struct node *n, struct slice *ret_text, uint64_t *switches)
{
    struct resolved r;
    if (!is_text(l, n) || !switches_resolve(l, n, false, &r) || !switches_resolve(l, n, true, &r))
        return false;
    struct slice s = slice_of(canonical(l, &r));
    while (s.n >= 2 && s.p[0] == '(' && s.p[s.n - 1] == ')')
        s = (struct slice){ s.p + 1, s.n - 2 };
    *ret_text = arena_copy(&l->arena, s);
    *switches |= r.used;
    return ret_text->p;
}
