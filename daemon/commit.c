/* Results into Redis views that a person can read, and into the outbox as protobuf.
 *
 *   view:<org>:<window>          hash  "<dim>:<subject>|<kpi>" -> value, for ratios with "(numerator/denominator)", for durations with counts and quantiles; further figures as "{new=3,returning=5}"
 *   board:<org>:<board>          zset  subject by value          board:<org>:<board>:rows  hash  subject -> "rank=1 previous=2 movement=+1 gap=0"
 *   alert:<org>                  hash  "<rule>|<dim>:<subject>" -> "firing level=warning value=0.66 n=6 since=..."
 *   alert:<org>:evidence         hash  the same field -> ids of events, escaped as subjects, with blanks between them; " ..." at the end: there are more
 *   scorecard:<org>              hash  "<dim>:<subject>|<scorecard>" -> "74.2 coverage=0.85 band=C"
 *   scorecard:<org>:parts        hash  the same field -> "<perspective> weight=6000 score=71.5 <kpi>=<value>:<score>:<effective weight> ..; <perspective> .."
 *   hist:<org>:<kpi>:<day>       hash  "<window>|<dim>:<subject>|<at_ms>" -> as in a view; day since 1970 (history.c)
 *   state                        hash  "<org>/<key>" -> the evaluator's own */
#include <stdio.h>
#include <stdlib.h>

#include "crmpulse/out_pb.h"
#include "daemon/judge_int.h"
#include "daemon/history.h"
#include "daemon/line.h"

void commit_init(struct commit *c)
{
    arena_init(&c->text, 0, 0);
    arena_init(&c->encode, 0, 0);
}

void commit_clear(struct commit *c)
{
    c->list.n_ops = c->list.n_outs = c->last.n_ops = c->last.n_outs = 0;
    c->failed = false;
    c->rows_muted = 0;
    arena_reset(&c->text);
    arena_reset(&c->encode);
}

void commit_release(struct commit *c)
{
    free(c->list.op);
    free(c->list.out);
    free(c->last.op);
    free(c->last.out);
    arena_release(&c->text);
    arena_release(&c->encode);
}

static struct slice keep(struct commit *c, struct slice s)
{
    struct slice copy = arena_copy(&c->text, s);
    c->failed |= !copy.p;
    return copy;
}

__attribute__((format(printf, 2, 3))) static struct slice format(struct commit *c, const char *fmt, ...)
{
    char buf[4096];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(buf, sizeof buf, fmt, ap);
    va_end(ap);
    return keep(c, (struct slice){ buf, n < 0                      ? 0
                                        : (uint32_t)n < sizeof buf ? (uint32_t)n
                                                                   : (uint32_t)sizeof buf - 1 });
}

static struct slice escaped(struct commit *c, struct slice raw)
{
    char buf[1600];
    return keep(c, (struct slice){ buf, (uint32_t)cell_escape(raw, buf, sizeof buf) });
}

static void op(struct commit *c, struct commit_list *to, const char *command, struct slice key, uint32_t n_args,
               const struct slice *args)
{
    if (to->n_ops == to->ops_cap) {
        uint32_t cap = to->ops_cap ? to->ops_cap * 2 : 256;
        struct store_op *v = realloc(to->op, cap * sizeof *v);
        if (!v) {
            c->failed = true;
            return;
        }
        to->op = v;
        to->ops_cap = cap;
    }
    struct slice *copy = arena_alloc(&c->text, (n_args + 1) * sizeof *copy);
    if (!copy) {
        c->failed = true;
        return;
    }
    if (n_args)
        memcpy(copy, args, n_args * sizeof *copy);
    to->op[to->n_ops++] = (struct store_op){ slice_of(command), key, n_args, copy };
}

static void hset(struct commit *c, struct slice key, struct slice field, struct slice value)
{
    op(c, &c->list, "HSET", key, 2, (struct slice[]){ field, value });
}

static void out(struct commit *c, struct commit_list *to, const char *topic, struct slice key, struct slice id,
                const char *type, struct slice payload)
{
    if (to->n_outs == to->outs_cap) {
        uint32_t cap = to->outs_cap ? to->outs_cap * 2 : 256;
        struct store_out *v = realloc(to->out, cap * sizeof *v);
        if (!v) {
            c->failed = true;
            return;
        }
        to->out = v;
        to->outs_cap = cap;
    }
    c->failed |= !payload.p;
    to->out[to->n_outs++] =
        (struct store_out){ slice_of(topic), keep(c, key), keep(c, id), slice_of(type), keep(c, payload) };
    arena_reset(&c->encode);
}

