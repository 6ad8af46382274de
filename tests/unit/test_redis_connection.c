/* The Redis store when the server is absent, wrong, slow or killed. */
#include "test_redis_rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

static const char *const with_log[] = { "--appendonly", "yes", "--appendfsync", "always", NULL };

Test(redis_connection, a_server_that_comes_later_is_found)
{
    struct rig g = { 0 };
    rig_prepare(&g);
    rig_open_store(&g);
    struct answer a = { 0 };
    struct store_flush f = { .feed = SLICE("d") };
    cr_assert_eq(redis_store_flush(g.store, &f, on_flush, &a), 0);
    cr_assert_eq(a.calls, 0u, "a callback came from inside the call");
    rig_await(&g, &a);
    cr_assert_eq(a.r, STORE_UNKNOWN);
    rig_await_state(&g, STORE_DOWN);
    cr_assert_str_eq(g.why, "No such file or directory");
    rig_spawn(&g, NULL);
    rig_await_state(&g, STORE_READY);
    cr_assert_eq(rig_flush(&g, &f).r, STORE_OK);
    rig_stop(&g);
}

/* A port that nobody listens on: bound, never listened to, held while the test runs. */
static int silent_port(int *fd)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof address;
    *fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(*fd, (struct sockaddr *)&address, len), 0);
    cr_assert_eq(getsockname(*fd, (struct sockaddr *)&address, &len), 0);
    return ntohs(address.sin_port);
}

static void check_refused(const char *host)
{
    struct rig g = { 0 };
    int fd;
    rig_prepare(&g);
    snprintf(g.url, sizeof g.url, "redis://%s:%d/0", host, silent_port(&fd));
    rig_open_store(&g);
    rig_await_state(&g, STORE_DOWN);
    cr_assert_str_eq(g.why, "Connection refused");
    unsigned told = g.state_changes;
    rig_run_until(&g, &g.state_changes, told, 500);
    cr_assert_eq(g.state_changes, told, "the same state was told twice");
    struct redis_store_stats stats;
    redis_store_stats(g.store, &stats);
    cr_assert_eq(stats.reconnects, 0u); /* it has never been connected */
    close(fd);
    rig_stop(&g);
}

Test(redis_connection, a_refused_connection_says_so)
{
    check_refused("127.0.0.1");
}

Test(redis_connection, a_host_name_is_resolved)
{
    check_refused("localhost");
}

Test(redis_connection, a_server_that_accepts_and_is_silent_is_given_up)
{
    struct rig g = { 0 };
    int fd;
    rig_prepare(&g);
    g.config.redis.connect_timeout_ms = 200;
    snprintf(g.url, sizeof g.url, "redis://127.0.0.1:%d", silent_port(&fd));
    cr_assert_eq(listen(fd, 8), 0);
    rig_open_store(&g);
    rig_await_state(&g, STORE_DOWN);
    cr_assert_str_eq(g.why, "no answer from Redis for 200 ms");
    close(fd);
    rig_stop(&g);
}

Test(redis_connection, tcp_and_another_database_work)
{
    struct rig g = { 0 };
    int fd;
    rig_prepare(&g);
    char port[8];
    snprintf(port, sizeof port, "%d", silent_port(&fd));
    close(fd);
    snprintf(g.url, sizeof g.url, "redis://127.0.0.1:%s/2", port);
    rig_spawn(&g, (const char *const[]){ "--port", port, "--bind", "127.0.0.1", NULL });
    rig_open_store(&g);
    rig_await_state(&g, STORE_READY);
    ASK(&g, "0", "EXISTS cp:{3}:meta");
    char text[RIG_TEXT_MAX];
    cr_assert_not_null(strstr(rig_ask(&g, text, "INFO keyspace"), "db2:keys=1"), "%s", text);
    rig_stop(&g);
}

