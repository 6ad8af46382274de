/* Rules: who is judged at a tick, what the state machine is shown, and the transition that leaves. */
#include "rules.h"

#include <stdlib.h>

#include "alert.h"
#include "eval_erased.h"
#include "evidence.h"
#include "row.h"
#include "rule_read.h"

#define STALE_AFTER_MS INT64_C(3600000) /* unless configured */

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
    const struct alert *alert;
    struct rule_reader x;
    int64_t tick_ms, starts_ms;
};

/* Event time of the change: the newest event of this tick behind the figure, or the tick where only time moved. */
static int64_t occurred(const struct judged *j)
{
    const struct plan_kpi *k = &j->e->plan.kpi[j->x.rule->kpi];
    int64_t newest = INT64_MIN;
    for (uint32_t i = 0; i < k->n_leaves; i++) {
        const struct node *n = j->x.subject->node[k->leaf[i].measure];
        int64_t of_leaf_ms = n ? newest_of(&n->view[VIEW_JUDGED].newest, j->e->view[VIEW_JUDGED].at_ms) : INT64_MIN;
        newest = of_leaf_ms > newest ? of_leaf_ms : newest;
    }
    return newest == INT64_MIN ? j->tick_ms : newest;
}

/* What decided: its threshold and its text. */
struct verdict {
    enum alert_state from, to;
    int grade; /* milestones: the one that was passed, counted from 1 */
    double threshold;
    const char *condition;
};

static struct verdict verdict_of(const struct rule_def *rule, const struct alert_step *step, int grade)
{
    if (step->to != ALERT_FIRING)
        return (struct verdict){ step->from, step->to, grade, rule->clear_expr ? 0 : rule->clear, rule->clear_text };
    if (grade == GRADE_PAGE)
        return (struct verdict){ step->from, step->to, grade, rule->page, rule->page_text };
    if (grade == GRADE_CRITICAL)
        return (struct verdict){ step->from, step->to, grade, rule->critical, rule->critical_text };
    return (struct verdict){ step->from, step->to, grade, rule->fire, rule->fire_text };
}

/* The milestone is part of the id: several may be passed at one tick. So is the definition: a rule that changes may judge a tick again. */
static struct slice transition_id(const struct alert_transition *t, bool milestone, char *buf)
{
    const struct slice parts[] = {
        t->rule, t->org, t->dim, t->subject, t->from_state, t->to_state, t->definition_hash
    };
    const int64_t numbers[] = { t->tick_ms, double_bits(t->threshold) };
    return hex_id(parts, sizeof parts / sizeof parts[0], numbers, milestone ? 2 : 1, buf);
}

static struct slice level_of(const struct rule_def *rule, int grade)
{
    return !rule->n_milestones && grade >= GRADE_CRITICAL ? SLICE("critical") : slice_of(rule->level);
}

static bool is_stale(const struct evaluator *e, int64_t tick_ms)
{
    int64_t after_ms = e->defs->stale_after_ms > 0 ? e->defs->stale_after_ms : STALE_AFTER_MS;
    int64_t emitted_ms = e->sink->emitted_at_ms ? e->sink->emitted_at_ms : e->now_ms;
    return emitted_ms - tick_ms > after_ms;
}

/* Of the window that was judged. */
static int64_t revision_judged(const struct judged *j)
{
    const struct alert *a = j->alert;
    return a->revision && a->revised_ms == j->x.value.span.end_ms - 1 ? a->revision : 0;
}

static int emit(const struct judged *j, const struct verdict *v)
{
    char id[33], hash[17];
    const struct evaluator *e = j->e;
    const struct rule_reader *x = &j->x;
    const struct rule_def *rule = x->rule;
    hex_hash(rule->hash, hash);
    struct alert_transition t = {
        .rule = slice_of(rule->id),
        .org = x->subject->org->id,
        .dim = slice_of(dim_name(x->subject->dim)),
        .subject = x->subject->text,
        .level = level_of(rule, v->grade),
        .from_state = slice_of(alert_state_name(v->from)),
        .to_state = slice_of(alert_state_name(v->to)),
        .tick_ms = j->tick_ms,
        .occurred_at_ms = occurred(j),
        .kpi = slice_of(rule->scorecard ? rule->scorecard : e->defs->kpi[rule->kpi].id),
        .window = slice_of(rule->window.name),
        .window_start_ms = x->value.span.start_ms,
        .window_end_ms = x->value.span.end_ms,
        .value = x->has_value ? x->figure : 0,
        .is_null = !x->has_value,
        .numerator = x->value.numerator,
        .denominator = x->value.denominator,
        .samples = x->value.has_samples ? x->value.samples : 0,
        .threshold = v->threshold,
        .condition = slice_of(v->condition),
        .revision = revision_judged(j),
        .definition_hash = { hash, 16 },
        .historical = is_stale(e, j->tick_ms),
    };
    struct evidence_list evidence;
    if (evidence_of(j->e, x->subject, rule->kpi, x->value.span, &evidence) < 0)
        return -1;
    t.evidence_event_ids = evidence.id;
    t.evidence_count = evidence.n;
    t.evidence_truncated = evidence.truncated;
    t.page = !rule->n_milestones && v->to == ALERT_FIRING && v->grade == GRADE_PAGE && !t.historical;
    t.id = transition_id(&t, rule->n_milestones > 0, id);
    return e->sink->alert ? e->sink->alert(e->sink->ctx, &t) : 0;
}

