/* The core on the events of a case. Shuffled orders come from fixed seeds, with events delivered twice: every run is the same run. */
#include "test_run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "row_json.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

struct counts {
    uint64_t late, duplicates, dead, reason[REJECT_COUNT];
};

struct runner {
    struct test_case *c;
    struct test_report *report;
    struct core_run core;
    struct test_check check;
    struct counts counts;
    struct arena text;
    uint64_t first_rows; /* hash of all rows, in the order given */
};

/* ---- what is judged on the way ---- */

static int keep(struct runner *r, json_t *list, struct slice text, const int64_t *revision)
{
    json_t *v = text.p ? json_loadb(text.p, text.n, 0, NULL) : NULL;
    arena_reset(&r->text);
    if (v && revision)
        (void)json_object_set_new(v, "revision", json_integer(*revision));
    return v && json_array_append_new(list, v) == 0 ? 0 : -1;
}

static int on_alert(void *ctx, const struct alert_transition *a)
{
    struct runner *r = ctx;
    return keep(r, r->check.alerts, alert_json(&r->text, a), NULL);
}

static int on_published(void *ctx, const struct kpi_row *row)
{
    struct runner *r = ctx;
    return keep(r, r->check.published, row_json(&r->text, row), &row->revision);
}

static int advance(struct runner *r, bool at_end)
{
    const struct evaluator_sink sink = { .ctx = r,
                                         .emitted_at_ms = r->c->now_ms,
                                         .alert = on_alert,
                                         .judged_row = r->c->published && !r->check.order ? on_published : NULL };
    int rc = core_run_advance(&r->core, at_end, &sink);
    return rc == 0 && at_end && r->c->until_ms != INT64_MIN ? core_run_idle(&r->core, r->c->until_ms, &sink) : rc;
}

/* ---- events ---- */

static void unwanted(struct runner *r, uint32_t event, const char *what, const char *field)
{
    const struct node *n = node_get(r->c->root, "events")->first;
    char got[TEST_TEXT_MAX];
    while (event--)
        n = n->next;
    snprintf(got, sizeof got, "%s%s%s", what, *field ? ": " : "", field);
    test_fail(&r->check, n, n, "event", "taken", got);
}

static void note(struct runner *r, uint32_t event, const struct core_verdict *v)
{
    if (v->why != REJECT_NONE) {
        r->counts.dead++;
        r->counts.reason[v->why]++;
        if (!r->c->dead_letter)
            unwanted(r, event, event_reject_name(v->why),
                     v->field < EVENT_FIELD_COUNT ? event_field_info(v->field)->name : "");
    } else if (v->result == APPLY_LATE) {
        r->counts.late++;
        if (!r->c->late)
            unwanted(r, event, "late", "");
    } else if (v->result == APPLY_DUPLICATE) {
        r->counts.duplicates++;
    }
}

static int feed(struct runner *r, const uint32_t *order, uint32_t n)
{
    int rc = 0;
    for (uint32_t i = 0; i < n && rc == 0; i++) {
        struct core_verdict v;
        uint32_t e = order ? order[i] : i;
        rc = core_run_take(&r->core, r->c->event[e], &v);
        if (rc == 0 && !order)
            note(r, e, &v);
        if (rc == 0 && !order && r->c->judge_arrival)
            rc = advance(r, false);
    }
    return rc < 0 ? rc : advance(r, true);
}

static void check_count(struct runner *r, const struct node *want, const char *name, uint64_t got)
{
    int64_t n;
    char text[32];
    r->report->checks++;
    if (want->kind != NODE_SCALAR || !test_case_integer(want->text, &n)) {
        (void)test_case_problem(r->c, want, "expected a count");
        r->check.bad_case = true;
    } else if ((uint64_t)n != got) {
        snprintf(text, sizeof text, "%" PRIu64, got);
        test_fail(&r->check, want, want, name, want->text.p, text);
    }
}

static uint64_t of_reason(const struct counts *c, struct slice name)
{
    for (int i = 0; i < REJECT_COUNT; i++)
        if (slice_eq(name, slice_of(event_reject_name((enum event_reject)i))))
            return c->reason[i];
    return 0;
}

