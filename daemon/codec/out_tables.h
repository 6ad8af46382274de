/* Which field of our structs (output.h) goes into which field of protobuf-c's: one table for each message of ours. */
#ifndef CRMPULSE_OUT_TABLES_H
#define CRMPULSE_OUT_TABLES_H

#include <protobuf-c/protobuf-c.h>

#include "crmpulse/output.h"

enum out_slot_kind {
    SLOT_TEXT,
    SLOT_FREE_TEXT,
    SLOT_PAYLOAD,
    SLOT_LENGTH,
    SLOT_INT64,
    SLOT_INT32,
    SLOT_DOUBLE,
    SLOT_BOOL,
    SLOT_TEXTS,
    SLOT_MESSAGES
};

struct out_table;

struct out_slot {
    enum out_slot_kind kind;
    uint16_t from;       /* offset in our struct */
    uint16_t from_count; /* of the length, for the two repeated kinds */
    uint16_t to;         /* offset in protobuf-c's struct */
    uint16_t to_count;
    const struct out_table *element; /* of SLOT_MESSAGES */
};

struct out_table {
    const ProtobufCMessageDescriptor *desc;
    const struct out_slot *slots;
    size_t count;
    size_t struct_bytes; /* of ours: the stride of an array */
};

extern const struct out_table out_kpi_table;
extern const struct out_table out_alert_table;
extern const struct out_table out_board_table;
extern const struct out_table out_card_table;
extern const struct out_table out_letter_table;
extern const struct out_table out_late_table;

#endif
