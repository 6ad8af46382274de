/* What follows from all definitions together: the dimensions and panes each measure needs, the switches a KPI depends on, and the hashes by which
 * a definition is known to be the same one.
 *
 * Runs on definitions without errors only. */
#include <stdlib.h>

#include "loader.h"

enum { FINE_WINDOW_MAX_MS = 3600000 };

/* ---- dimensions and panes ----------------------------------------------------------------------------------------------------------------------- */

struct need {
    uint32_t dims;
    bool fine, evidence;
};

static void need_slots(struct loader *l, const int *slot, uint32_t n, struct need need);
static void need_expr(struct loader *l, const struct expr *e, struct need need);

/* Cells are kept for all branches, evidence for those that the switches take. */
static void need_measure(struct loader *l, int index, struct need need)
{
    const struct entry *e = &l->section[SECTION_MEASURES].v[index];
    struct measure_def *m = &l->defs->measure[index];
    m->dims |= need.dims | 1u << DIM_ORG;
    m->fine |= need.fine && m->agg != AGG_LEVEL && m->agg != AGG_DISTINCT; /* which are kept by the hour */
    m->evidence_dims |= need.evidence ? need.dims : 0;
    if (need.evidence && m->derived)
        need_expr(l, m->derived, need);
    else if (m->derived)
        need_slots(l, e->slot, e->n_slots, need);
}

static bool is_fine(const struct window *w)
{
    return w->kind == WINDOW_ROLLING && w->length_ms <= FINE_WINDOW_MAX_MS;
}

/* What a slot reads of its measure: the org's cells only, or another window than the row's. */
static struct need need_of(const struct definitions *d, int slot, struct need need)
{
    const struct measure_ref *ref = slot >= SLOT_REF ? &d->ref[slot - SLOT_REF] : NULL;
    if (ref && ref->whole)
        need.dims = 1u << DIM_ORG;
    if (ref && ref->has_window)
        need.fine = is_fine(&ref->window);
    return need;
}

static void need_slots(struct loader *l, const int *slot, uint32_t n, struct need need)
{
    for (uint32_t i = 0; i < n; i++)
        if (slot_measure(l->defs, slot[i]) >= 0)
            need_measure(l, slot_measure(l->defs, slot[i]), need_of(l->defs, slot[i], need));
}

static void need_expr(struct loader *l, const struct expr *e, struct need need)
{
    uint32_t n = 0;
    const int *slot = e ? expr_slots(e, &n) : NULL;
    need_slots(l, slot, n, need);
}

static void need_chosen(struct loader *l, const struct kpi_def *k, struct need need)
{
    need_expr(l, k->numerator, need);
    need_expr(l, k->denominator, need);
    need_expr(l, k->value, need);
    need_expr(l, k->samples, need);
    for (uint32_t i = 0; i < k->n_extras; i++)
        need_expr(l, k->extra[i].value, need);
    if (k->form == KPI_DURATION)
        need_measure(l, k->duration, need);
}

static void need_parts(struct loader *l, int index, struct need need)
{
    const struct kpi_def *k = &l->defs->kpi[index];
    const struct entry *e = &l->section[SECTION_KPIS].v[index];
    if (need.evidence)
        need_chosen(l, k, need);
    else
        need_slots(l, e->slot, e->n_slots, need);
    if (k->form == KPI_RANK)
        need_parts(l, k->rank_of, need);
}

static struct need need_in(uint32_t dims, const struct window *w)
{
    return (struct need){ .dims = dims, .fine = is_fine(w) };
}

static void need_kpi(struct loader *l, int index, uint32_t dims, const struct window *w)
{
    need_parts(l, index, need_in(dims, w));
}

/* Whoever is enabled is ranked, with or without a contribution (T4): the roster is kept by rep and team whatever the KPIs ask for. So are the marks of
 * those who were erased: they are listed nowhere. */
static void need_roster(struct definitions *d)
{
    for (uint32_t i = 0; i < d->n_measures; i++)
        if (d->measure[i].agg != AGG_DERIVED && d->measure[i].fact == FACT_USER_ENABLED)
            d->measure[i].dims |= 1u << DIM_ORG | 1u << DIM_TEAM | 1u << DIM_REP;
        else if (d->measure[i].agg != AGG_DERIVED && d->measure[i].fact == FACT_ERASED)
            d->measure[i].dims |= 1u << DIM_REP;
}

