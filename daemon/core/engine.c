/* The engine: apply one event to the records and turn the difference of facts into deltas.
 *
 * An event changes one record. affected.c finds the entities whose facts depend on it, difference.c computes their facts with and without the event as
 * of every cause from the event on, measure.c turns the differences into deltas. Up to the commit nothing is changed. */
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "engine_int.h"

struct engine *engine_new(const struct definitions *defs, const struct engine_options *opt)
{
    struct engine *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->defs = defs;
    e->opt = *opt;
    e->opt.stats = NULL;
    if (opt->stats) {
        e->stats = *opt->stats;
        e->distinct.folded_withdrawals = opt->stats->folded_withdrawals;
    }
    arena_init(&e->scratch, 0, 0);
    arena_init(&e->missing_text, 0, 0);
    arena_init(&e->identity_text, 0, 0);
    arena_init(&e->flush_text, 0, 0);
    sketch_bounds_init(&e->bounds);
    e->distinct.retention_ms = defs->retention_ms;
    delta_batch_init(&e->batch, opt->keep_causes ? 0 : defs->tick_ms, defs->hash_seed);
    e->cache = record_cache_new(opt->all_in_memory ? SIZE_MAX : opt->cache_bytes, defs->hash_seed);
    e->affected.seed = defs->hash_seed;
    e->feed = feed_writer_new(defs->hash_seed);
    if (!e->cache || !e->feed || measure_plan_init(e) < 0) {
        engine_free(e);
        return NULL;
    }
    return e;
}

void engine_free(struct engine *e)
{
    if (!e)
        return;
    for (int i = 0; i < FACT_TYPE_COUNT; i++)
        free(e->plan[i].v);
    for (int i = 0; i < 2; i++) {
        fact_list_release(&e->diff[i].before);
        fact_list_release(&e->diff[i].after);
        free(e->diff[i].v);
    }
    key_set_release(&e->affected);
    record_cache_free(e->cache);
    delta_batch_release(&e->batch);
    feed_writer_free(e->feed);
    arena_release(&e->scratch);
    arena_release(&e->missing_text);
    arena_release(&e->identity_text);
    identity_clear(e);
    arena_release(&e->flush_text);
    bytes_release(&e->packed);
    bytes_release(&e->converted);
    bytes_release(&e->rewritten);
    bytes_release(&e->record_bytes);
    distinct_scratch_release(&e->distinct);
    ledger_release(e);
    free(e->step);
    free(e->later);
    free(e->deltas);
    free(e->ops);
    free(e->asked);
    free(e->depend);
    free(e->named);
    free(e->read);
    free(e->settled);
    bytes_release(&e->overdue);
    bytes_release(&e->waiting);
    bytes_release(&e->cell_names);
    bytes_release(&e->erased_ids);
    free(e->missing.v);
    free(e->cells);
    free(e->records);
    free(e);
}

/* ---- the commit: from here on nothing can be refused ---- */

static void commit_distinct(struct track_view *v, const struct distinct_op *op)
{
    struct engine *e = v->e;
    struct record *r = record_cache_put(e->cache, op->key);
    if (!r) {
        e->no_memory = true;
        return;
    }
    size_t before = record_bytes(r);
    struct distinct_change change = { op->t_ms, op->cause_ms, op->n, op->since_ms, op->measure->trailing_days };
    int changed = distinct_change(&e->distinct, &v->def->calendar, op->measure->at_least, op->measure->lifecycle,
                                  &r->log, &change);
    if (changed < 0) {
        e->no_memory = true;
        return;
    }
    for (uint32_t k = 0; k < e->distinct.n_points; k++)
        measure_part(v, op, &e->distinct.point[k]);
    record_cache_touch(e->cache, r, changed > 0);
    record_cache_resized(e->cache, r, before);
}

static int by_record(const void *a, const void *b)
{
    const struct distinct_op *x = a, *y = b;
    int c = slice_cmp(x->key, y->key);
    if (!c && x->t_ms != y->t_ms)
        c = x->t_ms < y->t_ms ? -1 : 1;
    if (!c && x->cause_ms != y->cause_ms)
        c = x->cause_ms < y->cause_ms ? -1 : 1;
    return c ? c : (x->since_ms > y->since_ms) - (x->since_ms < y->since_ms);
}

/* qsort of the C library may allocate; the few operations of one event need none of that. */
static void sort_ops(struct distinct_op *v, uint32_t n)
{
    if (n > 64) {
        qsort(v, n, sizeof *v, by_record);
        return;
    }
    for (uint32_t i = 1; i < n; i++) {
        struct distinct_op op = v[i];
        uint32_t k = i;
        for (; k > 0 && by_record(&v[k - 1], &op) > 0; k--)
            v[k] = v[k - 1];
        v[k] = op;
    }
}

/* Operations on one record, time, cause and beginning are netted first: a sale whose amount was amended is still one sale of that customer. Their order does not
 * matter: each emits what its record says with it minus what it says without. */
