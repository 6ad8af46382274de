/* libFuzzer: any bytes through the protobuf decoder (with framing); what decodes must survive a round trip.
 *
 * Build with clang -fsanitize=fuzzer,address,undefined and link crmpulse_codec and crmpulse_core. */
#include <stdlib.h>

#include "crmpulse/event_decode.h"
#include "crmpulse/out_pb.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void check(bool holds)
{
    if (!holds)
        abort();
}

/* Decoded once more from what we encode, it must be the same event again, and stay the same bytes. */
static void round_trip(const struct event_codec *codec, struct arena *a, const struct event *ev)
{
    static struct event again;
    uint8_t *first;
    uint8_t *second;
    size_t n = event_pb_encode(&codec->pb, ev, a, &first);
    check(n > 0 && event_pb_decode(&codec->pb, a, first, n, &again) == REJECT_NONE);
    check(again.type == ev->type && memcmp(again.present, ev->present, sizeof ev->present) == 0);
    check(event_pb_encode(&codec->pb, &again, a, &second) == n && memcmp(first, second, n) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static struct event ev;
    static struct event_codec codec;
    struct event_note note;
    struct arena a;
    enum event_field field;
    check(codec.pb.max_bytes || event_codec_init(&codec) == 0);
    codec.format = FORMAT_PROTOBUF;
    arena_init(&a, 0, 8 << 20);
    if (event_decode(&codec, &a, bytes, n, &ev, &note) == REJECT_NONE) {
        (void)event_validate(&codec.schema, &ev, INT64_C(1741568400000), 3600000, &field);
        round_trip(&codec, &a, &ev);
    }
    for (int m = 0; m < OUT_MESSAGE_COUNT; m++) {
        struct slice text;
        (void)out_json_from_bytes(&a, (enum out_message)m, bytes, n, &text);
    }
    arena_release(&a);
    return 0;
}
