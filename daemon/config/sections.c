/* Which definitions there are: the sections of all files laid over one another. It does not look into a definition. */
#include "loader.h"

struct section_name {
    const char *name, *one;
};

static const struct section_name names[SECTION_COUNT] = {
    [SECTION_SWITCHES] = { "switches", "switch" },
    [SECTION_ORGS] = { "orgs", "org" },
    [SECTION_MEASURES] = { "measures", "measure" },
    [SECTION_KPIS] = { "kpis", "KPI" },
    [SECTION_BOARDS] = { "boards", "board" },
    [SECTION_RULES] = { "rules", "rule" },
    [SECTION_SCORECARDS] = { "scorecards", "scorecard" },
};

struct entry *section_find(struct loader *l, enum section_id section, struct slice id)
{
    struct section *s = &l->section[section];
    for (uint32_t i = 0; i < s->n; i++)
        if (slice_eq(s->v[i].id, id))
            return &s->v[i];
    return NULL;
}

void section_suggest(struct loader *l, enum section_id section, struct suggest *s)
{
    for (uint32_t i = 0; i < l->section[section].n; i++)
        suggest_try(s, l->section[section].v[i].id);
}

int section_index(struct loader *l, enum section_id section, const struct node *ref, const char *what)
{
    if (ref->kind != NODE_SCALAR) {
        report(l, ref, "expected the id of a %s", what);
        return -1;
    }
    struct entry *e = section_find(l, section, ref->text);
    if (e)
        return (int)(e - l->section[section].v);
    struct suggest s;
    suggest_begin(&s, ref->text);
    section_suggest(l, section, &s);
    report(l, ref, "unknown %s '%s'%s", what, ref->text.p, suggest_text(&s));
    return -1;
}

static struct entry *add_entry(struct loader *l, enum section_id section)
{
    struct section *s = &l->section[section];
    if (s->n == s->cap) {
        uint32_t cap = s->cap ? s->cap * 2 : 64;
        struct entry *v = arena_alloc(&l->arena, cap * sizeof(*v));
        if (!v) {
            report_memory(l);
            return NULL;
        }
        if (s->n)
            memcpy(v, s->v, s->n * sizeof(*v));
        s->v = v;
        s->cap = cap;
    }
    s->v[s->n] = (struct entry){ 0 };
    return &s->v[s->n++];
}

static bool good_id(struct loader *l, enum section_id section, const struct node *key)
{
    bool org = section == SECTION_ORGS;
    if (org ? key->text.n && key->text.n <= 128 : plain_id(key->text))
        return true;
    report(l, key,
           org ? "an org id has 1 to 128 bytes"
               : "'%s' is no id: lower case letters, digits and _, at most 64, first a letter",
           key->text.p);
    return false;
}

/* An override changes keys of a definition; anything else replaces all of it. */
static void define(struct loader *l, enum section_id section, struct node *key)
{
    if (!good_id(l, section, key))
        return;
    struct entry *e = section_find(l, section, key->text);
    struct node *map = key->value;
    if (key->source->override && e) {
        if (!(map = node_merge(&l->arena, e->map, key->value)))
            report_memory(l);
    } else if (key->source->override && section != SECTION_ORGS) {
        section_index(l, section, key, names[section].one);
        return;
    }
    if (!map || !want_map(l, map, "a definition") || (!e && !(e = add_entry(l, section))))
        return;
    e->id = key->text;
    e->key = key;
    e->map = map;
}

static int section_named(struct slice name)
{
    for (int i = 0; i < SECTION_COUNT; i++)
        if (slice_eq(name, slice_of(names[i].name)))
            return i;
    return -1;
}

static void unknown_key(struct loader *l, const struct node *key)
{
    struct suggest s;
    suggest_begin(&s, key->text);
    for (int i = 0; i < SECTION_COUNT; i++)
        suggest_try(&s, slice_of(names[i].name));
    suggest_try(&s, SLICE("include"));
    suggest_try(&s, SLICE("catalogue"));
    suggest_try(&s, SLICE("targets"));
    keys_suggest(&s);
    report(l, key, "unknown key '%s'%s", key->text.p, suggest_text(&s));
}

static void collect_key(struct loader *l, struct node *key)
{
    static const char *const read_before[] = { "include", "catalogue", "targets", NULL };
    int section = section_named(key->text);
    if (section >= 0) {
        if (want_map(l, key->value, key->text.p) && section != SECTION_SWITCHES)
            for (struct node *k = key->value->first; k; k = k->next)
                define(l, (enum section_id)section, k);
    } else if (keys_is_section(key->text)) {
        keys_load(l, key);
    } else if (find_word(key->text, read_before) < 0) {
        unknown_key(l, key);
    }
}

static void collect_file(struct loader *l, const struct file *f)
{
    if (f->root)
        for (struct node *k = f->root->first; k; k = k->next)
            collect_key(l, k);
}

void sections_add(struct loader *l, const char *name, struct slice text)
{
    int i = files_add_text(l, name, text);
    if (i >= 0)
        collect_file(l, &l->file[i]);
}

/* The built-in files first: every other file has a later word. */
void sections_collect(struct loader *l)
{
    for (uint32_t i = 0; i < l->n_files; i++)
        if (l->file[i].source->builtin)
            collect_file(l, &l->file[i]);
    for (uint32_t i = 0; i < l->n_files; i++)
        if (!l->file[i].source->builtin)
            collect_file(l, &l->file[i]);
}
