/* Judged state as text fields, so that it survives a restart: the last judged tick, alert states, revisions. What waits for the next snapshot:
 * eval_pending.c.
 *
 *   org ""   key "tick"                              value "<ms>"
 *   org      key "alert|<rule>|<dim>|<subject>"      value "<state> <grade> <since ms> <rule hash>", and if a late event changed the complete window:
 *                                                          " <revision> <last instant of the window> <snapshot tick it is counted to>"
 *   org ""   key "fed"                               value "<position in the feed when that tick was judged>"
 *   org      key "evi|<measure>|<dim>|<subject>"     evidence.h
 *   org      key "pos|<board>|<dim>|<subject>"       board_told.h
 *   org      key "prt|<card hash>|<dim>|<subject>"   card_told.h
 *   org      key "board|<board>"                     value "<hash of the snapshot published last>"
 *   org      key "rev|<kpi>|<window>|<dim>|<subject>|<window start>"  value "<n>"
 *   org      key "rvb|<board>|<window start>", "rvc|<scorecard>|<dim>|<subject>|<cycle start>"  value "<n> <hash of what was told last>" */
#include <stdio.h>
#include <stdlib.h>

#include "alert.h"
#include "board_told.h"
#include "card_told.h"
#include "eval_pending.h"
#include "evidence.h"
#include "revision.h"

static int save_tick(struct evaluator *e, bool only_changed, evaluator_state_sink sink, void *ctx)
{
    char text[24];
    if (e->judged_tick == INT64_MIN || (only_changed && !e->tick_unsaved))
        return 0;
    int n = snprintf(text, sizeof text, "%lld", (long long)e->judged_tick);
    e->tick_unsaved = false;
    int rc = sink(ctx, (struct slice){ "", 0 }, SLICE("tick"), (struct slice){ text, (uint32_t)n });
    if (rc || !e->judged_seq)
        return rc;
    n = snprintf(text, sizeof text, "%llu", (unsigned long long)e->judged_seq);
    return sink(ctx, (struct slice){ "", 0 }, SLICE("fed"), (struct slice){ text, (uint32_t)n });
}

static int save_alert(struct evaluator *e, struct subject *s, uint32_t rule, evaluator_state_sink sink, void *ctx)
{
    char key[1024], value[192];
    const struct alert *a = &s->alert[rule];
    int n = snprintf(key, sizeof key, "alert|%s|%s|%.*s", e->defs->rule[rule].id, dim_name(s->dim), (int)s->escaped.n,
                     s->escaped.p);
    int m = snprintf(value, sizeof value, "%s %d %lld %016llx", alert_state_name(a->state), a->grade,
                     (long long)a->since_ms, (unsigned long long)e->defs->rule[rule].hash);
    if (n < 0 || (size_t)n >= sizeof key)
        return -1;
    if (a->revision)
        m += snprintf(value + m, sizeof value - (size_t)m, " %lld %lld %lld", (long long)a->revision,
                      (long long)a->revised_ms, (long long)a->counted_ms);
    if (a->state == ALERT_OK && !a->since_ms && !a->grade && !a->revision)
        m = 0; /* as if it had never been judged: nothing is kept */
    s->alert[rule].unsaved = false;
    return sink(ctx, s->org->id, (struct slice){ key, (uint32_t)n }, (struct slice){ value, (uint32_t)m });
}

static int save_alerts(struct evaluator *e, struct subject *s, bool only_changed, evaluator_state_sink sink, void *ctx)
{
    int rc = 0;
    for (uint32_t r = 0; rc == 0 && s->alert && r < e->defs->n_rules; r++) {
        const struct alert *a = &s->alert[r];
        bool stands = a->state != ALERT_OK || a->since_ms != 0 || a->revision;
        if (only_changed ? a->unsaved : stands)
            rc = save_alert(e, s, r, sink, ctx);
    }
    return rc;
}

