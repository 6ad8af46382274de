/* Writing JSON text into an arena: one growing buffer, correct escapes, commas put by itself. */
#ifndef CRMPULSE_JSON_TEXT_H
#define CRMPULSE_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crmpulse/arena.h"

struct json_text {
    struct arena *a;
    char *p;
    size_t n;
    size_t room;
    bool comma;  /* the next value or key needs one before it */
    bool failed; /* no memory, or more than 4 GiB: every call after it does nothing */
};

void json_text_init(struct json_text *t, struct arena *a);

/* `bracket` is one of { } [ ]. */
void json_text_open(struct json_text *t, char bracket);
void json_text_close(struct json_text *t, char bracket);
void json_text_key(struct json_text *t, const char *key);

void json_text_int(struct json_text *t, int64_t value);
void json_text_uint(struct json_text *t, uint64_t value);
/* The shortest text that reads back as the same double; null if it is no number or infinite. */
void json_text_double(struct json_text *t, double value);
void json_text_bool(struct json_text *t, bool value);
void json_text_null(struct json_text *t);
/* Escapes quotes, backslashes and controls; each byte that is not UTF-8 becomes U+FFFD. */
void json_text_string(struct json_text *t, struct slice value);
/* As base64 with padding (RFC 4648), the JSON form of protobuf's bytes. */
void json_text_base64(struct json_text *t, const uint8_t *bytes, size_t n);

/* The text, NUL-terminated; valid as long as the arena is not reset. p is NULL if something failed. */
struct slice json_text_end(struct json_text *t);

#endif
