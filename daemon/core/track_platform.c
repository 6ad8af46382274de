/* What runs beside the people: synchronisation runs of integrations and security incidents. Outages are in track_outage.c. */
#include <stdio.h>

#include "track.h"

/* The newest message of a run stands. By kind: the integration. */
void sync_facts(struct track_view *v, struct entry_log log)
{
    uint32_t at = log_last(log, EV_SYNC_RUN);
    if (at == log.n || log_deleted(log))
        return;
    const struct entry *e = &log.v[at];
    struct fact *f = view_fact(v, FACT_SYNC, e->t_ms);
    fact_dims(f, log);
    f->member = f->dim[DIM_KIND] = f->s[FT_KIND] = entry_str(e, F_INTEGRATION_ID);
    fact_set(f, FN_MET, entry_int(e, F_RUN_OK, 0) != 0);
    fact_set(f, FN_DURATION_MS, entry_int(e, F_DURATION_MS, 0));
    if (!entry_has(e, F_RECORDS))
        return;
    fact_set(f, FN_BASE, entry_int(e, F_RECORDS, 0));
    fact_set(f, FN_VALUE, entry_int(e, F_MISMATCHES, 0));
}

static struct fact *incident_fact(struct track_view *v, enum fact_type type, int64_t t_ms, struct entry_log log)
{
    char severity[24];
    struct fact *f = view_fact(v, type, t_ms);
    snprintf(severity, sizeof severity, "%lld", (long long)entry_int(&log.v[log.n - 1], F_SEVERITY, 0));
    fact_dims(f, log);
    f->dim[DIM_KIND] = f->s[FT_KIND] = view_text(v, severity);
    return f;
}

/* The newest message stands: without an end it says that the incident is open (again). Counted when it was detected, which a message without that time
 * does not change; handled when it was resolved. By kind: the severity. */
void incident_facts(struct track_view *v, struct entry_log log)
{
    uint32_t at = log_last(log, EV_SECURITY_INCIDENT);
    if (at == log.n || log_deleted(log))
        return;
    struct entry_log told = { log.v, at + 1 };
    int64_t detected_ms = log.v[log_first(log, EV_SECURITY_INCIDENT)].t_ms;
    for (uint32_t i = 0; i <= at; i++)
        detected_ms = entry_int(&log.v[i], F_DETECTED_AT_MS, detected_ms);
    (void)incident_fact(v, FACT_INCIDENT, detected_ms, told);
    if (!entry_has(&log.v[at], F_RESOLVED_AT_MS))
        return;
    int64_t resolved_ms = entry_int(&log.v[at], F_RESOLVED_AT_MS, 0);
    struct fact *f = incident_fact(v, FACT_INCIDENT_RESOLVED, resolved_ms, told);
    fact_set(f, FN_DURATION_MS, view_duration(v, detected_ms, resolved_ms));
}
