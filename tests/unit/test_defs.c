/* Definitions as plain data: lookups and release. */
#include "crmpulse/defs.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct definitions with_orgs(const char *const *ids, uint32_t n)
{
    struct definitions d = { .n_orgs = n, .org = calloc(n, sizeof(*d.org)) };
    for (uint32_t i = 0; i < n; i++)
        d.org[i].id = strdup(ids[i]);
    return d;
}

Test(defs, an_org_is_found_by_its_exact_id_else_the_star)
{
    static const char *const ids[] = { "*", "acme", "acme2" };
    struct definitions d = with_orgs(ids, 3);
    cr_assert_eq(definitions_org(&d, SLICE("acme")), &d.org[1]);
    cr_assert_eq(definitions_org(&d, SLICE("acme2")), &d.org[2]);
    cr_assert_eq(definitions_org(&d, SLICE("acm")), &d.org[0]);
    cr_assert_eq(definitions_org(&d, SLICE("ACME")), &d.org[0]);
    cr_assert_eq(definitions_org(&d, SLICE("")), &d.org[0]);
    definitions_free(&d);
}

Test(defs, the_star_may_stand_anywhere_or_be_missing)
{
    static const char *const last[] = { "acme", "*" }, *const none[] = { "acme" };
    struct definitions d = with_orgs(last, 2);
    cr_assert_eq(definitions_org(&d, SLICE("other")), &d.org[1]);
    definitions_free(&d);
    d = with_orgs(none, 1);
    cr_assert_null(definitions_org(&d, SLICE("other")));
    cr_assert_eq(definitions_org(&d, SLICE("acme")), &d.org[0]);
    definitions_free(&d);
}

Test(defs, kpis_and_measures_by_id)
{
    struct definitions d = { .n_kpis = 2, .n_measures = 2 };
    d.kpi = calloc(2, sizeof(*d.kpi));
    d.measure = calloc(2, sizeof(*d.measure));
    d.kpi[0].id = strdup("csat");
    d.kpi[1].id = strdup("csat_low");
    d.measure[0].id = strdup("a");
    d.measure[1].id = strdup("b");
    cr_assert_eq(definitions_kpi(&d, SLICE("csat_low")), 1);
    cr_assert_eq(definitions_kpi(&d, SLICE("csat")), 0);
    cr_assert_eq(definitions_kpi(&d, SLICE("csat_")), -1);
    cr_assert_eq(definitions_measure(&d, SLICE("b")), 1);
    cr_assert_eq(definitions_measure(&d, SLICE("csat")), -1);
    definitions_free(&d);
}

static int any_slot(void *ctx, struct slice name)
{
    (void)ctx;
    (void)name;
    return 0;
}

static struct expr *expression(void)
{
    struct expr_error error;
    return expr_compile(SLICE("a + 1"), any_slot, NULL, &error);
}

/* Run under the leak checker: everything of every kind is given back. */
Test(defs, free_gives_everything_back_and_zeroes)
{
    struct definitions d = {
        .n_measures = 1, .n_kpis = 1, .n_boards = 1, .n_rules = 1, .n_scorecards = 1, .n_snapshots = 1, .tick_ms = 5
    };
    d.measure = calloc(1, sizeof(*d.measure));
    d.kpi = calloc(1, sizeof(*d.kpi));
    d.board = calloc(1, sizeof(*d.board));
    d.rule = calloc(1, sizeof(*d.rule));
    d.scorecard = calloc(1, sizeof(*d.scorecard));
    d.snapshot_window = calloc(1, sizeof(*d.snapshot_window));
    *d.measure = (struct measure_def){
        .id = strdup("m"), .where = expression(), .value = expression(), .derived = expression()
    };
    *d.kpi = (struct kpi_def){ .id = strdup("k"),
                               .title_en = strdup("t"),
                               .title_zh = strdup("z"),
                               .switches = strdup(""),
                               .numerator = expression(),
                               .denominator = expression(),
                               .value = expression(),
                               .samples = expression(),
                               .n_extras = 1,
                               .extra = { { .name = strdup("e"), .value = expression() } } };
    d.board->id = strdup("b");
    d.rule->id = strdup("r");
    d.rule->level = strdup("info");
    *d.scorecard = (struct scorecard_def){ .id = strdup("s"),
                                           .version = strdup("1"),
                                           .n_items = 1,
                                           .n_bands = 1,
                                           .item = calloc(1, sizeof(struct scorecard_item)) };
    d.scorecard->item->perspective = strdup("p");
    d.scorecard->band[0].name = strdup("A");
    definitions_free(&d);
    cr_assert_eq(d.n_measures, 0u);
    cr_assert_null(d.kpi);
    cr_assert_eq(d.tick_ms, 0);
    definitions_free(&d);
    definitions_free(NULL);
}
