/* A fact: what one entity contributes at present. Trackers are pure functions from records to facts; the engine takes the difference between the
 * facts before and after an event, so that a correction withdraws exactly what was counted (domain specification, C1 and C2). */
#ifndef CRMPULSE_FACT_H
#define CRMPULSE_FACT_H

#include "crmpulse/slice.h"

enum dim {
    DIM_ORG,
    DIM_TEAM,
    DIM_REP,
    DIM_CHANNEL,
    DIM_PRODUCT,
    DIM_REGION,
    DIM_CAMPAIGN,
    DIM_FEATURE,
    DIM_SEGMENT,
    DIM_KIND,     /* category or kind of the fact itself: a loss reason, a ticket kind, a survey kind */
    DIM_CUSTOMER, /* filled only where some measure in force is kept by it (customer_rules.by_customer) */
    DIM_COUNT
};

const char *dim_name(enum dim dim); /* "org", "team", .. */
int dim_by_name(struct slice name); /* -1 if unknown; also accepts the letters O T R C P G M F S K U */

enum fact_type {
#define FACT(id, name, asof, meaning) FACT_##id,
#include "crmpulse/facts.def"
#undef FACT
    FACT_TYPE_COUNT
};

enum fact_number {
#define NUMBER(id, name) FN_##id,
#define TEXT(id, name)
#include "crmpulse/fact_fields.def"
#undef NUMBER
#undef TEXT
    FN_COUNT
};

enum fact_text {
#define NUMBER(id, name)
#define TEXT(id, name) FT_##id,
#include "crmpulse/fact_fields.def"
#undef NUMBER
#undef TEXT
    FT_COUNT
};

struct fact {
    enum fact_type type;
    int64_t t_ms; /* bucket time; as-of facts without a place in time use 0 */
    int64_t
        from_ms; /* as-of facts only: holds from this time on, without an event then; 0: at once. Never for distinct measures */
    struct slice
        dim[DIM_COUNT];  /* empty: the fact has no such dimension; DIM_ORG is always empty here (the org is implied) */
    struct slice member; /* the entity counted by distinct measures */
    bool no_org;         /* counts for its dimensions but not for the org (a team's own target) */
    uint64_t has;        /* bit per fact_number */
    int64_t n[FN_COUNT];
    struct slice s[FT_COUNT]; /* empty: absent */
    struct slice
        evidence; /* id of the event it rests on, where a rule wants it; the engine finds it unless the tracker says */
    int64_t evidence_ms;
};

int fact_type_by_name(struct slice name); /* -1 if unknown */
const char *fact_type_name(enum fact_type t);
bool fact_type_asof(enum fact_type t);
int fact_number_by_name(struct slice name); /* -1 if unknown */
int fact_text_by_name(struct slice name);

/* Same contribution in every respect. */
bool fact_eq(const struct fact *a, const struct fact *b);

/* Growable list reused from event to event: no allocation in steady state. */
struct fact_list {
    struct fact *v;
    uint32_t n, cap;
};
/* A zeroed fact at the end of the list, valid until the next push; NULL when out of memory. */
struct fact *fact_push(struct fact_list *list, enum fact_type type, int64_t t_ms);
void fact_list_release(struct fact_list *list);

static inline void fact_set(struct fact *f, enum fact_number field, int64_t value)
{
    f->n[field] = value;
    f->has |= (uint64_t)1 << field;
}

#endif
