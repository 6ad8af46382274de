/* The server as a whole on a unix socket, without Kafka and Redis: it answers, refuses, stands still, and ends leaving nothing behind (LeakSanitizer in the
 * asan build). */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "crmpulse/http.h"
#include "temp_name.h"

static char dir[80], listening[100], token_file[100];

static struct config *config_of(void)
{
    struct config_problems problems = { 0 };
    char listen_set[160], token_set[160];
    const char *set[] = { listen_set, token_set, "http.connections=8", "redis.url=unix:///nowhere/redis.sock" };
    const struct config_load_options opt = { 4, set };
    temp_name(dir, sizeof dir, "http");
    cr_assert(mkdtemp(dir));
    snprintf(listening, sizeof listening, "unix:%s/s", dir);
    snprintf(token_file, sizeof token_file, "%s/token", dir);
    FILE *f = fopen(token_file, "w");
    cr_assert(f && fputs("opensesame\n", f) >= 0 && fclose(f) == 0 && chmod(token_file, 0600) == 0);
    snprintf(listen_set, sizeof listen_set, "http.listen=%s", listening);
    snprintf(token_set, sizeof token_set, "http.token_file=%s", token_file);
    struct config *c = config_load(NULL, &opt, &problems);
    config_problems_release(&problems);
    cr_assert(c);
    return c;
}

static int dial(void)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    strcpy(at.sun_path, listening + 5);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert(fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof at) == 0);
    return fd;
}

/* The answer to these bytes, to the end of the connection. */
static const char *ask(const char *bytes)
{
    static char buf[1 << 18];
    size_t n = 0;
    int fd = dial();
    cr_assert(write(fd, bytes, strlen(bytes)) == (ssize_t)strlen(bytes));
    (void)shutdown(fd, SHUT_WR);
    for (ssize_t got; n < sizeof buf - 1 && (got = read(fd, buf + n, sizeof buf - 1 - n)) > 0;)
        n += (size_t)got;
    buf[n] = 0;
    close(fd);
    return buf;
}

#define GET(path, more) ask("GET " path " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" more "\r\n")
#define BEARER          "Authorization: Bearer opensesame\r\n"

static void tell(struct http *h)
{
    struct status *s = status_new(1, 1);
    cr_assert(s);
    s->part[0].state = "run";
    s->shard[0].up = s->reading = true;
    s->phase = "running";
    s->now_ms = s->started_ms = 1700000000000;
    http_tell(h, s);
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

Test(http_server, answers_and_ends, .timeout = 60)
{
    char why[256] = "";
    signal(SIGPIPE, SIG_IGN);
    struct config *c = config_of();
    struct http *h = http_start(c, why, sizeof why);
    cr_assert(h, "%s", why);
    cr_expect(begins(GET("/-/healthy", ""), "HTTP/1.1 200 OK\r\n"));
    cr_expect(begins(GET("/-/ready", ""), "HTTP/1.1 503 "), "before the first status");
    for (int i = 0; i < 50; i++)
        tell(h);
    usleep(100000);
    cr_expect(begins(GET("/-/ready", ""), "HTTP/1.1 200 "));
    cr_expect(begins(GET("/metrics", ""), "HTTP/1.1 401 "));
    cr_expect(begins(GET("/metrics", "Authorization: Bearer opensesam\r\n"), "HTTP/1.1 401 "));
    cr_expect(strstr(GET("/metrics", BEARER), "\ncrmpulse_ready 1\n") != NULL);
    cr_expect(begins(GET("/nothing", BEARER), "HTTP/1.1 404 "));
    cr_expect(begins(GET("/nothing", ""), "HTTP/1.1 401 "), "strangers do not learn what there is");
    cr_expect(begins(ask("POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"), "HTTP/1.1 405 "));
    cr_expect(begins(ask("GET /-/healthy HTTP/1.1\r\nHost: evil.example\r\n\r\n"), "HTTP/1.1 421 "));
    const char *page = GET("/", "");
    cr_expect(begins(page, "HTTP/1.1 200 ") && strstr(page, "script-src 'self'") && strstr(page, "<!doctype html>"));
    cr_expect(begins(GET("/api/v1/board?org=a&board=none", BEARER), "HTTP/1.1 404 "));
    http_hold(h);
    http_resume(h);
    cr_expect(begins(GET("/-/healthy", ""), "HTTP/1.1 200 "), "after it stood still");
    int left = dial(); /* open connections keep it from nothing */
    http_stop(h);
    close(left);
    cr_expect(access(listening + 5, F_OK) != 0, "its socket is gone");
    config_free(c);
    unlink(token_file);
    rmdir(dir);
}

Test(http_server, an_address_in_use_is_told, .timeout = 60)
{
    char why[256] = "";
    struct config *c = config_of();
    struct http *h = http_start(c, why, sizeof why);
    cr_assert(h, "%s", why);
    cr_expect(!http_start(c, why, sizeof why) && strstr(why, "Address already in use"), "%s", why);
    http_stop(h);
    config_free(c);
    unlink(token_file);
    rmdir(dir);
}
