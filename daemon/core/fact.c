/* Facts: names of their types, fields and dimensions (from facts.def and fact_fields.def), comparison, and the reused list.
 *
 * It does not know which tracker makes a fact, nor what a measure does with it. */
#include "crmpulse/fact.h"

#include <stdlib.h>

#include "crmpulse/fact_slot.h"

_Static_assert(FN_COUNT <= 64, "fact.has has one bit per number");

struct dim_row {
    const char *name;
    char letter;
};

static const struct dim_row dims[DIM_COUNT] = {
    [DIM_ORG] = { "org", 'O' },           [DIM_TEAM] = { "team", 'T' },         [DIM_REP] = { "rep", 'R' },
    [DIM_CHANNEL] = { "channel", 'C' },   [DIM_PRODUCT] = { "product", 'P' },   [DIM_REGION] = { "region", 'G' },
    [DIM_CAMPAIGN] = { "campaign", 'M' }, [DIM_FEATURE] = { "feature", 'F' },   [DIM_SEGMENT] = { "segment", 'S' },
    [DIM_KIND] = { "kind", 'K' },         [DIM_CUSTOMER] = { "customer", 'U' },
};

struct type_row {
    const char *name;
    bool asof;
};

static const struct type_row types[FACT_TYPE_COUNT] = {
#define FACT(id, name, asof, meaning) [FACT_##id] = { name, asof },
#include "crmpulse/facts.def"
#undef FACT
};

static const char *const number_names[FN_COUNT] = {
#define NUMBER(id, name) [FN_##id] = name,
#define TEXT(id, name)
#include "crmpulse/fact_fields.def"
#undef NUMBER
#undef TEXT
};

static const char *const text_names[FT_COUNT] = {
#define NUMBER(id, name)
#define TEXT(id, name) [FT_##id] = name,
#include "crmpulse/fact_fields.def"
#undef NUMBER
#undef TEXT
};

const char *dim_name(enum dim dim)
{
    return dims[dim].name;
}

int dim_by_name(struct slice name)
{
    for (int i = 0; i < DIM_COUNT; i++) {
        bool letter = name.n == 1 && name.p[0] == dims[i].letter;
        if (letter || slice_eq(name, slice_of(dims[i].name)))
            return i;
    }
    return -1;
}

int fact_type_by_name(struct slice name)
{
    for (int i = 0; i < FACT_TYPE_COUNT; i++)
        if (slice_eq(name, slice_of(types[i].name)))
            return i;
    return -1;
}

const char *fact_type_name(enum fact_type t)
{
    return types[t].name;
}

bool fact_type_asof(enum fact_type t)
{
    return types[t].asof;
}

static int find_name(const char *const *names, int n, struct slice name)
{
    for (int i = 0; i < n; i++)
        if (slice_eq(name, slice_of(names[i])))
            return i;
    return -1;
}

int fact_number_by_name(struct slice name)
{
    return find_name(number_names, FN_COUNT, name);
}

int fact_text_by_name(struct slice name)
{
    return find_name(text_names, FT_COUNT, name);
}

int fact_slot_by_name(struct slice name)
{
    int i = fact_number_by_name(name);
    if (i >= 0)
        return FACT_SLOT_NUMBER + i;
    if ((i = fact_text_by_name(name)) >= 0)
        return FACT_SLOT_TEXT + i;
    for (i = DIM_ORG + 1; i < DIM_KIND; i++)
        if (slice_eq(name, slice_of(dims[i].name)))
            return FACT_SLOT_DIM + i;
    return slice_eq(name, SLICE("member")) ? FACT_SLOT_MEMBER : -1;
}

const char *fact_slot_name(int slot)
{
    if (slot < 0 || slot > FACT_SLOT_MEMBER)
        return NULL;
    if (slot < FACT_SLOT_TEXT)
        return number_names[slot - FACT_SLOT_NUMBER];
    if (slot < FACT_SLOT_DIM)
        return text_names[slot - FACT_SLOT_TEXT];
    return slot < FACT_SLOT_MEMBER ? dims[slot - FACT_SLOT_DIM].name : "member";
}

static struct expr_value text_value(struct slice s)
{
    return s.n ? (struct expr_value){ .type = EXPR_TEXT, .s = s } : expr_null();
}

struct expr_value fact_slot_load(void *fact, int slot)
{
    const struct fact *f = fact;
    if (slot < FACT_SLOT_TEXT) {
        int field = slot - FACT_SLOT_NUMBER;
        return f->has >> field & 1 ? expr_int(f->n[field]) : expr_null();
    }
    if (slot < FACT_SLOT_DIM)
        return text_value(f->s[slot - FACT_SLOT_TEXT]);
    return text_value(slot < FACT_SLOT_MEMBER ? f->dim[slot - FACT_SLOT_DIM] : f->member);
}

bool fact_eq(const struct fact *a, const struct fact *b)
{
    if (a->type != b->type || a->t_ms != b->t_ms || a->from_ms != b->from_ms || a->has != b->has ||
        a->no_org != b->no_org || !slice_eq(a->member, b->member) || !slice_eq(a->evidence, b->evidence))
        return false;
    for (int i = 0; i < DIM_COUNT; i++)
        if (!slice_eq(a->dim[i], b->dim[i]))
            return false;
    for (int i = 0; i < FT_COUNT; i++)
        if (!slice_eq(a->s[i], b->s[i]))
            return false;
    for (uint64_t left = a->has; left; left &= left - 1) {
        int i = __builtin_ctzll(left);
        if (a->n[i] != b->n[i])
            return false;
    }
    return true;
}

struct fact *fact_push(struct fact_list *list, enum fact_type type, int64_t t_ms)
{
    if (list->n == list->cap) {
        uint32_t cap = list->cap ? list->cap * 2 : 16;
        struct fact *v = cap > list->cap ? realloc(list->v, cap * sizeof(*v)) : NULL;
        if (!v)
            return NULL;
        list->v = v;
        list->cap = cap;
    }
    struct fact *f = &list->v[list->n++];
    f->type = type;
    f->t_ms = t_ms;
    f->from_ms = 0;
    f->has = 0; /* says which of n[] mean anything: they need no zeroing */
    f->member = (struct slice){ 0 };
    f->no_org = false;
    f->evidence = (struct slice){ 0 };
    f->evidence_ms = 0;
    memset(f->dim, 0, sizeof(f->dim));
    memset(f->s, 0, sizeof(f->s));
    return f;
}

void fact_list_release(struct fact_list *list)
{
    free(list->v);
    *list = (struct fact_list){ 0 };
}
