/* Subscriptions: what stands of each, and what the changes of a customer's standing amounts together are.
 *
 * Net and gross retention of a civil period: for a customer that paid a > 0 at its start and pays b now, b and min(a, b) are kept. Both change by steps, one
 * at each change of the amount; so kept = amount at the start + steps so far, summed like any other measure. */
#include "track_customer.h"

void subscription_facts(struct track_view *v, struct entry_log log)
{
    int64_t standing = 0;
    if (log_deleted(log) || log_first(log, EV_SUBSCRIPTION_CHANGED) == log.n)
        return;
    struct entry_log customer = view_log_shared(v, SLICE("customer"), log_text(log, F_CUSTOMER_ID), false, 0);
    for (uint32_t i = 0; i < log.n; i++) {
        int64_t amount = entry_int(&log.v[i], F_MRR_MICROS, 0);
        if (log.v[i].type != EV_SUBSCRIPTION_CHANGED || amount == standing)
            continue;
        struct fact *f = view_fact(v, FACT_SUBSCRIPTION, log.v[i].t_ms);
        struct credit c = credit_now(log);
        fact_dims(f, log);
        if (!log_deleted(customer)) {
            fact_dims(f, customer);
            credit_inherit(&c, customer);
        }
        fact_credit_now(v, f, &c);
        f->member = log_text(log, F_CUSTOMER_ID);
        fact_set(f, FN_VALUE, amount - standing);
        fact_set(f, FN_AMOUNT, amount);
        standing = amount;
    }
}

/* Steps of one customer, of one of its products or of all. */
struct mrr_walk {
    struct slice product; /* empty: all */
    int64_t before, now;
    bool paid; /* ever */
};

static struct fact *mrr_fact(struct track_view *v, const struct customer_case *c, const struct mrr_walk *w,
                             enum fact_type type, int64_t t_ms)
{
    struct fact *f = customer_fact(v, c, type, t_ms);
    if (!w->product.n) {
        f->dim[DIM_PRODUCT] = (struct slice){ 0 };
        return f;
    }
    for (int d = 0; d < DIM_COUNT; d++)
        f->dim[d] = d == DIM_PRODUCT ? w->product : (struct slice){ 0 };
    f->no_org = true;
    return f;
}

static void change_fact(struct track_view *v, const struct customer_case *c, const struct mrr_walk *w, int64_t t_ms)
{
    const char *kind = w->before > 0 ? (w->now <= 0          ? "churned"
                                        : w->now > w->before ? "expansion"
                                                             : "contraction")
                                     : (w->paid ? "reactivated" : "new");
    struct fact *f = mrr_fact(v, c, w, FACT_MRR, t_ms);
    f->s[FT_KIND] = slice_of(kind);
    if (!w->product.n)
        f->dim[DIM_KIND] = f->s[FT_KIND];
    fact_set(f, FN_VALUE, w->now - w->before);
}

static int64_t lesser(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t product_mrr_at(const struct ledger_list *mrr, struct slice product, int64_t t_ms)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < mrr->n && mrr->v[i].t_ms <= t_ms; i++)
        if (!product.n || slice_eq(mrr->v[i].text[LEDGER_PRODUCT], product))
            sum += mrr->v[i].value * mrr->v[i].n;
    return sum;
}

static void kept_facts(struct track_view *v, const struct customer_case *c, const struct mrr_walk *w, int64_t t_ms)
{
    static const struct {
        const char *mode;
        enum period period;
    } periods[] = { { "m", PERIOD_MONTH }, { "q", PERIOD_QUARTER }, { "y", PERIOD_YEAR } };
    for (int i = 0; i < 3; i++) {
        int64_t start_ms = calendar_period(view_calendar(v), periods[i].period, t_ms).start_ms;
        int64_t start = product_mrr_at(&c->ledger.list[LEDGER_MRR], w->product, start_ms - 1);
        if (start <= 0)
            continue;
        struct fact *f = mrr_fact(v, c, w, FACT_MRR_KEPT, t_ms);
        f->s[FT_MODE] = slice_of(periods[i].mode);
        fact_set(f, FN_VALUE, w->now - w->before);
        fact_set(f, FN_AMOUNT, lesser(start, w->now) - lesser(start, w->before));
    }
}

static void walk(struct track_view *v, const struct customer_case *c, struct slice product)
{
    const struct ledger_list *mrr = &c->ledger.list[LEDGER_MRR];
    struct mrr_walk w = { .product = product };
    for (uint32_t i = 0, next; i < mrr->n; i = next) {
        int64_t t_ms = mrr->v[i].t_ms;
        for (next = i + 1; next < mrr->n && mrr->v[next].t_ms == t_ms;)
            next++;
        w.now = product_mrr_at(mrr, product, t_ms);
        if (w.now == w.before)
            continue;
        change_fact(v, c, &w, t_ms);
        kept_facts(v, c, &w, t_ms);
        w.paid |= w.now > 0;
        w.before = w.now;
    }
}

/* Changes at one instant are one change: a subscription that another replaces is no churn. */
void mrr_facts(struct track_view *v, const struct customer_case *c)
{
    const struct ledger_list *mrr = &c->ledger.list[LEDGER_MRR];
    if (mrr->n)
        walk(v, c, (struct slice){ 0 });
    for (uint32_t i = 0; i < mrr->n; i++) {
        struct slice product = mrr->v[i].text[LEDGER_PRODUCT];
        bool again = !product.n;
        for (uint32_t k = 0; k < i && !again; k++)
            again = slice_eq(mrr->v[k].text[LEDGER_PRODUCT], product);
        if (!again)
            walk(v, c, product);
    }
}
