/* Targets: the newest target_set of one (KPI, subject, cycle) holds for the whole cycle (T29); by `target_change: effective_date` each holds from its own
 * day on. A target is counted in the pane where the cycle starts, so a window over the cycle sums it, and again as parts that fall due over their time
 * (agg accrue): one part for the cycle, or one for each share of a distribution. Two kinds of fact, told apart by the mode: "own", a subject's own
 * target; "parts", what a rep's target adds to its team and, unless that has a target of its own, to the org, and what a team's adds to the org. The
 * catalogue takes a subject's own target, else its parts'. */
#include "civil.h"
#include "track.h"

static const char *const cycle_letter[PERIOD_COUNT] = { "d", "w", "m", "q", "h", "y" };

struct target {
    const struct entry *e;
    enum period period;
    struct span span; /* the cycle */
    enum dim dim;
    struct slice id;
    const char *change; /* "": one fact stands for both ways of taking a change */
};

/* What is not yet the same for every fact of a target. */
struct amount {
    enum fact_type type;
    int64_t t_ms, value, length_ms;
    struct slice basis;
};

static struct fact *target_fact(struct track_view *v, const struct target *t, const struct amount *a, const char *mode,
                                bool no_org)
{
    struct fact *f = view_fact(v, a->type, a->t_ms);
    f->s[FT_MODE] = slice_of(mode);
    f->s[FT_KPI] = entry_str(t->e, F_KPI_ID);
    f->s[FT_CYCLE] = slice_of(cycle_letter[t->period]);
    f->s[FT_DUE] = slice_of(t->change);
    f->s[FT_BASIS] = a->basis;
    f->no_org = no_org;
    fact_set(f, FN_VALUE, a->value);
    fact_set(f, FN_DURATION_MS, a->length_ms);
    return f;
}

/* Whether the rep's team has a target for the same KPI and cycle. */
static bool team_has_one(struct track_view *v, const struct target *t, struct slice team)
{
    const struct slice part[] = { entry_str(t->e, F_KPI_ID), SLICE("/team:"), team, SLICE("/"),
                                  entry_str(t->e, F_CYCLE) };
    uint32_t n = 0;
    char *id = team.n ? view_alloc(v, part[0].n + part[2].n + part[4].n + 7) : NULL;
    if (!id)
        return false;
    for (size_t i = 0; i < sizeof part / sizeof part[0]; i++) {
        memcpy(id + n, part[i].p, part[i].n);
        n += part[i].n;
    }
    struct entry_log log = view_log(v, SLICE("target"), (struct slice){ id, n }, true);
    return log_first(log, EV_TARGET_SET) < log.n && !log_deleted(log);
}

static void rep_facts(struct track_view *v, const struct target *t, const struct amount *a)
{
    struct credit c = { .who = t->id, .t_ms = t->span.end_ms - 1 };
    target_fact(v, t, a, "own", true)->dim[DIM_REP] = t->id;
    struct fact *f = target_fact(v, t, a, "parts", false);
    fact_credit(v, f, &c);
    f->dim[DIM_REP] = (struct slice){ 0 };
    f->no_org = team_has_one(v, t, f->dim[DIM_TEAM]);
}

static void amount_facts(struct track_view *v, const struct target *t, const struct amount *a)
{
    if (t->dim == DIM_REP) {
        rep_facts(v, t, a);
        return;
    }
    struct fact *f = target_fact(v, t, a, "own", t->dim != DIM_ORG);
    if (t->dim != DIM_ORG)
        f->dim[t->dim] = t->id;
    if (t->dim == DIM_TEAM)
        (void)target_fact(v, t, a, "parts", false);
}

/* ---- how it falls due ---- */

struct shares {
    uint32_t n;
    int64_t sum;
    int64_t v[EVENT_PPM_LIST_MAX];
};

static void read_shares(const struct entry *e, struct shares *ret)
{
    struct slice packed = entry_str(e, F_DISTRIBUTION_PPM);
    struct reader in = { packed.p, packed.p + packed.n, true };
    *ret = (struct shares){ 0 };
    while (in.p < in.end && ret->n < EVENT_PPM_LIST_MAX) {
        ret->v[ret->n] = (int64_t)read_varint(&in);
        ret->sum += ret->v[ret->n++];
    }
}

/* Where part k of n begins: whole months where they fit, else whole days. */
static int64_t part_start(const struct calendar *cal, const struct target *t, uint32_t k, uint32_t n)
{
    struct span span;
    struct period_days days = period_days_at(cal, t->period, t->span.start_ms, &span);
    int32_t months = period_months(t->period);
    if (months && (uint32_t)months % n == 0) {
        struct date date = date_from_days(days.first);
        return civil_day_start(&cal->zone, date.year, date.month + (int32_t)(k * ((uint32_t)months / n)), date.day);
    }
    return day_start_ms(&cal->zone, days.first + (days.next - days.first) * k / n);
}

