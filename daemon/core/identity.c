/* Who is who: merges of one org (C7). Which id stands for which, as of an instant, and who has ever been one with whom.
 *
 * entity_merged events and their retractions lie in one record of the org, "merge". Read in canonical order, a merge makes everything that stands for
 * from_id stand for into_id from then on; a later merge of from_id merges what it stands for. Ids that were ever joined form a group; what stands for
 * what at an instant follows from the group's few events. entity_deleted with `erase` merges an id into a name that nobody can tell it from; by the switch
 * `erase` that name keeps the history (keep), or is nobody (correct): no subject, no member, and what it did is gone. Nothing is moved: view.c reads the logs of a group as one and writes the ids that stand. */
#include <stdlib.h>
#include "identity_int.h"

/* ---- asking it ---- */

struct identity *who_map(const struct track_view *v)
{
    return v->who[v->after];
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
    uint8_t kind = who_map(v) ? who_kind(key_kind(key)) : 0;
    return kind ? who_find(who_map(v), kind, id_of_key(v, key)) : WHO_NONE;
}

/* The group's events as of the view's instant that stand; a retraction is withdrawn by later ones only, as in view.c. */
uint32_t who_standing(struct track_view *v, const struct who_group *g, const struct who_event **to)
{
    struct identity *w = who_map(v);
    uint32_t n = 0;
    for (uint32_t i = g->event; i != WHO_NONE; i = w->event[i].next)
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
    struct identity *w = who_map(v);
    const struct who_group *g = &w->group[group];
    if (v->roots.v && v->roots.map == w && v->roots.group == group && v->roots.upto_ms == v->upto_ms &&
        v->roots.at_ms == at_ms && v->roots.later_at == v->e->n_computed)
        return v->roots.v;
    uint32_t *root = view_alloc(v, g->n_members * sizeof *root);
    const struct who_event **event = view_alloc(v, (g->n_events + 1) * sizeof(const struct who_event *));
    if (!root || !event)
        return NULL;
    for (uint32_t i = g->member; i != WHO_NONE; i = w->member[i].next)
        root[w->member[i].local] = i;
    uint32_t n = who_standing(v, g, event);
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

uint32_t who_root(struct track_view *v, uint32_t member, int64_t at_ms)
{
    const struct who_member *m = &who_map(v)->member[member];
    const uint32_t *root = roots(v, m->group, at_ms);
    return root ? root[m->local] : member;
}

static struct slice stands(struct track_view *v, uint8_t kind, struct slice id)
{
    uint32_t i = who_find(who_map(v), kind, id);
    if (i != WHO_NONE)
        return who_map(v)->member[who_root(v, i, v->upto_ms)].id;
    struct slice name = who_final_name(who_map(v), kind, id); /* the erasure itself has been forgotten */
    return name.n ? name : id;
}

struct slice who_now(struct track_view *v, struct slice key)
{
    const struct identity *w = who_map(v);
    uint8_t kind = w && w->n_final ? who_kind(key_kind(key)) : 0;
    if (!w || !w->n_final)
        return key;
    if (!kind)
        return forget_place(v, key);
    struct slice name = who_final_name(w, kind, id_of_key(v, key));
    return name.n ? view_key(v, key_kind(key), name) : key;
}

struct slice who_key(struct track_view *v, struct slice key)
{
    uint32_t i = find_key(v, key), root = i == WHO_NONE ? WHO_NONE : who_root(v, i, v->upto_ms);
    if (i == WHO_NONE)
        return who_now(v, key);
    return root == i ? key : view_key(v, key_kind(key), who_map(v)->member[root].id);
}

bool who_nobody(struct track_view *v, struct slice key)
{
    return who_map(v) && id_is_nobody(id_of_key(v, key));
}

bool who_erased(struct track_view *v, struct slice key)
{
    uint32_t i = find_key(v, key), root = i == WHO_NONE ? WHO_NONE : who_root(v, i, v->upto_ms);
    if (i == WHO_NONE)
        return who_map(v) && who_final_name(who_map(v), who_kind(key_kind(key)), id_of_key(v, key)).n;
    return root != i && who_map(v)->member[root].nameless;
}

bool who_merged(struct track_view *v, struct slice key)
{
    const struct identity *w = who_map(v);
    if (find_key(v, key) != WHO_NONE)
        return true;
    struct slice id = w && w->n_final ? id_of_key(v, key) : (struct slice){ 0 };
    return id.n > sizeof ERASED_NAME - 1 && memcmp(id.p, ERASED_NAME, sizeof ERASED_NAME - 1) == 0;
}

void who_each(struct track_view *v, struct slice key, bool ever,
              void (*each)(struct track_view *v, struct slice key, void *ctx), void *ctx)
{
    uint32_t i = find_key(v, key);
    if (i == WHO_NONE) {
        each(v, who_now(v, key), ctx);
        return;
    }
    struct identity *w = who_map(v);
    for (uint32_t k = w->group[w->member[i].group].member; k != WHO_NONE; k = w->member[k].next)
        if (ever || who_root(v, k, v->upto_ms) == i)
            each(v, view_key(v, key_kind(key), w->member[k].id), ctx);
}

void who_each_merged(struct track_view *v, void (*each)(struct track_view *v, struct slice key, void *ctx), void *ctx)
{
    struct identity *w = v->who[1];
    uint32_t before = WHO_NONE;
    for (uint32_t i = 0; w && i < w->n_events; i++) {
        uint32_t group = w->event[i].group;
        bool fresh = false;
        for (uint32_t k = 0; k < v->n_fresh; k++)
            fresh |= slice_eq(v->fresh[k].id, w->event[i].id);
        if (!fresh || group == WHO_NONE || group == before)
            continue;
        before = group;
        for (uint32_t k = w->group[group].member; k != WHO_NONE; k = w->member[k].next)
            if (w->member[k].kind)
                each(v, view_key(v, slice_of(who_kinds[w->member[k].kind - 1]), w->member[k].id), ctx);
    }
}

bool who_were_one(struct track_view *v, struct slice a, struct slice b, int64_t t_ms)
{
    uint32_t i = find_key(v, a), k = find_key(v, b);
    return slice_eq(a, b) || (i != WHO_NONE && k != WHO_NONE && who_root(v, i, t_ms) == who_root(v, k, t_ms));
}

/* ---- entries ---- */

/* The id that `who` says stands for the one in a field; the same if the field names nobody that could be merged. A follow-up names anything, an
 * owner_changed its entity, a target "rep:<id>". */
static struct slice stands_in(struct track_view *v, const struct entry *e, enum event_field f, struct slice id,
                              struct slice (*who)(struct track_view *v, uint8_t kind, struct slice id))
{
    if (who_kind_of_field[f])
        return who(v, who_kind_of_field[f], id);
    if (f == F_TARGET_ID || f == F_ENTITY_ID) {
        struct slice kind = entry_str(e, f == F_TARGET_ID ? F_TARGET_KIND : F_ENTITY_KIND);
        return who(v, who_kind(event_entity_kind(kind)), id);
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

bool who_replace_ids(struct track_view *v, struct entry *e,
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
        bool names = who_kind_of_field[f] || f == F_TARGET_ID || f == F_ENTITY_ID || f == F_SUBJECT;
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
    if (changed) {
        e->filter = 0;
        e->fields = arena_copy(&v->e->scratch, (struct slice){ to->p, to->n });
    }
    v->e->no_memory |= !e->fields.p && e->fields.n;
    return changed;
}

static void rewrite(struct track_view *v, struct entry *e)
{
    bool nobody;
    (void)who_replace_ids(v, e, stands, &nobody);
    if (nobody)
        e->type = ENTRY_PARKED; /* what nobody did */
}

void who_rewrite(struct track_view *v, struct entry_log log)
{
    struct entry *to = (struct entry *)(uintptr_t)log.v;
    for (uint32_t i = 0; who_map(v) && i < log.n; i++)
        rewrite(v, &to[i]);
}
