/* Slots, lists of servers, and the answers of clusters and Sentinels. Opens no connection. */
#include "daemon/redis/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 16384, URL_MAX = 512, PORT_LAST = 65535 };

/* ---- slots -------------------------------------------------------------------------------------------------------------------------------------- */

static uint16_t crc16(const char *p, size_t n)
{
    uint16_t crc = 0;
    for (size_t i = 0; i < n; i++) {
        crc ^= (uint16_t)((unsigned char)p[i] << 8);
        for (int bit = 0; bit < 8; bit++)
            crc = (uint16_t)(crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1);
    }
    return crc;
}

uint32_t redis_slot(struct slice key)
{
    const char *open = key.n ? memchr(key.p, '{', key.n) : NULL;
    size_t rest = open ? key.n - (size_t)(open + 1 - key.p) : 0;
    const char *close = rest ? memchr(open + 1, '}', rest) : NULL;
    if (close && close > open + 1)
        key = (struct slice){ open + 1, (uint32_t)(close - open - 1) };
    return crc16(key.p, key.n) % SLOTS;
}

/* ---- what is configured --------------------------------------------------------------------------------------------------------------------------- */

static int add_given(struct redis_topology *t, const char *url, size_t n, const char **ret_why)
{
    char one[URL_MAX];
    while (n && *url == ' ')
        url++, n--;
    while (n && url[n - 1] == ' ')
        n--;
    if (n >= sizeof one || t->n_given == REDIS_SERVERS_MAX) {
        *ret_why = n >= sizeof one ? "an address of Redis is too long" : "more than 32 addresses of Redis";
        return -1;
    }
    memcpy(one, url, n);
    one[n] = '\0';
    return redis_address_parse(one, &t->given[t->n_given++], ret_why);
}

static int add_all(struct redis_topology *t, const char *urls, const char **ret_why)
{
    if (!urls)
        return add_given(t, "", 0, ret_why);
    for (const char *at = urls;; at++) {
        size_t n = strcspn(at, ",");
        if (add_given(t, at, n, ret_why) < 0)
            return -1;
        at += n;
        if (!*at)
            return 0;
    }
}

static bool same_server(const struct redis_address *a, const struct redis_address *b)
{
    return a->port == b->port && a->db == b->db && strcmp(a->host, b->host) == 0 && strcmp(a->path, b->path) == 0;
}

static int check_given(const struct redis_topology *t, const char **ret_why)
{
    for (uint32_t i = 0; i < t->n_given; i++) {
        const struct redis_address *a = &t->given[i];
        if (t->kind != TOPOLOGY_LIST && (a->path[0] || a->db)) {
            *ret_why = "a cluster or Sentinel is reached by redis:// or rediss://host:port, without a database";
            return -1;
        }
        if (a->tls != t->given[0].tls) {
            *ret_why = "addresses of Redis are either all redis:// or all rediss://";
            return -1;
        }
        for (uint32_t k = 0; t->kind == TOPOLOGY_LIST && k < i; k++)
            if (same_server(a, &t->given[k])) {
                *ret_why = "redis.url names a server twice";
                return -1;
            }
    }
    return 0;
}

int redis_topology_init(struct redis_topology *t, const struct config *config, uint32_t shard, const char **ret_why)
{
    const char *sentinels = config->redis.sentinels;
    char key[32];
    *t = (struct redis_topology){ .shard = shard, .next = shard };
    t->kind = config->redis.cluster ? TOPOLOGY_CLUSTER : sentinels && *sentinels ? TOPOLOGY_SENTINEL : TOPOLOGY_LIST;
    int n = snprintf(key, sizeof key, "cp:{%u}:", shard);
    t->slot = redis_slot((struct slice){ key, (uint32_t)n });
    if (add_all(t, t->kind == TOPOLOGY_SENTINEL ? sentinels : config->redis.url, ret_why) < 0)
        return -1;
    return check_given(t, ret_why);
}

void redis_topology_place(const struct redis_topology *t, char *to, size_t cap)
{
    uint32_t n = t->kind == TOPOLOGY_LIST ? t->n_given : 1;
    snprintf(to, cap, "%u/%u", t->shard % n, n);
    if (t->kind == TOPOLOGY_CLUSTER)
        *to = '\0';
}

/* ---- whom to connect to --------------------------------------------------------------------------------------------------------------------------- */

bool redis_topology_next(struct redis_topology *t, struct redis_address *ret)
{
    if (t->kind == TOPOLOGY_LIST) {
        *ret = t->given[t->shard % t->n_given];
        return false;
    }
    if (t->has_target) {
        t->has_target = false;
        *ret = t->target;
        return false;
    }
    /* The learned ones first: they are those the cluster has now. */
    uint32_t i = t->next++ % (t->n_learned + t->n_given);
    *ret = i < t->n_learned ? t->learned[i] : t->given[i - t->n_learned];
    return t->kind == TOPOLOGY_SENTINEL;
}

