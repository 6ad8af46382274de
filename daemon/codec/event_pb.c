/* Protobuf <-> struct event by a table over protobuf-c's descriptors: no line here names a single event type. */
#include "crmpulse/event_pb.h"

#include <protobuf-c/protobuf-c.h>

#include "crmpulse/utf8.h"
#include "crmpulse/v1/event.pb-c.h"
#include "pb_arena.h"
#include "pb_wire.h"

static const void *peek(const void *message, uint32_t offset)
{
    return (const char *)message + offset;
}

static void *poke(void *message, uint32_t offset)
{
    return (char *)message + offset;
}

/* ---- the table, built once ---- */

static bool is_text_kind(enum field_kind kind)
{
    return kind == FIELD_ID || kind == FIELD_CODE || kind == FIELD_TEXT || kind == FIELD_CURRENCY;
}

/* How a field of our vocabulary may stand in the schema; NONE if it may not stand there in this way. */
static enum event_pb_kind slot_kind(enum field_kind kind, const ProtobufCFieldDescriptor *fd)
{
    bool list = fd->label == PROTOBUF_C_LABEL_REPEATED;
    if (list || kind == FIELD_PPM_LIST)
        return list && kind == FIELD_PPM_LIST && fd->type == PROTOBUF_C_TYPE_INT32 ? EVENT_PB_INT32_LIST
                                                                                   : EVENT_PB_NONE;
    if (is_text_kind(kind))
        return fd->type == PROTOBUF_C_TYPE_STRING ? EVENT_PB_TEXT : EVENT_PB_NONE;
    if (fd->type == PROTOBUF_C_TYPE_BOOL) /* a yes or no may be counted: process_finished.conformant */
        return kind == FIELD_BOOL || kind == FIELD_COUNT ? EVENT_PB_BOOL : EVENT_PB_NONE;
    if (kind == FIELD_BOOL)
        return EVENT_PB_NONE;
    if (fd->type == PROTOBUF_C_TYPE_INT64)
        return EVENT_PB_INT64;
    return fd->type == PROTOBUF_C_TYPE_INT32 ? EVENT_PB_INT32 : EVENT_PB_NONE;
}

static int add_slot(struct event_pb_message *m, const ProtobufCFieldDescriptor *fd)
{
    int f = event_field_by_name(slice_of(fd->name));
    if (f < 0 || fd->id >= EVENT_PB_SLOTS || m->slot[fd->id].kind != EVENT_PB_NONE)
        return -1;
    m->slot[fd->id] = (struct event_pb_slot){ .field = (enum event_field)f,
                                              .kind = slot_kind(event_field_info((enum event_field)f)->kind, fd),
                                              .offset = fd->offset,
                                              .has_offset = fd->quantifier_offset };
    return m->slot[fd->id].kind == EVENT_PB_NONE ? -1 : 0;
}

static int init_body(struct event_pb *map, const ProtobufCFieldDescriptor *fd)
{
    int t = event_type_by_name(slice_of(fd->name));
    if (t < 0 || fd->id >= EVENT_PB_NUMBERS || fd->type != PROTOBUF_C_TYPE_MESSAGE || map->body[t].desc)
        return -1;
    struct event_pb_message *m = &map->body[t];
    m->desc = fd->descriptor;
    m->number = fd->id;
    map->type_of_number[fd->id] = (int16_t)t;
    map->body_offset = fd->offset;
    map->case_offset = fd->quantifier_offset;
    for (unsigned i = 0; i < m->desc->n_fields; i++)
        if (add_slot(m, &m->desc->fields[i]) < 0)
            return -1;
    return 0;
}

