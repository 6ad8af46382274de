/* Boards that are kept in order, against the same boards ranked whole, over random histories: late and early deltas, corrections, subjects that appear, leave,
 * come back and are erased, and time that passes by minutes or weeks. */
#include "daemon/core/board.h"
#include "daemon/core/board_order.h"
#include "daemon/core/erased.h"
#include "eval_fixture.h"

enum { REPS = 40, STEPS = 120, LISTED = 64 };

static struct world w;
static struct evaluator *e;
static uint64_t seed;

static uint64_t below(uint64_t n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % n;
}

/* What a reader of the live boards holds, made from the differences alone. */
struct line {
    char subject[16];
    int32_t rank, previous;
    double value, gap;
};
struct copy {
    struct line line[LISTED];
    int n, messages;
};
static struct copy copy[WORLD_BOARDS];

static void strike(struct copy *c, struct slice subject)
{
    for (int i = 0; i < c->n; i++)
        if (slice_eq(slice_of(c->line[i].subject), subject))
            c->line[i] = c->line[--c->n];
}

static const struct line *find(const struct copy *c, struct slice subject)
{
    for (int i = 0; i < c->n; i++)
        if (slice_eq(slice_of(c->line[i].subject), subject))
            return &c->line[i];
    return NULL;
}

static int on_board(void *ctx, const struct board_snapshot *b, bool live)
{
    (void)ctx;
    if (!live)
        return 0;
    struct copy *c = &copy[b->board.p[1] - '0'];
    c->messages++;
    if (!b->same)
        c->n = 0;
    for (size_t i = 0; b->same && i < b->gone_count; i++)
        strike(c, b->gone[i]);
    for (size_t i = 0; i < b->entry_count; i++) {
        const struct board_entry *x = &b->entries[i];
        if (b->same && b->same[i])
            continue;
        strike(c, x->subject);
        struct line *to = &c->line[c->n++];
        snprintf(to->subject, sizeof to->subject, "%.*s", (int)x->subject.n, x->subject.p);
        to->rank = x->rank;
        to->previous = x->previous_rank;
        to->value = x->value;
        to->gap = x->gap;
    }
    cr_assert_eq((size_t)c->n, b->entry_count);
    for (size_t i = 0; i < b->entry_count; i++) {
        const struct board_entry *x = &b->entries[i];
        const struct line *l = find(c, x->subject);
        cr_assert(l && l->rank == x->rank && l->previous == x->previous_rank && l->value == x->value &&
                  l->gap == x->gap);
    }
    return 0;
}

static const struct evaluator_sink sink = { .board = on_board };

/* ---- the comparison -------------------------------------------------------------------------------------------------------------------------------- */

struct made {
    struct board_entry entry[LISTED];
    size_t n;
    int64_t ranked;
};

static struct made make(struct reading *r, struct org *org, int board, const struct board_around *around)
{
    struct board_text text;
    struct board_snapshot b;
    struct made made = { 0 };
    cr_assert_eq(board_make(e, r, org, board, around, &text, &b), 0);
    cr_assert_leq(b.entry_count, (size_t)LISTED);
    if (b.entry_count)
        memcpy(made.entry, b.entries, b.entry_count * sizeof *b.entries);
    made.n = b.entry_count;
    made.ranked = b.ranked_count;
    return made;
}

static bool same_entry(const struct board_entry *a, const struct board_entry *b)
{
    return slice_eq(a->subject, b->subject) && a->rank == b->rank && a->previous_rank == b->previous_rank &&
           a->movement == b->movement && a->value == b->value && a->gap == b->gap &&
           a->reached_at_ms == b->reached_at_ms && a->is_null == b->is_null && a->samples == b->samples;
}

/* Around the best with room for all there are: ranked whole, at the same reading. */
static size_t compare(enum view_id v, int board, int step)
{
    struct org *org = e->store.org[0];
    const struct board_def *def = &w.board[board];
    struct reading r = reading_at_view(e, v, plan_window(&e->plan, &def->window));
    cr_assert(board_order_kept(&r, (uint32_t)board));
    struct made kept = make(&r, org, board, NULL);
    if (kept.n == 0)
        return 0;
    struct made whole = make(&r, org, board, &(struct board_around){ kept.entry[0].subject, UINT32_MAX });
    size_t n = def->top && def->top < whole.n ? def->top : whole.n;
    cr_assert(kept.n == n && kept.ranked == whole.ranked, "step %d, view %d, board %d: %zu entries of %zu", step,
              (int)v, board, kept.n, n);
    for (size_t i = 0; i < n; i++)
        cr_assert(same_entry(&kept.entry[i], &whole.entry[i]),
                  "step %d, view %d, board %d (%s), entry %zu: %.*s rank %d before %d, whole %.*s rank %d before %d",
                  step, (int)v, board, def->window.name, i, (int)kept.entry[i].subject.n, kept.entry[i].subject.p,
                  kept.entry[i].rank, kept.entry[i].previous_rank, (int)whole.entry[i].subject.n,
                  whole.entry[i].subject.p, whole.entry[i].rank, whole.entry[i].previous_rank);
    return n;
}

