/* Score curves, weights, missing scores, bands, versions: the worked examples of the domain specification, 4.1, 4.2 and 7.3. */
#include "daemon/core/card_change.h"
#include "daemon/core/card_reward.h"
#include "daemon/core/card_weight.h"
#include "daemon/core/score.h"
#include "eval_fixture.h"

static double linear(double floor_, double goal, double cap, double v)
{
    struct score_curve c = { .curve = CURVE_LINEAR, .floor = floor_, .goal = goal, .cap = cap };
    return score_value(&c, DIRECTION_UP, v);
}

Test(score, linear_curves)
{
    cr_assert_float_eq(linear(60000, 100000, 1, 84000), 60, 1e-9);
    cr_assert_float_eq(linear(60000, 100000, 1, 112000), 100, 1e-9);
    cr_assert_float_eq(linear(60000, 100000, 1.2, 112000), 120, 1e-9);
    cr_assert_float_eq(linear(8, 2, 1, 3.5), 75, 1e-9);
    cr_assert_eq(linear(8, 2, 1, 2), 100, "T3: at the goal");
    cr_assert_eq(linear(8, 2, 1, 9), 0);
}

Test(score, ratio_curves)
{
    struct score_curve c = { .curve = CURVE_RATIO, .goal = 50, .cap = 1.2 };
    cr_assert_float_eq(score_value(&c, DIRECTION_UP, 25), 50, 1e-9);
    cr_assert_float_eq(score_value(&c, DIRECTION_UP, 100), 120, 1e-9);
    cr_assert_float_eq(score_value(&c, DIRECTION_DOWN, 100), 50, 1e-9);
    cr_assert_eq(score_value(&c, DIRECTION_DOWN, 50), 100);
    cr_assert_eq(score_value(&c, DIRECTION_DOWN, 0), 120);
}

Test(score, step_curves)
{
    struct score_curve c = { .curve = CURVE_STEP,
                             .n_steps = 4,
                             .step = { { 0, 0 }, { 0.6, 60 }, { 0.7, 80 }, { 0.8, 100 } } };
    cr_assert_eq(score_value(&c, DIRECTION_UP, 0.8), 100);
    cr_assert_eq(score_value(&c, DIRECTION_UP, 0.79), 80);
    cr_assert_eq(score_value(&c, DIRECTION_UP, -1), 0);
    c.edge_exclusive = true;
    cr_assert_eq(score_value(&c, DIRECTION_UP, 0.8), 80);
    cr_assert_eq(score_value(&c, DIRECTION_UP, 0.81), 100);
}

/* 4.2: F 40 % (attainment 60, margin 40), C 30 % (csat 50, retention 50), I 20 %, L 10 %; retention is missing. */
static void example(struct card_item item[6])
{
    static const struct {
        const char *perspective;
        int32_t perspective_bp, kpi_bp;
        double score;
    } row[6] = { { "F", 4000, 6000, 60 }, { "F", 4000, 4000, 80 },  { "C", 3000, 5000, 90 },
                 { "C", 3000, 5000, 0 },  { "I", 2000, 10000, 75 }, { "L", 1000, 10000, 50 } };
    for (int i = 0; i < 6; i++)
        item[i] = (struct card_item){ .perspective = slice_of(row[i].perspective),
                                      .perspective_bp = row[i].perspective_bp,
                                      .kpi_bp = row[i].kpi_bp,
                                      .score = row[i].score,
                                      .usable = i != 3 };
}

Test(card_weight, exclude_renormalises_inside_the_perspective)
{
    static const double weights[] = { .24, .16, .30, 0, .20, .10 };
    struct card_item item[6];
    example(item);
    struct card_total t = card_weigh(item, 6);
    cr_assert_float_eq(t.score, 74.2, 1e-9);
    cr_assert_float_eq(t.coverage, 0.85, 1e-12);
    for (int i = 0; i < 6; i++)
        cr_assert_float_eq(item[i].weight, weights[i], 1e-12, "item %d", i);
    double c;
    cr_assert(card_perspective_score(item, 6, SLICE("C"), &c));
    cr_assert_float_eq(c, 90, 1e-9);
}

