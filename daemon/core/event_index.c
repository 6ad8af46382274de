/* Which record holds an event: the index by event id. With it the same id is recognised wherever it turns up again, and a retraction, which names
 * nothing but an event id, finds the record whose log it belongs to.
 *
 * A record "evt" per event id. Its dependants are two texts: the key of the record that holds the event, and the event's payload hash; none while the
 * event is unknown. Its log holds retractions that wait for the event. A retraction of a retraction lies in the same log as what both are about; the
 * index of a retraction names the place where it was put, which may be the index record of an event that has not come yet. */
#include "engine_int.h"

enum { HOPS_MAX = 64 };

static bool known(const struct record *r)
{
    return r && r->n_deps == 2;
}

static struct slice place_in(const struct record *r)
{
    struct reader in = { r->deps.p, r->deps.p + r->deps.n, true };
    return read_text(&in);
}

static uint64_t hash_in(const struct record *r)
{
    struct reader in = { r->deps.p, r->deps.p + r->deps.n, true };
    uint64_t hash = 0;
    (void)read_text(&in);
    struct slice s = read_text(&in);
    if (s.n == sizeof hash)
        memcpy(&hash, s.p, sizeof hash);
    return hash;
}

/* The record that holds the target of a retraction, else the index record where it waits. Places lead from one to the next where retractions were
 * put before their targets came. */
static struct slice place_of_target(struct track_view *v, struct slice target)
{
    struct slice key = view_key(v, SLICE("evt"), target);
    for (int i = 0; i < HOPS_MAX && !slice_eq(key, v->index); i++) {
        const struct record *r = view_record(v, key);
        if (!known(r))
            return key;
        key = arena_copy(&v->e->scratch, place_in(r));
        v->e->no_memory |= !key.p;
        if (!slice_eq(key_kind(key), SLICE("evt")))
            return key;
    }
    return key;
}

bool index_knows(struct track_view *v, struct slice id)
{
    return known(view_record(v, view_key(v, SLICE("evt"), id)));
}

/* Retractions and merges are no state changes of the entity: whether they have a sequence number does not matter. */
static bool sequenced(const struct entry *e)
{
    return e->type != EV_EVENT_RETRACTED && e->type != EV_ENTITY_MERGED;
}

/* Entries of the overlay's log; an event without an index (it has outlived it) is recognised there. */
static enum apply_result look_into(struct track_view *v)
{
    struct record *r = view_record(v, v->overlay);
    struct reader in = { r ? r->log.p : NULL, r ? r->log.p + r->log.n : NULL, true };
    struct entry at;
    uint32_t n = 0;
    v->mixed = false;
    while (in.p < in.end && entry_read(&in, &at)) {
        n++;
        v->corrected |= orphan_type(at.type);
        v->mixed |= at.has_seq != v->event.has_seq && sequenced(&at) && sequenced(&v->event);
        if (slice_eq(at.id, v->event.id))
            return at.payload_hash == v->event.payload_hash ? APPLY_DUPLICATE : APPLY_CONFLICT;
    }
    bool merges = slice_eq(key_kind(v->overlay), SLICE("merge"));
    return !v->giving_up && n >= (merges ? MERGES_MAX : LOG_ENTRIES_MAX) ? APPLY_LATE : APPLY_DONE;
}

/* The new event, and what waited for it. */
static void gather(struct track_view *v, const struct record *index)
{
    struct reader in = { index ? index->log.p : NULL, index ? index->log.p + index->log.n : NULL, true };
    v->fresh = &v->event;
    v->n_fresh = 1;
    v->since_ms = v->event.t_ms;
    if (in.p == in.end || slice_eq(v->index, v->overlay))
        return;
    uint32_t n = 0;
    struct entry at, *to = arena_alloc(&v->e->scratch, (index->log.n / 16 + 2) * sizeof *to);
    if (!to) {
        v->e->no_memory = true;
        return;
    }
    bool placed = false;
    while (in.p < in.end && entry_read(&in, &at)) {
        if (!placed && entry_cmp(&v->event, &at) < 0) {
            to[n++] = v->event;
            placed = true;
        }
        to[n++] = at;
    }
    if (!placed)
        to[n++] = v->event;
    v->fresh = to;
    v->n_fresh = n;
    v->since_ms = to[0].t_ms;
}

/* Where the event goes and whether it is known. Fills overlay (a retraction's), fresh and since_ms. */
enum apply_result index_look_up(struct track_view *v, const struct event *ev)
{
    if (!v->index.n)
        v->index = view_key(v, SLICE("evt"), v->event.id);
    const struct record *r = view_record(v, v->index);
    if (known(r))
        return hash_in(r) == v->event.payload_hash ? APPLY_DUPLICATE : APPLY_CONFLICT;
    if (ev->type == EV_EVENT_RETRACTED)
        v->overlay = place_of_target(v, event_str(ev, F_TARGET_EVENT_ID));
    enum apply_result result = look_into(v);
    if (result == APPLY_DONE)
        gather(v, r);
    return result;
}

enum apply_result index_follow(struct track_view *v)
{
    struct slice key = v->who[0] && v->event.type == EV_EVENT_RETRACTED ? who_now(v, v->overlay) : v->overlay;
    if (slice_eq(key, v->overlay))
        return APPLY_DONE;
    v->overlay = key;
    return look_into(v);
}

static void insert(struct track_view *v, struct record *r, struct slice packed)
{
    v->e->no_memory |= record_insert(r, packed) < 0;
}

/* The event and what waited for it go to their record, the index learns where. */
void index_commit(struct track_view *v)
{
    struct engine *e = v->e;
    struct record *r = record_cache_put(e->cache, v->overlay), *index = record_cache_put(e->cache, v->index);
    if (!r || !index) {
        e->no_memory = true;
        return;
    }
    size_t before = record_bytes(r), index_before = record_bytes(index);
    insert(v, r, (struct slice){ e->packed.p, e->packed.n });
    if (v->n_fresh > 1) {
        struct reader in = { index->log.p, index->log.p + index->log.n, true };
        struct entry at;
        for (const char *from = in.p; in.p < in.end && entry_read(&in, &at); from = in.p)
            insert(v, r, (struct slice){ from, (uint32_t)(in.p - from) });
        index->log.n = 0;
    }
    record_cache_touch(e->cache, r, true);
    record_cache_resized(e->cache, r, before);
    if (index == r)
        index_before = record_bytes(r);
    e->no_memory |= record_add_dep(index, v->overlay) < 0;
    e->no_memory |=
        record_add_dep(index, (struct slice){ (const char *)&v->event.payload_hash, sizeof v->event.payload_hash }) < 0;
    record_cache_touch(e->cache, index, true);
    record_cache_resized(e->cache, index, index_before);
}
