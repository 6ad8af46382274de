/* One record: its packed form, its dependants, insertion in canonical order. */
#include <stdlib.h>

#include "crmpulse/record.h"

enum { RECORD_FORMAT = 1 };

static int set_bytes(struct bytes *b, const char *p, size_t n)
{
    b->n = 0;
    return bytes_put(b, p, (uint32_t)n);
}

int record_decode(struct record *r, struct slice stored)
{
    struct reader in = { stored.p, stored.p + stored.n, true };
    if (stored.n < 1 || *in.p++ != RECORD_FORMAT)
        return -1;
    uint64_t n_deps = read_varint(&in);
    const char *deps = in.p;
    for (uint64_t i = 0; i < n_deps && in.ok; i++)
        read_text(&in);
    if (!in.ok || set_bytes(&r->deps, deps, (size_t)(in.p - deps)) < 0 ||
        set_bytes(&r->log, in.p, (size_t)(in.end - in.p)) < 0)
        return -1;
    r->n_deps = (uint32_t)n_deps;
    return 0;
}

int record_encode(const struct record *r, struct bytes *to)
{
    char format = RECORD_FORMAT;
    int rc = bytes_put(to, &format, 1);
    rc |= bytes_put_varint(to, r->n_deps);
    rc |= bytes_put(to, r->deps.p, r->deps.n);
    rc |= bytes_put(to, r->log.p, r->log.n);
    return rc;
}

bool record_has_dep(const struct record *r, struct slice key)
{
    struct reader in = { r->deps.p, r->deps.p + r->deps.n, true };
    while (in.p < in.end && in.ok)
        if (slice_eq(read_text(&in), key))
            return true;
    return false;
}

int record_add_dep(struct record *r, struct slice key)
{
    if (bytes_put_text(&r->deps, key) < 0)
        return -1;
    r->n_deps++;
    return 0;
}

void record_drop_dep(struct record *r)
{
    struct reader in = { r->deps.p, r->deps.p + r->deps.n, true };
    if (!r->n_deps)
        return;
    read_text(&in);
    r->deps.n = (uint32_t)(in.end - in.p);
    memmove(r->deps.p, in.p, r->deps.n);
    r->n_deps--;
}

/* Offset at which `e` belongs: after every entry that is not greater. Appending is the common case, but the entries have to be walked once either way. */
static uint32_t place_of(const struct record *r, const struct entry *e)
{
    struct reader in = { r->log.p, r->log.p + r->log.n, true };
    struct entry at;
    while (in.p < in.end) {
        const char *here = in.p;
        if (!entry_read(&in, &at) || entry_cmp(&at, e) > 0)
            return (uint32_t)(here - r->log.p);
    }
    return r->log.n;
}

int record_insert(struct record *r, struct slice packed)
{
    struct reader in = { packed.p, packed.p + packed.n, true };
    struct entry e;
    if (!entry_read(&in, &e))
        return -1;
    uint32_t at = place_of(r, &e), tail = r->log.n - at;
    if (bytes_put(&r->log, packed.p, packed.n) < 0)
        return -1;
    memmove(r->log.p + at + packed.n, r->log.p + at, tail);
    memcpy(r->log.p + at, packed.p, packed.n);
    return 0;
}

size_t record_bytes(const struct record *r)
{
    return sizeof *r + r->key_cap + r->deps.cap + r->log.cap;
}
