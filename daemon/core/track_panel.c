/* Expert panels (domain specification 4.3, 4.4): weights from ranking rounds, and the grades that experts give.
 *
 * One record holds a panel. What stands is the newest of each (round, expert, criterion). A round counts with the experts who ranked every criterion of
 * the panel, from two on; the rounds follow each other until the panel stops (expert_weights.h), what is ranked after that does not count. After every
 * event that changes any of that the old state leaves and the new one comes, as steps of levels. Which method is asked for is the measures' business: facts
 * exist for both. Of grades each expert's of the newest round counts. */
#include <math.h>

#include "crmpulse/expert_weights.h"
#include "track.h"

/* ---- ranks ---- */

struct row {
    int64_t round;
    struct slice expert;
    uint32_t has; /* bit per criterion */
    double rank[CRITERIA_MAX];
};

/* Where the panel stands by one method. */
struct state {
    bool any;
    int64_t round;
    enum expert_stop stop;
    struct expert_round r;
};

struct panel {
    struct track_view *v;
    struct slice id;
    struct slice criterion[CRITERIA_MAX];
    uint32_t n_criteria, n_rows;
    struct row *row;
    double *rank; /* scratch: the rows of a round */
    struct state now[2], told[2];
};

static const char *const methods[] = { [EXPERT_RANK_SUM] = "rank_sum", [EXPERT_ROC] = "roc" };

static struct slice joined(struct track_view *v, struct slice a, struct slice b)
{
    char *to = view_alloc(v, (size_t)a.n + b.n + 1);
    if (!to)
        return (struct slice){ 0 };
    if (a.n)
        memcpy(to, a.p, a.n);
    to[a.n] = '/';
    if (b.n)
        memcpy(to + a.n + 1, b.p, b.n);
    return (struct slice){ to, a.n + b.n + 1 };
}

/* CRITERIA_MAX: no room for another. */
static uint32_t criterion_of(struct panel *p, struct slice code)
{
    uint32_t i = 0;
    while (i < p->n_criteria && !slice_eq(p->criterion[i], code))
        i++;
    if (i == p->n_criteria && i < CRITERIA_MAX)
        p->criterion[p->n_criteria++] = code;
    return i;
}

static struct row *row_of(struct panel *p, int64_t round, struct slice expert)
{
    for (uint32_t i = 0; i < p->n_rows; i++)
        if (p->row[i].round == round && slice_eq(p->row[i].expert, expert))
            return &p->row[i];
    struct row *row = &p->row[p->n_rows++];
    *row = (struct row){ .round = round, .expert = expert };
    return row;
}

static bool complete(const struct panel *p, const struct row *row)
{
    return row->has == (1u << p->n_criteria) - 1;
}

static uint32_t gather(struct panel *p, int64_t round)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->n_rows && n < EXPERTS_MAX; i++)
        if (p->row[i].round == round && complete(p, &p->row[i]))
            memcpy(p->rank + (size_t)n++ * p->n_criteria, p->row[i].rank, p->n_criteria * sizeof *p->rank);
    return n;
}

/* The rounds up to the one after which the panel stopped. */
static void evaluate(struct panel *p, enum expert_method method, struct state *ret)
{
    struct expert_round now;
    *ret = (struct state){ 0 };
    for (int64_t round = 1; round <= EXPERT_ROUNDS_MAX && (!ret->any || ret->stop == EXPERT_AGAIN); round++) {
        uint32_t n = gather(p, round);
        if (n < 2 || expert_round_evaluate(p->rank, n, p->n_criteria, p->criterion, method, &now) < 0)
            return;
        ret->stop = expert_round_stop(ret->any ? &ret->r : NULL, &now, (uint32_t)round);
        ret->r = now;
        ret->round = round;
        ret->any = true;
    }
}

static struct fact *step(const struct panel *p, enum fact_type type, int64_t t_ms, enum expert_method method,
                         struct slice kind)
{
    struct fact *f = view_fact(p->v, type, t_ms);
    f->dim[DIM_KIND] = f->s[FT_KIND] = kind;
    f->s[FT_MODE] = slice_of(methods[method]);
    return f;
}

/* W = value / base: 12 D over m^2 (n^3 - n) - m T. */
static void state_step(const struct panel *p, const struct state *s, enum expert_method method, int64_t t_ms, int sign)
{
    const struct expert_round *r = &s->r;
    int64_t m = r->n_experts, n = r->n_criteria;
    struct fact *f = step(p, FACT_PANEL, t_ms, method, p->id);
    fact_set(f, FN_N, sign * s->round);
    fact_set(f, FN_USES, sign * m);
    fact_set(f, FN_VALUE, sign * (r->w_is_null ? 0 : (int64_t)llround(12 * r->d)));
    fact_set(f, FN_BASE, sign * (r->w_is_null ? 0 : m * m * (n * n * n - n) - m * r->ties));
    fact_set(f, FN_MET, sign * (s->stop == EXPERT_AGREED));
    fact_set(f, FN_DONE, sign * (s->stop == EXPERT_SETTLED));
    fact_set(f, FN_LOST, sign * (s->stop == EXPERT_NO_CONSENSUS));
    fact_set(f, FN_OPEN, sign * (s->stop == EXPERT_AGAIN));
}

