/* Scorecards (domain specification 4.2). A held score is that of the end of the cycle before: it is read, not remembered. */
#include "scorecard.h"

#include <stdio.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "card_fuzzy.h"
#include "card_reward.h"
#include "card_told.h"
#include "card_weight.h"
#include "eval_erased.h"
#include "revision.h"
#include "row.h"
#include "score.h"

#define REVIEW_AFTER_MS (INT64_C(183) * 86400000) /* half-yearly */

static const char *const cycle_names[PERIOD_COUNT] = { "d", "w", "m", "q", "h", "y" };

/* A card being made. */
struct card {
    struct evaluator *e;
    struct subject *subject;
    const struct scorecard_def *def;
    enum view_id view;
    int64_t at_ms;
    bool past, revised; /* revised: told anew, compared with nothing */
    struct span cycle;
    struct card_item *item;
    struct scorecard_kpi *kpi;
    struct scorecard_perspective *perspective;
    struct card_contribution *contribution;
    struct card_part *part;
    struct card_row *row, *row_of_perspective, whole; /* of a fuzzy card */
    struct scorecard_grade *grade;
    uint32_t n_grades;
    bool panel_weights;
    struct card_total total; /* before rewards */
    struct card_verdict verdict;
    struct pyramid_score node[PYRAMID_NODES];
    char id[33], hash[17];
};

static struct reading item_reading(const struct card *c, const struct scorecard_item *item, int64_t at_ms, bool past)
{
    if (past)
        return reading_past(c->e, c->view, &item->window, at_ms);
    return reading_at_view(c->e, c->view, plan_window(&c->e->plan, &item->window));
}

static double curve_score(const struct card *c, const struct scorecard_item *item, double figure)
{
    return score_value(&item->score, c->e->defs->kpi[item->kpi].direction, figure);
}

/* The score of an item, or why there is none. */
static const char *score_at(const struct card *c, const struct scorecard_item *item, int64_t at_ms, bool past,
                            struct card_item *ret, struct card_row *row)
{
    struct reading r = item_reading(c, item, at_ms, past);
    struct subject *s = item->of ? org_find_subject(c->subject->org, DIM_KIND, slice_of(item->of)) : c->subject;
    struct kpi_value v;
    double figure;
    ret->is_null = true;
    if (!s)
        return "no_value";
    kpi_read(&r, s, item->kpi, &v);
    if (!kpi_stat(&v, item->stat, &figure))
        return "no_value";
    ret->is_null = false;
    ret->value = figure;
    if (v.has_samples && v.samples < item->min_samples)
        return "small_sample";
    if (c->def->fuzzy.on) {
        *row = card_row_of(c->def, item, &r, s, curve_score(c, item, figure));
        if (!row->any)
            return "no_value";
    }
    ret->score = c->def->fuzzy.on ? card_row_score(c->def, row) : curve_score(c, item, figure);
    ret->usable = true;
    return "";
}

static void score_item(const struct card *c, const struct scorecard_item *item, struct card_item *ret,
                       struct card_row *row)
{
    *row = (struct card_row){ 0 };
    *ret = (struct card_item){ .perspective = slice_of(item->perspective),
                               .perspective_bp = item->perspective_bp,
                               .kpi_bp = item->kpi_bp };
    ret->missing = score_at(c, item, c->at_ms, c->past, ret, row);
    if (ret->usable || c->def->missing == MISSING_EXCLUDE)
        return;
    if (c->def->missing == MISSING_ZERO) {
        ret->counts_zero = true;
        if (c->def->fuzzy.on) {
            *row = card_row_of_score(c->def, 0);
            ret->score = card_row_score(c->def, row);
        }
        return;
    }
    struct card_item before = { 0 };
    score_at(c, item, c->cycle.start_ms - 1, true, &before, row);
    ret->usable = before.usable;
    ret->score = before.score;
}

static int reserve(struct card *c)
{
    uint32_t n = c->def->n_items + c->def->n_also + 1;
    c->item = calloc(n, sizeof *c->item);
    c->kpi = calloc(n, sizeof *c->kpi);
    c->perspective = calloc(n + PYRAMID_NODES, sizeof *c->perspective);
    c->contribution = calloc(n, sizeof *c->contribution);
    c->part = calloc(n, sizeof *c->part);
    c->row = calloc(2 * (size_t)n, sizeof *c->row);
    c->row_of_perspective = c->row ? c->row + n : NULL;
    c->grade = calloc(((size_t)n * 2 + 1) * FUZZY_GRADES_MAX, sizeof *c->grade);
    return c->item && c->kpi && c->perspective && c->contribution && c->part && c->row && c->grade ? 0 : -1;
}

