/* Events made up from the vocabulary's tables, for round trips: every field a type may carry, each with its own value. */
#ifndef EVENT_SAMPLES_H
#define EVENT_SAMPLES_H

#include <stdio.h>

#include <criterion/criterion.h>

#include "crmpulse/event.h"

enum { SAMPLE_TEXT_BYTES = 24, SAMPLE_LIST = 3 };

struct event_sample {
    struct event ev;
    char text[EVENT_FIELD_COUNT][SAMPLE_TEXT_BYTES];
    int32_t list[SAMPLE_LIST];
};

static inline bool sample_allows(const struct event_type_info *type, enum event_field f)
{
    return type->allowed[f >> 6] >> (f & 63) & 1;
}

static inline void sample_set(struct event_sample *s, enum event_field f)
{
    switch (event_field_info(f)->kind) {
    case FIELD_ID:
    case FIELD_CODE:
    case FIELD_TEXT:
        snprintf(s->text[f], SAMPLE_TEXT_BYTES, "v\xC3\xA9 \"%d\"\n", (int)f);
        event_set_str(&s->ev, f, slice_of(s->text[f]));
        return;
    case FIELD_CURRENCY:
        event_set_str(&s->ev, f, SLICE("EUR"));
        return;
    case FIELD_BOOL:
        event_set_int(&s->ev, f, f % 2);
        return;
    case FIELD_PPM_LIST:
        s->list[0] = 0;
        s->list[1] = 999999;
        s->list[2] = 1;
        s->ev.v[f].ppm.p = s->list;
        s->ev.v[f].ppm.n = SAMPLE_LIST;
        event_mark(&s->ev, f);
        return;
    default:
        event_set_int(&s->ev, f, 1000 + f);
    }
}

/* Every field that `type` may carry; with `sparse` only every second one. */
static inline void sample_fill(struct event_sample *s, const struct event_schema *schema, enum event_type type,
                               bool sparse)
{
    event_clear(&s->ev);
    s->ev.type = type;
    for (int f = 0; f < EVENT_FIELD_COUNT; f++)
        if (sample_allows(&schema->type[type], (enum event_field)f) && !(sparse && f % 2))
            sample_set(s, (enum event_field)f);
    if (type == EV_PROCESS_FINISHED && event_has(&s->ev, F_CONFORMANT))
        event_set_int(&s->ev, F_CONFORMANT, 1); /* a yes or no in this type */
}

static inline bool sample_is_text(enum event_field f)
{
    enum field_kind kind = event_field_info(f)->kind;
    return kind == FIELD_ID || kind == FIELD_CODE || kind == FIELD_TEXT || kind == FIELD_CURRENCY;
}

static inline void sample_assert_equal(const struct event *got, const struct event *want, const char *name)
{
    cr_assert_eq(got->type, want->type, "%s: type", name);
    for (int i = 0; i < EVENT_FIELD_COUNT; i++) {
        enum event_field f = (enum event_field)i;
        const char *field = event_field_info(f)->name;
        cr_assert_eq(event_has(got, f), event_has(want, f), "%s.%s: presence", name, field);
        if (!event_has(want, f))
            continue;
        if (sample_is_text(f)) {
            cr_assert(slice_eq(got->v[f].s, want->v[f].s), "%s.%s: text", name, field);
        } else if (event_field_info(f)->kind == FIELD_PPM_LIST) {
            cr_assert_eq(got->v[f].ppm.n, want->v[f].ppm.n, "%s.%s: length", name, field);
            cr_assert_eq(memcmp(got->v[f].ppm.p, want->v[f].ppm.p, want->v[f].ppm.n * sizeof(int32_t)), 0);
        } else {
            cr_assert_eq(got->v[f].i, want->v[f].i, "%s.%s: %lld", name, field, (long long)got->v[f].i);
        }
    }
}

#endif
