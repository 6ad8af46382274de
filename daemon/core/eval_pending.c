/* What waits for the next snapshot, saved and restored. */
#include "eval_pending.h"

#include <stdio.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "eval_erased.h"

/* Bits and slots are positions in the plan: under another one they mean something else. */
static uint64_t hash_plan(const struct evaluator *e)
{
    uint64_t hash = e->defs->n_measures;
    for (uint32_t i = 0; i < e->plan.n_watches; i++) {
        const struct plan_watch *w = &e->plan.watch[i];
        const char *window = e->plan.window[w->window].name;
        hash = XXH3_64bits_withSeed(&e->defs->kpi[w->kpi].hash, sizeof(uint64_t), hash);
        hash = XXH3_64bits_withSeed(window, strlen(window), hash);
    }
    for (uint32_t i = 0; i < e->defs->n_measures; i++)
        hash = XXH3_64bits_withSeed(&e->plan.measure[i].n_slots, sizeof(uint32_t), hash);
    for (uint32_t i = 0; i < e->defs->n_scorecards; i++)
        hash = XXH3_64bits_withSeed(&e->defs->scorecard[i].hash, sizeof(uint64_t), hash);
    return hash ? hash : 1;
}

static uint64_t plan_hash(struct evaluator *e)
{
    if (!e->plan_hash)
        e->plan_hash = hash_plan(e);
    return e->plan_hash;
}

void pending_note(struct evaluator *e, struct subject *s)
{
    if (s->listed_unsaved)
        return;
    s->listed_unsaved = true;
    if (subject_set_add(&e->unsaved, s) < 0)
        e->out_of_memory = true;
}

void pending_told(struct evaluator *e)
{
    struct subject_set *changed = &e->view[VIEW_JUDGED].changed;
    for (uint32_t i = 0; i < changed->n; i++) {
        struct subject_view *view = &changed->v[i]->view[VIEW_JUDGED];
        view->listed_changed = false;
        memset(view->changed, 0, e->plan.n_words * sizeof(uint64_t));
        pending_note(e, changed->v[i]);
    }
    changed->n = 0;
    e->revised.n = 0;
    e->rows_due = false;
}

static bool any(const uint64_t *v, uint32_t n)
{
    uint64_t bits = 0;
    for (uint32_t k = 0; k < n; k++)
        bits |= v[k];
    return bits != 0;
}

static int save_text(const struct subject *s, const char *kind, struct slice text, evaluator_state_sink sink, void *ctx)
{
    char key[1024];
    int n = snprintf(key, sizeof key, "%s|%s|%.*s", kind, dim_name(s->dim), (int)s->escaped.n, s->escaped.p);
    if (n < 0 || (size_t)n >= sizeof key)
        return -1;
    return sink(ctx, s->org->id, (struct slice){ key, (uint32_t)n }, text);
}

/* Words under "<kind>|<dim>|<subject>"; none of them: "-". */
static int save_words(const struct subject *s, const char *kind, const uint64_t *v, uint32_t n_words,
                      evaluator_state_sink sink, void *ctx)
{
    char value[4096] = "-";
    size_t m = n_words ? 0 : 1;
    for (uint32_t k = 0; k < n_words; k++) {
        int len = snprintf(value + m, sizeof value - m, "%llx,", (unsigned long long)v[k]);
        if (len < 0 || (size_t)len >= sizeof value - m)
            return -1;
        m += (size_t)len;
    }
    return save_text(s, kind, (struct slice){ value, (uint32_t)m }, sink, ctx);
}

static int save_since(const struct subject *s, evaluator_state_sink sink, void *ctx)
{
    char value[48];
    const struct subject_view *view = &s->view[VIEW_JUDGED];
    int n = snprintf(value, sizeof value, "%lld %lld", (long long)view->pane_since_ms, (long long)view->gauge_since_ms);
    return save_text(s, "snc", (struct slice){ value, (uint32_t)n }, sink, ctx);
}

static int save_nothing(const struct subject *s, evaluator_state_sink sink, void *ctx)
{
    static const char *const kinds[] = { "chg", "crd", "snc" };
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof kinds / sizeof kinds[0]; i++)
        rc = save_text(s, kinds[i], SLICE(""), sink, ctx);
    return rc;
}

/* Of the erased nothing is told any more, so nothing waits for a snapshot: their names leave the state. */
static int save_subject(struct evaluator *e, struct subject *s, bool only_changed, evaluator_state_sink sink, void *ctx)
{
    const uint64_t *set = s->view[VIEW_JUDGED].changed;
    bool since = s->since_unsaved || !only_changed;
    s->since_unsaved = false;
    if (subject_erased(e, s, VIEW_JUDGED))
        return save_nothing(s, sink, ctx);
    if (since && save_since(s, sink, ctx) < 0)
        return -1;
    int rc = save_words(s, "chg", set, any(set, e->plan.n_words) ? e->plan.n_words : 0, sink, ctx);
    if (rc == 0 && any(s->card_published, e->defs->n_scorecards))
        rc = save_words(s, "crd", s->card_published, e->defs->n_scorecards, sink, ctx);
    return rc;
}

