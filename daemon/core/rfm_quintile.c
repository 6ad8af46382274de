/* Reads all customers of an org at a close, ranks them, keeps the sizes of the segments. */
#include "rfm_quintile.h"

#include <stdlib.h>

#include "eval_erased.h"
#include "kpi_read.h"

/* Of every customer that ever bought. */
struct population {
    uint32_t n;
    int64_t *last, *sales;
    int *r, *f;
};

int64_t rfm_close_ms(const struct calendar *cal, int64_t at_ms)
{
    struct span cycle = calendar_period(cal, cal->cycle, at_ms);
    return pane_end(cal, GRAIN_HOUR, at_ms) >= cycle.end_ms ? cycle.end_ms : cycle.start_ms;
}

static int64_t level_of(const struct reading *r, struct subject *s, int measure)
{
    struct measure_reader m = measure_reader_of(r, s);
    struct expr_value v = s->node[measure] ? measure_part_value(&m, measure, PART_VALUE) : expr_int(0);
    return v.type == EXPR_INT ? v.i : 0;
}

static bool reserve(struct population *p, uint32_t n)
{
    p->last = calloc(n + 1u, sizeof *p->last);
    p->sales = calloc(n + 1u, sizeof *p->sales);
    p->r = calloc(n + 1u, sizeof *p->r);
    p->f = calloc(n + 1u, sizeof *p->f);
    return p->last && p->sales && p->r && p->f;
}

static void release(struct population *p)
{
    free(p->last);
    free(p->sales);
    free(p->r);
    free(p->f);
}

static void collect(struct population *p, const struct reading *r, const struct org *org)
{
    const struct plan *plan = &r->e->plan;
    for (uint32_t i = 0; i < org->dim[DIM_CUSTOMER].n; i++) {
        struct subject *s = org->dim[DIM_CUSTOMER].v[i];
        int64_t last = subject_erased(r->e, s, r->view) ? 0 : level_of(r, s, plan->rfm_last);
        if (last <= 0)
            continue;
        p->last[p->n] = last;
        p->sales[p->n++] = level_of(r, s, plan->rfm_sales);
    }
}

static int rank(struct rfm_close *c, const struct reading *r)
{
    const struct window w = { .kind = WINDOW_SPAN, .span = { c->close_ms - 1, c->close_ms } };
    struct reading at = reading_past(r->e, r->view, &w, r->at_ms);
    struct population p = { 0 };
    int rc = reserve(&p, c->org->dim[DIM_CUSTOMER].n) ? 0 : -1;
    if (rc == 0)
        collect(&p, &at, c->org);
    if (rc == 0)
        rc = rfm_quintiles(p.last, p.n, false, p.r);
    if (rc == 0)
        rc = rfm_quintiles(p.sales, p.n, false, p.f);
    memset(c->size, 0, sizeof c->size);
    for (uint32_t i = 0; rc == 0 && i < p.n; i++)
        c->size[rfm_segment_of((struct rfm){ .r = p.r[i], .f = p.f[i] })]++;
    release(&p);
    return rc;
}

static struct rfm_close *close_of(const struct reading *r, const struct org *org, int64_t close_ms)
{
    struct evaluator *e = r->e;
    for (uint32_t i = 0; i < RFM_CLOSES; i++) {
        struct rfm_close *c = &e->rfm[i];
        if (c->valid && c->org == org && c->view == r->view && c->close_ms == close_ms)
            return c;
    }
    struct rfm_close *c = &e->rfm[e->rfm_next++ % RFM_CLOSES];
    *c = (struct rfm_close){ .org = org, .view = r->view, .close_ms = close_ms };
    c->valid = rank(c, r) == 0;
    e->out_of_memory |= !c->valid;
    return c;
}

int64_t rfm_quintile_size(const struct reading *r, const struct subject *segment)
{
    if (segment->dim != DIM_SEGMENT || r->e->plan.rfm_last < 0 || r->e->plan.rfm_sales < 0)
        return 0;
    const struct rfm_close *c = close_of(r, segment->org, rfm_close_ms(segment->org->cal, r->at_ms));
    for (int k = 0; k < RFM_SEGMENTS; k++)
        if (slice_eq(segment->text, slice_of(rfm_segment_name((enum rfm_segment)k))))
            return c->size[k];
    return 0;
}

/* A step before a close changes it; one behind it changes the total and what comes later by the same, and the level at the close not at all. A mark of the
 * erased takes them out of every close. */
void rfm_quintile_note(struct evaluator *e, enum view_id v, const struct node *n, const struct agenda_item *d)
{
    bool step = n->measure == e->plan.rfm_last || n->measure == e->plan.rfm_sales;
    if (!step && n->measure != e->plan.erased)
        return;
    for (uint32_t i = 0; i < RFM_CLOSES; i++)
        if (e->rfm[i].org == n->subject->org && e->rfm[i].view == v &&
            (!step || (d->kind != CELL_GAUGE && d->pane_ms < e->rfm[i].close_ms)))
            e->rfm[i].valid = false;
}
