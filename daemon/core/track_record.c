/* Records of the CRM's own data: how complete they are, whether they keep the rules, what a check found. */
#include "track.h"

static void check_fact(struct track_view *v, struct entry_log log, uint32_t at)
{
    struct fact *f = view_fact(v, FACT_RECORD_CHECK, log.v[at].t_ms);
    struct credit c = credit_owner(log, at);
    fact_dims(f, log);
    fact_credit(v, f, &c);
    f->dim[DIM_KIND] = f->s[FT_KIND] = log_text(log, F_KIND);
    fact_set(f, FN_MET, entry_int(&log.v[at], F_ACCURATE, 0) != 0);
    fact_set(f, FN_N, entry_has(&log.v[at], F_DUPLICATE_OF));
}

void record_facts(struct track_view *v, struct entry_log log)
{
    uint32_t checked = log_last(log, EV_RECORD_VALIDATED);
    if (log_deleted(log))
        return;
    if (checked < log.n)
        check_fact(v, log, checked);
}
