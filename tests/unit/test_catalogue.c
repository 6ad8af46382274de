/* The shipped catalogue and the shipped examples: they load without a problem, and hold what the domain specification names. */
#include "crmpulse/config.h"

#include <criterion/criterion.h>

static struct config *load_with(const char *path, const char *set)
{
    struct config_problems p = { 0 };
    struct config_load_options opt = { set ? 1 : 0, &set };
    struct config *c = config_load(path, &opt, &p);
    config_problems_print(&p, stderr);
    cr_assert_not_null(c);
    cr_assert_eq(p.n, 0u, "warnings count too");
    config_problems_release(&p);
    return c;
}

static const struct kpi_def *kpi(const struct config *c, const char *id)
{
    int i = definitions_kpi(&c->defs, slice_of(id));
    cr_assert_geq(i, 0, "no KPI %s", id);
    return &c->defs.kpi[i];
}

/* Typed from the domain specification, sections 3.3 to 3.6 and 7.2, and from the figures expected of the real data sets. */
static const char *const ids[] = {
    "sales_quota",
    "sales_amount",
    "sales_units",
    "lead_sales_volume",
    "quota_attainment",
    "quota_pace",
    "sales_growth_rate",
    "gross_margin",
    "channel_revenue",
    "lead_close_rate",
    "win_rate",
    "loss_rate",
    "avg_order_value",
    "items_per_txn",
    "purchase_frequency",
    "avg_order_size",
    "opportunity_conversion",
    "lead_success_ratio",
    "time_to_qualify",
    "sales_cycle",
    "new_customers",
    "new_customer_rate",
    "customer_growth_rate",
    "customer_count",
    "pipeline_open",
    "pipeline_velocity",
    "pipeline_coverage",
    "sales_rank",
    "quotes_sent",
    "refund_rate",
    "leads_created",
    "retention_rate",
    "churn_rate",
    "csat",
    "product_csat",
    "service_csat",
    "purchase_csat",
    "expectation_gap",
    "review_score",
    "brand_score",
    "survey_response_rate",
    "nps",
    "referral_rate",
    "referred_share",
    "repurchase_rate",
    "loyalty_index",
    "contact_frequency",
    "complaint_rate",
    "complaint_count",
    "complaint_resolution_rate",
    "complaint_resolution_time",
    "feedback_rate",
    "active_customer_rate",
    "first_response_time",
    "resolution_time",
    "support_response_time",
    "support_quality",
    "resolution_rate",
    "reopen_rate",
    "fcr_rate",
    "ticket_backlog",
    "sla_hit_rate",
    "conversion_rate",
    "qualification_rate",
    "dau",
    "wau",
    "mau",
    "usage_lifecycle",
    "feature_usage_rate",
    "access_frequency",
    "crm_adoption",
    "zero_activity_users",
    "user_csat",
    "employee_score",
    "task_completion_rate",
    "task_on_time_rate",
    "collaboration_rate",
};

Test(catalogue, every_kpi_that_the_facts_allow_is_there)
{
    struct config *c = load_with(NULL, NULL);
    for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
        const struct kpi_def *k = kpi(c, ids[i]);
        cr_assert_geq(k->n_windows, 1u, "%s", ids[i]);
        cr_assert_neq(k->dims, 0u, "%s", ids[i]);
        cr_assert_neq(k->hash, 0u, "%s", ids[i]);
    }
    config_free(c);
}

static bool has_chinese(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text >= 0xe4 && (unsigned char)*text <= 0xe9)
            return true;
    return false;
}

Test(catalogue, every_kpi_has_titles_in_both_languages_and_its_own_hash)
{
    struct config *c = load_with(NULL, NULL);
    for (uint32_t i = 0; i < c->defs.n_kpis; i++) {
        const struct kpi_def *k = &c->defs.kpi[i];
        cr_assert_str_neq(k->title_en, k->id);
        cr_assert(has_chinese(k->title_zh), "%s", k->id);
        for (uint32_t j = 0; j < i; j++)
            cr_assert_neq(c->defs.kpi[j].hash, k->hash, "%s %s", k->id, c->defs.kpi[j].id);
    }
    config_free(c);
}

struct form_row {
    const char *id;
    char perspective;
    enum kpi_form form;
    enum unit unit;
    enum direction direction;
    bool empty_zero;
};

