/* The set of firing alerts: transitions and what Redis holds, the newer one counts. */
#include "crmpulse/config.h"
#include "daemon/notify/firing.h"
#include "daemon/notify/known.h"
#include "notify_fixture.h"

static const int64_t T0_MS = 1740794400000;

static struct firing f;

static void end(void)
{
    firing_release(&f);
}

TestSuite(notify_firing, .fini = end);

static struct firing_change apply(const char *subject, const char *to, const char *level, int minute, int64_t now_ms)
{
    struct firing_change c;
    struct note *note = note_at(subject, to, level, minute);
    firing_apply(&f, note, now_ms, &c);
    note_drop(note);
    return c;
}

static void read_one(const char *subject, const char *level, int minute, int64_t now_ms)
{
    struct note *note = note_at(subject, "firing", level, minute);
    firing_read(&f, note, now_ms);
    note_drop(note);
}

static uint32_t fires(void)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < f.n; i++)
        n += !f.v[i].resolved;
    return n;
}

Test(notify_firing, begins_and_ends)
{
    struct firing_change c = apply("ann", "firing", "warning", 0, 0);
    cr_expect_not(c.was_firing);
    cr_expect_eq(c.starts_ms, T0_MS);
    c = apply("ann", "ok", "warning", 7, 10);
    cr_expect(c.was_firing);
    cr_expect_eq(c.starts_ms, T0_MS, "its end says when it began");
    cr_expect_null(c.superseded);
    cr_expect_eq(fires(), 0u);
    cr_expect_eq(f.n, 1u, "an end is told again for a while");
    firing_expire(&f, 10 + FIRING_KEEP_RESOLVED_MS);
    cr_expect_eq(f.n, 1u);
    firing_expire(&f, 11 + FIRING_KEEP_RESOLVED_MS);
    cr_expect_eq(f.n, 0u);
    c = apply("ann", "ok", "warning", 9, 20);
    cr_expect_eq(c.starts_ms, INT64_MIN, "nobody knows when it began");
}

Test(notify_firing, another_level_ends_the_former)
{
    struct firing_change c = apply("ann", "firing", "warning", 0, 0);
    c = apply("ann", "firing", "critical", 5, 1);
    cr_assert_not_null(c.superseded);
    cr_expect_str_eq(c.superseded->m->level, "warning");
    cr_expect_eq(c.superseded_starts_ms, T0_MS);
    cr_expect_eq(c.starts_ms, T0_MS + 5 * 60000);
    note_drop(c.superseded);
    cr_expect_eq(f.n, 1u);
    c = apply("ann", "ok", "critical", 6, 2);
    cr_expect_null(c.superseded);
    cr_expect_eq(c.starts_ms, T0_MS + 5 * 60000);
}

Test(notify_firing, what_is_older_changes_nothing)
{
    firing_read_begin(&f, 0);
    read_one("ann", "warning", 10, 0);
    cr_expect_eq(firing_read_end(&f), 0u);
    cr_expect(apply("ann", "firing", "warning", 1, 5).stale);
    cr_expect(apply("ann", "ok", "warning", 2, 5).stale);
    cr_expect_eq(fires(), 1u);
    cr_expect_eq(f.v[0].changed_ms, T0_MS + 10 * 60000);
    cr_expect_not(apply("ann", "firing", "warning", 10, 6).stale, "the same one again");
    cr_expect_not(apply("ann", "ok", "warning", 11, 6).stale);
    cr_expect_eq(fires(), 0u);
}

Test(notify_firing, redis_takes_away_what_is_gone)
{
    (void)apply("ann", "firing", "warning", 0, 0);
    (void)apply("bob", "firing", "warning", 0, 0);
    firing_read_begin(&f, 100);
    read_one("bob", "warning", 0, 101);
    (void)apply("cat", "firing", "warning", 3, 102); /* comes while Redis is read */
    cr_expect_eq(firing_read_end(&f), 1u);
    cr_expect_eq(f.n, 2u);
    cr_expect_str_eq(f.v[0].note->m->subject, "cat");
    cr_expect_str_eq(f.v[1].note->m->subject, "bob");
    firing_read_begin(&f, 200);
    read_one("bob", "warning", 0, 201); /* a reading that breaks off takes nothing away */
    firing_read_begin(&f, 300);
    read_one("bob", "warning", 0, 301);
    read_one("cat", "warning", 3, 301);
    cr_expect_eq(firing_read_end(&f), 0u);
}

