/* Lines of a file, one event each. What is done with the results is the caller's business. */
#include "core_file.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "event_file.h"

int64_t core_file_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void complain(const char *path, uint64_t line, const char *why, const char *field)
{
    fprintf(stderr, "%s:%llu: %s%s%s\n", path, (unsigned long long)line, why, *field ? ": " : "", field);
}

static int take(struct core_run *r, struct slice text, const char *path, uint64_t line)
{
    struct core_verdict v;
    if (core_run_take(r, text, &v) < 0)
        return -1;
    if (v.why != REJECT_NONE)
        complain(path, line, event_reject_name(v.why),
                 v.field < EVENT_FIELD_COUNT ? event_field_info(v.field)->name : "");
    return 0;
}

int core_file_read(struct core_run *r, const char *path, const char *command, int (*each)(void *ctx), void *ctx)
{
    struct event_file *f = event_file_open(path);
    struct slice line;
    int rc, more = 0;
    if (!f) {
        fprintf(stderr, "crmpulse %s: %s: %s\n", command, path, strerror(errno));
        return -1;
    }
    for (rc = 0; rc == 0 && (more = event_file_next(f, &line)) > 0;) {
        rc = take(r, line, path, event_file_line(f));
        if (rc == 0 && each)
            rc = each(ctx);
    }
    if (more < 0) {
        complain(path, event_file_line(f) + 1, "cannot be read (damaged, or a line over 1 MiB)", "");
        rc = -1;
    }
    event_file_close(f);
    return rc;
}
