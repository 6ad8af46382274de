/* A rule's view of one subject, put into plain data. The conditions are those of rule_read.c; the state is the one that was judged. */
#include "crmpulse/explain.h"

#include <stdlib.h>

#include "alert.h"
#include "eval_erased.h"
#include "evidence.h"
#include "kpi_read.h"
#include "plan.h"
#include "rule_read.h"

/* What an explanation borrows. */
struct explain_room {
    struct explained_measure *measure;
    uint32_t n_measures, cap_measures;
    struct explained_pane *pane;
    uint32_t n_panes, cap_panes;
    bool failed;
};

static void *more(struct explain_room *x, void *v, uint32_t n, uint32_t *cap, size_t size)
{
    if (n < *cap)
        return v;
    uint32_t grown = *cap ? *cap * 2 : 16;
    void *p = realloc(v, grown * size);
    x->failed |= !p;
    *cap = p ? grown : *cap;
    return p ? p : v;
}

static void add_pane(struct explain_room *x, const struct pane *p)
{
    x->pane = more(x, x->pane, x->n_panes, &x->cap_panes, sizeof *x->pane);
    if (!x->failed)
        x->pane[x->n_panes++] = (struct explained_pane){ p->start_ms, p->value };
}

/* Panes of one series inside the window. The pane array may still move: its place is set at the end. */
static void add_series(struct explain_room *x, const struct measure_reader *m, const struct measure_def *def,
                       const struct series *s, const char *part)
{
    const struct track *t = &s->track[m->r->view];
    bool fine = window_grain(m->r->window) == GRAIN_MINUTE && def->fine;
    const struct panes *p = &t->panes[fine ? GRAIN_MINUTE : GRAIN_HOUR];
    struct span span = measure_span(m, def, COMPARED_NOT);
    struct explained_measure *to;
    x->measure = more(x, x->measure, x->n_measures, &x->cap_measures, sizeof *x->measure);
    if (x->failed)
        return;
    to = &x->measure[x->n_measures++];
    *to = (struct explained_measure){ .id = def->id, .part = part, .gauge = def->gauge };
    if (def->gauge)
        to->total = t->total;
    for (uint32_t i = def->gauge ? p->n : panes_from(p, span.start_ms); i < p->n && p->v[i].start_ms < span.end_ms; i++)
        if (p->v[i].value) {
            add_pane(x, &p->v[i]);
            to->total += p->v[i].value;
            to->n_panes++;
        }
}

static void add_measure(struct explain_room *x, const struct measure_reader *m, int measure)
{
    const struct measure_def *def = &m->r->e->defs->measure[measure];
    const struct node *n = measure_node(m, measure);
    if (!n)
        return;
    bool duration = def->agg == AGG_DURATION;
    const struct series *base = n->part[duration ? SERIES_N : part_for(def, m->r->window)];
    if (base)
        add_series(x, m, def, base, duration ? "n" : "");
    if (duration && n->part[SERIES_SUM])
        add_series(x, m, def, n->part[SERIES_SUM], "sum");
}

static void add_measures(struct explain_room *x, const struct rule_reader *reader)
{
    const struct plan_kpi *k = &reader->e->plan.kpi[reader->rule->kpi];
    const struct measure_reader m = { .r = &reader->r, .s = reader->subject };
    x->n_measures = x->n_panes = 0;
    for (uint32_t i = 0; i < k->n_leaves; i++)
        if (k->leaf[i].at == COMPARED_NOT && !k->leaf[i].whole)
            add_measure(x, &m, k->leaf[i].measure);
    for (uint32_t i = 0, at = 0; i < x->n_measures; i++) {
        x->measure[i].pane = x->pane + at;
        at += x->measure[i].n_panes;
    }
}

static void put_state(struct explanation *to, const struct subject *s, int rule)
{
    const struct alert *a = s->alert ? &s->alert[rule] : NULL;
    to->state = alert_state_name(a ? a->state : ALERT_NO_DATA);
    to->since_ms = a ? a->since_ms : 0;
    if (a && to->rule->n_milestones)
        to->milestones = (uint32_t)a->grade;
    else
        to->critical = a && a->grade >= GRADE_CRITICAL;
}

