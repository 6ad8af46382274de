/* Boards (rankings of subjects) and rules (alerts): reading and checking them. Ranking and judging are the evaluator's. */
#include <stdlib.h>

#include "loader.h"

static const char *const ties_words[] = {
    [TIES_COMPETITION] = "competition", [TIES_DENSE] = "dense", [TIES_ORDINAL] = "ordinal", NULL
};

static void load_board(struct loader *l, struct entry *e, struct board_def *b)
{
    static const char *const keys[] = { "kpi", "window", "dim", "ties", "top", "note", NULL };
    const struct node *n;
    int64_t top = 0;
    int ties;
    check_keys(l, e->map, keys, "a board");
    b->id = copy_text(l, e->id);
    b->kpi = kpi_reference(l, e);
    if ((n = require(l, e->key, e->map, "window")))
        value_window(l, n, &b->window);
    if ((n = require(l, e->key, e->map, "dim")))
        value_dim(l, n, &b->dim);
    if ((n = node_get(e->map, "ties")) && (ties = value_choice(l, n, ties_words, "ties")) >= 0)
        b->ties = (enum ties)ties;
    if ((n = node_get(e->map, "top")) && value_int(l, n, 0, 1000000, &top))
        b->top = (uint32_t)top;
}

void boards_load(struct loader *l)
{
    struct section *s = &l->section[SECTION_BOARDS];
    l->defs->board = calloc(s->n ? s->n : 1, sizeof(*l->defs->board));
    if (!l->defs->board) {
        report_memory(l);
        return;
    }
    l->defs->n_boards = s->n;
    for (uint32_t i = 0; i < s->n; i++)
        load_board(l, &s->v[i], &l->defs->board[i]);
}

/* ---- rules ------------------------------------------------------------------------------------------------------------------------------------ */

struct threshold {
    const struct node *node; /* NULL: not given or not understood */
    enum compare op;
    double value;
};

static bool below(enum compare op)
{
    return op == CMP_LT || op == CMP_LE;
}

static const char *const compare_words[] = { [CMP_LT] = "<", [CMP_LE] = "<=", [CMP_GT] = ">", [CMP_GE] = ">=", NULL };

/* "< 0.80", ">= 4h" */
static struct threshold threshold(struct loader *l, const struct node *n, enum unit unit)
{
    struct threshold t = { 0 };
    struct slice s;
    if (!n || !value_text(l, n, &s))
        return t;
    uint32_t op = (uint32_t)strspn(s.p, "<>="), value = op + (uint32_t)strspn(s.p + op, " ");
    int word = find_word((struct slice){ s.p, op }, compare_words);
    if (word < 0) {
        report(l, n, "expected a comparison (< <= > >=) and a number, not '%s'", s.p);
    } else if (!number_of((struct slice){ s.p + value, s.n - value }, unit, &t.value)) {
        report_inside(l, n, value, "expected a number%s, not '%s'", unit == UNIT_MS ? " or a duration" : "",
                      s.p + value);
    } else {
        t.op = (enum compare)word;
        t.node = n;
    }
    return t;
}

/* No value may fire and clear at once, and the clear threshold lies on the good side. */
static void check_clear(struct loader *l, const struct threshold *fire, const struct threshold *clear)
{
    if (below(fire->op) == below(clear->op)) {
        report(l, clear->node, "clear compares in the direction of fire (%s): it must be the other one",
               compare_words[fire->op]);
        return;
    }
    bool both_include = (fire->op == CMP_LE || fire->op == CMP_GE) && (clear->op == CMP_LE || clear->op == CMP_GE);
    bool crossed = below(fire->op) ? clear->value < fire->value : clear->value > fire->value;
    if (crossed || (both_include && clear->value == fire->value))
        report(l, clear->node, "a value can fire and clear at once: clear (%s %g) must lie %s fire (%s %g)",
               compare_words[clear->op], clear->value, below(fire->op) ? "above" : "below", compare_words[fire->op],
               fire->value);
}

static void check_critical(struct loader *l, const struct threshold *fire, const struct threshold *critical)
{
    bool milder = below(fire->op) ? critical->value > fire->value : critical->value < fire->value;
    if (critical->op != fire->op)
        report(l, critical->node, "critical must compare as fire does (%s)", compare_words[fire->op]);
    else if (milder)
        report(l, critical->node, "critical (%g) is reached before fire (%g)", critical->value, fire->value);
}

static void load_thresholds(struct loader *l, const struct entry *e, const struct kpi_def *kpi, struct rule_def *r)
{
    enum unit unit = kpi ? kpi->unit : UNIT_RATIO;
    static const enum compare other[] = { [CMP_LT] = CMP_GE, [CMP_LE] = CMP_GT, [CMP_GT] = CMP_LE, [CMP_GE] = CMP_LT };
    struct threshold fire = threshold(l, require(l, e->key, e->map, "fire"), unit);
    struct threshold clear = threshold(l, node_get(e->map, "clear"), unit);
    struct threshold critical = threshold(l, node_get(e->map, "critical"), unit);
    r->fire_op = fire.op;
    r->fire = fire.value;
    r->clear_op = clear.node ? clear.op : other[fire.op];
    r->clear = clear.node ? clear.value : fire.value;
    r->has_critical = critical.node;
    r->critical = critical.value;
    if (fire.node && clear.node)
        check_clear(l, &fire, &clear);
    if (fire.node && critical.node)
        check_critical(l, &fire, &critical);
}

static void load_rule(struct loader *l, struct entry *e, struct rule_def *r)
{
    static const char *const keys[] = { "kpi", "window",      "dims",  "fire", "clear", "critical",
                                        "for", "min_samples", "level", "stat", "note",  NULL };
    static const char *const levels[] = { "info", "warning", "critical", NULL };
    const struct node *n;
    int level = 1;
    check_keys(l, e->map, keys, "a rule");
    r->id = copy_text(l, e->id);
    r->kpi = kpi_reference(l, e);
    const struct kpi_def *kpi = r->kpi < 0 ? NULL : &l->defs->kpi[r->kpi];
    if ((n = require(l, e->key, e->map, "window")))
        value_window(l, n, &r->window);
    r->dims = 1u << DIM_ORG;
    if ((n = node_get(e->map, "dims")))
        value_dims(l, n, &r->dims);
    load_thresholds(l, e, kpi, r);
    if ((n = node_get(e->map, "stat")))
        value_stat(l, n, kpi, &r->stat);
    if ((n = node_get(e->map, "for")))
        value_duration(l, n, 0, (int64_t)366 * 86400000, &r->for_ms);
    if ((n = node_get(e->map, "min_samples")))
        value_int(l, n, 0, INT64_MAX / 2, &r->min_samples);
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
