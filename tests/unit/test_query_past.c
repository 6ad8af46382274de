/* Past instants asked of cells alone, as query does: every row is what an evaluator with the whole history says, or has no value and the flag past_unknown. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "config_fixture.h"
#include "crmpulse/eval.h"
#include "golden_events.h"

enum { HOUR_MS = 3600000, DAY_MS = 24 * HOUR_MS };

struct cells {
    struct cell_delta *v;
    size_t n, cap;
    struct arena text;
};

static void cells_add(struct cells *c, const struct cell_delta *d)
{
    if (c->n == c->cap)
        c->v = realloc(c->v, (c->cap = c->cap * 2 + 4096) * sizeof *c->v);
    c->v[c->n] = *d;
    c->v[c->n].org = arena_copy(&c->text, d->org);
    c->v[c->n++].field = arena_copy(&c->text, d->field);
}

static int by_cell(const void *a, const void *b)
{
    const struct cell_delta *x = a, *y = b;
    int c = slice_cmp(x->org, y->org);
    c = c ? c : slice_cmp(x->field, y->field);
    c = c ? c : (int)x->grain - (int)y->grain;
    return c ? c : (x->pane_ms > y->pane_ms) - (x->pane_ms < y->pane_ms);
}

/* Two evaluators of the same events: one with the causes of all deltas, one with what a store would hold. */
struct pair {
    struct loaded loaded;
    struct evaluator *whole, *stored;
    int64_t newest_ms;
};

static void restore(struct pair *p, struct cells *c)
{
    size_t n = 0;
    qsort(c->v, c->n, sizeof *c->v, by_cell);
    for (size_t i = 0; i < c->n; i++)
        if (cell_delta_parks(&c->v[i], p->newest_ms))
            cr_assert_eq(evaluator_restore_parked(p->stored, &c->v[i]), 0);
        else if (n && by_cell(&c->v[n - 1], &c->v[i]) == 0)
            c->v[n - 1].value += c->v[i].value;
        else
            c->v[n++] = c->v[i];
    for (size_t i = 0; i < n; i++)
        cr_assert_eq(evaluator_restore_cell(p->stored, &c->v[i]), 0);
    evaluator_stands_at(p->stored, p->newest_ms);
}

static void begin(struct pair *p, const struct history *h)
{
    const struct engine_options opt = { .all_in_memory = true, .keep_causes = true };
    struct event_codec codec = { 0 };
    struct arena arena;
    struct cells cells = { 0 };
    *p = (struct pair){ .loaded = load(NULL), .newest_ms = INT64_MIN };
    const struct definitions *defs = &must_load(&p->loaded)->defs;
    struct engine *e = engine_new(defs, &opt);
    p->whole = evaluator_new(defs, &(struct evaluator_options){ .asof_history = true });
    p->stored = evaluator_new(defs, &(struct evaluator_options){ 0 });
    arena_init(&arena, 0, 0);
    arena_init(&cells.text, 0, 0);
    cr_assert_eq(event_codec_init(&codec), 0);
    for (uint32_t i = 0; i < h->n; i++) {
        struct event ev;
        const struct cell_delta *d;
        if (!history_event(h, i, &codec, &arena, &ev) || engine_apply(e, &ev, INT64_MIN) != APPLY_DONE)
            continue;
        if (ev.v[F_OCCURRED_AT_MS].i > p->newest_ms)
            p->newest_ms = ev.v[F_OCCURRED_AT_MS].i;
        for (uint32_t n = engine_deltas(e, &d), k = 0; k < n; k++) {
            cr_assert_eq(evaluator_apply(p->whole, &d[k]), 0);
            if (d[k].grain != CELL_EVIDENCE)
                cells_add(&cells, &d[k]);
        }
        engine_flush_begun(e);
        engine_flush_applied(e);
    }
    restore(p, &cells);
    free(cells.v);
    arena_release(&cells.text);
    arena_release(&arena);
    engine_free(e);
}

static void end(struct pair *p)
{
    evaluator_free(p->whole);
    evaluator_free(p->stored);
    done(&p->loaded);
}

struct seen {
    struct {
        uint64_t name;
        double value;
        int64_t numerator, denominator, count;
        bool is_null, unknown;
        char text[160];
    } * v;
    size_t n, cap;
};

