/* Erasures that are final: who is erased for good, what happens to what names him, and which events meet him. */
#include "erased.h"
#include "identity_int.h"

static struct slice final_or_same(struct track_view *v, uint8_t kind, struct slice id)
{
    struct slice name = who_final_name(who_map(v), kind, id);
    return name.n ? name : id;
}

struct slice who_final(struct track_view *v, struct slice kind, struct slice id)
{
    return who_final_name(who_map(v), who_kind(kind), id);
}

bool who_final_any(struct track_view *v, struct slice id)
{
    bool found = false;
    for (uint32_t i = 0; i < WHO_KINDS; i++)
        found |= who_final_name(who_map(v), (uint8_t)(i + 1), id).n > 0;
    return found;
}

bool who_forget(struct track_view *v, struct entry *e)
{
    bool nobody;
    return who_replace_ids(v, e, final_or_same, &nobody);
}

/* The deletion by which an id is erased now, and its event id; empty: it is not erased, or for good. */
static struct slice erasure_of(struct track_view *v, uint8_t kind, struct slice id)
{
    struct identity *w = v->who[0];
    uint32_t i = who_find(w, kind, id);
    if (i == WHO_NONE || who_final_name(w, kind, id).n)
        return (struct slice){ 0 };
    v->after = false;
    const struct who_event **event =
        view_alloc(v, (w->group[w->member[i].group].n_events + 1) * sizeof(const struct who_event *));
    if (!event || !w->member[who_root(v, i, INT64_MAX)].nameless)
        return (struct slice){ 0 };
    uint32_t n = who_standing(v, &w->group[w->member[i].group], event);
    for (uint32_t k = 0; k < n; k++)
        if (event[k] && event[k]->type == EV_ENTITY_DELETED)
            return event[k]->id;
    return (struct slice){ 0 };
}

/* Kind and id that a field of an event names; 0: none. */
static uint8_t named_in(const struct event *ev, enum event_field f, struct slice *ret_id)
{
    struct slice kind = who_named(ev, f, ret_id);
    if (f == F_ENTITY_ID || f == F_FROM_ID || f == F_INTO_ID) {
        kind = event_entity_kind(event_str(ev, F_ENTITY_KIND));
        *ret_id = event_str(ev, f);
    }
    return ret_id->n && kind.n ? who_kind(kind) : 0;
}

/* Whether the event is one of the entity that the field names, rather than one that has to do with it. What is remembered under another key with another
 * name is, too. */
static bool is_about(enum event_field f)
{
    return f == F_USER_ID || f == F_FROM_ID || f == F_INTO_ID || f == F_ENTITY_ID;
}

static bool same_route(const struct event *ev, const struct route *route)
{
    char buf[512];
    struct route now = event_route(ev, buf, sizeof buf);
    return slice_eq(now.kind, route->kind) && slice_eq(now.id, route->id);
}

static bool replace(struct track_view *v, struct event *ev, enum event_field f, struct slice name)
{
    if (f == F_SUBJECT) {
        char *to = view_alloc(v, name.n + 4);
        if (!to)
            return false;
        memcpy(to, "rep:", 4);
        memcpy(to + 4, name.p, name.n);
        name = (struct slice){ to, name.n + 4 };
    }
    event_set_str(ev, f, name);
    return true;
}

enum apply_result who_meets_erased(struct track_view *v, struct event *ev, const struct route *route,
                                   bool *ret_replaced)
{
    struct slice id, name;
    *ret_replaced = false;
    for (uint32_t f = 0; v->who[0] && f < EVENT_FIELD_COUNT; f++) {
        uint8_t kind = event_has(ev, (enum event_field)f) ? named_in(ev, (enum event_field)f, &id) : 0;
        if (!kind)
            continue;
        struct slice deletion = erasure_of(v, kind, id);
        if (deletion.n && final_overdue(v, deletion))
            return APPLY_OVERDUE;
        if (!(name = who_final_name(v->who[0], kind, id)).n)
            continue;
        if (is_about((enum event_field)f))
            return APPLY_ERASED;
        if (!replace(v, ev, (enum event_field)f, name))
            return APPLY_NO_MEMORY;
        *ret_replaced = true;
    }
    return *ret_replaced && !same_route(ev, route) ? APPLY_ERASED : APPLY_DONE;
}

struct finalise {
    const struct entry *deletion;
    struct record *finals;
    uint32_t root, n_logs; /* logs that are not empty, of those that are erased */
    struct slice name;
    struct bytes *ids, *cells;
};

