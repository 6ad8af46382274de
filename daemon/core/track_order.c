/* Orders: placed (gross), the sale (basis orders), customer activity. A missing owner or dimension comes from the deal, its lead, else the customer.
 * Refunds: track_refund.c. */
#include "track_campaign.h"
#include "track_sale.h"

static void fold(struct order_log *o, struct entry_log log)
{
    o->log = log;
    for (uint32_t i = 0; i < log.n; i++) {
        const struct entry *e = &log.v[i];
        o->cancelled |= e->type == EV_ORDER_CANCELLED;
        if (e->type == EV_ORDER_PLACED && !o->placed)
            o->placed = e;
        else if (e->type != EV_ORDER_AMENDED)
            continue;
        o->amount = entry_int(e, F_AMOUNT_MICROS, o->amount);
        o->items = entry_int(e, F_ITEMS, o->items);
        o->has_cost |= entry_has(e, F_COST_MICROS);
        o->cost = entry_int(e, F_COST_MICROS, o->cost);
    }
}

static struct entry_log living(struct entry_log log)
{
    return log_deleted(log) ? (struct entry_log){ 0 } : log;
}

/* The deal by order_placed is the parent; one that only a refund names has to know of the refund. */
static void find_deals(struct track_view *v, struct order_log *o)
{
    for (uint32_t i = 0; i < o->log.n; i++) {
        struct slice deal = entry_str(&o->log.v[i], F_DEAL_ID);
        if (!deal.n)
            continue;
        struct entry_log log = view_log(v, SLICE("deal"), deal, true);
        if (&o->log.v[i] == o->placed)
            o->deal = living(log);
    }
    struct slice lead = log_text(o->deal, F_LEAD_ID);
    if (lead.n)
        o->lead = living(view_log(v, SLICE("lead"), lead, true));
}

/* The customer is read only where something is left open: a busy customer must not collect dependants without need. */
static void find_customer(struct track_view *v, struct order_log *o)
{
    static const enum event_field wanted[] = {
        F_OWNER_ID, F_CHANNEL, F_PRODUCT_ID, F_REGION, F_CAMPAIGN_ID, F_SEGMENT
    };
    bool whole = true;
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        whole &= log_text(o->log, wanted[i]).n > 0;
    if (!whole)
        o->customer = living(view_log_shared(v, SLICE("customer"), entry_str(o->placed, F_CUSTOMER_ID), false, 0));
}

struct fact *order_fact(struct track_view *v, enum fact_type type, int64_t t_ms, const struct order_log *o)
{
    struct fact *f = view_fact(v, type, t_ms);
    struct credit c = credit_owner(o->log, (uint32_t)(o->placed - o->log.v));
    const struct entry_log *parent[] = { &o->deal, &o->lead, &o->customer };
    fact_dims(f, o->log);
    for (int i = 0; i < 3; i++) {
        fact_dims(f, *parent[i]);
        credit_inherit(&c, *parent[i]);
    }
    fact_credit(v, f, &c);
    f->member = entry_str(o->placed, F_CUSTOMER_ID);
    f->s[FT_BASIS] = SLICE("orders");
    fact_set(f, FN_AMOUNT, o->amount);
    fact_set(f, FN_ITEMS, o->items);
    if (o->has_cost)
        fact_set(f, FN_COST, o->cost);
    return f;
}

void order_facts(struct track_view *v, struct entry_log log)
{
    struct order_log o = { 0 };
    fold(&o, log);
    find_deals(v, &o);
    if (!o.placed || o.cancelled || log_deleted(log))
        return;
    find_customer(v, &o);
    order_fact(v, FACT_ORDER, o.placed->t_ms, &o);
    struct fact *sale = order_fact(v, FACT_TXN, o.placed->t_ms, &o);
    product_newness(v, sale, o.placed->t_ms);
    campaign_sale(v, sale, o.placed->t_ms, 1);
    market_facts(v, order_fact(v, FACT_MARKET, o.placed->t_ms, &o));
    order_fact(v, FACT_CUSTOMER_ACTIVITY, o.placed->t_ms, &o)->s[FT_KIND] = SLICE("order");
    order_receivable_facts(v, &o);
    order_refund_facts(v, &o);
}
