/* Buffers by size class: what is given back is taken again, nothing overlaps, large ones are returned to the system. */
#include "daemon/core/buffer_pool.h"

#include <string.h>

#include <criterion/criterion.h>

Test(buffer_pool, classes_are_powers_of_two_from_64)
{
    struct buffer_pool *pool = buffer_pool_new();
    static const uint32_t wanted[] = { 1, 64, 65, 128, 8192, 8193, 1 << 20 },
                          has[] = { 64, 64, 128, 128, 8192, 16384, 1 << 20 };
    for (size_t i = 0; i < sizeof has / sizeof has[0]; i++) {
        uint32_t cap;
        char *p = buffer_pool_take(pool, wanted[i], &cap);
        cr_assert(p);
        cr_assert_eq(cap, has[i], "%u: %u", wanted[i], cap);
        memset(p, 1, cap);
        buffer_pool_give(pool, p, cap);
        cr_assert_eq(buffer_pool_take(pool, wanted[i], &cap), p, "the same one again");
        buffer_pool_give(pool, p, cap);
    }
    buffer_pool_free(pool);
}

/* 4,096 buffers of sizes 64 .. 8,256, each filled with its number: a byte of another would show. */
Test(buffer_pool, buffers_do_not_overlap)
{
    enum { N = 4096 };
    static char *p[N];
    static uint32_t cap[N];
    struct buffer_pool *pool = buffer_pool_new();
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < N; i++) {
            cr_assert(p[i] = buffer_pool_take(pool, (uint32_t)(64 + i * 2), &cap[i]));
            memset(p[i], i % 251, cap[i]);
        }
        for (int i = 0; i < N; i++)
            for (uint32_t k = 0; k < cap[i]; k += 31)
                cr_assert_eq((unsigned char)p[i][k], i % 251);
        for (int i = N - 1; i >= 0; i--)
            buffer_pool_give(pool, p[i], cap[i]);
    }
    buffer_pool_free(pool);
}

Test(buffer_pool, more_than_can_be_is_refused)
{
    struct buffer_pool *pool = buffer_pool_new();
    uint32_t cap = 7;
    cr_assert_eq(buffer_pool_take(pool, UINT32_MAX, &cap), NULL);
    buffer_pool_give(pool, NULL, 64);
    buffer_pool_free(pool);
}