static void release(struct card *c)
{
    free(c->item);
    free(c->kpi);
    free(c->perspective);
    free(c->contribution);
    free(c->part);
    free(c->row);
    free(c->grade);
}

/* The upper nodes of a pyramid, from the foot up, as perspectives without KPIs. */
static uint32_t add_nodes(struct card *c, uint32_t n)
{
    for (int i = PYRAMID_QUALITY; i-- > PYRAMID_VISION;)
        c->perspective[n++] = (struct scorecard_perspective){ .name = slice_of(pyramid_node_name((enum pyramid_node)i)),
                                                              .score = c->node[i].score,
                                                              .is_null = c->node[i].is_null };
    return n;
}

/* The grades of a row as they are told; none where there is no row. */
static const struct scorecard_grade *tell_grades(struct card *c, const struct card_row *row, size_t *ret_n)
{
    struct scorecard_grade *first = c->grade + c->n_grades;
    *ret_n = c->def->fuzzy.on && row->any ? c->def->fuzzy.scale.n : 0;
    for (size_t k = 0; k < *ret_n; k++)
        c->grade[c->n_grades++] = (struct scorecard_grade){ slice_of(c->def->fuzzy.grade[k]), row->share[k] };
    return *ret_n ? first : NULL;
}

static void tell_item(struct card *c, uint32_t i, struct scorecard_kpi *ret)
{
    const struct card_item *x = &c->item[i];
    const struct scorecard_item *def = &c->def->item[i];
    *ret = (struct scorecard_kpi){ .kpi = slice_of(c->e->defs->kpi[def->kpi].id),
                                   .weight_bp = x->kpi_bp,
                                   .value = x->value,
                                   .is_null = x->is_null,
                                   .score = x->score,
                                   .effective_weight = x->weight,
                                   .perf = c->contribution[i].perf,
                                   .mix = c->contribution[i].mix,
                                   .missing_reason = slice_of(x->missing) };
    ret->of = def->of ? slice_of(def->of) : (struct slice){ 0 };
    ret->grades = tell_grades(c, &c->row[i], &ret->grade_count);
}

/* Perspectives in the order of their first item, each with its KPIs side by side. */
static uint32_t group(struct card *c)
{
    uint32_t n_perspectives = 0, n_kpis = 0;
    for (uint32_t i = 0; i < c->def->n_items; i++) {
        bool seen = false;
        for (uint32_t p = 0; p < n_perspectives; p++)
            seen |= slice_eq(c->perspective[p].name, c->item[i].perspective);
        if (seen)
            continue;
        struct scorecard_perspective *p = &c->perspective[n_perspectives++];
        *p = (struct scorecard_perspective){ .name = c->item[i].perspective,
                                             .weight_bp = c->item[i].perspective_bp,
                                             .kpis = &c->kpi[n_kpis] };
        for (uint32_t j = i; j < c->def->n_items; j++) {
            if (!slice_eq(c->item[j].perspective, p->name))
                continue;
            tell_item(c, j, &c->kpi[n_kpis++]);
            p->kpi_count++;
        }
        p->is_null = !card_perspective_score(c->item, c->def->n_items, p->name, &p->score);
        p->grades = tell_grades(c, &c->row_of_perspective[i], &p->grade_count);
        if (p->grade_count)
            p->score = card_row_score(c->def, &c->row_of_perspective[i]);
    }
    return c->def->pyramid ? add_nodes(c, n_perspectives) : n_perspectives;
}

static void write_id(struct card *c, struct scorecard_snapshot *s)
{
    const struct slice parts[] = { s->org, s->scorecard, s->version, s->dim, s->subject, s->definition_hash };
    const int64_t numbers[] = { s->tick_ms, s->window_start_ms, double_bits(s->score), double_bits(s->coverage) };
    s->id = hex_id(parts, sizeof parts / sizeof parts[0], numbers, sizeof numbers / sizeof numbers[0], c->id);
}

