/* Facts: names, slots, comparison, the reused list. */
#include "crmpulse/fact.h"

#include <criterion/criterion.h>

#include "crmpulse/fact_slot.h"

Test(fact, dimensions_have_a_name_and_a_letter)
{
    static const char letters[] = "OTRCPGMFSKU";
    cr_assert_eq(DIM_COUNT, 11);
    for (int i = 0; i < DIM_COUNT; i++) {
        cr_assert_eq(dim_by_name(slice_of(dim_name((enum dim)i))), i);
        cr_assert_eq(dim_by_name((struct slice){ &letters[i], 1 }), i);
    }
    cr_assert_str_eq(dim_name(DIM_REGION), "region");
    cr_assert_eq(dim_by_name(SLICE("G")), DIM_REGION);
    cr_assert_eq(dim_by_name(SLICE("g")), -1);
    cr_assert_eq(dim_by_name(SLICE("orgs")), -1);
    cr_assert_eq(dim_by_name(SLICE("")), -1);
}

Test(fact, types_by_name)
{
    for (int i = 0; i < FACT_TYPE_COUNT; i++)
        cr_assert_eq(fact_type_by_name(slice_of(fact_type_name((enum fact_type)i))), i);
    cr_assert_eq(fact_type_by_name(SLICE("deal_close")), FACT_DEAL_CLOSE);
    cr_assert_eq(fact_type_by_name(SLICE("deal_clos")), -1);
    cr_assert_eq(fact_type_by_name(SLICE("")), -1);
}

Test(fact, state_as_of_now_is_told_from_what_happened)
{
    static const enum fact_type asof[] = { FACT_LEAD_OPEN,     FACT_DEAL_OPEN,   FACT_TICKET_OPEN,   FACT_MEMBER_NOW,
                                           FACT_MEMBER_JOINED, FACT_MEMBER_LEFT, FACT_LAPSE,         FACT_REMINDER,
                                           FACT_USAGE_ENABLED, FACT_DEAL_DUE,    FACT_RECORD_NEWEST, FACT_PURCHASE_NOW,
                                           FACT_USE_NOW,       FACT_RECENT_SALE, FACT_ERASED };
    int n = 0;
    for (size_t i = 0; i < sizeof(asof) / sizeof(*asof); i++)
        cr_assert(fact_type_asof(asof[i]), "%s", fact_type_name(asof[i]));
    cr_assert_not(fact_type_asof(FACT_DEAL));
    cr_assert_not(fact_type_asof(FACT_TXN));
    for (int i = 0; i < FACT_TYPE_COUNT; i++)
        n += fact_type_asof((enum fact_type)i);
    cr_assert_eq(n, (int)(sizeof(asof) / sizeof(*asof)));
}

Test(fact, fields_by_name)
{
    cr_assert_eq(fact_number_by_name(SLICE("amount")), FN_AMOUNT);
    cr_assert_eq(fact_number_by_name(SLICE("value")), FN_VALUE);
    cr_assert_eq(fact_number_by_name(SLICE("outcome")), -1);
    cr_assert_eq(fact_text_by_name(SLICE("outcome")), FT_OUTCOME);
    cr_assert_eq(fact_text_by_name(SLICE("amount")), -1);
}

Test(fact, every_field_has_one_slot_with_its_name_back)
{
    for (int i = 0; i <= FACT_SLOT_MEMBER; i++) {
        const char *name = fact_slot_name(i);
        bool none = i == FACT_SLOT_DIM + DIM_ORG || i == FACT_SLOT_DIM + DIM_KIND || i == FACT_SLOT_DIM + DIM_CUSTOMER;
        cr_assert_not_null(name);
        if (!none)
            cr_assert_eq(fact_slot_by_name(slice_of(name)), i, "%s", name);
    }
    cr_assert_null(fact_slot_name(-1));
    cr_assert_null(fact_slot_name(FACT_SLOT_MEMBER + 1));
    cr_assert_eq(fact_slot_by_name(SLICE("kind")), FACT_SLOT_TEXT + FT_KIND);
    cr_assert_eq(fact_slot_by_name(SLICE("org")), -1);
    cr_assert_eq(fact_slot_by_name(SLICE("nothing")), -1);
}

static struct fact sample(void)
{
    struct fact_list list = { 0 };
    struct fact f = *fact_push(&list, FACT_DEAL_CLOSE, 1000);
    fact_list_release(&list);
    f.dim[DIM_REP] = SLICE("ann");
    f.member = SLICE("k1");
    f.s[FT_OUTCOME] = SLICE("won");
    fact_set(&f, FN_AMOUNT, 5);
    return f;
}

