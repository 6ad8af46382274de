/* Comparing what a configuration books with what a store says was booked. */
#include <stdio.h>

#include "crmpulse/cell.h"
#include "crmpulse/config.h"

enum { TOLD_MAX = 5, HASH_DIGITS = 16, DATE_BYTES = 10 };

struct match {
    const struct config *c;
    const struct booked *held;
    uint64_t turned; /* bit per switch whose value the store holds otherwise */
    uint64_t told;   /* of these: already in `why` */
    uint32_t n;      /* differences */
    bool currency;   /* an org with cells has another */
    bool places;     /* looking at where measures are kept, no more at what they are */
    char *why;
    size_t at;
};

/* "measure:txn_count" -> its two words. */
static void words_of(struct slice key, struct slice *kind, struct slice *id)
{
    const char *colon = memchr(key.p, ':', key.n);
    uint32_t n = colon ? (uint32_t)(colon - key.p) : key.n;
    *kind = (struct slice){ key.p, n };
    *id = colon ? (struct slice){ colon + 1, key.n - n - 1 } : (struct slice){ 0 };
}

static struct slice held_value(const struct booked *held, struct slice kind, struct slice id)
{
    for (uint32_t i = 0; i < held->n_pairs; i++) {
        struct slice key = held->pair[2 * i];
        struct slice held_kind, held_id;
        words_of(key, &held_kind, &held_id);
        if (slice_eq(held_kind, kind) && slice_eq(held_id, id))
            return held->pair[2 * i + 1];
    }
    return (struct slice){ 0 };
}

static struct slice held_of(const struct match *m, const struct booking_row *row)
{
    struct slice kind, id;
    words_of(slice_of(row->key), &kind, &id);
    return held_value(m->held, kind, id);
}

static void tell(struct match *m, const char *what, struct slice name, struct slice held, struct slice asked)
{
    if (m->n++ >= TOLD_MAX)
        return;
    int n = snprintf(m->why + m->at, BOOKING_WHY_MAX - m->at, "%s%s %.*s: Redis holds '%.*s', asked is '%.*s'",
                     m->n > 1 ? "; " : "", what, (int)name.n, name.p, (int)(held.n < 80 ? held.n : 80),
                     held.p ? held.p : "", (int)(asked.n < 80 ? asked.n : 80), asked.p ? asked.p : "");
    m->at = n < 0 || m->at + (size_t)n >= BOOKING_WHY_MAX ? BOOKING_WHY_MAX - 1 : m->at + (size_t)n;
}

/* Switches among `bits` that are turned; false if there is none. */
static bool tell_switches(struct match *m, uint64_t bits)
{
    bits &= m->turned;
    for (uint32_t i = 0; i < m->c->n_switches; i++)
        if ((bits & ~m->told) >> i & 1) {
            struct slice name = slice_of(m->c->switches[i].name);
            tell(m, "switch", name, held_value(m->held, SLICE("switch"), name), slice_of(m->c->switches[i].value));
        }
    m->told |= bits;
    return bits != 0;
}

static uint32_t dims_of(struct slice value)
{
    uint32_t dims = 0;
    for (uint32_t i = HASH_DIGITS + 1; i < value.n && value.p[i] != ' ';) {
        uint32_t from = i;
        while (i < value.n && value.p[i] != ',' && value.p[i] != ' ')
            i++;
        int dim = dim_by_name((struct slice){ value.p + from, i - from });
        dims |= dim < 0 ? 0 : 1u << dim;
        i += i < value.n && value.p[i] == ',';
    }
    return dims;
}

/* What is said about fine panes, behind the dimensions: " fine" for minutes, " fine=10000" for others in ms; empty: none are kept. */
static struct slice fine_of(struct slice value)
{
    uint32_t i = HASH_DIGITS + 1;
    while (i < value.n && value.p[i] != ' ')
        i++;
    return i < value.n ? (struct slice){ value.p + i, value.n - i } : (struct slice){ 0 };
}

