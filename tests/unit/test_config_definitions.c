/* Orgs, rules, scorecards and measures as they are read; what a hash tells apart. */
#include "config_fixture.h"
#include "crmpulse/fact_slot.h"

#include <math.h>

Test(config, orgs_take_what_they_leave_out_from_the_star)
{
    struct loaded r =
        load("orgs:\n  '*': {zone: Europe/Berlin, week_start: sunday, fiscal_shift: 3, cycle: quarter, currency: EUR}\n"
             "  acme: {zone: Asia/Shanghai, currency: ''}\n");
    const struct config *c = must_load(&r);
    const struct org_def *acme = definitions_org(&c->defs, SLICE("acme")),
                         *other = definitions_org(&c->defs, SLICE("other"));
    cr_assert_str_eq(acme->calendar.zone.name, "Asia/Shanghai");
    cr_assert_eq(zone_offset_ms(&acme->calendar.zone, INT64_C(1740758400000)), 8 * 3600000);
    cr_assert_str_eq(acme->currency, "");
    cr_assert_eq(acme->calendar.week_start, 7);
    cr_assert_eq(acme->calendar.fiscal_shift_months, 3);
    cr_assert_eq(acme->calendar.cycle, PERIOD_QUARTER);
    cr_assert_str_eq(other->id, "*");
    cr_assert_str_eq(other->currency, "EUR");
    cr_assert_str_eq(other->calendar.zone.name, "Europe/Berlin");
    done(&r);
}

Test(config, working_hours_and_holidays)
{
    struct loaded r =
        load("orgs:\n  '*': {holidays: [2025-05-01, 2025-01-01, 2025-05-01]}\n"
             "  acme: {business_hours: {mon: '09:00-18:00', sat: ['10:00-12:00', '13:00-24:00'], sun: ''}}\n");
    const struct config *c = must_load(&r);
    const struct business *acme = definitions_org(&c->defs, SLICE("acme"))->calendar.business,
                          *other = definitions_org(&c->defs, SLICE("other"))->calendar.business;
    cr_assert(acme && other);
    cr_assert(acme->day[0].n == 1 && acme->day[0].v[0].from_ms == 9 * 3600000 &&
              acme->day[0].v[0].to_ms == 18 * 3600000);
    cr_assert(acme->day[1].n == 0 && acme->day[6].n == 0, "a day that is left out or empty is closed");
    cr_assert(acme->day[5].n == 2 && acme->day[5].v[1].to_ms == 24 * 3600000);
    cr_assert(acme->n_holidays == 2 && acme->holiday[0] == 20089 && acme->holiday[1] == 20209);
    cr_assert(other->n_holidays == 2 && other->day[0].n == 1 && other->day[5].n == 0, "the default hours");
    done(&r);
}

Test(config, targets_make_kpis_of_their_own)
{
    struct loaded r = load("targets: [new_customers, win_rate]\n");
    const struct config *c = must_load(&r);
    int pace = definitions_kpi(&c->defs, SLICE("new_customers_pace"));
    cr_assert_geq(pace, 0);
    cr_assert_eq(c->defs.kpi[pace].dims, c->defs.kpi[definitions_kpi(&c->defs, SLICE("new_customers"))].dims);
    cr_assert_geq(definitions_kpi(&c->defs, SLICE("win_rate_attainment")), 0);
    cr_assert_lt(definitions_kpi(&c->defs, SLICE("win_rate_pace")), 0, "a rate does not fall due bit by bit");
    done(&r);
    r = load("targets: [no_such_kpi]\n");
    cr_assert_null(r.config);
    done(&r);
    r = load("targets: [sales_rank]\n");
    cr_assert_null(r.config, "a rank has no formula");
    done(&r);
}

Test(config, working_hours_that_make_no_sense)
{
    static const char *const bad[] = { "{mon: '9-18'}",           "{mon: '18:00-09:00'}",
                                       "{mon: '09:00-24:01'}",    "{mon: ['09:00-12:00', '11:00-13:00']}",
                                       "{monday: '09:00-18:00'}", "[mon]" };
    char text[200];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(text, sizeof text, "orgs: {acme: {business_hours: %s}}\n", bad[i]);
        struct loaded r = load(text);
        cr_assert_null(r.config, "%s", bad[i]);
        done(&r);
    }
    struct loaded r = load("orgs: {acme: {holidays: [2025-02-30]}}\n");
    cr_assert_null(r.config);
    done(&r);
}