/* Units, directions and empty policies of 3.3 to 3.5. */
static const struct form_row forms[] = {
    { "sales_amount", 'F', KPI_VALUE, UNIT_MICROS, DIRECTION_UP, true },
    { "sales_quota", 'F', KPI_VALUE, UNIT_MICROS, DIRECTION_NEUTRAL, false },
    { "win_rate", 'F', KPI_RATIO, UNIT_RATIO, DIRECTION_UP, false },
    { "loss_rate", 'F', KPI_RATIO, UNIT_RATIO, DIRECTION_DOWN, false },
    { "avg_order_value", 'F', KPI_RATIO, UNIT_MICROS, DIRECTION_UP, false },
    { "sales_cycle", 'I', KPI_DURATION, UNIT_MS, DIRECTION_DOWN, false },
    { "sales_rank", 'F', KPI_RANK, UNIT_COUNT, DIRECTION_DOWN, false },
    { "pipeline_open", 'F', KPI_VALUE, UNIT_MICROS, DIRECTION_NEUTRAL, true },
    { "csat", 'C', KPI_RATIO, UNIT_RATIO, DIRECTION_UP, false },
    { "nps", 'C', KPI_RATIO, UNIT_SCORE, DIRECTION_UP, false },
    { "churn_rate", 'C', KPI_RATIO, UNIT_RATIO, DIRECTION_DOWN, false },
    { "ticket_backlog", 'I', KPI_VALUE, UNIT_COUNT, DIRECTION_DOWN, true },
    { "first_response_time", 'I', KPI_DURATION, UNIT_MS, DIRECTION_DOWN, false },
    { "dau", 'L', KPI_VALUE, UNIT_COUNT, DIRECTION_UP, true },
    { "zero_activity_users", 'L', KPI_VALUE, UNIT_COUNT, DIRECTION_DOWN, true },
};

Test(catalogue, forms_units_directions_and_empty_policies)
{
    struct config *c = load_with(NULL, NULL);
    for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
        const struct kpi_def *k = kpi(c, forms[i].id);
        cr_assert_eq(k->perspective, forms[i].perspective, "%s", k->id);
        cr_assert_eq(k->form, forms[i].form, "%s", k->id);
        cr_assert_eq(k->unit, forms[i].unit, "%s", k->id);
        cr_assert_eq(k->direction, forms[i].direction, "%s", k->id);
        cr_assert_eq(k->empty_zero, forms[i].empty_zero, "%s", k->id);
    }
    config_free(c);
}

Test(catalogue, rolling_windows_up_to_an_hour_have_minute_panes)
{
    struct config *c = load_with(NULL, NULL);
    int sales = definitions_measure(&c->defs, SLICE("txn_amount")),
        open = definitions_measure(&c->defs, SLICE("order_amount"));
    cr_assert(c->defs.measure[sales].fine);
    cr_assert_not(c->defs.measure[open].fine);
    cr_assert_eq(kpi(c, "sales_amount")->window[0].length_ms, 300000);
    config_free(c);
}

Test(catalogue, gauges_and_transitions)
{
    static const char *const gauges[] = { "leads_open",        "deals_open",   "pipeline_amount",
                                          "pipeline_weighted", "tickets_open", "lead_prob_sum" };
    struct config *c = load_with(NULL, NULL);
    for (size_t i = 0; i < sizeof(gauges) / sizeof(*gauges); i++)
        cr_assert(c->defs.measure[definitions_measure(&c->defs, slice_of(gauges[i]))].gauge, "%s", gauges[i]);
    const struct measure_def *joined = &c->defs.measure[definitions_measure(&c->defs, SLICE("customers_joined"))];
    cr_assert(joined->asof && !joined->gauge);
    const struct measure_def *members = &c->defs.measure[definitions_measure(&c->defs, SLICE("customers_end"))];
    cr_assert(members->agg == AGG_LEVEL && !members->asof && !members->gauge);
    config_free(c);
}

static const struct measure_def *measure(const struct config *c, const char *id)
{
    int i = definitions_measure(&c->defs, slice_of(id));
    cr_assert_geq(i, 0, "no measure %s", id);
    return &c->defs.measure[i];
}

