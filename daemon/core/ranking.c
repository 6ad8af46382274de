/* Order and ranks. Which rankings are published where is board.c's work. */
#include "ranking.h"

#include <stdlib.h>

#include "eval_erased.h"
#include "kpi_read.h"

/* Values enter as "greater is better". */
int ranked_cmp(const struct ranked *a, const struct ranked *b)
{
    if (a->unranked != b->unranked)
        return a->unranked - b->unranked;
    if (a->is_null != b->is_null)
        return a->is_null - b->is_null;
    if (!a->is_null && a->value != b->value)
        return a->value > b->value ? -1 : 1;
    if (a->reached_ms != b->reached_ms)
        return a->reached_ms < b->reached_ms ? -1 : 1;
    return slice_cmp(a->subject->text, b->subject->text);
}

static int order(const void *x, const void *y)
{
    return ranked_cmp(x, y);
}

static bool tied(const struct ranked *a, const struct ranked *b)
{
    return a->is_null == b->is_null && (a->is_null || a->value == b->value);
}

void ranked_number(struct ranked *x, const struct ranked *before, const struct ranked *first, uint32_t i,
                   enum ties ties, double *better)
{
    bool tie = before && tied(before, x);
    x->rank = 0;
    x->gap = 0;
    if (x->unranked)
        return;
    if (before && !tie)
        *better = before->value;
    if (ties == TIES_ORDINAL || (!tie && ties == TIES_COMPETITION))
        x->rank = (int32_t)i + 1;
    else
        x->rank = before ? before->rank + !tie : 1;
    if (!x->is_null && first && !tied(first, x))
        x->gap = *better - x->value;
}

static void number(struct ranking *ranking, enum ties ties)
{
    double better = 0;
    struct ranked *v = ranking->v;
    for (uint32_t i = 0; i < ranking->n; i++)
        ranked_number(&v[i], i ? &v[i - 1] : NULL, i ? v : NULL, i, ties, &better);
}

int ranking_reserve(struct ranking *ranking, uint32_t n)
{
    if (n <= ranking->cap)
        return 0;
    struct ranked *v = realloc(ranking->v, n * sizeof *v);
    if (!v)
        return -1;
    ranking->v = v;
    ranking->cap = n;
    return 0;
}

/* Known at the instant; in the comparison window: known before that ended. */
static bool known(const struct reading *r, const struct subject *s)
{
    int64_t since_ms = r->view == VIEW_BASE ? subject_listed_ms(s) : subject_known_ms(s, r->view);
    if (r->prev != COMPARED_NOT)
        return since_ms < reading_span(r, s->org, r->prev).end_ms && since_ms <= r->at_ms;
    return r->e->view[r->view].tracked && !r->past ? s->view[r->view].known : since_ms <= r->at_ms;
}

struct ranking_rule ranking_rule_of(const struct definitions *defs, enum dim dim, int kpi, enum ties ties)
{
    return (struct ranking_rule){
        .dim = dim, .kpi = kpi, .ties = ties, .ascending = defs->kpi[kpi].direction == DIRECTION_DOWN
    };
}

/* No subject: nobody holds that place. */
static bool is_rest(const struct subject *s)
{
    return slice_eq(s->text, OTHER_SUBJECTS);
}

/* A user who was enabled once and is not any more. Whoever was never enabled is somebody we know too little of to strike out. */
static bool has_left(const struct reading *r, struct subject *s)
{
    int roster = r->e->plan.roster;
    const struct node *n = roster < 0 || s->dim != DIM_REP || r->prev ? NULL : s->node[roster];
    struct measure_reader m = { .r = r, .s = s };
    return n && n->part[SERIES_BASE] && measure_sum(&m, n->part[SERIES_BASE]) <= 0;
}

bool ranking_see(const struct reading *r, struct subject *s, const struct ranking_rule *rule, struct ranked *ret)
{
    struct kpi_value v;
    if (!known(r, s) || is_rest(s) || has_left(r, s) || subject_erased(r->e, s, r->view))
        return false;
    kpi_read(r, s, rule->kpi, &v);
    *ret = (struct ranked){ .subject = s,
                            .is_null = v.is_null,
                            .unranked = rule->min_samples && v.samples < rule->min_samples,
                            .value = (rule->ascending ? -1 : 1) * v.value,
                            .samples = v.has_samples ? v.samples : 0,
                            .reached_ms = kpi_reached_ms(r, s, rule->kpi) };
    return true;
}

