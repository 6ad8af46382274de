/* An arena as protobuf-c's allocator. */
#include "pb_arena.h"

static void *take(void *arena, size_t n)
{
    return arena_alloc(arena, n);
}

static void give_back(void *arena, void *p)
{
    (void)arena; /* arena_reset frees everything at once */
    (void)p;
}

ProtobufCAllocator pb_arena_allocator(struct arena *a)
{
    return (ProtobufCAllocator){ .alloc = take, .free = give_back, .allocator_data = a };
}

char *pb_arena_text(struct arena *a, struct slice s)
{
    if (s.n && memchr(s.p, '\0', s.n))
        return NULL;
    return (char *)arena_copy(a, s).p;
}

ProtobufCMessage *pb_arena_new(struct arena *a, const ProtobufCMessageDescriptor *desc)
{
    ProtobufCMessage *message = arena_alloc(a, desc->sizeof_message);
    if (message)
        protobuf_c_message_init(desc, message);
    return message;
}

bool pb_arena_pack(struct arena *a, const ProtobufCMessage *message, uint8_t **ret, size_t *ret_n)
{
    size_t n = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = arena_alloc(a, n);
    if (!bytes)
        return false;
    *ret_n = protobuf_c_message_pack(message, bytes);
    *ret = bytes;
    return true;
}
