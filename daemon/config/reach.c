/* What reads further back than panes are kept: such figures are partial (warming) or have no value (incomplete), and whoever relies on them should know when
 * the configuration is loaded. How far a reading goes is taken at its most; whether a row has its value at an instant is core/kpi_kept.c's work. */
#include "loader.h"

#define DAY_MS INT64_C(86400000)

enum { YEAR_DAYS = 366, SERIES_PERIODS = 12, DEPTH_MAX = 16 };

/* Such a window is filled as far as panes are kept; whoever shortened the retention should know. */
static void warn_windows(struct loader *l)
{
    for (uint32_t i = 0; i < l->defs->n_kpis; i++) {
        const struct kpi_def *k = &l->defs->kpi[i];
        for (uint32_t j = 0; j < k->n_windows; j++)
            if (k->window[j].kind == WINDOW_ROLLING && k->window[j].length_ms > l->defs->retention_ms)
                report_warning(l, l->section[SECTION_KPIS].v[i].key, "window %s of '%s' is longer than time.retention",
                               k->window[j].name, k->id);
    }
}

/* A go-live is named to see five years of costs: the panes have to last as long, for rows of a part of them have no value. */
static void warn_go_live(struct loader *l)
{
    const int64_t five_years_ms = INT64_C(1827) * 86400000;
    const struct section *s = &l->section[SECTION_ORGS];
    for (uint32_t i = 0; i < l->defs->n_orgs; i++)
        if (i < s->n && l->defs->org[i].calendar.go_live_ms && l->defs->retention_ms < five_years_ms)
            report_warning(l, s->v[i].key,
                           "the windows live and 5y of '%s' have no value once they reach back beyond time.retention: "
                           "1830d for five years",
                           l->defs->org[i].id);
}

/* ---- how far back a KPI reads ------------------------------------------------------------------------------------------------------------------- */

struct reach {
    const struct definitions *defs;
    enum period cycle; /* the longest that an org has */
    int depth;
};

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t period_ms(enum period period)
{
    static const int64_t days[PERIOD_COUNT] = { 1, 7, 31, 92, 184, YEAR_DAYS };
    return days[period] * DAY_MS;
}

/* 0 for windows of years, whose retention is asked for by itself, and for fixed ones. */
static int64_t length_ms(const struct reach *x, const struct window *w)
{
    switch (w->kind) {
    case WINDOW_ROLLING:
    case WINDOW_DAYS:
        return w->length_ms;
    case WINDOW_PERIOD:
        return period_ms(w->period);
    case WINDOW_TO_DATE:
    case WINDOW_GAUGE:
    case WINDOW_CLOSED:
        return period_ms(x->cycle);
    default:
        return 0;
    }
}

static int64_t expr_reach_ms(struct reach *x, const struct expr *e, const struct window *w, int64_t before_ms);

/* A measure in a window that ends `before_ms` ago at most. A level needs only what comes after the instant it is read at. */
static int64_t measure_reach_ms(struct reach *x, int index, int part, const struct window *w, int64_t before_ms)
{
    const struct measure_def *m = &x->defs->measure[index];
    if (m->agg == AGG_DERIVED && x->depth < DEPTH_MAX) {
        x->depth++;
        int64_t reach_ms = expr_reach_ms(x, m->derived, w, before_ms);
        x->depth--;
        return reach_ms;
    }
    bool end_only = m->agg == AGG_LEVEL && part != PART_START && part != PART_PREV_START;
    return before_ms + (end_only ? 0 : length_ms(x, w));
}

static int64_t ref_reach_ms(struct reach *x, const struct measure_ref *ref, const struct window *w, int64_t before_ms)
{
    const struct window *in = ref->has_window ? &ref->window : w;
    int64_t own_ms = length_ms(x, in);
    if (ref->measure < 0 || !own_ms)
        return 0;
    if (ref->periods == PERIODS_HOLT)
        return before_ms + own_ms + SERIES_PERIODS * (in->kind == WINDOW_PERIOD ? own_ms : period_ms(x->cycle));
    if (ref->at == COMPARED_YEAR)
        before_ms += YEAR_DAYS * DAY_MS;
    else if (ref->at == COMPARED_ELAPSED || ref->at == COMPARED_WHOLE)
        before_ms += own_ms;
    return measure_reach_ms(x, ref->measure, ref->part, in, before_ms + ref->age * own_ms);
}

