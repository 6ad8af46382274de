/* One receiver with a clock, a dice and answers of the test's: order, repeats, Retry-After, refusals, giving up, the rate limit, telling Alertmanager again. */
#include <string.h>

#include "daemon/notify/receiver.h"
#include "notify_fixture.h"

static const int64_t UNIX_MS = 1740800000000; /* when the test's clock says 0 */

struct rig {
    struct config config;
    struct log log;
    struct marks marks;
    struct firing firing;
    struct notify_receiver conf;
    struct receiver_env env;
    struct receiver r;
    int64_t now_ms, offset;
    uint32_t posts;
    char body[200000];
    bool no_secret;
};

static struct rig rig;

static int post(void *ctx, struct receiver *r, struct slice body, char *why, size_t cap)
{
    (void)ctx;
    cr_assert(r->busy);
    cr_assert_lt(body.n, sizeof rig.body);
    memcpy(rig.body, body.p, body.n + 1);
    rig.posts++;
    if (rig.no_secret)
        snprintf(why, cap, "no such file");
    return rig.no_secret ? -1 : 0;
}

static uint64_t most(void *ctx)
{
    (void)ctx;
    return 1000; /* of a bound of 1 s: all of it */
}

static int64_t unix_ms(void *ctx)
{
    (void)ctx;
    return UNIX_MS + rig.now_ms;
}

static void begin(enum notify_kind kind)
{
    memset(&rig, 0, sizeof rig);
    rig.config.notify.queue_max = 10;
    rig.config.notify.retry_min_ms = 1000;
    rig.config.notify.retry_max_ms = 1000;
    rig.config.notify.give_up_ms = 60000;
    rig.config.notify.resend_ms = 5000;
    rig.config.notify.external_url = "";
    rig.log.level = LOG_ERROR_ + 1;
    rig.conf = (struct notify_receiver){ .name = "r", .kind = kind, .levels = 7, .resolved = true };
    rig.env = (struct receiver_env){ .config = &rig.config,
                                     .log = &rig.log,
                                     .marks = &rig.marks,
                                     .firing = &rig.firing,
                                     .post = post,
                                     .random = most,
                                     .unix_ms = unix_ms };
    receiver_init(&rig.r, &rig.conf, &rig.env, 0);
    cr_assert_eq(marks_begin(&rig.marks, 0, 0), 0);
}

static void end(void)
{
    receiver_release(&rig.r);
    firing_release(&rig.firing);
    marks_release(&rig.marks);
}

static void take_note(struct note *note)
{
    struct firing_change c;
    struct mark *m = marks_read(&rig.marks, 0, rig.offset++);
    firing_apply(&rig.firing, note, rig.now_ms, &c);
    cr_assert_eq(receiver_take(&rig.r, note, &c, m, rig.now_ms), 0);
    note_drop(c.superseded);
    note_drop(note);
    marks_done(&rig.marks, m);
}

static void take(const char *subject, const char *to, int minute)
{
    take_note(note_at(subject, to, "warning", minute));
}

static bool step(int64_t now_ms)
{
    const uint32_t before = rig.posts;
    rig.now_ms = now_ms;
    receiver_step(&rig.r, now_ms);
    return rig.posts > before;
}

/* Is this subject in the last body? */
static bool tells(const char *subject)
{
    char text[64];
    snprintf(text, sizeof text, "\"subject\":\"%s\"", subject);
    return strstr(rig.body, text) != NULL;
}

static void answer(long status, int64_t retry_after_ms)
{
    const struct answer a = { .status = status, .retry_after_ms = retry_after_ms, .why = "why" };
    receiver_answered(&rig.r, &a, rig.now_ms);
}

static int64_t done_to(void)
{
    return rig.marks.row[0]->next;
}

Test(notify_receiver, taken_in_order_one_request_at_a_time)
{
    begin(NOTIFY_WEBHOOK);
    take("ann", "firing", 0);
    cr_expect(step(0));
    take("bob", "firing", 0);
    cr_expect_not(step(1), "one is under way");
    cr_expect_eq(done_to(), 0);
    answer(200, 0);
    cr_expect_eq(done_to(), 1);
    cr_expect(step(2));
    cr_expect(tells("bob") && !tells("ann"), "%s", rig.body);
    answer(202, 0);
    cr_expect_eq(done_to(), 2);
    cr_expect_not(step(3));
    cr_expect_eq(rig.r.counts.told, 2u);
    end();
}