/* Customers one by one cost cells by the customer: there are none unless somebody asks. Whoever asks needs the marks of erased customers, too. */
static void need_customers(struct definitions *d)
{
    uint32_t dims = 0;
    for (uint32_t i = 0; d->customers.quintiles && i < d->n_measures; i++)
        if (d->measure[i].agg != AGG_DERIVED && d->measure[i].fact == FACT_RFM_STEP)
            d->measure[i].dims |= 1u << DIM_CUSTOMER;
    for (uint32_t i = 0; i < d->n_measures; i++)
        dims |= d->measure[i].dims;
    d->customers.by_customer = dims >> DIM_CUSTOMER & 1;
    for (uint32_t i = 0; d->customers.by_customer && i < d->n_measures; i++)
        if (d->measure[i].agg != AGG_DERIVED && d->measure[i].fact == FACT_ERASED)
            d->measure[i].dims |= 1u << DIM_CUSTOMER;
}

static void need_rule(struct loader *l, const struct rule_def *r)
{
    struct need need = need_in(r->dims, &r->window);
    if (r->scorecard)
        return; /* the card sees to it */
    need_expr(l, r->samples, need);
    need_parts(l, r->kpi, need);
    need.evidence = true;
    need_parts(l, r->kpi, need);
    for (uint32_t i = 0; i < r->n_reads; i++)
        need_kpi(l, r->read[i].kpi < 0 ? r->kpi : r->read[i].kpi, r->dims, &r->read[i].window);
}

static void need_item(struct loader *l, const struct scorecard_def *card, const struct scorecard_item *item)
{
    uint32_t dims = 1u << card->dim | (item->of ? 1u << DIM_KIND : 0);
    need_kpi(l, item->kpi, dims, &item->window);
    if (item->membership != MEMBERSHIP_CURVE)
        need_measure(l, item->answers, need_in(dims, &item->window));
}

static void need_all(struct loader *l)
{
    struct definitions *d = l->defs;
    need_roster(d);
    for (uint32_t i = 0; i < d->n_kpis; i++) {
        for (uint32_t j = 0; j < d->kpi[i].n_windows; j++)
            need_kpi(l, (int)i, d->kpi[i].dims, &d->kpi[i].window[j]);
        for (uint32_t j = 0; j < d->n_snapshots; j++)
            need_kpi(l, (int)i, d->kpi[i].dims, &d->snapshot_window[j]);
    }
    for (uint32_t i = 0; i < d->n_boards; i++)
        need_kpi(l, d->board[i].kpi, 1u << d->board[i].dim, &d->board[i].window);
    for (uint32_t i = 0; i < d->n_rules; i++)
        need_rule(l, &d->rule[i]);
    for (uint32_t i = 0; i < d->n_scorecards; i++)
        for (uint32_t j = 0; j < d->scorecard[i].n_items + d->scorecard[i].n_also; j++)
            need_item(l, &d->scorecard[i], &d->scorecard[i].item[j]);
    need_customers(d);
}

/* ---- switches and identity of KPIs ---------------------------------------------------------------------------------------------------------------- */

static int compare_names(const void *pa, const void *pb)
{
    const struct switch_def *const *a = pa, *const *b = pb;
    return slice_cmp((*a)->name, (*b)->name);
}

/* "csat_mode=top2,sales_basis=deals", by name. */
static char *switches_text(struct loader *l, uint64_t used)
{
    const struct switch_def *list[SWITCHES_MAX];
    uint32_t n = 0;
    for (uint32_t i = 0; i < l->n_switches; i++)
        if (used >> i & 1)
            list[n++] = &l->switches[i];
    if (n)
        qsort(list, n, sizeof(*list), compare_names);
    struct text t = { .l = l };
    for (uint32_t i = 0; i < n; i++)
        text_put(&t, "%s%.*s=%.*s", i ? "," : "", (int)list[i]->name.n, list[i]->name.p, (int)list[i]->chosen.n,
                 list[i]->chosen.p);
    return copy_text(l, (struct slice){ t.p, t.n });
}

