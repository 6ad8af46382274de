/* process_*: what the operating system says of this process. Linux only: /proc. */
#include <math.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "daemon/http/metrics.h"

enum { STAT_MAX = 1024, FIELD_THREADS = 20, FIELD_VIRTUAL = 23, FIELD_RESIDENT = 24, FIELD_FIRST = 3 };

static double cpu_seconds(void)
{
    struct rusage u;
    if (getrusage(RUSAGE_SELF, &u) < 0)
        return NAN;
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* Itself and "." and ".." not counted. */
static double open_files(void)
{
    DIR *d = opendir("/proc/self/fd");
    double n = -3;
    if (!d)
        return NAN;
    while (readdir(d))
        n++;
    (void)closedir(d);
    return n;
}

static double max_files(void)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_NOFILE, &limit) < 0 ? NAN
           : limit.rlim_cur == RLIM_INFINITY    ? INFINITY
                                                : (double)limit.rlim_cur;
}

static bool read_stat(char buf[STAT_MAX])
{
    int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, buf, STAT_MAX - 1);
    (void)close(fd);
    buf[n > 0 ? n : 0] = 0;
    return n > 0;
}

/* Field `wanted` of /proc/self/stat as man 5 proc counts them; the name in brackets may hold anything. */
static double stat_field(const char *stat, int wanted)
{
    const char *p = strrchr(stat, ')');
    if (!p || !p[1])
        return NAN;
    p += 2;
    for (int i = FIELD_FIRST; i < wanted && p; i++) {
        p = strchr(p, ' ');
        p = p ? p + 1 : NULL;
    }
    return p ? strtod(p, NULL) : NAN;
}

static void one(struct metric_writer *w, const char *name, const char *unit, enum metric_type type, const char *help,
                double v)
{
    const struct metric m = { name, unit, help, type };
    if (isnan(v))
        return;
    metric_begin(w, &m);
    metric_sample(w, NULL, 0, v);
}

void process_metrics_write(struct metric_writer *w, const struct status *s)
{
    char stat[STAT_MAX] = "";
    const double page = (double)sysconf(_SC_PAGESIZE);
    const bool known = read_stat(stat);
    one(w, "process_cpu_seconds", "seconds", METRIC_COUNTER, "Processor time, user and system.", cpu_seconds());
    one(w, "process_open_fds", "", METRIC_GAUGE, "Open file descriptors.", open_files());
    one(w, "process_max_fds", "", METRIC_GAUGE, "Limit of open file descriptors.", max_files());
    one(w, "process_virtual_memory_bytes", "bytes", METRIC_GAUGE, "Virtual memory.",
        known ? stat_field(stat, FIELD_VIRTUAL) : NAN);
    one(w, "process_resident_memory_bytes", "bytes", METRIC_GAUGE, "Resident memory.",
        known ? stat_field(stat, FIELD_RESIDENT) * page : NAN);
    one(w, "process_threads", "", METRIC_GAUGE, "Threads.", known ? stat_field(stat, FIELD_THREADS) : NAN);
    if (s)
        one(w, "process_start_time_seconds", "seconds", METRIC_GAUGE, "When the daemon started.",
            (double)s->started_ms / 1000.0);
}
