/* JSON text into an arena. Does not check that brackets match: the callers are few. */
#include "json_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "crmpulse/utf8.h"

enum { FIRST_ROOM = 512, NUMBER_ROOM = 40, UTF8_MAX_BYTES = 4 };

void json_text_init(struct json_text *t, struct arena *a)
{
    *t = (struct json_text){ .a = a };
}

/* Room for `more` bytes and a NUL. */
static bool reserve(struct json_text *t, size_t more)
{
    if (t->failed || t->room - t->n > more)
        return !t->failed;
    size_t room = t->room ? t->room * 2 : FIRST_ROOM;
    while (room - t->n <= more)
        room *= 2;
    char *p = room <= UINT32_MAX ? arena_alloc(t->a, room) : NULL;
    t->failed = !p;
    if (t->failed)
        return false;
    if (t->n)
        memcpy(p, t->p, t->n);
    t->p = p;
    t->room = room;
    return true;
}

static void put(struct json_text *t, const char *p, size_t n)
{
    if (n == 0 || !reserve(t, n))
        return;
    memcpy(t->p + t->n, p, n);
    t->n += n;
}

static void separate(struct json_text *t)
{
    if (t->comma)
        put(t, ",", 1);
    t->comma = true;
}

static void put_value(struct json_text *t, const char *text)
{
    separate(t);
    put(t, text, strlen(text));
}

void json_text_open(struct json_text *t, char bracket)
{
    separate(t);
    put(t, &bracket, 1);
    t->comma = false;
}

void json_text_close(struct json_text *t, char bracket)
{
    put(t, &bracket, 1);
    t->comma = true;
}

void json_text_key(struct json_text *t, const char *key)
{
    json_text_string(t, slice_of(key));
    put(t, ":", 1);
    t->comma = false;
}

void json_text_int(struct json_text *t, int64_t value)
{
    char text[NUMBER_ROOM];
    snprintf(text, sizeof text, "%lld", (long long)value);
    put_value(t, text);
}

void json_text_uint(struct json_text *t, uint64_t value)
{
    char text[NUMBER_ROOM];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    put_value(t, text);
}

void json_text_double(struct json_text *t, double value)
{
    char text[NUMBER_ROOM] = "null";
    for (int digits = 15; isfinite(value) && digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    char *comma = strchr(text, ','); /* a locale's decimal comma */
    if (comma)
        *comma = '.';
    put_value(t, text);
}

void json_text_bool(struct json_text *t, bool value)
{
    put_value(t, value ? "true" : "false");
}

void json_text_null(struct json_text *t)
{
    put_value(t, "null");
}

static void put_escape(struct json_text *t, unsigned char c)
{
    static const char named[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    char text[8] = { '\\' };
    for (const char *p = named; *p; p += 2) {
        if ((unsigned char)*p == c) {
            text[1] = p[1];
            put(t, text, 2);
            return;
        }
    }
    put(t, text, (size_t)snprintf(text, sizeof text, "\\u%04x", c));
}

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7F && c != '"' && c != '\\';
}

/* Length of the UTF-8 character at `p` of several bytes, or 0. */
static size_t character_length(const char *p, size_t n)
{
    for (size_t k = 2; k <= UTF8_MAX_BYTES && k <= n; k++)
        if (utf8_valid(p, k))
            return k;
    return 0;
}

static void put_string(struct json_text *t, const char *p, size_t n)
{
    static const char replacement[] = "\xEF\xBF\xBD";
    for (size_t i = 0; i < n;) {
        size_t run = 0;
        while (i + run < n && is_plain((unsigned char)p[i + run]))
            run++;
        put(t, p + i, run);
        i += run;
        if (i == n)
            break;
        size_t length = 1;
        if ((unsigned char)p[i] < 0x80) {
            put_escape(t, (unsigned char)p[i]);
        } else if ((length = character_length(p + i, n - i)) > 0) {
            put(t, p + i, length);
        } else {
            put(t, replacement, sizeof replacement - 1);
            length = 1;
        }
        i += length;
    }
}

void json_text_string(struct json_text *t, struct slice value)
{
    separate(t);
    put(t, "\"", 1);
    put_string(t, value.p, value.n);
    put(t, "\"", 1);
}

void json_text_base64(struct json_text *t, const uint8_t *bytes, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    separate(t);
    put(t, "\"", 1);
    for (size_t i = 0; i < n; i += 3) {
        size_t have = n - i < 3 ? n - i : 3;
        uint32_t word = (uint32_t)bytes[i] << 16;
        if (have > 1)
            word |= (uint32_t)bytes[i + 1] << 8;
        if (have > 2)
            word |= bytes[i + 2];
        char group[4] = { '=', '=', '=', '=' };
        for (size_t k = 0; k <= have; k++)
            group[k] = digits[word >> (18 - 6 * k) & 63];
        put(t, group, sizeof group);
    }
    put(t, "\"", 1);
}

struct slice json_text_end(struct json_text *t)
{
    if (!reserve(t, 0))
        return (struct slice){ 0 };
    t->p[t->n] = '\0';
    return (struct slice){ t->p, (uint32_t)t->n };
}