int event_pb_init(struct event_pb *map)
{
    *map = (struct event_pb){ .max_bytes = EVENT_PB_MAX_BYTES,
                              .max_unknown_bytes = EVENT_PB_MAX_UNKNOWN_BYTES,
                              .max_fields = EVENT_PB_MAX_FIELDS };
    for (int i = 0; i < EVENT_PB_NUMBERS; i++)
        map->type_of_number[i] = -1;
    map->envelope.desc = &crmpulse__v1__event__descriptor;
    for (unsigned i = 0; i < map->envelope.desc->n_fields; i++) {
        const ProtobufCFieldDescriptor *fd = &map->envelope.desc->fields[i];
        bool in_oneof = fd->flags & PROTOBUF_C_FIELD_FLAG_ONEOF;
        if ((in_oneof ? init_body(map, fd) : add_slot(&map->envelope, fd)) < 0)
            return -1;
    }
    for (int t = 0; t < EVENT_TYPE_COUNT; t++)
        if (!map->body[t].desc)
            return -1;
    return 0;
}

/* ---- the look through the bytes before unpacking ---- */

struct scan {
    const struct event_pb *map;
    size_t unknown_bytes;
    uint32_t fields;
    uint32_t list_entries;
};

static bool fits_int32(uint64_t varint)
{
    int64_t value = (int64_t)varint;
    return value >= INT32_MIN && value <= INT32_MAX;
}

static enum event_reject count_entry(struct scan *s, uint64_t varint)
{
    if (++s->list_entries > EVENT_PPM_LIST_MAX)
        return REJECT_TOO_LARGE;
    return fits_int32(varint) ? REJECT_NONE : REJECT_OUT_OF_RANGE;
}

static enum event_reject scan_list(struct scan *s, const struct pb_field *f)
{
    if (f->type == PB_VARINT)
        return count_entry(s, f->varint);
    if (f->type != PB_BYTES)
        return REJECT_MALFORMED;
    struct pb_reader r = { f->bytes, f->bytes + f->n };
    while (r.p < r.end) {
        uint64_t varint;
        if (!pb_read_varint(&r, &varint))
            return REJECT_MALFORMED;
        enum event_reject reason = count_entry(s, varint);
        if (reason != REJECT_NONE)
            return reason;
    }
    return REJECT_NONE;
}

/* protobuf-c hands strings over as C strings: only here is a NUL inside still to be seen. */
static enum event_reject scan_text(const struct pb_field *f)
{
    if (f->type != PB_BYTES)
        return REJECT_MALFORMED;
    bool good = utf8_valid((const char *)f->bytes, f->n) && (f->n == 0 || !memchr(f->bytes, '\0', f->n));
    return good ? REJECT_NONE : REJECT_INVALID_UTF8;
}

static enum event_reject scan_known(struct scan *s, const struct event_pb_slot *slot, const struct pb_field *f)
{
    if (slot->kind == EVENT_PB_TEXT)
        return scan_text(f);
    if (slot->kind == EVENT_PB_INT32_LIST)
        return scan_list(s, f);
    if (f->type != PB_VARINT)
        return REJECT_MALFORMED;
    /* protobuf-c would cut the number off and go on with another one */
    return slot->kind != EVENT_PB_INT32 || fits_int32(f->varint) ? REJECT_NONE : REJECT_OUT_OF_RANGE;
}

static enum event_reject scan_unknown(struct scan *s, const struct pb_field *f)
{
    s->unknown_bytes += f->wire_bytes;
    return s->unknown_bytes > s->map->max_unknown_bytes ? REJECT_TOO_LARGE : REJECT_NONE;
}

static const struct event_pb_slot *find_slot(const struct event_pb_message *m, uint32_t number)
{
    return number < EVENT_PB_SLOTS && m->slot[number].kind != EVENT_PB_NONE ? &m->slot[number] : NULL;
}

static const struct event_pb_message *find_body(const struct event_pb *map, uint32_t number)
{
    int type = number < EVENT_PB_NUMBERS ? map->type_of_number[number] : -1;
    return type < 0 ? NULL : &map->body[type];
}

