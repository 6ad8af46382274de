/* libcurl asks for sockets to be watched and for one timer; the loop says what happened to them. */
#include "daemon/notify/post.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crmpulse/secret.h"
#include "daemon/notify/receiver.h"

enum { URL_MAX = SECRET_MAX + 1024, WHY_MAX = RECEIVER_WHY_MAX, SHOWN_MAX = 160 };

struct poster {
    CURLM *multi;
    uv_timer_t timer;
    uint32_t open; /* handles of the loop, and one while it is not closed */
    struct transfer *first;
};

struct watch {
    uv_poll_t poll;
    struct poster *poster;
    curl_socket_t fd;
};

struct transfer {
    struct transfer *next, *prev;
    CURL *easy;
    struct curl_slist *headers;
    void (*done)(void *ctx, const struct answer *answer);
    void *ctx;
    bool secret; /* its URL or headers hold one: neither libcurl's words nor the answer's are shown */
    char error[CURL_ERROR_SIZE];
    char shown[SHOWN_MAX]; /* the beginning of the answer's body */
    size_t n_shown;
};

/* ---- sockets and the timer --------------------------------------------------------------------------------------------------------------------- */

static void collect(struct poster *p);

static void unref(struct poster *p)
{
    if (--p->open == 0)
        free(p);
}

static void on_watch_closed(uv_handle_t *h)
{
    struct watch *w = h->data;
    unref(w->poster);
    free(w);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct watch *w = poll->data;
    struct poster *p = w->poster;
    int running;
    const int what = status < 0
                         ? CURL_CSELECT_ERR
                         : (events & UV_READABLE ? CURL_CSELECT_IN : 0) | (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0);
    (void)curl_multi_socket_action(p->multi, w->fd, what, &running);
    collect(p);
}

static struct watch *watch_new(struct poster *p, curl_socket_t fd)
{
    struct watch *w = calloc(1, sizeof *w);
    if (!w || uv_poll_init_socket(p->timer.loop, &w->poll, fd) != 0) {
        free(w);
        return NULL;
    }
    w->poster = p;
    w->fd = fd;
    w->poll.data = w;
    p->open++;
    (void)curl_multi_assign(p->multi, fd, w);
    return w;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *of_socket)
{
    struct poster *p = ctx;
    struct watch *w = of_socket;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (w) {
            uv_close((uv_handle_t *)&w->poll, on_watch_closed);
            (void)curl_multi_assign(p->multi, fd, NULL);
        }
        return 0;
    }
    w = w ? w : watch_new(p, fd);
    if (!w)
        return -1;
    const int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    return uv_poll_start(&w->poll, events, on_poll) == 0 ? 0 : -1;
}

static void on_timer(uv_timer_t *t)
{
    struct poster *p = t->data;
    int running;
    (void)curl_multi_socket_action(p->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect(p);
}

/* libcurl must not be called from here: a timeout of 0 comes with the next turn of the loop. */
static int on_timeout(CURLM *multi, long ms, void *ctx)
{
    struct poster *p = ctx;
    (void)multi;
    return ms < 0 ? uv_timer_stop(&p->timer) : uv_timer_start(&p->timer, on_timer, (uint64_t)ms, 0);
}

/* ---- requests ---------------------------------------------------------------------------------------------------------------------------------- */

static void unlink_transfer(struct poster *p, struct transfer *t)
{
    if (t->prev)
        t->prev->next = t->next;
    else
        p->first = t->next;
    if (t->next)
        t->next->prev = t->prev;
}

static void transfer_free(struct poster *p, struct transfer *t)
{
    unlink_transfer(p, t);
    if (t->easy) {
        (void)curl_multi_remove_handle(p->multi, t->easy);
        curl_easy_cleanup(t->easy);
    }
    for (struct curl_slist *h = t->headers; h; h = h->next)
        explicit_bzero(h->data, strlen(h->data));
    curl_slist_free_all(t->headers);
    free(t);
}

static void say(const struct transfer *t, CURLcode code, long status, char why[WHY_MAX])
{
    if (code != CURLE_OK)
        snprintf(why, WHY_MAX, "%s", !t->secret && *t->error ? t->error : curl_easy_strerror(code));
    else if (!t->secret && t->n_shown)
        snprintf(why, WHY_MAX, "status %ld: %.*s", status, (int)t->n_shown, t->shown);
    else
        snprintf(why, WHY_MAX, "status %ld", status);
}

static void finish(struct poster *p, struct transfer *t, CURLcode code)
{
    char why[WHY_MAX];
    struct answer a = { .why = why };
    curl_off_t retry_after_s = 0;
    if (code == CURLE_OK) {
        (void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &a.status);
        if (curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &retry_after_s) == CURLE_OK && retry_after_s > 0)
            a.retry_after_ms = retry_after_s < 86400 ? retry_after_s * 1000 : 86400000;
    }
    say(t, code, a.status, why);
    void (*done)(void *, const struct answer *) = t->done;
    void *ctx = t->ctx;
    transfer_free(p, t);
    done(ctx, &a);
}

