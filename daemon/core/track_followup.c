/* Follow-ups of open leads and deals: by when one was due, and whether it came in time.
 *
 * While a lead or deal is open, a follow-up is due followup_ms after it was opened or followed up last; next_at of a follow-up plans another time, due_at
 * tells what the due time of the follow-up itself was. One that comes no later than due meets it; one that comes later leaves it missed and begins anew;
 * while none comes, the due times go on. A due time at or after the closing is none. Several messages with one followup_id are one follow-up, made when
 * the first was; the newest tells the rest.
 *
 * Due times are steps of levels, so that those to come may be told at once: their number in a window is the difference of the level over it. After
 * misses_max in a row an entity is forgotten about: it has no due times until it is followed up again. */
#include "track.h"

static const int64_t misses_max = 12;

struct followup {
    int64_t made_ms, due_ms, next_ms; /* due, next: INT64_MIN if not told */
};

static int64_t told(struct entry_log log, uint32_t at, enum event_field field)
{
    struct slice id = entry_str(&log.v[at], F_FOLLOWUP_ID);
    for (uint32_t i = log.n; i-- > at;)
        if (log.v[i].type == EV_FOLLOW_UP_LOGGED && slice_eq(entry_str(&log.v[i], F_FOLLOWUP_ID), id))
            return entry_int(&log.v[i], field, INT64_MIN);
    return INT64_MIN;
}

static bool first_message(struct entry_log log, uint32_t at)
{
    for (uint32_t i = 0; i < at; i++)
        if (log.v[i].type == EV_FOLLOW_UP_LOGGED &&
            slice_eq(entry_str(&log.v[i], F_FOLLOWUP_ID), entry_str(&log.v[at], F_FOLLOWUP_ID)))
            return false;
    return log.v[at].type == EV_FOLLOW_UP_LOGGED;
}

/* The first follow-up from position *at on that was made in the span; false if there is none. *at moves behind it. */
static bool next_followup(struct entry_log log, struct span open, uint32_t *at, struct followup *ret)
{
    for (; *at < log.n; ++*at) {
        const struct entry *e = &log.v[*at];
        if (e->t_ms < open.start_ms || e->t_ms >= open.end_ms || !first_message(log, *at))
            continue;
        *ret = (struct followup){ e->t_ms, told(log, *at, F_DUE_AT_MS), told(log, *at, F_NEXT_AT_MS) };
        ++*at;
        return true;
    }
    return false;
}

struct dues {
    struct track_view *v;
    struct entry_log log, parent;
    struct span open;
    struct slice kind;
    bool named; /* `dim` is known: what the log says of the entity is the same for every due time */
    struct slice dim[DIM_COUNT];
};

/* The org chart is read as a whole: read by the day it would make a dependency for every due time. */
static struct slice team_at(struct track_view *v, struct slice user, int64_t t_ms)
{
    struct entry_log chart = view_log_shared(v, SLICE("user"), user, false, 0);
    struct slice team = { 0 };
    for (uint32_t i = 0; i < chart.n && chart.v[i].t_ms <= t_ms; i++)
        if (chart.v[i].type == EV_USER_ENABLED && entry_has(&chart.v[i], F_TEAM_ID))
            team = entry_str(&chart.v[i], F_TEAM_ID);
    return team;
}

static void name_dims(struct dues *d, struct fact *f)
{
    struct fact said = { 0 };
    if (!d->named) {
        fact_dims(&said, d->log);
        fact_dims(&said, d->parent);
        memcpy(d->dim, said.dim, sizeof d->dim);
        d->named = true;
    }
    for (int i = 0; i < DIM_COUNT; i++)
        if (!f->dim[i].n)
            f->dim[i] = d->dim[i];
}

/* Whoever owns the entity when it is due is credited, with credit=follow_owner whoever owns it now. */
static void due_fact(struct dues *d, int64_t due_ms, bool met)
{
    if (due_ms >= d->open.end_ms)
        return;
    struct fact *f = view_fact(d->v, FACT_FOLLOWUP, due_ms);
    struct credit c = { .t_ms = view_follows_owner(d->v) ? INT64_MAX : due_ms };
    credit_inherit(&c, d->log);
    credit_inherit(&c, d->parent);
    f->dim[DIM_REP] = c.who;
    f->dim[DIM_TEAM] = c.who.n ? team_at(d->v, c.who, due_ms) : (struct slice){ 0 };
    if (!f->dim[DIM_TEAM].n)
        f->dim[DIM_TEAM] = c.team;
    name_dims(d, f);
    f->dim[DIM_KIND] = f->s[FT_KIND] = d->kind;
    fact_set(f, FN_N, 1);
    fact_set(f, FN_MET, met);
}

/* Due times from due_ms on that passed before until_ms. */
static void missed(struct dues *d, int64_t due_ms, int64_t until_ms)
{
    int64_t every_ms = view_followup_ms(d->v);
    for (int64_t n = 0; n < misses_max && due_ms < until_ms; n++, due_ms += every_ms)
        due_fact(d, due_ms, false);
}

void followup_facts(struct track_view *v, struct entry_log log, struct entry_log parent, struct span open,
                    struct slice kind)
{
    struct dues d = { .v = v, .log = log, .parent = parent, .open = open, .kind = kind };
    int64_t every_ms = view_followup_ms(v), due_ms = open.start_ms + every_ms;
    struct followup f;
    if (every_ms <= 0)
        return;
    for (uint32_t at = 0; next_followup(log, open, &at, &f);) {
        if (f.due_ms != INT64_MIN)
            due_fact(&d, f.due_ms, f.made_ms <= f.due_ms);
        else if (f.made_ms <= due_ms)
            due_fact(&d, due_ms, true);
        else
            missed(&d, due_ms, f.made_ms);
        due_ms = f.next_ms != INT64_MIN ? f.next_ms : f.made_ms + every_ms;
    }
    missed(&d, due_ms, open.end_ms);
}