static int64_t slot_reach_ms(struct reach *x, int slot, const struct window *w, int64_t before_ms)
{
    if (slot >= SLOT_REF)
        return ref_reach_ms(x, &x->defs->ref[slot - SLOT_REF], w, before_ms);
    if (slot >= SLOT_BUILTIN)
        return 0;
    int part = slot % MEASURE_PARTS;
    bool prev = part == PART_PREV || part == PART_PREV_START;
    return measure_reach_ms(x, slot / MEASURE_PARTS, part, w, before_ms + (prev ? length_ms(x, w) : 0));
}

static int64_t expr_reach_ms(struct reach *x, const struct expr *e, const struct window *w, int64_t before_ms)
{
    uint32_t n = 0;
    const int *slot = e ? expr_slots(e, &n) : NULL;
    int64_t reach_ms = 0;
    for (uint32_t i = 0; i < n; i++)
        reach_ms = most(reach_ms, slot_reach_ms(x, slot[i], w, before_ms));
    return reach_ms;
}

static int64_t kpi_reach_ms(struct reach *x, int kpi, const struct window *w, int64_t before_ms)
{
    const struct kpi_def *k = &x->defs->kpi[kpi];
    const struct expr *const e[] = { k->numerator, k->denominator, k->value };
    int64_t reach_ms = k->form == KPI_DURATION ? before_ms + length_ms(x, w) : 0;
    for (size_t i = 0; i < sizeof e / sizeof e[0]; i++)
        reach_ms = most(reach_ms, expr_reach_ms(x, e[i], w, before_ms));
    return reach_ms;
}

/* ---- who relies on it --------------------------------------------------------------------------------------------------------------------------- */

static int64_t rule_reach_ms(struct reach *x, const struct rule_def *r)
{
    if (r->scorecard)
        return 0;
    int64_t past_ms = r->lag_ms + (int64_t)r->past_windows * length_ms(x, &r->window);
    int64_t reach_ms = kpi_reach_ms(x, r->kpi, &r->window, past_ms);
    for (uint32_t i = 0; i < r->n_reads; i++) {
        const struct rule_read *read = &r->read[i];
        reach_ms = most(
            reach_ms, kpi_reach_ms(x, read->kpi < 0 ? r->kpi : read->kpi, &read->window, read->ago_ms + read->mean_ms));
    }
    return reach_ms;
}

static int64_t card_reach_ms(struct reach *x, const struct scorecard_def *s, int *ret_kpi)
{
    int64_t reach_ms = 0;
    for (uint32_t i = 0; i < s->n_items; i++) {
        int64_t t = kpi_reach_ms(x, s->item[i].kpi, &s->item[i].window, 0);
        if (t > reach_ms)
            *ret_kpi = s->item[i].kpi;
        reach_ms = most(reach_ms, t);
    }
    return reach_ms;
}

static void warn(struct loader *l, enum section_id section, const char *what, const char *id, int kpi, int64_t reach_ms)
{
    const struct entry *e = section_find(l, section, slice_of(id));
    if (e && reach_ms > l->defs->retention_ms)
        report_warning(
            l, e->key,
            "%s '%s' reads '%s' up to %lld days back, more than time.retention keeps: part of the time it has no value",
            what, id, l->defs->kpi[kpi].id, (long long)(reach_ms / DAY_MS));
}

void reach_warn(struct loader *l)
{
    const struct definitions *d = l->defs;
    struct reach x = { .defs = d, .cycle = PERIOD_DAY };
    warn_windows(l);
    warn_go_live(l);
    for (uint32_t i = 0; i < d->n_orgs; i++)
        if (d->org[i].calendar.cycle > x.cycle)
            x.cycle = d->org[i].calendar.cycle;
    for (uint32_t i = 0; i < d->n_rules; i++)
        warn(l, SECTION_RULES, "rule", d->rule[i].id, d->rule[i].kpi, rule_reach_ms(&x, &d->rule[i]));
    for (uint32_t i = 0; i < d->n_boards; i++)
        warn(l, SECTION_BOARDS, "board", d->board[i].id, d->board[i].kpi,
             kpi_reach_ms(&x, d->board[i].kpi, &d->board[i].window, 0));
    for (uint32_t i = 0; i < d->n_scorecards; i++) {
        int kpi = 0;
        int64_t reach_ms = card_reach_ms(&x, &d->scorecard[i], &kpi);
        warn(l, SECTION_SCORECARDS, "scorecard", d->scorecard[i].id, kpi, reach_ms);
    }
}
