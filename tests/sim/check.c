/* The end: panes, views and output topics are those of the uninterrupted run.
 *
 * Cells are compared as sums, wherever they lie (parked ones belong to the pane they are for). Alerts and scorecards: the same ids with the same bytes. Boards
 * too, but for some on which nothing changed: where something was touched and withdrawn they are told or not.
 * Rows of the kpis topic: the same where nothing went wrong. After a restart a few are told once more, and some are missing (docs/ARCHITECTURE.md, Simulator):
 * those are counted, no violation. */
#include "check.h"

#include <stdlib.h>

#include "broker.h"
#include "crmpulse/cell.h"
#include "server.h"

struct comparison {
    struct sim *w;
    struct reference ref;
    uint32_t shard;
    bool at_end;
};

/* "cp:{s}:pane:<org>:<grain>:<start>" */
static void take_cell(void *ctx, struct slice key, struct slice field, struct slice value)
{
    struct comparison *c = ctx;
    char text[4096], number[32];
    const char *org = memchr(key.p, '}', key.n), *end = key.p + key.n;
    org += sizeof "}:pane:" - 1;
    const char *colon = memchr(org, ':', (size_t)(end - org));
    struct cell_delta d = { .grain = (enum cell_grain)colon[1], .field = field };
    snprintf(number, sizeof number, "%.*s", (int)(end - colon - 3), colon + 3);
    d.pane_ms = strtoll(number, NULL, 10);
    if (d.grain == CELL_PARKED && cell_parked_parse(field, &d) < 0) {
        sim_violation(c->w, "a parked cell cannot be read: %.*s", (int)field.n, field.p);
        return;
    }
    snprintf(number, sizeof number, "%.*s", (int)value.n, value.p);
    int n = snprintf(text, sizeof text, "%.*s:%c:%lld|%.*s", (int)(colon - org), org, (char)d.grain,
                     (long long)d.pane_ms, (int)d.field.n, d.field.p);
    book_add(c->ref.cells, (struct slice){ text, (uint32_t)n }, -strtoll(number, NULL, 10));
}

static void want_zero(void *ctx, struct slice key, int64_t value, struct slice text)
{
    struct comparison *c = ctx;
    (void)text;
    if (value)
        sim_violation(c->w, "the cell %.*s is %lld too %s", (int)key.n, key.p, (long long)(value < 0 ? -value : value),
                      value < 0 ? "high" : "low");
}

/* ---- views ---- */

/* Nothing, null, 0 and 0 of something: a row of somebody who has nothing to show. Whether it is there at all may depend on what a batch saw. */
static bool is_nothing(struct slice text)
{
    return !text.p || slice_eq(text, SLICE("null")) || (text.p[0] == '0' && (text.n == 1 || text.p[1] == ' '));
}

/* A board's row without its previous rank: a live board is written again when what is on it changes, not when somebody comes to have been there before. */
static struct slice without_previous(struct slice key, struct slice text, char buf[static 512])
{
    const char *from = text.p ? memmem(text.p, text.n, " previous=", 10) : NULL;
    const char *to = from ? memmem(text.p, text.n, " value=", 7) : NULL;
    if (key.n < 6 || memcmp(key.p, "board:", 6) != 0 || !to)
        return text;
    int n = snprintf(buf, 512, "%.*s%.*s", (int)(from - text.p), text.p, (int)(text.p + text.n - to), to);
    return (struct slice){ buf, (uint32_t)n };
}

/* A live row without the days that have passed: it is written again when its figures change, not when a day ends. */
static struct slice without_days(struct slice text)
{
    const char *days = text.p ? memmem(text.p, text.n, " {days=", 7) : NULL;
    return days ? (struct slice){ text.p, (uint32_t)(days - text.p) } : text;
}

static void take_view(void *ctx, struct slice key, struct slice field, struct slice value)
{
    struct comparison *c = ctx;
    char text[4096];
    const char *rest = memchr(key.p, '}', key.n);
    if (is_more(key) || is_more(field))
        return;
    rest += 2;
    int n =
        snprintf(text, sizeof text, "%.*s\n%.*s", (int)(key.n - (uint32_t)(rest - key.p)), rest, (int)field.n, field.p);
    struct slice name = { text, (uint32_t)n }, want = book_text(c->ref.views, name);
    char a[512], b[512];
    if (!slice_eq(without_previous(name, without_days(want), a), without_previous(name, without_days(value), b)) &&
        !(is_nothing(want) && is_nothing(value)))
        sim_violation(c->w, "the view %s is '%.*s' and should be '%.*s'", text, (int)value.n, value.p, (int)want.n,
                      want.p ? want.p : "");
    book_add(c->ref.views, name, 1);
}

static void want_seen(void *ctx, struct slice key, int64_t seen, struct slice text)
{
    struct comparison *c = ctx;
    if (!seen && !is_nothing(text))
        sim_violation(c->w, "the view %.*s is missing, it should be '%.*s'", (int)key.n, key.p, (int)text.n, text.p);
}

