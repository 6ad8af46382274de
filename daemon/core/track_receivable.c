/* Receivables of an order placed on credit, as steps of a level: what the order stands at, less each payment and refund at its time. The refunds that
 * count are those of track_refund.c. An order that is not on credit owes nothing. */
#include "track_sale.h"

static bool on_credit(const struct order_log *o)
{
    int64_t credit = 0;
    for (uint32_t i = 0; i < o->log.n; i++)
        if (&o->log.v[i] == o->placed || o->log.v[i].type == EV_ORDER_AMENDED)
            credit = entry_int(&o->log.v[i], F_ON_CREDIT, credit);
    return credit != 0;
}

/* The event before position `end` that settled who owned the order at t_ms: the order itself, or the newest change. */
static uint32_t own_event(const struct order_log *o, uint32_t end, int64_t t_ms)
{
    uint32_t at = (uint32_t)(o->placed - o->log.v);
    for (uint32_t i = 0; i < end; i++)
        if (o->log.v[i].type == EV_OWNER_CHANGED && o->log.v[i].t_ms <= t_ms && i > at)
            at = i;
    return at;
}

/* Credited to the owner that an event left the order with; parents tell what it does not. */
static void step_of(struct track_view *v, const struct order_log *o, uint32_t owner_at, int64_t t_ms, int64_t value)
{
    struct fact *f = order_fact(v, FACT_RECEIVABLE, t_ms, o);
    struct credit c = credit_owner(o->log, owner_at);
    c.t_ms = t_ms;
    credit_inherit(&c, o->deal);
    credit_inherit(&c, o->lead);
    credit_inherit(&c, o->customer);
    fact_credit(v, f, &c);
    fact_set(f, FN_VALUE, value);
}

/* At its time with the owner of then; a change of the owner takes it along. */
static void step_fact(struct track_view *v, const struct order_log *o, int64_t t_ms, int64_t value)
{
    step_of(v, o, own_event(o, o->log.n, t_ms), t_ms, value);
    for (uint32_t i = 0; i < o->log.n; i++) {
        const struct entry *e = &o->log.v[i];
        if (e->type != EV_OWNER_CHANGED || e->t_ms <= t_ms)
            continue;
        step_of(v, o, own_event(o, i, e->t_ms), e->t_ms, -value);
        step_of(v, o, i, e->t_ms, value);
    }
}

/* Of one payment_id the first stands. */
static bool paid_before(struct entry_log log, uint32_t at)
{
    for (uint32_t i = 0; i < at; i++)
        if (log.v[i].type == EV_PAYMENT_RECEIVED &&
            slice_eq(entry_str(&log.v[i], F_PAYMENT_ID), entry_str(&log.v[at], F_PAYMENT_ID)))
            return true;
    return false;
}

void order_receivable_facts(struct track_view *v, const struct order_log *o)
{
    if (!on_credit(o))
        return;
    step_fact(v, o, o->placed->t_ms, o->amount);
    for (uint32_t i = 0; i < o->log.n; i++)
        if (o->log.v[i].type == EV_PAYMENT_RECEIVED && !paid_before(o->log, i))
            step_fact(v, o, o->log.v[i].t_ms, -entry_int(&o->log.v[i], F_AMOUNT_MICROS, 0));
}

void order_receivable_refund(struct track_view *v, const struct order_log *o, int64_t t_ms, int64_t amount)
{
    if (on_credit(o))
        step_fact(v, o, t_ms, -amount);
}
