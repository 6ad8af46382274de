/* Protobuf in and out: bytes written here by hand, the matrix of bad input, a round trip of every type, and a count of
 * mallocs. The writer below follows the wire format's specification and shares no code with the program. */
#include <criterion/criterion.h>

#include "crmpulse/event_pb.h"
#include "event_samples.h"

/* ---- counting mallocs ---- */

static unsigned long mallocs;

#if defined(__SANITIZE_ADDRESS__)
#define COUNT_BY_HOOK 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define COUNT_BY_HOOK 1
#endif
#endif

#ifdef COUNT_BY_HOOK
/* of the sanitizer's runtime; its header is not installed with every compiler */
int __sanitizer_install_malloc_and_free_hooks(void (*malloc_hook)(const volatile void *p, size_t n),
                                              void (*free_hook)(const volatile void *p));

static void on_malloc(const volatile void *p, size_t n)
{
    (void)p;
    (void)n;
    mallocs++;
}

static void on_free(const volatile void *p)
{
    (void)p;
}

static void count_mallocs(void)
{
    cr_assert_neq(__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free), 0);
}
#else
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t count, size_t n);
void *__libc_realloc(void *p, size_t n);

void *malloc(size_t n)
{
    mallocs++;
    return __libc_malloc(n);
}

void *calloc(size_t count, size_t n)
{
    mallocs++;
    return __libc_calloc(count, n);
}

void *realloc(void *p, size_t n)
{
    mallocs++;
    return __libc_realloc(p, n);
}

static void count_mallocs(void)
{
}
#endif

/* ---- a writer of the wire format ---- */

enum { VARINT = 0, FIXED64 = 1, BYTES = 2, GROUP = 3, FIXED32 = 5 };

struct bytes {
    uint8_t p[3 << 20];
    size_t n;
};

static struct bytes out;

static void put_byte(unsigned byte)
{
    out.p[out.n++] = (uint8_t)byte;
}

static void put_varint(uint64_t value)
{
    for (; value >= 128; value >>= 7)
        put_byte((unsigned)(value & 127) | 128);
    put_byte((unsigned)value);
}

static void put_tag(uint32_t number, unsigned wire_type)
{
    put_varint((uint64_t)number << 3 | wire_type);
}

static void put_int(uint32_t number, int64_t value)
{
    put_tag(number, VARINT);
    put_varint((uint64_t)value);
}

static void put_run(uint32_t number, const void *p, size_t n)
{
    put_tag(number, BYTES);
    put_varint(n);
    memcpy(out.p + out.n, p, n);
    out.n += n;
}

static void put_text(uint32_t number, const char *text)
{
    put_run(number, text, strlen(text));
}

/* The numbers of the schema that are used below. */
enum {
    EVENT_ID = 1,
    ORG_ID = 2,
    OCCURRED_AT_MS = 3,
    ENTITY_SEQ = 4,
    SCHEMA_VERSION = 14,
    CURRENCY = 15,
    LEAD_SCORED = 102,
    DEAL_CLOSED = 109,
    TARGET_SET = 161,
    NO_SUCH_TYPE = 173
};

/* ---- fixtures ---- */

static struct event_pb map;
static struct event_schema schema;
static struct arena a;
static struct event ev;

static void begin(void)
{
    cr_assert_eq(event_pb_init(&map), 0);
    event_schema_init(&schema);
    arena_init(&a, 0, 64 << 20);
    out.n = 0;
}

static void end(void)
{
    arena_release(&a);
}

TestSuite(event_pb, .init = begin, .fini = end);

static void put_envelope(void)
{
    put_text(EVENT_ID, "e13");
    put_text(ORG_ID, "acme");
    put_int(OCCURRED_AT_MS, 1741568400000);
}

/* Turns everything after `start` into the content of field `number`. */
static void wrap(size_t start, uint32_t number)
{
    static uint8_t content[sizeof out.p];
    size_t n = out.n - start;
    memcpy(content, out.p + start, n);
    out.n = start;
    put_run(number, content, n);
}

static enum event_reject decode(void)
{
    /* an exact copy, so that a sanitizer sees a read behind its end */
    uint8_t *copy = malloc(out.n ? out.n : 1);
    memcpy(copy, out.p, out.n);
    enum event_reject reason = event_pb_decode(&map, &a, copy, out.n, &ev);
    free(copy);
    return reason;
}

