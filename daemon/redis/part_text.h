/* A partition's line in the hash `off`: "next=120 epoch=3 last=119 crc=1a2b3c4d max=1700000000000 idle=0 read=.. applied=.. duplicate=.. late=.. dead=..".
 * flush.lua and claim.lua read its first two fields. */
#ifndef CRMPULSE_REDIS_PART_TEXT_H
#define CRMPULSE_REDIS_PART_TEXT_H

#include "crmpulse/store.h"

enum { PART_TEXT_MAX = 320 };

/* Write what `p` is after a flush (next, not prev_next). Returns the length. */
size_t part_text_write(const struct store_part *p, char buf[static PART_TEXT_MAX]);

/* Read a field "<topic>/<partition>" and its line: prev_next and next get the next offset; topic borrows from `field`. 0, or -1 if malformed. */
int part_text_read(struct slice field, struct slice line, struct store_part *ret);

#endif