/* One entry: the id is erased for good. */
static bool put_final(struct track_view *v, struct record *r, const struct who_member *m, const struct entry *e,
                      struct slice name)
{
    char hex[ERASED_MARK_SIZE];
    uint64_t hash[2];
    struct slice mark = erased_mark(m->id, hex);
    char *id = view_alloc(v, e->id.n + mark.n);
    struct event ev = { .type = EV_ENTITY_DELETED };
    if (!id)
        return false;
    memcpy(id, e->id.p, e->id.n);
    memcpy(id + e->id.n, mark.p, mark.n);
    who_hash(m->kind, m->id, hash);
    event_set_str(&ev, F_ORG_ID, v->org);
    event_set_str(&ev, F_EVENT_ID, (struct slice){ id, e->id.n + mark.n });
    event_set_int(&ev, F_OCCURRED_AT_MS, e->t_ms);
    event_set_str(&ev, F_ENTITY_ID, (struct slice){ (const char *)hash, sizeof hash });
    event_set_str(&ev, F_INTO_ID, name);
    v->e->packed.n = 0;
    return entry_pack(&v->e->packed, &ev, 0) == 0 &&
           record_insert(r, (struct slice){ v->e->packed.p, v->e->packed.n }) == 0;
}

/* Nobody reads the record any more. */
static void drop_record(struct track_view *v, struct record *r)
{
    if (!r || (!r->version && !r->log.n))
        return;
    r->log.n = r->deps.n = r->n_deps = 0;
    r->deleted = true;
    record_cache_touch(v->e->cache, r, true);
}

static struct record *record_of(struct track_view *v, const char *kind, struct slice id)
{
    return view_record(v, view_key(v, slice_of(kind), id));
}

/* Kind and id, a line each, and how cells are named by it: "rep:<id>"; both escaped. */
static bool put_names(struct finalise *f, const struct who_member *m)
{
    char buf[1600];
    const char *head[] = { who_kinds[m->kind - 1], dim_name(m->kind == K_USER ? DIM_REP : DIM_CUSTOMER) };
    struct bytes *to[] = { f->ids, f->cells };
    uint32_t n = (uint32_t)cell_escape(m->id, buf, sizeof buf);
    int rc = 0;
    for (int i = 0; i < (m->kind == K_USER || m->kind == K_CUSTOMER ? 2 : 1); i++) {
        rc |= bytes_put(to[i], head[i], (uint32_t)strlen(head[i])) | bytes_put(to[i], ":", 1);
        rc |= bytes_put(to[i], buf, n) | bytes_put(to[i], "\n", 1);
    }
    return rc >= 0;
}

/* Visits every id that stands for the erased one. */
static void each_erased(struct track_view *v, uint32_t root,
                        void (*each)(struct track_view *v, struct who_member *m, void *ctx), void *ctx)
{
    struct identity *w = v->who[0];
    for (uint32_t k = w->group[w->member[root].group].member; k != WHO_NONE; k = w->member[k].next)
        if (!w->member[k].nameless && who_root(v, k, INT64_MAX) == root &&
            !who_final_name(w, w->member[k].kind, w->member[k].id).n)
            each(v, &w->member[k], ctx);
}

/* Everything that is about to change is at hand; with `keep` also how the logs are read as one. */
static void ask_for(struct track_view *v, struct who_member *m, void *ctx)
{
    struct finalise *f = ctx;
    const char *kind = who_kinds[m->kind - 1];
    const struct record *r = record_of(v, kind, m->id);
    if (m->kind == K_CUSTOMER)
        (void)record_of(v, "ledger", m->id);
    if (id_is_nobody(f->name))
        return;
    (void)record_of(v, kind, f->name);
    struct slice self = view_key(v, slice_of(kind), f->name);
    f->n_logs += r && r->log.n && !view_log_gone(v, self, view_key(v, slice_of(kind), m->id));
}

/* The log goes to the name that stands for the id from now on; several are read by time alone, as before. Who depended on the id depends on the name by
 * now: at the deletion all were computed with it. */
static void move_log(struct track_view *v, const struct finalise *f, const struct who_member *m, const struct record *r)
{
    struct slice kind = slice_of(who_kinds[m->kind - 1]), self = view_key(v, kind, f->name);
    struct record *to = record_cache_put(v->e->cache, self);
    struct reader in = { r->log.p, r->log.p + r->log.n, true };
    struct entry e;
    if (!to || view_log_gone(v, self, r->key)) {
        v->e->no_memory |= !to;
        return;
    }
    size_t before = record_bytes(to);
    if (!to->log.n && f->n_logs < 2) {
        v->e->no_memory |= bytes_put(&to->log, r->log.p, r->log.n) < 0;
        in.p = in.end;
    }
    while (in.p < in.end && entry_read(&in, &e)) {
        v->e->packed.n = 0;
        v->e->no_memory |= entry_put(&v->e->packed, &e, f->n_logs < 2) < 0 ||
                           record_insert(to, (struct slice){ v->e->packed.p, v->e->packed.n }) < 0;
    }
    record_cache_touch(v->e->cache, to, true);
    record_cache_resized(v->e->cache, to, before);
}

