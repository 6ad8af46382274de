/* Rules (alerts): reading and checking them. Judging is the evaluator's; the conditions themselves are read in conditions.c. */
#include <stdlib.h>

#include "conditions.h"

#define YEAR_MS (INT64_C(366) * 86400000)
#define DAY_MS  INT64_C(86400000)

/* ---- what a rule reads beside its own value --------------------------------------------------------------------------------------------------- */

static void load_read(struct rule_loader *x, const struct node *key)
{
    static const char *const keys[] = { "kpi", "window", "stat", "ago", "mean", "note", NULL };
    struct loader *l = x->l;
    struct rule_def *r = x->rule;
    const struct node *n;
    if (!want_map(l, key->value, "what is read"))
        return;
    if (r->n_reads == RULE_READS_MAX) {
        report(l, key, "a rule reads at most %d other values", RULE_READS_MAX);
        return;
    }
    if (!plain_id(key->text) || rule_name_is_taken(key->text))
        report(l, key, "'%s' cannot be a name here", key->text.p);
    check_keys(l, key->value, keys, "what is read");
    struct rule_read *read = &r->read[r->n_reads++];
    *read = (struct rule_read){ .name = copy_text(l, key->text), .kpi = -1, .own_window = true, .stat = r->stat };
    if ((n = node_get(key->value, "kpi")))
        read->kpi = section_index(l, SECTION_KPIS, n, "KPI");
    if ((n = node_get(key->value, "window")))
        read->own_window = !value_window(l, n, &read->window);
    const struct kpi_def *kpi = read->kpi >= 0 ? &l->defs->kpi[read->kpi] : x->kpi;
    if ((n = node_get(key->value, "stat")))
        value_stat(l, n, kpi, &read->stat);
    if ((n = node_get(key->value, "ago")))
        value_duration(l, n, 3600000, YEAR_MS, &read->ago_ms);
    if ((n = node_get(key->value, "mean")) && value_duration(l, n, DAY_MS, 60 * DAY_MS, &read->mean_ms) &&
        read->mean_ms % DAY_MS)
        report(l, n, "a mean is taken over whole days");
    if (read->own_window)
        read->window = r->window;
}

static void load_reads(struct rule_loader *x, const struct entry *e)
{
    const struct node *with = node_get(e->map, "with");
    if (!with || !want_map(x->l, with, "names with what they read"))
        return;
    for (const struct node *key = with->first; key; key = key->next)
        load_read(x, key);
}

/* ---- when it is judged ------------------------------------------------------------------------------------------------------------------------- */

/* "20%" of the window or cycle, or "72h" after the subject's first sample. */
static void load_after(struct rule_loader *x, const struct node *n)
{
    struct slice text;
    double share;
    if (!value_text(x->l, n, &text))
        return;
    if (text.n && text.p[text.n - 1] == '%') {
        struct slice number = { text.p, text.n - 1 };
        if (number_of(number, UNIT_RATIO, &share) && share >= 0 && share < 100)
            x->rule->after_share = share / 100;
        else
            report(x->l, n, "expected a share below 100%%, not '%s'", text.p);
        return;
    }
    value_duration(x->l, n, 0, YEAR_MS, &x->rule->after_ms);
}

static void load_milestones(struct rule_loader *x, const struct entry *e)
{
    const struct node *list = node_get(e->map, "milestones");
    struct rule_def *r = x->rule;
    if (!list || !want_list(x->l, list, "milestones in rising order"))
        return;
    for (const struct node *n = list->first; n; n = n->next) {
        double v;
        if (r->n_milestones == RULE_MILESTONES_MAX) {
            report(x->l, n, "more than %d milestones", RULE_MILESTONES_MAX);
            return;
        }
        if (!value_double(x->l, n, &v))
            continue;
        if (r->n_milestones && v <= r->milestone[r->n_milestones - 1])
            report(x->l, n, "milestones rise from one to the next");
        r->milestone[r->n_milestones++] = v;
    }
    if (!list->first)
        report(x->l, list, "at least one milestone is needed");
    for (size_t i = 0; i < 4; i++) {
        static const char *const foreign[] = { "fire", "clear", "critical", "page" };
        const struct node *key = node_key(e->map, foreign[i]);
        if (key)
            report(x->l, key, "a rule with milestones has no '%s'", foreign[i]);
    }
}

/* What counts as a sample where the KPI's own denominator is money: "txn_count". */
static void load_samples(struct rule_loader *x, const struct entry *e)
{
    const struct node *n = node_get(e->map, "samples");
    struct formula f;
    if (!n || !formula_compile(x->l, n, SCOPE_FORMULA, &f))
        return;
    x->rule->samples = f.expr;
    x->rule->samples_text = copy_text(x->l, slice_of(f.canonical));
}

