/* Leaderboards: ranks, ties, movement, gaps, and when they leave. */
#include "eval_fixture.h"

static struct world w;
static struct evaluator *e;

struct shown {
    int n_boards, live, n;
    char subject[16][32];
    struct board_entry entry[16];
    struct board_snapshot board;
    char id[40];
};
static struct shown shown;

static int show(void *ctx, const struct board_snapshot *b)
{
    struct shown *s = ctx;
    s->n_boards++;
    s->board = *b;
    s->n = (int)b->entry_count;
    snprintf(s->id, sizeof s->id, "%.*s", (int)b->id.n, b->id.p);
    for (int i = 0; i < s->n; i++) {
        s->entry[i] = b->entries[i];
        snprintf(s->subject[i], sizeof s->subject[0], "%.*s", (int)b->entries[i].subject.n, b->entries[i].subject.p);
    }
    return 0;
}

static int on_board(void *ctx, const struct board_snapshot *b, bool live)
{
    ((struct shown *)ctx)->live += live;
    return show(ctx, b);
}

static const struct evaluator_sink sink = { .ctx = &shown, .board = on_board };

static void begin(void)
{
    memset(&shown, 0, sizeof shown);
    world_init(&w, 8 * 3600 * 1000);
    add_measure(&w, "txn", AGG_SUM);
    add_measure(&w, "refund", AGG_SUM);
    add_measure(&w, "sales", AGG_DERIVED)->derived = formula(&w, "txn - refund");
    int k = add_kpi(&w, "sales", KPI_VALUE, NULL, NULL, "sales", "m", 1u << DIM_REP);
    w.kpi[k].empty_zero = true;
    w.board[0] = (struct board_def){ .id = "sales", .kpi = k, .window = win("m"), .dim = DIM_REP };
    w.defs.n_boards = 1;
}

static void end(void)
{
    evaluator_free(e);
    world_release(&w);
}

TestSuite(board, .init = begin, .fini = end);

static void sell(const char *rep, const char *when, int64_t amount)
{
    char field[64];
    snprintf(field, sizeof field, "rep:%s|txn", rep);
    happen(e, field, at(when), amount);
}

static void golden_sales(void)
{
    sell("ann", "2025-02-03T02:00Z", 70000);
    sell("bo", "2025-02-03T02:00Z", 50000);
    sell("cy", "2025-02-03T02:00Z", 30000);
    sell("cy", "2025-03-20T03:00Z", 50000);
    sell("bo", "2025-03-12T02:00Z", 50000);
    sell("ann", "2025-03-10T01:00Z", 60000);
    happen(e, "rep:ann|refund", at("2025-03-25T02:00Z"), 6000);
}

static void check(int i, const char *subject, int rank, int before, int movement, double value, double gap,
                  const char *reached)
{
    const struct board_entry *x = &shown.entry[i];
    cr_assert_str_eq(shown.subject[i], subject);
    cr_assert(x->rank == rank && x->previous_rank == before && x->movement == movement && x->value == value &&
                  x->gap == gap,
              "%s: rank %d, before %d, movement %d, value %g, gap %g", subject, x->rank, x->previous_rank, x->movement,
              x->value, x->gap);
    if (reached)
        cr_assert_eq(x->reached_at_ms, at(reached), "%s", subject);
}

/* Domain specification 7.4, the three ways to number ties. */
Test(board, golden_stream)
{
    static const int ranks[3][3] = {
        [TIES_COMPETITION] = { 1, 2, 2 }, [TIES_DENSE] = { 1, 2, 2 }, [TIES_ORDINAL] = { 1, 2, 3 }
    };
    for (int ties = 0; ties < 3; ties++) {
        evaluator_free(e);
        w.board[0].ties = (enum ties)ties;
        e = world_start(&w, false, false, false);
        golden_sales();
        cr_assert_eq(evaluator_boards(e, at("2025-03-31T15:59:59Z"), show, &shown), 0);
        cr_assert_eq(shown.n, 3);
        check(0, "ann", ranks[ties][0], 1, 0, 54000, 0, "2025-03-10T01:00Z");
        check(1, "bo", ranks[ties][1], 2, 2 - ranks[ties][1], 50000, 4000, "2025-03-12T02:00Z");
        check(2, "cy", ranks[ties][2], 3, 3 - ranks[ties][2], 50000, 4000, "2025-03-20T03:00Z");
        cr_assert(slice_eq(shown.board.window, SLICE("m")) && shown.board.window_start_ms == 1740758400000);
    }
}

