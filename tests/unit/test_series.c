/* Panes with running window sums, the agenda, the string set, and finding series by field. */
#include "daemon/core/agenda.h"
#include "daemon/core/intern.h"
#include "daemon/core/panes.h"
#include "daemon/core/series.h"
#include "eval_fixture.h"

static uint64_t seed = 7;

static int64_t dice(int64_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int64_t)((seed >> 33) % (uint64_t)n);
}

enum { PANES = 200, WINS = 4 };

static int64_t naive(const int64_t *value, struct span span)
{
    int64_t sum = 0;
    for (int64_t i = span.start_ms < 0 ? 0 : span.start_ms; i < span.end_ms && i < PANES; i++)
        sum += value[i];
    return sum;
}

Test(panes, running_sums_survive_late_panes_moves_and_drops)
{
    for (int round = 0; round < 20; round++) {
        int64_t value[PANES] = { 0 };
        struct winsum v[WINS] = { 0 };
        struct winsums wins = { v, WINS };
        struct panes p = { 0 };
        bool overflow = false;
        int64_t now = 0, dropped = 0;
        for (int step = 0; step < 2000; step++) {
            int64_t t = dropped + dice(PANES - dropped), x = dice(100) - 50;
            cr_assert_neq(panes_add(&p, t, x, wins, false, &overflow), PANES_FAILED);
            value[t] += x;
            if (dice(10) == 0 && now < PANES)
                now += dice(4);
            if (dice(200) == 0 && now > 60) {
                dropped = now - 60;
                panes_drop(&p, dropped, wins, false);
                for (int64_t i = 0; i < dropped; i++)
                    value[i] = 0;
            }
            int k = (int)dice(WINS);
            int64_t at_ = dice(20) ? now : dice(PANES); /* now and then somewhere else */
            struct span span = { at_ - 5 * (k + 1), at_ };
            cr_assert_eq(winsum_move(&v[k], &p, span, &overflow), naive(value, span), "round %d step %d", round, step);
            cr_assert_eq(panes_sum(&p, span, &overflow), naive(value, span));
        }
        cr_assert(!overflow);
        free(p.v);
    }
}

Test(panes, windows_over_the_other_grain_are_left_alone)
{
    struct winsum v[2] = { { .fine = true }, { .fine = false } };
    struct winsums wins = { v, 2 };
    struct panes p = { 0 };
    bool overflow = false;
    winsum_move(&v[0], &p, (struct span){ 0, 10 }, &overflow);
    winsum_move(&v[1], &p, (struct span){ 0, 10 }, &overflow);
    cr_assert_neq(panes_add(&p, 5, 3, wins, false, &overflow), PANES_FAILED);
    cr_assert(v[0].sum == 0 && v[1].sum == 3);
    free(p.v);
}

Test(panes, what_a_value_does_to_its_pane)
{
    static const struct {
        int64_t value;
        enum panes_change change;
    } steps[] = {
        { 3, PANES_FILLED }, { 2, PANES_SAME }, { -5, PANES_EMPTIED }, { 0, PANES_EMPTIED }, { -1, PANES_FILLED }
    };
    struct panes p = { 0 };
    bool overflow = false;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        cr_assert_eq(panes_add(&p, 7, steps[i].value, (struct winsums){ 0 }, false, &overflow), steps[i].change,
                     "step %zu", i);
    cr_assert_eq(panes_add(&p, 8, 0, (struct winsums){ 0 }, false, &overflow), PANES_EMPTIED,
                 "it was not there and holds 0");
    free(p.v);
}

Test(panes, overflow_is_told)
{
    struct panes p = { 0 };
    bool overflow = false;
    cr_assert_neq(panes_add(&p, 0, INT64_MAX, (struct winsums){ 0 }, false, &overflow), PANES_FAILED);
    cr_assert(!overflow);
    cr_assert_neq(panes_add(&p, 1, 1, (struct winsums){ 0 }, false, &overflow), PANES_FAILED);
    cr_assert(!overflow);
    panes_sum(&p, (struct span){ 0, 2 }, &overflow);
    cr_assert(overflow);
    free(p.v);
}

Test(agenda, gives_the_earliest_first)
{
    struct agenda a = { 0 };
    struct agenda_item item;
    cr_assert_eq(agenda_next(&a), INT64_MAX);
    for (int i = 0; i < 500; i++)
        cr_assert_eq(agenda_push(&a, (struct agenda_item){ .at_ms = dice(1000), .value = i }), 0);
    int64_t last = -1;
    int n = 0;
    while (agenda_pop_due(&a, 499, &item)) {
        cr_assert(item.at_ms >= last && item.at_ms <= 499);
        last = item.at_ms;
        n++;
    }
    cr_assert_geq(agenda_next(&a), 500);
    cr_assert(n > 150 && n < 350);
    while (agenda_pop_due(&a, INT64_MAX, &item))
        n++;
    cr_assert_eq(n, 500);
    agenda_release(&a);
}

