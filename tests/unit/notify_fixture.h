/* Alert transitions for the tests of daemon/notify: made from struct alert_transition, as the daemon makes them. */
#ifndef CRMPULSE_TESTS_NOTIFY_FIXTURE_H
#define CRMPULSE_TESTS_NOTIFY_FIXTURE_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "crmpulse/out_pb.h"
#include "daemon/notify/body.h"

static inline struct alert_transition sample_alert(void)
{
    static const struct slice evidence[] = { SLICE("e1"), SLICE("e2") };
    return (struct alert_transition){ .id = SLICE("t1"),
                                      .rule = SLICE("win_rate_drop"),
                                      .org = SLICE("acme"),
                                      .dim = SLICE("rep"),
                                      .subject = SLICE("ann"),
                                      .level = SLICE("warning"),
                                      .from_state = SLICE("ok"),
                                      .to_state = SLICE("firing"),
                                      .tick_ms = 1740794400000,
                                      .occurred_at_ms = 1740794400000, /* 2025-03-01T02:00Z */
                                      .kpi = SLICE("win_rate"),
                                      .window = SLICE("30d"),
                                      .value = 0.215,
                                      .samples = 200,
                                      .condition = SLICE("value < 0.25"),
                                      .evidence_event_ids = evidence,
                                      .evidence_count = 2 };
}

static inline struct note *note_of(const struct alert_transition *t)
{
    struct arena a;
    arena_init(&a, 0, 0);
    const struct slice bytes = out_pb_alert_transition(&a, t);
    struct note *note = bytes.p ? note_decode(bytes.p, bytes.n) : NULL;
    arena_release(&a);
    return note;
}

/* Rule r of org acme for rep `subject`, at minute `minute`; `to` is "firing" or "ok". */
static inline struct note *note_at(const char *subject, const char *to, const char *level, int minute)
{
    char id[64];
    struct alert_transition t = sample_alert();
    snprintf(id, sizeof id, "%s/%s/%d", subject, to, minute);
    t.id = slice_of(id);
    t.subject = slice_of(subject);
    t.level = slice_of(level);
    t.to_state = slice_of(to);
    t.from_state = strcmp(to, "firing") == 0 ? SLICE("ok") : SLICE("firing");
    t.occurred_at_ms += (int64_t)minute * 60000;
    t.tick_ms = t.occurred_at_ms;
    struct note *note = note_of(&t);
    cr_assert_not_null(note);
    return note;
}

#endif
