/* Facts to deltas: which measures a fact feeds, in which cells. Distinct measures become operations on their records, carried out at the commit. */
#include <stdlib.h>

#include "crmpulse/decimal.h"
#include "crmpulse/fact_slot.h"
#include "engine_int.h"

enum { FIELD_MAX = 1024 };
static const int64_t value_max = (int64_t)1 << 53;

int measure_plan_init(struct engine *e)
{
    for (uint32_t i = 0; i < e->defs->n_measures; i++) {
        const struct measure_def *m = &e->defs->measure[i];
        if (m->agg == AGG_DERIVED || !m->dims)
            continue;
        struct measure_plan *p = &e->plan[m->fact];
        const struct measure_def **v = realloc(p->v, (p->n + 1) * sizeof(const struct measure_def *));
        if (!v)
            return -1;
        p->v = v;
        p->v[p->n++] = m;
        p->cited |= m->evidence_dims != 0;
    }
    return 0;
}

static size_t put(char *buf, size_t at, const char *p, size_t n)
{
    if (at + n > FIELD_MAX)
        return at;
    memcpy(buf + at, p, n);
    return at + n;
}

/* "<dim>:<subject>|<measure>"; room for a suffix is left. */
static size_t field_prefix(char *buf, enum dim dim, struct slice subject, const struct measure_def *m)
{
    const char *name = dim_name(dim);
    size_t n = put(buf, 0, name, strlen(name));
    n = put(buf, n, ":", 1);
    n += cell_escape(subject, buf + n, FIELD_MAX - 200 - n);
    n = put(buf, n, "|", 1);
    return put(buf, n, m->id, strlen(m->id));
}

static void push_delta(struct track_view *v, struct slice field, const struct cell_delta *d)
{
    struct engine *e = v->e;
    if (!engine_room(e, &e->deltas, e->n_deltas, &e->deltas_cap, sizeof *e->deltas))
        return;
    struct cell_delta *to = &e->deltas[e->n_deltas];
    *to = *d;
    to->org = v->org;
    to->field = arena_copy(&e->scratch, field);
    if (!to->field.p)
        e->no_memory = true;
    else
        e->n_deltas++;
}

void measure_part(struct track_view *v, const struct distinct_op *op, const struct distinct_point *p)
{
    char field[FIELD_MAX];
    size_t n = put(field, 0, op->prefix.p, op->prefix.n);
    if (*p->part) {
        n = put(field, n, ".", 1);
        n = put(field, n, p->part, strlen(p->part));
    }
    push_delta(v, (struct slice){ field, (uint32_t)n },
               &(struct cell_delta){ .grain = CELL_HOUR,
                                     .pane_ms = p->pane_ms,
                                     .cause_ms = p->cause_ms,
                                     .value = p->value,
                                     .exact = op->measure->evidence_dims != 0 });
}

/* What an as-of measure held at a past instant is known from its cells alone: what enters or leaves a pane by a cause of another
 * hour is noted in that hour, under the pane; a gauge has its steps so, under pane 0 (kpi_past.c). */
static void emit_move(struct track_view *v, const struct measure_def *m, struct slice field, const struct cell_delta *d)
{
    static const char mark[] = CELL_MOVED "#";
    char name[FIELD_MAX + 40];
    struct cell_delta move = *d;
    move.pane_ms = pane_start(&v->def->calendar, GRAIN_HOUR, d->cause_ms);
    move.exact = false;
    if (!m->asof || m->agg == AGG_DISTINCT || (move.pane_ms == d->pane_ms && !m->gauge))
        return;
    memcpy(name, field.p, field.n);
    memcpy(name + field.n, mark, sizeof mark - 1);
    size_t n = field.n + sizeof mark - 1;
    n += decimal_put(name + n, d->pane_ms);
    push_delta(v, (struct slice){ name, (uint32_t)n }, &move);
}

/* One cell in each grain the measure is kept in. */
static void emit(struct track_view *v, const struct measure_def *m, const struct signed_fact *sf, const char *field,
                 size_t n, int64_t value)
{
    const struct calendar *cal = &v->def->calendar;
    if (!value)
        return;
    struct slice text = { field, (uint32_t)n };
    struct cell_delta d = { .grain = CELL_GAUGE,
                            .cause_ms = sf->cause_ms,
                            .value = value,
                            .ahead = sf->ahead,
                            .exact = m->evidence_dims != 0 };
    if (m->gauge || m->agg == AGG_LEVEL)
        push_delta(v, text, &d);
    d.grain = CELL_HOUR;
    d.pane_ms = m->gauge ? 0 : pane_start(cal, GRAIN_HOUR, sf->f->t_ms);
    emit_move(v, m, text, &d);
    if (m->gauge)
        return;
    push_delta(v, text, &d);
    d.grain = CELL_MINUTE;
    d.pane_ms = pane_start(cal, GRAIN_MINUTE, sf->f->t_ms);
    if (m->fine)
        push_delta(v, text, &d);
}

static void emit_suffixed(struct track_view *v, const struct measure_def *m, const struct signed_fact *sf, char *field,
                          size_t n, const char *suffix, int64_t number, int64_t value)
{
    size_t at = put(field, n, suffix, strlen(suffix));
    if (suffix[0] == '#')
        at += decimal_put(field + at, number);
    emit(v, m, sf, field, at, value);
}

