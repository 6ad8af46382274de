/* Which subjects of a dimension have figures of their own, and which count under __other__ (limits.subjects).
 *
 * Who comes while there is room is admitted, for good; when the limit is reached the dimension of that org is closed, for good. So a subject is on the
 * same side whenever it is asked about, and what was counted is withdrawn where it was counted. A record "subject" per admitted subject (named by a hash:
 * an erased id must not be read from a key) and one "subjects" per org and dimension: varint admitted, u8 closed. Neither expires.
 *
 * Concurrent daemons: an admission writes both records; a subject turned away is read, with its version, by the flush. Whatever another daemon admitted
 * meanwhile is therefore a conflict, and read again. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "engine_int.h"

enum { LOOK_BACK = 64, HASH_DIGITS = 16 };

static struct record *cached(struct track_view *v, struct slice key)
{
    struct record *r = record_cache_get(v->e->cache, key);
    if (!r && !v->e->opt.all_in_memory)
        engine_miss(v->e, key);
    return r;
}

static struct slice subject_key(struct track_view *v, enum dim dim, struct slice subject)
{
    static const char digits[] = "0123456789abcdef";
    const char *name = dim_name(dim);
    char id[HASH_DIGITS + 32];
    size_t n = strlen(name);
    uint64_t hash = XXH3_64bits(subject.p, subject.n);
    memcpy(id, name, n);
    id[n++] = '/';
    for (int i = HASH_DIGITS; i-- > 0;)
        id[n++] = digits[hash >> 4 * i & 15];
    return view_key(v, SLICE("subject"), (struct slice){ id, (uint32_t)n });
}

static struct slice room_key(struct track_view *v, enum dim dim)
{
    return view_key(v, SLICE("subjects"), slice_of(dim_name(dim)));
}

bool subjects_kind(struct slice kind)
{
    return slice_eq(kind, SLICE("subject")) || slice_eq(kind, SLICE("subjects"));
}

bool subjects_sound(const struct bytes *log)
{
    struct reader in = { log->p, log->p + log->n, true };
    (void)read_varint(&in);
    return in.ok && in.end - in.p == 1 && (*in.p == 0 || *in.p == 1);
}

static uint64_t read_room(const struct record *r, bool *ret_closed)
{
    struct reader in = { r ? r->log.p : NULL, r ? r->log.p + r->log.n : NULL, true };
    *ret_closed = false;
    if (in.p == in.end)
        return 0;
    uint64_t admitted = read_varint(&in);
    *ret_closed = in.p < in.end && *in.p;
    return admitted;
}

/* Admissions of this event that are not in the record yet. */
static uint64_t waiting(const struct engine *e, enum dim dim)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < e->n_asked; i++)
        n += e->asked[i].dim == dim && e->asked[i].verdict == SUBJECT_ADMITTED;
    return n;
}

static enum subject_verdict judge(struct track_view *v, enum dim dim, struct slice key)
{
    struct engine *e = v->e;
    const struct record *r = cached(v, key);
    if (r && r->log.n)
        return SUBJECT_KNOWN;
    bool closed;
    uint64_t admitted = read_room(cached(v, room_key(v, dim)), &closed);
    if (e->incomplete)
        return SUBJECT_KNOWN; /* the event is tried again */
    if (!closed && admitted + waiting(e, dim) < (uint64_t)e->defs->subjects_max)
        return SUBJECT_ADMITTED;
    (void)view_record(v, key);
    return closed ? SUBJECT_OTHER : SUBJECT_CLOSES;
}

struct slice subject_counted(struct track_view *v, enum dim dim, struct slice subject)
{
    struct engine *e = v->e;
    if (!e->defs->subjects_max || slice_eq(subject, OTHER_SUBJECTS))
        return subject;
    for (uint32_t i = e->n_asked, least = i > LOOK_BACK ? i - LOOK_BACK : 0; i-- > least;)
        if (e->asked[i].dim == dim && slice_eq(e->asked[i].subject, subject))
            return e->asked[i].verdict >= SUBJECT_OTHER ? OTHER_SUBJECTS : subject;
    if (!engine_room(e, &e->asked, e->n_asked, &e->asked_cap, sizeof *e->asked))
        return subject;
    struct asked_subject a = { .dim = dim, .key = subject_key(v, dim, subject) };
    if (e->no_memory)
        return subject;
    a.verdict = judge(v, dim, a.key);
    a.subject = arena_copy(&e->scratch, subject);
    e->no_memory |= !a.subject.p;
    e->asked[e->n_asked++] = a;
    return a.verdict >= SUBJECT_OTHER ? OTHER_SUBJECTS : subject;
}

/* One record changed: `log` becomes what was put together. */
static void rewrite(struct engine *e, struct record *r, uint64_t admitted, bool closed)
{
    size_t before = record_bytes(r);
    char flag = (char)closed;
    r->log.n = 0;
    e->no_memory |= bytes_put_varint(&r->log, admitted) < 0 || bytes_put(&r->log, &flag, 1) < 0;
    record_cache_touch(e->cache, r, true);
    record_cache_resized(e->cache, r, before);
}

static void commit_one(struct track_view *v, const struct asked_subject *a)
{
    struct engine *e = v->e;
    struct record *room = record_cache_put(e->cache, room_key(v, a->dim)), *r = record_cache_put(e->cache, a->key);
    bool closed;
    if (!room || !r) {
        e->no_memory = true;
        return;
    }
    uint64_t admitted = read_room(room, &closed);
    if (a->verdict == SUBJECT_CLOSES) {
        if (!closed)
            rewrite(e, room, admitted, true);
    } else if (!r->log.n) { /* else asked about twice in this event */
        rewrite(e, r, 1, false);
        rewrite(e, room, admitted + 1, closed);
    }
}

static void count(struct engine *e, struct slice org, enum dim dim)
{
    char *to = e->stats.subjects_capped_in;
    const char *name = dim_name(dim);
    size_t room = sizeof e->stats.subjects_capped_in - strlen(name) - 2;
    size_t n = org.n < room ? org.n : room;
    memcpy(to, org.p, n);
    to[n] = '/';
    memcpy(to + n + 1, name, strlen(name) + 1);
    e->stats.subjects_capped++;
}

void subjects_commit(struct track_view *v)
{
    struct engine *e = v->e;
    for (uint32_t i = 0; i < e->n_asked; i++) {
        const struct asked_subject *a = &e->asked[i];
        if (a->verdict == SUBJECT_ADMITTED || a->verdict == SUBJECT_CLOSES)
            commit_one(v, a);
        if (a->verdict >= SUBJECT_OTHER)
            count(e, v->org, a->dim);
    }
}