static void load_timing(struct rule_loader *x, const struct entry *e)
{
    static const char *const judges[] = { "auto", "complete", "running", NULL };
    static const char *const changes[] = { "reset", "keep", NULL };
    struct loader *l = x->l;
    struct rule_def *r = x->rule;
    const struct node *n;
    int i;
    if ((n = node_get(e->map, "for")))
        value_duration(l, n, 0, YEAR_MS, &r->for_ms);
    if ((n = node_get(e->map, "min_samples")))
        value_int(l, n, 0, INT64_MAX / 2, &r->min_samples);
    load_samples(x, e);
    if ((n = node_get(e->map, "after")))
        load_after(x, n);
    if ((n = node_get(e->map, "mature")))
        value_duration(l, n, 0, YEAR_MS, &r->mature_ms);
    if ((n = node_get(e->map, "lag")) && value_duration(l, n, 3600000, YEAR_MS, &r->lag_ms) &&
        r->window.kind != WINDOW_ROLLING)
        report(l, n, "'lag' is for rolling windows");
    if ((n = node_get(e->map, "judge")) && (i = value_choice(l, n, judges, "judge")) >= 0)
        r->judge = (enum rule_judge)i;
    if ((n = node_get(e->map, "on_change")) && (i = value_choice(l, n, changes, "on_change")) >= 0)
        r->keep = i == 1;
    if (r->judge == RULE_JUDGE_COMPLETE && r->window.kind != WINDOW_PERIOD)
        report(l, node_get(e->map, "judge"), "only civil windows (d w m q h y) are ever complete");
}

/* ---- the rule ----------------------------------------------------------------------------------------------------------------------------------- */

static bool reads_prev(const struct expr *e)
{
    uint32_t n = 0;
    const int *slot = e ? expr_slots(e, &n) : NULL;
    for (uint32_t i = 0; i < n; i++)
        if (slot[i] < SLOT_BUILTIN &&
            (slot[i] % MEASURE_PARTS == PART_PREV || slot[i] % MEASURE_PARTS == PART_PREV_START))
            return true;
    return false;
}

/* Nothing is known of the window before the comparison window: such a rule would never fire. */
static void check_past(struct rule_loader *x)
{
    const struct rule_def *r = x->rule;
    if (!r->past_windows)
        return;
    if (x->kpi && (reads_prev(x->kpi->numerator) || reads_prev(x->kpi->denominator) || reads_prev(x->kpi->value)))
        report(x->l, node_get(x->e->map, "fire"),
               "'%s' compares with an earlier window itself: prev and mean4 have no value", x->kpi->id);
    if (r->window.kind == WINDOW_GAUGE || r->window.kind == WINDOW_SPAN)
        report(x->l, node_get(x->e->map, "window"),
               "window %s has none before it: read the past with 'with: {name: {ago: ..}}'", r->window.name);
}

/* Its score is that of complete cycles; the first KPI of the card stands for it where one is needed. */
static void load_card(struct rule_loader *x, const struct node *n)
{
    static const char *const foreign[] = { "kpi", "window", "stat", "with", "lag", "milestones", "samples" };
    struct rule_def *r = x->rule;
    r->kpi = -1;
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        const struct node *key = node_key(x->e->map, foreign[i]);
        if (key)
            report(x->l, key, "a rule on a scorecard has no '%s'", foreign[i]);
    }
    if (section_index(x->l, SECTION_SCORECARDS, n, "scorecard") < 0)
        return;
    r->scorecard = copy_text(x->l, n->text);
    for (uint32_t i = 0; i < x->l->defs->n_scorecards; i++)
        if (slice_eq(slice_of(x->l->defs->scorecard[i].id), n->text) && x->l->defs->scorecard[i].n_items)
            r->kpi = x->l->defs->scorecard[i].item[0].kpi;
    r->window = (struct window){ .kind = WINDOW_PERIOD, .period = PERIOD_MONTH, .name = "cycle" };
}

/* The KPI and window of a rule, or the scorecard whose score it judges. */
static void load_subject(struct rule_loader *x, struct entry *e)
{
    struct loader *l = x->l;
    struct rule_def *r = x->rule;
    const struct node *n;
    if ((n = node_get(e->map, "scorecard"))) {
        load_card(x, n);
        return;
    }
    r->kpi = kpi_reference(l, e);
    x->kpi = r->kpi < 0 ? NULL : &l->defs->kpi[r->kpi];
    if ((n = require(l, e->key, e->map, "window")))
        value_window(l, n, &r->window);
    if ((n = node_get(e->map, "stat")))
        value_stat(l, n, x->kpi, &r->stat);
}

static void load_rule(struct loader *l, struct entry *e, struct rule_def *r)
{
    static const char *const keys[] = { "kpi",     "window",    "dims",        "fire",  "clear",      "critical",
                                        "page",    "for",       "min_samples", "level", "stat",       "with",
                                        "after",   "mature",    "lag",         "judge", "milestones", "on_change",
                                        "samples", "scorecard", "note",        NULL };
    static const char *const levels[] = { "info", "warning", "critical", NULL };
    struct rule_loader x = { .l = l, .e = e, .rule = r };
    const struct node *n;
    int level = 1;
    check_keys(l, e->map, keys, "a rule");
    r->id = copy_text(l, e->id);
    load_subject(&x, e);
    r->dims = 1u << DIM_ORG;
    if ((n = node_get(e->map, "dims")))
        value_dims(l, n, &r->dims);
    load_reads(&x, e);
    load_timing(&x, e);
    load_milestones(&x, e);
    if (!r->n_milestones)
        conditions_load(&x);
    check_past(&x);
    if ((n = node_get(e->map, "level")))
        level = value_choice(l, n, levels, "level");
    r->level = copy_text(l, slice_of(levels[level < 0 ? 1 : level]));
}

void rules_load(struct loader *l)
{
    struct section *s = &l->section[SECTION_RULES];
    l->defs->rule = calloc(s->n ? s->n : 1, sizeof(*l->defs->rule));
    if (!l->defs->rule) {
        report_memory(l);
        return;
    }
    l->defs->n_rules = s->n;
    for (uint32_t i = 0; i < s->n; i++)
        load_rule(l, &s->v[i], &l->defs->rule[i]);
}
