/* Tickets: opening cohort, first human reply, resolution in three modes, due times, the backlog.
 *
 * mode total: the sum of open intervals, last: last resolve - opened, first: first resolve - opened, never withdrawn (3.4). Time on hold is left out of
 * all three. A second resolve without a reopen between is ignored (2.4 point 5). Cohort facts belong to the owner, times to who answered or resolved. */
#include "track.h"

static const int64_t fcr_ms = 7 * 86400000LL;

struct ticket_state {
    struct entry_log log;
    uint32_t opened_at, reply_at, resolve_at, first_at; /* positions */
    bool opened, really_opened, replied, resolved, ever_resolved, in_interval, reopened, reopened_soon,
        has_first_contact, first_contact;
    int64_t opened_ms, reply_ms, resolved_ms, first_ms, open_since_ms, total_ms;
    uint32_t n_replies;
};

/* Overlap of the holds with [start, end); a hold not released yet lasts. */
static int64_t held_ms(struct entry_log log, int64_t start_ms, int64_t end_ms)
{
    int64_t since_ms = 0, sum = 0;
    bool on = false;
    for (uint32_t i = 0; i <= log.n; i++) {
        bool hold = i < log.n && log.v[i].type == EV_TICKET_HOLD, now = hold && entry_int(&log.v[i], F_ON, 0);
        if ((!hold && i < log.n) || now == on)
            continue;
        if (on) {
            int64_t from = since_ms > start_ms ? since_ms : start_ms,
                    to = i < log.n && log.v[i].t_ms < end_ms ? log.v[i].t_ms : end_ms;
            sum += to > from ? to - from : 0;
        } else {
            since_ms = log.v[i].t_ms;
        }
        on = now;
    }
    return sum;
}

static int64_t worked_ms(struct track_view *v, struct entry_log log, int64_t start_ms, int64_t end_ms)
{
    return view_duration(v, start_ms, end_ms) - held_ms(log, start_ms, end_ms);
}

static void note_reply(struct ticket_state *s, uint32_t at, int64_t t_ms)
{
    s->n_replies++;
    if (s->replied && t_ms >= s->reply_ms)
        return;
    s->replied = true;
    s->reply_at = at;
    s->reply_ms = t_ms;
}

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
    if (s->resolved)
        return;
    if (!has_opening && !s->opened && entry_has(e, F_OPENED_AT_MS)) {
        s->opened = s->in_interval = true;
        s->opened_at = at;
        s->opened_ms = s->open_since_ms = entry_int(e, F_OPENED_AT_MS, 0);
    }
    if (entry_has(e, F_FIRST_RESPONSE_AT_MS))
        note_reply(s, at, entry_int(e, F_FIRST_RESPONSE_AT_MS, 0));
    if (entry_has(e, F_FIRST_CONTACT)) {
        s->has_first_contact = true;
        s->first_contact = entry_int(e, F_FIRST_CONTACT, 0);
    }
    if (s->in_interval)
        s->total_ms += worked_ms(v, s->log, s->open_since_ms, e->t_ms);
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
    s->reopened = true;
    s->reopened_soon |= e->t_ms - s->resolved_ms <= fcr_ms;
    s->resolved = false;
    s->open_since_ms = e->t_ms;
    s->in_interval = true;
}

static void fold(struct track_view *v, struct ticket_state *s, struct entry_log log)
{
    bool has_opening = log_first(log, EV_TICKET_OPENED) < log.n;
    s->log = log;
    for (uint32_t i = 0; i < log.n; i++) {
        const struct entry *e = &log.v[i];
        if (e->type == EV_TICKET_OPENED)
            step_opened(s, i);
        else if (e->type == EV_TICKET_FIRST_RESPONSE && !entry_int(e, F_IS_BOT, 0))
            note_reply(s, i, e->t_ms);
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

static void reply_fact(struct track_view *v, const struct ticket_state *s)
{
    enum event_field who = s->log.v[s->reply_at].type == EV_TICKET_RESOLVED ? F_RESOLVER_ID : F_RESPONDER_ID;
    struct fact *f = credited_fact(v, FACT_TICKET_REPLY, s->reply_ms, s, s->reply_at, who);
    fact_set(f, FN_FRT_MS, view_duration(v, s->opened_ms, s->reply_ms));
}

static void resolve_fact(struct track_view *v, const struct ticket_state *s, uint32_t at, const char *mode,
                         int64_t res_ms)
{
    struct fact *f = credited_fact(v, FACT_TICKET_RESOLVE, s->log.v[at].t_ms, s, at, F_RESOLVER_ID);
    f->s[FT_MODE] = slice_of(mode);
    fact_set(f, FN_RES_MS, res_ms);
}

/* A due time counts once it was met; missed, from the due time on. */
static void due_fact(struct track_view *v, const struct ticket_state *s, enum event_field field, const char *due,
                     bool happened, int64_t happened_ms)
{
    const struct entry *opening = &s->log.v[s->opened_at];
    if (!entry_has(opening, field))
        return;
    int64_t due_ms = entry_int(opening, field, 0);
    bool met = happened && happened_ms <= due_ms;
    if (!met && !view_reached(v, due_ms))
        return;
    struct fact *f = credited_fact(v, FACT_TICKET_DUE, due_ms, s, s->opened_at, F_OWNER_ID);
    f->s[FT_DUE] = slice_of(due);
    fact_set(f, FN_MET, met);
}

static void cohort_facts(struct track_view *v, const struct ticket_state *s)
{
    struct fact *f = credited_fact(v, FACT_TICKET, s->opened_ms, s, s->opened_at, F_OWNER_ID);
    bool one_touch = s->has_first_contact ? s->first_contact : s->n_replies == 1;
    fact_set(f, FN_RESOLVED, s->resolved);
    fact_set(f, FN_REOPENED, s->reopened);
    fact_set(f, FN_FCR, s->resolved && !s->reopened_soon && one_touch);
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
    if (!s.opened || log_deleted(log))
        return;
    cohort_facts(v, &s);
    if (s.replied)
        reply_fact(v, &s);
    if (s.resolved) {
        resolve_fact(v, &s, s.resolve_at, "total", s.total_ms);
        resolve_fact(v, &s, s.resolve_at, "last", worked_ms(v, log, s.opened_ms, s.resolved_ms));
    }
    if (s.ever_resolved)
        resolve_fact(v, &s, s.first_at, "first", worked_ms(v, log, s.opened_ms, s.first_ms));
    if (!s.resolved && s.really_opened) {
        struct credit c = credit_now(log);
        fact_credit_now(v, ticket_fact(v, FACT_TICKET_OPEN, 0, &s), &c);
    }
    if (!s.really_opened)
        return;
    due_fact(v, &s, F_FIRST_DUE_MS, "response", s.replied, s.reply_ms);
    due_fact(v, &s, F_RESOLVE_DUE_MS, "resolve", s.resolved, s.resolved_ms);
}
