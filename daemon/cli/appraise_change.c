/* The sections `before_after`, `trend`, `pyramid` and `eva`. */
#include <string.h>

#include "appraise.h"
#include "crmpulse/before_after.h"
#include "crmpulse/pyramid.h"

static bool read_rate(struct plan *p, const struct node *key, struct rate_sample *ret)
{
    static const char *const known[] = { "hits", "n", NULL };
    const struct node *hits = require(p->l, key, key->value, "hits"), *n = require(p->l, key, key->value, "n");
    check_keys(p->l, key->value, known, "a rate");
    if (!hits || !n || !value_int(p->l, n, 0, INT64_MAX, &ret->n))
        return false;
    return value_int(p->l, hits, 0, ret->n, &ret->hits);
}

static bool read_mean(struct plan *p, const struct node *key, struct mean_sample *ret)
{
    static const char *const known[] = { "mean", "sd", "n", NULL };
    const struct node *n = require(p->l, key, key->value, "n");
    check_keys(p->l, key->value, known, "a mean");
    return n && value_int(p->l, n, 0, INT64_MAX, &ret->n) &&
           plan_number(p, key, key->value, "mean", NULL, -1e300, 1e300, &ret->mean) &&
           plan_number(p, key, key->value, "sd", NULL, 0, 1e150, &ret->sd);
}

static bool read_change(struct plan *p, const struct node *key, bool *ret_rates, struct change *ret)
{
    static const char *const known[] = { "better", "before", "after", NULL };
    static const char *const directions[] = { "higher", "lower", NULL };
    const struct node *map = want_map(p->l, key->value, "a comparison");
    if (!map)
        return false;
    check_keys(p->l, map, known, "a comparison");
    const struct node *before = node_key(map, "before"), *after = node_key(map, "after"),
                      *better = node_get(map, "better");
    int lower = better ? value_choice(p->l, better, directions, "direction") : 0;
    if (!require(p->l, key, map, "before") || !require(p->l, key, map, "after") || lower < 0 ||
        !want_map(p->l, before->value, "a sample") || !want_map(p->l, after->value, "a sample"))
        return false;
    struct rate_sample rate[2];
    struct mean_sample mean[2];
    *ret_rates = node_get(before->value, "hits") != NULL;
    if (*ret_rates ? !read_rate(p, before, &rate[0]) || !read_rate(p, after, &rate[1])
                   : !read_mean(p, before, &mean[0]) || !read_mean(p, after, &mean[1]))
        return false;
    *ret = *ret_rates ? change_of_rates(rate[0], rate[1], lower) : change_of_means(mean[0], mean[1], lower);
    return true;
}

static void put_change(struct plan *p, const struct node *key, bool rates, const struct change *c)
{
    struct figure before = { .is_null = c->values_null, .value = c->before };
    struct figure after = { .is_null = c->values_null, .value = c->after };
    struct figure relative = { .is_null = c->relative_is_null, .value = c->relative };
    struct figure percent = { .is_null = c->relative_is_null, .value = 100 * c->relative };
    struct figure statistic = { .is_null = c->statistic_is_null, .value = c->statistic };
    char b1[32], b2[32], b3[32], b4[32];
    json_text_open(&p->json, '{');
    plan_json_text(p, "name", key->text.p);
    plan_json_figure(p, "before", before);
    plan_json_figure(p, "after", after);
    plan_json_figure(p, "relative", relative);
    plan_json_figure(p, rates ? "z" : "t", statistic);
    plan_json_text(p, "verdict", change_verdict_name(c->verdict));
    json_text_close(&p->json, '}');
    fprintf(p->text, "  %-24.*s %10s -> %10s  %7s %%  %s %7s  %s\n", (int)key->text.n, key->text.p,
            plan_figure_text(before, 3, b1), plan_figure_text(after, 3, b2), plan_figure_text(percent, 1, b3),
            rates ? "z" : "t", plan_figure_text(statistic, 3, b4), change_verdict_name(c->verdict));
    svg_chart_group(&p->chart, key->text);
    svg_chart_bar(&p->chart, SLICE("before"), before.value, b1);
    svg_chart_bar(&p->chart, SLICE("after"), after.value, b2);
}

void appraise_before_after(struct plan *p, const struct node *key)
{
    if (!want_map(p->l, key->value, "comparisons by name"))
        return;
    json_text_key(&p->json, "before_after");
    json_text_open(&p->json, '[');
    fputs("Before and after\n", p->text);
    for (const struct node *k = key->value->first; k; k = k->next) {
        struct change c;
        bool rates;
        if (read_change(p, k, &rates, &c))
            put_change(p, k, rates, &c);
    }
    fputc('\n', p->text);
    json_text_close(&p->json, ']');
}

static void put_trend(struct plan *p, const struct node *key, const double *value, uint32_t n)
{
    struct trend t = trend_of(value, n);
    struct figure slope = { .is_null = t.is_null, .value = t.slope }, z = { .is_null = t.is_null, .value = t.z };
    char b1[32], b2[32], label[16];
    json_text_open(&p->json, '{');
    plan_json_text(p, "name", key->text.p);
    plan_json_number(p, "cycles", t.n);
    plan_json_figure(p, "slope", slope);
    plan_json_number(p, "s", t.s);
    plan_json_figure(p, "z", z);
    plan_json_text(p, "direction", trend_direction_name(t.direction));
    json_text_close(&p->json, '}');
    fprintf(p->text, "  %-24.*s slope %s per cycle, S %d, z %s: %s\n", (int)key->text.n, key->text.p,
            plan_figure_text(slope, 4, b1), t.s, plan_figure_text(z, 3, b2), trend_direction_name(t.direction));
    svg_chart_group(&p->chart, key->text);
    for (uint32_t i = 0; i < n; i++) {
        snprintf(label, sizeof(label), "%u", i + 1);
        plan_bar(p, arena_copy(&p->arena, slice_of(label)), value[i], 3);
    }
}

