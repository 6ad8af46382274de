/* A fact in a customer's ledger comes out as it went in; what is cut off or foreign is refused. */
#include <criterion/criterion.h>

#include "daemon/core/engine_int.h"

static struct fact sample(void)
{
    struct fact f = { .type = FACT_TXN };
    fact_set(&f, FN_N, 0);
    fact_set(&f, FN_AMOUNT, -5000000);
    fact_set(&f, FN_BASE, INT64_MIN);
    f.s[FT_BASIS] = SLICE("orders");
    f.s[FT_CYCLE] = SLICE("2025-03");
    f.evidence = SLICE("e17");
    f.evidence_ms = 1740967200000;
    return f;
}

Test(ledger_fact, comes_out_as_it_went_in)
{
    struct fact in = sample(), out = { 0 };
    struct bytes packed = { 0 };
    cr_assert(ledger_fact_pack(&in, &packed));
    cr_assert(ledger_fact_unpack((struct slice){ packed.p, packed.n }, &out));
    cr_assert(fact_eq(&in, &out));
    cr_assert_eq(out.evidence_ms, in.evidence_ms);
    bytes_release(&packed);
}

Test(ledger_fact, anything_shorter_is_refused)
{
    struct fact in = sample();
    struct bytes packed = { 0 };
    cr_assert(ledger_fact_pack(&in, &packed));
    for (uint32_t n = 0; n < packed.n; n++) {
        struct fact out = { 0 };
        cr_assert_not(ledger_fact_unpack((struct slice){ packed.p, n }, &out), "%u of %u bytes", n, packed.n);
    }
    struct fact out = { 0 };
    cr_assert_not(ledger_fact_unpack(SLICE("\xff"), &out));
    bytes_release(&packed);
}
