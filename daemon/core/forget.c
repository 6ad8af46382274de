/* Records without those who were erased for good: in what others remember the id gives way to the name that stands for it, which is what readers see in
 * its place anyway (identity.c), so no figure changes. Who finds the records, and when, is the caller's business (daemon/clean.c).
 *
 * Records whose key has the id beside something else (uses of a user in an hour, a rep's target for a cycle) are moved first, to a key with a hash of it:
 * whoever asks for the old key finds the new one (forget_place). Lists of dependants and distinct records of the erased are read no more: they go. */
#include <stdlib.h>

#include "distinct.h"
#include "engine_int.h"
#include "erased.h"

/* ---- keys made of an id and something else ---- */

/* Where the id stands in the key: everything, what is before the last '/', after the first one, or after "rep:" up to the last '/'. */
enum place { WHOLE, BEFORE_LAST, AFTER_FIRST, AFTER_REP };

static const struct keyed {
    const char *kind, *of;
    enum place place;
    enum event_field field; /* of the events in it: names the id */
} keyed[] = {
    { "usage", "user", BEFORE_LAST, F_USER_ID },        { "training", "user", WHOLE, F_USER_ID },
    { "recipient", "customer", WHOLE, F_RECIPIENT_ID }, { "review", "user", AFTER_FIRST, F_REVIEWER_ID },
    { "forecast", "user", AFTER_REP, F_SUBJECT },       { "target", "user", AFTER_REP, F_SUBJECT },
};

static const struct keyed *keyed_by(struct slice kind)
{
    for (size_t i = 0; i < sizeof keyed / sizeof keyed[0]; i++)
        if (slice_eq(kind, slice_of(keyed[i].kind)))
            return &keyed[i];
    return NULL;
}

/* What a key ends with, as it was before it was escaped. */
static struct slice rest_of(struct track_view *v, struct slice key)
{
    uint32_t at = key.n;
    while (at > 0 && key.p[at - 1] != ':')
        at--;
    char *to = view_alloc(v, key.n - at + 1);
    return (struct slice){ to,
                           to ? (uint32_t)cell_unescape((struct slice){ key.p + at, key.n - at }, to, key.n - at + 1)
                              : 0 };
}

static uint32_t find_slash(struct slice s, uint32_t from, bool last)
{
    uint32_t at = s.n;
    for (uint32_t i = from; i < s.n && (last || at == s.n); i++)
        at = s.p[i] == '/' ? i : at;
    return at;
}

/* The id in the rest of a key; empty: there is none. */
static struct slice id_in(const struct keyed *k, struct slice rest)
{
    static const struct slice rep = SLICE("rep:");
    uint32_t from = 0, end = rest.n;
    if (k->place == AFTER_FIRST)
        from = find_slash(rest, 0, false) + 1;
    if (k->place == AFTER_REP && (rest.n < rep.n || memcmp(rest.p, rep.p, rep.n) != 0))
        from = find_slash(rest, 0, false) + 1; /* what comes before is the KPI */
    if (k->place == AFTER_REP) {
        if (from + rep.n > rest.n || memcmp(rest.p + from, rep.p, rep.n) != 0)
            return (struct slice){ 0 };
        from += rep.n;
    }
    if (k->place == BEFORE_LAST || k->place == AFTER_REP)
        end = find_slash(rest, from, true);
    return from < end ? (struct slice){ rest.p + from, end - from } : (struct slice){ 0 };
}

/* The key with a hash in place of the id, if that is erased for good; else empty. */
static struct slice key_without(struct track_view *v, struct slice key, struct slice *ret_id)
{
    const struct keyed *k = keyed_by(key_kind(key));
    char mark[ERASED_MARK_SIZE], to[KEY_MAX];
    if (!k)
        return (struct slice){ 0 };
    struct slice rest = rest_of(v, key), id = *ret_id = id_in(k, rest);
    if (!id.n || rest.n > sizeof to - 64 || !who_final(v, slice_of(k->of), id).n)
        return (struct slice){ 0 };
    struct slice hash = erased_mark(id, mark);
    const struct slice part[] = { { rest.p, (uint32_t)(id.p - rest.p) },
                                  SLICE(ERASED_NAME),
                                  { hash.p + 1, hash.n - 1 }, /* without what makes it a name of nobody: it is read */
                                  { id.p + id.n, rest.n - id.n - (uint32_t)(id.p - rest.p) } };
    uint32_t n = 0;
    for (size_t i = 0; i < sizeof part / sizeof part[0]; i++) {
        if (part[i].n)
            memcpy(to + n, part[i].p, part[i].n);
        n += part[i].n;
    }
    return view_key(v, key_kind(key), (struct slice){ to, n });
}

struct slice forget_place(struct track_view *v, struct slice key)
{
    struct slice id, to = key_without(v, key, &id);
    const struct record *r = to.n ? view_record(v, to) : NULL;
    return r && r->log.n ? to : key;
}

/* ---- what stands in a record ---- */

