/* Writes and reads the lines of `off`. */
#include "daemon/redis/part_text.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/redis/reply.h"

size_t part_text_write(const struct store_part *p, char buf[static PART_TEXT_MAX])
{
    char max[24] = "none";
    if (p->max_event_ms != INT64_MIN)
        snprintf(max, sizeof max, "%" PRId64, p->max_event_ms);
    return (size_t)snprintf(
        buf, PART_TEXT_MAX,
        "next=%" PRId64 " epoch=%" PRId64 " last=%" PRId64 " crc=%08" PRIx32 " max=%s idle=%d read=%" PRId64
        " applied=%" PRId64 " duplicate=%" PRId64 " late=%" PRId64 " dead=%" PRId64,
        p->next, p->epoch, p->last, p->last_crc, max, p->idle, p->read, p->applied, p->duplicate, p->late, p->dead);
}

static int read_crc(struct slice text, uint32_t *ret)
{
    enum { HEX_DIGITS = 8 };
    char buf[HEX_DIGITS + 1];
    if (text.n != HEX_DIGITS)
        return -1;
    memcpy(buf, text.p, HEX_DIGITS);
    buf[HEX_DIGITS] = '\0';
    char *end;
    *ret = (uint32_t)strtoul(buf, &end, 16);
    return *end ? -1 : 0;
}

static int read_value(struct slice name, struct slice value, struct store_part *p)
{
    static const struct {
        const char *name;
        size_t offset;
    } rows[] = {
        { "next", offsetof(struct store_part, next) },           { "epoch", offsetof(struct store_part, epoch) },
        { "last", offsetof(struct store_part, last) },           { "max", offsetof(struct store_part, max_event_ms) },
        { "read", offsetof(struct store_part, read) },           { "applied", offsetof(struct store_part, applied) },
        { "duplicate", offsetof(struct store_part, duplicate) }, { "late", offsetof(struct store_part, late) },
        { "dead", offsetof(struct store_part, dead) },
    };
    if (slice_eq(name, SLICE("crc")))
        return read_crc(value, &p->last_crc);
    if (slice_eq(name, SLICE("max")) && slice_eq(value, SLICE("none"))) {
        p->max_event_ms = INT64_MIN;
        return 0;
    }
    if (slice_eq(name, SLICE("idle"))) {
        p->idle = slice_eq(value, SLICE("1"));
        return 0;
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (slice_eq(name, slice_of(rows[i].name)))
            return redis_slice_int(value, (int64_t *)(void *)((char *)p + rows[i].offset));
    return 0; /* a later version may add fields */
}

static int read_field(struct slice field, struct store_part *ret)
{
    uint32_t slash = field.n;
    int64_t partition;
    while (slash > 0 && field.p[slash - 1] != '/')
        slash--;
    if (slash < 2 || redis_slice_int((struct slice){ field.p + slash, field.n - slash }, &partition) < 0)
        return -1;
    if (partition < 0 || partition > INT32_MAX)
        return -1;
    ret->topic = (struct slice){ field.p, slash - 1 };
    ret->partition = (int32_t)partition;
    return 0;
}

int part_text_read(struct slice field, struct slice line, struct store_part *ret)
{
    *ret = (struct store_part){ .next = INT64_MIN, .max_event_ms = INT64_MIN };
    if (read_field(field, ret) < 0)
        return -1;
    while (line.n) {
        const char *space = memchr(line.p, ' ', line.n);
        uint32_t n = space ? (uint32_t)(space - line.p) : line.n;
        const char *eq = memchr(line.p, '=', n);
        if (!eq)
            return -1;
        uint32_t name = (uint32_t)(eq - line.p);
        if (read_value((struct slice){ line.p, name }, (struct slice){ eq + 1, n - name - 1 }, ret) < 0)
            return -1;
        line.p += n + (space ? 1 : 0);
        line.n -= n + (space ? 1 : 0);
    }
    ret->prev_next = ret->next;
    return ret->next >= -1 ? 0 : -1;
}