static enum event_reject scan_body(struct scan *s, const struct event_pb_message *m, const struct pb_field *body)
{
    if (body->type != PB_BYTES)
        return REJECT_MALFORMED;
    struct pb_reader r = { body->bytes, body->bytes + body->n };
    while (r.p < r.end) {
        struct pb_field f;
        if (!pb_read_field(&r, &f))
            return REJECT_MALFORMED;
        if (++s->fields > s->map->max_fields)
            return REJECT_TOO_LARGE;
        const struct event_pb_slot *slot = find_slot(m, f.number);
        enum event_reject reason = slot ? scan_known(s, slot, &f) : scan_unknown(s, &f);
        if (reason != REJECT_NONE)
            return reason;
    }
    return REJECT_NONE;
}

static enum event_reject scan_field(struct scan *s, const struct pb_field *f)
{
    const struct event_pb_slot *slot = find_slot(&s->map->envelope, f->number);
    if (slot)
        return scan_known(s, slot, f);
    const struct event_pb_message *body = find_body(s->map, f->number);
    return body ? scan_body(s, body, f) : scan_unknown(s, f);
}

static enum event_reject scan_event(const struct event_pb *map, const uint8_t *bytes, size_t n)
{
    struct scan s = { .map = map };
    struct pb_reader r = { bytes, bytes + n };
    while (r.p < r.end) {
        struct pb_field f;
        if (!pb_read_field(&r, &f))
            return REJECT_MALFORMED;
        if (++s.fields > map->max_fields)
            return REJECT_TOO_LARGE;
        enum event_reject reason = scan_field(&s, &f);
        if (reason != REJECT_NONE)
            return reason;
    }
    return REJECT_NONE;
}

/* ---- from protobuf-c's struct to ours ---- */

static void view_list(struct event *ev, enum event_field f, const int32_t *entries, size_t n)
{
    if (n == 0)
        return; /* the wire cannot tell an empty list from an absent one */
    ev->v[f].ppm.p = entries;
    ev->v[f].ppm.n = (uint32_t)n;
    event_mark(ev, f);
}

static void view_slot(struct event *ev, const struct event_pb_slot *slot, const void *message)
{
    const void *value = peek(message, slot->offset);
    const void *has = peek(message, slot->has_offset);
    const char *text;
    switch (slot->kind) {
    case EVENT_PB_NONE:
        return;
    case EVENT_PB_TEXT:
        text = *(char *const *)value;
        if (text)
            event_set_str(ev, slot->field, slice_of(text));
        return;
    case EVENT_PB_INT64:
        if (*(const protobuf_c_boolean *)has)
            event_set_int(ev, slot->field, *(const int64_t *)value);
        return;
    case EVENT_PB_INT32:
        if (*(const protobuf_c_boolean *)has)
            event_set_int(ev, slot->field, *(const int32_t *)value);
        return;
    case EVENT_PB_BOOL:
        if (*(const protobuf_c_boolean *)has)
            event_set_int(ev, slot->field, *(const protobuf_c_boolean *)value != 0);
        return;
    case EVENT_PB_INT32_LIST:
        view_list(ev, slot->field, *(int32_t *const *)value, *(const size_t *)has);
        return;
    }
}

static void view_message(struct event *ev, const struct event_pb_message *m, const void *message)
{
    for (int i = 1; i < EVENT_PB_SLOTS; i++)
        view_slot(ev, &m->slot[i], message);
}

static enum event_reject view_event(const struct event_pb *map, const ProtobufCMessage *message, struct event *ret_ev)
{
    const struct event_pb_message *body = find_body(map, *(const uint32_t *)peek(message, map->case_offset));
    if (!body)
        return REJECT_UNKNOWN_TYPE;
    event_clear(ret_ev);
    ret_ev->type = (enum event_type)(body - map->body);
    view_message(ret_ev, &map->envelope, message);
    view_message(ret_ev, body, *(void *const *)peek(message, map->body_offset));
    return REJECT_NONE;
}

