/* crmpulse replay: a file of events through the same core as the daemon, on records in memory; prints KPI rows, boards, alerts, scorecards. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "crmpulse/cli.h"
#include "crmpulse/config.h"
#include "crmpulse/engine.h"
#include "crmpulse/eval.h"
#include "crmpulse/event_decode.h"
#include "event_file.h"
#include "query_args.h"
#include "row_json.h"

enum { ADVANCE_EVERY = 2000 };

struct replay {
    struct config *config;
    struct event_codec codec;
    struct engine *engine;
    struct evaluator *evaluator;
    struct arena decode, text;
    struct query_args args;
    const char *file;
    uint64_t read, applied, duplicates, late, rejected;
    int64_t newest_ms, now_ms;
    bool alerts_now; /* print transitions as they are judged */
};

static int feed(struct replay *r)
{
    const struct cell_delta *d;
    uint32_t n = engine_deltas(r->engine, &d);
    for (uint32_t i = 0; i < n; i++)
        if (d[i].value && evaluator_apply(r->evaluator, &d[i]) < 0)
            return -1;
    engine_flush_begun(r->engine);
    engine_flush_applied(r->engine);
    return 0;
}

static int print(struct replay *r, struct slice text)
{
    if (!text.p)
        return -1;
    printf("%.*s\n", (int)text.n, text.p);
    arena_reset(&r->text);
    return 0;
}

static int on_alert(void *ctx, const struct alert_transition *a)
{
    struct replay *r = ctx;
    return r->args.alerts ? print(r, alert_json(&r->text, a)) : 0;
}

static int on_judged_row(void *ctx, const struct kpi_row *row)
{
    struct replay *r = ctx;
    return r->args.published ? print(r, row_json(&r->text, row)) : 0;
}

static int advance(struct replay *r, bool at_end)
{
    if (r->newest_ms == INT64_MIN)
        return 0;
    int64_t tick = r->config->defs.tick_ms, end = (r->newest_ms / tick + 1) * tick;
    const struct evaluator_sink sink = { .ctx = r,
                                         .alert = on_alert,
                                         .judged_row = r->args.published ? on_judged_row : NULL };
    return evaluator_advance(r->evaluator, at_end ? end : r->newest_ms - r->config->defs.out_of_orderness_ms,
                             r->newest_ms, &sink);
}

static void complain(const struct replay *r, uint64_t line, const char *why, const char *field)
{
    fprintf(stderr, "%s:%llu: %s%s%s\n", r->file, (unsigned long long)line, why, *field ? ": " : "", field);
}

static int take(struct replay *r, struct slice line, uint64_t number)
{
    struct event ev;
    struct event_note note = { EVENT_FIELD_COUNT, 0 };
    arena_reset(&r->decode);
    r->read++;
    enum event_reject why = event_decode(&r->codec, &r->decode, (const uint8_t *)line.p, line.n, &ev, &note);
    if (why == REJECT_NONE)
        why = event_validate(&r->codec.schema, &ev, r->now_ms, r->config->defs.max_ahead_ms, &note.field);
    enum apply_result result = why == REJECT_NONE ? engine_apply(r->engine, &ev, r->newest_ms) : APPLY_DONE;
    if (result == APPLY_CONFLICT || result == APPLY_PARKED || result == APPLY_NO_ORG)
        why = result == APPLY_CONFLICT ? REJECT_ID_CONFLICT
              : result == APPLY_PARKED ? REJECT_NO_RATE
                                       : REJECT_UNKNOWN_ORG;
    if (why != REJECT_NONE) {
        r->rejected++;
        complain(r, number, event_reject_name(why),
                 note.field < EVENT_FIELD_COUNT ? event_field_info(note.field)->name : "");
        return 0;
    }
    if (result == APPLY_NO_MEMORY)
        return -1;
    r->applied += result == APPLY_DONE;
    r->duplicates += result == APPLY_DUPLICATE;
    r->late += result == APPLY_LATE;
    if (ev.v[F_OCCURRED_AT_MS].i > r->newest_ms)
        r->newest_ms = ev.v[F_OCCURRED_AT_MS].i;
    if (result == APPLY_DONE && feed(r) < 0)
        return -1;
    return r->read % ADVANCE_EVERY ? 0 : advance(r, false);
}

