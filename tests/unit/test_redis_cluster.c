/* The Redis store on real servers that share the work: a cluster of two nodes whose slot moves, and a list of servers that changes. */
#include "test_redis_rig.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

static const int64_t soon_ms = INT64_C(4102444800000); /* 2100-01-01 */
static const char slot_of_3[] = "1584";                /* CLUSTER KEYSLOT cp:{3}:meta */

static void free_port(char text[static 8])
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, len), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    close(fd);
    snprintf(text, 8, "%u", (unsigned)ntohs(address.sin_port));
}

/* A server of a rig of its own; `port` is where it listens. */
static void spawn_node(struct rig *g, char port[static 8], bool cluster)
{
    char bus[8];
    rig_prepare(g);
    free_port(port);
    free_port(bus);
    const char *extra[] = { "--port",         port, "--bind", "127.0.0.1", cluster ? "--cluster-enabled" : NULL, "yes",
                            "--cluster-port", bus,  NULL };
    rig_spawn(g, extra);
    redisFree(rig_dial(g));
}

/* Asked again and again until the answer holds `want`. */
static void await_text(struct rig *g, const char *want, const char *command)
{
    char text[RIG_TEXT_MAX] = "";
    for (int i = 0; i < 500 && !strstr(text, want); i++) {
        rig_ask(g, text, command);
        usleep(20000);
    }
    cr_assert_not_null(strstr(text, want), "%s: '%s', want '%s'", command, text, want);
}

/* A new record, a new pane, a feed entry: three of the keys are not there before, two of them are named by no script. */
static struct answer flush_new(struct rig *g, int64_t epoch, int64_t prev, int64_t next, const char *id)
{
    char record_key[64], pane_key[64];
    struct store_part part = rig_step(epoch, prev, next);
    snprintf(record_key, sizeof record_key, "ent:lead:acme:%s", id);
    snprintf(pane_key, sizeof pane_key, "pane:acme:h:%s", id);
    struct store_cell cell = {
        .key = slice_of(pane_key), .field = SLICE("org:|leads_created"), .value = 5, .expire_ms = soon_ms
    };
    struct store_record record = { .key = slice_of(record_key), .version = 1, .bytes = SLICE("state") };
    struct store_out out = { SLICE("alerts"), SLICE("acme"), SLICE("id1"), SLICE("crmpulse.alert.v1"),
                             SLICE("payload") };
    struct store_flush f = { 1, 1, 1, 1, &part, &cell, &record, &out, SLICE("delta") };
    return rig_flush(g, &f);
}

struct pair {
    struct rig a, b; /* a has the store, and first all slots */
    char port_a[8], port_b[8], id_a[64], id_b[64];
};

static void start_pair(struct pair *p)
{
    char text[RIG_TEXT_MAX];
    spawn_node(&p->a, p->port_a, true);
    spawn_node(&p->b, p->port_b, true);
    snprintf(p->id_a, sizeof p->id_a, "%s", rig_ask(&p->a, text, "CLUSTER MYID"));
    snprintf(p->id_b, sizeof p->id_b, "%s", rig_ask(&p->b, text, "CLUSTER MYID"));
    ASK(&p->a, "OK", "CLUSTER ADDSLOTSRANGE 0 16383");
    rig_ask(&p->b, text, "CONFIG GET cluster-port");
    ASK(&p->a, "OK", "CLUSTER MEET 127.0.0.1 %s %s", p->port_b, strrchr(text, ' ') + 1);
    await_text(&p->a, p->id_b, "CLUSTER NODES");
    await_text(&p->b, p->id_a, "CLUSTER NODES");
    await_text(&p->b, "cluster_state:ok", "CLUSTER INFO");
    /* The store is told of the node that has nothing. */
    snprintf(p->a.url, sizeof p->a.url, "redis://127.0.0.1:%s", p->port_b);
    p->a.config.redis.cluster = true;
    rig_open_store(&p->a);
    rig_await_state(&p->a, STORE_READY);
}

/* The partition is claimed, and a first flush took it to offset 10. */
static void write_first(struct pair *p)
{
    struct store_part part = rig_step(0, 0, 0);
    cr_assert_eq(rig_claim(&p->a, &part, 1).r, STORE_OK);
    cr_assert_eq(flush_new(&p->a, 1, -1, 10, "1").r, STORE_OK);
}

static void stop_pair(struct pair *p)
{
    rig_stop(&p->a);
    rig_stop(&p->b);
}

Test(redis_cluster, the_node_of_the_slot_is_found)
{
    struct pair p = { 0 };
    start_pair(&p);
    ASK(&p.a, slot_of_3, "CLUSTER KEYSLOT cp:{3}:meta");
    write_first(&p);
    ASK(&p.a, "1", "XLEN cp:{3}:feed");
    stop_pair(&p);
}

