/* Where a shard lives: slots, lists of servers, answers of clusters and Sentinels. The slots expected are those that redis-server 7.0 says (CLUSTER
 * KEYSLOT); the answers are written out as the protocol has them. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "daemon/redis/topology.h"

static struct redis_topology t;

static int init(const char *url, const char *sentinels, bool cluster, uint32_t shard, const char **why)
{
    const struct config config = { .redis = {
                                       .url = (char *)url, .sentinels = (char *)sentinels, .cluster = cluster } };
    return redis_topology_init(&t, &config, shard, why);
}

static void must_init(const char *url, const char *sentinels, bool cluster, uint32_t shard)
{
    const char *why = "";
    cr_assert_eq(init(url, sentinels, cluster, shard, &why), 0, "%s", why);
}

static redisReply *answer(const char *protocol)
{
    void *reply = NULL;
    redisReader *reader = redisReaderCreate();
    cr_assert_not_null(reader);
    redisReaderFeed(reader, protocol, strlen(protocol));
    cr_assert_eq(redisReaderGetReply(reader, &reply), REDIS_OK);
    cr_assert_not_null(reply, "not one whole answer: %s", protocol);
    redisReaderFree(reader);
    return reply;
}

/* What is connected to next, as "host:port". */
static const char *next(bool *ret_asks)
{
    static char text[300];
    struct redis_address a;
    bool asks = redis_topology_next(&t, &a);
    if (ret_asks)
        *ret_asks = asks;
    snprintf(text, sizeof text, "%s%s:%d", a.tls ? "tls " : "", a.path[0] ? a.path : a.host, a.port);
    return text;
}

