/* Costs and benefits: of several events with one id the newest stands, with all it says. With a period the amount is spread over its civil days, which
 * may lie in the future; else it counts when it occurred. What a purpose or a category means to a KPI is the catalogue's business. */
#include "track.h"
#include "track_spread.h"

static uint32_t newest(struct entry_log log, enum event_type type)
{
    uint32_t i = log.n;
    while (i > 0 && log.v[i - 1].type != type)
        i--;
    return i ? i - 1 : log.n;
}

static struct fact *money_fact(struct track_view *v, enum fact_type type, int64_t t_ms, const struct entry *e)
{
    struct fact *f = view_fact(v, type, t_ms);
    const struct entry_log one = { e, 1 };
    struct credit c = credit_owner(one, 0);
    fact_dims(f, one);
    fact_credit(v, f, &c);
    return f;
}

static void cost_texts(struct fact *f, const struct entry *e)
{
    f->dim[DIM_KIND] = f->s[FT_KIND] = entry_str(e, F_CATEGORY);
    f->s[FT_MODE] = entry_str(e, F_PURPOSE);
    f->s[FT_DUE] = entry_str(e, F_PHASE);
    f->s[FT_BASIS] = entry_int(e, F_PLANNED, 0) ? SLICE("planned") : SLICE("actual");
}

static void benefit_texts(struct fact *f, const struct entry *e)
{
    f->dim[DIM_KIND] = f->s[FT_KIND] = entry_str(e, F_KIND);
}

static void spread_facts(struct track_view *v, enum fact_type type, const struct entry *e,
                         void (*texts)(struct fact *f, const struct entry *e))
{
    int64_t amount = entry_int(e, F_AMOUNT_MICROS, 0), t_ms, part;
    struct span span = { e->t_ms, e->t_ms };
    if (entry_has(e, F_PERIOD_START_MS) && entry_has(e, F_PERIOD_END_MS))
        span = (struct span){ entry_int(e, F_PERIOD_START_MS, 0), entry_int(e, F_PERIOD_END_MS, 0) };
    struct spread s;
    spread_begin(&s, view_calendar(v), span, amount);
    while (spread_next(&s, &t_ms, &part)) {
        struct fact *f = money_fact(v, type, t_ms, e);
        texts(f, e);
        fact_set(f, FN_AMOUNT, part);
    }
}

void cost_facts(struct track_view *v, struct entry_log log)
{
    uint32_t at = newest(log, EV_COST_INCURRED);
    if (at < log.n && !log_deleted(log))
        spread_facts(v, FACT_COST, &log.v[at], cost_texts);
}

void benefit_facts(struct track_view *v, struct entry_log log)
{
    uint32_t at = newest(log, EV_BENEFIT_BOOKED);
    if (at == log.n || log_deleted(log))
        return;
    spread_facts(v, FACT_BENEFIT, &log.v[at], benefit_texts);
    if (slice_eq(entry_str(&log.v[at], F_KIND), SLICE("innovation")))
        benefit_texts(money_fact(v, FACT_INNOVATION, log.v[at].t_ms, &log.v[at]), &log.v[at]);
}
