/* Answers of Redis through the store's readers into the judge's evaluator, as at a start of the daemon: state, keys, panes, feed; and beside them
 * offsets, records, the outbox, lease, flush, and where a shard lives. An input is lines: the name of a call, then its answer (reply.h). At the end the evaluator judges.
 *
 * The link wraps store_call_send: the call is not sent but kept, and gets the answer that the input holds. */
#include "fuzz.h"

#include "crmpulse/record.h"
#include "daemon/judge_int.h"
#include "daemon/redis/store_internal.h"
#include "daemon/redis/topology.h"
#include "reply.h"

enum { KEYS_MAX = 64, CALLS_MAX = 64, JUDGED_BACK_MS = 3 * 24 * FUZZ_HOUR_MS };

int __wrap_store_call_send(struct store_call *call, enum redis_lane lane, enum redis_script script);

static struct store_call *sent;

int __wrap_store_call_send(struct store_call *call, enum redis_lane lane, enum redis_script script)
{
    (void)lane, (void)script;
    sent = call;
    return 0;
}

struct world {
    struct redis_store store;
    struct judge judge;
    struct redis_topology where;
    struct slice key[KEYS_MAX]; /* of panes */
    uint32_t n_keys;
    bool failed; /* something was refused: the daemon would drop the evaluator and begin anew */
};

/* An answer that is not good comes with nothing. */
static bool good(enum store_result r, const void *v, uint32_t n)
{
    FUZZ_CHECK(r >= STORE_OK && r <= STORE_BROKEN);
    FUZZ_CHECK(r == STORE_OK || (!v && !n));
    return r == STORE_OK;
}

static void on_parts(void *ctx, enum store_result r, const struct store_part *parts, uint32_t n)
{
    (void)ctx;
    for (uint32_t i = 0; good(r, parts, n) && i < n; i++)
        FUZZ_CHECK(parts[i].partition >= 0 && parts[i].topic.n && parts[i].next >= -1);
}

static void walk_record(const struct store_record *stored)
{
    struct record record = { 0 };
    if (record_decode(&record, stored->bytes) == 0) {
        struct bytes again = { 0 };
        FUZZ_CHECK(record_encode(&record, &again) == 0);
        bytes_release(&again);
    }
    record_release(&record);
}

static void on_records(void *ctx, enum store_result r, const struct store_record *values, uint32_t n)
{
    (void)ctx;
    for (uint32_t i = 0; good(r, values, n) && i < n; i++)
        walk_record(&values[i]);
}

static void on_state(void *ctx, enum store_result r, const struct slice *pairs, uint32_t n)
{
    struct world *w = ctx;
    if (r != STORE_OK || !judge_restore_state(w->judge.evaluator, pairs, n))
        w->failed = true;
}

static void on_keys(void *ctx, enum store_result r, const struct slice *keys, uint32_t n)
{
    struct world *w = ctx;
    for (w->n_keys = 0; r == STORE_OK && w->n_keys < n && w->n_keys < KEYS_MAX; w->n_keys++)
        w->key[w->n_keys] = keys[w->n_keys];
}

static void on_panes(void *ctx, enum store_result r, uint64_t feed_seq, const struct store_cell *cells, uint32_t n)
{
    struct world *w = ctx;
    (void)feed_seq;
    if (!good(r, cells, n) || !judge_restore_cells(w->judge.evaluator, cells, n))
        w->failed = true;
}

static void on_feed(void *ctx, enum store_result r, const struct store_feed_entry *entries, uint32_t n)
{
    struct world *w = ctx;
    w->failed |= !good(r, entries, n);
    for (uint32_t i = 0; i < n && !w->failed; i++)
        w->failed = !judge_take_entry(&w->judge, &entries[i], true);
}

static void on_outbox(void *ctx, enum store_result r, const struct store_outbox_entry *entries, uint32_t n)
{
    (void)ctx;
    (void)good(r, entries, n);
}

static void on_flush(void *ctx, enum store_result r, const char *detail)
{
    (void)ctx;
    FUZZ_CHECK(r >= STORE_OK && r <= STORE_BROKEN && detail);
}

static void on_lease(void *ctx, enum store_result r, const struct store_lease *lease)
{
    (void)ctx;
    FUZZ_CHECK(r >= STORE_OK && r <= STORE_BROKEN && lease);
}

