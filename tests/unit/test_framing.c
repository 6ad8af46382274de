/* Registry prefixes, and the choice between protobuf and JSON. The prefixes are literal bytes of the published format. */
#include <criterion/criterion.h>

#include "crmpulse/event_decode.h"
#include "crmpulse/framing.h"

#define STRIP(bytes, ret) framing_strip((const uint8_t *)(bytes), sizeof(bytes) - 1, (ret))

Test(framing, none)
{
    struct framing f;
    cr_assert_eq(STRIP("\x0A\x01x", &f), 0);
    cr_assert(!f.has_prefix && f.first_message);
    cr_assert_eq(f.payload_bytes, 3);
    cr_assert_eq(framing_strip(NULL, 0, &f), 0);
    cr_assert_eq(f.payload_bytes, 0);
}

Test(framing, first_message)
{
    struct framing f;
    cr_assert_eq(STRIP("\0\0\0\x01\x02\0payload", &f), 0);
    cr_assert(f.has_prefix && f.first_message);
    cr_assert_eq(f.schema_id, 258);
    cr_assert_eq(f.payload_bytes, 7);
    cr_assert_eq(memcmp(f.payload, "payload", 7), 0);
}

Test(framing, first_message_the_long_way)
{
    struct framing f;
    cr_assert_eq(STRIP("\0\xFF\xFF\xFF\xFF\x02\x00p", &f), 0);
    cr_assert(f.first_message);
    cr_assert_eq(f.schema_id, 0xFFFFFFFF);
    cr_assert_eq(f.payload_bytes, 1);
}

Test(framing, other_messages)
{
    struct framing f;
    cr_assert_eq(STRIP("\0\0\0\0\x01\x02\x02p", &f), 0); /* [1] */
    cr_assert(!f.first_message);
    cr_assert_eq(f.payload_bytes, 1);
    cr_assert_eq(STRIP("\0\0\0\0\x01\x04\x02\x00pp", &f), 0); /* [1, 0] */
    cr_assert(!f.first_message);
    cr_assert_eq(f.payload_bytes, 2);
    cr_assert_eq(STRIP("\0\0\0\0\x01\x04\x00\x00pp", &f), 0); /* [0, 0]: a type inside the first one */
    cr_assert(!f.first_message);
}

Test(framing, json_has_no_path)
{
    struct framing f;
    cr_assert_eq(STRIP("\0\0\0\0\x07{\"a\":1}", &f), 0);
    cr_assert_eq(f.schema_id, 7);
    cr_assert_eq(f.payload_bytes, 7);
    cr_assert_eq(f.payload[0], '{');
    cr_assert_eq(STRIP("\0\0\0\0\x07 \n{}", &f), 0);
    cr_assert_eq(f.payload_bytes, 4);
}

Test(framing, malformed)
{
    struct framing f;
    cr_assert_eq(STRIP("\0", &f), -1);
    cr_assert_eq(STRIP("\0\0\0\0", &f), -1);
    cr_assert_eq(STRIP("\0\0\0\0\x01", &f), -1);         /* no path */
    cr_assert_eq(STRIP("\0\0\0\0\x01\x04\x02", &f), -1); /* half a path */
    cr_assert_eq(STRIP("\0\0\0\0\x01\x01", &f), -1);     /* count -1 */
    cr_assert_eq(STRIP("\0\0\0\0\x01\x02\x01", &f), -1); /* index -1 */
    cr_assert_eq(STRIP("\0\0\0\0\x01\x12\0\0\0\0\0\0\0\0\0", &f), -1, "nine deep");
    cr_assert_eq(STRIP("\0\0\0\0\x01\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", &f), -1, "a varint too long");
}