static void expect(enum event_reject want, const char *what)
{
    struct arena_mark before = arena_mark(&a);
    enum event_reject got = decode();
    struct arena_mark after = arena_mark(&a);
    cr_expect_eq(got, want, "%s: %s instead of %s", what, event_reject_name(got), event_reject_name(want));
    if (want != REJECT_NONE && before.block)
        cr_expect(before.block == after.block && before.used == after.used, "%s: the arena kept something", what);
    out.n = 0;
}

/* ---- good input ---- */

/* Written byte for byte: tags by the specification (109 << 3 | 2 = 0x36A), the event of the vocabulary's example. */
Test(event_pb, literal_bytes)
{
    static const uint8_t bytes[] = {
        0x0A, 3,    'e',  '1',  '3',              /* event_id */
        0x12, 4,    'a',  'c',  'm',  'e',        /* org_id */
        0x18, 0x80, 0xB5, 0xC3, 0xEC, 0xD7, 0x32, /* occurred_at_ms = 1741568400000 */
        0x7A, 3,    'C',  'N',  'Y',              /* currency */
        0xEA, 0x06, 18,                           /* deal_closed */
        0x0A, 2,    'D',  '1',                    /* deal_id */
        0x12, 3,    'w',  'o',  'n',              /* outcome */
        0x18, 0x80, 0xB0, 0x9D, 0xC2, 0xDF, 0x01, /* amount_micros = 60000000000 */
        0x30, 0x00,                               /* items = 0, present */
    };
    cr_assert_eq(event_pb_decode(&map, &a, bytes, sizeof bytes, &ev), REJECT_NONE);
    cr_assert_eq(ev.type, EV_DEAL_CLOSED);
    cr_assert(slice_eq(event_str(&ev, F_EVENT_ID), SLICE("e13")));
    cr_assert(slice_eq(event_str(&ev, F_ORG_ID), SLICE("acme")));
    cr_assert(slice_eq(event_str(&ev, F_CURRENCY), SLICE("CNY")));
    cr_assert(slice_eq(event_str(&ev, F_DEAL_ID), SLICE("D1")));
    cr_assert(slice_eq(event_str(&ev, F_OUTCOME), SLICE("won")));
    cr_assert_eq(event_int(&ev, F_OCCURRED_AT_MS, -1), 1741568400000);
    cr_assert_eq(event_int(&ev, F_AMOUNT_MICROS, -1), 60000000000);
    cr_assert(event_has(&ev, F_ITEMS));
    cr_assert_eq(event_int(&ev, F_ITEMS, -1), 0);
    cr_assert(!event_has(&ev, F_COST_MICROS));
    cr_assert(!event_has(&ev, F_TYPE));

    uint8_t *again;
    cr_assert_eq(event_pb_encode(&map, &ev, &a, &again), sizeof bytes);
    cr_assert_eq(memcmp(again, bytes, sizeof bytes), 0);
}

Test(event_pb, empty_text_is_present)
{
    put_text(EVENT_ID, "");
    put_text(DEAL_CLOSED, "");
    expect(REJECT_NONE, "empty id");
    cr_assert(event_has(&ev, F_EVENT_ID));
    cr_assert_eq(ev.v[F_EVENT_ID].s.n, 0);
    cr_assert(!event_has(&ev, F_ORG_ID));
}

Test(event_pb, extremes_of_int64_arrive)
{
    put_int(OCCURRED_AT_MS, INT64_MIN);
    put_int(ENTITY_SEQ, INT64_MAX);
    put_text(DEAL_CLOSED, "");
    expect(REJECT_NONE, "extremes");
    cr_assert_eq(event_int(&ev, F_OCCURRED_AT_MS, 0), INT64_MIN);
    cr_assert_eq(event_int(&ev, F_ENTITY_SEQ, 0), INT64_MAX);
}

Test(event_pb, long_ids_arrive)
{
    char id[130];
    memset(id, 'x', sizeof id);
    put_run(EVENT_ID, id, 129);
    put_text(DEAL_CLOSED, "");
    expect(REJECT_NONE, "129 bytes: event_validate refuses it");
    cr_assert_eq(ev.v[F_EVENT_ID].s.n, 129);
}

