/* Corrections whose target is unknown (C9): they lie in the log of their entity like any other event, without effect, and beside it in a record of their
 * own that says how long they wait. The target's coming deletes that record. Giving one up applies an internal retraction of it, at its own time: so
 * whatever it did or would do is gone, exactly and for every later order of arrival.
 *
 * Who reads the clock, and who tells, is the caller's business. Merges and deletions wait for nobody: they say who somebody is, whenever they come. */
#include "engine_int.h"

#define DAY_MS INT64_C(86400000)

struct correction {
    enum event_type type, target[2];
    bool any;    /* every event that is no correction makes the entity known */
    bool before; /* only what comes before the correction is its target */
};

static const struct correction corrections[] = {
    { EV_DEAL_AMENDED, { EV_DEAL_OPENED, EV_DEAL_CLOSED }, false, false },
    { EV_DEAL_REOPENED, { EV_DEAL_CLOSED, EV_DEAL_CLOSED }, false, true },
    { EV_ORDER_AMENDED, { EV_ORDER_PLACED, EV_ORDER_PLACED }, false, false },
    { EV_ORDER_CANCELLED, { EV_ORDER_PLACED, EV_ORDER_PLACED }, false, false },
    { EV_ORDER_REFUNDED, { EV_ORDER_PLACED, EV_DEAL_CLOSED }, false, false },
    { EV_COMPLAINT_REOPENED, { EV_COMPLAINT_FILED, EV_COMPLAINT_RESOLVED }, false, false },
    { EV_COMPLAINT_WITHDRAWN, { EV_COMPLAINT_FILED, EV_COMPLAINT_RESOLVED }, false, false },
    { EV_TICKET_REOPENED, { EV_TICKET_OPENED, EV_TICKET_RESOLVED }, false, false },
    { EV_OWNER_CHANGED, { 0 }, true, false },
};

static const struct correction *correction_of(enum event_type type)
{
    for (size_t i = 0; i < sizeof corrections / sizeof corrections[0]; i++)
        if (corrections[i].type == type)
            return &corrections[i];
    return NULL;
}

bool orphan_type(enum event_type type)
{
    return correction_of(type) != NULL;
}

bool event_corrects(enum event_type type)
{
    return type == EV_EVENT_RETRACTED || orphan_type(type);
}

static bool precedes(const struct entry *a, const struct entry *b)
{
    return a->has_seq && b->has_seq ? a->seq < b->seq : entry_cmp(a, b) < 0;
}

static bool is_target(const struct correction *c, const struct entry *of, const struct entry *at)
{
    if (c->any)
        return !orphan_type(at->type) && at->type != EV_EVENT_RETRACTED && at->type != EV_ENTITY_DELETED;
    return (at->type == c->target[0] || at->type == c->target[1]) && (!c->before || precedes(at, of));
}

/* ---- the target of a correction, in all that was ever merged with its entity ---- */

struct search {
    const struct correction *c;
    const struct entry *of;
    bool found;
};

static void look_into(struct track_view *v, struct slice key, void *ctx)
{
    struct search *s = ctx;
    const struct record *r = view_record(v, key);
    struct reader in = { r ? r->log.p : NULL, r ? r->log.p + r->log.n : NULL, true };
    struct entry at;
    /* Others name it. Who is named in time settles what waits (orphans_named): what is still there to be given up was not. */
    s->found |= r && s->c->any && r->n_deps && !(v->giving_up && slice_eq(key, v->overlay));
    while (in.p < in.end && !s->found && entry_read(&in, &at))
        s->found = is_target(s->c, s->of, &at);
}

/* Customers and users are known by what others say of them; what no tracker reads waits for nothing. */
static bool never_waits(struct slice kind)
{
    return slice_eq(kind, SLICE("customer")) || slice_eq(kind, SLICE("user")) || slice_eq(kind, SLICE("event"));
}

static bool target_known(struct track_view *v, const struct entry *of)
{
    struct search s = { correction_of(of->type), of, false };
    if (of->type == EV_EVENT_RETRACTED)
        return index_knows(v, entry_str(of, F_TARGET_EVENT_ID));
    if (!s.c || never_waits(key_kind(v->overlay)))
        return true;
    v->after = false;
    who_each(v, v->overlay, true, look_into, &s);
    return s.found;
}

/* ---- the record of one that waits ---- */

