/* Rules: from a KPI value to what the state machine sees, and from its step to the transition that leaves. */
#include "rules.h"

#include <stdlib.h>

#include "alert.h"
#include "row.h"

#define HISTORICAL_MS INT64_C(3600000) /* older than this at emission: pages nobody */

bool rule_compare(enum compare op, double value, double threshold)
{
    switch (op) {
    case CMP_LT:
        return value < threshold;
    case CMP_LE:
        return value <= threshold;
    case CMP_GT:
        return value > threshold;
    case CMP_GE:
        break;
    }
    return value >= threshold;
}

int rules_want(struct evaluator *e, struct subject *s, int rule, int64_t at_ms)
{
    struct judgements *list = &e->judgements;
    if (list->n == list->cap) {
        uint32_t cap = list->cap ? list->cap * 2 : 32;
        struct judgement *v = realloc(list->v, cap * sizeof *v);
        if (!v)
            return -1;
        list->v = v;
        list->cap = cap;
    }
    list->v[list->n++] = (struct judgement){ s, rule, at_ms };
    return 0;
}

static int order(const void *x, const void *y)
{
    const struct judgement *a = x, *b = y;
    int c = a->subject->org == b->subject->org ? 0 : slice_cmp(a->subject->org->id, b->subject->org->id);
    if (c == 0)
        c = (a->rule > b->rule) - (a->rule < b->rule);
    if (c == 0)
        c = subject_cmp(a->subject, b->subject);
    return c ? c : (a->at_ms > b->at_ms) - (a->at_ms < b->at_ms);
}

/* What one judgement is made of. */
struct judged {
    struct evaluator *e;
    const struct rule_def *rule;
    struct subject *subject;
    struct kpi_value value;
    double figure;
    int64_t tick_ms, samples;
};

static struct alert_sight see(struct judged *j)
{
    const struct rule_def *rule = j->rule;
    struct alert_sight s = { .has_value = kpi_stat(&j->value, rule->stat, &j->figure) };
    s.enough = s.has_value && (!j->value.has_samples || j->value.samples >= rule->min_samples);
    s.fires = s.has_value && rule_compare(rule->fire_op, j->figure, rule->fire);
    s.clears = s.has_value && rule_compare(rule->clear_op, j->figure, rule->clear);
    s.critical = s.fires && rule->has_critical && rule_compare(rule->fire_op, j->figure, rule->critical);
    return s;
}

/* Event time of the change: the newest event of this tick behind the figure, or the tick where only time moved. */
static int64_t occurred(const struct judged *j)
{
    const struct plan_kpi *k = &j->e->plan.kpi[j->rule->kpi];
    int64_t newest = INT64_MIN;
    for (uint32_t i = 0; i < k->n_leaves; i++) {
        const struct node *n = j->subject->node[k->leaf[i].measure];
        if (n && n->view[VIEW_JUDGED].touched_tick_ms == j->e->view[VIEW_JUDGED].at_ms &&
            n->view[VIEW_JUDGED].newest_cause_ms > newest)
            newest = n->view[VIEW_JUDGED].newest_cause_ms;
    }
    return newest == INT64_MIN ? j->tick_ms : newest;
}

static double threshold(const struct judged *j, const struct alert_step *step, bool critical)
{
    if (step->to != ALERT_FIRING)
        return j->rule->clear;
    return critical ? j->rule->critical : j->rule->fire;
}

static struct slice transition_id(const struct alert_transition *t, char *buf)
{
    const struct slice parts[] = { t->rule, t->org, t->dim, t->subject, t->from_state, t->to_state };
    return hex_id(parts, sizeof parts / sizeof parts[0], &t->tick_ms, 1, buf);
}

