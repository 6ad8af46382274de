/* The vocabulary's tables: every name resolves, and they agree with the compiled protobuf schema field by field. */
#include <criterion/criterion.h>
#include <protobuf-c/protobuf-c.h>

#include "crmpulse/event.h"
#include "crmpulse/v1/event.pb-c.h"

struct type_lists {
    const char *required, *optional, *any_of, *enums;
};

static const struct type_lists lists[EVENT_TYPE_COUNT] = {
#define EVENT(id, name, entity, required, optional, any_of, enums) [EV_##id] = { required, optional, any_of, enums },
#include "crmpulse/event_types.def"
#undef EVENT
};

static struct event_schema schema;

static void init_schema(void)
{
    event_schema_init(&schema);
}

TestSuite(event_table, .init = init_schema);

static bool in_set(const uint64_t *set, int f)
{
    return set[f >> 6] >> (f & 63) & 1;
}

static int field(const char *name)
{
    return event_field_by_name(slice_of(name));
}

static int type(const char *name)
{
    return event_type_by_name(slice_of(name));
}

/* The number of names in a blank-separated list, each of which must be a field that is in `set`. */
static int check_list(const char *list, const uint64_t *set, const char *type_name)
{
    int count = 0;
    for (const char *p = list; *p; p += strspn(p, " ")) {
        size_t n = strcspn(p, " ");
        int f = event_field_by_name((struct slice){ p, (uint32_t)n });
        cr_assert_geq(f, 0, "%s: no field %.*s", type_name, (int)n, p);
        cr_assert(in_set(set, f), "%s: %.*s is not in the set", type_name, (int)n, p);
        p += n;
        count++;
    }
    return count;
}

static int set_size(const uint64_t *set)
{
    int n = 0;
    for (int w = 0; w < EVENT_PRESENT_WORDS; w++)
        n += __builtin_popcountll(set[w]);
    return n;
}

Test(event_table, has_the_specified_size)
{
    cr_assert_eq(EVENT_TYPE_COUNT, 72);
    cr_assert_eq(EVENT_ENVELOPE_FIELDS, 16);
}

Test(event_table, names_lead_to_numbers_and_back)
{
    for (int f = 0; f < EVENT_FIELD_COUNT; f++)
        cr_assert_eq(field(event_field_info((enum event_field)f)->name), f);
    for (int t = 0; t < EVENT_TYPE_COUNT; t++)
        cr_assert_eq(type(schema.type[t].name), t);
}

Test(event_table, unknown_names)
{
    const char *names[] = { "", "deal", "deal_i", "deal_idx", "DEAL_ID", "deal_id ", "lead_createe" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        cr_assert_eq(field(names[i]), -1, "%s", names[i]);
        cr_assert_eq(type(names[i]), -1, "%s", names[i]);
    }
    cr_assert_eq(event_field_by_name((struct slice){ 0 }), -1);
    cr_assert_eq(event_type_by_name((struct slice){ "login\0x", 7 }), -1);
}

Test(event_table, every_listed_name_resolves)
{
    for (int t = 0; t < EVENT_TYPE_COUNT; t++) {
        const struct event_type_info *info = &schema.type[t];
        int required = check_list(lists[t].required, info->required, info->name);
        int optional = check_list(lists[t].optional, info->allowed, info->name);
        int any_of = check_list(lists[t].any_of, info->any_of, info->name);
        cr_assert_eq(set_size(info->required), required + 3, "%s: with event_id, org_id, occurred_at_ms", info->name);
        cr_assert_eq(set_size(info->any_of), any_of, "%s", info->name);
        cr_assert_leq(set_size(info->allowed), 15 + required + optional, "%s", info->name);
        cr_assert(!in_set(info->allowed, F_TYPE));
    }
}

Test(event_table, every_enum_rule_names_a_field_of_the_type)
{
    for (int t = 0; t < EVENT_TYPE_COUNT; t++) {
        for (const char *p = lists[t].enums; *p; p += strspn(p, " ")) {
            size_t n = strcspn(p, "=");
            int f = event_field_by_name((struct slice){ p, (uint32_t)n });
            cr_assert_geq(f, 0, "%s: %s", schema.type[t].name, p);
            cr_assert(in_set(schema.type[t].allowed, f), "%s: %s", schema.type[t].name, p);
            cr_assert_gt(strcspn(p + n, " "), 1, "%s: an empty rule", schema.type[t].name);
            p += strcspn(p, " ");
        }
    }
}

/* Some rows read off the domain specification by hand. */
Test(event_table, sets_of_some_types)
{
    const struct event_type_info *closed = &schema.type[EV_DEAL_CLOSED];
    cr_assert(in_set(closed->required, F_DEAL_ID) && in_set(closed->required, F_OUTCOME));
    cr_assert(in_set(closed->required, F_AMOUNT_MICROS) && !in_set(closed->required, F_CURRENCY));
    cr_assert(in_set(closed->allowed, F_COMPETITOR) && !in_set(closed->required, F_COMPETITOR));
    cr_assert(!in_set(closed->allowed, F_TICKET_ID));
    cr_assert_eq(closed->entity, ENTITY_DEAL);
    cr_assert_str_eq(closed->enums, "outcome=won|lost");
    cr_assert(in_set(schema.type[EV_LEAD_CREATED].required, F_OWNER_ID), "an envelope field may be required");
    cr_assert(in_set(schema.type[EV_LEAD_CONVERTED].any_of, F_CUSTOMER_ID));
    cr_assert(in_set(schema.type[EV_LEAD_CONVERTED].any_of, F_DEAL_ID));
    cr_assert_eq(set_size(schema.type[EV_LOGIN].any_of), 0);
}