static int take(void *ctx, const struct kpi_row *row)
{
    struct seen *s = ctx;
    if (s->n == s->cap)
        s->v = realloc(s->v, (s->cap = s->cap * 2 + 4096) * sizeof *s->v);
    char text[160], flags[600];
    snprintf(text, sizeof text, "%.*s %.*s %.*s %.*s:%.*s", (int)row->org.n, row->org.p, (int)row->kpi.n, row->kpi.p,
             (int)row->window.n, row->window.p, (int)row->dim.n, row->dim.p, (int)row->subject.n, row->subject.p);
    snprintf(flags, sizeof flags, "%.*s", (int)row->flags.n, row->flags.p);
    s->v[s->n].name = XXH3_64bits(text, strlen(text));
    s->v[s->n].value = row->value;
    s->v[s->n].numerator = row->numerator;
    s->v[s->n].denominator = row->denominator;
    s->v[s->n].count = row->count;
    s->v[s->n].is_null = row->is_null;
    s->v[s->n].unknown = strstr(flags, "past_unknown") != NULL;
    memcpy(s->v[s->n++].text, text, sizeof text);
    return 0;
}

static int by_name(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void ask(struct evaluator *e, int64_t at_ms, struct seen *to)
{
    const struct row_query q = { .n_at = 1, .at_ms = &at_ms };
    to->n = 0;
    cr_assert_eq(evaluator_rows(e, &q, take, to), 0);
    qsort(to->v, to->n, sizeof *to->v, by_name);
}

/* Rows in both; how many have no value because the past is not known. Those of one side only tell of a subject that is not listed yet. */
static size_t compare(const struct seen *whole, const struct seen *stored, size_t *both)
{
    size_t unknown = 0;
    *both = 0;
    for (size_t i = 0, k = 0; i < whole->n && k < stored->n;) {
        if (whole->v[i].name != stored->v[k].name) {
            *(whole->v[i].name < stored->v[k].name ? &i : &k) += 1;
            continue;
        }
        ++*both;
        if (stored->v[k].unknown) {
            cr_expect(stored->v[k].is_null, "%s: a value that is not known", stored->v[k].text);
            unknown++;
        } else {
            cr_expect(whole->v[i].is_null == stored->v[k].is_null && whole->v[i].value == stored->v[k].value &&
                          whole->v[i].numerator == stored->v[k].numerator &&
                          whole->v[i].denominator == stored->v[k].denominator &&
                          whole->v[i].count == stored->v[k].count,
                      "%s: stored %.17g (%lld/%lld), was %.17g (%lld/%lld)", whole->v[i].text, stored->v[k].value,
                      (long long)stored->v[k].numerator, (long long)stored->v[k].denominator, whole->v[i].value,
                      (long long)whole->v[i].numerator, (long long)whole->v[i].denominator);
        }
        i++;
        k++;
    }
    return unknown;
}

Test(query_past, no_wrong_figure_under_a_past_instant)
{
    struct history h = { 0 };
    struct pair p;
    struct seen whole = { 0 }, stored = { 0 };
    size_t both;
    history_gather(&h, 3);
    begin(&p, &h);
    static const char *const at[] = {
        "2025-01-31T23:59:59.999Z", "2025-03-04T04:59:59.999Z", "2025-03-04T04:30:00Z",
        "2025-03-15T23:59:59.999Z", "2025-03-31T15:59:59.999Z", "2025-06-30T23:59:59.999Z"
    };
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        int64_t t;
        cr_assert_eq(time_parse(NULL, slice_of(at[i]), &t), 0);
        ask(p.whole, t, &whole);
        ask(p.stored, t, &stored);
        size_t unknown = compare(&whole, &stored, &both);
        cr_assert_gt(both, 1000u);
        cr_expect_lt(unknown, both / 4, "%s: %zu of %zu", at[i], unknown, both);
        fprintf(stderr, "%s: %zu rows, %zu unknown\n", at[i], both, unknown);
    }
    ask(p.whole, p.newest_ms, &whole);
    ask(p.stored, p.newest_ms, &stored);
    cr_expect_eq(compare(&whole, &stored, &both), 0u, "nothing is unknown of the present");
    free(whole.v);
    free(stored.v);
    end(&p);
    arena_release(&h.arena);
    free(h.event);
}
