/* What trackers share: attributes of an entity, dimensions, credit. */
#include "track.h"

/* Events that lie in an entity's log but tell nothing about the entity itself. */
static bool foreign(const struct entry *e)
{
    return e->type == EV_ORDER_REFUNDED || e->type == EV_PAYMENT_RECEIVED || e->type == EV_FOLLOW_UP_LOGGED;
}

struct slice log_text(struct entry_log log, enum event_field f)
{
    for (uint32_t i = log.n; i-- > 0;) {
        struct slice s = foreign(&log.v[i]) ? (struct slice){ 0 } : entry_str(&log.v[i], f);
        if (s.n)
            return s;
    }
    return (struct slice){ 0 };
}

uint32_t log_first(struct entry_log log, enum event_type type)
{
    uint32_t i = 0;
    while (i < log.n && log.v[i].type != type)
        i++;
    return i;
}

uint32_t log_last(struct entry_log log, enum event_type type)
{
    for (uint32_t i = log.n; i-- > 0;)
        if (log.v[i].type == type)
            return i;
    return log.n;
}

static const struct {
    enum dim dim;
    enum event_field field;
} inherited[] = {
    { DIM_CHANNEL, F_CHANNEL },      { DIM_PRODUCT, F_PRODUCT_ID }, { DIM_REGION, F_REGION },
    { DIM_CAMPAIGN, F_CAMPAIGN_ID }, { DIM_SEGMENT, F_SEGMENT },
};

void fact_dims(struct fact *f, struct entry_log log)
{
    for (size_t i = 0; i < sizeof inherited / sizeof inherited[0]; i++)
        if (!f->dim[inherited[i].dim].n)
            f->dim[inherited[i].dim] = log_text(log, inherited[i].field);
}

/* ---- credit ---- */

struct owner {
    struct slice who, team;
};

/* owner_changed replaces owner and team; any other event only tells what was not known yet. */
static void take_owner(struct owner *o, const struct entry *e)
{
    struct slice who = entry_str(e, F_OWNER_ID), team = entry_str(e, F_TEAM_ID);
    if (e->type == EV_OWNER_CHANGED) {
        o->who = entry_str(e, F_TO_OWNER);
        o->team = team;
        return;
    }
    if (foreign(e))
        return;
    o->who = o->who.n ? o->who : who;
    o->team = o->team.n ? o->team : team;
}

static struct owner owner_at(struct entry_log log, uint32_t at)
{
    struct owner o = { 0 };
    for (uint32_t i = 0; i < log.n && i <= at; i++)
        take_owner(&o, &log.v[i]);
    return o;
}

struct credit credit_owner(struct entry_log log, uint32_t at)
{
    struct owner o = owner_at(log, at);
    struct slice named = entry_str(&log.v[at], F_OWNER_ID);
    return (
        struct credit){ named.n ? named : o.who, entry_str(&log.v[at], F_TEAM_ID), o.team, log.v[at].t_ms, log, { 0 } };
}

struct credit credit_person(struct entry_log log, uint32_t at, struct slice who)
{
    struct credit c = credit_owner(log, at);
    if (who.n) {
        c.who = who;
        c.log.n = 0;
    }
    return c;
}

struct credit credit_now(struct entry_log log)
{
    struct owner o = owner_at(log, log.n);
    return (struct credit){ o.who, { 0 }, o.team, log.n ? log.v[log.n - 1].t_ms : 0, { 0 }, { 0 } };
}

/* The parent's owner at the contribution's time; before it had one, its first. */
void credit_inherit(struct credit *c, struct entry_log parent)
{
    struct owner o = { 0 }, all = { 0 };
    for (uint32_t i = 0; i < parent.n; i++) {
        take_owner(&all, &parent.v[i]);
        if (parent.v[i].t_ms <= c->t_ms || !o.who.n)
            o.who = all.who;
    }
    if (!c->who.n && o.who.n) {
        c->who = o.who;
        c->parent = parent;
    }
    if (!c->team.n)
        c->team = all.team;
}

/* The newest user_enabled up to t_ms that names a team. */
static struct slice chart_team(struct track_view *v, struct slice user, bool dated, int64_t t_ms)
{
    struct entry_log chart = view_log_shared(v, SLICE("user"), user, dated, t_ms);
    for (uint32_t i = chart.n; i-- > 0;)
        if (chart.v[i].type == EV_USER_ENABLED && (!dated || chart.v[i].t_ms <= t_ms) &&
            entry_has(&chart.v[i], F_TEAM_ID))
            return entry_str(&chart.v[i], F_TEAM_ID);
    return (struct slice){ 0 };
}

static void credit(struct track_view *v, struct fact *f, const struct credit *c, bool dated)
{
    struct slice team = c->event_team;
    if (!team.n && c->who.n)
        team = chart_team(v, c->who, dated, c->t_ms);
    f->dim[DIM_REP] = c->who;
    f->dim[DIM_TEAM] = team.n ? team : c->team;
}

void fact_credit(struct track_view *v, struct fact *f, const struct credit *c)
{
    struct owner now = { 0 };
    if (view_follows_owner(v)) {
        now = owner_at(c->log, c->log.n);
        if (!now.who.n)
            now = owner_at(c->parent, c->parent.n);
    }
    if (!now.who.n || slice_eq(now.who, c->who)) {
        credit(v, f, c, true);
        return;
    }
    const struct credit moved = { .who = now.who, .team = now.team, .t_ms = c->t_ms };
    credit(v, f, &moved, true);
}

void fact_credit_now(struct track_view *v, struct fact *f, const struct credit *c)
{
    credit(v, f, c, false);
}

bool log_deleted(struct entry_log log)
{
    return log_first(log, EV_ENTITY_DELETED) < log.n;
}

int64_t round_half_even(__int128 product, int64_t unit)
{
    __int128 q = product / unit, r = product % unit;
    if (r < 0) {
        r += unit;
        q--;
    }
    if (r * 2 > unit || (r * 2 == unit && (q & 1)))
        q++;
    return (int64_t)q;
}

int64_t micros_times_ppm(int64_t micros, int64_t ppm)
{
    return round_half_even((__int128)micros * ppm, 1000000);
}

int64_t micros_share(int64_t micros, int64_t part, int64_t whole)
{
    __int128 product = (__int128)micros * part, q = product / whole, r = product % whole;
    if (r * 2 > whole || (r * 2 == whole && (q & 1)))
        q++;
    return (int64_t)q;
}
