/* Where Redis is: "unix:///path", "redis://host[:port][/db]" or, with TLS, "rediss://..". User and password do not belong here: they come from the configuration and a file. */
#ifndef CRMPULSE_REDIS_ADDRESS_H
#define CRMPULSE_REDIS_ADDRESS_H

#include <stdbool.h>

struct redis_address {
    char path[108]; /* of a unix socket; empty: TCP */
    char host[256]; /* name or numeric address, without the brackets of IPv6 */
    int port;
    int db;
    bool tls;
};

/* 0, or -1 with a sentence in *ret_why (static text). */
int redis_address_parse(const char *url, struct redis_address *ret, const char **ret_why);

#endif
