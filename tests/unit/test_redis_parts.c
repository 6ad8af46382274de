/* The pure pieces of the Redis store: address, preflight, the lines of `off`, arguments, groups of cells. */
#include <criterion/criterion.h>

#include "daemon/redis/address.h"
#include "daemon/redis/argv.h"
#include "daemon/redis/cell_groups.h"
#include "daemon/redis/part_text.h"
#include "daemon/redis/preflight.h"
#include "daemon/redis/reply.h"

Test(redis_parts, addresses)
{
    static const struct {
        const char *url, *path, *host;
        int port, db;
    } rows[] = {
        { "unix:///run/redis.sock", "/run/redis.sock", "", 6379, 0 },
        { "redis://localhost", "", "localhost", 6379, 0 },
        { "redis://10.0.0.1:7000/3", "", "10.0.0.1", 7000, 3 },
        { "redis://[::1]:7000", "", "::1", 7000, 0 },
        { "redis://h/", "", "h", 6379, 0 },
        { "redis://h:65535/0", "", "h", 65535, 0 },
    };
    const char *why;
    struct redis_address a;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cr_assert_eq(redis_address_parse(rows[i].url, &a, &why), 0, "%s", rows[i].url);
        cr_assert_str_eq(a.path, rows[i].path);
        cr_assert_str_eq(a.host, rows[i].host);
        cr_assert_eq(a.port, rows[i].port);
        cr_assert_eq(a.db, rows[i].db);
    }
    const char *const bad[] = { NULL,           "",
                                "http://x",     "unix://relative",
                                "unix://",      "redis://",
                                "redis://h:0",  "redis://h:65536",
                                "redis://h:x",  "redis://h:1x",
                                "redis://h/x",  "redis://h/1/2",
                                "redis://[::1", "redis://user:pw@h",
                                "redis://:1" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_eq(redis_address_parse(bad[i], &a, &why), -1, "%s", bad[i]);
    char path[140] = "unix:///";
    memset(path + 8, 'x', 107); /* with the slash 108 bytes: one too many */
    path[8 + 107] = '\0';
    cr_assert_eq(redis_address_parse(path, &a, &why), -1);
    path[8 + 106] = '\0';
    cr_assert_eq(redis_address_parse(path, &a, &why), 0);
}

Test(redis_parts, preflight)
{
#define INFO(...) SLICE("# Server\r\nredis_version:7.0.15\r\n" __VA_ARGS__)
    static const struct {
        struct slice info;
        enum preflight want;
    } rows[] = {
        { INFO("maxmemory_policy:noeviction\r\nevicted_keys:0\r\nrole:master\r\nloading:0\r\n"), PREFLIGHT_PASS },
        { INFO("maxmemory_policy:noeviction\r\nrole:master"), PREFLIGHT_PASS },
        { INFO("maxmemory_policy:allkeys-lru\r\nrole:master\r\n"), PREFLIGHT_REFUSE },
        { INFO("maxmemory_policy:volatile-lfu\r\n"), PREFLIGHT_REFUSE },
        { INFO("role:master\r\n"), PREFLIGHT_REFUSE }, /* unknown is not good enough */
        { INFO("maxmemory_policy:noeviction\r\nevicted_keys:3\r\n"), PREFLIGHT_REFUSE },
        { INFO("maxmemory_policy:noeviction\r\nrole:slave\r\n"), PREFLIGHT_WAIT },
        { INFO("maxmemory_policy:noeviction\r\nloading:1\r\n"), PREFLIGHT_WAIT },
        { SLICE("redis_version:6.2.1\r\nmaxmemory_policy:noeviction\r\n"), PREFLIGHT_REFUSE },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char why[200] = "";
        cr_assert_eq(preflight_info(rows[i].info, why, sizeof why), rows[i].want, "row %zu: %s", i, why);
        cr_assert_eq(why[0] == '\0', rows[i].want == PREFLIGHT_PASS);
    }
}

Test(redis_parts, lines_of_off_are_for_people_and_read_back)
{
    struct store_part p = { .topic = SLICE("a/b"),
                            .partition = 12,
                            .epoch = 3,
                            .prev_next = 1,
                            .next = 120,
                            .last = 118,
                            .last_crc = 0xff,
                            .max_event_ms = -5,
                            .idle = true,
                            .read = 9,
                            .applied = 4,
                            .duplicate = 3,
                            .late = 1,
                            .dead = 1 };
    char text[PART_TEXT_MAX];
    size_t n = part_text_write(&p, text);
    cr_assert_str_eq(text,
                     "next=120 epoch=3 last=118 crc=000000ff max=-5 idle=1 read=9 applied=4 duplicate=3 late=1 dead=1");
    cr_assert_eq(n, strlen(text));
    struct store_part back;
    cr_assert_eq(part_text_read(SLICE("a/b/12"), slice_of(text), &back), 0);
    cr_assert(slice_eq(back.topic, SLICE("a/b")));
    cr_assert_eq(back.partition, 12);
    cr_assert_eq(back.prev_next, 120);
    cr_assert_eq(back.last_crc, 0xffu);
    cr_assert_eq(back.max_event_ms, -5);
    cr_assert(back.idle);
    cr_assert_eq(back.dead, 1);
    p.max_event_ms = INT64_MIN;
    part_text_write(&p, text);
    cr_assert_not_null(strstr(text, "max=none"));
    cr_assert_eq(part_text_read(SLICE("a/b/12"), slice_of(text), &back), 0);
    cr_assert_eq(back.max_event_ms, INT64_MIN);
    cr_assert_eq(part_text_read(SLICE("t/0"), SLICE("next=1 epoch=1 later_field=x"), &back), 0);
}

