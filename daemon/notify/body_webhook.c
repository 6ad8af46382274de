/* The body that Alertmanager's webhook sends, version "4": what many receivers understand. The group is org and rule. */
#include <stdio.h>
#include <string.h>

#include "daemon/codec/json_text.h"
#include "daemon/notify/body.h"

static const char *status_of(bool resolved)
{
    return resolved ? "resolved" : "firing";
}

static void group_labels(struct json_text *t, const struct note *note)
{
    json_text_key(t, "groupLabels");
    json_text_open(t, '{');
    body_text(t, "alertname", note->m->rule);
    body_text(t, "org", note->m->org);
    json_text_close(t, '}');
}

/* A text of the form that Alertmanager's own have; opaque to receivers, the same for the same group. */
static void group_key(struct json_text *t, struct arena *a, const struct note *note)
{
    const size_t cap = strlen(note->m->rule) + strlen(note->m->org) + 40;
    char *text = arena_alloc(a, cap);
    if (text)
        (void)snprintf(text, cap, "{}:{alertname=\"%s\", org=\"%s\"}", note->m->rule, note->m->org);
    body_text(t, "groupKey", text ? text : "");
}

/* Those that all alerts have with one value. */
static void common_labels(struct json_text *t, const struct told *v, uint32_t n)
{
    struct note_label first[NOTE_LABELS], other[NOTE_LABELS];
    bool common[NOTE_LABELS];
    note_labels(v->note, first);
    for (int k = 0; k < NOTE_LABELS; k++)
        common[k] = *first[k].value;
    for (uint32_t i = 1; i < n; i++) {
        note_labels(v[i].note, other);
        for (int k = 0; k < NOTE_LABELS; k++)
            common[k] &= strcmp(first[k].value, other[k].value) == 0;
    }
    json_text_key(t, "commonLabels");
    json_text_open(t, '{');
    for (int k = 0; k < NOTE_LABELS; k++)
        if (common[k])
            body_text(t, first[k].name, first[k].value);
    json_text_close(t, '}');
}

/* Each alert names its transition: only one alone has what it says in common with itself. */
static void common_annotations(struct json_text *t, const struct body_context *c, const struct told *v, uint32_t n)
{
    if (n == 1) {
        body_annotations(t, "commonAnnotations", c->defs, v->note);
        return;
    }
    json_text_key(t, "commonAnnotations");
    json_text_open(t, '{');
    json_text_close(t, '}');
}

static void alert(struct json_text *t, const struct body_context *c, const struct told *v)
{
    char fingerprint[20];
    json_text_open(t, '{');
    body_text(t, "status", status_of(v->resolved));
    body_labels(t, v->note);
    body_annotations(t, "annotations", c->defs, v->note);
    body_time(t, "startsAt", v->starts_ms);
    if (v->resolved)
        body_time(t, "endsAt", v->ends_ms);
    else
        body_text(t, "endsAt", "0001-01-01T00:00:00Z"); /* as Alertmanager says that there is none */
    body_link(t, "generatorURL", c, v->note);
    snprintf(fingerprint, sizeof fingerprint, "%016llx", (unsigned long long)note_fingerprint(v->note));
    body_text(t, "fingerprint", fingerprint);
    json_text_close(t, '}');
}

struct slice body_webhook(struct arena *a, const struct body_context *c, const struct told *v, uint32_t n)
{
    struct json_text t;
    bool resolved = true;
    for (uint32_t i = 0; i < n; i++)
        resolved &= v[i].resolved;
    json_text_init(&t, a);
    json_text_open(&t, '{');
    body_text(&t, "version", "4");
    group_key(&t, a, v->note);
    json_text_key(&t, "truncatedAlerts");
    json_text_int(&t, 0);
    body_text(&t, "status", status_of(resolved));
    body_text(&t, "receiver", c->receiver);
    group_labels(&t, v->note);
    common_labels(&t, v, n);
    common_annotations(&t, c, v, n);
    body_text(&t, "externalURL", c->external_url);
    json_text_key(&t, "alerts");
    json_text_open(&t, '[');
    for (uint32_t i = 0; i < n; i++)
        alert(&t, c, &v[i]);
    json_text_close(&t, ']');
    json_text_close(&t, '}');
    return json_text_end(&t);
}