Test(card_weight, hold_and_zero)
{
    struct card_item item[6];
    example(item);
    item[3].usable = true;
    item[3].score = 70;
    cr_assert_float_eq(card_weigh(item, 6).score, 71.2, 1e-9);
    example(item);
    item[3].counts_zero = true;
    struct card_total t = card_weigh(item, 6);
    cr_assert_float_eq(t.score, 60.7, 1e-9);
    cr_assert_float_eq(t.coverage, 0.85, 1e-12);
}

Test(card_weight, an_empty_perspective_drops_out)
{
    struct card_item item[6];
    example(item);
    item[2].usable = false;
    struct card_total t = card_weigh(item, 6); /* (.4 x 68 + .2 x 75 + .1 x 50) / .7 */
    cr_assert_float_eq(t.score, 47.2 / 0.7, 1e-9);
    cr_assert_float_eq(t.coverage, 0.7, 1e-12);
    for (int i = 0; i < 6; i++)
        item[i].usable = false;
    cr_assert(card_weigh(item, 6).is_null);
}

/* ---- out of the evaluator ---- */

static struct world w;
static struct evaluator *e;
static struct scorecard_item item[4];

struct shown {
    int n;
    struct scorecard_snapshot s;
    char band[8], version[8], missing[4][16];
    double score[4], weight[4];
};
static struct shown shown;

static int show(void *ctx, const struct scorecard_snapshot *s)
{
    struct shown *x = ctx;
    x->n++;
    x->s = *s;
    snprintf(x->band, sizeof x->band, "%.*s", (int)s->band.n, s->band.p);
    snprintf(x->version, sizeof x->version, "%.*s", (int)s->version.n, s->version.p);
    for (size_t i = 0; i < s->perspective_count; i++) {
        cr_assert_eq(s->perspectives[i].kpi_count, 1);
        x->score[i] = s->perspectives[i].kpis[0].score;
        x->weight[i] = s->perspectives[i].kpis[0].effective_weight;
        snprintf(x->missing[i], sizeof x->missing[i], "%.*s", (int)s->perspectives[i].kpis[0].missing_reason.n,
                 s->perspectives[i].kpis[0].missing_reason.p);
    }
    return 0;
}

static const struct evaluator_sink sink = { .ctx = &shown, .scorecard = show };

static struct scorecard_item card_item(int kpi, const char *perspective, int32_t bp, const char *window, double floor_,
                                       double goal)
{
    return (struct scorecard_item){ .kpi = kpi,
                                    .perspective = (char *)perspective,
                                    .perspective_bp = bp,
                                    .kpi_bp = 10000,
                                    .window = win(window),
                                    .score = { .curve = CURVE_LINEAR, .floor = floor_, .goal = goal, .cap = 1 } };
}

static void begin(void)
{
    static const char *const measures[] = { "sales", "target", "top2", "n", "active", "enabled" };
    memset(&shown, 0, sizeof shown);
    world_init(&w, 8 * 3600 * 1000);
    for (int i = 0; i < 6; i++)
        add_measure(&w, measures[i], AGG_SUM);
    add_measure(&w, "res", AGG_DURATION);
    item[0] = card_item(add_kpi(&w, "attainment", KPI_RATIO, "sales", "target", NULL, "m", 1), "F", 4000, "m", 0.5, 1);
    item[1] = card_item(add_kpi(&w, "csat", KPI_RATIO, "top2", "n", NULL, "m", 1), "C", 3000, "m", 0.5, 0.85);
    item[2] = card_item(add_kpi(&w, "resolution", KPI_DURATION, NULL, NULL, NULL, "m", 1), "I", 2000, "m",
                        24.0 * 3600000, 4.0 * 3600000);
    w.kpi[2].duration = 6;
    item[3] = card_item(add_kpi(&w, "adoption", KPI_RATIO, "active", "enabled", NULL, "m", 1), "L", 1000, "m", 0.5, 1);
    w.card[0] = (struct scorecard_def){
        .id = "bsc",
        .version = "1",
        .dim = DIM_ORG,
        .min_coverage = 0.6,
        .n_items = 4,
        .item = item,
        .n_bands = 5,
        .band = { { 95, "A", 0 }, { 85, "B", 0 }, { 70, "C", 0 }, { 60, "D", 0 }, { 0, "E", 0 } }
    };
    w.defs.n_scorecards = 1;
}

