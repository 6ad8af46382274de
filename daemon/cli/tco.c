/* crmpulse tco: cost of ownership and return of a plan in a file. The methods are in core/cost_return.c. */
#include "crmpulse/cli.h"
#include "plan.h"

struct tco_file {
    struct tco_plan plan;
    double scale; /* of the amounts in the file and in the output */
    struct slice currency;
    bool has_benefits, has_discount;
    int64_t benefit_micros[TCO_YEARS_MAX], flow_micros[TCO_YEARS_MAX];
    int64_t benefits_micros; /* their sum */
    double discount_rate;
    enum npv_timing timing;
    uint32_t n_users;
    double users[8];
};

static const char *const timings[] = { "year_end", "year_start", NULL };

/* Amounts per year. The first list read says how many years there are. */
static bool read_years(struct plan *p, struct tco_file *f, const struct node *list, int64_t *ret_micros)
{
    double value[TCO_YEARS_MAX];
    uint32_t n;
    if (!plan_numbers(p, list, f->plan.n_years, TCO_YEARS_MAX, value, &n))
        return false;
    f->plan.n_years = n;
    bool ok = true;
    const struct node *at = list->first;
    for (uint32_t y = 0; y < n; y++, at = at->next) {
        ok &= plan_micros(p, at, value[y], f->scale, &ret_micros[y]);
        if (value[y] < 0) {
            report(p->l, at, "an amount must not be negative: '%s'", at->text.p);
            ok = false;
        }
    }
    return ok;
}

static bool read_costs(struct plan *p, struct tco_file *f, const struct node *key)
{
    const char *known[TCO_CATEGORIES + 1] = { 0 };
    int64_t years[TCO_YEARS_MAX];
    bool ok = true;
    if (!want_map(p->l, key->value, "costs by category, a list of years each"))
        return false;
    for (int c = 0; c < TCO_CATEGORIES; c++)
        known[c] = tco_category_name((enum tco_category)c);
    check_keys(p->l, key->value, known, "costs");
    for (const struct node *k = key->value->first; k; k = k->next) {
        int c = find_word(k->text, known);
        if (c < 0)
            continue;
        f->plan.stated[c] = read_years(p, f, k->value, years);
        ok &= f->plan.stated[c];
        for (uint32_t y = 0; f->plan.stated[c] && y < f->plan.n_years; y++)
            f->plan.cost_micros[y][c] = years[y];
    }
    if (ok && !f->plan.n_years)
        report(p->l, key, "no cost");
    return ok && f->plan.n_years;
}

static bool read_reserves(struct plan *p, struct tco_file *f, const struct node *key)
{
    static const char *const known[] = { "run", "improve", NULL };
    if (!key)
        return true;
    if (!want_map(p->l, key->value, "reserves to run and to improve"))
        return false;
    check_keys(p->l, key->value, known, "reserves");
    const struct node *run = require(p->l, key, key->value, "run"),
                      *improve = require(p->l, key, key->value, "improve");
    f->plan.has_reserves = true;
    return run && improve && read_years(p, f, run, f->plan.run_reserve_micros) &&
           read_years(p, f, improve, f->plan.improve_reserve_micros);
}

static bool read_return(struct plan *p, struct tco_file *f)
{
    const struct node *benefits = node_get(p->root, "benefits"), *timing = node_get(p->root, "npv_timing");
    int t = timing ? value_choice(p->l, timing, timings, "timing") : NPV_YEAR_END;
    f->timing = t > 0 ? (enum npv_timing)t : NPV_YEAR_END;
    f->has_benefits = benefits != NULL;
    f->has_discount = node_get(p->root, "discount_rate") != NULL;
    if (f->has_discount && !plan_number(p, p->root, p->root, "discount_rate", NULL, -0.99, 10, &f->discount_rate))
        return false;
    return t >= 0 && (!benefits || read_years(p, f, benefits, f->benefit_micros));
}

static bool read_users(struct plan *p, struct tco_file *f)
{
    const struct node *users = node_get(p->root, "users");
    if (!users)
        return true;
    if (!plan_numbers(p, users, 0, sizeof(f->users) / sizeof(*f->users), f->users, &f->n_users))
        return false;
    const struct node *at = users->first;
    for (uint32_t i = 0; i < f->n_users; i++, at = at->next)
        if (f->users[i] < 1 || f->users[i] > 1e9 || f->users[i] != (double)(int64_t)f->users[i]) {
            report(p->l, at, "expected a number of users, not '%s'", at->text.p);
            return false;
        }
    return true;
}

