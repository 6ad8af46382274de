/* The names in the conditions of rules. Windows of the past are read from the same panes, so corrections reach them too; a window that lies wholly before
 * the org's first pane has no value, for there is nothing to compare with. */
#include "rule_read.h"

#define DAY_MS INT64_C(86400000)

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

/* ---- since when there is anything --------------------------------------------------------------------------------------------------------------- */

static int64_t first_of_series(const struct series *s)
{
    int64_t first_ms = INT64_MAX;
    for (int g = 0; s && g < GRAIN_COUNT; g++) {
        const struct panes *p = &s->track[VIEW_JUDGED].panes[g];
        uint32_t i = 0;
        while (i < p->n && p->v[i].value == 0)
            i++;
        if (i < p->n && p->v[i].start_ms < first_ms)
            first_ms = p->v[i].start_ms;
    }
    return first_ms;
}

static int64_t first_of_node(const struct node *n)
{
    int64_t first_ms = INT64_MAX;
    for (int i = 0; n && i < SERIES_PARTS; i++) {
        int64_t t = first_of_series(n->part[i]);
        first_ms = t < first_ms ? t : first_ms;
    }
    return first_ms;
}

/* Start of the subject's first pane that holds anything; INT64_MAX: none. */
static int64_t first_of_subject(const struct evaluator *e, const struct subject *s)
{
    int64_t first_ms = INT64_MAX;
    for (uint32_t m = 0; m < e->defs->n_measures; m++) {
        int64_t t = first_of_node(s->node[m]);
        first_ms = t < first_ms ? t : first_ms;
    }
    return first_ms;
}

static int64_t first_of_org(const struct rule_reader *x)
{
    struct org_view *view = &x->subject->org->view[VIEW_JUDGED];
    if (view->first_at_ms != x->e->view[VIEW_JUDGED].at_ms || view->first_ms == INT64_MAX) {
        view->first_at_ms = x->e->view[VIEW_JUDGED].at_ms;
        view->first_ms = first_of_subject(x->e, x->subject);
        for (uint32_t i = 0; i < x->subject->org->dim[DIM_ORG].n; i++) {
            int64_t t = first_of_subject(x->e, x->subject->org->dim[DIM_ORG].v[i]);
            view->first_ms = t < view->first_ms ? t : view->first_ms;
        }
    }
    return view->first_ms;
}

/* ---- positions ----------------------------------------------------------------------------------------------------------------------------------- */

static enum period period_of(const struct window *w, const struct calendar *cal)
{
    return w->kind == WINDOW_PERIOD ? w->period : cal->cycle;
}

enum period rule_period(const struct rule_def *rule, const struct calendar *cal)
{
    return rule->scorecard ? cal->cycle : rule->window.period;
}

int64_t rule_complete_ms(const struct evaluator *e, const struct rule_def *rule, const struct subject *s, int64_t at_ms)
{
    int64_t end_ms = calendar_period(s->org->cal, rule_period(rule, s->org->cal), at_ms + 1 - rule->mature_ms).start_ms;
    return first_of_subject(e, s) < end_ms ? end_ms - 1 : INT64_MIN;
}

/* The k-th window before the judged one. False: there is none, or nothing was known then. */
static bool past_reading(const struct rule_reader *x, uint32_t k, struct reading *ret)
{
    const struct window *w = &x->rule->window;
    const struct calendar *cal = x->subject->org->cal;
    int64_t at_ms = x->r.at_ms;
    *ret = x->r;
    if (w->kind == WINDOW_ROLLING) {
        *ret = reading_past(x->e, VIEW_JUDGED, w, at_ms - (int64_t)k * w->length_ms);
    } else if (w->kind != WINDOW_PERIOD && w->kind != WINDOW_TO_DATE) {
        return false;
    } else if (k == 1 && x->here) { /* a running window with the part of the one before that had passed by then */
        ret->prev = COMPARED_ELAPSED;
    } else {
        enum period period = period_of(w, cal);
        for (; k > 0; k--)
            at_ms = calendar_period(cal, period, at_ms).start_ms - 1;
        *ret = reading_past(x->e, VIEW_JUDGED, w, at_ms);
    }
    return reading_span(ret, x->subject->org, ret->prev).end_ms > first_of_org(x);
}

static struct expr_value of_double(double d)
{
    return (struct expr_value){ .type = EXPR_DOUBLE, .d = d };
}

static bool figure_at(const struct rule_reader *x, const struct reading *r, int kpi, int stat, struct kpi_value *v,
                      double *ret)
{
    kpi_read(r, x->subject, kpi, v);
    return kpi_stat(v, stat, ret);
}

