/* Any text through the JSON decoder, with framing and detection: what decodes says the same through protobuf, JSON and a CloudEvents envelope. */
#include "fuzz.h"

/* Opened again, the envelope holds the same event. */
static void envelope(struct arena *a, const struct event *ev)
{
    static struct event again;
    static const char head[] = "{\"specversion\":\"1.0\",\"id\":\"other\",\"data\":";
    const struct event_codec *codec = fuzz_codec();
    struct event_note note;
    struct slice text = event_json_encode(&codec->schema, ev, a);
    size_t n = sizeof head - 1 + text.n + 1;
    char *whole = arena_alloc(a, n);
    FUZZ_CHECK(text.p && whole);
    if (n > EVENT_JSON_MAX_BYTES || !event_has(ev, F_EVENT_ID))
        return; /* without an id the envelope's would stand in */
    memcpy(whole, head, sizeof head - 1);
    memcpy(whole + sizeof head - 1, text.p, text.n);
    whole[n - 1] = '}';
    FUZZ_CHECK(event_json_decode(&codec->schema, a, whole, n, &again, &note) == REJECT_NONE);
    FUZZ_CHECK(fuzz_same_event(ev, &again));
}

int fuzz_one(const uint8_t *bytes, size_t n)
{
    static struct event ev;
    struct event_note note;
    struct arena a;
    enum event_field field;
    arena_init(&a, 0, 32 << 20);
    if (event_decode(fuzz_codec(), &a, bytes, n, &ev, &note) == REJECT_NONE) {
        (void)event_validate(&fuzz_codec()->schema, &ev, FUZZ_NOW_MS, FUZZ_HOUR_MS, &field);
        if (fuzz_both_codecs(&a, &ev))
            envelope(&a, &ev);
    }
    arena_release(&a);
    return 0;
}
