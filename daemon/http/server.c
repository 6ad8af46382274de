/* Connections: libwebsockets reads requests and tells when there is room to write; all policy is elsewhere.
 *
 * Bounds: connections (http.connections; more are closed at once), the header of a request (HTTP_HEADER_BYTES_MAX is answered with 431, twice that is cut
 * off), the time for a header, for a reader that does not read and between two requests. */
#include "daemon/http/server.h"

#include <libwebsockets.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/http/socket.h"
#include "daemon/http/stream.h"

enum {
    HEADER_S = 10, /* for a request to be complete */
    WRITE_S = 15,  /* for a piece of the answer to be taken */
    IDLE_S = 60,   /* between two requests */
    PIECE = 16384, /* bytes written at a time */
    HEAD_MAX = 2048,
    SPARE_FDS = 32, /* of the loop and of libwebsockets itself */
    ACCEPTS = 32,   /* in a row */
    WAIT_MS = 5000, /* for Redis */
    TICK_MS = 1000
};

/* One connection; zeroed by libwebsockets. */
struct conn {
    struct http_answer answer;
    struct http_request request; /* borrows from what follows */
    struct guard_pass pass;
    struct stream stream;
    uint64_t since_ms;
    char query[HTTP_ARGS_MAX * (HTTP_ARG_BYTES_MAX + 1)], header[5][HTTP_ARG_BYTES_MAX], path[HTTP_PATH_BYTES_MAX + 1];
    size_t sent;
    bool head_sent, without_body;
    bool waiting; /* for what is being read */
    bool last;    /* the connection ends with this answer */
};

static struct server *server_of(struct lws *wsi)
{
    return lws_context_user(lws_get_context(wsi));
}

static struct http_source source_of(const struct server *s, const struct guard_pass *pass)
{
    return (struct http_source){ s->config, s->status, &s->counts, s->data, pass->trusted, pass->scope };
}

static void answer_release(struct conn *c)
{
    body_release(&c->answer.body);
    memset(&c->answer, 0, sizeof c->answer);
}

/* ---- the request ---- */

/* A header of at most `cap` bytes; longer ones count as not given, which no route takes for consent. */
static struct slice header(struct lws *wsi, enum lws_token_indexes which, char *buf, size_t cap)
{
    const int n = lws_hdr_total_length(wsi, which);
    if (n <= 0 || (size_t)n >= cap || lws_hdr_copy(wsi, buf, (int)cap, which) < 0)
        return (struct slice){ 0 };
    return (struct slice){ buf, (uint32_t)n };
}

/* `name` in small letters with its colon. */
static struct slice custom_header(struct lws *wsi, const char *name, char *buf, size_t cap)
{
    const int n = lws_hdr_custom_length(wsi, name, (int)strlen(name));
    if (n <= 0 || (size_t)n >= cap || lws_hdr_custom_copy(wsi, buf, (int)cap, name, (int)strlen(name)) < 0)
        return (struct slice){ 0 };
    return (struct slice){ buf, (uint32_t)n };
}

static int header_bytes(struct lws *wsi)
{
    static const enum lws_token_indexes counted[] = {
        WSI_TOKEN_GET_URI,         WSI_TOKEN_HEAD_URI,           WSI_TOKEN_HTTP_URI_ARGS,        WSI_TOKEN_HOST,
        WSI_TOKEN_HTTP_ACCEPT,     WSI_TOKEN_HTTP_AUTHORIZATION, WSI_TOKEN_HTTP_IF_NONE_MATCH,   WSI_TOKEN_HTTP_COOKIE,
        WSI_TOKEN_HTTP_USER_AGENT, WSI_TOKEN_HTTP_REFERER,       WSI_TOKEN_HTTP_ACCEPT_LANGUAGE,
    };
    int n = 0;
    for (size_t i = 0; i < sizeof counted / sizeof *counted; i++)
        n += lws_hdr_total_length(wsi, counted[i]);
    return n;
}

static int read_args(struct lws *wsi, struct conn *c, struct http_request *r)
{
    char *at = c->query, *end = c->query + sizeof c->query;
    int n;
    for (int i = 0; (n = lws_hdr_copy_fragment(wsi, at, (int)(end - at), WSI_TOKEN_HTTP_URI_ARGS, i)) >= 0; i++) {
        if (n && http_arg_add(r, (struct slice){ at, (uint32_t)n }) < 0)
            return -1;
        at += n + 1;
        if (at >= end)
            return -1;
    }
    return 0;
}

