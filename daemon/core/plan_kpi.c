/* Leaves of KPIs: the measures with cells behind its formulas, and which of them raise it. */
#include "plan_kpi.h"

#include <stdlib.h>

static int add_leaf(struct plan_kpi *k, struct plan_leaf leaf)
{
    for (uint32_t i = 0; i < k->n_leaves; i++)
        if (k->leaf[i].measure == leaf.measure && k->leaf[i].at == leaf.at && k->leaf[i].window == leaf.window &&
            k->leaf[i].whole == leaf.whole)
            return 0;
    struct plan_leaf *v = realloc(k->leaf, (k->n_leaves + 1) * sizeof *v);
    if (!v)
        return -1;
    k->leaf = v;
    v[k->n_leaves++] = leaf;
    k->whole |= leaf.whole;
    if (leaf.at != COMPARED_NOT && leaf.at != COMPARED_LAST_DAY)
        k->prev = leaf.at;
    return 0;
}

static bool is_prev(int part)
{
    return part == PART_PREV || part == PART_PREV_START;
}

/* The leaf of a slot, inside of what reads it: the outer reading's window and position, unless it says its own. */
static struct plan_leaf leaf_of(const struct plan *plan, int slot, struct plan_leaf outer)
{
    struct plan_leaf leaf = outer;
    if (slot < SLOT_BUILTIN) {
        leaf.measure = slot / MEASURE_PARTS;
        leaf.at = is_prev(slot % MEASURE_PARTS) ? COMPARED_ELAPSED : outer.at;
        return leaf;
    }
    const struct measure_ref *ref = &plan->defs->ref[slot - SLOT_REF];
    leaf.measure = ref->measure;
    if (ref->at != COMPARED_NOT)
        leaf.at = ref->at;
    if (ref->has_window || ref->periods == PERIODS_HOLT)
        leaf.window = plan->ref_window[slot - SLOT_REF];
    leaf.whole |= ref->whole;
    return leaf;
}

/* Counts, sums and the like of what lies in the window: see plan_kpi.plain. */
static bool slot_is_plain(const struct definitions *defs, int slot)
{
    if (slot >= SLOT_BUILTIN)
        return slot == SLOT_BUILTIN + BUILTIN_DIM || slot == SLOT_BUILTIN + BUILTIN_WINDOW;
    enum agg agg = defs->measure[slot / MEASURE_PARTS].agg;
    int part = slot % MEASURE_PARTS;
    if (agg == AGG_LEVEL)
        return part == PART_VALUE || part == PART_START;
    return part <= PART_SUM && agg != AGG_ACCRUE && agg != AGG_ACCRUE_WORK;
}

static int collect(struct plan_kpi *k, const struct plan *plan, const struct expr *e, struct plan_leaf outer, int depth)
{
    uint32_t n = 0;
    const int *slots = e && depth < PLAN_DEPTH_MAX ? expr_slots(e, &n) : NULL;
    for (uint32_t i = 0; i < n; i++) {
        k->plain &= slot_is_plain(plan->defs, slots[i]);
        if (slots[i] >= SLOT_BUILTIN && slots[i] < SLOT_REF) {
            k->paced |= slots[i] == SLOT_BUILTIN + BUILTIN_ELAPSED;
            k->clocked |=
                slots[i] >= SLOT_BUILTIN + BUILTIN_START_MS && slots[i] <= SLOT_BUILTIN + BUILTIN_WORKDAYS_UNTIL;
            continue;
        }
        if (slots[i] >= SLOT_REF) /* a close of the cycle changes it by time alone */
            k->clocked |= plan->defs->ref[slots[i] - SLOT_REF].periods >= PERIODS_AT_CLOSE;
        struct plan_leaf leaf = leaf_of(plan, slots[i], outer);
        if (leaf.measure < 0)
            continue;
        const struct measure_def *m = &plan->defs->measure[leaf.measure];
        k->paced |= m->agg == AGG_ACCRUE || m->agg == AGG_ACCRUE_WORK;
        k->levels |= m->agg == AGG_LEVEL;
        if (m->agg == AGG_DERIVED ? collect(k, plan, m->derived, leaf, depth + 1) < 0 : add_leaf(k, leaf) < 0)
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
    if (slot >= SLOT_BUILTIN && slot < SLOT_REF)
        return expr_int(1);
    if (slot >= SLOT_REF) { /* elsewhere, or at another time */
        const struct measure_ref *ref = &t->defs->ref[slot - SLOT_REF];
        bool here = ref->measure >= 0 && !ref->whole && ref->at == COMPARED_NOT;
        return here ? trial_load(ctx, ref->measure * MEASURE_PARTS + PART_VALUE) : expr_int(1000);
    }
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
        k->leaf[i].raising =
            k->leaf[i].at == COMPARED_NOT && !k->leaf[i].whole && (e ? raises(defs, e, k->leaf[i].measure) : true);
}

int plan_kpi_init(struct plan_kpi *ret, const struct plan *plan, int kpi)
{
    const struct definitions *defs = plan->defs;
    const struct kpi_def *def = &defs->kpi[kpi];
    const struct plan_leaf own = { .measure = def->duration, .window = -1 };
    if (def->form == KPI_RANK && def->rank_of >= 0 && def->rank_of != kpi)
        return plan_kpi_init(ret, plan, def->rank_of);
    ret->plain = def->form != KPI_RANK;
    if (collect(ret, plan, def->numerator, own, 0) < 0 || collect(ret, plan, def->denominator, own, 0) < 0 ||
        collect(ret, plan, def->value, own, 0) < 0 || collect(ret, plan, def->samples, own, 0) < 0)
        return -1;
    for (uint32_t i = 0; i < def->n_extras; i++)
        if (collect(ret, plan, def->extra[i].value, own, 0) < 0)
            return -1;
    if (def->form == KPI_DURATION && add_leaf(ret, own) < 0)
        return -1;
    mark_raising(ret, defs, def);
    return 0;
}
