/* A real redis-server on a unix socket in a directory of its own, and a store on it: what the test_redis_*.c have in common.
 *
 * The server is a child that dies with the test process; a test without redis-server fails. Expected values are in the tests. */
#ifndef CRMPULSE_TEST_REDIS_RIG_H
#define CRMPULSE_TEST_REDIS_RIG_H

#include <criterion/criterion.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "crmpulse/redis_store.h"
#include "temp_name.h"

enum { RIG_WAIT_MS = 20000, RIG_TEXT_MAX = 4096 };

struct rig {
    char dir[64], socket[96], url[128];
    pid_t server;
    uv_loop_t loop;
    struct config config;
    struct redis_store *store;
    enum store_state state;
    char why[RIG_TEXT_MAX];
    unsigned state_changes;
    bool closed;
};

/* What a call answered, with copies of what was borrowed. */
struct answer {
    unsigned calls; /* must end as 1 */
    enum store_result r;
    char detail[RIG_TEXT_MAX];
    uint32_t n;
    uint64_t seq;
    struct store_part part[8];
    char topic[8][64];
    struct store_record record[8];
    char bytes[8][64];
    struct store_lease lease;
    struct store_cell cell[16];
    char key[16][64], field[16][64];
    struct store_feed_entry feed[8];
    struct store_outbox_entry out[8];
};

static inline void rig_spawn(struct rig *g, const char *const *extra)
{
    const char *argv[40] = {
        "redis-server", "--port", "0",           "--unixsocket", g->socket,   "--dir",     g->dir,
        "--save",       "",       "--daemonize", "no",           "--logfile", "/dev/null", "--enable-debug-command",
        "local"
    };
    int n = 15;
    for (; extra && *extra; extra++)
        argv[n++] = *extra;
    g->server = fork();
    cr_assert_geq(g->server, 0, "fork");
    if (g->server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execvp(argv[0], (char *const *)argv);
        _exit(127);
    }
}

static inline redisContext *rig_dial(const struct rig *g)
{
    for (int i = 0; i < 500; i++) {
        redisContext *c = redisConnectUnix(g->socket);
        if (c && !c->err) {
            redisReply *r = redisCommand(c, "PING");
            bool up = r && (r->type == REDIS_REPLY_STATUS || strncmp(r->str, "NOAUTH", 6) == 0);
            if (r)
                freeReplyObject(r);
            if (up)
                return c;
        }
        if (c)
            redisFree(c);
        cr_assert_eq(waitpid(g->server, NULL, WNOHANG), 0, "redis-server is missing or did not start");
        usleep(10000);
    }
    cr_assert_fail("redis-server does not answer");
    abort();
}

/* One command by a connection of its own; the answer as text: "nil", an integer, a string, or the elements joined by spaces. */
static inline void rig_text(const redisReply *r, char *to, size_t cap)
{
    size_t used = strlen(to);
    if (r->type == REDIS_REPLY_NIL)
        snprintf(to + used, cap - used, "nil");
    else if (r->type == REDIS_REPLY_INTEGER)
        snprintf(to + used, cap - used, "%lld", r->integer);
    else if (r->type != REDIS_REPLY_ARRAY)
        snprintf(to + used, cap - used, "%s", r->str);
    for (size_t i = 0; r->type == REDIS_REPLY_ARRAY && i < r->elements; i++) {
        if (i)
            strncat(to, " ", cap - strlen(to) - 1);
        rig_text(r->element[i], to, cap);
    }
}

static inline const char *rig_ask(const struct rig *g, char text[RIG_TEXT_MAX], const char *format, ...)
{
    va_list ap;
    redisContext *c = rig_dial(g);
    va_start(ap, format);
    redisReply *r = redisvCommand(c, format, ap);
    va_end(ap);
    text[0] = '\0';
    cr_assert_not_null(r);
    rig_text(r, text, RIG_TEXT_MAX);
    freeReplyObject(r);
    redisFree(c);
    return text;
}

#define ASK(g, want, ...)                                                                                              \
    do {                                                                                                               \
        char ask_text[RIG_TEXT_MAX];                                                                                   \
        cr_assert_str_eq(rig_ask((g), ask_text, __VA_ARGS__), (want), "got '%s', want '%s'", ask_text, (want));        \
    } while (0)

static inline void rig_on_state(void *ctx, enum store_state state, const char *why)
{
    struct rig *g = ctx;
    g->state = state;
    g->state_changes++;
    snprintf(g->why, sizeof g->why, "%s", why);
}

