/* Picks the decoder for a record's value. */
#include "crmpulse/event_decode.h"

#include "crmpulse/framing.h"

int event_codec_init(struct event_codec *codec)
{
    codec->format = FORMAT_AUTO;
    event_schema_init(&codec->schema);
    return event_pb_init(&codec->pb);
}

static enum event_reject decode_json(const struct event_codec *codec, struct arena *a, const struct framing *f,
                                     struct event *ret_ev, struct event_note *ret_note)
{
    return event_json_decode(&codec->schema, a, (const char *)f->payload, f->payload_bytes, ret_ev, ret_note);
}

static enum event_reject decode_pb(const struct event_codec *codec, struct arena *a, const struct framing *f,
                                   struct event *ret_ev)
{
    if (!f->first_message)
        return REJECT_UNKNOWN_TYPE;
    return event_pb_decode(&codec->pb, a, f->payload, f->payload_bytes, ret_ev);
}

/* No protobuf begins with '{' (field 15 as a group). But "\n{" may begin both, JSON after a blank line and an event_id of
 * 123 bytes; then it is protobuf if it can be. */
static enum event_reject decode_auto(const struct event_codec *codec, struct arena *a, const struct framing *f,
                                     struct event *ret_ev, struct event_note *ret_note)
{
    if (!framing_is_json(f->payload, f->payload_bytes))
        return decode_pb(codec, a, f, ret_ev);
    if (f->payload[0] == '{')
        return decode_json(codec, a, f, ret_ev, ret_note);
    enum event_reject reason = decode_pb(codec, a, f, ret_ev);
    return reason == REJECT_MALFORMED ? decode_json(codec, a, f, ret_ev, ret_note) : reason;
}

enum event_reject event_decode(const struct event_codec *codec, struct arena *a, const uint8_t *bytes, size_t n,
                               struct event *ret_ev, struct event_note *ret_note)
{
    struct framing f;
    *ret_note = (struct event_note){ .field = EVENT_FIELD_COUNT };
    if (n == 0 || framing_strip(bytes, n, &f) < 0)
        return REJECT_MALFORMED;
    if (codec->format == FORMAT_PROTOBUF)
        return decode_pb(codec, a, &f, ret_ev);
    if (codec->format == FORMAT_JSON)
        return decode_json(codec, a, &f, ret_ev, ret_note);
    return decode_auto(codec, a, &f, ret_ev, ret_note);
}
