/* Coalescing the deltas of a batch: what is folded, and what must stay apart. */
#include <criterion/criterion.h>

#include "daemon/core/batch.h"

enum { MINUTE = 60000 };

static struct cell_delta sale(int64_t cause_ms, int64_t value, bool exact)
{
    return (struct cell_delta){ .org = SLICE("acme"),
                                .field = SLICE("org:acme|n"),
                                .grain = CELL_HOUR,
                                .cause_ms = cause_ms,
                                .value = value,
                                .exact = exact };
}

static void add(struct delta_batch *b, int64_t cause_ms, int64_t value, bool exact)
{
    struct cell_delta d = sale(cause_ms, value, exact);
    cr_assert_eq(delta_batch_add(b, &d), 0);
}

Test(batch, folds_the_causes_of_a_tick_under_the_newest)
{
    struct delta_batch b;
    delta_batch_init(&b, MINUTE, 0);
    add(&b, 5 * MINUTE + 2, 1, false);
    add(&b, 5 * MINUTE + 7, 10, false);
    add(&b, 5 * MINUTE + 4, 100, false);
    add(&b, 6 * MINUTE, 1000, false);
    cr_assert_eq(b.n, 2);
    cr_assert(b.v[0].value == 111 && b.v[0].cause_ms == 5 * MINUTE + 7);
    cr_assert(b.v[1].value == 1000 && b.v[1].cause_ms == 6 * MINUTE);
    delta_batch_release(&b);
}

/* An answer at 2 withdrawn for one at 0: what is left happened at 0, in one batch as in two. */
Test(batch, keeps_exact_causes_apart)
{
    struct delta_batch b;
    delta_batch_init(&b, MINUTE, 0);
    add(&b, 2, 1, true);
    add(&b, 2, -1, true);
    add(&b, 0, 1, true);
    cr_assert_eq(b.n, 2);
    cr_assert(b.v[0].cause_ms == 2 && b.v[0].value == 0);
    cr_assert(b.v[1].cause_ms == 0 && b.v[1].value == 1);
    delta_batch_release(&b);
}
