/* The listening socket. */
#ifndef CRMPULSE_HTTP_SOCKET_H
#define CRMPULSE_HTTP_SOCKET_H

#include <stddef.h>

/* Binds and listens, not blocking. A unix socket gets mode 0660; one that was left behind and nobody listens on is replaced. The descriptor, or -1 with a sentence. */
int http_listen(const char *address, char *why, size_t cap);
/* The next connection, or -1: there is none now. */
int http_accept_one(int fd);
/* Closes it, and removes its name if it has one. */
void http_unlisten(const char *address, int fd);

#endif
