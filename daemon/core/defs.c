/* Definitions as data: lookups by id, and giving everything back.
 *
 * It does not read YAML (config/ does) and does not free zones: whoever built a zone frees it. */
#include "crmpulse/defs.h"

#include <stdlib.h>

const struct org_def *definitions_org(const struct definitions *defs, struct slice org_id)
{
    const struct org_def *fallback = NULL;
    for (uint32_t i = 0; i < defs->n_orgs; i++) {
        struct slice id = slice_of(defs->org[i].id);
        if (slice_eq(id, org_id))
            return &defs->org[i];
        if (slice_eq(id, SLICE("*")))
            fallback = &defs->org[i];
    }
    return fallback;
}

int definitions_kpi(const struct definitions *defs, struct slice id)
{
    for (uint32_t i = 0; i < defs->n_kpis; i++)
        if (slice_eq(slice_of(defs->kpi[i].id), id))
            return (int)i;
    return -1;
}

int definitions_measure(const struct definitions *defs, struct slice id)
{
    for (uint32_t i = 0; i < defs->n_measures; i++)
        if (slice_eq(slice_of(defs->measure[i].id), id))
            return (int)i;
    return -1;
}

int definitions_rule(const struct definitions *defs, struct slice id)
{
    for (uint32_t i = 0; i < defs->n_rules; i++)
        if (slice_eq(slice_of(defs->rule[i].id), id))
            return (int)i;
    return -1;
}

static void release_measure(struct measure_def *m)
{
    free(m->id);
    expr_free(m->where);
    expr_free(m->value);
    expr_free(m->derived);
}

static void release_kpi(struct kpi_def *k)
{
    free(k->id);
    free(k->title_en);
    free(k->title_zh);
    expr_free(k->numerator);
    expr_free(k->denominator);
    expr_free(k->value);
    expr_free(k->samples);
    for (uint32_t i = 0; i < k->n_extras; i++) {
        free(k->extra[i].name);
        expr_free(k->extra[i].value);
    }
    free(k->formula);
    free(k->switches);
}

static void release_rule(struct rule_def *r)
{
    free(r->id);
    free(r->level);
    free(r->scorecard);
    char *const texts[] = { r->fire_text, r->clear_text, r->critical_text, r->page_text, r->samples_text };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        free(texts[i]);
    expr_free(r->fire_expr);
    expr_free(r->clear_expr);
    expr_free(r->critical_expr);
    expr_free(r->page_expr);
    expr_free(r->samples);
    for (uint32_t i = 0; i < r->n_reads; i++)
        free(r->read[i].name);
}

static void release_scorecard(struct scorecard_def *s)
{
    free(s->panel.id);
    free(s->id);
    free(s->version);
    for (uint32_t i = 0; i < s->n_items + s->n_also; i++) {
        free(s->item[i].perspective);
        free(s->item[i].of);
    }
    for (uint32_t i = 0; i < s->n_rewards; i++) {
        free(s->reward[i].name);
        free(s->reward[i].text);
        expr_free(s->reward[i].when);
    }
    free(s->item);
    for (uint32_t i = 0; i < s->n_bands; i++)
        free(s->band[i].name);
}

static void release_org(struct org_def *o)
{
    free(o->id);
    free(o->business.holidays);
    for (uint32_t i = 0; i < o->n_stages; i++)
        free(o->stage[i]);
    free(o->stage);
}

void definitions_free(struct definitions *defs)
{
    if (!defs)
        return;
    for (uint32_t i = 0; i < defs->n_measures; i++)
        release_measure(&defs->measure[i]);
    for (uint32_t i = 0; i < defs->n_kpis; i++)
        release_kpi(&defs->kpi[i]);
    for (uint32_t i = 0; i < defs->n_boards; i++)
        free(defs->board[i].id);
    for (uint32_t i = 0; i < defs->n_rules; i++)
        release_rule(&defs->rule[i]);
    for (uint32_t i = 0; i < defs->n_scorecards; i++)
        release_scorecard(&defs->scorecard[i]);
    for (uint32_t i = 0; i < defs->n_orgs; i++)
        release_org(&defs->org[i]);
    free(defs->measure);
    free(defs->ref);
    free(defs->kpi);
    free(defs->board);
    free(defs->rule);
    free(defs->scorecard);
    free(defs->org);
    free(defs->snapshot_window);
    *defs = (struct definitions){ 0 };
}
