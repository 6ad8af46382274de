/* Socket, bind, listen, accept: ours rather than libwebsockets', for the message of what went wrong, the mode of a unix socket and the bound of connections. */
#include "daemon/http/socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "crmpulse/listen.h"

enum { BACKLOG = 128, MODE = 0660 };

/* A socket that a killed daemon left behind answers nobody. */
static void remove_left(const struct listen_address *a)
{
    const struct sockaddr_un *un = (const struct sockaddr_un *)&a->at;
    struct stat st;
    if (lstat(un->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
        return;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&a->at, a->len) < 0 && errno == ECONNREFUSED)
        (void)unlink(un->sun_path);
    if (fd >= 0)
        (void)close(fd);
}

static int bind_it(int fd, const struct listen_address *a)
{
    const int on = 1;
    if (a->at.ss_family == AF_UNIX) {
        const mode_t old = umask((mode_t)(0777 & ~MODE));
        const int rc = bind(fd, (const struct sockaddr *)&a->at, a->len);
        (void)umask(old);
        return rc;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    return bind(fd, (const struct sockaddr *)&a->at, a->len);
}

int http_listen(const char *address, char *why, size_t cap)
{
    struct listen_address a;
    if (listen_parse(address, &a) < 0) {
        snprintf(why, cap, "http.listen: '%s' is no address", address);
        return -1;
    }
    if (a.at.ss_family == AF_UNIX)
        remove_left(&a);
    int fd = socket(a.at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind_it(fd, &a) < 0 || listen(fd, BACKLOG) < 0) {
        snprintf(why, cap, "http.listen: %s: %s", address, strerror(errno));
        if (fd >= 0)
            (void)close(fd);
        return -1;
    }
    return fd;
}

int http_accept_one(int fd)
{
    return accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

void http_unlisten(const char *address, int fd)
{
    struct listen_address a;
    (void)close(fd);
    if (listen_parse(address, &a) == 0 && a.at.ss_family == AF_UNIX)
        (void)unlink(((const struct sockaddr_un *)&a.at)->sun_path);
}