static void put_sight(struct explanation *to, struct rule_reader *x)
{
    to->window = x->value.span;
    to->has_value = x->has_value;
    to->figure = x->has_value ? x->figure : 0;
    to->is_ratio = x->value.has_numerator && x->value.has_denominator;
    to->numerator = x->value.numerator;
    to->denominator = x->value.denominator;
    to->has_samples = x->value.has_samples;
    to->samples = x->value.has_samples ? x->value.samples : 0;
    if (!to->rule->scorecard) {
        to->columns = &x->e->defs->kpi[to->rule->kpi];
        to->extra = x->value.extra;
        to->extra_null = x->value.extra_null;
    }
    int64_t starts_ms = rule_starts_ms(x);
    struct alert_sight sight = rule_sight(x, starts_ms);
    to->started = starts_ms <= x->r.at_ms;
    to->enough = sight.enough;
    to->fires = sight.fires;
    to->is_critical = sight.fires && sight.grade >= GRADE_CRITICAL;
    to->clears = sight.clears;
}

struct explaining {
    struct evaluator *e;
    const struct explain_query *q;
    struct explain_room room;
    int (*each)(void *ctx, const struct explanation *x);
    void *ctx;
};

static int explain_subject(struct explaining *g, struct subject *s)
{
    const struct rule_def *rule = &g->e->defs->rule[g->q->rule];
    struct rule_reader reader;
    struct evidence_list evidence;
    struct explanation to = { .rule = rule,
                              .org = s->org->id,
                              .subject = s->text,
                              .dim = s->dim,
                              .judged_ms = evaluator_judged_tick(g->e),
                              .at_ms = g->q->at_ms };
    if (plan_rule_at_close(&g->e->plan, rule))
        to.at_ms = rule_complete_ms(g->e, rule, s, g->q->at_ms);
    put_state(&to, s, g->q->rule);
    to.complete = to.at_ms != INT64_MIN;
    if (to.complete) {
        rule_read(&reader, g->e, rule, s, to.at_ms);
        put_sight(&to, &reader);
        add_measures(&g->room, &reader);
        to.n_measures = g->room.n_measures;
        to.measure = g->room.measure;
        if (evidence_of(g->e, s, rule->kpi, reader.value.span, &evidence) < 0)
            return -1;
        to.n_evidence = evidence.n;
        to.evidence = evidence.id;
        to.evidence_truncated = evidence.truncated;
    }
    return g->room.failed || g->e->out_of_memory ? -1 : g->each(g->ctx, &to);
}

static bool asked(const struct explain_query *q, const struct subject *s)
{
    if (q->subject.n)
        return slice_eq(q->subject, s->text);
    int64_t known_ms = subject_known_ms(s, VIEW_BASE);
    return s->dim == DIM_ORG || known_ms <= q->at_ms;
}

int evaluator_explain(struct evaluator *e, const struct explain_query *q,
                      int (*each)(void *ctx, const struct explanation *x), void *ctx)
{
    struct explaining g = { .e = e, .q = q, .each = each, .ctx = ctx };
    uint32_t dims = e->defs->rule[q->rule].dims;
    int rc = 0;
    for (uint32_t o = 0; o < e->store.n_orgs; o++)
        for (int d = 0; rc == 0 && d < DIM_COUNT; d++) {
            const struct subject_list *list = &e->store.org[o]->dim[d];
            for (uint32_t i = 0; rc == 0 && dims >> d & 1 && (q->dim < 0 || q->dim == d) && i < list->n; i++)
                if (asked(q, list->v[i]) && !subject_erased(e, list->v[i], VIEW_BASE))
                    rc = explain_subject(&g, list->v[i]);
        }
    free(g.room.measure);
    free(g.room.pane);
    return rc;
}
