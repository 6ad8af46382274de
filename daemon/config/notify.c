/* notify.receivers: who is told of alerts. Reads and checks; opens no connection and reads no secret. */
#include "crmpulse/notify.h"

#include <stdlib.h>

#include "loader.h"

enum { RECEIVERS_MAX = 16 };

static const char *const kinds[] = {
    [NOTIFY_ALERTMANAGER] = "alertmanager", [NOTIFY_WEBHOOK] = "webhook", [NOTIFY_SLACK] = "slack", NULL
};
static const char *const levels[] = {
    [NOTIFY_INFO] = "info", [NOTIFY_WARNING] = "warning", [NOTIFY_CRITICAL] = "critical", NULL
};

const char *notify_kind_name(enum notify_kind kind)
{
    return kinds[kind];
}

const char *notify_level_name(enum notify_level level)
{
    return levels[level];
}

/* ---- where to ---------------------------------------------------------------------------------------------------------------------------------- */

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static bool good_url(const char *url)
{
    const char *host = begins(url, "https://") ? url + 8 : begins(url, "http://") ? url + 7 : "";
    return *host && *host != '/' && strcspn(url, " \t\r\n#?") == strlen(url);
}

/* The part between // and the path. */
static bool has_user(const char *url)
{
    const char *host = strstr(url, "//");
    return host && memchr(host + 2, '@', strcspn(host + 2, "/"));
}

static bool leaves_machine(const char *url)
{
    return begins(url, "http://") && !begins(url + 7, "127.") && !begins(url + 7, "localhost") &&
           !begins(url + 7, "[::1]");
}

static void check_url(struct loader *l, const struct node *at, const struct notify_receiver *r)
{
    if (has_user(r->url))
        report(l, at, "a URL must not hold a user or password: use user and password_file, or url_file");
    else if (!good_url(r->url))
        report(l, at,
               "expected http://host[:port][/path] or https://.., without a query: a secret URL comes from url_file");
    else if (leaves_machine(r->url) && (r->token_file || r->password_file))
        report_warning(l, at, "a token or password over http://: whoever sees the network sees it");
}

static void check_place(struct loader *l, const struct node *key, const struct notify_receiver *r)
{
    const struct node *url = node_get(key->value, "url");
    if (!r->url == !r->url_file)
        report(l, key, "receiver '%s' needs url or url_file, one of them", key->text.p);
    else if (r->url)
        check_url(l, url, r);
    if (r->token_file && r->user)
        report(l, key, "receiver '%s' has a token and a user: only one can be sent", key->text.p);
    if (!r->user != !r->password_file)
        report(l, key, "receiver '%s': user and password_file need each other", key->text.p);
}

/* ---- what of ----------------------------------------------------------------------------------------------------------------------------------- */

static void load_levels(struct loader *l, const struct node *n, struct notify_receiver *r)
{
    int i;
    if (!want_list(l, n, "a list of levels"))
        return;
    r->levels = 0;
    for (const struct node *at = n->first; at; at = at->next)
        if ((i = value_choice(l, at, levels, "level")) >= 0)
            r->levels |= 1u << i;
    if (!n->first)
        report(l, n, "at least one level is needed");
}

static bool is_listed(struct loader *l, enum section_id section, const struct node *at)
{
    /* Without a list of orgs any may come. */
    if (section == SECTION_ORGS && (!l->section[section].n || section_find(l, section, SLICE("*"))))
        return true;
    return section_index(l, section, at, section == SECTION_ORGS ? "org" : "rule") >= 0;
}

static void load_names(struct loader *l, const struct node *n, enum section_id section, char ***ret, uint32_t *ret_n)
{
    uint32_t cap = 0;
    struct slice text;
    if (!want_list(l, n, section == SECTION_ORGS ? "a list of orgs" : "a list of rules"))
        return;
    for (const struct node *at = n->first; at; at = at->next)
        cap++;
    *ret = calloc((size_t)cap + 1, sizeof **ret);
    if (!*ret) {
        report_memory(l);
        return;
    }
    for (const struct node *at = n->first; at; at = at->next)
        if (value_text(l, at, &text) && is_listed(l, section, at))
            (*ret)[(*ret_n)++] = copy_text(l, text);
}

/* ---- one receiver ------------------------------------------------------------------------------------------------------------------------------ */

