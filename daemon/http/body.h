/* A text that grows: what an answer is written into. Bounded; once something did not fit, `failed` stays set and the rest is dropped. */
#ifndef CRMPULSE_HTTP_BODY_H
#define CRMPULSE_HTTP_BODY_H

#include <stdbool.h>
#include <stddef.h>

#include "crmpulse/slice.h"

enum { BODY_BYTES_MAX = 64 << 20 };

struct body {
    char *p;
    size_t n, cap;
    bool failed; /* out of memory, or beyond BODY_BYTES_MAX */
};

void body_add(struct body *t, const char *bytes, size_t n);
void body_add_slice(struct body *t, struct slice s);
void body_add_z(struct body *t, const char *z);
__attribute__((format(printf, 2, 3))) void body_addf(struct body *t, const char *format, ...); /* up to 512 bytes */
/* The shortest digits that read back as the same double. */
void body_add_double(struct body *t, double v);
/* A JSON string with its quotes. What is not UTF-8 becomes U+FFFD; '<', '>', '&' and U+2028/9 are escaped, so that the text is safe inside a page. */
void body_add_json(struct body *t, struct slice s);
void body_clear(struct body *t); /* keeps the memory */
void body_release(struct body *t);

#endif
