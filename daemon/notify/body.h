/* The bodies of requests: one function per shape, alerts in, JSON out. Pure. */
#ifndef CRMPULSE_NOTIFY_BODY_H
#define CRMPULSE_NOTIFY_BODY_H

#include "crmpulse/arena.h"
#include "crmpulse/defs.h"
#include "daemon/notify/note.h"

/* An alert as it is told. */
struct told {
    const struct note *note;
    bool resolved;
    int64_t starts_ms; /* unix ms */
    int64_t ends_ms;   /* of a firing one: until when it is to be taken for firing; Alertmanager alone is told that */
};

struct body_context {
    const struct definitions *defs; /* units of KPIs */
    const char *receiver;           /* its name */
    const char *external_url;       /* "": none */
};

/* The text in the arena, p NULL without memory; n is at least 1. */
typedef struct slice (*body_of)(struct arena *a, const struct body_context *c, const struct told *v, uint32_t n);

/* POST /api/v2/alerts of Alertmanager: an array of alerts. */
struct slice body_alertmanager(struct arena *a, const struct body_context *c, const struct told *v, uint32_t n);
/* The webhook of Alertmanager, version 4. The alerts are of one rule and org: that is the group. */
struct slice body_webhook(struct arena *a, const struct body_context *c, const struct told *v, uint32_t n);
/* An incoming webhook of Slack, or of what speaks like it: one message, a line for each alert, at most BODY_SLACK_LINES of them and how many more there are. */
enum { BODY_SLACK_LINES = 20 };
struct slice body_slack(struct arena *a, const struct body_context *c, const struct told *v, uint32_t n);

/* ---- between the bodies ---- */

struct json_text;

enum { FIGURE_MAX = 64, SENTENCE_MAX = 1024 };
/* A figure in the unit of its KPI for people: "21.5 %", "60000.00", "4.5 h". `kpi` that nobody knows: the bare number. */
void body_figure(const struct definitions *defs, const char *kpi, double value, char ret[FIGURE_MAX]);
/* "win_rate 30d of rep ann (acme) is 21.5 %: value < 0.25" */
void body_sentence(const struct definitions *defs, const struct note *note, char ret[SENTENCE_MAX]);
/* A member "labels", and one named `key` with what else is said of an alert. */
void body_labels(struct json_text *t, const struct note *note);
void body_annotations(struct json_text *t, const char *key, const struct definitions *defs, const struct note *note);
/* A member with an instant as RFC 3339. */
void body_time(struct json_text *t, const char *key, int64_t unix_ms);
void body_text(struct json_text *t, const char *key, const char *value);
/* "<external_url>/?org=<org>", or "". Org percent-encoded. */
void body_link(struct json_text *t, const char *key, const struct body_context *c, const struct note *note);

#endif
