/* The section `fuzzy`: a tree of items, each with a weight and either items below it, a score, or survey answers. */
#include <math.h>

#include "appraise.h"
#include "crmpulse/fuzzy.h"
#include "crmpulse/reweight.h"

enum { ITEMS_MAX = 512, LEVELS_MAX = 8 };

struct item {
    struct slice name;
    uint32_t level;
    double score; /* of an indicator; else not a number */
};

struct hierarchy {
    struct fuzzy_scale scale;
    struct slice grade[FUZZY_GRADES_MAX];
    enum fuzzy_operator op;
    uint32_t n;
    struct fuzzy_node node[ITEMS_MAX];
    struct item item[ITEMS_MAX];
};

static bool read_grades(struct plan *p, struct hierarchy *h, const struct node *grades)
{
    static const char *const names[] = { "excellent", "good", "fair", "poor" };
    h->scale = fuzzy_scale_default();
    for (uint32_t k = 0; k < h->scale.n; k++)
        h->grade[k] = slice_of(names[k]);
    if (!grades)
        return true;
    if (!want_map(p->l, grades, "grades, best first"))
        return false;
    h->scale.n = 0;
    for (const struct node *k = grades->first; k && h->scale.n < FUZZY_GRADES_MAX; k = k->next, h->scale.n++) {
        h->grade[h->scale.n] = k->text;
        if (!value_double(p->l, k->value, &h->scale.value[h->scale.n]))
            return false;
    }
    if (fuzzy_scale_ok(&h->scale) && plan_count(grades) == h->scale.n)
        return true;
    report(p->l, grades, "grades are 2 to %d names with falling values", FUZZY_GRADES_MAX);
    return false;
}

static bool read_items(struct plan *p, struct hierarchy *h, const struct node *owner, const struct node *items,
                       uint32_t parent);

static bool read_survey(struct plan *p, struct hierarchy *h, const struct node *survey, uint32_t at)
{
    double answers[FUZZY_GRADES_MAX];
    uint32_t n;
    if (!plan_numbers(p, survey, h->scale.n, FUZZY_GRADES_MAX, answers, &n))
        return false;
    if (fuzzy_of_survey(&h->scale, answers, h->node[at].row) == 0)
        return true;
    report(p->l, survey, "a survey has answers, and none is negative");
    return false;
}

static bool read_item(struct plan *p, struct hierarchy *h, const struct node *key, uint32_t at)
{
    static const char *const known[] = { "weight", "score", "survey", "items", NULL };
    const struct node *map = want_map(p->l, key->value, "an item with its weight");
    if (!map)
        return false;
    check_keys(p->l, map, known, "an item");
    const struct node *score = node_get(map, "score"), *survey = node_get(map, "survey"),
                      *items = node_get(map, "items");
    if (!score + !survey + !items != 2) {
        report(p->l, key, "'%s' needs one of score, survey and items", key->text.p);
        return false;
    }
    h->item[at].score = NAN;
    h->node[at].is_leaf = !items;
    if (items)
        return read_items(p, h, key, items, at);
    if (survey)
        return read_survey(p, h, survey, at);
    if (!plan_number(p, key, map, "score", NULL, -1e9, 1e9, &h->item[at].score))
        return false;
    fuzzy_of_score(&h->scale, h->item[at].score, h->node[at].row);
    return true;
}

/* A node and then all below it, so that parents stand before their children. */
static bool read_items(struct plan *p, struct hierarchy *h, const struct node *owner, const struct node *items,
                       uint32_t parent)
{
    int64_t sum = 0;
    bool ok = true;
    if (!want_map(p->l, items, "items by name"))
        return false;
    for (const struct node *k = items->first; k; k = k->next) {
        int64_t bp = 0;
        const struct node *weight = k->value->kind == NODE_MAP ? require(p->l, k, k->value, "weight") : NULL;
        if (h->n == ITEMS_MAX || h->item[parent].level == LEVELS_MAX) {
            report(p->l, k, "more than %d items or %d levels", ITEMS_MAX, LEVELS_MAX);
            return false;
        }
        ok &= weight && value_int(p->l, weight, 0, WEIGHT_TOTAL_BP, &bp);
        sum += bp;
        uint32_t at = h->n++;
        h->node[at] = (struct fuzzy_node){ .parent = parent, .weight = (double)bp };
        h->item[at] = (struct item){ .name = k->text, .level = h->item[parent].level + 1 };
        ok &= read_item(p, h, k, at);
    }
    if (ok && sum != WEIGHT_TOTAL_BP) {
        report(p->l, owner, "the weights below '%s' sum to %lld, not %d basis points", owner->text.p, (long long)sum,
               WEIGHT_TOTAL_BP);
        return false;
    }
    return ok;
}

