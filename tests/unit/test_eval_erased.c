/* Erased users (C6, T35): once the mark is known they are in no row, board, alert or scorecard, and what was shown of them is taken back; a retraction
 * brings them back. */
#include "daemon/core/erased.h"
#include "eval_fixture.h"

static struct world w;
static struct scorecard_item item[1];
static struct evaluator *e;
static char mark[64];

struct told {
    int live, gone_rows, gone_alerts, gone_cards, cards, entries, boards;
    char alerts[256], gone[64];
};
static struct told told;

static int on_row(void *ctx, const struct kpi_row *r)
{
    (void)ctx;
    cr_assert_neq(r->subject.p[0], NOBODY);
    told.live += slice_eq(r->subject, SLICE("ann"));
    return 0;
}

static int on_alert(void *ctx, const struct alert_transition *t)
{
    (void)ctx;
    size_t n = strlen(told.alerts);
    snprintf(told.alerts + n, sizeof told.alerts - n, "%.*s:%.*s ", (int)t->subject.n, t->subject.p, (int)t->to_state.n,
             t->to_state.p);
    return 0;
}

static int on_board(void *ctx, const struct board_snapshot *b, bool live)
{
    (void)ctx;
    if (live) {
        told.boards++;
        told.entries = (int)b->entry_count;
    }
    return 0;
}

static int on_card(void *ctx, const struct scorecard_snapshot *s)
{
    (void)ctx;
    told.cards += slice_eq(s->subject, SLICE("ann"));
    return 0;
}

static int count_card(void *ctx, const struct scorecard_snapshot *s)
{
    (void)s;
    ++*(int *)ctx;
    return 0;
}

static int on_gone(void *ctx, const struct gone *g)
{
    (void)ctx;
    cr_assert(slice_eq(g->subject, SLICE("ann")));
    cr_assert(slice_eq(g->dim, SLICE("rep")));
    told.gone_rows += g->from == GONE_ROW;
    told.gone_alerts += g->from == GONE_ALERT;
    told.gone_cards += g->from == GONE_SCORECARD;
    snprintf(told.gone, sizeof told.gone, "%.*s %.*s", (int)g->window.n, g->window.p, (int)g->id.n, g->id.p);
    return 0;
}

static const struct evaluator_sink sink = {
    .ctx = &told, .live_row = on_row, .alert = on_alert, .board = on_board, .scorecard = on_card, .gone = on_gone
};

static void begin(void)
{
    char name[ERASED_MARK_SIZE];
    memset(&told, 0, sizeof told);
    world_init(&w, 0);
    add_measure(&w, "txn", AGG_SUM);
    struct measure_def *m = add_measure(&w, "erased", AGG_COUNT);
    m->fact = FACT_ERASED;
    m->gauge = m->asof = true;
    int k = add_kpi(&w, "sales", KPI_VALUE, NULL, NULL, "txn", "m", 1u << DIM_REP);
    w.kpi[k].empty_zero = true;
    w.board[0] = (struct board_def){ .id = "top", .kpi = k, .window = win("m"), .dim = DIM_REP };
    w.defs.n_boards = 1;
    w.rule[0] = (struct rule_def){ .id = "sold",
                                   .kpi = k,
                                   .window = win("m"),
                                   .dims = 1u << DIM_REP,
                                   .fire_op = CMP_GT,
                                   .fire = 50,
                                   .clear_op = CMP_LE,
                                   .clear = -1,
                                   .level = "warning",
                                   .hash = 1 };
    w.defs.n_rules = 1;
    item[0] = (struct scorecard_item){ .kpi = k,
                                       .perspective = (char *)"F",
                                       .perspective_bp = 10000,
                                       .kpi_bp = 10000,
                                       .window = win("m"),
                                       .score = { .curve = CURVE_LINEAR, .floor = 0, .goal = 100, .cap = 1 } };
    w.card[0] = (struct scorecard_def){ .id = "card", .version = "1", .dim = DIM_REP, .n_items = 1, .item = item };
    w.defs.n_scorecards = 1;
    e = world_start(&w, true, true, false);
    struct slice s = erased_mark(SLICE("ann"), name);
    snprintf(mark, sizeof mark, "rep:%%7F%.*s|erased", (int)s.n - 1, s.p + 1);
}

static void end(void)
{
    evaluator_free(e);
    world_release(&w);
}

TestSuite(eval_erased, .init = begin, .fini = end);

static void erase(const char *when, int64_t n)
{
    put(e, mark, CELL_GAUGE, 0, at(when), n);
    if (n > 0)
        happen(e, "rep:ann|txn", at(when), 0);
    advance(e, at(when) + HOUR_MS, &sink);
}

static int rows(const char *when)
{
    struct kept_row kept = { 0 };
    int64_t at_ms = at(when);
    struct row_query q = { .n_at = 1, .at_ms = &at_ms };
    cr_assert_eq(evaluator_rows(e, &q, keep_row, &kept), 0);
    return kept.n;
}

