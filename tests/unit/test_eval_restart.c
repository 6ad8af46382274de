/* Restarts at random moments against a run without any: the same ids of alerts, boards, scorecards and rows leave, no more and no fewer, however often the
 * evaluator is loaded again from cells, feed and saved state. */
#include "eval_fixture.h"

enum { DELTAS = 300, IDS_MAX = 60000, STATES_MAX = 4096 };

static struct world w;
static const int64_t start_ms = INT64_C(1742860800000); /* 2025-03-25T00:00Z */
static struct scorecard_item item[1];

struct given {
    int64_t t_ms, cause_ms, value;
    int rep;
};
static struct given given[DELTAS];
static uint64_t seed;

static uint64_t dice(uint64_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (seed >> 33) % n;
}

static int by_cause(const void *a, const void *b)
{
    const struct given *x = a, *y = b;
    return (x->cause_ms > y->cause_ms) - (x->cause_ms < y->cause_ms);
}

/* Bursts with quiet days between: what is due after a burst meets a restart. */
static void prepare(uint64_t s)
{
    seed = s;
    world_init(&w, 0);
    add_measure(&w, "sales", AGG_SUM);
    int k = add_kpi(&w, "sales", KPI_VALUE, NULL, NULL, "sales", "24h 7d d m", 1u << DIM_ORG | 1u << DIM_REP);
    struct measure_def *open = add_measure(&w, "open", AGG_COUNT);
    open->gauge = open->asof = true;
    add_kpi(&w, "open", KPI_VALUE, NULL, NULL, "open", "g", 1u << DIM_ORG | 1u << DIM_REP);
    add_measure(&w, "staff", AGG_LEVEL);
    add_kpi(&w, "staff", KPI_VALUE, NULL, NULL, "staff", "d", 1u << DIM_REP);
    w.defs.snapshot_every_ms = HOUR_MS;
    w.board[0] = (struct board_def){ .id = "week", .kpi = k, .window = win("7d"), .dim = DIM_REP };
    w.board[1] = (struct board_def){ .id = "month", .kpi = k, .window = win("m"), .dim = DIM_REP, .top = 2 };
    w.defs.n_boards = 2;
    w.rule[0] = (struct rule_def){ .id = "big",
                                   .kpi = k,
                                   .window = win("24h"),
                                   .dims = 1u << DIM_REP,
                                   .fire_op = CMP_GT,
                                   .fire = 900,
                                   .clear_op = CMP_LT,
                                   .clear = 400,
                                   .for_ms = 2 * HOUR_MS,
                                   .level = "warning",
                                   .hash = 1 };
    w.rule[1] = (struct rule_def){ .id = "little",
                                   .kpi = k,
                                   .window = win("d"),
                                   .dims = 1u << DIM_REP,
                                   .fire_op = CMP_LT,
                                   .fire = 300,
                                   .clear_op = CMP_GE,
                                   .clear = 300,
                                   .level = "warning",
                                   .hash = 2 };
    w.defs.n_rules = 2;
    item[0] = (struct scorecard_item){ .kpi = k,
                                       .perspective = "F",
                                       .perspective_bp = 10000,
                                       .kpi_bp = 10000,
                                       .window = win("7d"),
                                       .score = { .curve = CURVE_LINEAR, .floor = 0, .goal = 4000, .cap = 1 } };
    w.card[0] = (struct scorecard_def){ .id = "card", .version = "1", .dim = DIM_REP, .n_items = 1, .item = item };
    w.defs.n_scorecards = 1;
    for (int i = 0; i < DELTAS; i++) {
        int64_t round = (int64_t)dice(9); /* a rep appears with each second one */
        given[i] = (struct given){ .t_ms = start_ms + round * 2 * DAY_MS + (int64_t)dice(4 * 60) * MINUTE_MS,
                                   .value = (int64_t)dice(600) - 150,
                                   .rep = (int)dice((uint64_t)round / 2 + 1) };
        given[i].cause_ms = given[i].t_ms + (dice(5) ? 0 : (int64_t)dice(30 * 60) * MINUTE_MS);
    }
    qsort(given, DELTAS, sizeof given[0], by_cause);
}

/* ---- what left ---- */

struct ids {
    char kind[IDS_MAX];
    char id[IDS_MAX][48];     /* and the revision */
    uint32_t n, revised[128]; /* by kind */
};

