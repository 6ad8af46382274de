/* Any bytes through the protobuf decoder, with framing: what decodes survives a round trip, and JSON says the same event. */
#include "fuzz.h"

int fuzz_one(const uint8_t *bytes, size_t n)
{
    static struct event ev;
    static struct event_codec codec;
    struct event_note note;
    struct arena a;
    enum event_field field;
    if (!codec.pb.max_bytes)
        FUZZ_CHECK(event_codec_init(&codec) == 0);
    codec.format = FORMAT_PROTOBUF;
    arena_init(&a, 0, 8 << 20);
    if (event_decode(&codec, &a, bytes, n, &ev, &note) == REJECT_NONE) {
        (void)event_validate(&codec.schema, &ev, FUZZ_NOW_MS, FUZZ_HOUR_MS, &field);
        (void)fuzz_both_codecs(&a, &ev);
    }
    arena_release(&a);
    return 0;
}
