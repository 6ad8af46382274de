/* The limit of open files. librdkafka does not say that it has none left: it waits for a connection that never comes. So the daemon raises the soft limit
 * as far as it may, and refuses to start where that is too little. Does not count what is open later. */
#include <sys/resource.h>

#include "daemon/daemon.h"

/* One broker takes 44 at the start: each of three clients (consumer, producer, the one that asks where the group stands) a socket and a pipe for the
 * broker, its bootstrap address and the coordinator. The rest is for a few brokers more; a connection to Redis is one. */
enum { FILES_BASE = 64 };

int open_files_allow(const struct daemon *d)
{
    struct rlimit limit;
    const unsigned long long need = FILES_BASE + (unsigned long long)d->config->redis.shards;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 0;
    if (limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
            return 0;
    }
    if (limit.rlim_cur >= need)
        return 0;
    log_line(&d->log, LOG_ERROR_, "open_files",
             "at most %llu files may be open (ulimit -n, LimitNOFILE=); the daemon needs %llu, and 9 more for each "
             "broker beyond the third",
             (unsigned long long)limit.rlim_cur, need);
    return -1;
}