/* Switches change what is measured, and are published. */
Test(catalogue, switches_take_effect)
{
    struct config *c = load_with(NULL, NULL);
    cr_assert_str_eq(kpi(c, "win_rate")->switches, "win_rate_by=count");
    cr_assert_str_eq(kpi(c, "resolution_time")->switches, "clock=wall,hold_counts=no,resolution_mode=total");
    cr_assert_eq(kpi(c, "sales_cycle")->duration, (int)(measure(c, "deal_cycle_ms") - c->defs.measure));
    cr_assert_str_eq(config_switch_value(c, "churn_after_days"), "180");
    cr_assert_eq(c->defs.customers.churn_after_ms, INT64_C(180) * 86400000);
    cr_assert_not(c->defs.customers.sales_are_orders);
    config_free(c);
    c = load_with(NULL, "switches.win_rate_by=amount");
    cr_assert_str_eq(kpi(c, "win_rate")->switches, "win_rate_by=amount");
    config_free(c);
    c = load_with(NULL, "switches.cycle_from=lead");
    cr_assert_eq(kpi(c, "sales_cycle")->duration, (int)(measure(c, "lead_cycle_ms") - c->defs.measure));
    config_free(c);
    c = load_with(NULL, "switches.csat_mode=mean");
    cr_assert_eq(kpi(c, "csat")->unit, UNIT_SCORE);
    config_free(c);
}

/* Every value of every switch that is listed must load. */
Test(catalogue, every_value_of_every_switch_loads)
{
    static const char *const sets[] = {
        "sales_basis=orders",
        "win_rate_by=amount",
        "conversion_basis=period",
        "aov_net=gross",
        "cycle_from=lead",
        "coverage_basis=full",
        "target_proration=none",
        "target_proration=business_days",
        "target_change=effective_date",
        "target_cycle=q",
        "freq_base=buyers",
        "growth_basis=gross",
        "acq_base=customers_start",
        "crr_new=gross",
        "churn_after_days=0",
        "customers_by=subscription",
        "churn_mode=revenue_gross",
        "repurchase=ever",
        "clv_mode=historic",
        "clv_mode=discounted",
        "risk_segment=rfm",
        "refund_book=at_order",
        "nps_scale=5-star",
        "loyalty_referral=30",
        "contact_base=contacted",
        "complaint_base=txn_count",
        "complaint_base=contacts",
        "csat_mode=mean",
        "resolution_mode=first",
        "resolution_mode=last",
        "activity_events=login",
        "activity_events=feature_used",
        "campaign_value=margin",
        "cac_costs=marketing_only",
        "attribution_days=90",
        "npv_timing=year_start",
        "discount_bp=800",
        "tco_basis=actual",
        "forecast=run_rate",
        "forecast=holt",
        "feature_base=users_enabled",
        "effect=pass_rate",
        "output=tickets_resolved",
        "output=won_amount",
    };
    for (size_t i = 0; i < sizeof(sets) / sizeof(*sets); i++) {
        char set[64];
        snprintf(set, sizeof(set), "switches.%s", sets[i]);
        config_free(load_with(NULL, set));
    }
}

/* Formulas on numbers worked by hand: the measures by name and their values. */
struct number {
    const char *slot; /* measure, or measure.n / .sum */
    int64_t value;
};

struct hand {
    const struct config *config;
    const struct number *v;
};

static struct expr_value hand_load(void *ctx, int slot)
{
    const struct hand *h = ctx;
    if (slot == SLOT_BUILTIN + BUILTIN_ELAPSED)
        return (struct expr_value){ .type = EXPR_DOUBLE, .d = 317.0 / 372.0 };
    if (slot >= SLOT_REF) {
        const struct measure_ref *ref = &h->config->defs.ref[slot - SLOT_REF];
        cr_assert_geq(ref->measure, 0);
        slot = ref->measure * MEASURE_PARTS + (ref->at ? PART_PREV : ref->part);
    }
    if (slot >= SLOT_BUILTIN)
        return expr_int(0);
    const struct measure_def *m = &h->config->defs.measure[slot / MEASURE_PARTS];
    static const char *const suffix[PART_TRAILING] = {
        "", ".n", ".sum", ".prev", ".start", ".prev.start", ".new", ".returning", ".resurrected", ".dormant"
    };
    char name[96];
    snprintf(name, sizeof(name), "%s%s", m->id, suffix[slot % MEASURE_PARTS]);
    if (m->derived)
        return expr_eval(m->derived, hand_load, ctx);
    for (const struct number *n = h->v; n->slot; n++)
        if (strcmp(n->slot, name) == 0)
            return expr_int(n->value);
    return expr_int(0);
}

static double by_hand(const struct config *c, const struct expr *e, const struct number *v)
{
    struct hand h = { c, v };
    double d = -12345;
    cr_assert_not_null(e);
    cr_assert(expr_number(expr_eval(e, hand_load, &h), &d));
    return d;
}