static void check_password(const char *content, enum store_state want, const char *why)
{
    struct rig g = { 0 };
    char path[128];
    rig_prepare(&g);
    snprintf(path, sizeof path, "%s/password", g.dir);
    FILE *file = fopen(path, "w");
    cr_assert(file && fputs(content, file) >= 0 && fclose(file) == 0 && chmod(path, 0600) == 0);
    g.config.redis.password_file = path;
    rig_spawn(&g, (const char *const[]){ "--requirepass", "secret word", NULL });
    redisFree(rig_dial(&g));
    rig_open_store(&g);
    rig_await_state(&g, want);
    cr_assert_not_null(strstr(g.why, why), "%s", g.why);
    rig_stop(&g);
}

Test(redis_connection, the_password_comes_from_a_file)
{
    check_password("secret word\n", STORE_READY, "ready");
    check_password("wrong\n", STORE_REFUSED, "WRONGPASS");
}

Test(redis_connection, no_password_is_refused)
{
    struct rig g = { 0 };
    rig_prepare(&g);
    rig_spawn(&g, (const char *const[]){ "--requirepass", "x", NULL });
    redisFree(rig_dial(&g));
    rig_open_store(&g);
    rig_await_state(&g, STORE_REFUSED);
    cr_assert_not_null(strstr(g.why, "NOAUTH"), "%s", g.why);
    rig_stop(&g);
}

Test(redis_connection, an_evicting_policy_is_refused)
{
    const char *const policies[] = { "allkeys-lru", "volatile-ttl", "allkeys-random" };
    for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++) {
        struct rig g = { 0 };
        char want[128];
        rig_prepare(&g);
        rig_spawn(&g, (const char *const[]){ "--maxmemory-policy", policies[i], NULL });
        redisFree(rig_dial(&g));
        rig_open_store(&g);
        rig_await_state(&g, STORE_REFUSED);
        snprintf(want, sizeof want, "maxmemory-policy is '%s', must be noeviction", policies[i]);
        cr_assert_eq(strncmp(g.why, want, strlen(want)), 0, "%s", g.why);
        ASK(&g, "0", "EXISTS cp:{3}:meta");
        struct answer a = { 0 };
        cr_assert_eq(redis_store_offsets(g.store, on_parts, &a), 0);
        rig_await(&g, &a);
        cr_assert_eq(a.r, STORE_BROKEN);
        rig_stop(&g);
    }
}

/* Takes the 5 s after which a ready connection looks at the policy again. */
Test(redis_connection, a_policy_changed_later_is_refused)
{
    struct rig g = { 0 };
    rig_start(&g, NULL);
    ASK(&g, "OK", "CONFIG SET maxmemory-policy allkeys-lfu");
    rig_await_state(&g, STORE_REFUSED);
    cr_assert_not_null(strstr(g.why, "maxmemory-policy is 'allkeys-lfu'"), "%s", g.why);
    rig_stop(&g);
}

static void check_layout(const char *plant, const char *why)
{
    struct rig g = { 0 };
    char text[RIG_TEXT_MAX];
    rig_prepare(&g);
    rig_spawn(&g, NULL);
    rig_ask(&g, text, plant);
    rig_open_store(&g);
    rig_await_state(&g, STORE_REFUSED);
    cr_assert_str_eq(g.why, why);
    rig_stop(&g);
}

Test(redis_connection, a_foreign_layout_is_refused)
{
    check_layout("HSET cp:{3}:meta layout 9 shards 4", "cp:{3}:meta has layout 9, this program writes 1");
    check_layout("HSET cp:{3}:meta layout 1 shards 8",
                 "cp:{3}:meta was laid out for 8 shards, the configuration says 4");
    check_layout("SET cp:{3}:meta x", "cp:{3}:meta is a string, it must be a hash");
    check_layout("HSET cp:{3}:off a/0 x", "cp:{3}:meta is missing but cp:{3}:off is there: a foreign or damaged shard");
}

