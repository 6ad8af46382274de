/* A CSV mapping and the files that it reads, in one input: the mapping, a line "----", the main file, "----", the one for every other name.
 * Whatever it converts to is an event that both codecs can carry. */
#include "fuzz.h"

#include "crmpulse/map.h"

struct files {
    struct slice main, other;
    struct arena arena;
    uint32_t events;
};

enum { EVENTS_MAX = 50 };

static struct slice cut(struct slice *rest)
{
    static const char mark[] = "\n----\n";
    const char *at = rest->n ? memmem(rest->p, rest->n, mark, sizeof mark - 1) : NULL;
    struct slice part = *rest;
    if (!at) {
        *rest = (struct slice){ rest->p + rest->n, 0 };
        return part;
    }
    part.n = (uint32_t)(at - rest->p) + 1; /* with the end of its last line */
    *rest = (struct slice){ at + sizeof mark - 1, rest->n - part.n - (uint32_t)(sizeof mark - 2) };
    return part;
}

static int on_read(void *ctx, struct slice file, struct slice *ret)
{
    const struct files *f = ctx;
    *ret = slice_eq(file, SLICE("main.csv")) ? f->main : f->other;
    return 0;
}

static void on_problem(void *ctx, struct slice file, uint32_t line, uint32_t column, const char *message)
{
    (void)ctx, (void)line, (void)column;
    FUZZ_CHECK(message && *message && (file.p || !file.n));
}

/* Texts of a file may be no UTF-8 or hold a NUL: such an event is validated away before anybody writes it. */
static int on_event(void *ctx, const struct event *ev, struct slice file, uint32_t line)
{
    struct files *f = ctx;
    enum event_field field;
    (void)file, (void)line;
    if (event_validate(&fuzz_codec()->schema, ev, FUZZ_NOW_MS, FUZZ_HOUR_MS, &field) == REJECT_NONE)
        (void)fuzz_both_codecs(&f->arena, ev);
    arena_reset(&f->arena);
    return ++f->events == EVENTS_MAX;
}

int fuzz_one(const uint8_t *bytes, size_t n)
{
    struct slice rest = fuzz_slice(bytes, n), yaml = cut(&rest);
    struct files f = { .main = cut(&rest), .other = rest };
    const struct map_calls calls = { &f, on_read, on_problem, on_event };
    arena_init(&f.arena, 0, 0);
    struct map *map = map_new("map.yaml", yaml, &calls);
    if (map)
        (void)map_convert(map, SLICE("main.csv"));
    map_free(map);
    arena_release(&f.arena);
    return 0;
}
