/* Fuzzy scorecards and weights of panels, from events to snapshots: what changes a card, and who is told. Figures by hand; the worked examples of the domain
 * specification are golden cases (csat.fuzzy.yaml, expert_weight.appraisal.yaml). */
#include "config_fixture.h"
#include "crmpulse/eval.h"
#include "daemon/core/card_fuzzy.h"
#include "engine_rig.h"

static const char config_text[] =
    "orgs: {o: {zone: UTC, cycle: month, currency: CNY}}\n"
    "scorecards:\n"
    "  mixed:\n"
    "    version: '1'\n"
    "    dim: team\n"
    "    checks: false\n"
    "    min_coverage: 0\n"
    "    fuzzy: {grades: {good: 100, bad: 0}}\n"
    "    weights: {panel: p}\n"
    "    perspectives:\n"
    "      F: {weight: 5000, kpis: {deals_won: {weight: 10000, window: m, floor: 0, goal: 4}}}\n"
    "      L: {weight: 5000, kpis: {expert_grades: {weight: 10000, window: g, graded: p/L}}}\n";

struct story {
    struct loaded loaded;
    struct engine *engine;
    struct evaluator *evaluator;
    int told, number;
    double score;
    bool panel_weights;
    int32_t weight_bp;
    char band[16];
};

static int on_card(void *ctx, const struct scorecard_snapshot *s)
{
    struct story *t = ctx;
    t->told++;
    t->score = s->score;
    t->panel_weights = s->panel_weights;
    t->weight_bp = s->perspectives[0].weight_bp;
    snprintf(t->band, sizeof t->band, "%.*s", (int)s->band.n, s->band.p);
    return 0;
}

static int64_t day(int d, int hour)
{
    return (INT64_C(1738368000) + (d - 1) * INT64_C(86400) + hour * 3600) * 1000; /* d-th of February 2025 */
}

static void begin(struct story *t)
{
    *t = (struct story){ .loaded = load(config_text) };
    struct config *c = must_load(&t->loaded);
    const struct engine_options engine = { .all_in_memory = true, .keep_causes = true };
    const struct evaluator_options eval = { .judge = true };
    cr_assert(t->engine = engine_new(&c->defs, &engine));
    cr_assert(t->evaluator = evaluator_new(&c->defs, &eval));
}

static void end(struct story *t)
{
    evaluator_free(t->evaluator);
    engine_free(t->engine);
    done(&t->loaded);
}

static void say(struct story *t, int64_t t_ms, const char *line)
{
    struct rig_event ev;
    char text[512];
    size_t type = strcspn(line, " ");
    snprintf(text, sizeof text, "%.*s %lld e%d%s", (int)type, line, (long long)t_ms, t->number++, line + type);
    rig_parse(&ev, text);
    cr_assert_eq(engine_apply(t->engine, &ev.ev, INT64_MIN), APPLY_DONE, "%s", line);
    const struct cell_delta *d;
    uint32_t n = engine_deltas(t->engine, &d);
    for (uint32_t i = 0; i < n; i++)
        cr_assert(!d[i].value || evaluator_apply(t->evaluator, &d[i]) == 0);
    engine_flush_begun(t->engine);
    engine_flush_applied(t->engine);
}

/* How many cards were told on the way to an instant. */
static int until(struct story *t, int64_t t_ms)
{
    const struct evaluator_sink sink = { .ctx = t, .scorecard = on_card };
    int before = t->told;
    cr_assert_eq(evaluator_advance(t->evaluator, t_ms, t_ms, &sink), 0);
    return t->told - before;
}

static void rank(struct story *t, int64_t t_ms, int round, const char *expert, int f, int l)
{
    char line[200];
    snprintf(line, sizeof line, "expert_ranked panel_id=p round=%d expert_id=%s criterion=F rank_x2=%d", round, expert,
             2 * f);
    say(t, t_ms, line);
    snprintf(line, sizeof line, "expert_ranked panel_id=p round=%d expert_id=%s criterion=L rank_x2=%d", round, expert,
             2 * l);
    say(t, t_ms, line);
}

/* Two criteria, m = 2: over m n (n + 1) = 12 the weights are (2m(n + 1) - H) = 12 - H with H twice the rank total. */
Test(card_fuzzy, a_panel_reaches_the_cards_of_every_team)
{
    struct story t;
    begin(&t);
    for (int round = 1; round <= 2; round++) { /* January: F before L twice: W = 1; F 12 - 4 = 8/12, L 4/12 */
        rank(&t, day(-20 + round, 1), round, "x", 1, 2);
        rank(&t, day(-20 + round, 2), round, "y", 1, 2);
    }
    say(&t, day(3, 1), "deal_closed deal_id=D1 owner_id=ann team_id=east outcome=won amount_micros=5 currency=CNY");
    cr_assert_eq(until(&t, day(3, 3)), 1);
    cr_assert_eq(t.weight_bp, 6667);
    cr_assert(t.panel_weights && t.score == 25, "1 of 4 is a quarter good; nobody has graded L");
    cr_assert_str_eq(t.band, "bad");
    say(&t, day(3, 4), "expert_graded panel_id=p round=1 expert_id=x criterion=L grade=good");
    cr_assert_eq(until(&t, day(3, 6)), 1, "what experts say is news for a team");
    cr_assert_float_eq(t.score, .6667 * 25 + .3333 * 100, 1e-9);
    cr_assert_eq(until(&t, day(3, 12)), 0);
    say(&t, day(3, 13), "expert_graded panel_id=p round=1 expert_id=y criterion=L grade=unheard_of");
    cr_assert_eq(until(&t, day(3, 15)), 1, "another expert, the same score");
    cr_assert_float_eq(t.score, .6667 * 25 + .3333 * 100, 1e-9, "a grade that the card does not know is no grade");
    /* January is corrected late: in round 2 y ties both: F 1 + 1.5, L 2 + 1.5; H 5 and 7: 7/12 and 5/12. D = .5, T = 6: W = 6/(24 - 12) = .5; F moved by
     * .0833: again, so the panel has not stopped and the card's own weights hold. */
    rank(&t, day(-10, 1), 2, "y", 1, 1);
    cr_assert_eq(until(&t, day(4, 2)), 1);
    cr_assert(!t.panel_weights && t.weight_bp == 5000);
    cr_assert_float_eq(t.score, 62.5, 1e-9);
    end(&t);
}