static int emit(const struct judged *j, const struct alert_step *step, bool critical)
{
    char id[33], hash[17];
    const struct evaluator *e = j->e;
    hex_hash(j->rule->hash, hash);
    struct alert_transition t = {
        .rule = slice_of(j->rule->id),
        .org = j->subject->org->id,
        .dim = slice_of(dim_name(j->subject->dim)),
        .subject = j->subject->text,
        .level = critical ? SLICE("critical") : slice_of(j->rule->level),
        .from_state = slice_of(alert_state_name(step->from)),
        .to_state = slice_of(alert_state_name(step->to)),
        .tick_ms = j->tick_ms,
        .occurred_at_ms = occurred(j),
        .kpi = slice_of(e->defs->kpi[j->rule->kpi].id),
        .window = slice_of(j->rule->window.name),
        .window_start_ms = j->value.span.start_ms,
        .window_end_ms = j->value.span.end_ms,
        .value = j->figure,
        .is_null = j->value.is_null,
        .numerator = j->value.numerator,
        .denominator = j->value.denominator,
        .samples = j->value.has_samples ? j->value.samples : 0,
        .threshold = threshold(j, step, critical),
        .definition_hash = { hash, 16 },
        .historical = e->now_ms - j->tick_ms > HISTORICAL_MS,
    };
    t.id = transition_id(&t, id);
    return e->sink->alert ? e->sink->alert(e->sink->ctx, &t) : 0;
}

static struct alert *alert_of(struct evaluator *e, struct subject *s, int rule)
{
    if (!s->alert)
        s->alert = calloc(e->defs->n_rules, sizeof *s->alert);
    return s->alert ? &s->alert[rule] : NULL;
}

static int judge(struct evaluator *e, const struct judgement *x, int64_t tick_ms)
{
    const struct rule_def *rule = &e->defs->rule[x->rule];
    struct judged j = { .e = e, .rule = rule, .subject = x->subject, .tick_ms = tick_ms };
    int window = plan_window(&e->plan, &rule->window);
    bool here = x->at_ms == e->view[VIEW_JUDGED].at_ms;
    struct reading r =
        here ? reading_at_view(e, VIEW_JUDGED, window) : reading_past(e, VIEW_JUDGED, &rule->window, x->at_ms);
    struct alert *a = alert_of(e, x->subject, x->rule);
    if (!a)
        return -1;
    kpi_read(&r, x->subject, rule->kpi, &j.value);
    struct alert_sight sight = see(&j);
    bool was_critical = a->critical;
    struct alert_step step = alert_look(a, &sight, tick_ms, rule->for_ms);
    if (step.deadline_ms != INT64_MAX && step.deadline_ms > tick_ms)
        view_wake(e, VIEW_JUDGED, x->subject, plan_watch_of(&e->plan, rule->kpi, window), step.deadline_ms - 1);
    if (e->plan.kpi[rule->kpi].elapsed && !j.value.is_null)
        elapsed_note(e, VIEW_JUDGED, x->subject, plan_watch_of(&e->plan, rule->kpi, window));
    return step.emit ? emit(&j, &step, step.to == ALERT_FIRING ? a->critical : was_critical) : 0;
}

static int want_touched(struct evaluator *e)
{
    const struct subject_set *dirty = &e->view[VIEW_JUDGED].dirty;
    for (uint32_t i = 0; i < dirty->n; i++) {
        struct subject *s = dirty->v[i];
        for (uint32_t k = 0; k < e->plan.n_watches; k++) {
            const struct plan_watch *w = &e->plan.watch[k];
            if (w->n_rules == 0 || !(w->rule_dims >> s->dim & 1) || !bit_test(s->view[VIEW_JUDGED].dirty, k))
                continue;
            for (uint32_t r = 0; r < w->n_rules; r++) {
                const struct rule_def *rule = &e->defs->rule[w->rule[r]];
                if (rule->dims >> s->dim & 1 && !plan_rule_at_close(&e->plan, rule) &&
                    rules_want(e, s, w->rule[r], e->view[VIEW_JUDGED].at_ms) < 0)
                    return -1;
            }
        }
    }
    return 0;
}

int rules_judge(struct evaluator *e, int64_t tick_ms)
{
    struct judgements *list = &e->judgements;
    int rc = want_touched(e);
    if (list->n > 1)
        qsort(list->v, list->n, sizeof *list->v, order);
    for (uint32_t i = 0; rc == 0 && i < list->n; i++)
        if (i == 0 || order(&list->v[i - 1], &list->v[i]) != 0)
            rc = judge(e, &list->v[i], tick_ms);
    list->n = 0;
    return rc;
}
