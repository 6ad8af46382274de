/* Answers of Redis written as lines, for seeds that people can read and fuzzers can change without breaking lengths:
 *   [ and ]   an array     "text      x68656c6c6f (hex)     +status     -error     :12     0 (nil)
 * What hiredis does with bytes is not its business. */
#ifndef CRMPULSE_TESTS_FUZZ_REPLY_H
#define CRMPULSE_TESTS_FUZZ_REPLY_H

#include <hiredis/hiredis.h>

#include "crmpulse/slice.h"

enum { REPLIES_MAX = 4096 };

struct replies {
    redisReply *v[REPLIES_MAX]; /* all, for the release */
    uint32_t n;
};

/* The next answer, owned by `r`; NULL when there is none. */
redisReply *replies_read(struct replies *r, struct slice *rest);
void replies_release(struct replies *r);

#endif
