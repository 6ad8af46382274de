/* Finished process runs: the newest message of a run stands, counted when the run finished. By kind: the process. */
#include "track.h"

void process_facts(struct track_view *v, struct entry_log log)
{
    uint32_t at = log_last(log, EV_PROCESS_FINISHED);
    if (at == log.n || log_deleted(log))
        return;
    const struct entry *e = &log.v[at];
    const struct entry_log own = { e, 1 }; /* what an earlier message said is replaced, its owner too */
    struct fact *f = view_fact(v, FACT_PROCESS, e->t_ms);
    struct credit c = credit_owner(own, 0);
    fact_dims(f, own);
    fact_credit(v, f, &c);
    f->dim[DIM_KIND] = f->s[FT_KIND] = entry_str(e, F_PROCESS);
    fact_set(f, FN_DURATION_MS, view_duration(v, entry_int(e, F_STARTED_AT_MS, e->t_ms), e->t_ms));
    if (entry_has(e, F_STD_MS))
        fact_set(f, FN_BASE, entry_int(e, F_STD_MS, 0));
    fact_set(f, FN_MET, entry_int(e, F_CONFORMANT, 0) != 0);
    fact_set(f, FN_N, entry_int(e, F_REWORK, 0));
    fact_set(f, FN_SHARED, entry_int(e, F_PARTICIPANTS, 1) >= 2);
}
