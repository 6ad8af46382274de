/* Conditions of rules. A comparison is checked against its counterpart (no value may fire and clear at once); of an expression it is found out by trying
 * whether it fires when the value falls, which decides when civil windows are judged. */
#include "conditions.h"

#include <stdlib.h>

static const char *const names[] = { [RULE_VALUE] = "value",       [RULE_N] = "n",
                                     [RULE_PREV] = "prev",         [RULE_PREV_N] = "prev_n",
                                     [RULE_MEAN4] = "mean4",       [RULE_ELAPSED] = "elapsed",
                                     [RULE_BAND] = "band",         [RULE_PREV_BAND] = "prev_band",
                                     [RULE_COVERAGE] = "coverage", NULL };

static const char *const compare_words[] = { [CMP_LT] = "<", [CMP_LE] = "<=", [CMP_GT] = ">", [CMP_GE] = ">=", NULL };

struct condition {
    const struct node *node; /* NULL: not given or not understood */
    enum compare op;
    double value;
    struct expr *expr;
};

bool rule_name_is_taken(struct slice name)
{
    return find_word(name, names) >= 0;
}

static bool below(enum compare op)
{
    return op == CMP_LT || op == CMP_LE;
}

/* ---- reading ------------------------------------------------------------------------------------------------------------------------------------ */

struct resolver {
    struct rule_loader *x;
    struct suggest suggest;
    struct slice unknown; /* p NULL: none */
};

static int resolve(void *ctx, struct slice name)
{
    struct resolver *r = ctx;
    const struct rule_def *rule = r->x->rule;
    int slot = find_word(name, names);
    if (slot >= 0)
        return slot;
    for (uint32_t i = 0; i < rule->n_reads; i++)
        if (slice_eq(slice_of(rule->read[i].name), name))
            return RULE_READ + (int)i;
    suggest_begin(&r->suggest, name);
    for (int i = 0; names[i]; i++)
        suggest_try(&r->suggest, slice_of(names[i]));
    for (uint32_t i = 0; i < rule->n_reads; i++)
        suggest_try(&r->suggest, slice_of(rule->read[i].name));
    r->unknown = name;
    return -1;
}

static void note_past(struct rule_def *rule, const struct expr *e)
{
    uint32_t n;
    const int *slot = expr_slots(e, &n);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t windows = slot[i] == RULE_MEAN4 ? 4 : slot[i] == RULE_PREV || slot[i] == RULE_PREV_N ? 1 : 0;
        if (windows > rule->past_windows)
            rule->past_windows = windows;
    }
}

static struct expr *expression(struct rule_loader *x, const struct node *n, struct slice text)
{
    struct resolver r = { .x = x };
    struct expr_error error = { 0 };
    struct expr *e = expr_compile(text, resolve, &r, &error);
    if (e)
        note_past(x->rule, e);
    else if (r.unknown.p)
        report_inside(x->l, n, error.at, "unknown name '%.*s' in a condition%s", (int)r.unknown.n, r.unknown.p,
                      suggest_text(&r.suggest));
    else
        report_inside(x->l, n, error.at, "%s", error.message);
    return e;
}

/* "< 0.80", ">= 4h": a threshold in the unit of the KPI */
static void comparison(struct rule_loader *x, const struct node *n, struct slice s, struct condition *c)
{
    enum unit unit = x->kpi ? x->kpi->unit : UNIT_RATIO;
    uint32_t op = (uint32_t)strspn(s.p, "<>="), value = op + (uint32_t)strspn(s.p + op, " ");
    int word = find_word((struct slice){ s.p, op }, compare_words);
    if (word < 0) {
        report(x->l, n, "expected a comparison (< <= > >=) and a number, not '%s'", s.p);
    } else if (!number_of((struct slice){ s.p + value, s.n - value }, unit, &c->value)) {
        report_inside(x->l, n, value, "expected a number%s, not '%s'", unit == UNIT_MS ? " or a duration" : "",
                      s.p + value);
    } else {
        c->op = (enum compare)word;
        c->node = n;
    }
}

