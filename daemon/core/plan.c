/* Making the plan. It computes no values, but for one trick: which measures raise a formula is found by trying. */
#include "plan.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "plan_kpi.h"
#include "series.h"

#define DAY_MS INT64_C(86400000)

int plan_window(const struct plan *plan, const struct window *w)
{
    for (uint32_t i = 0; i < plan->n_windows; i++) {
        const struct window *x = &plan->window[i];
        if (x->kind == w->kind && x->period == w->period && x->length_ms == w->length_ms &&
            x->span.start_ms == w->span.start_ms && x->span.end_ms == w->span.end_ms)
            return (int)i;
    }
    return -1;
}

uint32_t plan_watch_of(const struct plan *plan, int kpi, int window)
{
    uint32_t i = 0;
    while (i + 1 < plan->n_watches && (plan->watch[i].kpi != kpi || plan->watch[i].window != window))
        i++;
    return i;
}

static uint32_t measure_hash(const struct plan *plan, struct slice id)
{
    return (uint32_t)XXH3_64bits(id.p, id.n) & plan->measure_mask;
}

static int name_measures(struct plan *plan)
{
    const struct definitions *defs = plan->defs;
    plan->measure_mask = 63;
    while (plan->measure_mask < defs->n_measures * 2)
        plan->measure_mask = plan->measure_mask * 2 + 1;
    plan->measure_slot = calloc(plan->measure_mask + 1, sizeof *plan->measure_slot);
    if (!plan->measure_slot)
        return -1;
    for (uint32_t m = 0; m < defs->n_measures; m++) {
        uint32_t i = measure_hash(plan, slice_of(defs->measure[m].id));
        while (plan->measure_slot[i])
            i = (i + 1) & plan->measure_mask;
        plan->measure_slot[i] = (int)m + 1;
    }
    return 0;
}

int plan_measure_named(const struct plan *plan, struct slice id)
{
    if (!id.n)
        return -1;
    for (uint32_t i = measure_hash(plan, id); plan->measure_slot[i]; i = (i + 1) & plan->measure_mask)
        if (slice_eq(slice_of(plan->defs->measure[plan->measure_slot[i] - 1].id), id))
            return plan->measure_slot[i] - 1;
    return -1;
}

int plan_slot_of(const struct plan *plan, int measure, int window, enum compared prev)
{
    return window < 0 ? -1 : plan->measure[measure].by_window[window * COMPARED_COUNT + prev];
}

bool plan_rule_at_close(const struct plan *plan, const struct rule_def *rule)
{
    const struct plan_kpi *k = &plan->kpi[rule->kpi];
    bool less = rule->fire_expr ? rule->less : rule->fire_op == CMP_LT || rule->fire_op == CMP_LE;
    if (rule->scorecard)
        return true;
    if (rule->window.kind != WINDOW_PERIOD || rule->n_milestones || rule->judge == RULE_JUDGE_RUNNING)
        return false;
    return rule->judge == RULE_JUDGE_COMPLETE || (less && !k->paced && k->prev == COMPARED_NOT);
}

bool plan_past_known(const struct plan *plan, int kpi, const struct window *w)
{
    const struct plan_kpi *k = &plan->kpi[kpi];
    for (uint32_t i = 0; i < k->n_leaves; i++) {
        const struct measure_def *m = &plan->defs->measure[k->leaf[i].measure];
        enum window_kind kind = k->leaf[i].window < 0 ? w->kind : plan->window[k->leaf[i].window].kind;
        if (m->gauge || (m->agg == AGG_DISTINCT && kind == WINDOW_ROLLING))
            return false;
    }
    return true;
}

static void *grown(void *array, uint32_t n, size_t size)
{
    if (n & (n - 1)) /* room up to the next power of two */
        return array;
    return realloc(array, (n ? n * 2 : 1) * size);
}

static int add_window(struct plan *plan, const struct window *w)
{
    int i = plan_window(plan, w);
    if (i >= 0)
        return i;
    struct window *v = grown(plan->window, plan->n_windows, sizeof *v);
    if (!v)
        return -1;
    plan->window = v;
    v[plan->n_windows] = *w;
    return (int)plan->n_windows++;
}

static struct plan_watch *add_watch(struct plan *plan, int kpi, const struct window *w)
{
    int window = add_window(plan, w);
    if (window < 0)
        return NULL;
    for (uint32_t i = 0; i < plan->n_watches; i++)
        if (plan->watch[i].kpi == kpi && plan->watch[i].window == window)
            return &plan->watch[i];
    struct plan_watch *v = grown(plan->watch, plan->n_watches, sizeof *v);
    if (!v)
        return NULL;
    plan->watch = v;
    v[plan->n_watches] =
        (struct plan_watch){ .kpi = kpi, .window = window, .ranked = plan->defs->kpi[kpi].form == KPI_RANK };
    return &v[plan->n_watches++];
}

