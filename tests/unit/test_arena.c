/* The arena: alignment, limits, and that a reset keeps the memory. */
#include <criterion/criterion.h>

#include "crmpulse/arena.h"

Test(arena, aligns_and_separates)
{
    struct arena a;
    arena_init(&a, 256, 0);
    char *before = NULL;
    for (size_t n = 1; n < 40; n++) {
        char *p = arena_alloc(&a, n);
        cr_assert_not_null(p);
        cr_assert_eq((uintptr_t)p % _Alignof(max_align_t), 0);
        memset(p, (int)n, n);
        if (before)
            cr_assert_eq(before[0], (char)(n - 1), "allocation %zu overlaps the one before", n);
        before = p;
    }
    arena_release(&a);
}

Test(arena, nothing_is_a_valid_allocation)
{
    struct arena a;
    arena_init(&a, 0, 0);
    cr_assert_not_null(arena_alloc(&a, 0));
    arena_release(&a);
}

Test(arena, reset_keeps_blocks)
{
    struct arena a;
    arena_init(&a, 128, 0);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 50; i++)
            cr_assert_not_null(arena_alloc(&a, 60)); /* two of 64 fill a block: 25 blocks */
        cr_assert_eq(a.mallocs, 25, "round %d", round);
        cr_assert_eq(a.held_bytes, 25 * 128);
        arena_reset(&a);
    }
    arena_release(&a);
    cr_assert_eq(a.held_bytes, 0);
}

Test(arena, kept_large_block_is_found_again)
{
    struct arena a;
    arena_init(&a, 64, 0);
    cr_assert_not_null(arena_alloc(&a, 64));
    cr_assert_not_null(arena_alloc(&a, 64));
    cr_assert_not_null(arena_alloc(&a, 4096));
    cr_assert_eq(a.mallocs, 3);
    arena_reset(&a);
    cr_assert_not_null(arena_alloc(&a, 4096));
    cr_assert_not_null(arena_alloc(&a, 64));
    cr_assert_eq(a.mallocs, 3);
    arena_release(&a);
}

Test(arena, limit)
{
    struct arena a;
    arena_init(&a, 128, 300);
    cr_assert_not_null(arena_alloc(&a, 128));
    cr_assert_not_null(arena_alloc(&a, 128));
    cr_assert_null(arena_alloc(&a, 128)); /* 384 > 300 */
    cr_assert_null(arena_alloc(&a, SIZE_MAX));
    cr_assert_null(arena_alloc(&a, SIZE_MAX - 8));
    arena_reset(&a);
    cr_assert_not_null(arena_alloc(&a, 100));
    arena_release(&a);
}

Test(arena, copy_ends_with_nul)
{
    struct arena a;
    arena_init(&a, 0, 0);
    struct slice s = arena_copy(&a, (struct slice){ "a\0b", 3 });
    cr_assert_eq(s.n, 3);
    cr_assert_eq(memcmp(s.p, "a\0b", 4), 0);
    struct slice empty = arena_copy(&a, (struct slice){ 0 });
    cr_assert_eq(empty.n, 0);
    cr_assert_eq(empty.p[0], '\0');
    arena_release(&a);
}

Test(arena, rewind_gives_the_same_place_again)
{
    struct arena a;
    arena_init(&a, 128, 0);
    arena_rewind(&a, arena_mark(&a)); /* of an arena without blocks */
    cr_assert_not_null(arena_alloc(&a, 16));
    struct arena_mark mark = arena_mark(&a);
    char *first = arena_alloc(&a, 16);
    for (int i = 0; i < 20; i++)
        cr_assert_not_null(arena_alloc(&a, 100));
    uint64_t mallocs = a.mallocs;
    arena_rewind(&a, mark);
    cr_assert_eq(arena_alloc(&a, 16), first);
    for (int i = 0; i < 20; i++)
        cr_assert_not_null(arena_alloc(&a, 100));
    cr_assert_eq(a.mallocs, mallocs);
    arena_release(&a);
}

Test(arena, release_accepts_a_zeroed_one)
{
    struct arena a = { 0 };
    arena_release(&a);
    cr_assert_eq(a.held_bytes, 0);
}
