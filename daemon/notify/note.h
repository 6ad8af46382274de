/* An alert transition as it travels through `crmpulse notify`: decoded once, shared by the queues, the set of firing alerts and requests. */
#ifndef CRMPULSE_NOTIFY_NOTE_H
#define CRMPULSE_NOTIFY_NOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crmpulse/v1/alert.pb-c.h"

enum { NOTE_BYTES_MAX = 1 << 20 };

/* What is said of an alert; never changed once it is made. */
struct note {
    uint32_t refs;
    Crmpulse__V1__AlertTransition *m;
    int level;      /* enum notify_level */
    bool firing;    /* the state that it leads to: fires, or has ended */
    bool escalated; /* fired already, at a lower level */
    bool passing;   /* a milestone: it was passed, there is no end to wait for */
};

/* One reference is the caller's. NULL: the bytes are no transition, a text that names it is empty, its level is unknown, or there is no memory. */
struct note *note_decode(const void *bytes, size_t n);
struct note *note_keep(struct note *note);
void note_drop(struct note *note); /* accepts NULL */

/* The labels of an alert: what identifies it at Alertmanager. In the order of their names; an empty value is none. */
enum { NOTE_LABELS = 7 };
struct note_label {
    const char *name, *value;
};
void note_labels(const struct note *note, struct note_label ret[NOTE_LABELS]);

/* Hash of org, rule, dim and subject: one alert, at whatever level. Equality is note_same. */
uint64_t note_hash(const struct note *note);
bool note_same(const struct note *a, const struct note *b);
/* Hash of the labels, for receivers: the same for an alert and its end. */
uint64_t note_fingerprint(const struct note *note);

#endif
