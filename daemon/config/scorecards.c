/* Scorecards: weighted KPIs with score curves and bands. Weights, curves and bands are checked here, scores are formed by the evaluator. */
#include <math.h>
#include <stdlib.h>

#include "crmpulse/pyramid.h"
#include "crmpulse/reweight.h"
#include "loader.h"

enum { ITEMS_MAX = SCORECARD_ITEMS_MAX, WHOLE_BP = 10000 };

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
    double pay;        /* bands; NAN if not given */
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

/* {A: 95, B: 85} or {A: [95, 100], B: [85, 95]} or {A: {from: 95, pay: 1.2}}. */
static void load_band_run(struct run *r, const struct node *n)
{
    for (const struct node *k = n->first; k; k = k->next) {
        struct interval i = { .node = k, .name = k->text, .to = INFINITY, .pay = NAN };
        const struct node *from = k->value, *to = NULL, *pay;
        if (k->value->kind == NODE_MAP) {
            static const char *const keys[] = { "from", "pay", NULL };
            check_keys(r->l, k->value, keys, "a band");
            if (!(from = require(r->l, k, k->value, "from")))
                continue;
            if ((pay = node_get(k->value, "pay")))
                value_double(r->l, pay, &i.pay);
        }
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
    bool also; /* reading those that only rewards read */
    uint32_t without_objective;
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
    static const char *const keys[] = { "weight", "window",  "curve",       "floor", "goal", "cap",
                                        "steps",  "edge",    "min_samples", "stat",  "note", "objective",
                                        "of",     "answers", "graded",      NULL };
    struct loader *l = c->l;
    if (c->s->n_items + c->s->n_also == ITEMS_MAX) {
        report(l, key, "more than %d KPIs in a scorecard", ITEMS_MAX);
        return;
    }
    struct scorecard_item *item = &c->s->item[c->s->n_items + c->s->n_also];
    uint32_t *counter = c->also ? &c->s->n_also : &c->s->n_items;
    *counter += 1;
    c->without_objective += !c->also && !node_get(key->value, "objective");
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
    card_load_membership(l, key, c->s, item);
    if (item->membership == MEMBERSHIP_CURVE)
        load_curve(l, key, kpi ? kpi->unit : UNIT_MS, &item->score);
}

/* `scale: {cac: 2}`: a phase of the company weighs some KPIs more; the others shrink, by largest remainder (4.2). */
static void scale_weights(struct card *c, const struct entry *e, uint32_t from)
{
    const struct node *scale = node_get(e->map, "scale");
    int32_t bp[ITEMS_MAX], factor[ITEMS_MAX], scaled[ITEMS_MAX];
    struct slice id[ITEMS_MAX];
    uint32_t n = c->s->n_items - from;
    bool any = false;
    for (uint32_t i = 0; i < n; i++) {
        const struct scorecard_item *item = &c->s->item[from + i];
        id[i] = item->kpi < 0 ? (struct slice){ 0 } : slice_of(c->l->defs->kpi[item->kpi].id);
        bp[i] = item->kpi_bp;
        factor[i] = 1;
        for (const struct node *k = scale && scale->kind == NODE_MAP ? scale->first : NULL; k; k = k->next) {
            int64_t f = 1;
            if (!slice_eq(k->text, id[i]))
                continue;
            any |= value_int(c->l, k->value, 0, 100, &f);
            factor[i] = (int32_t)f;
        }
    }
    if (any && reweight_scale(bp, factor, id, n, scaled) == 0)
        for (uint32_t i = 0; i < n; i++)
            c->s->item[from + i].kpi_bp = scaled[i];
}

/* What the even pyramid gives the nodes of its foot. */
static int64_t foot_weight(struct loader *l, const struct node *key)
{
    for (int i = PYRAMID_QUALITY; i < PYRAMID_NODES; i++)
        if (slice_eq(key->text, slice_of(pyramid_node_name((enum pyramid_node)i))))
            return i == PYRAMID_QUALITY || i == PYRAMID_WASTE ? 1250 : 3750;
    report(l, key, "'%s' is no node at the foot of the pyramid (quality, delivery, cycle_time, waste)", key->text.p);
    return -1;
}

static int64_t load_perspective(struct card *c, const struct entry *e, const struct node *key)
{
    static const char *const keys[] = { "weight", "kpis", "note", NULL };
    struct loader *l = c->l;
    uint32_t from = c->s->n_items;
    if (!want_map(l, key->value, "a perspective"))
        return -1;
    check_keys(l, key->value, keys, "a perspective");
    int64_t weight = c->s->pyramid ? foot_weight(l, key) : load_weight(l, key), sum = 0;
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
    if (complete && sum == WHOLE_BP)
        scale_weights(c, e, from);
    return weight;
}

static void load_perspectives(struct card *c, const struct entry *e)
{
    const struct node *pyramid = node_get(e->map, "pyramid");
    const struct node *map = pyramid ? pyramid : require(c->l, e->key, e->map, "perspectives");
    int64_t sum = 0;
    c->s->pyramid = pyramid;
    bool complete = true;
    if (!map || !want_map(c->l, map, "perspectives"))
        return;
    c->s->item = calloc(ITEMS_MAX, sizeof(*c->s->item));
    if (!c->s->item) {
        report_memory(c->l);
        return;
    }
    for (const struct node *k = map->first; k; k = k->next) {
        int64_t w = load_perspective(c, e, k);
        complete = complete && w >= 0;
        sum += w;
    }
    if (pyramid && complete && sum != WHOLE_BP)
        report(c->l, pyramid, "the foot of a pyramid has four nodes: quality, delivery, cycle_time, waste");
    else
        check_sum(c->l, node_key(e->map, "perspectives"), sum, complete, "the perspectives");
}

/* ---- the card ----------------------------------------------------------------------------------------------------------------------------------- */

static void add_band(struct scorecard_def *s, struct loader *l, double from, double pay, struct slice name)
{
    s->has_pay |= !isnan(pay);
    s->band[s->n_bands].from = from;
    s->band[s->n_bands].pay = isnan(pay) ? 1 : pay;
    s->band[s->n_bands++].name = copy_text(l, name);
}

static void load_bands(struct loader *l, const struct entry *e, struct scorecard_def *s)
{
    static const struct {
        double from, pay;
        char name[2];
    } usual[] = { { 95, 1.2, "A" }, { 85, 1, "B" }, { 70, 0.8, "C" }, { 60, 0.5, "D" }, { 0, 0, "E" } };
    const struct node *n = node_get(e->map, "bands");
    if (s->fuzzy.on)
        return; /* its grades */
    if (!n) {
        for (size_t i = 0; i < sizeof(usual) / sizeof(*usual); i++)
            add_band(s, l, usual[i].from, usual[i].pay, slice_of(usual[i].name));
        return;
    }
    struct run r = { .l = l, .what = "band", .unit = UNIT_SCORE, .whole_to = 100, .max = BANDS_MAX };
    if (!want_map(l, n, "bands: {name: from, ..}"))
        return;
    load_band_run(&r, n);
    run_check(&r, n);
    for (uint32_t i = r.n; i; i--)
        add_band(s, l, r.v[i - 1].from, r.v[i - 1].pay, r.v[i - 1].name);
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
    s->effective_civil =
        s->effective_from_ms != INT64_MIN && !memchr(text.p, 'T', text.n) && memchr(text.p, '-', text.n);
}

/* ---- rewards -------------------------------------------------------------------------------------------------------------------------------------- */

static int card_item(const struct card *c, struct slice kpi)
{
    for (uint32_t i = 0; i < c->s->n_items + c->s->n_also; i++)
        if (c->s->item[i].kpi >= 0 && slice_eq(slice_of(c->l->defs->kpi[c->s->item[i].kpi].id), kpi))
            return (int)i;
    return -1;
}

/* "csat", "goal.cac", "score", "coverage" */
static int resolve_figure(void *ctx, struct slice name)
{
    const struct card *c = ctx;
    if (slice_eq(name, SLICE("score")))
        return CARD_SLOT_SCORE;
    if (slice_eq(name, SLICE("coverage")))
        return CARD_SLOT_COVERAGE;
    bool goal = name.n > 5 && memcmp(name.p, "goal.", 5) == 0;
    int item = card_item(c, goal ? (struct slice){ name.p + 5, name.n - 5 } : name);
    return item < 0 ? -1 : goal ? CARD_SLOT_GOAL + item : item;
}

static void load_reward(struct card *c, const struct node *map)
{
    static const char *const keys[] = { "name", "when", "points", "bands", "note", NULL };
    struct loader *l = c->l;
    struct expr_error error = { 0 };
    struct slice text;
    int64_t bands = 0;
    const struct node *n;
    if (!want_map(l, map, "a reward"))
        return;
    if (c->s->n_rewards == REWARDS_MAX) {
        report(l, map, "more than %d rewards", REWARDS_MAX);
        return;
    }
    struct card_reward *r = &c->s->reward[c->s->n_rewards++];
    check_keys(l, map, keys, "a reward");
    if ((n = require(l, map, map, "name")) && value_text(l, n, &text))
        r->name = copy_text(l, text);
    if ((n = node_get(map, "points")))
        value_double(l, n, &r->points);
    if ((n = node_get(map, "bands")) && value_int(l, n, -BANDS_MAX, BANDS_MAX, &bands))
        r->bands = (int32_t)bands;
    if (!(n = require(l, map, map, "when")) || !value_text(l, n, &text))
        return;
    r->text = copy_text(l, text);
    r->when = expr_compile(text, resolve_figure, c, &error);
    if (!r->when)
        report_inside(l, n, error.at,
                      "%s (names are the card's KPIs, those under 'also', goal.KPI, score and coverage)",
                      error.message);
}

static void load_rewards(struct card *c, const struct entry *e)
{
    const struct node *also = node_get(e->map, "also"), *list = node_get(e->map, "rewards");
    c->also = true;
    if (also && want_map(c->l, also, "KPIs that rewards read"))
        for (const struct node *k = also->first; k; k = k->next)
            if (want_map(c->l, k->value, "a window and a goal"))
                load_item(c, k, k, 0, 0);
    c->also = false;
    if (list && want_list(c->l, list, "rewards"))
        for (const struct node *n = list->first; n; n = n->next)
            load_reward(c, n);
}

/* ---- is it a good card? ------------------------------------------------------------------------------------------------------------------------------ */

static bool surveyed(const struct definitions *d, const struct expr *e)
{
    uint32_t n = 0;
    const int *slot = e ? expr_slots(e, &n) : NULL;
    for (uint32_t i = 0; i < n; i++)
        if (slot_measure(d, slot[i]) >= 0 && d->measure[slot_measure(d, slot[i])].fact == FACT_SURVEY &&
            d->measure[slot_measure(d, slot[i])].agg != AGG_DERIVED)
            return true;
    return false;
}

static bool at_least_quarter(const struct window *w)
{
    return (w->kind == WINDOW_PERIOD && w->period >= PERIOD_QUARTER) ||
           (w->kind == WINDOW_ROLLING && w->length_ms >= (int64_t)90 * 86400000);
}

static bool at_most_month(const struct window *w)
{
    return (w->kind == WINDOW_PERIOD && w->period <= PERIOD_MONTH) || w->kind == WINDOW_GAUGE ||
           (w->kind == WINDOW_ROLLING && w->length_ms <= (int64_t)31 * 86400000);
}

static bool one_perspective(const struct scorecard_def *s)
{
    for (uint32_t i = 1; i < s->n_items; i++)
        if (s->item[i].perspective && s->item[0].perspective &&
            strcmp(s->item[i].perspective, s->item[0].perspective) != 0)
            return false;
    return true;
}

/* The design principles of 4.2, as one warning that lists what a balanced card lacks; `checks: false` silences it. A card of one perspective is that of a
 * role and balances nothing. */
static void check_design(const struct card *c, const struct entry *e)
{
    uint32_t perspectives = 0, counted = 0, asked = 0, longs = 0, shorts = 0;
    static const char all[] = "FCIL";
    bool wanted = true;
    const struct node *off = node_get(e->map, "checks");
    if ((off && value_flag(c->l, off, &wanted) && !wanted) || one_perspective(c->s))
        return;
    for (uint32_t i = 0; i < c->s->n_items; i++) {
        const struct scorecard_item *item = &c->s->item[i];
        if (item->kpi < 0)
            return;
        const struct kpi_def *k = &c->l->defs->kpi[item->kpi];
        bool survey = surveyed(c->l->defs, k->numerator) || surveyed(c->l->defs, k->value);
        const char *p = memchr(all, k->perspective, 4);
        perspectives |= p ? 1u << (p - all) : 0;
        asked += survey;
        counted += !survey;
        longs += at_least_quarter(&item->window);
        shorts += at_most_month(&item->window);
    }
    struct text t = { .l = c->l };
    if (c->without_objective)
        text_put(&t, "; %u of its KPIs name no objective", c->without_objective);
    if (!(perspectives & 1) || perspectives == 1)
        text_put(&t, "; not both financial and other KPIs");
    if (!(perspectives & 2) || !(perspectives & 8))
        text_put(&t, "; nothing on %s", perspectives & 2 ? "employees" : "customers");
    if (perspectives != 15)
        text_put(&t, "; not all four perspectives");
    if (!counted || !asked)
        text_put(&t, "; nothing %s", counted ? "surveyed" : "counted");
    if (!longs || !shorts)
        text_put(&t, "; no window of %s", longs ? "a month or less" : "a quarter or more");
    if (t.n)
        report_warning(c->l, e->key, "scorecard '%s'%s", c->s->id, t.p);
}

static void load_scorecard(struct loader *l, struct entry *e, struct scorecard_def *s)
{
    static const char *const keys[] = { "version",      "effective_from", "dim",    "missing",  "min_coverage",
                                        "perspectives", "pyramid",        "bands",  "versions", "scale",
                                        "also",         "rewards",        "checks", "reason",   "note",
                                        "fuzzy",        "weights",        NULL };
    struct card c = { .l = l, .s = s };
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
    card_load_fuzzy(l, e->map, s);
    load_perspectives(&c, e);
    load_rewards(&c, e);
    card_load_panel(l, e->key, e->map, s);
    load_bands(l, e, s);
    check_design(&c, e);
}

/* Every version of a card is a definition of its own: the card's keys with the version's laid over them. */
static uint32_t count_versions(const struct section *s)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        const struct node *list = node_get(s->v[i].map, "versions");
        n += list && list->kind == NODE_LIST ? 0 : 1;
        for (const struct node *v = list && list->kind == NODE_LIST ? list->first : NULL; v; v = v->next)
            n++;
    }
    return n;
}

static void load_versions(struct loader *l, const struct entry *e)
{
    const struct node *list = node_get(e->map, "versions");
    if (!list || !want_list(l, list, "versions of the card")) {
        struct entry one = *e;
        load_scorecard(l, &one, &l->defs->scorecard[l->defs->n_scorecards++]);
        return;
    }
    for (struct node *v = list->first; v; v = v->next) {
        struct entry one = *e;
        if (!want_map(l, v, "a version"))
            continue;
        one.map = node_merge(&l->arena, e->map, v);
        if (one.map)
            load_scorecard(l, &one, &l->defs->scorecard[l->defs->n_scorecards++]);
        else
            report_memory(l);
    }
}

void scorecards_load(struct loader *l)
{
    struct section *s = &l->section[SECTION_SCORECARDS];
    l->defs->scorecard = calloc(count_versions(s) + 1u, sizeof(*l->defs->scorecard));
    if (!l->defs->scorecard) {
        report_memory(l);
        return;
    }
    for (uint32_t i = 0; i < s->n; i++)
        load_versions(l, &s->v[i]);
}
