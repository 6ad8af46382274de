/* The event vocabulary as tables: what event_fields.def and event_types.def say, expanded. Checks no event. */
#include "crmpulse/event.h"

#define NAME_LENGTH(text) (sizeof(text) - 1)

static const struct event_field_info fields[EVENT_FIELD_COUNT] = {
#define FIELD(id, wire_name, field_kind) [F_##id] = { .name = (wire_name), .kind = FIELD_##field_kind },
#include "crmpulse/event_fields.def"
#undef FIELD
};

static const uint8_t field_name_lengths[EVENT_FIELD_COUNT] = {
#define FIELD(id, name, kind) [F_##id] = NAME_LENGTH(name),
#include "crmpulse/event_fields.def"
#undef FIELD
};

struct type_row {
    const char *name;
    const char *required;
    const char *optional;
    const char *any_of;
    const char *enums;
    enum entity_kind entity;
    uint8_t name_length;
};

static const struct type_row types[EVENT_TYPE_COUNT] = {
#define EVENT(id, wire_name, about, required_fields, optional_fields, any_of_fields, enum_rules)                       \
    [EV_##id] = { .name = (wire_name),                                                                                 \
                  .required = (required_fields),                                                                       \
                  .optional = (optional_fields),                                                                       \
                  .any_of = (any_of_fields),                                                                           \
                  .enums = (enum_rules),                                                                               \
                  .entity = ENTITY_##about,                                                                            \
                  .name_length = NAME_LENGTH(wire_name) },
#include "crmpulse/event_types.def"
#undef EVENT
};

static const char *const reject_names[REJECT_COUNT] = {
#define X(id, name) [REJECT_##id] = (name),
    EVENT_REJECT_MAP(X)
#undef X
};

const struct event_field_info *event_field_info(enum event_field f)
{
    return &fields[f];
}

/* A look at the length settles nearly every row, so the scan costs less than a search tree would at this size. */
int event_field_by_name(struct slice name)
{
    for (int f = 0; f < EVENT_FIELD_COUNT; f++)
        if (field_name_lengths[f] == name.n && memcmp(fields[f].name, name.p, name.n) == 0)
            return f;
    return -1;
}

int event_type_by_name(struct slice name)
{
    for (int t = 0; t < EVENT_TYPE_COUNT; t++)
        if (types[t].name_length == name.n && memcmp(types[t].name, name.p, name.n) == 0)
            return t;
    return -1;
}

const char *event_reject_name(enum event_reject reason)
{
    return (unsigned)reason < REJECT_COUNT ? reject_names[reason] : "unknown";
}

static void mark(uint64_t *set, enum event_field f)
{
    set[f >> 6] |= (uint64_t)1 << (f & 63);
}

/* Adds the fields of a blank-separated list. Names that do not exist are left out: test_event_table.c finds them. */
static void mark_list(uint64_t *set, const char *list)
{
    while (*list) {
        size_t n = strcspn(list, " ");
        int f = event_field_by_name((struct slice){ list, (uint32_t)n });
        if (f >= 0)
            mark(set, (enum event_field)f);
        list += n;
        list += strspn(list, " ");
    }
}

static void init_type(struct event_type_info *info, const struct type_row *row)
{
    *info = (struct event_type_info){ .name = row->name, .entity = row->entity, .enums = row->enums };
    mark(info->required, F_EVENT_ID);
    mark(info->required, F_ORG_ID);
    mark(info->required, F_OCCURRED_AT_MS);
    mark_list(info->required, row->required);
    mark_list(info->any_of, row->any_of);
    for (int f = 0; f < EVENT_ENVELOPE_FIELDS; f++)
        if (f != F_TYPE) /* the type is no value: event.type says it */
            mark(info->allowed, (enum event_field)f);
    mark_list(info->allowed, row->optional);
    for (int w = 0; w < EVENT_PRESENT_WORDS; w++)
        info->allowed[w] |= info->required[w] | info->any_of[w];
}

void event_schema_init(struct event_schema *schema)
{
    for (int t = 0; t < EVENT_TYPE_COUNT; t++)
        init_type(&schema->type[t], &types[t]);
}