int ranking_make(const struct reading *r, const struct org *org, const struct ranking_rule *rule, struct ranking *ret)
{
    const struct subject_list *list = &org->dim[rule->dim];
    double sign = rule->ascending ? -1 : 1;
    ret->n = 0;
    if (ranking_reserve(ret, list->n) < 0)
        return -1;
    for (uint32_t i = 0; i < list->n; i++)
        ret->n += ranking_see(r, list->v[i], rule, &ret->v[ret->n]);
    if (ret->n > 1)
        qsort(ret->v, ret->n, sizeof *ret->v, order);
    number(ret, rule->ties);
    for (uint32_t i = 0; i < ret->n; i++)
        ret->v[i].value *= sign;
    return 0;
}

void ranking_release(struct ranking *ranking)
{
    free(ranking->v);
    *ranking = (struct ranking){ 0 };
}

static bool same_reading(const struct reading *a, const struct reading *b)
{
    return a->view == b->view && a->window_index == b->window_index && a->at_ms == b->at_ms && a->past == b->past &&
           a->prev == b->prev && a->window->kind == b->window->kind && a->window->period == b->window->period &&
           a->window->length_ms == b->window->length_ms && a->window->span.start_ms == b->window->span.start_ms &&
           a->window->span.end_ms == b->window->span.end_ms;
}

static bool serves(const struct rank_cache *c, const struct reading *r, const struct subject *s, int kpi)
{
    struct reading cached = { r->e, (enum view_id)c->view, &c->window, c->window_index, c->at_ms, c->past, c->prev };
    return c->valid && c->generation == r->e->generation && c->org == s->org && c->dim == s->dim && c->kpi == kpi &&
           same_reading(&cached, r);
}

static int fill(struct rank_cache *c, const struct reading *r, const struct subject *s, int kpi, enum ties ties)
{
    const struct subject_list *list = &s->org->dim[s->dim];
    struct ranking ranking = { 0 };
    c->valid = false;
    if (list->n > c->cap) {
        int32_t *rank = realloc(c->rank, list->n * sizeof *rank);
        if (!rank)
            return -1;
        c->rank = rank;
        c->cap = list->n;
    }
    struct ranking_rule rule = ranking_rule_of(r->e->defs, s->dim, kpi, ties);
    if (ranking_make(r, s->org, &rule, &ranking) < 0)
        return -1;
    for (uint32_t i = 0; i < list->n; i++) {
        list->v[i]->position = i;
        c->rank[i] = 0;
    }
    for (uint32_t i = 0; i < ranking.n; i++)
        c->rank[ranking.v[i].subject->position] = ranking.v[i].rank;
    ranking_release(&ranking);
    *c = (struct rank_cache){ .valid = true,
                              .generation = r->e->generation,
                              .org = s->org,
                              .dim = s->dim,
                              .ties = ties,
                              .kpi = kpi,
                              .view = (int)r->view,
                              .window = *r->window,
                              .window_index = r->window_index,
                              .at_ms = r->at_ms,
                              .past = r->past,
                              .prev = r->prev,
                              .rank = c->rank,
                              .cap = c->cap };
    return 0;
}

int32_t ranking_of(const struct reading *r, struct subject *s, int kpi, enum ties ties)
{
    struct evaluator *e = r->e;
    if (kpi < 0 || e->defs->kpi[kpi].form == KPI_RANK)
        return 0;
    for (uint32_t i = 0; i < RANK_CACHES; i++)
        if (e->rank_cache[i].ties == ties && serves(&e->rank_cache[i], r, s, kpi))
            return e->rank_cache[i].rank[s->position];
    struct rank_cache *c = &e->rank_cache[e->rank_cache_next++ % RANK_CACHES];
    return fill(c, r, s, kpi, ties) < 0 ? -1 : c->rank[s->position];
}
