/* Whole numbers as text, without the cost of printf. */
#ifndef CRMPULSE_DECIMAL_H
#define CRMPULSE_DECIMAL_H

#include <stddef.h>
#include <stdint.h>

enum { DECIMAL_MAX = 20 }; /* bytes of the longest */

/* Writes at most DECIMAL_MAX bytes and no NUL; returns their number. */
static inline size_t decimal_put(char *buf, int64_t value)
{
    char tmp[DECIMAL_MAX];
    size_t n = 0, len = 0;
    uint64_t u = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        tmp[n++] = (char)('0' + u % 10);
        u /= 10;
    } while (u);
    if (value < 0)
        buf[len++] = '-';
    while (n)
        buf[len++] = tmp[--n];
    return len;
}

#endif