/* T14: 50, 50, 40, one member at 0. */
Test(board, ties_and_zeros)
{
    static const int ranks[3][4] = {
        [TIES_COMPETITION] = { 1, 1, 3, 4 }, [TIES_DENSE] = { 1, 1, 2, 3 }, [TIES_ORDINAL] = { 1, 2, 3, 4 }
    };
    for (int ties = 0; ties < 3; ties++) {
        evaluator_free(e);
        w.board[0].ties = (enum ties)ties;
        e = world_start(&w, false, false, false);
        sell("zoe", "2025-03-04T02:00Z", 50);
        sell("ann", "2025-03-05T02:00Z", 50);
        sell("bo", "2025-03-05T02:00Z", 40);
        sell("cy", "2025-03-06T02:00Z", 10);
        sell("cy", "2025-03-06T02:00Z", -10); /* T4: deleted, stays listed at 0 */
        cr_assert_eq(evaluator_boards(e, at("2025-03-31"), show, &shown), 0);
        static const char *const order[] = { "zoe", "ann", "bo", "cy" };
        cr_assert_eq(shown.n, 4);
        for (int i = 0; i < 4; i++) {
            cr_assert_str_eq(shown.subject[i], order[i], "earlier reach first");
            cr_assert_eq(shown.entry[i].rank, ranks[ties][i], "ties %d", ties);
            cr_assert_eq(shown.entry[i].previous_rank, 0, "nobody was known the month before");
        }
    }
}

/* T3: the smallest value wins a lower-is-better board. T12: null comes after every value. */
Test(board, direction_and_nulls)
{
    int k = add_kpi(&w, "refund_rate", KPI_RATIO, "refund", "txn", NULL, "m", 1u << DIM_REP);
    w.kpi[k].direction = DIRECTION_DOWN;
    w.board[0].kpi = k;
    e = world_start(&w, false, false, false);
    happen(e, "rep:none|refund", at("2025-03-04"), 5);
    sell("low", "2025-03-04T02:00Z", 100);
    sell("high", "2025-03-04T02:00Z", 100);
    happen(e, "rep:high|refund", at("2025-03-05"), 50);
    happen(e, "rep:low|refund", at("2025-03-05"), 10);
    cr_assert_eq(evaluator_boards(e, at("2025-03-31"), show, &shown), 0);
    cr_assert_eq(shown.n, 3);
    check(0, "low", 1, 0, 0, 0.1, 0, NULL);
    check(1, "high", 2, 0, 0, 0.5, 0.4, NULL);
    check(2, "none", 3, 0, 0, 0, 0, NULL);
    cr_assert(shown.entry[2].is_null && !shown.entry[1].is_null);
}

Test(board, top_is_cut_after_ranking)
{
    w.board[0].top = 1;
    e = world_start(&w, false, false, false);
    golden_sales();
    cr_assert_eq(evaluator_boards(e, at("2025-03-31T15:59:59Z"), show, &shown), 0);
    cr_assert_eq(shown.n, 1);
    check(0, "ann", 1, 1, 0, 54000, 0, NULL);
}

Test(board, a_past_board_does_not_know_later_subjects)
{
    e = world_start(&w, false, false, false);
    golden_sales();
    sell("dora", "2025-03-28T02:00Z", 1);
    cr_assert_eq(evaluator_boards(e, at("2025-03-27"), show, &shown), 0);
    cr_assert_eq(shown.n, 3);
    cr_assert_eq(evaluator_boards(e, at("2025-03-29"), show, &shown), 0);
    cr_assert_eq(shown.n, 4);
}

Test(board, live_boards_leave_when_they_change)
{
    e = world_start(&w, true, false, false);
    sell("ann", "2025-03-10T01:00Z", 60);
    advance(e, at("2025-03-10T02:00Z"), &sink);
    cr_assert(shown.n_boards == 1 && shown.live == 1 && shown.n == 1);
    advance(e, at("2025-03-10T03:00Z"), &sink);
    cr_assert_eq(shown.n_boards, 1, "nothing changed");
    sell("bo", "2025-03-10T03:10Z", 70);
    advance(e, at("2025-03-10T03:20Z"), &sink);
    cr_assert_eq(shown.n_boards, 2);
    check(0, "bo", 1, 0, 0, 70, 0, "2025-03-10T03:00Z");
    check(1, "ann", 2, 0, 0, 60, 10, "2025-03-10T01:00Z");
    advance(e, at("2025-03-31T16:00Z"), &sink);
    cr_assert_eq(shown.n_boards, 3, "April begins");
    check(0, "ann", 1, 2, 1, 0, 0, NULL);
    check(1, "bo", 1, 1, 0, 0, 0, NULL);
}

