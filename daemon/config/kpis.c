/* KPIs: formula, unit, windows, dimensions. Their values are formed by the evaluator. */
#include <stdlib.h>

#include "loader.h"

static const char *const kpi_keys[] = { "title",     "title_zh", "perspective", "form",        "unit",
                                        "direction", "empty",    "numerator",   "denominator", "value",
                                        "samples",   "of",       "extra",       "flags",       "ties",
                                        "windows",   "dims",     "switches",    "note",        NULL };
static const char *const form_words[] = {
    [KPI_RATIO] = "ratio", [KPI_VALUE] = "value", [KPI_DURATION] = "duration", [KPI_RANK] = "rank", NULL
};
const char *const unit_words[] = {
    [UNIT_RATIO] = "ratio", [UNIT_COUNT] = "count", [UNIT_MICROS] = "micros", [UNIT_MS] = "ms",
    [UNIT_SCORE] = "score", [UNIT_DAYS] = "days",   [UNIT_MONTHS] = "months", NULL
};
static const char *const direction_words[] = {
    [DIRECTION_UP] = "up", [DIRECTION_DOWN] = "down", [DIRECTION_NEUTRAL] = "neutral", NULL
};
static const char *const perspective_words[] = { "F", "C", "I", "L", NULL };
static const char *const empty_words[] = { "null", "0", "zero", NULL };

struct kpi_loader {
    struct loader *l;
    struct entry *e;
    struct kpi_def *k;
    struct text canon;
};

static struct expr *load_formula(struct kpi_loader *k, const char *key, bool needed)
{
    const struct node *n = node_get(k->e->map, key);
    struct formula f;
    if (!n && needed)
        report(k->l, k->e->key, "'%s' lacks the key '%s'", k->e->id.p, key);
    if (!n || !formula_compile(k->l, n, SCOPE_FORMULA, &f))
        return NULL;
    k->e->switches |= f.switches;
    formula_note(k->l, k->e, &f);
    text_put(&k->canon, "|%s=%s", key, f.canonical);
    return f.expr;
}

static void refuse_keys(struct kpi_loader *k, const char *const *keys)
{
    for (int i = 0; keys[i]; i++) {
        const struct node *key = node_key(k->e->map, keys[i]);
        if (key)
            report(k->l, key, "'%s' has no place in a KPI of form %s", keys[i], form_words[k->k->form]);
    }
}

static void load_ratio(struct kpi_loader *k)
{
    static const char *const foreign[] = { "of", NULL };
    refuse_keys(k, foreign);
    k->k->numerator = load_formula(k, "numerator", true);
    k->k->denominator = load_formula(k, "denominator", true);
    k->k->value = load_formula(k, "value", false);
}

static void load_value(struct kpi_loader *k)
{
    static const char *const foreign[] = { "of", "denominator", NULL };
    refuse_keys(k, foreign);
    k->k->numerator = load_formula(k, "numerator", false);
    k->k->value = load_formula(k, "value", true);
}

static void load_duration(struct kpi_loader *k)
{
    static const char *const foreign[] = { "numerator", "denominator", "value", NULL };
    const struct node *n = require(k->l, k->e->key, k->e->map, "of");
    struct formula f;
    refuse_keys(k, foreign);
    k->k->duration = -1;
    if (!n || !formula_compile(k->l, n, SCOPE_DURATION, &f))
        return;
    uint32_t count;
    const int *slot = expr_slots(f.expr, &count);
    if (count == 1 && slot_measure(k->l->defs, slot[0]) >= 0)
        k->k->duration = slot_measure(k->l->defs, slot[0]);
    else
        report(k->l, n, "expected the name of one duration measure");
    k->e->switches |= f.switches;
    formula_note(k->l, k->e, &f);
    text_put(&k->canon, "|of=%s", f.canonical);
    expr_free(f.expr);
}

/* A word, or a switch that names one. */
static void load_ties(struct kpi_loader *k)
{
    const struct node *n = node_get(k->e->map, "ties");
    struct slice text;
    if (!n || !formula_resolve(k->l, n, &text, &k->e->switches))
        return;
    if (text.n >= 2 && text.p[0] == '\'')
        text = (struct slice){ text.p + 1, text.n - 2 };
    int i = find_word(text, ties_words);
    if (i < 0)
        report(k->l, n, "unknown ties '%.*s' (one of: competition, dense, ordinal)", (int)text.n, text.p);
    else
        k->k->ties = (enum ties)i;
    text_put(&k->canon, "|ties=%d", i);
}

static void load_rank(struct kpi_loader *k)
{
    static const char *const foreign[] = { "numerator", "denominator", "value", "samples", NULL };
    const struct node *n = require(k->l, k->e->key, k->e->map, "of");
    refuse_keys(k, foreign);
    k->k->rank_of = n ? section_index(k->l, SECTION_KPIS, n, "KPI") : -1;
    if (k->k->rank_of >= 0)
        text_put(&k->canon, "|of=%s", n->text.p);
    load_ties(k);
}

