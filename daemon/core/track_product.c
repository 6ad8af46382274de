/* Product launches: how long the development took, and which sales are sales of a new product. The newest product_launched stands. */
#include "engine_int.h"
#include "track_campaign.h"

static const int64_t new_for_ms = INT64_C(365) * 86400000;

static const struct entry *launch(struct entry_log log)
{
    const struct entry *e = NULL;
    for (uint32_t i = 0; i < log.n; i++)
        if (log.v[i].type == EV_PRODUCT_LAUNCHED)
            e = &log.v[i];
    return log_deleted(log) ? NULL : e;
}

void product_facts(struct track_view *v, struct entry_log log)
{
    const struct entry *e = launch(log);
    if (!e)
        return;
    int64_t launched_ms = entry_int(e, F_LAUNCHED_AT_MS, 0);
    struct fact *f = view_fact(v, FACT_PRODUCT_LAUNCH, launched_ms);
    struct credit c = credit_now(log);
    fact_dims(f, (struct entry_log){ e, 1 });
    fact_credit(v, f, &c);
    fact_set(f, FN_CYCLE_MS, view_duration(v, entry_int(e, F_DEV_STARTED_AT_MS, 0), launched_ms));
}

void product_newness(struct track_view *v, struct fact *f, int64_t sale_ms)
{
    if (!f->dim[DIM_PRODUCT].n || !v->e->plan[FACT_PRODUCT_LAUNCH].n)
        return;
    const struct entry *e = launch(view_log_shared(v, SLICE("product"), f->dim[DIM_PRODUCT], false, 0));
    int64_t age_ms = e ? sale_ms - entry_int(e, F_LAUNCHED_AT_MS, 0) : -1;
    if (age_ms >= 0 && age_ms <= new_for_ms)
        fact_set(f, FN_N, 1);
}
