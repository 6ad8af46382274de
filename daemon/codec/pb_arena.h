/* protobuf-c's allocator interface on top of an arena: frees nothing, so a message lives until the arena is reset. */
#ifndef CRMPULSE_PB_ARENA_H
#define CRMPULSE_PB_ARENA_H

#include <protobuf-c/protobuf-c.h>

#include "crmpulse/arena.h"

/* An allocator that takes from `a`. The arena must outlive it. */
ProtobufCAllocator pb_arena_allocator(struct arena *a);

/* A NUL-terminated copy of `s` in the arena for a protobuf-c string field. NULL without memory, or if `s` holds a NUL: a
 * string field of protobuf-c cannot carry it. */
char *pb_arena_text(struct arena *a, struct slice s);

/* A message of `desc` in the arena, initialised as protobuf-c's generated init does it; NULL without memory. */
ProtobufCMessage *pb_arena_new(struct arena *a, const ProtobufCMessageDescriptor *desc);

/* Packs `message` into the arena: its length, *ret set. False without memory. */
bool pb_arena_pack(struct arena *a, const ProtobufCMessage *message, uint8_t **ret, size_t *ret_n);

#endif
