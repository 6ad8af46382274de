/* Remembered events: packing, reading, field lookup, canonical order. */
#include "crmpulse/record.h"

enum { ENTRY_HAS_SEQ = 1 };

/* Fields that are kept elsewhere in the entry, are implied by the record, or nobody computes with. */
static bool worth_keeping(enum event_field f)
{
    switch (f) {
    case F_EVENT_ID:
    case F_TYPE:
    case F_ORG_ID:
    case F_OCCURRED_AT_MS:
    case F_ENTITY_SEQ:
    case F_SOURCE:
    case F_SCHEMA_VERSION:
    case F_NOTE:
    case F_COMMENT:
    case F_SESSION_ID:
    case F_DEVICE:
        return false;
    default:
        return true;
    }
}

/* Kept as a length and bytes; a list as its numbers, packed. */
static bool textual(enum event_field f)
{
    static const bool is_text[EVENT_FIELD_COUNT] = {
#define FIELD(id, wire_name, kind) [F_##id] = FIELD_##kind <= FIELD_CURRENCY || FIELD_##kind == FIELD_PPM_LIST,
#include "crmpulse/event_fields.def"
#undef FIELD
    };
    return is_text[f];
}

static int pack_list(struct bytes *to, const union event_value *v)
{
    struct bytes list = { 0 };
    int rc = 0;
    for (uint32_t i = 0; i < v->ppm.n; i++)
        rc |= bytes_put_varint(&list, (uint64_t)v->ppm.p[i]);
    rc |= bytes_put_text(to, (struct slice){ list.p, list.n });
    bytes_release(&list);
    return rc;
}

static int pack_value(struct bytes *to, const struct event *ev, enum event_field f)
{
    if (event_field_info(f)->kind == FIELD_PPM_LIST)
        return pack_list(to, &ev->v[f]);
    return textual(f) ? bytes_put_text(to, ev->v[f].s) : bytes_put_svarint(to, ev->v[f].i);
}

static int pack_fields(struct bytes *to, const struct event *ev)
{
    for (uint32_t w = 0; w < EVENT_PRESENT_WORDS; w++)
        for (uint64_t bits = ev->present[w]; bits; bits &= bits - 1) {
            enum event_field f = (enum event_field)(w * 64 + (uint32_t)__builtin_ctzll(bits));
            if (!worth_keeping(f))
                continue;
            char id = (char)f;
            if (bytes_put(to, &id, 1) < 0)
                return -1;
            if (pack_value(to, ev, f) < 0)
                return -1;
        }
    return 0;
}

/* The length of the entry that begins at `at`; what did not fit is taken back. */
static int close_entry(struct bytes *to, uint32_t at, int rc)
{
    uint32_t n = to->n - at - 2;
    if (rc < 0 || n > UINT16_MAX) {
        to->n = at;
        return -1;
    }
    to->p[at] = (char)(n & 0xff);
    to->p[at + 1] = (char)(n >> 8);
    return 0;
}

int entry_pack(struct bytes *to, const struct event *ev, uint64_t payload_hash)
{
    uint32_t at = to->n;
    char head[4] = { 0, 0, (char)ev->type, event_has(ev, F_ENTITY_SEQ) ? ENTRY_HAS_SEQ : 0 };
    int r = bytes_put(to, head, sizeof head);
    r |= bytes_put_svarint(to, ev->v[F_OCCURRED_AT_MS].i);
    if (head[3])
        r |= bytes_put_svarint(to, ev->v[F_ENTITY_SEQ].i);
    r |= bytes_put_text(to, ev->v[F_EVENT_ID].s);
    r |= bytes_put(to, &payload_hash, sizeof payload_hash);
    r |= pack_fields(to, ev);
    return close_entry(to, at, r);
}

int entry_put(struct bytes *to, const struct entry *e, bool sequenced)
{
    uint32_t at = to->n;
    bool seq = sequenced && e->has_seq;
    char head[4] = { 0, 0, (char)e->type, seq ? ENTRY_HAS_SEQ : 0 };
    int r = bytes_put(to, head, sizeof head);
    r |= bytes_put_svarint(to, e->t_ms);
    if (seq)
        r |= bytes_put_svarint(to, e->seq);
    r |= bytes_put_text(to, e->id);
    r |= bytes_put(to, &e->payload_hash, sizeof e->payload_hash);
    r |= bytes_put(to, e->fields.p, e->fields.n);
    return close_entry(to, at, r);
}