Test(framing, is_json)
{
    cr_assert(framing_is_json((const uint8_t *)"{", 1));
    cr_assert(framing_is_json((const uint8_t *)" \t\r\n{", 5));
    cr_assert(!framing_is_json((const uint8_t *)" \t\r\n", 4));
    cr_assert(!framing_is_json((const uint8_t *)"[{", 2));
    cr_assert(!framing_is_json((const uint8_t *)"\x0A\x03{", 3));
    cr_assert(!framing_is_json(NULL, 0));
}

/* ---- event_decode ---- */

static struct event_codec codec;
static struct arena a;
static struct event ev;
static struct event_note note;

static void begin(void)
{
    cr_assert_eq(event_codec_init(&codec), 0);
    arena_init(&a, 0, 0);
}

static void end(void)
{
    arena_release(&a);
}

TestSuite(event_decode, .init = begin, .fini = end);

#define DECODE(bytes) event_decode(&codec, &a, (const uint8_t *)(bytes), sizeof(bytes) - 1, &ev, &note)
#define PB_LOGIN                                                                                                       \
    "\x0A\x01"                                                                                                         \
    "e\xE2\x08\x03\x0A\x01u" /* event_id "e", login (140) { user_id "u" } */
#define JSON_LOGIN "{\"type\":\"login\",\"event_id\":\"e\",\"user_id\":\"u\"}"

static bool is_login(void)
{
    return ev.type == EV_LOGIN && slice_eq(event_str(&ev, F_USER_ID), SLICE("u")) &&
           slice_eq(event_str(&ev, F_EVENT_ID), SLICE("e"));
}

Test(event_decode, tells_the_formats_apart)
{
    cr_assert_eq(DECODE(PB_LOGIN), REJECT_NONE);
    cr_assert(is_login());
    cr_assert_eq(DECODE(JSON_LOGIN), REJECT_NONE);
    cr_assert(is_login());
    cr_assert_eq(DECODE("\r\n " JSON_LOGIN), REJECT_NONE);
    cr_assert(is_login());
    cr_assert_eq(DECODE("\n" JSON_LOGIN), REJECT_NONE);
    cr_assert(is_login());
}

Test(event_decode, strips_the_prefix)
{
    cr_assert_eq(DECODE("\0\0\0\0\x09\0" PB_LOGIN), REJECT_NONE);
    cr_assert(is_login());
    cr_assert_eq(DECODE("\0\0\0\0\x09" JSON_LOGIN), REJECT_NONE);
    cr_assert(is_login());
    cr_assert_eq(DECODE("\0\0\0\0\x09\x02\x02" PB_LOGIN), REJECT_UNKNOWN_TYPE);
    cr_assert_eq(DECODE("\0\0\0"), REJECT_MALFORMED);
}

/* An event_id of 123 bytes: its tag and length are "\n{". */
Test(event_decode, protobuf_that_looks_like_json)
{
    uint8_t bytes[2 + 123 + 6] = { 0x0A, 0x7B };
    memset(bytes + 2, 'i', 123);
    memcpy(bytes + 125, "\xE2\x08\x03\x0A\x01u", 6);
    cr_assert_eq(event_decode(&codec, &a, bytes, sizeof bytes, &ev, &note), REJECT_NONE);
    cr_assert_eq(ev.type, EV_LOGIN);
    cr_assert_eq(ev.v[F_EVENT_ID].s.n, 123);
}

Test(event_decode, a_fixed_format_takes_no_other)
{
    codec.format = FORMAT_PROTOBUF;
    cr_assert_eq(DECODE(PB_LOGIN), REJECT_NONE);
    cr_assert_eq(DECODE(JSON_LOGIN), REJECT_MALFORMED);
    codec.format = FORMAT_JSON;
    cr_assert_eq(DECODE(JSON_LOGIN), REJECT_NONE);
    cr_assert_eq(DECODE(PB_LOGIN), REJECT_MALFORMED);
}

Test(event_decode, nothing)
{
    cr_assert_eq(event_decode(&codec, &a, NULL, 0, &ev, &note), REJECT_MALFORMED);
    cr_assert_eq(note.field, EVENT_FIELD_COUNT);
}