static void emit_distinct(struct track_view *v, const struct measure_def *m, const struct signed_fact *sf,
                          const char *field, size_t n)
{
    struct engine *e = v->e;
    char id[FIELD_MAX + 256];
    if (!sf->f->member.n || id_is_nobody(sf->f->member) ||
        !engine_room(e, &e->ops, e->n_ops, &e->ops_cap, sizeof *e->ops))
        return;
    memcpy(id, field, n);
    id[n] = '/';
    memcpy(id + n + 1, sf->f->member.p, sf->f->member.n);
    struct distinct_op *op = &e->ops[e->n_ops++];
    *op = (struct distinct_op){
        .key = view_key(v, SLICE("dst"), (struct slice){ id, (uint32_t)(n + 1 + sf->f->member.n) }),
        .prefix = arena_copy(&e->scratch, (struct slice){ field, (uint32_t)n }),
        .measure = m,
        .t_ms = sf->f->t_ms,
        .cause_ms = sf->cause_ms,
        .since_ms = m->lifecycle && sf->f->type == FACT_USAGE ? sf->f->n[FN_N] : INT64_MAX,
        .n = sf->sign,
    };
    (void)view_record(v, op->key); /* asks for it if it is not cached */
}

/* What time alone brings about rests on no event of its time. */
static void emit_evidence(struct track_view *v, const struct signed_fact *sf, char *field, size_t n)
{
    const struct fact *f = sf->f;
    if (!f->evidence.n || f->from_ms)
        return;
    size_t end = put(field, put(field, n, "@", 1), f->evidence.p, f->evidence.n);
    push_delta(v, (struct slice){ field, (uint32_t)end },
               &(struct cell_delta){ .grain = CELL_EVIDENCE,
                                     .pane_ms = f->t_ms ? f->t_ms : f->evidence_ms,
                                     .cause_ms = sf->cause_ms,
                                     .value = sf->sign });
}

static void emit_agg(struct track_view *v, const struct measure_def *m, const struct signed_fact *sf, char *field,
                     size_t n, int64_t value)
{
    switch (m->agg) {
    case AGG_COUNT:
        emit(v, m, sf, field, n, sf->sign);
        break;
    case AGG_SUM:
    case AGG_LEVEL:
        emit(v, m, sf, field, n, sf->sign * value);
        break;
    case AGG_DURATION:
        value = value < 0 ? 0 : value;
        emit_suffixed(v, m, sf, field, n, ".n", 0, sf->sign);
        emit_suffixed(v, m, sf, field, n, ".sum", 0, sf->sign * value);
        emit_suffixed(v, m, sf, field, n, "#", sketch_bin(&v->e->bounds, value), sf->sign);
        break;
    case AGG_MIN:
    case AGG_MAX:
        emit_suffixed(v, m, sf, field, n, "#", value, sf->sign);
        break;
    case AGG_ACCRUE:
    case AGG_ACCRUE_WORK:
        emit_suffixed(v, m, sf, field, n, "#", sf->f->n[FN_DURATION_MS], sf->sign * value);
        break;
    case AGG_DISTINCT:
        emit_distinct(v, m, sf, field, n);
        break;
    case AGG_DERIVED:
        break;
    }
}

static bool value_of(const struct measure_def *m, const struct fact *f, int64_t *ret)
{
    *ret = 1;
    if (!m->value)
        return true;
    struct expr_value x = expr_eval(m->value, fact_slot_load, (void *)(uintptr_t)f);
    if (x.type == EXPR_DOUBLE && x.d >= -(double)value_max && x.d <= (double)value_max)
        x = expr_int((int64_t)(x.d < 0 ? x.d - 0.5 : x.d + 0.5));
    if ((x.type != EXPR_INT && x.type != EXPR_BOOL) || x.i > value_max || x.i < -value_max)
        return false;
    *ret = x.i;
    return true;
}

void measure_fact(struct track_view *v, const struct signed_fact *sf)
{
    const struct measure_plan *plan = &v->e->plan[sf->f->type];
    char field[FIELD_MAX];
    for (uint32_t i = 0; i < plan->n; i++) {
        const struct measure_def *m = plan->v[i];
        int64_t value;
        if (m->where && !expr_true(expr_eval(m->where, fact_slot_load, (void *)(uintptr_t)sf->f)))
            continue;
        if (!value_of(m, sf->f, &value))
            continue;
        for (uint32_t dims = m->dims; dims; dims &= dims - 1) {
            enum dim dim = (enum dim)__builtin_ctz(dims);
            struct slice subject = dim == DIM_ORG ? v->org : sf->f->dim[dim];
            if (!subject.n || (id_is_nobody(subject) && sf->f->type != FACT_ERASED) ||
                (dim == DIM_ORG && sf->f->no_org))
                continue;
            if (dim != DIM_ORG && sf->f->type != FACT_ERASED)
                subject = subject_counted(v, dim, subject);
            size_t n = field_prefix(field, dim, subject, m);
            if (m->evidence_dims >> dim & 1)
                emit_evidence(v, sf, field, n);
            emit_agg(v, m, sf, field, n, value);
        }
    }
}
