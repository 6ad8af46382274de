/* Tickets: opening cohort, first replies, resolution in three modes, due times, the backlog.
 *
 * mode total: the sum of open intervals, last: last resolve - opened, first: first resolve - opened, never withdrawn (3.4). Time on hold is left out,
 * or not; durations are wall and working time. A second resolve without a reopen between is ignored (2.4 point 5). Cohort facts belong to the owner,
 * times to who answered or resolved. What a switch chooses between is a fact of its own only where it makes a difference. */
#include "track.h"

enum clock { WALL, BUSINESS, CLOCKS };
enum { HOLDS_OUT, HOLDS_IN, HOLD_MODES };

struct work {
    int64_t ms[HOLD_MODES][CLOCKS];
};

struct ticket_state {
    struct entry_log log;
    uint32_t opened_at, resolve_at, first_at; /* positions */
    bool opened, really_opened, resolved, ever_resolved, in_interval, reopened, has_first_contact, first_contact, held,
        bots, restarted;
    int64_t opened_ms, resolved_ms, first_ms, open_since_ms;
    int64_t reopened_after_ms; /* the shortest time from a resolve to its reopening */
    struct work total;
    uint32_t n_replies; /* human */
    uint32_t n_ignored; /* resolves of a resolved ticket */
};

/* ---- worked time ---- */

static int64_t span_ms(const struct track_view *v, int64_t from_ms, int64_t to_ms, enum clock clock)
{
    if (to_ms <= from_ms)
        return 0;
    return clock == WALL ? to_ms - from_ms : view_business(v, from_ms, to_ms);
}

/* Overlap of the holds with [start, end); a hold not released yet lasts. */
static int64_t held_ms(const struct track_view *v, struct entry_log log, int64_t start_ms, int64_t end_ms,
                       enum clock clock)
{
    int64_t since_ms = 0, sum = 0;
    bool on = false;
    for (uint32_t i = 0; i <= log.n; i++) {
        bool hold = i < log.n && log.v[i].type == EV_TICKET_HOLD, now = hold && entry_int(&log.v[i], F_ON, 0);
        if ((!hold && i < log.n) || now == on)
            continue;
        if (on)
            sum += span_ms(v, since_ms > start_ms ? since_ms : start_ms,
                           i < log.n && log.v[i].t_ms < end_ms ? log.v[i].t_ms : end_ms, clock);
        else
            since_ms = log.v[i].t_ms;
        on = now;
    }
    return sum;
}

static struct work worked(struct track_view *v, struct entry_log log, int64_t start_ms, int64_t end_ms)
{
    struct work w;
    w.ms[HOLDS_IN][WALL] = view_duration(v, start_ms, end_ms);
    w.ms[HOLDS_IN][BUSINESS] = view_business(v, start_ms, end_ms);
    for (int c = 0; c < CLOCKS; c++)
        w.ms[HOLDS_OUT][c] = w.ms[HOLDS_IN][c] - held_ms(v, log, start_ms, end_ms, (enum clock)c);
    return w;
}

static void add_work(struct work *to, struct work w)
{
    for (int i = 0; i < HOLD_MODES; i++)
        for (int c = 0; c < CLOCKS; c++)
            to->ms[i][c] += w.ms[i][c];
}

/* ---- the log, folded ---- */

static void step_opened(struct ticket_state *s, uint32_t at)
{
    if (s->opened)
        return;
    s->opened = s->really_opened = true;
    s->opened_at = at;
    s->opened_ms = s->log.v[at].t_ms;
    if (s->resolved)
        return;
    s->open_since_ms = s->opened_ms;
    s->in_interval = true;
}

static void step_resolved(struct track_view *v, struct ticket_state *s, uint32_t at, bool has_opening)
{
    const struct entry *e = &s->log.v[at];
    if (s->resolved) {
        s->n_ignored++;
        return;
    }
    if (!has_opening && !s->opened && entry_has(e, F_OPENED_AT_MS)) {
        s->opened = s->in_interval = true;
        s->opened_at = at;
        s->opened_ms = s->open_since_ms = entry_int(e, F_OPENED_AT_MS, 0);
    }
    s->n_replies += entry_has(e, F_FIRST_RESPONSE_AT_MS);
    if (entry_has(e, F_FIRST_CONTACT)) {
        s->has_first_contact = true;
        s->first_contact = entry_int(e, F_FIRST_CONTACT, 0);
    }
    if (s->in_interval)
        add_work(&s->total, worked(v, s->log, s->open_since_ms, e->t_ms));
    s->in_interval = false;
    s->resolved = true;
    s->resolve_at = at;
    s->resolved_ms = e->t_ms;
    if (!s->ever_resolved) {
        s->ever_resolved = true;
        s->first_at = at;
        s->first_ms = e->t_ms;
    }
}

static void step_reopened(struct ticket_state *s, const struct entry *e)
{
    if (!s->resolved)
        return;
    int64_t after_ms = e->t_ms - s->resolved_ms;
    if (!s->reopened || after_ms < s->reopened_after_ms)
        s->reopened_after_ms = after_ms;
    s->reopened = true;
    s->resolved = false;
    s->open_since_ms = e->t_ms;
    s->in_interval = true;
}