Test(eval_erased, is_listed_no_more_and_what_was_shown_is_taken_back)
{
    happen(e, "rep:ann|txn", at("2025-03-03T02:00Z"), 60);
    happen(e, "rep:bo|txn", at("2025-03-03T03:00Z"), 40);
    advance(e, at("2025-03-03T05:00Z"), &sink);
    cr_assert_eq(told.entries, 2);
    cr_assert_eq(rows("2025-03-03T05:00Z"), 2);
    cr_assert_str_eq(told.alerts, "ann:firing ");
    told.live = 0;
    erase("2025-03-05T02:00Z", 1);
    cr_assert_eq(told.live, 0);
    cr_assert_geq(told.gone_rows, 1);
    cr_assert_geq(told.gone_alerts, 1);
    cr_assert_eq(told.entries, 1);
    cr_assert_str_eq(told.alerts, "ann:firing ann:ok ");
    cr_assert_eq(rows("2025-03-05T03:00Z"), 1);
    cr_assert_eq(rows("2025-03-03T05:00Z"), 1, "nor at an instant before");
    cr_assert_eq(ask(e, 0, "m", DIM_REP, "ann", at("2025-03-05T03:00Z")).n, 0, "nor by name");
}

Test(eval_erased, a_retraction_brings_back)
{
    happen(e, "rep:ann|txn", at("2025-03-03T02:00Z"), 60);
    advance(e, at("2025-03-03T05:00Z"), &sink);
    erase("2025-03-05T02:00Z", 1);
    cr_assert_eq(told.entries, 0, "the last one leaves an empty board");
    told.live = 0;
    erase("2025-03-06T02:00Z", -1);
    cr_assert_geq(told.live, 1);
    cr_assert_eq(told.entries, 1);
    cr_assert_str_eq(told.alerts, "ann:firing ann:ok ann:firing ");
    cr_assert_eq(rows("2025-03-06T03:00Z"), 1);
}

static int on_part(void *ctx, struct slice org, struct slice key, struct slice value)
{
    char *last = ctx;
    (void)org;
    if (key.n > 4 && memcmp(key.p, "prt|", 4) == 0)
        *last = value.n ? 'k' : 'd';
    return 0;
}

Test(eval_erased, leaves_no_scorecard)
{
    char saved = 0;
    int n = 0;
    happen(e, "rep:ann|txn", at("2025-03-03T02:00Z"), 60);
    advance(e, at("2025-03-03T05:00Z"), &sink);
    cr_assert_eq(told.cards, 1);
    cr_assert_eq(evaluator_state_save(e, true, on_part, &saved), 0);
    cr_assert_eq(saved, 'k');
    erase("2025-03-05T02:00Z", 1);
    cr_assert_eq(told.cards, 1);
    cr_assert_geq(told.gone_cards, 1);
    cr_assert_eq(evaluator_state_save(e, true, on_part, &saved), 0);
    cr_assert_eq(saved, 'd');
    saved = 0;
    cr_assert_eq(evaluator_state_save(e, false, on_part, &saved), 0);
    cr_assert_eq(saved, 0);
    cr_assert_eq(evaluator_scorecards(e, at("2025-03-05T03:00Z"), count_card, &n), 0);
    cr_assert_eq(n, 0);
}

/* The state of its alert is gone from the saved state: an empty value. */
static int on_state(void *ctx, struct slice org, struct slice key, struct slice value)
{
    int *emptied = ctx;
    (void)org;
    if (slice_eq(key, SLICE("alert|sold|rep|ann"))) {
        cr_assert_eq(value.n, 0);
        ++*emptied;
    }
    return 0;
}

Test(eval_erased, leaves_no_alert_state)
{
    int emptied = 0;
    happen(e, "rep:ann|txn", at("2025-03-03T02:00Z"), 60);
    erase("2025-03-05T02:00Z", 1);
    cr_assert_eq(evaluator_state_save(e, true, on_state, &emptied), 0);
    cr_assert_eq(emptied, 1);
    cr_assert_eq(evaluator_state_save(e, false, on_state, &emptied), 0);
    cr_assert_eq(emptied, 1);
}

Test(eval_erased, a_restored_evaluator_knows)
{
    struct cell_delta ann = { SLICE("acme"), SLICE("rep:ann|txn"), CELL_HOUR, at("2025-03-03T02:00Z"), 0, 60, false,
                              false };
    struct cell_delta gone = { SLICE("acme"), slice_of(mark), CELL_GAUGE, 0, 0, 1, false, false };
    cr_assert_eq(evaluator_restore_cell(e, &gone), 0);
    cr_assert_eq(evaluator_restore_cell(e, &ann), 0);
    advance(e, at("2025-03-05T02:00Z"), &sink);
    advance(e, at("2025-03-05T04:00Z"), &sink);
    cr_assert_eq(told.live, 0);
    cr_assert_geq(told.gone_rows, 1);
    cr_assert_str_eq(told.alerts, "");
    cr_assert_eq(rows("2025-03-05T03:00Z"), 0);
}