Test(board, judged_boards_leave_at_snapshot_ticks)
{
    e = world_start(&w, false, true, false);
    sell("ann", "2025-03-10T01:10Z", 60);
    sell("bo", "2025-03-10T01:50Z", 70);
    advance(e, at("2025-03-10T01:59Z"), &sink);
    cr_assert_eq(shown.n_boards, 0);
    advance(e, at("2025-03-10T02:00Z"), &sink);
    cr_assert_eq(shown.n_boards, 1);
    cr_assert(shown.live == 0 && shown.n == 2 && shown.board.tick_ms == at("2025-03-10T02:00Z"));
    char id[40];
    snprintf(id, sizeof id, "%s", shown.id);
    evaluator_free(e);
    e = world_start(&w, false, true, false);
    sell("bo", "2025-03-10T01:50Z", 70);
    sell("ann", "2025-03-10T01:10Z", 60);
    advance(e, at("2025-03-12T02:00Z"), &sink);
    cr_assert_eq(shown.n_boards, 2);
    cr_assert_str_eq(shown.id, id, "the same again");
}

/* A KPI of form rank: everybody's rank is published when somebody's value changes it. */
struct ranks {
    int n, rank[2];
};

static int on_rank(void *ctx, const struct kpi_row *row)
{
    struct ranks *r = ctx;
    if (slice_eq(row->kpi, SLICE("sales_rank"))) {
        r->n++;
        r->rank[slice_eq(row->subject, SLICE("bo"))] = (int)row->value;
    }
    return 0;
}

Test(board, rank_kpi)
{
    int k = add_kpi(&w, "sales_rank", KPI_RANK, NULL, NULL, NULL, "m", 1u << DIM_REP);
    w.kpi[k].rank_of = 0;
    e = world_start(&w, true, false, false);
    struct ranks ranks = { 0 };
    struct evaluator_sink rows = { .ctx = &ranks, .live_row = on_rank };
    sell("ann", "2025-03-10T01:00Z", 60);
    advance(e, at("2025-03-10T02:00Z"), &rows);
    cr_assert(ranks.n == 1 && ranks.rank[0] == 1);
    sell("bo", "2025-03-10T02:10Z", 70);
    advance(e, at("2025-03-10T02:20Z"), &rows);
    cr_assert(ranks.n == 3 && ranks.rank[0] == 2 && ranks.rank[1] == 1, "ann fell without an event of hers");
    cr_assert_eq(one(e, k, "m", DIM_REP, "ann", at("2025-03-10T02:15Z")).row.value, 2);
}

Test(board, rank_kpi_follows_the_roster)
{
    int k = add_kpi(&w, "sales_rank", KPI_RANK, NULL, NULL, NULL, "m", 1u << DIM_REP);
    w.kpi[k].rank_of = 0;
    w.defs.n_boards = 0;
    struct measure_def *m = add_measure(&w, "users", AGG_COUNT);
    m->fact = FACT_USER_ENABLED;
    m->gauge = m->asof = true;
    e = world_start(&w, true, false, false);
    struct ranks ranks = { 0 };
    struct evaluator_sink rows = { .ctx = &ranks, .live_row = on_rank };
    put(e, "rep:bo|users", CELL_GAUGE, 0, at("2025-01-01"), 1);
    sell("ann", "2025-03-10T01:00Z", 60);
    sell("bo", "2025-03-10T01:10Z", 70);
    advance(e, at("2025-03-10T02:00Z"), &rows);
    cr_assert(ranks.rank[0] == 2 && ranks.rank[1] == 1);
    put(e, "rep:bo|users", CELL_GAUGE, 0, at("2025-03-10T03:00Z"), -1);
    advance(e, at("2025-03-10T03:10Z"), &rows);
    cr_assert_eq(ranks.rank[0], 1, "bo left, and ann is first without an event of hers");
}

/* ---- who is on it ---- */