/* A readable number: integers as such, others with what is needed to tell them apart. */
static struct slice number(struct commit *c, double v)
{
    struct line l;
    l.n = 0;
    line_add_number(&l, v);
    return keep(c, line_text(&l));
}

static void add_row(struct line *l, const struct kpi_row *r)
{
    if (r->is_null) {
        line_add(l, SLICE("null"));
        return;
    }
    line_add_number(l, r->value);
    if (r->has_distribution) {
        line_add(l, SLICE(" (n="));
        line_add_int(l, r->count);
        line_add(l, SLICE(" sum="));
        line_add_int(l, r->sum);
        line_add(l, SLICE(" p50="));
        line_add_general(l, r->p50);
        line_add(l, SLICE(" p90="));
        line_add_general(l, r->p90);
        line_add(l, SLICE(")"));
    } else if (r->is_ratio) {
        line_add(l, SLICE(" ("));
        line_add_int(l, r->numerator);
        line_add(l, SLICE("/"));
        line_add_int(l, r->denominator);
        line_add(l, SLICE(")"));
    }
    if (r->extras.n) {
        line_add(l, SLICE(" {"));
        line_add(l, r->extras);
        line_add(l, SLICE("}"));
    }
}

static void add_member(struct line *l, struct slice dim, struct slice subject, struct slice id)
{
    line_add(l, dim);
    line_add(l, SLICE(":"));
    line_add_escaped(l, subject);
    line_add(l, SLICE("|"));
    line_add(l, id);
}

static struct slice member(struct commit *c, struct slice dim, struct slice subject, struct slice id)
{
    struct line l;
    l.n = 0;
    add_member(&l, dim, subject, id);
    return keep(c, line_text(&l));
}

/* Key, field and value are parts of one text. */
static int on_live_row(void *ctx, const struct kpi_row *r)
{
    struct commit *c = ctx;
    struct line l;
    l.n = 0;
    line_add(&l, SLICE("view:"));
    line_add_escaped(&l, r->org);
    line_add(&l, SLICE(":"));
    line_add(&l, r->window);
    uint32_t key = l.n;
    add_member(&l, r->dim, r->subject, r->kpi);
    uint32_t field = l.n - key;
    add_row(&l, r);
    struct slice all = keep(c, line_text(&l));
    if (all.p)
        hset(c, (struct slice){ all.p, key }, (struct slice){ all.p + key, field },
             (struct slice){ all.p + key + field, all.n - key - field });
    return c->failed ? -1 : 0;
}

/* Its key goes when the newest of its rows has been kept long enough. */
static void keep_row(struct commit *c, const struct kpi_row *r)
{
    char digits[24];
    struct slice key, until;
    struct line l;
    l.n = 0;
    history_key(&l, r->org, r->kpi, history_day(r->at_ms));
    key = keep(c, line_text(&l));
    l.n = 0;
    history_field(&l, r->window, r->dim, r->subject);
    line_add_int(&l, r->at_ms);
    const struct slice field = keep(c, line_text(&l));
    l.n = 0;
    add_row(&l, r);
    hset(c, key, field, keep(c, line_text(&l)));
    snprintf(digits, sizeof digits, "%lld",
             (long long)history_expiry_ms(history_day(r->at_ms), c->config->publish.history_keep_ms));
    until = keep(c, slice_of(digits));
    op(c, &c->list, "PEXPIREAT", key, 1, &until);
}

static int on_judged_row(void *ctx, const struct kpi_row *r)
{
    struct commit *c = ctx;
    if (c->config && history_keeps(c->config, r->kpi, r->dim, r->at_ms, wall_ms()))
        keep_row(c, r);
    if (c->mute_rows) {
        c->rows_muted++;
        return 0;
    }
    struct kpi_row row = *r;
    row.emitted_at_ms = wall_ms();
    out(c, &c->list, "kpis", row.org, row.id, "crmpulse.kpi.v1", out_pb_kpi_row(&c->encode, &row));
    return c->failed ? -1 : 0;
}

