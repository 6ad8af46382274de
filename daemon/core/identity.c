/* Who is who: merges of one org (C7). Which id stands for which, as of an instant, and who has ever been one with whom.
 *
 * entity_merged events and their retractions lie in one record of the org, "merge". Read in canonical order, a merge makes everything that stands for
 * from_id stand for into_id from then on; a later merge of from_id merges what it stands for. Ids that were ever joined form a group; what stands for
 * what at an instant follows from the group's few events. entity_deleted with `erase` merges an id into a name that nobody can tell it from; by the switch
 * `erase` that name keeps the history (keep), or is nobody (correct): no subject, no member, and what it did is gone. Nothing is moved: view.c reads the logs of a group as one and writes the ids that stand. */
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "engine_int.h"
#include "erased.h"

static const uint32_t none = UINT32_MAX;

struct who_member {
    uint8_t kind;
    bool nameless; /* it took the place of an erased id */
    struct slice id;
    uint32_t parent; /* union-find while the groups are made */
    uint32_t group, local, next;
};

struct who_event {
    enum event_type type;
    int64_t t_ms;
    struct slice id, target;
    uint32_t from, into; /* members */
    uint32_t group, next;
};

struct who_group {
    uint32_t n_members, n_events, member, event; /* heads of lists; events in canonical order */
};

/* An id whose erasure is final: who it was, as a hash of kind and id, and the name that stands for it. */
struct who_final {
    uint64_t hash[2];
    struct slice name;
};

struct identity {
    struct identity *next;
    struct arena text;
    struct slice org;
    uint64_t version;
    uint64_t seed;      /* of the hash of `slot` */
    uint32_t log_bytes; /* of the record it was made from */
    uint32_t n_members, n_events, mask;
    struct who_member *member;
    struct who_event *event;
    struct who_group *group; /* one a member at most */
    uint32_t *slot;          /* member + 1 */
    struct who_final *final; /* by hash; from the record "erased" */
    uint32_t n_final;
    uint64_t final_version;
    uint32_t final_bytes;
};

/* ---- what can be merged: labels (product, campaign, team ..) are no entities ---- */

static const char *const kinds[] = { "lead",     "deal",      "order",    "customer", "subscription", "survey",
                                     "response", "complaint", "ticket",   "user",     "task",         "quote",
                                     "contact",  "feedback",  "referral", "record",   "followup",     "comment" };
enum {
    K_LEAD = 1,
    K_DEAL,
    K_ORDER,
    K_CUSTOMER,
    K_SUBSCRIPTION,
    K_SURVEY,
    K_RESPONSE,
    K_COMPLAINT,
    K_TICKET,
    K_USER,
    K_TASK,
    K_QUOTE,
    K_CONTACT,
    K_FEEDBACK,
    K_REFERRAL,
    K_RECORD,
    K_FOLLOWUP,
    K_COMMENT
};

/* The kind an id field names, 0: none. */
static const uint8_t kind_of_field[EVENT_FIELD_COUNT] = {
    [F_LEAD_ID] = K_LEAD,           [F_DEAL_ID] = K_DEAL,
    [F_ORDER_ID] = K_ORDER,         [F_FIRST_ORDER_ID] = K_ORDER,
    [F_CUSTOMER_ID] = K_CUSTOMER,   [F_REFERRED_CUSTOMER_ID] = K_CUSTOMER,
    [F_RECIPIENT_ID] = K_CUSTOMER,  [F_SUBSCRIPTION_ID] = K_SUBSCRIPTION,
    [F_SURVEY_ID] = K_SURVEY,       [F_RESPONSE_ID] = K_RESPONSE,
    [F_COMPLAINT_ID] = K_COMPLAINT, [F_TICKET_ID] = K_TICKET,
    [F_ACTOR_ID] = K_USER,          [F_OWNER_ID] = K_USER,
    [F_ABOUT_USER_ID] = K_USER,     [F_USER_ID] = K_USER,
    [F_RESOLVER_ID] = K_USER,       [F_RESPONDER_ID] = K_USER,
    [F_TO_USER_ID] = K_USER,        [F_BY_USER_ID] = K_USER,
    [F_CHECKER_ID] = K_USER,        [F_REVIEWER_ID] = K_USER,
    [F_TO_OWNER] = K_USER,          [F_FROM_OWNER] = K_USER,
    [F_TASK_ID] = K_TASK,           [F_QUOTE_ID] = K_QUOTE,
    [F_CONTACT_ID] = K_CONTACT,     [F_FEEDBACK_ID] = K_FEEDBACK,
    [F_REFERRAL_ID] = K_REFERRAL,   [F_RECORD_ID] = K_RECORD,
    [F_DUPLICATE_OF] = K_RECORD,    [F_FOLLOWUP_ID] = K_FOLLOWUP,
    [F_COMMENT_ID] = K_COMMENT,
};

