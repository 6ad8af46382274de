/* Facts of one event: quotes, contacts, feedback, referrals. Of several events with one id the first stands. What is about a customer takes a missing owner
 * or dimension from it. */
#include "track.h"

static struct fact *one_event(struct track_view *v, struct entry_log log, enum fact_type type, enum event_type event,
                              const struct entry **ret)
{
    uint32_t at = log_first(log, event);
    if (at == log.n || log_deleted(log))
        return NULL;
    struct fact *f = view_fact(v, type, log.v[at].t_ms);
    struct credit c = credit_owner(log, at);
    f->member = entry_str(&log.v[at], F_CUSTOMER_ID);
    struct entry_log customer = { 0 };
    if (event != EV_QUOTE_SENT)
        customer = view_log_shared(v, SLICE("customer"), f->member, false, 0);
    fact_dims(f, log);
    if (!log_deleted(customer)) {
        fact_dims(f, customer);
        credit_inherit(&c, customer);
    }
    fact_credit(v, f, &c);
    *ret = &log.v[at];
    return f;
}

void quote_facts(struct track_view *v, struct entry_log log)
{
    const struct entry *e;
    struct fact *f = one_event(v, log, FACT_QUOTE, EV_QUOTE_SENT, &e);
    if (f)
        fact_set(f, FN_AMOUNT, entry_int(e, F_AMOUNT_MICROS, 0));
}

void contact_facts(struct track_view *v, struct entry_log log)
{
    const struct entry *e;
    struct fact *f = one_event(v, log, FACT_CONTACT, EV_CONTACT_MADE, &e);
    if (!f)
        return;
    struct slice direction = entry_str(e, F_DIRECTION);
    f->dim[DIM_KIND] = f->s[FT_KIND] = entry_str(e, F_MEDIUM);
    f->s[FT_DIRECTION] = direction;
    fact_set(f, FN_DURATION_MS, entry_int(e, F_DURATION_MS, 0));
    if (slice_eq(direction, SLICE("in")))
        one_event(v, log, FACT_CUSTOMER_ACTIVITY, EV_CONTACT_MADE, &e)->s[FT_KIND] = SLICE("contact");
}

void feedback_facts(struct track_view *v, struct entry_log log)
{
    const struct entry *e;
    struct fact *f = one_event(v, log, FACT_FEEDBACK, EV_FEEDBACK_RECEIVED, &e);
    if (!f)
        return;
    f->dim[DIM_KIND] = f->s[FT_KIND] = entry_str(e, F_TOPIC);
    fact_set(f, FN_SENTIMENT, entry_int(e, F_SENTIMENT, 0));
}

void referral_facts(struct track_view *v, struct entry_log log)
{
    const struct entry *e;
    (void)one_event(v, log, FACT_REFERRAL, EV_REFERRAL_MADE, &e);
}
