/* Reading the protobuf wire format in place: tags, varints and the extent of each field. No schema, no allocation. */
#ifndef CRMPULSE_PB_WIRE_H
#define CRMPULSE_PB_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pb_wire_type { PB_VARINT = 0, PB_FIXED64 = 1, PB_BYTES = 2, PB_FIXED32 = 5 };

struct pb_reader {
    const uint8_t *p;
    const uint8_t *end;
};

/* One field as it stands on the wire. */
struct pb_field {
    uint32_t number;
    enum pb_wire_type type;
    uint64_t varint;      /* of a PB_VARINT */
    const uint8_t *bytes; /* of a PB_BYTES: its content */
    size_t n;
    size_t wire_bytes; /* tag and all */
};

/* Reads a varint of at most 64 bits in at most 10 bytes; false if it is cut off or longer. */
bool pb_read_varint(struct pb_reader *r, uint64_t *ret);

/* Reads the next field (r must not be at its end); false if it is malformed: number 0 or over 2^29-1, a group, cut off. */
bool pb_read_field(struct pb_reader *r, struct pb_field *ret);

#endif