Test(board, leavers_are_removed)
{
    struct measure_def *m = add_measure(&w, "users", AGG_COUNT);
    m->fact = FACT_USER_ENABLED;
    m->gauge = m->asof = true;
    e = world_start(&w, false, true, false);
    golden_sales();
    for (int i = 0; i < 2; i++)
        put(e, i ? "rep:bo|users" : "rep:ann|users", CELL_GAUGE, 0, at("2025-01-01"), 1);
    advance(e, at("2025-03-25T03:00Z"), &sink);
    cr_assert_eq(shown.n, 3, "cy was never enabled: nothing is known of that");
    put(e, "rep:bo|users", CELL_GAUGE, 0, at("2025-03-26T01:00Z"), -1);
    advance(e, at("2025-03-26T03:00Z"), &sink);
    cr_assert_eq(shown.n, 2, "bo left without any sale");
    check(0, "ann", 1, 1, 0, 54000, 0, NULL);
    check(1, "cy", 2, 3, 1, 50000, 4000, NULL);
    cr_assert(shown.entry[1].last_rank == 2 && shown.entry[1].moved == 0 && shown.board.ranked_count == 2);
}

Test(board, too_few_samples_are_not_ranked)
{
    add_measure(&w, "good", AGG_COUNT);
    add_measure(&w, "all", AGG_COUNT);
    w.board[0].kpi = add_kpi(&w, "rate", KPI_RATIO, "good", "all", NULL, "m", 1u << DIM_REP);
    w.board[0].min_samples = 5;
    e = world_start(&w, false, false, false);
    happen(e, "rep:best|good", at("2025-03-10T01:00Z"), 4);
    happen(e, "rep:best|all", at("2025-03-10T01:00Z"), 4);
    happen(e, "rep:some|good", at("2025-03-10T01:00Z"), 4);
    happen(e, "rep:some|all", at("2025-03-10T01:00Z"), 5);
    happen(e, "rep:zero|all", at("2025-03-10T01:00Z"), 6);
    cr_assert_eq(evaluator_boards(e, at("2025-03-31"), show, &shown), 0);
    check(0, "some", 1, 0, 0, 0.8, 0, NULL);
    check(1, "zero", 2, 0, 0, 0, 0.8, NULL);
    check(2, "best", 0, 0, 0, 1, 0, NULL);
    cr_assert(shown.board.ranked_count == 2 && shown.entry[2].samples == 4);
}

Test(board, order_may_be_turned)
{
    w.board[0].has_order = w.board[0].ascending = true;
    e = world_start(&w, false, false, false);
    sell("ann", "2025-03-10T01:00Z", 3);
    sell("bo", "2025-03-10T01:00Z", 1);
    cr_assert_eq(evaluator_boards(e, at("2025-03-31"), show, &shown), 0);
    check(0, "bo", 1, 0, 0, 1, 0, NULL);
    check(1, "ann", 2, 0, 0, 3, 2, NULL);
}

Test(board, around_a_subject)
{
    w.board[0].top = 2;
    e = world_start(&w, false, false, false);
    for (int i = 0; i < 9; i++) {
        char rep[16];
        snprintf(rep, sizeof rep, "r%d", i);
        sell(rep, "2025-03-10T01:00Z", 100 - i);
    }
    struct board_around around = { SLICE("r6"), 1 };
    cr_assert_eq(evaluator_boards_around(e, at("2025-03-31"), &around, show, &shown), 0);
    cr_assert_eq(shown.n, 3);
    check(0, "r5", 6, 0, 0, 95, 1, NULL);
    check(2, "r7", 8, 0, 0, 93, 1, NULL);
    around = (struct board_around){ SLICE("r8"), 3 };
    cr_assert_eq(evaluator_boards_around(e, at("2025-03-31"), &around, show, &shown), 0);
    cr_assert(shown.n == 4 && shown.entry[3].rank == 9);
    shown.n_boards = 0;
    around.subject = SLICE("nobody");
    cr_assert_eq(evaluator_boards_around(e, at("2025-03-31"), &around, show, &shown), 0);
    cr_assert_eq(shown.n_boards, 0);
}

/* ---- between snapshots ---- */

/* March of Shanghai: ann 60, bo 50; told for the last time at its end, revision 0. In April bo's March becomes 70: the board of March is told anew at the next
 * snapshot, revision 1, and not again until it changes: 2, after a restart. That of April goes on by itself. */
