/* The section `go_live`: KPIs before and after the CRM went live, from a file of events through the same core as the daemon.
 *
 * Both windows have the same number of whole weeks, so the same mix of weekdays. The settling time after the go-live belongs to neither. Compared with the
 * weeks before the go-live, or with the same weeks a year (52 weeks) earlier. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "appraise.h"
#include "core_run.h"
#include "crmpulse/before_after.h"
#include "crmpulse/config.h"
#include "event_file.h"

enum { KPIS_MAX = 64, WEEKS_PER_YEAR = 52 };

#define DAY_MS INT64_C(86400000)

struct go_live {
    struct plan *p;
    const struct node *key;
    struct config *config;
    struct core_run run;
    struct slice org, subject;
    const struct calendar *cal;
    enum dim dim;
    struct span before, after;
};

/* Midnight of the day so many days later, whatever the clock did in between. */
static int64_t days_later(const struct calendar *cal, int64_t t_ms, int32_t days)
{
    struct civil c = civil_from_unix(&cal->zone, t_ms);
    return civil_day_start(&cal->zone, c.year, c.month, c.day + days);
}

static bool read_events(struct go_live *g, const struct node *at, const char *path)
{
    struct event_file *f = event_file_open(path);
    struct slice line;
    struct core_verdict v;
    int more = 0, rc = 0;
    if (!f) {
        report(g->p->l, at, "cannot read %s: %s", path, strerror(errno));
        return false;
    }
    while (rc == 0 && (more = event_file_next(f, &line)) > 0) {
        rc = core_run_take(&g->run, line, &v);
        if (rc == 0 && v.why != REJECT_NONE)
            report_warning(g->p->l, at, "%s:%llu: %s", path, (unsigned long long)event_file_line(f),
                           event_reject_name(v.why));
    }
    if (more < 0 || rc < 0)
        report(g->p->l, at, "%s cannot be read to its end", path);
    event_file_close(f);
    return more == 0 && rc == 0;
}

/* ---- one figure ---- */

struct found {
    bool any;
    struct kpi_row row;
};

static int keep_row(void *ctx, const struct kpi_row *row)
{
    struct found *f = ctx;
    f->any = true;
    f->row = *row; /* its texts are not used */
    return 0;
}

static bool figure_in(struct go_live *g, int kpi, const struct window *w, int64_t at_ms, struct kpi_row *ret)
{
    const struct row_query q = { .n_at = 1,
                                 .n_kpis = 1,
                                 .n_windows = 1,
                                 .n_dims = 1,
                                 .n_subjects = 1,
                                 .at_ms = &at_ms,
                                 .kpi = &kpi,
                                 .window = w,
                                 .dim = &g->dim,
                                 .subject = &g->subject };
    struct found f = { 0 };
    if (evaluator_rows(g->run.evaluator, &q, keep_row, &f) != 0 || !f.any)
        return false;
    *ret = f.row;
    return true;
}

static bool figure_of_span(struct go_live *g, int kpi, struct span span, struct kpi_row *ret)
{
    const struct window w = { .kind = WINDOW_SPAN, .span = span };
    return figure_in(g, kpi, &w, span.end_ms - 1, ret);
}

/* ---- before and after ---- */

static struct mean_sample mean_of(const struct kpi_row *row)
{
    return (struct mean_sample){ row->mean, row->sd, row->count };
}

/* A share of cases: both sides whole numbers, one a part of the other. Money over money is none. */
static bool is_rate(const struct kpi_def *k, const struct kpi_row *row)
{
    return k->form == KPI_RATIO && k->unit == UNIT_RATIO && row->is_ratio && row->numerator >= 0 &&
           row->numerator <= row->denominator && row->denominator < 1000000000;
}

static const char *compare(const struct kpi_def *k, const struct kpi_row *row, struct change *ret)
{
    bool lower = k->direction == DIRECTION_DOWN;
    if (row[0].has_distribution && row[1].has_distribution) {
        *ret = change_of_means(mean_of(&row[0]), mean_of(&row[1]), lower);
        return "t";
    }
    if (is_rate(k, &row[0]) && is_rate(k, &row[1])) {
        *ret = change_of_rates((struct rate_sample){ row[0].numerator, row[0].denominator },
                               (struct rate_sample){ row[1].numerator, row[1].denominator }, lower);
        return "z";
    }
    *ret = (struct change){ .values_null = row[0].is_null || row[1].is_null,
                            .before = row[0].value,
                            .after = row[1].value,
                            .relative_is_null = row[0].is_null || row[1].is_null || row[0].value == 0,
                            .statistic_is_null = true };
    if (!ret->relative_is_null)
        ret->relative = (row[1].value - row[0].value) / fabs(row[0].value);
    return NULL;
}

