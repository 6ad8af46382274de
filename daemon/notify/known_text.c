/* An alert as Redis shows it, as a transition. Pure. */
#include <stdlib.h>

#include "crmpulse/cell.h"
#include "crmpulse/out_pb.h"
#include "daemon/http/shown.h"
#include "daemon/notify/known.h"

enum { EVIDENCE_MAX = 32 };

static struct slice unescape(struct arena *a, struct slice text)
{
    char *buf = arena_alloc(a, (size_t)text.n + 1);
    return (struct slice){ buf, buf ? (uint32_t)cell_unescape(text, buf, (size_t)text.n + 1) : 0 };
}

static bool whole(struct slice text, int64_t *ret)
{
    char buf[32], *end;
    if (!text.n || text.n >= sizeof buf)
        return false;
    memcpy(buf, text.p, text.n);
    buf[text.n] = 0;
    *ret = strtoll(buf, &end, 10);
    return !*end;
}

/* "firing level=warning value=0.66 n=6 since=.. id=.." */
static bool read_shown(struct slice shown, struct alert_transition *t)
{
    struct slice word;
    if (!shown_word(&shown, ' ', &t->to_state))
        return false;
    while (shown_word(&shown, ' ', &word)) {
        const struct slice level = shown_named(word, "level"), value = shown_named(word, "value"),
                           n = shown_named(word, "n"), since = shown_named(word, "since"), id = shown_named(word, "id");
        t->level = level.p ? level : t->level;
        t->id = id.p ? id : t->id;
        if (value.p && shown_number(value) && value.n < 32 && !slice_eq(value, SLICE("null"))) {
            char buf[32] = "";
            memcpy(buf, value.p, value.n);
            t->value = strtod(buf, NULL);
            t->is_null = false;
        }
        (void)(n.p && whole(n, &t->samples));
        (void)(since.p && whole(since, &t->occurred_at_ms));
    }
    return t->id.n && t->occurred_at_ms;
}

static void read_evidence(struct arena *a, struct slice list, struct alert_transition *t)
{
    struct slice *v = arena_alloc(a, EVIDENCE_MAX * sizeof *v), id;
    while (v && shown_word(&list, ' ', &id)) {
        if (slice_eq(id, SLICE("...")) || t->evidence_count == EVIDENCE_MAX) {
            t->evidence_truncated = true;
            break;
        }
        v[t->evidence_count++] = unescape(a, id);
    }
    t->evidence_event_ids = v;
}

struct slice known_transition(struct arena *a, const struct definitions *defs, struct slice org, struct slice field,
                              struct slice shown, struct slice evidence)
{
    const struct slice none = { 0 };
    struct shown_field at;
    struct alert_transition t = { .org = org, .is_null = true, .from_state = SLICE("ok") };
    const int i = shown_rule_field(field, &at) ? definitions_rule(defs, at.id) : -1;
    const struct rule_def *rule = i < 0 ? NULL : &defs->rule[i];
    if (!rule || rule->n_milestones || !read_shown(shown, &t) || !slice_eq(t.to_state, SLICE("firing")))
        return none;
    const bool critical = rule->has_critical && slice_eq(t.level, SLICE("critical")) && rule->critical_text;
    t.rule = at.id;
    t.dim = at.dim;
    t.subject = unescape(a, at.subject);
    t.kpi = slice_of(rule->scorecard ? rule->scorecard : defs->kpi[rule->kpi].id);
    t.window = slice_of(rule->window.name);
    t.tick_ms = t.occurred_at_ms;
    t.condition = critical ? slice_of(rule->critical_text) : slice_of(rule->fire_text);
    if (!t.condition.n)
        t.condition = SLICE("fires"); /* no milestone */
    read_evidence(a, evidence, &t);
    return out_pb_alert_transition(a, &t);
}
