/* The expectations of a case, section by section: each finds the output that it is about and compares the fields that it names. */
#include "test_check.h"

#include <stdio.h>
#include <stdlib.h>

#include "row_json.h"

static void unclear(struct test_check *k, const struct node *at, const char *what)
{
    (void)test_case_problem(k->c, at, "%s", what);
    k->bad_case = true;
}

/* Instant that an expectation is about: its `at`, else the newest event. */
static bool instant(struct test_check *k, const struct node *x, int64_t *ret_ms)
{
    const struct node *at = node_get(x, "at");
    *ret_ms = k->run->newest_ms == INT64_MIN ? 0 : k->run->newest_ms;
    if (!at || test_case_time(k->c, at, ret_ms) == 0)
        return true;
    k->bad_case = true;
    return false;
}

struct gathered {
    struct test_check *k;
    struct arena text;
    json_t *found; /* array */
    const char *id;
    struct slice org;
};

static int gather(struct gathered *g, struct slice text)
{
    json_t *v = text.p ? json_loadb(text.p, text.n, JSON_DECODE_ANY, NULL) : NULL;
    arena_reset(&g->text);
    if (v && json_array_append_new(g->found, v) == 0)
        return 0;
    g->k->out_of_memory = true;
    return -1;
}

static int gather_row(void *ctx, const struct kpi_row *row)
{
    struct gathered *g = ctx;
    return g->org.n && !slice_eq(g->org, row->org) ? 0 : gather(g, row_json(&g->text, row));
}

static int gather_board(void *ctx, const struct board_snapshot *b)
{
    struct gathered *g = ctx;
    return slice_eq(b->board, slice_of(g->id)) ? gather(g, board_json(&g->text, b)) : 0;
}

static int gather_card(void *ctx, const struct scorecard_snapshot *s)
{
    struct gathered *g = ctx;
    return slice_eq(s->scorecard, slice_of(g->id)) ? gather(g, scorecard_json(&g->text, s)) : 0;
}

static bool begin(struct test_check *k, struct gathered *g)
{
    *g = (struct gathered){ .k = k, .found = json_array() };
    arena_init(&g->text, 0, 0);
    k->out_of_memory |= !g->found;
    return g->found != NULL;
}

static void end(struct gathered *g)
{
    json_decref(g->found);
    arena_release(&g->text);
}

/* ---- rows ---- */

struct selection {
    int64_t at_ms;
    int kpi;
    struct window window;
    enum dim dim;
    struct slice subject;
};

static bool scalar(struct test_check *k, const struct node *x, const char *key, const struct node **ret)
{
    *ret = node_get(x, key);
    if (!*ret || (*ret)->kind == NODE_SCALAR)
        return true;
    unclear(k, *ret, "expected a text");
    return false;
}

static bool select_rows(struct test_check *k, const struct node *x, struct selection *s, struct row_query *q)
{
    const struct node *kpi, *window, *dim, *subject;
    if (!scalar(k, x, "kpi", &kpi) || !scalar(k, x, "window", &window) || !scalar(k, x, "dim", &dim) ||
        !scalar(k, x, "subject", &subject) || !instant(k, x, &s->at_ms))
        return false;
    s->kpi = kpi ? definitions_kpi(k->run->defs, kpi->text) : -1;
    int d = dim ? dim_by_name(dim->text) : 0;
    s->dim = (enum dim)d;
    if (s->kpi < 0)
        unclear(k, kpi ? kpi : x, kpi ? "no such KPI" : "'kpi' is missing");
    else if (window && window_parse(NULL, window->text, &s->window) < 0)
        unclear(k, window, "not a window");
    else if (window && !window_fits(&s->window, k->run->defs->fine_pane_ms))
        unclear(k, window, "no whole number of panes (time.fine_pane)");
    else if (d < 0)
        unclear(k, dim, "not a dimension");
    else {
        s->subject = subject ? subject->text : (struct slice){ 0 };
        *q = (struct row_query){ .n_at = 1,
                                 .n_kpis = 1,
                                 .n_windows = window != NULL,
                                 .n_dims = dim != NULL,
                                 .n_subjects = subject != NULL,
                                 .at_ms = &s->at_ms,
                                 .kpi = &s->kpi,
                                 .window = &s->window,
                                 .dim = &s->dim,
                                 .subject = &s->subject };
        return true;
    }
    return false;
}

/* The only one found, or NULL after a failure. */
static const json_t *only(struct test_check *k, const struct node *x, const json_t *found, const char *what)
{
    char got[32];
    size_t n = json_array_size(found);
    if (n == 1)
        return json_array_get(found, 0);
    snprintf(got, sizeof got, "%zu %s", n, what);
    test_fail(k, x, x, "", "one", got);
    return NULL;
}

static void check_row(struct test_check *k, const struct node *x)
{
    static const char *const passed_over[] = { "kpi", "at", "window", "dim", "subject", "org", "rows", NULL };
    struct selection s;
    struct row_query q;
    struct gathered g;
    const struct node *rows = node_get(x, "rows"), *org = node_get(x, "org");
    if (!select_rows(k, x, &s, &q) || !begin(k, &g))
        return;
    g.org = org ? org->text : (struct slice){ 0 };
    if (evaluator_rows(k->run->evaluator, &q, gather_row, &g) < 0) {
        k->out_of_memory = true;
    } else if (rows) {
        char got[32];
        snprintf(got, sizeof got, "%zu", json_array_size(g.found));
        if (!slice_eq(rows->text, slice_of(got)))
            test_fail(k, x, rows, "rows", rows->text.p, got);
    } else {
        const json_t *row = only(k, x, g.found, "rows");
        if (row)
            test_compare(k, x, x, row, passed_over);
    }
    end(&g);
}