static int save_known(struct evaluator *e, evaluator_state_sink sink, void *ctx)
{
    int rc = 0;
    for (uint32_t o = 0; o < e->store.n_orgs; o++)
        for (int d = 0; d < DIM_COUNT; d++)
            for (uint32_t i = 0; rc == 0 && i < e->store.org[o]->dim[d].n; i++)
                if (e->store.org[o]->dim[d].v[i]->view[VIEW_JUDGED].known)
                    rc = save_subject(e, e->store.org[o]->dim[d].v[i], false, sink, ctx);
    return rc;
}

static int save_subjects(struct evaluator *e, bool only_changed, evaluator_state_sink sink, void *ctx)
{
    int rc = only_changed ? 0 : save_known(e, sink, ctx);
    for (uint32_t i = 0; i < e->unsaved.n; i++) {
        if (rc == 0 && only_changed)
            rc = save_subject(e, e->unsaved.v[i], true, sink, ctx);
        e->unsaved.v[i]->listed_unsaved = false;
    }
    e->unsaved.n = 0;
    return rc;
}

static int save_revised(struct evaluator *e, uint32_t i, evaluator_state_sink sink, void *ctx)
{
    char key[32], value[1200];
    const struct closed_window *c = &e->revised.v[i];
    if (!c->watches)
        return 0; /* not settled yet */
    const struct plan_slot *slot = &e->plan.measure[c->measure].slot[c->slot];
    int n = snprintf(key, sizeof key, "rvd|%u", i);
    int m = snprintf(value, sizeof value, "%s|%d:%s|%s|%lld|%.*s", e->defs->measure[c->measure].id, (int)slot->prev,
                     e->plan.window[slot->window].name, dim_name(c->subject->dim), (long long)c->at_ms,
                     (int)c->subject->escaped.n, c->subject->escaped.p);
    if (m < 0 || (size_t)m >= sizeof value)
        return -1;
    return sink(ctx, c->subject->org->id, (struct slice){ key, (uint32_t)n }, (struct slice){ value, (uint32_t)m });
}

/* The list only grows until a snapshot empties it. Its keys belong to the orgs of its entries, so the old ones are remembered until they are gone. */
static int save_revisions(struct evaluator *e, bool only_changed, evaluator_state_sink sink, void *ctx)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && only_changed && i < e->revised_saved.n; i++) {
        const struct closed_window *was = &e->revised_saved.v[i];
        char key[32];
        int n = snprintf(key, sizeof key, "rvd|%u", i);
        if (!was->subject || (i < e->revised.n && e->revised.v[i].subject->org == was->subject->org))
            continue; /* of another plan; or written over below, or the same */
        rc = sink(ctx, was->subject->org->id, (struct slice){ key, (uint32_t)n }, SLICE(""));
    }
    for (uint32_t i = 0; rc == 0 && i < e->revised.n; i++)
        if (!only_changed || i >= e->revised_saved.n || !closed_window_eq(&e->revised.v[i], &e->revised_saved.v[i]))
            rc = save_revised(e, i, sink, ctx);
    if (rc == 0)
        rc = closed_windows_copy(&e->revised_saved, &e->revised);
    return rc;
}

int pending_save(struct evaluator *e, bool only_changed, evaluator_state_sink sink, void *ctx)
{
    int rc = 0;
    uint64_t hash = plan_hash(e);
    if (!only_changed || e->plan_saved != hash) {
        char text[24];
        int n = snprintf(text, sizeof text, "%016llx", (unsigned long long)hash);
        rc = sink(ctx, SLICE(""), SLICE("plan"), (struct slice){ text, (uint32_t)n });
        e->plan_saved = hash;
    }
    if (rc == 0)
        rc = save_subjects(e, only_changed, sink, ctx);
    return rc ? rc : save_revisions(e, only_changed, sink, ctx);
}

/* ---- restoring ---- */

static struct subject *subject_of(struct evaluator *e, struct slice org_id, struct slice dim, struct slice escaped)
{
    int d = dim_by_name(dim);
    struct org *org = d < 0 || !escaped.n ? NULL : store_org(&e->store, org_id);
    return org ? org_subject(&e->store, org, (enum dim)d, escaped) : NULL;
}

/* "<dim>|<subject>" */
static struct subject *subject_in(struct evaluator *e, struct slice org, struct slice rest)
{
    const char *bar = memchr(rest.p, '|', rest.n);
    if (!bar)
        return NULL;
    uint32_t n = (uint32_t)(bar - rest.p);
    return subject_of(e, org, (struct slice){ rest.p, n }, (struct slice){ bar + 1, rest.n - n - 1 });
}

static int parse_words(const char *at, uint64_t *v, uint32_t n_words)
{
    for (uint32_t k = 0; k < n_words && *at; k++) {
        char *end;
        v[k] = strtoull(at, &end, 16);
        if (end == at || *end != ',')
            return -1;
        at = end + 1;
    }
    return 0;
}