static void put_change(struct plan *p, struct slice name, const char *test, const struct change *c)
{
    struct figure before = { .is_null = c->values_null, .value = c->before };
    struct figure after = { .is_null = c->values_null, .value = c->after };
    struct figure relative = { .is_null = c->relative_is_null, .value = c->relative };
    struct figure percent = { .is_null = c->relative_is_null, .value = 100 * c->relative };
    struct figure statistic = { .is_null = c->statistic_is_null, .value = c->statistic };
    const char *verdict = test ? change_verdict_name(c->verdict) : "not tested";
    char b1[32], b2[32], b3[32], b4[32];
    plan_json_figure(p, "before", before);
    plan_json_figure(p, "after", after);
    plan_json_figure(p, "relative", relative);
    plan_json_figure(p, test ? test : "z", statistic);
    plan_json_text(p, "verdict", verdict);
    fprintf(p->text, "  %-24.*s %12s -> %12s  %7s %%  %s %7s  %s\n", (int)name.n, name.p,
            plan_figure_text(before, 4, b1), plan_figure_text(after, 4, b2), plan_figure_text(percent, 1, b3),
            test ? test : "-", plan_figure_text(statistic, 3, b4), verdict);
    svg_chart_group(&p->chart, name);
    svg_chart_bar(&p->chart, SLICE("before"), before.value, b1);
    svg_chart_bar(&p->chart, SLICE("after"), after.value, b2);
}

/* Of the last cycles that were over when the second window ended; those without a value are left out. */
static void put_trend(struct go_live *g, int kpi)
{
    double value[TREND_CYCLES];
    uint32_t n = TREND_CYCLES;
    struct span cycle = calendar_period(g->cal, g->cal->cycle, g->after.end_ms);
    for (int i = 0; i < TREND_CYCLES; i++) {
        struct kpi_row row;
        cycle = calendar_previous(g->cal, g->cal->cycle, cycle.start_ms);
        if (figure_of_span(g, kpi, cycle, &row) && !row.is_null)
            value[--n] = row.value;
    }
    struct trend t = trend_of(value + n, TREND_CYCLES - n);
    struct figure slope = { .is_null = t.is_null, .value = t.slope }, z = { .is_null = t.is_null, .value = t.z };
    char b1[32], b2[32];
    plan_json_number(g->p, "cycles", t.n);
    plan_json_figure(g->p, "slope", slope);
    plan_json_figure(g->p, "trend_z", z);
    plan_json_text(g->p, "trend", trend_direction_name(t.direction));
    fprintf(g->p->text, "  %-24s slope %s per cycle over %u cycles, z %s: %s\n", "", plan_figure_text(slope, 4, b1),
            t.n, plan_figure_text(z, 3, b2), trend_direction_name(t.direction));
}

static void put_kpi(struct go_live *g, const struct node *at)
{
    struct kpi_row row[2];
    int kpi = definitions_kpi(&g->config->defs, at->text);
    if (kpi < 0) {
        report(g->p->l, at, "unknown KPI '%s'", at->text.p);
        return;
    }
    if (!figure_of_span(g, kpi, g->before, &row[0]) || !figure_of_span(g, kpi, g->after, &row[1])) {
        report(g->p->l, at, "'%s' gives no row for this subject", at->text.p);
        return;
    }
    struct change c;
    const char *test = compare(&g->config->defs.kpi[kpi], row, &c);
    json_text_open(&g->p->json, '{');
    plan_json_text(g->p, "kpi", at->text.p);
    put_change(g->p, at->text, test, &c);
    put_trend(g, kpi);
    json_text_close(&g->p->json, '}');
}

static void put_span(struct plan *p, const char *name, struct span span)
{
    char from[32], to[32];
    from[time_format(span.start_ms, from, sizeof from - 1)] = 0;
    to[time_format(span.end_ms, to, sizeof to - 1)] = 0;
    const double ms[] = { (double)span.start_ms, (double)span.end_ms };
    plan_json_numbers(p, name, ms, 2);
    fprintf(p->text, "  %s: %s to %s\n", name, from, to);
}

/* ---- reading ---- */