static void compare_definition(struct match *m, const struct booking_row *row, struct slice id)
{
    struct slice asked = slice_of(row->value), held = held_of(m, row);
    if (held.n >= HASH_DIGITS && memcmp(held.p, asked.p, HASH_DIGITS) == 0)
        return;
    if (!tell_switches(m, row->switches))
        tell(m, "measure", id, held, asked);
}

/* A measure that is not kept where it is asked for. If switches are turned, it is because another branch of some formula is read. */
static void compare_places(struct match *m, const struct booking_row *row, struct slice id)
{
    struct slice asked = slice_of(row->value), held = held_of(m, row);
    struct slice fine = fine_of(asked);
    bool missing = dims_of(asked) & ~dims_of(held) || (fine.n && !slice_eq(fine, fine_of(held)));
    if (missing && !m->n && !tell_switches(m, UINT64_MAX))
        tell(m, "measure", id, held, asked);
}

static void compare_switch(struct match *m, const struct booking_row *row)
{
    if (!row->informs)
        (void)tell_switches(m, row->switches);
}

static bool has_panes(const struct booked *held, struct slice org)
{
    char prefix[600];
    size_t n = cell_escape(org, prefix + 5, sizeof prefix - 6) + 5;
    memcpy(prefix, "pane:", 5);
    prefix[n++] = ':';
    for (uint32_t i = 0; i < held->n_panes; i++)
        if (held->pane[i].n > n && memcmp(held->pane[i].p, prefix, n) == 0)
            return true;
    return false;
}

/* Holidays up to the day of the newest event; dates are in order. */
static struct slice booked_part(struct slice dates, int64_t newest_ms)
{
    char cut[40] = "";
    size_t n = newest_ms == INT64_MIN ? 0 : time_format(newest_ms, cut, sizeof cut);
    uint32_t end = 0;
    while (n >= DATE_BYTES && end + DATE_BYTES <= dates.n && memcmp(dates.p + end, cut, DATE_BYTES) <= 0)
        end += DATE_BYTES + 1;
    return (struct slice){ dates.p, end ? end - 1 : 0 };
}

/* "zone=UTC .. currency=CNY hours=.." -> the text before the currency, the currency, the text behind it. */
static void split_currency(struct slice text, struct slice part[3])
{
    static const char name[] = " currency=";
    const uint32_t n = sizeof name - 1;
    uint32_t at = 0, end;
    while (at + n <= text.n && memcmp(text.p + at, name, n) != 0)
        at++;
    at = at + n <= text.n ? at + n : text.n;
    end = at;
    while (end < text.n && text.p[end] != ' ')
        end++;
    part[0] = (struct slice){ text.p, at };
    part[1] = (struct slice){ text.p + at, end - at };
    part[2] = (struct slice){ text.p + end, text.n - end };
}

/* An org without a currency of its own counts in that of its earliest event: whether that is the one asked for is not known here. */
static void compare_definitions(struct match *m, struct slice org, struct slice held, struct slice asked)
{
    struct slice was[3], is[3];
    split_currency(held, was);
    split_currency(asked, is);
    if (!slice_eq(was[1], is[1])) {
        const struct slice own = SLICE("that of its earliest event");
        m->currency |= has_panes(m->held, org);
        tell(m, "currency of", org, was[1].n ? was[1] : own, is[1].n ? is[1] : own);
    }
    if (!slice_eq(was[0], is[0]) || !slice_eq(was[2], is[2]))
        tell(m, "org", org, held, asked);
}

static void compare_text(struct match *m, struct slice kind, struct slice org, struct slice held, struct slice asked)
{
    bool days = slice_eq(kind, SLICE("holidays"));
    if (days) {
        held = booked_part(held, m->held->newest_ms);
        asked = booked_part(asked, m->held->newest_ms);
    }
    if (!days)
        compare_definitions(m, org, held, asked);
    else if (!slice_eq(held, asked))
        tell(m, "holidays of", org, held, asked);
}

static bool held_org(const struct match *m, struct slice org)
{
    return held_value(m->held, SLICE("org"), org).n;
}