static int append(int **list, uint32_t *n, int value)
{
    if (*n && (*list)[*n - 1] == value) /* a card may have one KPI twice */
        return 0;
    int *v = grown(*list, *n, sizeof *v);
    if (!v)
        return -1;
    *list = v;
    v[(*n)++] = value;
    return 0;
}

static int watch_rows(struct plan *plan)
{
    const struct definitions *defs = plan->defs;
    uint32_t published = defs->snapshot_dims ? defs->snapshot_dims : UINT32_MAX;
    for (uint32_t i = 0; i < defs->n_kpis; i++) {
        const struct kpi_def *k = &defs->kpi[i];
        for (uint32_t j = 0; j < k->n_windows; j++) {
            struct plan_watch *w = add_watch(plan, (int)i, &k->window[j]);
            if (!w)
                return -1;
            w->live_dims |= k->dims;
            w->row_dims |= k->dims & published;
        }
        for (uint32_t j = 0; j < defs->n_snapshots; j++) {
            struct plan_watch *w = add_watch(plan, (int)i, &defs->snapshot_window[j]);
            if (!w)
                return -1;
            w->row_dims |= k->dims & published;
        }
    }
    return 0;
}

static int watch_for_rule(struct plan *plan, int rule, int kpi, const struct window *window)
{
    struct plan_watch *w = add_watch(plan, kpi, window);
    if (!w || append(&w->rule, &w->n_rules, rule) < 0)
        return -1;
    w->rule_dims |= plan->defs->rule[rule].dims;
    return 0;
}

/* A rule that reads the past is looked at when a pane passes one of the edges of what it reads: the watch of a rolling window of that length tells. */
static int watch_edge(struct plan *plan, int rule, int kpi, int64_t length_ms)
{
    struct window w = { .kind = WINDOW_ROLLING, .length_ms = length_ms, .name = "edge" };
    return watch_for_rule(plan, rule, kpi, &w);
}

static int watch_read(struct plan *plan, int rule, const struct rule_read *read)
{
    int kpi = read->kpi < 0 ? plan->defs->rule[rule].kpi : read->kpi;
    int64_t length_ms = read->window.kind == WINDOW_ROLLING ? read->window.length_ms : 0;
    int rc = watch_for_rule(plan, rule, kpi, &read->window);
    for (int64_t back_ms = DAY_MS; rc == 0 && back_ms <= read->mean_ms; back_ms += DAY_MS) {
        rc = watch_edge(plan, rule, kpi, read->ago_ms + back_ms);
        if (rc == 0 && length_ms)
            rc = watch_edge(plan, rule, kpi, read->ago_ms + back_ms + length_ms);
    }
    if (rc == 0 && read->ago_ms)
        rc = watch_edge(plan, rule, kpi, read->ago_ms);
    if (rc == 0 && read->ago_ms && length_ms)
        rc = watch_edge(plan, rule, kpi, read->ago_ms + length_ms);
    return rc;
}

/* All KPIs of all versions of a card. */
static int watch_card(struct plan *plan, int rule, struct slice id)
{
    for (uint32_t i = 0; i < plan->defs->n_scorecards; i++) {
        const struct scorecard_def *card = &plan->defs->scorecard[i];
        for (uint32_t k = 0; slice_eq(slice_of(card->id), id) && k < card->n_items; k++)
            if (watch_for_rule(plan, rule, card->item[k].kpi, &card->item[k].window) < 0)
                return -1;
    }
    return 0;
}

static int watch_rule(struct plan *plan, int rule)
{
    const struct rule_def *r = &plan->defs->rule[rule];
    if (r->scorecard)
        return watch_card(plan, rule, slice_of(r->scorecard));
    int64_t length_ms = r->window.kind == WINDOW_ROLLING ? r->window.length_ms : 0;
    int rc = watch_for_rule(plan, rule, r->kpi, &r->window);
    for (uint32_t k = 1; rc == 0 && length_ms && k <= r->past_windows; k++)
        rc = watch_edge(plan, rule, r->kpi, (k + 1) * length_ms);
    if (rc == 0 && r->lag_ms)
        rc = watch_edge(plan, rule, r->kpi, r->lag_ms);
    if (rc == 0 && r->lag_ms)
        rc = watch_edge(plan, rule, r->kpi, r->lag_ms + length_ms);
    for (uint32_t i = 0; rc == 0 && i < r->n_reads; i++)
        rc = watch_read(plan, rule, &r->read[i]);
    return rc;
}