/* What a weight is over: m n (n + 1); by centroids n times the criteria of the same rank times the least common multiple of 1..20. */
static int64_t divisor(const struct expert_round *r, enum expert_method method, uint32_t j)
{
    const int64_t lcm = 232792560;
    int64_t n = r->n_criteria, same = 0;
    if (method == EXPERT_RANK_SUM)
        return r->n_experts * n * (n + 1);
    for (int64_t k = 0; k < n; k++)
        same += r->half_ranks[k] == r->half_ranks[j];
    return n * same * lcm;
}

static void weight_steps(const struct panel *p, const struct state *s, enum expert_method method, int64_t t_ms,
                         int sign)
{
    for (uint32_t j = 0; j < s->r.n_criteria; j++) {
        struct slice kind = joined(p->v, p->id, p->criterion[j]);
        int64_t base = divisor(&s->r, method, j);
        struct fact *f = step(p, FACT_PANEL_WEIGHT, t_ms, method, kind);
        fact_set(f, FN_VALUE, sign * (int64_t)llround(s->r.weight[j] * (double)base));
        fact_set(f, FN_BASE, sign * base);
        fact_set(f, FN_AMOUNT, sign * s->r.weight_bp[j]);
        fact_set(f, FN_USES, sign * (int64_t)s->r.n_experts);
        fact_set(f, FN_DONE, sign * (s->stop != EXPERT_AGAIN));
    }
}

static bool same_state(const struct state *a, const struct state *b)
{
    if (a->any != b->any || !a->any)
        return a->any == b->any;
    return a->round == b->round && a->stop == b->stop && a->r.n_experts == b->r.n_experts &&
           a->r.n_criteria == b->r.n_criteria && a->r.ties == b->r.ties &&
           memcmp(a->r.half_ranks, b->r.half_ranks, sizeof a->r.half_ranks) == 0;
}

/* The old state leaves, the new one comes. */
static void tell(struct panel *p, int64_t t_ms)
{
    for (int m = 0; m < 2; m++) {
        struct state *now = &p->now[m], *told = &p->told[m];
        evaluate(p, (enum expert_method)m, now);
        if (same_state(now, told))
            continue;
        for (int sign = -1; sign <= 1; sign += 2) {
            const struct state *s = sign < 0 ? told : now;
            if (!s->any)
                continue;
            state_step(p, s, (enum expert_method)m, t_ms, sign);
            weight_steps(p, s, (enum expert_method)m, t_ms, sign);
        }
        *told = *now;
    }
}

static void rank(struct panel *p, const struct entry *e)
{
    uint32_t n = p->n_criteria, j = criterion_of(p, entry_str(e, F_CRITERION));
    if (j == CRITERIA_MAX)
        return;
    struct row *row = row_of(p, entry_int(e, F_ROUND, 0), entry_str(e, F_EXPERT_ID));
    bool widened = p->n_criteria > n; /* every row lacks it */
    row->has |= 1u << j;
    row->rank[j] = (double)entry_int(e, F_RANK_X2, 0);
    if (widened || complete(p, row))
        tell(p, e->t_ms);
}

static void ranks(struct track_view *v, struct entry_log log, struct slice id)
{
    struct panel *p = view_alloc(v, sizeof *p);
    if (!p)
        return;
    *p = (struct panel){ .v = v, .id = id };
    p->row = view_alloc(v, (log.n + 1) * sizeof *p->row);
    p->rank = view_alloc(v, (log.n + 1) * CRITERIA_MAX * sizeof *p->rank);
    for (uint32_t i = 0; p->row && p->rank && i < log.n; i++)
        if (log.v[i].type == EV_EXPERT_RANKED)
            rank(p, &log.v[i]);
}

/* ---- grades ---- */

struct graded {
    struct slice expert, criterion, grade;
    int64_t round;
};

static void grade_steps(struct track_view *v, struct slice id, const struct graded *g, int64_t t_ms, int sign)
{
    struct slice criterion = joined(v, id, g->criterion);
    const struct slice kind[] = { criterion, joined(v, criterion, g->grade) };
    for (int i = 0; i < 2; i++) {
        struct fact *f = view_fact(v, FACT_GRADE, t_ms);
        f->dim[DIM_KIND] = f->s[FT_KIND] = kind[i];
        f->no_org = i > 0; /* a grade counts once */
        fact_set(f, FN_N, sign);
    }
}

static void grades(struct track_view *v, struct entry_log log, struct slice id)
{
    struct graded *given = view_alloc(v, (log.n + 1) * sizeof *given);
    uint32_t n = 0;
    for (uint32_t i = 0; given && i < log.n; i++) {
        const struct entry *e = &log.v[i];
        if (e->type != EV_EXPERT_GRADED)
            continue;
        const struct graded g = { entry_str(e, F_EXPERT_ID), entry_str(e, F_CRITERION), entry_str(e, F_GRADE),
                                  entry_int(e, F_ROUND, 0) };
        uint32_t k = 0;
        while (k < n && !(slice_eq(given[k].expert, g.expert) && slice_eq(given[k].criterion, g.criterion)))
            k++;
        if (k < n && (given[k].round > g.round || (given[k].round == g.round && slice_eq(given[k].grade, g.grade))))
            continue;
        if (k < n)
            grade_steps(v, id, &given[k], e->t_ms, -1);
        grade_steps(v, id, &g, e->t_ms, 1);
        given[k] = g;
        n += k == n;
    }
}

void panel_facts(struct track_view *v, struct entry_log log)
{
    if (!log.n || log_deleted(log))
        return;
    struct slice id = view_self_id(v);
    ranks(v, log, id);
    grades(v, log, id);
}