Test(fact, slots_are_read_with_null_for_what_is_absent)
{
    struct fact f = sample();
    struct expr_value v = fact_slot_load(&f, FACT_SLOT_NUMBER + FN_AMOUNT);
    cr_assert_eq(v.type, EXPR_INT);
    cr_assert_eq(v.i, 5);
    cr_assert_eq(fact_slot_load(&f, FACT_SLOT_NUMBER + FN_COST).type, EXPR_NULL);
    v = fact_slot_load(&f, FACT_SLOT_TEXT + FT_OUTCOME);
    cr_assert(v.type == EXPR_TEXT && slice_eq(v.s, SLICE("won")));
    cr_assert_eq(fact_slot_load(&f, FACT_SLOT_TEXT + FT_KIND).type, EXPR_NULL);
    v = fact_slot_load(&f, FACT_SLOT_DIM + DIM_REP);
    cr_assert(v.type == EXPR_TEXT && slice_eq(v.s, SLICE("ann")));
    cr_assert_eq(fact_slot_load(&f, FACT_SLOT_DIM + DIM_TEAM).type, EXPR_NULL);
    v = fact_slot_load(&f, FACT_SLOT_MEMBER);
    cr_assert(v.type == EXPR_TEXT && slice_eq(v.s, SLICE("k1")));
}

static int resolve(void *ctx, struct slice name)
{
    (void)ctx;
    return fact_slot_by_name(name);
}

Test(fact, expressions_run_over_facts)
{
    struct fact f = sample();
    struct expr_error error;
    struct expr *e = expr_compile(SLICE("outcome == 'won' and rep == 'ann' and cost == null and amount * 2 == 10"),
                                  resolve, NULL, &error);
    cr_assert_not_null(e, "%s", error.message);
    cr_assert(expr_true(expr_eval(e, fact_slot_load, &f)));
    f.s[FT_OUTCOME] = SLICE("lost");
    cr_assert_not(expr_true(expr_eval(e, fact_slot_load, &f)));
    expr_free(e);
}

Test(fact, equal_in_every_respect_or_not)
{
    struct fact a = sample(), b = sample();
    cr_assert(fact_eq(&a, &b));
    b.type = FACT_DEAL;
    cr_assert_not(fact_eq(&a, &b));
    b = sample();
    b.t_ms++;
    cr_assert_not(fact_eq(&a, &b));
    b = sample();
    b.dim[DIM_KIND] = SLICE("price");
    cr_assert_not(fact_eq(&a, &b));
    b = sample();
    b.no_org = true;
    cr_assert_not(fact_eq(&a, &b));
    b = sample();
    b.member = SLICE("k2");
    cr_assert_not(fact_eq(&a, &b));
    b = sample();
    b.s[FT_OUTCOME] = SLICE("lost");
    cr_assert_not(fact_eq(&a, &b));
    b = sample();
    fact_set(&b, FN_AMOUNT, 6);
    cr_assert_not(fact_eq(&a, &b));
    b = sample();
    fact_set(&b, FN_VALUE, 0); /* there with 0 is not the same as absent */
    cr_assert_not(fact_eq(&a, &b));
}

Test(fact, numbers_that_are_not_there_do_not_count)
{
    struct fact a = sample(), b = sample();
    a.n[FN_COST] = 1;
    b.n[FN_COST] = 2;
    cr_assert(fact_eq(&a, &b));
}

Test(fact, the_list_gives_clean_facts_and_keeps_its_memory)
{
    struct fact_list list = { 0 };
    for (int i = 0; i < 100; i++) {
        struct fact *f = fact_push(&list, FACT_TXN, i);
        cr_assert_not_null(f);
        cr_assert_eq(f->has, 0u);
        cr_assert_eq(f->member.n, 0u);
        cr_assert_not(f->no_org);
        for (int d = 0; d < DIM_COUNT; d++)
            cr_assert_eq(f->dim[d].n, 0u);
        for (int s = 0; s < FT_COUNT; s++)
            cr_assert_eq(f->s[s].n, 0u);
        f->dim[DIM_TEAM] = SLICE("east");
        f->s[FT_KIND] = SLICE("x");
        f->member = SLICE("m");
        fact_set(f, FN_AMOUNT, i);
    }
    cr_assert_eq(list.n, 100u);
    cr_assert_eq(list.v[42].n[FN_AMOUNT], 42);
    cr_assert_eq(list.v[99].t_ms, 99);
    struct fact *before = list.v;
    uint32_t cap = list.cap;
    list.n = 0;
    for (int i = 0; i < 100; i++)
        cr_assert_eq(fact_push(&list, FACT_ORDER, 0)->member.n, 0u);
    cr_assert_eq(list.v, before);
    cr_assert_eq(list.cap, cap);
    fact_list_release(&list);
    cr_assert_null(list.v);
    fact_list_release(&list);
}
