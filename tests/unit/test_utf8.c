/* utf8_valid at the edges of RFC 3629's table. */
#include <criterion/criterion.h>

#include "crmpulse/utf8.h"

struct utf8_case {
    const char *name;
    const char *bytes;
    size_t n;
    bool valid;
};

#define CASE(name, text, valid)                                                                                        \
    {                                                                                                                  \
        (name), (text), sizeof(text) - 1, (valid)                                                                      \
    }

static const struct utf8_case cases[] = {
    CASE("empty", "", true),
    CASE("ascii", "plain", true),
    CASE("NUL and controls are characters", "a\0b\n\x7F", true),
    CASE("two bytes, lowest", "\xC2\x80", true),
    CASE("two bytes, highest", "\xDF\xBF", true),
    CASE("three bytes, lowest", "\xE0\xA0\x80", true),
    CASE("last before the surrogates", "\xED\x9F\xBF", true),
    CASE("first after the surrogates", "\xEE\x80\x80", true),
    CASE("three bytes, highest", "\xEF\xBF\xBF", true),
    CASE("four bytes, lowest", "\xF0\x90\x80\x80", true),
    CASE("U+10FFFF", "\xF4\x8F\xBF\xBF", true),
    CASE("multibyte right after eight ASCII bytes", "12345678\xC3\xA9", true),
    CASE("right to left and zero width", "\xD7\xA9\xE2\x80\x8B\xE2\x80\xAE", true),
    CASE("a continuation alone", "\x80", false),
    CASE("over-long two bytes (NUL)", "\xC0\x80", false),
    CASE("over-long two bytes (DEL)", "\xC1\xBF", false),
    CASE("over-long three bytes", "\xE0\x9F\xBF", false),
    CASE("over-long four bytes", "\xF0\x8F\xBF\xBF", false),
    CASE("first surrogate", "\xED\xA0\x80", false),
    CASE("last surrogate", "\xED\xBF\xBF", false),
    CASE("U+110000", "\xF4\x90\x80\x80", false),
    CASE("lead F5", "\xF5\x80\x80\x80", false),
    CASE("lead FF", "\xFF", false),
    CASE("cut off after one of two", "\xC3", false),
    CASE("cut off after two of three", "\xE2\x82", false),
    CASE("cut off after three of four", "\xF0\x9F\x98", false),
    CASE("second byte is ASCII", "\xC3(", false),
    CASE("third byte is ASCII", "\xE2\x82(", false),
    CASE("fourth byte is a lead", "\xF0\x9F\x98\xC3", false),
    CASE("bad byte after eight good ones", "12345678\xFF", false),
    CASE("bad byte inside the first eight",
         "1234\xFF"
         "678",
         false),
};

Test(utf8, table)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_expect_eq(utf8_valid(cases[i].bytes, cases[i].n), cases[i].valid, "%s", cases[i].name);
}

Test(utf8, null_with_no_bytes)
{
    cr_assert(utf8_valid(NULL, 0));
}

/* Every code point, written by the definition, is valid exactly if it is no surrogate. */
Test(utf8, every_three_byte_character)
{
    for (unsigned code = 0x800; code <= 0xFFFF; code++) {
        char bytes[3] = { (char)(0xE0 | code >> 12), (char)(0x80 | (code >> 6 & 63)), (char)(0x80 | (code & 63)) };
        bool surrogate = code >= 0xD800 && code <= 0xDFFF;
        cr_assert_eq(utf8_valid(bytes, 3), !surrogate, "U+%04X", code);
    }
}
