/* What all fuzz targets share: how a target is declared, how a broken promise is told, the definitions that need some.
 *
 * A target is one function over any bytes. With libFuzzer (preset `fuzz`) each becomes a program of its own; without it replay.c runs them over
 * their corpora. A promise that does not hold ends the process. */
#ifndef CRMPULSE_TESTS_FUZZ_H
#define CRMPULSE_TESTS_FUZZ_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crmpulse/config.h"
#include "crmpulse/event_decode.h"

/* Instants around which the seeds lie: 2025-03-10 02:00 UTC. */
#define FUZZ_NOW_MS INT64_C(1741572000000)
enum { FUZZ_HOUR_MS = 3600000 };

int fuzz_one(const uint8_t *bytes, size_t n);

#define FUZZ_CHECK(holds)                                                                                              \
    do {                                                                                                               \
        if (!(holds)) {                                                                                                \
            (void)fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #holds);                           \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

static inline struct slice fuzz_slice(const uint8_t *bytes, size_t n)
{
    return (struct slice){ (const char *)bytes, (uint32_t)n };
}

/* The next line without its end; false when nothing is left. */
static inline bool fuzz_line(struct slice *rest, struct slice *ret)
{
    const char *end = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;
    if (!rest->n)
        return false;
    uint32_t n = end ? (uint32_t)(end - rest->p) : rest->n, skip = end ? n + 1 : n;
    *ret = (struct slice){ rest->p, n };
    *rest = (struct slice){ rest->p + skip, rest->n - skip };
    return true;
}

/* Built once. */
const struct event_codec *fuzz_codec(void);
/* A few measures of every kind, KPIs, a rule, boards and a scorecard, without the catalogue. Loaded once. */
const struct config *fuzz_config(void);

/* The same type, the same fields, the same values. */
bool fuzz_same_event(const struct event *a, const struct event *b);

/* Protobuf and JSON of the event tell the same event: each is written, read and compared. False: nothing is promised of this one. */
bool fuzz_both_codecs(struct arena *a, const struct event *ev);

/* Report of YAML that is not well-formed, for node_parse. */
struct position;
struct source;
void fuzz_quiet(void *ctx, const struct source *s, struct position at, const char *message);

#endif
