/* How trackers see the world: logs of entities as of an instant, with or without the event that is being applied. */
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "engine_int.h"

bool engine_room(struct engine *e, void *v, uint32_t n, uint32_t *cap, size_t size)
{
    void **array = v;
    if (n < *cap)
        return true;
    uint32_t more = *cap ? *cap * 2 : 64;
    void *p = realloc(*array, more * size);
    if (!p) {
        e->no_memory = true;
        return false;
    }
    *array = p;
    *cap = more;
    return true;
}

static struct slice org_key(struct track_view *v)
{
    char buf[KEY_MAX];
    if (v->org_key.n)
        return v->org_key;
    size_t n = 1 + cell_escape(v->org, buf + 1, sizeof buf - 2);
    buf[0] = buf[n++] = ':';
    return v->org_key = arena_copy(&v->e->scratch, (struct slice){ buf, (uint32_t)n });
}

/* "ent:<kind>:<org>:<id>", every part escaped, in the event's scratch memory. */
struct slice view_key(struct track_view *v, struct slice kind, struct slice id)
{
    char buf[KEY_MAX];
    struct slice org = org_key(v);
    size_t n = 4;
    memcpy(buf, "ent:", 4);
    n += cell_escape(kind, buf + n, sizeof buf - n);
    if (org.n > sizeof buf - n)
        org.n = 0; /* no id of an event is as long: event_validate.c */
    memcpy(buf + n, org.p, org.n);
    n += org.n;
    n += cell_escape(id, buf + n, sizeof buf - n);
    struct slice key = arena_copy(&v->e->scratch, (struct slice){ buf, (uint32_t)n });
    v->e->no_memory |= !key.p;
    return key;
}

struct slice key_kind(struct slice key)
{
    const char *end = key.n > 4 ? memchr(key.p + 4, ':', key.n - 4) : NULL;
    return end ? (struct slice){ key.p + 4, (uint32_t)(end - key.p - 4) } : (struct slice){ 0 };
}

void engine_miss(struct engine *e, struct slice key)
{
    e->incomplete = true;
    for (uint32_t i = e->missing.n; i-- > 0 && e->missing.n - i < 64;)
        if (slice_eq(e->missing.v[i], key))
            return;
    if (!engine_room(e, &e->missing.v, e->missing.n, &e->missing.cap, sizeof *e->missing.v))
        return;
    struct slice copy = arena_copy(&e->missing_text, key);
    if (copy.p)
        e->missing.v[e->missing.n++] = copy;
}

struct record *view_record(struct track_view *v, struct slice key)
{
    struct engine *e = v->e;
    struct record *r = record_cache_get(e->cache, key);
    if (!r) {
        if (!e->opt.all_in_memory)
            engine_miss(e, key);
        return NULL;
    }
    if (engine_room(e, &e->read, e->n_read, &e->read_cap, sizeof(struct record *)))
        e->read[e->n_read++] = r;
    return r;
}

static void note_later(struct track_view *v, int64_t t_ms)
{
    struct engine *e = v->e;
    if (t_ms <= v->since_ms || (e->n_later && e->later[e->n_later - 1] == t_ms))
        return;
    if (engine_room(e, &e->later, e->n_later, &e->later_cap, sizeof *e->later))
        e->later[e->n_later++] = t_ms;
}

bool view_reached(struct track_view *v, int64_t t_ms)
{
    note_later(v, t_ms);
    return t_ms <= v->upto_ms;
}

static int by_seq(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->seq != y->seq)
        return x->seq < y->seq ? -1 : 1;
    return slice_cmp(x->id, y->id);
}

static uint32_t count_entries(const struct record *r)
{
    struct reader in = { r->log.p, r->log.p + r->log.n, true };
    struct entry at;
    uint32_t n = 0;
    while (in.p < in.end && entry_read(&in, &at))
        n++;
    return n;
}