static bool place_windows(struct go_live *g, const struct node *map)
{
    static const char *const against[] = { "before", "year_ago", NULL };
    const double twelve = 12, thirty = SETTLING_DAYS;
    double weeks, settle;
    struct slice text;
    int64_t live_ms;
    const struct node *at = require(g->p->l, g->key, map, "at"), *n = node_get(map, "against");
    int how = n ? value_choice(g->p->l, n, against, "comparison") : 0;
    if (!at || how < 0 || !value_text(g->p->l, at, &text) ||
        !plan_number(g->p, g->key, map, "weeks", &twelve, 1, 520, &weeks) ||
        !plan_number(g->p, g->key, map, "settle_days", &thirty, 0, 365, &settle))
        return false;
    if (time_parse(g->cal, text, &live_ms) < 0) {
        report(g->p->l, at, "expected a date or a time, not '%s'", at->text.p);
        return false;
    }
    int32_t days = 7 * (int32_t)weeks;
    live_ms = days_later(g->cal, live_ms, 0);
    g->after.start_ms = days_later(g->cal, live_ms, (int32_t)settle);
    g->after.end_ms = days_later(g->cal, g->after.start_ms, days);
    g->before = (struct span){ days_later(g->cal, live_ms, -days), live_ms };
    if (how == 1)
        g->before = (struct span){ days_later(g->cal, g->after.start_ms, -7 * WEEKS_PER_YEAR),
                                   days_later(g->cal, g->after.end_ms, -7 * WEEKS_PER_YEAR) };
    return true;
}

static bool choose_subject(struct go_live *g, const struct node *map)
{
    const struct node *org = require(g->p->l, g->key, map, "org"), *dim = node_get(map, "dim"),
                      *subject = node_get(map, "subject");
    struct slice name = SLICE("org");
    if (!org || !value_text(g->p->l, org, &g->org) || (dim && !value_text(g->p->l, dim, &name)) ||
        (subject && !value_text(g->p->l, subject, &g->subject)))
        return false;
    int d = dim_by_name(name);
    const struct org_def *def = definitions_org(&g->config->defs, g->org);
    if (d < 0 || !def)
        report(g->p->l, d < 0 ? dim : org, d < 0 ? "unknown dimension '%s'" : "the configuration has no org '%s'",
               d < 0 ? name.p : g->org.p);
    if (d < 0 || !def)
        return false;
    g->dim = (enum dim)d;
    g->cal = &def->calendar;
    if (g->dim == DIM_ORG || !subject)
        g->subject = g->org;
    return true;
}

static void evaluate(struct go_live *g, const struct node *map)
{
    struct plan *p = g->p;
    const struct node *kpis = require(p->l, g->key, map, "kpis"), *events = require(p->l, g->key, map, "events");
    struct slice path;
    if (!kpis || !events || !value_text(p->l, events, &path) || !want_list(p->l, kpis, "a list of KPIs") ||
        !choose_subject(g, map) || !place_windows(g, map) || !read_events(g, events, path.p))
        return;
    json_text_key(&p->json, "go_live");
    json_text_open(&p->json, '{');
    fputs("Before and after the go-live\n", p->text);
    put_span(p, "before", g->before);
    put_span(p, "after", g->after);
    json_text_key(&p->json, "kpis");
    json_text_open(&p->json, '[');
    for (const struct node *k = kpis->first; k; k = k->next)
        put_kpi(g, k);
    fputc('\n', p->text);
    json_text_close(&p->json, ']');
    json_text_close(&p->json, '}');
}

static bool load_config(struct go_live *g, const struct node *map)
{
    const struct node *config = node_get(map, "config");
    const struct config_load_options opt = { 0 };
    struct config_problems problems = { 0 };
    struct slice path = { 0 };
    if (config && !value_text(g->p->l, config, &path))
        return false;
    g->config = config_load(path.p, &opt, &problems);
    if (!g->config)
        report(g->p->l, config ? config : g->key, "%s: %s", path.p ? path.p : "the built-in configuration",
               problems.n ? problems.v[0].message : "cannot be read");
    config_problems_release(&problems);
    return g->config != NULL;
}

void appraise_go_live(struct plan *p, const struct node *key)
{
    static const char *const known[] = { "events", "config",      "org",     "dim",  "subject", "at",
                                         "weeks",  "settle_days", "against", "kpis", NULL };
    struct go_live g = { .p = p, .key = key };
    const struct node *map = want_map(p->l, key->value, "events, an org, a date and KPIs");
    struct timespec now;
    if (!map)
        return;
    check_keys(p->l, map, known, "go_live");
    if (!load_config(&g, map))
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    if (core_run_init(&g.run, &g.config->defs, (int64_t)now.tv_sec * 1000) == 0)
        evaluate(&g, map);
    else
        report(p->l, key, "out of memory");
    core_run_release(&g.run);
    config_free(g.config);
}
