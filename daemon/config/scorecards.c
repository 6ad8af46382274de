/* Scorecards: weighted KPIs with score curves and bands. Weights, curves and bands are checked here, scores are formed by the evaluator. */
#include <math.h>
#include <stdlib.h>

#include "loader.h"

enum { ITEMS_MAX = 64, WHOLE_BP = 10000 };

static const char *const curve_words[] = {
    [CURVE_LINEAR] = "linear", [CURVE_RATIO] = "ratio", [CURVE_STEP] = "step", NULL
};
static const char *const missing_words[] = {
    [MISSING_EXCLUDE] = "exclude", [MISSING_HOLD] = "hold", [MISSING_ZERO] = "zero", NULL
};

/* ---- runs of intervals: steps of a curve, bands of a card ------------------------------------------------------------------------------------- */

struct interval {
    const struct node *node;
    struct slice name; /* bands */
    double from, to;   /* to: INFINITY if not given */
    double score;      /* steps */
};

struct run {
    struct loader *l;
    const char *what; /* "step", "band" */
    enum unit unit;
    double whole_to; /* the last one must reach this */
    uint32_t n, max;
    struct interval v[STEPS_MAX];
};

_Static_assert((int)STEPS_MAX >= (int)BANDS_MAX, "a run holds either");

static bool run_number(struct run *r, const struct node *n, double *ret)
{
    if (n->kind == NODE_SCALAR && number_of(n->text, r->unit, ret))
        return true;
    report(r->l, n, "expected a number%s", r->unit == UNIT_MS ? " or a duration" : "");
    return false;
}

static void run_add(struct run *r, struct interval i)
{
    if (r->n < r->max) {
        r->v[r->n++] = i;
        return;
    }
    report(r->l, i.node, "more than %u %ss", r->max, r->what);
}

static int compare_intervals(const void *pa, const void *pb)
{
    const struct interval *a = pa, *b = pb;
    return (a->from > b->from) - (a->from < b->from);
}

/* Sorted ascending; every value belongs to exactly one interval. */
static void run_check(struct run *r, const struct node *all)
{
    struct loader *l = r->l;
    if (!r->n) {
        report(l, all, "at least one %s is needed", r->what);
        return;
    }
    qsort(r->v, r->n, sizeof(*r->v), compare_intervals);
    if (r->v[0].from > 0)
        report(l, r->v[0].node, "values below %g belong to no %s: start at 0 (or -.inf)", r->v[0].from, r->what);
    for (uint32_t i = 0; i < r->n; i++) {
        const struct interval *a = &r->v[i], *b = i + 1 < r->n ? &r->v[i + 1] : NULL;
        if (a->to <= a->from)
            report(l, a->node, "a %s ends after it starts", r->what);
        else if (b && a->from == b->from)
            report(l, b->node, "two %ss start at %g", r->what, b->from);
        else if (b && isfinite(a->to) && a->to < b->from)
            report(l, b->node, "gap between %g and %g: values in it belong to no %s", a->to, b->from, r->what);
        else if (b && isfinite(a->to) && a->to > b->from)
            report(l, b->node, "%ss overlap between %g and %g", r->what, b->from, a->to);
        else if (!b && a->to < r->whole_to)
            report(l, a->node, "values from %g on belong to no %s", a->to, r->what);
    }
}

/* {0: 0, 0.6: 60} or [[0, 0.6, 0], [0.6, 1, 60]]: from and score, or from, to and score. */
static void load_steps(struct run *r, const struct node *n)
{
    for (const struct node *k = n->first; k; k = k->next) {
        struct interval i = { .node = k, .to = INFINITY };
        if (n->kind == NODE_MAP) {
            if (run_number(r, k, &i.from) && value_double(r->l, k->value, &i.score))
                run_add(r, i);
            continue;
        }
        const struct node *from = k->kind == NODE_LIST ? k->first : NULL, *to = from ? from->next : NULL,
                          *score = to ? to->next : NULL;
        if (!score || score->next)
            report(r->l, k, "expected [from, to, score]");
        else if (run_number(r, from, &i.from) && run_number(r, to, &i.to) && value_double(r->l, score, &i.score))
            run_add(r, i);
    }
}

/* {A: 95, B: 85} or {A: [95, 100], B: [85, 95]}. */
static void load_band_run(struct run *r, const struct node *n)
{
    for (const struct node *k = n->first; k; k = k->next) {
        struct interval i = { .node = k, .name = k->text, .to = INFINITY };
        const struct node *from = k->value, *to = NULL;
        if (k->value->kind == NODE_LIST) {
            from = k->value->first;
            to = from ? from->next : NULL;
            if (!to || to->next) {
                report(r->l, k->value, "expected [from, to]");
                continue;
            }
        }
        if (run_number(r, from, &i.from) && (!to || run_number(r, to, &i.to)))
            run_add(r, i);
    }
}

/* ---- curves ----------------------------------------------------------------------------------------------------------------------------------- */