static void end(void)
{
    evaluator_free(e);
    world_release(&w);
}

TestSuite(scorecard, .init = begin, .fini = end);

static void golden(void)
{
    happen(e, "org:acme|target", 1740758400000, 240000);
    happen(e, "org:acme|sales", at("2025-03-20T03:00Z"), 154000);
    happen(e, "org:acme|top2", at("2025-03-20T03:00Z"), 4);
    happen(e, "org:acme|n", at("2025-03-20T03:00Z"), 6);
    happen(e, "org:acme|res.n", at("2025-03-07T03:00Z"), 1);
    happen(e, "org:acme|res.sum", at("2025-03-07T03:00Z"), 21600000);
    happen(e, "org:acme|active", at("2025-03-20T03:00Z"), 2);
    happen(e, "org:acme|enabled", at("2025-03-20T03:00Z"), 3);
}

Test(scorecard, golden_stream)
{
    e = world_start(&w, false, false, false);
    golden();
    cr_assert_eq(evaluator_scorecards(e, at("2025-03-31T15:59:59Z"), show, &shown), 0);
    cr_assert_eq(shown.n, 1);
    static const double scores[] = { 28.333333333, 47.619047619, 90, 33.333333333 };
    for (int i = 0; i < 4; i++)
        cr_assert_float_eq(shown.score[i], scores[i], 1e-8, "item %d", i);
    cr_assert_float_eq(shown.s.score, 46.952381, 5e-7);
    cr_assert_eq(shown.s.coverage, 1);
    cr_assert_str_eq(shown.band, "E");
    cr_assert(!shown.s.provisional && !shown.s.is_null && shown.s.window_start_ms == 1740758400000);
}

Test(scorecard, small_samples_are_excluded)
{
    item[1].min_samples = 10;
    e = world_start(&w, false, false, false);
    golden();
    cr_assert_eq(evaluator_scorecards(e, at("2025-03-31T15:59:59Z"), show, &shown), 0);
    cr_assert_float_eq(shown.s.score, 46.666667, 5e-7);
    cr_assert_float_eq(shown.s.coverage, 0.7, 1e-12);
    cr_assert_str_eq(shown.missing[1], "small_sample");
    cr_assert_eq(shown.weight[1], 0);
}

Test(scorecard, too_little_coverage_is_provisional_without_a_band)
{
    w.card[0].min_coverage = 0.71;
    item[1].min_samples = 10;
    e = world_start(&w, false, false, false);
    golden();
    cr_assert_eq(evaluator_scorecards(e, at("2025-03-31T15:59:59Z"), show, &shown), 0);
    cr_assert(shown.s.provisional);
    cr_assert_str_eq(shown.band, "");
}

Test(scorecard, hold_takes_the_score_of_the_last_cycle)
{
    w.card[0].missing = MISSING_HOLD;
    e = world_start(&w, false, false, false);
    golden();
    happen(e, "org:acme|target", 1743436800000, 100);
    happen(e, "org:acme|sales", at("2025-04-10"), 100);
    cr_assert_eq(evaluator_scorecards(e, at("2025-04-20"), show, &shown), 0);
    cr_assert_eq(shown.score[0], 100);
    cr_assert_float_eq(shown.score[1], 47.619047619, 1e-8);
    cr_assert_str_eq(shown.missing[1], "no_value");
    cr_assert_eq(evaluator_scorecards(e, at("2025-05-20"), show, &shown), 0);
    cr_assert_eq(shown.weight[1], 0, "at most one cycle old");
}

