/* Users of the CRM: who is enabled, and the use they make of it (one usage record per user and hour). Each event of a usage record makes its facts
 * alone (tracker_sees_events_alone). */
#include <stdio.h>

#include "track.h"
#include "workdays.h"

struct presence {
    bool on;
    struct slice team;
};

static bool moves(const struct entry *e)
{
    return e->type == EV_USER_ENABLED || e->type == EV_USER_DISABLED;
}

static void take(struct presence *p, const struct entry *e)
{
    p->on = e->type == EV_USER_ENABLED;
    if (p->on && entry_has(e, F_TEAM_ID))
        p->team = entry_str(e, F_TEAM_ID);
}

static void step(struct track_view *v, struct entry_log log, enum fact_type type, int64_t t_ms,
                 const struct presence *p, int64_t n)
{
    if (!p->on)
        return;
    struct fact *f = view_fact(v, type, t_ms);
    fact_dims(f, log);
    f->dim[DIM_REP] = f->member = log_text(log, F_USER_ID);
    f->dim[DIM_TEAM] = p->team;
    f->dim[DIM_KIND] = f->s[FT_KIND] = log_text(log, F_ROLE);
    fact_set(f, FN_N, n);
    if (type == FACT_USER_DAYS)
        fact_set(f, FN_VALUE, -n * workdays_before(view_calendar(v), t_ms));
}

static void change(struct track_view *v, struct entry_log log, enum fact_type type, int64_t t_ms,
                   const struct presence *from, const struct presence *to)
{
    if (from->on == to->on && slice_eq(from->team, to->team))
        return;
    step(v, log, type, t_ms, from, -1);
    step(v, log, type, t_ms, to, 1);
}

/* What a user counts as on the civil day that holds event *at: enabled if so at any instant of it, in the team of its end. Moves *at and `now` on to the
 * next day's first event. */
static struct presence on_day(const struct calendar *cal, struct entry_log log, uint32_t *at, struct presence *now,
                              struct span *ret_day)
{
    *ret_day = calendar_period(cal, PERIOD_DAY, log.v[*at].t_ms);
    bool on = now->on && log.v[*at].t_ms > ret_day->start_ms;
    for (; *at < log.n && log.v[*at].t_ms < ret_day->end_ms; ++*at) {
        if (!moves(&log.v[*at]))
            continue;
        take(now, &log.v[*at]);
        on |= now->on;
    }
    return (struct presence){ on, now->team };
}

/* Events that do not concern the presence may stand between: a day of theirs changes nothing. */
static void day_steps(struct track_view *v, struct entry_log log)
{
    struct presence now = { 0 };
    struct span day;
    for (uint32_t at = 0; at < log.n;) {
        struct presence before = now;
        if (!moves(&log.v[at])) {
            at++;
            continue;
        }
        struct presence during = on_day(view_calendar(v), log, &at, &now, &day);
        change(v, log, FACT_USER_DAYS, day.start_ms, &before, &during);
        change(v, log, FACT_USER_DAYS, day.end_ms, &during, &now);
    }
}

void user_facts(struct track_view *v, struct entry_log log)
{
    struct presence now = { 0 };
    if (log_deleted(log))
        return;
    for (uint32_t i = 0; i < log.n; i++) {
        struct presence before = now;
        if (!moves(&log.v[i]))
            continue;
        take(&now, &log.v[i]);
        change(v, log, FACT_USER_ENABLED, log.v[i].t_ms, &before, &now);
    }
    day_steps(v, log);
}

/* Presence on the day of an instant. */
static struct presence presence_on(const struct calendar *cal, struct entry_log chart, int64_t t_ms,
                                   struct span *ret_day)
{
    struct presence now = { 0 };
    uint32_t at = 0;
    *ret_day = calendar_period(cal, PERIOD_DAY, t_ms);
    for (; at < chart.n && chart.v[at].t_ms < ret_day->start_ms; at++)
        if (moves(&chart.v[at]))
            take(&now, &chart.v[at]);
    while (at < chart.n && !moves(&chart.v[at]))
        at++;
    return at < chart.n && chart.v[at].t_ms < ret_day->end_ms ? on_day(cal, chart, &at, &now, ret_day) : now;
}

struct usage {
    struct slice user;
    bool enabled; /* as of the view's instant */
    struct entry_log chart;
    int64_t since_ms; /* first time the user was enabled: with it, "new" in the life cycle is decided (3.5) */
};