/* The log with the names that stand. True if it changed. */
static bool forget_in_log(struct track_view *v, struct record *r)
{
    struct bytes *to = &v->e->packed;
    struct reader in = { r->log.p, r->log.p + r->log.n, true };
    struct entry e;
    bool changed = false;
    to->n = 0;
    for (const char *from = in.p; in.p < in.end && entry_read(&in, &e); from = in.p) {
        bool names = who_forget(v, &e);
        changed |= names;
        v->e->no_memory |= (names ? entry_put(to, &e, true) : bytes_put(to, from, (uint32_t)(in.p - from))) < 0;
    }
    if (!changed || v->e->no_memory)
        return false;
    r->log.n = 0;
    v->e->no_memory |= bytes_put(&r->log, to->p, to->n) < 0;
    return true;
}

/* A list of dependants whose parent is erased: "<kind>/<id>/<day>". */
static bool is_their_list(struct track_view *v, struct slice key)
{
    if (!slice_eq(key_kind(key), SLICE("dep")))
        return false;
    struct slice rest = rest_of(v, key);
    uint32_t first = find_slash(rest, 0, false), last = find_slash(rest, 0, true);
    if (first >= last)
        return false;
    struct slice kind = { rest.p, first }, id = { rest.p + first + 1, last - first - 1 };
    const struct keyed *k = keyed_by(kind);
    return who_final(v, k ? slice_of(k->of) : kind, k ? id_in(k, id) : id).n > 0;
}

/* The dependants under their keys of now; of whom nothing is left, and lists that go, are left out. True if one changed. */
static bool forget_in_deps(struct track_view *v, struct record *r)
{
    struct record now = { 0 };
    struct reader in = { r->deps.p, r->deps.p + r->deps.n, true };
    bool changed = false, index = slice_eq(key_kind(r->key), SLICE("evt"));
    for (uint32_t i = 0; in.p < in.end && in.ok; i++) {
        struct slice dep = read_text(&in);
        bool key = !index || i == 0; /* an index has one key, and a hash */
        struct slice is = key ? who_now(v, dep) : dep;
        bool gone = key && !index && (is_their_list(v, dep) || id_is_nobody(rest_of(v, is)));
        changed |= gone || !slice_eq(is, dep);
        if (!gone && (index || slice_eq(is, dep) || !record_has_dep(&now, is)))
            v->e->no_memory |= record_add_dep(&now, is) < 0;
    }
    if (changed && !v->e->no_memory)
        record_swap_deps(r, &now);
    record_release(&now);
    return changed;
}

/* The records that the keys in a list may have been moved to. */
static void forget_ask(struct track_view *v, const struct record *r)
{
    struct reader in = { r->deps.p, r->deps.p + r->deps.n, true };
    while (in.p < in.end && in.ok)
        (void)who_now(v, read_text(&in));
}

/* Any part of a text between two '/' is an id erased for good; ids may have a '/' themselves. */
static bool names_erased(struct track_view *v, struct slice text)
{
    bool found = false;
    for (uint32_t from = 0; from < text.n && !found; from = find_slash(text, from, false) + 1)
        for (uint32_t end = from; end < text.n && !found; end++) {
            end = find_slash(text, end, false);
            found = who_final_any(v, (struct slice){ text.p + from, end - from });
        }
    return found;
}

/* A distinct record, "<dim>:<subject>|<measure>/<member>", that is of somebody erased and in which everything was withdrawn: reading it or not is the same. */
static bool is_their_distinct(struct track_view *v, const struct record *r)
{
    if (!slice_eq(key_kind(r->key), SLICE("dst")))
        return false;
    struct slice rest = rest_of(v, r->key);
    const char *bar = rest.n ? memchr(rest.p, '|', rest.n) : NULL, *colon = rest.n ? memchr(rest.p, ':', rest.n) : NULL;
    if (!bar || !colon || colon > bar)
        return false;
    char *to = view_alloc(v, (size_t)(bar - colon));
    struct slice escaped = { colon + 1, (uint32_t)(bar - colon - 1) };
    struct slice subject = { to, to ? (uint32_t)cell_unescape(escaped, to, escaped.n) : 0 };
    uint32_t slash = find_slash(rest, (uint32_t)(bar - rest.p), false);
    struct slice member = { rest.p + slash + 1, slash < rest.n ? rest.n - slash - 1 : 0 };
    return (names_erased(v, subject) || names_erased(v, member)) && distinct_is_empty(&v->e->distinct, &r->log);
}

/* ---- ledgers ---- */

static bool item_names(void *ctx, const struct ledger_item *item)
{
    struct track_view *v = ctx;
    struct fact f = { 0 };
    bool found = false;
    for (int i = 0; i < LEDGER_TEXTS && item->kind != LEDGER_FACT; i++)
        found |= names_erased(v, item->text[i]);
    if (item->kind != LEDGER_FACT || !ledger_fact_unpack(item->text[0], &f))
        return found;
    for (int i = 0; i < FT_COUNT; i++)
        found |= names_erased(v, f.s[i]);
    return found;
}

