/* Users of the CRM: who is enabled, and the use they make of it (one usage record per user and hour). Each event of a usage record makes its facts
 * alone (tracker_sees_events_alone). */
#include "track.h"

void user_facts(struct track_view *v, struct entry_log log)
{
    bool on = false;
    struct slice team = { 0 };
    for (uint32_t i = 0; i < log.n; i++) {
        if (log.v[i].type == EV_USER_ENABLED) {
            on = true;
            team = entry_has(&log.v[i], F_TEAM_ID) ? entry_str(&log.v[i], F_TEAM_ID) : team;
        } else if (log.v[i].type == EV_USER_DISABLED) {
            on = false;
        }
    }
    if (!on || log_deleted(log))
        return;
    struct fact *f = view_fact(v, FACT_USER_ENABLED, 0);
    fact_dims(f, log);
    f->dim[DIM_REP] = f->member = log_text(log, F_USER_ID);
    f->dim[DIM_TEAM] = team;
    f->dim[DIM_KIND] = f->s[FT_KIND] = log_text(log, F_ROLE);
}

struct usage {
    struct slice user;
    bool enabled;     /* as of the view's instant */
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

/* "<user>/<feature>": what the depth of use counts. */
static struct slice pair(struct track_view *v, struct slice user, struct slice feature)
{
    char *p = view_alloc(v, user.n + feature.n + 1);
    if (!p)
        return (struct slice){ 0 };
    memcpy(p, user.p, user.n);
    p[user.n] = '/';
    memcpy(p + user.n + 1, feature.p, feature.n);
    return (struct slice){ p, user.n + feature.n + 1 };
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
    if (e->type == EV_FEATURE_USED)
        usage_fact(v, FACT_FEATURE_USE, e, u)->member = pair(v, u->user, entry_str(e, F_FEATURE));
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
    if (enabled < chart.n)
        u.since_ms = chart.v[enabled].t_ms;
    for (uint32_t i = 0; i < chart.n; i++)
        if (chart.v[i].type == EV_USER_ENABLED || chart.v[i].type == EV_USER_DISABLED)
            u.enabled = chart.v[i].type == EV_USER_ENABLED;
    for (uint32_t i = 0; i < log.n; i++)
        if (log.v[i].type == EV_LOGIN || log.v[i].type == EV_FEATURE_USED)
            event_facts(v, &log.v[i], &u);
}