Test(redis_topology, slots)
{
    static const struct {
        const char *key;
        uint32_t slot;
    } rows[] = {
        { "123456789", 12739 },
        { "foo", 12182 },
        { "bar", 5061 },
        { "{user1000}.following", 3443 },
        { "foo{}{bar}", 8363 },
        { "foo{{bar}}zap", 4015 },
        { "foo{bar}{zap}", 5061 },
        { "cp:{0}:meta", 13907 },
        { "cp:{1}:off", 9842 },
        { "cp:{1023}:x", 14911 },
        { "", 0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_assert_eq(redis_slot(slice_of(rows[i].key)), rows[i].slot, "%s: %u", rows[i].key,
                     redis_slot(slice_of(rows[i].key)));
    cr_assert_eq(redis_slot(SLICE("no}tag{")), redis_slot(SLICE("no}tag{")));
    cr_assert_neq(redis_slot(SLICE("{a")), redis_slot(SLICE("a")), "a tag that is not closed is none");
    must_init("redis://h", NULL, true, 1023);
    cr_assert_eq(t.slot, 14911u);
}

Test(redis_topology, a_list_of_servers)
{
    char place[16];
    static const char *const want[] = { "a:1", "b:2", "c:3" };
    for (uint32_t shard = 0; shard < 7; shard++) {
        must_init("redis://a:1, redis://b:2,redis://c:3/1", "", false, shard);
        for (int again = 0; again < 3; again++)
            cr_assert_str_eq(next(NULL), want[shard % 3]);
        redis_topology_place(&t, place, sizeof place);
        char text[16];
        snprintf(text, sizeof text, "%u/3", shard % 3);
        cr_assert_str_eq(place, text);
    }
    must_init("unix:///run/r.sock", NULL, false, 5);
    cr_assert_str_eq(next(NULL), "/run/r.sock:6379");
    redis_topology_place(&t, place, sizeof place);
    cr_assert_str_eq(place, "0/1");
    must_init("redis://a", NULL, true, 5);
    redis_topology_place(&t, place, sizeof place);
    cr_assert_str_eq(place, "");
}

Test(redis_topology, what_is_refused)
{
    char many[33 * 16] = "";
    for (int i = 0; i < 33; i++)
        snprintf(many + strlen(many), sizeof many - strlen(many), "%sredis://h:%d", i ? "," : "", i + 1);
    static const struct {
        const char *url, *sentinels;
        bool cluster;
        const char *says;
    } rows[] = {
        { NULL, NULL, false, "redis.url must be" },
        { "", NULL, false, "redis.url must be" },
        { "redis://a,", NULL, false, "redis.url must be" },
        { "redis://a,,redis://b", NULL, false, "redis.url must be" },
        { "redis://a,redis://b,redis://a:6379", NULL, false, "twice" },
        { "redis://a,rediss://b", NULL, false, "either all" },
        { "redis://a,redis://u:p@b", NULL, false, "password" },
        { "unix:///x", NULL, true, "without a database" },
        { "redis://a/1", NULL, true, "without a database" },
        { "redis://a", "redis://b/1", false, "without a database" },
        { "redis://a", "b:26379", false, "redis.url must be" },
    };
    const char *why = NULL;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cr_assert_eq(init(rows[i].url, rows[i].sentinels, rows[i].cluster, 0, &why), -1, "row %zu", i);
        cr_assert_not_null(strstr(why, rows[i].says), "row %zu: %s", i, why);
    }
    cr_assert_eq(init(many, NULL, false, 0, &why), -1);
    cr_assert_not_null(strstr(why, "more than 32"), "%s", why);
    must_init("redis://a,redis://a/1", NULL, false, 0); /* two databases of one server are two places */
}

/* Shard 0 is in slot 13907. Two ranges; the second has a replica. */
#define NODE(host, port) "*3\r\n" host ":" port "\r\n$1\r\nx\r\n"
#define THREE_NODES                                                                                                    \
    "*2\r\n"                                                                                                           \
    "*3\r\n:0\r\n:9999\r\n" NODE("$2\r\nn1\r\n", "7001") "*4\r\n:10000\r\n:16383\r\n" NODE("$2\r\nn2\r\n", "7002")     \
        NODE("$2\r\nn3\r\n", "7003")

Test(redis_topology, the_node_of_a_slot)
{
    struct redis_address here = { .host = "seed", .port = 7000 };
    redisReply *r = answer(THREE_NODES);
    must_init("redis://seed:7000", NULL, true, 0);
    cr_assert_str_eq(next(NULL), "seed:7000");
    cr_assert_eq(redis_topology_slots(&t, r, &here), WHITHER_THERE);
    bool asks = true;
    cr_assert_str_eq(next(&asks), "n2:7002");
    cr_assert_not(asks);
    here = (struct redis_address){ .host = "n2", .port = 7002 };
    cr_assert_eq(redis_topology_slots(&t, r, &here), WHITHER_HERE);
    /* After a loss all nodes that were named are asked in turn, those given last. */
    char order[128] = "";
    t.next = 0;
    for (int i = 0; i < 5; i++)
        snprintf(order + strlen(order), sizeof order - strlen(order), "%s ", next(NULL));
    cr_assert_str_eq(order, "n1:7001 n2:7002 n3:7003 seed:7000 n1:7001 ");
    freeReplyObject(r);
}

Test(redis_topology, nodes_without_a_name_are_the_one_that_was_asked)
{
    const struct redis_address here = { .host = "seed", .port = 7000 };
    redisReply *r = answer("*1\r\n*3\r\n:0\r\n:16383\r\n" NODE("$-1\r\n", "7000"));
    must_init("rediss://seed:7000", NULL, true, 9);
    cr_assert_eq(redis_topology_slots(&t, r, &here), WHITHER_HERE);
    freeReplyObject(r);
    r = answer("*1\r\n*3\r\n:0\r\n:16383\r\n" NODE("$0\r\n\r\n", "7005"));
    cr_assert_eq(redis_topology_slots(&t, r, &here), WHITHER_THERE);
    cr_assert_str_eq(next(NULL), "tls seed:7005"); /* as configured */
    freeReplyObject(r);
}

Test(redis_topology, answers_that_name_nobody)
{
    static const char *const bad[] = {
        "*0\r\n",
        "$1\r\nx\r\n",
        "*1\r\n$1\r\nx\r\n",
        "*1\r\n*3\r\n:0\r\n:13906\r\n" NODE("$1\r\na\r\n", "1"),     /* not our slot */
        "*1\r\n*3\r\n:13908\r\n:16383\r\n" NODE("$1\r\na\r\n", "1"), /* nor here */
        "*1\r\n*3\r\n:0\r\n:16383\r\n" NODE("$1\r\na\r\n", "0"),     /* no port */
        "*1\r\n*3\r\n:0\r\n:16383\r\n" NODE("$1\r\na\r\n", "65536"),
        "*1\r\n*3\r\n:0\r\n:16383\r\n*1\r\n$1\r\na\r\n",
        "*1\r\n*3\r\n:0\r\n:16383\r\n" NODE("$3\r\na b\r\n", "1"), /* no host */
        "*1\r\n*2\r\n:0\r\n:16383\r\n",
    };
    const struct redis_address here = { .host = "seed", .port = 7000 };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        redisReply *r = answer(bad[i]);
        must_init("redis://seed:7000", NULL, true, 0);
        cr_assert_eq(redis_topology_slots(&t, r, &here), WHITHER_NOWHERE, "row %zu", i);
        t.next = 0;
        (void)next(NULL); /* there is always somebody to ask */
        freeReplyObject(r);
    }
}

