/* Membership: from acquisition until churn, explicit or by inactivity, and the transitions from which any window's joined and left follow.
 *
 * A member stays as long as it buys: without a sale for churn_after_ms since it joined or last bought it leaves, unless a subscription stands then. A
 * sale or a subscription brings it back; after an explicit churn only customer_reactivated does. So the membership at an instant follows from what
 * happened up to then, and a late sale takes a churn back.
 *
 * Joined and left: let a present member have joined at t1, left at t2, joined at t3. It was not a member at s exactly where s <= t1 or t2 < s <= t3; summing
 * +1 at each joining and -1 at each leaving over [s, now) gives 1 there and 0 elsewhere: members at the end that were none at the start. For former
 * members the same sum with the signs turned counts those at the start that are gone. Both are as-of facts: they turn around with the state, also when
 * time alone turns it, and belong to the present owner, so that members at the start = members now - joined + left holds for every subject.
 *
 * By subscription a customer is one whose standing amounts together are above 0, no more and no less; the same facts say so, with another mode. */
#include "track_customer.h"

int64_t mrr_at(const struct ledger_list *mrr, int64_t t_ms)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < mrr->n && mrr->v[i].t_ms <= t_ms; i++)
        sum += mrr->v[i].value * mrr->v[i].n;
    return sum;
}

/* The first instant from t_ms on at which something (nothing) is paid; INT64_MAX if never. */
static int64_t next_mrr(const struct ledger_list *mrr, int64_t t_ms, bool paid)
{
    if ((mrr_at(mrr, t_ms) > 0) == paid)
        return t_ms;
    for (uint32_t i = 0; i < mrr->n; i++)
        if (mrr->v[i].t_ms > t_ms && (mrr_at(mrr, mrr->v[i].t_ms) > 0) == paid)
            return mrr->v[i].t_ms;
    return INT64_MAX;
}

static void turn(struct customer_case *c, struct member_turn to)
{
    bool in = c->n_turns && c->turn[c->n_turns - 1].in;
    if (in != to.in)
        c->turn[c->n_turns++] = to;
}

struct signs {
    const int64_t *ms; /* of life: sales and reactivations, ascending */
    uint32_t n;
};

/* One membership in the words of events: joined at `join`, ended at end_ms (INT64_MAX: not yet). Inactivity may interrupt or end it. */
static void inside(struct customer_case *c, const struct signs *signs, int64_t join_ms, uint32_t join_at,
                   int64_t end_ms)
{
    const struct ledger_list *mrr = &c->ledger.list[LEDGER_MRR];
    int64_t last_ms = join_ms, since_ms = join_ms; /* the sign that counts; the last time it came in */
    uint32_t i = times_upto(signs->ms, signs->n, join_ms);
    turn(c, (struct member_turn){ .t_ms = join_ms, .in = true, .at = join_at });
    while (c->rules->churn_after_ms > 0) {
        int64_t next_ms = i < signs->n && signs->ms[i] < end_ms ? signs->ms[i] : INT64_MAX;
        int64_t due_ms = last_ms + c->rules->churn_after_ms;
        int64_t out_ms = next_mrr(mrr, due_ms > since_ms ? due_ms : since_ms, false);
        int64_t paid_ms = INT64_MAX;
        if (out_ms < next_ms && out_ms < end_ms) {
            turn(c, (struct member_turn){ .t_ms = out_ms, .lapse = true, .at = c->log.n });
            paid_ms = next_mrr(mrr, out_ms, true);
            since_ms = paid_ms < next_ms ? paid_ms : next_ms;
            if (since_ms >= end_ms)
                return;
            turn(c, (struct member_turn){ .t_ms = since_ms, .in = true, .at = c->log.n });
        }
        if (paid_ms < next_ms)
            continue; /* still without a sign, but a subscription stands again */
        if (next_ms >= end_ms)
            return;
        last_ms = since_ms = next_ms;
        i++;
    }
}

static bool find_signs(struct track_view *v, const struct customer_case *c, struct signs *ret)
{
    const struct entry_log log = c->log;
    int64_t *ms = view_alloc(v, (c->n_sales + log.n + 1) * sizeof *ms);
    uint32_t n = 0;
    for (uint32_t i = 0; ms && i < c->n_sales; i++)
        ms[n++] = c->sale_ms[i];
    for (uint32_t i = c->acquired; ms && i < log.n; i++)
        if (log.v[i].type == EV_CUSTOMER_REACTIVATED)
            ms[n++] = log.v[i].t_ms;
    *ret = (struct signs){ ms, ms ? times_settle(ms, n) : 0 };
    return ms != NULL;
}

/* The earliest acquisition begins the membership, further ones are ignored; what happened before it, too. */
void member_turns(struct track_view *v, struct customer_case *c)
{
    const struct entry_log log = c->log;
    struct signs signs;
    uint32_t joined = c->acquired, room = 2 * (log.n + c->n_sales + c->ledger.list[LEDGER_MRR].n) + 4;
    c->n_turns = 0;
    c->turn = joined < log.n ? view_alloc(v, room * sizeof *c->turn) : NULL;
    if (!c->turn || !find_signs(v, c, &signs))
        return;
    for (uint32_t i = joined + 1; i < log.n; i++) {
        if (joined == log.n && log.v[i].type == EV_CUSTOMER_REACTIVATED)
            joined = i;
        if (joined == log.n || log.v[i].type != EV_CUSTOMER_CHURNED)
            continue;
        inside(c, &signs, log.v[joined].t_ms, joined, log.v[i].t_ms);
        turn(c, (struct member_turn){ .t_ms = log.v[i].t_ms, .reason = entry_str(&log.v[i], F_REASON), .at = i });
        joined = log.n;
    }
    if (joined < log.n)
        inside(c, &signs, log.v[joined].t_ms, joined, INT64_MAX);
}

