/* CRC32C against the vectors of RFC 3720 (appendix B.4) and the check value of the CRC catalogues. */
#include <criterion/criterion.h>

#include "crmpulse/crc32c.h"

struct vector {
    const char *name;
    uint8_t bytes[48];
    size_t n;
    uint32_t crc;
};

/* The iSCSI Read (10) command block of B.4. */
#define READ_10                                                                                                        \
    0x01, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x14, 0, 0, 0, 0, 0, 0x04, 0, 0, 0, 0, 0x14, 0, 0, 0, 0x18,  \
        0x28, 0, 0, 0, 0, 0, 0, 0, 0x02, 0, 0, 0, 0, 0, 0, 0

static const struct vector vectors[] = {
    { .name = "nothing", .n = 0, .crc = 0 },
    { .name = "check value", .bytes = "123456789", .n = 9, .crc = 0xe3069283 },
    { .name = "read (10)", .bytes = { READ_10 }, .n = 48, .crc = 0xd9963a56 },
    { .name = "zeroes", .n = 32, .crc = 0x8a9136aa },
};

static void check(crc32c_fn f, const void *bytes, size_t n, uint32_t crc, const char *name)
{
    cr_expect_eq(f(0, bytes, n), crc, "%s: %08x, not %08x", name, f(0, bytes, n), crc);
}

static void check_vectors(crc32c_fn f)
{
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
        check(f, vectors[i].bytes, vectors[i].n, vectors[i].crc, vectors[i].name);
    uint8_t ones[32], up[32], down[32];
    memset(ones, 0xff, sizeof ones);
    for (uint8_t i = 0; i < 32; i++) {
        up[i] = i;
        down[i] = (uint8_t)(31 - i);
    }
    check(f, ones, 32, 0x62a8ab43, "ones");
    check(f, up, 32, 0x46dd794e, "incrementing");
    check(f, down, 32, 0x113fdb5c, "decrementing");
}

Test(crc32c, portable_keeps_the_vectors)
{
    check_vectors(crc32c_portable);
}

Test(crc32c, chosen_keeps_the_vectors)
{
    check_vectors(crc32c_choose());
}

/* Each cut of a text gives the CRC of the whole, aligned or not. */
Test(crc32c, goes_on_from_a_part)
{
    static const char text[] = "a key of any length, then the value that follows it";
    const size_t n = sizeof text - 1;
    crc32c_fn f = crc32c_choose();
    for (size_t cut = 0; cut <= n; cut++) {
        cr_expect_eq(f(f(0, text, cut), text + cut, n - cut), crc32c_portable(0, text, n));
        cr_expect_eq(crc32c_portable(crc32c_portable(0, text, cut), text + cut, n - cut), f(0, text, n));
    }
}

Test(crc32c, one_bit_changes_it)
{
    uint8_t bytes[20] = { 0 };
    uint32_t before = crc32c_portable(0, bytes, sizeof bytes);
    for (size_t bit = 0; bit < sizeof bytes * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        cr_expect_neq(crc32c_portable(0, bytes, sizeof bytes), before);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}