static int read_events(struct replay *r)
{
    struct event_file *f = event_file_open(r->file);
    struct slice line;
    int rc, more = 0;
    if (!f) {
        fprintf(stderr, "crmpulse replay: %s: %s\n", r->file, strerror(errno));
        return -1;
    }
    for (rc = 0; rc == 0 && (more = event_file_next(f, &line)) > 0;)
        rc = take(r, line, event_file_line(f));
    if (more < 0) {
        complain(r, event_file_line(f) + 1, "cannot be read (damaged, or a line over 1 MiB)", "");
        rc = -1;
    }
    event_file_close(f);
    return rc < 0 ? rc : advance(r, true);
}

/* ---- printing ---- */

static int print_row(void *ctx, const struct kpi_row *row)
{
    struct replay *r = ctx;
    return print(r, row_json(&r->text, row));
}

static int print_row_text(void *ctx, const struct kpi_row *row)
{
    (void)ctx;
    printf("%-26.*s %-5.*s %-9.*s %-26.*s ", (int)row->kpi.n, row->kpi.p, (int)row->window.n, row->window.p,
           (int)row->dim.n, row->dim.p, (int)row->subject.n, row->subject.p);
    if (row->is_null)
        printf("%16s", "-");
    else
        printf("%16.6g", row->value);
    if (row->is_ratio)
        printf("  %lld/%lld", (long long)row->numerator, (long long)row->denominator);
    if (row->has_distribution)
        printf("  n=%lld p50=%.6g p90=%.6g", (long long)row->count, row->p50, row->p90);
    putchar('\n');
    return 0;
}

static int print_board(void *ctx, const struct board_snapshot *b)
{
    struct replay *r = ctx;
    return print(r, board_json(&r->text, b));
}

static int print_card(void *ctx, const struct scorecard_snapshot *s)
{
    struct replay *r = ctx;
    return print(r, scorecard_json(&r->text, s));
}

static int results(struct replay *r)
{
    struct row_query q;
    int64_t end_ms = r->newest_ms == INT64_MIN ? 0 : r->newest_ms;
    query_args_fill(&r->args, end_ms, &q);
    for (uint32_t i = 0; i < q.n_at; i++) {
        if (r->args.boards && evaluator_boards(r->evaluator, q.at_ms[i], print_board, r) < 0)
            return -1;
        if (r->args.scorecards && evaluator_scorecards(r->evaluator, q.at_ms[i], print_card, r) < 0)
            return -1;
    }
    if (r->args.alerts || r->args.boards || r->args.scorecards || r->args.published)
        return 0;
    return evaluator_rows(r->evaluator, &q, r->args.json ? print_row : print_row_text, r);
}

static int run(struct replay *r)
{
    const struct engine_options engine_opt = { .all_in_memory = true, .keep_causes = true };
    const struct evaluator_options eval_opt = { .judge = true, .asof_history = true };
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    r->now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    r->newest_ms = INT64_MIN;
    r->engine = engine_new(&r->config->defs, &engine_opt);
    r->evaluator = evaluator_new(&r->config->defs, &eval_opt);
    arena_init(&r->decode, 0, 0);
    arena_init(&r->text, 0, 0);
    int rc = r->engine && r->evaluator && event_codec_init(&r->codec) == 0 ? 0 : -1;
    if (rc == 0)
        rc = read_events(r);
    if (rc == 0)
        rc = results(r);
    if (!r->args.quiet)
        fprintf(stderr, "read %llu = applied %llu + duplicate %llu + late %llu + rejected %llu\n",
                (unsigned long long)r->read, (unsigned long long)r->applied, (unsigned long long)r->duplicates,
                (unsigned long long)r->late, (unsigned long long)r->rejected);
    arena_release(&r->decode);
    arena_release(&r->text);
    evaluator_free(r->evaluator);
    engine_free(r->engine);
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int cmd_replay(int argc, char **argv)
{
    struct replay r = { 0 };
    int rc = query_args_parse(&r.args, QUERY_FILE, "replay", argc, argv, &r.config, &r.file);
    if (rc == QUERY_ARGS_OK)
        rc = run(&r);
    query_args_release(&r.args);
    config_free(r.config);
    return rc;
}
