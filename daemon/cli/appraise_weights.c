/* The sections `panel` (experts ranking in rounds) and `ahp` (pairwise comparisons). */
#include <stdlib.h>

#include "appraise.h"
#include "crmpulse/ahp.h"
#include "crmpulse/expert_weights.h"
#include "crmpulse/reweight.h"

struct panel {
    struct slice criterion[CRITERIA_MAX];
    uint32_t n_criteria;
    enum expert_method method;
    double threshold;
    struct expert_round previous, now;
    double *rank;
};

/* A round is a list of experts, an expert a list of ranks. */
static bool read_round(struct plan *p, struct panel *panel, const struct node *round)
{
    if (!want_list(p->l, round, "a list of experts, each a list of ranks"))
        return false;
    uint32_t m = plan_count(round), got;
    if (m < 2 || m > EXPERTS_MAX) {
        report(p->l, round, "%u experts, where 2 to %d are allowed", m, EXPERTS_MAX);
        return false;
    }
    panel->rank = arena_alloc(&p->arena, (size_t)m * panel->n_criteria * sizeof(double));
    if (!panel->rank) {
        report_memory(p->l);
        return false;
    }
    bool ok = true;
    double *row = panel->rank;
    for (const struct node *expert = round->first; expert; expert = expert->next, row += panel->n_criteria)
        ok &= plan_numbers(p, expert, panel->n_criteria, CRITERIA_MAX, row, &got);
    return ok &&
           expert_round_evaluate(panel->rank, m, panel->n_criteria, panel->criterion, panel->method, &panel->now) == 0;
}

static void put_round(struct plan *p, const struct panel *panel, uint32_t number, enum expert_stop stop)
{
    const struct expert_round *r = &panel->now;
    char w[32];
    struct figure kendall = { .is_null = r->w_is_null, .value = r->w };
    json_text_open(&p->json, '{');
    plan_json_number(p, "round", number);
    plan_json_numbers(p, "mean_ranks", r->mean_rank, r->n_criteria);
    plan_json_number(p, "d", r->d);
    plan_json_number(p, "ties", (double)r->ties);
    plan_json_figure(p, "kendall_w", kendall);
    plan_json_numbers(p, "weights", r->weight, r->n_criteria);
    plan_json_text(p, "stop", expert_stop_name(stop));
    json_text_close(&p->json, '}');
    fprintf(p->text, "round %u: %u experts, D %g, T %lld, W %s, %s\n", number, r->n_experts, r->d, (long long)r->ties,
            plan_figure_text(kendall, 4, w), expert_stop_name(stop));
    for (uint32_t j = 0; j < r->n_criteria; j++)
        fprintf(p->text, "  %-24.*s mean rank %6.2f   weight %.4f\n", (int)panel->criterion[j].n, panel->criterion[j].p,
                r->mean_rank[j], r->weight[j]);
}

static void put_weights_bp(struct plan *p, const struct slice *name, const int32_t *bp, uint32_t n)
{
    json_text_key(&p->json, "weights_bp");
    json_text_open(&p->json, '{');
    fputs("weights in basis points:", p->text);
    for (uint32_t j = 0; j < n; j++) {
        json_text_key(&p->json, name[j].p);
        json_text_int(&p->json, bp[j]);
        fprintf(p->text, " %.*s %d", (int)name[j].n, name[j].p, bp[j]);
        plan_bar(p, name[j], bp[j], 0);
    }
    json_text_close(&p->json, '}');
    fputs("\n\n", p->text);
}

static void run_rounds(struct plan *p, struct panel *panel, const struct node *rounds)
{
    enum expert_stop stop = EXPERT_AGAIN;
    uint32_t number = 0;
    json_text_key(&p->json, "rounds");
    json_text_open(&p->json, '[');
    for (const struct node *round = rounds->first; round; round = round->next) {
        if (stop != EXPERT_AGAIN)
            report_warning(p->l, round, "the panel stopped after round %u (%s): this round does not count", number,
                           expert_stop_name(stop));
        if (stop != EXPERT_AGAIN || !read_round(p, panel, round))
            break;
        number++;
        stop = expert_round_stop(number > 1 ? &panel->previous : NULL, &panel->now, number);
        put_round(p, panel, number, stop);
        panel->previous = panel->now;
    }
    json_text_close(&p->json, ']');
    plan_json_text(p, "stop", expert_stop_name(stop));
    svg_chart_group(&p->chart, SLICE("Weights, basis points"));
    put_weights_bp(p, panel->criterion, panel->now.weight_bp, panel->n_criteria);
}