/* An org that had no line of its own was booked as "*"; without that one its events were refused. */
static void compare_org(struct match *m, const struct booking_row *row, struct slice kind, struct slice org)
{
    bool own = held_org(m, org);
    if (!own && (!held_org(m, SLICE("*")) || !has_panes(m->held, org)))
        return;
    compare_text(m, kind, org, held_value(m->held, kind, own ? org : SLICE("*")), slice_of(row->value));
}

static struct slice asked_value(const struct match *m, struct slice kind, struct slice id)
{
    for (uint32_t i = 0; i < m->c->booking.n; i++) {
        struct slice k, x;
        words_of(slice_of(m->c->booking.row[i].key), &k, &x);
        if (slice_eq(k, kind) && slice_eq(x, id))
            return slice_of(m->c->booking.row[i].value);
    }
    return (struct slice){ 0 };
}

/* Orgs that lost their line and are booked as "*" from now on; without that one their events are refused. */
static void compare_lost_orgs(struct match *m)
{
    for (uint32_t i = 0; i < m->held->n_pairs; i++) {
        struct slice kind, org;
        words_of(m->held->pair[2 * i], &kind, &org);
        bool calendar = slice_eq(kind, SLICE("org")) || slice_eq(kind, SLICE("holidays"));
        if (!calendar || asked_value(m, SLICE("org"), org).n || !asked_value(m, SLICE("org"), SLICE("*")).n ||
            !has_panes(m->held, org))
            continue;
        compare_text(m, kind, org, m->held->pair[2 * i + 1], asked_value(m, kind, SLICE("*")));
    }
}

static void find_turned(struct match *m)
{
    for (uint32_t i = 0; i < m->c->n_switches; i++) {
        struct slice held = held_value(m->held, SLICE("switch"), slice_of(m->c->switches[i].name));
        if (!slice_eq(held, slice_of(m->c->switches[i].value)))
            m->turned |= (uint64_t)1 << i;
    }
}

static void compare_row(struct match *m, const struct booking_row *row)
{
    struct slice kind, id;
    words_of(slice_of(row->key), &kind, &id);
    if (slice_eq(kind, SLICE("measure")))
        (m->places ? compare_places : compare_definition)(m, row, id);
    else if (slice_eq(kind, SLICE("switch")) && !m->places)
        compare_switch(m, row);
    else if (!slice_eq(kind, SLICE("switch")) && !m->places)
        compare_org(m, row, kind, id);
}

enum booking_match booking_compare(const struct config *c, const struct booked *held, char why[static BOOKING_WHY_MAX])
{
    struct match m = { .c = c, .held = held, .why = why };
    why[0] = 0;
    if (!held->n_pairs)
        return BOOKING_UNKNOWN;
    for (uint32_t i = 0; i < held->n_pairs; i++)
        if (slice_eq(held->pair[2 * i], SLICE("hash")) && slice_eq(held->pair[2 * i + 1], slice_of(c->booking.hash)))
            return BOOKING_SAME;
    find_turned(&m);
    for (uint32_t i = 0; i < c->booking.n; i++)
        compare_row(&m, &c->booking.row[i]);
    compare_lost_orgs(&m);
    m.places = true;
    for (uint32_t i = 0; i < c->booking.n; i++)
        compare_row(&m, &c->booking.row[i]);
    if (m.n > TOLD_MAX)
        (void)snprintf(why + m.at, BOOKING_WHY_MAX - m.at, "; and %u more", m.n - TOLD_MAX);
    return m.currency ? BOOKING_CURRENCY : m.n ? BOOKING_OTHER : BOOKING_FREE;
}

bool booking_keeps(const struct config *c, const struct booked *held, uint32_t i)
{
    const struct match m = { .c = c, .held = held };
    struct slice kind, org;
    words_of(held->pair[2 * i], &kind, &org);
    if (!slice_eq(kind, SLICE("org")) && !slice_eq(kind, SLICE("holidays")))
        return false;
    if (asked_value(&m, SLICE("org"), SLICE("*")).n || asked_value(&m, SLICE("org"), org).n)
        return false;
    return slice_eq(org, SLICE("*")) || has_panes(held, org);
}