static void step_reply(struct ticket_state *s, const struct entry *e)
{
    bool bot = entry_int(e, F_IS_BOT, 0);
    s->bots |= bot;
    s->n_replies += !bot;
}

static void fold(struct track_view *v, struct ticket_state *s, struct entry_log log)
{
    bool has_opening = log_first(log, EV_TICKET_OPENED) < log.n;
    s->log = log;
    for (uint32_t i = 0; i < log.n; i++) {
        const struct entry *e = &log.v[i];
        s->held |= e->type == EV_TICKET_HOLD;
        s->restarted |= e->type == EV_TICKET_REOPENED || e->type == EV_TICKET_HANDED_OFF;
        if (e->type == EV_TICKET_OPENED)
            step_opened(s, i);
        else if (e->type == EV_TICKET_FIRST_RESPONSE)
            step_reply(s, e);
        else if (e->type == EV_TICKET_RESOLVED)
            step_resolved(v, s, i, has_opening);
        else if (e->type == EV_TICKET_REOPENED)
            step_reopened(s, e);
    }
}

/* ---- facts ---- */

static struct fact *ticket_fact(struct track_view *v, enum fact_type type, int64_t t_ms, const struct ticket_state *s)
{
    struct fact *f = view_fact(v, type, t_ms);
    uint32_t opening = log_first(s->log, EV_TICKET_OPENED);
    fact_dims(f, s->log);
    if (opening < s->log.n)
        f->dim[DIM_KIND] = f->s[FT_KIND] = entry_str(&s->log.v[opening], F_KIND);
    return f;
}

static struct fact *credited_fact(struct track_view *v, enum fact_type type, int64_t t_ms, const struct ticket_state *s,
                                  uint32_t at, enum event_field who)
{
    struct fact *f = ticket_fact(v, type, t_ms, s);
    struct credit c =
        who == F_OWNER_ID ? credit_owner(s->log, at) : credit_person(s->log, at, entry_str(&s->log.v[at], who));
    fact_credit(v, f, &c);
    return f;
}

/* ---- replies ---- */

struct reply {
    bool found;
    uint32_t at;
    int64_t start_ms, t_ms;
};

/* The earliest reply from `from_ms` on. What a resolve says of the first response counts unless the resolve is ignored. */
static struct reply earliest_reply(struct entry_log log, int64_t from_ms, bool bots)
{
    struct reply best = { 0 };
    bool resolved = false;
    for (uint32_t i = 0; i < log.n; i++) {
        const struct entry *e = &log.v[i];
        bool reply = e->type == EV_TICKET_FIRST_RESPONSE && (bots || !entry_int(e, F_IS_BOT, 0)),
             told = e->type == EV_TICKET_RESOLVED && !resolved && entry_has(e, F_FIRST_RESPONSE_AT_MS);
        int64_t t_ms = told ? entry_int(e, F_FIRST_RESPONSE_AT_MS, 0) : e->t_ms;
        if ((reply || told) && t_ms >= from_ms && (!best.found || t_ms < best.t_ms))
            best = (struct reply){ true, i, from_ms, t_ms };
        resolved = e->type == EV_TICKET_RESOLVED || (resolved && e->type != EV_TICKET_REOPENED);
    }
    return best;
}

/* The reply to the opening, or to the newest event of type `restart` that was answered. One before the opening answers the opening; a reopening of
 * what is not resolved is none. */
static struct reply reply_to(const struct ticket_state *s, enum event_type restart, bool bots)
{
    struct reply r = earliest_reply(s->log, INT64_MIN, bots);
    bool resolved = false;
    r.start_ms = s->opened_ms;
    for (uint32_t i = 0; i < s->log.n; i++) {
        enum event_type type = s->log.v[i].type;
        struct reply again = { 0 };
        if (type == restart && (resolved || type != EV_TICKET_REOPENED))
            again = earliest_reply(s->log, s->log.v[i].t_ms, bots);
        r = again.found ? again : r;
        resolved = type == EV_TICKET_RESOLVED || (resolved && type != EV_TICKET_REOPENED);
    }
    return r;
}

static struct fact *reply_fact(struct track_view *v, const struct ticket_state *s, const struct reply *r)
{
    enum event_field who = s->log.v[r->at].type == EV_TICKET_RESOLVED ? F_RESOLVER_ID : F_RESPONDER_ID;
    struct fact *f = credited_fact(v, FACT_TICKET_REPLY, r->t_ms, s, r->at, who);
    fact_set(f, FN_FRT_MS, view_duration(v, r->start_ms, r->t_ms));
    fact_set(f, FN_DURATION_MS, view_business(v, r->start_ms, r->t_ms));
    return f;
}

