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
    uint32_t i = (uint32_t)XXH3_64bits(key.p, key.n) & s->mask;
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

static void affect(struct track_view *v, struct slice key)
{
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

/* ---- lists of dependants ---- */

static const int64_t day_ms = 86400000;

/* "<kind>/<id>/<day>" or "<kind>/<id>/g<day>" (lasting: to be looked at whenever the parent changes). */
static struct slice list_key(struct track_view *v, struct slice kind, struct slice id, bool dated, int64_t t_ms)
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
    if (!dated)
        buf[n++] = 'g';
    do {
        digits[--k] = (char)('0' + day % 10);
        day /= 10;
    } while (day);
    memcpy(buf + n, digits + k, sizeof digits - k);
    return view_key(v, SLICE("dep"), (struct slice){ buf, (uint32_t)(n + sizeof digits - k) });
}

/* The day of a dated list's key, INT64_MAX for a lasting one. */
static int64_t list_day(struct slice key)
{
    uint32_t i = key.n;
    int64_t day = 0, digit = 1;
    for (; i > 0 && key.p[i - 1] >= '0' && key.p[i - 1] <= '9'; digit *= 10)
        day += digit * (key.p[--i] - '0');
    return i > 0 && key.p[i - 1] == 'g' ? INT64_MAX : day;
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

struct entry_log view_log(struct track_view *v, struct slice kind, struct slice id, bool depend)
{
    struct slice key = view_key(v, kind, id);
    if (depend && v->after && !slice_eq(key, v->self))
        note_dependency(v, key, v->self);
    return view_log_key(v, key);
}

static struct slice depend_shared(struct track_view *v, struct slice kind, struct slice id, bool dated, int64_t t_ms)
{
    struct slice key = view_key(v, kind, id);
    if (v->after && !slice_eq(key, v->self)) {
        struct slice list = list_key(v, kind, id, dated, dated ? t_ms : v->self_ms);
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
    struct slice wanted_kind;
    void (*each)(struct track_view *v, struct entry_log log, void *ctx);
    void *ctx;
    bool event_seen;
};

static void visit_dependant(struct track_view *v, struct slice dep, void *ctx)
{
    struct dependants *d = ctx;
    d->event_seen |= slice_eq(dep, v->overlay);
    if (slice_eq(key_kind(dep), d->wanted_kind))
        d->each(v, view_log_key(v, dep), d->ctx);
}

void view_dependants(struct track_view *v, struct slice kind, struct slice id, struct slice wanted_kind,
                     enum event_field link, void (*each)(struct track_view *v, struct entry_log log, void *ctx),
                     void *ctx)
{
    struct dependants d = { wanted_kind, each, ctx, false };
    each_dep(v, view_key(v, kind, id), visit_dependant, &d);
    /* The event's own record may become a dependant by this very event. */
    if (!v->after || d.event_seen || !slice_eq(key_kind(v->overlay), wanted_kind))
        return;
    struct entry_log log = view_log_key(v, v->overlay);
    for (uint32_t i = 0; i < log.n; i++)
        if (slice_eq(entry_str(&log.v[i], link), id)) {
            each(v, log, ctx);
            return;
        }
}

/* ---- the entities an event affects ---- */

/* A deletion and a retraction take away what may have been long ago. */
static bool concerns_every_day(const struct track_view *v)
{
    return v->event.type == EV_ENTITY_DELETED || v->event.type == EV_EVENT_RETRACTED || v->n_fresh > 1;
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
            each_dep(v, key, affect_dep, NULL);
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

/* Of lists that the event's record names it concerns those from its own day on; a deletion or retraction all of them, a rate those it is in force in. */
static void set_days(struct track_view *v)
{
    v->from_day = concerns_every_day(v) ? 0 : v->since_ms / day_ms;
    v->until_day = INT64_MAX;
    if (v->event.type != EV_FX_RATE_SET)
        return;
    struct span valid = money_rate_days(v);
    v->from_day = valid.start_ms / day_ms;
    v->until_day = valid.end_ms / day_ms;
}

void find_affected(struct track_view *v)
{
    bool customer = slice_eq(key_kind(v->overlay), SLICE("customer"));
    key_set_clear(&v->e->affected);
    v->after = true;
    v->upto_ms = INT64_MAX;
    set_days(v);
    affect(v, v->overlay);
    if (!customer || inheritable(v))
        each_dep(v, v->overlay, affect_dep, NULL);
    affect_parents(v, v->overlay);
}
