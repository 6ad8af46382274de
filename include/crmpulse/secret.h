/* Passwords, which come from files only: never from a configuration value, an argument or the environment.
 *
 * A name is the path of a file, or "credential:NAME": the file NAME that systemd put into $CREDENTIALS_DIRECTORY (LoadCredential=). Read anew at each
 * use, so that a changed password needs no restart. Messages name the file, never what is in it. */
#ifndef CRMPULSE_SECRET_H
#define CRMPULSE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

enum { SECRET_MAX = 512 };

struct secret {
    char text[SECRET_MAX]; /* its first line, without the line's end */
};

/* Anything to read? A name of NULL or "" means no secret. */
bool secret_named(const char *name);

/* The first line of the file. 0, or -1 with a sentence in `why`: not readable, empty, too long, or open to everybody (mode o+rwx). */
int secret_read(const char *name, struct secret *ret, char *why, size_t cap);

/* In a way that no optimiser removes. */
void secret_wipe(struct secret *secret);

#endif
