/* Who depends on whom: which entities an event affects, and the lists that remember it.
 *
 * A record holds the keys of its dependants. Where many entities depend on one (a user's, for the org chart; a customer's, for what orders inherit), its
 * list names further records, "dep" of one UTC day each, and those hold the keys: so a record stays small however busy its entity is. */
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "engine_int.h"

/* ---- a set of keys ---- */

enum { KEY_SET_SMALL = 64 };

void key_set_clear(struct key_set *s)
{
    s->n = 0;
    if (s->mask >= KEY_SET_SMALL) {
        free(s->slot);
        s->slot = NULL;
    }
    if (s->slot)
        memset(s->slot, 0, (s->mask + 1) * sizeof *s->slot);
}

void key_set_release(struct key_set *s)
{
    free(s->v);
    free(s->slot);
    *s = (struct key_set){ 0 };
}

static uint32_t *slot_of(const struct key_set *s, struct slice key)
{
    uint32_t i = (uint32_t)XXH3_64bits_withSeed(key.p, key.n, s->seed) & s->mask;
    while (s->slot[i] && !slice_eq(s->v[s->slot[i] - 1], key))
        i = (i + 1) & s->mask;
    return &s->slot[i];
}

static bool grow(struct key_set *s)
{
    uint32_t mask = s->slot ? s->mask * 2 + 1 : KEY_SET_SMALL - 1;
    uint32_t *slot = calloc((size_t)mask + 1, sizeof *slot);
    if (!slot)
        return false;
    free(s->slot);
    s->slot = slot;
    s->mask = mask;
    for (uint32_t k = 0; k < s->n; k++)
        *slot_of(s, s->v[k]) = k + 1;
    return true;
}

static void affect_one(struct track_view *v, struct slice key, void *ctx)
{
    (void)ctx;
    struct engine *e = v->e;
    struct key_set *s = &e->affected;
    if ((!s->slot || s->n * 2 > s->mask) && !grow(s)) {
        e->no_memory = true;
        return;
    }
    uint32_t *slot = slot_of(s, key);
    if (*slot || !engine_room(e, &s->v, s->n, &s->cap, sizeof *s->v))
        return;
    if (s->n >= AFFECTED_MAX && !e->opt.keep_causes) {
        e->stats.dependants_capped++;
        return;
    }
    s->v[s->n] = key;
    *slot = ++s->n;
}

/* Whom a merge joins are affected together. */
static void affect(struct track_view *v, struct slice key)
{
    who_each(v, key, true, affect_one, NULL);
}

/* ---- lists of dependants ---- */

/* Lists of one parent differ in what they are for: dated (only what the parent was up to that day matters), lasting (to be looked at whenever the parent
 * changes), names (only who the parent is matters: to be looked at when it is merged). */
enum list { LIST_DATED = 0, LIST_LASTING = 'g', LIST_NAMES = 'n' };

static const int64_t day_ms = 86400000;
enum { NAMES_DAY = -1 };

/* "<kind>/<id>/<day>", "<kind>/<id>/g<day>" or "<kind>/<id>/n<day>". */
static struct slice list_key(struct track_view *v, struct slice kind, struct slice id, enum list list, int64_t t_ms)
{
    char buf[KEY_MAX], digits[24];
    size_t n = 0, k = sizeof digits;
    int64_t day = t_ms > 0 ? t_ms / day_ms : 0;
    const struct slice part[] = { kind, id };
    for (int i = 0; i < 2; i++) {
        memcpy(buf + n, part[i].p, part[i].n);
        n += part[i].n;
        buf[n++] = '/';
    }
    if (list != LIST_DATED)
        buf[n++] = (char)list;
    do {
        digits[--k] = (char)('0' + day % 10);
        day /= 10;
    } while (day);
    memcpy(buf + n, digits + k, sizeof digits - k);
    return view_key(v, SLICE("dep"), (struct slice){ buf, (uint32_t)(n + sizeof digits - k) });
}

/* The day of a dated list's key, INT64_MAX for a lasting one, NAMES_DAY for one of names. */
static int64_t list_day(struct slice key)
{
    uint32_t i = key.n;
    int64_t day = 0, digit = 1;
    for (; i > 0 && key.p[i - 1] >= '0' && key.p[i - 1] <= '9'; digit *= 10)
        day += digit * (key.p[--i] - '0');
    char list = i > 0 ? key.p[i - 1] : 0;
    return list == LIST_LASTING ? INT64_MAX : list == LIST_NAMES ? NAMES_DAY : day;
}