static struct slice evidence(struct commit *c, const struct alert_transition *a)
{
    struct line l;
    l.n = 0;
    for (size_t i = 0; i < a->evidence_count; i++) {
        if (i)
            line_add(&l, SLICE(" "));
        line_add_escaped(&l, a->evidence_event_ids[i]);
    }
    if (a->evidence_truncated)
        line_add(&l, SLICE(" ..."));
    return keep(c, line_text(&l));
}

/* "<rule>|<dim>:<subject>" */
static struct slice alert_field(struct commit *c, struct slice rule, struct slice dim, struct slice subject)
{
    struct slice e = escaped(c, subject);
    return format(c, "%.*s|%.*s:%.*s", (int)rule.n, rule.p, (int)dim.n, dim.p, (int)e.n, e.p);
}

static int on_alert(void *ctx, const struct alert_transition *a)
{
    struct commit *c = ctx;
    struct alert_transition x = *a;
    struct slice org = escaped(c, x.org), v = number(c, x.value), field = alert_field(c, x.rule, x.dim, x.subject);
    x.emitted_at_ms = wall_ms();
    hset(c, format(c, "alert:%.*s:evidence", (int)org.n, org.p), field, evidence(c, a));
    hset(c, format(c, "alert:%.*s", (int)org.n, org.p), field,
         format(c, "%.*s level=%.*s value=%.*s n=%lld since=%lld id=%.*s", (int)x.to_state.n, x.to_state.p,
                (int)x.level.n, x.level.p, (int)v.n, v.p, (long long)x.samples, (long long)x.occurred_at_ms,
                (int)x.id.n, x.id.p));
    out(c, &c->last, "alerts", x.id, x.id, "crmpulse.alert.v1", out_pb_alert_transition(&c->encode, &x));
    return c->failed ? -1 : 0;
}

static void board_row(struct commit *c, struct slice key, struct slice rows, const struct board_entry *e, bool stood)
{
    struct slice subject = escaped(c, e->subject), gap = number(c, e->gap);
    struct slice value = e->is_null ? SLICE("null") : number(c, e->value);
    if (!e->is_null) /* in the sorted set no value would be 0 */
        op(c, &c->list, "ZADD", key, 2, (struct slice[]){ value, subject });
    else if (stood)
        op(c, &c->list, "ZREM", key, 1, &subject);
    hset(c, rows, subject,
         format(c, "rank=%d previous=%d movement=%+d value=%.*s gap=%.*s", e->rank, e->previous_rank, e->movement,
                (int)value.n, value.p, (int)gap.n, gap.p));
}

/* The first time whole, then only what differs. */
static void board_view(struct commit *c, const struct board_snapshot *b)
{
    struct slice org = escaped(c, b->org);
    struct slice key = format(c, "board:%.*s:%.*s", (int)org.n, org.p, (int)b->board.n, b->board.p);
    struct slice rows = format(c, "%.*s:rows", (int)key.n, key.p);
    if (!b->same) {
        op(c, &c->list, "DEL", key, 0, NULL);
        op(c, &c->list, "DEL", rows, 0, NULL);
    }
    for (size_t i = 0; b->same && i < b->gone_count; i++) {
        struct slice subject = escaped(c, b->gone[i]);
        op(c, &c->list, "ZREM", key, 1, &subject);
        op(c, &c->list, "HDEL", rows, 1, &subject);
    }
    for (size_t i = 0; i < b->entry_count; i++)
        if (!b->same || !b->same[i])
            board_row(c, key, rows, &b->entries[i], b->same);
}

static int on_board(void *ctx, const struct board_snapshot *b, bool live)
{
    struct commit *c = ctx;
    struct board_snapshot board = *b;
    if (live) {
        board_view(c, b);
    } else {
        board.emitted_at_ms = wall_ms();
        out(c, &c->list, "boards", board.org, board.id, "crmpulse.board.v1", out_pb_board_snapshot(&c->encode, &board));
    }
    return c->failed ? -1 : 0;
}

static void add_figure(struct line *l, double v, bool is_null)
{
    if (is_null)
        line_add(l, SLICE("null"));
    else
        line_add_number(l, v);
}

