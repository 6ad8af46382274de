/* Training of one user: what each completed course brought. */
#include "track.h"

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

void training_facts(struct track_view *v, struct entry_log log)
{
    for (uint32_t i = 0; i < log.n; i++)
        if (log.v[i].type == EV_TRAINING_COMPLETED)
            effect_fact(v, &log.v[i]);
}
