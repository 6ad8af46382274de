/* Outputs to protobuf bytes: a walk over the tables of out_tables.c. */
#include "crmpulse/out_pb.h"

#include "crmpulse/utf8.h"
#include "crmpulse/v1/alert.pb-c.h"
#include "crmpulse/v1/board.pb-c.h"
#include "crmpulse/v1/deadletter.pb-c.h"
#include "crmpulse/v1/event.pb-c.h"
#include "crmpulse/v1/kpi.pb-c.h"
#include "crmpulse/v1/scorecard.pb-c.h"
#include "out_tables.h"
#include "pb_arena.h"

static bool put_text(struct arena *a, struct slice text, void *to)
{
    char *copy = utf8_valid(text.p, text.n) ? pb_arena_text(a, text) : NULL;
    if (copy)
        *(char **)to = copy;
    return copy != NULL;
}

/* Replaces byte by byte, so that the length stays: only people read such a text. */
static bool put_free_text(struct arena *a, struct slice text, void *to)
{
    struct slice copy = arena_copy(a, text);
    if (!copy.p)
        return false;
    bool good = utf8_valid(copy.p, copy.n);
    char *p = (char *)copy.p;
    for (uint32_t i = 0; i < copy.n; i++)
        if (p[i] == '\0' || (!good && (unsigned char)p[i] >= 0x80))
            p[i] = '?';
    *(char **)to = p;
    return true;
}

static void put_payload(struct slice payload, ProtobufCBinaryData *to)
{
    to->data = (uint8_t *)payload.p; /* only read, and gone before we return */
    to->len = payload.n < DEAD_LETTER_PAYLOAD_MAX ? payload.n : DEAD_LETTER_PAYLOAD_MAX;
}

static bool put_texts(struct arena *a, const struct slice *texts, size_t n, char ***to, size_t *to_count)
{
    if (n > SIZE_MAX / sizeof(void *))
        return false;
    char **copies = arena_alloc(a, n * sizeof *copies);
    if (!copies)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!put_text(a, texts[i], &copies[i]))
            return false;
    *to = copies;
    *to_count = n;
    return true;
}

static ProtobufCMessage *build(struct arena *a, const struct out_table *table, const void *from);

static bool put_messages(struct arena *a, const struct out_table *element, const char *from, size_t n,
                         ProtobufCMessage ***to, size_t *to_count)
{
    if (n > SIZE_MAX / sizeof(void *))
        return false;
    ProtobufCMessage **messages = arena_alloc(a, n * sizeof(void *));
    if (!messages)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!(messages[i] = build(a, element, from + i * element->struct_bytes)))
            return false;
    *to = messages;
    *to_count = n;
    return true;
}

static bool put_slot(struct arena *a, const struct out_slot *s, const char *ours, char *theirs)
{
    const void *from = ours + s->from;
    void *to = theirs + s->to;
    const void *from_count = ours + s->from_count;
    void *to_count = theirs + s->to_count;
    switch (s->kind) {
    case SLOT_TEXT:
        return put_text(a, *(const struct slice *)from, to);
    case SLOT_FREE_TEXT:
        return put_free_text(a, *(const struct slice *)from, to);
    case SLOT_PAYLOAD:
        put_payload(*(const struct slice *)from, to);
        return true;
    case SLOT_LENGTH:
        *(int64_t *)to = ((const struct slice *)from)->n;
        return true;
    case SLOT_INT64:
        *(int64_t *)to = *(const int64_t *)from;
        return true;
    case SLOT_INT32:
        *(int32_t *)to = *(const int32_t *)from;
        return true;
    case SLOT_DOUBLE:
        *(double *)to = *(const double *)from;
        return true;
    case SLOT_BOOL:
        *(protobuf_c_boolean *)to = *(const bool *)from;
        return true;
    case SLOT_TEXTS:
        return put_texts(a, *(const struct slice *const *)from, *(const size_t *)from_count, to, to_count);
    case SLOT_MESSAGES:
        return put_messages(a, s->element, *(const char *const *)from, *(const size_t *)from_count, to, to_count);
    }
    return false;
}

/* A message in the arena; NULL without memory or if a text cannot be sent. Depth: that of our schema, three. */
static ProtobufCMessage *build(struct arena *a, const struct out_table *table, const void *from)
{
    ProtobufCMessage *message = pb_arena_new(a, table->desc);
    if (!message)
        return NULL;
    for (size_t i = 0; i < table->count; i++)
        if (!put_slot(a, &table->slots[i], from, (char *)message))
            return NULL;
    return message;
}

static struct slice encode(struct arena *a, const struct out_table *table, const void *from)
{
    uint8_t *bytes;
    size_t n;
    const ProtobufCMessage *message = build(a, table, from);
    if (!message || !pb_arena_pack(a, message, &bytes, &n) || n > UINT32_MAX)
        return (struct slice){ 0 };
    return (struct slice){ (const char *)bytes, (uint32_t)n };
}

struct slice out_pb_kpi_row(struct arena *a, const struct kpi_row *row)
{
    return encode(a, &out_kpi_table, row);
}

struct slice out_pb_alert_transition(struct arena *a, const struct alert_transition *alert)
{
    return encode(a, &out_alert_table, alert);
}

struct slice out_pb_board_snapshot(struct arena *a, const struct board_snapshot *board)
{
    return encode(a, &out_board_table, board);
}

struct slice out_pb_scorecard_snapshot(struct arena *a, const struct scorecard_snapshot *card)
{
    return encode(a, &out_card_table, card);
}

struct slice out_pb_dead_letter(struct arena *a, const struct dead_letter *letter)
{
    return encode(a, &out_letter_table, letter);
}

struct slice out_pb_late_event(struct arena *a, const struct late_event *event)
{
    return encode(a, &out_late_table, event);
}

static const ProtobufCMessageDescriptor *const descriptors[OUT_MESSAGE_COUNT] = {
    [OUT_KPI_ROW] = &crmpulse__v1__kpi_row__descriptor,
    [OUT_ALERT_TRANSITION] = &crmpulse__v1__alert_transition__descriptor,
    [OUT_BOARD_SNAPSHOT] = &crmpulse__v1__board_snapshot__descriptor,
    [OUT_SCORECARD_SNAPSHOT] = &crmpulse__v1__scorecard_snapshot__descriptor,
    [OUT_DEAD_LETTER] = &crmpulse__v1__dead_letter__descriptor,
    [OUT_LATE_EVENT] = &crmpulse__v1__late_event__descriptor,
    [OUT_EVENT] = &crmpulse__v1__event__descriptor,
};

const struct ProtobufCMessageDescriptor *out_pb_descriptor(enum out_message which)
{
    return descriptors[which];
}

const char *out_pb_name(enum out_message which)
{
    return descriptors[which]->name;
}