/* What sales of the erased put into a customer's ledger was withdrawn with the deletion, and put there again without the name: the pairs go. */
static bool forget_in_ledger(struct track_view *v, struct record *r)
{
    uint32_t n = ledger_count(&r->log);
    struct ledger_item *items = view_alloc(v, (n + 1) * sizeof *items);
    if (!items || !ledger_unpack(&r->log, items))
        return false;
    uint32_t left = ledger_forget(items, n, item_names, v);
    if (left == n)
        return false;
    v->e->no_memory |= ledger_pack(items, left, &v->e->record_bytes, &r->log) < 0;
    return true;
}

/* ---- one record ---- */

/* Kinds that name nobody, or end by themselves. */
static bool is_exempt(struct slice kind)
{
    static const char *const exempt[] = { "final", "orphan", "erased", "merge" };
    for (size_t i = 0; i < sizeof exempt / sizeof exempt[0]; i++)
        if (slice_eq(kind, slice_of(exempt[i])))
            return true;
    return subjects_kind(kind);
}

static bool drop(struct record *r)
{
    r->log.n = r->deps.n = r->n_deps = 0;
    return r->deleted = true;
}

/* Nobody reads it: a list, a distinct record or a ledger of the erased, or a record of which only dependants are left. */
static bool is_theirs(struct track_view *v, const struct record *r)
{
    struct slice kind = key_kind(r->key);
    if (slice_eq(kind, SLICE("ledger")))
        return who_final(v, SLICE("customer"), rest_of(v, r->key)).n > 0;
    return is_their_list(v, r->key) || is_their_distinct(v, r) ||
           (!r->log.n && who_final(v, kind, rest_of(v, r->key)).n);
}

static bool forget_in(struct track_view *v, struct record *r)
{
    struct slice kind = key_kind(r->key);
    if (is_theirs(v, r))
        return drop(r);
    if (slice_eq(kind, SLICE("dst")))
        return false;
    if (slice_eq(kind, SLICE("ledger")))
        return forget_in_ledger(v, r);
    bool log = forget_in_log(v, r);
    return forget_in_deps(v, r) || log;
}

/* Whether the record's events name that id where its key has it. */
static bool is_of(const struct record *r, struct slice id)
{
    struct reader in = { r->log.p, r->log.p + r->log.n, true };
    enum event_field f = keyed_by(key_kind(r->key))->field;
    struct entry e;
    while (in.p < in.end && entry_read(&in, &e)) {
        struct slice is = entry_str(&e, f);
        if (f == F_SUBJECT && is.n > 4)
            is = (struct slice){ is.p + 4, is.n - 4 };
        if (is.n)
            return slice_eq(is, id);
    }
    return false;
}

/* Whole, its log already with names. */
static bool move(struct track_view *v, struct record *r)
{
    struct slice id, key = key_without(v, r->key, &id);
    struct record *to = key.n && is_of(r, id) ? view_record(v, key) : NULL;
    if (!to || to->log.n)
        return false;
    size_t before = record_bytes(to);
    v->e->no_memory |= bytes_put(&to->log, r->log.p, r->log.n) < 0;
    v->e->no_memory |= bytes_put(&to->deps, r->deps.p, r->deps.n) < 0;
    to->n_deps += r->n_deps;
    (void)forget_in_log(v, to);
    record_cache_touch(v->e->cache, to, true);
    record_cache_resized(v->e->cache, to, before);
    return drop(r);
}

/* The record, what is known of who is who, and what the keys in it lead to. NULL: absent, or something is missing. */
static struct record *gather(struct track_view *v, struct slice key, bool moving)
{
    struct slice id;
    struct record *r = view_record(v, key);
    who_ask(v);
    if (v->e->incomplete || v->e->no_memory)
        return NULL;
    who_begin(v);
    if (r && !moving)
        forget_ask(v, r);
    else if (r && (key = key_without(v, key, &id)).n)
        (void)view_record(v, key);
    return r;
}

enum apply_result engine_forget(struct engine *e, struct slice org, struct slice key, bool moving)
{
    engine_begin(e);
    struct track_view v = { .e = e, .org = org, .def = definitions_org(e->defs, org), .upto_ms = INT64_MAX };
    if (!v.def || is_exempt(key_kind(key)))
        return APPLY_DUPLICATE;
    struct record *r = gather(&v, key, moving);
    if (e->no_memory || e->incomplete)
        return e->no_memory ? APPLY_NO_MEMORY : APPLY_NEED;
    if (!r || !r->version || r->deleted || !v.who[0])
        return APPLY_DUPLICATE;
    size_t before = record_bytes(r);
    bool changed = moving ? move(&v, r) : forget_in(&v, r);
    if (e->no_memory)
        abort(); /* half changed in memory: the store is intact, a restart repeats it */
    if (!changed)
        return APPLY_DUPLICATE;
    for (uint32_t i = 0; i < e->n_read; i++)
        record_cache_touch(e->cache, e->read[i], false);
    record_cache_touch(e->cache, r, true);
    record_cache_resized(e->cache, r, before);
    return APPLY_DONE;
}