static bool read_file(struct plan *p, struct tco_file *f)
{
    static const char *const known[] = { "title",    "currency",      "scale",      "costs", "upfront",  "reserves",
                                         "benefits", "discount_rate", "npv_timing", "users", "tco_warn", NULL };
    static const char *const warns[] = { "over_budget", "of_true_cost", NULL };
    static const struct node file = { .text = { "the file", 8 } };
    const double one = 1;
    struct node owner = file; /* an owner with a place for what is missing at the top level */
    owner.source = p->root->source;
    owner.line = p->root->line;
    owner.column = p->root->column;
    check_keys(p->l, p->root, known, "a cost plan");
    const struct node *costs = node_key(p->root, "costs"), *warn = node_get(p->root, "tco_warn");
    const struct node *currency = node_get(p->root, "currency");
    int w = warn ? value_choice(p->l, warn, warns, "warning") : TCO_OVER_BUDGET;
    f->plan.warn = w > 0 ? (enum tco_warn)w : TCO_OVER_BUDGET;
    f->plan.has_upfront = node_get(p->root, "upfront") != NULL;
    bool ok = w >= 0 && plan_number(p, &owner, p->root, "scale", &one, 1, 1e9, &f->scale);
    ok &= require(p->l, &owner, p->root, "costs") && read_costs(p, f, costs);
    ok &= read_reserves(p, f, node_key(p->root, "reserves"));
    ok &= read_return(p, f);
    ok &= read_users(p, f);
    ok &= !currency || value_text(p->l, currency, &f->currency);
    return ok && (!f->plan.has_upfront || plan_money(p, &owner, p->root, "upfront", f->scale, &f->plan.upfront_micros));
}

static double shown(const struct tco_file *f, int64_t micros)
{
    return (double)micros / 1e6 / f->scale;
}

static void put_table(struct plan *p, const struct tco_file *f, const struct tco *r)
{
    json_text_key(&p->json, "categories");
    json_text_open(&p->json, '{');
    svg_chart_group(&p->chart, SLICE("Cost by category"));
    fprintf(p->text, "  %-20s", "");
    for (uint32_t y = 0; y < f->plan.n_years; y++)
        fprintf(p->text, "  year %-4u", y + 1);
    fprintf(p->text, " %10s\n", "total");
    for (int c = 0; c < TCO_CATEGORIES; c++) {
        const char *name = tco_category_name((enum tco_category)c);
        double total = shown(f, r->category_micros[c]);
        fprintf(p->text, "  %-20s", name);
        for (uint32_t y = 0; y < f->plan.n_years; y++)
            fprintf(p->text, " %10.10g", shown(f, f->plan.cost_micros[y][c]));
        fprintf(p->text, " %10.10g%s\n", total, f->plan.stated[c] ? "" : "  not stated");
        plan_json_figure(p, name, (struct figure){ .is_null = !f->plan.stated[c], .value = total });
        plan_bar(p, slice_of(name), total, 2);
    }
    json_text_close(&p->json, '}');
    json_text_key(&p->json, "years");
    json_text_open(&p->json, '[');
    fprintf(p->text, "  %-20s", "total");
    for (uint32_t y = 0; y < f->plan.n_years; y++) {
        json_text_double(&p->json, shown(f, r->year_micros[y]));
        fprintf(p->text, " %10.10g", shown(f, r->year_micros[y]));
    }
    json_text_close(&p->json, ']');
    fprintf(p->text, " %10.10g\n\n", shown(f, r->total_micros));
    plan_json_number(p, "tco", shown(f, r->total_micros));
}