static void note_dependency(struct track_view *v, struct slice in, struct slice who)
{
    struct engine *e = v->e;
    struct record *r = view_record(v, in);
    if (r && record_has_dep(r, who))
        return;
    for (uint32_t i = e->n_depend; i-- > 0;)
        if (slice_eq(e->depend[i].in, in) && slice_eq(e->depend[i].who, who))
            return;
    if (engine_room(e, &e->depend, e->n_depend, &e->depend_cap, sizeof *e->depend))
        e->depend[e->n_depend++] = (struct dependency){ in, who };
}

static bool is_named(const struct engine *e, struct slice kind, struct slice id)
{
    for (uint32_t i = e->n_named; i-- > 0;)
        if (slice_eq(e->named[i].id, id) && slice_eq(e->named[i].kind, kind))
            return true;
    return false;
}

static void add_named(struct track_view *v, struct slice kind, struct slice id)
{
    struct engine *e = v->e;
    if (slice_eq(v->self, v->overlay) && !is_named(e, kind, id) &&
        engine_room(e, &e->named, e->n_named, &e->named_cap, sizeof *e->named))
        e->named[e->n_named++] = (struct named){ kind, id };
}

void view_depend_on(struct track_view *v, struct slice key)
{
    if (v->after && v->self.n)
        note_dependency(v, key, v->self);
}

struct entry_log view_log(struct track_view *v, struct slice kind, struct slice id, bool depend)
{
    if (id_is_nobody(id))
        return (struct entry_log){ 0 };
    struct slice key = view_key(v, kind, id);
    if (depend && v->after && !slice_eq(key, v->self)) {
        add_named(v, kind, id);
        note_dependency(v, key, v->self);
    }
    return view_log_key(v, key);
}

static struct slice depend_shared(struct track_view *v, struct slice kind, struct slice id, bool dated, int64_t t_ms)
{
    struct slice key = view_key(v, kind, id);
    if (v->after && !slice_eq(key, v->self)) {
        struct slice list = list_key(v, kind, id, dated ? LIST_DATED : LIST_LASTING, dated ? t_ms : v->self_ms);
        add_named(v, kind, id);
        struct record *r = view_record(v, list);
        if (!r || !record_has_dep(r, v->self)) {
            note_dependency(v, list, v->self);
            note_dependency(v, key, list);
        }
    }
    return key;
}

struct slice view_depend_dated(struct track_view *v, struct slice kind, struct slice id, int64_t t_ms)
{
    return depend_shared(v, kind, id, true, t_ms);
}

struct entry_log view_log_shared(struct track_view *v, struct slice kind, struct slice id, bool dated, int64_t t_ms)
{
    int64_t day = t_ms / day_ms;
    if (id_is_nobody(id))
        return (struct entry_log){ 0 };
    if (v->shared.valid && v->shared.dated == dated && (!dated || v->shared.day == day) && slice_eq(v->shared.id, id) &&
        slice_eq(v->shared.kind, kind))
        return v->shared.log;
    v->shared.valid = true;
    v->shared.kind = kind;
    v->shared.id = id;
    v->shared.dated = dated;
    v->shared.day = day;
    return v->shared.log = view_log_key(v, depend_shared(v, kind, id, dated, t_ms));
}

void commit_dependencies(struct engine *e)
{
    for (uint32_t i = 0; i < e->n_depend; i++) {
        struct record *r = record_cache_put(e->cache, e->depend[i].in);
        if (!r) {
            e->no_memory = true;
            continue;
        }
        if (record_has_dep(r, e->depend[i].who))
            continue;
        size_t before = record_bytes(r);
        if (r->n_deps >= DEPENDANTS_MAX && !e->opt.keep_causes) {
            record_drop_dep(r); /* the oldest: the least likely to be concerned by what still comes */
            e->stats.dependants_capped++;
        }
        e->no_memory |= record_add_dep(r, e->depend[i].who) < 0;
        record_cache_touch(e->cache, r, true);
        record_cache_resized(e->cache, r, before);
    }
}

static void each_dep(struct track_view *v, struct slice of,
                     void (*each)(struct track_view *v, struct slice dep, void *ctx), void *ctx)
{
    struct record *r = view_record(v, of);
    struct reader in = { r ? r->deps.p : NULL, r ? r->deps.p + r->deps.n : NULL, true };
    while (in.p < in.end && in.ok)
        each(v, read_text(&in), ctx);
}

