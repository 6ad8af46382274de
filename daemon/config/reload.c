/* What a reload may change, and the exchange. Asking the stores whether the new configuration may go on with what they hold: daemon/reload.c. */
#include <stdlib.h>

#include "crmpulse/config.h"
#include "keys.h"

typedef bool (*same_value)(const struct config *a, const struct config *b, size_t offset);

static const void *at(const struct config *c, size_t offset)
{
    return (const char *)c + offset;
}

static bool same_text(const struct config *a, const struct config *b, size_t offset)
{
    const char *const *x = at(a, offset), *const *y = at(b, offset);
    return strcmp(*x ? *x : "", *y ? *y : "") == 0;
}

static bool same_flag(const struct config *a, const struct config *b, size_t offset)
{
    return *(const bool *)at(a, offset) == *(const bool *)at(b, offset);
}

static bool same_number(const struct config *a, const struct config *b, size_t offset)
{
    return *(const int64_t *)at(a, offset) == *(const int64_t *)at(b, offset);
}

static bool same_format(const struct config *a, const struct config *b, size_t offset)
{
    return *(const enum input_framing *)at(a, offset) == *(const enum input_framing *)at(b, offset);
}

static bool same_topics(const struct config *a, const struct config *b, size_t offset)
{
    (void)offset;
    for (uint32_t i = 0; i < a->kafka.n_inputs && i < b->kafka.n_inputs; i++)
        if (strcmp(a->kafka.input[i], b->kafka.input[i]) != 0)
            return false;
    return a->kafka.n_inputs == b->kafka.n_inputs;
}

static bool same_properties(const struct config *a, const struct config *b, size_t offset)
{
    (void)offset;
    for (uint32_t i = 0; i < a->kafka.n_properties && i < b->kafka.n_properties; i++)
        if (strcmp(a->kafka.property[i].name, b->kafka.property[i].name) != 0 ||
            strcmp(a->kafka.property[i].value, b->kafka.property[i].value) != 0)
            return false;
    return a->kafka.n_properties == b->kafka.n_properties;
}

static bool same_org_tokens(const struct config *a, const struct config *b, size_t offset)
{
    (void)offset;
    for (uint32_t i = 0; i < a->http.n_orgs && i < b->http.n_orgs; i++)
        if (strcmp(a->http.org[i].name, b->http.org[i].name) != 0 ||
            strcmp(a->http.org[i].value, b->http.org[i].value) != 0)
            return false;
    return a->http.n_orgs == b->http.n_orgs;
}

/* NULL: only ever part of the definitions, which are exchanged as a whole. */
static const same_value comparers[KEY_TYPE_COUNT] = {
    [KEY_TEXT] = same_text,
    [KEY_FLAG] = same_flag,
    [KEY_COUNT] = same_number,
    [KEY_SIZE] = same_number,
    [KEY_DURATION] = same_number,
    [KEY_FORMAT] = same_format,
    [KEY_LEVEL] = same_text,
    [KEY_SECURITY] = same_text,
    [KEY_MECHANISM] = same_text,
    [KEY_TOPICS] = same_topics,
    [KEY_PROPERTIES] = same_properties,
    [KEY_ORG_TOKENS] = same_org_tokens,
};

const char *config_needs_restart(const struct config *running, const struct config *next)
{
    uint32_t n;
    const struct config_key *key = config_keys(&n);
    const struct key_row *row = key_rows();
    for (uint32_t i = 0; i < n; i++) {
        same_value same = comparers[row[i].type];
        if (!key[i].reloadable && same && !same(running, next, row[i].offset))
            return key[i].path;
    }
    return NULL;
}

static void swap_bytes(void *a, void *b, size_t n)
{
    unsigned char *x = a, *y = b;
    for (size_t i = 0; i < n; i++) {
        unsigned char t = x[i];
        x[i] = y[i];
        y[i] = t;
    }
}

static size_t size_of(enum key_type type)
{
    return type == KEY_FLAG ? sizeof(bool) : type == KEY_LEVEL || type == KEY_TEXT ? sizeof(char *) : sizeof(int64_t);
}

static bool in_definitions(size_t offset)
{
    return offset >= offsetof(struct config, defs) &&
           offset < offsetof(struct config, defs) + sizeof(struct definitions);
}

void config_exchange(struct config *running, struct config *next)
{
    uint32_t n;
    const struct config_key *key = config_keys(&n);
    const struct key_row *row = key_rows();
    next->defs.hash_seed = running->defs.hash_seed;
    for (uint32_t i = 0; i < n; i++)
        if (key[i].reloadable && !in_definitions(row[i].offset))
            swap_bytes((char *)running + row[i].offset, (char *)next + row[i].offset, size_of(row[i].type));
    swap_bytes(&running->defs, &next->defs, sizeof running->defs);
    swap_bytes(&running->n_switches, &next->n_switches, sizeof running->n_switches);
    swap_bytes(&running->switches, &next->switches, sizeof running->switches);
    swap_bytes(&running->booking, &next->booking, sizeof running->booking);
    swap_bytes(&running->sources_hash, &next->sources_hash, sizeof running->sources_hash);
}