Test(board, the_board_of_an_ended_month_is_revised)
{
    int64_t march = at("2025-02-28T16:00Z"), april = at("2025-03-31T16:00Z");
    e = world_start(&w, false, true, false);
    sell("ann", "2025-03-10T09:10Z", 60);
    sell("bo", "2025-03-10T09:20Z", 50);
    sell("ann", "2025-04-02T01:10Z", 5);
    advance(e, at("2025-04-02T09:59Z"), &sink);
    cr_assert(shown.board.window_start_ms == april && shown.board.revision == 0);
    int before = shown.n_boards;
    put(e, "rep:bo|txn", CELL_HOUR, at("2025-03-10T09:00Z"), at("2025-04-02T10:07Z"), 20);
    advance(e, at("2025-04-02T11:00Z"), &sink);
    cr_assert_eq(shown.n_boards, before + 2, "April has other previous ranks, March is revised: %d",
                 shown.n_boards - before);
    cr_assert(shown.board.window_start_ms == march && shown.board.window_end_ms == april);
    cr_assert_eq(shown.board.revision, 1);
    cr_assert_eq(shown.board.tick_ms, at("2025-04-02T11:00Z"));
    cr_assert(!shown.board.change && shown.n == 2 && shown.board.ranked_count == 2);
    check(0, "bo", 1, 0, 0, 70, 0, NULL);
    check(1, "ann", 2, 0, 0, 60, 10, NULL);
    cr_assert(shown.entry[0].last_rank == 0 && shown.entry[0].moved == 0);
    before = shown.n_boards;
    put(e, "rep:bo|txn", CELL_HOUR, at("2025-03-10T09:00Z"), at("2025-04-02T11:07Z"), 1);
    put(e, "rep:bo|refund", CELL_HOUR, at("2025-03-10T09:00Z"), at("2025-04-02T11:08Z"), 1);
    advance(e, at("2025-04-02T12:00Z"), &sink);
    cr_assert_eq(shown.n_boards, before, "70 as before");
    put(e, "rep:ann|txn", CELL_HOUR, at("2025-03-10T09:00Z"), at("2025-04-02T12:07Z"), 11);
    advance(e, at("2025-04-02T12:30Z"), &sink);
    static struct saved_state kept;
    kept.n = 0;
    cr_assert_eq(evaluator_state_save(e, false, state_keep, &kept), 0);
    e = world_restart(&w, e, &kept);
    restore_cell(e, "rep:ann|txn", at("2025-03-10T09:00Z"), 71);
    restore_cell(e, "rep:ann|txn", at("2025-04-02T01:00Z"), 5);
    restore_cell(e, "rep:bo|txn", at("2025-03-10T09:00Z"), 71);
    restore_cell(e, "rep:bo|refund", at("2025-03-10T09:00Z"), 1);
    advance(e, at("2025-04-02T13:00Z"), &sink);
    cr_assert(shown.board.window_start_ms == march && shown.board.revision == 2);
    check(0, "ann", 1, 0, 0, 71, 0, NULL);
    check(1, "bo", 2, 0, 0, 70, 1, NULL);
}

/* Everybody on it has left since: a board that shows nobody is not told, in a period that ended as little as in the running one. */
Test(board, an_empty_board_is_not_revised)
{
    struct measure_def *staff = add_measure(&w, "staff", AGG_LEVEL);
    staff->fact = FACT_USER_ENABLED;
    e = world_start(&w, false, true, false);
    sell("ann", "2025-03-10T09:10Z", 60);
    put(e, "rep:ann|staff", CELL_GAUGE, 0, at("2025-03-10T09:10Z"), 1);
    put(e, "rep:ann|staff", CELL_HOUR, at("2025-03-10T09:00Z"), at("2025-03-10T09:10Z"), 1);
    advance(e, at("2025-04-02T09:59Z"), &sink);
    int before = shown.n_boards;
    cr_assert_gt(before, 0);
    put(e, "rep:ann|staff", CELL_GAUGE, 0, at("2025-04-02T10:07Z"), -1); /* she had left in March, it comes out now */
    put(e, "rep:ann|staff", CELL_HOUR, at("2025-03-20T09:00Z"), at("2025-04-02T10:07Z"), -1);
    put(e, "rep:ann|txn", CELL_HOUR, at("2025-03-10T09:00Z"), at("2025-04-02T10:08Z"), 20);
    advance(e, at("2025-04-02T12:00Z"), &sink);
    cr_assert_eq(shown.n_boards, before, "%d more", shown.n_boards - before);
}