/* The composed card takes the place of the weighted sum, its grade that of the band. */
static int compose(struct card *c)
{
    struct card_row whole = { 0 };
    if (card_compose(c->def, c->item, c->row, c->row_of_perspective, &whole) < 0)
        return -1;
    c->whole = whole;
    c->total.is_null = !whole.any;
    c->total.score = whole.any ? card_row_score(c->def, &whole) : 0;
    return 0;
}

static void grade_band(struct card *c)
{
    if (c->verdict.band < 0)
        return;
    int last = (int)c->def->n_bands - 1;
    int band = (int)fuzzy_judge(&c->def->fuzzy.scale, c->whole.share).grade - c->verdict.raised;
    c->verdict.band = band < 0 ? 0 : band > last ? last : band;
}

/* Of a panel as it stood when the cycle began: a cycle uses one set of weights. */
static void take_panel_weights(struct card *c)
{
    const struct window now = { .kind = WINDOW_GAUGE, .name = "g" };
    struct reading r = reading_past(c->e, c->view, &now, c->cycle.start_ms - 1);
    if (c->def->panel.id)
        c->panel_weights = card_panel_weights(c->def, &r, c->subject->org, c->item);
}

/* The items scored and weighed, what they make, and what that earns. */
static int weigh(struct card *c)
{
    const struct calendar *cal = c->subject->org->cal;
    uint32_t n = c->def->n_items;
    c->cycle = calendar_period(cal, cal->cycle, c->at_ms);
    if (reserve(c) < 0)
        return -1;
    for (uint32_t i = 0; i < n + c->def->n_also; i++)
        score_item(c, &c->def->item[i], &c->item[i], &c->row[i]);
    take_panel_weights(c);
    c->total = c->def->pyramid ? card_weigh_pyramid(c->item, n, c->node) : card_weigh(c->item, n);
    if (c->def->fuzzy.on && compose(c) < 0)
        return -1;
    c->verdict = card_judge(c->def, c->item, c->total, c->total.coverage < c->def->min_coverage);
    if (c->def->fuzzy.on)
        grade_band(c);
    for (uint32_t i = 0; i < n; i++)
        c->part[i] =
            (struct card_part){ c->item[i].usable || c->item[i].counts_zero, c->item[i].score, c->item[i].weight };
    return 0;
}

static bool review_due(const struct scorecard_def *def, int64_t at_ms)
{
    return def->effective_from_ms != INT64_MIN && at_ms - def->effective_from_ms > REVIEW_AFTER_MS;
}

static int make(struct card *c, uint32_t card, int64_t tick_ms, struct scorecard_snapshot *ret)
{
    if (weigh(c) < 0)
        return -1;
    const struct scorecard_def *def = c->def;
    double change = 0;
    bool has_change =
        !c->revised && card_compare(c->subject, card, def, c->part, c->total.score, c->contribution, &change);
    if (def->fuzzy.on && def->fuzzy.operator!= FUZZY_WEIGHTED) /* only a sum has parts */
        memset(c->contribution, 0, def->n_items * sizeof *c->contribution);
    hex_hash(def->hash, c->hash);
    *ret = (struct scorecard_snapshot){
        .scorecard = slice_of(def->id),
        .version = slice_of(def->version),
        .org = c->subject->org->id,
        .dim = slice_of(dim_name(def->dim)),
        .subject = c->subject->text,
        .tick_ms = tick_ms,
        .window = slice_of(cycle_names[c->subject->org->cal->cycle]),
        .window_start_ms = c->cycle.start_ms,
        .window_end_ms = c->cycle.end_ms,
        .score = c->total.score + c->verdict.points,
        .is_null = c->total.is_null,
        .coverage = c->total.coverage,
        .provisional = c->total.coverage < def->min_coverage,
        .points = c->verdict.points,
        .rewards = c->verdict.applied,
        .reward_count = c->verdict.n_applied,
        .has_change = has_change,
        .change = change,
        .review_due = review_due(def, c->at_ms),
        .panel_weights = c->panel_weights,
        .perspectives = c->perspective,
        .perspective_count = group(c),
        .definition_hash = { c->hash, 16 },
    };
    ret->grades = tell_grades(c, &c->whole, &ret->grade_count);
    if (ret->grade_count) {
        struct fuzzy_verdict v = fuzzy_judge(&def->fuzzy.scale, c->whole.share);
        ret->has_alpha = !v.alpha_is_null;
        ret->alpha = v.alpha;
    }
    if (c->verdict.band >= 0) {
        ret->band = slice_of(def->band[c->verdict.band].name);
        ret->has_pay = def->has_pay;
        ret->pay_factor = def->has_pay ? def->band[c->verdict.band].pay : 0;
    }
    write_id(c, ret);
    return c->e->out_of_memory ? -1 : 0;
}

