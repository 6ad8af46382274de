/* Measures: what is counted, over which facts. Those of agg distinct, sums .. first, then the derived ones in the order of their use. */
#include <stdlib.h>

#include "crmpulse/fact_slot.h"
#include "loader.h"

static const char *const measure_keys[] = { "fact",     "where", "agg",    "value", "at_least", "lifecycle",
                                            "trailing", "gauge", "derive", "note",  NULL };
static const char *const agg_words[] = {
    [AGG_COUNT] = "count", [AGG_SUM] = "sum",       [AGG_DURATION] = "duration",
    [AGG_MIN] = "min",     [AGG_MAX] = "max",       [AGG_DISTINCT] = "distinct",
    [AGG_LEVEL] = "level", [AGG_ACCRUE] = "accrue", [AGG_ACCRUE_WORK] = "accrue_work",
    [AGG_DERIVED] = NULL,
};

static int load_fact(struct loader *l, const struct entry *e)
{
    const struct node *n = require(l, e->key, e->map, "fact");
    struct slice name;
    if (!n || !value_text(l, n, &name))
        return -1;
    int type = fact_type_by_name(name);
    if (type >= 0)
        return type;
    struct suggest s;
    suggest_begin(&s, name);
    for (int i = 0; i < FACT_TYPE_COUNT; i++)
        suggest_try(&s, slice_of(fact_type_name((enum fact_type)i)));
    report(l, n, "unknown fact '%s'%s", name.p, suggest_text(&s));
    return -1;
}

/* A key that only one kind of measure has. */
static bool misplaced(struct loader *l, const struct entry *e, const char *key, bool allowed, const char *agg)
{
    const struct node *k = node_key(e->map, key);
    if (!k || allowed)
        return false;
    report(l, k, "'%s' is for measures with %s", key, agg);
    return true;
}

static void load_value(struct loader *l, struct entry *e, struct measure_def *m, struct text *canon)
{
    bool takes = m->agg != AGG_COUNT && m->agg != AGG_DISTINCT;
    const struct node *n = node_get(e->map, "value");
    struct formula f;
    if (misplaced(l, e, "value", takes, "agg sum, duration, min, max, level or accrue") || !takes)
        return;
    if (!n) {
        report(l, e->key, "'%s' lacks the key 'value'", e->id.p);
    } else if (formula_compile(l, n, SCOPE_FACT, &f)) {
        m->value = f.expr;
        e->switches |= f.switches;
        text_put(canon, ",value=%s", f.canonical);
    }
}

/* A number of days, or a switch that names one: part of the identity of those KPIs only that list the switch, as most do not read it. */
static void load_trailing(struct loader *l, struct entry *e, struct measure_def *m)
{
    uint64_t used = 0;
    const struct node *n = node_get(e->map, "trailing");
    struct slice text;
    uint32_t days = 0;
    if (!n || !formula_resolve(l, n, &text, &used))
        return;
    e->books |= used;
    if (text.n >= 2 && text.p[0] == '\'')
        text = (struct slice){ text.p + 1, text.n - 2 };
    for (uint32_t i = 0; i < text.n && days < 1000; i++)
        days = text.p[i] >= '0' && text.p[i] <= '9' ? days * 10 + (uint32_t)(text.p[i] - '0') : 1000;
    if (days < 1 || days > 366)
        report(l, n, "'%.*s' is no number of days: 1 to 366", (int)text.n, text.p);
    else
        m->trailing_days = days;
}

static void load_distinct(struct loader *l, struct entry *e, struct measure_def *m)
{
    const struct node *n;
    int64_t at_least = 1;
    m->at_least = 1;
    misplaced(l, e, "at_least", m->agg == AGG_DISTINCT, "agg distinct");
    misplaced(l, e, "lifecycle", m->agg == AGG_DISTINCT, "agg distinct");
    misplaced(l, e, "trailing", m->agg == AGG_DISTINCT, "agg distinct");
    load_trailing(l, e, m);
    if ((n = node_get(e->map, "at_least")) && value_int(l, n, 1, 2, &at_least))
        m->at_least = (uint32_t)at_least;
    if ((n = node_get(e->map, "lifecycle")))
        value_flag(l, n, &m->lifecycle);
}