static int keep(struct ids *to, char kind, struct slice id, int64_t revision)
{
    cr_assert_lt(to->n, IDS_MAX);
    to->kind[to->n] = kind;
    to->revised[(int)kind] += revision > 0;
    snprintf(to->id[to->n++], sizeof to->id[0], "%.*s %lld", (int)id.n, id.p, (long long)revision);
    return 0;
}
static int on_row(void *ctx, const struct kpi_row *r)
{
    return keep(ctx, 'r', r->id, r->revision);
}
static int on_alert(void *ctx, const struct alert_transition *a)
{
    return keep(ctx, 'a', a->id, a->revision);
}
static int on_board(void *ctx, const struct board_snapshot *b, bool live)
{
    return live ? 0 : keep(ctx, 'b', b->id, b->revision);
}
static int on_card(void *ctx, const struct scorecard_snapshot *s)
{
    return keep(ctx, 's', s->id, s->revision);
}

static bool has(const struct ids *in, char kind, const char *id)
{
    for (uint32_t i = 0; i < in->n; i++)
        if (in->kind[i] == kind && strcmp(in->id[i], id) == 0)
            return true;
    return false;
}

/* Ids of a kind in `a` that `b` lacks. */
static int lacking(const struct ids *a, const struct ids *b, char kind)
{
    int n = 0;
    for (uint32_t i = 0; i < a->n; i++)
        n += a->kind[i] == kind && !has(b, kind, a->id[i]);
    return n;
}

/* ---- the store: saved state by key, as a hash holds it ---- */

struct states {
    char org[STATES_MAX][16], key[STATES_MAX][96], value[STATES_MAX][160];
    int n;
};

static int save(void *ctx, struct slice org, struct slice key, struct slice value)
{
    struct states *s = ctx;
    int i = 0;
    while (i < s->n && !(slice_eq(org, slice_of(s->org[i])) && slice_eq(key, slice_of(s->key[i]))))
        i++;
    cr_assert_lt(i, STATES_MAX);
    cr_assert(org.n < sizeof s->org[0] && key.n < sizeof s->key[0] && value.n < sizeof s->value[0]);
    s->n += i == s->n;
    snprintf(s->org[i], sizeof s->org[0], "%.*s", (int)org.n, org.p);
    snprintf(s->key[i], sizeof s->key[0], "%.*s", (int)key.n, key.p);
    snprintf(s->value[i], sizeof s->value[0], "%.*s", (int)value.n, value.p);
    if (!value.n && --s->n != i) { /* gone: the last one takes its place */
        memcpy(s->org[i], s->org[s->n], sizeof s->org[0]);
        memcpy(s->key[i], s->key[s->n], sizeof s->key[0]);
        memcpy(s->value[i], s->value[s->n], sizeof s->value[0]);
    }
    return 0;
}

/* A sale of the org; one more thing open of a rep; a step of the rep's level, as total and pane; and, of four in five, the rep's sale: some reps are
 * known by gauges long before they sell. */
enum { ORG_SALE, REP_OPEN, REP_STAFF, REP_STEP, REP_SALE };

static int deltas_of(const struct given *g)
{
    return g->value % 5 ? REP_SALE + 1 : REP_SALE;
}

static struct cell_delta delta(const struct given *g, char *field, size_t cap, int which)
{
    static const char *const fields[] = { "org:acme|sales", "rep:u%d|open", "rep:u%d|staff", "rep:u%d|staff",
                                          "rep:u%d|sales" };
    bool gauge = which == REP_OPEN || which == REP_STAFF, one = gauge || which == REP_STEP;
    snprintf(field, cap, fields[which], g->rep);
    return (struct cell_delta){ SLICE("acme"),
                                slice_of(field),
                                gauge ? CELL_GAUGE : CELL_HOUR,
                                gauge ? 0 : g->t_ms - g->t_ms % HOUR_MS,
                                g->cause_ms,
                                one ? 1 : g->value,
                                false,
                                false };
}

/* Totals and panes lie under different keys, which are read one after the other: of the newest steps the panes come with the feed only. */
static int restore(struct evaluator *e, int which, const struct cell_delta *d, bool feed)
{
    if (which == REP_STEP && d->cause_ms >= evaluator_judged_tick(e))
        return feed ? evaluator_apply(e, d) : 0;
    return feed ? evaluator_restore_pending(e, d) : evaluator_restore_cell(e, d);
}

