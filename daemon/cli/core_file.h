/* A file of events through the core in one process; refused events are told on standard error with their line. */
#ifndef CRMPULSE_CORE_FILE_H
#define CRMPULSE_CORE_FILE_H

#include "core_run.h"

/* Take every event of `path` ("-": standard input), calling `each` after each one (NULL: nothing). 0, or -1 after saying why, for `command`. */
int core_file_read(struct core_run *r, const char *path, const char *command, int (*each)(void *ctx), void *ctx);

/* Processing time: the wall clock in unix ms. */
int64_t core_file_now_ms(void);

#endif
