/* Registry framing: a payload says the same with and without a prefix; any prefix is stripped inside its bytes or refused. */
#include "fuzz.h"

#include "crmpulse/framing.h"

enum { PREFIX_MAX = 6 };

/* "the first message of schema 7", before a payload; JSON has no path. */
static void prefixed(const uint8_t *bytes, size_t n)
{
    static struct event plain, framed;
    struct event_note note;
    struct arena a;
    bool json = framing_is_json(bytes, n);
    size_t head = json ? PREFIX_MAX - 1 : PREFIX_MAX;
    uint8_t *whole = calloc(1, n + PREFIX_MAX);
    FUZZ_CHECK(whole);
    whole[4] = 7;
    memcpy(whole + head, bytes, n);
    arena_init(&a, 0, 32 << 20);
    enum event_reject want = event_decode(fuzz_codec(), &a, bytes, n, &plain, &note);
    enum event_reject got = event_decode(fuzz_codec(), &a, whole, n + head, &framed, &note);
    FUZZ_CHECK(want == got);
    FUZZ_CHECK(want != REJECT_NONE || fuzz_same_event(&plain, &framed));
    arena_release(&a);
    free(whole);
}

int fuzz_one(const uint8_t *bytes, size_t n)
{
    struct framing f;
    if (framing_strip(bytes, n, &f) == 0) {
        FUZZ_CHECK(f.payload >= bytes && f.payload + f.payload_bytes == bytes + n);
        FUZZ_CHECK(f.has_prefix == (n > 0 && bytes[0] == 0));
    } else {
        FUZZ_CHECK(n > 0 && bytes[0] == 0);
    }
    if (n > 0 && bytes[0] != 0)
        prefixed(bytes, n);
    return 0;
}
