/* Results of one advance as commits of bounded size: nothing is lost, order is kept per key, and what belongs together comes last. */
#include <stdio.h>

#include "daemon/judge_int.h"

#include <criterion/criterion.h>

enum { ARGS_MAX = 20000, OUTS_MAX = 2000, SUBJECTS = 30000, TOLD = 4100 };

static struct kpi_row row(const char *window, char *subject, double value)
{
    return (struct kpi_row){ .id = SLICE("id"),
                             .org = SLICE("acme"),
                             .kpi = SLICE("sales_amount"),
                             .window = slice_of(window),
                             .dim = SLICE("rep"),
                             .subject = slice_of(subject),
                             .value = value };
}

static void fill(struct commit *c)
{
    const struct evaluator_sink *sink = commit_sink(c);
    char subject[32];
    for (int i = 0; i < SUBJECTS; i++) {
        snprintf(subject, sizeof subject, "u%05d", i);
        struct kpi_row r = row(i % 2 ? "m" : "30d", subject, i);
        cr_assert_eq(sink->live_row(c, &r), 0);
        if (i < TOLD)
            cr_assert_eq(sink->judged_row(c, &r), 0);
    }
    snprintf(subject, sizeof subject, "u00001");
    struct kpi_row again = row("m", subject, 77); /* the later value stands */
    cr_assert_eq(sink->live_row(c, &again), 0);
    const struct board_entry entry = { .subject = SLICE("ann"), .rank = 1, .value = 5 };
    const struct board_snapshot board = {
        .board = SLICE("b"), .org = SLICE("acme"), .entries = &entry, .entry_count = 1
    };
    cr_assert_eq(sink->board(c, &board, true), 0);
    const struct alert_transition alert = { .id = SLICE("a1"),
                                            .rule = SLICE("r"),
                                            .org = SLICE("acme"),
                                            .dim = SLICE("rep"),
                                            .subject = SLICE("ann"),
                                            .to_state = SLICE("firing") };
    cr_assert_eq(sink->alert(c, &alert), 0);
    cr_assert_eq(commit_state(c, SLICE("acme"), SLICE("tick"), SLICE("1")), 0);
    cr_assert_eq(commit_state(c, SLICE("acme"), SLICE("due"), SLICE("0")), 0);
    cr_assert_not(c->failed);
}

struct seen {
    uint32_t parts, ops, args, outs, view_fields, board_ops;
    bool last; /* a part with state, alerts or trimming came */
    char value[32];
};

static void look_at_op(struct seen *s, const struct store_op *op)
{
    if (slice_eq(op->key, SLICE("view:acme:m")) || slice_eq(op->key, SLICE("view:acme:30d"))) {
        cr_assert(slice_eq(op->command, SLICE("HSET")));
        s->view_fields += op->n_args / 2;
        for (uint32_t i = 0; i < op->n_args; i += 2)
            if (slice_eq(op->args[i], SLICE("rep:u00001|sales_amount")))
                snprintf(s->value, sizeof s->value, "%.*s", (int)op->args[i + 1].n, op->args[i + 1].p);
    }
    if (slice_eq(op->key, SLICE("board:acme:b")))
        cr_assert(slice_eq(op->command, s->board_ops++ ? SLICE("ZADD") : SLICE("DEL")), "first DEL, then ZADD");
}

static void look_at(struct seen *s, const struct store_commit *part)
{
    uint32_t args = 0;
    cr_assert_not(s->last, "state comes with the last part");
    for (uint32_t i = 0; i < part->n_ops; i++) {
        args += part->op[i].n_args;
        look_at_op(s, &part->op[i]);
        s->last |= slice_eq(part->op[i].key, SLICE("state"));
    }
    for (uint32_t i = 0; i < part->n_outs; i++)
        cr_assert_eq(slice_eq(part->out[i].topic, SLICE("alerts")), part->trim_feed_before == 7);
    cr_assert_leq(args, ARGS_MAX);
    cr_assert_leq(part->n_outs, OUTS_MAX);
    cr_assert_eq(part->lease_epoch, 3);
    s->ops += part->n_ops;
    s->args += args;
    s->outs += part->n_outs;
    s->parts++;
}

