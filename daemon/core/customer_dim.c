/* The dimension customer: which customer a fact belongs to. Only where some measure in force is kept by it, for it costs cells by the customer.
 *
 * Trackers need not think of it: it is the customer that the entity names, or the fact's member where that is one. */
#include "engine_int.h"

enum named_by { BY_SELF, BY_DEAL, BY_QUESTION, BY_FIELD };

/* Entities that are about one customer at most. A deal may know its customer from its lead alone: its facts say whom. */
static const struct {
    const char *kind;
    enum named_by by;
} of_one_customer[] = {
    { "customer", BY_SELF },      { "deal", BY_DEAL },     { "order", BY_FIELD },       { "lead", BY_FIELD },
    { "quote", BY_FIELD },        { "ticket", BY_FIELD },  { "response", BY_QUESTION }, { "survey", BY_FIELD },
    { "complaint", BY_FIELD },    { "contact", BY_FIELD }, { "feedback", BY_FIELD },    { "referral", BY_FIELD },
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

/* An answer names nobody: whom the survey was sent to, else whose ticket it is about. */
static struct slice customer_asked(struct track_view *v, struct entry_log log)
{
    static const struct {
        const char *kind;
        enum event_field id;
    } parents[] = { { "survey", F_SURVEY_ID }, { "ticket", F_TICKET_ID } };
    struct slice customer = log_text(log, F_CUSTOMER_ID);
    for (size_t i = 0; i < sizeof parents / sizeof parents[0] && !customer.n; i++) {
        struct slice id = log_text(log, parents[i].id);
        if (id.n)
            customer = log_text(view_log(v, slice_of(parents[i].kind), id, true), F_CUSTOMER_ID);
    }
    return customer;
}

bool fact_in_segment(const struct fact *f)
{
    static const enum fact_type types[] = { FACT_TXN,          FACT_REFUND,
                                            FACT_SURVEY,       FACT_TICKET,
                                            FACT_TICKET_REPLY, FACT_TICKET_RESOLVE,
                                            FACT_COMPLAINT,    FACT_COMPLAINT_RESOLVED };
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (f->type == types[i])
            return f->dim[DIM_CUSTOMER].n > 0;
    return false;
}

/* The customer's tracker says those again, with the segment alone. */
static void leave_segments(struct fact_list *facts)
{
    for (uint32_t i = 0; i < facts->n; i++)
        if (fact_in_segment(&facts->v[i]))
            facts->v[i].dim[DIM_SEGMENT] = (struct slice){ 0 };
}

void name_customers(struct track_view *v, struct entry_log log, struct fact_list *facts)
{
    struct slice kind = key_kind(v->self), customer;
    const struct customer_rules *rules = view_customer_rules(v);
    if (!facts->n || !(rules->by_customer || rules->segment_by_rfm))
        return;
    for (uint32_t i = 0; i < facts->n; i++)
        if (member_is_customer(facts->v[i].type))
            facts->v[i].dim[DIM_CUSTOMER] = facts->v[i].member;
    for (size_t k = 0; k < sizeof of_one_customer / sizeof of_one_customer[0]; k++) {
        enum named_by by = of_one_customer[k].by;
        if (!slice_eq(kind, slice_of(of_one_customer[k].kind)))
            continue;
        customer = by == BY_SELF       ? view_self_id(v)
                   : by == BY_DEAL     ? customer_of_deal(facts)
                   : by == BY_QUESTION ? customer_asked(v, log)
                                       : log_text(log, F_CUSTOMER_ID);
        for (uint32_t i = 0; i < facts->n; i++)
            facts->v[i].dim[DIM_CUSTOMER] = customer;
        if (by != BY_SELF && rules->segment_by_rfm)
            leave_segments(facts);
    }
}