static void put_verdict(struct plan *p, const struct hierarchy *h, const struct fuzzy_verdict *v)
{
    char buf[32];
    struct figure alpha = { .is_null = v->alpha_is_null, .value = v->alpha };
    plan_json_number(p, "score", v->score);
    plan_json_text(p, "largest", h->grade[v->largest].p);
    plan_json_figure(p, "alpha", alpha);
    plan_json_text(p, "grade", h->grade[v->grade].p);
    json_text_key(&p->json, "by_score");
    json_text_bool(&p->json, v->by_score);
    fprintf(p->text, "score %.4f, largest membership %s, validity %s: grade %s%s\n\n", v->score, h->grade[v->largest].p,
            plan_figure_text(alpha, 4, buf), h->grade[v->grade].p, v->by_score ? " (by the score)" : "");
}

static void put_items(struct plan *p, const struct hierarchy *h)
{
    json_text_key(&p->json, "items");
    json_text_open(&p->json, '[');
    fprintf(p->text, "  %-32s %9s", "", "weight bp");
    for (uint32_t k = 0; k < h->scale.n; k++)
        fprintf(p->text, " %10.10s", h->grade[k].p);
    fputc('\n', p->text);
    for (uint32_t i = 0; i < h->n; i++) {
        const struct item *item = &h->item[i];
        json_text_open(&p->json, '{');
        plan_json_text(p, "name", item->name.p);
        plan_json_number(p, "level", item->level);
        plan_json_number(p, "weight_bp", h->node[i].weight);
        plan_json_numbers(p, "membership", h->node[i].row, h->scale.n);
        json_text_close(&p->json, '}');
        fprintf(p->text, "  %*s%-*.*s %9.0f", (int)item->level * 2, "", 32 - (int)item->level * 2, (int)item->name.n,
                item->name.p, h->node[i].weight);
        for (uint32_t k = 0; k < h->scale.n; k++)
            fprintf(p->text, " %10.4f", h->node[i].row[k]);
        fputc('\n', p->text);
    }
    json_text_close(&p->json, ']');
}

static void put_chart(struct plan *p, const struct hierarchy *h)
{
    svg_chart_group(&p->chart, SLICE("Membership per grade"));
    for (uint32_t k = 0; k < h->scale.n; k++)
        plan_bar(p, h->grade[k], h->node[0].row[k], 4);
    svg_chart_group(&p->chart, SLICE("Score"));
    for (uint32_t i = 0; i < h->n; i++)
        if (h->item[i].level <= 1)
            plan_bar(p, h->item[i].name, fuzzy_judge(&h->scale, h->node[i].row).score, 2);
}

void appraise_fuzzy(struct plan *p, const struct node *key)
{
    static const char *const known[] = { "operator", "grades", "items", NULL };
    static const char *const operators[] = { "weighted", "max_min", "max_product", NULL };
    const struct node *map = want_map(p->l, key->value, "a fuzzy evaluation");
    struct hierarchy *h = arena_alloc(&p->arena, sizeof(*h));
    if (!map || !h)
        return;
    check_keys(p->l, map, known, "fuzzy");
    const struct node *op = node_get(map, "operator"), *items = require(p->l, key, map, "items");
    int chosen = op ? value_choice(p->l, op, operators, "operator") : FUZZY_WEIGHTED;
    *h = (struct hierarchy){ .n = 1, .node[0].weight = WEIGHT_TOTAL_BP, .item[0] = { SLICE("total"), 0, NAN } };
    bool ok = read_grades(p, h, node_get(map, "grades")) && items && read_items(p, h, key, items, 0);
    if (!ok || chosen < 0)
        return;
    if (fuzzy_evaluate(&h->scale, (enum fuzzy_operator)chosen, h->node, h->n) != 0) {
        report(p->l, key, "some level has no membership at all");
        return;
    }
    struct fuzzy_verdict v = fuzzy_judge(&h->scale, h->node[0].row);
    json_text_key(&p->json, "fuzzy");
    json_text_open(&p->json, '{');
    plan_json_text(p, "operator", operators[chosen]);
    plan_json_numbers(p, "membership", h->node[0].row, h->scale.n);
    fprintf(p->text, "Fuzzy evaluation (%s)\n", operators[chosen]);
    put_items(p, h);
    put_verdict(p, h, &v);
    put_chart(p, h);
    json_text_close(&p->json, '}');
}
