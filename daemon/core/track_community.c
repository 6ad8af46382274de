/* What people say: community activity, remarks on each other's items, reviews of areas that only people can judge. */
#include "track.h"

void community_facts(struct track_view *v, struct entry_log log)
{
    uint32_t at = log_first(log, EV_COMMUNITY_ACTIVITY);
    if (at == log.n)
        return;
    const struct entry *e = &log.v[at];
    struct fact *f = view_fact(v, FACT_COMMUNITY, e->t_ms);
    struct credit c = { .who = entry_str(e, F_USER_ID), .event_team = entry_str(e, F_TEAM_ID), .t_ms = e->t_ms };
    fact_dims(f, log);
    fact_credit(v, f, &c);
    f->member = c.who;
    f->dim[DIM_KIND] = f->s[FT_KIND] = entry_str(e, F_KIND);
}

/* The log of what is commented on, if it is something that belongs to somebody. */
static struct entry_log commented(struct track_view *v, const struct entry *e)
{
    static const char *const owned[] = { "lead", "deal", "order", "ticket", "task" };
    struct slice kind = entry_str(e, F_TARGET_KIND), id = entry_str(e, F_TARGET_ID);
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++)
        if (slice_eq(kind, slice_of(owned[i])))
            return view_log(v, kind, id, true);
    return slice_eq(kind, SLICE("customer")) ? view_log_shared(v, kind, id, true, e->t_ms) : (struct entry_log){ 0 };
}

/* A remark is credited to whoever owns the item: it is that person who is coached. */
void comment_facts(struct track_view *v, struct entry_log log)
{
    uint32_t at = log_first(log, EV_COMMENT_ADDED);
    if (at == log.n || log_deleted(log))
        return;
    struct entry_log item = commented(v, &log.v[at]);
    struct fact *f = view_fact(v, FACT_COMMENT, log.v[at].t_ms);
    struct credit c = credit_owner(log, at);
    credit_inherit(&c, item);
    fact_dims(f, log);
    fact_dims(f, item);
    fact_credit(v, f, &c);
    f->dim[DIM_KIND] = f->s[FT_KIND] = entry_str(&log.v[at], F_TARGET_KIND);
}

/* Where the cycle of a review starts: the one it names, else the one it was written in. */
static int64_t review_cycle(struct track_view *v, const struct entry *e)
{
    const struct calendar *cal = view_calendar(v);
    enum period period;
    struct span span;
    if (!entry_has(e, F_CYCLE) || calendar_parse_label(cal, entry_str(e, F_CYCLE), &period, &span) < 0)
        span = calendar_period(cal, cal->cycle, e->t_ms);
    return span.start_ms;
}

/* One record holds what one reviewer says about one area; the newest of each cycle stands. */
void review_facts(struct track_view *v, struct entry_log log)
{
    for (uint32_t i = 0; i < log.n; i++) {
        bool newest = log.v[i].type == EV_REVIEW_SCORED;
        int64_t start_ms = newest ? review_cycle(v, &log.v[i]) : 0;
        for (uint32_t k = i + 1; k < log.n && newest; k++)
            newest = log.v[k].type != EV_REVIEW_SCORED || review_cycle(v, &log.v[k]) != start_ms;
        if (!newest)
            continue;
        struct fact *f = view_fact(v, FACT_REVIEW, start_ms);
        f->member = entry_str(&log.v[i], F_REVIEWER_ID);
        f->dim[DIM_KIND] = f->s[FT_KIND] = entry_str(&log.v[i], F_AREA);
        fact_set(f, FN_VALUE, entry_int(&log.v[i], F_SCORE_MILLI, 0));
    }
}