void appraise_panel(struct plan *p, const struct node *key)
{
    static const char *const known[] = { "method", "criteria", "rounds", NULL };
    static const char *const methods[] = { "rank_sum", "roc", NULL };
    const struct node *map = want_map(p->l, key->value, "a panel");
    if (!map)
        return;
    check_keys(p->l, map, known, "a panel");
    struct panel panel = { 0 };
    const struct node *method = node_get(map, "method"), *criteria = require(p->l, key, map, "criteria");
    const struct node *rounds = require(p->l, key, map, "rounds");
    int m = method ? value_choice(p->l, method, methods, "method") : EXPERT_RANK_SUM;
    bool ok = m >= 0 && criteria && rounds;
    ok &= criteria && appraise_names(p, criteria, CRITERIA_MAX, panel.criterion, &panel.n_criteria);
    ok &= rounds && want_list(p->l, rounds, "a list of rounds");
    if (rounds && rounds->kind == NODE_LIST && !rounds->first)
        report(p->l, rounds, "no round");
    if (!ok || !rounds->first)
        return;
    panel.method = (enum expert_method)m;
    json_text_key(&p->json, "panel");
    json_text_open(&p->json, '{');
    plan_json_text(p, "method", methods[m]);
    fprintf(p->text, "Expert panel (%s)\n", methods[m]);
    run_rounds(p, &panel, rounds);
    json_text_close(&p->json, '}');
}

/* "3", "0.5" or "1/3". */
static bool read_comparison(struct plan *p, const struct node *n, double *ret)
{
    char *end = NULL;
    if (n->kind == NODE_SCALAR && n->text.n > 2 && n->text.p[0] == '1' && n->text.p[1] == '/') {
        double divisor = strtod(n->text.p + 2, &end);
        if (*end == 0 && divisor > 0) {
            *ret = 1 / divisor;
            return true;
        }
    }
    return value_double(p->l, n, ret);
}

static bool read_matrix(struct plan *p, const struct node *list, uint32_t n, double *ret, const struct node **ret_at)
{
    if (!want_list(p->l, list, "a list of rows"))
        return false;
    bool ok = plan_count(list) == n;
    if (!ok)
        report(p->l, list, "%u rows, where %u are needed", plan_count(list), n);
    uint32_t i = 0;
    for (const struct node *row = list->first; row && ok; row = row->next) {
        if (!want_list(p->l, row, "a row of comparisons"))
            return false;
        if (plan_count(row) != n) {
            report(p->l, row, "%u comparisons, where %u are needed", plan_count(row), n);
            return false;
        }
        for (const struct node *cell = row->first; cell; cell = cell->next, i++) {
            ret_at[i] = cell;
            ok &= read_comparison(p, cell, &ret[i]);
        }
    }
    return ok;
}

static bool evaluate_matrix(struct plan *p, const double *a, uint32_t n, const struct node *const *at, struct ahp *ret)
{
    static const char *const messages[] = { [AHP_SIZE] = "too many criteria",
                                            [AHP_RANGE] = "a comparison lies between 1/9 and 9",
                                            [AHP_DIAGONAL] = "a criterion compared with itself is 1",
                                            [AHP_RECIPROCAL] = "not the reciprocal of its opposite comparison" };
    uint32_t i = 0;
    enum ahp_error error = ahp_evaluate(a, n, ret, &i);
    if (error != AHP_OK)
        report(p->l, at[i], "%s", messages[error]);
    return error == AHP_OK;
}

static void put_ahp(struct plan *p, const struct ahp *r, const struct slice *name)
{
    int64_t weight[AHP_MAX], part[AHP_MAX];
    int32_t bp[AHP_MAX] = { 0 };
    json_text_key(&p->json, "ahp");
    json_text_open(&p->json, '{');
    plan_json_numbers(p, "weights", r->weight, r->n);
    plan_json_number(p, "lambda", r->lambda);
    plan_json_number(p, "ci", r->ci);
    plan_json_number(p, "cr", r->cr);
    json_text_key(&p->json, "refused");
    json_text_bool(&p->json, r->refused);
    fprintf(p->text, "Analytic hierarchy process\n  lambda %.4f, CI %.4f, CR %.4f: %s\n", r->lambda, r->ci, r->cr,
            r->refused ? "refused, the comparisons contradict each other" : "consistent");
    for (uint32_t i = 0; i < r->n; i++) {
        weight[i] = (int64_t)(r->weight[i] * 1e15);
        fprintf(p->text, "  %-24.*s %.4f\n", (int)name[i].n, name[i].p, r->weight[i]);
    }
    if (!r->refused && largest_remainder(WEIGHT_TOTAL_BP, weight, name, r->n, part) == 0) {
        for (uint32_t i = 0; i < r->n; i++)
            bp[i] = (int32_t)part[i];
        svg_chart_group(&p->chart, SLICE("AHP weights, basis points"));
        put_weights_bp(p, name, bp, r->n);
    }
    json_text_close(&p->json, '}');
}

void appraise_ahp(struct plan *p, const struct node *key)
{
    static const char *const known[] = { "criteria", "matrix", NULL };
    struct slice name[AHP_MAX];
    const struct node *at[AHP_MAX * AHP_MAX];
    double a[AHP_MAX * AHP_MAX];
    uint32_t n = 0;
    struct ahp r;
    const struct node *map = want_map(p->l, key->value, "pairwise comparisons");
    if (!map)
        return;
    check_keys(p->l, map, known, "ahp");
    const struct node *criteria = require(p->l, key, map, "criteria"), *matrix = require(p->l, key, map, "matrix");
    if (criteria && matrix && appraise_names(p, criteria, AHP_MAX, name, &n) && read_matrix(p, matrix, n, a, at) &&
        evaluate_matrix(p, a, n, at, &r))
        put_ahp(p, &r, name);
}