Test(config, rules_are_read_with_their_units)
{
    struct loaded r = load("rules:\n  slow: {kpi: first_response_time, window: 24h, dims: [org, team], stat: p90, "
                           "fire: '> 4h', clear: '< 3h', for: 1h, min_samples: 20}\n"
                           "  low: {kpi: csat, window: 30d, fire: '< 0.80', critical: '< 0.70', level: critical}\n");
    const struct config *c = must_load(&r);
    const struct rule_def *slow = &c->defs.rule[0], *low = &c->defs.rule[1];
    cr_assert_eq(slow->fire_op, CMP_GT);
    cr_assert_float_eq(slow->fire, 14400000.0, 0);
    cr_assert_float_eq(slow->clear, 10800000.0, 0);
    cr_assert_eq(slow->stat, 90);
    cr_assert_eq(slow->for_ms, 3600000);
    cr_assert_eq(slow->min_samples, 20);
    cr_assert_eq(slow->dims, 1u << DIM_ORG | 1u << DIM_TEAM);
    cr_assert_str_eq(slow->level, "warning");
    cr_assert_eq(low->clear_op, CMP_GE); /* not given: the opposite of fire */
    cr_assert_float_eq(low->clear, 0.80, 0);
    cr_assert(low->has_critical);
    cr_assert_str_eq(low->level, "critical");
    cr_assert_eq(low->dims, 1u << DIM_ORG);
    done(&r);
}

/* T15: the same bands without a gap are fine, and a step curve may start below zero. */
Test(config, half_open_bands_and_steps_cover_the_line)
{
    struct loaded r =
        load("scorecards:\n  s:\n    version: '1'\n    effective_from: 2025-01-01\n    dim: rep\n    missing: hold\n   "
             " perspectives:\n"
             "      a: {weight: 10000, kpis: {sales_growth_rate: {weight: 10000, window: td, curve: step, edge: "
             "from_exclusive,\n"
             "          steps: {-.inf: 0, 0: 60, 0.1: 100}}}}\n    bands: {low: [0, 51], high: [51, 100]}\n");
    const struct scorecard_def *s = &must_load(&r)->defs.scorecard[0];
    cr_assert_eq(s->effective_from_ms, INT64_C(1735689600000));
    cr_assert_eq(s->dim, DIM_REP);
    cr_assert_eq(s->missing, MISSING_HOLD);
    cr_assert_float_eq(s->min_coverage, 0.6, 1e-12);
    cr_assert_eq(s->n_bands, 2u);
    cr_assert_str_eq(s->band[0].name, "high");
    cr_assert_float_eq(s->band[0].from, 51, 0);
    cr_assert_str_eq(s->band[1].name, "low");
    cr_assert_eq(s->item[0].score.n_steps, 3u);
    cr_assert(isinf(s->item[0].score.step[0].from) && s->item[0].score.step[0].from < 0);
    cr_assert_float_eq(s->item[0].score.step[2].score, 100, 0);
    cr_assert(s->item[0].score.edge_exclusive);
    done(&r);
}

Test(config, usual_bands_when_none_are_given)
{
    struct loaded r = load("scorecards:\n  s: {version: '1', dim: org, perspectives: {a: {weight: 10000, kpis: {csat: "
                           "{weight: 10000, window: m, floor: 0.5, goal: 1, cap: 1.2}}}}}\n");
    const struct scorecard_def *s = &must_load(&r)->defs.scorecard[0];
    cr_assert_eq(s->n_bands, 5u);
    cr_assert_str_eq(s->band[0].name, "A");
    cr_assert_float_eq(s->band[0].from, 95, 0);
    cr_assert_float_eq(s->band[4].from, 0, 0);
    cr_assert_float_eq(s->item[0].score.cap, 1.2, 1e-12);
    done(&r);
}

/* ---- what is computed at load ---------------------------------------------------------------------------------------------------------------------- */

