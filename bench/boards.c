/* What a board of many subjects costs per tick: a sum per subject of a month, ticks of an hour with so many changed subjects each. Live view only; the sink
 * looks at nothing, so what Redis gets is not measured. Under callgrind: --toggle-collect=tick. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "crmpulse/eval.h"

#define HOUR_MS INT64_C(3600000)

static const int64_t begin_ms = INT64_C(1740787200000); /* 2025-03-01T00:00:00Z */

struct options {
    long subjects, changes, ticks, top;
    const char *window;
};

static int one_measure(void *ctx, struct slice name)
{
    (void)ctx;
    return slice_eq(name, SLICE("txn")) ? 0 : -1;
}

static uint64_t next(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

static int on_board(void *ctx, const struct board_snapshot *b, bool live)
{
    (void)b;
    *(long *)ctx += live;
    return 0;
}

static int sell(struct evaluator *e, long subject, int64_t t_ms, uint64_t amount)
{
    char field[64];
    snprintf(field, sizeof field, "rep:u%07ld|txn", subject * 7919 % 10000000);
    struct cell_delta d = { SLICE("acme"), slice_of(field), CELL_HOUR, t_ms - t_ms % HOUR_MS,
                            t_ms,          (int64_t)amount, false,     false };
    return evaluator_apply(e, &d);
}

__attribute__((noinline)) static int tick(struct evaluator *e, int64_t t_ms, const struct evaluator_sink *sink)
{
    return evaluator_advance(e, t_ms, t_ms, sink);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int run(const struct options *opt, struct evaluator *e)
{
    uint64_t seed = 42;
    long boards = 0;
    int64_t now_ms = begin_ms + 400 * HOUR_MS;
    const struct evaluator_sink sink = { .ctx = &boards, .board = on_board };
    for (long i = 0; i < opt->subjects; i++)
        if (sell(e, i, begin_ms + (int64_t)(next(&seed) % 400) * HOUR_MS, next(&seed) % 5000) < 0)
            return -1;
    double start = seconds();
    if (evaluator_advance(e, now_ms, now_ms, &sink) < 0)
        return -1;
    double first = seconds() - start, all = 0;
    for (long k = 0; k < opt->ticks; k++) {
        now_ms += HOUR_MS;
        for (long i = 0; i < opt->changes; i++)
            if (sell(e, (long)(next(&seed) % (uint64_t)opt->subjects), now_ms, 1 + next(&seed) % 3000) < 0)
                return -1;
        start = seconds();
        if (tick(e, now_ms, &sink) < 0)
            return -1;
        all += seconds() - start;
    }
    printf("{\"what\":\"boards\",\"subjects\":%ld,\"changes\":%ld,\"top\":%ld,\"window\":\"%s\",\"boards\":%ld,"
           "\"first_ms\":%.2f,\"tick_ms\":%.3f}\n",
           opt->subjects, opt->changes, opt->top, opt->window, boards, first * 1e3, all * 1e3 / (double)opt->ticks);
    return 0;
}

/* One org in UTC, one measure, one KPI, one board. */
static int bench(const struct options *opt)
{
    int64_t at[] = { INT64_MIN };
    int32_t offset[] = { 0 };
    struct expr_error error;
    struct org_def org = { .id = (char *)"*" };
    struct measure_def txn = { .id = (char *)"txn", .agg = AGG_SUM, .dims = ~0u };
    struct kpi_def sales = { .id = (char *)"sales",
                             .perspective = 'F',
                             .form = KPI_VALUE,
                             .dims = 1u << DIM_REP,
                             .duration = -1,
                             .rank_of = -1,
                             .empty_zero = true };
    struct board_def board = { .id = (char *)"sales", .dim = DIM_REP, .top = (uint32_t)opt->top };
    struct definitions defs = { .n_orgs = 1,
                                .org = &org,
                                .n_measures = 1,
                                .measure = &txn,
                                .n_kpis = 1,
                                .kpi = &sales,
                                .n_boards = 1,
                                .board = &board,
                                .tick_ms = 60000,
                                .retention_ms = 9600 * HOUR_MS,
                                .fine_retention_ms = 6 * HOUR_MS };
    org.calendar = (struct calendar){ .zone = { "UTC", 1, at, offset }, .week_start = 1, .cycle = PERIOD_MONTH };
    sales.value = expr_compile(SLICE("txn"), one_measure, NULL, &error);
    if (!sales.value || window_parse(NULL, slice_of(opt->window), &board.window) < 0)
        return 1;
    struct evaluator *e = evaluator_new(&defs, &(struct evaluator_options){ .live = true });
    int status = !e || run(opt, e) < 0;
    evaluator_free(e);
    expr_free(sales.value);
    return status;
}

static int read_number(const char *text, long *ret)
{
    char *end;
    *ret = strtol(text, &end, 10);
    return *text && !*end && *ret >= 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
    static const struct option names[] = {
        { "subjects", required_argument, NULL, 's' }, { "changes", required_argument, NULL, 'c' },
        { "ticks", required_argument, NULL, 't' },    { "top", required_argument, NULL, 'n' },
        { "window", required_argument, NULL, 'w' },   { NULL, 0, NULL, 0 },
    };
    struct options opt = { .subjects = 100000, .changes = 1, .ticks = 20, .window = "m" };
    int bad = 0, c;
    while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (c == 'w')
            opt.window = optarg;
        else if (c == '?')
            bad = 1;
        else
            bad |= read_number(optarg, c == 's'   ? &opt.subjects
                                       : c == 'c' ? &opt.changes
                                       : c == 't' ? &opt.ticks
                                                  : &opt.top);
    }
    if (bad || opt.subjects < 1 || opt.ticks < 1) {
        fputs("usage: bench_boards [--subjects N] [--changes N] [--ticks N] [--top N, 0: all] [--window W]\n", stderr);
        return 64;
    }
    return bench(&opt);
}