/* What the score is made of. A card of more than fits into a line is cut off. */
static struct slice parts(struct commit *c, const struct scorecard_snapshot *s)
{
    struct line l;
    l.n = 0;
    for (size_t i = 0; i < s->perspective_count; i++) {
        const struct scorecard_perspective *p = &s->perspectives[i];
        line_add(&l, i ? SLICE("; ") : SLICE(""));
        line_add_escaped(&l, p->name);
        line_add(&l, SLICE(" weight="));
        line_add_int(&l, p->weight_bp);
        line_add(&l, SLICE(" score="));
        add_figure(&l, p->score, p->is_null);
        for (size_t k = 0; k < p->kpi_count; k++) {
            const struct scorecard_kpi *item = &p->kpis[k];
            line_add(&l, SLICE(" "));
            line_add(&l, item->kpi);
            line_add(&l, SLICE("="));
            add_figure(&l, item->value, item->is_null);
            line_add(&l, SLICE(":"));
            add_figure(&l, item->score, item->missing_reason.n > 0);
            line_add(&l, SLICE(":"));
            line_add_number(&l, item->effective_weight);
        }
    }
    return keep(c, line_text(&l));
}

static int on_scorecard(void *ctx, const struct scorecard_snapshot *s)
{
    struct commit *c = ctx;
    struct scorecard_snapshot card = *s;
    struct slice org = escaped(c, s->org), v = s->is_null ? SLICE("null") : number(c, s->score);
    card.emitted_at_ms = wall_ms();
    if (!s->revision) { /* a revised one is of a cycle that ended: what people read is the running one */
        const struct slice field = member(c, s->dim, s->subject, s->scorecard);
        hset(c, format(c, "scorecard:%.*s:parts", (int)org.n, org.p), field, parts(c, s));
        hset(c, format(c, "scorecard:%.*s", (int)org.n, org.p), field,
             format(c, "%.*s coverage=%.4g band=%.*s%s", (int)v.n, v.p, s->coverage, (int)s->band.n, s->band.p,
                    s->provisional ? " provisional" : ""));
    }
    out(c, &c->list, "scorecards", card.org, card.id, "crmpulse.scorecard.v1",
        out_pb_scorecard_snapshot(&c->encode, &card));
    return c->failed ? -1 : 0;
}

/* What readers were shown of somebody who was erased. Boards tell who is gone themselves. */
static int on_gone(void *ctx, const struct gone *g)
{
    struct commit *c = ctx;
    struct slice org = escaped(c, g->org);
    struct slice key = format(c, "%s:%.*s", g->from == GONE_ALERT ? "alert" : "scorecard", (int)org.n, org.p);
    struct slice field = member(c, g->dim, g->subject, g->id);
    if (g->from == GONE_ROW)
        key = format(c, "view:%.*s:%.*s", (int)org.n, org.p, (int)g->window.n, g->window.p);
    if (g->from == GONE_ALERT)
        field = alert_field(c, g->id, g->dim, g->subject);
    op(c, &c->list, "HDEL", key, 1, &field);
    if (g->from != GONE_ROW)
        op(c, &c->list, "HDEL", format(c, "%.*s:%s", (int)key.n, key.p, g->from == GONE_ALERT ? "evidence" : "parts"),
           1, &field);
    return c->failed ? -1 : 0;
}

/* The org's part of a state field; the first slash ends it, so that its own are escaped too. */
static struct slice state_org(struct commit *c, struct slice org)
{
    char buf[1600], to[4800];
    size_t n = cell_escape(org, buf, sizeof buf), m = 0;
    for (size_t i = 0; i < n; i++) {
        if (buf[i] != '/') {
            to[m++] = buf[i];
            continue;
        }
        memcpy(to + m, "%2F", 3);
        m += 3;
    }
    return keep(c, (struct slice){ to, (uint32_t)m });
}

int commit_state(void *ctx, struct slice org, struct slice key, struct slice value)
{
    struct commit *c = ctx;
    struct slice id = state_org(c, org);
    struct slice field = format(c, "%.*s/%.*s", (int)id.n, id.p, (int)key.n, key.p);
    if (value.n)
        op(c, &c->last, "HSET", SLICE("state"), 2, (struct slice[]){ field, keep(c, value) });
    else
        op(c, &c->last, "HDEL", SLICE("state"), 1, &field);
    return c->failed ? -1 : 0;
}

const struct evaluator_sink *commit_sink(struct commit *c)
{
    c->sink = (struct evaluator_sink){ .ctx = c,
                                       .emitted_at_ms = wall_ms(),
                                       .live_row = on_live_row,
                                       .judged_row = on_judged_row,
                                       .alert = on_alert,
                                       .board = on_board,
                                       .scorecard = on_scorecard,
                                       .gone = on_gone };
    return &c->sink;
}