static int watch_users(struct plan *plan)
{
    const struct definitions *defs = plan->defs;
    for (uint32_t i = 0; i < defs->n_rules; i++)
        if (watch_rule(plan, (int)i) < 0)
            return -1;
    for (uint32_t i = 0; i < defs->n_boards; i++) {
        struct plan_watch *w = add_watch(plan, defs->board[i].kpi, &defs->board[i].window);
        if (!w || append(&w->board, &w->n_boards, (int)i) < 0)
            return -1;
    }
    for (uint32_t i = 0; i < defs->n_scorecards; i++)
        for (uint32_t j = 0; j < defs->scorecard[i].n_items + defs->scorecard[i].n_also; j++) {
            const struct scorecard_item *item = &defs->scorecard[i].item[j];
            plan->kpi[item->kpi].whole |= item->of != NULL; /* a kind is told by its org */
            struct plan_watch *w = add_watch(plan, item->kpi, &item->window);
            if (!w || append(&w->card, &w->n_cards, (int)i) < 0)
                return -1;
        }
    return 0;
}

static bool is_fine(const struct plan *plan, int measure, const struct window *w)
{
    return window_grain(w) == GRAIN_MINUTE && plan->defs->measure[measure].fine;
}

/* The org's figure may stand in the rows of others. */
static uint32_t looked_at(const struct plan *plan, uint32_t watch)
{
    const struct plan_watch *w = &plan->watch[watch];
    uint32_t dims = w->live_dims | w->row_dims | w->rule_dims | 1u << DIM_ORG;
    for (uint32_t i = 0; i < w->n_boards; i++)
        dims |= 1u << plan->defs->board[w->board[i]].dim;
    for (uint32_t i = 0; i < w->n_cards; i++)
        dims |= 1u << plan->defs->scorecard[w->card[i]].dim;
    return dims;
}

static int touch(struct plan *plan, int measure, int window, enum compared prev, uint32_t watch)
{
    struct plan_measure *m = &plan->measure[measure];
    int16_t *index = &m->by_window[window * COMPARED_COUNT + prev];
    if (*index < 0) {
        struct plan_slot *v = grown(m->slot, m->n_slots, sizeof *v);
        uint64_t *watches = calloc(plan->n_words, sizeof *watches);
        if (v)
            m->slot = v;
        if (!v || !watches) {
            free(watches);
            return -1;
        }
        bool fine = is_fine(plan, measure, &plan->window[window]);
        v[m->n_slots] =
            (struct plan_slot){ .window = window,
                                .prev = prev,
                                .fine = fine,
                                .level = plan->defs->measure[measure].agg == AGG_LEVEL,
                                .parts = series_parts(&plan->defs->measure[measure], &plan->window[window], prev),
                                .watches = watches };
        *index = (int16_t)m->n_slots++;
    }
    bit_set(m->slot[*index].watches, watch);
    m->slot[*index].carded |= plan->watch[watch].n_cards > 0;
    m->slot[*index].dims |= looked_at(plan, watch);
    return 0;
}

/* A rule in a running civil window compares with the part of the one before that had passed by then. */
static bool watch_reads_past(const struct plan *plan, const struct plan_watch *w)
{
    enum window_kind kind = plan->window[w->window].kind;
    bool past = false;
    for (uint32_t i = 0; i < w->n_rules; i++)
        past |= plan->defs->rule[w->rule[i]].past_windows > 0;
    return past && (kind == WINDOW_PERIOD || kind == WINDOW_TO_DATE);
}

/* Boards show the previous rank, so they read every leaf in the comparison window too. */
static int touch_leaves(struct plan *plan)
{
    for (uint32_t i = 0; i < plan->n_watches; i++) {
        const struct plan_watch *w = &plan->watch[i];
        const struct plan_kpi *k = &plan->kpi[w->kpi];
        for (uint32_t j = 0; j < k->n_leaves; j++) {
            int window = k->leaf[j].window < 0 ? w->window : k->leaf[j].window;
            if (touch(plan, k->leaf[j].measure, window, k->leaf[j].at, i) < 0)
                return -1;
            if (watch_reads_past(plan, w) && touch(plan, k->leaf[j].measure, window, COMPARED_ELAPSED, i) < 0)
                return -1;
            if (w->n_boards && plan->window[window].kind != WINDOW_GAUGE &&
                touch(plan, k->leaf[j].measure, window, COMPARED_WHOLE, i) < 0)
                return -1;
        }
    }
    return 0;
}