void appraise_trend(struct plan *p, const struct node *key)
{
    if (!want_map(p->l, key->value, "series by name"))
        return;
    json_text_key(&p->json, "trend");
    json_text_open(&p->json, '[');
    fputs("Trend of the last closed cycles\n", p->text);
    for (const struct node *k = key->value->first; k; k = k->next) {
        double value[PLAN_LIST_MAX];
        uint32_t n;
        if (plan_numbers(p, k->value, 0, PLAN_LIST_MAX, value, &n))
            put_trend(p, k, value, n);
    }
    fputc('\n', p->text);
    json_text_close(&p->json, ']');
}

void appraise_pyramid(struct plan *p, const struct node *key)
{
    const char *known[PYRAMID_NODES - PYRAMID_QUALITY + 1] = { 0 };
    struct pyramid_score score[PYRAMID_NODES] = { 0 };
    bool ok = true;
    if (!want_map(p->l, key->value, "the scores of quality, delivery, cycle_time and waste"))
        return;
    for (int i = PYRAMID_QUALITY; i < PYRAMID_NODES; i++) {
        const char *name = known[i - PYRAMID_QUALITY] = pyramid_node_name((enum pyramid_node)i);
        const struct node *n = node_get(key->value, name);
        score[i].is_null = !n || (n->kind == NODE_SCALAR && slice_eq(n->text, SLICE("null")));
        if (!score[i].is_null)
            ok &= plan_number(p, key, key->value, name, NULL, 0, 1000, &score[i].score);
    }
    check_keys(p->l, key->value, known, "pyramid");
    if (!ok || pyramid_scores_up(NULL, score) != 0)
        return;
    json_text_key(&p->json, "pyramid");
    json_text_open(&p->json, '{');
    fputs("Performance pyramid\n", p->text);
    svg_chart_group(&p->chart, SLICE("Performance pyramid"));
    for (int i = 0; i < PYRAMID_NODES; i++) {
        struct figure f = { .is_null = score[i].is_null, .value = score[i].score };
        const char *name = pyramid_node_name((enum pyramid_node)i);
        char buf[32];
        plan_json_figure(p, name, f);
        fprintf(p->text, "  level %u %-14s %s\n", pyramid_level((enum pyramid_node)i), name,
                plan_figure_text(f, 2, buf));
        svg_chart_bar(&p->chart, slice_of(name), f.value, buf);
    }
    fputc('\n', p->text);
    json_text_close(&p->json, '}');
}

static void put_eva(struct plan *p, const struct eva *r, double scale)
{
    const struct {
        const char *name;
        int64_t micros;
    } row[] = { { "nopat", r->nopat_micros }, { "capital_charge", r->charge_micros }, { "eva", r->eva_micros } };
    json_text_key(&p->json, "eva");
    json_text_open(&p->json, '{');
    plan_json_number(p, "wacc", r->wacc);
    fprintf(p->text, "Economic value added\n  %-16s %.4f\n", "wacc", r->wacc);
    svg_chart_group(&p->chart, SLICE("Economic value added"));
    for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
        double value = (double)row[i].micros / 1e6 / scale;
        plan_json_number(p, row[i].name, value);
        fprintf(p->text, "  %-16s %.2f\n", row[i].name, value);
        plan_bar(p, slice_of(row[i].name), value, 2);
    }
    fputc('\n', p->text);
    json_text_close(&p->json, '}');
}

void appraise_eva(struct plan *p, const struct node *key)
{
    static const char *const known[] = { "operating_profit", "tax_rate", "equity",
                                         "equity_cost_rate", "debt",     "debt_cost_rate",
                                         "invested_capital", "days",     NULL };
    const struct node *map = want_map(p->l, key->value, "profit, capital and their rates");
    const double year = 365;
    double days;
    struct eva_input in;
    if (!map)
        return;
    check_keys(p->l, map, known, "eva");
    bool ok = plan_money(p, key, map, "operating_profit", 1, &in.operating_profit_micros);
    ok &= plan_money(p, key, map, "equity", 1, &in.equity_micros);
    ok &= plan_money(p, key, map, "debt", 1, &in.debt_micros);
    ok &= plan_money(p, key, map, "invested_capital", 1, &in.invested_capital_micros);
    ok &= plan_number(p, key, map, "tax_rate", NULL, 0, 1, &in.tax_rate);
    ok &= plan_number(p, key, map, "equity_cost_rate", NULL, -1, 10, &in.equity_cost_rate);
    ok &= plan_number(p, key, map, "debt_cost_rate", NULL, -1, 10, &in.debt_cost_rate);
    ok &= plan_number(p, key, map, "days", &year, 1, 3660, &days);
    if (!ok)
        return;
    in.days = (int32_t)days;
    struct eva r = eva_evaluate(&in);
    if (r.is_null)
        report(p->l, key, "no capital, or an amount that is too large");
    else
        put_eva(p, &r, 1);
}
