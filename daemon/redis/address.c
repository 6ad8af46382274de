/* Parses the address of Redis. Does not resolve names. */
#include "daemon/redis/address.h"

#include <stdlib.h>
#include <string.h>

enum { PORT_DEFAULT = 6379, PORT_MAX = 65535, DB_MAX = 65535 };

/* A decimal number at `text` that ends at `stop` or at the end; -1 if it is none or above max. */
static int number(const char *text, char stop, int max, const char **ret_end)
{
    char *end;
    if (*text < '0' || *text > '9')
        return -1;
    long value = strtol(text, &end, 10);
    *ret_end = end;
    return value <= max && (*end == '\0' || *end == stop) ? (int)value : -1;
}

static int copy(char *to, size_t cap, const char *from, size_t n)
{
    if (n == 0 || n >= cap)
        return -1;
    memcpy(to, from, n);
    to[n] = '\0';
    return 0;
}

static int parse_tcp(const char *p, struct redis_address *ret)
{
    bool bracket = *p == '[';
    const char *host = bracket ? p + 1 : p;
    size_t n = strcspn(host, bracket ? "]" : ":/");
    if (copy(ret->host, sizeof ret->host, host, n) || (bracket && host[n] != ']'))
        return -1;
    p = host + n + (bracket ? 1 : 0);
    if (*p == ':') {
        ret->port = number(p + 1, '/', PORT_MAX, &p);
        if (ret->port < 1)
            return -1;
    }
    if (*p == '/' && p[1]) {
        ret->db = number(p + 1, '\0', DB_MAX, &p);
        if (ret->db < 0)
            return -1;
    }
    return *p == '\0' || strcmp(p, "/") == 0 ? 0 : -1;
}

int redis_address_parse(const char *url, struct redis_address *ret, const char **ret_why)
{
    static const char unix_scheme[] = "unix://", tcp_scheme[] = "redis://", tls_scheme[] = "rediss://";
    *ret = (struct redis_address){ .port = PORT_DEFAULT };
    *ret_why = "redis.url must be unix:///path, redis://host:port/db or rediss://host:port/db";
    if (!url)
        return -1;
    if (strncmp(url, unix_scheme, sizeof unix_scheme - 1) == 0) {
        const char *path = url + sizeof unix_scheme - 1;
        if (*path != '/')
            return -1;
        *ret_why = "redis.url: the path of a unix socket has at most 107 bytes";
        return copy(ret->path, sizeof ret->path, path, strlen(path));
    }
    ret->tls = strncmp(url, tls_scheme, sizeof tls_scheme - 1) == 0;
    if (!ret->tls && strncmp(url, tcp_scheme, sizeof tcp_scheme - 1) != 0)
        return -1;
    if (strchr(url, '@')) {
        *ret_why = "redis.url must not hold a user or password: use redis.user and redis.password_file";
        return -1;
    }
    return parse_tcp(url + (ret->tls ? sizeof tls_scheme : sizeof tcp_scheme) - 1, ret);
}