/* In order, out of order, taken out in between: as a sorted list would give them. */
Test(agenda, a_run_and_a_heap_are_one_order)
{
    struct agenda a = { 0 };
    struct agenda_item item;
    int64_t at_ms = 0, upto_ms = 0, last = INT64_MIN;
    uint32_t pushed = 0, popped = 0;
    for (int i = 0; i < 20000; i++) {
        int64_t t = dice(4) ? at_ms += dice(3) : upto_ms + 1 + dice(50);
        cr_assert_eq(agenda_push(&a, (struct agenda_item){ .at_ms = t }), 0);
        pushed++;
        if (dice(10))
            continue;
        upto_ms = at_ms - 20;
        while (agenda_pop_due(&a, upto_ms, &item)) {
            cr_assert(item.at_ms >= last && item.at_ms <= upto_ms);
            last = item.at_ms;
            popped++;
        }
        last = INT64_MIN; /* what is pushed next may be earlier than what was taken last */
        cr_assert_gt(agenda_next(&a), upto_ms);
        cr_assert_eq(agenda_count(&a), pushed - popped);
    }
    cr_assert_gt(popped, 15000);
    agenda_clear(&a);
    cr_assert_eq(agenda_next(&a), INT64_MAX);
    agenda_release(&a);
}

Test(intern, numbers_each_string_once)
{
    struct intern set;
    char text[32];
    bool is_new;
    intern_init(&set, 99);
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < 1000; i++) {
            snprintf(text, sizeof text, "s%u", i);
            cr_assert_eq(intern_add(&set, slice_of(text), &is_new), i);
            cr_assert_eq(is_new, round == 0);
        }
    }
    cr_assert_eq(intern_add(&set, SLICE(""), &is_new), 1000);
    cr_assert_eq(intern_add(&set, (struct slice){ NULL, 0 }, &is_new), 1000);
    intern_clear(&set);
    cr_assert_eq(intern_add(&set, SLICE("s7"), &is_new), 0);
    intern_release(&set);
}

static struct world w;
static struct plan plan;
static struct store st;

static void begin(void)
{
    world_init(&w, 0);
    add_measure(&w, "n", AGG_COUNT);
    add_measure(&w, "time", AGG_DURATION);
    add_measure(&w, "users", AGG_DISTINCT);
    cr_assert_eq(plan_init(&plan, &w.defs), 0);
    store_init(&st, &plan);
}

static void end(void)
{
    store_release(&st);
    plan_release(&plan);
    world_release(&w);
}

TestSuite(series, .init = begin, .fini = end);

static struct series *find(const char *field)
{
    struct series *s;
    struct subject *fresh;
    struct org *org = store_org(&st, SLICE("acme"));
    cr_assert_eq(store_series(&st, org, slice_of(field), &s, &fresh), 0, "%s", field);
    return s;
}

Test(series, one_per_field)
{
    struct series *a = find("rep:ann|n");
    cr_assert(a && a == find("rep:ann|n") && a->part == SERIES_BASE);
    cr_assert(find("rep:bo|n") != a && find("rep:bo|n")->node->subject != a->node->subject);
    cr_assert_eq(find("rep:ann|time#9")->node, find("rep:ann|time.n")->node);
    cr_assert_eq(find("rep:ann|time#-3")->sub, -3);
    cr_assert_eq(find("rep:ann|time.n")->part, SERIES_N);
    cr_assert_eq(find("rep:ann|users.ret.w")->part, SERIES_LIFE + LIFE_RETURNING * 3 + PERIOD_WEEK);
    cr_assert_eq(find("rep:ann|users.cohort.w.4")->sub, cohort_code(COHORT_ACTIVE, PERIOD_WEEK, 4));
    cr_assert_eq(find("rep:ann|users.last.d.30")->sub, cohort_code(COHORT_LAST, PERIOD_DAY, 30));
    cr_assert_eq(find("rep:ann|users.return.m.25"), NULL, "older than any that is kept");
    cr_assert_eq(find("rep:ann|users.return.q.1"), NULL);
    cr_assert_eq(find("rep:ann|unknown"), NULL);
    cr_assert_eq(st.n_series, 8);
}

Test(series, bins_are_in_order)
{
    find("rep:ann|time#9");
    find("rep:ann|time#2");
    struct node *n = find("rep:ann|time#5")->node;
    cr_assert(n->n_bins == 3 && n->bin[0]->sub == 2 && n->bin[1]->sub == 5 && n->bin[2]->sub == 9);
}

Test(series, subjects_are_unescaped_and_in_order)
{
    find("rep:b|n");
    find("rep:a%7Cb|n");
    find("rep:a|n");
    const struct org *org = store_find_org(&st, SLICE("acme"));
    const struct subject_list *list = &org->dim[DIM_REP];
    cr_assert_eq(list->n, 3);
    cr_assert(slice_eq(list->v[0]->text, SLICE("a")) && slice_eq(list->v[1]->text, SLICE("a|b")) &&
              slice_eq(list->v[2]->text, SLICE("b")));
    cr_assert(slice_eq(list->v[1]->escaped, SLICE("a%7Cb")));
    cr_assert_eq(org_find_subject(org, DIM_REP, SLICE("a|b")), list->v[1]);
    cr_assert_eq(org_find_subject(org, DIM_TEAM, SLICE("a|b")), NULL);
}

Test(series, malformed_fields_are_refused)
{
    struct series *s;
    struct subject *fresh;
    struct org *org = store_org(&st, SLICE("acme"));
    cr_assert_eq(store_series(&st, org, SLICE("acme"), &s, &fresh), -1);
    cr_assert_eq(store_series(&st, org, SLICE("rep|n"), &s, &fresh), -1);
    cr_assert_eq(store_find_org(&st, SLICE("other")), NULL);
}
