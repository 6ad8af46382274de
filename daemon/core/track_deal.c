/* Deals: opening cohort, stage entries, the close that stands, the sale (basis deals), the open pipeline. Refunds: track_refund.c.
 *
 * Corrections act where the fact was counted: an amend changes the close in the pane of the close, a reopen withdraws it (C2, C3). A close without an
 * opening counts at once; what needs the opening appears when it arrives (C9). */
#include "crmpulse/defs.h"
#include "track_campaign.h"
#include "track_sale.h"

static void enter_stage(struct deal_state *s, struct slice stage)
{
    if (!stage.n || s->n_stages == STAGES_MAX)
        return;
    for (uint32_t i = 0; i < s->n_stages; i++)
        if (slice_eq(s->stage[i], stage))
            return;
    s->stage[s->n_stages++] = stage;
}

static void take_expected(struct deal_state *s, const struct entry *e)
{
    s->has_expected |= entry_has(e, F_EXPECTED_CLOSE_MS);
    s->expected_ms = entry_int(e, F_EXPECTED_CLOSE_MS, s->expected_ms);
}

/* Figures that an amend or a close may carry. */
static void take_figures(struct deal_state *s, const struct entry *e)
{
    if (entry_has(e, F_AMOUNT_MICROS)) {
        s->amount = entry_int(e, F_AMOUNT_MICROS, 0);
        s->has_amount = true;
    }
    s->items = entry_int(e, F_ITEMS, s->items);
    if (entry_has(e, F_COST_MICROS)) {
        s->cost = entry_int(e, F_COST_MICROS, 0);
        s->has_cost = true;
    }
    s->close_ms = entry_int(e, F_CLOSED_AT_MS, s->close_ms);
    take_expected(s, e);
}

static void take_prob(struct deal_state *s, const struct entry *e)
{
    if (entry_has(e, F_PROB_PPM)) {
        s->prob_ppm = entry_int(e, F_PROB_PPM, 0);
        s->has_prob = true;
    }
}

static void step_opened(struct deal_state *s, const struct entry *e, uint32_t at)
{
    if (s->really_opened)
        return; /* there is one opening: the first */
    s->really_opened = s->opened = true;
    s->opened_ms = e->t_ms;
    s->opened_at = at;
    if (!s->has_expected)
        take_expected(s, e);
    if (!s->has_amount)
        take_figures(s, e);
    if (!s->has_prob)
        take_prob(s, e);
    enter_stage(s, entry_str(e, F_STAGE));
}

static void step_closed(struct deal_state *s, const struct entry *e, uint32_t at)
{
    s->close = e;
    s->close_at = at;
    s->close_ms = e->t_ms;
    take_figures(s, e);
    if (!s->opened && entry_has(e, F_OPENED_AT_MS)) {
        s->opened = true;
        s->opened_ms = entry_int(e, F_OPENED_AT_MS, 0);
        s->opened_at = at;
    }
}

static void step(struct deal_state *s, const struct entry *e, uint32_t at)
{
    switch (e->type) {
    case EV_DEAL_OPENED:
        step_opened(s, e, at);
        break;
    case EV_DEAL_STAGE_CHANGED:
        take_prob(s, e);
        enter_stage(s, entry_str(e, F_TO_STAGE));
        break;
    case EV_DEAL_AMENDED:
        take_figures(s, e);
        break;
    case EV_DEAL_CLOSED:
        step_closed(s, e, at);
        break;
    case EV_DEAL_REOPENED:
        s->close = NULL;
        break;
    default:
        break;
    }
}

/* A deal without a customer takes the one acquired first from its lead (2.4 point 1). */
struct first_customer {
    struct slice lead, id, event;
    int64_t t_ms;
};

static void find_customer(struct track_view *v, struct entry_log log, void *ctx)
{
    struct first_customer *c = ctx;
    uint32_t at = log_first(log, EV_CUSTOMER_ACQUIRED);
    (void)v;
    if (at == log.n || log_deleted(log) || !slice_eq(entry_str(&log.v[at], F_LEAD_ID), c->lead))
        return;
    const struct entry *e = &log.v[at];
    struct slice id = entry_str(e, F_CUSTOMER_ID);
    if (c->id.n && (e->t_ms > c->t_ms || (e->t_ms == c->t_ms && slice_cmp(id, c->id) > 0)))
        return;
    *c = (struct first_customer){ c->lead, id, e->id, e->t_ms };
}