static struct expr_value previous(const struct rule_reader *x, bool samples)
{
    struct reading r;
    struct kpi_value v;
    double figure;
    if (!past_reading(x, 1, &r))
        return expr_null();
    bool has = figure_at(x, &r, x->rule->kpi, x->rule->stat, &v, &figure);
    if (samples)
        return v.has_samples ? expr_int(v.samples) : expr_null();
    return has ? of_double(figure) : expr_null();
}

/* Windows without a value are left out; all four must lie in what is known. */
static struct expr_value mean_of_four(const struct rule_reader *x)
{
    double sum = 0, figure;
    uint32_t n = 0;
    for (uint32_t k = 1; k <= 4; k++) {
        struct reading r;
        struct kpi_value v;
        if (!past_reading(x, k, &r))
            return expr_null();
        if (figure_at(x, &r, x->rule->kpi, x->rule->stat, &v, &figure)) {
            sum += figure;
            n++;
        }
    }
    return n ? of_double(sum / n) : expr_null();
}

static struct expr_value elapsed(const struct rule_reader *x)
{
    const struct calendar *cal = x->subject->org->cal;
    bool cycle = x->rule->window.kind == WINDOW_TO_DATE || x->rule->window.kind == WINDOW_GAUGE;
    struct span span =
        cycle ? calendar_period(cal, cal->cycle, x->r.at_ms) : reading_span(&x->r, x->subject->org, COMPARED_NOT);
    double share = (double)(x->r.at_ms - span.start_ms) / (double)(span.end_ms - span.start_ms);
    return of_double(share > 1 ? 1 : share);
}

static struct reading other_reading(const struct rule_reader *x, const struct rule_read *read)
{
    int window = plan_window(&x->e->plan, &read->window);
    if (x->here && !read->ago_ms && window >= 0)
        return reading_at_view(x->e, VIEW_JUDGED, window);
    return reading_past(x->e, VIEW_JUDGED, &read->window, x->at_ms - read->ago_ms);
}

static struct expr_value other(const struct rule_reader *x, const struct rule_read *read)
{
    int kpi = read->kpi < 0 ? x->rule->kpi : read->kpi;
    struct kpi_value v;
    double figure, sum = 0;
    uint32_t n = 0;
    if (!read->mean_ms) {
        struct reading r = other_reading(x, read);
        bool known = !read->ago_ms || r.at_ms >= first_of_org(x);
        return known && figure_at(x, &r, kpi, read->stat, &v, &figure) ? of_double(figure) : expr_null();
    }
    for (int64_t back_ms = DAY_MS; back_ms <= read->mean_ms; back_ms += DAY_MS) {
        struct reading r = reading_past(x->e, VIEW_JUDGED, &read->window, x->at_ms - read->ago_ms - back_ms);
        if (r.at_ms >= first_of_org(x) && figure_at(x, &r, kpi, read->stat, &v, &figure)) {
            sum += figure;
            n++;
        }
    }
    return n ? of_double(sum / n) : expr_null();
}

/* Of a scorecard: its own figures, and those of the cycle before. */
static struct expr_value card_value(const struct rule_reader *x, int slot)
{
    const struct calendar *cal = x->subject->org->cal;
    struct card_figure before = { 0 };
    bool wants_before = slot == RULE_PREV || slot == RULE_PREV_BAND;
    int64_t start_ms = calendar_period(cal, cal->cycle, x->at_ms).start_ms;
    if (wants_before && (start_ms <= first_of_org(x) ||
                         !scorecard_figure(x->e, x->subject, slice_of(x->rule->scorecard), start_ms - 1, &before)))
        return expr_null();
    switch (slot) {
    case RULE_VALUE:
        return x->has_value ? of_double(x->figure) : expr_null();
    case RULE_PREV:
        return of_double(before.score);
    case RULE_BAND:
        return x->has_value ? expr_int(x->card.band) : expr_null();
    case RULE_PREV_BAND:
        return expr_int(before.band);
    case RULE_COVERAGE:
        return of_double(x->card.coverage);
    default:
        return expr_null();
    }
}

static struct expr_value load(void *ctx, int slot)
{
    const struct rule_reader *x = ctx;
    if (x->rule->scorecard)
        return card_value(x, slot);
    switch (slot) {
    case RULE_VALUE:
        return x->has_value ? of_double(x->figure) : expr_null();
    case RULE_N:
        return x->value.has_samples ? expr_int(x->value.samples) : expr_null();
    case RULE_PREV:
    case RULE_PREV_N:
        return previous(x, slot == RULE_PREV_N);
    case RULE_MEAN4:
        return mean_of_four(x);
    case RULE_ELAPSED:
        return elapsed(x);
    default:
        break;
    }
    uint32_t i = (uint32_t)(slot - RULE_READ);
    return slot >= RULE_READ && i < x->rule->n_reads ? other(x, &x->rule->read[i]) : expr_null();
}

