/* Decoding of transitions, and what identifies an alert. */
#include "daemon/notify/note.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "crmpulse/notify.h"

static int level_named(const char *text)
{
    for (int i = 0; i < NOTIFY_LEVEL_COUNT; i++)
        if (strcmp(text, notify_level_name((enum notify_level)i)) == 0)
            return i;
    return -1;
}

static bool fires(const char *state)
{
    return strcmp(state, "firing") == 0 || strcmp(state, "recovering") == 0;
}

static bool is_whole(const Crmpulse__V1__AlertTransition *m)
{
    return *m->id && *m->rule && *m->org && *m->dim && *m->subject && *m->to_state;
}

struct note *note_decode(const void *bytes, size_t n)
{
    struct note *note = calloc(1, sizeof *note);
    Crmpulse__V1__AlertTransition *m =
        bytes && n <= NOTE_BYTES_MAX ? crmpulse__v1__alert_transition__unpack(NULL, n, bytes) : NULL;
    const int level = m ? level_named(m->level) : -1;
    if (!note || level < 0 || !is_whole(m)) {
        if (m)
            crmpulse__v1__alert_transition__free_unpacked(m, NULL);
        free(note);
        return NULL;
    }
    *note = (struct note){ .refs = 1, .m = m, .level = level, .firing = fires(m->to_state) };
    note->escalated = note->firing && fires(m->from_state);
    note->passing = note->firing && !*m->condition;
    return note;
}

struct note *note_keep(struct note *note)
{
    note->refs++;
    return note;
}

void note_drop(struct note *note)
{
    if (!note || --note->refs)
        return;
    crmpulse__v1__alert_transition__free_unpacked(note->m, NULL);
    free(note);
}

void note_labels(const struct note *note, struct note_label ret[NOTE_LABELS])
{
    const Crmpulse__V1__AlertTransition *m = note->m;
    const struct note_label labels[NOTE_LABELS] = {
        { "alertname", m->rule }, { "dim", m->dim },         { "kpi", m->kpi },       { "org", m->org },
        { "severity", m->level }, { "subject", m->subject }, { "window", m->window },
    };
    memcpy(ret, labels, sizeof labels);
}

static uint64_t hash_of(const char *const *text, size_t n)
{
    uint64_t h = 0;
    for (size_t i = 0; i < n; i++)
        h = XXH3_64bits_withSeed(text[i], strlen(text[i]), h + 1);
    return h;
}

uint64_t note_hash(const struct note *note)
{
    const Crmpulse__V1__AlertTransition *m = note->m;
    return hash_of((const char *const[]){ m->org, m->rule, m->dim, m->subject }, 4);
}

bool note_same(const struct note *a, const struct note *b)
{
    return strcmp(a->m->org, b->m->org) == 0 && strcmp(a->m->rule, b->m->rule) == 0 &&
           strcmp(a->m->dim, b->m->dim) == 0 && strcmp(a->m->subject, b->m->subject) == 0;
}

uint64_t note_fingerprint(const struct note *note)
{
    struct note_label label[NOTE_LABELS];
    const char *text[NOTE_LABELS];
    note_labels(note, label);
    for (int i = 0; i < NOTE_LABELS; i++)
        text[i] = label[i].value;
    return hash_of(text, NOTE_LABELS);
}