Test(redis_connection, a_replica_is_waited_for)
{
    struct rig g = { 0 };
    rig_start(&g, NULL);
    ASK(&g, "OK", "REPLICAOF 127.0.0.1 1");
    struct store_flush f = { .feed = SLICE("d") };
    struct answer a = rig_flush(&g, &f);
    cr_assert_eq(a.r, STORE_BUSY, "%d %s", a.r, a.detail);
    rig_await_state(&g, STORE_DOWN);
    ASK(&g, "OK", "REPLICAOF NO ONE");
    rig_await_state(&g, STORE_READY);
    cr_assert_eq(rig_flush(&g, &f).r, STORE_OK);
    rig_stop(&g);
}

/* Many flushes, the server killed among them: the one in flight is unknown, once; after the restart the store says what was applied. */
Test(redis_connection, kill_9_in_flight_is_unknown_once_and_settled_by_offsets)
{
    struct rig g = { 0 };
    rig_start(&g, with_log);
    struct store_part part = rig_step(0, 0, 0);
    rig_claim(&g, &part, 1);
    part = rig_step(1, -1, 10);
    struct store_cell cell = { SLICE("pane:a:h:0"), SLICE("x"), 1, 0 };
    struct store_flush f = { .n_parts = 1, .part = &part, .n_cells = 1, .cell = &cell };
    cr_assert_eq(rig_flush(&g, &f).r, STORE_OK);
    part = rig_step(1, 10, 20);
    kill(g.server, SIGSTOP); /* the request leaves, no answer comes */
    struct answer a = { 0 };
    cr_assert_eq(redis_store_flush(g.store, &f, on_flush, &a), 0);
    rig_run_until(&g, &a.calls, 0, 100);
    cr_assert_eq(a.calls, 0u);
    rig_kill(&g);
    rig_await(&g, &a);
    cr_assert_eq(a.r, STORE_UNKNOWN);
    rig_await_state(&g, STORE_DOWN);
    rig_spawn(&g, with_log);
    rig_await_state(&g, STORE_READY);
    cr_assert_eq(a.calls, 1u);
    a = (struct answer){ 0 };
    cr_assert_eq(redis_store_offsets(g.store, on_parts, &a), 0);
    rig_await(&g, &a);
    cr_assert_eq(a.r, STORE_OK);
    cr_assert_eq(a.n, 1u);
    cr_assert_eq(a.part[0].next, 10);
    /* not applied: the same flush again is right */
    cr_assert_eq(rig_flush(&g, &f).r, STORE_OK);
    ASK(&g, "2", "HGET cp:{3}:pane:a:h:0 x");
    struct redis_store_stats stats;
    redis_store_stats(g.store, &stats);
    cr_assert_geq(stats.reconnects, 2u);
    rig_stop(&g);
}

/* The answer is lost, the flush was applied: offsets tell, and a blind retry would be refused. */
Test(redis_connection, an_applied_flush_with_a_lost_answer_is_recognised)
{
    struct rig g = { 0 };
    rig_start(&g, NULL);
    g.config.redis.command_timeout_ms = 100;
    struct store_part part = rig_step(0, 0, 0);
    rig_claim(&g, &part, 1);
    part = rig_step(1, -1, 10);
    struct store_cell cell = { SLICE("pane:a:h:0"), SLICE("x"), 1, 0 };
    struct store_flush f = { .n_parts = 1, .part = &part, .n_cells = 1, .cell = &cell };
    kill(g.server, SIGSTOP);
    struct answer a = { 0 };
    cr_assert_eq(redis_store_flush(g.store, &f, on_flush, &a), 0);
    rig_await(&g, &a); /* the watchdog */
    cr_assert_eq(a.r, STORE_UNKNOWN);
    cr_assert_str_eq(a.detail, "no answer from Redis for 100 ms");
    kill(g.server, SIGCONT); /* the request is still in the server's socket */
    g.config.redis.command_timeout_ms = 5000;
    rig_await_state(&g, STORE_DOWN);
    rig_await_state(&g, STORE_READY);
    a = (struct answer){ 0 };
    cr_assert_eq(redis_store_offsets(g.store, on_parts, &a), 0);
    rig_await(&g, &a);
    cr_assert_eq(a.part[0].next, 10);
    cr_assert_eq(rig_flush(&g, &f).r, STORE_STALE);
    ASK(&g, "1", "HGET cp:{3}:pane:a:h:0 x");
    struct redis_store_stats stats;
    redis_store_stats(g.store, &stats);
    cr_assert_geq(stats.timeouts, 1u);
    rig_stop(&g);
}

