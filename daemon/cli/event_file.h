/* Events from NDJSON files, plain or gzip, line by line. */
#ifndef CRMPULSE_EVENT_FILE_H
#define CRMPULSE_EVENT_FILE_H

#include "crmpulse/slice.h"

struct event_file;

/* "-" is standard input. NULL if it cannot be opened (errno). Gzip is recognised by its first bytes. */
struct event_file *event_file_open(const char *path);
void event_file_close(struct event_file *f);

/* The next line without its newline, borrowed until the next call; blank lines are passed over. 1, 0 at the end, -1 on a read error or a line over 1 MiB. */
int event_file_next(struct event_file *f, struct slice *ret_line);
uint64_t event_file_line(const struct event_file *f); /* 1-based number of the line handed out last */

#endif