Test(notify_receiver, repeated_with_a_wait)
{
    static const long repeated[] = { 0, 500, 503, 429 };
    begin(NOTIFY_WEBHOOK);
    take("ann", "firing", 0);
    int64_t now_ms = 0;
    for (size_t i = 0; i < sizeof repeated / sizeof *repeated; i++) {
        cr_expect(step(now_ms), "%ld", repeated[i]);
        answer(repeated[i], 0);
        cr_expect_not(step(now_ms + 999));
        now_ms += 1000;
    }
    cr_expect(step(now_ms));
    answer(429, 7000);
    cr_expect_not(step(now_ms + 6999), "Retry-After is longer than the wait");
    cr_expect(step(now_ms + 7000));
    answer(200, 0);
    cr_expect_eq(rig.r.counts.retries, 5u);
    cr_expect_eq(rig.r.counts.told, 1u);
    cr_expect_eq(rig.r.attempt, 0u);
    cr_expect_eq(done_to(), 1);
    end();
}

Test(notify_receiver, a_refusal_is_not_repeated)
{
    static const long final[] = { 301, 400, 401, 404, 410 };
    begin(NOTIFY_WEBHOOK);
    for (uint32_t i = 0; i < sizeof final / sizeof *final; i++) {
        take("ann", "firing", (int)i);
        cr_expect(step(2000 * i));
        answer(final[i], 0);
        cr_expect_eq(rig.r.queue.n, 0u);
        cr_expect_eq(rig.r.counts.refused, i + 1);
        cr_expect_eq(done_to(), i + 1);
    }
    end();
}

Test(notify_receiver, the_one_that_is_refused_takes_no_other_along)
{
    begin(NOTIFY_WEBHOOK);
    take("ann", "firing", 0);
    take("bob", "firing", 0);
    take("cat", "firing", 0);
    cr_expect(step(0));
    answer(400, 0);
    cr_expect_eq(rig.r.queue.n, 3u);
    cr_expect(step(1000));
    cr_expect(tells("ann") && !tells("bob"));
    answer(200, 0);
    cr_expect(step(1001));
    answer(400, 0);
    cr_expect_eq(rig.r.counts.refused, 1u);
    take("dan", "firing", 0);
    cr_expect(step(2001));
    cr_expect(tells("cat") && !tells("dan"));
    answer(200, 0);
    cr_expect_eq(rig.r.counts.told, 2u);
    cr_expect_eq(done_to(), 3);
    end();
}

Test(notify_receiver, given_up_when_it_is_too_old)
{
    begin(NOTIFY_WEBHOOK);
    take("ann", "firing", 0);
    rig.now_ms = 30000;
    take("bob", "firing", 0);
    for (int64_t now = 30000; now < 60000; now += 1000)
        if (step(now))
            answer(0, 0);
    cr_expect_eq(rig.r.queue.n, 2u);
    cr_expect(step(60000), "what is left is tried on");
    cr_expect_eq(rig.r.counts.given_up, 1u);
    cr_expect(tells("bob") && !tells("ann"));
    cr_expect_eq(done_to(), 1);
    cr_expect_not(step(95000), "not while it is under way");
    cr_expect_eq(rig.r.counts.given_up, 1u);
    answer(200, 0);
    cr_expect_eq(rig.r.counts.told, 1u);
    end();
}

Test(notify_receiver, a_secret_that_cannot_be_read_is_a_failure_that_passes)
{
    begin(NOTIFY_WEBHOOK);
    take("ann", "firing", 0);
    rig.no_secret = true;
    cr_expect(step(0));
    cr_expect_not(rig.r.busy);
    cr_expect_eq(rig.r.counts.retries, 1u);
    cr_expect_str_eq(rig.r.why, "no such file");
    rig.no_secret = false;
    cr_expect(step(1000));
    answer(200, 0);
    cr_expect_eq(rig.r.counts.told, 1u);
    end();
}

