/* Words for an explanation: the first line says the state, the second why. Everything in it comes from struct explanation. */
#include "explain_text.h"

#include "daemon/codec/json_text.h"

enum { PANES_SHOWN = 12, WHY_MAX = 200 };

static const char *time_of(int64_t unix_ms, char *buf, size_t cap)
{
    if (unix_ms == INT64_MIN)
        return "never";
    size_t n = time_format(unix_ms, buf, cap);
    buf[n < cap ? n : cap - 1] = 0;
    return buf;
}

static bool is(const struct explanation *x, const char *state)
{
    return strcmp(x->state, state) == 0;
}

/* Why the state is what it is. */
static void why(const struct explanation *x, char *buf, size_t cap)
{
    const struct rule_def *r = x->rule;
    if (!x->complete)
        snprintf(buf, cap, "it judges complete windows, and none is complete yet");
    else if (!x->has_value)
        snprintf(buf, cap, "there is no value: no denominator or no sample in the window");
    else if (!x->started)
        snprintf(buf, cap, "it judges this window later: too early in it");
    else if (!x->enough)
        snprintf(buf, cap, "sample too small: %lld, it needs %lld; that neither fires nor clears",
                 (long long)x->samples, (long long)r->min_samples);
    else if (r->n_milestones)
        snprintf(buf, cap, "%u of %u milestones are passed; what is passed stays passed in its cycle", x->milestones,
                 r->n_milestones);
    else if (is(x, "pending"))
        snprintf(buf, cap, "the fire condition holds, but not for %lld s yet", (long long)(r->for_ms / 1000));
    else if (is(x, "recovering"))
        snprintf(buf, cap, "the clear condition holds, but not for %lld s yet", (long long)(r->for_ms / 1000));
    else if (x->fires)
        snprintf(buf, cap, "the fire condition holds");
    else if (x->clears)
        snprintf(buf, cap, "the clear condition holds");
    else
        snprintf(buf, cap, "the value is between the two thresholds: the state stays");
}

static void condition(FILE *to, const char *name, const char *text, bool holds)
{
    if (text)
        fprintf(to, "  %-12s %-28s %s\n", name, text, holds ? "holds" : "does not hold");
}

static void measure(FILE *to, const struct explained_measure *m)
{
    char at[40];
    fprintf(to, "  %s%s%s = %lld%s", m->id, *m->part ? "." : "", m->part, (long long)m->total,
            m->gauge ? " as of now" : "");
    uint32_t from = m->n_panes > PANES_SHOWN ? m->n_panes - PANES_SHOWN : 0;
    if (from)
        fprintf(to, "; the newest %d of %u panes:", PANES_SHOWN, m->n_panes);
    else if (m->n_panes)
        fputs("; panes:", to);
    for (uint32_t i = from; i < m->n_panes; i++)
        fprintf(to, " %.13sZ %+lld", time_of(m->pane[i].start_ms, at, sizeof at), (long long)m->pane[i].value);
    fputc('\n', to);
}

/* The columns beside the value: of a score, what each part gives to it. */
static void columns(FILE *to, const struct explanation *x)
{
    bool any = false;
    for (uint32_t i = 0; x->columns && i < x->columns->n_extras; i++) {
        const struct kpi_extra *c = &x->columns->extra[i];
        if (x->extra_null[i] || (c->flag && !x->extra[i]))
            continue;
        fprintf(to, any ? ", %s" : "  beside it: %s", c->name);
        if (!c->flag)
            fprintf(to, " %lld", (long long)x->extra[i]);
        any = true;
    }
    if (any)
        fputc('\n', to);
}

static void evidence(FILE *to, const struct explanation *x)
{
    if (!x->n_evidence)
        return;
    fputs(x->evidence_truncated ? "  newest evidence:" : "  evidence:", to);
    for (uint32_t i = 0; i < x->n_evidence; i++)
        fprintf(to, " %.*s", (int)x->evidence[i].n, x->evidence[i].p);
    fputc('\n', to);
}

static void value(FILE *to, const struct kpi_def *kpi, const struct explanation *x)
{
    char from[40], until[40];
    fprintf(to, "  %s %s", kpi->id, x->rule->window.name);
    if (x->rule->stat)
        fprintf(to, " p%d", x->rule->stat);
    if (x->has_value)
        fprintf(to, " = %.9g", x->figure);
    else
        fputs(" has no value", to);
    if (x->is_ratio)
        fprintf(to, " (%lld/%lld)", (long long)x->numerator, (long long)x->denominator);
    fprintf(to, ", window %s .. %s", time_of(x->window.start_ms, from, sizeof from),
            time_of(x->window.end_ms, until, sizeof until));
    if (x->has_samples)
        fprintf(to, ", n %lld (needs %lld)", (long long)x->samples, (long long)x->rule->min_samples);
    fputc('\n', to);
}

