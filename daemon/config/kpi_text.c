/* A KPI's formula for people: the YAML's texts, brackets and line ends put right. What is computed comes from kpis.c. */
#include "loader.h"

/* Runs of blanks become one. */
static void put_line(struct text *t, struct slice s)
{
    bool gap = false;
    for (uint32_t i = 0; i < s.n; i++) {
        bool blank = s.p[i] == ' ' || s.p[i] == '\n' || s.p[i] == '\t';
        if (!blank)
            text_put(t, gap ? " %c" : "%c", s.p[i]);
        gap = blank;
    }
}

/* Whether a part needs brackets beside a division: a sum, a difference, a comparison outside of any bracket. */
static bool loose(struct slice s)
{
    int depth = 0;
    for (uint32_t i = 0; i < s.n; i++) {
        depth += (s.p[i] == '(') - (s.p[i] == ')');
        if (!depth && i && strchr("+-<>=", s.p[i]))
            return true;
    }
    return false;
}

static void put_part(struct text *t, const struct node *n, bool divisor)
{
    if (!n || n->kind != NODE_SCALAR)
        return;
    bool brackets = loose(n->text) || (divisor && memchr(n->text.p, '/', n->text.n));
    text_put(t, brackets ? "(" : "");
    put_line(t, n->text);
    text_put(t, brackets ? ")" : "");
}

static void put_one(struct text *t, const struct node *n)
{
    if (n && n->kind == NODE_SCALAR)
        put_line(t, n->text);
}

char *kpi_formula_text(struct loader *l, const struct node *kpi, enum kpi_form form)
{
    struct text t = { .l = l };
    const struct node *value = node_get(kpi, "value");
    if (form == KPI_DURATION || form == KPI_RANK) {
        text_put(&t, form == KPI_RANK ? "rank by " : "mean, p50, p90, p95, p99 of ");
        put_one(&t, node_get(kpi, "of"));
    } else if (value) {
        put_one(&t, value);
    } else {
        put_part(&t, node_get(kpi, "numerator"), false);
        text_put(&t, " / ");
        put_part(&t, node_get(kpi, "denominator"), true);
    }
    const struct node *extra = node_get(kpi, "extra");
    for (const struct node *k = extra ? extra->first : NULL; k; k = k->next) {
        text_put(&t, "; %s = ", k->text.p);
        put_one(&t, k->value);
    }
    return copy_text(l, (struct slice){ t.p, t.n });
}
