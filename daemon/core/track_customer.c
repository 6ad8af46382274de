/* Customers: acquisition, membership (explicit churn), and the transitions from which any window's joined and left follow.
 *
 * Let a present member have joined at t1, left at t2, joined at t3. It was not a member at s exactly where s <= t1 or t2 < s <= t3; summing +1 at each
 * joining and -1 at each leaving over [s, now) gives 1 there and 0 elsewhere: members at the end that were none at the start. For former members the
 * same sum with the signs turned counts those at the start that are gone. Both are as-of facts: they turn around with the state, and belong to the
 * present owner, so that members at the start = members now - joined + left holds for every subject. */
#include "track.h"

enum { TRANSITIONS_MAX = 256 };

struct member_state {
    uint32_t n, acquired;
    struct transition {
        uint32_t at; /* position in the log */
        bool in;
    } t[TRANSITIONS_MAX];
};

static void move(struct member_state *s, uint32_t at, bool in)
{
    if (s->n && s->t[s->n - 1].in != in && s->n < TRANSITIONS_MAX)
        s->t[s->n++] = (struct transition){ at, in };
}

/* The earliest acquisition begins the membership, further ones are ignored; what happened before it, too. */
static void fold(struct member_state *s, struct entry_log log)
{
    s->acquired = log_first(log, EV_CUSTOMER_ACQUIRED);
    if (s->acquired < log.n)
        s->t[s->n++] = (struct transition){ s->acquired, true };
    for (uint32_t i = s->acquired + 1; i < log.n; i++)
        if (log.v[i].type == EV_CUSTOMER_REACTIVATED || log.v[i].type == EV_CUSTOMER_CHURNED)
            move(s, i, log.v[i].type == EV_CUSTOMER_REACTIVATED);
}

static struct fact *customer_fact(struct track_view *v, enum fact_type type, int64_t t_ms, struct entry_log log)
{
    struct fact *f = view_fact(v, type, t_ms);
    fact_dims(f, log);
    f->member = log_text(log, F_CUSTOMER_ID);
    return f;
}

static struct fact *event_fact(struct track_view *v, enum fact_type type, struct entry_log log, uint32_t at)
{
    struct fact *f = customer_fact(v, type, log.v[at].t_ms, log);
    struct credit c = credit_owner(log, at);
    fact_credit(v, f, &c);
    return f;
}

static struct fact *state_fact(struct track_view *v, enum fact_type type, int64_t t_ms, struct entry_log log)
{
    struct fact *f = customer_fact(v, type, t_ms, log);
    struct credit c = credit_now(log);
    fact_credit_now(v, f, &c);
    return f;
}

static void churn_fact(struct track_view *v, struct entry_log log, uint32_t at)
{
    struct fact *f = event_fact(v, FACT_CHURN, log, at);
    struct slice reason = entry_str(&log.v[at], F_REASON);
    f->dim[DIM_KIND] = f->s[FT_KIND] = reason.n ? reason : SLICE("unspecified");
}

void customer_facts(struct track_view *v, struct entry_log log)
{
    struct member_state s = { 0 };
    fold(&s, log);
    if (!s.n)
        return;
    struct slice lead = entry_str(&log.v[s.acquired], F_LEAD_ID);
    if (lead.n)
        view_log(v, SLICE("lead"), lead, true); /* the lead's facts read its customers: it has to know this one */
    if (log_deleted(log))
        return;
    struct fact *f = event_fact(v, FACT_CUSTOMER_ACQUIRED, log, s.acquired);
    fact_set(f, FN_REFERRED, entry_str(&log.v[s.acquired], F_REFERRAL_ID).n > 0);
    bool member = s.t[s.n - 1].in;
    if (member)
        state_fact(v, FACT_MEMBER, 0, log);
    for (uint32_t i = 0; i < s.n; i++) {
        f = state_fact(v, member ? FACT_MEMBER_JOINED : FACT_MEMBER_LEFT, log.v[s.t[i].at].t_ms, log);
        fact_set(f, FN_N, s.t[i].in == member ? 1 : -1);
        if (!s.t[i].in)
            churn_fact(v, log, s.t[i].at);
    }
}