static void put_shares(struct plan *p, const struct tco_file *f, const struct tco *r)
{
    char b1[32], b2[32];
    plan_json_figure(p, "upfront_share", r->upfront_share);
    plan_json_figure(p, "continuing_share", r->continuing_share);
    fprintf(p->text, "up-front share %s, continuing share %s\n", plan_figure_text(r->upfront_share, 3, b1),
            plan_figure_text(r->continuing_share, 3, b2));
    json_text_key(&p->json, "maintenance_ratio");
    json_text_open(&p->json, '[');
    fputs("maintenance ratio per year:", p->text);
    for (uint32_t y = 0; y < f->plan.n_years; y++) {
        struct figure ratio = r->maintenance_ratio[y];
        if (ratio.is_null)
            json_text_null(&p->json);
        else
            json_text_double(&p->json, ratio.value);
        fprintf(p->text, " %s", plan_figure_text(ratio, 2, b1));
    }
    fputc('\n', p->text);
    json_text_close(&p->json, ']');
    plan_json_number(p, "two_year_view", shown(f, r->two_year_micros));
    plan_json_figure(p, "two_year_missing", r->two_year_missing);
    if (!r->two_year_missing.is_null)
        fprintf(p->text, "a two-year view shows %.10g and misses %.1f %%\n", shown(f, r->two_year_micros),
                100 * r->two_year_missing.value);
}

static void put_reserves(struct plan *p, const struct tco_file *f, const struct tco *r)
{
    json_text_key(&p->json, "reserves");
    json_text_open(&p->json, '[');
    for (uint32_t y = TCO_RESERVE_FROM_YEAR - 1; y < f->plan.n_years; y++) {
        const double run[] = { shown(f, r->run[y].low_micros), shown(f, r->run[y].high_micros) };
        const double improve[] = { shown(f, r->improve[y].low_micros), shown(f, r->improve[y].high_micros) };
        json_text_open(&p->json, '{');
        plan_json_number(p, "year", y + 1);
        plan_json_numbers(p, "run", run, 2);
        plan_json_numbers(p, "improve", improve, 2);
        json_text_close(&p->json, '}');
        fprintf(p->text, "reserves to hold in year %u: run %.10g-%.10g, improve %.10g-%.10g\n", y + 1, run[0], run[1],
                improve[0], improve[1]);
    }
    json_text_close(&p->json, ']');
}

/* Beside the total, never instead of it. */
static void put_users(struct plan *p, const struct tco_file *f, const struct tco *r)
{
    json_text_key(&p->json, "per_user_year");
    json_text_open(&p->json, '[');
    for (uint32_t i = 0; i < f->n_users; i++) {
        struct figure each = tco_per_user_year_micros(r->total_micros, (int64_t)f->users[i], f->plan.n_years);
        each.value /= 1e6 * f->scale;
        json_text_open(&p->json, '{');
        plan_json_number(p, "users", f->users[i]);
        plan_json_number(p, "tco", shown(f, r->total_micros));
        plan_json_figure(p, "per_user_year", each);
        json_text_close(&p->json, '}');
        fprintf(p->text, "total %.10g, per user and year with %g users %.3f\n", shown(f, r->total_micros), f->users[i],
                each.value);
    }
    json_text_close(&p->json, ']');
}

static void put_warnings(struct plan *p, const struct tco_file *f, const struct tco *r)
{
    static const struct {
        uint32_t bit;
        const char *id, *text;
    } row[] = {
        { TCO_W_CATEGORY_MISSING, "category_missing", "a category is not stated (0 is a statement)" },
        { TCO_W_YEARS_MISSING, "years_missing", "the plan covers fewer than five years" },
        { TCO_W_MAINTENANCE, "maintenance_ratio", "maintenance outside 0.15..0.25 of the licences" },
        { TCO_W_UPFRONT, "upfront_share", "up-front share outside 0.55..0.65" },
        { TCO_W_RUN_RESERVE, "run_reserve",
          "reserve to keep running not within 15-20 % of the cost in every year from the third" },
        { TCO_W_IMPROVE_RESERVE, "improve_reserve",
          "reserve to improve not within 25-40 % of the cost in every year from the third" },
        { TCO_W_REAL_COST, "real_cost", "real cost likely 35-65 % (worst 80 %) above budget" },
    };
    json_text_key(&p->json, "warnings");
    json_text_open(&p->json, '[');
    for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++)
        if (r->warnings & row[i].bit) {
            json_text_string(&p->json, slice_of(row[i].id));
            fprintf(p->text, "warning: %s\n", row[i].text);
        }
    json_text_close(&p->json, ']');
    if (!(r->warnings & TCO_W_REAL_COST))
        return;
    double total = shown(f, r->total_micros);
    const double likely[] = { total * r->likely_low, total * r->likely_high };
    plan_json_numbers(p, "likely_cost", likely, 2);
    plan_json_number(p, "worst_cost", total * r->worst);
    fprintf(p->text, "  that is %.2f to %.2f, at worst %.2f\n", likely[0], likely[1], total * r->worst);
}

