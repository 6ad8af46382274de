/* libFuzzer: any text through the JSON decoder (with framing and detection); what decodes must survive a round trip.
 *
 * Build with clang -fsanitize=fuzzer,address,undefined and link crmpulse_codec and crmpulse_core. */
#include <stdlib.h>

#include "crmpulse/event_decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void check(bool holds)
{
    if (!holds)
        abort();
}

/* Written and read again, it must be the same event, and the same text. */
static void round_trip(const struct event_codec *codec, struct arena *a, const struct event *ev)
{
    static struct event again;
    struct event_note note;
    struct slice text = event_json_encode(&codec->schema, ev, a);
    check(text.p != NULL);
    if (text.n > EVENT_JSON_MAX_BYTES)
        return; /* escapes made it longer than what we read */
    check(event_json_decode(&codec->schema, a, text.p, text.n, &again, &note) == REJECT_NONE);
    check(note.unknown_keys == 0 && again.type == ev->type);
    check(memcmp(again.present, ev->present, sizeof ev->present) == 0);
    check(slice_eq(event_json_encode(&codec->schema, &again, a), text));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static struct event ev;
    static struct event_codec codec;
    struct event_note note;
    struct arena a;
    enum event_field field;
    check(codec.pb.max_bytes || event_codec_init(&codec) == 0);
    arena_init(&a, 0, 32 << 20);
    if (event_decode(&codec, &a, bytes, n, &ev, &note) == REJECT_NONE) {
        (void)event_validate(&codec.schema, &ev, INT64_C(1741568400000), 3600000, &field);
        round_trip(&codec, &a, &ev);
    }
    arena_release(&a);
    return 0;
}
