/* What the HTTP server parses of a request, line by line: target, Host, Accept, Authorization, If-None-Match; and text on its way out, as JSON and as a
 * label. The framing of HTTP is libwebsockets' and is not in here. */
#include "fuzz.h"

#include <jansson.h>

#include "crmpulse/listen.h"
#include "crmpulse/utf8.h"
#include "daemon/http/guard.h"
#include "daemon/http/metric_text.h"
#include "daemon/http/shown.h"

enum { QUERY_MAX = 4096, ADDRESS_MAX = 512 };

static void put_escaped(struct body *to, struct slice s)
{
    for (uint32_t i = 0; i < s.n; i++)
        body_addf(to, "%%%02X", (unsigned char)s.p[i]);
}

/* What was parsed, written with every byte escaped, is parsed as the same. A name that holds '+' or so is escaped, too; '=' cannot be in one. */
static void query_again(const struct http_request *r)
{
    struct http_request again = { 0 };
    struct body text = { 0 };
    char *buf;
    for (uint32_t i = 0; i < r->n_args; i++) {
        body_add(&text, "&", i > 0);
        put_escaped(&text, r->arg[i].name);
        body_add(&text, "=", 1);
        put_escaped(&text, r->arg[i].value);
    }
    buf = malloc(text.n + 1);
    FUZZ_CHECK(buf && !text.failed);
    FUZZ_CHECK(http_query_parse(&again, (struct slice){ text.p, (uint32_t)text.n }, buf) == 0);
    FUZZ_CHECK(again.n_args == r->n_args);
    for (uint32_t i = 0; i < r->n_args; i++)
        FUZZ_CHECK(slice_eq(again.arg[i].name, r->arg[i].name) && slice_eq(again.arg[i].value, r->arg[i].value) &&
                   utf8_valid(r->arg[i].value.p, r->arg[i].value.n));
    free(buf);
    body_release(&text);
}

static void target(struct http_request *r, struct slice line)
{
    char *buf = malloc(line.n + 1);
    const char *mark = line.n ? memchr(line.p, '?', line.n) : NULL;
    FUZZ_CHECK(buf);
    r->path = (struct slice){ line.p, mark ? (uint32_t)(mark - line.p) : line.n };
    int64_t n = 0;
    if (mark && line.n <= QUERY_MAX &&
        http_query_parse(r, (struct slice){ mark + 1, line.n - r->path.n - 1 }, buf) == 0) {
        query_again(r);
        FUZZ_CHECK(!http_arg_number(r, "top", 100, &n) || (n >= 0 && n <= 100));
    }
    free(buf);
    r->n_args = 0;
}

static void guard(const struct http_request *r)
{
    char hosts[] = "board.example, kiosk.local", file[] = "credential:http", none[] = "";
    struct config c = { .http = { .hosts = hosts, .token_file = file } };
    struct guard g = { .config = &c, .token = { "secret" } };
    struct guard_pass pass;
    const char *why = NULL;
    int status = guard_check(&g, r, &pass, &why);
    FUZZ_CHECK(status == 0 || (why && status >= 400 && status < 500));
    FUZZ_CHECK(!pass.trusted || slice_eq(http_bearer(r->authorization), SLICE("secret")));
    g.locked = true;
    FUZZ_CHECK(guard_check(&g, r, &pass, &why) >= status && !pass.trusted);
    c.http.token_file = none;
    g.locked = false;
    status = guard_check(&g, r, &pass, &why);
    FUZZ_CHECK(pass.trusted && !pass.scope &&
               (status == 0) == (http_host_allowed(r->host, hosts) && http_path_good(r->path)));
    for (uint32_t i = 0; !status && i < r->host.n; i++)
        FUZZ_CHECK(r->host.p[i] > ' ' && !strchr("/@\\,?#%", r->host.p[i]));
}

static void weights(struct slice text)
{
    static const char *const offers[] = { "text/plain;version=0.0.4", "application/openmetrics-text;version=1.0.0" };
    static const char *const swapped[] = { "application/openmetrics-text;version=1.0.0", "text/plain;version=0.0.4" };
    const int a = http_accept(text, offers, 2), b = http_accept(text, swapped, 2);
    FUZZ_CHECK(a >= -1 && a < 2 && (a < 0) == (b < 0));
    FUZZ_CHECK(a <= 0 || b == 0); /* what is chosen though it comes second is chosen when it comes first */
}