static inline void rig_on_wake(uv_timer_t *timer)
{
    (void)timer;
}

/* Run the loop until *flag differs from `from`, or `ms` have passed. */
static inline bool rig_run_until(struct rig *g, const volatile unsigned *flag, unsigned from, unsigned ms)
{
    uv_timer_t wake;
    uv_timer_init(&g->loop, &wake);
    uv_timer_start(&wake, rig_on_wake, 5, 5);
    uint64_t end = uv_hrtime() + (uint64_t)ms * 1000000;
    while (*flag == from && uv_hrtime() < end)
        uv_run(&g->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&wake, NULL);
    uv_run(&g->loop, UV_RUN_NOWAIT);
    return *flag != from;
}

static inline void rig_await(struct rig *g, const struct answer *a)
{
    cr_assert(rig_run_until(g, &a->calls, 0, RIG_WAIT_MS), "no callback");
    cr_assert_eq(a->calls, 1u, "%u callbacks", a->calls);
}

static inline void rig_await_state(struct rig *g, enum store_state state)
{
    uint64_t end = uv_hrtime() + (uint64_t)RIG_WAIT_MS * 1000000;
    while (g->state != state && uv_hrtime() < end)
        rig_run_until(g, &g->state_changes, g->state_changes, 50);
    cr_assert_eq(g->state, state, "state is %d (%s), not %d", g->state, g->why, state);
}

static inline void rig_prepare(struct rig *g)
{
    signal(SIGPIPE, SIG_IGN);
    temp_name(g->dir, sizeof g->dir, "redis");
    cr_assert_not_null(mkdtemp(g->dir));
    snprintf(g->socket, sizeof g->socket, "%s/redis.sock", g->dir);
    snprintf(g->url, sizeof g->url, "unix://%s", g->socket);
    cr_assert_eq(uv_loop_init(&g->loop), 0);
    g->config.redis.url = g->url;
    g->config.redis.user = g->config.redis.password_file = (char *)"";
    g->config.redis.shards = 4;
    g->config.redis.connect_timeout_ms = 1000;
    g->config.redis.command_timeout_ms = 5000;
    g->config.redis.backoff_min_ms = 20;
    g->config.redis.backoff_max_ms = 200;
    g->config.redis.outbox_max = 1000;
}

static inline void rig_open_store(struct rig *g)
{
    const struct redis_store_events events = { .ctx = g, .state = rig_on_state };
    g->state = STORE_CONNECTING;
    g->store = redis_store_new(&g->loop, &g->config, 3, &events);
    cr_assert_not_null(g->store);
}

/* A server with settings `extra` (NULL-terminated, or NULL) and a ready store of shard 3. */
static inline void rig_start(struct rig *g, const char *const *extra)
{
    rig_prepare(g);
    rig_spawn(g, extra);
    redisFree(rig_dial(g));
    rig_open_store(g);
    rig_await_state(g, STORE_READY);
}

static inline void rig_on_closed(void *ctx)
{
    ((struct rig *)ctx)->closed = true;
}

static inline void rig_kill(struct rig *g)
{
    if (g->server > 0) {
        kill(g->server, SIGKILL);
        waitpid(g->server, NULL, 0);
        g->server = 0;
    }
}

/* Closes the store and proves that the loop holds nothing more. */
static inline void rig_stop(struct rig *g)
{
    if (g->store) {
        redis_store_close(g->store, rig_on_closed, g);
        uv_run(&g->loop, UV_RUN_DEFAULT);
        cr_assert(g->closed, "close did not call back");
    }
    cr_assert_eq(uv_loop_close(&g->loop), 0, "a handle is left open");
    rig_kill(g);
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", g->dir);
    cr_assert_eq(system(command), 0);
}

/* ---- callbacks ---- */

static inline void on_flush(void *ctx, enum store_result r, const char *detail)
{
    struct answer *a = ctx;
    a->calls++;
    a->r = r;
    snprintf(a->detail, sizeof a->detail, "%s", detail);
}

static inline void rig_copy(char *to, size_t cap, struct slice s)
{
    snprintf(to, cap, "%.*s", (int)s.n, s.n ? s.p : "");
}

static inline void on_parts(void *ctx, enum store_result r, const struct store_part *parts, uint32_t n)
{
    struct answer *a = ctx;
    a->calls++;
    a->r = r;
    a->n = n;
    for (uint32_t i = 0; i < n && i < 8; i++) {
        a->part[i] = parts[i];
        rig_copy(a->topic[i], sizeof a->topic[i], parts[i].topic);
    }
}