/* The daemon's protocol in small: a chain of flushes through 15 kills. Whatever the answer was, offsets say where to go on; in the end the sum, the
 * record, the feed and the outbox have been moved exactly once per step. The kill hits before, while and after Redis applies the flush. */
Test(redis_connection, a_chain_through_kills_is_applied_exactly_once)
{
    enum { STEPS = 150, KILL_EVERY = 10 };
    struct rig g = { 0 };
    rig_start(&g, with_log);
    struct store_part part = rig_step(0, 0, 0);
    rig_claim(&g, &part, 1);
    int64_t at = -1;
    unsigned sent = 0, unknown = 0;
    while (at < STEPS) {
        part = rig_step(1, at, at < 0 ? 1 : at + 1);
        uint64_t version = at < 0 ? 0 : (uint64_t)at;
        struct store_cell cell = { SLICE("pane:a:h:0"), SLICE("x"), 1, 0 };
        struct store_record record = {
            .key = SLICE("ent:lead:a:l"), .expected = version, .version = version + 1, .bytes = SLICE("r")
        };
        struct store_out out = { SLICE("alerts"), SLICE("k"), SLICE("i"), SLICE("t"), SLICE("p") };
        struct store_flush f = { 1, 1, 1, 1, &part, &cell, &record, &out, SLICE("d") };
        struct answer a = { 0 };
        cr_assert_eq(redis_store_flush(g.store, &f, on_flush, &a), 0);
        if (++sent % KILL_EVERY == 0) {
            uv_run(&g.loop, UV_RUN_NOWAIT); /* the request leaves */
            usleep((sent / KILL_EVERY) * 40);
            rig_kill(&g);
        }
        rig_await(&g, &a);
        if (sent % KILL_EVERY == 0) {
            rig_await_state(&g, STORE_DOWN);
            rig_spawn(&g, with_log);
            rig_await_state(&g, STORE_READY);
        }
        cr_assert(a.r == STORE_OK || a.r == STORE_UNKNOWN, "%d %s", a.r, a.detail);
        unknown += a.r == STORE_UNKNOWN;
        struct answer o = { 0 };
        cr_assert_eq(redis_store_offsets(g.store, on_parts, &o), 0);
        rig_await(&g, &o);
        cr_assert_eq(o.n, 1u);
        cr_assert(o.part[0].next == at || o.part[0].next == part.next, "%" PRId64, o.part[0].next);
        cr_assert(a.r != STORE_OK || o.part[0].next == part.next, "an acknowledged flush is gone");
        at = o.part[0].next;
    }
    cr_assert_gt(unknown, 0u);
    ASK(&g, "150", "HGET cp:{3}:pane:a:h:0 x");
    ASK(&g, "150", "XLEN cp:{3}:feed");
    ASK(&g, "150 150", "HMGET cp:{3}:meta feed_seq outbox_seq");
    fprintf(stderr, "[info] %u flushes sent for %d steps, %u of unknown outcome\n", sent, STEPS, unknown);
    rig_stop(&g);
}

Test(redis_connection, a_shard_that_was_emptied_meanwhile_is_refused)
{
    struct rig g = { 0 };
    rig_start(&g, NULL); /* nothing on disk */
    rig_kill(&g);
    rig_await_state(&g, STORE_DOWN);
    rig_spawn(&g, NULL);
    rig_await_state(&g, STORE_REFUSED);
    cr_assert_not_null(strstr(g.why, "it was emptied or exchanged"), "%s", g.why);
    rig_stop(&g);
}

