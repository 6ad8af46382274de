/* One printer for replay and query: equal results are equal bytes, wherever the cells come from. */
#include "results.h"

#include <stdio.h>

#include "row_json.h"

void results_init(struct results *r, const struct query_args *args)
{
    r->args = args;
    arena_init(&r->text, 0, 0);
}

void results_release(struct results *r)
{
    arena_release(&r->text);
}

static int print(struct results *r, struct slice text)
{
    if (!text.p)
        return -1;
    printf("%.*s\n", (int)text.n, text.p);
    arena_reset(&r->text);
    return 0;
}

static int print_row(void *ctx, const struct kpi_row *row)
{
    struct results *r = ctx;
    return print(r, row_json(&r->text, row));
}

static int print_alert(void *ctx, const struct alert_transition *a)
{
    struct results *r = ctx;
    return print(r, alert_json(&r->text, a));
}

static int print_board(void *ctx, const struct board_snapshot *b)
{
    struct results *r = ctx;
    return print(r, board_json(&r->text, b));
}

static int print_card(void *ctx, const struct scorecard_snapshot *s)
{
    struct results *r = ctx;
    return print(r, scorecard_json(&r->text, s));
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

struct evaluator_sink results_sink(struct results *r)
{
    return (struct evaluator_sink){ .ctx = r,
                                    .alert = r->args->alerts ? print_alert : NULL,
                                    .judged_row = r->args->published ? print_row : NULL };
}

int results_print(struct results *r, struct evaluator *e, int64_t newest_ms)
{
    const struct query_args *args = r->args;
    struct row_query q;
    int64_t newest = newest_ms == INT64_MIN ? 0 : newest_ms;
    query_args_fill(args, &newest, &q);
    for (uint32_t i = 0; i < q.n_at; i++) {
        const struct board_around *around = args->around.subject.p ? &args->around : NULL;
        if (args->boards && evaluator_boards_around(e, q.at_ms[i], around, print_board, r) < 0)
            return -1;
        if (args->scorecards && evaluator_scorecards(e, q.at_ms[i], print_card, r) < 0)
            return -1;
    }
    if (args->alerts || args->boards || args->scorecards || args->published)
        return 0;
    return evaluator_rows(e, &q, args->json ? print_row : print_row_text, r);
}