static bool sum_flows(struct tco_file *f, const struct tco *r)
{
    for (uint32_t y = 0; y < f->plan.n_years; y++) {
        f->flow_micros[y] = f->benefit_micros[y] - r->year_micros[y]; /* both >= 0 */
        if (__builtin_add_overflow(f->benefits_micros, f->benefit_micros[y], &f->benefits_micros))
            return false;
    }
    return true;
}

static void put_npv(struct plan *p, const struct tco_file *f)
{
    char b1[32], b2[32];
    struct figure value[2];
    for (int t = NPV_YEAR_END; t <= NPV_YEAR_START; t++) {
        value[t] = npv(f->flow_micros, f->plan.n_years, f->discount_rate, (enum npv_timing)t);
        value[t].value /= 1e6 * f->scale;
    }
    plan_json_number(p, "discount_rate", f->discount_rate);
    plan_json_text(p, "npv_timing", timings[f->timing]);
    plan_json_figure(p, "npv", value[f->timing]);
    plan_json_figure(p, "npv_year_end", value[NPV_YEAR_END]);
    plan_json_figure(p, "npv_year_start", value[NPV_YEAR_START]);
    fprintf(p->text, "NPV at %g %%, %s: %s (%s: %s)\n", 100 * f->discount_rate, timings[f->timing],
            plan_figure_text(value[f->timing], 2, b1), timings[!f->timing], plan_figure_text(value[!f->timing], 2, b2));
}

static void put_return(struct plan *p, struct tco_file *f, const struct tco *r)
{
    char b1[32], b2[32];
    struct figure gain = roi(f->benefits_micros, r->total_micros),
                  years = payback_years(f->flow_micros, f->plan.n_years);
    struct figure months = { .is_null = years.is_null, .value = 12 * years.value };
    struct figure rate = irr(f->flow_micros, f->plan.n_years);
    plan_json_figure(p, "roi", gain);
    plan_json_figure(p, "payback_years", years);
    plan_json_figure(p, "payback_months", months);
    plan_json_figure(p, "irr", rate);
    fprintf(p->text, "\nbenefits %.10g, ROI %s\n", shown(f, f->benefits_micros), plan_figure_text(gain, 4, b1));
    fprintf(p->text, "payback %s years (%s months)\n", plan_figure_text(years, 3, b1), plan_figure_text(months, 1, b2));
    fprintf(p->text, "IRR %s\n", plan_figure_text(rate, 4, b1));
    if (f->has_discount)
        put_npv(p, f);
    svg_chart_group(&p->chart, SLICE("Net flow per year"));
    for (uint32_t y = 0; y < f->plan.n_years; y++) {
        char label[16];
        snprintf(label, sizeof(label), "year %u", y + 1);
        plan_bar(p, arena_copy(&p->arena, slice_of(label)), shown(f, f->flow_micros[y]), 2);
    }
}

static void evaluate(struct plan *p)
{
    struct tco_file f = { 0 };
    struct tco r;
    if (!read_file(p, &f))
        return;
    if (tco_evaluate(&f.plan, &r) != 0 || !sum_flows(&f, &r)) {
        report(p->l, p->root, "the amounts are too large to be added");
        return;
    }
    json_text_key(&p->json, "currency");
    json_text_string(&p->json, f.currency);
    plan_json_number(p, "scale", f.scale);
    fprintf(p->text, "Amounts in %.10g %.*s\n", f.scale, (int)f.currency.n, f.currency.p ? f.currency.p : "");
    put_table(p, &f, &r);
    put_shares(p, &f, &r);
    put_reserves(p, &f, &r);
    put_users(p, &f, &r);
    put_warnings(p, &f, &r);
    if (f.has_benefits)
        put_return(p, &f, &r);
}

int cmd_tco(int argc, char **argv)
{
    return plan_command(argc, argv,
                        "Total cost of ownership of a plan, its checks and reserves, ROI, payback, NPV and IRR.\n"
                        "  --json prints JSON, --svg writes a chart. Exit code 78 if the file has an error.",
                        evaluate);
}
