/* Names of marks: NOBODY and 128 bits of a hash in hexadecimal. */
#include "erased.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

static char *put_hex(char *to, uint64_t x)
{
    static const char digits[] = "0123456789abcdef";
    for (int shift = 60; shift >= 0; shift -= 4)
        *to++ = digits[x >> shift & 15];
    return to;
}

struct slice erased_mark(struct slice id, char buf[ERASED_MARK_SIZE])
{
    XXH128_hash_t h = XXH3_128bits(id.p, id.n);
    buf[0] = NOBODY;
    put_hex(put_hex(buf + 1, h.high64), h.low64);
    return (struct slice){ buf, ERASED_MARK_SIZE };
}