int pending_restore_cards(struct evaluator *e, struct slice org, struct slice rest, const char *value)
{
    struct subject *s = subject_in(e, org, rest);
    return s ? parse_words(value, s->card_published, e->defs->n_scorecards) : -1;
}

int pending_restore_since(struct evaluator *e, struct slice org, struct slice rest, const char *value)
{
    struct subject *s = subject_in(e, org, rest);
    char *at;
    if (!s)
        return -1;
    s->view[VIEW_JUDGED].pane_since_ms = strtoll(value, &at, 10);
    s->view[VIEW_JUDGED].gauge_since_ms = strtoll(at, &at, 10);
    s->since_saved = true;
    return *at ? -1 : 0;
}

int pending_restore_changed(struct evaluator *e, struct slice org, struct slice rest, const char *value)
{
    struct subject *s = subject_in(e, org, rest);
    struct subject_view *view = s ? &s->view[VIEW_JUDGED] : NULL;
    if (!s)
        return -1;
    s->known_saved = true;
    if (strcmp(value, "-") == 0)
        return 0;
    if (parse_words(value, view->changed, e->plan.n_words) < 0)
        return -1;
    if (!view->listed_changed && subject_set_add(&e->view[VIEW_JUDGED].changed, s) < 0)
        return -1;
    view->listed_changed = true;
    e->rows_due = true;
    return 0;
}

/* Entries come in any order and take the places they had. */
static int put_revised(struct evaluator *e, struct slice place, struct closed_window c)
{
    char number[12];
    if (place.n == 0 || place.n >= sizeof number)
        return -1;
    memcpy(number, place.p, place.n);
    number[place.n] = 0;
    unsigned long at = strtoul(number, NULL, 10);
    if (at > 10000000)
        return -1;
    while (e->revised.n <= at)
        if (closed_windows_add(&e->revised, (struct closed_window){ 0 }) < 0)
            return -1;
    e->revised.v[at] = c;
    e->rows_due = e->restored = true;
    return 0;
}

/* "<comparison>:<window>" of a measure's slot: its index, or -1 where nobody looks at it now. */
static int slot_named(const struct plan *plan, int measure, struct slice name)
{
    const struct plan_measure *m = measure < 0 ? NULL : &plan->measure[measure];
    for (uint32_t i = 0; m && i < m->n_slots && name.n > 2 && name.p[1] == ':'; i++)
        if (name.p[0] == '0' + (int)m->slot[i].prev &&
            slice_eq(slice_of(plan->window[m->slot[i].window].name), (struct slice){ name.p + 2, name.n - 2 }))
            return (int)i;
    return -1;
}

/* "<measure>|<comparison>:<window>|<dim>|<at ms>|<subject>": by names, so that it holds under another plan, too. What nobody looks at any more keeps its place
 * until pending_settle, so that its key is deleted. */
int pending_restore_revised(struct evaluator *e, struct slice org, struct slice rest, struct slice value)
{
    struct slice part[5];
    char number[24];
    for (int i = 0; i < 5; i++) {
        const char *bar = i < 4 ? memchr(value.p, '|', value.n) : value.p + value.n;
        if (!bar)
            return -1;
        part[i] = (struct slice){ value.p, (uint32_t)(bar - value.p) };
        value = i < 4 ? (struct slice){ bar + 1, value.n - part[i].n - 1 } : (struct slice){ bar, 0 };
    }
    int measure = definitions_measure(e->defs, part[0]);
    struct subject *s = subject_of(e, org, part[2], part[4]);
    if (!s || part[3].n >= sizeof number)
        return -1;
    int slot = slot_named(&e->plan, measure, part[1]);
    memcpy(number, part[3].p, part[3].n);
    number[part[3].n] = 0;
    struct closed_window c = { .subject = s, .window = -1, .at_ms = strtoll(number, NULL, 10), .measure = measure };
    if (slot >= 0) {
        const struct plan_slot *of = &e->plan.measure[measure].slot[slot];
        c.window = of->window, c.watches = of->watches, c.slot = (uint32_t)slot;
    }
    return put_revised(e, rest, c);
}

int pending_restore_plan(struct evaluator *e, const char *value)
{
    char *end;
    e->plan_saved = strtoull(value, &end, 16);
    return *end || end == value ? -1 : 0;
}

bool pending_exact(struct evaluator *e)
{
    for (uint32_t i = 0; i < e->revised.n; i++)
        if (!e->revised.v[i].watches)
            return false; /* its place was never restored, or nobody looks at it now */
    return e->plan_saved == plan_hash(e);
}

void pending_settle(struct evaluator *e)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < e->revised.n; i++)
        if (e->revised.v[i].watches)
            e->revised.v[n++] = e->revised.v[i];
    e->revised.n = n;
    for (uint32_t o = 0; o < e->store.n_orgs; o++)
        for (int d = 0; d < DIM_COUNT; d++)
            for (uint32_t i = 0; i < e->store.org[o]->dim[d].n; i++)
                memset(e->store.org[o]->dim[d].v[i]->card_published, 0, e->defs->n_scorecards * sizeof(uint64_t));
}