Test(event_pb, last_of_two_bodies_counts)
{
    put_envelope();
    put_text(LEAD_SCORED, "");
    put_text(DEAL_CLOSED, "");
    expect(REJECT_NONE, "two bodies");
    cr_assert_eq(ev.type, EV_DEAL_CLOSED);
}

Test(event_pb, list_packed_or_not)
{
    size_t start = out.n;
    put_run(7, "\x00\xC0\x84\x3D", 4); /* 0, 1000000 */
    wrap(start, TARGET_SET);
    expect(REJECT_NONE, "packed");
    cr_assert_eq(ev.v[F_DISTRIBUTION_PPM].ppm.n, 2);
    cr_assert_eq(ev.v[F_DISTRIBUTION_PPM].ppm.p[1], 1000000);
    put_int(7, 0);
    put_int(7, 1000000);
    wrap(0, TARGET_SET);
    expect(REJECT_NONE, "unpacked");
    cr_assert_eq(ev.v[F_DISTRIBUTION_PPM].ppm.n, 2);
    cr_assert_eq(ev.v[F_DISTRIBUTION_PPM].ppm.p[1], 1000000);
}

Test(event_pb, round_trip_of_every_type)
{
    static struct event_sample sample;
    for (int t = 0; t < EVENT_TYPE_COUNT; t++) {
        for (int sparse = 0; sparse < 2; sparse++) {
            uint8_t *bytes;
            sample_fill(&sample, &schema, (enum event_type)t, sparse);
            size_t n = event_pb_encode(&map, &sample.ev, &a, &bytes);
            cr_assert_gt(n, 0, "%s", schema.type[t].name);
            cr_assert_eq(event_pb_decode(&map, &a, bytes, n, &ev), REJECT_NONE, "%s", schema.type[t].name);
            sample_assert_equal(&ev, &sample.ev, schema.type[t].name);
        }
    }
}

Test(event_pb, unknown_fields_are_skipped)
{
    put_envelope();
    put_int(500, 1);
    put_text(501, "from a newer producer");
    put_tag(502, FIXED32);
    put_run(4000, "", 0); /* part of the four bytes: tag 0x82 0xFA 0x01, length 0 */
    size_t start = out.n;
    put_text(1, "D1");
    put_text(15, "unknown in the body");
    wrap(start, DEAL_CLOSED);
    expect(REJECT_NONE, "unknown fields");
    cr_assert_eq(ev.type, EV_DEAL_CLOSED);
    cr_assert(slice_eq(event_str(&ev, F_DEAL_ID), SLICE("D1")));
}

/* ---- bad input ---- */

Test(event_pb, truncated_anywhere)
{
    put_envelope();
    size_t envelope = out.n;
    put_text(1, "D1");
    put_text(2, "won");
    put_int(3, 60000000000);
    wrap(envelope, DEAL_CLOSED);
    size_t whole = out.n;
    /* up to the end of the envelope a cut between two fields leaves a good message without a body */
    size_t fields_end[] = { 5, 11, 18 };
    for (size_t n = 0; n < whole; n++) {
        bool between = n == fields_end[0] || n == fields_end[1] || n == fields_end[2];
        enum event_reject want = between ? REJECT_UNKNOWN_TYPE : REJECT_MALFORMED;
        cr_expect_eq(event_pb_decode(&map, &a, out.p, n, &ev), want, "%zu of %zu bytes", n, whole);
    }
    cr_assert_eq(envelope, 18);
}

Test(event_pb, garbage)
{
    uint64_t state = 42;
    for (int i = 0; i < 20000; i++) {
        out.n = 1 + (size_t)(state >> 33) % 64;
        for (size_t k = 0; k < out.n; k++) {
            state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            out.p[k] = (uint8_t)(state >> 56);
        }
        enum event_reject reason = decode();
        cr_assert_lt((int)reason, REJECT_COUNT);
        arena_reset(&a);
    }
}

