/* Builds the arguments of one Redis command. Borrowed bytes are not copied; numbers and joined keys are written into an arena that lives until the
 * next clear. An allocation that fails is remembered in `failed` and refuses the command when it is sent. */
#ifndef CRMPULSE_REDIS_ARGV_H
#define CRMPULSE_REDIS_ARGV_H

#include "crmpulse/arena.h"
#include "crmpulse/slice.h"

struct redis_argv {
    const char **text;
    size_t *len; /* bytes of each */
    uint32_t n, cap;
    bool failed;
    struct arena arena;
    char prefix[24]; /* "cp:{s}:" */
};

void redis_argv_init(struct redis_argv *a, uint32_t shard);
void redis_argv_release(struct redis_argv *a);
/* No arguments, no failure; everything taken from the arena is invalid. */
void redis_argv_clear(struct redis_argv *a);

void redis_argv_bytes(struct redis_argv *a, const char *p, size_t n); /* borrowed */
void redis_argv_slice(struct redis_argv *a, struct slice s);          /* borrowed */
void redis_argv_text(struct redis_argv *a, const char *text);         /* borrowed */
void redis_argv_int(struct redis_argv *a, int64_t value);
void redis_argv_uint(struct redis_argv *a, uint64_t value);
void redis_argv_key(struct redis_argv *a, struct slice rest); /* prefix and rest, joined */

#endif