static enum kpi_form form_of(struct kpi_loader *k)
{
    const struct node *n = node_get(k->e->map, "form");
    if (n) {
        int i = value_choice(k->l, n, form_words, "form");
        return i < 0 ? KPI_VALUE : (enum kpi_form)i;
    }
    const struct node *of = node_key(k->e->map, "of");
    if (of)
        report(k->l, of, "a KPI with 'of' says its form: duration or rank");
    return node_get(k->e->map, "denominator") || node_get(k->e->map, "numerator") ? KPI_RATIO : KPI_VALUE;
}

static int choice(struct kpi_loader *k, const char *key, const char *const *words, int otherwise)
{
    const struct node *n = node_get(k->e->map, key);
    int i = n ? value_choice(k->l, n, words, key) : -1;
    return i < 0 ? otherwise : i;
}

static void load_unit(struct kpi_loader *k)
{
    const struct node *n = require(k->l, k->e->key, k->e->map, "unit");
    struct slice text;
    if (!n || !formula_resolve(k->l, n, &text, &k->e->switches))
        return;
    struct node word = *n;
    word.text = text;
    int i = value_choice(k->l, &word, unit_words, "unit");
    if (i >= 0)
        k->k->unit = (enum unit)i;
}

static void load_titles(struct kpi_loader *k)
{
    const struct node *en = node_get(k->e->map, "title"), *zh = node_get(k->e->map, "title_zh");
    struct slice title = k->e->id;
    if (en && !value_text(k->l, en, &title))
        return;
    k->k->title_en = copy_text(k->l, title);
    if (!zh || value_text(k->l, zh, &title))
        k->k->title_zh = copy_text(k->l, title);
}

static void load_windows(struct kpi_loader *k)
{
    const struct node *n = require(k->l, k->e->key, k->e->map, "windows");
    if (!n || !want_list(k->l, n, "a list of windows"))
        return;
    for (const struct node *i = n->first; i; i = i->next) {
        struct window w;
        if (!value_window(k->l, i, &w))
            continue;
        bool twice = false;
        for (uint32_t j = 0; j < k->k->n_windows; j++)
            twice |= strcmp(k->k->window[j].name, w.name) == 0;
        if (twice)
            report(k->l, i, "window '%s' is listed twice", i->text.p);
        else if (k->k->n_windows == KPI_WINDOWS_MAX)
            report(k->l, i, "more than %d windows", KPI_WINDOWS_MAX);
        else
            k->k->window[k->k->n_windows++] = w;
    }
    if (!n->first)
        report(k->l, n, "a KPI has at least one window");
}

static void load_extras(struct kpi_loader *k, const char *name, bool flag)
{
    const struct node *n = node_get(k->e->map, name);
    if (!n || !want_map(k->l, n, flag ? "flags" : "extra columns"))
        return;
    for (const struct node *key = n->first; key; key = key->next) {
        struct formula f;
        if (k->k->n_extras == KPI_EXTRAS_MAX) {
            report(k->l, key, "more than %d extra columns and flags", KPI_EXTRAS_MAX);
            return;
        }
        if (!plain_id(key->text))
            report(k->l, key, "'%s' is no name of a column", key->text.p);
        if (!formula_compile(k->l, key->value, SCOPE_FORMULA, &f))
            continue;
        k->k->extra[k->k->n_extras++] = (struct kpi_extra){ copy_text(k->l, key->text), f.expr, flag };
        k->e->switches |= f.switches;
        formula_note(k->l, k->e, &f);
        text_put(&k->canon, "|%s=%s", key->text.p, f.canonical);
    }
}

/* Switches that trackers obey, not formulas: they too make another KPI. */
static void load_switches(struct kpi_loader *k)
{
    const struct node *n = node_get(k->e->map, "switches");
    if (!n || !want_list(k->l, n, "a list of switches"))
        return;
    for (const struct node *i = n->first; i; i = i->next) {
        int s = i->kind == NODE_SCALAR ? switch_find(k->l, i->text) : -1;
        struct suggest near;
        suggest_begin(&near, i->text);
        for (uint32_t j = 0; j < k->l->n_switches; j++)
            suggest_try(&near, k->l->switches[j].name);
        if (s < 0)
            report(k->l, i, "unknown switch '%s'%s", i->text.p ? i->text.p : "", suggest_text(&near));
        else
            k->e->switches |= (uint64_t)1 << s;
    }
}

