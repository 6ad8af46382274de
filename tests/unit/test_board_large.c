/* A board of 100,000 subjects: the order against one computed here, and how long it takes (told, not asserted). */
#include <time.h>

#include "eval_fixture.h"

enum { SUBJECTS = 100000, CHANGES = 1000 };

static struct world w;
static struct evaluator *e;

/* What the test knows of a subject. */
struct known {
    char id[16];
    int64_t value, reached_ms;
};
static struct known known[SUBJECTS];

struct board {
    struct board_entry *entry;
    size_t n;
    int times;
};
static struct board board;

static int take(void *ctx, const struct board_snapshot *b)
{
    struct board *to = ctx;
    to->entry = realloc(to->entry, b->entry_count * sizeof *to->entry);
    memcpy(to->entry, b->entries, b->entry_count * sizeof *to->entry);
    to->n = b->entry_count;
    to->times++;
    return 0;
}

static int on_board(void *ctx, const struct board_snapshot *b, bool live)
{
    (void)live;
    return take(ctx, b);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint64_t next(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

static void sell(struct known *k, int64_t t_ms, int64_t amount)
{
    char field[64];
    snprintf(field, sizeof field, "rep:%s|txn", k->id);
    happen(e, field, t_ms, amount);
    k->value += amount;
    if (amount > 0 && t_ms - t_ms % HOUR_MS > k->reached_ms)
        k->reached_ms = t_ms - t_ms % HOUR_MS;
}

static int expected(const void *pa, const void *pb)
{
    const struct known *a = *(struct known *const *)pa, *b = *(struct known *const *)pb;
    if (a->value != b->value)
        return a->value > b->value ? -1 : 1;
    if (a->reached_ms != b->reached_ms)
        return a->reached_ms < b->reached_ms ? -1 : 1;
    return strcmp(a->id, b->id);
}

static void check_order(void)
{
    static struct known *order[SUBJECTS];
    for (int i = 0; i < SUBJECTS; i++)
        order[i] = &known[i];
    qsort(order, SUBJECTS, sizeof(struct known *), expected);
    cr_assert_eq(board.n, (size_t)SUBJECTS);
    int wrong = 0;
    for (int i = 0, rank = 1; i < SUBJECTS; i++) {
        if (i && order[i]->value != order[i - 1]->value)
            rank = i + 1;
        const struct board_entry *x = &board.entry[i];
        wrong +=
            !slice_eq(x->subject, slice_of(order[i]->id)) || x->rank != rank || x->value != (double)order[i]->value;
    }
    cr_assert_eq(wrong, 0, "%d entries are wrong", wrong);
}

Test(board_large, a_hundred_thousand_subjects, .timeout = 120)
{
    uint64_t seed = 42;
    int64_t march = at("2025-03-01"), now = at("2025-03-20");
    world_init(&w, 0);
    add_measure(&w, "txn", AGG_SUM);
    w.board[0] = (struct board_def){ .id = "sales",
                                     .kpi = add_kpi(&w, "sales", KPI_VALUE, NULL, NULL, "txn", "m", 1u << DIM_REP),
                                     .window = win("m"),
                                     .dim = DIM_REP };
    w.kpi[0].empty_zero = true;
    w.defs.n_boards = 1;
    w.defs.snapshot_every_ms = 0;
    const struct evaluator_sink sink = { .ctx = &board, .board = on_board };
    e = world_start(&w, true, false, false);
    double t0 = seconds();
    for (int i = 0; i < SUBJECTS; i++) { /* in no order of names; many of equal value, some with nothing */
        snprintf(known[i].id, sizeof known[i].id, "u%05d", (int)((int64_t)i * 7919 % SUBJECTS));
        known[i].reached_ms = INT64_MIN;
        sell(&known[i], march + (int64_t)(next(&seed) % 400) * HOUR_MS, (int64_t)(next(&seed) % 5000));
    }
    double t1 = seconds();
    advance(e, now, &sink);
    double t2 = seconds();
    check_order();
    for (int i = 0; i < CHANGES; i++)
        sell(&known[next(&seed) % SUBJECTS], now + HOUR_MS, (int64_t)(next(&seed) % 3000));
    double t3 = seconds();
    advance(e, now + 2 * HOUR_MS, &sink);
    double t4 = seconds();
    check_order();
    cr_assert_eq(board.times, 2);
    fprintf(stderr, "%d subjects: fed in %.2f s, ranked in %.3f s, again after %d changes in %.3f s\n", SUBJECTS,
            t1 - t0, t2 - t1, CHANGES, t4 - t3);
    free(board.entry);
    evaluator_free(e);
    world_release(&w);
}
