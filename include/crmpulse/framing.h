/* What may stand around an event's bytes: the prefix that schema-registry serialisers put before each record.
 *
 * The prefix is a zero byte, a schema id of four bytes (big-endian) and, for protobuf only, the path of the message in its
 * schema: a count and that many indexes, all zig-zag varints, where the path [0] is shortened to a single zero byte.
 * Neither protobuf nor JSON can begin with a zero byte, so its presence is certain. What it does not do: ask a registry. */
#ifndef CRMPULSE_FRAMING_H
#define CRMPULSE_FRAMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FRAMING_MAX_DEPTH = 8 }; /* of a message path: nested types */

struct framing {
    const uint8_t *payload; /* what is left, inside the given bytes */
    size_t payload_bytes;
    bool has_prefix;
    uint32_t schema_id; /* with a prefix */
    bool first_message; /* no prefix, no path, or the path [0] */
};

/* True if the bytes are JSON text of an object: the first byte that is no blank is '{'. */
bool framing_is_json(const uint8_t *bytes, size_t n);

/* Strips a prefix if there is one. 0, or -1 if it is cut off or its path is malformed. */
int framing_strip(const uint8_t *bytes, size_t n, struct framing *ret);

#endif