/* ---- histories ------------------------------------------------------------------------------------------------------------------------------------- */

static int64_t hour_of(int64_t t_ms)
{
    return t_ms - t_ms % HOUR_MS;
}

/* Mostly now, sometimes long ago, sometimes told before its time. */
static void sell(int64_t now_ms)
{
    char field[64];
    int64_t t_ms = now_ms - (int64_t)below(below(3) ? 60 : 60 * 24 * 40) * MINUTE_MS;
    int64_t cause_ms = below(5) ? now_ms : now_ms + (int64_t)below(300) * MINUTE_MS;
    int64_t amount = (int64_t)below(6) * 10 - (below(4) ? 0 : 30);
    const char *what = below(2) ? "txn" : below(2) ? "n" : "other";
    snprintf(field, sizeof field, "rep:r%02d|%s", (int)below(REPS), what);
    put(e, field, CELL_HOUR, hour_of(t_ms), cause_ms, amount);
    put(e, field, CELL_MINUTE, t_ms - t_ms % MINUTE_MS, cause_ms, amount);
}

static bool enabled[REPS], gone[REPS], with_stock;

/* A level: its total, and the step in its hour. */
static void put_step(const char *level, int rep, int64_t t_ms, int64_t cause_ms, int64_t step)
{
    char field[64];
    snprintf(field, sizeof field, "rep:r%02d|%s", rep, level);
    put(e, field, CELL_GAUGE, 0, cause_ms, step);
    put(e, field, CELL_HOUR, hour_of(t_ms), cause_ms, step);
}

/* The step may lie ahead. */
static void enable(int64_t now_ms)
{
    int rep = (int)below(REPS);
    int64_t step = enabled[rep] ? -1 : 1, t_ms = now_ms + (below(2) ? (int64_t)below(72) * HOUR_MS : 0);
    enabled[rep] = !enabled[rep];
    put_step("users", rep, t_ms, now_ms, step);
}

/* Now, late, ahead, or told before its time. */
static void restock(int64_t now_ms)
{
    int64_t off_ms = below(3) ? 0 : ((int64_t)below(100) - 70) * DAY_MS / (1 + (int64_t)below(40));
    int64_t cause_ms = below(5) ? now_ms : now_ms + (int64_t)below(300) * MINUTE_MS;
    put_step("stock", (int)below(REPS), now_ms + off_ms, cause_ms, (int64_t)below(9) - 4);
}

static void erase(int64_t now_ms)
{
    char name[ERASED_MARK_SIZE], id[16], field[128];
    int rep = (int)below(REPS);
    snprintf(id, sizeof id, "r%02d", rep);
    struct slice s = erased_mark(slice_of(id), name);
    snprintf(field, sizeof field, "rep:%%7F%.*s|erased", (int)s.n - 1, s.p + 1);
    put(e, field, CELL_GAUGE, 0, now_ms, gone[rep] ? -1 : 1);
    gone[rep] = !gone[rep];
}

static void begin(bool history)
{
    memset(copy, 0, sizeof copy);
    memset(enabled, 0, sizeof enabled);
    memset(gone, 0, sizeof gone);
    world_init(&w, 8 * 3600 * 1000);
    add_measure(&w, "txn", AGG_SUM)->fine = true;
    add_measure(&w, "n", AGG_COUNT)->fine = true;
    add_measure(&w, "other", AGG_COUNT);
    with_stock = false;
    if (history) {
        struct measure_def *m = add_measure(&w, "users", AGG_LEVEL);
        m->fact = FACT_USER_ENABLED;
        m = add_measure(&w, "erased", AGG_COUNT);
        m->fact = FACT_ERASED;
        m->gauge = m->asof = true;
    }
    add_kpi(&w, "sales", KPI_VALUE, NULL, NULL, "txn", "m", 1u << DIM_REP);
    w.kpi[0].empty_zero = true;
    add_kpi(&w, "mean", KPI_RATIO, "txn", "n", NULL, "m", 1u << DIM_REP);
    w.defs.n_boards = WORLD_BOARDS;
}