static struct evaluator *load(const struct states *s, int n_given)
{
    struct evaluator *e = world_start(&w, false, true, false);
    char field[32];
    if (!s->n)
        evaluator_restore_unjudged(e);
    for (int i = 0; i < s->n; i++)
        cr_assert_eq(evaluator_state_restore(e, slice_of(s->org[i]), slice_of(s->key[i]), slice_of(s->value[i])), 0,
                     "%s", s->key[i]);
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < n_given; i++)
            for (int which = 0; which < deltas_of(&given[i]); which++) {
                struct cell_delta d = delta(&given[i], field, sizeof field, which);
                cr_assert_eq(restore(e, which, &d, pass > 0), 0);
            }
    return e;
}

/* Restarts with a chance of one in `odds` after each step; 0: never. */
static void run(struct ids *to, uint64_t dice_seed, uint64_t odds)
{
    struct evaluator *e = world_start(&w, false, true, false);
    struct evaluator_sink sink = {
        .ctx = to, .judged_row = on_row, .alert = on_alert, .board = on_board, .scorecard = on_card
    };
    struct states states = { 0 };
    char field[32];
    int i = 0;
    seed = dice_seed;
    to->n = 0;
    memset(to->revised, 0, sizeof to->revised);
    int64_t mark = start_ms;
    if (odds) { /* begins late: six days are in the store before anything was judged */
        mark += 6 * DAY_MS;
        while (i < DELTAS && given[i].cause_ms < mark + 3 * HOUR_MS)
            i++;
        evaluator_free(e);
        e = load(&states, i);
    }
    for (; mark < start_ms + 60 * DAY_MS; mark += 47 * MINUTE_MS) {
        for (; i < DELTAS && given[i].cause_ms < mark + 3 * HOUR_MS; i++)
            for (int which = 0; which < deltas_of(&given[i]); which++) {
                struct cell_delta d = delta(&given[i], field, sizeof field, which);
                cr_assert_eq(evaluator_apply(e, &d), 0);
            }
        cr_assert_eq(evaluator_advance(e, mark, mark, &sink), 0);
        cr_assert_eq(evaluator_state_save(e, true, save, &states), 0);
        if (odds && dice(odds) == 0) {
            evaluator_free(e);
            e = load(&states, i);
        }
    }
    evaluator_free(e);
}

Test(eval_restart, the_same_ids_leave)
{
    static struct ids calm, torn;
    static const struct {
        char kind;
        const char *name;
        int at_least;
    } kinds[] = { { 'a', "alerts", 10 }, { 'b', "boards", 20 }, { 's', "scorecards", 50 }, { 'r', "rows", 300 } };
    uint32_t revised[sizeof kinds / sizeof kinds[0]] = { 0 };
    for (uint64_t s = 1; s <= 6; s++) {
        prepare(s);
        run(&calm, 1, 0);
        run(&torn, s, s % 2 ? 2 : 17);
        for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
            int n = 0;
            for (uint32_t i = 0; i < calm.n; i++)
                n += calm.kind[i] == kinds[k].kind;
            cr_expect_geq(n, kinds[k].at_least, "%d %s", n, kinds[k].name);
            revised[k] += calm.revised[(int)kinds[k].kind];
            cr_expect_eq(lacking(&calm, &torn, kinds[k].kind), 0, "seed %d: %d of %d %s are missing after restarts",
                         (int)s, lacking(&calm, &torn, kinds[k].kind), n, kinds[k].name);
            int more = lacking(&torn, &calm, kinds[k].kind);
            cr_expect_leq(more, 0, "seed %d: %d %s more after restarts", (int)s, more, kinds[k].name);
        }
        world_release(&w);
    }
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
        cr_expect_gt(revised[k], 0, "no %s was revised", kinds[k].name);
}

/* A reload changes every definition but for its name, and the figures come out as before: nothing that is told has an id that was told before, for it says by which
 * definition it is. */
Test(eval_restart, other_definitions_have_other_ids)
{
    static struct ids was, is;
    static const char kinds[] = { 'a', 'b', 's', 'r' };
    prepare(3);
    run(&was, 1, 0);
    for (uint32_t i = 0; i < w.defs.n_kpis; i++)
        w.kpi[i].hash += 100;
    for (uint32_t i = 0; i < w.defs.n_rules; i++)
        w.rule[i].hash += 100;
    w.card[0].hash += 100;
    run(&is, 1, 0);
    cr_assert_eq(was.n, is.n);
    for (size_t k = 0; k < sizeof kinds; k++) {
        int n = 0;
        for (uint32_t i = 0; i < was.n; i++)
            n += was.kind[i] == kinds[k];
        cr_expect_eq(lacking(&was, &is, kinds[k]), n, "%c: %d of %d ids differ", kinds[k], lacking(&was, &is, kinds[k]),
                     n);
    }
    world_release(&w);
}