/* ---- topics ---- */

static void compare_message(struct sim *w, const struct message_out *want, const struct broker *ref,
                            const struct broker *in)
{
    const struct message_out *is = broker_find(in, want->topic, want->id);
    if (!is && slice_eq(want->topic, SLICE("kpis")) && w->n_crashes + w->n_restarts + w->n_rebalances > 0) {
        w->n_rows_missing++;
        return;
    }
    if (!is && slice_eq(want->topic, SLICE("boards")) && (same_board_told(want, in) || board_of_the_end(w, want))) {
        w->n_same++;
        return;
    }
    if (is && slice_eq(is->payload, want->payload))
        return;
    if (slice_eq(want->topic, SLICE("scorecards")) &&
        (is ? same_card(want, is) : same_card_told(want, in, false) || card_of_the_end(w, want))) {
        w->n_same++;
        return;
    }
    if (is && slice_eq(want->topic, SLICE("boards")) && same_board(want, is)) {
        w->n_same++;
        return;
    }
    if (slice_eq(want->topic, SLICE("kpis")) && same_row_at_last(want, ref, in)) {
        w->n_same++;
        return;
    }
    sim_dump("want", want->payload);
    if (is)
        sim_dump("told", is->payload);
    sim_violation(w, "%.*s %.*s was %s", (int)want->topic.n, want->topic.p, (int)want->id.n, want->id.p,
                  is ? "told with another content" : "never told");
}

static void unexpected_message(struct comparison *c, const struct message_out *is, uint32_t *letters, uint32_t *late)
{
    if (slice_eq(is->topic, SLICE("late"))) {
        ++*late;
        return;
    }
    if (slice_eq(is->topic, SLICE("dead_letter"))) {
        ++*letters;
        return;
    }
    if (broker_has(c->ref.out, is->topic, is->id) || is_more(is->payload))
        return;
    if (slice_eq(is->topic, SLICE("kpis")) || slice_eq(is->topic, SLICE("boards"))) {
        c->w->n_extra++;
        return;
    }
    /* Where KPIs came or went it is not known which cards were told: they are told once more. */
    const bool again = c->w->plan.changes && same_card_told(is, c->w->broker, true);
    if (slice_eq(is->topic, SLICE("scorecards")) && (again || true_card(c->w, is))) {
        c->w->n_same++;
        return;
    }
    sim_dump("unexpected", is->payload);
    sim_violation(c->w, "%.*s %.*s was told and should not have been", (int)is->topic.n, is->topic.p, (int)is->id.n,
                  is->id.p);
}

static void dump_all(const char *whose, const struct broker *b)
{
    char name[256];
    for (uint32_t i = 0; getenv("SIM_DUMP") && i < b->out_slots; i++) {
        const struct message_out *m = &b->out[i];
        snprintf(name, sizeof name, "%s-%.*s-%.*s", whose, (int)m->topic.n, m->topic.p, (int)m->id.n, m->id.p);
        if (m->times)
            sim_dump(name, m->payload);
    }
}

static void compare_topics(struct comparison *c)
{
    const struct broker *is = c->w->broker, *want = c->ref.out;
    uint32_t letters = 0, late = 0;
    for (uint32_t i = 0; i < want->out_slots; i++)
        if (want->out[i].times)
            compare_message(c->w, &want->out[i], want, is);
    for (uint32_t i = 0; i < is->out_slots; i++)
        if (is->out[i].times)
            unexpected_message(c, &is->out[i], &letters, &late);
    if (letters != c->ref.refused)
        sim_violation(c->w, "%u dead letters, %u records are no events", letters, c->ref.refused);
    if (late != c->ref.late)
        sim_violation(c->w, "%u events are told as late, %u should be", late, c->ref.late);
    c->w->n_late += late;
    dump_all("want", want);
    dump_all("told", is);
}

void check_end(struct sim *w)
{
    struct comparison c = { .w = w };
    char prefix[32];
    static const char *const views[] = { "view:", "board:", "alert:", "scorecard:" };
    if (reference_make(w, &c.ref) < 0)
        sim_violation(w, "the reference cannot be made");
    for (uint32_t s = 0; s < w->plan.shards && !w->failed; s++) {
        snprintf(prefix, sizeof prefix, "cp:{%u}:pane:", s);
        server_hashes(w->server, prefix, take_cell, &c);
    }
    book_walk(c.ref.cells, want_zero, &c); /* first what the rest is made of */
    for (uint32_t s = 0; s < w->plan.shards && !w->failed; s++) {
        for (size_t k = 0; k < sizeof views / sizeof views[0]; k++) {
            snprintf(prefix, sizeof prefix, "cp:{%u}:%s", s, views[k]);
            server_hashes(w->server, prefix, take_view, &c);
        }
    }
    book_walk(c.ref.views, want_seen, &c);
    compare_topics(&c);
    reference_release(&c.ref);
}