/* A script that is refused in the middle would leave half of what it carried: the feed has it, the cells do not. */
Test(redis_cluster, while_the_slot_moves_nothing_is_written_by_halves)
{
    struct pair p = { 0 };
    start_pair(&p);
    write_first(&p);
    ASK(&p.a, "OK", "CLUSTER SETSLOT %s MIGRATING %s", slot_of_3, p.id_b);
    struct answer a = flush_new(&p.a, 1, 10, 20, "2");
    cr_assert_eq(a.r, STORE_BUSY, "%d: %s", a.r, a.detail);
    ASK(&p.a, "1", "XLEN cp:{3}:feed");
    ASK(&p.a, "1", "XLEN cp:{3}:outbox");
    ASK(&p.a, "1 1", "HMGET cp:{3}:meta feed_seq outbox_seq");
    rig_await_state(&p.a, STORE_DOWN);
    ASK(&p.a, "OK", "CLUSTER SETSLOT %s STABLE", slot_of_3);
    rig_await_state(&p.a, STORE_READY);
    cr_assert_eq(flush_new(&p.a, 1, 10, 20, "2").r, STORE_OK);
    ASK(&p.a, "2", "XLEN cp:{3}:feed");
    stop_pair(&p);
}

Test(redis_cluster, a_slot_that_moved_is_followed)
{
    struct pair p = { 0 };
    char text[RIG_TEXT_MAX], key[RIG_TEXT_MAX];
    start_pair(&p);
    write_first(&p);
    ASK(&p.b, "OK", "CLUSTER SETSLOT %s IMPORTING %s", slot_of_3, p.id_a);
    ASK(&p.a, "OK", "CLUSTER SETSLOT %s MIGRATING %s", slot_of_3, p.id_b);
    while (*rig_ask(&p.a, key, "CLUSTER GETKEYSINSLOT %s 1", slot_of_3))
        cr_assert_str_eq(rig_ask(&p.a, text, "MIGRATE 127.0.0.1 %s %s 0 5000", p.port_b, key), "OK", "%s", text);
    ASK(&p.b, "OK", "CLUSTER SETSLOT %s NODE %s", slot_of_3, p.id_b);
    ASK(&p.a, "OK", "CLUSTER SETSLOT %s NODE %s", slot_of_3, p.id_b);
    unsigned told = p.a.state_changes;
    struct answer a = flush_new(&p.a, 1, 10, 20, "2");
    cr_assert_eq(a.r, STORE_BUSY, "%d: %s", a.r, a.detail);
    cr_assert_eq(strncmp(a.detail, "MOVED", 5), 0, "%s", a.detail);
    rig_run_until(&p.a, &p.a.state_changes, told, RIG_WAIT_MS);
    rig_await_state(&p.a, STORE_READY);
    cr_assert_eq(flush_new(&p.a, 1, 10, 20, "2").r, STORE_OK);
    ASK(&p.b, "2", "XLEN cp:{3}:feed");
    stop_pair(&p);
}

Test(redis_cluster, a_node_of_a_cluster_that_was_not_announced_is_refused)
{
    struct pair p = { 0 };
    start_pair(&p);
    struct rig c = { 0 };
    rig_prepare(&c);
    snprintf(c.url, sizeof c.url, "redis://127.0.0.1:%s", p.port_b);
    rig_open_store(&c);
    rig_await_state(&c, STORE_REFUSED);
    cr_assert_not_null(strstr(c.why, "redis.cluster"), "%s", c.why);
    rig_stop(&c);
    stop_pair(&p);
}

/* What a store of shard 3 says of a list; opened and closed. */
static void check_list(struct rig *g, enum store_state want, const char *urls, const char *says)
{
    snprintf(g->url, sizeof g->url, "%s", urls);
    rig_open_store(g);
    rig_await_state(g, want);
    cr_assert_not_null(strstr(g->why, says), "%s: %s", urls, g->why);
    g->closed = false;
    redis_store_close(g->store, rig_on_closed, g);
    while (!g->closed)
        uv_run(&g->loop, UV_RUN_ONCE);
    g->store = NULL;
}

Test(redis_cluster, a_list_that_changed_is_refused)
{
    struct rig a = { 0 }, b = { 0 };
    char pa[8], pb[8], ab[96], ba[96], one[64];
    spawn_node(&a, pa, false);
    spawn_node(&b, pb, false);
    snprintf(ab, sizeof ab, "redis://127.0.0.1:%s,redis://127.0.0.1:%s", pa, pb);
    snprintf(ba, sizeof ba, "redis://127.0.0.1:%s,redis://127.0.0.1:%s", pb, pa);
    snprintf(one, sizeof one, "redis://127.0.0.1:%s", pb);
    check_list(&a, STORE_READY, ab, "ready"); /* shard 3 is on the second */
    ASK(&b, "1/2", "HGET cp:{server}:place place");
    ASK(&a, "0", "DBSIZE");
    check_list(&a, STORE_READY, ab, "ready");
    check_list(&a, STORE_REFUSED, one, "number 1/2 of a list of servers");
    check_list(&a, STORE_READY, ba, "ready"); /* nothing was on the first yet: that is seen when its own shards come */
    ASK(&a, "1/2", "HGET cp:{server}:place place");
    rig_stop(&a);
    rig_stop(&b);
}

Test(redis_cluster, a_server_that_was_alone_is_not_made_one_of_a_list)
{
    struct rig a = { 0 };
    char port[8], list[96], one[64];
    spawn_node(&a, port, false);
    snprintf(one, sizeof one, "redis://127.0.0.1:%s", port);
    snprintf(list, sizeof list, "redis://127.0.0.1:1,redis://127.0.0.1:%s", port);
    check_list(&a, STORE_READY, one, "ready");
    ASK(&a, "0", "EXISTS cp:{server}:place");
    check_list(&a, STORE_REFUSED, list, "number 0/1 of a list of servers");
    rig_stop(&a);
}
