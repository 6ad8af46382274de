/* What as-of measures held at a past instant, told by steps and moves. Reads the base view only; remembers nothing. */
#include "kpi_past.h"

bool past_of_cells_asked(const struct measure_reader *m, const struct series *s, const struct measure_def *def)
{
    const struct evaluator *e = m->r->e;
    bool cells = !e->opt.live && !e->opt.asof_history && m->r->view == VIEW_BASE && e->stands_ms != INT64_MIN;
    return cells && series_asof(s, def) && as_of_ms(m, m->prev) < e->stands_ms;
}

static int64_t sum_of(struct measure_reader *m, const struct series *s, int64_t from_ms, int64_t to_ms)
{
    bool overflow = false;
    int64_t sum = from_ms < to_ms
                      ? panes_sum(&s->track[VIEW_BASE].panes[GRAIN_HOUR], (struct span){ from_ms, to_ms }, &overflow)
                      : 0;
    m->flags |= overflow ? VALUE_OVERFLOW : 0;
    return sum;
}

static void add(struct measure_reader *m, int64_t *sum, int64_t value)
{
    if (__builtin_add_overflow(*sum, value, sum))
        m->flags |= VALUE_OVERFLOW;
}

static bool has_pane(const struct series *s, int64_t start_ms)
{
    const struct panes *p = &s->track[VIEW_BASE].panes[GRAIN_HOUR];
    uint32_t i = panes_from(p, start_ms);
    return i < p->n && p->v[i].start_ms == start_ms;
}

/* Whether something changed in the hour, before or after the instant: nobody knows which. */
static bool changed_in(const struct series *s, int64_t hour_ms)
{
    bool changed = has_pane(s, hour_ms);
    for (uint32_t i = 0; i < s->node->n_bins && !changed; i++)
        changed = has_pane(s->node->bin[i], hour_ms);
    return changed;
}

/* Panes before the cut without what later causes did to them; panes after it only with what earlier causes did. */
static int64_t panes_at(struct measure_reader *m, const struct series *s, struct span span, int64_t cut_ms)
{
    int64_t sum = sum_of(m, s, span.start_ms, span.end_ms < cut_ms ? span.end_ms : cut_ms);
    for (uint32_t i = 0; i < s->node->n_bins; i++) {
        const struct series *moves = s->node->bin[i];
        if (moves->sub < span.start_ms || moves->sub >= span.end_ms)
            continue;
        if (moves->sub < cut_ms)
            add(m, &sum, -sum_of(m, moves, cut_ms, INT64_MAX));
        else
            add(m, &sum, sum_of(m, moves, INT64_MIN, cut_ms));
    }
    return sum;
}

int64_t past_of_cells_sum(struct measure_reader *m, const struct series *s, const struct measure_def *def)
{
    const struct calendar *cal = m->s->org->cal;
    int64_t at_ms = as_of_ms(m, m->prev), cut_ms = pane_end(cal, GRAIN_HOUR, at_ms), sum;
    bool minutes = window_grain(m->r->window) == GRAIN_MINUTE && def->fine && !def->gauge;
    if (def->agg == AGG_DISTINCT || minutes ||
        (at_ms + 1 < cut_ms && changed_in(s, pane_start(cal, GRAIN_HOUR, at_ms)))) {
        m->flags |= VALUE_PAST_UNKNOWN;
        return 0;
    }
    if (!def->gauge)
        return panes_at(m, s, measure_span(m, def, m->prev), cut_ms);
    const struct series *steps = node_find_bin(s->node, 0);
    sum = s->track[VIEW_BASE].total;
    add(m, &sum, steps ? -sum_of(m, steps, cut_ms, INT64_MAX) : 0);
    return sum;
}
