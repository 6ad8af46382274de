/* Complaints: filed and not withdrawn (cohort), and the resolve that stands. Credit: the owner, else the person complained about. */
#include "track.h"

struct complaint_state {
    uint32_t filed;
    const struct entry *resolved;
    bool withdrawn;
};

static void fold(struct complaint_state *s, struct entry_log log)
{
    s->filed = log_first(log, EV_COMPLAINT_FILED);
    for (uint32_t i = 0; i < log.n; i++) {
        const struct entry *e = &log.v[i];
        if (e->type == EV_COMPLAINT_RESOLVED && !s->resolved)
            s->resolved = e;
        else if (e->type == EV_COMPLAINT_REOPENED)
            s->resolved = NULL;
        s->withdrawn |= e->type == EV_COMPLAINT_WITHDRAWN;
    }
}

static struct fact *complaint_fact(struct track_view *v, enum fact_type type, int64_t t_ms, struct entry_log log,
                                   uint32_t filed)
{
    struct fact *f = view_fact(v, type, t_ms);
    const struct entry *e = &log.v[filed];
    struct slice about = entry_has(e, F_OWNER_ID) ? (struct slice){ 0 } : entry_str(e, F_ABOUT_USER_ID);
    struct credit c = credit_person(log, filed, about);
    fact_dims(f, log);
    fact_credit(v, f, &c);
    f->dim[DIM_KIND] = f->s[FT_KIND] = entry_str(e, F_TOPIC);
    f->member = entry_str(e, F_CUSTOMER_ID);
    return f;
}

void complaint_facts(struct track_view *v, struct entry_log log)
{
    struct complaint_state s = { 0 };
    fold(&s, log);
    if (s.filed == log.n || s.withdrawn || log_deleted(log))
        return;
    int64_t filed_ms = log.v[s.filed].t_ms;
    struct fact *f = complaint_fact(v, FACT_COMPLAINT, filed_ms, log, s.filed);
    fact_set(f, FN_RESOLVED, s.resolved != NULL);
    if (!s.resolved)
        return;
    f = complaint_fact(v, FACT_COMPLAINT_RESOLVED, s.resolved->t_ms, log, s.filed);
    fact_set(f, FN_COMPLAINT_MS, view_duration(v, filed_ms, s.resolved->t_ms));
    fact_set(f, FN_DURATION_MS, view_business(v, filed_ms, s.resolved->t_ms));
}