static void load_gauge(struct loader *l, const struct entry *e, struct measure_def *m)
{
    bool asof = fact_type_asof(m->fact);
    bool transitions = m->fact == FACT_MEMBER_JOINED || m->fact == FACT_MEMBER_LEFT;
    const struct node *n = node_get(e->map, "gauge");
    m->gauge = asof && !transitions && m->agg != AGG_DISTINCT && m->agg != AGG_LEVEL;
    if (n && value_flag(l, n, &m->gauge) && m->gauge && !asof)
        report(l, n, "fact '%s' happens at a time: only as-of facts make gauges", fact_type_name(m->fact));
    if (m->gauge && m->agg != AGG_COUNT && m->agg != AGG_SUM)
        report(l, n ? n : e->key, "a gauge is a count or a sum");
    m->asof = asof || m->agg == AGG_DISTINCT;
    if (m->agg == AGG_LEVEL && asof)
        report(l, node_get(e->map, "fact"), "a level is made of steps: fact '%s' is a state as of now",
               fact_type_name(m->fact));
}

static void load_where(struct loader *l, struct entry *e, struct measure_def *m, struct text *canon)
{
    const struct node *n = node_get(e->map, "where");
    struct formula f;
    if (!n || !formula_compile(l, n, SCOPE_FACT, &f))
        return;
    m->where = f.expr;
    e->switches |= f.switches;
    text_put(canon, ",where=%s", f.canonical);
}

static void load_base(struct loader *l, struct entry *e, struct measure_def *m)
{
    const struct node *agg = require(l, e->key, e->map, "agg");
    int fact = load_fact(l, e), a = agg ? value_choice(l, agg, agg_words, "agg") : -1;
    struct text canon = { .l = l };
    text_put(&canon, "{fact=%s,agg=%s", fact < 0 ? "" : fact_type_name((enum fact_type)fact),
             a < 0 ? "" : agg_words[a]);
    load_where(l, e, m, &canon);
    if (fact < 0 || a < 0)
        return;
    m->fact = (enum fact_type)fact;
    m->agg = (enum agg)a;
    load_value(l, e, m, &canon);
    load_distinct(l, e, m);
    load_gauge(l, e, m);
    text_put(&canon, ",at_least=%u,lifecycle=%d,gauge=%d}", m->at_least, m->lifecycle, m->gauge);
    e->formula = canon.p;
    e->books |= e->switches;
}

static void load_derived(struct loader *l, struct entry *e, struct measure_def *m);

static void load_used(struct loader *l, struct entry *e, const struct measure_def *m, const struct formula *f)
{
    struct text canon = { .l = l };
    uint32_t n;
    const int *slot = expr_slots(m->derived, &n);
    text_put(&canon, "{derive=%s", f->canonical);
    for (uint32_t i = 0; i < n; i++) {
        int index = slot_measure(l->defs, slot[i]);
        if (index < 0)
            continue; /* a builtin, named in the formula itself */
        struct entry *used = &l->section[SECTION_MEASURES].v[index];
        load_derived(l, used, &l->defs->measure[index]);
        if (used->visit == 1)
            report(l, node_get(e->map, "derive"), "'%s' is derived from itself by way of '%s'", e->id.p, used->id.p);
        e->switches |= used->switches;
        text_put(&canon, ",%s%s", used->id.p, used->visit == 2 && used->formula ? used->formula : "");
    }
    text_put(&canon, "}");
    e->formula = canon.p;
}

static void load_derived(struct loader *l, struct entry *e, struct measure_def *m)
{
    static const char *const keys[] = { "derive", "note", NULL };
    const struct node *n = node_get(e->map, "derive");
    struct formula f;
    if (e->visit || !n)
        return;
    e->visit = 1;
    check_keys(l, e->map, keys, "a derived measure");
    m->agg = AGG_DERIVED;
    if (formula_compile(l, n, SCOPE_DERIVED, &f)) {
        m->derived = f.expr;
        e->switches |= f.switches;
        formula_note(l, e, &f);
        load_used(l, e, m, &f);
    }
    e->visit = 2;
}

void measures_load(struct loader *l)
{
    struct section *s = &l->section[SECTION_MEASURES];
    l->defs->measure = calloc(s->n ? s->n : 1, sizeof(*l->defs->measure));
    if (!l->defs->measure) {
        report_memory(l);
        return;
    }
    l->defs->n_measures = s->n;
    for (uint32_t i = 0; i < s->n; i++) {
        l->defs->measure[i].id = copy_text(l, s->v[i].id);
        l->defs->measure[i].at_least = 1;
        if (node_get(s->v[i].map, "derive"))
            continue;
        check_keys(l, s->v[i].map, measure_keys, "a measure");
        load_base(l, &s->v[i], &l->defs->measure[i]);
        s->v[i].visit = 2;
    }
    for (uint32_t i = 0; i < s->n; i++)
        load_derived(l, &s->v[i], &l->defs->measure[i]);
    for (uint32_t i = 0; i < s->n; i++)
        l->defs->measure[i].dims = 1u << DIM_ORG;
}