/* ---- the whole ------------------------------------------------------------------------------------------------------------------------------------ */

void rule_read(struct rule_reader *ret, struct evaluator *e, const struct rule_def *rule, struct subject *s,
               int64_t at_ms)
{
    *ret = (struct rule_reader){
        .e = e, .rule = rule, .subject = s, .at_ms = at_ms, .here = at_ms == e->view[VIEW_JUDGED].at_ms
    };
    if (rule->scorecard) {
        ret->here = false;
        ret->r = reading_past(e, VIEW_JUDGED, &rule->window, at_ms);
        ret->has_value = scorecard_figure(e, s, slice_of(rule->scorecard), at_ms, &ret->card);
        ret->figure = ret->card.score;
        ret->value = (struct kpi_value){ .is_null = !ret->has_value,
                                         .span = calendar_period(s->org->cal, s->org->cal->cycle, at_ms) };
        return;
    }
    if (ret->here && !rule->lag_ms)
        ret->r = reading_at_view(e, VIEW_JUDGED, plan_window(&e->plan, &rule->window));
    else
        ret->r = reading_past(e, VIEW_JUDGED, &rule->window, at_ms - rule->lag_ms);
    kpi_read(&ret->r, s, rule->kpi, &ret->value);
    if (rule->samples)
        ret->value.has_samples = kpi_count(&ret->r, s, rule->samples, &ret->value.samples);
    ret->has_value = kpi_stat(&ret->value, rule->stat, &ret->figure);
}

bool rule_holds(struct rule_reader *x, const struct expr *expr, enum compare op, double threshold)
{
    if (expr)
        return expr_true(expr_eval(expr, load, x));
    return x->has_value && rule_compare(op, x->figure, threshold);
}

/* The first pane that any of the KPI's measures has for the subject. */
static int64_t first_sample(const struct rule_reader *x)
{
    const struct plan_kpi *k = &x->e->plan.kpi[x->rule->kpi];
    int64_t first_ms = INT64_MAX;
    for (uint32_t i = 0; i < k->n_leaves; i++) {
        int64_t t = first_of_node(x->subject->node[k->leaf[i].measure]);
        first_ms = t < first_ms ? t : first_ms;
    }
    return first_ms;
}

int64_t rule_starts_ms(const struct rule_reader *x)
{
    const struct rule_def *rule = x->rule;
    const struct calendar *cal = x->subject->org->cal;
    int64_t start_ms = INT64_MIN;
    if (rule->after_ms) {
        int64_t first_ms = first_sample(x);
        start_ms = first_ms == INT64_MAX ? INT64_MAX : first_ms + rule->after_ms;
    }
    if (rule->after_share > 0) {
        bool cycle = rule->window.kind == WINDOW_TO_DATE || rule->window.kind == WINDOW_GAUGE;
        struct span span =
            cycle ? calendar_period(cal, cal->cycle, x->r.at_ms) : reading_span(&x->r, x->subject->org, COMPARED_NOT);
        int64_t due_ms =
            span.start_ms + (int64_t)(rule->after_share * (double)(span.end_ms - span.start_ms) + 0.999999);
        start_ms = due_ms > start_ms ? due_ms : start_ms;
    }
    return start_ms;
}

static int grade(struct rule_reader *x)
{
    const struct rule_def *rule = x->rule;
    if (rule->has_page && rule_holds(x, rule->page_expr, rule->fire_op, rule->page))
        return GRADE_PAGE;
    if (rule->has_critical && rule_holds(x, rule->critical_expr, rule->fire_op, rule->critical))
        return GRADE_CRITICAL;
    return GRADE_BASE;
}

struct alert_sight rule_sight(struct rule_reader *x, int64_t starts_ms)
{
    const struct rule_def *rule = x->rule;
    struct alert_sight s = { .has_value = x->has_value };
    s.enough =
        s.has_value && (!x->value.has_samples || x->value.samples >= rule->min_samples) && starts_ms <= x->r.at_ms;
    if (!s.enough)
        return s;
    s.fires = rule_holds(x, rule->fire_expr, rule->fire_op, rule->fire);
    s.clears = rule_holds(x, rule->clear_expr, rule->clear_op, rule->clear);
    s.grade = s.fires ? grade(x) : GRADE_BASE;
    return s;
}