static struct fact *deal_fact(struct track_view *v, enum fact_type type, int64_t t_ms, const struct deal_log *d)
{
    struct fact *f = view_fact(v, type, t_ms);
    fact_dims(f, d->log);
    fact_dims(f, d->lead);
    f->member = d->s.customer;
    fact_set(f, FN_AMOUNT, d->s.amount);
    fact_set(f, FN_FROM_LEAD, d->s.lead.n > 0);
    return f;
}

static struct fact *credited_fact(struct track_view *v, enum fact_type type, int64_t t_ms, const struct deal_log *d,
                                  uint32_t at)
{
    struct fact *f = deal_fact(v, type, t_ms, d);
    struct credit c = credit_owner(d->log, at);
    credit_inherit(&c, d->lead);
    fact_credit(v, f, &c);
    return f;
}

struct fact *deal_sale_fact(struct track_view *v, enum fact_type type, int64_t t_ms, const struct deal_log *d)
{
    struct fact *f = credited_fact(v, type, t_ms, d, d->s.close_at);
    f->s[FT_BASIS] = SLICE("deals");
    return f;
}

static void sale_figures(struct fact *f, const struct deal_state *s)
{
    fact_set(f, FN_ITEMS, s->items);
    if (s->has_cost)
        fact_set(f, FN_COST, s->cost);
}

static void cycle_figures(struct track_view *v, struct fact *f, const struct deal_log *d)
{
    uint32_t created = log_first(d->lead, EV_LEAD_CREATED);
    if (d->s.opened)
        fact_set(f, FN_CYCLE_MS, view_duration(v, d->s.opened_ms, d->s.close_ms));
    if (created < d->lead.n && !log_deleted(d->lead))
        fact_set(f, FN_LEAD_CYCLE_MS, view_duration(v, d->lead.v[created].t_ms, d->s.close_ms));
}

static void close_facts(struct track_view *v, const struct deal_log *d)
{
    const struct deal_state *s = &d->s;
    struct slice outcome = entry_str(s->close, F_OUTCOME), reason = entry_str(s->close, F_REASON);
    struct fact *f = credited_fact(v, FACT_DEAL_CLOSE, s->close_ms, d, s->close_at);
    f->s[FT_OUTCOME] = outcome;
    sale_figures(f, s);
    cycle_figures(v, f, d);
    if (slice_eq(outcome, SLICE("lost")))
        f->dim[DIM_KIND] = f->s[FT_KIND] = reason.n ? reason : SLICE("unspecified");
    if (!slice_eq(outcome, SLICE("won")))
        return;
    f = deal_sale_fact(v, FACT_TXN, s->close_ms, d);
    sale_figures(f, s);
    product_newness(v, f, s->close_ms);
    campaign_sale(v, f, s->close_ms, 1);
    market_facts(v, deal_sale_fact(v, FACT_MARKET, s->close_ms, d));
    if (s->customer.n)
        deal_sale_fact(v, FACT_CUSTOMER_ACTIVITY, s->close_ms, d)->s[FT_KIND] = SLICE("deal");
}

static void stage_step(struct track_view *v, const struct deal_log *d, const char *mode, const char *stage)
{
    struct fact *f = credited_fact(v, FACT_STAGE_STEP, d->s.opened_ms, d, d->s.opened_at);
    f->s[FT_MODE] = slice_of(mode);
    f->dim[DIM_KIND] = f->s[FT_KIND] = slice_of(stage);
}

/* The stage as the beginning of a step and as the end of one, where the org says what comes before and after it. */
static void stage_steps(struct track_view *v, const struct deal_log *d, struct slice stage)
{
    const struct org_def *org = view_org(v);
    for (uint32_t i = 0; i < org->n_stages; i++) {
        if (!slice_eq(slice_of(org->stage[i]), stage))
            continue;
        if (i + 1 < org->n_stages)
            stage_step(v, d, "from", org->stage[i]);
        if (i > 0)
            stage_step(v, d, "to", org->stage[i - 1]);
    }
}