/* March of the worked stream, domain specification 7.2, in micro-units. */
static const struct number march[] = {
    { "txn_amount", INT64_C(160000000000) },
    { "refund_costed", INT64_C(6000000000) },
    { "refund_amount", INT64_C(6000000000) },
    { "txn_count", 3 },
    { "txn_items", 6 },
    { "txn_amount_costed", INT64_C(160000000000) },
    { "txn_cost", INT64_C(93000000000) },
    { "target_parts", INT64_C(240000000000) },
    { "target_parts_n", 1 },
    { "target_parts_linear", INT64_C(204516129032) }, /* due at e30: elapsed 317/372 */
    { "deals_won", 3 },
    { "deals_lost", 1 },
    { "won_amount", INT64_C(160000000000) },
    { "lost_amount", INT64_C(30000000000) },
    { "csat_n", 6 },
    { "csat_top2", 4 },
    { "csat_sum", 23000000 },
    { "customers_end", 11 },
    { "customers_end.start", 10 },
    { "members_now", 11 },
    { "customers_joined", 1 },
    { "leads_created", 4 },
    { "leads_converted_c", 1 },
    { "leads_won", 3 },
    { "active_users", 2 },
    { "active_enabled", 2 },
    { "users_enabled", 3 },
    { "complaints", 1 },
    { NULL, 0 },
};

static double ratio(const struct config *c, const char *id, const struct number *v)
{
    const struct kpi_def *k = kpi(c, id);
    if (k->value)
        return by_hand(c, k->value, v);
    return by_hand(c, k->numerator, v) / by_hand(c, k->denominator, v);
}

Test(catalogue, formulas_give_the_worked_figures)
{
    static const struct {
        const char *id;
        double value;
    } expected[] = {
        { "sales_amount", 154e9 },
        { "win_rate", 0.75 },
        { "refund_rate", 0.0375 },
        { "quota_attainment", 0.6416666666666667 },
        { "avg_order_value", 154e9 / 3 },
        { "items_per_txn", 2 },
        { "gross_margin", 61.0 / 154 },
        { "purchase_frequency", 3.0 / 11 },
        { "conversion_rate", 0.25 },
        { "lead_close_rate", 0.75 },
        { "retention_rate", 1 },
        { "customer_growth_rate", 0.1 },
        { "csat", 4.0 / 6 },
        { "complaint_rate", 1.0 / 11 },
        { "crm_adoption", 2.0 / 3 },
        { "zero_activity_users", 1 },
        { "mau", 2 },
    };
    struct config *c = load_with(NULL, NULL);
    for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
        double v = ratio(c, expected[i].id, march);
        cr_assert_float_eq(v, expected[i].value, 1e-9 * (expected[i].value + 1), "%s: %.12g", expected[i].id, v);
    }
    /* elapsed 317/372: goal to date 204 516.129032, pace 0.752997 */
    cr_assert_float_eq(by_hand(c, kpi(c, "quota_pace")->denominator, march) / 1e6, 204516.129032, 1e-6);
    cr_assert_float_eq(ratio(c, "quota_pace", march), 0.752997, 1e-6);
    config_free(c);
    c = load_with(NULL, "switches.win_rate_by=amount");
    cr_assert_float_eq(ratio(c, "win_rate", march), 0.842105, 1e-6);
    config_free(c);
    c = load_with(NULL, "switches.csat_mode=mean");
    cr_assert_float_eq(ratio(c, "csat", march), 3.833333, 1e-6);
    config_free(c);
}

/* T25: S = 200, 40 leave, 30 join, 5 of the 30 leave again. */
Test(catalogue, retention_of_t25)
{
    static const struct number v[] = { { "customers_end", 185 },     { "members_now", 185 },
                                       { "customers_joined", 25 },   { "customers_left", 40 },
                                       { "customers_acquired", 30 }, { NULL, 0 } };
    struct config *c = load_with(NULL, NULL);
    cr_assert_float_eq(by_hand(c, kpi(c, "retention_rate")->denominator, v), 200, 0);
    cr_assert_float_eq(ratio(c, "retention_rate", v), 0.80, 1e-12);
    cr_assert_float_eq(ratio(c, "churn_rate", v), 0.20, 1e-12);
    config_free(c);
    c = load_with(NULL, "switches.crr_new=gross");
    cr_assert_float_eq(ratio(c, "retention_rate", v), 0.775, 1e-12);
    config_free(c);
}