static inline void on_records(void *ctx, enum store_result r, const struct store_record *values, uint32_t n)
{
    struct answer *a = ctx;
    a->calls++;
    a->r = r;
    a->n = n;
    for (uint32_t i = 0; i < n && i < 8; i++) {
        a->record[i] = values[i];
        rig_copy(a->bytes[i], sizeof a->bytes[i], values[i].bytes);
        rig_copy(a->key[i], sizeof a->key[i], values[i].key);
    }
}

static inline void on_lease(void *ctx, enum store_result r, const struct store_lease *lease)
{
    struct answer *a = ctx;
    a->calls++;
    a->r = r;
    a->lease = *lease;
}

static inline void on_panes(void *ctx, enum store_result r, uint64_t seq, const struct store_cell *cells, uint32_t n)
{
    struct answer *a = ctx;
    a->calls++;
    a->r = r;
    a->n = n;
    a->seq = seq;
    for (uint32_t i = 0; i < n && i < 16; i++) {
        a->cell[i] = cells[i];
        rig_copy(a->key[i], sizeof a->key[i], cells[i].key);
        rig_copy(a->field[i], sizeof a->field[i], cells[i].field);
    }
}

static inline void on_keys(void *ctx, enum store_result r, const struct slice *keys, uint32_t n)
{
    struct answer *a = ctx;
    a->calls++;
    a->r = r;
    a->n = n;
    for (uint32_t i = 0; i < n && i < 16; i++)
        rig_copy(a->key[i], sizeof a->key[i], keys[i]);
}

static inline void on_pairs(void *ctx, enum store_result r, const struct slice *pairs, uint32_t n)
{
    on_keys(ctx, r, pairs, 2 * n);
}

static inline void on_feed(void *ctx, enum store_result r, const struct store_feed_entry *entries, uint32_t n)
{
    struct answer *a = ctx;
    a->calls++;
    a->r = r;
    a->n = n;
    for (uint32_t i = 0; i < n && i < 8; i++) {
        a->feed[i] = entries[i];
        rig_copy(a->bytes[i], sizeof a->bytes[i], entries[i].bytes);
    }
}

static inline void on_outbox(void *ctx, enum store_result r, const struct store_outbox_entry *entries, uint32_t n)
{
    struct answer *a = ctx;
    a->calls++;
    a->r = r;
    a->n = n;
    for (uint32_t i = 0; i < n && i < 8; i++) {
        a->out[i] = entries[i];
        rig_copy(a->topic[i], sizeof a->topic[i], entries[i].out.topic);
        rig_copy(a->key[i], sizeof a->key[i], entries[i].out.key);
        rig_copy(a->field[i], sizeof a->field[i], entries[i].out.id);
        rig_copy(a->bytes[i], sizeof a->bytes[i], entries[i].out.payload);
    }
}

/* ---- calls that wait ---- */

static inline struct answer rig_claim(struct rig *g, const struct store_part *parts, uint32_t n)
{
    struct answer a = { 0 };
    cr_assert_eq(redis_store_claim(g->store, parts, n, on_parts, &a), 0);
    rig_await(g, &a);
    return a;
}

static inline struct answer rig_flush(struct rig *g, const struct store_flush *f)
{
    struct answer a = { 0 };
    cr_assert_eq(redis_store_flush(g->store, f, on_flush, &a), 0);
    rig_await(g, &a);
    return a;
}

static inline struct answer rig_lease(struct rig *g, const char *owner, int64_t epoch, int64_t ttl_ms)
{
    struct answer a = { 0 };
    cr_assert_eq(redis_store_lease(g->store, slice_of(owner), epoch, ttl_ms, on_lease, &a), 0);
    rig_await(g, &a);
    return a;
}

static inline struct answer rig_commit(struct rig *g, const struct store_commit *c)
{
    struct answer a = { 0 };
    cr_assert_eq(redis_store_commit(g->store, c, on_flush, &a), 0);
    rig_await(g, &a);
    return a;
}

static inline struct store_part rig_step(int64_t epoch, int64_t prev, int64_t next)
{
    return (struct store_part){ .topic = SLICE("crm.events"),
                                .partition = 2,
                                .epoch = epoch,
                                .prev_next = prev,
                                .next = next,
                                .last = next - 1,
                                .last_crc = 0x1a2b3c4d,
                                .max_event_ms = 1700000000000,
                                .read = next,
                                .applied = next };
}

#endif
