/* Event ids per measure and subject. It knows neither rules nor facts. */
#include "evidence.h"

#include <stdio.h>
#include <stdlib.h>

/* A delta on the agenda. */
struct waiting {
    struct node *node;
    uint32_t n;
    char id[];
};

struct evidence_id {
    int64_t t_ms;
    int32_t n; /* facts that rest on it; 0: none any more */
    uint32_t len;
    char *id;
};

struct evidence {
    struct evidence_id *v; /* ascending by time, then id */
    uint32_t n, cap;
    int64_t dropped_ms;  /* the newest that was forgotten; INT64_MIN: none */
    bool cited, unsaved; /* listed in the evaluator's sets */
};

static struct slice id_of(const struct evidence_id *x)
{
    return (struct slice){ x->id, x->len };
}

static int order(int64_t at_ms, struct slice id, const struct evidence_id *x)
{
    if (at_ms != x->t_ms)
        return at_ms < x->t_ms ? -1 : 1;
    return slice_cmp(id, id_of(x));
}

static uint32_t position(const struct evidence *x, int64_t t_ms, struct slice id)
{
    uint32_t low = 0, high = x->v ? x->n : 0;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (order(t_ms, id, &x->v[mid]) > 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static int insert(struct evidence *x, uint32_t i, int64_t t_ms, struct slice id, int32_t n)
{
    if (x->n == x->cap) {
        uint32_t cap = x->cap ? x->cap * 2 : 8;
        struct evidence_id *v = realloc(x->v, cap * sizeof *v);
        if (!v)
            return -1;
        x->v = v;
        x->cap = cap;
    }
    char *copy = malloc(id.n ? id.n : 1);
    if (!copy)
        return -1;
    if (id.n)
        memcpy(copy, id.p, id.n);
    memmove(x->v + i + 1, x->v + i, (x->n - i) * sizeof *x->v);
    x->v[i] = (struct evidence_id){ t_ms, n, id.n, copy };
    x->n++;
    return 0;
}

static struct evidence *evidence_at(struct node *n)
{
    if (!n->evidence && (n->evidence = calloc(1, sizeof *n->evidence)))
        n->evidence->dropped_ms = INT64_MIN;
    return n->evidence;
}

static int add(struct node *n, int64_t t_ms, struct slice id, int32_t value)
{
    struct evidence *x = evidence_at(n);
    if (!x)
        return -1;
    uint32_t i = position(x, t_ms, id);
    if (!x->v || i == x->n || order(t_ms, id, &x->v[i]) != 0)
        return insert(x, i, t_ms, id, value);
    x->v[i].n += value;
    return 0;
}

/* ---- deltas --------------------------------------------------------------------------------------------------------------------------------------- */

/* Subjects have their bars escaped: the first one ends the subject, and a measure has no '@'. */
static bool split(struct slice field, struct slice *ret_field, struct slice *ret_id)
{
    const char *bar = memchr(field.p, '|', field.n), *end = field.p + field.n;
    const char *at = bar ? memchr(bar, '@', (size_t)(end - bar)) : NULL;
    if (!at)
        return false;
    *ret_field = (struct slice){ field.p, (uint32_t)(at - field.p) };
    *ret_id = (struct slice){ at + 1, (uint32_t)(end - at - 1) };
    return true;
}

static struct node *node_of(struct evaluator *e, struct slice org_id, const struct cell_field *f)
{
    struct org *org = store_org(&e->store, org_id);
    int measure = plan_measure_named(&e->plan, f->measure);
    struct subject *s = org && measure >= 0 ? org_subject(&e->store, org, f->dim, f->subject) : NULL;
    return s ? subject_node(s, measure) : NULL;
}

int evidence_push(struct evaluator *e, const struct cell_delta *d)
{
    struct slice field, id;
    struct cell_field f;
    if (!e->opt.judge || d->value == 0)
        return 0;
    if (!split(d->field, &field, &id) || cell_field_parse(field, &f) < 0)
        return -1;
    if (plan_measure_named(&e->plan, f.measure) < 0)
        return 0;
    struct waiting *w = malloc(sizeof *w + id.n);
    if (!w)
        return -1;
    *w = (struct waiting){ node_of(e, d->org, &f), id.n };
    memcpy(w->id, id.p, id.n);
    struct agenda_item item = {
        .at_ms = d->cause_ms, .target = w, .pane_ms = d->pane_ms, .value = d->value, .kind = CELL_EVIDENCE
    };
    if (w->node && agenda_push(&e->view[VIEW_JUDGED].waiting, item) == 0)
        return 0;
    free(w);
    return -1;
}

static int add_to_set(struct node_set *set, struct node *n, bool *listed)
{
    if (*listed)
        return 0;
    if (set->n == set->cap) {
        uint32_t cap = set->cap ? set->cap * 2 : 32;
        struct node **v = realloc(set->v, cap * sizeof(struct node *));
        if (!v)
            return -1;
        set->v = v;
        set->cap = cap;
    }
    set->v[set->n++] = n;
    *listed = true;
    return 0;
}

int evidence_take(struct evaluator *e, const struct agenda_item *item)
{
    struct waiting *w = item->target;
    struct node *n = w->node;
    int rc = add(n, item->pane_ms, (struct slice){ w->id, w->n }, (int32_t)item->value);
    if (rc == 0)
        rc = add_to_set(&e->cited, n, &n->evidence->cited);
    if (rc == 0)
        rc = add_to_set(&e->cited_unsaved, n, &n->evidence->unsaved);
    free(w);
    return rc;
}

void evidence_forget_waiting(struct evaluator *e)
{
    struct agenda *a = &e->view[VIEW_JUDGED].waiting;
    struct agenda_item item;
    while (agenda_pop_due(a, INT64_MAX, &item))
        if (item.kind == CELL_EVIDENCE)
            free(item.target);
}

static void trim(struct evidence *x)
{
    uint32_t n = 0, stand = 0;
    for (uint32_t i = 0; i < x->n; i++)
        stand += x->v[i].n > 0;
    for (uint32_t i = 0; i < x->n; i++) {
        bool gone = x->v[i].n <= 0, beyond = !gone && stand > EVIDENCE_KEPT;
        if (beyond) {
            stand--;
            x->dropped_ms = x->v[i].t_ms > x->dropped_ms ? x->v[i].t_ms : x->dropped_ms;
        }
        if (gone || beyond)
            free(x->v[i].id);
        else
            x->v[n++] = x->v[i];
    }
    x->n = n;
}

void evidence_trim(struct evaluator *e)
{
    for (uint32_t i = 0; i < e->cited.n; i++) {
        trim(e->cited.v[i]->evidence);
        e->cited.v[i]->evidence->cited = false;
    }
    e->cited.n = 0;
}

/* ---- reading ---------------------------------------------------------------------------------------------------------------------------------------- */

struct gathering {
    const struct evidence_id **v;
    uint32_t n;
};

static int by_time(const void *a, const void *b)
{
    const struct evidence_id *x = *(const struct evidence_id *const *)a, *y = *(const struct evidence_id *const *)b;
    return order(x->t_ms, id_of(x), y);
}

/* What a level or a gauge is made of lies before the window as well. */
static struct span span_of(const struct measure_def *m, struct span span)
{
    bool stands = m->gauge || m->agg == AGG_LEVEL;
    return (struct span){ stands ? INT64_MIN : span.start_ms,
                          span.end_ms > span.start_ms ? span.end_ms : span.end_ms + 1 };
}

static void gather(const struct evaluator *e, const struct subject *s, int kpi, struct span span, struct gathering *g,
                   bool *truncated)
{
    const struct plan_kpi *k = &e->plan.kpi[kpi];
    for (uint32_t i = 0; i < k->n_leaves; i++) {
        const struct node *n = k->leaf[i].at != COMPARED_NOT || k->leaf[i].whole ? NULL : s->node[k->leaf[i].measure];
        const struct evidence *x = n ? n->evidence : NULL;
        struct span in = span_of(&e->defs->measure[k->leaf[i].measure], span);
        for (uint32_t j = 0; x && j < x->n; j++)
            if (x->v[j].n > 0 && x->v[j].t_ms >= in.start_ms && x->v[j].t_ms < in.end_ms)
                g->v[g->n++] = &x->v[j];
        *truncated |= x && x->dropped_ms != INT64_MIN && x->dropped_ms >= in.start_ms;
    }
}

int evidence_of(struct evaluator *e, const struct subject *s, int kpi, struct span span, struct evidence_list *ret)
{
    const struct plan_kpi *k = &e->plan.kpi[kpi];
    uint32_t most = 0, n = 0;
    for (uint32_t i = 0; i < k->n_leaves; i++) {
        const struct node *node = s->node[k->leaf[i].measure];
        most += node && node->evidence ? node->evidence->n : 0;
    }
    *ret = (struct evidence_list){ 0 };
    if (!most)
        return 0;
    struct gathering g = { malloc(most * sizeof(const struct evidence_id *)), 0 };
    if (!g.v)
        return -1;
    gather(e, s, kpi, span, &g, &ret->truncated);
    if (g.n > 1)
        qsort(g.v, g.n, sizeof(const struct evidence_id *), by_time);
    for (uint32_t i = 0; i < g.n; i++) /* one event counts in several measures of the KPI */
        if (n == 0 || !slice_eq(id_of(g.v[n - 1]), id_of(g.v[i])))
            g.v[n++] = g.v[i];
    uint32_t from = n > EVIDENCE_SHOWN ? n - EVIDENCE_SHOWN : 0;
    ret->truncated |= from > 0;
    for (uint32_t i = from; i < n; i++)
        ret->id[ret->n++] = id_of(g.v[i]);
    free(g.v);
    return 0;
}

/* ---- saving ----------------------------------------------------------------------------------------------------------------------------------------- */

enum { ID_MAX = 128, ENTRY_MAX = ID_MAX + 64 };

static int save_node(struct evaluator *e, const struct node *n, evaluator_state_sink sink, void *ctx)
{
    char key[1024], value[24 + EVIDENCE_KEPT * ENTRY_MAX];
    const struct evidence *x = n->evidence;
    const struct subject *s = n->subject;
    int len = snprintf(key, sizeof key, "evi|%s|%s|%.*s", e->defs->measure[n->measure].id, dim_name(s->dim),
                       (int)s->escaped.n, s->escaped.p);
    int at = x->n ? snprintf(value, sizeof value, "%lld ", (long long)x->dropped_ms) : 0;
    if (len < 0 || (size_t)len >= sizeof key)
        return -1;
    for (uint32_t i = 0; i < x->n; i++) {
        if (sizeof value - (size_t)at < ENTRY_MAX)
            break; /* cannot be: trimmed, and ids have at most 128 bytes */
        at += snprintf(value + at, sizeof value - (size_t)at, "%lld,%d,%u:", (long long)x->v[i].t_ms, x->v[i].n,
                       x->v[i].len);
        memcpy(value + at, x->v[i].id, x->v[i].len);
        at += (int)x->v[i].len;
    }
    return sink(ctx, s->org->id, (struct slice){ key, (uint32_t)len }, (struct slice){ value, (uint32_t)at });
}

static int save_subject(struct evaluator *e, const struct subject *s, evaluator_state_sink sink, void *ctx)
{
    int rc = 0;
    for (uint32_t m = 0; rc == 0 && m < e->defs->n_measures; m++)
        if (s->node[m] && s->node[m]->evidence && s->node[m]->evidence->n)
            rc = save_node(e, s->node[m], sink, ctx);
    return rc;
}

static int save_all(struct evaluator *e, evaluator_state_sink sink, void *ctx)
{
    int rc = 0;
    for (uint32_t o = 0; o < e->store.n_orgs; o++)
        for (int d = 0; d < DIM_COUNT; d++)
            for (uint32_t i = 0; rc == 0 && i < e->store.org[o]->dim[d].n; i++)
                rc = save_subject(e, e->store.org[o]->dim[d].v[i], sink, ctx);
    return rc;
}

int evidence_save(struct evaluator *e, bool only_changed, evaluator_state_sink sink, void *ctx)
{
    int rc = only_changed ? 0 : save_all(e, sink, ctx);
    for (uint32_t i = 0; i < e->cited_unsaved.n; i++) {
        struct node *n = e->cited_unsaved.v[i];
        if (rc == 0 && only_changed)
            rc = save_node(e, n, sink, ctx);
        n->evidence->unsaved = false;
    }
    e->cited_unsaved.n = 0;
    return rc;
}

static bool number(struct slice *text, char stop, int64_t *ret)
{
    char buf[24];
    uint32_t n = 0;
    while (n < text->n && n < sizeof buf - 1 && text->p[n] != stop)
        n++;
    if (n == 0 || n == text->n || text->p[n] != stop)
        return false;
    memcpy(buf, text->p, n);
    buf[n] = 0;
    char *end;
    *ret = strtoll(buf, &end, 10);
    *text = (struct slice){ text->p + n + 1, text->n - n - 1 };
    return *end == 0;
}

static int restore_ids(struct node *n, struct slice value)
{
    int64_t dropped_ms, t_ms, count, len;
    if (!number(&value, ' ', &dropped_ms) || !evidence_at(n))
        return -1;
    n->evidence->dropped_ms = dropped_ms;
    while (value.n) {
        if (!number(&value, ',', &t_ms) || !number(&value, ',', &count) || !number(&value, ':', &len) || len < 0 ||
            len > ID_MAX || (uint32_t)len > value.n)
            return -1;
        if (add(n, t_ms, (struct slice){ value.p, (uint32_t)len }, (int32_t)count) < 0)
            return -1;
        value = (struct slice){ value.p + len, value.n - (uint32_t)len };
    }
    return 0;
}

int evidence_restore(struct evaluator *e, struct slice org, struct slice rest, struct slice value)
{
    const char *bar = memchr(rest.p, '|', rest.n);
    const char *bar2 = bar ? memchr(bar + 1, '|', (size_t)(rest.p + rest.n - bar - 1)) : NULL;
    if (!bar2)
        return -1;
    struct cell_field f = { .measure = { rest.p, (uint32_t)(bar - rest.p) },
                            .subject = { bar2 + 1, (uint32_t)(rest.p + rest.n - bar2 - 1) } };
    int dim = dim_by_name((struct slice){ bar + 1, (uint32_t)(bar2 - bar - 1) });
    if (dim < 0 || f.subject.n == 0)
        return -1;
    f.dim = (enum dim)dim;
    if (value.n == 0 || definitions_measure(e->defs, f.measure) < 0)
        return 0;
    struct node *n = node_of(e, org, &f);
    return n ? restore_ids(n, value) : -1;
}

void evidence_release(struct evidence *x)
{
    for (uint32_t i = 0; x && i < x->n; i++)
        free(x->v[i].id);
    if (x)
        free(x->v);
    free(x);
}