static struct alert *alert_of(struct evaluator *e, struct subject *s, int rule)
{
    if (!s->alert)
        s->alert = calloc(e->defs->n_rules, sizeof *s->alert);
    return s->alert ? &s->alert[rule] : NULL;
}

/* Last instant of the window that the rule judged as the newest complete one before this tick. */
static int64_t judged_before_ms(const struct evaluator *e, const struct rule_def *rule, const struct org *org)
{
    enum period period = rule_period(rule, org->cal);
    int64_t before_ms = e->view[VIEW_JUDGED].at_ms - e->tick_ms;
    int64_t last_ms = org_period(org, period, before_ms + 1 - rule->mature_ms).start_ms - 1;
    return rule->lag_ms && !rule->scorecard ? org_period(org, period, last_ms - rule->lag_ms).end_ms - 1 : last_ms;
}

static void count_revision(struct evaluator *e, struct subject *s, int rule, int64_t last_ms)
{
    int64_t tick_ms = e->view[VIEW_JUDGED].at_ms + 1, counted_ms = snapshot_at(e, tick_ms);
    struct alert *a = alert_of(e, s, rule);
    if (!a) {
        e->out_of_memory = true;
        return;
    }
    if (counted_ms == INT64_MAX)
        counted_ms = tick_ms;
    if (a->revised_ms == last_ms && a->revision && a->counted_ms == counted_ms)
        return;
    a->revision = a->revised_ms == last_ms ? a->revision + 1 : 1;
    a->revised_ms = last_ms;
    a->counted_ms = counted_ms;
    a->unsaved = true;
}

/* Whether the change of a watch is one of what the rule judges, not only of what its conditions read beside it. */
static bool judges(const struct evaluator *e, const struct rule_def *rule, const struct plan_watch *w, bool cycle)
{
    if (rule->scorecard)
        return cycle;
    return !cycle && rule->kpi == w->kpi && plan_window(&e->plan, &rule->window) == w->window;
}

void rules_revised(struct evaluator *e, struct subject *s, const struct plan_slot *slot, int64_t last_ms, bool cycle)
{
    uint32_t n = e->plan.n_watches;
    for (uint32_t i = bit_next(slot->watches, n, 0); i < n; i = bit_next(slot->watches, n, i + 1)) {
        const struct plan_watch *w = &e->plan.watch[i];
        for (uint32_t r = 0; w->rule_dims >> s->dim & 1 && r < w->n_rules; r++) {
            const struct rule_def *rule = &e->defs->rule[w->rule[r]];
            if (rule->dims >> s->dim & 1 && plan_rule_at_close(&e->plan, rule) && judges(e, rule, w, cycle) &&
                judged_before_ms(e, rule, s->org) == last_ms)
                count_revision(e, s, w->rule[r], last_ms);
        }
    }
}

/* Looked at again then, without any event; one entry on the agenda is enough. */
static void wake(struct judged *j, struct alert *a, int64_t at_ms)
{
    const struct plan *plan = &j->e->plan;
    const struct rule_def *rule = j->x.rule;
    if (at_ms == INT64_MAX || at_ms <= j->e->view[VIEW_JUDGED].at_ms || a->wake_ms == at_ms)
        return;
    a->wake_ms = at_ms;
    view_wake(j->e, j->x.subject, plan_watch_of(plan, rule->kpi, plan_window(plan, &rule->window)), at_ms);
}