/* One fact stands for every way of counting where all give the same. */
static void reply_facts(struct track_view *v, const struct ticket_state *s)
{
    static const struct {
        const char *from;
        enum event_type restart;
    } ways[] = { { "opened", EVENT_TYPE_COUNT },
                 { "reopened", EV_TICKET_REOPENED },
                 { "handoff", EV_TICKET_HANDED_OFF } };
    if (!s->restarted && !s->bots) {
        struct reply r = reply_to(s, EVENT_TYPE_COUNT, false);
        if (r.found)
            reply_fact(v, s, &r);
        return;
    }
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
        for (int bots = 0; bots < 2; bots++) {
            struct reply r = reply_to(s, ways[i].restart, bots);
            struct fact *f = r.found ? reply_fact(v, s, &r) : NULL;
            if (!f)
                continue;
            f->s[FT_MODE] = slice_of(ways[i].from);
            f->s[FT_BASIS] = slice_of(bots ? "any" : "human");
        }
}

/* ---- resolution ---- */

static void resolve_facts(struct track_view *v, const struct ticket_state *s, uint32_t at, const char *mode,
                          struct work w)
{
    static const char *const basis[HOLD_MODES] = { "work", "all" };
    for (int i = 0; i < (s->held ? HOLD_MODES : 1); i++) {
        struct fact *f = credited_fact(v, FACT_TICKET_RESOLVE, s->log.v[at].t_ms, s, at, F_RESOLVER_ID);
        f->s[FT_MODE] = slice_of(mode);
        f->s[FT_BASIS] = slice_of(s->held ? basis[i] : "");
        fact_set(f, FN_RES_MS, w.ms[i][WALL]);
        fact_set(f, FN_DURATION_MS, w.ms[i][BUSINESS]);
    }
}

/* A due time counts once it was met; missed, from the due time on. By the business clock one outside working hours is due when they begin. */
static void due_facts(struct track_view *v, const struct ticket_state *s, enum event_field field, const char *due,
                      bool happened, int64_t happened_ms)
{
    const struct entry *opening = &s->log.v[s->opened_at];
    if (!entry_has(opening, field))
        return;
    int64_t wall_ms = entry_int(opening, field, 0);
    const int64_t due_ms[CLOCKS] = { wall_ms, calendar_business_next(view_calendar(v), wall_ms) };
    bool same = due_ms[WALL] == due_ms[BUSINESS];
    for (int c = 0; c < (same ? 1 : CLOCKS); c++) {
        bool met = happened && happened_ms <= due_ms[c];
        if (!met && !view_reached(v, due_ms[c]))
            continue;
        struct fact *f = credited_fact(v, FACT_TICKET_DUE, due_ms[c], s, s->opened_at, F_OWNER_ID);
        f->s[FT_DUE] = slice_of(due);
        f->s[FT_BASIS] = slice_of(same ? "" : c == WALL ? "wall" : "business");
        fact_set(f, FN_MET, met);
    }
}

static void cohort_facts(struct track_view *v, const struct ticket_state *s)
{
    struct fact *f = credited_fact(v, FACT_TICKET, s->opened_ms, s, s->opened_at, F_OWNER_ID);
    bool one_touch = s->has_first_contact ? s->first_contact : s->n_replies == 1;
    fact_set(f, FN_RESOLVED, s->resolved);
    fact_set(f, FN_REOPENED, s->reopened);
    fact_set(f, FN_FCR, s->resolved && one_touch);
    fact_set(f, FN_N, s->n_ignored);
    if (s->reopened)
        fact_set(f, FN_DURATION_MS, s->reopened_after_ms);
    struct slice customer = log_text(s->log, F_CUSTOMER_ID);
    if (!s->really_opened || !customer.n)
        return;
    f = credited_fact(v, FACT_CUSTOMER_ACTIVITY, s->opened_ms, s, s->opened_at, F_OWNER_ID);
    f->member = customer;
    f->dim[DIM_KIND] = f->s[FT_KIND] = SLICE("ticket");
}

void ticket_facts(struct track_view *v, struct entry_log log)
{
    struct ticket_state s = { 0 };
    fold(v, &s, log);
    if (log_deleted(log))
        return;
    if (!s.opened) {
        if (s.resolved) /* it counts as resolved; times and cohort need the opening (C9) */
            credited_fact(v, FACT_TICKET_RESOLVE, s.resolved_ms, &s, s.resolve_at, F_RESOLVER_ID)->s[FT_MODE] =
                SLICE("last");
        return;
    }
    cohort_facts(v, &s);
    reply_facts(v, &s);
    if (s.resolved) {
        resolve_facts(v, &s, s.resolve_at, "total", s.total);
        resolve_facts(v, &s, s.resolve_at, "last", worked(v, log, s.opened_ms, s.resolved_ms));
    }
    if (s.ever_resolved)
        resolve_facts(v, &s, s.first_at, "first", worked(v, log, s.opened_ms, s.first_ms));
    if (!s.resolved && s.really_opened) {
        struct credit c = credit_now(log);
        fact_credit_now(v, ticket_fact(v, FACT_TICKET_OPEN, 0, &s), &c);
    }
    if (!s.really_opened)
        return;
    struct reply first = reply_to(&s, EVENT_TYPE_COUNT, false);
    due_facts(v, &s, F_FIRST_DUE_MS, "response", first.found, first.t_ms);
    due_facts(v, &s, F_RESOLVE_DUE_MS, "resolve", s.resolved, s.resolved_ms);
}
