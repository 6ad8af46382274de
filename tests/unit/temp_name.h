/* Where tests put their files: TMPDIR, else /tmp. */
#ifndef CRMPULSE_TESTS_TEMP_NAME_H
#define CRMPULSE_TESTS_TEMP_NAME_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

/* A template for mkstemp and mkdtemp. */
static inline void temp_name(char *buf, size_t cap, const char *what)
{
    const char *dir = getenv("TMPDIR");
    int n = snprintf(buf, cap, "%s/crmpulse-%s-XXXXXX", dir && *dir ? dir : "/tmp", what);
    cr_assert(n > 0 && (size_t)n < cap, "TMPDIR is too long");
}

#endif
