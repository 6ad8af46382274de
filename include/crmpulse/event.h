/* One CRM event as plain data, whatever bytes it came in (protobuf, JSON, a CSV row).
 *
 * The vocabulary is two tables: event_fields.def (every field, its kind and unit) and event_types.def (every event type and
 * its rules). A decoder fills `struct event`; the core reads it; nobody writes to it afterwards. */
#ifndef CRMPULSE_EVENT_H
#define CRMPULSE_EVENT_H

#include <stddef.h>

#include "crmpulse/slice.h"

enum event_field {
#define FIELD(id, name, kind) F_##id,
#include "crmpulse/event_fields.def"
#undef FIELD
    EVENT_FIELD_COUNT
};

enum event_type {
#define EVENT(id, name, entity, required, optional, any_of, enums) EV_##id,
#include "crmpulse/event_types.def"
#undef EVENT
    EVENT_TYPE_COUNT
};

enum field_kind {
    FIELD_ID,
    FIELD_CODE,
    FIELD_TEXT,
    FIELD_CURRENCY,
    FIELD_UNIX_MS,
    FIELD_DURATION_MS,
    FIELD_MICROS,
    FIELD_COUNT,
    FIELD_PPM,
    FIELD_MILLI,
    FIELD_INT,
    FIELD_BOOL,
    FIELD_PPM_LIST
};

enum {
    EVENT_ENVELOPE_FIELDS = F_CURRENCY + 1, /* fields that every type may carry */
    EVENT_PRESENT_WORDS = (EVENT_FIELD_COUNT + 63) / 64,
    EVENT_PPM_LIST_MAX = 366 /* entries of distribution_ppm */
};

/* The longest period of a cost or benefit: five years with their leap days and a change of the clock. */
#define EVENT_PERIOD_MAX_MS (INT64_C(1828) * 86400000)

union event_value {
    int64_t i;      /* every kind but the textual ones and PPM_LIST; a BOOL is 0 or 1 */
    struct slice s; /* ID, CODE, TEXT, CURRENCY: borrowed from the decoder's buffer or arena */
    struct {
        const int32_t *p;
        uint32_t n;
    } ppm; /* PPM_LIST: borrowed likewise */
};

/* A value is meaningful only where its bit in `present` is set; `type` is always set and F_TYPE never is. */
struct event {
    enum event_type type;
    uint64_t present[EVENT_PRESENT_WORDS];
    union event_value v[EVENT_FIELD_COUNT];
};

static inline bool event_has(const struct event *ev, enum event_field f)
{
    return ev->present[f >> 6] >> (f & 63) & 1;
}

static inline void event_mark(struct event *ev, enum event_field f)
{
    ev->present[f >> 6] |= (uint64_t)1 << (f & 63);
}

static inline void event_clear(struct event *ev)
{
    memset(ev->present, 0, sizeof ev->present);
}

/* The text of a field, or an empty slice if it is absent. */
static inline struct slice event_str(const struct event *ev, enum event_field f)
{
    return event_has(ev, f) ? ev->v[f].s : (struct slice){ 0 };
}

/* The number of a field, or `otherwise` if it is absent. */
static inline int64_t event_int(const struct event *ev, enum event_field f, int64_t otherwise)
{
    return event_has(ev, f) ? ev->v[f].i : otherwise;
}

static inline void event_set_int(struct event *ev, enum event_field f, int64_t value)
{
    ev->v[f].i = value;
    event_mark(ev, f);
}

static inline void event_set_str(struct event *ev, enum event_field f, struct slice value)
{
    ev->v[f].s = value;
    event_mark(ev, f);
}