/* T2: money comes from money, time from durations. */
static void check_unit(struct kpi_loader *k)
{
    const struct kpi_def *d = k->k;
    const struct expr *e = d->form == KPI_RATIO ? d->numerator : d->value;
    const struct node *unit = node_get(k->e->map, "unit");
    if (d->form == KPI_DURATION && unit && d->unit != UNIT_MS)
        report(k->l, unit, "a duration has the unit ms, not %s", unit_words[d->unit]);
    if ((d->form != KPI_RATIO && d->form != KPI_VALUE) || !e || !unit)
        return;
    uint32_t content = formula_content(k->l, e);
    if (d->unit == UNIT_MICROS && content && !(content & (CONTENT_MONEY | CONTENT_OTHER)))
        report(k->l, unit, "unit micros, but '%s' is built on %s, not on money", k->e->id.p,
               content & CONTENT_TIME ? "durations" : "counts");
    if (d->unit == UNIT_MS && content && !(content & (CONTENT_TIME | CONTENT_OTHER)))
        report(k->l, unit, "unit ms, but '%s' is built on no duration", k->e->id.p);
    if (d->unit == UNIT_COUNT && d->form == KPI_VALUE && (content & (CONTENT_MONEY | CONTENT_TIME)) &&
        !(content & (CONTENT_COUNT | CONTENT_OTHER)))
        report(k->l, unit, "unit count, but '%s' is built on %s", k->e->id.p,
               content & CONTENT_MONEY ? "money" : "durations");
}

static void load_kpi(struct loader *l, struct entry *e, struct kpi_def *def)
{
    static void (*const forms[])(struct kpi_loader *) = {
        [KPI_RATIO] = load_ratio, [KPI_VALUE] = load_value, [KPI_DURATION] = load_duration, [KPI_RANK] = load_rank
    };
    struct kpi_loader k = { .l = l, .e = e, .k = def, .canon = { .l = l } };
    check_keys(l, e->map, kpi_keys, "a KPI");
    def->id = copy_text(l, e->id);
    def->rank_of = def->duration = -1;
    load_titles(&k);
    const struct node *p = require(l, e->key, e->map, "perspective");
    int i = p ? value_choice(l, p, perspective_words, "perspective") : -1;
    def->perspective = i < 0 ? 'F' : perspective_words[i][0];
    def->form = form_of(&k);
    def->direction = (enum direction)choice(&k, "direction", direction_words, DIRECTION_UP);
    def->empty_zero = choice(&k, "empty", empty_words, 0) > 0;
    load_unit(&k);
    forms[def->form](&k);
    if (def->form != KPI_RANK)
        def->samples = load_formula(&k, "samples", false);
    load_extras(&k, "extra", false);
    load_extras(&k, "flags", true);
    load_windows(&k);
    const struct node *dims = require(l, e->key, e->map, "dims");
    if (dims)
        value_dims(l, dims, &def->dims);
    load_switches(&k);
    check_unit(&k);
    def->formula = kpi_formula_text(l, e->map, def->form);
    e->formula = k.canon.p ? k.canon.p : "";
}

/* A rank of a rank of itself cannot be formed. */
static void check_ranks(struct loader *l)
{
    for (uint32_t i = 0; i < l->defs->n_kpis; i++) {
        const struct kpi_def *k = &l->defs->kpi[i];
        if (k->form == KPI_RANK && k->rank_of >= 0 && l->defs->kpi[k->rank_of].form == KPI_RANK)
            report(l, node_get(l->section[SECTION_KPIS].v[i].map, "of"), "'%s' is a rank itself",
                   l->defs->kpi[k->rank_of].id);
    }
}

static void add_customers(struct loader *l)
{
    for (const struct node *n = l->by_customer ? l->by_customer->first : NULL; n; n = n->next) {
        int i = section_index(l, SECTION_KPIS, n, "KPI");
        if (i >= 0)
            l->defs->kpi[i].dims |= 1u << DIM_CUSTOMER;
    }
}

void kpis_load(struct loader *l)
{
    struct section *s = &l->section[SECTION_KPIS];
    l->defs->kpi = calloc(s->n ? s->n : 1, sizeof(*l->defs->kpi));
    if (!l->defs->kpi) {
        report_memory(l);
        return;
    }
    l->defs->n_kpis = s->n;
    for (uint32_t i = 0; i < s->n; i++)
        load_kpi(l, &s->v[i], &l->defs->kpi[i]);
    add_customers(l);
    check_ranks(l);
}

bool value_stat(struct loader *l, const struct node *n, const struct kpi_def *kpi, int *ret)
{
    static const char *const words[] = { "mean", "p50", "p90", "p95", "p99", NULL };
    static const int stats[] = { 0, 50, 90, 95, 99 };
    int i = value_choice(l, n, words, "stat");
    if (i < 0)
        return false;
    if (kpi && kpi->form != KPI_DURATION && i > 0) {
        report(l, n, "'%s' is no duration: it has no quantiles", kpi->id);
        return false;
    }
    *ret = stats[i];
    return true;
}

int kpi_reference(struct loader *l, const struct entry *e)
{
    const struct node *n = require(l, e->key, e->map, "kpi");
    return n ? section_index(l, SECTION_KPIS, n, "KPI") : -1;
}
