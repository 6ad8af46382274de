/* Leaves of KPIs: the measures with cells behind its formulas, and which of them raise it. */
#include "plan_kpi.h"

#include <stdlib.h>

static int add_leaf(struct plan_kpi *k, int measure, bool prev)
{
    for (uint32_t i = 0; i < k->n_leaves; i++)
        if (k->leaf[i].measure == measure && k->leaf[i].prev == prev)
            return 0;
    struct plan_leaf *v = realloc(k->leaf, (k->n_leaves + 1) * sizeof *v);
    if (!v)
        return -1;
    k->leaf = v;
    v[k->n_leaves++] = (struct plan_leaf){ .measure = measure, .prev = prev };
    k->prev |= prev;
    return 0;
}

static bool is_prev(int part)
{
    return part == PART_PREV || part == PART_PREV_START;
}

static int collect(struct plan_kpi *k, const struct definitions *defs, const struct expr *e, bool prev, int depth)
{
    uint32_t n = 0;
    const int *slots = e && depth < PLAN_DEPTH_MAX ? expr_slots(e, &n) : NULL;
    for (uint32_t i = 0; i < n; i++) {
        if (slots[i] >= SLOT_BUILTIN) {
            k->paced |= slots[i] == SLOT_BUILTIN + BUILTIN_ELAPSED;
            k->clocked |=
                slots[i] >= SLOT_BUILTIN + BUILTIN_START_MS && slots[i] <= SLOT_BUILTIN + BUILTIN_WORKDAYS_UNTIL;
            continue;
        }
        int measure = slots[i] / MEASURE_PARTS;
        k->paced |= defs->measure[measure].agg == AGG_ACCRUE || defs->measure[measure].agg == AGG_ACCRUE_WORK;
        bool before = prev || is_prev(slots[i] % MEASURE_PARTS);
        const struct measure_def *m = &defs->measure[measure];
        if (m->agg == AGG_DERIVED ? collect(k, defs, m->derived, before, depth + 1) < 0
                                  : add_leaf(k, measure, before) < 0)
            return -1;
    }
    return 0;
}

/* A world in which every measure is 1000, but one. */
struct trial {
    const struct definitions *defs;
    int raised, depth;
};

static struct expr_value trial_load(void *ctx, int slot)
{
    struct trial *t = ctx;
    if (slot >= SLOT_BUILTIN)
        return expr_int(1);
    int measure = slot / MEASURE_PARTS, part = slot % MEASURE_PARTS;
    const struct measure_def *m = &t->defs->measure[measure];
    if (m->agg == AGG_DERIVED && !is_prev(part) && t->depth < PLAN_DEPTH_MAX) {
        t->depth++;
        struct expr_value v = expr_eval(m->derived, trial_load, t);
        t->depth--;
        return v;
    }
    return expr_int(measure == t->raised && !is_prev(part) && part != PART_START ? 1001 : 1000);
}

static bool raises(const struct definitions *defs, const struct expr *e, int measure)
{
    struct trial with = { defs, measure, 0 }, without = { defs, -1, 0 };
    double a, b;
    return expr_number(expr_eval(e, trial_load, &with), &a) && expr_number(expr_eval(e, trial_load, &without), &b) &&
           a > b;
}

static void mark_raising(struct plan_kpi *k, const struct definitions *defs, const struct kpi_def *def)
{
    const struct expr *e = def->numerator ? def->numerator : def->value;
    for (uint32_t i = 0; i < k->n_leaves; i++)
        k->leaf[i].raising = !k->leaf[i].prev && (e ? raises(defs, e, k->leaf[i].measure) : true);
}

int plan_kpi_init(struct plan_kpi *ret, const struct definitions *defs, int kpi)
{
    const struct kpi_def *def = &defs->kpi[kpi];
    if (def->form == KPI_RANK && def->rank_of >= 0 && def->rank_of != kpi)
        return plan_kpi_init(ret, defs, def->rank_of);
    if (collect(ret, defs, def->numerator, false, 0) < 0 || collect(ret, defs, def->denominator, false, 0) < 0 ||
        collect(ret, defs, def->value, false, 0) < 0 || collect(ret, defs, def->samples, false, 0) < 0)
        return -1;
    for (uint32_t i = 0; i < def->n_extras; i++)
        if (collect(ret, defs, def->extra[i].value, false, 0) < 0)
            return -1;
    if (def->form == KPI_DURATION && add_leaf(ret, def->duration, false) < 0)
        return -1;
    mark_raising(ret, defs, def);
    return 0;
}