struct told_row {
    int n;
    int64_t revision, end_ms;
    double value;
};

static int tell_row(void *ctx, const struct kpi_row *row)
{
    struct told_row *t = ctx;
    if (row->revision)
        *t = (struct told_row){ t->n + 1, row->revision, row->window_end_ms, row->value };
    return 0;
}

/* A late sale of the 9th is judged at 10:40; before the snapshot at 11:00 a reload adds a KPI. The row of the 9th is revised all the same: 5 + 2. */
Test(eval_restart, another_kpi_keeps_what_is_to_be_revised)
{
    static struct world few, more;
    static struct saved_state saved;
    struct told_row told = { 0 };
    const struct evaluator_sink sink = { .ctx = &told, .judged_row = tell_row };
    const int64_t late_ms = at("2025-03-09T08:00Z");
    for (int i = 0; i < 2; i++) {
        struct world *to = i ? &more : &few;
        world_init(to, 0);
        (void)add_measure(to, "first", AGG_SUM);
        (void)add_measure(to, "sales", AGG_SUM);
        if (i) /* before the other, so that it takes its places */
            (void)add_kpi(to, "sales_first", KPI_VALUE, NULL, NULL, "sales - first", "7d w d", 1u << DIM_ORG);
        (void)add_kpi(to, "sales", KPI_VALUE, NULL, NULL, "sales", "d", 1u << DIM_ORG);
    }
    struct evaluator *e = world_start(&few, false, true, false);
    happen(e, "org:acme|sales", late_ms, 5);
    advance(e, at("2025-03-10T10:30Z"), &sink);
    put(e, "org:acme|sales", CELL_HOUR, late_ms, at("2025-03-10T10:35Z"), 2);
    advance(e, at("2025-03-10T10:40Z"), &sink);
    cr_assert_eq(told.n, 0);
    cr_assert_eq(evaluator_state_save(e, false, state_keep, &saved), 0);
    e = world_restart(&more, e, &saved);
    restore_cell(e, "org:acme|sales", late_ms, 7);
    advance(e, at("2025-03-10T11:00Z"), &sink);
    cr_expect_geq(told.n, 1);
    cr_expect_eq(told.revision, 1);
    cr_expect_eq(told.end_ms, at("2025-03-10T00:00Z"));
    cr_expect_eq(told.value, 7);
    told.n = 0;
    advance(e, at("2025-03-10T12:00Z"), &sink);
    cr_expect_eq(told.n, 0, "once");
    evaluator_free(e);
    world_release(&few);
    world_release(&more);
}

static int ignore_row(void *ctx, const struct kpi_row *row)
{
    (void)ctx, (void)row;
    return 0;
}

/* A key of the list of revised windows is gone, and no pane is left: its place must not be taken for a window. */
Test(eval_restart, a_list_of_revisions_with_a_hole)
{
    static struct world hollow;
    const struct evaluator_sink sink = { .judged_row = ignore_row };
    char tick[24], revised[64];
    world_init(&hollow, 0);
    (void)add_measure(&hollow, "won", AGG_COUNT);
    (void)add_kpi(&hollow, "deals", KPI_VALUE, NULL, NULL, "won", "d 30d", 1u << DIM_REP);
    struct evaluator *e = world_start(&hollow, true, true, false);
    snprintf(tick, sizeof tick, "%lld", (long long)at("2025-03-10T05:30Z"));
    snprintf(revised, sizeof revised, "won|0:d|rep|%lld|ann", (long long)at("2025-03-09T23:59:59.999Z"));
    cr_assert_eq(evaluator_state_restore(e, SLICE(""), SLICE("tick"), slice_of(tick)), 0);
    cr_assert_eq(evaluator_state_restore(e, SLICE("acme"), SLICE("rvd|1"), slice_of(revised)), 0);
    cr_assert_eq(evaluator_state_restore(e, SLICE("acme"), SLICE("rvd|2"), slice_of(revised)), 0);
    cr_assert_eq(evaluator_advance(e, at("2025-03-10T07:30Z"), at("2025-03-10T07:30Z"), &sink), 0);
    evaluator_free(e);
    world_release(&hollow);
}
