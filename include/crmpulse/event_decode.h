/* The one way in for event bytes: strips framing, picks protobuf or JSON, decodes.
 *
 * What it does not do: look at Kafka headers (a record without a value is the caller's business), validate, hash. */
#ifndef CRMPULSE_EVENT_DECODE_H
#define CRMPULSE_EVENT_DECODE_H

#include "crmpulse/event_json.h"
#include "crmpulse/event_pb.h"

enum input_format { FORMAT_AUTO, FORMAT_PROTOBUF, FORMAT_JSON };

/* Built once, read by all. */
struct event_codec {
    enum input_format format; /* may be changed at any time; AUTO tells the two apart record by record */
    struct event_schema schema;
    struct event_pb pb;
};

/* Format AUTO. 0, or -1 if the compiled schema and the tables disagree (a mistake of the build). */
int event_codec_init(struct event_codec *codec);

/* Decodes one record's value. Reasons and ownership as event_pb_decode and event_json_decode have them; an empty value is
 * MALFORMED, a registry prefix that names another message than the schema's first is UNKNOWN_TYPE. */
enum event_reject event_decode(const struct event_codec *codec, struct arena *a, const uint8_t *bytes, size_t n,
                               struct event *ret_ev, struct event_note *ret_note);

#endif