static void use_measure(struct loader *l, struct entry *kpi, struct text *t, int index)
{
    const struct entry *m = &l->section[SECTION_MEASURES].v[index];
    kpi->switches |= m->switches;
    text_put(t, ";%s%s", m->id.p, m->formula ? m->formula : "");
}

static void use_expr(struct loader *l, struct entry *kpi, struct text *t, const struct expr *e)
{
    uint32_t n = 0;
    const int *slot = e ? expr_slots(e, &n) : NULL;
    for (uint32_t i = 0; i < n; i++)
        if (slot_measure(l->defs, slot[i]) >= 0)
            use_measure(l, kpi, t, slot_measure(l->defs, slot[i]));
}

static void identify(struct loader *l, int index)
{
    struct entry *e = &l->section[SECTION_KPIS].v[index];
    const struct kpi_def *k = &l->defs->kpi[index];
    struct text t = { .l = l };
    if (e->visit)
        return;
    e->visit = 1;
    text_put(&t, "%s|form=%d|unit=%s|direction=%d|empty=%d%s", k->id, (int)k->form, unit_words[k->unit],
             (int)k->direction, k->empty_zero, e->formula);
    use_expr(l, e, &t, k->numerator);
    use_expr(l, e, &t, k->denominator);
    use_expr(l, e, &t, k->value);
    use_expr(l, e, &t, k->samples);
    for (uint32_t i = 0; i < k->n_extras; i++)
        use_expr(l, e, &t, k->extra[i].value);
    if (k->form == KPI_DURATION)
        use_measure(l, e, &t, k->duration);
    if (k->form == KPI_RANK) {
        identify(l, k->rank_of);
        const struct entry *of = &l->section[SECTION_KPIS].v[k->rank_of];
        e->switches |= of->switches;
        text_put(&t, ";%s", of->identity ? of->identity : "");
    }
    char *switches = switches_text(l, e->switches | l->everywhere);
    text_put(&t, "|switches=%s", switches ? switches : "");
    l->defs->kpi[index].switches = switches;
    e->identity = t.p;
}

static const char *identity(struct loader *l, int kpi)
{
    const char *text = l->section[SECTION_KPIS].v[kpi].identity;
    return text ? text : "";
}

/* ---- hashes ---------------------------------------------------------------------------------------------------------------------------------------- */

static uint64_t hash_kpi(struct loader *l, int index)
{
    const struct kpi_def *k = &l->defs->kpi[index];
    struct text t = { .l = l };
    text_put(&t, "%s|perspective=%c|dims=%x|windows=", identity(l, index), k->perspective, k->dims);
    for (uint32_t i = 0; i < k->n_windows; i++)
        text_put(&t, "%s,", k->window[i].name);
    return text_hash(&t);
}

/* Only what a plain rule does not have, so that the hashes of those stay. */
static void put_conditions(struct loader *l, struct text *t, const struct rule_def *r)
{
    const char *texts[] = { r->fire_expr ? r->fire_text : NULL, r->clear_expr ? r->clear_text : NULL,
                            r->critical_expr ? r->critical_text : NULL, r->page_text, r->samples_text };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i])
            text_put(t, "|%zu=%s", i, texts[i]);
    for (uint32_t i = 0; i < r->n_reads; i++) {
        const struct rule_read *x = &r->read[i];
        text_put(t, "|with=%s,%s,%s,%d,%lld,%lld", x->name, identity(l, x->kpi < 0 ? r->kpi : x->kpi), x->window.name,
                 x->stat, (long long)x->ago_ms, (long long)x->mean_ms);
    }
    if (r->judge || r->mature_ms || r->lag_ms || r->after_ms || r->after_share > 0)
        text_put(t, "|judge=%d,%lld,%lld,%lld,%.17g", (int)r->judge, (long long)r->mature_ms, (long long)r->lag_ms,
                 (long long)r->after_ms, r->after_share);
    if (r->scorecard)
        text_put(t, "|scorecard=%s", r->scorecard);
    for (uint32_t i = 0; i < r->n_milestones; i++)
        text_put(t, "|milestone=%.17g", r->milestone[i]);
}

