/* The events of the golden cases, as one history: each case in an org of its own. */
#ifndef CRMPULSE_TESTS_GOLDEN_EVENTS_H
#define CRMPULSE_TESTS_GOLDEN_EVENTS_H

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "crmpulse/arena.h"
#include "crmpulse/engine.h"
#include "crmpulse/event_decode.h"
#include "daemon/cli/test_case.h"

/* In the order of the files. */
struct history {
    struct arena arena;
    struct slice *event;
    uint32_t n, cap;
};

/* Each case in an org of its own: ids of one are none of another. */
static inline void history_add(struct history *h, struct slice text, uint32_t number)
{
    char *to = arena_alloc(&h->arena, text.n * 2 + 1);
    uint32_t n = 0;
    for (uint32_t i = 0; i < text.n;)
        if (i + 4 <= text.n && memcmp(text.p + i, "acme", 4) == 0) {
            n += (uint32_t)sprintf(to + n, "c%03u", number % 1000);
            i += 4;
        } else {
            to[n++] = text.p[i++];
        }
    if (h->n == h->cap)
        h->event = realloc(h->event, (h->cap = h->cap * 2 + 1000) * sizeof *h->event);
    h->event[h->n++] = (struct slice){ to, n };
}

static inline void history_gather(struct history *h, int every)
{
    static const char folder[] = CRMPULSE_SOURCE_DIR "/tests/golden/kpi";
    struct dirent **files;
    int n = scandir(folder, &files, NULL, alphasort);
    cr_assert_gt(n, 100);
    arena_init(&h->arena, 0, 0);
    for (int i = 0; i < n; i++) {
        char path[700];
        struct test_case c;
        struct config_problems problems = { 0 };
        snprintf(path, sizeof path, "%s/%s", folder, files[i]->d_name);
        if (i % every == 0 && strstr(files[i]->d_name, ".yaml")) {
            cr_assert_eq(test_case_load(&c, path, &problems), 0, "%s", path);
            for (uint32_t e = 0; e < c.n_events; e++)
                history_add(h, c.event[e], (uint32_t)i);
            test_case_release(&c);
        }
        config_problems_release(&problems);
        free(files[i]);
    }
    free(files);
    cr_assert_gt(h->n, 100u);
}

/* Decoded into `ev`; false: it is refused. `arena` holds its texts. */
static inline bool history_event(const struct history *h, uint32_t i, const struct event_codec *codec,
                                 struct arena *arena, struct event *ev)
{
    struct event_note note = { EVENT_FIELD_COUNT, 0 };
    arena_reset(arena);
    return event_decode(codec, arena, (const uint8_t *)h->event[i].p, h->event[i].n, ev, &note) == REJECT_NONE &&
           event_validate(&codec->schema, ev, INT64_C(4102444800000), 0, &note.field) == REJECT_NONE;
}

#endif