/* 0 or the status to refuse it with. */
static int read_request(struct lws *wsi, struct conn *c, struct http_request *r)
{
    char *uri = NULL;
    int n = 0;
    static const int get = 0, head = 7; /* as libwebsockets numbers them */
    const int method = lws_http_get_uri_and_method(wsi, &uri, &n);
    r->method = method == get ? HTTP_GET : method == head ? HTTP_HEAD : HTTP_OTHER;
    if (header_bytes(wsi) > HTTP_HEADER_BYTES_MAX)
        return 431;
    if (!uri || n <= 0 || n > HTTP_PATH_BYTES_MAX)
        return 414;
    memcpy(c->path, uri, (size_t)n);
    r->path = (struct slice){ c->path, (uint32_t)n };
    r->host = header(wsi, WSI_TOKEN_HOST, c->header[0], sizeof c->header[0]);
    r->accept = header(wsi, WSI_TOKEN_HTTP_ACCEPT, c->header[1], sizeof c->header[1]);
    r->authorization = header(wsi, WSI_TOKEN_HTTP_AUTHORIZATION, c->header[2], sizeof c->header[2]);
    r->if_none_match = header(wsi, WSI_TOKEN_HTTP_IF_NONE_MATCH, c->header[3], sizeof c->header[3]);
    r->last_event_id = custom_header(wsi, "last-event-id:", c->header[4], sizeof c->header[4]);
    if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0)
        return 413;
    if (r->method != HTTP_OTHER && lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) > 0 &&
        !slice_eq(header(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH, (char[8]){ 0 }, 8), SLICE("0")))
        return 413;
    return read_args(wsi, c, r) < 0 ? 400 : 0;
}

static void refuse(struct conn *c, int status, const char *why)
{
    answer_text(&c->answer, status, why);
    c->last = true;
}

static int put_head(struct lws *wsi, struct conn *c);
static int put(struct lws *wsi, const char *bytes, size_t n, enum lws_write_protocol how);

/* At once, and then the connection ends: what may still come of such a request is not read. */
static int answer_and_end(struct lws *wsi, struct conn *c)
{
    const struct http_answer *a = &c->answer;
    server_of(wsi)->counts.requests[a->status - HTTP_STATUS_MIN]++;
    if (put_head(wsi, c) == 0 && !c->without_body && a->body.n <= PIECE)
        (void)put(wsi, a->body.p, a->body.n, LWS_WRITE_HTTP_FINAL);
    return -1;
}

/* Asks the route; it may have to wait for Redis, and is asked again then. */
static void ask_route(struct server *s, struct conn *c)
{
    const struct http_source from = source_of(s, &c->pass);
    struct http_answer *a = &c->answer;
    body_clear(&a->body);
    routes_answer(&c->request, &from, a);
    if (!a->status && uv_now(&s->loop) - c->since_ms > WAIT_MS)
        answer_text(a, 503, "Redis does not answer");
    c->waiting = !a->status;
    if (c->waiting)
        return;
    if (a->status == 200 && a->etag[0] && http_etag_matches(c->request.if_none_match, slice_of(a->etag))) {
        a->status = 304;
        body_clear(&a->body);
    }
    s->counts.requests[a->status - HTTP_STATUS_MIN]++;
}

/* The connection is the stream's from now on, and ends with it. */
static int on_stream(struct lws *wsi, struct conn *c)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
                               "X-Accel-Buffering: no\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"
                               "retry: 2000\n\n";
    struct server *s = server_of(wsi);
    const struct http_source from = source_of(s, &c->pass);
    const char *why = "only GET opens a stream";
    const int status =
        c->without_body ? 405 : stream_open(s->topics, &c->stream, &c->request, &from, uv_now(&s->loop), &why);
    if (status) {
        refuse(c, status, why);
        return answer_and_end(wsi, c);
    }
    s->counts.requests[200 - HTTP_STATUS_MIN]++;
    (void)topics_refresh(s->topics, &from, uv_now(&s->loop));
    if (put(wsi, head, sizeof head - 1, LWS_WRITE_HTTP_HEADERS) < 0)
        return -1;
    c->head_sent = true;
    lws_http_mark_sse(wsi);
    lws_callback_on_writable(wsi);
    return 0;
}

/* A reader that takes nothing for WRITE_S is cut off; it comes back and is told how things are then. */
static int feed_stream(struct lws *wsi, struct conn *c)
{
    struct server *s = server_of(wsi);
    struct body *b = &c->answer.body;
    if (c->sent == b->n) {
        body_clear(b);
        c->sent = 0;
        stream_take(s->topics, &c->stream, uv_now(&s->loop), b);
    }
    if (b->failed)
        return -1;
    if (!b->n) {
        lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0);
        return 0;
    }
    const size_t n = b->n - c->sent < PIECE ? b->n - c->sent : PIECE;
    if (put(wsi, b->p + c->sent, n, LWS_WRITE_HTTP) < 0)
        return -1;
    c->sent += n;
    lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, WRITE_S);
    lws_callback_on_writable(wsi);
    return 0;
}