Test(event_pb, malformed)
{
    put_varint(0);
    expect(REJECT_MALFORMED, "tag 0");
    put_tag(0, BYTES);
    expect(REJECT_MALFORMED, "field number 0");
    put_varint(UINT64_C(1) << 32 | 2);
    expect(REJECT_MALFORMED, "field number over 2^29 - 1");
    put_tag(200, GROUP);
    expect(REJECT_MALFORMED, "a group");
    put_tag(200, 7);
    expect(REJECT_MALFORMED, "wire type 7");
    put_tag(EVENT_ID, BYTES);
    put_varint(UINT64_MAX);
    expect(REJECT_MALFORMED, "length of 2^64 - 1");
    put_tag(OCCURRED_AT_MS, VARINT);
    for (int i = 0; i < 10; i++)
        put_byte(0x80);
    put_byte(0);
    expect(REJECT_MALFORMED, "varint of 11 bytes");
    put_tag(OCCURRED_AT_MS, VARINT);
    for (int i = 0; i < 9; i++)
        put_byte(0xFF);
    put_byte(2);
    expect(REJECT_MALFORMED, "varint of 65 bits");
    expect(REJECT_MALFORMED, "no bytes");
    memcpy(out.p, "{\"event_id\":\"e\"}", out.n = 16);
    expect(REJECT_MALFORMED, "JSON");
}

Test(event_pb, wrong_wire_types)
{
    put_int(EVENT_ID, 5);
    expect(REJECT_MALFORMED, "a number for a text");
    put_text(OCCURRED_AT_MS, "1");
    expect(REJECT_MALFORMED, "a text for a number");
    put_tag(OCCURRED_AT_MS, FIXED64);
    put_run(1, "123456", 6);
    expect(REJECT_MALFORMED, "fixed64 for a varint");
    put_int(DEAL_CLOSED, 5);
    expect(REJECT_MALFORMED, "a number for a body");
    put_text(3, "x");
    wrap(0, DEAL_CLOSED);
    expect(REJECT_MALFORMED, "a text for an amount");
    put_tag(7, FIXED32);
    put_run(1, "ab", 2);
    wrap(0, TARGET_SET);
    expect(REJECT_MALFORMED, "fixed32 for a list");
    put_run(7, "\x80", 1);
    wrap(0, TARGET_SET);
    expect(REJECT_MALFORMED, "a list that ends inside an entry");
}

Test(event_pb, numbers_that_do_not_fit)
{
    put_int(SCHEMA_VERSION, INT64_C(4294967301)); /* 2^32 + 5 would become 5 */
    expect(REJECT_OUT_OF_RANGE, "int32 of 2^32 + 5");
    put_int(SCHEMA_VERSION, INT64_C(2147483648));
    expect(REJECT_OUT_OF_RANGE, "int32 of 2^31");
    put_int(SCHEMA_VERSION, INT32_MIN);
    put_text(DEAL_CLOSED, "");
    expect(REJECT_NONE, "int32 of -2^31");
    cr_assert_eq(event_int(&ev, F_SCHEMA_VERSION, 0), INT32_MIN);
    put_int(7, INT64_C(2147483648));
    wrap(0, TARGET_SET);
    expect(REJECT_OUT_OF_RANGE, "an entry of 2^31");
}

Test(event_pb, unknown_types)
{
    put_envelope();
    expect(REJECT_UNKNOWN_TYPE, "no body");
    put_envelope();
    put_text(NO_SUCH_TYPE, "");
    expect(REJECT_UNKNOWN_TYPE, "a body of tomorrow");
}

Test(event_pb, texts_that_are_none)
{
    put_run(EVENT_ID, "a\xFF", 2);
    put_text(DEAL_CLOSED, "");
    expect(REJECT_INVALID_UTF8, "in the envelope");
    put_run(EVENT_ID, "a\0b", 3);
    put_text(DEAL_CLOSED, "");
    expect(REJECT_INVALID_UTF8, "NUL");
    put_run(EVENT_ID, "\0", 1);
    put_text(DEAL_CLOSED, "");
    expect(REJECT_INVALID_UTF8, "nothing but NUL");
    put_run(1, "\xED\xA0\x80", 3);
    wrap(0, DEAL_CLOSED);
    expect(REJECT_INVALID_UTF8, "a surrogate in the body");
}