enum event_reject event_pb_decode(const struct event_pb *map, struct arena *a, const uint8_t *bytes, size_t n,
                                  struct event *ret_ev)
{
    if (n > map->max_bytes)
        return REJECT_TOO_LARGE;
    if (n == 0)
        return REJECT_MALFORMED;
    enum event_reject reason = scan_event(map, bytes, n);
    if (reason != REJECT_NONE)
        return reason;
    struct arena_mark mark = arena_mark(a);
    ProtobufCAllocator allocator = pb_arena_allocator(a);
    ProtobufCMessage *message = protobuf_c_message_unpack(map->envelope.desc, &allocator, n, bytes);
    reason = message ? view_event(map, message, ret_ev) : REJECT_TOO_LARGE; /* the scan left only want of memory */
    if (reason != REJECT_NONE)
        arena_rewind(a, mark);
    return reason;
}

/* ---- from our struct to bytes ---- */

static bool put_text(struct arena *a, struct slice text, void *value)
{
    char *copy = pb_arena_text(a, text);
    if (!copy)
        return false;
    *(char **)value = copy;
    return true;
}

static bool put_slot(struct arena *a, const struct event_pb_slot *slot, const union event_value *v, void *message)
{
    void *value = poke(message, slot->offset);
    void *has = poke(message, slot->has_offset);
    switch (slot->kind) {
    case EVENT_PB_NONE:
        return false;
    case EVENT_PB_TEXT:
        return put_text(a, v->s, value);
    case EVENT_PB_INT64:
        *(int64_t *)value = v->i;
        break;
    case EVENT_PB_INT32:
        if (v->i < INT32_MIN || v->i > INT32_MAX)
            return false;
        *(int32_t *)value = (int32_t)v->i;
        break;
    case EVENT_PB_BOOL:
        if (v->i < 0 || v->i > 1)
            return false;
        *(protobuf_c_boolean *)value = (protobuf_c_boolean)v->i;
        break;
    case EVENT_PB_INT32_LIST:
        *(const int32_t **)value = v->ppm.p;
        *(size_t *)has = v->ppm.n;
        return true;
    }
    *(protobuf_c_boolean *)has = 1;
    return true;
}

/* The number of fields put, or -1. */
static int put_message(struct arena *a, const struct event_pb_message *m, const struct event *ev, void *message)
{
    int put = 0;
    for (int i = 1; i < EVENT_PB_SLOTS; i++) {
        const struct event_pb_slot *slot = &m->slot[i];
        if (slot->kind == EVENT_PB_NONE || !event_has(ev, slot->field))
            continue;
        if (!put_slot(a, slot, &ev->v[slot->field], message))
            return -1;
        put++;
    }
    return put;
}

static int count_present(const struct event *ev)
{
    int n = 0;
    for (int w = 0; w < EVENT_PRESENT_WORDS; w++)
        n += __builtin_popcountll(ev->present[w]);
    return n;
}

size_t event_pb_encode(const struct event_pb *map, const struct event *ev, struct arena *a, uint8_t **ret)
{
    if ((unsigned)ev->type >= EVENT_TYPE_COUNT)
        return 0;
    const struct event_pb_message *body = &map->body[ev->type];
    ProtobufCMessage *event = pb_arena_new(a, map->envelope.desc);
    ProtobufCMessage *inner = pb_arena_new(a, body->desc);
    if (!event || !inner)
        return 0;
    *(uint32_t *)poke(event, map->case_offset) = body->number;
    *(void **)poke(event, map->body_offset) = inner;
    int outside = put_message(a, &map->envelope, ev, event);
    int inside = put_message(a, body, ev, inner);
    if (outside < 0 || inside < 0 || outside + inside != count_present(ev))
        return 0; /* a field the type cannot carry would be lost without a word */
    size_t n;
    return pb_arena_pack(a, event, ret, &n) ? n : 0;
}