/* A cycle uses the version valid at its start. */
Test(scorecard, versions_begin_with_a_cycle)
{
    w.card[1] = w.card[0];
    w.card[1].version = "2";
    w.card[1].effective_from_ms = at("2025-03-15");
    w.defs.n_scorecards = 2;
    e = world_start(&w, false, false, false);
    golden();
    cr_assert_eq(evaluator_scorecards(e, at("2025-03-31"), show, &shown), 0);
    cr_assert_eq(shown.n, 1);
    cr_assert_str_eq(shown.version, "1");
    cr_assert_eq(evaluator_scorecards(e, at("2025-04-01"), show, &shown), 0);
    cr_assert_eq(shown.n, 2);
    cr_assert_str_eq(shown.version, "2");
}

Test(scorecard, judged_cards_leave_at_snapshot_ticks_when_they_change)
{
    e = world_start(&w, false, true, false);
    golden();
    advance(e, at("2025-03-20T03:59Z"), &sink);
    int before = shown.n;
    advance(e, at("2025-03-20T04:00Z"), &sink);
    cr_assert_eq(shown.n, before + 1);
    cr_assert_float_eq(shown.s.score, 46.952381, 5e-7);
    cr_assert_eq(shown.s.tick_ms, at("2025-03-20T04:00Z"));
    advance(e, at("2025-03-31T15:00Z"), &sink);
    cr_assert_eq(shown.n, before + 1);
    advance(e, at("2025-04-30"), &sink);
    cr_assert_eq(shown.n, before + 2, "April has nothing");
    cr_assert(shown.s.is_null);
}

/* ---- 4.2: why a score changed ---- */

/* W = .24/.16/.30/0/.20/.10 and S = 74.2; next S' = 71.2: attainment +2.40, csat perf -1.35 and mix -2.145, retention mix -1.905. */
Test(card_change, worked_example)
{
    static const double w0[] = { .24, .16, .30, 0, .20, .10 }, w1[] = { .24, .16, .15, .15, .20, .10 };
    static const double s0[] = { 60, 80, 90, 0, 75, 50 }, s1[] = { 70, 80, 84, 60, 75, 50 };
    struct card_part before[6], after[6];
    struct card_contribution c[6];
    for (int i = 0; i < 6; i++) {
        before[i] = (struct card_part){ i != 3, s0[i], w0[i] };
        after[i] = (struct card_part){ true, s1[i], w1[i] };
    }
    card_contributions(before, after, 6, c);
    cr_assert_float_eq(c[0].perf, 2.40, 1e-12);
    cr_assert_float_eq(c[2].perf, -1.35, 1e-12);
    cr_assert_float_eq(c[2].mix, -2.145, 1e-12);
    cr_assert_float_eq(c[3].mix, -1.905, 1e-12);
    cr_assert_float_eq(c[3].perf, 0, 1e-12);
    double sum = 0;
    for (int i = 0; i < 6; i++)
        sum += c[i].perf + c[i].mix;
    cr_assert_float_eq(sum, 71.2 - 74.2, 1e-12);
}

/* ---- 4.2: rewards, bands, pay ---- */

static int resolve_item(void *ctx, struct slice name)
{
    (void)ctx;
    static const char *const names[] = { "csat", "cac", "new_customers", NULL };
    for (int i = 0; names[i]; i++) {
        if (slice_eq(name, slice_of(names[i])))
            return i;
        if (name.n > 5 && slice_eq((struct slice){ name.p + 5, name.n - 5 }, slice_of(names[i])))
            return CARD_SLOT_GOAL + i;
    }
    return slice_eq(name, SLICE("score")) ? CARD_SLOT_SCORE : -1;
}