struct dependants {
    struct slice wanted_kind, id;
    enum event_field link;
    void (*each)(struct track_view *v, struct entry_log log, void *ctx);
    void *ctx;
    bool event_seen, merged;
    struct slice of_event; /* what the event's own record stands for */
    struct key_list seen;  /* of those that were merged: one stands for several, and several lists name it */
};

static bool seen_before(struct track_view *v, struct dependants *d, struct slice key)
{
    for (uint32_t i = 0; i < d->seen.n; i++)
        if (slice_eq(d->seen.v[i], key))
            return true;
    if (!(d->seen.n & (d->seen.n - 1))) { /* full: the room is a power of two */
        struct slice *more = view_alloc(v, (d->seen.n ? d->seen.n * 2 : 1) * sizeof *more);
        if (!more)
            return true;
        if (d->seen.n)
            memcpy(more, d->seen.v, d->seen.n * sizeof *more);
        d->seen.v = more;
    }
    d->seen.v[d->seen.n++] = key;
    return false;
}

static bool names(struct entry_log log, enum event_field link, struct slice id)
{
    for (uint32_t i = 0; i < log.n; i++)
        if (slice_eq(entry_str(&log.v[i], link), id))
            return true;
    return false;
}

static void visit_one(struct track_view *v, struct slice member, void *ctx)
{
    struct dependants *d = ctx;
    struct slice key = who_key(v, member);
    const bool merged = d->merged || v->merging || who_merged(v, key);
    d->event_seen |= slice_eq(key, d->of_event);
    if (merged && seen_before(v, d, key))
        return;
    struct entry_log log = view_log_key(v, key);
    if (!merged || names(log, d->link, d->id))
        d->each(v, log, d->ctx);
}

/* A list names who stood for the dependant when it came. Where a merge has been taken back that is another by now. */
static void visit_dependant(struct track_view *v, struct slice dep, void *ctx)
{
    const struct dependants *d = ctx;
    if (slice_eq(key_kind(dep), d->wanted_kind))
        who_each(v, dep, true, visit_one, ctx);
}

static void visit_dependants_of(struct track_view *v, struct slice key, void *ctx)
{
    each_dep(v, key, visit_dependant, ctx);
}

/* Dependants of all that was ever merged: each stands in the list of what its parent was when it came. */
void view_dependants(struct track_view *v, struct slice kind, struct slice id, struct slice wanted_kind,
                     enum event_field link, void (*each)(struct track_view *v, struct entry_log log, void *ctx),
                     void *ctx)
{
    struct slice key = view_key(v, kind, id);
    struct dependants d = { .wanted_kind = wanted_kind,
                            .id = id,
                            .link = link,
                            .each = each,
                            .ctx = ctx,
                            .of_event = who_key(v, v->overlay),
                            .merged = who_merged(v, key) };
    if (id_is_nobody(id))
        return;
    who_each(v, key, true, visit_dependants_of, &d);
    /* Whom a merge joins or parts reads others than before, and is not in their lists yet. */
    for (uint32_t i = 0; v->merging && v->after && i < v->e->affected.n; i++)
        visit_dependant(v, v->e->affected.v[i], &d);
    /* The event's own record may become a dependant by this very event. */
    if (!v->after || d.event_seen || !slice_eq(key_kind(v->overlay), wanted_kind))
        return;
    struct entry_log log = view_log_key(v, d.of_event);
    if (names(log, link, id))
        each(v, log, ctx);
}

/* ---- the entities an event affects ---- */

/* A deletion, a retraction and a merge take away what may have been long ago. */
static bool concerns_every_day(const struct track_view *v)
{
    return v->event.type == EV_ENTITY_DELETED || v->event.type == EV_EVENT_RETRACTED || v->n_fresh > 1 || v->merging;
}

static void affect_dep(struct track_view *v, struct slice dep, void *ctx)
{
    struct slice key = arena_copy(&v->e->scratch, dep); /* the list it stands in may move at the commit */
    (void)ctx;
    v->e->no_memory |= !key.p;
    if (!slice_eq(key_kind(key), SLICE("dep")))
        affect(v, key);
    else if (list_day(key) >= v->from_day && list_day(key) <= v->until_day)
        each_dep(v, key, affect_dep, NULL);
}

static void affect_dependants(struct track_view *v, struct slice key, void *ctx)
{
    (void)ctx;
    each_dep(v, key, affect_dep, NULL);
}