static void opening_facts(struct track_view *v, const struct deal_log *d)
{
    const struct deal_state *s = &d->s;
    struct slice outcome = s->close ? entry_str(s->close, F_OUTCOME) : SLICE("");
    struct fact *f = credited_fact(v, FACT_DEAL, s->opened_ms, d, s->opened_at);
    fact_set(f, FN_WON, slice_eq(outcome, SLICE("won")));
    fact_set(f, FN_LOST, slice_eq(outcome, SLICE("lost")));
    fact_set(f, FN_OPEN, s->close == NULL);
    for (uint32_t i = 0; i < s->n_stages; i++) {
        f = credited_fact(v, FACT_STAGE_ENTRY, s->opened_ms, d, s->opened_at);
        f->dim[DIM_KIND] = f->s[FT_KIND] = s->stage[i];
        stage_steps(v, d, s->stage[i]);
    }
}

static void open_fact(struct track_view *v, const struct deal_log *d, enum fact_type type, int64_t t_ms)
{
    struct fact *f = deal_fact(v, type, t_ms, d);
    struct credit c = credit_now(d->log);
    credit_inherit(&c, d->lead);
    fact_credit_now(v, f, &c);
    fact_set(f, FN_WEIGHTED, micros_times_ppm(d->s.amount, d->s.prob_ppm));
    if (d->s.has_prob)
        fact_set(f, FN_PROB_PPM, d->s.prob_ppm);
}

static void find_parents(struct track_view *v, struct deal_log *d)
{
    struct deal_state *s = &d->s;
    s->id = log_text(d->log, F_DEAL_ID);
    s->lead = log_text(d->log, F_LEAD_ID);
    s->customer = log_text(d->log, F_CUSTOMER_ID);
    if (!s->lead.n)
        return;
    d->lead = view_log(v, SLICE("lead"), s->lead, true);
    if (log_deleted(d->lead))
        d->lead.n = 0;
    if (s->customer.n)
        return;
    struct first_customer c = { .lead = s->lead };
    view_dependants(v, SLICE("lead"), s->lead, SLICE("customer"), F_LEAD_ID, find_customer, &c);
    s->customer = c.id;
}

/* A deal was open from its opening, and each reopening, to the close that stands before the next; one that was closed before it was opened, never. */
static void follow_ups(struct track_view *v, const struct deal_log *d)
{
    struct span open = { d->s.opened_ms, INT64_MAX };
    for (uint32_t i = 0; i < d->log.n; i++) {
        const struct entry *e = &d->log.v[i];
        if (e->type == EV_DEAL_CLOSED) {
            open.end_ms = e == d->s.close ? d->s.close_ms : e->t_ms;
        } else if (e->type == EV_DEAL_REOPENED && open.end_ms != INT64_MAX) {
            followup_facts(v, d->log, d->lead, open, SLICE("deal"));
            open = (struct span){ e->t_ms > d->s.opened_ms ? e->t_ms : d->s.opened_ms, INT64_MAX };
        }
    }
    followup_facts(v, d->log, d->lead, open, SLICE("deal"));
}

void deal_facts(struct track_view *v, struct entry_log log)
{
    struct deal_log d = { .log = log };
    if (!log.n)
        return;
    for (uint32_t i = 0; i < log.n; i++)
        step(&d.s, &log.v[i], i);
    find_parents(v, &d);
    if (log_deleted(log))
        return;
    if (d.s.opened)
        opening_facts(v, &d);
    if (d.s.really_opened)
        follow_ups(v, &d);
    if (d.s.close) {
        close_facts(v, &d);
        deal_refund_facts(v, &d);
    } else if (d.s.really_opened) {
        open_fact(v, &d, FACT_DEAL_OPEN, 0);
        if (d.s.has_expected)
            open_fact(v, &d, FACT_DEAL_DUE, d.s.expected_ms);
    }
}