static uint8_t kind_by_name(struct slice name)
{
    for (uint32_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (slice_eq(name, slice_of(kinds[i])))
            return (uint8_t)(i + 1);
    return 0;
}

struct slice who_named(const struct event *ev, enum event_field f, struct slice *ret_id)
{
    struct slice id = *ret_id =
        event_has(ev, f) && event_field_info(f)->kind <= FIELD_CURRENCY ? ev->v[f].s : (struct slice){ 0 };
    if (kind_of_field[f])
        return slice_of(kinds[kind_of_field[f] - 1]);
    if (f == F_TARGET_ID)
        return event_entity_kind(event_str(ev, F_TARGET_KIND));
    if (f != F_SUBJECT || id.n < 5 || memcmp(id.p, "rep:", 4) != 0)
        return (struct slice){ 0 };
    *ret_id = (struct slice){ id.p + 4, id.n - 4 };
    return SLICE("user");
}

/* ---- making the map ---- */

static uint32_t *slot_of(const struct identity *w, uint8_t kind, struct slice id)
{
    uint32_t i = (uint32_t)XXH3_64bits_withSeed(id.p, id.n, kind ^ w->seed) & w->mask;
    while (w->slot[i] && !(w->member[w->slot[i] - 1].kind == kind && slice_eq(w->member[w->slot[i] - 1].id, id)))
        i = (i + 1) & w->mask;
    return &w->slot[i];
}

static uint32_t member_of(struct identity *w, uint8_t kind, struct slice id)
{
    uint32_t *slot = slot_of(w, kind, id);
    if (!*slot) {
        uint32_t i = w->n_members++;
        w->member[i] = (struct who_member){ .kind = kind, .id = arena_copy(&w->text, id), .parent = i };
        *slot = i + 1;
    }
    return *slot - 1;
}

static uint32_t top_of(struct identity *w, uint32_t i)
{
    while (w->member[i].parent != i)
        i = w->member[i].parent = w->member[w->member[i].parent].parent;
    return i;
}

static bool make_room(struct identity *w, uint32_t n)
{
    w->mask = 15;
    while (w->mask < n * 4)
        w->mask = w->mask * 2 + 1;
    w->slot = arena_alloc(&w->text, (w->mask + 1) * sizeof *w->slot);
    w->member = arena_alloc(&w->text, (2 * n + 1) * sizeof *w->member);
    w->event = arena_alloc(&w->text, (n + 1) * sizeof *w->event);
    w->group = arena_alloc(&w->text, (2 * n + 1) * sizeof *w->group);
    if (!w->slot || !w->member || !w->event || !w->group)
        return false;
    memset(w->slot, 0, (w->mask + 1) * sizeof *w->slot);
    return true;
}

/* The name that takes the place of an erased id. */
static struct slice nameless(struct identity *w, uint8_t kind, struct slice id, bool keep)
{
    static const char digits[] = "0123456789abcdef";
    XXH128_hash_t h = XXH3_128bits_withSeed(id.p, id.n, kind);
    char text[40] = ERASED_NAME;
    uint32_t n = sizeof ERASED_NAME - 1;
    if (!keep)
        text[0] = NOBODY;
    for (int shift = 60; shift >= 0; shift -= 4)
        text[n++] = digits[h.high64 >> shift & 15];
    return arena_copy(&w->text, (struct slice){ text, n });
}

static void hash_of(uint8_t kind, struct slice id, uint64_t to[2])
{
    XXH128_hash_t h = XXH3_128bits_withSeed(id.p, id.n, kind);
    to[0] = h.high64;
    to[1] = h.low64;
}

static void take_final(struct identity *w, const struct entry *e)
{
    struct who_final *to = &w->final[w->n_final++];
    struct slice hash = entry_str(e, F_ENTITY_ID);
    if (hash.n)
        memcpy(to->hash, hash.p, hash.n < sizeof to->hash ? hash.n : sizeof to->hash);
    to->name = arena_copy(&w->text, entry_str(e, F_INTO_ID));
}

static int by_hash(const void *a, const void *b)
{
    return memcmp(((const struct who_final *)a)->hash, ((const struct who_final *)b)->hash, sizeof(uint64_t[2]));
}

static void take_merge(struct identity *w, const struct entry *e, bool keep)
{
    struct who_event *to = &w->event[w->n_events];
    uint8_t kind = kind_by_name(event_entity_kind(entry_str(e, F_ENTITY_KIND)));
    *to = (struct who_event){ .type = e->type, .t_ms = e->t_ms, .id = arena_copy(&w->text, e->id), .group = none };
    if (e->type == EV_EVENT_RETRACTED) {
        to->target = arena_copy(&w->text, entry_str(e, F_TARGET_EVENT_ID));
    } else {
        bool erased = e->type == EV_ENTITY_DELETED;
        struct slice from = entry_str(e, erased ? F_ENTITY_ID : F_FROM_ID);
        to->from = member_of(w, kind, from);
        to->into = member_of(w, kind, erased ? nameless(w, kind, from, keep) : entry_str(e, F_INTO_ID));
        w->member[to->into].nameless |= erased;
        w->member[top_of(w, to->from)].parent = top_of(w, to->into);
    }
    w->n_events++;
}

/* A retraction belongs to the group of what it is about, at last a merge. */
static uint32_t group_of_retraction(const struct identity *w, uint32_t i)
{
    for (uint32_t hop = 0; hop < 64; hop++) {
        uint32_t k = 0;
        while (k < w->n_events && !slice_eq(w->event[k].id, w->event[i].target))
            k++;
        if (k == w->n_events)
            return none;
        if (w->event[k].group != none)
            return w->event[k].group;
        i = k;
    }
    return none;
}

static void make_groups(struct identity *w)
{
    for (uint32_t i = 0; i < w->n_members; i++)
        w->group[i] = (struct who_group){ .member = none, .event = none };
    for (uint32_t i = w->n_members; i-- > 0;) {
        struct who_group *g = &w->group[w->member[i].group = top_of(w, i)];
        w->member[i].next = g->member;
        w->member[i].local = g->n_members++;
        g->member = i;
    }
    for (uint32_t i = 0; i < w->n_events; i++)
        if (w->event[i].type != EV_EVENT_RETRACTED)
            w->event[i].group = w->member[w->event[i].from].group;
    for (uint32_t i = 0; i < w->n_events; i++)
        if (w->event[i].type == EV_EVENT_RETRACTED)
            w->event[i].group = group_of_retraction(w, i);
    for (uint32_t i = w->n_events; i-- > 0;) {
        if (w->event[i].group == none)
            continue;
        struct who_group *g = &w->group[w->event[i].group];
        w->event[i].next = g->event;
        g->event = i;
        g->n_events++;
    }
}

static bool make_map(struct identity *w, struct entry_log log, struct entry_log finals, bool keep)
{
    struct slice org = w->org;
    char id[256];
    memcpy(id, org.p, org.n);
    arena_reset(&w->text);
    w->org = arena_copy(&w->text, (struct slice){ id, org.n });
    w->n_members = w->n_events = w->n_final = 0;
    if (!w->org.p || !make_room(w, log.n))
        return false;
    for (uint32_t i = 0; i < log.n; i++)
        take_merge(w, &log.v[i], keep);
    for (uint32_t i = 0; i < w->n_members; i++)
        if (!w->member[i].id.p)
            return false;
    make_groups(w);
    w->final = arena_alloc(&w->text, (finals.n + 1) * sizeof *w->final);
    for (uint32_t i = 0; w->final && i < finals.n; i++)
        take_final(w, &finals.v[i]);
    if (w->final)
        qsort(w->final, w->n_final, sizeof *w->final, by_hash);
    return w->final;
}

static struct identity *new_map(struct engine *e, struct slice org)
{
    struct identity *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    arena_init(&w->text, 4096, 0);
    w->org = arena_copy(&w->text, org);
    w->seed = e->defs->hash_seed;
    w->next = e->identity;
    return e->identity = w;
}

void identity_clear(struct engine *e)
{
    for (struct identity *w = e->identity, *next; w; w = next) {
        next = w->next;
        arena_release(&w->text);
        free(w);
    }
    e->identity = NULL;
}

static struct slice registry(struct track_view *v)
{
    return view_key(v, SLICE("merge"), SLICE("all"));
}

/* The record of those whose erasure is final. It names nobody, and stays. */
static struct slice final_registry(struct track_view *v)
{
    return view_key(v, SLICE("erased"), SLICE("all"));
}

static bool made_from(const struct identity *w, const struct record *r, const struct record *finals)
{
    return w->version == (r ? r->version : 0) && w->log_bytes == (r ? r->log.n : 0) &&
           w->final_version == (finals ? finals->version : 0) && w->final_bytes == (finals ? finals->log.n : 0);
}

/* The map as the records say without the new event, made once for as long as they stay. */
static struct identity *standing_map(struct track_view *v, const struct record *r, const struct record *finals)
{
    struct identity *w = v->e->identity;
    while (w && !slice_eq(w->org, v->org))
        w = w->next;
    if (w && made_from(w, r, finals))
        return w;
    if (!w && !(w = new_map(v->e, v->org)))
        return NULL;
    v->after = false;
    if (!make_map(w, view_raw_log_key(v, registry(v)), view_raw_log_key(v, final_registry(v)), v->e->defs->erase_keep))
        return NULL;
    w->version = r ? r->version : 0;
    w->log_bytes = r ? r->log.n : 0;
    w->final_version = finals ? finals->version : 0;
    w->final_bytes = finals ? finals->log.n : 0;
    return w;
}

void who_ask(struct track_view *v)
{
    (void)view_record(v, registry(v));
    (void)view_record(v, final_registry(v));
}

void who_begin(struct track_view *v)
{
    struct slice key = registry(v);
    const struct record *r = view_record(v, key), *finals = view_record(v, final_registry(v));
    v->merging = slice_eq(v->overlay, key);
    if (((r && r->log.n) || (finals && finals->log.n)) && !(v->who[0] = standing_map(v, r, finals)))
        v->e->no_memory = true;
    v->who[1] = v->who[0];
    if (!v->merging)
        return;
    struct identity *w = arena_alloc(&v->e->scratch, sizeof *w);
    arena_reset(&v->e->identity_text);
    v->who[1] = w;
    v->after = true;
    if (w)
        *w = (struct identity){ .text = v->e->identity_text, .org = v->org };
    v->e->no_memory |=
        !w || !make_map(w, view_raw_log_key(v, key), view_raw_log_key(v, final_registry(v)), v->e->defs->erase_keep);
    if (w)
        v->e->identity_text = w->text;
}

/* ---- asking it ---- */

static struct identity *map_of(const struct track_view *v)
{
    return v->who[v->after];
}

static struct slice final_name(const struct identity *w, uint8_t kind, struct slice id)
{
    struct who_final want = { 0 };
    if (!w || !w->n_final || !kind || !id.n)
        return (struct slice){ 0 };
    hash_of(kind, id, want.hash);
    const struct who_final *is = bsearch(&want, w->final, w->n_final, sizeof want, by_hash);
    return is ? is->name : (struct slice){ 0 };
}

static uint32_t find(const struct identity *w, uint8_t kind, struct slice id)
{
    return w && kind ? *slot_of(w, kind, id) - 1 : none;
}

/* Raw id of a record key. */
static struct slice id_of_key(struct track_view *v, struct slice key)
{
    uint32_t i = key.n;
    while (i > 0 && key.p[i - 1] != ':')
        i--;
    char *to = view_alloc(v, key.n - i + 1);
    return (struct slice){ to, to ? (uint32_t)cell_unescape((struct slice){ key.p + i, key.n - i }, to, key.n - i + 1)
                                  : 0 };
}

static uint32_t find_key(struct track_view *v, struct slice key)
{
    uint8_t kind = map_of(v) ? kind_by_name(key_kind(key)) : 0;
    return kind ? find(map_of(v), kind, id_of_key(v, key)) : none;
}

/* The group's events as of the view's instant that stand; a retraction is withdrawn by later ones only, as in view.c. */
static uint32_t standing_events(struct track_view *v, const struct who_group *g, const struct who_event **to)
{
    struct identity *w = map_of(v);
    uint32_t n = 0;
    for (uint32_t i = g->event; i != none; i = w->event[i].next)
        if (view_reached(v, w->event[i].t_ms))
            to[n++] = &w->event[i];
    for (uint32_t i = n; i-- > 0;)
        for (uint32_t k = 0; to[i] && to[i]->type == EV_EVENT_RETRACTED && k < n; k++)
            if (k != i && to[k] && slice_eq(to[k]->id, to[i]->target))
                to[k] = NULL;
    return n;
}

/* For each member of a group, by its place in it, who stands for it at `at_ms` (a member). NULL: out of memory. */
static uint32_t *roots(struct track_view *v, uint32_t group, int64_t at_ms)
{
    struct identity *w = map_of(v);
    const struct who_group *g = &w->group[group];
    if (v->roots.v && v->roots.map == w && v->roots.group == group && v->roots.upto_ms == v->upto_ms &&
        v->roots.at_ms == at_ms && v->roots.later_at == v->e->n_computed)
        return v->roots.v;
    uint32_t *root = view_alloc(v, g->n_members * sizeof *root);
    const struct who_event **event = view_alloc(v, (g->n_events + 1) * sizeof(const struct who_event *));
    if (!root || !event)
        return NULL;
    for (uint32_t i = g->member; i != none; i = w->member[i].next)
        root[w->member[i].local] = i;
    uint32_t n = standing_events(v, g, event);
    for (uint32_t k = 0; k < n; k++) {
        if (!event[k] || event[k]->type == EV_EVENT_RETRACTED || event[k]->t_ms > at_ms)
            continue;
        uint32_t from = root[w->member[event[k]->from].local], into = root[w->member[event[k]->into].local];
        if (id_is_nobody(w->member[from].id))
            continue; /* erased: there is nothing to merge */
        for (uint32_t i = 0; i < g->n_members; i++)
            root[i] = root[i] == from ? into : root[i];
    }
    v->roots.v = root;
    v->roots.map = w;
    v->roots.group = group;
    v->roots.upto_ms = v->upto_ms;
    v->roots.at_ms = at_ms;
    v->roots.later_at = v->e->n_computed;
    return root;
}

static uint32_t root_of(struct track_view *v, uint32_t member, int64_t at_ms)
{
    const struct who_member *m = &map_of(v)->member[member];
    const uint32_t *root = roots(v, m->group, at_ms);
    return root ? root[m->local] : member;
}

static struct slice stands(struct track_view *v, uint8_t kind, struct slice id)
{
    uint32_t i = find(map_of(v), kind, id);
    if (i != none)
        return map_of(v)->member[root_of(v, i, v->upto_ms)].id;
    struct slice name = final_name(map_of(v), kind, id); /* the erasure itself has been forgotten */
    return name.n ? name : id;
}

struct slice who_now(struct track_view *v, struct slice key)
{
    const struct identity *w = map_of(v);
    uint8_t kind = w && w->n_final ? kind_by_name(key_kind(key)) : 0;
    if (!w || !w->n_final)
        return key;
    if (!kind)
        return forget_place(v, key);
    struct slice name = final_name(w, kind, id_of_key(v, key));
    return name.n ? view_key(v, key_kind(key), name) : key;
}

struct slice who_key(struct track_view *v, struct slice key)
{
    uint32_t i = find_key(v, key), root = i == none ? none : root_of(v, i, v->upto_ms);
    if (i == none)
        return who_now(v, key);
    return root == i ? key : view_key(v, key_kind(key), map_of(v)->member[root].id);
}

bool who_nobody(struct track_view *v, struct slice key)
{
    return map_of(v) && id_is_nobody(id_of_key(v, key));
}

bool who_erased(struct track_view *v, struct slice key)
{
    uint32_t i = find_key(v, key), root = i == none ? none : root_of(v, i, v->upto_ms);
    if (i == none)
        return map_of(v) && final_name(map_of(v), kind_by_name(key_kind(key)), id_of_key(v, key)).n;
    return root != i && map_of(v)->member[root].nameless;
}

bool who_merged(struct track_view *v, struct slice key)
{
    const struct identity *w = map_of(v);
    if (find_key(v, key) != none)
        return true;
    struct slice id = w && w->n_final ? id_of_key(v, key) : (struct slice){ 0 };
    return id.n > sizeof ERASED_NAME - 1 && memcmp(id.p, ERASED_NAME, sizeof ERASED_NAME - 1) == 0;
}

void who_each(struct track_view *v, struct slice key, bool ever,
              void (*each)(struct track_view *v, struct slice key, void *ctx), void *ctx)
{
    uint32_t i = find_key(v, key);
    if (i == none) {
        each(v, who_now(v, key), ctx);
        return;
    }
    struct identity *w = map_of(v);
    for (uint32_t k = w->group[w->member[i].group].member; k != none; k = w->member[k].next)
        if (ever || root_of(v, k, v->upto_ms) == i)
            each(v, view_key(v, key_kind(key), w->member[k].id), ctx);
}

void who_each_merged(struct track_view *v, void (*each)(struct track_view *v, struct slice key, void *ctx), void *ctx)
{
    struct identity *w = v->who[1];
    uint32_t before = none;
    for (uint32_t i = 0; w && i < w->n_events; i++) {
        uint32_t group = w->event[i].group;
        bool fresh = false;
        for (uint32_t k = 0; k < v->n_fresh; k++)
            fresh |= slice_eq(v->fresh[k].id, w->event[i].id);
        if (!fresh || group == none || group == before)
            continue;
        before = group;
        for (uint32_t k = w->group[group].member; k != none; k = w->member[k].next)
            if (w->member[k].kind)
                each(v, view_key(v, slice_of(kinds[w->member[k].kind - 1]), w->member[k].id), ctx);
    }
}

bool who_were_one(struct track_view *v, struct slice a, struct slice b, int64_t t_ms)
{
    uint32_t i = find_key(v, a), k = find_key(v, b);
    return slice_eq(a, b) || (i != none && k != none && root_of(v, i, t_ms) == root_of(v, k, t_ms));
}

/* ---- entries ---- */

/* The id that `who` says stands for the one in a field; the same if the field names nobody that could be merged. A follow-up names anything, an
 * owner_changed its entity, a target "rep:<id>". */
static struct slice stands_in(struct track_view *v, const struct entry *e, enum event_field f, struct slice id,
                              struct slice (*who)(struct track_view *v, uint8_t kind, struct slice id))
{
    if (kind_of_field[f])
        return who(v, kind_of_field[f], id);
    if (f == F_TARGET_ID || f == F_ENTITY_ID) {
        struct slice kind = entry_str(e, f == F_TARGET_ID ? F_TARGET_KIND : F_ENTITY_KIND);
        return who(v, kind_by_name(event_entity_kind(kind)), id);
    }
    if (f != F_SUBJECT || id.n < 5 || memcmp(id.p, "rep:", 4) != 0)
        return id;
    struct slice rep = { id.p + 4, id.n - 4 }, now = who(v, K_USER, rep);
    if (slice_eq(rep, now))
        return id;
    char *to = view_alloc(v, now.n + 4);
    if (!to)
        return id;
    memcpy(to, "rep:", 4);
    memcpy(to + 4, now.p, now.n);
    return (struct slice){ to, now.n + 4 };
}

/* The ids that stand, in the fields of an entry. *ret_nobody: it is what nobody did. True if one differs. */
static bool replace_ids(struct track_view *v, struct entry *e,
                        struct slice (*who)(struct track_view *v, uint8_t kind, struct slice id), bool *ret_nobody)
{
    struct reader in = { e->fields.p, e->fields.p + e->fields.n, true };
    struct bytes *to = &v->e->rewritten;
    bool changed = false;
    int rc = 0;
    to->n = 0;
    *ret_nobody = false;
    while (in.p < in.end && in.ok) {
        const char *from = in.p;
        enum event_field f = (enum event_field)(uint8_t)*in.p++;
        union event_value value = entry_value(&in, f);
        bool names = kind_of_field[f] || f == F_TARGET_ID || f == F_ENTITY_ID || f == F_SUBJECT;
        struct slice id = names ? stands_in(v, e, f, value.s, who) : (struct slice){ 0 };
        *ret_nobody |= f == F_USER_ID && id_is_nobody(id);
        if (!names || slice_eq(id, value.s)) {
            rc |= bytes_put(to, from, (uint32_t)(in.p - from));
            continue;
        }
        changed = true;
        rc |= bytes_put(to, from, 1);
        rc |= bytes_put_text(to, id);
    }
    v->e->no_memory |= rc < 0;
    if (changed)
        e->fields = arena_copy(&v->e->scratch, (struct slice){ to->p, to->n });
    v->e->no_memory |= !e->fields.p && e->fields.n;
    return changed;
}

static void rewrite(struct track_view *v, struct entry *e)
{
    bool nobody;
    (void)replace_ids(v, e, stands, &nobody);
    if (nobody)
        e->type = ENTRY_PARKED; /* what nobody did */
}

void who_rewrite(struct track_view *v, struct entry_log log)
{
    struct entry *to = (struct entry *)(uintptr_t)log.v;
    for (uint32_t i = 0; map_of(v) && i < log.n; i++)
        rewrite(v, &to[i]);
}

/* ---- erasures that are final ---- */

static struct slice final_or_same(struct track_view *v, uint8_t kind, struct slice id)
{
    struct slice name = final_name(map_of(v), kind, id);
    return name.n ? name : id;
}

struct slice who_final(struct track_view *v, struct slice kind, struct slice id)
{
    return final_name(map_of(v), kind_by_name(kind), id);
}

bool who_final_any(struct track_view *v, struct slice id)
{
    bool found = false;
    for (uint32_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        found |= final_name(map_of(v), (uint8_t)(i + 1), id).n > 0;
    return found;
}

bool who_forget(struct track_view *v, struct entry *e)
{
    bool nobody;
    return replace_ids(v, e, final_or_same, &nobody);
}

/* The deletion by which an id is erased now, and its event id; empty: it is not erased, or for good. */
static struct slice erasure_of(struct track_view *v, uint8_t kind, struct slice id)
{
    struct identity *w = v->who[0];
    uint32_t i = find(w, kind, id);
    if (i == none || final_name(w, kind, id).n)
        return (struct slice){ 0 };
    v->after = false;
    const struct who_event **event =
        view_alloc(v, (w->group[w->member[i].group].n_events + 1) * sizeof(const struct who_event *));
    if (!event || !w->member[root_of(v, i, INT64_MAX)].nameless)
        return (struct slice){ 0 };
    uint32_t n = standing_events(v, &w->group[w->member[i].group], event);
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
    return ret_id->n && kind.n ? kind_by_name(kind) : 0;
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
        if (!(name = final_name(v->who[0], kind, id)).n)
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
    hash_of(m->kind, m->id, hash);
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
    const char *head[] = { kinds[m->kind - 1], dim_name(m->kind == K_USER ? DIM_REP : DIM_CUSTOMER) };
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
    for (uint32_t k = w->group[w->member[root].group].member; k != none; k = w->member[k].next)
        if (!w->member[k].nameless && root_of(v, k, INT64_MAX) == root &&
            !final_name(w, w->member[k].kind, w->member[k].id).n)
            each(v, &w->member[k], ctx);
}

/* Everything that is about to change is at hand; with `keep` also how the logs are read as one. */
static void ask_for(struct track_view *v, struct who_member *m, void *ctx)
{
    struct finalise *f = ctx;
    const char *kind = kinds[m->kind - 1];
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
    struct slice kind = slice_of(kinds[m->kind - 1]), self = view_key(v, kind, f->name);
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
    struct record *own = record_of(v, kinds[m->kind - 1], m->id);
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
    uint8_t kind = kind_by_name(event_entity_kind(entry_str(e, F_ENTITY_KIND)));
    bool found = false;
    for (size_t i = 0; i < sizeof field / sizeof field[0] && e->type != EV_EVENT_RETRACTED; i++) {
        struct slice id = entry_str(e, field[i]);
        uint32_t k = id.n ? find(v->who[0], kind, id) : none;
        found |= k != none && root_of(v, k, INT64_MAX) == f->root;
    }
    return found;
}

/* What says who the erased was is needed no more: the record of the final ones says which name stands for him. */
static void forget_merges(struct track_view *v, const struct finalise *f)
{
    struct record *r = view_record(v, registry(v));
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
        w ? find(w, kind_by_name(event_entity_kind(entry_str(e, F_ENTITY_KIND))), entry_str(e, F_ENTITY_ID)) : none;
    v->after = false;
    ret_cells->n = ret_ids->n = 0;
    uint32_t root = i == none ? none : root_of(v, i, INT64_MAX);
    if (root == none || !w->member[root].nameless)
        return false;
    struct finalise f = { .deletion = e, .root = root, .name = w->member[root].id, .ids = ret_ids, .cells = ret_cells };
    f.finals = record_cache_put(v->e->cache, final_registry(v));
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
    const struct record *r = view_record(v, registry(v));
    struct reader in = { r ? r->log.p : NULL, r ? r->log.p + r->log.n : NULL, true };
    while (in.p < in.end && entry_read(&in, ret))
        if (ret->type == EV_ENTITY_DELETED && slice_eq(ret->id, event_id))
            return true;
    return false;
}

bool who_was_final(struct track_view *v, struct slice deletion_id)
{
    const struct record *r = view_record(v, final_registry(v));
    struct reader in = { r ? r->log.p : NULL, r ? r->log.p + r->log.n : NULL, true };
    struct entry e;
    while (in.p < in.end && entry_read(&in, &e))
        if (e.id.n == deletion_id.n + ERASED_MARK_SIZE && memcmp(e.id.p, deletion_id.p, deletion_id.n) == 0)
            return true;
    return false;
}

bool who_is_final(struct track_view *v, const struct entry *deletion)
{
    return final_name(v->who[0], kind_by_name(event_entity_kind(entry_str(deletion, F_ENTITY_KIND))),
                      entry_str(deletion, F_ENTITY_ID))
               .n > 0;
}
