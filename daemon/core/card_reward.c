/* Conditions over the values of a card's KPIs. A KPI that is null or has too few samples has no value: a condition on it does not hold. */
#include "card_reward.h"

struct figures {
    const struct scorecard_def *def;
    const struct card_item *item;
    struct card_total total;
};

static struct expr_value of_double(double d)
{
    return (struct expr_value){ .type = EXPR_DOUBLE, .d = d };
}

static struct expr_value load(void *ctx, int slot)
{
    const struct figures *f = ctx;
    if (slot == CARD_SLOT_SCORE)
        return f->total.is_null ? expr_null() : of_double(f->total.score);
    if (slot == CARD_SLOT_COVERAGE)
        return of_double(f->total.coverage);
    if (slot >= CARD_SLOT_GOAL)
        return of_double(f->def->item[slot - CARD_SLOT_GOAL].score.goal);
    const struct card_item *x = &f->item[slot];
    return x->is_null || x->missing[0] ? expr_null() : of_double(x->value);
}

static int band_of(const struct scorecard_def *def, double score)
{
    for (uint32_t i = 0; i < def->n_bands; i++)
        if (score >= def->band[i].from)
            return (int)i;
    return -1;
}

struct card_verdict card_judge(const struct scorecard_def *def, const struct card_item *item, struct card_total total,
                               bool provisional)
{
    struct figures f = { def, item, total };
    struct card_verdict v = { .band = -1 };
    for (uint32_t i = 0; i < def->n_rewards && !total.is_null; i++) {
        const struct card_reward *r = &def->reward[i];
        if (!expr_true(expr_eval(r->when, load, &f)))
            continue;
        v.points += r->points;
        v.raised += r->bands;
        v.applied[v.n_applied++] = slice_of(r->name);
    }
    if (total.is_null || provisional)
        return v;
    int band = band_of(def, total.score + v.points);
    int last = (int)def->n_bands - 1;
    if (band >= 0) { /* the first band is the best */
        band -= v.raised;
        v.band = band < 0 ? 0 : band > last ? last : band;
    }
    return v;
}