static int make_measures(struct plan *plan)
{
    uint32_t n = plan->defs->n_measures;
    plan->measure = calloc(n ? n : 1, sizeof *plan->measure);
    if (!plan->measure)
        return -1;
    for (uint32_t i = 0; i < n; i++) {
        size_t cells = (size_t)plan->n_windows * COMPARED_COUNT;
        plan->measure[i].by_window = malloc((cells ? cells : 1) * sizeof(int16_t));
        if (!plan->measure[i].by_window)
            return -1;
        memset(plan->measure[i].by_window, 0xff, cells * sizeof(int16_t)); /* -1 */
    }
    return touch_leaves(plan);
}

static int roster_of(const struct definitions *defs)
{
    for (uint32_t i = 0; i < defs->n_measures; i++) {
        const struct measure_def *m = &defs->measure[i];
        if (m->fact == FACT_USER_ENABLED && !m->where && m->dims >> DIM_REP & 1 &&
            (m->agg == AGG_LEVEL || (m->agg == AGG_COUNT && m->gauge)))
            return (int)i;
    }
    return -1;
}

static int erased_of(const struct definitions *defs)
{
    for (uint32_t i = 0; i < defs->n_measures; i++) {
        const struct measure_def *m = &defs->measure[i];
        if (m->fact == FACT_ERASED && !m->where && m->dims >> DIM_REP & 1 && m->agg == AGG_COUNT && m->gauge)
            return (int)i;
    }
    return -1;
}

/* Twelve quarters before a quarter, and a year more for what precedes. */
enum { SERIES_DAYS = 1475 };

static int add_ref_windows(struct plan *plan)
{
    static const struct window series_window = { .kind = WINDOW_ROLLING,
                                                 .length_ms = SERIES_DAYS * INT64_C(86400000),
                                                 .name = "1475d" };
    uint32_t n = plan->defs->n_refs;
    plan->ref_window = malloc((n ? n : 1) * sizeof *plan->ref_window);
    for (uint32_t i = 0; plan->ref_window && i < n; i++) {
        const struct measure_ref *ref = &plan->defs->ref[i];
        bool series = ref->periods == PERIODS_HOLT; /* reads periods before the window: what changes there changes it */
        plan->ref_window[i] = ref->has_window ? add_window(plan, &ref->window)
                              : series        ? add_window(plan, &series_window)
                                              : -1;
        if ((ref->has_window || series) && plan->ref_window[i] < 0)
            return -1;
    }
    return plan->ref_window ? 0 : -1;
}

int plan_init(struct plan *plan, const struct definitions *defs)
{
    *plan = (struct plan){ .defs = defs, .roster = roster_of(defs), .erased = erased_of(defs) };
    plan->rfm_last = definitions_measure(defs, SLICE("rfm_last_minute"));
    plan->rfm_sales = definitions_measure(defs, SLICE("rfm_sales_year"));
    plan->kpi = calloc(defs->n_kpis ? defs->n_kpis : 1, sizeof *plan->kpi);
    if (!plan->kpi || name_measures(plan) < 0 || add_ref_windows(plan) < 0)
        return -1;
    for (uint32_t i = 0; i < defs->n_kpis; i++)
        if (plan_kpi_init(&plan->kpi[i], plan, (int)i) < 0)
            return -1;
    if (watch_rows(plan) < 0 || watch_users(plan) < 0)
        return -1;
    plan->n_words = plan->n_watches / 64 + 1;
    return make_measures(plan);
}

void plan_release(struct plan *plan)
{
    for (uint32_t i = 0; plan->measure && i < plan->defs->n_measures; i++) {
        for (uint32_t j = 0; j < plan->measure[i].n_slots; j++)
            free(plan->measure[i].slot[j].watches);
        free(plan->measure[i].slot);
        free(plan->measure[i].by_window);
    }
    for (uint32_t i = 0; i < plan->n_watches; i++) {
        free(plan->watch[i].rule);
        free(plan->watch[i].board);
        free(plan->watch[i].card);
    }
    for (uint32_t i = 0; plan->kpi && i < plan->defs->n_kpis; i++)
        free(plan->kpi[i].leaf);
    free(plan->measure);
    free(plan->watch);
    free(plan->kpi);
    free(plan->window);
    free(plan->ref_window);
    free(plan->measure_slot);
    *plan = (struct plan){ 0 };
}
