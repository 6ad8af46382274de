/* Is a run of bytes well-formed UTF-8? Nothing else: no normalising, no display width. */
#ifndef CRMPULSE_UTF8_H
#define CRMPULSE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* True if the `n` bytes at `p` are UTF-8 as RFC 3629 has it: no over-long forms, no surrogates, nothing above U+10FFFF,
 * nothing cut off. NUL and control characters are well-formed; the empty run too (`p` may then be NULL). Pure, O(n). */
bool utf8_valid(const char *p, size_t n);

#endif
