/* A rig for tests of the engine: events written as text, measures over every fact, and the cells that come out.
 *
 * An event is "type occurred_at_ms event_id field=value field=value ..."; the org is "o" unless org_id is given. Values have no blanks. */
#ifndef ENGINE_RIG_H
#define ENGINE_RIG_H

#include <stdio.h>
#include <stdlib.h>

#include <criterion/criterion.h>

#include "crmpulse/engine.h"
#include "crmpulse/fact_slot.h"

struct rig_event {
    struct event ev;
    char text[512];
};

static inline bool rig_is_text(enum event_field f)
{
    return event_field_info(f)->kind <= FIELD_CURRENCY;
}

/* `line` may be longer than the event; the words are kept in `to`, which must stay where it is. */
static inline void rig_parse(struct rig_event *to, const char *line)
{
    snprintf(to->text, sizeof to->text, "%s", line);
    event_clear(&to->ev);
    char *save = NULL, *word = strtok_r(to->text, " ", &save);
    int type = event_type_by_name(slice_of(word));
    cr_assert(type >= 0, "no such type: %s", word);
    to->ev.type = (enum event_type)type;
    event_set_str(&to->ev, F_ORG_ID, SLICE("o"));
    event_set_int(&to->ev, F_OCCURRED_AT_MS, strtoll(strtok_r(NULL, " ", &save), NULL, 10));
    event_set_str(&to->ev, F_EVENT_ID, slice_of(strtok_r(NULL, " ", &save)));
    while ((word = strtok_r(NULL, " ", &save))) {
        char *eq = strchr(word, '=');
        cr_assert(eq, "not a field: %s", word);
        *eq = 0;
        int f = event_field_by_name(slice_of(word));
        cr_assert(f >= 0, "no such field: %s", word);
        if (rig_is_text((enum event_field)f))
            event_set_str(&to->ev, (enum event_field)f, slice_of(eq + 1));
        else
            event_set_int(&to->ev, (enum event_field)f, strtoll(eq + 1, NULL, 10));
    }
}

/* ---- measures ---- */

static inline int rig_resolve(void *ctx, struct slice name)
{
    (void)ctx;
    return fact_slot_by_name(name);
}

static inline struct measure_def *rig_measure(struct definitions *defs, const char *id, const char *fact, enum agg agg,
                                              const char *where, const char *value)
{
    defs->measure = realloc(defs->measure, (defs->n_measures + 1) * sizeof *defs->measure);
    struct measure_def *m = &defs->measure[defs->n_measures++];
    struct expr_error error;
    int type = fact_type_by_name(slice_of(fact));
    cr_assert(type >= 0, "no such fact: %s", fact);
    *m = (struct measure_def){
        .id = strdup(id), .fact = (enum fact_type)type, .agg = agg, .at_least = 1, .dims = (1u << DIM_COUNT) - 1
    };
    m->asof = fact_type_asof(m->fact) || agg == AGG_DISTINCT;
    if (where)
        cr_assert(m->where = expr_compile(slice_of(where), rig_resolve, NULL, &error), "%s: %s", where, error.message);
    if (value)
        cr_assert(m->value = expr_compile(slice_of(value), rig_resolve, NULL, &error), "%s: %s", value, error.message);
    return m;
}

static inline void rig_org(struct definitions *defs, struct zone zone)
{
    defs->org = calloc(1, sizeof *defs->org);
    defs->n_orgs = 1;
    defs->org[0] =
        (struct org_def){ .id = strdup("*"), .calendar = { .zone = zone, .week_start = 1, .cycle = PERIOD_MONTH } };
    defs->tick_ms = 60000;
    defs->retention_ms = INT64_C(400) * 86400000;
    defs->fine_retention_ms = 6 * 3600000;
    defs->out_of_orderness_ms = 10000;
    defs->lateness_ms = defs->orphan_wait_ms = defs->retention_ms;
    defs->erase_final_ms = defs->retention_ms;
    defs->max_ahead_ms = 3600000;
}

static inline bool rig_gauge(enum fact_type t)
{
    return t == FACT_MEMBER_NOW || t == FACT_LEAD_OPEN || t == FACT_DEAL_OPEN || t == FACT_TICKET_OPEN ||
           t == FACT_ERASED;
}