void explain_text(FILE *to, const struct kpi_def *kpi, const struct explanation *x)
{
    char since[40], judged[40], reason[WHY_MAX];
    const struct rule_def *r = x->rule;
    why(x, reason, sizeof reason);
    fprintf(to, "%s, %s %.*s of %.*s: %s%s", r->id, dim_name(x->dim), (int)x->subject.n, x->subject.p, (int)x->org.n,
            x->org.p, x->state, x->critical ? " (critical)" : "");
    if (x->since_ms)
        fprintf(to, " since %s", time_of(x->since_ms, since, sizeof since));
    fprintf(to, ", judged up to %s\n  why: %s\n", time_of(x->judged_ms, judged, sizeof judged), reason);
    if (x->complete) {
        value(to, kpi, x);
        columns(to, x);
    }
    condition(to, "fires at", r->fire_text, x->fires);
    condition(to, "critical at", r->critical_text, x->is_critical);
    condition(to, "clears at", r->clear_text, x->clears);
    for (uint32_t i = 0; i < x->n_measures; i++)
        measure(to, &x->measure[i]);
    evidence(to, x);
}

/* ---- JSON ---- */

static void text(struct json_text *t, const char *key, struct slice s)
{
    json_text_key(t, key);
    json_text_string(t, s);
}

static void integer(struct json_text *t, const char *key, int64_t n)
{
    json_text_key(t, key);
    json_text_int(t, n);
}

static void flag(struct json_text *t, const char *key, bool value)
{
    json_text_key(t, key);
    json_text_bool(t, value);
}

static void figures(struct json_text *t, const struct explanation *x)
{
    json_text_key(t, "value");
    if (x->has_value)
        json_text_double(t, x->figure);
    else
        json_text_null(t);
    if (x->is_ratio) {
        integer(t, "numerator", x->numerator);
        integer(t, "denominator", x->denominator);
    }
    if (x->has_samples)
        integer(t, "samples", x->samples);
    integer(t, "min_samples", x->rule->min_samples);
    integer(t, "window_start_ms", x->window.start_ms);
    integer(t, "window_end_ms", x->window.end_ms);
    flag(t, "enough", x->enough);
    flag(t, "fires", x->fires);
    flag(t, "fires_critical", x->is_critical);
    flag(t, "clears", x->clears);
}

static void column_values(struct json_text *t, const struct explanation *x)
{
    if (!x->columns || !x->columns->n_extras)
        return;
    json_text_key(t, "columns");
    json_text_open(t, '{');
    for (uint32_t i = 0; i < x->columns->n_extras; i++) {
        json_text_key(t, x->columns->extra[i].name);
        if (x->extra_null[i])
            json_text_null(t);
        else
            json_text_int(t, x->extra[i]);
    }
    json_text_close(t, '}');
}

static void thresholds(struct json_text *t, const struct rule_def *r)
{
    const struct {
        const char *key, *text;
    } all[] = { { "fire_at", r->fire_text }, { "critical_at", r->critical_text }, { "clear_at", r->clear_text } };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].text)
            text(t, all[i].key, slice_of(all[i].text));
    integer(t, "for_ms", r->for_ms);
}

static void measures(struct json_text *t, const struct explanation *x)
{
    json_text_key(t, "measures");
    json_text_open(t, '[');
    for (uint32_t i = 0; i < x->n_measures; i++) {
        const struct explained_measure *m = &x->measure[i];
        json_text_open(t, '{');
        text(t, "measure", slice_of(m->id));
        text(t, "part", slice_of(m->part));
        integer(t, "total", m->total);
        json_text_key(t, "panes");
        json_text_open(t, '[');
        for (uint32_t k = 0; k < m->n_panes; k++) {
            json_text_open(t, '{');
            integer(t, "start_ms", m->pane[k].start_ms);
            integer(t, "value", m->pane[k].value);
            json_text_close(t, '}');
        }
        json_text_close(t, ']');
        json_text_close(t, '}');
    }
    json_text_close(t, ']');
}

struct slice explain_json(struct arena *a, const struct kpi_def *kpi, const struct explanation *x)
{
    struct json_text t;
    char reason[WHY_MAX];
    why(x, reason, sizeof reason);
    json_text_init(&t, a);
    json_text_open(&t, '{');
    text(&t, "rule", slice_of(x->rule->id));
    text(&t, "org", x->org);
    text(&t, "dim", slice_of(dim_name(x->dim)));
    text(&t, "subject", x->subject);
    text(&t, "state", slice_of(x->state));
    flag(&t, "critical", x->critical);
    if (x->rule->n_milestones)
        integer(&t, "milestones", x->milestones);
    integer(&t, "since_ms", x->since_ms);
    if (x->judged_ms != INT64_MIN)
        integer(&t, "judged_ms", x->judged_ms);
    text(&t, "why", slice_of(reason));
    text(&t, "kpi", slice_of(kpi->id));
    text(&t, "window", slice_of(x->rule->window.name));
    if (x->complete) {
        figures(&t, x);
        column_values(&t, x);
    }
    thresholds(&t, x->rule);
    measures(&t, x);
    json_text_key(&t, "evidence");
    json_text_open(&t, '[');
    for (uint32_t i = 0; i < x->n_evidence; i++)
        json_text_string(&t, x->evidence[i]);
    json_text_close(&t, ']');
    flag(&t, "evidence_truncated", x->evidence_truncated);
    json_text_close(&t, '}');
    return json_text_end(&t);
}
