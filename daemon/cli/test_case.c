/* Test cases from YAML: the file, its keys, its configuration. What the events and expectations mean is not known here. */
#include "test_case.h"

#include <errno.h>
#include <stdlib.h>

enum { FILE_BYTES_MAX = 4 << 20, SHUFFLES = 8 };

/* What a case starts from; its own `config` is merged into it. */
static const char base_config[] = "orgs: {acme: {zone: Asia/Shanghai, currency: CNY, cycle: month}}\n";

static const char *const case_keys[] = { "config",     "defaults",   "events",    "expect", "boards",
                                         "alerts",     "scorecards", "published", "late",   "dead_letter",
                                         "duplicates", "orphans",    "waiting",   "orders", "judge",
                                         "now",        "until",      "refused",   NULL };

static void problem_va(struct test_case *c, const struct node *at, const char *format, va_list args)
{
    config_problems_add(c->problems, c->path, at ? at->line : 1, at ? at->column : 1, false, format, args);
}

int test_case_problem(struct test_case *c, const struct node *at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    problem_va(c, at, format, args);
    va_end(args);
    return -1;
}

static void on_yaml(void *ctx, const struct source *s, struct position at, const char *message)
{
    const struct node place = { .line = at.line, .column = at.column };
    (void)s;
    (void)test_case_problem(ctx, &place, "%s", message);
}

bool test_case_integer(struct slice text, int64_t *ret)
{
    char digits[32];
    size_t n = 0;
    for (uint32_t i = 0; i < text.n; i++) {
        char ch = text.p[i];
        if (ch == '_' && i && i + 1 < text.n)
            continue;
        if (!((ch >= '0' && ch <= '9') || (ch == '-' && !i)) || n + 1 == sizeof digits)
            return false;
        digits[n++] = ch;
    }
    digits[n] = 0;
    char *end;
    errno = 0;
    *ret = strtoll(digits, &end, 10);
    return n && !*end && !errno;
}

int test_case_time(struct test_case *c, const struct node *n, int64_t *ret_ms)
{
    if (n->kind == NODE_SCALAR && (test_case_integer(n->text, ret_ms) || time_parse(NULL, n->text, ret_ms) == 0))
        return 0;
    return test_case_problem(c, n, "expected a time: ISO 8601 with a zone, or unix ms");
}

int test_case_keys(struct test_case *c, const struct node *map, const char *const *known, const char *what)
{
    int rc = 0;
    for (const struct node *k = map->first; k; k = k->next) {
        bool found = false;
        for (const char *const *w = known; *w; w++)
            found |= slice_eq(k->text, slice_of(*w));
        if (!found)
            rc = test_case_problem(c, k, "unknown key '%.60s' of %s", k->text.p, what);
    }
    return rc;
}

static int read_file(struct test_case *c)
{
    FILE *f = fopen(c->path, "rbe");
    size_t n = 0;
    c->bytes = f ? malloc(FILE_BYTES_MAX + 1) : NULL;
    if (c->bytes)
        n = fread(c->bytes, 1, FILE_BYTES_MAX + 1, f);
    bool bad = !c->bytes || ferror(f);
    int saved = errno;
    if (f)
        fclose(f);
    if (bad)
        return test_case_problem(c, NULL, "cannot read the file: %s", strerror(saved));
    if (n > FILE_BYTES_MAX)
        return test_case_problem(c, NULL, "too large");
    c->source = (struct source){ .name = c->path, .bytes = { c->bytes, (uint32_t)n } };
    return 0;
}

/* The value of a key that holds a list or is missing. */
static int list_of(struct test_case *c, const char *key, const struct node **ret)
{
    *ret = node_get(c->root, key);
    return *ret && (*ret)->kind != NODE_LIST ? test_case_problem(c, *ret, "'%s' holds a list", key) : 0;
}

static int choice(struct test_case *c, const char *key, const char *one, const char *other, bool *ret_other)
{
    const struct node *n = node_get(c->root, key);
    *ret_other = n && n->kind == NODE_SCALAR && slice_eq(n->text, slice_of(other));
    if (!n || *ret_other || (n->kind == NODE_SCALAR && slice_eq(n->text, slice_of(one))))
        return 0;
    return test_case_problem(c, n, "'%s' is '%s' or '%s'", key, one, other);
}

