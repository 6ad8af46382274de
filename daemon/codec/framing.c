/* The prefix of schema-registry serialisers. Only reads; the payload stays where it is. */
#include "crmpulse/framing.h"

#include "pb_wire.h"

enum { PREFIX_BYTES = 5 };

bool framing_is_json(const uint8_t *bytes, size_t n)
{
    size_t i = 0;
    while (i < n && (bytes[i] == ' ' || bytes[i] == '\t' || bytes[i] == '\n' || bytes[i] == '\r'))
        i++;
    return i < n && bytes[i] == '{';
}

static bool read_zigzag(struct pb_reader *r, int64_t *ret)
{
    uint64_t raw;
    if (!pb_read_varint(r, &raw))
        return false;
    *ret = (int64_t)(raw >> 1) ^ -(int64_t)(raw & 1);
    return true;
}

/* Reads the path; *ret_first: it names the first message of the schema. */
static bool read_path(struct pb_reader *r, bool *ret_first)
{
    int64_t count;
    if (!read_zigzag(r, &count) || count < 0 || count > FRAMING_MAX_DEPTH)
        return false;
    *ret_first = count <= 1;
    for (int64_t i = 0; i < count; i++) {
        int64_t index;
        if (!read_zigzag(r, &index) || index < 0)
            return false;
        *ret_first = *ret_first && index == 0;
    }
    return true;
}

int framing_strip(const uint8_t *bytes, size_t n, struct framing *ret)
{
    *ret = (struct framing){ .payload = bytes, .payload_bytes = n, .first_message = true };
    if (n == 0 || bytes[0] != 0)
        return 0;
    if (n < PREFIX_BYTES)
        return -1;
    ret->has_prefix = true;
    ret->schema_id = (uint32_t)bytes[1] << 24 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 8 | bytes[4];
    struct pb_reader r = { bytes + PREFIX_BYTES, bytes + n };
    /* JSON has no path, and '{' would be a negative count; but a blank before it would be a count that looks good */
    if (!framing_is_json(r.p, n - PREFIX_BYTES) && !read_path(&r, &ret->first_message))
        return -1;
    ret->payload = r.p;
    ret->payload_bytes = (size_t)(r.end - r.p);
    return 0;
}