static void load_texts(struct loader *l, const struct node *map, struct notify_receiver *r)
{
    const struct {
        const char *key;
        char **to;
    } rows[] = {
        { "url", &r->url },   { "url_file", &r->url_file },           { "token_file", &r->token_file },
        { "user", &r->user }, { "password_file", &r->password_file }, { "ca_file", &r->ca_file },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct slice text;
        const struct node *n = node_get(map, rows[i].key);
        if (!n || !value_text(l, n, &text))
            continue;
        if (text.n)
            *rows[i].to = copy_text(l, text);
        else
            report(l, n, "'%s' must not be empty", rows[i].key);
    }
}

static void load_receiver(struct loader *l, const struct node *key, struct notify_receiver *r)
{
    static const char *const known[] = { "kind",          "url",        "url_file", "token_file", "user",
                                         "password_file", "ca_file",    "levels",   "rules",      "orgs",
                                         "resolved",      "historical", "rate",     NULL };
    const struct node *map = key->value, *n;
    int kind;
    if (!want_map(l, map, "a receiver"))
        return;
    check_keys(l, map, known, "a receiver");
    r->levels = (1u << NOTIFY_LEVEL_COUNT) - 1;
    r->resolved = true;
    if ((n = require(l, key, map, "kind")) && (kind = value_choice(l, n, kinds, "kind of receiver")) >= 0)
        r->kind = (enum notify_kind)kind;
    r->rate = r->kind == NOTIFY_SLACK ? 1 : 0;
    load_texts(l, map, r);
    check_place(l, key, r);
    if ((n = node_get(map, "levels")))
        load_levels(l, n, r);
    if ((n = node_get(map, "rules")))
        load_names(l, n, SECTION_RULES, &r->rule, &r->n_rules);
    if ((n = node_get(map, "orgs")))
        load_names(l, n, SECTION_ORGS, &r->org, &r->n_orgs);
    if ((n = node_get(map, "resolved")))
        value_flag(l, n, &r->resolved);
    if ((n = node_get(map, "historical")))
        value_flag(l, n, &r->historical);
    if ((n = node_get(map, "rate")) && value_double(l, n, &r->rate) && (r->rate < 0 || r->rate > 1000))
        report(l, n, "rate is 0 (no limit) to 1000 requests a second");
}

static void check_times(struct loader *l)
{
    const struct config *c = l->config;
    const struct node *at = keys_given_at(l, "notify", "retry_min");
    at = at ? at : keys_given_at(l, "notify", "retry_max");
    if (at && c->notify.retry_min_ms > c->notify.retry_max_ms)
        report(l, at, "notify.retry_min must not exceed notify.retry_max");
    at = keys_given_at(l, "notify", "external_url");
    if (at && *c->notify.external_url && !good_url(c->notify.external_url))
        report(l, at, "expected http://host[:port][/path] or https://.., without a query");
}

void notify_load(struct loader *l)
{
    uint32_t n = 0;
    check_times(l);
    if (!l->receivers)
        return;
    for (const struct node *k = l->receivers->first; k; k = k->next)
        n++;
    struct notify_receivers *all = l->config->notify.receivers = calloc(1, sizeof *all);
    if (all)
        all->v = calloc((size_t)n + 1, sizeof *all->v);
    if (!all || !all->v) {
        report_memory(l);
        return;
    }
    for (const struct node *k = l->receivers->first; k; k = k->next) {
        if (!plain_id(k->text))
            report(l, k, "'%s' is no name: lower case letters, digits and _, at most 64, first a letter", k->text.p);
        if (all->n == RECEIVERS_MAX) {
            report(l, k, "more than %d receivers", RECEIVERS_MAX);
            return;
        }
        all->v[all->n].name = copy_text(l, k->text);
        load_receiver(l, k, &all->v[all->n++]);
    }
}

void notify_receivers_free(struct notify_receivers *r)
{
    for (uint32_t i = 0; r && i < r->n; i++) {
        struct notify_receiver *v = &r->v[i];
        char *const texts[] = { v->name, v->url, v->url_file, v->token_file, v->user, v->password_file, v->ca_file };
        for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
            free(texts[k]);
        for (uint32_t k = 0; k < v->n_rules; k++)
            free(v->rule[k]);
        for (uint32_t k = 0; k < v->n_orgs; k++)
            free(v->org[k]);
        free(v->rule);
        free(v->org);
    }
    if (r)
        free(r->v);
    free(r);
}