/* The judged view knows gauges as they stand: a past board by one of them is not told anew. */
Test(board, a_board_by_a_gauge_is_not_revised)
{
    struct measure_def *open = add_measure(&w, "open", AGG_COUNT);
    open->gauge = open->asof = true;
    w.board[0].kpi = add_kpi(&w, "each", KPI_RATIO, "txn", "open", NULL, "m", 1u << DIM_REP);
    e = world_start(&w, false, true, false);
    sell("ann", "2025-03-10T09:10Z", 60);
    put(e, "rep:ann|open", CELL_GAUGE, 0, at("2025-03-10T09:10Z"), 2);
    advance(e, at("2025-04-02T09:59Z"), &sink);
    int64_t april = at("2025-03-31T16:00Z");
    put(e, "rep:ann|txn", CELL_HOUR, at("2025-03-10T09:00Z"), at("2025-04-02T10:07Z"), 20);
    advance(e, at("2025-04-03T11:00Z"), &sink);
    cr_assert(shown.board.revision == 0 && shown.board.window_start_ms == april);
}

/* Top 2 with changes every 5 minutes. 10:00 snapshot ann 60, bo 50. At 10:07 cy sells 55: at 10:10 cy is second and bo is gone. At 10:12 ann sells 1: at
 * 10:15 ann and, because its gap grew, cy. The restart in between changes nothing. */
Test(board, changes_between_snapshots)
{
    w.board[0].top = 2;
    w.board[0].changes_ms = 5 * MINUTE_MS;
    e = world_start(&w, false, true, false);
    sell("ann", "2025-03-10T09:10Z", 60);
    sell("bo", "2025-03-10T09:20Z", 50);
    advance(e, at("2025-03-10T10:00Z"), &sink);
    int before = shown.n_boards;
    cr_assert(!shown.board.change && shown.n == 2);
    put(e, "rep:cy|txn", CELL_HOUR, at("2025-03-10T10:00Z"), at("2025-03-10T10:07Z"), 55);
    advance(e, at("2025-03-10T10:09Z"), &sink);
    cr_assert_eq(shown.n_boards, before);
    advance(e, at("2025-03-10T10:11Z"), &sink);
    cr_assert_eq(shown.n_boards, before + 1);
    cr_assert(shown.board.change && shown.board.tick_ms == at("2025-03-10T10:10Z") && shown.n == 2);
    check(0, "cy", 2, 0, 0, 55, 5, NULL);
    check(1, "bo", 0, 0, 0, 0, 0, NULL);
    cr_assert(shown.entry[1].last_rank == 2 && shown.entry[0].last_rank == 0);
    static struct saved_state kept;
    cr_assert_eq(evaluator_state_save(e, false, state_keep, &kept), 0);
    e = world_restart(&w, e, &kept);
    static const struct {
        const char *field;
        const char *pane;
        int64_t value;
    } cells[] = { { "rep:ann|txn", "2025-03-10T09:00Z", 60 },
                  { "rep:bo|txn", "2025-03-10T09:00Z", 50 },
                  { "rep:cy|txn", "2025-03-10T10:00Z", 55 } };
    for (int i = 0; i < 3; i++) {
        struct cell_delta d = { .org = SLICE("acme"),
                                .field = slice_of(cells[i].field),
                                .grain = CELL_HOUR,
                                .pane_ms = at(cells[i].pane),
                                .value = cells[i].value };
        cr_assert_eq(evaluator_restore_cell(e, &d), 0);
    }
    put(e, "rep:ann|txn", CELL_HOUR, at("2025-03-10T10:00Z"), at("2025-03-10T10:12Z"), 1);
    before = shown.n_boards;
    advance(e, at("2025-03-10T10:16Z"), &sink);
    cr_assert_eq(shown.n_boards, before + 1, "%d", shown.n_boards - before);
    cr_assert(shown.board.change && shown.board.tick_ms == at("2025-03-10T10:15Z") && shown.n == 2);
    check(0, "ann", 1, 0, 0, 61, 0, NULL);
    check(1, "cy", 2, 0, 0, 55, 6, NULL);
    cr_assert(shown.entry[1].last_rank == 2 && shown.entry[1].moved == 0);
}
