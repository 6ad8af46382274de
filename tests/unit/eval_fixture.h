/* Definitions and evaluators for tests, put together by hand. Everything lives in one struct world; nothing is read from YAML. */
#ifndef CRMPULSE_TESTS_EVAL_FIXTURE_H
#define CRMPULSE_TESTS_EVAL_FIXTURE_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "crmpulse/eval.h"

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS   INT64_C(3600000)
#define DAY_MS    INT64_C(86400000)

enum { WORLD_MEASURES = 16, WORLD_KPIS = 16, WORLD_RULES = 8, WORLD_BOARDS = 4, WORLD_CARDS = 4 };

struct world {
    struct definitions defs;
    struct measure_def measure[WORLD_MEASURES];
    struct kpi_def kpi[WORLD_KPIS];
    struct rule_def rule[WORLD_RULES];
    struct board_def board[WORLD_BOARDS];
    struct scorecard_def card[WORLD_CARDS];
    struct org_def org[1];
    int64_t zone_at[1];
    int32_t zone_offset[1];
};

static inline struct window win(const char *name)
{
    struct window w;
    cr_assert_eq(window_parse(NULL, slice_of(name), &w), 0, "window %s", name);
    return w;
}

/* All orgs at a fixed offset from UTC, cycles of a month. */
static inline void world_init(struct world *w, int32_t offset_ms)
{
    memset(w, 0, sizeof *w);
    w->zone_at[0] = INT64_MIN;
    w->zone_offset[0] = offset_ms;
    w->org[0].id = "*";
    w->org[0].calendar =
        (struct calendar){ .zone = { "fixed", 1, w->zone_at, w->zone_offset }, .week_start = 1, .cycle = PERIOD_MONTH };
    w->defs = (struct definitions){ .n_orgs = 1,
                                    .measure = w->measure,
                                    .kpi = w->kpi,
                                    .rule = w->rule,
                                    .board = w->board,
                                    .scorecard = w->card,
                                    .org = w->org,
                                    .tick_ms = MINUTE_MS,
                                    .snapshot_every_ms = HOUR_MS,
                                    .retention_ms = 400 * DAY_MS,
                                    .fine_retention_ms = 6 * HOUR_MS };
}

static inline struct measure_def *add_measure(struct world *w, const char *id, enum agg agg)
{
    struct measure_def *m = &w->measure[w->defs.n_measures++];
    m->id = (char *)id;
    m->agg = agg;
    m->dims = ~0u;
    return m;
}

static inline int resolve_slot(void *ctx, struct slice name)
{
    static const char *const parts[PART_TRAILING] = {
        "", ".n", ".sum", ".prev", ".start", ".prev.start", ".new", ".returning", ".resurrected", ".dormant"
    };
    struct world *w = ctx;
    if (slice_eq(name, SLICE("elapsed")))
        return SLOT_BUILTIN + BUILTIN_ELAPSED;
    if (slice_eq(name, SLICE("days")))
        return SLOT_BUILTIN + BUILTIN_DAYS;
    for (uint32_t i = 0; i < w->defs.n_measures; i++)
        for (int p = 0; p < PART_TRAILING; p++) {
            char text[64];
            snprintf(text, sizeof text, "%s%s", w->measure[i].id, parts[p]);
            if (slice_eq(name, slice_of(text)))
                return (int)i * MEASURE_PARTS + p;
        }
    return -1;
}

static inline struct expr *formula(struct world *w, const char *text)
{
    struct expr_error error;
    if (!text)
        return NULL;
    struct expr *e = expr_compile(slice_of(text), resolve_slot, w, &error);
    cr_assert(e, "%s: %s", text, error.message);
    return e;
}

static inline int add_kpi(struct world *w, const char *id, enum kpi_form form, const char *numerator,
                          const char *denominator, const char *value, const char *windows, uint32_t dims)
{
    struct kpi_def *k = &w->kpi[w->defs.n_kpis];
    *k = (struct kpi_def){ .id = (char *)id,
                           .perspective = 'F',
                           .form = form,
                           .unit = UNIT_RATIO,
                           .dims = dims,
                           .duration = -1,
                           .rank_of = -1 };
    k->numerator = formula(w, numerator);
    k->denominator = formula(w, denominator);
    k->value = formula(w, value);
    char names[128];
    snprintf(names, sizeof names, "%s", windows);
    for (char *save, *name = strtok_r(names, " ", &save); name; name = strtok_r(NULL, " ", &save))
        k->window[k->n_windows++] = win(name);
    return (int)w->defs.n_kpis++;
}

static inline void world_release(struct world *w)
{
    for (uint32_t i = 0; i < w->defs.n_measures; i++)
        expr_free(w->measure[i].derived);
    for (uint32_t i = 0; i < w->defs.n_kpis; i++) {
        expr_free(w->kpi[i].numerator);
        expr_free(w->kpi[i].denominator);
        expr_free(w->kpi[i].value);
        expr_free(w->kpi[i].samples);
        for (uint32_t k = 0; k < w->kpi[i].n_extras; k++)
            expr_free(w->kpi[i].extra[k].value);
    }
}