static void out(struct slice text)
{
    static const struct metric m = { "x", "", "help", METRIC_GAUGE };
    const struct metric_label label = { "l", text };
    struct body b = { 0 };
    struct metric_writer w = { &b, true, NULL };
    body_add_json(&b, text);
    FUZZ_CHECK(!b.failed && !memchr(b.p, '<', b.n) && utf8_valid(b.p, b.n));
    json_t *j = json_loadb(b.p, b.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    FUZZ_CHECK(j && json_is_string(j));
    if (utf8_valid(text.p, text.n))
        FUZZ_CHECK(json_string_length(j) == text.n && (!text.n || memcmp(json_string_value(j), text.p, text.n) == 0));
    json_decref(j);
    body_clear(&b);
    metric_begin(&w, &m);
    const size_t head = b.n;
    metric_sample(&w, &label, 1, 1);
    FUZZ_CHECK(!b.failed && utf8_valid(b.p, b.n) && memchr(b.p + head, '\n', b.n - head) == b.p + b.n - 1);
    body_release(&b);
}

/* What is put into JSON as a number is one. */
static void number(struct slice s)
{
    if (!s.p)
        return;
    json_t *j = json_loadb(s.p, s.n, JSON_DECODE_ANY, NULL);
    FUZZ_CHECK(j && (json_is_number(j) || json_is_null(j)));
    json_decref(j);
}

/* Texts of Redis: whatever stands there, what is read lies within it. */
static void shown(struct slice text)
{
    struct shown_value v;
    struct shown_field f;
    struct slice rest = text, word;
    uint32_t bytes = 0;
    if (shown_value(text, &v) && text.n < 100) { /* jansson takes no number beyond a double's range */
        const struct slice parts[] = { v.value, v.numerator, v.denominator, v.count, v.sum, v.p50, v.p90 };
        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
            if (!parts[i].p || !memchr(parts[i].p, 'e', parts[i].n))
                number(parts[i].n < 18 ? parts[i] : (struct slice){ 0 });
    }
    if (shown_field(text, &f))
        FUZZ_CHECK(f.dim.n + f.subject.n + f.id.n + 2 == text.n);
    if (shown_rule_field(text, &f))
        FUZZ_CHECK(f.dim.n + f.subject.n + f.id.n + 2 == text.n);
    while (shown_word(&rest, ' ', &word)) {
        FUZZ_CHECK(word.n && word.p >= text.p && word.p + word.n <= text.p + text.n && !memchr(word.p, ' ', word.n));
        bytes += word.n;
    }
    FUZZ_CHECK(bytes <= text.n);
}

static void address(struct slice text)
{
    char z[ADDRESS_MAX];
    struct listen_address a;
    if (text.n >= sizeof z)
        return;
    if (text.n)
        memcpy(z, text.p, text.n);
    z[text.n] = 0;
    if (listen_parse(z, &a) == 0)
        FUZZ_CHECK(a.len > 0 && a.len <= sizeof a.at && (a.at.ss_family != AF_UNIX || a.local));
}

int fuzz_one(const uint8_t *bytes, size_t n)
{
    struct slice rest = fuzz_slice(bytes, n), line[5] = { { 0 } };
    for (int i = 0; i < 5 && fuzz_line(&rest, &line[i]); i++)
        ;
    struct http_request r = { .method = HTTP_GET, .host = line[1], .accept = line[2], .authorization = line[3] };
    target(&r, line[0]);
    guard(&r);
    weights(r.accept);
    const struct slice token = http_bearer(r.authorization);
    FUZZ_CHECK(http_token_equal(token, token) == (token.n > 0));
    (void)http_etag_matches(line[4], SLICE("\"0123456789abcdef\""));
    out(fuzz_slice(bytes, n));
    address(line[1]);
    shown(line[0]);
    shown(fuzz_slice(bytes, n));
    return 0;
}
