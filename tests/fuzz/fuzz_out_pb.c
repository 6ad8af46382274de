/* Any bytes as one of our own messages (first byte: which), as `tap` reads them from topics: what can be unpacked is written as JSON. */
#include <jansson.h>

#include "fuzz.h"

#include "crmpulse/out_pb.h"

int fuzz_one(const uint8_t *bytes, size_t n)
{
    struct arena a;
    struct slice text;
    json_error_t error;
    if (!n)
        return 0;
    arena_init(&a, 0, 64 << 20);
    if (out_json_from_bytes(&a, (enum out_message)(bytes[0] % OUT_MESSAGE_COUNT), bytes + 1, n - 1, &text) == 0) {
        FUZZ_CHECK(text.p && !memchr(text.p, '\n', text.n));
        json_t *json = json_loadb(text.p, text.n, JSON_ALLOW_NUL, &error);
        FUZZ_CHECK(json_is_object(json));
        json_decref(json);
    }
    arena_release(&a);
    return 0;
}