static bool pack(struct bytes *to, const struct orphan *o)
{
    to->n = 0;
    int rc = bytes_put_svarint(to, o->due_ms) | bytes_put_svarint(to, o->since_ms);
    rc |= bytes_put_varint(to, o->type) | bytes_put_svarint(to, o->t_ms);
    rc |= bytes_put_text(to, o->org) | bytes_put_text(to, o->event_id) | bytes_put_text(to, o->from.topic);
    rc |= bytes_put_varint(to, (uint32_t)o->from.partition) | bytes_put_svarint(to, o->from.offset);
    return (rc | bytes_put_text(to, o->from.payload)) >= 0;
}

static bool unpack(const struct record *r, struct orphan *o)
{
    struct reader in = { r ? r->log.p : NULL, r ? r->log.p + r->log.n : NULL, true };
    if (in.p == in.end)
        return false;
    o->due_ms = read_svarint(&in);
    o->since_ms = read_svarint(&in);
    o->type = (enum event_type)read_varint(&in);
    o->t_ms = read_svarint(&in);
    o->org = read_text(&in);
    o->event_id = read_text(&in);
    o->from.topic = read_text(&in);
    o->from.partition = (int32_t)read_varint(&in);
    o->from.offset = read_svarint(&in);
    o->from.payload = read_text(&in);
    return in.ok && o->type < EVENT_TYPE_COUNT;
}

bool orphan_sound(const struct record *r)
{
    struct orphan o;
    return unpack(r, &o);
}

int64_t orphan_due_ms(const struct record *r)
{
    struct reader in = { r->log.p, r->log.p + r->log.n, true };
    return read_svarint(&in);
}

static bool settle_with(struct engine *e, struct record *r)
{
    if (!engine_room(e, &e->settled, e->n_settled, &e->settled_cap, sizeof(struct record *)))
        return false;
    e->settled[e->n_settled++] = r;
    return true;
}

static bool note_overdue(struct engine *e, const struct record *r)
{
    e->overdue.n = 0;
    e->no_memory |= bytes_put(&e->overdue, r->key.p, r->key.n) < 0;
    return true;
}

/* ---- with a new event ---- */

/* `of` gets its target with the new event. True if it has waited too long for it. */
static bool found(struct track_view *v, const struct entry *of, int64_t until_ms)
{
    struct orphan o;
    struct record *r = view_record(v, view_key(v, SLICE("orphan"), of->id));
    if (!unpack(r, &o))
        return false;
    if (o.due_ms >= until_ms) {
        (void)settle_with(v->e, r);
        return false;
    }
    return note_overdue(v->e, r);
}

/* Corrections in the record that the new event is the target of. */
static bool look_in_overlay(struct track_view *v, int64_t until_ms)
{
    const struct record *r = v->corrected ? view_record(v, v->overlay) : NULL;
    struct reader in = { r ? r->log.p : NULL, r ? r->log.p + r->log.n : NULL, true };
    struct entry at;
    while (in.p < in.end && entry_read(&in, &at)) {
        const struct correction *c = correction_of(at.type);
        if (c && is_target(c, &at, &v->event) && found(v, &at, until_ms))
            return true;
    }
    return false;
}

/* Retractions of the new event that came first. */
static bool look_in_index(struct track_view *v, int64_t until_ms)
{
    const struct record *r = view_record(v, v->index);
    struct reader in = { r ? r->log.p : NULL, r ? r->log.p + r->log.n : NULL, true };
    struct entry at;
    while (in.p < in.end && entry_read(&in, &at))
        if (at.type == EV_EVENT_RETRACTED && slice_eq(entry_str(&at, F_TARGET_EVENT_ID), v->event.id) &&
            found(v, &at, until_ms))
            return true;
    return false;
}

bool orphans_named(struct track_view *v, struct slice key)
{
    const struct record *r = view_record(v, key);
    struct reader in = { r ? r->log.p : NULL, r ? r->log.p + r->log.n : NULL, true };
    struct entry at;
    if (!r || r->n_deps || !r->log.n || v->giving_up || never_waits(key_kind(key)))
        return false;
    while (in.p < in.end && entry_read(&in, &at)) {
        const struct correction *c = correction_of(at.type);
        if (c && c->any && found(v, &at, v->reached_ms))
            return true;
    }
    return false;
}

static void wait(struct track_view *v, const struct event *ev, int64_t newest_ms, const struct event_source *from,
                 struct slice kind, int64_t wait_ms)
{
    struct engine *e = v->e;
    struct orphan o = { .org = v->org,
                        .event_id = v->event.id,
                        .type = ev->type,
                        .t_ms = v->event.t_ms,
                        .since_ms = newest_ms > v->event.t_ms ? newest_ms : v->event.t_ms };
    if (from)
        o.from = *from;
    o.due_ms = o.since_ms + wait_ms;
    e->waits = view_key(v, kind, v->event.id);
    (void)view_record(v, e->waits); /* written at the commit: must be here */
    e->no_memory |= !pack(&e->waiting, &o);
}

