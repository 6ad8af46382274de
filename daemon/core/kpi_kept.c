/* What is kept: whether a reading reaches back beyond the retention. Panes there may still be in the store or not: the answer follows from the clock of the
 * events alone, so every reader of the same instant gives the same. Reads no panes. */
#include "kpi_read.h"

static int64_t kept_from_ms(const struct reading *r, int64_t retention_ms)
{
    int64_t view_ms = r->e->view[r->view].at_ms, now_ms = view_ms > r->at_ms ? view_ms : r->at_ms;
    return retention_ms > 0 && now_ms >= INT64_MIN + retention_ms ? now_ms - retention_ms : INT64_MIN;
}

int64_t reading_kept_ms(const struct reading *r)
{
    const struct definitions *defs = r->e->defs;
    return kept_from_ms(r, window_grain(r->window) == GRAIN_MINUTE ? defs->fine_retention_ms : defs->retention_ms);
}

bool reading_cut(const struct reading *r, const struct org *org, enum compared prev)
{
    struct span span = reading_span(r, org, prev);
    return span.start_ms < span.end_ms && span.start_ms < reading_kept_ms(r);
}

bool reading_incomplete(const struct reading *r, const struct org *org, enum compared prev)
{
    const struct window *w = r->window;
    return (w->kind == WINDOW_LIVE || w->kind == WINDOW_FIVE_YEARS) && reading_cut(r, org, prev);
}

/* T36: a row has its value at once from the stored panes, unless they go back less far than its window: then it is said to be warming. */
bool reading_warming(const struct reading *r, struct span span)
{
    const struct definitions *defs = r->e->defs;
    int64_t kept_ms = window_grain(r->window) == GRAIN_MINUTE ? defs->fine_retention_ms : defs->retention_ms;
    if (r->window->kind == WINDOW_LIVE || r->window->kind == WINDOW_FIVE_YEARS)
        return false; /* whole, or without a value */
    return kept_ms > 0 && span.end_ms - span.start_ms > kept_ms;
}

struct measure_reader measure_reader_of(const struct reading *r, struct subject *s)
{
    const struct definitions *defs = r->e->defs;
    return (struct measure_reader){ .r = r,
                                    .s = s,
                                    .row = s,
                                    .prev = r->prev,
                                    .own = r,
                                    .own_cut = reading_cut(r, s->org, r->prev),
                                    .kept_ms = kept_from_ms(r, defs->retention_ms),
                                    .kept_fine_ms = kept_from_ms(r, defs->fine_retention_ms) };
}

static void needs(struct measure_reader *m, int64_t from_ms, bool fine)
{
    bool own = m->own_cut && reading_warming(m->own, reading_span(m->own, m->row->org, m->own->prev));
    bool warming = own && !m->own->prev && from_ms >= reading_span(m->own, m->row->org, COMPARED_NOT).start_ms;
    if (from_ms < (fine ? m->kept_fine_ms : m->kept_ms) && !warming)
        m->flags |= VALUE_INCOMPLETE;
}

void measure_needs(struct measure_reader *m, int64_t from_ms)
{
    needs(m, from_ms, false);
}

/* The row's own window was looked at as a whole. */
static bool surely_kept(const struct measure_reader *m)
{
    return m->r == m->own && m->prev == m->own->prev && !m->own_cut;
}

void measure_needs_window(struct measure_reader *m, const struct measure_def *def)
{
    if (surely_kept(m) || def->agg == AGG_DERIVED)
        return;
    struct span span = measure_span(m, def, m->prev);
    bool fine = window_grain(m->r->window) == GRAIN_MINUTE && def->fine;
    if (def->agg == AGG_LEVEL)
        needs(m, level_cut_ms(m, def, m->at_start), fine);
    else if (def->gauge)
        needs(m, as_of_ms(m, m->prev), fine);
    else if (span.start_ms < span.end_ms)
        needs(m, span.start_ms, fine);
}
