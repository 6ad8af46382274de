/* What the daemon does between Kafka and Redis, in one process and without either: decode, engine, flush, feed, evaluator with live and judged view, commit.
 * The events are those of fill.c: closed deals, orgs and reps with a Zipf skew, one event per millisecond. What it prints (a hash of everything that would
 * be written) must not change when the code becomes faster. Under callgrind the functions stage_* separate the costs; docs/PERFORMANCE.md has the figures. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "crmpulse/config.h"
#include "crmpulse/engine.h"
#include "crmpulse/eval.h"
#include "crmpulse/event.h"
#include "crmpulse/v1/event.pb-c.h"
#include "daemon/judge_int.h"

enum { ID_SIZE = 32, MESSAGE_MAX = 1024 };

static const int64_t first_event_ms = INT64_C(1767225600000); /* 2026-01-01T00:00:00Z */

struct options {
    long events, batch, orgs, reps, step_ms;
    const char *config;
};

struct run {
    const struct config *config;
    struct event_codec codec;
    struct arena decode;
    struct engine *engine;
    struct evaluator *evaluator;
    struct commit commit;
    int64_t newest_ms;
    uint64_t seq, hash, applied, deltas, cells, records, ops, outs;
};

static uint64_t next(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

/* 0..n-1, the first ones most often: the product of two equal chances. */
static long skewed(uint64_t *seed, long n)
{
    uint64_t a = next(seed) % (uint64_t)n, b = next(seed) % (uint64_t)n;
    return (long)(a * b / (uint64_t)n);
}

static size_t pack(const struct options *opt, uint64_t *seed, long i, uint8_t buf[MESSAGE_MAX])
{
    static char currency[] = "USD", won[] = "won", lost[] = "lost";
    char event_id[ID_SIZE], org_id[ID_SIZE], owner_id[ID_SIZE], team_id[ID_SIZE], deal_id[ID_SIZE], product_id[ID_SIZE];
    Crmpulse__V1__Event event = CRMPULSE__V1__EVENT__INIT;
    Crmpulse__V1__DealClosed deal = CRMPULSE__V1__DEAL_CLOSED__INIT;
    long rep = skewed(seed, opt->reps);
    snprintf(event_id, ID_SIZE, "e2a-%ld", i);
    snprintf(org_id, ID_SIZE, "org%ld", skewed(seed, opt->orgs));
    snprintf(owner_id, ID_SIZE, "rep%ld", rep);
    snprintf(team_id, ID_SIZE, "team%ld", rep % 20);
    snprintf(deal_id, ID_SIZE, "d%ld", i);
    snprintf(product_id, ID_SIZE, "p%d", (int)(next(seed) % 12));
    event.event_id = event_id;
    event.org_id = org_id;
    event.has_occurred_at_ms = 1;
    event.occurred_at_ms = first_event_ms + i * opt->step_ms;
    event.owner_id = owner_id;
    event.team_id = team_id;
    event.product_id = product_id;
    event.currency = currency;
    event.body_case = CRMPULSE__V1__EVENT__BODY_DEAL_CLOSED;
    event.deal_closed = &deal;
    deal.deal_id = deal_id;
    deal.outcome = next(seed) % 100 < 38 ? won : lost;
    deal.has_amount_micros = 1;
    deal.amount_micros = (int64_t)(1 + next(seed) % 50000) * 1000000;
    return crmpulse__v1__event__pack(&event, buf);
}

static void mix(struct run *r, struct slice s)
{
    r->hash = XXH3_64bits_withSeed(s.n ? s.p : "", s.n, r->hash);
}

static void mix_number(struct run *r, int64_t v)
{
    mix(r, (struct slice){ (const char *)&v, sizeof v });
}

__attribute__((noinline)) static int stage_decode(struct run *r, const uint8_t *bytes, size_t n, struct event *ev)
{
    struct event_note note = { EVENT_FIELD_COUNT, 0 };
    arena_reset(&r->decode);
    if (event_decode(&r->codec, &r->decode, bytes, n, ev, &note) != REJECT_NONE)
        return -1;
    return event_validate(&r->codec.schema, ev, INT64_MAX / 2, INT64_C(86400000), &note.field) == REJECT_NONE ? 0 : -1;
}

static int give_missing(struct run *r)
{
    const struct slice *key;
    uint32_t n = engine_missing(r->engine, &key);
    for (uint32_t i = 0; i < n; i++)
        if (engine_put(r->engine, key[i], 0, (struct slice){ 0 }) < 0)
            return -1;
    engine_missing_clear(r->engine);
    return n ? 0 : -1;
}

/* The store is empty: what is missing does not exist. As in the daemon an event that lacks records is applied again once they are there. */
__attribute__((noinline)) static int stage_apply(struct run *r, const struct event *ev, struct slice bytes)
{
    const struct event_source from = { SLICE("crm.events"), 0, (int64_t)r->applied, bytes };
    enum apply_result result;
    while ((result = engine_apply_from(r->engine, ev, r->newest_ms, &from)) == APPLY_NEED)
        if (give_missing(r) < 0)
            return -1;
    r->applied++;
    if (ev->v[F_OCCURRED_AT_MS].i > r->newest_ms)
        r->newest_ms = ev->v[F_OCCURRED_AT_MS].i;
    return result == APPLY_DONE || result == APPLY_DUPLICATE ? 0 : -1;
}

__attribute__((noinline)) static int stage_flush(struct run *r, struct store_flush *f)
{
    return engine_build_flush(r->engine, r->newest_ms, r->newest_ms, f);
}

static int take_delta(void *ctx, const struct cell_delta *d)
{
    struct run *r = ctx;
    r->deltas++;
    return evaluator_apply(r->evaluator, d);
}

__attribute__((noinline)) static int stage_feed(struct run *r, struct slice feed)
{
    evaluator_feed_position(r->evaluator, ++r->seq);
    return feed_read(feed, take_delta, r);
}

__attribute__((noinline)) static int stage_advance(struct run *r)
{
    int64_t watermark_ms = r->newest_ms - r->config->defs.out_of_orderness_ms;
    commit_clear(&r->commit);
    if (evaluator_advance(r->evaluator, watermark_ms, r->newest_ms, commit_sink(&r->commit)) < 0)
        return -1;
    return evaluator_state_save(r->evaluator, true, commit_state, &r->commit) < 0 || r->commit.failed ? -1 : 0;
}

static void mix_flush(struct run *r, const struct store_flush *f)
{
    for (uint32_t i = 0; i < f->n_cells; i++) {
        mix(r, f->cell[i].key);
        mix(r, f->cell[i].field);
        mix_number(r, f->cell[i].value);
    }
    for (uint32_t i = 0; i < f->n_records; i++) {
        mix(r, f->record[i].key);
        mix(r, f->record[i].bytes);
    }
    mix(r, f->feed);
    r->cells += f->n_cells;
    r->records += f->n_records;
}

/* The order of the saved state's fields says nothing. */
static void mix_ops(struct run *r, const struct commit_list *list)
{
    uint64_t before = r->hash, sum = 0;
    for (uint32_t i = 0; i < list->n_ops; i++) {
        r->hash = before;
        mix(r, list->op[i].command);
        mix(r, list->op[i].key);
        for (uint32_t k = 0; k < list->op[i].n_args; k++)
            mix(r, list->op[i].args[k]);
        sum += r->hash;
    }
    r->hash = before ^ sum;
    for (uint32_t i = 0; i < list->n_outs; i++)
        mix(r, list->out[i].id); /* the payloads hold the time of emission */
    r->ops += list->n_ops;
    r->outs += list->n_outs;
}

static int flush(struct run *r)
{
    struct store_flush f = { 0 };
    if (stage_flush(r, &f) < 0)
        return -1;
    mix_flush(r, &f);
    int rc = stage_feed(r, f.feed);
    engine_flush_begun(r->engine);
    engine_flush_applied(r->engine);
    if (rc == 0)
        rc = stage_advance(r);
    mix_ops(r, &r->commit.list);
    mix_ops(r, &r->commit.last);
    return rc;
}

static int run(struct run *r, const struct options *opt)
{
    uint64_t seed = 42;
    uint8_t bytes[MESSAGE_MAX];
    struct event ev;
    for (long i = 0; i < opt->events; i++) {
        size_t n = pack(opt, &seed, i, bytes);
        if (stage_decode(r, bytes, n, &ev) < 0 ||
            stage_apply(r, &ev, (struct slice){ (const char *)bytes, (uint32_t)n }) < 0)
            return -1;
        if (((i + 1) % opt->batch == 0 || i + 1 == opt->events) && flush(r) < 0)
            return -1;
    }
    printf("{\"what\":\"core\",\"events\":%ld,\"batch\":%ld,\"deltas\":%" PRIu64 ",\"cells\":%" PRIu64
           ",\"records\":%" PRIu64 ",\"ops\":%" PRIu64 ",\"outs\":%" PRIu64 ",\"hash\":\"%016" PRIx64 "\"}\n",
           opt->events, opt->batch, r->deltas, r->cells, r->records, r->ops, r->outs, r->hash);
    return 0;
}

static int bench(const struct options *opt)
{
    struct config_problems problems = { 0 };
    struct config *config = config_load(opt->config, NULL, &problems);
    struct run r = { .config = config, .newest_ms = INT64_MIN };
    const struct engine_options engine_opt = { .cache_bytes = (size_t)1 << 30 };
    const struct evaluator_options eval_opt = { .live = true, .judge = true };
    config_problems_print(&problems, stderr);
    config_problems_release(&problems);
    if (!config || event_codec_init(&r.codec) < 0)
        return 1;
    config->defs.hash_seed = 1;
    arena_init(&r.decode, 0, 0);
    commit_init(&r.commit);
    r.engine = engine_new(&config->defs, &engine_opt);
    r.evaluator = evaluator_new(&config->defs, &eval_opt);
    int status = !r.engine || !r.evaluator || run(&r, opt) < 0;
    evaluator_free(r.evaluator);
    engine_free(r.engine);
    commit_release(&r.commit);
    arena_release(&r.decode);
    config_free(config);
    return status;
}

static int read_number(const char *text, long *ret)
{
    char *end;
    *ret = strtol(text, &end, 10);
    return *text && !*end && *ret > 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
    static const struct option names[] = {
        { "events", required_argument, NULL, 'e' },
        { "batch", required_argument, NULL, 'b' },
        { "orgs", required_argument, NULL, 'o' },
        { "reps", required_argument, NULL, 'r' },
        { "step", required_argument, NULL, 's' },
        { "config", required_argument, NULL, 'c' },
        { NULL, 0, NULL, 0 },
    };
    struct options opt = { .events = 20000, .batch = 2000, .orgs = 64, .reps = 2000, .step_ms = 1 };
    int bad = 0, c;
    while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (c == 'c')
            opt.config = optarg;
        else if (c == '?')
            bad = 1;
        else
            bad |= read_number(optarg, c == 'e'   ? &opt.events
                                       : c == 'b' ? &opt.batch
                                       : c == 'o' ? &opt.orgs
                                       : c == 'r' ? &opt.reps
                                                  : &opt.step_ms);
    }
    if (bad || optind < argc) {
        fputs("usage: bench_core [--events N] [--batch N] [--orgs N] [--reps N] [--step MS] [--config FILE]\n", stderr);
        return 64;
    }
    return bench(&opt);
}