bool redis_topology_may_follow(struct redis_topology *t)
{
    return t->redirects++ < REDIS_REDIRECTS_MAX;
}

void redis_topology_settled(struct redis_topology *t)
{
    t->redirects = 0;
    t->has_target = false;
}

/* ---- answers ------------------------------------------------------------------------------------------------------------------------------------ */

/* Neither blanks nor control bytes, nor a NUL, which would end it early. */
static bool is_host(struct slice host)
{
    for (uint32_t i = 0; i < host.n; i++)
        if ((unsigned char)host.p[i] <= ' ' || host.p[i] == 0x7f)
            return false;
    return host.n > 0;
}

/* An empty host, "?" or none means: the one that was asked. The scheme is that of the configuration. */
static int address_of(const struct redis_topology *t, struct slice host, int64_t port, const struct redis_address *here,
                      struct redis_address *ret)
{
    *ret = (struct redis_address){ .port = (int)port, .tls = t->given[0].tls };
    if (host.n == 0 || slice_eq(host, SLICE("?")))
        host = here ? slice_of(here->host) : host;
    if (!host.p || !is_host(host) || host.n >= sizeof ret->host || port < 1 || port > PORT_LAST)
        return -1;
    memcpy(ret->host, host.p, host.n);
    return 0;
}

static enum redis_whither go_there(struct redis_topology *t, const struct redis_address *to)
{
    t->target = *to;
    t->has_target = true;
    return WHITHER_THERE;
}

/* A node in CLUSTER SLOTS is (host, port, id, ..). */
static int read_node(const struct redis_topology *t, const redisReply *node, const struct redis_address *here,
                     struct redis_address *ret)
{
    if (node->type != REDIS_REPLY_ARRAY || node->elements < 2 || node->element[1]->type != REDIS_REPLY_INTEGER)
        return -1;
    const redisReply *host = node->element[0];
    struct slice name =
        host->type == REDIS_REPLY_STRING ? (struct slice){ host->str, (uint32_t)host->len } : (struct slice){ 0 };
    return address_of(t, name, node->element[1]->integer, here, ret);
}

static void learn(struct redis_topology *t, const struct redis_address *a)
{
    for (uint32_t i = 0; i < t->n_learned; i++)
        if (same_server(&t->learned[i], a))
            return;
    if (t->n_learned < REDIS_SERVERS_MAX)
        t->learned[t->n_learned++] = *a;
}

/* A range is (first slot, last slot, primary, replicas ..). */
static bool is_range(const redisReply *range)
{
    return range->type == REDIS_REPLY_ARRAY && range->elements >= 3 && range->element[0]->type == REDIS_REPLY_INTEGER &&
           range->element[1]->type == REDIS_REPLY_INTEGER;
}

enum redis_whither redis_topology_slots(struct redis_topology *t, const redisReply *reply,
                                        const struct redis_address *here)
{
    struct redis_address node, owner;
    bool found = false;
    if (reply->type != REDIS_REPLY_ARRAY || !reply->elements)
        return WHITHER_NOWHERE;
    t->n_learned = 0;
    for (size_t i = 0; i < reply->elements; i++) {
        const redisReply *range = reply->element[i];
        if (!is_range(range))
            continue;
        for (size_t k = 2; k < range->elements; k++) {
            if (read_node(t, range->element[k], here, &node) < 0)
                continue;
            learn(t, &node);
            if (k == 2 && range->element[0]->integer <= t->slot && t->slot <= range->element[1]->integer) {
                owner = node;
                found = true;
            }
        }
    }
    if (!found)
        return WHITHER_NOWHERE;
    return same_server(&owner, here) ? WHITHER_HERE : go_there(t, &owner);
}

enum redis_whither redis_topology_master(struct redis_topology *t, const redisReply *reply)
{
    struct redis_address a;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 || reply->element[0]->type != REDIS_REPLY_STRING ||
        reply->element[1]->type != REDIS_REPLY_STRING)
        return WHITHER_NOWHERE;
    const struct slice host = { reply->element[0]->str, (uint32_t)reply->element[0]->len };
    if (address_of(t, host, strtol(reply->element[1]->str, NULL, 10), NULL, &a) < 0)
        return WHITHER_NOWHERE;
    return go_there(t, &a);
}

enum redis_whither redis_topology_moved(struct redis_topology *t, const char *error, const struct redis_address *here)
{
    struct redis_address a;
    const char *slot = strchr(error, ' '), *host = slot ? strchr(slot + 1, ' ') : NULL;
    const char *colon = host ? strrchr(host, ':') : NULL; /* the host may be an IPv6 address */
    if (!colon || strncmp(error, "MOVED ", 6) != 0)
        return WHITHER_NOWHERE;
    host++;
    if (address_of(t, (struct slice){ host, (uint32_t)(colon - host) }, strtol(colon + 1, NULL, 10), here, &a) < 0)
        return WHITHER_NOWHERE;
    return go_there(t, &a);
}