/* Part k of a value: whole units, the remainder to the first parts. */
static int64_t part_of_value(int64_t value, const struct shares *s, uint32_t k)
{
    int64_t left = value;
    for (uint32_t i = 0; i < s->n; i++)
        left -= (int64_t)((__int128)value * s->v[i] / s->sum);
    int64_t first = left < 0 ? -1 : 1;
    return (int64_t)((__int128)value * s->v[k] / s->sum) + (k < left * first ? first : 0);
}

/* The part [from, to) of a target's time, as far as it lies in `piece`. */
static int64_t put_part(struct track_view *v, const struct target *t, struct span part, struct span piece,
                        int64_t value, struct slice basis)
{
    struct span both = { part.start_ms > piece.start_ms ? part.start_ms : piece.start_ms,
                         part.end_ms < piece.end_ms ? part.end_ms : piece.end_ms };
    if (both.end_ms <= both.start_ms)
        return 0;
    int64_t length_ms = both.end_ms - both.start_ms, whole_ms = part.end_ms - part.start_ms;
    if (length_ms < whole_ms)
        value = round_half_even((__int128)value * length_ms, whole_ms);
    amount_facts(v, t, &(struct amount){ FACT_TARGET_PART, both.start_ms, value, length_ms, basis });
    return value;
}

/* A target as far as it holds in `piece` of its cycle. */
static void piece_facts(struct track_view *v, const struct target *t, struct span piece)
{
    const struct calendar *cal = view_calendar(v);
    struct slice proration = entry_str(t->e, F_PRORATION);
    int64_t value = entry_int(t->e, F_VALUE, 0), total = 0;
    struct shares s;
    read_shares(t->e, &s);
    bool spread = s.sum > 0 && (!proration.n || slice_eq(proration, SLICE("distribution"))) &&
                  part_start(cal, t, 1, s.n) > t->span.start_ms;
    if (spread || slice_eq(proration, SLICE("distribution")))
        proration = SLICE("linear");
    for (uint32_t k = 0; spread && k < s.n; k++) {
        struct span part = { part_start(cal, t, k, s.n), part_start(cal, t, k + 1, s.n) };
        total += put_part(v, t, part, piece, part_of_value(value, &s, k), proration);
    }
    if (!spread)
        total = put_part(v, t, t->span, piece, value, proration);
    amount_facts(v, t, &(struct amount){ FACT_TARGET, t->span.start_ms, total, 0, { 0 } });
}

/* Each target from its own civil day on, the first from the start of the cycle. */
static void dated_facts(struct track_view *v, struct target *t, struct entry_log log)
{
    struct span piece = { t->span.start_ms, t->span.end_ms };
    t->e = NULL;
    for (uint32_t i = 0; i < log.n; i++) {
        if (log.v[i].type != EV_TARGET_SET)
            continue;
        int64_t from_ms = calendar_period(view_calendar(v), PERIOD_DAY, log.v[i].t_ms).start_ms;
        piece.end_ms = from_ms < t->span.end_ms ? from_ms : t->span.end_ms;
        if (t->e && piece.end_ms > piece.start_ms) {
            piece_facts(v, t, piece);
            piece.start_ms = piece.end_ms;
        }
        t->e = &log.v[i];
    }
    piece.end_ms = t->span.end_ms;
    if (piece.end_ms > piece.start_ms)
        piece_facts(v, t, piece);
}

static bool read_subject(struct target *t)
{
    struct slice subject = entry_str(t->e, F_SUBJECT);
    const char *colon = memchr(subject.p, ':', subject.n);
    if (!colon)
        return false;
    uint32_t split = (uint32_t)(colon - subject.p);
    int dim = dim_by_name((struct slice){ subject.p, split });
    t->dim = dim < 0 ? DIM_ORG : (enum dim)dim;
    t->id = (struct slice){ colon + 1, subject.n - split - 1 };
    return dim >= 0 && t->id.n;
}

void target_facts(struct track_view *v, struct entry_log log)
{
    struct target t = { .change = "" };
    uint32_t n = 0;
    for (uint32_t i = 0; i < log.n; i++)
        if (log.v[i].type == EV_TARGET_SET) {
            t.e = &log.v[i];
            n++;
        }
    if (!t.e || log_deleted(log) || !read_subject(&t) ||
        calendar_parse_label(view_calendar(v), entry_str(t.e, F_CYCLE), &t.period, &t.span) < 0)
        return;
    t.change = n > 1 ? "whole_cycle" : "";
    piece_facts(v, &t, t.span);
    t.change = "effective_date";
    if (n > 1)
        dated_facts(v, &t, log);
}