static const char small[] = "catalogue: none\n"
                            "switches: {basis: [deals, orders], unused: [a, b]}\n"
                            "measures:\n"
                            "  sold: {fact: txn, where: 'basis == switch.basis', agg: sum, value: amount}\n"
                            "  back: {fact: refund, agg: sum, value: amount}\n"
                            "  net: {derive: 'sold - back'}\n"
                            "  spare: {fact: deal, agg: count}\n"
                            "  users: {fact: usage, agg: distinct}\n"
                            "  open: {fact: deal_open, agg: count}\n"
                            "  joined: {fact: member_joined, agg: sum, value: n}\n"
                            "kpis:\n"
                            "  net: {perspective: F, unit: micros, value: net, windows: [m], dims: [org, product]}\n"
                            "  place: {perspective: F, form: rank, unit: count, of: net, windows: [m], dims: [rep]}\n"
                            "boards: {b: {kpi: net, window: m, dim: team}}\n"
                            "rules: {r: {kpi: net, window: 1h, dims: [region], fire: '< 1'}}\n";

Test(config, a_measure_is_kept_by_every_dimension_that_something_wants)
{
    struct loaded r = load(small);
    const struct config *c = must_load(&r);
    uint32_t wanted = 1u << DIM_ORG | 1u << DIM_PRODUCT | 1u << DIM_REP | 1u << DIM_TEAM | 1u << DIM_REGION;
    cr_assert_eq(measure(c, "net")->dims, wanted);
    cr_assert_eq(measure(c, "sold")->dims, wanted); /* by way of the derived one */
    cr_assert_eq(measure(c, "back")->dims, wanted);
    cr_assert_eq(measure(c, "spare")->dims, 1u << DIM_ORG);
    cr_assert(measure(c, "sold")->fine); /* the rule's 1h */
    cr_assert_not(measure(c, "users")->fine);
    done(&r);
    const char *const set[] = { "rules.r.window=24h" };
    r = load_with(small, 1, set);
    cr_assert_not(measure(must_load(&r), "sold")->fine);
    done(&r);
}

Test(config, asof_and_gauge)
{
    struct loaded r = load(small);
    const struct config *c = must_load(&r);
    cr_assert(measure(c, "open")->asof && measure(c, "open")->gauge);
    cr_assert(measure(c, "joined")->asof && !measure(c, "joined")->gauge); /* transitions lie in panes */
    cr_assert(measure(c, "users")->asof && !measure(c, "users")->gauge);   /* distinct: moved by later activity */
    cr_assert(!measure(c, "sold")->asof && !measure(c, "sold")->gauge);
    done(&r);
}

Test(config, switches_of_a_kpi_reach_through_its_measures)
{
    struct loaded r = load(small);
    const struct config *c = must_load(&r);
    cr_assert_str_eq(kpi(c, "net")->switches, "basis=deals");
    cr_assert_str_eq(kpi(c, "place")->switches, "basis=deals");
    done(&r);
}

/* Only the branch taken is in the program. Cells are kept for both, so that such a switch can be turned at any time. */
Test(config, switches_choose_the_measures_that_are_used)
{
    static const char text[] = "catalogue: none\nswitches: {by: [count, amount]}\n"
                               "measures: {n: {fact: deal, agg: count}, a: {fact: deal, agg: sum, value: amount}}\n"
                               "kpis: {k: {perspective: F, unit: \"if(switch.by == 'amount', micros, count)\", value: "
                               "\"if(switch.by == 'amount', a, n)\", windows: [m], dims: [T]}}\n";
    const char *const set[] = { "switches.by=amount" };
    struct loaded r = load(text);
    const struct config *c = must_load(&r);
    cr_assert_eq(c->defs.kpi[0].unit, UNIT_COUNT);
    cr_assert_eq(measure(c, "n")->dims, 3u);
    cr_assert_eq(measure(c, "a")->dims, 3u);
    cr_assert_not(c->switches[0].books);
    uint64_t hash = c->defs.kpi[0].hash;
    done(&r);
    r = load_with(text, 1, set);
    c = must_load(&r);
    cr_assert_eq(c->defs.kpi[0].unit, UNIT_MICROS);
    cr_assert_eq(measure(c, "n")->dims, 3u);
    cr_assert_eq(measure(c, "a")->dims, 3u);
    cr_assert_neq(c->defs.kpi[0].hash, hash);
    cr_assert_str_eq(c->defs.kpi[0].switches, "by=amount");
    done(&r);
}