Test(redis_parts, malformed_lines_are_refused)
{
    const char *const rows[][2] = {
        { "t", "next=1" },
        { "/1", "next=1" },
        { "t/", "next=1" },
        { "t/x", "next=1" },
        { "t/-1", "next=1" },
        { "t/4294967296", "next=1" },
        { "t/1", "" },
        { "t/1", "epoch=1" },
        { "t/1", "next=" },
        { "t/1", "next=1x" },
        { "t/1", "next" },
        { "t/1", "next=99999999999999999999" },
        { "t/1", "next=1 crc=xyz" },
        { "t/1", "next=1 crc=zzzzzzzz" },
        { "t/1", "next=-2" },
    };
    struct store_part p;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_assert_eq(part_text_read(slice_of(rows[i][0]), slice_of(rows[i][1]), &p), -1, "%s: %s", rows[i][0],
                     rows[i][1]);
}

Test(redis_parts, arguments)
{
    struct redis_argv a;
    redis_argv_init(&a, 17);
    for (int round = 0; round < 2; round++) {
        redis_argv_clear(&a);
        redis_argv_int(&a, INT64_MIN);
        redis_argv_int(&a, INT64_MAX);
        redis_argv_int(&a, 0);
        redis_argv_uint(&a, UINT64_MAX);
        redis_argv_key(&a, SLICE("off"));
        for (int i = 0; i < 1000; i++)
            redis_argv_int(&a, -i);
        const char *const want[] = {
            "-9223372036854775808", "9223372036854775807", "0", "18446744073709551615", "cp:{17}:off", "0", "-1"
        };
        cr_assert_not(a.failed);
        cr_assert_eq(a.n, 1005u);
        for (size_t i = 0; i < sizeof want / sizeof want[0]; i++)
            cr_assert(slice_eq((struct slice){ a.text[i], (uint32_t)a.len[i] }, slice_of(want[i])), "%zu", i);
        cr_assert(slice_eq((struct slice){ a.text[1004], (uint32_t)a.len[1004] }, SLICE("-999")));
    }
    redis_argv_release(&a);
}

Test(redis_parts, cells_group_by_key_and_add_up)
{
    const struct store_cell cells[] = {
        { SLICE("k1"), SLICE("a"), 1, 100 }, { SLICE("k2"), SLICE("a"), 10, 0 },  { SLICE("k1"), SLICE("b"), 2, 300 },
        { SLICE("k1"), SLICE("a"), 4, 200 }, { SLICE("k2"), SLICE("a"), -3, 50 },
    };
    struct arena arena;
    arena_init(&arena, 0, 0);
    struct cell_groups g;
    cr_assert_eq(cell_groups_make(&g, cells, 5, &arena), 0);
    cr_assert_eq(g.n_groups, 2u);
    cr_assert_eq(g.n_cells, 3u);
    cr_assert_eq(g.group[0].n, 2u);
    cr_assert_eq(g.group[0].expire_ms, 300);
    cr_assert_eq(g.value[g.group[0].first], 5);
    cr_assert_eq(g.value[g.next[g.group[0].first]], 2);
    cr_assert_eq(g.group[1].expire_ms, 0); /* never wins */
    cr_assert_eq(g.value[g.group[1].first], 7);
    const struct store_cell over[] = { { SLICE("k"), SLICE("a"), INT64_MAX, 0 }, { SLICE("k"), SLICE("a"), 1, 0 } };
    cr_assert_lt(cell_groups_make(&g, over, 2, &arena), 0);
    cr_assert_eq(cell_groups_make(&g, NULL, 0, &arena), 0);
    cr_assert_eq(g.n_groups, 0u);
    arena_release(&arena);
}

Test(redis_parts, errors_that_pass_and_errors_that_stay)
{
    const char *const busy[] = { "OOM command not allowed",
                                 "MISCONF x",
                                 "READONLY You",
                                 "LOADING Redis",
                                 "BUSY Redis is busy",
                                 "NOREPLICAS Not",
                                 "NOPERM this user",
                                 "NOAUTH Authentication required",
                                 "MASTERDOWN x",
                                 "CLUSTERDOWN x",
                                 "MOVED 1 x",
                                 "ASK 1 x",
                                 "TRYAGAIN Multiple",
                                 "NOSCRIPT No",
                                 "ERR max number of clients reached" };
    const char *const broken[] = { "WRONGTYPE x", "WRONGPASS x", "CROSSSLOT x", "ERR unknown", "" };
    for (size_t i = 0; i < sizeof busy / sizeof busy[0]; i++)
        cr_assert_eq(redis_error_result(busy[i]), STORE_BUSY, "%s", busy[i]);
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++)
        cr_assert_eq(redis_error_result(broken[i]), STORE_BROKEN, "%s", broken[i]);
}