/* 100 x (0.4 x 0.8 + 0.4 x 0.5 + 0.2 x 0.1) = 54; null when nobody bought. */
Test(catalogue, loyalty_is_a_weighted_mean)
{
    static const struct number v[] = { { "customers_end", 100 },   { "members_now", 100 },
                                       { "customers_joined", 20 }, { "customers_left", 20 },
                                       { "buyers", 40 },           { "repeat_buyers", 20 },
                                       { "referrers", 10 },        { NULL, 0 } };
    struct number nobody[] = { { "customers_end", 100 }, { "referrers", 10 }, { NULL, 0 } };
    struct config *c = load_with(NULL, NULL);
    cr_assert_float_eq(ratio(c, "loyalty_index", v), 54, 1e-9);
    struct hand h = { c, nobody };
    double d;
    cr_assert_not(expr_number(expr_eval(kpi(c, "loyalty_index")->value, hand_load, &h), &d));
    config_free(c);
    c = load_with(NULL, "switches.loyalty_referral=0"); /* 40 : 40 : 0 */
    cr_assert_float_eq(ratio(c, "loyalty_index", v), 65, 1e-9);
    config_free(c);
}

/* T28: quota met; quota 380 000, won 250 000, pipeline 400 000. T31: the same answers on the 0-10 scale give 0. */
Test(catalogue, coverage_of_t28_and_nps_of_t31)
{
    static const struct number open[] = { { "target_parts", 380000 },
                                          { "target_parts_n", 1 },
                                          { "txn_amount", 250000 },
                                          { "pipeline_amount", 400000 },
                                          { NULL, 0 } };
    static const struct number met[] = { { "target_parts", 120000 },
                                         { "target_parts_n", 1 },
                                         { "txn_amount", 120000 },
                                         { "pipeline_amount", 400000 },
                                         { NULL, 0 } };
    static const struct number nps[] = { { "nps_n", 5 }, { "nps_promoters", 2 }, { "nps_detractors", 2 }, { NULL, 0 } };
    struct config *c = load_with(NULL, NULL);
    cr_assert_float_eq(ratio(c, "pipeline_coverage", open), 3.076923, 1e-6);
    struct hand h = { c, met };
    double d;
    cr_assert_not(expr_number(expr_eval(kpi(c, "pipeline_coverage")->denominator, hand_load, &h), &d));
    cr_assert_float_eq(ratio(c, "nps", nps), 0, 1e-12);
    config_free(c);
    c = load_with(NULL, "switches.coverage_basis=full");
    cr_assert_float_eq(ratio(c, "pipeline_coverage", open), 1.052632, 1e-6);
    config_free(c);
}

/* ---- examples ----------------------------------------------------------------------------------------------------------------------------------- */

static struct config *example(const char *name)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/config/examples/%s", CRMPULSE_SOURCE_DIR, name);
    return load_with(path, NULL);
}

Test(catalogue, the_golden_example)
{
    struct config *c = example("golden.yaml");
    const struct org_def *acme = definitions_org(&c->defs, SLICE("acme"));
    cr_assert_str_eq(acme->calendar.zone.name, "Asia/Shanghai");
    cr_assert_str_eq(acme->currency, "CNY");
    cr_assert_eq(c->defs.n_rules, 1u); /* "only rule loaded" */
    cr_assert_eq(c->defs.rule[0].min_samples, 5);
    cr_assert_float_eq(c->defs.rule[0].critical, 0.70, 0);
    const struct scorecard_def *s = &c->defs.scorecard[0];
    static const int32_t weights[] = { 4000, 3000, 2000, 1000 };
    static const double floors[] = { 0.5, 0.5, 86400000, 0.5 }, goals[] = { 1, 0.85, 14400000, 1 };
    cr_assert_eq(s->n_items, 4u);
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(s->item[i].perspective_bp, weights[i]);
        cr_assert_eq(s->item[i].kpi_bp, 10000);
        cr_assert_float_eq(s->item[i].score.floor, floors[i], 0);
        cr_assert_float_eq(s->item[i].score.goal, goals[i], 0);
        cr_assert_float_eq(s->item[i].score.cap, 1, 0);
    }
    config_free(c);
}

Test(catalogue, the_examples_of_the_data_sets)
{
    struct config *c = example("crm_sales.yaml");
    cr_assert_not(c->run.wall_clock);
    config_free(c);
    c = example("ravenstack.yaml");
    cr_assert_not(c->run.wall_clock);
    cr_assert_str_eq(config_switch_value(c, "churn_after_days"), "0");
    cr_assert_str_eq(definitions_org(&c->defs, SLICE("ravenstack"))->calendar.zone.name, "UTC");
    config_free(c);
    c = example("rules.yaml");
    cr_assert_geq(c->defs.n_rules, 14u);
    config_free(c);
}
