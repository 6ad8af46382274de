/* What the bodies share: labels, annotations, instants, figures for people. */
#include "daemon/notify/body.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "crmpulse/calendar.h"
#include "daemon/codec/json_text.h"

enum { INSTANT_MAX = 40, LINK_MAX = 2048 };

void body_text(struct json_text *t, const char *key, const char *value)
{
    json_text_key(t, key);
    json_text_string(t, slice_of(value));
}

void body_time(struct json_text *t, const char *key, int64_t unix_ms)
{
    char text[INSTANT_MAX] = "";
    (void)time_format(unix_ms, text, sizeof text);
    body_text(t, key, text);
}

/* ---- figures ---- */

static void milliseconds(double ms, char ret[FIGURE_MAX])
{
    static const struct {
        double ms;
        const char *name;
    } units[] = { { 86400000, "d" }, { 3600000, "h" }, { 60000, "min" }, { 1000, "s" }, { 1, "ms" } };
    size_t i = 0;
    while (i < 4 && fabs(ms) < units[i].ms)
        i++;
    snprintf(ret, FIGURE_MAX, "%.4g %s", ms / units[i].ms, units[i].name);
}

void body_figure(const struct definitions *defs, const char *kpi, double value, char ret[FIGURE_MAX])
{
    const int k = definitions_kpi(defs, slice_of(kpi));
    switch (k < 0 ? UNIT_COUNT : defs->kpi[k].unit) {
    case UNIT_RATIO:
        snprintf(ret, FIGURE_MAX, "%.4g %%", value * 100);
        return;
    case UNIT_MICROS:
        snprintf(ret, FIGURE_MAX, "%.2f", value / 1e6);
        return;
    case UNIT_MS:
        milliseconds(value, ret);
        return;
    case UNIT_DAYS:
        snprintf(ret, FIGURE_MAX, "%.4g days", value);
        return;
    case UNIT_MONTHS:
        snprintf(ret, FIGURE_MAX, "%.4g months", value);
        return;
    case UNIT_COUNT:
    case UNIT_SCORE:
        break;
    }
    snprintf(ret, FIGURE_MAX, "%.10g", value);
}

void body_sentence(const struct definitions *defs, const struct note *note, char ret[SENTENCE_MAX])
{
    const Crmpulse__V1__AlertTransition *m = note->m;
    char figure[FIGURE_MAX] = "unknown", passed[FIGURE_MAX + 16] = "";
    if (!m->is_null)
        body_figure(defs, m->kpi, m->value, figure);
    if (note->passing) {
        char milestone[FIGURE_MAX];
        body_figure(defs, m->kpi, m->threshold, milestone);
        snprintf(passed, sizeof passed, ": passed %s", milestone);
    }
    (void)snprintf(ret, SENTENCE_MAX, "%.64s %.32s of %.32s %.200s (%.200s) is %s%s%s%.200s", m->kpi, m->window, m->dim,
                   m->subject, m->org, figure, passed, *m->condition ? ": " : "", m->condition);
}

/* ---- labels and annotations ---- */

void body_labels(struct json_text *t, const struct note *note)
{
    struct note_label label[NOTE_LABELS];
    note_labels(note, label);
    json_text_key(t, "labels");
    json_text_open(t, '{');
    for (int i = 0; i < NOTE_LABELS; i++)
        if (*label[i].value)
            body_text(t, label[i].name, label[i].value);
    json_text_close(t, '}');
}

/* Event ids in order, with commas between them; " .." at the end: there are more. */
static void evidence(struct json_text *t, const Crmpulse__V1__AlertTransition *m)
{
    enum { EVIDENCE_MAX = 32 * 130 + 8 };
    char text[EVIDENCE_MAX];
    size_t n = 0;
    bool more = m->evidence_truncated;
    for (size_t i = 0; i < m->n_evidence_event_ids; i++) {
        if (n + strlen(m->evidence_event_ids[i]) + 8 > sizeof text) {
            more = true;
            break;
        }
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", n ? "," : "", m->evidence_event_ids[i]);
    }
    if (more)
        n += (size_t)snprintf(text + n, sizeof text - n, " ..");
    if (n)
        body_text(t, "evidence", text);
}

void body_annotations(struct json_text *t, const char *key, const struct definitions *defs, const struct note *note)
{
    const Crmpulse__V1__AlertTransition *m = note->m;
    char text[SENTENCE_MAX], figure[FIGURE_MAX];
    json_text_key(t, key);
    json_text_open(t, '{');
    body_sentence(defs, note, text);
    body_text(t, "summary", text);
    if (!m->is_null) {
        body_figure(defs, m->kpi, m->value, figure);
        body_text(t, "value", figure);
    }
    if (*m->condition)
        body_text(t, "condition", m->condition);
    snprintf(figure, sizeof figure, "%lld", (long long)m->samples);
    body_text(t, "samples", figure);
    evidence(t, m);
    if (m->page)
        body_text(t, "page", "true");
    body_text(t, "transition", m->id);
    json_text_close(t, '}');
}

void body_link(struct json_text *t, const char *key, const struct body_context *c, const struct note *note)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";
    char text[LINK_MAX] = "";
    if (*c->external_url) {
        const size_t end = strlen(c->external_url);
        const int slash = c->external_url[end - 1] == '/';
        int n = snprintf(text, sizeof text, "%s%s?org=", c->external_url, slash ? "" : "/");
        for (const char *p = note->m->org; *p && n > 0 && (size_t)n + 4 < sizeof text; p++)
            n += snprintf(text + n, sizeof text - (size_t)n, strchr(plain, *p) ? "%c" : "%%%02X", (unsigned char)*p);
    }
    body_text(t, key, text);
}