static void ask(struct world *w, struct slice name)
{
    static const struct slice record_keys[] = { { "ent:deal:acme:D1", 16 }, { "ent:user:acme:ann", 17 } };
    static const struct store_flush nothing = { 0 };
    struct redis_store *s = &w->store;
    int rc = 0;
    sent = NULL;
    if (slice_eq(name, SLICE("state")))
        rc = redis_store_hash(s, SLICE("state"), on_state, w);
    else if (slice_eq(name, SLICE("keys")))
        rc = redis_store_pane_keys(s, on_keys, w);
    else if (slice_eq(name, SLICE("panes")))
        rc = redis_store_panes(s, w->key, w->n_keys, on_panes, w);
    else if (slice_eq(name, SLICE("feed")))
        rc = redis_store_feed(s, 0, JUDGE_FEED_READ, on_feed, w);
    else if (slice_eq(name, SLICE("outbox")))
        rc = redis_store_outbox(s, 0, 10, on_outbox, w);
    else if (slice_eq(name, SLICE("offsets")))
        rc = redis_store_offsets(s, on_parts, w);
    else if (slice_eq(name, SLICE("records")))
        rc = redis_store_load(s, record_keys, 2, on_records, w);
    else if (slice_eq(name, SLICE("lease")))
        rc = redis_store_lease(s, SLICE("me"), 0, 1000, on_lease, w);
    else if (slice_eq(name, SLICE("flush")))
        rc = redis_store_flush(s, &nothing, on_flush, w);
    FUZZ_CHECK(rc == 0);
}

/* Where the shard lives: whatever is answered, there is somebody to connect to. */
static void look(struct world *w, struct slice name, const redisReply *reply)
{
    static const struct redis_address here = { .host = "10.0.0.1", .port = 7000 };
    enum redis_whither to = WHITHER_NOWHERE;
    struct redis_address next;
    if (slice_eq(name, SLICE("slots")))
        to = redis_topology_slots(&w->where, reply, &here);
    else if (slice_eq(name, SLICE("master")))
        to = redis_topology_master(&w->where, reply);
    else if (reply->type == REDIS_REPLY_ERROR)
        to = redis_topology_moved(&w->where, reply->str, &here);
    FUZZ_CHECK((to == WHITHER_THERE) == w->where.has_target);
    FUZZ_CHECK(!redis_topology_next(&w->where, &next) && !w->where.has_target);
    FUZZ_CHECK(next.host[0] && next.port >= 1 && next.port <= 65535 && !next.tls);
}

static bool is_look(struct slice name)
{
    return slice_eq(name, SLICE("slots")) || slice_eq(name, SLICE("master")) || slice_eq(name, SLICE("moved"));
}

static int on_row(void *ctx, const struct kpi_row *row)
{
    (void)ctx;
    FUZZ_CHECK(row->kpi.n && row->subject.n);
    return 0;
}

static int drop_state(void *ctx, struct slice org, struct slice key, struct slice value)
{
    (void)ctx, (void)org, (void)value;
    FUZZ_CHECK(key.n);
    return 0;
}

/* From a tick not long before, or from the start; state that claims to be of the far past or future is the operator's business. */
static void judge_on(struct evaluator *e)
{
    const struct evaluator_sink sink = { .live_row = on_row, .judged_row = on_row };
    int64_t tick = evaluator_judged_tick(e);
    if (tick != INT64_MIN && (tick > FUZZ_NOW_MS || tick < FUZZ_NOW_MS - JUDGED_BACK_MS))
        return;
    (void)evaluator_advance(e, FUZZ_NOW_MS, FUZZ_NOW_MS, &sink);
    (void)evaluator_state_save(e, true, drop_state, NULL);
}

static void play(struct world *w, struct slice rest)
{
    static struct replies replies;
    struct slice name;
    for (int i = 0; i < CALLS_MAX && !w->failed && fuzz_line(&rest, &name); i++) {
        ask(w, name);
        if (!sent && !is_look(name))
            continue;
        redisReply *reply = replies_read(&replies, &rest);
        if (!sent) {
            if (reply)
                look(w, name, reply);
            continue;
        }
        sent->finish(sent, reply ? STORE_OK : STORE_UNKNOWN, reply, "");
        free(sent);
    }
    if (!w->failed)
        judge_on(w->judge.evaluator);
    replies_release(&replies);
}

int fuzz_one(const uint8_t *bytes, size_t n)
{
    static const struct evaluator_options opt = { .live = true, .judge = true };
    struct world *w = calloc(1, sizeof *w);
    const struct config *config = fuzz_config();
    FUZZ_CHECK(w && (w->judge.evaluator = evaluator_new(&config->defs, &opt)));
    w->store.config = config;
    const struct config cluster = { .redis = { .url = (char *)(uintptr_t) "redis://10.0.0.1:7000", .cluster = true } };
    const char *why;
    FUZZ_CHECK(redis_topology_init(&w->where, &cluster, 0, &why) == 0);
    redis_argv_init(&w->store.argv, 0);
    parked_init(&w->judge.parked);
    play(w, fuzz_slice(bytes, n));
    evaluator_free(w->judge.evaluator);
    parked_release(&w->judge.parked);
    free(w->judge.retained);
    redis_argv_release(&w->store.argv);
    free(w);
    return 0;
}
