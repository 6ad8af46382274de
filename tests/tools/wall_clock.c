/* A wall clock that can be set for one process, to be preloaded: CLOCK_REALTIME is off by the seconds that the file WALL_CLOCK_SHIFT holds as an int64 of this
 * machine; whoever writes there sets the clock, at once. Monotonic clocks and waits take the time they take, as when the clock of a machine is set.
 * (Debian's libfaketime leaves timespec_get and C11's cnd_timedwait as they are; librdkafka waits by these.) */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

enum { YEAR_2001 = 1000000000 }; /* a deadline before it is not of the wall clock */

static const volatile int64_t *shift;
static int (*real_timedwait)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
static int (*real_cnd_timedwait)(cnd_t *, mtx_t *, const struct timespec *);

static __attribute__((constructor)) void begin(void)
{
    const char *path = getenv("WALL_CLOCK_SHIFT");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *at = fd >= 0 ? mmap(NULL, sizeof *shift, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
    if (fd >= 0)
        close(fd);
    if (at == MAP_FAILED)
        abort();
    shift = at;
    *(void **)&real_timedwait = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
    if (!real_timedwait)
        *(void **)&real_timedwait = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
    *(void **)&real_cnd_timedwait = dlsym(RTLD_NEXT, "cnd_timedwait");
}

static int64_t off(void)
{
    return shift ? *shift : 0;
}

int clock_gettime(clockid_t clock, struct timespec *ret)
{
    int rc = (int)syscall(SYS_clock_gettime, clock, ret);
    if (rc == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        ret->tv_sec += off();
    return rc;
}

int timespec_get(struct timespec *ret, int base)
{
    return base == TIME_UTC && clock_gettime(CLOCK_REALTIME, ret) == 0 ? base : 0;
}

int gettimeofday(struct timeval *restrict ret, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    int rc = clock_gettime(CLOCK_REALTIME, &now);
    *ret = (struct timeval){ now.tv_sec, now.tv_nsec / 1000 };
    return rc;
}

time_t time(time_t *ret)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (ret)
        *ret = now.tv_sec;
    return now.tv_sec;
}

/* In the kernel the clock was never set: it is told a deadline of the wall clock in its own terms. A jump does not reach who waits already. */
static struct timespec in_kernel_terms(const struct timespec *until)
{
    struct timespec own = *until;
    if (own.tv_sec > YEAR_2001)
        own.tv_sec -= off();
    return own;
}

int pthread_cond_timedwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict until)
{
    struct timespec own = in_kernel_terms(until);
    return real_timedwait(cond, mutex, &own);
}

int cnd_timedwait(cnd_t *restrict cond, mtx_t *restrict mutex, const struct timespec *restrict until)
{
    struct timespec own = in_kernel_terms(until);
    return real_cnd_timedwait(cond, mutex, &own);
}
