/* Outputs as JSON text for people and scripts. A null value is null, not 0; figures that a KPI does not have are left out. */
#include "row_json.h"

#include <stdlib.h>

#include "daemon/codec/json_text.h"

static void text(struct json_text *t, const char *key, struct slice value)
{
    json_text_key(t, key);
    json_text_string(t, value);
}

static void integer(struct json_text *t, const char *key, int64_t value)
{
    json_text_key(t, key);
    json_text_int(t, value);
}

static void number(struct json_text *t, const char *key, double value, bool null)
{
    json_text_key(t, key);
    if (null)
        json_text_null(t);
    else
        json_text_double(t, value);
}

static void boolean(struct json_text *t, const char *key, bool value)
{
    json_text_key(t, key);
    json_text_bool(t, value);
}

static void ratio(struct json_text *t, bool is_ratio, int64_t numerator, int64_t denominator)
{
    json_text_key(t, "numerator");
    if (is_ratio)
        json_text_int(t, numerator);
    else
        json_text_null(t);
    json_text_key(t, "denominator");
    if (is_ratio)
        json_text_int(t, denominator);
    else
        json_text_null(t);
}

/* Flags of the form name=number are columns of their own ("weighted=..", "count=.."). */
static void extras(struct json_text *t, struct slice flags)
{
    for (const char *p = flags.p, *end = flags.p + flags.n; p && p < end;) {
        const char *stop = memchr(p, ',', (size_t)(end - p));
        stop = stop ? stop : end;
        const char *eq = memchr(p, '=', (size_t)(stop - p));
        char key[64], value[32];
        if (eq && eq > p && eq - p < (long)sizeof key && stop - eq - 1 < (long)sizeof value && eq + 1 < stop &&
            (eq[1] == '-' || (eq[1] >= '0' && eq[1] <= '9'))) {
            memcpy(key, p, (size_t)(eq - p));
            key[eq - p] = 0;
            memcpy(value, eq + 1, (size_t)(stop - eq - 1));
            value[stop - eq - 1] = 0;
            integer(t, key, strtoll(value, NULL, 10));
        }
        p = stop + 1;
    }
}

struct slice row_json(struct arena *a, const struct kpi_row *r)
{
    struct json_text t;
    json_text_init(&t, a);
    json_text_open(&t, '{');
    text(&t, "org", r->org);
    text(&t, "kpi", r->kpi);
    text(&t, "window", r->window);
    text(&t, "dim", r->dim);
    text(&t, "subject", r->subject);
    integer(&t, "at_ms", r->at_ms);
    number(&t, "value", r->value, r->is_null);
    ratio(&t, r->is_ratio, r->numerator, r->denominator);
    if (r->has_distribution) {
        integer(&t, "sum", r->sum);
        integer(&t, "count", r->count);
        number(&t, "mean", r->mean, r->count == 0);
        number(&t, "p50", r->p50, r->count == 0);
        number(&t, "p90", r->p90, r->count == 0);
        number(&t, "p95", r->p95, r->count == 0);
        number(&t, "p99", r->p99, r->count == 0);
        number(&t, "quantile_error", r->quantile_error, false);
    }
    extras(&t, r->flags);
    integer(&t, "window_start_ms", r->window_start_ms);
    integer(&t, "window_end_ms", r->window_end_ms);
    text(&t, "unit", r->unit);
    text(&t, "flags", r->flags);
    text(&t, "definition_hash", r->definition_hash);
    json_text_close(&t, '}');
    return json_text_end(&t);
}

struct slice alert_json(struct arena *a, const struct alert_transition *x)
{
    struct json_text t;
    json_text_init(&t, a);
    json_text_open(&t, '{');
    text(&t, "id", x->id);
    text(&t, "rule", x->rule);
    text(&t, "org", x->org);
    text(&t, "dim", x->dim);
    text(&t, "subject", x->subject);
    text(&t, "level", x->level);
    text(&t, "from", x->from_state);
    text(&t, "to", x->to_state);
    integer(&t, "tick_ms", x->tick_ms);
    integer(&t, "occurred_at_ms", x->occurred_at_ms);
    text(&t, "kpi", x->kpi);
    text(&t, "window", x->window);
    integer(&t, "window_start_ms", x->window_start_ms);
    integer(&t, "window_end_ms", x->window_end_ms);
    number(&t, "value", x->value, x->is_null);
    integer(&t, "numerator", x->numerator);
    integer(&t, "denominator", x->denominator);
    integer(&t, "samples", x->samples);
    number(&t, "threshold", x->threshold, false);
    text(&t, "condition", x->condition);
    integer(&t, "revision", x->revision);
    text(&t, "definition_hash", x->definition_hash);
    boolean(&t, "historical", x->historical);
    boolean(&t, "page", x->page);
    json_text_key(&t, "evidence");
    json_text_open(&t, '[');
    for (size_t i = 0; i < x->evidence_count; i++)
        json_text_string(&t, x->evidence_event_ids[i]);
    json_text_close(&t, ']');
    boolean(&t, "evidence_truncated", x->evidence_truncated);
    json_text_close(&t, '}');
    return json_text_end(&t);
}