static int save_revisions(struct evaluator *e, bool only_changed, evaluator_state_sink sink, void *ctx)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < e->revisions.key.n; i++) {
        struct revision *r = &e->revisions.v[i];
        struct slice text = e->revisions.key.text[i];
        char value[48];
        if (only_changed && !r->unsaved)
            continue;
        uint32_t org_n = 0; /* the last newline ends the org: keys have none */
        for (uint32_t k = 0; k < text.n; k++)
            if (text.p[k] == '\n')
                org_n = k;
        int n = r->content ? snprintf(value, sizeof value, "%lld %llx", (long long)r->n, (unsigned long long)r->content)
                           : snprintf(value, sizeof value, "%lld", (long long)r->n);
        r->unsaved = false;
        rc = sink(ctx, (struct slice){ text.p, org_n }, (struct slice){ text.p + org_n + 1, text.n - org_n - 1 },
                  (struct slice){ value, (uint32_t)n });
    }
    return rc;
}

/* Few: one per org and board. */
static int save_boards(struct evaluator *e, struct org *org, bool only_changed, evaluator_state_sink sink, void *ctx)
{
    struct org_view *view = &org->view[VIEW_JUDGED];
    int rc = 0;
    for (uint32_t b = 0; rc == 0 && b < e->defs->n_boards; b++) {
        char key[256], value[24];
        if (!view->board_published[b] || (only_changed && view->board_saved[b] == view->board_published[b]))
            continue;
        view->board_saved[b] = view->board_published[b];
        int n = snprintf(key, sizeof key, "board|%s", e->defs->board[b].id);
        int m = snprintf(value, sizeof value, "%llu", (unsigned long long)view->board_published[b]);
        if (n < 0 || (size_t)n >= sizeof key)
            return -1;
        rc = sink(ctx, org->id, (struct slice){ key, (uint32_t)n }, (struct slice){ value, (uint32_t)m });
    }
    return rc;
}

static int restore_board(struct evaluator *e, struct slice org_id, struct slice board, const char *value)
{
    struct org *org = store_org(&e->store, org_id);
    for (uint32_t b = 0; org && b < e->defs->n_boards; b++)
        if (slice_eq(slice_of(e->defs->board[b].id), board)) {
            struct org_view *view = &org->view[VIEW_JUDGED];
            view->board_published[b] = view->board_saved[b] = strtoull(value, NULL, 10);
        }
    return org ? 0 : -1;
}

int evaluator_state_save(struct evaluator *e, bool only_changed, evaluator_state_sink sink, void *ctx)
{
    int rc = save_tick(e, only_changed, sink, ctx);
    if (rc == 0)
        rc = pending_save(e, only_changed, sink, ctx);
    if (rc == 0)
        rc = evidence_save(e, only_changed, sink, ctx);
    if (rc == 0)
        rc = board_told_save(e, only_changed, sink, ctx);
    if (rc == 0)
        rc = card_told_save(e, only_changed, sink, ctx);
    for (uint32_t o = 0; rc == 0 && o < e->store.n_orgs; o++)
        rc = save_boards(e, e->store.org[o], only_changed, sink, ctx);
    for (uint32_t o = 0; o < e->store.n_orgs; o++)
        for (int d = 0; d < DIM_COUNT; d++)
            for (uint32_t i = 0; rc == 0 && i < e->store.org[o]->dim[d].n; i++)
                rc = save_alerts(e, e->store.org[o]->dim[d].v[i], only_changed, sink, ctx);
    return rc ? rc : save_revisions(e, only_changed, sink, ctx);
}

/* The text up to the next '|' (or the end), which *rest then starts after. */
static struct slice next_part(struct slice *rest)
{
    uint32_t n = 0;
    while (n < rest->n && rest->p[n] != '|')
        n++;
    struct slice part = { rest->p, n };
    uint32_t skip = n < rest->n ? n + 1 : n;
    *rest = (struct slice){ rest->p + skip, rest->n - skip };
    return part;
}