static inline struct evaluator *world_start(const struct world *w, bool live, bool judge, bool history)
{
    struct evaluator *e = evaluator_new(&w->defs, &(struct evaluator_options){ live, judge, history });
    cr_assert(e);
    return e;
}

static inline void put(struct evaluator *e, const char *field, enum cell_grain grain, int64_t pane_ms, int64_t cause_ms,
                       int64_t value)
{
    struct cell_delta d = { SLICE("acme"), slice_of(field), grain, pane_ms, cause_ms, value, false, false };
    cr_assert_eq(evaluator_apply(e, &d), 0, "%s", field);
}

/* ---- a restart: the state as the store would hold it, then the cells ---- */

struct saved_state {
    uint32_t n;
    struct {
        char org[16], key[96], value[512];
        uint32_t value_n;
    } field[64];
};

/* For evaluator_state_save: the newest value of a field stands, as in a hash. */
static inline int state_keep(void *ctx, struct slice org, struct slice key, struct slice value)
{
    struct saved_state *s = ctx;
    uint32_t i = 0;
    while (i < s->n && !(slice_eq(slice_of(s->field[i].org), org) && slice_eq(slice_of(s->field[i].key), key)))
        i++;
    cr_assert(i < sizeof s->field / sizeof *s->field && org.n < sizeof s->field[i].org &&
              key.n < sizeof s->field[i].key && value.n <= sizeof s->field[i].value);
    s->n += i == s->n;
    snprintf(s->field[i].org, sizeof s->field[i].org, "%.*s", (int)org.n, org.p);
    snprintf(s->field[i].key, sizeof s->field[i].key, "%.*s", (int)key.n, key.p);
    memcpy(s->field[i].value, value.p, value.n);
    s->field[i].value_n = value.n;
    return 0;
}

/* Ends `e`; another begins with the state alone. Its cells are loaded by restore_cell. */
static inline struct evaluator *world_restart(const struct world *w, struct evaluator *e, const struct saved_state *s)
{
    evaluator_free(e);
    e = world_start(w, false, true, false);
    for (uint32_t i = 0; i < s->n; i++)
        cr_assert_eq(evaluator_state_restore(e, slice_of(s->field[i].org), slice_of(s->field[i].key),
                                             (struct slice){ s->field[i].value, s->field[i].value_n }),
                     0, "%s", s->field[i].key);
    return e;
}

/* An hour cell of acme as the store holds it. */
static inline void restore_cell(struct evaluator *e, const char *field, int64_t pane_ms, int64_t value)
{
    struct cell_delta d = {
        .org = SLICE("acme"), .field = slice_of(field), .grain = CELL_HOUR, .pane_ms = pane_ms, .value = value
    };
    cr_assert_eq(evaluator_restore_cell(e, &d), 0, "%s", field);
}

/* Advance both clocks to one instant. */
static inline void advance(struct evaluator *e, int64_t t_ms, const struct evaluator_sink *sink)
{
    cr_assert_eq(evaluator_advance(e, t_ms, t_ms, sink), 0);
}

/* An hour cell of what happened at t (zones at whole hours). */
static inline void happen(struct evaluator *e, const char *field, int64_t t_ms, int64_t value)
{
    put(e, field, CELL_HOUR, t_ms - ((t_ms % HOUR_MS) + HOUR_MS) % HOUR_MS, t_ms, value);
}

/* 2025-03-04T05:06Z and the like. */
static inline int64_t at(const char *text)
{
    int64_t ms;
    cr_assert_eq(time_parse(NULL, slice_of(text), &ms), 0, "time %s", text);
    return ms;
}

/* One row, with its texts kept. */
struct kept_row {
    struct kpi_row row;
    char subject[64], flags[256], window[48], kpi[64];
    int n;
};

static inline int keep_row(void *ctx, const struct kpi_row *row)
{
    struct kept_row *k = ctx;
    k->n++;
    k->row = *row;
    snprintf(k->subject, sizeof k->subject, "%.*s", (int)row->subject.n, row->subject.p);
    snprintf(k->flags, sizeof k->flags, "%.*s", (int)row->flags.n, row->flags.p);
    snprintf(k->window, sizeof k->window, "%.*s", (int)row->window.n, row->window.p);
    snprintf(k->kpi, sizeof k->kpi, "%.*s", (int)row->kpi.n, row->kpi.p);
    return 0;
}

static inline struct kept_row ask(struct evaluator *e, int kpi, const char *window, enum dim dim, const char *subject,
                                  int64_t at_ms)
{
    struct kept_row kept = { 0 };
    struct window w = win(window);
    struct slice s = slice_of(subject);
    struct row_query q = { 1, 1, 1, 1, 1, &at_ms, &kpi, &w, &dim, &s };
    cr_assert_eq(evaluator_rows(e, &q, keep_row, &kept), 0);
    return kept;
}

/* The one row of a subject; it must exist. */
static inline struct kept_row one(struct evaluator *e, int kpi, const char *window, enum dim dim, const char *subject,
                                  int64_t at_ms)
{
    struct kept_row kept = ask(e, kpi, window, dim, subject, at_ms);
    cr_assert_eq(kept.n, 1, "%d rows of %s in %s", kept.n, subject, window);
    return kept;
}

#endif