static void board(int i, int kpi, const char *window, enum ties ties, uint32_t top, bool ascending, int64_t min_samples)
{
    static const char *const names[] = { "b0", "b1", "b2", "b3" };
    w.board[i] = (struct board_def){ .id = (char *)names[i],
                                     .kpi = kpi,
                                     .window = win(window),
                                     .dim = DIM_REP,
                                     .ties = ties,
                                     .top = top,
                                     .has_order = ascending,
                                     .ascending = ascending,
                                     .min_samples = min_samples };
}

static void run(uint64_t start)
{
    seed = start;
    e = world_start(&w, true, true, false);
    size_t entries = 0;
    int64_t now_ms = at("2025-03-01");
    for (int step = 0; step < STEPS; step++) {
        for (uint64_t i = below(12); i > 0; i--)
            if (with_stock)
                restock(now_ms);
            else
                sell(now_ms);
        if (w.defs.n_measures > 3 && below(4) == 0)
            enable(now_ms);
        if (w.defs.n_measures > 3 && below(12) == 0)
            erase(now_ms);
        now_ms += (int64_t)(1 + below(below(4) ? 90 : 60 * 24 * 9)) * MINUTE_MS;
        advance(e, now_ms, &sink);
        for (int b = 0; b < WORLD_BOARDS; b++)
            entries += compare(VIEW_BASE, b, step) + compare(VIEW_JUDGED, b, step);
    }
    cr_assert_gt(entries, (size_t)STEPS * 2);
    for (int b = 0; b < WORLD_BOARDS; b++)
        cr_assert_gt(copy[b].messages, 10, "board %d told %d times", b, copy[b].messages);
    evaluator_free(e);
    world_release(&w);
}

static const char *const windows[] = { "m", "7d", "w", "24h", "d", "3cd", "td", "60m", "cy", "g", "30d", "q" };
enum { WINDOWS = sizeof windows / sizeof windows[0] };

Test(board_order, equals_a_whole_ranking, .timeout = 60)
{
    for (uint32_t i = 0; i < 3 * WINDOWS; i++) {
        const char *first = windows[i % WINDOWS], *second = windows[(i + 1) % WINDOWS];
        begin(i >= WINDOWS);
        board(0, 0, first, TIES_COMPETITION, 0, false, 0);
        board(1, 0, first, TIES_DENSE, 5, true, 0);
        board(2, 1, first, TIES_ORDINAL, 0, i % 2, 3);
        board(3, 1, second, TIES_COMPETITION, 7, false, 0);
        run(i + 1);
    }
}

/* Part of the time the window before begins before what is kept: then nobody has a rank in it. */
Test(board_order, equals_a_whole_ranking_where_the_window_before_is_cut, .timeout = 60)
{
    static const char *const cut[] = { "m", "30d", "q", "w", "cy" };
    for (uint32_t i = 0; i < sizeof cut / sizeof cut[0]; i++) {
        begin(i % 2);
        w.defs.retention_ms = 50 * DAY_MS;
        board(0, 0, cut[i], TIES_COMPETITION, 0, false, 0);
        board(1, 0, cut[i], TIES_DENSE, 5, true, 0);
        board(2, 1, cut[i], TIES_ORDINAL, 0, i % 2, 3);
        board(3, 1, "d", TIES_COMPETITION, 7, false, 0);
        run(100 + i);
    }
}

/* Levels: what stands, and what came or went since the window began. */
Test(board_order, of_levels_equals_a_whole_ranking, .timeout = 60)
{
    for (uint32_t i = 0; i < 2 * WINDOWS; i++) {
        if (strcmp(windows[i % WINDOWS], "60m") == 0)
            continue;
        begin(i >= WINDOWS);
        with_stock = true;
        w.defs.retention_ms = (i % 3 ? 400 : 50) * DAY_MS;
        add_measure(&w, "stock", AGG_LEVEL);
        int stock = add_kpi(&w, "stock", KPI_VALUE, NULL, NULL, "stock", "m", 1u << DIM_REP);
        int gain = add_kpi(&w, "gain", KPI_VALUE, NULL, NULL, "stock - stock.start", "m", 1u << DIM_REP);
        board(0, stock, windows[i % WINDOWS], TIES_COMPETITION, 0, false, 0);
        board(1, gain, windows[i % WINDOWS], TIES_DENSE, 5, true, 0);
        board(2, gain, windows[i % WINDOWS], TIES_ORDINAL, 0, i % 2, 3);
        board(3, stock, "d", TIES_COMPETITION, 7, false, 0);
        run(200 + i);
    }
}
