/* The protobuf wire format, read in place. */
#include "pb_wire.h"

enum { VARINT_MAX_BYTES = 10, FIELD_NUMBER_MAX = (1 << 29) - 1 };

bool pb_read_varint(struct pb_reader *r, uint64_t *ret)
{
    uint64_t value = 0;
    for (int i = 0; i < VARINT_MAX_BYTES && r->p < r->end; i++) {
        uint8_t byte = *r->p++;
        if (i == VARINT_MAX_BYTES - 1 && byte > 1) /* bits above the 64th, or an eleventh byte */
            return false;
        value |= (uint64_t)(byte & 0x7F) << (7 * i);
        if (byte < 0x80) {
            *ret = value;
            return true;
        }
    }
    return false;
}

static bool skip(struct pb_reader *r, uint64_t n)
{
    if (n > (uint64_t)(r->end - r->p))
        return false;
    r->p += n;
    return true;
}

static bool read_value(struct pb_reader *r, struct pb_field *f)
{
    uint64_t n;
    switch (f->type) {
    case PB_VARINT:
        return pb_read_varint(r, &f->varint);
    case PB_FIXED64:
        return skip(r, 8);
    case PB_FIXED32:
        return skip(r, 4);
    case PB_BYTES:
        if (!pb_read_varint(r, &n))
            return false;
        f->bytes = r->p;
        f->n = (size_t)n;
        return skip(r, n);
    }
    return false; /* groups, and types that do not exist */
}

bool pb_read_field(struct pb_reader *r, struct pb_field *ret)
{
    const uint8_t *start = r->p;
    uint64_t tag;
    if (!pb_read_varint(r, &tag) || tag >> 3 == 0 || tag >> 3 > FIELD_NUMBER_MAX)
        return false;
    *ret = (struct pb_field){ .number = (uint32_t)(tag >> 3), .type = (enum pb_wire_type)(tag & 7) };
    if (!read_value(r, ret))
        return false;
    ret->wire_bytes = (size_t)(r->p - start);
    return true;
}
