/* Names in formulas: fields of facts, and measures with their prefixes, parts and qualifiers. What they mean is said in defs.h. */
#include <stdlib.h>

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
    { "trailing", PART_TRAILING },
    { "daily", PART_DAILY },
    { "cohort", PART_COHORT },
    { "back", PART_BACK },
    { "back_by", PART_BACK_BY },
    { "back_since", PART_BACK_SINCE },
    { "later", PART_LATER },
    { "later_by", PART_LATER_BY },
    { "later_since", PART_LATER_SINCE },
    { "first", PART_FIRST },
};

static const char *const builtins[BUILTIN_COUNT + 1] = {
    [BUILTIN_ELAPSED] = "elapsed",
    [BUILTIN_DAYS] = "days",
    [BUILTIN_DAYS_PASSED] = "days_passed",
    [BUILTIN_DIM] = "dim",
    [BUILTIN_CYCLE_DAYS] = "cycle_days",
    [BUILTIN_START_MS] = "start_ms",
    [BUILTIN_UNTIL_MS] = "until_ms",
    [BUILTIN_WORKDAYS_START] = "workdays_start",
    [BUILTIN_WORKDAYS_UNTIL] = "workdays_until",
    [BUILTIN_WINDOW] = "window",
    [BUILTIN_WORKDAYS_END] = "workdays_end",
    [BUILTIN_YEAR] = "year",
    NULL,
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

int resolve_field(void *ctx, struct slice name)
{
    int slot = fact_slot_by_name(name);
    return slot >= 0 ? slot : unknown_field(ctx, name);
}

static int unknown_measure(struct scope_ctx *c, struct slice name)
{
    suggest_begin(&c->suggest, name);
    section_suggest(c->l, SECTION_MEASURES, &c->suggest);
    for (int i = 0; c->scope != SCOPE_DURATION && builtins[i]; i++)
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

/* Keys of a measure as its YAML says: the measure itself may not be compiled yet. */
static bool key_is(const struct entry *e, const char *key, const char *value)
{
    const struct node *n = node_get(e->map, key);
    return n && n->kind == NODE_SCALAR && slice_eq(n->text, slice_of(value));
}

static bool part_fits(struct scope_ctx *c, const struct entry *e, int part)
{
    bool duration = key_is(e, "agg", "duration"), distinct = key_is(e, "agg", "distinct");
    const char *why = NULL;
    if ((part == PART_N || part == PART_SUM) && !duration)
        why = "measure '%.*s' is no duration: it has no .n and .sum";
    else if (part == PART_START && !key_is(e, "agg", "level"))
        why = "measure '%.*s' is no level: it has no .start";
    else if (part == PART_DAILY && !distinct)
        why = "measure '%.*s' counts no distinct members: it has no .daily";
    else if (part == PART_TRAILING && !node_get(e->map, "trailing"))
        why = "measure '%.*s' keeps no trailing count (trailing: DAYS)";
    else if (part >= PART_NEW && part != PART_TRAILING && part != PART_DAILY && !key_is(e, "lifecycle", "true"))
        why = "measure '%.*s' keeps no lifecycle (lifecycle: true)";
    else if (part == PART_VALUE && duration != (c->scope == SCOPE_DURATION))
        why = duration ? "measure '%.*s' is a duration: use .n or .sum" : "measure '%.*s' is no duration";
    if (why)
        refuse(c, why, e->id);
    return !why;
}

/* ---- prefixes and qualifiers ------------------------------------------------------------------------------------------------------------------ */

static void say_whole(struct measure_ref *r)
{
    r->whole = true;
}
static void say_each_day(struct measure_ref *r)
{
    r->each_day = true;
}

static const struct {
    const char *name;
    enum periods periods;
} period_prefixes[] = {
    { "each_year.", PERIODS_EACH_YEAR },
    { "each_cycle.", PERIODS_EACH_CYCLE },
    { "payback.", PERIODS_PAYBACK },
    { "npv.", PERIODS_NPV },
    { "irr.", PERIODS_IRR },
    { "holt.", PERIODS_HOLT },
    { "so_far.", PERIODS_SO_FAR },
    { "at_close.", PERIODS_AT_CLOSE },
    { "quintiles.", PERIODS_QUINTILES },
};

/* Takes one of those from the front of *name. */
static bool take_period_prefix(struct slice *name, struct measure_ref *ret)
{
    for (size_t i = 0; i < sizeof period_prefixes / sizeof *period_prefixes; i++) {
        struct slice p = slice_of(period_prefixes[i].name);
        if (name->n <= p.n || memcmp(name->p, p.p, p.n) != 0)
            continue;
        ret->periods = period_prefixes[i].periods;
        *name = (struct slice){ name->p + p.n, name->n - p.n };
        return true;
    }
    return false;
}

static const struct {
    const char *name;
    enum compared at;
    void (*say)(struct measure_ref *r);
} prefixes[] = {
    { "prev.", COMPARED_ELAPSED, NULL },   { "prev_full.", COMPARED_WHOLE, NULL },
    { "year_ago.", COMPARED_YEAR, NULL },  { "last_day.", COMPARED_LAST_DAY, NULL },
    { "whole.", COMPARED_NOT, say_whole }, { "each_day.", COMPARED_NOT, say_each_day },
};

/* Takes one prefix from the front of *name. */
static bool take_prefix(struct slice *name, struct measure_ref *ret)
{
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        struct slice p = slice_of(prefixes[i].name);
        if (name->n <= p.n || memcmp(name->p, p.p, p.n) != 0)
            continue;
        if (prefixes[i].say)
            prefixes[i].say(ret);
        else
            ret->at = prefixes[i].at;
        *name = (struct slice){ name->p + p.n, name->n - p.n };
        return true;
    }
    return take_period_prefix(name, ret);
}

static bool take_qualifier(struct scope_ctx *c, struct slice text, struct measure_ref *ret)
{
    const char *equals = memchr(text.p, '=', text.n);
    struct slice value = { equals + 1, (uint32_t)(text.p + text.n - equals - 1) };
    if (text.n > 5 && memcmp(text.p, "over=", 5) == 0) {
        ret->has_window = window_parse(NULL, value, &ret->window) == 0 && ret->window.kind != WINDOW_SPAN;
        window_by_switch(c->l, &ret->window);
        if (!ret->has_window)
            refuse(c, "unknown window '%.*s'", value);
        else if (!window_fits(&ret->window, c->l->defs->fine_pane_ms))
            refuse(c, "window %.*s is no whole number of panes: time.fine_pane must divide it", value);
        return ret->has_window;
    }
    bool rate = text.n > 8 && memcmp(text.p, "rate_bp=", 8) == 0;
    int32_t most = rate ? 100000 : 1000, n = 0;
    for (uint32_t i = 0; i < value.n; i++)
        n = value.p[i] >= '0' && value.p[i] <= '9' && n < most ? n * 10 + (value.p[i] - '0') : most;
    *(rate ? &ret->rate_bp : &ret->age) = n;
    if (n >= most)
        refuse(c, rate ? "'%.*s' is no rate in basis points" : "'%.*s' is no age in intervals", value);
    return n < most;
}

/* Cuts "@over=30d@aged=2" off the end of *name. */
static bool take_qualifiers(struct scope_ctx *c, struct slice *name, struct measure_ref *ret)
{
    const char *mark = memchr(name->p, '@', name->n);
    struct slice rest =
        mark ? (struct slice){ mark + 1, (uint32_t)(name->p + name->n - mark - 1) } : (struct slice){ 0 };
    if (mark)
        name->n = (uint32_t)(mark - name->p);
    while (rest.n) {
        const char *next = memchr(rest.p, '@', rest.n);
        struct slice one = { rest.p, next ? (uint32_t)(next - rest.p) : rest.n };
        if (!take_qualifier(c, one, ret))
            return false;
        rest = next ? (struct slice){ next + 1, rest.n - one.n - 1 } : (struct slice){ 0 };
    }
    return true;
}

/* ---- slots ------------------------------------------------------------------------------------------------------------------------------------------ */

static bool same_ref(const struct measure_ref *a, const struct measure_ref *b)
{
    return a->measure == b->measure && a->part == b->part && a->at == b->at && a->whole == b->whole &&
           a->each_day == b->each_day && a->has_window == b->has_window && a->age == b->age &&
           a->periods == b->periods && a->rate_bp == b->rate_bp && strcmp(a->window.name, b->window.name) == 0;
}

static int ref_slot(struct scope_ctx *c, const struct measure_ref *ref)
{
    struct definitions *d = c->l->defs;
    for (uint32_t i = 0; i < d->n_refs; i++)
        if (same_ref(&d->ref[i], ref))
            return SLOT_REF + (int)i;
    struct measure_ref *v = realloc(d->ref, (d->n_refs + 1) * sizeof *v);
    if (!v) {
        report_memory(c->l);
        return -1;
    }
    d->ref = v;
    v[d->n_refs] = *ref;
    return SLOT_REF + (int)d->n_refs++;
}

/* Plain ones have slots of their own. */
static int slot_of(struct scope_ctx *c, const struct measure_ref *r)
{
    bool plain = !r->whole && !r->each_day && !r->periods && !r->has_window && r->part < PART_TRAILING;
    if (r->measure < 0)
        return plain && r->at == COMPARED_NOT ? SLOT_BUILTIN + r->part : ref_slot(c, r);
    int slot = r->measure * MEASURE_PARTS;
    if (plain && r->at == COMPARED_NOT)
        return slot + r->part;
    if (plain && r->at == COMPARED_ELAPSED && (r->part == PART_VALUE || r->part == PART_START))
        return slot + (r->part == PART_VALUE ? PART_PREV : PART_PREV_START);
    return ref_slot(c, r);
}

static int part_of(struct slice suffix)
{
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
        if (slice_eq(suffix, slice_of(parts[i].name)))
            return (int)parts[i].part;
    return -1;
}

static bool read_measure(struct scope_ctx *c, struct slice name, struct measure_ref *ret)
{
    struct slice id = name, suffix = { 0 };
    const char *dot = memchr(name.p, '.', name.n);
    if (dot) {
        id.n = (uint32_t)(dot - id.p);
        suffix = (struct slice){ dot + 1, (uint32_t)(name.p + name.n - dot - 1) };
    }
    const struct entry *e = section_find(c->l, SECTION_MEASURES, id);
    if (!e) {
        unknown_measure(c, id);
        return false;
    }
    ret->measure = (int)(e - c->l->section[SECTION_MEASURES].v);
    ret->part = dot ? part_of(suffix) : PART_VALUE;
    if (ret->part < 0) {
        unknown_part(c, suffix);
        return false;
    }
    if (ret->periods && (ret->each_day || ret->at != COMPARED_NOT || ret->part != PART_VALUE)) {
        refuse(c, "a reading period by period of '%.*s' takes no other prefix of time and no part", id);
        return false;
    }
    if (ret->each_day && !node_get(e->map, "derive")) {
        refuse(c, "'each_day.' is for derived measures, not '%.*s'", id);
        return false;
    }
    if (ret->part == PART_TRAILING && ret->at != COMPARED_LAST_DAY) {
        refuse(c, "'%.*s.trailing' is known at the ends of days: last_day.NAME.trailing", id);
        return false;
    }
    return part_fits(c, e, ret->part);
}

int resolve_measure(void *ctx, struct slice name)
{
    struct scope_ctx *c = ctx;
    struct measure_ref ref = { 0 };
    struct slice id = name;
    if (!take_qualifiers(c, &id, &ref))
        return -1;
    struct slice bare = id;
    while (take_prefix(&id, &ref))
        ;
    bool plain = id.n == name.n;
    if (!plain && c->scope != SCOPE_FORMULA)
        return refuse(c, "'%.*s' is for the formulas of KPIs", bare);
    ref.measure = -1;
    ref.part = c->scope != SCOPE_DURATION ? find_word(id, builtins) : -1;
    if (ref.part < 0 && !read_measure(c, id, &ref))
        return -1;
    return slot_of(c, &ref);
}