static int on_request(struct lws *wsi, struct conn *c)
{
    struct server *s = server_of(wsi);
    const char *why = "the request is malformed or too large";
    answer_release(c);
    c->request = (struct http_request){ 0 };
    c->sent = 0;
    c->head_sent = c->last = c->waiting = false;
    c->since_ms = uv_now(&s->loop);
    guard_refresh(&s->guard, c->since_ms);
    int status = read_request(wsi, c, &c->request);
    c->without_body = c->request.method == HTTP_HEAD;
    if (!status)
        status = guard_check(&s->guard, &c->request, &c->pass, &why);
    if (status) {
        refuse(c, status, why);
        return answer_and_end(wsi, c);
    }
    if (slice_eq(c->request.path, SLICE("/api/v1/stream")))
        return on_stream(wsi, c);
    ask_route(s, c);
    lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, WRITE_S);
    lws_callback_on_writable(wsi);
    return 0;
}

/* ---- the answer ---- */

/* One write of at most LWS_PRE + `n` bytes. */
static int put(struct lws *wsi, const char *bytes, size_t n, enum lws_write_protocol how)
{
    unsigned char buf[LWS_PRE + PIECE];
    memcpy(buf + LWS_PRE, bytes, n);
    return lws_write(wsi, buf + LWS_PRE, n, how) == (int)n ? 0 : -1;
}

static int put_head(struct lws *wsi, struct conn *c)
{
    const struct http_answer *a = &c->answer;
    char head[HEAD_MAX];
    int n = snprintf(head, sizeof head,
                     "HTTP/1.1 %d %s\r\n"
                     "Content-Type: %s\r\n"
                     "Content-Length: %zu\r\n"
                     "Cache-Control: no-cache\r\n"
                     "Content-Security-Policy: %s\r\n"
                     "X-Content-Type-Options: nosniff\r\n"
                     "Referrer-Policy: no-referrer\r\n"
                     "Cross-Origin-Resource-Policy: same-origin\r\n"
                     "%s%s%s%s%s%s\r\n",
                     a->status, answer_reason(a->status), a->type, a->body.n,
                     a->policy ? a->policy : "default-src 'none'; frame-ancestors 'none'", a->etag[0] ? "ETag: " : "",
                     a->etag, a->etag[0] ? "\r\n" : "", a->status == 405 ? "Allow: GET, HEAD\r\n" : "",
                     a->status == 401 ? "WWW-Authenticate: Bearer realm=\"crmpulse\"\r\n" : "",
                     c->last ? "Connection: close\r\n" : "");
    if (n < 0 || (size_t)n >= sizeof head)
        return -1;
    c->head_sent = true;
    return put(wsi, head, (size_t)n, LWS_WRITE_HTTP_HEADERS);
}

static int finished(struct lws *wsi, struct conn *c)
{
    answer_release(c);
    if (c->last)
        return -1;
    lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_KEEPALIVE_IDLE, IDLE_S);
    return lws_http_transaction_completed(wsi) ? -1 : 0;
}

static int on_writable(struct lws *wsi, struct conn *c)
{
    if (c->stream.on)
        return feed_stream(wsi, c);
    if (c->waiting)
        ask_route(server_of(wsi), c);
    if (!c->answer.status)
        return 0;
    if (!c->head_sent) {
        if (put_head(wsi, c) < 0)
            return -1;
        if (c->without_body || !c->answer.body.n)
            return finished(wsi, c);
    } else {
        size_t n = c->answer.body.n - c->sent;
        n = n < PIECE ? n : PIECE;
        const bool end = c->sent + n == c->answer.body.n;
        if (put(wsi, c->answer.body.p + c->sent, n, end ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) < 0)
            return -1;
        c->sent += n;
        if (end)
            return finished(wsi, c);
    }
    lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, WRITE_S);
    lws_callback_on_writable(wsi);
    return 0;
}

static void conn_release(struct server *s, struct conn *c)
{
    answer_release(c);
    if (c->stream.on)
        stream_close(s->topics, &c->stream);
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    switch ((int)reason) {
    case LWS_CALLBACK_HTTP:
        return on_request(wsi, user);
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return on_writable(wsi, user);
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE: /* neither WebSocket nor HTTP/2 */
        return -1;
    case LWS_CALLBACK_CLOSED_HTTP:
    case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
        if (user)
            conn_release(server_of(wsi), user);
        return 0;
    case LWS_CALLBACK_WSI_DESTROY:
        server_of(wsi)->counts.connections--;
        return 0;
    case LWS_CALLBACK_ADD_HEADERS:
        return 0;
    default:
        return lws_callback_http_dummy(wsi, reason, user, in, len);
    }
}

