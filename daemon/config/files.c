/* Bytes into the loader: the built-in catalogue, the user's file with what it includes, and the overrides of the command line.
 *
 * It knows the keys `include` and `catalogue` only. */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>

#include "embedded_config.h"
#include "loader.h"

enum { FILE_BYTES_MAX = 8 << 20, INCLUDE_DEPTH_MAX = 16 };

static void report_yaml(void *ctx, const struct source *s, struct position at, const char *message)
{
    if (s->override) /* one line of the command line, whatever the parser says about the end of its text */
        at.line = 1 + (uint32_t)strspn(s->bytes.p, "\n");
    report_place(ctx, s->name, at, "%s", message);
}

static struct source *new_source(struct loader *l, const char *name, struct slice bytes)
{
    struct source *s = arena_alloc(&l->arena, sizeof(*s));
    struct slice kept = arena_copy(&l->arena, slice_of(name));
    if (!s || !kept.p) {
        report_memory(l);
        return NULL;
    }
    *s = (struct source){ .name = kept.p, .bytes = bytes };
    return s;
}

/* Its number in the list; -1 when full. */
static int add_file(struct loader *l, struct source *s, struct node *root)
{
    if (l->n_files == FILES_MAX) {
        report_place(l, s->name, (struct position){ 1, 1 }, "more than %d files", FILES_MAX);
        return -1;
    }
    s->order = l->n_files;
    l->file[l->n_files] = (struct file){ .source = s, .root = root };
    return (int)l->n_files++;
}

static struct node *parse_map(struct loader *l, const struct source *s)
{
    bool ok;
    struct node *root = node_parse(&l->arena, s, report_yaml, l, &ok);
    if (!root || (root->kind == NODE_SCALAR && !root->text.n && root->style == STYLE_PLAIN))
        return NULL;
    if (root->kind == NODE_MAP)
        return root;
    report(l, root, "a configuration file holds a map at its top level");
    return NULL;
}

/* Contents with a NUL after them, or NULL with errno. */
static char *read_all(const char *path, uint32_t *ret_n)
{
    FILE *f = fopen(path, "rbe");
    char *bytes = NULL;
    if (!f)
        return NULL;
    size_t cap = 0, n = 0;
    for (;;) {
        if (n + 1 >= cap) {
            cap = cap ? cap * 2 : 16384;
            char *more = cap <= 2u * FILE_BYTES_MAX ? realloc(bytes, cap) : NULL;
            if (!more) {
                errno = cap <= 2u * FILE_BYTES_MAX ? ENOMEM : EFBIG;
                goto fail;
            }
            bytes = more;
        }
        size_t got = fread(bytes + n, 1, cap - n - 1, f);
        n += got;
        if (!got)
            break;
    }
    if (ferror(f)) {
        errno = errno ? errno : EIO;
        goto fail;
    }
    fclose(f);
    bytes[n] = 0;
    *ret_n = (uint32_t)n;
    return bytes;
fail:;
    int saved = errno;
    fclose(f);
    free(bytes);
    errno = saved;
    return NULL;
}

struct chain {
    const char *real;
    const struct chain *up;
    int depth;
};

static bool in_chain(const struct chain *c, const char *real)
{
    for (; c; c = c->up)
        if (strcmp(c->real, real) == 0)
            return true;
    return false;
}

static bool already_read(const struct loader *l, const char *real)
{
    for (uint32_t i = 0; i < l->n_files; i++)
        if (l->file[i].real && strcmp(l->file[i].real, real) == 0)
            return true;
    return false;
}

static void read_path(struct loader *l, const char *path, const struct node *asked, const struct chain *up);

static void read_include(struct loader *l, const struct node *item, const char *includer, const struct chain *chain)
{
    char dir[PATH_MAX], path[PATH_MAX + 256];
    if (item->kind != NODE_SCALAR || !item->text.n) {
        report(l, item, "expected the path of a file");
        return;
    }
    snprintf(dir, sizeof(dir), "%s", includer);
    if (item->text.p[0] == '/')
        snprintf(path, sizeof(path), "%s", item->text.p);
    else
        snprintf(path, sizeof(path), "%s/%s", dirname(dir), item->text.p);
    read_path(l, path, item, chain);
}

static void read_includes(struct loader *l, const struct node *root, const char *path, const struct chain *chain)
{
    const struct node *include = node_get(root, "include");
    if (!include || !want_list(l, include, "a list of files"))
        return;
    for (const struct node *i = include->first; i; i = i->next)
        read_include(l, i, path, chain);
}

static void report_file(struct loader *l, const char *path, const struct node *asked, const char *why)
{
    if (asked)
        report(l, asked, "cannot read '%s': %s", path, why);
    else
        report_place(l, path, (struct position){ 1, 1 }, "cannot read the file: %s", why);
}

/* Included files come before the one that includes them, which therefore has the last word. */
static void read_path(struct loader *l, const char *path, const struct node *asked, const struct chain *up)
{
    char *real = realpath(path, NULL);
    char *bytes = NULL;
    uint32_t n = 0;
    if (!real || !(bytes = (!in_chain(up, real) && !already_read(l, real)) ? read_all(path, &n) : NULL)) {
        bool cycle = real && in_chain(up, real);
        if (!real || cycle || !already_read(l, real))
            report_file(l, path, asked, cycle ? "it includes itself" : strerror(errno));
        free(real);
        return;
    }
    struct chain chain = { real, up, up ? up->depth + 1 : 0 };
    struct source *s = n > FILE_BYTES_MAX ? NULL : new_source(l, path, (struct slice){ bytes, n });
    struct node *root = s ? parse_map(l, s) : NULL;
    if (!s)
        report_file(l, path, asked, "too large");
    else if (chain.depth >= INCLUDE_DEPTH_MAX)
        report_file(l, path, asked, "included too deeply");
    else if (root)
        read_includes(l, root, path, &chain);
    int i = s ? add_file(l, s, root) : -1;
    if (i < 0) {
        free(bytes); /* nothing of it is used further: a file too many is an error */
        free(real);
        return;
    }
    l->file[i].owned = bytes;
    l->file[i].real = real;
}