/* What an entity is: the fourth column of event_types.def. */
enum entity_kind {
    ENTITY_NONE,
    ENTITY_ANY,
    ENTITY_LEAD,
    ENTITY_DEAL,
    ENTITY_ORDER,
    ENTITY_CUSTOMER,
    ENTITY_SUBSCRIPTION,
    ENTITY_SURVEY,
    ENTITY_COMPLAINT,
    ENTITY_TICKET,
    ENTITY_USER,
    ENTITY_ORG,
    ENTITY_CAMPAIGN,
    ENTITY_COST,
    ENTITY_BENEFIT,
    ENTITY_TASK,
    ENTITY_PROCESS_RUN,
    ENTITY_RECORD,
    ENTITY_INTEGRATION,
    ENTITY_COMPONENT,
    ENTITY_INCIDENT,
    ENTITY_PRODUCT,
    ENTITY_TARGET,
    ENTITY_FORECAST,
    ENTITY_CURRENCY,
    ENTITY_AREA,
    ENTITY_PANEL,
    ENTITY_EVENT,
    ENTITY_KIND_COUNT
};

struct event_field_info {
    const char *name; /* as in JSON, protobuf and configuration */
    enum field_kind kind;
};

struct event_type_info {
    const char *name;
    enum entity_kind entity;
    uint64_t allowed[EVENT_PRESENT_WORDS];  /* envelope, required and optional fields */
    uint64_t required[EVENT_PRESENT_WORDS]; /* with the envelope's required ones */
    uint64_t any_of[EVENT_PRESENT_WORDS];   /* all zero: no such rule */
    const char *enums;                      /* "field=a|b field=c|d" or "" */
};

const struct event_field_info *event_field_info(enum event_field f);

/* Names to numbers; -1 if unknown. O(log n). */
int event_field_by_name(struct slice name);
int event_type_by_name(struct slice name);

/* The tables of every type, built once by the caller (about 8 kB); no hidden state. */
struct event_schema {
    struct event_type_info type[EVENT_TYPE_COUNT];
};
void event_schema_init(struct event_schema *schema);

/* Why an event is refused. The names (event_reject_name) are what dead letters, counters and documents say. */
#define EVENT_REJECT_MAP(X)                                                                                            \
    X(NONE, "none")                                                                                                    \
    X(MALFORMED, "malformed") /* bytes that are no event at all */                                                     \
    X(TOO_LARGE, "too_large") /* over the size cap, before unpacking */                                                \
    X(INVALID_UTF8, "invalid_utf8")                                                                                    \
    X(UNKNOWN_TYPE, "unknown_type")                                                                                    \
    X(MISSING_FIELD, "missing_field")                                                                                  \
    X(BAD_ID, "bad_id") /* empty or over-long */                                                                       \
    X(BAD_ENUM, "bad_enum")                                                                                            \
    X(OUT_OF_RANGE, "out_of_range") /* negative count, ppm over 1e6, amount over 2^53, bad scale */                    \
    X(NEGATIVE_TIME, "negative_time")                                                                                  \
    X(FUTURE_TIME, "future_time") /* more than max_ahead after processing time */                                      \
    X(MONEY_WITHOUT_CURRENCY, "money_without_currency")                                                                \
    X(BAD_CURRENCY, "bad_currency") /* not three capitals */                                                           \
    X(NO_RATE, "no_rate")           /* no rate to the org's currency yet: parked, it counts once one is set */         \
    X(ID_CONFLICT, "id_conflict")   /* a known event_id with another payload */                                        \
    X(UNKNOWN_ORG, "unknown_org")   /* only where the configuration lists its orgs */

enum event_reject {
#define X(id, name) REJECT_##id,
    EVENT_REJECT_MAP(X)
#undef X
        REJECT_COUNT
};
const char *event_reject_name(enum event_reject reason);

/* Check `ev` against its type's rules. `now_ms` is processing time; an event later than now_ms + max_ahead_ms is refused.
 * Returns REJECT_NONE or the first reason found; *ret_field then names the field (or EVENT_FIELD_COUNT). Pure. */
enum event_reject event_validate(const struct event_schema *schema, const struct event *ev, int64_t now_ms,
                                 int64_t max_ahead_ms, enum event_field *ret_field);

#endif
