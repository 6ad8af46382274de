/* The own currency of an org that has none configured: that of its earliest event with money (occurred_at, event_id), so that the order of arrival does not
 * matter. It is kept in a record of its own, with a version like any other: all partitions and daemons agree. When an earlier event in another currency
 * comes, everybody who reads money is computed again: the record lists them. Once SETTLED_AT entities stand in it the choice is final, for one event
 * must not concern a whole org; from then on an earlier event in another currency waits for a rate like a later one. What decides is what came: a
 * retraction does not change it. Nothing is converted here (money.c).
 *
 * The record: its log holds the event that decided, and behind it the newest event that renewed the record, which has to outlive the panes; its
 * dependants are the entities. */
#include "engine_int.h"

enum { SETTLED_AT = 512, RENEWALS = 4 /* in a retention */ };

static bool has_money(const struct event *ev)
{
    if (!event_has(ev, F_CURRENCY))
        return false;
    for (uint32_t w = 0; w < EVENT_PRESENT_WORDS; w++)
        for (uint64_t bits = ev->present[w]; bits; bits &= bits - 1)
            if (event_field_info((enum event_field)(w * 64 + (uint32_t)__builtin_ctzll(bits)))->kind == FIELD_MICROS)
                return true;
    return false;
}

static void put(char to[4], struct slice code)
{
    if (code.n == 3)
        memcpy(to, code.p, 3);
}

void currency_ask(struct track_view *v)
{
    if (!v->def->currency[0])
        (void)view_record(v, view_key(v, SLICE("currency"), SLICE("own")));
}

void currency_begin(struct track_view *v, const struct event *ev)
{
    memcpy(v->currency[0], v->def->currency, sizeof v->currency[0]);
    memcpy(v->currency[1], v->def->currency, sizeof v->currency[1]);
    if (v->def->currency[0])
        return;
    v->currency_key = view_key(v, SLICE("currency"), SLICE("own"));
    const struct record *r = view_record(v, v->currency_key);
    struct reader in = { r ? r->log.p : NULL, r ? r->log.p + r->log.n : NULL, true };
    struct entry first = { 0 }, newest;
    bool known = in.p < in.end && entry_read(&in, &first);
    v->currency_open = !r || r->n_deps < SETTLED_AT;
    v->decides = has_money(ev) && (!known || (v->currency_open && entry_cmp(&v->event, &first) < 0));
    newest = first;
    while (in.p < in.end && entry_read(&in, &newest))
        ;
    v->renews = known && v->event.t_ms - newest.t_ms > v->e->defs->retention_ms / RENEWALS;
    if (known)
        put(v->currency[0], entry_str(&first, F_CURRENCY));
    put(v->currency[1], v->decides ? event_str(ev, F_CURRENCY) : slice_of(v->currency[0]));
}

bool currency_changes(const struct track_view *v)
{
    return v->decides && memcmp(v->currency[0], v->currency[1], sizeof v->currency[0]) != 0;
}

void currency_commit(struct track_view *v)
{
    struct engine *e = v->e;
    struct entry first;
    if (!v->decides && !v->renews)
        return;
    struct record *r = record_cache_put(e->cache, v->currency_key);
    if (!r) {
        e->no_memory = true;
        return;
    }
    size_t before = record_bytes(r);
    struct reader in = { r->log.p, r->log.p + r->log.n, true };
    r->log.n = !v->decides && entry_read(&in, &first) ? (uint32_t)(in.p - r->log.p) : 0;
    e->no_memory |= record_insert(r, (struct slice){ e->packed.p, e->packed.n }) < 0;
    record_cache_touch(e->cache, r, true);
    record_cache_resized(e->cache, r, before);
    if (currency_changes(v)) {
        e->adopted.org = v->org;
        memcpy(e->adopted.before, v->currency[0], sizeof e->adopted.before);
        memcpy(e->adopted.now, v->currency[1], sizeof e->adopted.now);
    }
}

bool engine_adopted(const struct engine *e, struct engine_adoption *ret)
{
    *ret = e->adopted;
    return e->adopted.now[0] != 0;
}