Test(redis_connection, cut_connections_come_back_and_lose_nothing)
{
    struct rig g = { 0 };
    rig_start(&g, NULL);
    char text[RIG_TEXT_MAX];
    unsigned done = 0;
    for (int i = 0; i < 300; i++) {
        struct store_cell cell = { SLICE("pane:a:h:0"), SLICE("x"), 1, 0 };
        struct store_flush f = { .n_cells = 1, .cell = &cell };
        struct answer a = { 0 };
        if (i % 20 == 0)
            rig_ask(&g, text, "CLIENT KILL TYPE normal SKIPME yes");
        cr_assert_eq(redis_store_flush(g.store, &f, on_flush, &a), 0);
        rig_await(&g, &a);
        done += a.r == STORE_OK;
        if (a.r != STORE_OK) {
            cr_assert_eq(a.r, STORE_UNKNOWN);
            rig_await_state(&g, STORE_DOWN);
            rig_await_state(&g, STORE_READY);
        }
    }
    snprintf(text, sizeof text, "%u", done);
    ASK(&g, text, "HGET cp:{3}:pane:a:h:0 x");
    cr_assert_geq(done, 270u);
    rig_stop(&g);
}

Test(redis_connection, open_calls_are_bounded)
{
    struct rig g = { 0 };
    rig_start(&g, NULL);
    kill(g.server, SIGSTOP);
    struct answer a = { 0 };
    int accepted = 0, rc;
    while ((rc = redis_store_offsets(g.store, on_parts, &a)) == 0)
        accepted++;
    cr_assert_eq(rc, -EBUSY);
    cr_assert_eq(accepted, 64);
    kill(g.server, SIGCONT);
    while (a.calls < 64u && rig_run_until(&g, &a.calls, a.calls, RIG_WAIT_MS))
        ;
    cr_assert_eq(a.calls, 64u);
    rig_stop(&g);
}

/* ---- close ---- */

static void close_here(void *ctx, enum store_result r, const struct store_part *parts, uint32_t n)
{
    struct rig *g = ctx;
    (void)r, (void)parts, (void)n;
    redis_store_close(g->store, rig_on_closed, g);
    g->store = NULL;
}

Test(redis_connection, close_from_inside_a_callback)
{
    struct rig g = { 0 };
    struct answer b = { 0 };
    rig_start(&g, NULL);
    cr_assert_eq(redis_store_offsets(g.store, close_here, &g), 0);
    cr_assert_eq(redis_store_offsets(g.store, on_parts, &b), 0);
    uv_run(&g.loop, UV_RUN_DEFAULT);
    cr_assert(g.closed);
    cr_assert_eq(b.calls, 1u);
    rig_stop(&g);
}

Test(redis_connection, close_ends_what_is_open)
{
    struct rig g = { 0 };
    struct answer a = { 0 };
    rig_start(&g, NULL);
    kill(g.server, SIGSTOP);
    cr_assert_eq(redis_store_offsets(g.store, on_parts, &a), 0);
    rig_run_until(&g, &a.calls, 0, 20);
    redis_store_close(g.store, rig_on_closed, &g);
    cr_assert_eq(a.calls, 0u);
    uv_run(&g.loop, UV_RUN_DEFAULT);
    cr_assert(g.closed);
    cr_assert_eq(a.calls, 1u);
    cr_assert_eq(a.r, STORE_UNKNOWN);
    g.store = NULL;
    kill(g.server, SIGCONT);
    rig_stop(&g);
}

Test(redis_connection, close_at_any_moment_of_connecting)
{
    for (int turns = 0; turns < 40; turns++) {
        struct rig g = { 0 };
        rig_prepare(&g);
        rig_spawn(&g, NULL);
        redisFree(rig_dial(&g));
        rig_open_store(&g);
        for (int i = 0; i < turns; i++)
            uv_run(&g.loop, UV_RUN_NOWAIT);
        rig_stop(&g);
    }
}