static void commit_ops(struct track_view *v)
{
    struct engine *e = v->e;
    sort_ops(e->ops, e->n_ops);
    for (uint32_t i = 0, next; i < e->n_ops; i = next) {
        struct distinct_op op = e->ops[i];
        for (next = i + 1; next < e->n_ops && by_record(&e->ops[next], &e->ops[i]) == 0; next++)
            op.n += e->ops[next].n;
        if (op.n)
            commit_distinct(v, &op);
    }
}

static void commit(struct track_view *v)
{
    struct engine *e = v->e;
    for (uint32_t i = 0; i < e->n_read; i++)
        record_cache_touch(e->cache, e->read[i], false);
    index_commit(v);
    commit_dependencies(e);
    currency_commit(v);
    commit_ops(v);
    subjects_commit(v);
    ledger_commit(v);
    orphans_commit(v);
    for (uint32_t i = 0; i < e->n_deltas; i++)
        e->no_memory |= delta_batch_add(&e->batch, &e->deltas[i]) < 0;
    e->stats.applied++;
    e->stats.deltas_made += e->n_deltas;
    e->stats.sequence_mixed += v->mixed;
}

/* ---- apply ---- */

/* Pack the event and give it the hash of its content: what two deliveries of one event have in common whatever their encoding. */
int engine_pack_event(struct track_view *v, const struct event *ev)
{
    struct engine *e = v->e;
    e->packed.n = 0;
    if (entry_pack(&e->packed, ev, 0) < 0)
        return -1;
    struct reader in = { e->packed.p, e->packed.p + e->packed.n, true };
    if (!entry_read(&in, &v->event))
        return -1;
    uint64_t h =
        XXH3_64bits_withSeed(v->event.fields.p, v->event.fields.n, (uint64_t)v->event.t_ms ^ (uint64_t)ev->type << 48);
    h ^= (uint64_t)v->event.seq * 0x9E3779B97F4A7C15u;
    memcpy((char *)(uintptr_t)v->event.fields.p - sizeof h, &h, sizeof h);
    v->event.payload_hash = h;
    return 0;
}

int engine_replace_event(struct track_view *v, const struct event *ev)
{
    struct engine *e = v->e;
    e->packed.n = 0;
    if (entry_pack(&e->packed, ev, v->event.payload_hash) < 0)
        return -1;
    struct reader in = { e->packed.p, e->packed.p + e->packed.n, true };
    if (!entry_read(&in, &v->event))
        return -1;
    for (uint32_t i = 0; i < v->n_fresh; i++)
        if (slice_eq(v->fresh[i].id, v->event.id))
            ((struct entry *)(uintptr_t)v->fresh)[i] = v->event;
    return 0;
}

void engine_begin(struct engine *e)
{
    arena_reset(&e->scratch);
    e->n_deltas = e->n_ops = e->n_ledger_ops = e->n_asked = e->n_depend = e->n_named = e->n_read = e->n_settled = 0;
    e->waits = (struct slice){ 0 };
    e->no_memory = e->incomplete = e->parked = false;
    e->adopted = (struct engine_adoption){ 0 };
    e->negative_durations = 0;
}

enum apply_result engine_run(struct track_view *v, const struct event *ev)
{
    struct engine *e = v->e;
    find_affected(v);
    if (!e->incomplete && !e->no_memory)
        measure_difference(v);
    note_names(v, ev);
    bool overdue = false;
    for (uint32_t i = 0; i < e->n_depend; i++) /* written at the commit: must be here */
        overdue |= orphans_named(v, e->depend[i].in);
    for (uint32_t i = 0; i < e->n_ops; i++)
        (void)view_record(v, e->ops[i].key);
    if (e->no_memory)
        return APPLY_NO_MEMORY;
    if (e->incomplete || e->probing)
        return APPLY_NEED;
    if (overdue)
        return APPLY_OVERDUE;
    commit(v);
    if (e->no_memory)
        abort(); /* half applied in memory: the store is intact, a restart repeats the batch */
    e->stats.parked += e->parked;
    e->stats.negative_durations += e->negative_durations > 0 ? (uint64_t)e->negative_durations : 0;
    return e->parked ? APPLY_PARKED : APPLY_DONE;
}

static enum apply_result answer(const struct engine *e, enum apply_result r)
{
    return e->no_memory ? APPLY_NO_MEMORY : e->incomplete ? APPLY_NEED : r;
}