/* A list switch takes any words; in a formula they are what in() compares with, and .n is their number. */
Test(config, lists_as_switches)
{
    struct loaded r = load("switches: {analytics_features: [bi, cubes]}\n"
                           "measures: {n_features: {fact: usage, agg: sum, value: switch.analytics_features.n}}\n");
    const struct config *c = must_load(&r);
    cr_assert_str_eq(kpi(c, "analytics_usage")->switches, "activity_events=all,analytics_features=bi cubes");
    const struct measure_def *users = measure(c, "analytics_users"), *n = measure(c, "n_features");
    struct fact f = { .s[FT_KIND] = SLICE("feature"), .dim[DIM_FEATURE] = SLICE("cubes") };
    cr_assert(expr_true(expr_eval(users->where, fact_slot_load, &f)));
    f.dim[DIM_FEATURE] = SLICE("bi cubes");
    cr_assert_not(expr_true(expr_eval(users->where, fact_slot_load, &f)));
    cr_assert_eq(expr_eval(n->value, fact_slot_load, &f).i, 2);
    done(&r);
    const char *const set[] = { "switches.analytics_features=cubes" };
    r = load_with(NULL, 1, set);
    cr_assert_str_eq(kpi(must_load(&r), "analytics_usage")->switches, "activity_events=all,analytics_features=cubes");
    done(&r);
    r = load("switches: {analytics_features: []}\n");
    f.dim[DIM_FEATURE] = (struct slice){ 0 };
    cr_assert_not(expr_true(expr_eval(measure(must_load(&r), "analytics_users")->where, fact_slot_load, &f)));
    done(&r);
    r = load("switches: {analytics_features: {a: 1}}\n");
    cr_assert_null(r.config);
    done(&r);
}

struct hashes {
    uint64_t kpi, rank, rule;
};

static struct hashes hashes_with(const char *set)
{
    struct loaded r = load_with(small, set ? 1 : 0, &set);
    const struct config *c = must_load(&r);
    struct hashes h = { kpi(c, "net")->hash, kpi(c, "place")->hash, c->defs.rule[0].hash };
    done(&r);
    return h;
}

Test(config, hashes_tell_a_changed_definition_from_an_unchanged_one)
{
    struct hashes base = hashes_with(NULL), again = hashes_with("redis.shards=2");
    cr_assert_eq(base.kpi, again.kpi);
    cr_assert_eq(base.rule, again.rule);
    cr_assert_eq(hashes_with("kpis.net.title=other words").kpi, base.kpi);
    cr_assert_eq(hashes_with("measures.net.derive='sold   -  back'").kpi, base.kpi); /* blanks say nothing */
    cr_assert_eq(hashes_with("measures.spare.agg=count").kpi, base.kpi);
    struct hashes window = hashes_with("kpis.net.windows=[q]");
    cr_assert_neq(window.kpi, base.kpi);
    cr_assert_eq(window.rule, base.rule); /* the rule has its own window */
    struct hashes deep = hashes_with("measures.back.where=\"amount > 0\"");
    cr_assert_neq(deep.kpi, base.kpi);
    cr_assert_neq(deep.rank, base.rank);
    cr_assert_neq(deep.rule, base.rule);
    struct hashes turned = hashes_with("switches.basis=orders");
    cr_assert_neq(turned.kpi, base.kpi);
    cr_assert_neq(turned.rule, base.rule);
    cr_assert_eq(hashes_with("switches.unused=b").kpi, base.kpi);
    cr_assert_neq(hashes_with("rules.r.fire='< 2'").rule, base.rule);
    cr_assert_eq(hashes_with("rules.r.fire='< 2'").kpi, base.kpi);
}

Test(config, scorecards_have_a_hash_of_everything_in_them)
{
    static const char text[] = "scorecards:\n  s: {version: '1', dim: org, perspectives: {a: {weight: 10000, kpis: "
                               "{csat: {weight: 10000, window: m, floor: 0.5, goal: 1}}}}}\n";
    const char *const same[] = { "redis.shards=3" }, *const goal[] = {
        "scorecards.s.perspectives.a.kpis.csat.goal=0.9"
    };
    struct loaded a = load(text), b = load_with(text, 1, same), c = load_with(text, 1, goal);
    uint64_t first = must_load(&a)->defs.scorecard[0].hash;
    cr_assert_eq(must_load(&b)->defs.scorecard[0].hash, first);
    cr_assert_neq(must_load(&c)->defs.scorecard[0].hash, first);
    done(&a);
    done(&b);
    done(&c);
}
