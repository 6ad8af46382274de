/* Well-formedness of UTF-8 (RFC 3629, section 4). Does not decode, count or change anything. */
#include "crmpulse/utf8.h"

#include <stdint.h>
#include <string.h>

/* What may follow a lead byte. The second byte's range excludes over-long forms, surrogates and values past U+10FFFF;
 * the bytes after it are 80..BF. */
struct utf8_form {
    uint8_t lead_min, lead_max;
    uint8_t second_min, second_max;
    uint8_t bytes;
};

static const struct utf8_form forms[] = {
    { 0xC2, 0xDF, 0x80, 0xBF, 2 }, { 0xE0, 0xE0, 0xA0, 0xBF, 3 }, { 0xE1, 0xEC, 0x80, 0xBF, 3 },
    { 0xED, 0xED, 0x80, 0x9F, 3 }, { 0xEE, 0xEF, 0x80, 0xBF, 3 }, { 0xF0, 0xF0, 0x90, 0xBF, 4 },
    { 0xF1, 0xF3, 0x80, 0xBF, 4 }, { 0xF4, 0xF4, 0x80, 0x8F, 4 },
};

/* Eight ASCII bytes at a time: most ids and codes are nothing else. */
static size_t ascii_prefix(const uint8_t *p, size_t n)
{
    size_t i = 0;
    for (; n - i >= 8; i += 8) {
        uint64_t word;
        memcpy(&word, p + i, sizeof word);
        if (word & UINT64_C(0x8080808080808080))
            break;
    }
    while (i < n && p[i] < 0x80)
        i++;
    return i;
}

/* Length of the character at `p`, or 0 if it is malformed. */
static size_t multibyte_length(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        const struct utf8_form *f = &forms[i];
        if (p[0] < f->lead_min || p[0] > f->lead_max)
            continue;
        if (n < f->bytes || p[1] < f->second_min || p[1] > f->second_max)
            return 0;
        for (size_t k = 2; k < f->bytes; k++)
            if ((p[k] & 0xC0) != 0x80)
                return 0;
        return f->bytes;
    }
    return 0;
}

bool utf8_valid(const char *text, size_t n)
{
    const uint8_t *p = (const uint8_t *)text;
    size_t i = 0;
    while (i < n) {
        i += ascii_prefix(p + i, n - i);
        if (i == n)
            break;
        size_t length = multibyte_length(p + i, n - i);
        if (length == 0)
            return false;
        i += length;
    }
    return true;
}