struct slice board_json(struct arena *a, const struct board_snapshot *b)
{
    struct json_text t;
    json_text_init(&t, a);
    json_text_open(&t, '{');
    text(&t, "board", b->board);
    text(&t, "org", b->org);
    text(&t, "kpi", b->kpi);
    text(&t, "window", b->window);
    text(&t, "dim", b->dim);
    integer(&t, "at_ms", b->tick_ms);
    integer(&t, "window_start_ms", b->window_start_ms);
    integer(&t, "window_end_ms", b->window_end_ms);
    integer(&t, "ranked_count", b->ranked_count);
    json_text_key(&t, "entries");
    json_text_open(&t, '[');
    for (size_t i = 0; i < b->entry_count; i++) {
        const struct board_entry *e = &b->entries[i];
        json_text_open(&t, '{');
        text(&t, "subject", e->subject);
        integer(&t, "rank", e->rank);
        integer(&t, "previous_rank", e->previous_rank);
        integer(&t, "movement", e->movement);
        number(&t, "value", e->value, e->is_null);
        number(&t, "gap", e->gap, false);
        integer(&t, "reached_at_ms", e->reached_at_ms);
        integer(&t, "samples", e->samples);
        json_text_close(&t, '}');
    }
    json_text_close(&t, ']');
    json_text_close(&t, '}');
    return json_text_end(&t);
}

static void card_grades(struct json_text *t, const struct scorecard_grade *grade, size_t n)
{
    if (!n)
        return;
    json_text_key(t, "grades");
    json_text_open(t, '[');
    for (size_t k = 0; k < n; k++) {
        json_text_open(t, '{');
        text(t, "grade", grade[k].grade);
        number(t, "membership", grade[k].membership, false);
        json_text_close(t, '}');
    }
    json_text_close(t, ']');
}

static void card_kpi(struct json_text *t, const struct scorecard_kpi *k)
{
    json_text_open(t, '{');
    text(t, "kpi", k->kpi);
    integer(t, "weight_bp", k->weight_bp);
    number(t, "value", k->value, k->is_null);
    number(t, "score", k->score, k->missing_reason.n > 0);
    number(t, "effective_weight", k->effective_weight, false);
    text(t, "missing_reason", k->missing_reason);
    number(t, "perf", k->perf, false);
    number(t, "mix", k->mix, false);
    if (k->of.n)
        text(t, "of", k->of);
    card_grades(t, k->grades, k->grade_count);
    json_text_close(t, '}');
}

struct slice scorecard_json(struct arena *a, const struct scorecard_snapshot *s)
{
    struct json_text t;
    json_text_init(&t, a);
    json_text_open(&t, '{');
    text(&t, "scorecard", s->scorecard);
    text(&t, "version", s->version);
    text(&t, "org", s->org);
    text(&t, "dim", s->dim);
    text(&t, "subject", s->subject);
    integer(&t, "at_ms", s->tick_ms);
    number(&t, "score", s->score, s->is_null);
    number(&t, "coverage", s->coverage, false);
    text(&t, "band", s->band);
    boolean(&t, "provisional", s->provisional);
    number(&t, "points", s->points, false);
    json_text_key(&t, "rewards");
    json_text_open(&t, '[');
    for (size_t i = 0; i < s->reward_count; i++)
        json_text_string(&t, s->rewards[i]);
    json_text_close(&t, ']');
    number(&t, "pay_factor", s->pay_factor, !s->has_pay);
    number(&t, "change", s->change, !s->has_change);
    boolean(&t, "review_due", s->review_due);
    if (s->panel_weights)
        boolean(&t, "panel_weights", true);
    if (s->grade_count)
        number(&t, "alpha", s->alpha, !s->has_alpha);
    card_grades(&t, s->grades, s->grade_count);
    json_text_key(&t, "perspectives");
    json_text_open(&t, '[');
    for (size_t i = 0; i < s->perspective_count; i++) {
        const struct scorecard_perspective *p = &s->perspectives[i];
        json_text_open(&t, '{');
        text(&t, "name", p->name);
        integer(&t, "weight_bp", p->weight_bp);
        number(&t, "score", p->score, p->is_null);
        card_grades(&t, p->grades, p->grade_count);
        json_text_key(&t, "kpis");
        json_text_open(&t, '[');
        for (size_t k = 0; k < p->kpi_count; k++)
            card_kpi(&t, &p->kpis[k]);
        json_text_close(&t, ']');
        json_text_close(&t, '}');
    }
    json_text_close(&t, ']');
    json_text_close(&t, '}');
    return json_text_end(&t);
}