static int judge_milestones(struct judged *j, struct alert *a)
{
    const struct rule_def *rule = j->x.rule;
    const struct calendar *cal = j->x.subject->org->cal;
    int64_t cycle_ms = calendar_period(cal, cal->cycle, j->x.at_ms).start_ms;
    int passed = 0, rc = 0;
    while (rule_sight(&j->x, j->starts_ms).enough && passed < (int)rule->n_milestones &&
           j->x.figure >= rule->milestone[passed])
        passed++;
    while (rc == 0 && alert_pass(a, passed, cycle_ms)) {
        struct verdict v = { a->grade > 1 ? ALERT_FIRING : ALERT_OK, ALERT_FIRING, a->grade,
                             rule->milestone[a->grade - 1], NULL };
        rc = emit(j, &v);
    }
    return rc;
}

/* An alert that is firing for somebody who is erased ends; then nothing is left of it. */
static int judge_erased(struct judged *j, const struct judgement *w, struct alert *a)
{
    int rc = 0;
    struct verdict v = { a->state, ALERT_OK, a->grade, 0, "erased" };
    if (!j->x.rule->n_milestones && (a->state == ALERT_FIRING || a->state == ALERT_RECOVERING))
        rc = emit(j, &v);
    if (a->state != ALERT_OK || a->since_ms || a->grade || a->revision)
        *a = (struct alert){ .unsaved = true };
    return rc ? rc : erased_tell(j->e, w->subject, GONE_ALERT, "", j->x.rule->id);
}

static int judge(struct evaluator *e, const struct judgement *w, int64_t tick_ms)
{
    const struct rule_def *rule = &e->defs->rule[w->rule];
    struct judged j = { .e = e, .tick_ms = tick_ms };
    struct alert *a = alert_of(e, w->subject, w->rule);
    if (!a)
        return -1;
    j.alert = a;
    rule_read(&j.x, e, rule, w->subject, w->at_ms);
    if (subject_erased(e, w->subject, VIEW_JUDGED))
        return judge_erased(&j, w, a);
    j.starts_ms = rule_starts_ms(&j.x);
    wake(&j, a, j.starts_ms);
    if (!rule->scorecard && plan_moves_with_clock(&e->plan.kpi[rule->kpi], j.x.value.is_null))
        elapsed_note(e, VIEW_JUDGED, w->subject,
                     plan_watch_of(&e->plan, rule->kpi, plan_window(&e->plan, &rule->window)));
    if (rule->n_milestones)
        return judge_milestones(&j, a);
    struct alert_sight sight = rule_sight(&j.x, j.starts_ms);
    int before = a->grade;
    struct alert_step step = alert_look(a, &sight, tick_ms, rule->for_ms);
    if (step.deadline_ms != INT64_MAX && step.deadline_ms > tick_ms)
        wake(&j, a, step.deadline_ms - 1);
    struct verdict v = verdict_of(rule, &step, step.to == ALERT_FIRING ? a->grade : before);
    return step.emit ? emit(&j, &v) : 0;
}

/* A rule on complete windows looks again at the newest one: a late event may have changed it. */
static int want_rule(struct evaluator *e, struct subject *s, int rule)
{
    const struct rule_def *def = &e->defs->rule[rule];
    int64_t at_ms = e->view[VIEW_JUDGED].at_ms;
    if (!(def->dims >> s->dim & 1))
        return 0;
    if (plan_rule_at_close(&e->plan, def)) {
        at_ms = rule_complete_ms(e, def, s, at_ms);
        if (at_ms == INT64_MIN)
            return 0;
    }
    return rules_want(e, s, rule, at_ms);
}

int rules_wake(struct evaluator *e, struct subject *s, uint32_t watch)
{
    const struct plan_watch *w = &e->plan.watch[watch];
    int rc = 0;
    for (uint32_t r = 0; rc == 0 && w->rule_dims >> s->dim & 1 && r < w->n_rules; r++)
        rc = want_rule(e, s, w->rule[r]);
    return rc;
}

static int want_touched(struct evaluator *e)
{
    const struct subject_set *dirty = &e->view[VIEW_JUDGED].dirty;
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < dirty->n; i++) {
        struct subject *s = dirty->v[i];
        for (uint32_t k = bit_next(s->view[VIEW_JUDGED].dirty, e->plan.n_watches, 0); rc == 0 && k < e->plan.n_watches;
             k = bit_next(s->view[VIEW_JUDGED].dirty, e->plan.n_watches, k + 1))
            rc = rules_wake(e, s, k);
    }
    return rc;
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
