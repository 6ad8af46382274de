/* Leads: cohort facts at the creation (qualified, converted, won), the qualification, the conversion, the open gauge.
 *
 * A lead is converted by lead_converted or by a customer acquired from it; it is won when a deal that names it is won. So its facts read the deals and
 * customers that depend on it. Cohort facts belong to the owner at creation (2.4 point 4), the others to the owner when it happened. */
#include "track.h"

struct lead_state {
    struct slice id;
    uint32_t created, qualified, converted, disqualified; /* positions, log.n: never */
    int64_t prob_ppm;
    bool has_prob, by_customer, won;
    struct entry_log win; /* the deal won first */
    uint32_t win_at;
    int64_t win_ms;
    int64_t customer_ms; /* earliest acquisition */
};

static void fold(struct lead_state *s, struct entry_log log)
{
    s->created = log_first(log, EV_LEAD_CREATED);
    s->qualified = log_first(log, EV_LEAD_QUALIFIED);
    s->converted = log_first(log, EV_LEAD_CONVERTED);
    s->disqualified = log_first(log, EV_LEAD_DISQUALIFIED);
    for (uint32_t i = 0; i < log.n; i++) {
        bool first = log.v[i].type == EV_LEAD_CREATED && !s->has_prob;
        if ((first || log.v[i].type == EV_LEAD_SCORED) && entry_has(&log.v[i], F_PROB_PPM)) {
            s->prob_ppm = entry_int(&log.v[i], F_PROB_PPM, 0);
            s->has_prob = true;
        }
    }
}

static void fold_customer(struct track_view *v, struct entry_log log, void *ctx)
{
    struct lead_state *s = ctx;
    uint32_t at = log_first(log, EV_CUSTOMER_ACQUIRED); /* the earliest acquisition counts */
    (void)v;
    if (at == log.n || log_deleted(log) || !slice_eq(entry_str(&log.v[at], F_LEAD_ID), s->id))
        return;
    if (!s->by_customer || log.v[at].t_ms < s->customer_ms)
        s->customer_ms = log.v[at].t_ms;
    s->by_customer = true;
}

static void fold_deal(struct track_view *v, struct entry_log log, void *ctx)
{
    struct lead_state *s = ctx;
    uint32_t at = 0;
    bool won = false;
    int64_t close_ms = 0;
    (void)v;
    for (uint32_t i = 0; i < log.n; i++) {
        if (log.v[i].type == EV_DEAL_CLOSED) {
            won = slice_eq(entry_str(&log.v[i], F_OUTCOME), SLICE("won"));
            close_ms = log.v[i].t_ms;
            at = i;
        } else if (log.v[i].type == EV_DEAL_REOPENED) {
            won = false;
        }
        close_ms = entry_int(&log.v[i], F_CLOSED_AT_MS, close_ms);
    }
    if (!won || log_deleted(log) || !slice_eq(log_text(log, F_LEAD_ID), s->id))
        return;
    bool earlier = !s->won || close_ms < s->win_ms ||
                   (close_ms == s->win_ms && slice_cmp(log_text(log, F_DEAL_ID), log_text(s->win, F_DEAL_ID)) < 0);
    s->won = true;
    if (earlier) {
        s->win = log;
        s->win_at = at;
        s->win_ms = close_ms;
    }
}

static struct fact *lead_fact(struct track_view *v, struct entry_log log, enum fact_type type, int64_t t_ms,
                              const struct lead_state *s)
{
    struct fact *f = view_fact(v, type, t_ms);
    bool converted = s->converted < log.n || s->by_customer;
    fact_dims(f, log);
    fact_set(f, FN_QUALIFIED, s->qualified < log.n);
    fact_set(f, FN_CONVERTED, converted);
    fact_set(f, FN_DISQUALIFIED, s->disqualified < log.n && !converted); /* a conversion replaces it */
    fact_set(f, FN_WON, s->won);
    if (s->created < log.n)
        fact_set(f, FN_AMOUNT, entry_int(&log.v[s->created], F_EST_AMOUNT_MICROS, 0));
    if (s->has_prob)
        fact_set(f, FN_PROB_PPM, s->prob_ppm);
    return f;
}

static void credited_fact(struct track_view *v, struct entry_log log, enum fact_type type, int64_t t_ms,
                          const struct lead_state *s, struct credit c)
{
    struct fact *f = lead_fact(v, log, type, t_ms, s);
    fact_credit(v, f, &c);
    if (type == FACT_LEAD_QUALIFIED && s->created < log.n)
        fact_set(f, FN_QUALIFY_MS, view_duration(v, log.v[s->created].t_ms, t_ms));
}

/* By the customer, unless the lead's own event is earlier. */
static void conversion_fact(struct track_view *v, struct entry_log log, const struct lead_state *s)
{
    if (s->converted < log.n && (!s->by_customer || log.v[s->converted].t_ms <= s->customer_ms)) {
        credited_fact(v, log, FACT_LEAD_CONVERTED, log.v[s->converted].t_ms, s, credit_owner(log, s->converted));
        return;
    }
    struct credit c = { .t_ms = s->customer_ms };
    credit_inherit(&c, log);
    credited_fact(v, log, FACT_LEAD_CONVERTED, s->customer_ms, s, c);
}

static void follow_ups(struct track_view *v, struct entry_log log, const struct lead_state *s)
{
    struct span open = { log.v[s->created].t_ms, s->by_customer ? s->customer_ms : INT64_MAX };
    const uint32_t end[] = { s->converted, s->disqualified };
    for (int i = 0; i < 2; i++)
        if (end[i] < log.n && log.v[end[i]].t_ms < open.end_ms)
            open.end_ms = log.v[end[i]].t_ms;
    followup_facts(v, log, (struct entry_log){ 0 }, open, SLICE("lead"));
}

static void win_fact(struct track_view *v, struct entry_log log, const struct lead_state *s)
{
    struct fact *f = view_fact(v, FACT_LEAD_WON, s->win_ms);
    struct credit c = credit_owner(s->win, s->win_at);
    fact_dims(f, s->win);
    fact_dims(f, log);
    credit_inherit(&c, log);
    fact_credit(v, f, &c);
}

void lead_facts(struct track_view *v, struct entry_log log)
{
    struct lead_state s = { 0 };
    if (!log.n)
        return;
    s.id = log_text(log, F_LEAD_ID);
    if (!s.id.n)
        s.id = log_text(log, F_ENTITY_ID); /* known from an owner_changed alone */
    fold(&s, log);
    if (log_deleted(log))
        return;
    bool created = s.created < log.n; /* what happened counts at once, the cohort when the creation arrives (C9) */
    view_dependants(v, SLICE("lead"), s.id, SLICE("customer"), F_LEAD_ID, fold_customer, &s);
    view_dependants(v, SLICE("lead"), s.id, SLICE("deal"), F_LEAD_ID, fold_deal, &s);
    if (created)
        credited_fact(v, log, FACT_LEAD, log.v[s.created].t_ms, &s, credit_owner(log, s.created));
    if (s.qualified < log.n)
        credited_fact(v, log, FACT_LEAD_QUALIFIED, log.v[s.qualified].t_ms, &s, credit_owner(log, s.qualified));
    if (created)
        follow_ups(v, log, &s);
    if (s.won)
        win_fact(v, log, &s);
    if (s.converted < log.n || s.by_customer)
        conversion_fact(v, log, &s);
    else if (created && s.disqualified == log.n) {
        struct credit c = credit_now(log);
        fact_credit_now(v, lead_fact(v, log, FACT_LEAD_OPEN, 0, &s), &c);
    }
}
