/* Answering questions: rows of any instant, window and subject from the base view. Nothing is remembered, nothing changes. */
#include <stdlib.h>

#include "eval_erased.h"
#include "row.h"

struct question {
    struct evaluator *e;
    const struct row_query *q;
    int (*each)(void *ctx, const struct kpi_row *row);
    void *ctx;
    int64_t at_ms;
};

/* Whether all measures of the KPI have cells in the dimension. */
static bool kpi_has_dim(const struct evaluator *e, int kpi, int dim)
{
    const struct plan_kpi *k = &e->plan.kpi[kpi];
    for (uint32_t i = 0; i < k->n_leaves; i++)
        if (!k->leaf[i].whole && !(e->defs->measure[k->leaf[i].measure].dims >> dim & 1))
            return false;
    return true;
}

/* A KPI asked for by name may be read in any dimension that has the cells; otherwise in those it is published in. */
static bool wants_dim(const struct question *x, int kpi, int dim)
{
    bool named = x->q->n_dims == 0;
    for (uint32_t i = 0; i < x->q->n_dims; i++)
        named |= (int)x->q->dim[i] == dim;
    bool own = x->e->defs->kpi[kpi].dims >> dim & 1;
    return named && (own || (x->q->n_dims && x->q->n_kpis && kpi_has_dim(x->e, kpi, dim)));
}

static bool wants_subject(const struct question *x, const struct subject *s)
{
    if (subject_erased(x->e, s, VIEW_BASE))
        return false;
    for (uint32_t i = 0; i < x->q->n_subjects; i++)
        if (slice_eq(x->q->subject[i], s->text))
            return true;
    return x->q->n_subjects == 0 && (s->dim == DIM_ORG || subject_listed_ms(s) <= x->at_ms);
}

static int rows_of_window(const struct question *x, const struct org *org, int kpi, const struct window *w)
{
    struct reading r = reading_past(x->e, VIEW_BASE, w, x->at_ms);
    for (int d = 0; d < DIM_COUNT; d++) {
        if (!wants_dim(x, kpi, d))
            continue;
        for (uint32_t i = 0; i < org->dim[d].n; i++) {
            struct subject *s = org->dim[d].v[i];
            struct kpi_value v;
            struct row_text text;
            struct kpi_row row;
            if (!wants_subject(x, s))
                continue;
            kpi_read(&r, s, kpi, &v);
            row_make(&text, &r, s, kpi, &v, (struct row_note){ 0 }, &row);
            int rc = x->e->out_of_memory ? -1 : x->each(x->ctx, &row);
            if (rc)
                return rc;
        }
    }
    return 0;
}

static int rows_of_kpi(const struct question *x, const struct org *org, int kpi)
{
    const struct kpi_def *k = &x->e->defs->kpi[kpi];
    uint32_t n = x->q->n_windows ? x->q->n_windows : k->n_windows;
    const struct window *w = x->q->n_windows ? x->q->window : k->window;
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < n; i++)
        rc = rows_of_window(x, org, kpi, &w[i]);
    return rc;
}

static bool wants_kpi(const struct row_query *q, int kpi)
{
    for (uint32_t i = 0; i < q->n_kpis; i++)
        if (q->kpi[i] == kpi)
            return true;
    return q->n_kpis == 0;
}

int evaluator_rows(struct evaluator *e, const struct row_query *q, int (*each)(void *ctx, const struct kpi_row *row),
                   void *ctx)
{
    int rc = 0;
    for (uint32_t t = 0; t < q->n_at; t++) {
        struct question x = { e, q, each, ctx, q->at_ms[t] };
        for (uint32_t o = 0; o < e->store.n_orgs; o++)
            for (uint32_t k = 0; rc == 0 && k < e->defs->n_kpis; k++)
                if (wants_kpi(q, (int)k))
                    rc = rows_of_kpi(&x, e->store.org[o], (int)k);
    }
    return rc;
}
