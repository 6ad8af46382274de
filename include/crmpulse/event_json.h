/* JSON text (one flat object, as shared with every producer) to and from `struct event`.
 *
 * Reads with jansson, which takes memory from malloc for the length of a call. A CloudEvents envelope in JSON is opened:
 * if the object has "specversion" and an object "data", that is the event, and the envelope's "id" stands in for a missing
 * "event_id". What it does not do: arrays of events, comments, lines (one text a call), the rules of the type. */
#ifndef CRMPULSE_EVENT_JSON_H
#define CRMPULSE_EVENT_JSON_H

#include "crmpulse/arena.h"
#include "crmpulse/event.h"

enum { EVENT_JSON_MAX_BYTES = 1 << 20, EVENT_JSON_MAX_DEPTH = 32 };

/* What a decoder has to say beside the reason. */
struct event_note {
    enum event_field field; /* the field at fault, or EVENT_FIELD_COUNT */
    uint32_t unknown_keys;  /* keys skipped: not in the vocabulary, or not a field of this type */
};

/* Decodes one JSON text. `schema` says which fields a type may carry. REJECT_NONE, or
 *   MALFORMED      no JSON, no object, a duplicate key, nested deeper than EVENT_JSON_MAX_DEPTH, junk after it, a value of
 *                  the wrong JSON type, a fraction where an integer belongs
 *   TOO_LARGE      over EVENT_JSON_MAX_BYTES, or no memory    INVALID_UTF8   NUL included
 *   OUT_OF_RANGE   an integer string over 64 bits, or a list that is too long
 *   UNKNOWN_TYPE   MISSING_FIELD (no "type")
 * An integer may be a number or a decimal string; null is the same as absent; a COUNT may be true or false (1 or 0).
 * On success the texts lie in the arena. On failure *ret_ev is undefined and the arena is as before. */
enum event_reject event_json_decode(const struct event_schema *schema, struct arena *a, const char *text, size_t n,
                                    struct event *ret_ev, struct event_note *ret_note);

/* The event as one line of JSON in the arena, keys in the order of event_fields.def, integers as numbers. The slice's p is
 * NULL without memory. */
struct slice event_json_encode(const struct event_schema *schema, const struct event *ev, struct arena *a);

#endif
