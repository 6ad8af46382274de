/* Any text as a case of `crmpulse test`: read, and if it is one, run. Only cases without the catalogue and without includes: the former for speed,
 * the latter because they would open files. */
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

#include "daemon/cli/test_case.h"
#include "daemon/cli/test_run.h"

enum { EVENTS_MAX = 200 };

static bool contains(const uint8_t *bytes, size_t n, const char *word)
{
    return memmem(bytes, n, word, strlen(word)) != NULL;
}

static void on_failure(void *ctx, const struct test_failure *f)
{
    (void)ctx;
    FUZZ_CHECK(memchr(f->expected, 0, sizeof f->expected) && memchr(f->got, 0, sizeof f->got));
}

static void run(const char *path)
{
    struct test_case c;
    struct config_problems problems = { 0 };
    struct test_report report = { .failure = on_failure };
    if (test_case_load(&c, path, &problems) == 0 && c.config && c.n_events <= EVENTS_MAX)
        (void)test_run(&c, &report);
    test_case_release(&c);
    config_problems_release(&problems);
}

int fuzz_one(const uint8_t *bytes, size_t n)
{
    char path[64];
    if (!contains(bytes, n, "catalogue: none") || contains(bytes, n, "include"))
        return 0;
    int fd = memfd_create("case", MFD_CLOEXEC);
    FUZZ_CHECK(fd >= 0 && write(fd, bytes, n) == (ssize_t)n);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    run(path);
    (void)close(fd);
    return 0;
}
