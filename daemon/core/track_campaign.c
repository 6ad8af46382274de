/* Campaigns: who was sent what, who responded, and which sales came of it. One record per recipient holds the sends and responses of all campaigns, so
 * that the last touch before a sale is found in one place; the sale makes the fact (campaign_sale).
 *
 * Everything lies at the first send of the campaign to the recipient: the cohort that the costs are compared with. A response alone makes no recipient;
 * a sale it led to counts at the response. */
#include "track_campaign.h"

#include "engine_int.h"

enum { TOUCH_MAX_DAYS = 366 }; /* older touches do not count whatever attribution_days says */

static const int64_t day_ms = 86400000;

static bool same(const struct entry *a, const struct entry *b, enum event_field f)
{
    return slice_eq(entry_str(a, f), entry_str(b, f));
}

/* Position of the first send of e's campaign (and of its product, if asked), among those up to an instant. */
static uint32_t first_send(struct entry_log log, const struct entry *e, bool product, int64_t upto_ms)
{
    uint32_t i = 0;
    while (i < log.n && !(log.v[i].type == EV_CAMPAIGN_SENT && log.v[i].t_ms <= upto_ms &&
                          same(&log.v[i], e, F_CAMPAIGN_ID) && (!product || same(&log.v[i], e, F_PRODUCT_ID))))
        i++;
    return i;
}

static bool responded(struct entry_log log, const struct entry *send)
{
    for (uint32_t i = 0; i < log.n; i++)
        if (log.v[i].type == EV_CAMPAIGN_RESPONDED && same(&log.v[i], send, F_CAMPAIGN_ID))
            return true;
    return false;
}

static bool recommends(const struct entry *send)
{
    return slice_eq(entry_str(send, F_KIND), SLICE("recommendation")) && entry_str(send, F_PRODUCT_ID).n;
}

static struct fact *send_fact(struct track_view *v, enum fact_type type, const struct entry *send)
{
    struct fact *f = view_fact(v, type, send->t_ms);
    const struct entry_log one = { send, 1 };
    struct credit c = credit_owner(one, 0);
    fact_dims(f, one);
    fact_credit(v, f, &c);
    f->dim[DIM_KIND] = f->s[FT_KIND] = entry_str(send, F_KIND);
    f->member = entry_str(send, F_RECIPIENT_ID);
    return f;
}

void recipient_facts(struct track_view *v, struct entry_log log)
{
    if (log_deleted(log))
        return;
    for (uint32_t i = 0; i < log.n; i++) {
        const struct entry *e = &log.v[i];
        if (e->type != EV_CAMPAIGN_SENT)
            continue;
        if (first_send(log, e, false, INT64_MAX) == i)
            fact_set(send_fact(v, FACT_CAMPAIGN, e), FN_DONE, responded(log, e));
        if (recommends(e) && first_send(log, e, true, INT64_MAX) == i)
            send_fact(v, FACT_RECOMMENDATION, e);
    }
}

/* ---- sales ---- */

/* The newest response before the sale. */
static const struct entry *last_touch(struct entry_log log, int64_t sale_ms)
{
    const struct entry *touch = NULL;
    for (uint32_t i = 0; i < log.n; i++)
        if (log.v[i].type == EV_CAMPAIGN_RESPONDED && log.v[i].t_ms <= sale_ms &&
            (!touch || log.v[i].t_ms >= touch->t_ms))
            touch = &log.v[i];
    return touch && sale_ms - touch->t_ms <= TOUCH_MAX_DAYS * day_ms ? touch : NULL;
}

/* What the response does not say, the send does. */
static void touch_fact(struct track_view *v, struct entry_log log, const struct entry *touch, const struct fact *sale,
                       int64_t sale_ms, int sign)
{
    uint32_t at = first_send(log, touch, false, sale_ms); /* a later one cannot have led to it */
    struct fact *f = view_fact(v, FACT_CAMPAIGN_SALE, at < log.n ? log.v[at].t_ms : touch->t_ms);
    fact_dims(f, (struct entry_log){ touch, 1 });
    if (at < log.n)
        fact_dims(f, (struct entry_log){ &log.v[at], 1 });
    f->member = sale->member;
    f->s[FT_BASIS] = sale->s[FT_BASIS];
    fact_set(f, FN_DURATION_MS, sale_ms - touch->t_ms);
    fact_set(f, FN_AMOUNT, sign * sale->n[FN_AMOUNT]);
    if (sale->has >> FN_COST & 1)
        fact_set(f, FN_COST, sign * sale->n[FN_COST]);
}

/* Purchases of one product by one recipient are one success of each campaign that recommended it. */
static void bought_facts(struct track_view *v, struct entry_log log, const struct fact *sale, int64_t sale_ms)
{
    for (uint32_t i = 0; i < log.n; i++) {
        const struct entry *e = &log.v[i];
        if (e->type != EV_CAMPAIGN_SENT || !recommends(e) || e->t_ms > sale_ms ||
            first_send(log, e, true, sale_ms) != i || !slice_eq(entry_str(e, F_PRODUCT_ID), sale->dim[DIM_PRODUCT]) ||
            sale_ms - e->t_ms > TOUCH_MAX_DAYS * day_ms)
            continue;
        struct slice campaign = entry_str(e, F_CAMPAIGN_ID), who = sale->member, product = sale->dim[DIM_PRODUCT];
        char *id = view_alloc(v, campaign.n + who.n + product.n + 2u);
        if (!id)
            return;
        memcpy(id, campaign.p, campaign.n);
        id[campaign.n] = '/';
        memcpy(id + campaign.n + 1, who.p, who.n);
        id[campaign.n + 1 + who.n] = '/';
        memcpy(id + campaign.n + who.n + 2, product.p, product.n);
        struct fact *f = send_fact(v, FACT_RECO_BOUGHT, e);
        f->member = (struct slice){ id, campaign.n + who.n + product.n + 2 };
        f->s[FT_BASIS] = sale->s[FT_BASIS];
        fact_set(f, FN_DURATION_MS, sale_ms - e->t_ms);
    }
}

void campaign_sale(struct track_view *v, const struct fact *f, int64_t sale_ms, int sign)
{
    const struct engine *e = v->e;
    if (!f->member.n || (!e->plan[FACT_CAMPAIGN_SALE].n && !e->plan[FACT_RECO_BOUGHT].n))
        return;                  /* nobody asks: spare the read */
    const struct fact sale = *f; /* the list of facts may move */
    struct entry_log log = view_log_shared(v, SLICE("recipient"), sale.member, true, sale_ms);
    if (log_deleted(log))
        return;
    const struct entry *touch = last_touch(log, sale_ms);
    if (touch)
        touch_fact(v, log, touch, &sale, sale_ms, sign);
    if (sign > 0 && sale.dim[DIM_PRODUCT].n)
        bought_facts(v, log, &sale, sale_ms);
}