static int read_keys(struct test_case *c)
{
    static const struct {
        const char *key;
        size_t at;
    } lists[] = {
        { "expect", offsetof(struct test_case, expect) },
        { "boards", offsetof(struct test_case, boards) },
        { "alerts", offsetof(struct test_case, alerts) },
        { "scorecards", offsetof(struct test_case, scorecards) },
        { "published", offsetof(struct test_case, published) },
    };
    bool shuffled;
    int rc = test_case_keys(c, c->root, case_keys, "a case");
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (list_of(c, lists[i].key, (const struct node **)(void *)((char *)c + lists[i].at)) < 0)
            rc = -1;
    c->late = node_get(c->root, "late");
    c->dead_letter = node_get(c->root, "dead_letter");
    c->duplicates = node_get(c->root, "duplicates");
    c->orphans = node_get(c->root, "orphans");
    c->waiting = node_get(c->root, "waiting");
    if (choice(c, "orders", "given", "shuffled", &shuffled) < 0 ||
        choice(c, "judge", "end", "arrival", &c->judge_arrival) < 0)
        rc = -1;
    c->shuffles = shuffled ? SHUFFLES : 0;
    return rc;
}

/* ---- configuration ---- */

static bool message_with(const struct config_problems *p, struct slice text)
{
    for (uint32_t i = 0; i < p->n; i++)
        if (!p->v[i].warning && strstr(p->v[i].message, text.p))
            return true;
    return false;
}

/* The case expects the configuration to be refused, with each of these texts in some message. */
static int check_refused(struct test_case *c, const struct node *texts, const struct config_problems *found)
{
    int rc = 0;
    if (texts->kind != NODE_LIST || !texts->first)
        return test_case_problem(c, texts, "'refused' holds a list of texts out of the messages");
    for (const struct node *t = texts->first; t; t = t->next)
        if (t->kind == NODE_SCALAR && message_with(found, t->text))
            c->n_refused++;
        else
            rc = test_case_problem(c, t, "no such message about the configuration");
    return rc;
}

static struct node *whole_config(struct test_case *c)
{
    struct node *own = node_get(c->root, "config");
    bool ok;
    c->defaults = (struct source){ .name = "built-in:test defaults",
                                   .bytes = { base_config, sizeof base_config - 1 },
                                   .builtin = false };
    struct node *base = node_parse(&c->arena, &c->defaults, on_yaml, c, &ok);
    if (!own || !base)
        return base;
    if (own->kind != NODE_MAP) {
        (void)test_case_problem(c, own, "'config' holds a map");
        return NULL;
    }
    struct node *merged = node_merge(&c->arena, base, own);
    if (merged)
        merged->source = &c->source; /* what it includes is relative to the case */
    return merged;
}

static int load_config(struct test_case *c)
{
    const struct node *refused = node_get(c->root, "refused");
    struct config_problems found = { 0 };
    struct node *map = whole_config(c);
    if (!map)
        return -1;
    c->config = config_load_map(map, refused ? &found : c->problems);
    int rc = c->config ? 0 : -1;
    if (refused) {
        rc = c->config ? test_case_problem(c, refused, "the configuration is not refused")
                       : check_refused(c, refused, &found);
        if (rc < 0)
            config_problems_print(&found, stderr);
    }
    config_problems_release(&found);
    return rc;
}

int test_case_load(struct test_case *c, const char *path, struct config_problems *problems)
{
    bool ok;
    *c = (struct test_case){ .path = path, .problems = problems, .now_ms = INT64_MIN, .until_ms = INT64_MIN };
    arena_init(&c->arena, 0, 0);
    if (read_file(c) < 0)
        return -1;
    c->root = node_parse(&c->arena, &c->source, on_yaml, c, &ok);
    if (!ok)
        return -1;
    if (!c->root || c->root->kind != NODE_MAP)
        return test_case_problem(c, c->root, "a test case is a map");
    const struct node *now = node_get(c->root, "now"), *until = node_get(c->root, "until");
    const struct node *events = node_get(c->root, "events"), *defaults = node_get(c->root, "defaults");
    int rc = read_keys(c);
    if (now && test_case_time(c, now, &c->now_ms) < 0)
        rc = -1;
    if (until && test_case_time(c, until, &c->until_ms) < 0)
        rc = -1;
    if (test_case_events(c, events, defaults) < 0)
        rc = -1;
    return load_config(c) < 0 ? -1 : rc;
}

void test_case_release(struct test_case *c)
{
    config_free(c->config);
    arena_release(&c->arena);
    free(c->bytes);
}
