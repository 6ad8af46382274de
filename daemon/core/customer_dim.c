/* The dimension customer: which customer a fact belongs to. Only where some measure in force is kept by it, for it costs cells by the customer.
 *
 * Trackers need not think of it: it is the customer that the entity names, or the fact's member where that is one. */
#include "engine_int.h"

enum named_by { BY_SELF, BY_DEAL, BY_FIELD };

/* Entities that are about one customer at most. A deal may know its customer from its lead alone: its facts say whom. */
static const struct {
    const char *kind;
    enum named_by by;
} of_one_customer[] = {
    { "customer", BY_SELF },      { "deal", BY_DEAL },     { "order", BY_FIELD },    { "lead", BY_FIELD },
    { "quote", BY_FIELD },        { "ticket", BY_FIELD },  { "response", BY_FIELD }, { "survey", BY_FIELD },
    { "complaint", BY_FIELD },    { "contact", BY_FIELD }, { "feedback", BY_FIELD }, { "referral", BY_FIELD },
    { "subscription", BY_FIELD },
};

/* Facts of other entities that have a customer as their member. */
static bool member_is_customer(enum fact_type type)
{
    return type == FACT_CUSTOMER_ACTIVITY || type == FACT_CAMPAIGN || type == FACT_CAMPAIGN_SALE;
}

static struct slice customer_of_deal(const struct fact_list *facts)
{
    for (uint32_t i = 0; i < facts->n; i++) {
        const struct fact *f = &facts->v[i];
        if (f->type == FACT_DEAL || f->type == FACT_DEAL_CLOSE || f->type == FACT_DEAL_OPEN)
            return f->member;
    }
    return (struct slice){ 0 };
}

void name_customers(struct track_view *v, struct entry_log log, struct fact_list *facts)
{
    struct slice kind = key_kind(v->self), customer;
    if (!facts->n || !view_customer_rules(v)->by_customer)
        return;
    for (uint32_t i = 0; i < facts->n; i++)
        if (member_is_customer(facts->v[i].type))
            facts->v[i].dim[DIM_CUSTOMER] = facts->v[i].member;
    for (size_t k = 0; k < sizeof of_one_customer / sizeof of_one_customer[0]; k++) {
        enum named_by by = of_one_customer[k].by;
        if (!slice_eq(kind, slice_of(of_one_customer[k].kind)))
            continue;
        customer = by == BY_SELF   ? view_self_id(v)
                   : by == BY_DEAL ? customer_of_deal(facts)
                                   : log_text(log, F_CUSTOMER_ID);
        for (uint32_t i = 0; i < facts->n; i++)
            facts->v[i].dim[DIM_CUSTOMER] = customer;
    }
}