/* Everything that facts say: counts, every number as a sum, distinct members once and twice, durations, the largest amount. */
static inline void rig_all_measures(struct definitions *defs)
{
    char id[80];
    for (int t = 0; t < FACT_TYPE_COUNT; t++) {
        const char *fact = fact_type_name((enum fact_type)t);
        rig_measure(defs, fact, fact, AGG_COUNT, NULL, NULL)->gauge = rig_gauge((enum fact_type)t);
        for (int n = 0; n < FN_COUNT; n++) {
            const char *number = fact_slot_name(FACT_SLOT_NUMBER + n);
            snprintf(id, sizeof id, "%s~%s", fact,
                     number); /* a fact may be named like another with a number of its own */
            rig_measure(defs, id, fact, AGG_SUM, NULL, number)->gauge = rig_gauge((enum fact_type)t);
        }
    }
    rig_measure(defs, "once_usage", "usage", AGG_DISTINCT, NULL, NULL)->lifecycle = true;
    rig_measure(defs, "once_user_day", "user_day", AGG_DISTINCT, NULL, NULL);
    rig_measure(defs, "once_activity", "customer_activity", AGG_DISTINCT, NULL, NULL)->lifecycle = true;
    rig_measure(defs, "buyers", "txn", AGG_DISTINCT, NULL, NULL);
    rig_measure(defs, "repeat_buyers", "txn", AGG_DISTINCT, NULL, NULL)->at_least = 2;
    rig_measure(defs, "refunded", "refund", AGG_DISTINCT, "mode == 'at_refund'", NULL)->at_least = 2;
    rig_measure(defs, "repeat_ever", "repeat_sale", AGG_DISTINCT, NULL, NULL);
    rig_measure(defs, "cycle", "deal_close", AGG_DURATION, "outcome == 'won'", "cycle_ms")->fine = true;
    rig_measure(defs, "res_last", "ticket_resolve", AGG_DURATION,
                "mode == 'last' and (basis == null or basis == 'work')", "res_ms");
    rig_measure(defs, "frt", "ticket_reply", AGG_SUM, "mode == null or (mode == 'opened' and basis == 'human')",
                "frt_ms");
    rig_measure(defs, "largest", "txn", AGG_MAX, NULL, "amount");
    rig_measure(defs, "lost", "deal_close", AGG_COUNT, "outcome == 'lost'", NULL);
    rig_measure(defs, "own_target", "target", AGG_SUM, "mode == 'own' and due != 'effective_date'", "value");
    rig_measure(defs, "team_target", "target", AGG_SUM, "mode == 'parts' and due != 'effective_date'", "value");
    rig_measure(defs, "due", "target_part", AGG_ACCRUE, NULL, "value");
}

/* ---- cells ---- */

struct rig_cells {
    struct cell_delta *v; /* field owned; org dropped */
    size_t n, cap;
};

static inline void rig_cells_add(struct rig_cells *c, const struct cell_delta *d)
{
    if (c->n == c->cap)
        c->v = realloc(c->v, (c->cap = c->cap * 2 + 1024) * sizeof *c->v);
    c->v[c->n] = *d;
    char *p = malloc(d->field.n + 1u);
    memcpy(p, d->field.p, d->field.n);
    p[d->field.n] = 0;
    c->v[c->n++].field.p = p;
}

static inline void rig_cells_release(struct rig_cells *c)
{
    for (size_t i = 0; i < c->n; i++)
        free((void *)(uintptr_t)c->v[i].field.p);
    free(c->v);
    *c = (struct rig_cells){ 0 };
}

static inline int rig_by_cell(const void *a, const void *b)
{
    const struct cell_delta *x = a, *y = b;
    int c = slice_cmp(x->field, y->field);
    if (!c && x->grain != y->grain)
        c = x->grain < y->grain ? -1 : 1;
    if (!c && x->pane_ms != y->pane_ms)
        c = x->pane_ms < y->pane_ms ? -1 : 1;
    return c ? c : (x->cause_ms > y->cause_ms) - (x->cause_ms < y->cause_ms);
}

/* Moves tell what was; an end state is the same without them. */
static inline bool rig_of_the_past(const struct cell_delta *d)
{
    return strstr(d->field.p, CELL_MOVED "#") != NULL;
}

/* Sorted, one entry for each cell and cause (or for each cell, cause dropped), without zeros. */
static inline void rig_cells_net(struct rig_cells *c, bool causes)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++)
        if (!causes && rig_of_the_past(&c->v[i]))
            free((void *)(uintptr_t)c->v[i].field.p);
        else
            c->v[n++] = c->v[i];
    c->n = n;
    n = 0;
    for (size_t i = 0; i < c->n; i++)
        c->v[i].cause_ms = causes ? c->v[i].cause_ms : 0;
    if (c->n)
        qsort(c->v, c->n, sizeof *c->v, rig_by_cell);
    for (size_t i = 0; i < c->n; i++) {
        if (n && rig_by_cell(&c->v[n - 1], &c->v[i]) == 0) {
            c->v[n - 1].value += c->v[i].value;
            free((void *)(uintptr_t)c->v[i].field.p);
        } else {
            if (n && !c->v[n - 1].value)
                free((void *)(uintptr_t)c->v[--n].field.p);
            c->v[n++] = c->v[i];
        }
    }
    if (n && !c->v[n - 1].value)
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it moved there from another place */
        free((void *)(uintptr_t)c->v[--n].field.p);
    c->n = n;
}

