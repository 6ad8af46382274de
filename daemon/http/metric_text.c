/* The text of metrics. Formats: prometheus/docs, exposition_formats.md; OpenMetrics 1.0. */
#include "daemon/http/metric_text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "crmpulse/utf8.h"

const char *const metric_content_type[2] = { "text/plain; version=0.0.4; charset=utf-8",
                                             "application/openmetrics-text; version=1.0.0; charset=utf-8" };

static const struct {
    const char *suffix;    /* of its samples */
    const char *name[2];   /* in "# TYPE", [openmetrics] */
    bool family_has_it[2]; /* does the family's name have the suffix? */
} types[] = {
    [METRIC_COUNTER] = { "_total", { "counter", "counter" }, { true, false } },
    [METRIC_GAUGE] = { "", { "gauge", "gauge" }, { false, false } },
    [METRIC_HISTOGRAM] = { "", { "histogram", "histogram" }, { false, false } },
    [METRIC_INFO] = { "_info", { "gauge", "info" }, { true, false } },
};

static const double micros_in_second = 1e6;

/* Both formats escape backslash and line feed everywhere, quotes in labels; OpenMetrics in the help, too. */
static void add_escaped(struct body *t, struct slice s, bool quote)
{
    const bool good = utf8_valid(s.p, s.n);
    for (uint32_t i = 0; i < s.n; i++) {
        const char c = s.p[i];
        if (c == '\\')
            body_add(t, "\\\\", 2);
        else if (c == '\n')
            body_add(t, "\\n", 2);
        else if (c == '"' && quote)
            body_add(t, "\\\"", 2);
        else if (!good && (unsigned char)c >= 0x80)
            body_add(t, "?", 1);
        else
            body_add(t, &c, 1);
    }
}

static void head_line(struct metric_writer *w, const char *what, const char *value, bool quote)
{
    body_addf(w->to, "# %s %s%s ", what, w->at->name,
              types[w->at->type].family_has_it[w->openmetrics] ? types[w->at->type].suffix : "");
    add_escaped(w->to, slice_of(value), quote);
    body_add(w->to, "\n", 1);
}

void metric_begin(struct metric_writer *w, const struct metric *m)
{
    w->at = m;
    if (w->openmetrics) {
        head_line(w, "TYPE", types[m->type].name[1], false);
        if (*m->unit)
            head_line(w, "UNIT", m->unit, false);
        head_line(w, "HELP", m->help, true);
    } else {
        head_line(w, "HELP", m->help, false);
        head_line(w, "TYPE", types[m->type].name[0], false);
    }
}

static void begin_sample(struct metric_writer *w, const char *suffix, const struct metric_label *labels, uint32_t n,
                         const char *le)
{
    body_add_z(w->to, w->at->name);
    body_add_z(w->to, suffix);
    if (n || le)
        body_add(w->to, "{", 1);
    for (uint32_t i = 0; i < n; i++) {
        body_addf(w->to, "%s%s=\"", i ? "," : "", labels[i].name);
        add_escaped(w->to, labels[i].value, true);
        body_add(w->to, "\"", 1);
    }
    if (le)
        body_addf(w->to, "%sle=\"%s\"", n ? "," : "", le);
    body_add_z(w->to, n || le ? "} " : " ");
}

static void end_sample(struct metric_writer *w, double v)
{
    if (isinf(v))
        body_add_z(w->to, v < 0 ? "-Inf" : "+Inf");
    else
        body_add_double(w->to, v);
    body_add(w->to, "\n", 1);
}

void metric_sample(struct metric_writer *w, const struct metric_label *labels, uint32_t n, double v)
{
    if (isnan(v))
        return;
    begin_sample(w, types[w->at->type].suffix, labels, n, NULL);
    end_sample(w, v);
}

void metric_count(struct metric_writer *w, const struct metric_label *labels, uint32_t n, uint64_t v)
{
    begin_sample(w, types[w->at->type].suffix, labels, n, NULL);
    body_addf(w->to, "%" PRIu64 "\n", v);
}

/* "0.00025"; OpenMetrics wants a float: "1.0", not "1". */
static void bound_text(double bound, char *buf, size_t cap)
{
    int n = snprintf(buf, cap, "%g", bound);
    if (n > 0 && !strpbrk(buf, ".e") && (size_t)n + 3 <= cap)
        memcpy(buf + n, ".0", 3);
}

void metric_durations(struct metric_writer *w, const struct metric_label *labels, uint32_t n,
                      const struct duration_histogram *h)
{
    static const uint32_t bound[DURATION_BUCKETS] = DURATION_BOUNDS_MICROS;
    uint64_t below = 0;
    char le[32];
    for (int i = 0; i < DURATION_BUCKETS; i++) {
        below += h->bucket[i];
        bound_text(bound[i] / micros_in_second, le, sizeof le);
        begin_sample(w, "_bucket", labels, n, le);
        body_addf(w->to, "%" PRIu64 "\n", below);
    }
    begin_sample(w, "_bucket", labels, n, "+Inf");
    body_addf(w->to, "%" PRIu64 "\n", h->n);
    begin_sample(w, "_sum", labels, n, NULL);
    end_sample(w, (double)h->sum_micros / micros_in_second);
    begin_sample(w, "_count", labels, n, NULL);
    body_addf(w->to, "%" PRIu64 "\n", h->n);
}

void metric_end(struct metric_writer *w)
{
    if (w->openmetrics)
        body_add_z(w->to, "# EOF\n");
}
