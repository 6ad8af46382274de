/* Outputs (output.h) to protobuf bytes, and protobuf bytes of any of our messages to JSON text for people.
 *
 * What it does not do: publish, make ids, read anything back into the structs of output.h. */
#ifndef CRMPULSE_OUT_PB_H
#define CRMPULSE_OUT_PB_H

#include "crmpulse/arena.h"
#include "crmpulse/output.h"

struct ProtobufCMessage;
struct ProtobufCMessageDescriptor;

enum out_message {
    OUT_KPI_ROW,
    OUT_ALERT_TRANSITION,
    OUT_BOARD_SNAPSHOT,
    OUT_SCORECARD_SNAPSHOT,
    OUT_DEAD_LETTER,
    OUT_LATE_EVENT,
    OUT_EVENT, /* the input, for out_json_from_bytes only */
    OUT_MESSAGE_COUNT
};

/* Encodes into the arena; the bytes live until it is reset. p is NULL without memory, or if a text holds a NUL or is no
 * UTF-8 (protobuf strings cannot be otherwise). The detail of a dead letter is free text: there, what is no UTF-8 is
 * replaced, for a dead letter must never be refused; the same goes for every other text of dead_letter and late_event. */
struct slice out_pb_kpi_row(struct arena *a, const struct kpi_row *row);
struct slice out_pb_alert_transition(struct arena *a, const struct alert_transition *alert);
struct slice out_pb_board_snapshot(struct arena *a, const struct board_snapshot *board);
struct slice out_pb_scorecard_snapshot(struct arena *a, const struct scorecard_snapshot *card);
struct slice out_pb_dead_letter(struct arena *a, const struct dead_letter *letter);
struct slice out_pb_late_event(struct arena *a, const struct late_event *event);

/* Full name of the message, such as "crmpulse.v1.KpiRow", and its descriptor. */
const char *out_pb_name(enum out_message which);
const struct ProtobufCMessageDescriptor *out_pb_descriptor(enum out_message which);

/* Any protobuf-c message as one line of JSON in the arena: field names as in the .proto, 64-bit integers as numbers, bytes
 * in base64, enums by name, NaN and infinities as null. Fields without presence (proto3) are always written, others if they
 * are set; unknown fields are left out. p is NULL without memory. Our messages are not recursive; others may nest 32 deep. */
struct slice out_json(struct arena *a, const struct ProtobufCMessage *message);

/* Unpacks `bytes` as `which` and writes it as out_json does. 0, or -1 if they are malformed, over 1 MiB, or memory ends. */
int out_json_from_bytes(struct arena *a, enum out_message which, const uint8_t *bytes, size_t n,
                        struct slice *ret_text);

#endif