bool entry_read(struct reader *r, struct entry *ret)
{
    if (r->end - r->p < 4)
        return r->ok = false;
    uint32_t n = (uint8_t)r->p[0] | (uint32_t)(uint8_t)r->p[1] << 8;
    if (n < 2 || n > (uint64_t)(r->end - r->p - 2))
        return r->ok = false;
    struct reader b = { r->p + 4, r->p + 2 + n, true };
    ret->type = (enum event_type)(uint8_t)r->p[2];
    ret->has_seq = r->p[3] & ENTRY_HAS_SEQ;
    r->p = b.end;
    ret->t_ms = read_svarint(&b);
    ret->seq = ret->has_seq ? read_svarint(&b) : 0;
    ret->id = read_text(&b);
    if (!b.ok || b.end - b.p < (long)sizeof ret->payload_hash || ret->type >= EVENT_TYPE_COUNT)
        return r->ok = false;
    memcpy(&ret->payload_hash, b.p, sizeof ret->payload_hash);
    b.p += sizeof ret->payload_hash;
    ret->fields = (struct slice){ b.p, (uint32_t)(b.end - b.p) };
    ret->filter = 0;
    return true;
}

union event_value entry_value(struct reader *r, enum event_field f)
{
    union event_value v = { 0 };
    if (f >= EVENT_FIELD_COUNT)
        r->ok = false;
    else if (textual(f))
        v.s = read_text(r);
    else
        v.i = read_svarint(r);
    return v;
}

/* Past a value that is not asked for: as entry_value, without reading it. */
static void skip_value(struct reader *r, enum event_field f)
{
    const char *p = r->p;
    if (f < EVENT_FIELD_COUNT && p < r->end && (uint8_t)*p < 0x80) { /* a number, or a length, of one byte */
        uint32_t n = textual(f) ? (uint32_t)(uint8_t)*p : 0;
        if (n < (uint64_t)(r->end - p)) {
            r->p = p + 1 + n;
            return;
        }
    }
    (void)entry_value(r, f);
}

static uint64_t filter_bit(enum event_field f)
{
    return UINT64_C(1) << (f & 63);
}

void entry_note_fields(struct entry *e)
{
    struct reader r = { e->fields.p, e->fields.p + e->fields.n, true };
    uint64_t filter = 0;
    while (r.ok && r.p < r.end) {
        enum event_field f = (enum event_field)(uint8_t)*r.p++;
        filter |= filter_bit(f);
        skip_value(&r, f);
    }
    e->filter = filter;
}

/* Fields are packed in the order of their numbers. */
static bool find(const struct entry *e, enum event_field want, union event_value *ret)
{
    if (e->filter && !(e->filter & filter_bit(want)))
        return false;
    struct reader r = { e->fields.p, e->fields.p + e->fields.n, true };
    while (r.ok && r.p < r.end) {
        enum event_field f = (enum event_field)(uint8_t)*r.p++;
        if (f > want)
            return false;
        if (f < want) {
            skip_value(&r, f);
            continue;
        }
        *ret = entry_value(&r, f);
        return r.ok;
    }
    return false;
}

struct slice entry_str(const struct entry *e, enum event_field f)
{
    union event_value v;
    return find(e, f, &v) ? v.s : (struct slice){ 0 };
}

bool entry_has(const struct entry *e, enum event_field f)
{
    union event_value v;
    return find(e, f, &v);
}

int64_t entry_int(const struct entry *e, enum event_field f, int64_t otherwise)
{
    union event_value v;
    return find(e, f, &v) ? v.i : otherwise;
}

int entry_cmp(const struct entry *a, const struct entry *b)
{
    if (a->t_ms != b->t_ms)
        return a->t_ms < b->t_ms ? -1 : 1;
    return slice_cmp(a->id, b->id);
}