Test(redis_topology, more_nodes_than_are_remembered)
{
    char text[100 * 64] = "*100\r\n";
    for (int i = 0; i < 100; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "*3\r\n:%d\r\n:%d\r\n" NODE("$1\r\na\r\n", "%d"),
                 i * 163, i * 163 + 162, 7000 + i);
    const struct redis_address here = { .host = "seed", .port = 7000 };
    redisReply *r = answer(text);
    must_init("redis://seed:7000", NULL, true, 0);
    cr_assert_eq(redis_topology_slots(&t, r, &here), WHITHER_THERE); /* 13907 / 163 = 85 */
    cr_assert_eq(t.n_learned, (uint32_t)REDIS_SERVERS_MAX);
    cr_assert_str_eq(next(NULL), "a:7085");
    freeReplyObject(r);
}

Test(redis_topology, moved)
{
    static const struct {
        const char *error, *to; /* NULL: nowhere */
    } rows[] = {
        { "MOVED 13907 10.0.0.2:7002", "10.0.0.2:7002" },
        { "MOVED 13907 ::1:7002", "::1:7002" },
        { "MOVED 13907 :7002", "seed:7002" },
        { "MOVED 13907 ?:7002", "seed:7002" },
        { "MOVED 13907", NULL },
        { "MOVED 13907 host", NULL },
        { "MOVED 13907 host:0", NULL },
        { "ASK 13907 10.0.0.2:7002", NULL },
        { "MOVED", NULL },
        { "MOVED ", NULL },
    };
    const struct redis_address here = { .host = "seed", .port = 7000 };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        must_init("redis://seed:7000", NULL, true, 0);
        cr_assert_eq(redis_topology_moved(&t, rows[i].error, &here), rows[i].to ? WHITHER_THERE : WHITHER_NOWHERE,
                     "row %zu", i);
        cr_assert_str_eq(next(NULL), rows[i].to ? rows[i].to : "seed:7000", "row %zu", i);
    }
}

Test(redis_topology, redirections_end)
{
    must_init("redis://seed:7000", NULL, true, 0);
    for (int i = 0; i < REDIS_REDIRECTS_MAX; i++)
        cr_assert(redis_topology_may_follow(&t));
    cr_assert_not(redis_topology_may_follow(&t));
    redis_topology_settled(&t);
    cr_assert(redis_topology_may_follow(&t));
}

Test(redis_topology, sentinels)
{
    bool asks = false;
    redisReply *r = answer("*2\r\n$9\r\n127.0.0.1\r\n$4\r\n6380\r\n");
    must_init("redis://unused", "redis://s1:26379,redis://s2:26379", false, 0);
    cr_assert_str_eq(next(&asks), "s1:26379");
    cr_assert(asks);
    cr_assert_eq(redis_topology_master(&t, r), WHITHER_THERE);
    cr_assert_str_eq(next(&asks), "127.0.0.1:6380");
    cr_assert_not(asks, "the primary is no Sentinel");
    cr_assert_str_eq(next(&asks), "s2:26379"); /* it did not work out: another Sentinel is asked */
    cr_assert(asks);
    freeReplyObject(r);
    static const char *const bad[] = {
        "*-1\r\n",   "*0\r\n", "*1\r\n$1\r\na\r\n", "*2\r\n$1\r\na\r\n$1\r\nx\r\n", "*2\r\n$0\r\n\r\n$4\r\n6380\r\n",
        "-ERR x\r\n"
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        r = answer(bad[i]);
        cr_assert_eq(redis_topology_master(&t, r), WHITHER_NOWHERE, "row %zu", i);
        freeReplyObject(r);
    }
}
