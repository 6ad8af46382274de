/* The map of who is who in one org: made from the records of its merges and of its final erasures, kept for as long as they stay. What it means at an instant
 * is identity.c's work. */
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "identity_int.h"

/* ---- what can be merged: labels (product, campaign, team ..) are no entities ---- */

const char *const who_kinds[WHO_KINDS] = { "lead",     "deal",      "order",    "customer", "subscription", "survey",
                                           "response", "complaint", "ticket",   "user",     "task",         "quote",
                                           "contact",  "feedback",  "referral", "record",   "followup",     "comment" };

const uint8_t who_kind_of_field[EVENT_FIELD_COUNT] = {
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

uint8_t who_kind(struct slice name)
{
    for (uint32_t i = 0; i < WHO_KINDS; i++)
        if (slice_eq(name, slice_of(who_kinds[i])))
            return (uint8_t)(i + 1);
    return 0;
}

struct slice who_named(const struct event *ev, enum event_field f, struct slice *ret_id)
{
    struct slice id = *ret_id =
        event_has(ev, f) && event_field_info(f)->kind <= FIELD_CURRENCY ? ev->v[f].s : (struct slice){ 0 };
    if (who_kind_of_field[f])
        return slice_of(who_kinds[who_kind_of_field[f] - 1]);
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

void who_hash(uint8_t kind, struct slice id, uint64_t to[2])
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
    uint8_t kind = who_kind(event_entity_kind(entry_str(e, F_ENTITY_KIND)));
    *to = (struct who_event){ .type = e->type, .t_ms = e->t_ms, .id = arena_copy(&w->text, e->id), .group = WHO_NONE };
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
            return WHO_NONE;
        if (w->event[k].group != WHO_NONE)
            return w->event[k].group;
        i = k;
    }
    return WHO_NONE;
}

static void make_groups(struct identity *w)
{
    for (uint32_t i = 0; i < w->n_members; i++)
        w->group[i] = (struct who_group){ .member = WHO_NONE, .event = WHO_NONE };
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
        if (w->event[i].group == WHO_NONE)
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

struct slice who_registry(struct track_view *v)
{
    return view_key(v, SLICE("merge"), SLICE("all"));
}

/* The record of those whose erasure is final. It names nobody, and stays. */
struct slice who_final_registry(struct track_view *v)
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
    if (!make_map(w, view_raw_log_key(v, who_registry(v)), view_raw_log_key(v, who_final_registry(v)),
                  v->e->defs->erase_keep))
        return NULL;
    w->version = r ? r->version : 0;
    w->log_bytes = r ? r->log.n : 0;
    w->final_version = finals ? finals->version : 0;
    w->final_bytes = finals ? finals->log.n : 0;
    return w;
}

void who_ask(struct track_view *v)
{
    (void)view_record(v, who_registry(v));
    (void)view_record(v, who_final_registry(v));
}

void who_begin(struct track_view *v)
{
    struct slice key = who_registry(v);
    const struct record *r = view_record(v, key), *finals = view_record(v, who_final_registry(v));
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
    v->e->no_memory |= !w || !make_map(w, view_raw_log_key(v, key), view_raw_log_key(v, who_final_registry(v)),
                                       v->e->defs->erase_keep);
    if (w)
        v->e->identity_text = w->text;
}

struct slice who_final_name(const struct identity *w, uint8_t kind, struct slice id)
{
    struct who_final want = { 0 };
    if (!w || !w->n_final || !kind || !id.n)
        return (struct slice){ 0 };
    who_hash(kind, id, want.hash);
    const struct who_final *is = bsearch(&want, w->final, w->n_final, sizeof want, by_hash);
    return is ? is->name : (struct slice){ 0 };
}

uint32_t who_find(const struct identity *w, uint8_t kind, struct slice id)
{
    return w && kind ? *slot_of(w, kind, id) - 1 : WHO_NONE;
}
