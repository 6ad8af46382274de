/* Customers: acquisition, and what their ledger says of them. Everything that follows from state belongs to the present owner and carries the present
 * dimensions. Membership: track_member.c; sales: track_purchase.c; RFM: track_rfm.c; churn risk: track_risk.c; subscriptions: track_subscription.c. */
#include "track_customer.h"

uint32_t times_upto(const int64_t *times, uint32_t n, int64_t t_ms)
{
    uint32_t low = 0, high = n;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (times[mid] <= t_ms)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static void sift(int64_t *v, uint32_t at, uint32_t n)
{
    for (uint32_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && v[child + 1] > v[child])
            child++;
        if (v[at] >= v[child])
            return;
        int64_t swap = v[at];
        v[at] = v[child];
        v[child] = swap;
    }
}

/* A heap sort: qsort of the C library may allocate. */
uint32_t times_settle(int64_t *times, uint32_t n)
{
    uint32_t out = 0;
    for (uint32_t i = n / 2; i-- > 0;)
        sift(times, i, n);
    for (uint32_t end = n; end-- > 1;) {
        int64_t swap = times[0];
        times[0] = times[end];
        times[end] = swap;
        sift(times, 0, end);
    }
    for (uint32_t i = 0; i < n; i++)
        if (!out || times[i] != times[out - 1])
            times[out++] = times[i];
    return out;
}

struct fact *customer_fact(struct track_view *v, const struct customer_case *c, enum fact_type type, int64_t t_ms)
{
    struct fact *f = view_fact(v, type, t_ms);
    *f = *c->base;
    f->type = type;
    f->t_ms = t_ms;
    return f;
}

/* The acquisition keeps its owner of then (credit: at event). */
static void acquired_fact(struct track_view *v, const struct customer_case *c)
{
    const struct entry *e = &c->log.v[c->acquired];
    struct fact *f = view_fact(v, FACT_CUSTOMER_ACQUIRED, e->t_ms);
    struct credit credit = credit_owner(c->log, c->acquired);
    fact_dims(f, c->log);
    f->member = c->base->member;
    fact_credit(v, f, &credit);
    fact_set(f, FN_REFERRED, entry_str(e, F_REFERRAL_ID).n > 0);
    fact_set(f, FN_MET, c->n_sales > 1 && c->sale_ms[1] <= e->t_ms + 90 * CUSTOMER_DAY_MS);
}

static bool expand_sales(struct track_view *v, struct customer_case *c)
{
    const struct ledger_list *sales = &c->ledger.list[LEDGER_SALE];
    uint32_t n = 0;
    for (uint32_t i = 0; i < sales->n; i++)
        n += (uint32_t)sales->v[i].n;
    int64_t *t = view_alloc(v, (n + 1) * sizeof *t);
    for (uint32_t i = 0, k = 0; t && i < sales->n; i++)
        for (int32_t same = 0; same < sales->v[i].n; same++)
            t[k++] = sales->v[i].t_ms;
    c->sale_ms = t;
    c->n_sales = n;
    return t != NULL;
}

void customer_facts(struct track_view *v, struct entry_log log)
{
    struct fact base = { 0 };
    struct customer_case c = { .log = log, .base = &base, .rules = view_customer_rules(v) };
    view_ledger(v, &c.ledger);
    c.acquired = log_first(log, EV_CUSTOMER_ACQUIRED);
    struct slice lead = c.acquired < log.n ? entry_str(&log.v[c.acquired], F_LEAD_ID) : (struct slice){ 0 };
    if (lead.n)
        view_log(v, SLICE("lead"), lead, true); /* the lead's facts read its customers: it has to know this one */
    if (log_deleted(log) || !expand_sales(v, &c))
        return;
    struct credit credit = credit_now(log);
    fact_dims(&base, log);
    base.member = view_self_id(v);
    fact_credit_now(v, &base, &credit);
    member_turns(v, &c);
    if (c.acquired < log.n)
        acquired_fact(v, &c);
    member_facts(v, &c);
    purchase_facts(v, &c);
    one_by_one_facts(v, &c);
    rfm_facts(v, &c);
    segment_facts(v, &c);
    risk_facts(v, &c);
    mrr_facts(v, &c);
}