bool final_overdue(struct track_view *v, struct slice deletion_id)
{
    struct orphan o;
    const struct record *r = view_record(v, view_key(v, SLICE("final"), deletion_id));
    return unpack(r, &o) && o.due_ms < v->reached_ms && note_overdue(v->e, r);
}

/* A retraction of a merge or deletion: of one that is final there is none any more. */
static enum apply_result look_at_retraction(struct track_view *v)
{
    struct slice target = entry_str(&v->event, F_TARGET_EVENT_ID);
    struct entry deletion;
    if (!slice_eq(key_kind(v->overlay), SLICE("merge")))
        return APPLY_DONE;
    if (who_was_final(v, target))
        return APPLY_FINAL;
    if (!who_find_deletion(v, target, &deletion))
        return APPLY_DONE;
    if (who_is_final(v, &deletion))
        return APPLY_FINAL;
    return final_overdue(v, target) ? APPLY_OVERDUE : APPLY_DONE;
}

enum apply_result orphans_look(struct track_view *v, const struct event *ev, int64_t newest_ms,
                               const struct event_source *from)
{
    const struct definitions *defs = v->e->defs;
    if (look_in_overlay(v, v->reached_ms) || look_in_index(v, v->reached_ms))
        return APPLY_OVERDUE;
    if (event_corrects(ev->type) && !target_known(v, &v->event))
        wait(v, ev, newest_ms, from, SLICE("orphan"), defs->orphan_wait_ms);
    else if (ev->type == EV_ENTITY_DELETED && slice_eq(key_kind(v->overlay), SLICE("merge")))
        wait(v, ev, newest_ms, NULL, SLICE("final"), defs->erase_final_ms);
    return ev->type == EV_EVENT_RETRACTED ? look_at_retraction(v) : APPLY_DONE;
}

void orphans_commit(struct track_view *v)
{
    struct engine *e = v->e;
    for (uint32_t i = 0; i < e->n_settled; i++) {
        struct record *r = e->settled[i];
        r->log.n = 0;
        r->deleted = true;
        r->told = v->giving_up;
        record_cache_touch(e->cache, r, true);
    }
    if (!e->waits.n)
        return;
    struct record *r = record_cache_put(e->cache, e->waits);
    size_t before = r ? record_bytes(r) : 0;
    if (!r || bytes_put(&r->log, e->waiting.p, e->waiting.n) < 0) {
        e->no_memory = true;
        return;
    }
    r->deleted = false;
    record_cache_touch(e->cache, r, true);
    record_cache_resized(e->cache, r, before);
}

struct slice engine_waits(const struct engine *e)
{
    return e->waits;
}

struct slice engine_overdue(const struct engine *e)
{
    return (struct slice){ e->overdue.p, e->overdue.n };
}

bool engine_waiting(struct engine *e, struct slice key, struct orphan *ret)
{
    return unpack(record_cache_get(e->cache, key), ret);
}

/* ---- giving up ---- */

/* What the records hold does not last: the commit may move it. */
static bool keep_texts(struct engine *e, struct orphan *o)
{
    struct slice *text[] = { &o->org, &o->event_id, &o->from.topic, &o->from.payload };
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
        *text[i] = arena_copy(&e->scratch, *text[i]);
        if (!text[i]->p && text[i]->n)
            return false;
    }
    return true;
}

/* The retraction that stands for giving up; its id sorts behind that of the correction. */
static bool withdrawal(struct engine *e, const struct orphan *o, struct event *ret)
{
    static const char suffix[] = "\x01orphan";
    char *id = arena_alloc(&e->scratch, o->event_id.n + sizeof suffix);
    if (!id)
        return false;
    memcpy(id, o->event_id.p, o->event_id.n);
    memcpy(id + o->event_id.n, suffix, sizeof suffix);
    event_clear(ret);
    ret->type = EV_EVENT_RETRACTED;
    event_set_str(ret, F_ORG_ID, o->org);
    event_set_str(ret, F_EVENT_ID, (struct slice){ id, o->event_id.n + (uint32_t)sizeof suffix - 1 });
    event_set_str(ret, F_TARGET_EVENT_ID, o->event_id);
    event_set_int(ret, F_OCCURRED_AT_MS, o->t_ms);
    return true;
}

/* The correction as its log has it; false if it is not there any more. */
static bool entry_in_log(struct track_view *v, struct slice id, struct entry *ret)
{
    const struct record *r = view_record(v, v->overlay);
    struct reader in = { r ? r->log.p : NULL, r ? r->log.p + r->log.n : NULL, true };
    while (in.p < in.end && entry_read(&in, ret))
        if (slice_eq(ret->id, id))
            return true;
    return false;
}

