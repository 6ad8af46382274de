/* Panes and window sums. Which spans windows have is not known here. */
#include "panes.h"

#include <stdlib.h>

uint32_t panes_from(const struct panes *p, int64_t t_ms)
{
    uint32_t low = 0, high = p->n;
    if (high && p->v[high - 1].start_ms < t_ms)
        return high; /* by far the most frequent case: newer than everything */
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (p->v[mid].start_ms < t_ms)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static void accumulate(int64_t *sum, int64_t value, bool *overflow)
{
    if (__builtin_add_overflow(*sum, value, sum))
        *overflow = true;
}

static void withdraw(int64_t *sum, int64_t value, bool *overflow)
{
    if (__builtin_sub_overflow(*sum, value, sum))
        *overflow = true;
}

static int insert(struct panes *p, uint32_t i, int64_t start_ms)
{
    if (p->n == p->cap) {
        uint32_t cap = p->cap ? p->cap * 2 : 4;
        struct pane *v = realloc(p->v, cap * sizeof *v);
        if (!v)
            return -1;
        p->v = v;
        p->cap = cap;
    }
    memmove(p->v + i + 1, p->v + i, (p->n - i) * sizeof *p->v);
    p->v[i] = (struct pane){ .start_ms = start_ms };
    p->n++;
    return 0;
}

/* A pane came in at index i: indexes behind it move up. */
static void shift_up(struct winsum *w, int64_t start_ms)
{
    if (start_ms < w->lo_ms)
        w->ilo++;
    if (start_ms < w->hi_ms)
        w->ihi++;
}

enum panes_change panes_add(struct panes *p, int64_t start_ms, int64_t value, struct winsums wins, bool fine,
                            bool *ret_overflow)
{
    uint32_t i = panes_from(p, start_ms);
    bool fresh = i == p->n || p->v[i].start_ms != start_ms;
    if (fresh && insert(p, i, start_ms) < 0)
        return PANES_FAILED;
    int64_t before = p->v[i].value;
    accumulate(&p->v[i].value, value, ret_overflow);
    for (uint32_t k = 0; k < wins.n; k++) {
        struct winsum *w = &wins.v[k];
        if (!w->valid || w->fine != fine)
            continue;
        if (fresh)
            shift_up(w, start_ms);
        if (start_ms >= w->lo_ms && start_ms < w->hi_ms)
            accumulate(&w->sum, value, ret_overflow);
    }
    return !p->v[i].value ? PANES_EMPTIED : !before ? PANES_FILLED : PANES_SAME;
}

void panes_drop(struct panes *p, int64_t t_ms, struct winsums wins, bool fine)
{
    uint32_t gone = panes_from(p, t_ms);
    if (gone == 0)
        return;
    memmove(p->v, p->v + gone, (p->n - gone) * sizeof *p->v);
    p->n -= gone;
    for (uint32_t k = 0; k < wins.n; k++) {
        struct winsum *w = &wins.v[k];
        if (w->fine != fine)
            continue;
        if (w->ilo < gone) {
            w->valid = false;
            continue;
        }
        w->ilo -= gone;
        w->ihi -= gone;
    }
}

static void sum_afresh(struct winsum *w, const struct panes *p, struct span span, bool *overflow)
{
    w->ilo = w->ihi = panes_from(p, span.start_ms);
    w->sum = 0;
    while (w->ihi < p->n && p->v[w->ihi].start_ms < span.end_ms)
        accumulate(&w->sum, p->v[w->ihi++].value, overflow);
    w->valid = true;
}

int64_t winsum_move(struct winsum *w, const struct panes *p, struct span span, bool *ret_overflow)
{
    bool slides = w->valid && span.start_ms >= w->lo_ms && span.end_ms >= w->hi_ms && span.start_ms < w->hi_ms;
    if (slides) {
        while (w->ihi < p->n && p->v[w->ihi].start_ms < span.end_ms)
            accumulate(&w->sum, p->v[w->ihi++].value, ret_overflow);
        while (w->ilo < w->ihi && p->v[w->ilo].start_ms < span.start_ms)
            withdraw(&w->sum, p->v[w->ilo++].value, ret_overflow);
    } else {
        sum_afresh(w, p, span, ret_overflow);
    }
    w->lo_ms = span.start_ms;
    w->hi_ms = span.end_ms;
    return w->sum;
}

int64_t panes_sum(const struct panes *p, struct span span, bool *ret_overflow)
{
    int64_t sum = 0;
    for (uint32_t i = panes_from(p, span.start_ms); i < p->n && p->v[i].start_ms < span.end_ms; i++)
        accumulate(&sum, p->v[i].value, ret_overflow);
    return sum;
}