Test(event_table, reject_names)
{
    cr_assert_str_eq(event_reject_name(REJECT_NONE), "none");
    cr_assert_str_eq(event_reject_name(REJECT_UNKNOWN_ORG), "unknown_org");
    cr_assert_str_eq(event_reject_name(REJECT_COUNT), "unknown");
}

/* ---- agreement with the compiled schema ---- */

/* Each kind's type in the schema, as event_fields.def explains the kinds. */
static bool type_agrees(int f, int type_number, const ProtobufCFieldDescriptor *fd)
{
    switch (event_field_info((enum event_field)f)->kind) {
    case FIELD_ID:
    case FIELD_CODE:
    case FIELD_TEXT:
    case FIELD_CURRENCY:
        return fd->type == PROTOBUF_C_TYPE_STRING;
    case FIELD_BOOL:
        return fd->type == PROTOBUF_C_TYPE_BOOL;
    case FIELD_PPM:
    case FIELD_PPM_LIST:
        return fd->type == PROTOBUF_C_TYPE_INT32;
    case FIELD_INT:
        return fd->type == (f == F_SCHEMA_VERSION || f == F_SENTIMENT ? PROTOBUF_C_TYPE_INT32 : PROTOBUF_C_TYPE_INT64);
    default:
        if (f == F_CONFORMANT && type_number == EV_PROCESS_FINISHED)
            return fd->type == PROTOBUF_C_TYPE_BOOL;
        return fd->type == PROTOBUF_C_TYPE_INT64;
    }
}

static void check_field(const ProtobufCFieldDescriptor *fd, int type_number, const char *type_name)
{
    int f = field(fd->name);
    cr_assert_geq(f, 0, "%s.%s is not in event_fields.def", type_name, fd->name);
    cr_assert(type_agrees(f, type_number, fd), "%s.%s has another type", type_name, fd->name);
    bool list = event_field_info((enum event_field)f)->kind == FIELD_PPM_LIST;
    cr_assert_eq(fd->label, list ? PROTOBUF_C_LABEL_REPEATED : PROTOBUF_C_LABEL_OPTIONAL, "%s.%s", type_name, fd->name);
}

Test(event_table, envelope_agrees_with_the_schema)
{
    const ProtobufCMessageDescriptor *desc = &crmpulse__v1__event__descriptor;
    int scalars = 0;
    for (unsigned i = 0; i < desc->n_fields; i++) {
        if (desc->fields[i].flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
            continue;
        check_field(&desc->fields[i], -1, "Event");
        cr_assert_lt(field(desc->fields[i].name), EVENT_ENVELOPE_FIELDS, "%s", desc->fields[i].name);
        scalars++;
    }
    cr_assert_eq(scalars, EVENT_ENVELOPE_FIELDS - 1, "all but the type, which the oneof says");
}

Test(event_table, types_agree_with_the_schema)
{
    const ProtobufCMessageDescriptor *desc = &crmpulse__v1__event__descriptor;
    cr_assert_eq(desc->n_fields, EVENT_ENVELOPE_FIELDS - 1 + EVENT_TYPE_COUNT);
    for (int t = 0; t < EVENT_TYPE_COUNT; t++) {
        const char *name = schema.type[t].name;
        const ProtobufCFieldDescriptor *fd = protobuf_c_message_descriptor_get_field_by_name(desc, name);
        cr_assert_not_null(fd, "Event has no %s", name);
        cr_assert(fd->flags & PROTOBUF_C_FIELD_FLAG_ONEOF, "%s", name);
        const ProtobufCMessageDescriptor *body = fd->descriptor;
        for (unsigned i = 0; i < body->n_fields; i++) {
            check_field(&body->fields[i], t, name);
            int f = field(body->fields[i].name);
            cr_assert(in_set(schema.type[t].allowed, f), "%s.%s is not in event_types.def", name, body->fields[i].name);
            cr_assert_geq(f, EVENT_ENVELOPE_FIELDS, "%s.%s repeats the envelope", name, body->fields[i].name);
        }
        for (int f = EVENT_ENVELOPE_FIELDS; f < EVENT_FIELD_COUNT; f++)
            if (in_set(schema.type[t].allowed, f))
                cr_assert_not_null(
                    protobuf_c_message_descriptor_get_field_by_name(body, event_field_info((enum event_field)f)->name),
                    "%s.%s is missing in the schema", name, event_field_info((enum event_field)f)->name);
    }
}

Test(event_table, every_field_is_used)
{
    for (int f = 0; f < EVENT_FIELD_COUNT; f++) {
        bool used = f == F_TYPE;
        for (int t = 0; t < EVENT_TYPE_COUNT; t++)
            used |= in_set(schema.type[t].allowed, f);
        cr_assert(used, "%s", event_field_info((enum event_field)f)->name);
    }
}