static void finalise_one(struct track_view *v, struct who_member *m, void *ctx)
{
    struct finalise *f = ctx;
    struct record *own = record_of(v, who_kinds[m->kind - 1], m->id);
    v->e->no_memory |= !put_final(v, f->finals, m, f->deletion, f->name) || !put_names(f, m);
    if (own && own->log.n && !id_is_nobody(f->name))
        move_log(v, f, m, own);
    drop_record(v, own);
    if (m->kind == K_CUSTOMER) /* what it held stands in the ledger of the name, if there is one */
        drop_record(v, record_of(v, "ledger", m->id));
}

/* Whether an entry of the org's merges is about somebody who is erased with the deletion. */
static bool about_erased(struct track_view *v, const struct finalise *f, const struct entry *e)
{
    static const enum event_field field[] = { F_ENTITY_ID, F_FROM_ID, F_INTO_ID };
    uint8_t kind = who_kind(event_entity_kind(entry_str(e, F_ENTITY_KIND)));
    bool found = false;
    for (size_t i = 0; i < sizeof field / sizeof field[0] && e->type != EV_EVENT_RETRACTED; i++) {
        struct slice id = entry_str(e, field[i]);
        uint32_t k = id.n ? who_find(v->who[0], kind, id) : WHO_NONE;
        found |= k != WHO_NONE && who_root(v, k, INT64_MAX) == f->root;
    }
    return found;
}

/* What says who the erased was is needed no more: the record of the final ones says which name stands for him. */
static void forget_merges(struct track_view *v, const struct finalise *f)
{
    struct record *r = view_record(v, who_registry(v));
    struct reader in = { r->log.p, r->log.p + r->log.n, true };
    struct entry e;
    v->e->packed.n = 0;
    for (const char *from = in.p; in.p < in.end && entry_read(&in, &e); from = in.p)
        if (!about_erased(v, f, &e))
            v->e->no_memory |= bytes_put(&v->e->packed, from, (uint32_t)(in.p - from)) < 0;
    if (v->e->packed.n)
        memcpy(r->log.p, v->e->packed.p, v->e->packed.n);
    r->log.n = v->e->packed.n;
    record_cache_touch(v->e->cache, r, true);
}

bool who_finalise(struct track_view *v, const struct entry *e, struct bytes *ret_ids, struct bytes *ret_cells)
{
    struct identity *w = v->who[0];
    uint32_t i =
        w ? who_find(w, who_kind(event_entity_kind(entry_str(e, F_ENTITY_KIND))), entry_str(e, F_ENTITY_ID)) : WHO_NONE;
    v->after = false;
    ret_cells->n = ret_ids->n = 0;
    uint32_t root = i == WHO_NONE ? WHO_NONE : who_root(v, i, INT64_MAX);
    if (root == WHO_NONE || !w->member[root].nameless)
        return false;
    struct finalise f = { .deletion = e, .root = root, .name = w->member[root].id, .ids = ret_ids, .cells = ret_cells };
    f.finals = record_cache_put(v->e->cache, who_final_registry(v));
    each_erased(v, root, ask_for, &f);
    if (v->e->incomplete || !f.finals) {
        v->e->no_memory |= !f.finals;
        return true;
    }
    size_t before = record_bytes(f.finals);
    each_erased(v, root, finalise_one, &f);
    record_cache_touch(v->e->cache, f.finals, true);
    record_cache_resized(v->e->cache, f.finals, before);
    forget_merges(v, &f); /* last: the deletion borrows from it */
    return true;
}

bool who_find_deletion(struct track_view *v, struct slice event_id, struct entry *ret)
{
    const struct record *r = view_record(v, who_registry(v));
    struct reader in = { r ? r->log.p : NULL, r ? r->log.p + r->log.n : NULL, true };
    while (in.p < in.end && entry_read(&in, ret))
        if (ret->type == EV_ENTITY_DELETED && slice_eq(ret->id, event_id))
            return true;
    return false;
}

bool who_was_final(struct track_view *v, struct slice deletion_id)
{
    const struct record *r = view_record(v, who_final_registry(v));
    struct reader in = { r ? r->log.p : NULL, r ? r->log.p + r->log.n : NULL, true };
    struct entry e;
    while (in.p < in.end && entry_read(&in, &e))
        if (e.id.n == deletion_id.n + ERASED_MARK_SIZE && memcmp(e.id.p, deletion_id.p, deletion_id.n) == 0)
            return true;
    return false;
}

bool who_is_final(struct track_view *v, const struct entry *deletion)
{
    return who_final_name(v->who[0], who_kind(event_entity_kind(entry_str(deletion, F_ENTITY_KIND))),
                          entry_str(deletion, F_ENTITY_ID))
               .n > 0;
}
