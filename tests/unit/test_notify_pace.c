/* Backoff, rate limit, marks of partitions, queues: all with a clock of the test's. */
#include "daemon/notify/pace.h"
#include "daemon/notify/queue.h"
#include "notify_fixture.h"

Test(notify_pace, the_bound_doubles_up_to_the_maximum)
{
    static const struct {
        uint32_t attempt;
        int64_t bound_ms;
    } rows[] = {
        { 0, 1000 }, { 1, 2000 }, { 2, 4000 }, { 5, 32000 }, { 6, 60000 }, { 7, 60000 }, { UINT32_MAX, 60000 }
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t most = 0, least = INT64_MAX;
        for (uint64_t random = 0; random < 400; random++) {
            const int64_t ms = pace_backoff_ms(rows[i].attempt, 1000, 60000, random * 157);
            most = ms > most ? ms : most;
            least = ms < least ? ms : least;
        }
        cr_expect_leq(most, rows[i].bound_ms);
        cr_expect_gt(most, rows[i].bound_ms * 8 / 10, "full jitter comes near its bound: %lld", (long long)most);
        cr_expect_leq(least, rows[i].bound_ms / 10, "and near 0: %lld", (long long)least);
        cr_expect_geq(least, 1);
        cr_expect_eq(pace_backoff_ms(rows[i].attempt, 1000, 60000, (uint64_t)rows[i].bound_ms), rows[i].bound_ms);
    }
    cr_expect_eq(pace_backoff_ms(UINT32_MAX, INT64_MAX / 2, INT64_MAX - 1, INT64_MAX - 1), INT64_MAX - 1);
}

Test(notify_pace, one_a_second)
{
    struct pace_bucket b;
    uint32_t taken = 0;
    pace_bucket_init(&b, 1, 1000);
    cr_expect(pace_bucket_take(&b, 1000));
    cr_expect_not(pace_bucket_take(&b, 1000));
    cr_expect_not(pace_bucket_take(&b, 1999));
    cr_expect(pace_bucket_take(&b, 2000));
    for (int64_t now = 100000; now < 110000; now += 10)
        taken += pace_bucket_take(&b, now);
    cr_expect_eq(taken, 10u, "the wait before it does not save up: %u", taken);
}

Test(notify_pace, other_rates)
{
    struct pace_bucket b;
    uint32_t taken = 0;
    pace_bucket_init(&b, 5, 0);
    for (int i = 0; i < 10; i++)
        taken += pace_bucket_take(&b, 0);
    cr_expect_eq(taken, 5u);
    pace_bucket_init(&b, 0, 0);
    for (int i = 0; i < 1000; i++)
        cr_assert(pace_bucket_take(&b, 0));
    pace_bucket_init(&b, 0.1, 0);
    cr_expect(pace_bucket_take(&b, 0));
    cr_expect_not(pace_bucket_take(&b, 9999));
    cr_expect(pace_bucket_take(&b, 10000));
}

/* ---- marks ---------------------------------------------------------------------------------------------------------------------------------- */

Test(notify_marks, moves_over_what_is_done_in_order)
{
    struct marks p = { 0 };
    cr_assert_eq(marks_begin(&p, 3, 10), 0);
    struct mark *a = marks_read(&p, 3, 10), *b = marks_read(&p, 3, 12), *c = marks_read(&p, 3, 13);
    cr_expect_null(marks_read(&p, 4, 0));
    marks_hold(a);
    marks_done(&p, b);
    marks_done(&p, a);
    cr_expect_not(p.moved);
    cr_expect_eq(p.row[0]->next, 10, "one still has the first");
    marks_done(&p, a);
    cr_expect(p.moved);
    cr_expect_eq(p.row[0]->next, 13);
    marks_done(&p, c);
    cr_expect_eq(p.row[0]->next, 14);
    cr_expect_null(p.row[0]->first);
    struct mark *d = marks_read(&p, 3, 20);
    cr_expect_eq(p.row[0]->first, d);
    marks_forget(&p);
    cr_expect_eq(p.n, 0u);
    marks_done(&p, d); /* of a partition that is not ours any more */
    marks_release(&p);
}

/* ---- queues ------------------------------------------------------------------------------------------------------------------------------------ */

Test(notify_queue, groups_by_rule_and_org)
{
    struct marks p = { 0 };
    struct queue q = { 0 };
    struct told v[8];
    struct alert_transition t = sample_alert();
    struct note *one = note_of(&t), *other;
    t.rule = SLICE("else");
    other = note_of(&t);
    const struct told a = { .note = one }, b = { .note = other };
    cr_assert_eq(marks_begin(&p, 0, 0), 0);
    struct mark *m = marks_read(&p, 0, 0);
    cr_assert_eq(queue_push(&q, &a, m, 5), 0);
    cr_assert_eq(queue_push(&q, &a, m, 6), 0);
    cr_assert_eq(queue_push(&q, &b, NULL, 7), 0);
    marks_done(&p, m);
    cr_expect_eq(q.n, 3u);
    cr_expect_eq(queue_head(&q, 8, true, v), 2u);
    cr_expect_eq(queue_head(&q, 8, false, v), 3u);
    cr_expect_eq(queue_head(&q, 1, false, v), 1u);
    queue_pop(&q, &p);
    cr_expect_eq(p.row[0]->next, 0);
    queue_cut(&q, 1, &p);
    cr_expect_eq(q.n, 1u);
    cr_expect_eq(q.first, q.last);
    queue_cut(&q, 0, &p);
    cr_expect_eq(p.row[0]->next, 1);
    cr_expect_null(q.first);
    cr_expect_null(q.last);
    cr_expect_eq(one->refs, 1u);
    note_drop(one);
    note_drop(other);
    marks_release(&p);
}
