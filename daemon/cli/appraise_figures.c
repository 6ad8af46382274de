/* The sections `turnover`, `goals_down` and `measures_up`: plain figures of the domain specification 4.5 and 4.6. */
#include "appraise.h"
#include "crmpulse/pyramid.h"
#include "crmpulse/reweight.h"

static void put_turnover(struct plan *p, const struct node *key, struct figure times)
{
    char b1[32], b2[32];
    struct figure days = turnover_days(times);
    json_text_open(&p->json, '{');
    plan_json_text(p, "name", key->text.p);
    plan_json_figure(p, "times_per_year", times);
    plan_json_figure(p, "days", days);
    json_text_close(&p->json, '}');
    fprintf(p->text, "  %-24.*s %s times a year (%s days)\n", (int)key->text.n, key->text.p,
            plan_figure_text(times, 3, b1), plan_figure_text(days, 1, b2));
    plan_bar(p, key->text, times.value, 3);
}

void appraise_turnover(struct plan *p, const struct node *key)
{
    static const char *const known[] = { "flow", "start", "end", "days", NULL };
    const double year = 365;
    if (!want_map(p->l, key->value, "turnovers by name"))
        return;
    json_text_key(&p->json, "turnover");
    json_text_open(&p->json, '[');
    fputs("Turnover\n", p->text);
    svg_chart_group(&p->chart, SLICE("Turnover, times a year"));
    for (const struct node *k = key->value->first; k; k = k->next) {
        const struct node *map = want_map(p->l, k->value, "a flow and the balances at start and end");
        int64_t flow, start, end;
        double days;
        if (!map)
            continue;
        check_keys(p->l, map, known, "a turnover");
        bool ok = plan_money(p, k, map, "flow", 1, &flow);
        ok &= plan_money(p, k, map, "start", 1, &start);
        ok &= plan_money(p, k, map, "end", 1, &end);
        ok &= plan_number(p, k, map, "days", &year, 1, 3660, &days);
        if (ok)
            put_turnover(p, k, turnover(flow, start, end, (int32_t)days));
    }
    fputc('\n', p->text);
    json_text_close(&p->json, ']');
}

/* ---- goals down ---- */

static bool read_shares(struct plan *p, const struct node *shares, struct slice *name, int64_t *ret, uint32_t *ret_n)
{
    bool ok = want_map(p->l, shares, "shares by name");
    *ret_n = 0;
    for (const struct node *k = ok ? shares->first : NULL; k; k = k->next) {
        if (*ret_n == WEIGHT_ITEMS_MAX) {
            report(p->l, k, "more than %d shares", WEIGHT_ITEMS_MAX);
            return false;
        }
        name[*ret_n] = k->text;
        ok &= value_int(p->l, k->value, 0, 1000000000, &ret[*ret_n]);
        ++*ret_n;
    }
    return ok;
}

static void put_parts(struct plan *p, const struct node *key, const struct slice *name, const int64_t *part, uint32_t n)
{
    json_text_key(&p->json, key->text.p);
    json_text_open(&p->json, '{');
    fprintf(p->text, "  %.*s\n", (int)key->text.n, key->text.p);
    svg_chart_group(&p->chart, key->text);
    for (uint32_t i = 0; i < n; i++) {
        double value = (double)part[i] / 1e6;
        plan_json_number(p, name[i].p, value);
        fprintf(p->text, "    %-22.*s %.6f\n", (int)name[i].n, name[i].p, value);
        plan_bar(p, name[i], value, 6);
    }
    json_text_close(&p->json, '}');
}

void appraise_goals_down(struct plan *p, const struct node *key)
{
    static const char *const known[] = { "goal", "shares", NULL };
    struct slice name[WEIGHT_ITEMS_MAX];
    int64_t share[WEIGHT_ITEMS_MAX], part[WEIGHT_ITEMS_MAX], goal;
    uint32_t n;
    if (!want_map(p->l, key->value, "goals by name"))
        return;
    json_text_key(&p->json, "goals_down");
    json_text_open(&p->json, '{');
    fputs("Goals down\n", p->text);
    for (const struct node *k = key->value->first; k; k = k->next) {
        const struct node *map = want_map(p->l, k->value, "a goal and its shares");
        if (!map)
            continue;
        check_keys(p->l, map, known, "a goal");
        const struct node *shares = require(p->l, k, map, "shares");
        if (!plan_money(p, k, map, "goal", 1, &goal) || !shares || !read_shares(p, shares, name, share, &n))
            continue;
        if (pyramid_goal_down(goal, share, n, part) != 0)
            report(p->l, shares, "nothing to split by");
        else
            put_parts(p, k, name, part, n);
    }
    fputc('\n', p->text);
    json_text_close(&p->json, '}');
}

/* ---- measures up ---- */

static bool read_ratio(struct plan *p, const struct node *n, struct pyramid_ratio *ret)
{
    if (!want_list(p->l, n, "[numerator, denominator]"))
        return false;
    if (plan_count(n) != 2) {
        report(p->l, n, "expected a numerator and a denominator");
        return false;
    }
    return value_int(p->l, n->first, INT64_MIN, INT64_MAX, &ret->numerator) &&
           value_int(p->l, n->first->next, 0, INT64_MAX, &ret->denominator);
}

static void put_ratio(struct plan *p, const struct node *key, const struct pyramid_ratio *r)
{
    char buf[32];
    struct figure value = figure_ratio((double)r->numerator, (double)r->denominator);
    json_text_key(&p->json, key->text.p);
    json_text_open(&p->json, '{');
    plan_json_number(p, "numerator", (double)r->numerator);
    plan_json_number(p, "denominator", (double)r->denominator);
    plan_json_figure(p, "value", value);
    json_text_close(&p->json, '}');
    fprintf(p->text, "  %-24.*s %lld/%lld = %s\n", (int)key->text.n, key->text.p, (long long)r->numerator,
            (long long)r->denominator, plan_figure_text(value, 4, buf));
    plan_bar(p, key->text, value.value, 4);
}

void appraise_measures_up(struct plan *p, const struct node *key)
{
    struct pyramid_ratio child[WEIGHT_ITEMS_MAX], whole;
    if (!want_map(p->l, key->value, "ratios by name"))
        return;
    json_text_key(&p->json, "measures_up");
    json_text_open(&p->json, '{');
    fputs("Measures up\n", p->text);
    svg_chart_group(&p->chart, SLICE("Measures up"));
    for (const struct node *k = key->value->first; k; k = k->next) {
        uint32_t n = 0;
        bool ok = want_map(p->l, k->value, "ratios of the parts by name");
        for (const struct node *part = ok ? k->value->first : NULL; part; part = part->next) {
            if (n == WEIGHT_ITEMS_MAX) {
                report(p->l, part, "more than %d parts", WEIGHT_ITEMS_MAX);
                ok = false;
                break;
            }
            ok &= read_ratio(p, part->value, &child[n++]);
        }
        if (ok && pyramid_ratio_up(child, n, &whole) != 0)
            report(p->l, k, "the parts are too large to be added");
        else if (ok)
            put_ratio(p, k, &whole);
    }
    fputc('\n', p->text);
    json_text_close(&p->json, '}');
}