/* A new event, of which is known who is who: what it meets decides whether it is taken. */
static enum apply_result apply_known(struct track_view *v, const struct event *ev, const struct route *route,
                                     int64_t newest_ms, const struct event_source *from)
{
    struct event_source nameless;
    struct event *own = v->who[0] ? view_alloc(v, sizeof *own) : NULL;
    bool replaced = false;
    enum apply_result r = APPLY_DONE;
    if (own) {
        *own = *ev;
        r = who_meets_erased(v, own, route, &replaced);
    }
    if (replaced && r == APPLY_DONE) { /* nor does what waits keep the bytes in which they stand */
        v->e->no_memory |= engine_replace_event(v, own) < 0;
        nameless = from ? *from : (struct event_source){ 0 };
        nameless.payload = (struct slice){ 0 };
        ev = own;
        from = &nameless;
    }
    if (r == APPLY_DONE && !v->e->incomplete && !v->e->no_memory)
        r = orphans_look(v, ev, newest_ms, from);
    r = answer(v->e, r);
    return r == APPLY_DONE ? engine_run(v, ev) : r;
}

/* The answer rests on a record: it goes with the flush as read, so that a concurrent change is noticed. */
static enum apply_result refuse(struct engine *e, enum apply_result r)
{
    e->stats.duplicates += r == APPLY_DUPLICATE;
    e->stats.conflicts += r == APPLY_CONFLICT;
    e->stats.late += r == APPLY_LATE;
    for (uint32_t i = 0; i < e->n_read; i++)
        record_cache_touch(e->cache, e->read[i], false);
    return r;
}

/* Most events are the first of their entity, and their records have to be fetched: that is found out before anything is made of the event. */
static bool at_hand(struct track_view *v, const struct event *ev)
{
    if (v->e->opt.all_in_memory || ev->type == EV_EVENT_RETRACTED) /* which leads to other records */
        return true;
    v->index = view_key(v, SLICE("evt"), event_str(ev, F_EVENT_ID));
    (void)view_record(v, v->index);
    (void)view_record(v, v->overlay);
    if (!v->e->incomplete)
        return true;
    who_ask(v);
    currency_ask(v);
    return false;
}

enum apply_result engine_apply(struct engine *e, const struct event *ev, int64_t newest_ms)
{
    return engine_apply_from(e, ev, newest_ms, NULL);
}

enum apply_result engine_apply_from(struct engine *e, const struct event *ev, int64_t newest_ms,
                                    const struct event_source *from)
{
    char id[512];
    engine_begin(e);
    struct track_view v = { .e = e, .org = ev->v[F_ORG_ID].s, .upto_ms = INT64_MAX };
    v.def = definitions_org(e->defs, v.org);
    if (!v.def)
        return APPLY_NO_ORG;
    struct route route = event_route(ev, id, sizeof id);
    v.overlay = view_key(&v, route.kind, route.id);
    if (!at_hand(&v, ev))
        return answer(e, APPLY_NEED);
    if (engine_pack_event(&v, ev) < 0 || e->no_memory)
        return APPLY_NO_MEMORY;
    enum apply_result r = index_look_up(&v, ev);
    currency_begin(&v, ev);
    who_ask(&v);
    if (e->no_memory)
        return APPLY_NO_MEMORY;
    if (e->incomplete || (e->probing && r != APPLY_DONE))
        return APPLY_NEED;
    if (r != APPLY_DONE)
        return refuse(e, r);
    if (!e->probing && newest_ms != INT64_MIN &&
        v.event.t_ms < newest_ms - e->defs->out_of_orderness_ms - e->defs->lateness_ms) {
        e->stats.late++;
        return APPLY_LATE;
    }
    who_begin(&v);
    v.reached_ms = newest_ms == INT64_MIN ? INT64_MIN : newest_ms - e->defs->out_of_orderness_ms;
    if (e->incomplete || e->no_memory)
        return answer(e, r);
    r = index_follow(&v);
    return r == APPLY_DONE ? apply_known(&v, ev, &route, newest_ms, from) : refuse(e, r);
}

void engine_probe(struct engine *e, const struct event *ev)
{
    e->probing = true;
    (void)engine_apply_from(e, ev, INT64_MIN, NULL);
    e->probing = false;
}

/* ---- records asked for and given ---- */

uint32_t engine_missing(const struct engine *e, const struct slice **ret_keys)
{
    *ret_keys = e->missing.v;
    return e->missing.n;
}

void engine_missing_clear(struct engine *e)
{
    e->missing.n = 0;
    arena_reset(&e->missing_text);
}

int engine_put(struct engine *e, struct slice key, uint64_t version, struct slice bytes)
{
    if (record_cache_get(e->cache, key))
        return 0; /* ours is as new, or dirty */
    struct record *r = record_cache_put(e->cache, key);
    if (!r)
        return -1;
    size_t before = record_bytes(r);
    r->version = r->flushed = version;
    int rc = version ? record_decode(r, bytes) : 0;
    record_cache_resized(e->cache, r, before);
    return rc == 0 && !record_sound(key, r) ? -1 : rc;
}

void engine_stats(const struct engine *e, struct engine_stats *ret)
{
    *ret = e->stats;
    ret->records_cached = record_cache_count(e->cache);
    ret->deltas = e->batch.n;
    ret->folded_withdrawals = e->distinct.folded_withdrawals;
}