static struct card_verdict verdict(double score, double csat, const char *missing, double cac, double customers)
{
    struct expr_error error;
    struct scorecard_item items[3] = { { .score.goal = 0.85 }, { .score.goal = 1500 }, { .score.goal = 20 } };
    struct scorecard_def def = {
        .n_items = 2, .n_also = 1, .item = items, .n_rewards = 2, .n_bands = 5, .has_pay = true
    };
    static const double from[] = { 95, 85, 70, 60, 0 };
    for (int i = 0; i < 5; i++)
        def.band[i].from = from[i];
    def.reward[0] = (struct card_reward){ .name = "satisfied",
                                          .points = 2,
                                          .when = expr_compile(SLICE("csat >= 0.80"), resolve_item, NULL, &error) };
    def.reward[1] =
        (struct card_reward){ .name = "cheap",
                              .bands = 1,
                              .when = expr_compile(SLICE("cac <= goal.cac and new_customers >= goal.new_customers"),
                                                   resolve_item, NULL, &error) };
    struct card_item figure[3] = { { .value = csat, .missing = missing },
                                   { .value = cac, .missing = "" },
                                   { .value = customers, .missing = "" } };
    struct card_verdict v = card_judge(&def, figure, (struct card_total){ .score = score, .coverage = 1 }, false);
    expr_free(def.reward[0].when);
    expr_free(def.reward[1].when);
    return v;
}

Test(card_reward, points_and_bands)
{
    struct card_verdict v = verdict(84, 0.80, "", 2000, 30);
    cr_assert(v.points == 2 && v.band == 1, "84 + 2 is a B; dear acquisition does not raise it");
    v = verdict(84, 0.79, "", 1500, 20);
    cr_assert(v.points == 0 && v.band == 1 && v.raised == 1, "a C raised by one");
    v = verdict(84, 0.79, "", 1500, 19);
    cr_assert(v.band == 2, "cheap acquisition counts only together with enough of it");
    v = verdict(84, 0.95, "small_sample", 2000, 30);
    cr_assert(v.points == 0 && v.band == 2, "too few answers reward nothing");
    v = verdict(97, 0.9, "", 1000, 30);
    cr_assert(v.band == 0 && v.n_applied == 2, "there is nothing above an A");
}

/* ---- 4.5: the pyramid ---- */

Test(card_pyramid, worked_example)
{
    static const struct {
        const char *node;
        double score;
    } foot[] = { { "quality", 82 }, { "delivery", 74 }, { "cycle_time", 68 }, { "waste", 90 } };
    struct card_item leaf[4];
    struct pyramid_score node[PYRAMID_NODES];
    for (int i = 0; i < 4; i++)
        leaf[i] = (struct card_item){ .perspective = slice_of(foot[i].node),
                                      .perspective_bp = i == 0 || i == 3 ? 1250 : 3750,
                                      .kpi_bp = 10000,
                                      .score = foot[i].score,
                                      .usable = true };
    struct card_total total = card_weigh_pyramid(leaf, 4, node);
    cr_assert_eq(total.score, 74.75);
    cr_assert_eq(total.coverage, 1);
    cr_assert(node[PYRAMID_SATISFACTION].score == 78 && node[PYRAMID_FLEXIBILITY].score == 71 &&
              node[PYRAMID_PRODUCTIVITY].score == 79);
    cr_assert(node[PYRAMID_MARKET].score == 74.5 && node[PYRAMID_FINANCIAL].score == 75);
    cr_assert(leaf[0].weight == 0.125 && leaf[1].weight == 0.375 && leaf[2].weight == 0.375 && leaf[3].weight == 0.125);
    leaf[3].usable =
        false; /* productivity is cycle time alone: 68; financial (71 + 68)/2 = 69.5; vision (74.5 + 69.5)/2 = 72 */
    total = card_weigh_pyramid(leaf, 4, node);
    cr_assert_eq(total.score, 72);
    cr_assert_eq(total.coverage, 0.875);
    double sum = 0;
    for (int i = 0; i < 4; i++)
        sum += leaf[i].weight * leaf[i].score;
    cr_assert_float_eq(sum, 72, 1e-12);
}

/* ---- the change since the last snapshot, across a restart ---- */

struct parts {
    int n;
    bool has_change;
    double score, change, perf[4], mix[4], sum;
};

static int take_change(void *ctx, const struct scorecard_snapshot *s)
{
    struct parts *x = ctx;
    x->n++;
    x->has_change = s->has_change;
    x->change = s->change;
    x->score = s->score;
    x->sum = 0;
    for (size_t i = 0; i < s->perspective_count; i++) {
        x->perf[i] = s->perspectives[i].kpis[0].perf;
        x->mix[i] = s->perspectives[i].kpis[0].mix;
        x->sum += x->perf[i] + x->mix[i];
    }
    return 0;
}

