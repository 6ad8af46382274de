/* Training of one user: which courses are required and done, and what each completed course brought.
 *
 * What holds at a time (required, done, done lately) changes at the user's events, 180 days after a completion and when the org chart moves the user. At
 * each of these moments the state is worked out anew and the difference told as steps of a level: once for the user, once per course (by kind, and not
 * for the org, where a user counts once). A user is done who has done every course required; whoever is disabled counts nowhere. */
#include <stdlib.h>

#include "track.h"

static const int64_t recent_ms = INT64_C(180) * 86400000;

static void effect_fact(struct track_view *v, const struct entry *e)
{
    struct fact *f = view_fact(v, FACT_TRAINING, e->t_ms);
    struct credit c = { .who = entry_str(e, F_USER_ID), .event_team = entry_str(e, F_TEAM_ID), .t_ms = e->t_ms };
    fact_dims(f, (struct entry_log){ e, 1 });
    fact_credit(v, f, &c);
    f->member = c.who;
    f->dim[DIM_KIND] = f->s[FT_KIND] = entry_str(e, F_COURSE_ID);
    if (entry_has(e, F_PASSED))
        fact_set(f, FN_MET, entry_int(e, F_PASSED, 0) != 0);
    if (!entry_has(e, F_PRE_MILLI) || !entry_has(e, F_POST_MILLI))
        return;
    fact_set(f, FN_BASE, entry_int(e, F_PRE_MILLI, 0));
    fact_set(f, FN_VALUE, entry_int(e, F_POST_MILLI, 0));
}

/* ---- what holds at a time ---- */

struct trainee {
    struct slice id;
    struct entry_log log, chart;
};

struct standing {
    bool required, done, recent;
    struct slice team;
};

/* Of one course: the first requirement stands, any completion up to t_ms fulfils it. */
static struct standing course_at(struct entry_log log, struct slice course, int64_t t_ms)
{
    struct standing s = { 0 };
    for (uint32_t i = 0; i < log.n && log.v[i].t_ms <= t_ms; i++) {
        if (!slice_eq(entry_str(&log.v[i], F_COURSE_ID), course))
            continue;
        bool completed = log.v[i].type == EV_TRAINING_COMPLETED;
        s.required |= log.v[i].type == EV_TRAINING_REQUIRED;
        s.done |= completed;
        s.recent |= completed && t_ms - log.v[i].t_ms < recent_ms;
    }
    s.done &= s.required;
    return s;
}

static bool first_of_course(struct entry_log log, uint32_t at)
{
    for (uint32_t i = 0; i < at; i++)
        if (slice_eq(entry_str(&log.v[i], F_COURSE_ID), entry_str(&log.v[at], F_COURSE_ID)))
            return false;
    return entry_has(&log.v[at], F_COURSE_ID);
}

static struct standing all_courses_at(struct entry_log log, int64_t t_ms)
{
    struct standing all = { .done = true };
    for (uint32_t i = 0; i < log.n; i++) {
        struct standing s =
            first_of_course(log, i) ? course_at(log, entry_str(&log.v[i], F_COURSE_ID), t_ms) : (struct standing){ 0 };
        all.required |= s.required;
        all.done &= s.done || !s.required;
        all.recent |= s.recent;
    }
    all.done &= all.required;
    return all;
}

/* A user that the org chart does not know is trained all the same, but is not among those enabled. */
static void by_chart(struct standing *s, struct entry_log chart, int64_t t_ms)
{
    bool known = false, on = false;
    for (uint32_t i = 0; i < chart.n && chart.v[i].t_ms <= t_ms; i++) {
        if (chart.v[i].type != EV_USER_ENABLED && chart.v[i].type != EV_USER_DISABLED)
            continue;
        known = true;
        on = chart.v[i].type == EV_USER_ENABLED;
        if (on && entry_has(&chart.v[i], F_TEAM_ID))
            s->team = entry_str(&chart.v[i], F_TEAM_ID);
    }
    s->required &= on || !known;
    s->done &= on || !known;
    s->recent &= on;
}

/* ---- the steps ---- */

static void step(struct track_view *v, const struct trainee *u, struct slice course, int64_t t_ms,
                 const struct standing *s, int64_t sign)
{
    if (!s->required && !s->done && !s->recent)
        return;
    struct fact *f = view_fact(v, FACT_TRAINED, t_ms);
    f->member = u->id;
    f->no_org = course.n > 0;
    f->dim[DIM_KIND] = f->s[FT_KIND] = course;
    if (!course.n) {
        f->dim[DIM_REP] = u->id;
        f->dim[DIM_TEAM] = s->team;
    }
    fact_set(f, FN_N, sign * s->required);
    fact_set(f, FN_DONE, sign * s->done);
    fact_set(f, FN_VALUE, sign * s->recent);
}

static bool same(const struct standing *a, const struct standing *b)
{
    return a->required == b->required && a->done == b->done && a->recent == b->recent && slice_eq(a->team, b->team);
}

/* `course` empty: all of them. */
static void course_steps(struct track_view *v, const struct trainee *u, struct slice course, const int64_t *moment,
                         uint32_t n)
{
    struct standing before = { 0 };
    for (uint32_t i = 0; i < n; i++) {
        struct standing now = course.n ? course_at(u->log, course, moment[i]) : all_courses_at(u->log, moment[i]);
        by_chart(&now, u->chart, moment[i]);
        if (course.n)
            now.team = (struct slice){ 0 };
        if (same(&before, &now))
            continue;
        step(v, u, course, moment[i], &before, -1);
        step(v, u, course, moment[i], &now, 1);
        before = now;
    }
}

static int by_time(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* When something may change, ascending; the same moment twice does no harm. */
static uint32_t moments(const struct trainee *u, int64_t *to)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < u->log.n; i++) {
        to[n++] = u->log.v[i].t_ms;
        if (u->log.v[i].type == EV_TRAINING_COMPLETED)
            to[n++] = u->log.v[i].t_ms + recent_ms;
    }
    for (uint32_t i = 0; i < u->chart.n; i++)
        to[n++] = u->chart.v[i].t_ms;
    qsort(to, n, sizeof *to, by_time);
    return n;
}

void training_facts(struct track_view *v, struct entry_log log)
{
    struct trainee u = { .id = log_text(log, F_USER_ID), .log = log };
    if (!u.id.n)
        return;
    u.chart = view_log_shared(v, SLICE("user"), u.id, false, 0);
    if (log_deleted(log) || log_deleted(u.chart))
        return;
    int64_t *moment = view_alloc(v, (2 * (size_t)log.n + u.chart.n) * sizeof *moment);
    if (!moment)
        return;
    uint32_t n = moments(&u, moment);
    course_steps(v, &u, (struct slice){ 0 }, moment, n);
    for (uint32_t i = 0; i < log.n; i++) {
        if (log.v[i].type == EV_TRAINING_COMPLETED)
            effect_fact(v, &log.v[i]);
        if (first_of_course(log, i))
            course_steps(v, &u, entry_str(&log.v[i], F_COURSE_ID), moment, n);
    }
}