/* The start of a version's first day in the org's zone. */
static int64_t effective_ms(const struct scorecard_def *def, const struct org *org)
{
    if (!def->effective_civil)
        return def->effective_from_ms;
    return def->effective_from_ms - zone_offset_ms(&org->cal->zone, def->effective_from_ms);
}

/* A cycle uses the version that was in force at its start. */
static bool in_force(const struct evaluator *e, const struct org *org, uint32_t card, int64_t at_ms)
{
    const struct scorecard_def *def = &e->defs->scorecard[card];
    int64_t start_ms = calendar_period(org->cal, org->cal->cycle, at_ms).start_ms;
    int64_t from_ms = effective_ms(def, org);
    if (from_ms > start_ms)
        return false;
    for (uint32_t i = 0; i < e->defs->n_scorecards; i++) {
        const struct scorecard_def *x = &e->defs->scorecard[i];
        int64_t x_ms = effective_ms(x, org);
        bool newer = x_ms > from_ms || (x_ms == from_ms && i > card);
        if (slice_eq(slice_of(x->id), slice_of(def->id)) && newer && x_ms <= start_ms)
            return false;
    }
    return true;
}

static uint64_t content_hash(const struct scorecard_snapshot *s)
{
    double figures[] = { s->score, s->coverage };
    int64_t start[] = { s->window_start_ms, s->is_null };
    uint64_t hash = XXH3_64bits_withSeed(start, sizeof start, XXH3_64bits(figures, sizeof figures));
    for (size_t i = 0; i < s->perspective_count; i++)
        for (size_t k = 0; k < s->perspectives[i].kpi_count; k++) {
            const struct scorecard_kpi *x = &s->perspectives[i].kpis[k];
            double parts[] = { x->value, x->score, x->effective_weight };
            hash = XXH3_64bits_withSeed(parts, sizeof parts,
                                        XXH3_64bits_withSeed(x->missing_reason.p, x->missing_reason.n, hash));
        }
    return hash ? hash : 1;
}

static int publish_card(struct evaluator *e, struct subject *s, uint32_t card, int64_t tick_ms)
{
    struct card c = {
        .e = e, .subject = s, .def = &e->defs->scorecard[card], .view = VIEW_JUDGED, .at_ms = e->view[VIEW_JUDGED].at_ms
    };
    struct scorecard_snapshot snapshot;
    int rc = make(&c, card, tick_ms, &snapshot);
    if (rc == 0) {
        uint64_t hash = content_hash(&snapshot);
        if (s->card_published[card] != hash)
            rc = e->sink->scorecard(e->sink->ctx, &snapshot);
        if (rc == 0 && s->card_published[card] != hash)
            rc = card_remember(e, s, card, c.part, c.total.score);
        s->card_published[card] = hash;
    }
    release(&c);
    return rc;
}

static bool touched(const struct evaluator *e, const struct subject *s, uint32_t card)
{
    for (uint32_t i = 0; i < e->plan.n_watches; i++) {
        const struct plan_watch *w = &e->plan.watch[i];
        for (uint32_t k = 0; k < w->n_cards; k++)
            if ((uint32_t)w->card[k] == card && bit_test(s->view[VIEW_JUDGED].changed, i))
                return true;
    }
    return false;
}

static int take_back(struct evaluator *e, struct subject *s, uint32_t card)
{
    s->card_published[card] = 0;
    if (card_forget(e, s, card) < 0)
        return -1;
    return erased_tell(e, s, GONE_SCORECARD, "", e->defs->scorecard[card].id);
}

int scorecards_publish(struct evaluator *e, struct subject *s, int64_t tick_ms)
{
    int rc = 0;
    for (uint32_t card = 0; rc == 0 && e->sink->scorecard && card < e->defs->n_scorecards; card++)
        if (e->defs->scorecard[card].dim == s->dim && touched(e, s, card) &&
            in_force(e, s->org, card, e->view[VIEW_JUDGED].at_ms))
            rc = subject_erased(e, s, VIEW_JUDGED) ? take_back(e, s, card) : publish_card(e, s, card, tick_ms);
    return rc;
}