static struct condition condition(struct rule_loader *x, const struct node *n, char **ret_text)
{
    struct condition c = { 0 };
    struct slice s;
    if (!n || !value_text(x->l, n, &s))
        return c;
    *ret_text = copy_text(x->l, s);
    if (s.n && strchr("<>=", s.p[0])) {
        comparison(x, n, s, &c);
    } else if ((c.expr = expression(x, n, s))) {
        c.node = n;
    }
    return c;
}

/* ---- checks ------------------------------------------------------------------------------------------------------------------------------------- */

/* No value may fire and clear at once, and the clear threshold lies on the good side. */
static void check_clear(struct loader *l, const struct condition *fire, const struct condition *clear)
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

static void check_worse(struct loader *l, const struct condition *fire, const struct condition *worse, const char *what)
{
    bool milder = below(fire->op) ? worse->value > fire->value : worse->value < fire->value;
    if (worse->op != fire->op)
        report(l, worse->node, "%s must compare as fire does (%s)", what, compare_words[fire->op]);
    else if (milder)
        report(l, worse->node, "%s (%g) is reached before fire (%g)", what, worse->value, fire->value);
}

static bool comparable(const struct condition *a, const struct condition *b)
{
    return a->node && b->node && !a->expr && !b->expr;
}

/* A world in which everything is 1 but the value. */
static struct expr_value trial(void *ctx, int slot)
{
    const double *value = ctx;
    return (struct expr_value){ .type = EXPR_DOUBLE, .d = slot == RULE_VALUE || slot == RULE_BAND ? *value : 1 };
}

static bool falls(const struct expr *e)
{
    double low = -1e9, high = 1e9;
    return expr_true(expr_eval(e, trial, &low)) && !expr_true(expr_eval(e, trial, &high));
}

/* ---- all of a rule ------------------------------------------------------------------------------------------------------------------------------ */

static void load_worse(struct rule_loader *x, const struct condition *fire, const char *key, bool *has, double *value,
                       struct expr **expr, char **text)
{
    struct condition c = condition(x, node_get(x->e->map, key), text);
    *has = c.node;
    *value = c.value;
    *expr = c.expr;
    if (comparable(fire, &c))
        check_worse(x->l, fire, &c, key);
    else if (c.node && !c.expr && fire->expr)
        report(x->l, c.node, "fire is an expression: '%s' must be one too", key);
}

void conditions_load(struct rule_loader *x)
{
    static const enum compare other[] = { [CMP_LT] = CMP_GE, [CMP_LE] = CMP_GT, [CMP_GT] = CMP_LE, [CMP_GE] = CMP_LT };
    struct rule_def *r = x->rule;
    struct condition fire = condition(x, require(x->l, x->e->key, x->e->map, "fire"), &r->fire_text);
    const struct node *clear_node = node_get(x->e->map, "clear");
    struct condition clear = condition(x, clear_node, &r->clear_text);
    r->fire_op = fire.op;
    r->fire = fire.value;
    r->fire_expr = fire.expr;
    r->clear_op = clear.node ? clear.op : other[fire.op];
    r->clear = clear.node ? clear.value : fire.value;
    r->clear_expr = clear.expr;
    r->less = fire.expr && falls(fire.expr);
    if (comparable(&fire, &clear))
        check_clear(x->l, &fire, &clear);
    if (fire.expr && !clear_node)
        report(x->l, x->e->key, "'%s' lacks the key 'clear': fire is an expression", x->e->id.p);
    load_worse(x, &fire, "critical", &r->has_critical, &r->critical, &r->critical_expr, &r->critical_text);
    load_worse(x, &fire, "page", &r->has_page, &r->page, &r->page_expr, &r->page_text);
}