/* A rule stays the same rule when its KPI is merely shown in another window. */
static uint64_t hash_rule(struct loader *l, const struct rule_def *r)
{
    struct text t = { .l = l };
    text_put(&t, "%s|%s|window=%s|dims=%x|fire=%d,%.17g|clear=%d,%.17g", r->id, identity(l, r->kpi), r->window.name,
             r->dims, (int)r->fire_op, r->fire, (int)r->clear_op, r->clear);
    text_put(&t, "|critical=%d,%.17g|for=%lld|min=%lld|level=%s|stat=%d", r->has_critical, r->critical,
             (long long)r->for_ms, (long long)r->min_samples, r->level, r->stat);
    put_conditions(l, &t, r);
    return text_hash(&t);
}

static void put_item(struct loader *l, struct text *t, const struct scorecard_item *i)
{
    text_put(t, "|%s,%d,%d,%s,%s,%lld,%d", i->perspective, i->perspective_bp, i->kpi_bp, identity(l, i->kpi),
             i->window.name, (long long)i->min_samples, i->stat);
    text_put(t, ",%d,%.17g,%.17g,%.17g,%d", (int)i->score.curve, i->score.floor, i->score.goal, i->score.cap,
             i->score.edge_exclusive);
    if (i->of || i->membership)
        text_put(t, "|of=%s,%d,%s", i->of ? i->of : "", (int)i->membership,
                 i->membership == MEMBERSHIP_ANSWERS ? l->defs->measure[i->answers].id : "");
    for (uint32_t s = 0; s < i->score.n_steps; s++)
        text_put(t, ",%.17g=%.17g", i->score.step[s].from, i->score.step[s].score);
}

static uint64_t hash_scorecard(struct loader *l, const struct scorecard_def *s)
{
    struct text t = { .l = l };
    text_put(&t, "%s|%s|%lld|%s|%d|%.17g", s->id, s->version, (long long)s->effective_from_ms, dim_name(s->dim),
             (int)s->missing, s->min_coverage);
    for (uint32_t i = 0; i < s->n_items; i++)
        put_item(l, &t, &s->item[i]);
    for (uint32_t i = 0; i < s->n_bands; i++)
        text_put(&t, "|%s=%.17g", s->band[i].name, s->band[i].from);
    for (uint32_t i = 0; s->has_pay && i < s->n_bands; i++)
        text_put(&t, "|pay=%.17g", s->band[i].pay);
    for (uint32_t i = s->n_items; i < s->n_items + s->n_also; i++)
        put_item(l, &t, &s->item[i]);
    for (uint32_t i = 0; i < s->n_rewards; i++)
        text_put(&t, "|%s:%s=%.17g,%d", s->reward[i].name, s->reward[i].text, s->reward[i].points, s->reward[i].bands);
    if (s->pyramid)
        text_put(&t, "|pyramid");
    if (s->panel.id)
        text_put(&t, "|panel=%s", s->panel.id);
    if (s->fuzzy.on)
        text_put(&t, "|fuzzy=%d", (int)s->fuzzy.operator);
    for (uint32_t k = 0; s->fuzzy.on && k < s->fuzzy.scale.n; k++)
        text_put(&t, ",%s=%.17g", s->fuzzy.grade[k], s->fuzzy.scale.value[k]);
    return text_hash(&t);
}

void closure(struct loader *l)
{
    struct definitions *d = l->defs;
    need_all(l);
    reach_warn(l);
    for (uint32_t i = 0; i < d->n_kpis; i++)
        identify(l, (int)i);
    for (uint32_t i = 0; i < d->n_kpis; i++)
        d->kpi[i].hash = hash_kpi(l, (int)i);
    for (uint32_t i = 0; i < d->n_rules; i++)
        d->rule[i].hash = hash_rule(l, &d->rule[i]);
    for (uint32_t i = 0; i < d->n_scorecards; i++)
        d->scorecard[i].hash = hash_scorecard(l, &d->scorecard[i]);
}
