/* Refunds: new facts that count in time order up to the amount that stands, under the basis of what they refund and credited like the sale (C4, 2.4
 * point 2). A refund of an order that names a deal counts for that deal too, under the basis deals. */
#include <stdlib.h>

#include "track_campaign.h"
#include "track_sale.h"

static void keep(struct track_view *v, struct refund_list *list, const struct entry *e)
{
    for (uint32_t i = 0; i < list->n; i++)
        if (slice_eq(list->v[i]->id, e->id))
            return;
    if (!(list->n & (list->n - 1))) { /* full: the room is a power of two */
        const struct entry **more = view_alloc(v, (list->n ? list->n * 2 : 1) * sizeof(const struct entry *));
        if (!more)
            return;
        if (list->n)
            memcpy(more, list->v, list->n * sizeof(const struct entry *));
        list->v = more;
    }
    list->v[list->n++] = e;
}

static int canonical(const void *a, const void *b)
{
    return entry_cmp(*(const struct entry *const *)a, *(const struct entry *const *)b);
}

/* In canonical order; of one refund_id the first stands. */
static void settle(struct refund_list *list)
{
    uint32_t n = 0;
    if (list->n > 1)
        qsort(list->v, list->n, sizeof *list->v, canonical);
    for (uint32_t i = 0; i < list->n; i++) {
        bool again = false;
        for (uint32_t k = 0; k < n && !again; k++)
            again = slice_eq(entry_str(list->v[k], F_REFUND_ID), entry_str(list->v[i], F_REFUND_ID));
        if (!again)
            list->v[n++] = list->v[i];
    }
    list->n = n;
}

/* What is refunded beyond what stands: counted nowhere but for itself. */
static void excess_fact(struct fact *f, int64_t excess)
{
    f->s[FT_MODE] = SLICE("excess");
    f->n[FN_COST] = f->n[FN_ITEMS] = 0;
    f->has &= ~((uint64_t)1 << FN_COST | (uint64_t)1 << FN_ITEMS);
    fact_set(f, FN_AMOUNT, excess);
}

/* What of each refund counts: up to what is left of `standing`. One fact for each way of booking it. */
static void count_refunds(struct track_view *v, const struct refund_list *list, int64_t standing, bool has_cost,
                          int64_t sale_ms, struct fact *(*make)(struct track_view *v, int64_t t_ms, const void *ctx),
                          void (*counted)(struct track_view *v, int64_t t_ms, int64_t amount, const void *ctx),
                          const void *ctx)
{
    for (uint32_t i = 0; i < list->n; i++) {
        const struct entry *e = list->v[i];
        int64_t asked = entry_int(e, F_AMOUNT_MICROS, 0), amount = asked < standing ? asked : standing,
                cost = entry_int(e, F_COST_MICROS, 0);
        amount = amount > 0 ? amount : 0;
        if (asked > amount)
            excess_fact(make(v, e->t_ms, ctx), asked - amount);
        if (!amount)
            continue;
        standing -= amount;
        if (counted)
            counted(v, e->t_ms, amount, ctx);
        const struct {
            const char *mode;
            int64_t t_ms;
        } book[] = { { "at_refund", e->t_ms }, { "at_order", sale_ms } };
        for (int b = 0; b < 2; b++) {
            struct fact *f = make(v, book[b].t_ms, ctx);
            f->s[FT_MODE] = slice_of(book[b].mode);
            fact_set(f, FN_AMOUNT, amount);
            fact_set(f, FN_ITEMS, entry_int(e, F_ITEMS, 0));
            if (has_cost) /* a sale without a cost is left out of margins, and so are its refunds */
                fact_set(f, FN_COST, amount < asked ? micros_share(cost, amount, asked) : cost);
            product_newness(v, f, sale_ms);
            if (b == 0)
                campaign_sale(v, f, sale_ms, -1);
        }
    }
}

/* ---- deals ---- */

struct collect {
    struct slice deal;
    struct refund_list list;
};

static void collect_order(struct track_view *v, struct entry_log log, void *ctx)
{
    struct collect *c = ctx;
    uint32_t placed = log_first(log, EV_ORDER_PLACED);
    struct slice of_order =
        placed < log.n && !log_deleted(log) ? entry_str(&log.v[placed], F_DEAL_ID) : (struct slice){ 0 };
    for (uint32_t i = 0; i < log.n; i++) {
        struct slice own = entry_str(&log.v[i], F_DEAL_ID);
        if (log.v[i].type == EV_ORDER_REFUNDED && slice_eq(own.n ? own : of_order, c->deal))
            keep(v, &c->list, &log.v[i]);
    }
}

static struct fact *deal_refund(struct track_view *v, int64_t t_ms, const void *ctx)
{
    return deal_sale_fact(v, FACT_REFUND, t_ms, ctx);
}

void deal_refund_facts(struct track_view *v, const struct deal_log *d)
{
    struct collect c = { .deal = d->s.id };
    if (!slice_eq(entry_str(d->s.close, F_OUTCOME), SLICE("won")))
        return;
    for (uint32_t i = 0; i < d->log.n; i++)
        if (d->log.v[i].type == EV_ORDER_REFUNDED)
            keep(v, &c.list, &d->log.v[i]);
    view_dependants(v, SLICE("deal"), d->s.id, SLICE("order"), F_DEAL_ID, collect_order, &c);
    settle(&c.list);
    count_refunds(v, &c.list, d->s.amount, d->s.has_cost, d->s.close_ms, deal_refund, NULL, d);
}

/* ---- orders ---- */

static struct fact *order_refund(struct track_view *v, int64_t t_ms, const void *ctx)
{
    return order_fact(v, FACT_REFUND, t_ms, ctx);
}

static void order_refund_received(struct track_view *v, int64_t t_ms, int64_t amount, const void *ctx)
{
    order_receivable_refund(v, ctx, t_ms, amount);
}

void order_refund_facts(struct track_view *v, const struct order_log *o)
{
    struct refund_list list = { 0 };
    for (uint32_t i = 0; i < o->log.n; i++)
        if (o->log.v[i].type == EV_ORDER_REFUNDED)
            keep(v, &list, &o->log.v[i]);
    settle(&list);
    count_refunds(v, &list, o->amount, o->has_cost, o->placed->t_ms, order_refund, order_refund_received, o);
}