static void collect(struct poster *p)
{
    CURLMsg *m;
    int left;
    while ((m = curl_multi_info_read(p->multi, &left))) {
        char *of = NULL;
        if (m->msg != CURLMSG_DONE)
            continue;
        const CURLcode code = m->data.result;
        (void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &of);
        finish(p, (struct transfer *)(void *)of, code);
    }
}

/* NOLINTNEXTLINE(readability-non-const-parameter): libcurl says what it is */
static size_t on_body(char *bytes, size_t size, size_t n, void *ctx)
{
    struct transfer *t = ctx;
    for (size_t i = 0; i < size * n && t->n_shown < sizeof t->shown; i++)
        t->shown[t->n_shown++] = bytes[i];
    return size * n;
}

/* "<first><secret>" as a header. */
static int add_header(struct transfer *t, const char *first, const char *rest)
{
    char line[SECRET_MAX + 64];
    (void)snprintf(line, sizeof line, "%s%s", first, rest);
    struct curl_slist *more = curl_slist_append(t->headers, line);
    explicit_bzero(line, sizeof line);
    if (more)
        t->headers = more;
    return more ? 0 : -1;
}

static bool good_secret_url(const char *url)
{
    return (strncmp(url, "https://", 8) == 0 || strncmp(url, "http://", 7) == 0) && !strpbrk(url, " \t");
}

/* Alertmanager's address is that of its root. */
static int set_url(struct transfer *t, const struct notify_receiver *to, char *why, size_t cap)
{
    struct secret secret;
    char url[URL_MAX];
    if (to->url_file && secret_read(to->url_file, &secret, why, cap) < 0)
        return -1;
    const char *base = to->url_file ? secret.text : to->url;
    int rc = -1;
    size_t n = strlen(base);
    while (to->kind == NOTIFY_ALERTMANAGER && n && base[n - 1] == '/')
        n--;
    if (to->url_file && !good_secret_url(base))
        snprintf(why, cap, "%s: it holds no http:// or https:// address", to->url_file);
    else if (snprintf(url, sizeof url, "%.*s%s", (int)n, base,
                      to->kind == NOTIFY_ALERTMANAGER ? "/api/v2/alerts" : "") >= (int)sizeof url)
        snprintf(why, cap, "the address is too long");
    else
        rc = curl_easy_setopt(t->easy, CURLOPT_URL, url) == CURLE_OK ? 0 : -1;
    explicit_bzero(url, sizeof url);
    secret_wipe(&secret);
    return rc;
}

static int set_credentials(struct transfer *t, const struct notify_receiver *to, char *why, size_t cap)
{
    struct secret secret;
    const char *file = to->token_file ? to->token_file : to->password_file;
    if (!file)
        return 0;
    if (secret_read(file, &secret, why, cap) < 0)
        return -1;
    int rc = 0;
    if (to->token_file)
        rc = add_header(t, "Authorization: Bearer ", secret.text);
    else if (curl_easy_setopt(t->easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC) != CURLE_OK ||
             curl_easy_setopt(t->easy, CURLOPT_USERNAME, to->user) != CURLE_OK ||
             curl_easy_setopt(t->easy, CURLOPT_PASSWORD, secret.text) != CURLE_OK)
        rc = -1;
    secret_wipe(&secret);
    return rc;
}

