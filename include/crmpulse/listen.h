/* The address that a server listens on, as it is written: "127.0.0.1:9400", "[::1]:9400", "localhost:9400" or "unix:/path". Pure parsing: no name is
 * looked up, nothing is opened. */
#ifndef CRMPULSE_LISTEN_H
#define CRMPULSE_LISTEN_H

#include <stdbool.h>
#include <sys/socket.h>

struct listen_address {
    struct sockaddr_storage at;
    socklen_t len;
    bool local; /* a unix socket or a loopback address: nobody else on the network reaches it */
};

/* 0, or -1: it is no such address. */
int listen_parse(const char *text, struct listen_address *ret);

#endif