Test(notify_receiver, full_and_room)
{
    begin(NOTIFY_WEBHOOK);
    for (int i = 0; i < 10; i++) {
        cr_expect_not(receiver_is_full(&rig.r));
        cr_expect_eq(receiver_has_room(&rig.r), i <= 5);
        take("ann", "firing", i);
    }
    cr_expect(receiver_is_full(&rig.r));
    end();
}

Test(notify_receiver, one_that_is_too_slow_holds_up_the_others_once)
{
    begin(NOTIFY_WEBHOOK);
    uint32_t stopped = 0;
    int minute = 0;
    for (int64_t now_ms = 0; now_ms < 400000;
         now_ms += 1000) { /* a record a second, unless the topic stands; 1 of 20 s taken alone */
        rig.now_ms = now_ms;
        rig.r.alone = 1;
        if (receiver_is_full(&rig.r))
            stopped++;
        else
            take("ann", "firing", minute++);
        if (now_ms % 20000 == 0 && step(now_ms))
            answer(200, 0);
        else if (!rig.r.busy && now_ms % 20000 != 0) {
            rig.r.not_before_ms = INT64_MAX; /* its answer takes so long */
            (void)step(now_ms);
            rig.r.not_before_ms = 0;
        }
    }
    cr_expect(rig.r.overrun);
    cr_expect_geq(stopped, 40u);
    cr_expect_leq(stopped, 61u, "a minute in all, not a minute again and again: %u s", stopped);
    cr_expect_gt(rig.r.counts.given_up, 250u);
    while (rig.r.queue.n) {
        rig.now_ms += 1;
        if (step(rig.now_ms))
            answer(200, 0);
    }
    (void)step(rig.now_ms + 1);
    cr_expect_not(rig.r.overrun, "it has caught up");
    end();
}

Test(notify_receiver, what_it_wants_to_hear)
{
    begin(NOTIFY_WEBHOOK);
    char *rules[] = { "win_rate_drop" }, *orgs[] = { "acme" }, *others[] = { "other" };
    rig.conf.rule = rules;
    rig.conf.n_rules = 1;
    rig.conf.org = orgs;
    rig.conf.n_orgs = 1;
    rig.conf.levels = 1u << NOTIFY_CRITICAL;
    take("ann", "firing", 0);
    cr_expect_eq(rig.r.queue.n, 0u, "a warning");
    cr_expect_eq(done_to(), 1, "nobody waits for it");
    take_note(note_at("bob", "firing", "critical", 0));
    cr_expect_eq(rig.r.queue.n, 1u);
    rig.conf.resolved = false;
    take_note(note_at("bob", "ok", "critical", 1));
    cr_expect_eq(rig.r.queue.n, 1u);
    rig.conf.org = others;
    take_note(note_at("cat", "firing", "critical", 0));
    rig.conf.org = orgs;
    rig.conf.rule = others;
    take_note(note_at("dan", "firing", "critical", 0));
    rig.conf.rule = rules;
    struct alert_transition t = sample_alert();
    t.level = SLICE("critical");
    t.historical = true;
    take_note(note_of(&t));
    cr_expect_eq(rig.r.queue.n, 1u);
    cr_expect_eq(rig.r.counts.filtered, 5u);
    rig.conf.historical = true;
    take_note(note_of(&t));
    cr_expect_eq(rig.r.queue.n, 2u);
    end();
}

Test(notify_receiver, slack_one_message_a_second)
{
    begin(NOTIFY_SLACK);
    rig.conf.rate = 1;
    pace_bucket_init(&rig.r.bucket, 1, 0);
    uint32_t sent = 0;
    for (int64_t now = 0; now < 3000; now += 50) {
        rig.now_ms = now;
        if (now % 500 == 0)
            take("ann", "firing", (int)now);
        if (step(now)) {
            answer(200, 0);
            sent++;
        }
    }
    cr_expect_eq(sent, 3u);
    cr_expect(strstr(rig.body, "2 alerts: 2 firing, 0 resolved"), "%s", rig.body);
    end();
}

