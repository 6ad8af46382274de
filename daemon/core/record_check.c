/* Is a stored record what its kind says it is? Looked at once, when it comes from the store: whoever reads it later stops at the first byte that makes no
 * sense and would take the rest for absent. What the entries mean is not its business. */
#include "engine_int.h"

/* Every field in order, up to the last byte. */
static bool fields_sound(const struct entry *e)
{
    struct reader r = { e->fields.p, e->fields.p + e->fields.n, true };
    int last = -1;
    while (r.ok && r.p < r.end) {
        int f = (uint8_t)*r.p++;
        if (f <= last)
            return false;
        last = f;
        (void)entry_value(&r, (enum event_field)f);
    }
    return r.ok;
}

static bool entries_sound(const struct bytes *log)
{
    struct reader r = { log->p, log->p + log->n, true };
    struct entry e;
    while (r.p < r.end)
        if (!entry_read(&r, &e) || !fields_sound(&e))
            return false;
    return true;
}

bool record_sound(struct slice key, const struct record *r)
{
    struct slice kind = key_kind(key);
    if (!r->log.n)
        return true;
    if (slice_eq(kind, SLICE("dst")))
        return distinct_sound(&r->log);
    if (slice_eq(kind, SLICE("ledger")))
        return ledger_sound(&r->log);
    if (slice_eq(kind, SLICE("orphan")) || slice_eq(kind, SLICE("final")))
        return orphan_sound(r);
    if (subjects_kind(kind))
        return subjects_sound(&r->log);
    return entries_sound(&r->log);
}