/* A cycle uses one set: what the panel decides in February counts from March on. */
Test(card_fuzzy, a_panel_weighs_from_the_next_cycle_on)
{
    struct story t;
    begin(&t);
    say(&t, day(1, 1), "deal_closed deal_id=D1 owner_id=ann team_id=east outcome=won amount_micros=5 currency=CNY");
    for (int round = 1; round <= 2; round++) {
        rank(&t, day(2, round), round, "x", 1, 2);
        rank(&t, day(2, round), round, "y", 1, 2);
    }
    until(&t, day(27, 0));
    cr_assert(!t.panel_weights && t.weight_bp == 5000);
    say(&t, day(29, 1),
        "deal_closed deal_id=D2 owner_id=ann team_id=east outcome=won amount_micros=5 currency=CNY"); /* 1 March */
    until(&t, day(29, 3));
    cr_assert(t.panel_weights && t.weight_bp == 6667);
    end(&t);
}

/* An answer counts for the nearest of the grades spread over its scale, between two for the worse. */
Test(card_fuzzy, rows_that_nobody_fills_are_left_out)
{
    struct scorecard_def def = { .n_items = 3, .fuzzy = { .on = true, .scale = { 2, { 100, 0 } } } };
    struct card_item item[3] = {
        { .perspective = SLICE("a"), .perspective_bp = 6000, .kpi_bp = 5000, .usable = true },
        { .perspective = SLICE("a"), .perspective_bp = 6000, .kpi_bp = 5000, .usable = false },
        { .perspective = SLICE("b"), .perspective_bp = 4000, .kpi_bp = 10000, .usable = true }
    };
    struct card_row row[3] = { card_row_of_score(&def, 80), { .any = false }, card_row_of_score(&def, 10) }, part[3],
                    whole;
    cr_assert_eq(card_compose(&def, item, row, part, &whole), 0);
    cr_assert(part[0].any && part[2].any && whole.any);
    cr_assert_float_eq(card_row_score(&def, &part[0]), 80, 1e-9);
    cr_assert_float_eq(card_row_score(&def, &whole), .6 * 80 + .4 * 10, 1e-9);
    def.fuzzy.operator= FUZZY_MAX_MIN; /* .6 ^ .8, .4 ^ .1 -> .6; .6 ^ .2, .4 ^ .9 -> .4 */
    cr_assert_eq(card_compose(&def, item, row, part, &whole), 0);
    cr_assert_float_eq(card_row_score(&def, &whole), 60, 1e-9);
    item[0].usable = item[2].usable = false;
    cr_assert_eq(card_compose(&def, item, row, part, &whole), 0);
    cr_assert_not(whole.any);
}

static void refused(const char *fuzzy, const char *more, const char *item, const char *message)
{
    char text[1024];
    snprintf(text, sizeof text,
             "scorecards:\n  c:\n    version: '1'\n    dim: org\n    checks: false\n%s%s    perspectives: {F: {weight: "
             "10000, kpis: {%s}}}\n",
             fuzzy, more, item);
    struct loaded r = load(text);
    bool found = false;
    for (uint32_t i = 0; i < r.problems.n; i++)
        found |= strstr(r.problems.v[i].message, message) != NULL;
    cr_assert_null(r.config, "%s", message);
    if (!found)
        config_problems_print(&r.problems, stderr);
    cr_assert(found, "not said: %s", message);
    done(&r);
}

Test(card_fuzzy, what_means_nothing_is_refused)
{
    const char *fuzzy = "    fuzzy: {}\n", *csat = "csat: {weight: 10000, window: m, answers: csat_answers}";
    refused("", "", csat, "only a fuzzy card has memberships");
    refused(fuzzy, "", "csat: {weight: 10000, window: m, answers: csat_n}", "agg: max");
    refused(fuzzy, "", "csat: {weight: 10000, window: m, answers: nothing}", "nothing");
    refused(fuzzy, "", "csat: {weight: 10000, window: m, graded: p/F}", "expert_grades");
    refused(fuzzy, "", "expert_grades: {weight: 10000, window: g, graded: p/F, answers: csat_answers}", "either");
    refused("    fuzzy: {grades: {bad: 0, good: 100}}\n", "", csat, "falling values");
    refused("    fuzzy: {operator: median}\n", "", csat, "median");
    refused(fuzzy, "    bands: {A: 50, B: 0}\n", csat, "are its grades");
    refused("", "    weights: {}\n", "csat: {weight: 10000, window: m, floor: 0, goal: 1}", "panel");
}
