/* Protobuf bytes (proto/crmpulse/v1/event.proto) to and from `struct event`.
 *
 * Decoding looks through the bytes before protobuf-c does: it caps what protobuf-c would allocate for (fields, list
 * entries, unknown bytes) and refuses what protobuf-c would silently change (strings with a NUL, numbers too big for their
 * field). It then unpacks into an arena, so that an event costs no malloc once the arena has grown to a batch's size.
 * What it does not do: strip a registry's framing (framing.h), apply the rules of the type (event_validate). */
#ifndef CRMPULSE_EVENT_PB_H
#define CRMPULSE_EVENT_PB_H

#include "crmpulse/arena.h"
#include "crmpulse/event.h"

struct ProtobufCMessageDescriptor;

enum {
    EVENT_PB_SLOTS = 16,    /* field numbers of the envelope and of each body: 1..15 */
    EVENT_PB_NUMBERS = 256, /* the bodies' field numbers in Event are below this */
    EVENT_PB_MAX_BYTES = 1 << 20,
    EVENT_PB_MAX_UNKNOWN_BYTES = 1 << 16,
    EVENT_PB_MAX_FIELDS = 1024
};

enum event_pb_kind { EVENT_PB_NONE, EVENT_PB_TEXT, EVENT_PB_INT64, EVENT_PB_INT32, EVENT_PB_BOOL, EVENT_PB_INT32_LIST };

/* Where a field number's value lies in protobuf-c's struct. Private. */
struct event_pb_slot {
    enum event_field field;
    enum event_pb_kind kind;
    uint32_t offset;     /* of the value */
    uint32_t has_offset; /* of the presence flag, or of the length of a list */
};

/* One message: the envelope (Event) or the body of one type. Private. */
struct event_pb_message {
    const struct ProtobufCMessageDescriptor *desc;
    uint32_t number; /* of the body in Event */
    struct event_pb_slot slot[EVENT_PB_SLOTS];
};

/* Built once, read by all; about 30 kB. The three limits may be changed after event_pb_init. */
struct event_pb {
    size_t max_bytes;         /* of a message */
    size_t max_unknown_bytes; /* of fields that this version does not know */
    uint32_t max_fields;      /* occurrences of fields, known or not */
    struct event_pb_message envelope;
    struct event_pb_message body[EVENT_TYPE_COUNT];
    int16_t type_of_number[EVENT_PB_NUMBERS]; /* event type, or -1 */
    uint32_t body_offset;                     /* of the oneof's pointer */
    uint32_t case_offset;                     /* of the oneof's field number */
};

/* Matches the compiled schema with the event tables. 0, or -1 if they disagree (a mistake of the build). */
int event_pb_init(struct event_pb *map);

/* Decodes `n` bytes into *ret_ev. REJECT_NONE, or MALFORMED, TOO_LARGE (over one of the caps), INVALID_UTF8 (NUL included),
 * UNKNOWN_TYPE or OUT_OF_RANGE (a number that does not fit its field). Unknown fields under the cap are skipped.
 * On success the event's texts lie in the arena and live as long as it is not reset; `bytes` may go. On failure *ret_ev is
 * undefined and the arena is as before. An arena without memory gives TOO_LARGE. No malloc but the arena's own. */
enum event_reject event_pb_decode(const struct event_pb *map, struct arena *a, const uint8_t *bytes, size_t n,
                                  struct event *ret_ev);

/* Encodes into the arena: the length, *ret pointing to the bytes. 0 if the event has a field its type cannot carry, a text
 * with a NUL, a number too big for its field, or if there is no memory. */
size_t event_pb_encode(const struct event_pb *map, const struct event *ev, struct arena *a, uint8_t **ret);

#endif