static const struct lws_protocols protocols[] = {
    { .name = "http", .callback = callback, .per_session_data_size = sizeof(struct conn) },
    { .name = NULL },
};

/* ---- connections ---- */

static void on_connection(uv_poll_t *p, int status, int events)
{
    struct server *s = p->data;
    (void)status, (void)events;
    for (int i = 0; i < ACCEPTS; i++) {
        const int fd = http_accept_one(s->fd);
        if (fd < 0)
            return;
        if (s->counts.connections >= (uint64_t)s->config->http.connections) {
            (void)close(fd);
            continue;
        }
        s->counts.connections++; /* also where adopting fails: then it is destroyed */
        if (!lws_adopt_socket_vhost(s->vhost, fd))
            s->counts.connections--;
    }
}

/* Who waits is asked again: that is cheap, for what is still missing is not asked of Redis twice. */
static void wake_all(struct server *s)
{
    if (s->context)
        (void)lws_callback_on_writable_all_protocol(s->context, &protocols[0]);
}

static void refresh(struct server *s)
{
    const struct guard_pass all = { true, NULL };
    const struct http_source from = source_of(s, &all);
    if (s->topics)
        (void)topics_refresh(s->topics, &from, uv_now(&s->loop));
    wake_all(s);
}

static void on_data(void *ctx)
{
    refresh(ctx);
}

static void on_tick(uv_timer_t *t)
{
    refresh(t->data);
}

static int open_context(struct server *s)
{
    void *loops[] = { &s->loop };
    const struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .protocols = protocols,
        .options = LWS_SERVER_OPTION_LIBUV,
        .foreign_loops = loops,
        .user = s,
        .gid = -1,
        .uid = -1,
        .max_http_header_data2 = 2 * HTTP_HEADER_BYTES_MAX,
        .max_http_header_pool2 = (unsigned)s->config->http.connections,
        .keepalive_timeout = IDLE_S,
        .timeout_secs = HEADER_S,
        .fd_limit_per_thread = (unsigned)s->config->http.connections + SPARE_FDS,
    };
    lws_set_log_level(0, NULL);
    s->context = lws_create_context(&info);
    s->vhost = s->context ? lws_get_vhost_by_name(s->context, "default") : NULL;
    return s->vhost ? 0 : -1;
}

int server_open(struct server *s, const struct config *config, char *why, size_t cap)
{
    memset(s, 0, sizeof *s);
    s->config = config;
    if (guard_init(&s->guard, config, why, cap) < 0)
        return -1;
    s->fd = http_listen(config->http.listen, why, cap);
    if (s->fd < 0) {
        guard_release(&s->guard);
        return -1;
    }
    if (uv_loop_init(&s->loop) < 0) {
        snprintf(why, cap, "out of memory");
        guard_release(&s->guard);
        http_unlisten(config->http.listen, s->fd);
        return -1;
    }
    s->accepting.data = s->tick.data = s;
    s->topics = topics_new(uv_hrtime());
    s->data = data_new(&s->loop, config, on_data, s);
    if (!s->data || !s->topics || uv_timer_init(&s->loop, &s->tick) < 0 ||
        uv_timer_start(&s->tick, on_tick, TICK_MS, TICK_MS) < 0 || open_context(s) < 0 ||
        uv_poll_init(&s->loop, &s->accepting, s->fd) < 0 ||
        uv_poll_start(&s->accepting, UV_READABLE, on_connection) < 0) {
        snprintf(why, cap, "libwebsockets does not start; is the package libwebsockets-evlib-uv installed?");
        server_close(s);
        (void)uv_run(&s->loop, UV_RUN_DEFAULT);
        server_release(s);
        return -1;
    }
    return 0;
}

void server_close(struct server *s)
{
    data_close(s->data);
    if (s->tick.loop && !uv_is_closing((uv_handle_t *)&s->tick))
        uv_close((uv_handle_t *)&s->tick, NULL);
    if (s->accepting.loop && !uv_is_closing((uv_handle_t *)&s->accepting))
        uv_close((uv_handle_t *)&s->accepting, NULL);
    if (s->context)
        lws_context_destroy(s->context);
    s->ended = s->context;
    s->context = NULL;
}

/* Of a context on somebody else's loop libwebsockets frees the last part when it is told so once more, after the loop has closed its handles. */
void server_release(struct server *s)
{
    if (s->ended)
        lws_context_destroy(s->ended);
    http_unlisten(s->config->http.listen, s->fd);
    guard_release(&s->guard);
    status_free(s->status);
    data_free(s->data);
    topics_free(s->topics);
    (void)uv_loop_close(&s->loop);
}