Test(commit_parts, bounded_ordered_and_the_state_last)
{
    struct commit c = { 0 };
    struct seen s = { 0 };
    commit_init(&c);
    fill(&c);
    cr_assert_eq(commit_seal(&c, 3, 7), 0);
    for (const struct store_commit *part; (part = commit_next(&c));)
        look_at(&s, part);
    cr_assert(s.last);
    cr_assert_eq(s.view_fields, SUBJECTS + 1);
    cr_assert_str_eq(s.value, "77");
    cr_assert_eq(s.outs, TOLD + 1);
    cr_assert_eq(s.board_ops, 2);
    cr_assert_leq(s.ops, 12, "60,002 arguments of two views in joined commands: %u", s.ops);
    cr_assert_eq(commit_next(&c), NULL);
    commit_release(&c);
}

/* The field of a state is split at its first slash when it is read: an org's name must hold none. */
Test(commit_parts, a_slash_in_an_org_is_escaped)
{
    struct commit c = { 0 };
    char org[64];
    commit_init(&c);
    cr_assert_eq(commit_state(&c, SLICE("a/b</c>"), SLICE("chg|rep|x/y"), SLICE("-")), 0);
    cr_assert_eq(commit_seal(&c, 3, 0), 0);
    const struct store_commit *part = commit_next(&c);
    cr_assert_eq(part->n_ops, 1);
    struct slice field = part->op[0].args[0];
    const char *slash = memchr(field.p, '/', field.n);
    cr_assert(slash && slice_eq((struct slice){ slash + 1, 11 }, SLICE("chg|rep|x/y")), "%.*s", (int)field.n, field.p);
    size_t n = cell_unescape((struct slice){ field.p, (uint32_t)(slash - field.p) }, org, sizeof org);
    cr_assert(slice_eq((struct slice){ org, (uint32_t)n }, SLICE("a/b</c>")), "%.*s", (int)n, org);
    commit_release(&c);
}

Test(commit_parts, nothing_to_do_is_no_part_and_trimming_alone_is_one)
{
    struct commit c = { 0 };
    commit_init(&c);
    cr_assert_eq(commit_seal(&c, 3, 0), 0);
    cr_assert_eq(commit_next(&c), NULL);
    commit_clear(&c);
    cr_assert_eq(commit_seal(&c, 3, 9), 0);
    const struct store_commit *part = commit_next(&c);
    cr_assert(part);
    cr_assert_eq(part->trim_feed_before, 9);
    cr_assert_eq(part->n_ops + part->n_outs, 0);
    cr_assert_eq(commit_next(&c), NULL);
    commit_release(&c);
}

Test(commit, rows_that_no_topic_takes_are_counted_only)
{
    struct commit c = { .mute_rows = true };
    struct kpi_row r = { .id = SLICE("1"), .org = SLICE("acme"), .kpi = SLICE("sales") };
    commit_init(&c);
    cr_assert_eq(commit_sink(&c)->judged_row(&c, &r), 0);
    cr_assert_eq(c.list.n_outs, 0);
    cr_assert_eq(c.rows_muted, 1);
    commit_clear(&c);
    cr_assert_eq(c.rows_muted, 0);
    c.mute_rows = false;
    cr_assert_eq(commit_sink(&c)->judged_row(&c, &r), 0);
    cr_assert_eq(c.list.n_outs, 1);
    commit_release(&c);
}

static void gone(struct commit *c, enum gone_from from, const char *window, const char *id)
{
    const struct gone g = { from, SLICE("acme"), SLICE("rep"), SLICE("a b"), slice_of(window), slice_of(id) };
    cr_assert_eq(commit_sink(c)->gone(c, &g), 0);
}