struct cards {
    int n;
    struct scorecard_snapshot s[64];
    char version[64][8], id[64][40];
};

static int keep_card(void *ctx, const struct scorecard_snapshot *s)
{
    struct cards *c = ctx;
    c->s[c->n] = *s;
    snprintf(c->version[c->n], sizeof c->version[0], "%.*s", (int)s->version.n, s->version.p);
    snprintf(c->id[c->n], sizeof c->id[0], "%.*s", (int)s->id.n, s->id.p);
    c->n++;
    return 0;
}

static void late_sale(const char *pane, const char *cause, int64_t amount)
{
    put(e, "org:acme|sales", CELL_HOUR, at(pane), at(cause), amount);
}

/* Attainment of March is 60 of 100 (score 20), under version 1. In April 10 more come for March: 70 of 100 is 40. The card of March is told anew, revision 1,
 * by the version of its cycle and compared with nothing; 2 after a restart. In an hour in which nothing changed it is silent. The card of April has its own. */
Test(scorecard, the_card_of_an_ended_cycle_is_revised)
{
    static struct cards cards;
    static struct saved_state kept;
    const struct evaluator_sink to = { .ctx = &cards, .scorecard = keep_card };
    int64_t march = at("2025-02-28T16:00Z");
    memset(&cards, 0, sizeof cards);
    memset(&kept, 0, sizeof kept);
    w.card[1] = w.card[0];
    w.card[1].version = "2";
    w.card[1].hash = 7;
    w.card[1].effective_from_ms = at("2025-03-15");
    w.defs.n_scorecards = 2;
    e = world_start(&w, false, true, false);
    happen(e, "org:acme|target", at("2025-03-02T01:00Z"), 100);
    happen(e, "org:acme|sales", at("2025-03-02T01:00Z"), 60);
    happen(e, "org:acme|target", at("2025-04-02T01:00Z"), 100);
    happen(e, "org:acme|sales", at("2025-04-02T01:00Z"), 80);
    advance(e, at("2025-04-02T10:00Z"), &to);
    int n = cards.n;
    cr_assert_float_eq(cards.s[n - 1].score, 60, 1e-9);
    cr_assert(cards.s[n - 1].revision == 0 && strcmp(cards.version[n - 1], "2") == 0);
    late_sale("2025-03-02T01:00Z", "2025-04-02T10:07Z", 10);
    advance(e, at("2025-04-02T11:00Z"), &to);
    cr_assert_eq(cards.n, n + 1, "%d", cards.n - n);
    cr_assert(cards.s[n].revision == 1 && cards.s[n].window_start_ms == march && !cards.s[n].has_change);
    cr_assert_str_eq(cards.version[n], "1");
    cr_assert_float_eq(cards.s[n].score, 40, 1e-9);
    late_sale("2025-03-02T01:00Z", "2025-04-02T11:07Z", 5);
    late_sale("2025-03-03T01:00Z", "2025-04-02T11:08Z", -5);
    advance(e, at("2025-04-02T12:00Z"), &to);
    cr_assert_eq(cards.n, n + 1, "70 as before");
    late_sale("2025-03-02T01:00Z", "2025-04-02T12:07Z", 20);
    advance(e, at("2025-04-02T12:30Z"), &to);
    cr_assert_eq(evaluator_state_save(e, false, state_keep, &kept), 0);
    e = world_restart(&w, e, &kept);
    restore_cell(e, "org:acme|target", at("2025-03-02T01:00Z"), 100);
    restore_cell(e, "org:acme|sales", at("2025-03-02T01:00Z"), 95);
    restore_cell(e, "org:acme|sales", at("2025-03-03T01:00Z"), -5);
    restore_cell(e, "org:acme|target", at("2025-04-02T01:00Z"), 100);
    restore_cell(e, "org:acme|sales", at("2025-04-02T01:00Z"), 80);
    advance(e, at("2025-04-02T13:00Z"), &to);
    cr_assert_eq(cards.n, n + 2);
    cr_assert(cards.s[n + 1].revision == 2 && cards.s[n + 1].window_start_ms == march);
    cr_assert_float_eq(cards.s[n + 1].score, 80, 1e-9);
    cr_assert_str_neq(cards.id[n], cards.id[n + 1]);
}