Test(notify_firing, many)
{
    char name[16];
    for (int i = 0; i < 3000; i++) {
        snprintf(name, sizeof name, "s%d", i);
        (void)apply(name, "firing", "warning", 0, i);
    }
    for (int i = 0; i < 3000; i += 3) {
        snprintf(name, sizeof name, "s%d", i);
        cr_assert(apply(name, "ok", "warning", 1, 3000).was_firing);
    }
    cr_expect_eq(fires(), 2000u);
    firing_expire(&f, 3001 + FIRING_KEEP_RESOLVED_MS);
    cr_expect_eq(f.n, 2000u);
    for (int i = 0; i < 3000; i++) {
        snprintf(name, sizeof name, "s%d", i);
        cr_assert_eq(apply(name, "ok", "warning", 2, 4000).was_firing, i % 3 != 0);
    }
}

Test(notify_firing, a_milestone_is_told_once)
{
    struct firing_change c;
    struct alert_transition t = sample_alert();
    t.condition = SLICE("");
    struct note *note = note_of(&t);
    firing_apply(&f, note, 0, &c);
    cr_expect_eq(f.n, 0u);
    cr_expect_eq(c.starts_ms, T0_MS);
    note_drop(note);
}

/* ---- what Redis shows -------------------------------------------------------------------------------------------------------------------------- */

static struct kpi_def kpi = { .id = "win_rate", .unit = UNIT_RATIO };
static struct rule_def rules[] = {
    { .id = "drop",
      .window = { .name = "30d" },
      .fire_text = "value < 0.25",
      .has_critical = true,
      .critical_text = "value < 0.1" },
    { .id = "passed", .window = { .name = "m" }, .n_milestones = 2 },
};
static const struct definitions defs = { .n_kpis = 1, .kpi = &kpi, .n_rules = 2, .rule = rules };

static struct note *shown(const char *field, const char *text, const char *evidence)
{
    struct arena a;
    arena_init(&a, 0, 0);
    const struct slice bytes =
        known_transition(&a, &defs, SLICE("acme"), slice_of(field), slice_of(text), slice_of(evidence));
    struct note *note = bytes.p ? note_decode(bytes.p, bytes.n) : NULL;
    arena_release(&a);
    return note;
}

Test(notify_firing, a_transition_out_of_redis)
{
    struct note *note =
        shown("drop|rep:an%20n", "firing level=critical value=0.05 n=6 since=1740794400000 id=abc", "e1 e%202 ...");
    cr_assert_not_null(note);
    const Crmpulse__V1__AlertTransition *m = note->m;
    cr_expect_str_eq(m->org, "acme");
    cr_expect_str_eq(m->rule, "drop");
    cr_expect_str_eq(m->dim, "rep");
    cr_expect_str_eq(m->subject, "an n");
    cr_expect_str_eq(m->level, "critical");
    cr_expect_str_eq(m->kpi, "win_rate");
    cr_expect_str_eq(m->window, "30d");
    cr_expect_str_eq(m->condition, "value < 0.1");
    cr_expect_str_eq(m->id, "abc");
    cr_expect_eq(m->value, 0.05);
    cr_expect_eq(m->samples, 6);
    cr_expect_eq(m->occurred_at_ms, T0_MS);
    cr_expect_eq(m->n_evidence_event_ids, 2u);
    cr_expect_str_eq(m->evidence_event_ids[1], "e 2");
    cr_expect(m->evidence_truncated);
    cr_expect(note->firing && !note->passing);
    note_drop(note);
}

Test(notify_firing, what_does_not_fire_is_passed_over)
{
    static const char good[] = "firing level=warning value=0.05 n=6 since=1740794400000 id=abc";
    cr_expect_null(shown("drop|rep:ann", "ok level=warning value=0.5 n=6 since=1740794400000 id=abc", ""));
    cr_expect_null(shown("passed|rep:ann", good, ""), "a milestone");
    cr_expect_null(shown("gone|rep:ann", good, ""), "a rule of a former configuration");
    cr_expect_null(shown("drop", good, ""));
    cr_expect_null(shown("drop|rep:ann", "firing level=warning n=6", ""));
    struct note *note = shown("drop|rep:ann", good, "");
    cr_assert_not_null(note);
    cr_expect_eq(note->m->n_evidence_event_ids, 0u);
    note_drop(note);
}
