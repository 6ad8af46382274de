/* Any text as a configuration file: settings, orgs, measures, KPIs, boards, rules, scorecards, targets. What is refused says why and where; what is
 * accepted makes an evaluator. An input that begins with "#full" gets the catalogue, others do without it. Includes are not followed. */
#include "fuzz.h"

#include "crmpulse/eval.h"
#include "daemon/config/node.h"

static void note_place(void *ctx, const struct source *s, struct position at, const char *message)
{
    (void)ctx;
    FUZZ_CHECK(message && at.line >= 1 && at.line <= s->bytes.n + 2);
}

static void judge(const struct config *c)
{
    const struct evaluator_options opt = { .judge = true };
    struct evaluator *e = evaluator_new(&c->defs, &opt);
    FUZZ_CHECK(e);
    evaluator_free(e);
}

static void load(struct node *map)
{
    struct config_problems problems = { 0 };
    struct config *c = config_load_map(map, &problems);
    FUZZ_CHECK((c == NULL) == (problems.n_errors > 0));
    for (uint32_t i = 0; i < problems.n; i++)
        FUZZ_CHECK(problems.v[i].message && problems.v[i].file && problems.v[i].line >= 1);
    if (c)
        judge(c);
    config_free(c);
    config_problems_release(&problems);
}

int fuzz_one(const uint8_t *bytes, size_t n)
{
    static const char none[] = "catalogue: none\n";
    static const struct source plain = { .name = "none", .bytes = { none, sizeof none - 1 } };
    struct source source = { .name = "fuzz.yaml", .bytes = fuzz_slice(bytes, n) };
    struct arena a;
    bool ok, full = n >= 5 && memcmp(bytes, "#full", 5) == 0;
    arena_init(&a, 0, 0);
    struct node *map = node_parse(&a, &source, note_place, NULL, &ok);
    if (map && ok && map->kind == NODE_MAP && !node_key(map, "include")) {
        struct node *over = full ? NULL : node_parse(&a, &plain, note_place, NULL, &ok);
        struct node *merged = over ? node_merge(&a, map, over) : map;
        FUZZ_CHECK(merged);
        merged->source = &source;
        load(merged);
    }
    arena_release(&a);
    return 0;
}