static int parse_alert(const char *text, struct alert *ret, uint64_t *ret_hash)
{
    for (int state = ALERT_OK; state <= ALERT_NO_DATA; state++) {
        const char *name = alert_state_name((enum alert_state)state);
        size_t n = strlen(name);
        if (strncmp(text, name, n) != 0 || text[n] != ' ')
            continue;
        char *at;
        ret->state = (enum alert_state)state;
        ret->grade = (int)strtol(text + n, &at, 10);
        ret->since_ms = strtoll(at, &at, 10);
        *ret_hash = strtoull(at, &at, 16);
        if (!*at)
            return 0;
        ret->revision = strtoll(at, &at, 10);
        ret->revised_ms = strtoll(at, &at, 10);
        ret->counted_ms = strtoll(at, &at, 10);
        return *at ? -1 : 0;
    }
    return -1;
}

/* A rule that is gone or was changed starts anew, unless it says that it keeps its states. */
static int restore_alert(struct evaluator *e, struct slice org_id, struct slice rest, const char *value)
{
    struct slice rule = next_part(&rest), dim = next_part(&rest);
    struct alert a = { 0 };
    uint64_t hash;
    int d = dim_by_name(dim);
    if (d < 0 || rest.n == 0 || parse_alert(value, &a, &hash) < 0)
        return -1;
    for (uint32_t r = 0; r < e->defs->n_rules; r++) {
        const struct rule_def *def = &e->defs->rule[r];
        if (!slice_eq(slice_of(def->id), rule) || (def->hash != hash && !def->keep))
            continue;
        struct org *org = store_org(&e->store, org_id);
        struct subject *s = org ? org_subject(&e->store, org, (enum dim)d, rest) : NULL;
        if (s && !s->alert)
            s->alert = calloc(e->defs->n_rules, sizeof *s->alert);
        if (!s || !s->alert)
            return -1;
        s->alert[r] = a;
        if (a.state == ALERT_PENDING || a.state == ALERT_RECOVERING)
            e->restored = true; /* its deadline is found when it is looked at */
    }
    return 0;
}

static int restore_revision(struct evaluator *e, struct slice org, struct slice key, const char *value)
{
    char *at;
    struct revision *r = revision_at(e, org, key);
    if (!r)
        return -1;
    r->n = strtoll(value, &at, 10);
    if (at == value)
        return -1;
    if (*at)
        r->content = strtoull(at, &at, 16);
    return *at ? -1 : 0;
}

int evaluator_state_restore(struct evaluator *e, struct slice org, struct slice key, struct slice value)
{
    char text[2048];
    struct slice rest = key;
    if (!value.n) /* said to be gone */
        return 0;
    struct slice kind = next_part(&rest);
    if (slice_eq(kind, SLICE("prt")))
        return card_told_restore(e, org, rest, value);
    if (slice_eq(kind, SLICE("evi")))
        return evidence_restore(e, org, rest, value);
    if (value.n >= sizeof text)
        return -1;
    memcpy(text, value.p, value.n);
    text[value.n] = 0;
    if (slice_eq(kind, SLICE("alert")))
        return restore_alert(e, org, rest, text);
    if (slice_eq(kind, SLICE("board")))
        return restore_board(e, org, rest, text);
    if (slice_eq(kind, SLICE("pos")))
        return board_told_restore(e, org, rest, text);
    if (slice_eq(kind, SLICE("chg")))
        return pending_restore_changed(e, org, rest, text);
    if (slice_eq(kind, SLICE("snc")))
        return pending_restore_since(e, org, rest, text);
    if (slice_eq(kind, SLICE("crd")))
        return pending_restore_cards(e, org, rest, text);
    if (slice_eq(kind, SLICE("rvd")))
        return pending_restore_revised(e, org, rest, value);
    if (slice_eq(kind, SLICE("plan")))
        return pending_restore_plan(e, text);
    if (slice_eq(kind, SLICE("rev")) || slice_eq(kind, SLICE("rvb")) || slice_eq(kind, SLICE("rvc")))
        return restore_revision(e, org, key, text);
    char *end;
    long long n = strtoll(text, &end, 10);
    if (end == text || *end)
        return -1;
    if (slice_eq(key, SLICE("tick"))) {
        e->judged_tick = n;
        e->view[VIEW_JUDGED].at_ms = n - 1;
        return 0;
    }
    if (slice_eq(key, SLICE("fed"))) {
        e->judged_seq = strtoull(text, NULL, 10);
        return 0;
    }
    return -1;
}
