/* Reads a secret from its file. Keeps nothing. */
#include "crmpulse/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char scheme[] = "credential:";

bool secret_named(const char *name)
{
    return name && *name;
}

void secret_wipe(struct secret *secret)
{
    explicit_bzero(secret, sizeof *secret);
}

/* The file that a name means; NULL with the reason. */
static const char *path_of(const char *name, char path[static PATH_MAX], char *why, size_t cap)
{
    if (strncmp(name, scheme, sizeof scheme - 1) != 0)
        return name;
    const char *directory = getenv("CREDENTIALS_DIRECTORY"), *file = name + sizeof scheme - 1;
    if (!directory || !*directory)
        snprintf(why, cap, "%s: there is no $CREDENTIALS_DIRECTORY (set by systemd with LoadCredential=)", name);
    else if (!*file || strchr(file, '/') || *file == '.')
        snprintf(why, cap, "%s: that is no name of a credential", name);
    else if (snprintf(path, PATH_MAX, "%s/%s", directory, file) >= PATH_MAX)
        snprintf(why, cap, "%s: the path is too long", name);
    else
        return path;
    return NULL;
}

/* -1 with errno, or with *ret_why. */
static int open_private(const char *path, const char **ret_why)
{
    struct stat is;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    *ret_why = NULL;
    if (fd < 0 || fstat(fd, &is) != 0)
        *ret_why = strerror(errno);
    else if (!S_ISREG(is.st_mode))
        *ret_why = "it is no regular file";
    else if (is.st_mode & S_IRWXO)
        *ret_why = "everybody may use it; take that right away (chmod o=)";
    if (fd >= 0 && *ret_why) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* Room for one byte more than a secret may have tells a longer one. */
static const char *read_line(int fd, struct secret *ret)
{
    size_t n = 0;
    ssize_t got = 1;
    while (got > 0 && n < sizeof ret->text) {
        got = read(fd, ret->text + n, sizeof ret->text - n);
        if (got < 0 && errno != EINTR)
            return strerror(errno);
        n += got > 0 ? (size_t)got : 0;
    }
    size_t line = 0;
    while (line < n && ret->text[line] != '\n' && ret->text[line] != '\r' && ret->text[line])
        line++;
    if (line == sizeof ret->text)
        return "it is too long";
    ret->text[line] = '\0';
    return line ? NULL : "it is empty";
}

int secret_read(const char *name, struct secret *ret, char *why, size_t cap)
{
    char buffer[PATH_MAX];
    const char *reason;
    const char *path = path_of(name, buffer, why, cap);
    if (!path)
        return -1;
    int fd = open_private(path, &reason);
    if (fd >= 0) {
        reason = read_line(fd, ret);
        close(fd);
    }
    if (!reason)
        return 0;
    secret_wipe(ret);
    snprintf(why, cap, "%s: %s", name, reason);
    return -1;
}