/* The sum of a cell over deltas with cause <= upto_ms; pane_ms INT64_MIN: over all panes of the grain. */
static inline int64_t rig_sum(const struct rig_cells *c, const char *field, enum cell_grain grain, int64_t pane_ms,
                              int64_t upto_ms)
{
    int64_t sum = 0;
    for (size_t i = 0; i < c->n; i++)
        if (c->v[i].grain == grain && c->v[i].cause_ms <= upto_ms &&
            (pane_ms == INT64_MIN || c->v[i].pane_ms == pane_ms) && slice_eq(c->v[i].field, slice_of(field)))
            sum += c->v[i].value;
    return sum;
}

static inline void rig_take(struct rig_cells *c, struct engine *e)
{
    const struct cell_delta *d;
    uint32_t n = engine_deltas(e, &d);
    for (uint32_t i = 0; i < n; i++)
        rig_cells_add(c, &d[i]);
    engine_flush_begun(e);
    engine_flush_applied(e);
}

static inline struct engine *rig_engine(const struct definitions *defs)
{
    const struct engine_options opt = { .all_in_memory = true, .keep_causes = true };
    struct engine *e = engine_new(defs, &opt);
    cr_assert(e);
    return e;
}

/* ---- records that live in a store ---- */

enum { RIG_STORE_MAX = 4000 };

struct rig_store {
    struct {
        char *key;
        uint64_t version;
        char *bytes;
        uint32_t n_bytes;
    } v[RIG_STORE_MAX];
    uint32_t n;
    uint32_t asked;
};

static inline uint32_t rig_store_find(const struct rig_store *s, struct slice key)
{
    uint32_t i = 0;
    while (i < s->n && !slice_eq(slice_of(s->v[i].key), key))
        i++;
    return i;
}

static inline void rig_store_give(struct rig_store *s, struct engine *e)
{
    const struct slice *key;
    uint32_t n = engine_missing(e, &key);
    cr_assert_gt(n, 0);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = rig_store_find(s, key[i]);
        struct slice bytes = at < s->n ? (struct slice){ s->v[at].bytes, s->v[at].n_bytes } : (struct slice){ 0 };
        cr_assert_eq(engine_put(e, key[i], at < s->n ? s->v[at].version : 0, bytes), 0);
    }
    s->asked += n;
    engine_missing_clear(e);
}

/* All versions as expected, or nothing is written. */
static inline bool rig_store_flush(struct rig_store *s, const struct store_flush *f)
{
    for (uint32_t i = 0; i < f->n_records; i++) {
        uint32_t at = rig_store_find(s, f->record[i].key);
        if ((at < s->n ? s->v[at].version : 0) != f->record[i].expected)
            return false;
    }
    for (uint32_t i = 0; i < f->n_records; i++) {
        const struct store_record *w = &f->record[i];
        uint32_t at = rig_store_find(s, w->key);
        if (w->version == w->expected)
            continue;
        cr_assert_lt(at, RIG_STORE_MAX);
        if (at == s->n) {
            s->n++;
            s->v[at].key = strndup(w->key.p, w->key.n);
        }
        free(s->v[at].bytes);
        s->v[at].bytes = malloc(w->bytes.n + 1u);
        if (w->bytes.n)
            memcpy(s->v[at].bytes, w->bytes.p, w->bytes.n);
        s->v[at].n_bytes = w->bytes.n;
        s->v[at].version = w->bytes.n ? w->version : 0;
    }
    return true;
}

static inline void rig_store_free(struct rig_store *s)
{
    for (uint32_t i = 0; i < s->n; i++) {
        free(s->v[i].key);
        free(s->v[i].bytes);
    }
    free(s);
}

static inline int rig_keep_delta(void *ctx, const struct cell_delta *d)
{
    rig_cells_add(ctx, d);
    return 0;
}

static inline void rig_print(const struct rig_event *e, FILE *to)
{
    struct slice type = slice_of("?");
    (void)type;
    fprintf(to, "  %d %lld %s:", (int)e->ev.type, (long long)e->ev.v[F_OCCURRED_AT_MS].i, e->ev.v[F_EVENT_ID].s.p);
    for (int f = 0; f < EVENT_FIELD_COUNT; f++) {
        if (!event_has(&e->ev, (enum event_field)f) || f == F_OCCURRED_AT_MS || f == F_EVENT_ID || f == F_ORG_ID)
            continue;
        if (rig_is_text((enum event_field)f))
            fprintf(to, " %s=%.*s", event_field_info((enum event_field)f)->name, (int)e->ev.v[f].s.n, e->ev.v[f].s.p);
        else
            fprintf(to, " %s=%lld", event_field_info((enum event_field)f)->name, (long long)e->ev.v[f].i);
    }
    fputc('\n', to);
}

#endif
