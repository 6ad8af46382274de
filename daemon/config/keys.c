/* The runtime keys: reading them by the table keys.def, their defaults, and the sample file. Definitions (measures, KPIs ..) are not here. */
#include <stddef.h>
#include <stdlib.h>

#include "keys.h"
#include "loader.h"

static const struct key_row rows[] = {
#define KEY(path, type, member, def, min, max, reloadable, help)                                                       \
    { KEY_##type, offsetof(struct config, member), min, max },
#include "keys.def"
#undef KEY
};

enum { ROWS = sizeof(rows) / sizeof(*rows), MINUTE_MS = 60000 };

static const char unit_text[] = "text", unit_flag[] = "true or false", unit_count[] = "count", unit_size[] = "size",
                  unit_duration[] = "duration", unit_format[] = "auto, protobuf or json",
                  unit_level[] = "debug, info, warning or error",
                  unit_security[] = "plaintext, ssl, sasl_plaintext or sasl_ssl",
                  unit_mechanism[] = "SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN", unit_topics[] = "list of topics",
                  unit_windows[] = "list of windows", unit_dims[] = "list of dimensions", unit_kpis[] = "list of KPIs",
                  unit_properties[] = "map of texts", unit_receivers[] = "map of receivers";

static const struct config_key described[] = {
#define UNIT_OF_TEXT                                             unit_text
#define UNIT_OF_FLAG                                             unit_flag
#define UNIT_OF_COUNT                                            unit_count
#define UNIT_OF_SIZE                                             unit_size
#define UNIT_OF_DURATION                                         unit_duration
#define UNIT_OF_FORMAT                                           unit_format
#define UNIT_OF_LEVEL                                            unit_level
#define UNIT_OF_SECURITY                                         unit_security
#define UNIT_OF_MECHANISM                                        unit_mechanism
#define UNIT_OF_TOPICS                                           unit_topics
#define UNIT_OF_WINDOWS                                          unit_windows
#define UNIT_OF_DIMS                                             unit_dims
#define UNIT_OF_KPIS                                             unit_kpis
#define UNIT_OF_PROPERTIES                                       unit_properties
#define UNIT_OF_ORG_TOKENS                                       unit_properties
#define UNIT_OF_RECEIVERS                                        unit_receivers
#define KEY(path, type, member, def, min, max, reloadable, help) { path, UNIT_OF_##type, def, reloadable, help },
#include "keys.def"
#undef KEY
};

const struct config_key *config_keys(uint32_t *ret_n)
{
    *ret_n = ROWS;
    return described;
}

void config_key_bounds(uint32_t key, int64_t *ret_min, int64_t *ret_max)
{
    *ret_min = rows[key].min;
    *ret_max = rows[key].max;
}

const struct key_row *key_rows(void)
{
    return rows;
}

static const char *const format_words[] = {
    [INPUT_AUTO] = "auto", [INPUT_PROTOBUF] = "protobuf", [INPUT_JSON] = "json", NULL
};
static const char *const level_words[] = { "debug", "info", "warning", "error", NULL };
static const char *const security_words[] = { "plaintext", "ssl", "sasl_plaintext", "sasl_ssl", NULL };
static const char *const mechanism_words[] = { "SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN", NULL };

/* ---- one setter per type ----------------------------------------------------------------------------------------------------------------------- */

static void replace_text(struct loader *l, char **at, struct slice text)
{
    free(*at);
    *at = copy_text(l, text);
}

static void set_text(struct loader *l, const struct key_row *row, const struct node *n, void *at)
{
    struct slice s;
    (void)row;
    if (value_text(l, n, &s))
        replace_text(l, at, s);
}

static void set_flag(struct loader *l, const struct key_row *row, const struct node *n, void *at)
{
    (void)row;
    value_flag(l, n, at);
}

static void set_count(struct loader *l, const struct key_row *row, const struct node *n, void *at)
{
    value_int(l, n, row->min, row->max, at);
}

static void set_size(struct loader *l, const struct key_row *row, const struct node *n, void *at)
{
    value_size(l, n, row->min, row->max, at);
}

static void set_duration(struct loader *l, const struct key_row *row, const struct node *n, void *at)
{
    bool given = value_duration(l, n, row->min, row->max, at);
    l->lateness_given |= given && at == &l->defs->lateness_ms;
    l->orphan_wait_given |= given && at == &l->defs->orphan_wait_ms;
}

static void set_format(struct loader *l, const struct key_row *row, const struct node *n, void *at)
{
    int i = value_choice(l, n, format_words, "format");
    (void)row;
    if (i >= 0)
        *(enum input_framing *)at = (enum input_framing)i;
}

static void set_level(struct loader *l, const struct key_row *row, const struct node *n, void *at)
{
    (void)row;
    if (value_choice(l, n, level_words, "level") >= 0)
        replace_text(l, at, n->text);
}

static void set_security(struct loader *l, const struct key_row *row, const struct node *n, void *at)
{
    (void)row;
    if (value_choice(l, n, security_words, "security") >= 0)
        replace_text(l, at, n->text);
}

static void set_mechanism(struct loader *l, const struct key_row *row, const struct node *n, void *at)
{
    (void)row;
    if (value_choice(l, n, mechanism_words, "mechanism") >= 0)
        replace_text(l, at, n->text);
}

static void set_topics(struct loader *l, const struct key_row *row, const struct node *n, void *at)
{
    char **topic = at;
    uint32_t *count = &l->config->kafka.n_inputs;
    if (!want_list(l, n, "a list of topics"))
        return;
    while (*count)
        free(topic[--*count]);
    for (const struct node *i = n->first; i; i = i->next) {
        struct slice s;
        if (*count == CONFIG_TOPICS_MAX || (int64_t)*count == row->max) {
            report(l, i, "more than %d topics", CONFIG_TOPICS_MAX);
            return;
        }
        if (value_text(l, i, &s))
            topic[(*count)++] = copy_text(l, s);
    }
    if (!n->first)
        report(l, n, "at least one topic is needed");
}

static void set_windows(struct loader *l, const struct key_row *row, const struct node *n, void *at)
{
    struct window **list = at;
    uint32_t *count = &l->defs->n_snapshots;
    if (!want_list(l, n, "a list of windows"))
        return;
    free(*list);
    *count = 0;
    *list = calloc((size_t)row->max, sizeof(**list));
    if (!*list) {
        report_memory(l);
        return;
    }
    for (const struct node *i = n->first; i; i = i->next) {
        if (*count == row->max) {
            report(l, i, "more than %d windows", (int)row->max);
            return;
        }
        if (value_window(l, i, &(*list)[*count]))
            ++*count;
    }
}

static void set_dims(struct loader *l, const struct key_row *row, const struct node *n, void *at)
{
    uint32_t *mask = at;
    (void)row;
    if (!want_list(l, n, "a list of dimensions"))
        return;
    *mask = 0;
    for (const struct node *i = n->first; i; i = i->next) {
        int dim = dim_by_name(i->text);
        if (dim < 0)
            report(l, i, "unknown dimension '%.*s'", (int)i->text.n, i->text.p);
        else
            *mask |= 1u << dim;
    }
}

/* KPIs are not known yet: kpis.c looks them up. */
static void set_kpis(struct loader *l, const struct key_row *row, const struct node *n, void *at)
{
    (void)row;
    (void)at;
    l->by_customer = want_list(l, n, "a list of KPIs") && n->first ? n : NULL;
}

/* Their rules and orgs are not known yet: notify.c looks them up. */
static void set_receivers(struct loader *l, const struct key_row *row, const struct node *n, void *at)
{
    (void)row;
    (void)at;
    l->receivers = want_map(l, n, "receivers") && n->first ? n : NULL;
}

static void set_property(struct loader *l, const struct node *key)
{
    struct config *c = l->config;
    struct slice value;
    uint32_t i = 0;
    if (!value_text(l, key->value, &value) || !security_property(l, key, value))
        return;
    while (i < c->kafka.n_properties && !slice_eq(slice_of(c->kafka.property[i].name), key->text))
        i++;
    if (i == c->kafka.n_properties) {
        void *more = realloc(c->kafka.property, (i + 1) * sizeof(*c->kafka.property));
        if (!more) {
            report_memory(l);
            return;
        }
        c->kafka.property = more;
        c->kafka.property[i].name = copy_text(l, key->text);
        c->kafka.property[i].value = NULL;
        c->kafka.n_properties++;
    }
    replace_text(l, &c->kafka.property[i].value, value);
}

static void set_properties(struct loader *l, const struct key_row *row, const struct node *n, void *at)
{
    (void)row;
    (void)at;
    if (want_map(l, n, "librdkafka properties"))
        for (const struct node *k = n->first; k; k = k->next)
            set_property(l, k);
}

static void set_org_token(struct loader *l, const struct node *key)
{
    struct config *c = l->config;
    struct slice value;
    uint32_t i = 0;
    if (!value_text(l, key->value, &value))
        return;
    while (i < c->http.n_orgs && !slice_eq(slice_of(c->http.org[i].name), key->text))
        i++;
    if (i == c->http.n_orgs) {
        void *more = realloc(c->http.org, (i + 1) * sizeof(*c->http.org));
        if (!more) {
            report_memory(l);
            return;
        }
        c->http.org = more;
        c->http.org[i].name = copy_text(l, key->text);
        c->http.org[i].value = NULL;
        c->http.n_orgs++;
    }
    replace_text(l, &c->http.org[i].value, value);
}

static void set_org_tokens(struct loader *l, const struct key_row *row, const struct node *n, void *at)
{
    (void)row;
    (void)at;
    if (want_map(l, n, "orgs"))
        for (const struct node *k = n->first; k; k = k->next)
            set_org_token(l, k);
}

typedef void (*key_setter)(struct loader *l, const struct key_row *row, const struct node *n, void *at);
static const key_setter setters[KEY_TYPE_COUNT] = {
    [KEY_TEXT] = set_text,
    [KEY_FLAG] = set_flag,
    [KEY_COUNT] = set_count,
    [KEY_SIZE] = set_size,
    [KEY_DURATION] = set_duration,
    [KEY_FORMAT] = set_format,
    [KEY_LEVEL] = set_level,
    [KEY_TOPICS] = set_topics,
    [KEY_WINDOWS] = set_windows,
    [KEY_DIMS] = set_dims,
    [KEY_KPIS] = set_kpis,
    [KEY_PROPERTIES] = set_properties,
    [KEY_ORG_TOKENS] = set_org_tokens,
    [KEY_RECEIVERS] = set_receivers,
    [KEY_SECURITY] = set_security,
    [KEY_MECHANISM] = set_mechanism,
};

static void set_row(struct loader *l, int row, const struct node *n)
{
    setters[rows[row].type](l, &rows[row], n, (char *)l->config + rows[row].offset);
}

static bool is_map(enum key_type type)
{
    return type == KEY_PROPERTIES || type == KEY_ORG_TOKENS || type == KEY_RECEIVERS;
}

void keys_default(struct loader *l)
{
    static const struct source nowhere = { .name = "defaults" };
    for (int i = 0; i < ROWS; i++) {
        struct source s = nowhere;
        struct slice text = slice_of(described[i].default_value);
        struct node n = { .source = &s, .line = 1, .column = 1, .text = text };
        bool list = rows[i].type == KEY_TOPICS || rows[i].type == KEY_WINDOWS || rows[i].type == KEY_DIMS ||
                    rows[i].type == KEY_KPIS || is_map(rows[i].type);
        struct node item = n;
        if (list && text.n > 2) { /* one item, without its brackets */
            item.text = arena_copy(&l->arena, (struct slice){ text.p + 1, text.n - 2 });
            if (!item.text.p) {
                report_memory(l);
                return;
            }
            n.first = n.last = &item;
        }
        n.kind = is_map(rows[i].type) ? NODE_MAP : list ? NODE_LIST : NODE_SCALAR;
        if (text.n || rows[i].type == KEY_TEXT)
            set_row(l, i, &n);
    }
    l->lateness_given = l->orphan_wait_given = false;
}

/* ---- finding keys ------------------------------------------------------------------------------------------------------------------------------ */

static int row_named(const char *path)
{
    for (int i = 0; i < ROWS; i++)
        if (strcmp(described[i].path, path) == 0)
            return i;
    return -1;
}

/* The segment of row i's path that follows `path`; empty if the row does not lie below it. */
static struct slice segment_below(int i, const char *path)
{
    size_t n = strlen(path);
    const char *p = described[i].path;
    if (n && (strncmp(p, path, n) != 0 || p[n] != '.'))
        return (struct slice){ 0 };
    p += n ? n + 1 : 0;
    return (struct slice){ p, (uint32_t)strcspn(p, ".") };
}

static bool has_below(const char *path)
{
    for (int i = 0; i < ROWS; i++)
        if (segment_below(i, path).n)
            return true;
    return false;
}

static void load_below(struct loader *l, const char *parent, const struct node *key)
{
    char path[128];
    snprintf(path, sizeof(path), "%s%s%s", parent, *parent ? "." : "", key->text.p);
    int row = row_named(path);
    if (row >= 0) {
        set_row(l, row, key->value);
        return;
    }
    if (has_below(path)) {
        if (want_map(l, key->value, path))
            for (const struct node *k = key->value->first; k; k = k->next)
                load_below(l, path, k);
        return;
    }
    struct suggest s;
    suggest_begin(&s, key->text);
    for (int i = 0; i < ROWS; i++)
        suggest_try(&s, segment_below(i, parent));
    report(l, key, "unknown key '%s' in %s%s", key->text.p, parent, suggest_text(&s));
}

void keys_load(struct loader *l, const struct node *key)
{
    load_below(l, "", key);
}

bool keys_is_section(struct slice name)
{
    for (int i = 0; i < ROWS; i++)
        if (slice_eq(name, segment_below(i, "")))
            return true;
    return false;
}

void keys_suggest(struct suggest *s)
{
    for (int i = 0; i < ROWS; i++)
        suggest_try(s, segment_below(i, ""));
}

/* ---- afterwards -------------------------------------------------------------------------------------------------------------------------------- */

const struct node *keys_given_at(const struct loader *l, const char *section, const char *name)
{
    const struct node *found = NULL;
    for (uint32_t i = 0; i < l->n_files; i++) {
        const struct node *n = node_get(node_get(l->file[i].root, section), name);
        found = n ? n : found;
    }
    return found;
}

void keys_finish(struct loader *l)
{
    struct config *c = l->config;
    if (!l->lateness_given)
        l->defs->lateness_ms = l->defs->retention_ms;
    if (!l->orphan_wait_given)
        l->defs->orphan_wait_ms = l->defs->retention_ms;
    const struct node *at = keys_given_at(l, "time", "lateness");
    if (at && l->defs->lateness_ms > l->defs->retention_ms)
        report(l, at, "time.lateness must not exceed time.retention: older panes are gone");
    at = keys_given_at(l, "time", "fine_pane");
    if (at && MINUTE_MS % l->defs->fine_pane_ms)
        report(l, at, "time.fine_pane must divide a minute: 1s 2s 3s 4s 5s 6s 10s 12s 15s 20s 30s or 1m");
    at = keys_given_at(l, "time", "orphan_wait");
    if (at && l->defs->orphan_wait_ms > l->defs->retention_ms)
        report(l, at, "time.orphan_wait must not exceed time.retention: what waits is forgotten by then");
    at = keys_given_at(l, "redis", "backoff_min");
    at = at ? at : keys_given_at(l, "redis", "backoff_max");
    if (at && c->redis.backoff_min_ms > c->redis.backoff_max_ms)
        report(l, at, "redis.backoff_min must not exceed redis.backoff_max");
    security_check(l);
}

/* ---- the sample file --------------------------------------------------------------------------------------------------------------------------- */

static const char sample_head[] =
    "# The settings of crmpulse: every key with its unit and its default. Uncomment what you change.\n"
    "#\n"
    "# Durations carry a unit: 250ms 10s 5m 1h 30d. Sizes: 4096 64KiB 64MiB 1GiB. Keys marked (reload) are taken over "
    "by a reload,\n"
    "# the others by a restart. `crmpulse check` finds every error at once; `--set redis.shards=4` overrides one key.\n"
    "#\n"
    "# Definitions go into the same file or into files that it includes: switches, orgs, measures, kpis, boards, "
    "rules, scorecards.\n"
    "# What is shipped is in catalogue/; a definition with the same id replaces the shipped one. Examples are in "
    "examples/.\n"
    "\n"
    "#include: [rules.yaml]   # further files, relative to this one\n"
    "#catalogue: built-in     # none: without the shipped measures and KPIs\n";

static const char *basename_of(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot ? dot + 1 : path;
}

/* "kafka.topics.input" after "kafka.group": print the maps that open, here "topics:". */
static void print_maps(FILE *to, const char *path, const char *before)
{
    size_t same = 0;
    for (size_t i = 0; path[i] && path[i] == before[i]; i++)
        if (path[i] == '.')
            same = i + 1;
    int depth = 0;
    for (size_t i = 0; i < same; i++)
        depth += path[i] == '.';
    for (size_t from = same;; depth++) {
        size_t n = strcspn(path + from, ".");
        if (!path[from + n])
            return;
        fprintf(to, "%s#%*s%.*s:\n", depth ? "" : "\n", depth * 2, "", (int)n, path + from);
        from += n + 1;
    }
}

int config_sample_print(FILE *to)
{
    const char *before = "";
    fputs(sample_head, to);
    for (int i = 0; i < ROWS; i++) {
        const struct config_key *k = &described[i];
        int indent = 0;
        for (const char *p = k->path; *p; p++)
            indent += *p == '.' ? 2 : 0;
        print_maps(to, k->path, before);
        before = k->path;
        fprintf(to, "#%*s# %s; %s%s\n", indent, "", k->help, k->unit, k->reloadable ? " (reload)" : "");
        const char *value = rows[i].type == KEY_TEXT && !*k->default_value ? "\"\"" : k->default_value;
        fprintf(to, "#%*s%s:%s%s\n", indent, "", basename_of(k->path), *value ? " " : "", value);
    }
    return ferror(to) ? -1 : 0;
}