static enum apply_result answer(const struct engine *e, enum apply_result r)
{
    return e->no_memory ? APPLY_NO_MEMORY : e->incomplete ? APPLY_NEED : r;
}

/* The record goes, and nothing else: the target has come by another way (a merge). */
static enum apply_result settle_alone(struct track_view *v)
{
    enum apply_result r = answer(v->e, APPLY_DUPLICATE);
    v->giving_up = false;
    if (r == APPLY_DUPLICATE)
        orphans_commit(v);
    return r;
}

/* Another content for a record that goes on waiting. */
static void wait_on(struct engine *e, struct record *waiting, const struct orphan *o)
{
    size_t before = record_bytes(waiting);
    e->no_memory |= !pack(&e->waiting, o);
    waiting->log.n = 0;
    e->no_memory |= bytes_put(&waiting->log, e->waiting.p, e->waiting.n) < 0;
    e->n_settled = 0;
    record_cache_touch(e->cache, waiting, true);
    record_cache_resized(e->cache, waiting, before);
}

/* An erasure whose time has come: it is noted as final, or it was taken back and waits again. Then its record goes on, due at once, until the names of
 * cells are deleted and the records of others rewritten (clean.c, engine_cleaned). */
static enum apply_result make_final(struct track_view *v, struct record *waiting, struct orphan *o)
{
    struct engine *e = v->e;
    struct entry deletion;
    if (o->since_ms == INT64_MIN)
        return answer(e, APPLY_FINAL);
    v->overlay = waiting->key;
    v->def = definitions_org(e->defs, v->org);
    who_ask(v);
    if (!e->incomplete && !e->no_memory)
        who_begin(v);
    if (e->incomplete || e->no_memory || !v->def || !who_find_deletion(v, o->event_id, &deletion))
        return settle_alone(v);
    bool stands = who_finalise(v, &deletion, &e->erased_ids, &e->cell_names);
    if (e->incomplete || e->no_memory)
        return answer(e, APPLY_DUPLICATE);
    if (!stands) {
        o->due_ms += e->defs->erase_final_ms > DAY_MS ? e->defs->erase_final_ms : DAY_MS;
        wait_on(e, waiting, o);
    } else {
        o->since_ms = INT64_MIN;
        o->due_ms = 1;
        o->from.topic = (struct slice){ e->erased_ids.p, e->erased_ids.n };
        o->from.payload = (struct slice){ e->cell_names.p, e->cell_names.n };
        wait_on(e, waiting, o);
    }
    return settle_alone(v);
}

enum apply_result engine_cleaned(struct engine *e, struct slice key)
{
    struct orphan o;
    engine_begin(e);
    struct track_view v = { .e = e, .upto_ms = INT64_MAX };
    struct record *waiting = view_record(&v, key);
    if (!e->incomplete && unpack(waiting, &o) && !settle_with(e, waiting))
        return APPLY_NO_MEMORY;
    return settle_alone(&v);
}

enum apply_result engine_give_up(struct engine *e, struct slice key, int64_t until_ms, struct orphan *ret)
{
    engine_begin(e);
    struct track_view v = { .e = e, .upto_ms = INT64_MAX, .giving_up = true };
    struct record *waiting = view_record(&v, key);
    struct event ev;
    struct entry at;
    if (!unpack(waiting, ret) || ret->due_ms >= until_ms)
        return answer(e, APPLY_DUPLICATE);
    if (!keep_texts(e, ret) || !settle_with(e, waiting) || !withdrawal(e, ret, &ev))
        return APPLY_NO_MEMORY;
    v.org = ret->org;
    if (ret->type == EV_ENTITY_DELETED)
        return make_final(&v, waiting, ret);
    v.def = definitions_org(e->defs, v.org);
    if (!v.def || engine_pack_event(&v, &ev) < 0)
        return v.def ? APPLY_NO_MEMORY : settle_alone(&v);
    enum apply_result r = index_look_up(&v, &ev);
    currency_begin(&v, &ev);
    who_ask(&v);
    if (!e->incomplete && !e->no_memory)
        who_begin(&v);
    if (e->incomplete || e->no_memory)
        return answer(e, r);
    if (r == APPLY_DONE)
        r = index_follow(&v);
    if (r != APPLY_DONE || (entry_in_log(&v, ret->event_id, &at) && target_known(&v, &at)))
        return settle_alone(&v);
    if (e->incomplete || e->no_memory)
        return answer(e, r);
    r = engine_run(&v, &ev);
    return r == APPLY_PARKED ? APPLY_DONE : r;
}