Test(event_pb, caps)
{
    put_envelope();
    out.n += EVENT_PB_MAX_BYTES;
    expect(REJECT_TOO_LARGE, "over the size");

    put_envelope();
    put_tag(500, BYTES);
    put_varint(1000000);
    memset(out.p + out.n, 'u', 1000000);
    out.n += 1000000;
    put_text(DEAL_CLOSED, "");
    expect(REJECT_TOO_LARGE, "1 MB in one unknown field");

    for (int i = 0; i < 300000; i++)
        put_int(500, 1);
    expect(REJECT_TOO_LARGE, "1 MB of small unknown fields");

    for (int i = 0; i < 1025; i++)
        put_int(ENTITY_SEQ, i);
    put_text(DEAL_CLOSED, "");
    expect(REJECT_TOO_LARGE, "1025 times the same field");

    for (int i = 0; i < 1023; i++)
        put_int(ENTITY_SEQ, i);
    put_text(DEAL_CLOSED, "");
    expect(REJECT_NONE, "1024 fields");
    cr_assert_eq(event_int(&ev, F_ENTITY_SEQ, 0), 1022);
}

Test(event_pb, caps_of_lists)
{
    static uint8_t zeros[1 << 20];
    put_run(7, zeros, EVENT_PPM_LIST_MAX);
    wrap(0, TARGET_SET);
    expect(REJECT_NONE, "366 entries");
    put_run(7, zeros, EVENT_PPM_LIST_MAX + 1);
    wrap(0, TARGET_SET);
    expect(REJECT_TOO_LARGE, "367 entries");
    put_run(7, zeros, sizeof zeros - 64);
    wrap(0, TARGET_SET);
    expect(REJECT_TOO_LARGE, "2^20 entries");
}

Test(event_pb, an_arena_without_memory)
{
    struct arena small;
    arena_init(&small, 64, 128);
    put_envelope();
    put_text(DEAL_CLOSED, "");
    cr_assert_eq(event_pb_decode(&map, &small, out.p, out.n, &ev), REJECT_TOO_LARGE);
    arena_release(&small);
}

Test(event_pb, encode_refuses_what_it_would_lose)
{
    uint8_t *bytes;
    event_clear(&ev);
    ev.type = EV_LOGIN;
    event_set_str(&ev, F_USER_ID, SLICE("u"));
    cr_assert_gt(event_pb_encode(&map, &ev, &a, &bytes), 0);
    event_set_int(&ev, F_AMOUNT_MICROS, 5);
    cr_assert_eq(event_pb_encode(&map, &ev, &a, &bytes), 0, "a field of another type");
    event_clear(&ev);
    event_set_str(&ev, F_USER_ID, (struct slice){ "a\0b", 3 });
    cr_assert_eq(event_pb_encode(&map, &ev, &a, &bytes), 0, "a NUL");
    event_clear(&ev);
    event_set_int(&ev, F_SCHEMA_VERSION, INT64_C(1) << 31);
    cr_assert_eq(event_pb_encode(&map, &ev, &a, &bytes), 0, "a number too big for int32");
    event_clear(&ev);
    ev.type = EVENT_TYPE_COUNT;
    cr_assert_eq(event_pb_encode(&map, &ev, &a, &bytes), 0, "no type");
}

/* ---- memory ---- */

enum { BATCH = 1000, BATCHES = 101 };

/* 100 000 events of all types after a first batch: the arena and protobuf-c ask malloc for nothing. */
Test(event_pb, no_malloc_in_steady_state)
{
    static struct event_sample sample;
    struct arena encoded;
    uint8_t *bytes[EVENT_TYPE_COUNT];
    size_t n[EVENT_TYPE_COUNT];
    count_mallocs();
    arena_init(&encoded, 0, 0);
    for (int t = 0; t < EVENT_TYPE_COUNT; t++) {
        sample_fill(&sample, &schema, (enum event_type)t, false);
        n[t] = event_pb_encode(&map, &sample.ev, &encoded, &bytes[t]);
    }
    unsigned long start = mallocs;
    unsigned long after_first = 0;
    int decoded = 0;
    for (int b = 0; b < BATCHES; b++) {
        for (int i = 0; i < BATCH; i++) {
            int t = i % EVENT_TYPE_COUNT;
            decoded += event_pb_decode(&map, &a, bytes[t], n[t], &ev) == REJECT_NONE;
        }
        arena_reset(&a);
        if (b == 0)
            after_first = mallocs;
    }
    unsigned long last = mallocs;
    cr_assert_eq(decoded, BATCH * BATCHES);
    cr_assert_gt(after_first, start, "the counter does not count");
    cr_assert_eq(last, after_first, "%lu mallocs in 100 000 events", last - after_first);
    arena_release(&encoded);
}