bool member_at(const struct customer_case *c, int64_t t_ms)
{
    uint32_t i = 0;
    while (i < c->n_turns && c->turn[i].t_ms <= t_ms)
        i++;
    return i > 0 && c->turn[i - 1].in;
}

/* ---- facts ---- */

static void left_fact(struct track_view *v, const struct customer_case *c, const struct member_turn *t, int64_t from_ms)
{
    struct fact *f = customer_fact(v, c, t->lapse ? FACT_LAPSE : FACT_CHURN, t->t_ms);
    f->dim[DIM_KIND] = f->s[FT_KIND] = t->lapse ? SLICE("inactivity") : t->reason.n ? t->reason : SLICE("unspecified");
    f->from_ms = from_ms;
    if (t->at >= c->log.n) /* no event of the customer's says so: the present owner, as in `base` */
        return;
    struct credit credit = credit_owner(c->log, t->at);
    f->dim[DIM_REP] = f->dim[DIM_TEAM] = (struct slice){ 0 };
    fact_credit(v, f, &credit);
}

static void turned_fact(struct track_view *v, const struct customer_case *c, enum fact_type type,
                        const struct member_turn *t, int64_t n, int64_t from_ms)
{
    struct fact *f = customer_fact(v, c, type, t->t_ms);
    f->from_ms = from_ms;
    fact_set(f, FN_N, n);
}

static void now_fact(struct track_view *v, const struct customer_case *c, int64_t n, int64_t from_ms)
{
    struct fact *f = customer_fact(v, c, FACT_MEMBER_NOW, 0);
    f->from_ms = from_ms;
    fact_set(f, FN_N, n);
}

/* `met` counts those who were members when the day of the turn began: +1 where one leaves, -1 where it comes back. Its sum over the day is who was there at
 * the start and is not there now. */
static void step_fact(struct track_view *v, const struct customer_case *c, const struct member_turn *t)
{
    int64_t day_ms = calendar_period(view_calendar(v), PERIOD_DAY, t->t_ms).start_ms, n = t->in ? 1 : -1;
    struct fact *f = customer_fact(v, c, FACT_MEMBER, t->t_ms);
    fact_set(f, FN_N, n);
    fact_set(f, FN_MET, member_at(c, day_ms - 1) ? -n : 0);
}

/* What time alone changes counts from the start of its hour on, as levels do. */
static void turn_facts(struct track_view *v, const struct customer_case *c)
{
    if (!c->turn || !c->n_turns)
        return;
    const struct member_turn *last = &c->turn[c->n_turns - 1];
    int64_t from_ms = last->lapse ? pane_start(view_calendar(v), GRAIN_HOUR, last->t_ms) : 0;
    if (last->in || last->lapse)
        now_fact(v, c, 1, 0);
    if (last->lapse)
        now_fact(v, c, -1, from_ms);
    for (uint32_t i = 0; i < c->n_turns; i++) {
        const struct member_turn *t = &c->turn[i];
        int64_t n = t->in ? 1 : -1;
        step_fact(v, c, t);
        if (!t->in)
            left_fact(v, c, t, t->lapse ? pane_start(view_calendar(v), GRAIN_HOUR, t->t_ms) : 0);
        if (last->in || (last->lapse && t != last))
            turned_fact(v, c, FACT_MEMBER_JOINED, t, n, 0);
        if (last->lapse && t != last)
            turned_fact(v, c, FACT_MEMBER_JOINED, t, -n, from_ms);
        if (!last->in)
            turned_fact(v, c, FACT_MEMBER_LEFT, t, -n, from_ms);
    }
}

/* A customer by subscription, whether it was ever acquired or not. Changes at one instant are one change: one subscription may replace another. */
static void paid_turns(struct track_view *v, struct customer_case *c)
{
    const struct ledger_list *mrr = &c->ledger.list[LEDGER_MRR];
    int64_t sum = 0;
    c->n_turns = 0;
    c->turn = mrr->n ? view_alloc(v, mrr->n * sizeof *c->turn) : NULL;
    for (uint32_t i = 0; c->turn && i < mrr->n; i++) {
        int64_t t_ms = mrr->v[i].t_ms;
        sum += mrr->v[i].value * mrr->v[i].n;
        if (i + 1 < mrr->n && mrr->v[i + 1].t_ms == t_ms)
            continue;
        turn(c, (struct member_turn){ .t_ms = t_ms, .in = sum > 0, .reason = SLICE("subscription"), .at = c->log.n });
    }
}

/* Both kinds of customers, told apart by mode; the switch customers_by chooses when it reads. */
void member_facts(struct track_view *v, const struct customer_case *c)
{
    struct fact base = *c->base;
    struct customer_case one = *c;
    one.base = &base;
    base.s[FT_MODE] = SLICE("activity");
    turn_facts(v, &one);
    paid_turns(v, &one);
    base.s[FT_MODE] = SLICE("subscription");
    turn_facts(v, &one);
}