int files_add_text(struct loader *l, const char *name, struct slice text)
{
    struct source *s = new_source(l, name, text);
    if (!s)
        return -1;
    s->builtin = true;
    return add_file(l, s, parse_map(l, s));
}

static void read_built_in(struct loader *l)
{
    for (size_t i = 0; i < embedded_config_count; i++) {
        const struct embedded_file *f = &embedded_config[i];
        char name[128];
        if (strncmp(f->name, "catalogue/", 10) != 0)
            continue;
        snprintf(name, sizeof(name), "built-in:%s", f->name);
        struct source *s = new_source(l, name, (struct slice){ (const char *)f->bytes, (uint32_t)f->len });
        if (!s)
            return;
        s->builtin = true;
        add_file(l, s, parse_map(l, s));
    }
}

/* The value's text is given the place that it has on the command line, so that its nodes say the right line and column. */
static struct slice placed(struct loader *l, const char *value, uint32_t line, uint32_t column)
{
    size_t n = strlen(value), pad = line + column;
    char *p = arena_alloc(&l->arena, pad + n + 1);
    if (!p) {
        report_memory(l);
        return (struct slice){ 0 };
    }
    memset(p, '\n', line);
    memset(p + line, ' ', column);
    memcpy(p + pad, value, n + 1);
    return (struct slice){ p, (uint32_t)(pad + n) };
}

static struct node *wrap(struct loader *l, const struct source *s, struct slice name, struct position at,
                         struct node *value)
{
    struct node *map = arena_alloc(&l->arena, sizeof(*map));
    struct node *key = arena_alloc(&l->arena, sizeof(*key));
    if (!map || !key) {
        report_memory(l);
        return NULL;
    }
    *key = (struct node){ .kind = NODE_SCALAR, .source = s, .line = at.line, .column = at.column, .value = value };
    key->text = arena_copy(&l->arena, name);
    if (!key->text.p) {
        report_memory(l);
        return NULL;
    }
    *map =
        (struct node){ .kind = NODE_MAP, .source = s, .line = at.line, .column = at.column, .first = key, .last = key };
    return map;
}

/* Where the last segment of a path starts; names of Kafka properties hold dots themselves. */
static uint32_t last_segment(struct slice path)
{
    static const char properties[] = "kafka.properties.";
    if (path.n >= sizeof(properties) && strncmp(path.p, properties, sizeof(properties) - 1) == 0)
        return sizeof(properties) - 1;
    uint32_t i = path.n;
    while (i && path.p[i - 1] != '.')
        i--;
    return i;
}

static void read_set(struct loader *l, const char *set, uint32_t number)
{
    const char *eq = strchr(set, '=');
    if (!eq || eq == set) {
        report_place(l, "--set", (struct position){ number + 1, 1 }, "expected KEY=VALUE, not '%s'", set);
        return;
    }
    struct slice path = { set, (uint32_t)(eq - set) };
    struct slice bytes = placed(l, eq + 1, number, path.n + 1);
    struct source *s = bytes.p ? new_source(l, "--set", bytes) : NULL;
    bool ok;
    if (!s)
        return;
    s->override = true;
    struct node *value = node_parse(&l->arena, s, report_yaml, l, &ok);
    if (!value && ok)
        report_place(l, "--set", (struct position){ number + 1, path.n + 2 }, "'%s' has no value", set);
    while (value && path.n) {
        uint32_t at = last_segment(path);
        value = wrap(l, s, (struct slice){ path.p + at, path.n - at }, (struct position){ number + 1, at + 1 }, value);
        path.n = at ? at - 1 : 0;
    }
    if (value)
        add_file(l, s, value);
}

static void read_catalogue_key(struct loader *l)
{
    static const char *const words[] = { "built-in", "none", NULL };
    for (uint32_t i = 0; i < l->n_files; i++) {
        const struct node *n = node_get(l->file[i].root, "catalogue");
        if (n)
            l->no_catalogue = value_choice(l, n, words, "catalogue") == 1;
    }
}

static void read_given(struct loader *l)
{
    struct source *s = new_source(l, l->given->source->name, l->given->source->bytes);
    if (!s)
        return;
    read_includes(l, l->given, s->name, NULL);
    add_file(l, s, l->given);
}

void files_read(struct loader *l, const char *path, const struct config_load_options *opt)
{
    if (path)
        read_path(l, path, NULL, NULL);
    if (l->given)
        read_given(l);
    read_catalogue_key(l);
    if (!l->no_catalogue)
        read_built_in(l);
    for (uint32_t i = 0; opt && i < opt->n_sets; i++)
        read_set(l, opt->set[i], i);
}

void files_release(struct loader *l)
{
    for (uint32_t i = 0; i < l->n_files; i++) {
        free(l->file[i].owned);
        free(l->file[i].real);
    }
}