Test(notify_receiver, alertmanager_is_told_again)
{
    begin(NOTIFY_ALERTMANAGER);
    cr_expect_not(step(0), "nothing fires");
    take("ann", "firing", 0);
    cr_expect(step(100));
    /* 2025-03-01T03:33:20Z is UNIX_MS: the end is 4 times 5 s ahead. */
    cr_expect(strstr(rig.body, "\"startsAt\":\"2025-03-01T02:00:00.000Z\",\"endsAt\":\"2025-03-01T03:33:40.100Z\""),
              "%s", rig.body);
    answer(200, 0);
    cr_expect_not(step(4999));
    cr_expect(step(5000));
    cr_expect(strstr(rig.body, "\"endsAt\":\"2025-03-01T03:33:45.000Z\""), "%s", rig.body);
    answer(200, 0);
    cr_expect_not(step(5001), "the round is over");
    cr_expect_eq(rig.r.counts.resent, 1u);
    take("ann", "ok", 5);
    cr_expect(step(6000));
    cr_expect(strstr(rig.body, "\"startsAt\":\"2025-03-01T02:00:00.000Z\",\"endsAt\":\"2025-03-01T02:05:00.000Z\""),
              "%s", rig.body);
    answer(200, 0);
    cr_expect(step(10002), "its end is told again, too");
    cr_expect(strstr(rig.body, "\"endsAt\":\"2025-03-01T02:05:00.000Z\""), "%s", rig.body);
    answer(200, 0);
    end();
}

Test(notify_receiver, alertmanager_hears_that_a_level_ended)
{
    begin(NOTIFY_ALERTMANAGER);
    take("ann", "firing", 0);
    (void)step(0);
    answer(200, 0);
    take_note(note_at("ann", "firing", "critical", 3));
    cr_expect(step(1));
    cr_expect(strstr(rig.body, "\"severity\":\"warning\"") && strstr(rig.body, "\"severity\":\"critical\""), "%s",
              rig.body);
    cr_expect(strstr(rig.body, "\"startsAt\":\"2025-03-01T02:00:00.000Z\",\"endsAt\":\"2025-03-01T02:03:00.000Z\""),
              "%s", rig.body);
    answer(200, 0);
    end();
}

Test(notify_receiver, a_round_that_fails_begins_again)
{
    char name[16];
    begin(NOTIFY_ALERTMANAGER);
    for (int i = 0; i < RECEIVER_BATCH_MAX + 1; i++) {
        struct firing_change c;
        snprintf(name, sizeof name, "s%d", i);
        struct note *note = note_at(name, "firing", "warning", 0);
        firing_apply(&rig.firing, note, 0, &c);
        note_drop(note);
    }
    cr_expect(step(0));
    answer(200, 0);
    cr_expect(step(0), "the rest of the round");
    answer(503, 0);
    cr_expect_eq(rig.r.counts.resent, (uint64_t)RECEIVER_BATCH_MAX);
    cr_expect_not(step(999));
    cr_expect(step(1000));
    answer(200, 0);
    cr_expect(step(1001));
    answer(200, 0);
    cr_expect_eq(rig.r.counts.resent, 2u * RECEIVER_BATCH_MAX + 1);
    cr_expect_not(step(1002));
    cr_expect_not(step(6001));
    cr_expect(step(6002), "the next begins resend after the end of the one before");
    answer(200, 0);
    end();
}

Test(notify_receiver, event_time_ahead_of_the_clock_is_now)
{
    begin(NOTIFY_ALERTMANAGER);
    take("ann", "firing", 1000); /* 18:40, the clock says 03:33 */
    (void)step(0);
    cr_expect(strstr(rig.body, "\"startsAt\":\"2025-03-01T03:33:20.000Z\""), "%s", rig.body);
    answer(200, 0);
    take("ann", "ok", 1001);
    (void)step(10);
    cr_expect(strstr(rig.body, "\"endsAt\":\"2025-03-01T03:33:20.000Z\""), "%s", rig.body);
    answer(200, 0);
    end();
}

Test(notify_receiver, what_waits_is_dropped_with_its_partition)
{
    begin(NOTIFY_WEBHOOK);
    take("ann", "firing", 0);
    (void)step(0);
    take("bob", "firing", 0);
    marks_forget(&rig.marks);
    receiver_forget(&rig.r);
    cr_expect_eq(rig.r.queue.n, 1u, "what is under way stays");
    cr_assert_eq(marks_begin(&rig.marks, 0, 0), 0);
    answer(200, 0);
    cr_expect_eq(done_to(), 0, "and moves nothing");
    cr_expect_eq(rig.r.queue.n, 0u);
    end();
}
