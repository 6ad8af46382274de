/* An array of alerts with an index by hash, linear probing. Removing moves the last one into the gap. */
#include "daemon/notify/firing.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAP = 64 };

void firing_release(struct firing *f)
{
    for (uint32_t i = 0; i < f->n; i++)
        note_drop(f->v[i].note);
    free(f->v);
    free(f->slot);
    *f = (struct firing){ 0 };
}

/* ---- the index ---- */

static uint32_t slots(const struct firing *f)
{
    return f->cap * 2;
}

/* The slot of that alert, or the free one where it would be. */
static uint32_t probe(const struct firing *f, const struct note *note)
{
    uint32_t at = (uint32_t)(note_hash(note) % slots(f));
    while (f->slot[at] && !note_same(f->v[f->slot[at] - 1].note, note))
        at = (at + 1) % slots(f);
    return at;
}

static struct firing_alert *find(const struct firing *f, const struct note *note)
{
    const uint32_t at = f->cap ? f->slot[probe(f, note)] : 0;
    return at ? &f->v[at - 1] : NULL;
}

static void index_all(struct firing *f)
{
    memset(f->slot, 0, slots(f) * sizeof *f->slot);
    for (uint32_t i = 0; i < f->n; i++)
        f->slot[probe(f, f->v[i].note)] = i + 1;
}

static bool grow(struct firing *f)
{
    const uint32_t cap = f->cap ? f->cap * 2 : FIRST_CAP;
    if (f->n < f->cap)
        return f->v != NULL;
    struct firing_alert *v = f->n < FIRING_MAX ? realloc(f->v, cap * sizeof *v) : NULL;
    if (v)
        f->v = v;
    uint32_t *slot = v ? realloc(f->slot, (size_t)cap * 2 * sizeof *slot) : NULL;
    if (!slot)
        return false;
    f->slot = slot;
    f->cap = cap;
    index_all(f);
    return true;
}

static struct firing_alert *add(struct firing *f, struct note *note)
{
    if (!grow(f)) {
        f->refused++;
        return NULL;
    }
    f->slot[probe(f, note)] = f->n + 1;
    f->v[f->n] = (struct firing_alert){ .note = note_keep(note) };
    return &f->v[f->n++];
}

/* ---- changes ---- */

static void set(struct firing_alert *a, struct note *note, int64_t starts_ms, int64_t now_ms)
{
    note_keep(note);
    note_drop(a->note);
    a->note = note;
    a->resolved = !note->firing;
    a->starts_ms = starts_ms;
    a->changed_ms = note->m->occurred_at_ms;
    a->seen_at_ms = now_ms;
}

static bool other_labels(const struct note *a, const struct note *b)
{
    return note_fingerprint(a) != note_fingerprint(b);
}

static void change(struct firing_alert *a, struct note *note, int64_t now_ms, struct firing_change *ret)
{
    const bool known = a->note != note; /* else it is new */
    ret->was_firing = known && !a->resolved;
    if (ret->was_firing && other_labels(a->note, note)) {
        ret->superseded = note_keep(a->note);
        ret->superseded_starts_ms = a->starts_ms;
    }
    const bool goes_on = ret->was_firing && !ret->superseded;
    const int64_t at_ms = note->m->occurred_at_ms;
    ret->starts_ms = goes_on ? a->starts_ms : note->firing ? at_ms : INT64_MIN;
    set(a, note, ret->starts_ms == INT64_MIN ? at_ms : ret->starts_ms, now_ms);
}

void firing_apply(struct firing *f, struct note *note, int64_t now_ms, struct firing_change *ret)
{
    *ret = (struct firing_change){ .starts_ms = note->firing ? note->m->occurred_at_ms : INT64_MIN };
    if (note->passing)
        return;
    struct firing_alert *a = find(f, note);
    if (a && a->changed_ms > note->m->occurred_at_ms) {
        ret->stale = true;
        return;
    }
    a = a ? a : add(f, note);
    if (a)
        change(a, note, now_ms, ret);
}

void firing_read_begin(struct firing *f, int64_t now_ms)
{
    f->reading++;
    f->reading_at_ms = now_ms;
}

void firing_read(struct firing *f, struct note *note, int64_t now_ms)
{
    struct firing_change ignored = { 0 };
    struct firing_alert *a = find(f, note);
    const bool newer = !a || note->m->occurred_at_ms > a->changed_ms;
    a = a ? a : add(f, note);
    if (!a)
        return;
    if (newer)
        change(a, note, now_ms, &ignored);
    note_drop(ignored.superseded);
    a->reading = f->reading;
}

static void drop(struct firing *f, uint32_t i)
{
    note_drop(f->v[i].note);
    f->v[i] = f->v[--f->n];
}

uint32_t firing_read_end(struct firing *f)
{
    const uint32_t before = f->n;
    for (uint32_t i = f->n; i-- > 0;)
        if (!f->v[i].resolved && f->v[i].reading != f->reading && f->v[i].seen_at_ms < f->reading_at_ms)
            drop(f, i);
    if (f->n != before)
        index_all(f);
    return before - f->n;
}

void firing_expire(struct firing *f, int64_t now_ms)
{
    const uint32_t before = f->n;
    for (uint32_t i = f->n; i-- > 0;)
        if (f->v[i].resolved && now_ms - f->v[i].seen_at_ms > FIRING_KEEP_RESOLVED_MS)
            drop(f, i);
    if (f->n != before)
        index_all(f);
}