/* Entries up to the view's instant; the new ones in their places if they belong here. */
static uint32_t collect(struct track_view *v, const struct record *r, uint32_t n_fresh, struct entry *to)
{
    struct reader in = { r ? r->log.p : NULL, r ? r->log.p + r->log.n : NULL, true };
    uint32_t n = 0, k = 0;
    struct entry at;
    while (in.p < in.end && entry_read(&in, &at)) {
        for (; k < n_fresh && entry_cmp(&v->fresh[k], &at) < 0; k++)
            if (v->fresh[k].t_ms <= v->upto_ms)
                to[n++] = v->fresh[k];
        note_later(v, at.t_ms);
        if (at.t_ms <= v->upto_ms)
            to[n++] = at;
    }
    for (; k < n_fresh; k++)
        if (v->fresh[k].t_ms <= v->upto_ms)
            to[n++] = v->fresh[k];
    return n;
}

struct entry_log view_raw_log_key(struct track_view *v, struct slice key)
{
    struct record *r = view_record(v, key);
    uint32_t n_fresh = v->after && slice_eq(key, v->overlay) ? v->n_fresh : 0;
    if (!r && !n_fresh)
        return (struct entry_log){ 0 };
    for (uint32_t i = 0; i < n_fresh; i++)
        note_later(v, v->fresh[i].t_ms);
    uint32_t most = (r ? count_entries(r) : 0) + n_fresh;
    struct entry *to = arena_alloc(&v->e->scratch, (most + 1) * sizeof *to);
    if (!to) {
        v->e->no_memory = true;
        return (struct entry_log){ 0 };
    }
    return (struct entry_log){ to, collect(v, r, n_fresh, to) };
}

/* Takes out what is withdrawn, and the retractions themselves. The newest is looked at first: a retraction that a later one withdraws has no effect.
 * A retraction lies in the log of the event it names. */
static uint32_t without_retracted(struct entry *v, uint32_t n)
{
    uint32_t kept = 0;
    bool any = false;
    for (uint32_t i = 0; i < n; i++)
        any |= v[i].type == EV_EVENT_RETRACTED;
    if (!any)
        return n;
    for (uint32_t i = n; i-- > 0;) {
        if (v[i].type != EV_EVENT_RETRACTED) /* EVENT_TYPE_COUNT: a retraction that was withdrawn itself */
            continue;
        struct slice target = entry_str(&v[i], F_TARGET_EVENT_ID);
        for (uint32_t k = 0; k < n; k++)
            if (k != i && slice_eq(v[k].id, target))
                v[k].type = EVENT_TYPE_COUNT;
    }
    for (uint32_t i = 0; i < n; i++)
        if (v[i].type != EV_EVENT_RETRACTED && v[i].type != EVENT_TYPE_COUNT)
            v[kept++] = v[i];
    return kept;
}

/* What stands in one record's log, in the entity's own order. */
static struct entry_log own_log(struct track_view *v, struct slice key)
{
    struct entry_log log = view_raw_log_key(v, key);
    struct entry *to = (struct entry *)(uintptr_t)log.v;
    if (!to)
        return log;
    log.n = without_retracted(to, log.n);
    bool sequenced = log.n > 1;
    for (uint32_t i = 0; i < log.n && sequenced; i++)
        sequenced = to[i].has_seq;
    if (sequenced)
        qsort(to, log.n, sizeof *to, by_seq);
    return log;
}

/* ---- the logs of merged entities, read as one ---- */

enum { MERGED_MAX = 256 };

struct merged {
    uint32_t n;
    bool gone[MERGED_MAX];
    struct slice key[MERGED_MAX];
    struct entry_log log[MERGED_MAX];
};

static void add_log(struct track_view *v, struct slice key, void *ctx)
{
    struct merged *m = ctx;
    if (m->n == MERGED_MAX) {
        v->e->stats.dependants_capped++;
        return;
    }
    m->key[m->n] = key;
    m->gone[m->n] = false;
    m->log[m->n++] = own_log(v, key);
}

/* An entity that was deleted and merged afterwards brings nothing, nor does what it stood for then. */
static void drop_deleted(struct track_view *v, struct merged *m, struct slice self)
{
    for (uint32_t i = 0; i < m->n; i++)
        for (uint32_t k = 0; k < m->log[i].n; k++) {
            const struct entry *e = &m->log[i].v[k];
            if (e->type != EV_ENTITY_DELETED || who_were_one(v, m->key[i], self, e->t_ms))
                continue;
            for (uint32_t j = 0; j < m->n; j++)
                m->gone[j] |= who_were_one(v, m->key[j], m->key[i], e->t_ms);
        }
}

