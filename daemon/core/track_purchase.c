/* What follows from a customer's sales one after the other: gaps, repeat sales, purchase reminders (domain specification 4.9). */
#include "crmpulse/customer_value.h"
#include "track_customer.h"

/* The sale's own owner, team, product and segment; what it lacks stays the customer's. */
static struct fact *sale_fact(struct track_view *v, const struct customer_case *c, enum fact_type type,
                              const struct ledger_item *sale)
{
    static const enum dim dims[LEDGER_TEXTS] = { DIM_REP, DIM_TEAM, DIM_PRODUCT, DIM_SEGMENT };
    struct fact *f = customer_fact(v, c, type, sale->t_ms);
    for (int i = 0; i < LEDGER_TEXTS; i++)
        f->dim[dims[i]] = sale->text[i];
    int segment = c->rules->segment_by_rfm ? rfm_segment_at(c, sale->t_ms - 1) : -1;
    if (segment >= 0)
        f->dim[DIM_SEGMENT] = slice_of(rfm_segment_name((enum rfm_segment)segment));
    return f;
}

struct reminder {
    const char *kind;
    enum purchase_reminder which;
};

static const struct reminder reminders[] = {
    { "due", REMINDER_DUE },
    { "overdue", REMINDER_OVERDUE },
    { "lapsed", REMINDER_LAPSED },
};

/* One of each kind in the gap that sale k opens, unless the next sale comes first. */
static void reminder_facts(struct track_view *v, const struct customer_case *c, uint32_t k)
{
    const struct figure none = { .is_null = true };
    int64_t next_ms = k + 1 < c->n_sales ? c->sale_ms[k + 1] : INT64_MAX;
    struct figure cycle = purchase_cycle_ms(c->sale_ms, k + 1, none);
    if (cycle.is_null || !(cycle.value > 0))
        return;
    for (size_t i = 0; i < sizeof reminders / sizeof reminders[0]; i++) {
        int64_t after_ms = (int64_t)(purchase_reminder_factor(reminders[i].which) * cycle.value + 0.5);
        int64_t due_ms = c->sale_ms[k] + after_ms;
        if (next_ms <= due_ms)
            continue;
        struct fact *f = customer_fact(v, c, FACT_REMINDER, due_ms);
        f->from_ms = due_ms;
        f->dim[DIM_KIND] = f->s[FT_KIND] = slice_of(reminders[i].kind);
        if (next_ms == INT64_MAX)
            fact_set(f, FN_OPEN, 1);
        fact_set(f, FN_DONE, next_ms != INT64_MAX && (double)(next_ms - due_ms) <= cycle.value / 2);
    }
}

/* ---- for customers one by one ---- */

static void now_fact(struct track_view *v, const struct customer_case *c)
{
    const struct figure none = { .is_null = true };
    struct figure cycle = purchase_cycle_ms(c->sale_ms, c->n_sales, none);
    struct fact *f = customer_fact(v, c, FACT_PURCHASE_NOW, 0);
    f->no_org = true;
    fact_set(f, FN_N, c->n_sales);
    fact_set(f, FN_VALUE, c->sale_ms[c->n_sales - 1]);
    if (!cycle.is_null)
        fact_set(f, FN_BASE, (int64_t)(2 * cycle.value)); /* a median of whole gaps: twice it is whole */
}

static void recent_fact(struct track_view *v, const struct customer_case *c, const char *mode, int64_t from_ms,
                        int64_t n)
{
    struct fact *f = customer_fact(v, c, FACT_RECENT_SALE, 0);
    f->no_org = true;
    f->from_ms = from_ms;
    f->s[FT_MODE] = slice_of(mode);
    fact_set(f, FN_N, n);
}

/* A sale is one of the last 90 days until it is 90 days old, then one of the 90 before them. */
static void recent_facts(struct track_view *v, const struct customer_case *c, int64_t sale_ms)
{
    recent_fact(v, c, "last", 0, 1);
    recent_fact(v, c, "last", sale_ms + TREND_MS, -1);
    recent_fact(v, c, "before", sale_ms + TREND_MS, 1);
    recent_fact(v, c, "before", sale_ms + 2 * TREND_MS, -1);
}

void one_by_one_facts(struct track_view *v, const struct customer_case *c)
{
    const struct ledger_list *uses = &c->ledger.list[LEDGER_USE];
    if (!c->rules->by_customer)
        return;
    if (c->n_sales)
        now_fact(v, c);
    for (uint32_t k = 0; k < c->n_sales; k++)
        if (c->sale_ms[k] >= c->ledger.from_ms)
            recent_facts(v, c, c->sale_ms[k]);
    if (!uses->n)
        return;
    struct fact *f = customer_fact(v, c, FACT_USE_NOW, 0);
    f->no_org = true;
    fact_set(f, FN_VALUE, uses->v[uses->n - 1].t_ms);
}

/* Sales before from_ms with a next one before it, too, say the same before and after the event. */
void purchase_facts(struct track_view *v, const struct customer_case *c)
{
    const struct ledger_list *sales = &c->ledger.list[LEDGER_SALE];
    uint32_t k = 0;
    for (uint32_t i = 0; i < sales->n; i++)
        for (int32_t same = 0; same < sales->v[i].n; same++, k++) {
            if (k + 1 < c->n_sales && c->sale_ms[k + 1] < c->ledger.from_ms)
                continue;
            reminder_facts(v, c, k);
            if (!k || c->sale_ms[k] < c->ledger.from_ms)
                continue;
            sale_fact(v, c, FACT_REPEAT_SALE, &sales->v[i]);
            fact_set(sale_fact(v, c, FACT_PURCHASE_GAP, &sales->v[i]), FN_DURATION_MS,
                     c->sale_ms[k] - c->sale_ms[k - 1]);
        }
}