static int set_options(struct transfer *t, const struct post_request *r)
{
    CURL *e = t->easy;
    int rc = add_header(t, "Content-Type: application/json", "") | add_header(t, "Expect:", "");
    rc |= curl_easy_setopt(e, CURLOPT_PRIVATE, t) != CURLE_OK;
    rc |= curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->error) != CURLE_OK;
    rc |= curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body) != CURLE_OK;
    rc |= curl_easy_setopt(e, CURLOPT_WRITEDATA, t) != CURLE_OK;
    rc |= curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L) != CURLE_OK;
    rc |= curl_easy_setopt(e, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) != CURLE_OK;
    rc |= curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https") != CURLE_OK;
    rc |= curl_easy_setopt(e, CURLOPT_USERAGENT, "crmpulse-notify") != CURLE_OK;
    rc |= curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)r->connect_timeout_ms) != CURLE_OK;
    rc |= curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)r->timeout_ms) != CURLE_OK;
    rc |= r->to->ca_file && curl_easy_setopt(e, CURLOPT_CAINFO, r->to->ca_file) != CURLE_OK;
    rc |= curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.n) != CURLE_OK;
    rc |= curl_easy_setopt(e, CURLOPT_COPYPOSTFIELDS, r->body.p) != CURLE_OK;
    return rc ? -1 : 0;
}

int poster_send(struct poster *p, const struct post_request *r, char *why, size_t cap)
{
    struct transfer *t = calloc(1, sizeof *t);
    snprintf(why, cap, "out of memory");
    if (!t)
        return -1;
    t->done = r->done;
    t->ctx = r->ctx;
    t->secret = r->to->url_file || r->to->token_file || r->to->password_file;
    t->next = p->first;
    if (p->first)
        p->first->prev = t;
    p->first = t;
    t->easy = curl_easy_init();
    if (t->easy && set_options(t, r) == 0 && set_url(t, r->to, why, cap) == 0 &&
        set_credentials(t, r->to, why, cap) == 0 &&
        curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers) == CURLE_OK &&
        curl_multi_add_handle(p->multi, t->easy) == CURLM_OK)
        return 0;
    transfer_free(p, t);
    return -1;
}

static int check_secret(const char *file, bool url, char *why, size_t cap)
{
    struct secret secret;
    if (!file)
        return 0;
    int rc = secret_read(file, &secret, why, cap);
    if (rc == 0 && url && !good_secret_url(secret.text)) {
        snprintf(why, cap, "%s: it holds no http:// or https:// address", file);
        rc = -1;
    }
    secret_wipe(&secret);
    return rc;
}

int poster_check(const struct notify_receiver *to, char *why, size_t cap)
{
    if (check_secret(to->url_file, true, why, cap) < 0 || check_secret(to->token_file, false, why, cap) < 0)
        return -1;
    return check_secret(to->password_file, false, why, cap);
}

/* ---- life -------------------------------------------------------------------------------------------------------------------------------------- */

struct poster *poster_new(uv_loop_t *loop)
{
    struct poster *p = calloc(1, sizeof *p);
    if (!p || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(p);
        return NULL;
    }
    p->multi = curl_multi_init();
    if (!p->multi || uv_timer_init(loop, &p->timer) != 0) {
        (void)curl_multi_cleanup(p->multi);
        curl_global_cleanup();
        free(p);
        return NULL;
    }
    p->open = 1;
    p->timer.data = p;
    (void)curl_multi_setopt(p->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    (void)curl_multi_setopt(p->multi, CURLMOPT_SOCKETDATA, p);
    (void)curl_multi_setopt(p->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
    (void)curl_multi_setopt(p->multi, CURLMOPT_TIMERDATA, p);
    return p;
}

static void on_timer_closed(uv_handle_t *h)
{
    unref(h->data);
}

void poster_close(struct poster *p)
{
    if (!p)
        return;
    for (struct transfer *t = p->first, *next; t; t = next) {
        next = t->next;
        transfer_free(p, t);
    }
    (void)curl_multi_cleanup(p->multi);
    curl_global_cleanup();
    uv_close((uv_handle_t *)&p->timer, on_timer_closed);
}