static void check_counts(struct runner *r)
{
    const struct node *dead = r->c->dead_letter;
    if (r->c->late)
        check_count(r, r->c->late, "late", r->counts.late);
    if (r->c->duplicates)
        check_count(r, r->c->duplicates, "duplicates", r->counts.duplicates);
    if (r->c->orphans)
        check_count(r, r->c->orphans, "orphans", r->core.orphans);
    if (r->c->waiting)
        check_count(r, r->c->waiting, "waiting", core_run_waiting(&r->core));
    if (dead && dead->kind == NODE_SCALAR)
        check_count(r, dead, "dead_letter", r->counts.dead);
    uint64_t named = 0;
    for (const struct node *k = dead && dead->kind == NODE_MAP ? dead->first : NULL; k; k = k->next) {
        named += of_reason(&r->counts, k->text);
        check_count(r, k->value, k->text.p, of_reason(&r->counts, k->text));
    }
    if (dead && dead->kind == NODE_MAP && named != r->counts.dead)
        test_fail(&r->check, dead, dead, "dead_letter", "these reasons", "others too");
}

/* ---- orders ---- */

static uint64_t next_random(uint64_t *state) /* splitmix64 */
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Every event once and about each third twice, in random order (Fisher and Yates). `order` has room for two of each. Returns how many. */
static uint32_t shuffle(uint32_t *order, uint32_t n_events, uint64_t seed)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < n_events; i++) {
        order[n++] = i;
        if (next_random(&seed) % 3 == 0)
            order[n++] = i;
    }
    for (uint32_t i = n; i > 1; i--) {
        uint32_t j = (uint32_t)(next_random(&seed) % i), held = order[i - 1];
        order[i - 1] = order[j];
        order[j] = held;
    }
    return n;
}

struct row_hash {
    struct runner *r;
    uint64_t h;
};

static int hash_row(void *ctx, const struct kpi_row *row)
{
    struct row_hash *x = ctx;
    struct slice text = row_json(&x->r->text, row);
    if (!text.p)
        return -1;
    x->h = XXH3_64bits_withSeed(text.p, text.n, x->h);
    arena_reset(&x->r->text);
    return 0;
}

/* Of every row there is at the newest event: more than the case asks for. */
static int hash_rows(struct runner *r, uint64_t *ret)
{
    struct row_hash x = { r, 0 };
    const struct row_query q = { .n_at = 1, .at_ms = &r->core.newest_ms };
    int rc = r->core.newest_ms == INT64_MIN ? 0 : evaluator_rows(r->core.evaluator, &q, hash_row, &x);
    *ret = x.h;
    return rc;
}

static int check_rows(struct runner *r)
{
    uint64_t h;
    if (!r->c->shuffles)
        return 0;
    if (hash_rows(r, &h) < 0)
        return -1;
    if (!r->check.order)
        r->first_rows = h;
    else if (h != r->first_rows)
        test_fail(&r->check, r->c->root, node_key(r->c->root, "orders"), "all rows", "as in the order given", "others");
    return 0;
}

static int run_order(struct runner *r, uint32_t number, const uint32_t *order, uint32_t n)
{
    struct test_check *k = &r->check;
    *k = (struct test_check){
        .c = r->c, .report = r->report, .run = &r->core, .order = number, .bad_case = k->bad_case
    };
    k->alerts = json_array();
    k->published = json_array();
    int rc = k->alerts && k->published && core_run_init(&r->core, &r->c->config->defs, r->c->now_ms) == 0 ? 0 : -1;
    if (rc == 0)
        rc = feed(r, order, n);
    json_t *const alerts = k->alerts, *const published = k->published;
    if (number) /* when something is judged depends on the arrival, what is judged at the end does not */
        k->published = NULL;
    if (number && r->c->judge_arrival)
        k->alerts = NULL;
    if (rc == 0) {
        if (!number)
            check_counts(r);
        test_check_all(k);
        rc = k->out_of_memory ? -1 : check_rows(r);
    }
    json_decref(alerts);
    json_decref(published);
    core_run_release(&r->core);
    return rc;
}

static int run_shuffled(struct runner *r)
{
    int rc = 0;
    uint32_t *order = calloc(2 * (size_t)r->c->n_events + 1, sizeof *order);
    if (!order)
        return -1;
    for (uint32_t i = 1; rc == 0 && i <= r->c->shuffles; i++)
        rc = run_order(r, i, order, shuffle(order, r->c->n_events, i));
    free(order);
    return rc;
}

enum test_run_result test_run(struct test_case *c, struct test_report *report)
{
    struct runner r = { .c = c, .report = report };
    report->checks += c->n_refused;
    if (!c->config)
        return TEST_RUN_DONE;
    arena_init(&r.text, 0, 0);
    int rc = run_order(&r, 0, NULL, c->n_events);
    if (rc == 0 && !r.check.bad_case)
        rc = run_shuffled(&r);
    arena_release(&r.text);
    return rc < 0 ? TEST_RUN_NO_MEMORY : r.check.bad_case ? TEST_RUN_BAD : TEST_RUN_DONE;
}
