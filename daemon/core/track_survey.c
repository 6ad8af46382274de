/* Surveys: answers (the newest of one response_id stands, in its own pane) and what was sent. Credit: the person rated, else the owner. */
#include "track.h"

static struct fact *survey_fact(struct track_view *v, enum fact_type type, struct entry_log log, uint32_t at)
{
    struct fact *f = view_fact(v, type, log.v[at].t_ms);
    struct credit c = credit_person(log, at, entry_str(&log.v[at], F_ABOUT_USER_ID));
    fact_dims(f, log);
    fact_credit(v, f, &c);
    f->dim[DIM_KIND] = f->s[FT_KIND] = entry_str(&log.v[at], F_KIND);
    return f;
}

/* (score - min) / (max - min) mapped to 1..5, in micros, rounded half to even. */
static int64_t on_five(int64_t milli, int64_t min, int64_t max)
{
    __int128 num = ((__int128)milli - (__int128)min * 1000) * 4000000, den = ((__int128)max - min) * 1000;
    __int128 q = num / den, r = num % den;
    if (r * 2 > den || (r * 2 == den && (q & 1)))
        q++;
    return 1000000 + (int64_t)q;
}

static void scores(struct fact *f, const struct entry *e, int64_t min, int64_t max)
{
    int64_t milli = entry_int(e, F_SCORE_MILLI, 0);
    bool five =
        min == 1 && max == 5; /* the two NPS scales have their own cut-offs and are told apart by the mode (T31) */
    fact_set(f, FN_TOP2, ((__int128)milli - (__int128)min * 1000) * 4 >= ((__int128)max - min) * 3000);
    fact_set(f, FN_SCORE5_MICROS, on_five(milli, min, max));
    if (entry_has(e, F_EXPECTED_MILLI))
        fact_set(f, FN_EXPECTED5_MICROS, on_five(entry_int(e, F_EXPECTED_MILLI, 0), min, max));
    f->s[FT_MODE] = five ? SLICE("5-star") : SLICE("0-10");
    fact_set(f, FN_PROMOTER, five ? milli >= 5000 : milli >= 9000);
    fact_set(f, FN_DETRACTOR, five ? milli <= 2000 : milli <= 6000);
}

void survey_facts(struct track_view *v, struct entry_log log)
{
    uint32_t at = log.n;
    for (uint32_t i = 0; i < log.n; i++)
        if (log.v[i].type == EV_SURVEY_ANSWERED)
            at = i;
    if (at == log.n || log_deleted(log))
        return;
    const struct entry *e = &log.v[at];
    int64_t min = entry_int(e, F_SCALE_MIN, 1), max = entry_int(e, F_SCALE_MAX, 5);
    if (max <= min)
        return;
    scores(survey_fact(v, FACT_SURVEY, log, at), e, min, max);
    struct slice customer = log_text(log, F_CUSTOMER_ID);
    if (!customer.n)
        return;
    struct fact *f = survey_fact(v, FACT_CUSTOMER_ACTIVITY, log, at);
    f->member = customer;
    f->dim[DIM_KIND] = f->s[FT_KIND] = SLICE("survey");
}

void survey_sent_facts(struct track_view *v, struct entry_log log)
{
    uint32_t at = log_first(log, EV_SURVEY_SENT);
    if (at < log.n && !log_deleted(log))
        survey_fact(v, FACT_SURVEY_SENT, log, at);
}
