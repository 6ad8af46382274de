/* The demo's other processes and its directory. Each has its own process group, so that Ctrl-C reaches the display only, which ends them in order;
 * should the display die, the kernel kills them and the keeper removes what they leave. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "demo.h"
#include "embedded_config.h"
#include "progress.h"

enum { STOP_MS = 5000, LOOK_MS = 10, KEEPER_LATE_MS = 300, EXEC_FAILED = 127 };

static const char *const part_name[DEMO_PARTS] = { "redis-server", "feed", "daemon" };

/* Everything that the demo leaves in its directory. */
static const char *const file_names[] = { "redis.sock", "demo.yaml", "redis-server.log", "feed.log", "daemon.log" };

const char *demo_part_name(enum demo_part part)
{
    return part_name[part];
}

const char *demo_file(struct demo *d, const char *name)
{
    snprintf(d->file, sizeof d->file, "%s/%s", d->dir, name);
    return d->file;
}

static void wait_ms(int64_t ms)
{
    const struct timespec t = { ms / 1000, ms % 1000 * 1000000 };
    (void)nanosleep(&t, NULL);
}

/* ---- the directory and its keeper ---- */

static void remove_directory(struct demo *d)
{
    for (size_t i = 0; i < sizeof file_names / sizeof file_names[0]; i++)
        (void)unlink(demo_file(d, file_names[i]));
    (void)rmdir(d->dir);
}

/* Reads until the display's end of the pipe is closed: on purpose, or because it is gone. */
static _Noreturn void keep(struct demo *d, int fd, pid_t display)
{
    char byte;
    (void)setpgid(0, 0);
    while (read(fd, &byte, 1) < 0 && errno == EINTR)
        ;
    if (getppid() != display)
        wait_ms(KEEPER_LATE_MS); /* the others are being killed: let them be gone before their files */
    remove_directory(d);
    _exit(0);
}

static int start_keeper(struct demo *d)
{
    int fds[2];
    pid_t display = getpid();
    if (pipe2(fds, O_CLOEXEC) < 0)
        return -1;
    d->keeper = fork();
    if (d->keeper == 0) {
        close(fds[1]);
        signal(SIGPIPE, SIG_IGN);
        keep(d, fds[0], display);
    }
    close(fds[0]);
    d->keeper_fd = fds[1];
    return d->keeper < 0 ? -1 : 0;
}

static int write_config(struct demo *d)
{
    const struct embedded_file *f = embedded_config;
    while (f->name && strcmp(f->name, "examples/demo.yaml") != 0)
        f++;
    FILE *to = f->name ? fopen(demo_file(d, "demo.yaml"), "we") : NULL;
    if (!f->name)
        errno = ENOENT;
    if (!to)
        return -1;
    bool ok = fwrite(f->bytes, 1, f->len, to) == f->len;
    return fclose(to) == 0 && ok ? 0 : -1;
}

int demo_directory(struct demo *d)
{
    const char *tmp = getenv("TMPDIR");
    d->keeper_fd = -1;
    /* a unix socket's path has little room */
    snprintf(d->dir, sizeof d->dir, "%s/crmpulse-demo-XXXXXX", tmp && *tmp && strlen(tmp) < 36 ? tmp : "/tmp");
    if (!mkdtemp(d->dir)) {
        d->dir[0] = '\0';
        return -1;
    }
    if (start_keeper(d) < 0) {
        d->keeper = 0;
        return -1;
    }
    return write_config(d);
}

/* ---- parts ---- */

static void run_redis(struct demo *d)
{
    execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", demo_file(d, "redis.sock"),
           "--unixsocketperm", "700", "--dir", d->dir, "--save", "", "--appendonly", "no", "--maxmemory-policy",
           "noeviction", "--daemonize", "no", (char *)NULL);
    fprintf(stderr, "redis-server cannot be started: %s\n", strerror(errno));
}

static void run_daemon(struct demo *d)
{
    char http[160], brokers[192], redis[128], config[96];
    snprintf(config, sizeof config, "%s", demo_file(d, "demo.yaml"));
    snprintf(redis, sizeof redis, "redis.url=unix://%s", demo_file(d, "redis.sock"));
    snprintf(brokers, sizeof brokers, "kafka.brokers=%s", d->shared->brokers);
    snprintf(http, sizeof http, "http.listen=\"%s\"", d->args.http ? d->args.http : "");
    execl("/proc/self/exe", "crmpulse", "run", "--config", config, "--set", redis, "--set", brokers, "--set", http,
          (char *)NULL);
    fprintf(stderr, "the daemon cannot be started: %s\n", strerror(errno));
}

static void run_feed(struct demo *d)
{
    if (d->keeper_fd >= 0)
        close(d->keeper_fd); /* else the keeper would wait for us too */
    _exit(demo_feed(&d->args, d->shared));
}

/* In the child: nothing of the terminal's, and no life after the display's. */
static int become_child(struct demo *d, enum demo_part part, pid_t display)
{
    char name[32];
    sigset_t none;
    sigemptyset(&none);
    snprintf(name, sizeof name, "%s.log", part_name[part]);
    int in = open("/dev/null", O_RDONLY), out = open(demo_file(d, name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
        return -1;
    close(in);
    close(out);
    (void)setpgid(0, 0);
    if (sigprocmask(SIG_SETMASK, &none, NULL) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return -1;
    return getppid() == display ? 0 : -1; /* it may have died before prctl */
}

int demo_start(struct demo *d, enum demo_part part)
{
    static void (*const run[DEMO_PARTS])(struct demo * d) = { run_redis, run_feed, run_daemon };
    pid_t display = getpid(), pid = fork();
    if (pid == 0) {
        if (become_child(d, part, display) == 0)
            run[part](d);
        _exit(EXEC_FAILED);
    }
    d->pid[part] = pid < 0 ? 0 : pid;
    return pid < 0 ? -1 : 0;
}

int demo_ended(struct demo *d)
{
    int ended = -1;
    for (int part = 0; part < DEMO_PARTS; part++)
        if (d->pid[part] && waitpid(d->pid[part], NULL, WNOHANG) == d->pid[part]) {
            d->pid[part] = 0;
            ended = part;
        }
    return ended;
}

static void stop_part(struct demo *d, enum demo_part part)
{
    int64_t deadline_ms = progress_clock_ms() + STOP_MS;
    if (!d->pid[part])
        return;
    (void)kill(d->pid[part], SIGTERM);
    while (waitpid(d->pid[part], NULL, WNOHANG) == 0) {
        if (progress_clock_ms() >= deadline_ms)
            (void)kill(d->pid[part], SIGKILL);
        wait_ms(LOOK_MS);
    }
    d->pid[part] = 0;
}

void demo_stop(struct demo *d)
{
    static const enum demo_part order[] = { DEMO_DAEMON, DEMO_FEED, DEMO_REDIS }; /* who uses goes before who is used */
    for (int i = 0; i < DEMO_PARTS; i++)
        stop_part(d, order[i]);
    if (d->keeper) {
        close(d->keeper_fd);
        while (waitpid(d->keeper, NULL, 0) < 0 && errno == EINTR)
            ;
        d->keeper = 0;
    } else if (d->dir[0]) {
        remove_directory(d);
    }
}