/* ---- boards and scorecards ---- */

static void check_board(struct test_check *k, const struct node *x)
{
    static const char *const passed_over[] = { "board", "at", "org", NULL };
    static const char *const keys[] = { "org", NULL };
    const struct node *id = node_get(x, "board");
    int64_t at_ms;
    struct gathered g;
    if (!id || id->kind != NODE_SCALAR) {
        unclear(k, x, "'board' is missing");
        return;
    }
    if (!instant(k, x, &at_ms) || !begin(k, &g))
        return;
    g.id = id->text.p;
    k->out_of_memory |= evaluator_boards(k->run->evaluator, at_ms, gather_board, &g) < 0;
    for (size_t i = json_array_size(g.found); i-- > 0;)
        if (!test_selects(x, json_array_get(g.found, i), keys))
            json_array_remove(g.found, i);
    const json_t *board = only(k, x, g.found, "boards");
    if (board)
        test_compare(k, x, x, board, passed_over);
    end(&g);
}

static void check_card(struct test_check *k, const struct node *x)
{
    static const char *const passed_over[] = { "scorecard", "at", "org", "subject", NULL };
    static const char *const keys[] = { "org", "subject", NULL };
    const struct node *id = node_get(x, "scorecard");
    int64_t at_ms;
    struct gathered g;
    if (!id || id->kind != NODE_SCALAR) {
        unclear(k, x, "'scorecard' is missing");
        return;
    }
    if (!instant(k, x, &at_ms) || !begin(k, &g))
        return;
    g.id = id->text.p;
    k->out_of_memory |= evaluator_scorecards(k->run->evaluator, at_ms, gather_card, &g) < 0;
    for (size_t i = json_array_size(g.found); i-- > 0;)
        if (!test_selects(x, json_array_get(g.found, i), keys))
            json_array_remove(g.found, i);
    const json_t *card = only(k, x, g.found, "scorecards");
    if (card)
        test_compare(k, x, x, card, passed_over);
    end(&g);
}

/* ---- what was judged: alerts and published rows ---- */

/* The first transition of this rule and subject that no expectation has taken; order among different ones does not matter. */
static void check_alert(struct test_check *k, const struct node *x)
{
    static const char *const passed_over[] = { "rule", "subject", "dim", "org", "at", NULL };
    static const char *const keys[] = { "rule", "subject", "dim", "org", NULL };
    int64_t at_ms;
    for (size_t i = 0; i < json_array_size(k->alerts); i++) {
        const json_t *a = json_array_get(k->alerts, i);
        if (!test_selects(x, a, keys))
            continue;
        test_compare(k, x, x, a, passed_over);
        if (node_get(x, "at") && instant(k, x, &at_ms) &&
            at_ms != json_integer_value(json_object_get(a, "occurred_at_ms"))) {
            char got[32];
            snprintf(got, sizeof got, "%lld", (long long)json_integer_value(json_object_get(a, "occurred_at_ms")));
            test_fail(k, x, node_get(x, "at"), "at", node_get(x, "at")->text.p, got);
        }
        json_array_remove(k->alerts, i);
        return;
    }
    test_fail(k, x, x, "", "a transition", "none");
}

static void check_no_further_alert(struct test_check *k)
{
    const json_t *a;
    size_t i;
    json_array_foreach(k->alerts, i, a)
    {
        char *text = json_dumps(a, JSON_REAL_PRECISION(17));
        test_fail(k, k->c->alerts, k->c->alerts, "", "no further transition", text ? text : "one");
        free(text);
    }
}

static bool covers(const json_t *row, int64_t at_ms)
{
    return json_integer_value(json_object_get(row, "window_start_ms")) <= at_ms &&
           json_integer_value(json_object_get(row, "window_end_ms")) > at_ms;
}

/* The newest row that was published of the window that holds `at`. */
static void check_published(struct test_check *k, const struct node *x)
{
    static const char *const passed_over[] = { "kpi", "at", "window", "dim", "subject", "org", NULL };
    static const char *const keys[] = { "kpi", "window", "dim", "subject", "org", NULL };
    int64_t at_ms;
    if (!instant(k, x, &at_ms))
        return;
    for (size_t i = json_array_size(k->published); i-- > 0;) {
        const json_t *row = json_array_get(k->published, i);
        if (!test_selects(x, row, keys) || (node_get(x, "at") && !covers(row, at_ms)))
            continue;
        test_compare(k, x, x, row, passed_over);
        return;
    }
    test_fail(k, x, x, "", "a published row", "none");
}

static void each(struct test_check *k, const struct node *list, void (*check)(struct test_check *, const struct node *))
{
    for (const struct node *x = list ? list->first : NULL; x && !k->out_of_memory; x = x->next) {
        k->report->checks++;
        if (x->kind == NODE_MAP)
            check(k, x);
        else
            unclear(k, x, "an expectation is a map");
    }
}

void test_check_all(struct test_check *k)
{
    each(k, k->c->expect, check_row);
    each(k, k->c->boards, check_board);
    each(k, k->c->scorecards, check_card);
    if (k->published)
        each(k, k->c->published, check_published);
    if (k->alerts && k->c->alerts) {
        each(k, k->c->alerts, check_alert);
        check_no_further_alert(k);
    }
}