Test(commit_parts, what_is_gone_is_deleted_from_what_readers_see)
{
    const struct slice keys[] = { SLICE("alert:acme"), SLICE("alert:acme:evidence"), SLICE("scorecard:acme"),
                                  SLICE("scorecard:acme:parts"), SLICE("view:acme:m") };
    const struct slice fields[] = { SLICE("r|rep:a%20b"), SLICE("r|rep:a%20b"), SLICE("rep:a%20b|c"),
                                    SLICE("rep:a%20b|c"), SLICE("rep:a%20b|k") };
    struct commit c = { 0 };
    commit_init(&c);
    gone(&c, GONE_ROW, "m", "k");
    gone(&c, GONE_ALERT, "", "r");
    gone(&c, GONE_SCORECARD, "", "c");
    cr_assert_eq(commit_seal(&c, 3, 0), 0);
    const struct store_commit *part = commit_next(&c);
    cr_assert(part && part->n_ops == 5);
    for (uint32_t i = 0; i < 5; i++) {
        cr_assert(slice_eq(part->op[i].command, SLICE("HDEL")));
        cr_assert(slice_eq(part->op[i].key, keys[i]));
        cr_assert_eq(part->op[i].n_args, 1);
        cr_assert(slice_eq(part->op[i].args[0], fields[i]));
    }
    commit_release(&c);
}

/* "key COMMAND arg;" per argument pair or argument, as a text to compare with. */
static void board_text(const struct store_commit *part, char *to, size_t n)
{
    size_t at = 0;
    for (uint32_t i = 0; i < part->n_ops; i++) {
        const struct store_op *op = &part->op[i];
        uint32_t step = slice_eq(op->command, SLICE("HSET")) || slice_eq(op->command, SLICE("ZADD")) ? 2 : 1;
        uint32_t name = slice_eq(op->command, SLICE("ZADD")) ? 1 : 0;
        for (uint32_t k = 0; k < op->n_args; k += step)
            at += (size_t)snprintf(to + at, n - at, "%.*s %.*s;", (int)op->command.n, op->command.p,
                                   (int)op->args[k + name].n, op->args[k + name].p);
    }
}

Test(commit_parts, a_board_is_written_by_its_difference)
{
    const struct board_entry entry[] = { { .subject = SLICE("ann"), .rank = 1, .value = 5 },
                                         { .subject = SLICE("bo"), .rank = 2, .value = 4 },
                                         { .subject = SLICE("cy"), .rank = 3, .is_null = true } };
    const bool same[] = { true, false, false };
    const struct slice gone_one[] = { SLICE("d y") };
    struct board_snapshot board = { .board = SLICE("b"), .org = SLICE("acme"), .entries = entry, .entry_count = 3 };
    struct commit c = { 0 };
    char text[512] = "";
    commit_init(&c);
    board.same = same;
    board.gone = gone_one;
    board.gone_count = 1;
    cr_assert_eq(commit_sink(&c)->board(&c, &board, true), 0);
    cr_assert_eq(commit_seal(&c, 3, 0), 0);
    board_text(commit_next(&c), text, sizeof text);
    cr_assert_str_eq(text, "ZREM d%20y;ZADD bo;ZREM cy;HDEL d%20y;HSET bo;HSET cy;");
    commit_release(&c);
}

/* What people read is the card of the running cycle; one of an ended cycle that was revised goes to the topic alone. */
Test(commit_parts, a_revised_scorecard_is_told_and_not_shown)
{
    for (int64_t revision = 0; revision < 2; revision++) {
        struct commit c = { 0 };
        bool shown = false;
        commit_init(&c);
        const struct scorecard_snapshot card = { .id = SLICE("s1"),
                                                 .scorecard = SLICE("bsc"),
                                                 .org = SLICE("acme"),
                                                 .dim = SLICE("rep"),
                                                 .subject = SLICE("ann"),
                                                 .revision = revision };
        cr_assert_eq(commit_sink(&c)->scorecard(&c, &card), 0);
        for (uint32_t i = 0; i < c.list.n_ops; i++)
            shown |= slice_eq(c.list.op[i].key, SLICE("scorecard:acme"));
        cr_assert_eq(c.list.n_outs, 1u);
        cr_assert_eq(shown, revision == 0);
        commit_release(&c);
    }
}