/* An item over 90 days and one over a quarter: a sale of January that comes in May changes the cards of January, February and March, and that of April by the
 * 90 days alone (30 January lies in the 90 days before 30 April, not in its quarter). One of 2 January is too old
 * for the 90 days before 30 April. */
Test(scorecard, longer_windows_reach_later_cycles)
{
    static const char *const windows[] = { "90d", "q" };
    static const int cycles[][2] = { { 4, 3 }, { 3, 3 } };
    for (int k = 0; k < 2; k++)
        for (int day = 0; day < 2; day++) {
            static struct cards cards;
            const struct evaluator_sink to = { .ctx = &cards, .scorecard = keep_card };
            memset(&cards, 0, sizeof cards);
            w.defs.n_kpis = 4;
            item[0].window = win(windows[k]);
            evaluator_free(e);
            e = world_start(&w, false, true, false);
            happen(e, "org:acme|target", at("2025-01-01T01:00Z"), 100);
            happen(e, "org:acme|target", at("2025-02-28T01:00Z"), 100);
            happen(e, "org:acme|target", at("2025-04-20T01:00Z"), 100);
            happen(e, "org:acme|sales", at("2025-01-02T01:00Z"), 60);
            advance(e, at("2025-05-05T10:00Z"), &to);
            int n = cards.n, seen = 0;
            late_sale(day ? "2025-01-02T01:00Z" : "2025-01-30T20:00Z", "2025-05-05T10:07Z", 50);
            advance(e, at("2025-05-05T11:00Z"), &to);
            for (int i = n; i < cards.n; i++)
                seen += cards.s[i].revision == 1;
            cr_assert_eq(seen, cycles[day][k], "%s, day %d: %d cards", windows[k], day, seen);
        }
}

/* Attainment alone (60 of 100: score 20), then with csat 0.85 (100): W .5714/.4286, S 54.2857: all of the change is mix. */
Test(scorecard, change_since_the_last_snapshot)
{
    static struct parts parts;
    static struct saved_state kept;
    const struct evaluator_sink change = { .ctx = &parts, .scorecard = take_change };
    memset(&parts, 0, sizeof parts);
    memset(&kept, 0, sizeof kept);
    e = world_start(&w, false, true, false);
    happen(e, "org:acme|target", at("2025-03-02T01:00Z"), 100);
    happen(e, "org:acme|sales", at("2025-03-02T01:00Z"), 60);
    advance(e, at("2025-03-02T03:00Z"), &change);
    cr_assert(parts.n == 1 && !parts.has_change);
    cr_assert_float_eq(parts.score, 20, 1e-9);
    cr_assert_eq(evaluator_state_save(e, false, state_keep, &kept), 0);
    e = world_restart(&w, e, &kept);
    restore_cell(e, "org:acme|target", at("2025-03-02T01:00Z"), 100);
    restore_cell(e, "org:acme|sales", at("2025-03-02T01:00Z"), 60);
    happen(e, "org:acme|top2", at("2025-03-02T05:00Z"), 17);
    happen(e, "org:acme|n", at("2025-03-02T05:00Z"), 20);
    advance(e, at("2025-03-02T07:00Z"), &change);
    cr_assert(parts.n == 2 && parts.has_change, "%d", parts.n);
    cr_assert_float_eq(parts.score, (4 * 20 + 3 * 100) / 7.0, 1e-9);
    cr_assert_float_eq(parts.change, parts.score - 20, 1e-9);
    cr_assert_float_eq(parts.sum, parts.change, 1e-9);
    cr_assert_float_eq(parts.perf[0], 0, 1e-9);
    cr_assert_float_eq(parts.perf[1], 0, 1e-9);
}