static struct fact *usage_fact(struct track_view *v, enum fact_type type, const struct entry *e, const struct usage *u)
{
    struct fact *f = view_fact(v, type, e->t_ms);
    const struct credit c = { .who = u->user, .event_team = entry_str(e, F_TEAM_ID), .t_ms = e->t_ms };
    fact_dims(f, (struct entry_log){ e, 1 });
    fact_credit(v, f, &c);
    f->dim[DIM_FEATURE] = entry_str(e, F_FEATURE);
    return f;
}

/* "<user>/<what>": members of which a user has several. */
static struct slice part_of(struct track_view *v, struct slice user, struct slice what)
{
    char *p = view_alloc(v, user.n + what.n + 1);
    if (!p)
        return (struct slice){ 0 };
    memcpy(p, user.p, user.n);
    p[user.n] = '/';
    memcpy(p + user.n + 1, what.p, what.n);
    return (struct slice){ p, user.n + what.n + 1 };
}

/* Working days are counted by the org chart alone, as those expected are: so there are never more of them. */
static void day_fact(struct track_view *v, const struct entry *e, const struct usage *u, struct slice kind)
{
    const struct calendar *cal = view_calendar(v);
    char number[24];
    struct span day;
    struct presence p = presence_on(cal, u->chart, e->t_ms, &day);
    if (!p.on || workdays_before(cal, day.end_ms) == workdays_before(cal, day.start_ms))
        return;
    snprintf(number, sizeof number, "%lld", (long long)(day.start_ms / 1000));
    struct fact *f = view_fact(v, FACT_USER_DAY, day.start_ms);
    f->member = part_of(v, u->user, slice_of(number));
    f->dim[DIM_REP] = u->user;
    f->dim[DIM_TEAM] = p.team;
    f->dim[DIM_KIND] = f->s[FT_KIND] = kind;
}

static void event_facts(struct track_view *v, const struct entry *e, const struct usage *u)
{
    struct fact *f = usage_fact(v, FACT_USAGE, e, u);
    struct slice customer = entry_str(e, F_CUSTOMER_ID);
    f->member = u->user;
    f->dim[DIM_KIND] = f->s[FT_KIND] = e->type == EV_LOGIN ? SLICE("login") : SLICE("feature");
    fact_set(f, FN_N, u->since_ms <= e->t_ms ? u->since_ms : INT64_MAX); /* enabled later: too late to matter for it */
    fact_set(f, FN_USES, entry_int(e, F_N, 1));
    fact_set(f, FN_DURATION_MS, entry_int(e, F_DURATION_MS, 0));
    if (u->enabled) {
        struct slice kind = f->s[FT_KIND];
        f = usage_fact(v, FACT_USAGE_ENABLED, e, u);
        f->member = u->user;
        f->dim[DIM_KIND] = f->s[FT_KIND] = kind;
    }
    day_fact(v, e, u, e->type == EV_LOGIN ? SLICE("login") : SLICE("feature"));
    if (e->type == EV_FEATURE_USED)
        usage_fact(v, FACT_FEATURE_USE, e, u)->member = part_of(v, u->user, entry_str(e, F_FEATURE));
    if (!customer.n)
        return;
    f = usage_fact(v, FACT_CUSTOMER_ACTIVITY, e, u);
    f->member = customer;
    f->dim[DIM_KIND] = f->s[FT_KIND] = SLICE("usage");
}

void usage_facts(struct track_view *v, struct entry_log log)
{
    if (!log.n)
        return;
    struct usage u = { .user = entry_str(&log.v[0], F_USER_ID), .since_ms = INT64_MAX };
    struct entry_log chart = view_log_shared(v, SLICE("user"), u.user, false, 0);
    uint32_t enabled = log_first(chart, EV_USER_ENABLED);
    if (log_deleted(chart))
        return;
    u.chart = chart;
    if (enabled < chart.n)
        u.since_ms = chart.v[enabled].t_ms;
    for (uint32_t i = 0; i < chart.n; i++)
        if (chart.v[i].type == EV_USER_ENABLED || chart.v[i].type == EV_USER_DISABLED)
            u.enabled = chart.v[i].type == EV_USER_ENABLED;
    for (uint32_t i = 0; i < log.n; i++)
        if (log.v[i].type == EV_LOGIN || log.v[i].type == EV_FEATURE_USED)
            event_facts(v, &log.v[i], &u);
}