static bool curve_number(struct loader *l, const struct node *map, const char *key, enum unit unit, double *ret)
{
    const struct node *n = node_get(map, key);
    if (!n)
        return false;
    if (n->kind == NODE_SCALAR && number_of(n->text, unit, ret))
        return true;
    report(l, n, "expected a number%s", unit == UNIT_MS ? " or a duration" : "");
    return false;
}

static void load_step_curve(struct loader *l, const struct node *key, enum unit unit, struct score_curve *c)
{
    static const char *const edges[] = { "from_inclusive", "from_exclusive", NULL };
    const struct node *n = require(l, key, key->value, "steps"), *edge = node_get(key->value, "edge");
    if (edge)
        c->edge_exclusive = value_choice(l, edge, edges, "edge") == 1;
    if (!n)
        return;
    if (n->kind == NODE_SCALAR) {
        report(l, n, "expected steps: {from: score, ..}");
        return;
    }
    struct run r = { .l = l, .what = "step", .unit = unit, .whole_to = INFINITY, .max = STEPS_MAX };
    load_steps(&r, n);
    run_check(&r, n);
    for (uint32_t i = 0; i < r.n; i++) {
        c->step[i].from = r.v[i].from;
        c->step[i].score = r.v[i].score;
    }
    c->n_steps = r.n;
}

static void load_curve(struct loader *l, const struct node *key, enum unit unit, struct score_curve *c)
{
    const struct node *map = key->value, *n = node_get(map, "curve");
    int i = n ? value_choice(l, n, curve_words, "curve") : CURVE_LINEAR;
    c->curve = i < 0 ? CURVE_LINEAR : (enum curve)i;
    c->cap = 1;
    bool cap = curve_number(l, map, "cap", UNIT_RATIO, &c->cap);
    if (cap && !(c->cap > 0))
        report(l, node_get(map, "cap"), "cap must be above 0");
    if (c->curve == CURVE_STEP) {
        load_step_curve(l, key, unit, c);
        return;
    }
    const struct node *steps = node_key(map, "steps");
    if (steps)
        report(l, steps, "'steps' is for curve: step");
    bool goal = curve_number(l, map, "goal", unit, &c->goal), floor = curve_number(l, map, "floor", unit, &c->floor);
    if (!goal && !node_get(map, "goal"))
        report(l, key, "'%s' lacks the key 'goal'", key->text.p);
    if (c->curve == CURVE_RATIO && goal && !(c->goal > 0))
        report(l, node_get(map, "goal"), "the goal of a ratio curve must be above 0");
    if (c->curve == CURVE_LINEAR && !floor && !node_get(map, "floor"))
        report(l, key, "'%s' lacks the key 'floor'", key->text.p);
    if (c->curve == CURVE_LINEAR && goal && floor && c->goal == c->floor)
        report(l, node_get(map, "goal"), "floor and goal are the same (%g): no score can be formed", c->goal);
}

/* ---- perspectives and their KPIs ---------------------------------------------------------------------------------------------------------------- */

struct card {
    struct loader *l;
    struct scorecard_def *s;
};

static int64_t load_weight(struct loader *l, const struct node *key)
{
    const struct node *n = key->value->kind == NODE_MAP ? require(l, key, key->value, "weight") : NULL;
    int64_t weight = -1;
    return n && value_int(l, n, 0, WHOLE_BP, &weight) ? weight : -1;
}

static void check_sum(struct loader *l, const struct node *at, int64_t sum, bool complete, const char *of)
{
    if (complete && sum != WHOLE_BP)
        report(l, at, "the weights of %s sum to %lld basis points, not %d", of, (long long)sum, WHOLE_BP);
}

static void load_item(struct card *c, const struct node *key, const struct node *perspective, int64_t perspective_bp,
                      int64_t kpi_bp)
{
    static const char *const keys[] = { "weight", "window", "curve",       "floor", "goal", "cap",
                                        "steps",  "edge",   "min_samples", "stat",  "note", NULL };
    struct loader *l = c->l;
    if (c->s->n_items == ITEMS_MAX) {
        report(l, key, "more than %d KPIs in a scorecard", ITEMS_MAX);
        return;
    }
    struct scorecard_item *item = &c->s->item[c->s->n_items++];
    const struct node *n;
    check_keys(l, key->value, keys, "a scorecard's KPI");
    item->perspective = copy_text(l, perspective->text);
    item->perspective_bp = (int32_t)perspective_bp;
    item->kpi_bp = (int32_t)kpi_bp;
    item->kpi = section_index(l, SECTION_KPIS, key, "KPI");
    const struct kpi_def *kpi = item->kpi < 0 ? NULL : &l->defs->kpi[item->kpi];
    if ((n = require(l, key, key->value, "window")))
        value_window(l, n, &item->window);
    if ((n = node_get(key->value, "min_samples")))
        value_int(l, n, 0, INT64_MAX / 2, &item->min_samples);
    if ((n = node_get(key->value, "stat")))
        value_stat(l, n, kpi, &item->stat);
    load_curve(l, key, kpi ? kpi->unit : UNIT_MS, &item->score);
}