bool view_log_gone(struct track_view *v, struct slice self, struct slice key)
{
    struct merged *m = view_alloc(v, sizeof *m);
    bool gone = false;
    if (!m)
        return false;
    m->n = 0;
    who_each(v, self, false, add_log, m);
    if (m->n > 1)
        drop_deleted(v, m, self);
    for (uint32_t i = 0; i < m->n; i++)
        gone |= m->gone[i] && slice_eq(m->key[i], key);
    return gone;
}

static int by_time(const void *a, const void *b)
{
    return entry_cmp(a, b);
}

static struct entry_log merged_log(struct track_view *v, struct slice key)
{
    struct merged *m = view_alloc(v, sizeof *m);
    uint32_t n = 0, n_logs = 0;
    if (!m || !slice_eq(who_key(v, key), key) || who_nobody(v, key))
        return (struct entry_log){ 0 };
    m->n = 0;
    who_each(v, key, false, add_log, m);
    if (m->n == 1)
        return m->log[0];
    drop_deleted(v, m, key);
    for (uint32_t i = 0; i < m->n; i++)
        n += m->log[i].n;
    struct entry *to = view_alloc(v, (n + 1) * sizeof *to);
    n = 0;
    for (uint32_t i = 0; to && i < m->n; i++) {
        if (m->gone[i] || !m->log[i].n)
            continue;
        memcpy(to + n, m->log[i].v, m->log[i].n * sizeof *to);
        n += m->log[i].n;
        n_logs++;
    }
    if (n_logs > 1) /* their sequence numbers have nothing to do with each other */
        qsort(to, n, sizeof *to, by_time);
    return (struct entry_log){ to, n };
}

struct entry_log view_log_key(struct track_view *v, struct slice key)
{
    bool whole = !v->who[v->after];
    struct entry_log log = whole ? own_log(v, key) : merged_log(v, key);
    if (!whole)
        who_rewrite(v, log);
    log = money_in_own_currency(v, log);
    for (uint32_t i = 0; i < log.n; i++) /* trackers ask for dozens of fields */
        entry_note_fields((struct entry *)(uintptr_t)&log.v[i]);
    return log;
}

bool view_follows_owner(const struct track_view *v)
{
    return v->e->defs->follow_owner;
}

struct slice view_self_id(struct track_view *v)
{
    uint32_t at = v->self.n;
    while (at > 0 && v->self.p[at - 1] != ':')
        at--;
    struct slice escaped = { v->self.p + at, v->self.n - at };
    char *id = arena_alloc(&v->e->scratch, escaped.n + 1);
    v->e->no_memory |= !id;
    return (struct slice){ id, id ? (uint32_t)cell_unescape(escaped, id, escaped.n) : 0 };
}

const struct customer_rules *view_customer_rules(const struct track_view *v)
{
    return &v->e->defs->customers;
}

const struct calendar *view_calendar(const struct track_view *v)
{
    return &v->def->calendar;
}

int64_t view_followup_ms(const struct track_view *v)
{
    return v->e->defs->followup_ms;
}

const struct org_def *view_org(const struct track_view *v)
{
    return v->def;
}

struct fact *view_fact(struct track_view *v, enum fact_type type, int64_t t_ms)
{
    struct fact *f = fact_push(v->out, type, t_ms);
    if (f)
        return f;
    v->e->no_memory = true;
    v->e->spare = (struct fact){ .type = type };
    return &v->e->spare;
}

void *view_alloc(struct track_view *v, size_t n)
{
    void *p = arena_alloc(&v->e->scratch, n);
    v->e->no_memory |= !p;
    return p;
}

struct slice view_text(struct track_view *v, const char *text)
{
    return arena_copy(&v->e->scratch, slice_of(text));
}

int64_t view_duration(struct track_view *v, int64_t from_ms, int64_t to_ms)
{
    if (to_ms >= from_ms)
        return to_ms - from_ms;
    if (v->e->counting)
        v->e->negative_durations += v->after ? 1 : -1;
    return 0;
}

int64_t view_business(const struct track_view *v, int64_t from_ms, int64_t to_ms)
{
    return calendar_business_ms(view_calendar(v), from_ms, to_ms);
}
