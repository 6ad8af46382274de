/* Scorecards that are fuzzy evaluations, items that read what experts or customers say grade by grade, and weights from a panel. */
#include <stdlib.h>

#include "loader.h"

static const char *const operator_words[] = {
    [FUZZY_WEIGHTED] = "weighted", [FUZZY_MAX_MIN] = "max_min", [FUZZY_MAX_PRODUCT] = "max_product", NULL
};

static int measure_named(struct loader *l, const struct node *at, const char *id)
{
    int i = definitions_measure(l->defs, slice_of(id));
    if (i < 0)
        report(l, at, "this needs the measure '%s' of the catalogue", id);
    return i;
}

/* ---- fuzzy: {operator: weighted, grades: {excellent: 95, ..}} ---- */

static void add_grade(struct loader *l, struct scorecard_def *s, struct slice name, double value)
{
    uint32_t k = s->fuzzy.scale.n++;
    s->fuzzy.scale.value[k] = value;
    s->band[k].from = value;
    s->band[k].pay = 1;
    s->band[k].name = s->fuzzy.grade[k] = copy_text(l, name);
    s->n_bands = k + 1;
}

static void load_grades(struct loader *l, const struct node *grades, struct scorecard_def *s)
{
    bool ok = true;
    if (!want_map(l, grades, "grades, best first"))
        return;
    for (const struct node *k = grades->first; k && ok; k = k->next) {
        double value = 0;
        ok = s->fuzzy.scale.n < FUZZY_GRADES_MAX && value_double(l, k->value, &value);
        if (ok)
            add_grade(l, s, k->text, value);
    }
    if (!ok || !fuzzy_scale_ok(&s->fuzzy.scale))
        report(l, grades, "grades are 2 to %d names with falling values", FUZZY_GRADES_MAX);
}

void card_load_fuzzy(struct loader *l, const struct node *card, struct scorecard_def *s)
{
    static const char *const keys[] = { "operator", "grades", "note", NULL };
    static const char *const usual[] = { "excellent", "good", "fair", "poor" };
    const struct node *map = node_get(card, "fuzzy"), *n;
    if (!map || !want_map(l, map, "an operator and grades"))
        return;
    check_keys(l, map, keys, "fuzzy");
    s->fuzzy.on = true;
    int op = (n = node_get(map, "operator")) ? value_choice(l, n, operator_words, "operator") : FUZZY_WEIGHTED;
    s->fuzzy.operator= op<0 ? FUZZY_WEIGHTED : (enum fuzzy_operator)op;
    const struct fuzzy_scale scale = fuzzy_scale_default();
    if ((n = node_get(map, "grades")))
        load_grades(l, n, s);
    for (uint32_t k = 0; !n && k < scale.n; k++)
        add_grade(l, s, slice_of(usual[k]), scale.value[k]);
    if ((n = node_get(card, "bands")))
        report(l, n, "the bands of a fuzzy card are its grades");
    if ((n = node_get(card, "pyramid")))
        report(l, n, "a fuzzy card composes perspectives, no pyramid");
}

/* ---- items ---- */

static void load_graded(struct loader *l, const struct node *key, const struct node *n, struct scorecard_item *item)
{
    if (!slice_eq(key->text, SLICE("expert_grades")))
        report(l, n, "grades of experts are read of the KPI expert_grades");
    item->membership = MEMBERSHIP_GRADES;
    item->answers = measure_named(l, n, "expert_graded");
}

static void load_answers(struct loader *l, const struct node *n, struct scorecard_item *item)
{
    item->membership = MEMBERSHIP_ANSWERS;
    item->answers = section_index(l, SECTION_MEASURES, n, "measure");
    if (item->answers >= 0 &&
        (l->defs->measure[item->answers].agg != AGG_MAX || l->defs->measure[item->answers].fact != FACT_SURVEY))
        report(l, n, "answers are counted by a measure of surveys with agg: max, such as csat_answers");
}

void card_load_membership(struct loader *l, const struct node *key, const struct scorecard_def *s,
                          struct scorecard_item *item)
{
    const struct node *of = node_get(key->value, "of"), *answers = node_get(key->value, "answers"),
                      *graded = node_get(key->value, "graded"), *said = answers ? answers : graded;
    struct slice text;
    if (of && graded)
        report(l, of, "'graded' says already of what");
    if ((of || graded) && value_text(l, of ? of : graded, &text))
        item->of = copy_text(l, text);
    if (answers && graded)
        report(l, graded, "an item has either answers or grades");
    else if (said && !s->fuzzy.on)
        report(l, said, "only a fuzzy card has memberships: add 'fuzzy'");
    else if (answers)
        load_answers(l, answers, item);
    else if (graded)
        load_graded(l, key, graded, item);
}

/* ---- weights: {panel: ID} ---- */

/* The item behind those of the card makes a change of the panel one of the card. */
void card_load_panel(struct loader *l, const struct node *key, const struct node *card, struct scorecard_def *s)
{
    static const char *const keys[] = { "panel", "note", NULL };
    const struct node *map = node_get(card, "weights"), *n;
    struct slice text;
    if (!map || !want_map(l, map, "the panel of experts that the weights are from"))
        return;
    check_keys(l, map, keys, "weights");
    if (!(n = require(l, map, map, "panel")) || !value_text(l, n, &text))
        return;
    s->panel.bp = measure_named(l, n, "panel_weight_bp");
    s->panel.final = measure_named(l, n, "panel_weight_final");
    int kpi = definitions_kpi(l->defs, SLICE("expert_weight"));
    if (kpi < 0 || !s->item || s->n_items + s->n_also >= SCORECARD_ITEMS_MAX) {
        report(l, key, kpi < 0 ? "this needs the KPI expert_weight of the catalogue" : "too many KPIs in a scorecard");
        return;
    }
    s->panel.id = copy_text(l, text);
    struct scorecard_item *item = &s->item[s->n_items + s->n_also++];
    *item = (struct scorecard_item){ .kpi = kpi, .of = copy_text(l, text), .perspective = copy_text(l, text) };
    item->window = (struct window){ .kind = WINDOW_GAUGE, .name = "g" };
}