static int64_t load_perspective(struct card *c, const struct node *key)
{
    static const char *const keys[] = { "weight", "kpis", "note", NULL };
    struct loader *l = c->l;
    if (!want_map(l, key->value, "a perspective"))
        return -1;
    check_keys(l, key->value, keys, "a perspective");
    int64_t weight = load_weight(l, key), sum = 0;
    const struct node *kpis = require(l, key, key->value, "kpis"), *kpis_key = node_key(key->value, "kpis");
    bool complete = true;
    if (!kpis || !want_map(l, kpis, "KPIs with their weights"))
        return weight;
    for (const struct node *k = kpis->first; k; k = k->next) {
        int64_t w = want_map(l, k->value, "a KPI's weight and curve") ? load_weight(l, k) : -1;
        complete = complete && w >= 0;
        sum += w;
        if (k->value->kind == NODE_MAP)
            load_item(c, k, key, weight, w);
    }
    check_sum(l, kpis_key, sum, complete, "a perspective's KPIs");
    return weight;
}

static void load_perspectives(struct card *c, const struct entry *e)
{
    const struct node *map = require(c->l, e->key, e->map, "perspectives");
    int64_t sum = 0;
    bool complete = true;
    if (!map || !want_map(c->l, map, "perspectives"))
        return;
    c->s->item = calloc(ITEMS_MAX, sizeof(*c->s->item));
    if (!c->s->item) {
        report_memory(c->l);
        return;
    }
    for (const struct node *k = map->first; k; k = k->next) {
        int64_t w = load_perspective(c, k);
        complete = complete && w >= 0;
        sum += w;
    }
    check_sum(c->l, node_key(e->map, "perspectives"), sum, complete, "the perspectives");
}

/* ---- the card ----------------------------------------------------------------------------------------------------------------------------------- */

static void add_band(struct scorecard_def *s, struct loader *l, double from, struct slice name)
{
    s->band[s->n_bands].from = from;
    s->band[s->n_bands++].name = copy_text(l, name);
}

static void load_bands(struct loader *l, const struct entry *e, struct scorecard_def *s)
{
    static const struct {
        double from;
        char name[2];
    } usual[] = { { 95, "A" }, { 85, "B" }, { 70, "C" }, { 60, "D" }, { 0, "E" } };
    const struct node *n = node_get(e->map, "bands");
    if (!n) {
        for (size_t i = 0; i < sizeof(usual) / sizeof(*usual); i++)
            add_band(s, l, usual[i].from, slice_of(usual[i].name));
        return;
    }
    struct run r = { .l = l, .what = "band", .unit = UNIT_SCORE, .whole_to = 100, .max = BANDS_MAX };
    if (!want_map(l, n, "bands: {name: from, ..}"))
        return;
    load_band_run(&r, n);
    run_check(&r, n);
    for (uint32_t i = r.n; i; i--)
        add_band(s, l, r.v[i - 1].from, r.v[i - 1].name);
}

static void load_version(struct loader *l, const struct entry *e, struct scorecard_def *s)
{
    const struct node *n = require(l, e->key, e->map, "version");
    struct slice text;
    if (n && value_text(l, n, &text))
        s->version = copy_text(l, text);
    s->effective_from_ms = INT64_MIN;
    if ((n = node_get(e->map, "effective_from")) && value_text(l, n, &text) &&
        time_parse(NULL, text, &s->effective_from_ms) < 0)
        report(l, n, "expected a date (2025-01-01) or a time (2025-01-01T00:00:00Z), not '%s'", text.p);
}

static void load_scorecard(struct loader *l, struct entry *e, struct scorecard_def *s)
{
    static const char *const keys[] = { "version",      "effective_from", "dim",  "missing", "min_coverage",
                                        "perspectives", "bands",          "note", NULL };
    struct card c = { l, s };
    const struct node *n;
    int i;
    check_keys(l, e->map, keys, "a scorecard");
    s->id = copy_text(l, e->id);
    load_version(l, e, s);
    if ((n = require(l, e->key, e->map, "dim")))
        value_dim(l, n, &s->dim);
    if ((n = node_get(e->map, "missing")) && (i = value_choice(l, n, missing_words, "missing")) >= 0)
        s->missing = (enum missing_policy)i;
    s->min_coverage = 0.6;
    if ((n = node_get(e->map, "min_coverage")) && value_double(l, n, &s->min_coverage) &&
        !(s->min_coverage >= 0 && s->min_coverage <= 1))
        report(l, n, "min_coverage is a share: 0 to 1");
    load_perspectives(&c, e);
    load_bands(l, e, s);
}

void scorecards_load(struct loader *l)
{
    struct section *s = &l->section[SECTION_SCORECARDS];
    l->defs->scorecard = calloc(s->n ? s->n : 1, sizeof(*l->defs->scorecard));
    if (!l->defs->scorecard) {
        report_memory(l);
        return;
    }
    l->defs->n_scorecards = s->n;
    for (uint32_t i = 0; i < s->n; i++)
        load_scorecard(l, &s->v[i], &l->defs->scorecard[i]);
}