/* What orders take over from their customer: without any of it, the event does not concern them. */
static bool inheritable(const struct track_view *v)
{
    const struct entry *e = &v->event;
    static const enum event_field fields[] = { F_OWNER_ID, F_TEAM_ID,     F_CHANNEL, F_PRODUCT_ID,
                                               F_REGION,   F_CAMPAIGN_ID, F_SEGMENT };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (entry_has(e, fields[i]))
            return true;
    return e->type == EV_OWNER_CHANGED || concerns_every_day(v);
}

static void affect_named(struct track_view *v, struct slice who, enum event_field link, struct slice kind,
                         bool with_dependants)
{
    struct entry_log log = view_raw_log_key(v, who); /* what a retracted event named is concerned, too */
    for (uint32_t i = 0; i < log.n; i++) {
        struct slice id = entry_str(&log.v[i], link);
        if (!id.n)
            continue;
        struct slice key = view_key(v, kind, id);
        affect(v, key);
        if (with_dependants)
            who_each(v, key, true, affect_dependants, NULL);
    }
}

/* A deal concerns its leads, a customer also what else came of them, an order its deals. */
static void affect_parents(struct track_view *v, struct slice who)
{
    struct slice kind = key_kind(who);
    bool customer = slice_eq(kind, SLICE("customer"));
    if (customer || slice_eq(kind, SLICE("deal")))
        affect_named(v, who, F_LEAD_ID, SLICE("lead"), customer);
    if (slice_eq(kind, SLICE("order")))
        affect_named(v, who, F_DEAL_ID, SLICE("deal"), false);
}

/* Of lists that the event's record names it concerns those from its own day on; a deletion or retraction all of them, a merge also those that only name
 * the merged, a rate those it is in force in. */
static void set_days(struct track_view *v)
{
    v->from_day = v->merging ? NAMES_DAY : concerns_every_day(v) ? 0 : v->since_ms / day_ms;
    v->until_day = INT64_MAX;
    if (v->event.type != EV_FX_RATE_SET)
        return;
    struct span valid = money_rate_days(v);
    v->from_day = valid.start_ms / day_ms;
    v->until_day = valid.end_ms / day_ms;
}

static void affect_changed(struct track_view *v, struct slice who, void *ctx)
{
    (void)ctx;
    affect(v, who);
    if (!slice_eq(key_kind(who), SLICE("customer")) || inheritable(v))
        each_dep(v, who, affect_dep, NULL);
    affect_parents(v, who);
}

/* Whoever names the merged changes, too, and with him those who read him. */
static void affect_merged(struct track_view *v)
{
    struct key_set *s = &v->e->affected;
    who_each_merged(v, affect_changed, NULL);
    v->from_day = 0;
    for (uint32_t i = 0, n = s->n; i < n; i++)
        affect_changed(v, s->v[i], NULL);
}

void find_affected(struct track_view *v)
{
    key_set_clear(&v->e->affected);
    v->after = true;
    v->upto_ms = INT64_MAX;
    set_days(v);
    if (v->merging)
        affect_merged(v);
    else
        who_each(v, v->overlay, true, affect_changed, NULL);
    if (currency_changes(v))
        each_dep(v, v->currency_key, affect_dep, NULL);
}

/* ---- whom an event names ---- */

static void note_name(struct track_view *v, struct slice kind, struct slice id, int64_t first_ms)
{
    struct slice key = view_key(v, kind, id);
    if (is_named(v->e, kind, id) || slice_eq(key, v->overlay))
        return;
    add_named(v, kind, id);
    struct slice list = list_key(v, kind, id, LIST_NAMES, first_ms);
    note_dependency(v, list, v->overlay);
    note_dependency(v, key, list);
}

/* What a record's own events say once need not be said again: the list goes by the day of the record's first event. */
void note_names(struct track_view *v, const struct event *ev)
{
    const struct record *r = view_record(v, v->overlay);
    struct reader in = { r ? r->log.p : NULL, r ? r->log.p + r->log.n : NULL, true };
    struct entry first = { .t_ms = INT64_MAX };
    if (!tracker_of(key_kind(v->overlay)))
        return;
    if (in.p < in.end)
        (void)entry_read(&in, &first);
    v->self = v->overlay;
    for (uint32_t w = 0; w < EVENT_PRESENT_WORDS; w++)
        for (uint64_t bits = ev->present[w]; bits; bits &= bits - 1) {
            enum event_field f = (enum event_field)(w * 64 + (uint32_t)__builtin_ctzll(bits));
            struct slice id, kind = who_named(ev, f, &id);
            if (kind.n && tracker_of(kind))
                note_name(v, kind, id, first.t_ms < v->since_ms ? first.t_ms : v->since_ms);
        }
}
