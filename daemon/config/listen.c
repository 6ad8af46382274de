/* Addresses to listen on: numbers only, since a name would have to be looked up. */
#include "crmpulse/listen.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

enum { HOST_MAX = 64, PORT_DIGITS_MAX = 5, PORT_MAX = 65535 };

static int parse_unix(const char *path, struct listen_address *ret)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&ret->at;
    size_t n = strlen(path);
    if (*path != '/' || n >= sizeof un->sun_path)
        return -1;
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path, n + 1);
    ret->len = sizeof *un;
    ret->local = true;
    return 0;
}

static int parse_port(const char *text, in_port_t *ret)
{
    size_t n = strlen(text);
    if (n == 0 || n > PORT_DIGITS_MAX || strspn(text, "0123456789") != n)
        return -1;
    long port = strtol(text, NULL, 10);
    if (port < 1 || port > PORT_MAX)
        return -1;
    *ret = htons((uint16_t)port);
    return 0;
}

static int parse_v4(const char *host, in_port_t port, struct listen_address *ret)
{
    struct sockaddr_in *in = (struct sockaddr_in *)&ret->at;
    in->sin_family = AF_INET;
    in->sin_port = port;
    ret->len = sizeof *in;
    if (inet_pton(AF_INET, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, &in->sin_addr) != 1)
        return -1;
    ret->local = ntohl(in->sin_addr.s_addr) >> 24 == 127;
    return 0;
}

static int parse_v6(const char *host, in_port_t port, struct listen_address *ret)
{
    struct sockaddr_in6 *in = (struct sockaddr_in6 *)&ret->at;
    in->sin6_family = AF_INET6;
    in->sin6_port = port;
    ret->len = sizeof *in;
    if (inet_pton(AF_INET6, host, &in->sin6_addr) != 1)
        return -1;
    ret->local = IN6_IS_ADDR_LOOPBACK(&in->sin6_addr);
    return 0;
}

int listen_parse(const char *text, struct listen_address *ret)
{
    char host[HOST_MAX];
    in_port_t port;
    *ret = (struct listen_address){ 0 };
    if (strncmp(text, "unix:", 5) == 0)
        return parse_unix(text + 5, ret);
    const char *colon = strrchr(text, ':');
    if (!colon || parse_port(colon + 1, &port) < 0 || (size_t)(colon - text) >= sizeof host)
        return -1;
    size_t n = (size_t)(colon - text);
    const bool v6 = n >= 2 && text[0] == '[' && text[n - 1] == ']';
    memcpy(host, text + v6, n - 2 * (size_t)v6);
    host[n - 2 * (size_t)v6] = 0;
    return v6 ? parse_v6(host, port, ret) : parse_v4(host, port, ret);
}