static bool past_known(const struct evaluator *e, const struct scorecard_def *def)
{
    for (uint32_t i = 0; i < def->n_items + def->n_also; i++)
        if (!plan_past_known(&e->plan, def->item[i].kpi, &def->item[i].window))
            return false;
    return true;
}

/* Revision of a card as it would be told: 0 if it was told so, -1 when out of memory. */
static int64_t revision_of_card(struct evaluator *e, const struct subject *s, uint32_t card,
                                const struct scorecard_snapshot *snapshot)
{
    char key[1200];
    int n = snprintf(key, sizeof key, "rvc|%s|%s|%.*s|%lld", e->defs->scorecard[card].id, dim_name(s->dim),
                     (int)s->escaped.n, s->escaped.p, (long long)snapshot->window_start_ms);
    if (n < 0 || (size_t)n >= sizeof key)
        return -1;
    return revision_told(e, s->org->id, (struct slice){ key, (uint32_t)n }, content_hash(snapshot),
                         s->card_published[card]);
}

int scorecard_revise(struct evaluator *e, struct subject *s, uint32_t card, int64_t at_ms, int64_t tick_ms)
{
    struct card c = { .e = e,
                      .subject = s,
                      .def = &e->defs->scorecard[card],
                      .view = VIEW_JUDGED,
                      .at_ms = at_ms,
                      .past = true,
                      .revised = true };
    struct scorecard_snapshot snapshot;
    if (!in_force(e, s->org, card, at_ms) || !past_known(e, c.def) || subject_erased(e, s, VIEW_JUDGED))
        return 0;
    int rc = make(&c, card, tick_ms, &snapshot);
    if (rc == 0) {
        snapshot.revision = revision_of_card(e, s, card, &snapshot);
        rc = snapshot.revision > 0 ? e->sink->scorecard(e->sink->ctx, &snapshot) : (int)snapshot.revision;
    }
    release(&c);
    return rc;
}

static int answer(struct evaluator *e, struct subject *s, uint32_t card, int64_t at_ms,
                  int (*each)(void *ctx, const struct scorecard_snapshot *s), void *ctx)
{
    struct card c = {
        .e = e, .subject = s, .def = &e->defs->scorecard[card], .view = VIEW_BASE, .at_ms = at_ms, .past = true
    };
    struct scorecard_snapshot snapshot;
    int rc = make(&c, card, at_ms, &snapshot);
    if (rc == 0)
        rc = each(ctx, &snapshot);
    release(&c);
    return rc;
}

int evaluator_scorecards(struct evaluator *e, int64_t at_ms, int (*each)(void *ctx, const struct scorecard_snapshot *s),
                         void *ctx)
{
    int rc = 0;
    for (uint32_t o = 0; o < e->store.n_orgs; o++)
        for (uint32_t card = 0; card < e->defs->n_scorecards; card++) {
            const struct subject_list *list = &e->store.org[o]->dim[e->defs->scorecard[card].dim];
            if (!in_force(e, e->store.org[o], card, at_ms))
                continue;
            for (uint32_t i = 0; rc == 0 && i < list->n; i++)
                if ((subject_listed_ms(list->v[i]) <= at_ms || list->v[i]->dim == DIM_ORG) &&
                    !subject_erased(e, list->v[i], VIEW_BASE))
                    rc = answer(e, list->v[i], card, at_ms, each, ctx);
        }
    return rc;
}

bool scorecard_figure(struct evaluator *e, struct subject *s, struct slice id, int64_t at_ms, struct card_figure *ret)
{
    bool found = false;
    for (uint32_t card = 0; card < e->defs->n_scorecards && !found; card++) {
        const struct scorecard_def *def = &e->defs->scorecard[card];
        if (!slice_eq(slice_of(def->id), id) || def->dim != s->dim || !in_force(e, s->org, card, at_ms))
            continue;
        struct card c = { .e = e, .subject = s, .def = def, .view = VIEW_JUDGED, .at_ms = at_ms, .past = true };
        if (weigh(&c) < 0) {
            e->out_of_memory = true;
        } else {
            found = !c.total.is_null && c.total.coverage >= def->min_coverage;
            *ret = (struct card_figure){ c.total.score + c.verdict.points, c.total.coverage,
                                         (int)def->n_bands - 1 - c.verdict.band };
        }
        release(&c);
    }
    return found;
}
