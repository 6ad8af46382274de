/* Any protobuf-c message as JSON text, by walking its descriptor. Knows no message of ours. */
#include <protobuf-c/protobuf-c.h>

#include "crmpulse/out_pb.h"
#include "json_text.h"
#include "pb_arena.h"

enum { JSON_MAX_DEPTH = 32, UNPACK_MAX_BYTES = 1 << 20 };

static void write_message(struct json_text *t, const ProtobufCMessage *message, int depth);

static void write_enum(struct json_text *t, const ProtobufCEnumDescriptor *desc, int value)
{
    const ProtobufCEnumValue *known = protobuf_c_enum_descriptor_get_value(desc, value);
    if (known)
        json_text_string(t, slice_of(known->name));
    else
        json_text_int(t, value);
}

static void write_value(struct json_text *t, const ProtobufCFieldDescriptor *fd, const void *value, int depth)
{
    switch (fd->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        json_text_int(t, *(const int32_t *)value);
        return;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        json_text_int(t, *(const int64_t *)value);
        return;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        json_text_uint(t, *(const uint32_t *)value);
        return;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        json_text_uint(t, *(const uint64_t *)value);
        return;
    case PROTOBUF_C_TYPE_FLOAT:
        json_text_double(t, (double)*(const float *)value);
        return;
    case PROTOBUF_C_TYPE_DOUBLE:
        json_text_double(t, *(const double *)value);
        return;
    case PROTOBUF_C_TYPE_BOOL:
        json_text_bool(t, *(const protobuf_c_boolean *)value != 0);
        return;
    case PROTOBUF_C_TYPE_ENUM:
        write_enum(t, fd->descriptor, *(const int *)value);
        return;
    case PROTOBUF_C_TYPE_STRING:
        json_text_string(t, slice_of(*(char *const *)value));
        return;
    case PROTOBUF_C_TYPE_BYTES:
        json_text_base64(t, ((const ProtobufCBinaryData *)value)->data, ((const ProtobufCBinaryData *)value)->len);
        return;
    case PROTOBUF_C_TYPE_MESSAGE:
        write_message(t, *(const ProtobufCMessage *const *)value, depth + 1);
        return;
    }
    json_text_null(t);
}

/* Bytes from one element of a repeated field to the next. */
static size_t element_bytes(const ProtobufCFieldDescriptor *fd)
{
    switch (fd->type) {
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return 8;
    default:
        return 4; /* 32-bit numbers, enums and protobuf-c's booleans */
    }
}

static bool is_pointer(const ProtobufCFieldDescriptor *fd)
{
    return fd->type == PROTOBUF_C_TYPE_STRING || fd->type == PROTOBUF_C_TYPE_MESSAGE;
}

static bool is_set(const ProtobufCFieldDescriptor *fd, const char *message)
{
    const void *quantifier = message + fd->quantifier_offset;
    const void *value = message + fd->offset;
    if (fd->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        return *(const uint32_t *)quantifier == fd->id;
    if (is_pointer(fd)) /* an unset string points to its default, if it has one */
        return *(const void *const *)value != NULL &&
               (fd->label == PROTOBUF_C_LABEL_NONE || *(const void *const *)value != fd->default_value);
    return fd->label != PROTOBUF_C_LABEL_OPTIONAL || *(const protobuf_c_boolean *)quantifier;
}

static void write_repeated(struct json_text *t, const ProtobufCFieldDescriptor *fd, const char *message, int depth)
{
    const void *count = message + fd->quantifier_offset;
    const void *value = message + fd->offset;
    const char *elements = *(const char *const *)value;
    json_text_open(t, '[');
    for (size_t i = 0; i < *(const size_t *)count; i++)
        write_value(t, fd, elements + i * element_bytes(fd), depth);
    json_text_close(t, ']');
}

static void write_message(struct json_text *t, const ProtobufCMessage *message, int depth)
{
    if (depth > JSON_MAX_DEPTH) {
        json_text_null(t);
        return;
    }
    const char *base = (const char *)message;
    json_text_open(t, '{');
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *fd = &message->descriptor->fields[i];
        bool repeated = fd->label == PROTOBUF_C_LABEL_REPEATED;
        if (!repeated && !is_set(fd, base))
            continue;
        json_text_key(t, fd->name);
        if (repeated)
            write_repeated(t, fd, base, depth);
        else
            write_value(t, fd, base + fd->offset, depth);
    }
    json_text_close(t, '}');
}

struct slice out_json(struct arena *a, const ProtobufCMessage *message)
{
    struct json_text t;
    json_text_init(&t, a);
    write_message(&t, message, 1);
    return json_text_end(&t);
}

int out_json_from_bytes(struct arena *a, enum out_message which, const uint8_t *bytes, size_t n, struct slice *ret_text)
{
    if (n > UNPACK_MAX_BYTES)
        return -1;
    ProtobufCAllocator allocator = pb_arena_allocator(a);
    ProtobufCMessage *message = protobuf_c_message_unpack(out_pb_descriptor(which), &allocator, n, bytes);
    if (!message)
        return -1;
    struct slice text = out_json(a, message);
    if (!text.p)
        return -1;
    *ret_text = text;
    return 0;
}
