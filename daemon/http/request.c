/* Path, query, Host, Authorization, If-None-Match. */
#include "daemon/http/request.h"

#include <arpa/inet.h>
#include <strings.h>

#include "crmpulse/utf8.h"

enum { ADDRESS_MAX = 64, NUMBER_DIGITS_MAX = 18 };

static bool has_control(struct slice s)
{
    for (uint32_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
            return true;
    return false;
}

struct slice http_trimmed(struct slice s)
{
    while (s.n && (*s.p == ' ' || *s.p == '\t'))
        s = (struct slice){ s.p + 1, s.n - 1 };
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

/* Cuts off what is before `c`; all of it where there is none. False: nothing is left. */
static bool next_part(struct slice *rest, char c, struct slice *ret)
{
    if (!rest->p)
        return false;
    const char *end = rest->n ? memchr(rest->p, c, rest->n) : NULL;
    *ret = (struct slice){ rest->p, end ? (uint32_t)(end - rest->p) : rest->n };
    *rest = end ? (struct slice){ end + 1, rest->n - ret->n - 1 } : (struct slice){ NULL, 0 };
    return true;
}

/* ---- path and query ---- */

struct slice http_arg(const struct http_request *r, const char *name)
{
    for (uint32_t i = 0; i < r->n_args; i++)
        if (slice_eq(r->arg[i].name, slice_of(name)))
            return r->arg[i].value;
    return (struct slice){ 0 };
}

int http_arg_add(struct http_request *r, struct slice text)
{
    struct http_arg a = { text, { text.p + text.n, 0 } };
    const char *eq = text.n ? memchr(text.p, '=', text.n) : NULL;
    if (eq) {
        a.name.n = (uint32_t)(eq - text.p);
        a.value = (struct slice){ eq + 1, text.n - a.name.n - 1 };
    }
    if (r->n_args == HTTP_ARGS_MAX || !a.name.n || text.n > HTTP_ARG_BYTES_MAX || has_control(text) ||
        !utf8_valid(text.p, text.n))
        return -1;
    for (uint32_t i = 0; i < r->n_args; i++)
        if (slice_eq(r->arg[i].name, a.name))
            return -1;
    r->arg[r->n_args++] = a;
    return 0;
}

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* The '=' that divides is found before anything is decoded, but an escaped one in a name would divide again: such a name is refused. */
static int decode(struct slice from, char *to, uint32_t *ret_n)
{
    uint32_t n = 0;
    bool in_name = true;
    for (uint32_t i = 0; i < from.n; i++) {
        char c = from.p[i] == '+' ? ' ' : from.p[i];
        in_name &= from.p[i] != '=';
        if (from.p[i] == '%') {
            const bool there = from.n - i > 2;
            const int high = there ? hex(from.p[i + 1]) : -1, low = there ? hex(from.p[i + 2]) : -1;
            if (high < 0 || low < 0)
                return -1;
            c = (char)(high << 4 | low);
            i += 2;
            if (in_name && c == '=')
                return -1;
        }
        to[n++] = c;
    }
    *ret_n = n;
    return 0;
}

int http_query_parse(struct http_request *r, struct slice query, char *buf)
{
    struct slice rest = query, part;
    while (next_part(&rest, '&', &part)) {
        uint32_t n;
        if (!part.n)
            continue;
        if (decode(part, buf, &n) < 0 || http_arg_add(r, (struct slice){ buf, n }) < 0)
            return -1;
        buf += n;
    }
    return 0;
}

bool http_arg_number(const struct http_request *r, const char *name, int64_t max, int64_t *ret)
{
    struct slice s = http_arg(r, name);
    int64_t v = 0;
    if (!s.p)
        return true;
    if (!s.n || s.n > NUMBER_DIGITS_MAX)
        return false;
    for (uint32_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        v = v * 10 + (s.p[i] - '0');
    }
    if (v > max)
        return false;
    *ret = v;
    return true;
}

bool http_path_good(struct slice path)
{
    if (!path.n || *path.p != '/' || path.n > HTTP_PATH_BYTES_MAX || has_control(path) || !utf8_valid(path.p, path.n))
        return false;
    struct slice rest = { path.p + 1, path.n - 1 }, part;
    while (next_part(&rest, '/', &part)) {
        if (!part.n && path.n > 1)
            return false;
        if (slice_eq(part, SLICE(".")) || slice_eq(part, SLICE("..")))
            return false;
    }
    return true;
}

/* ---- Host ---- */

bool http_same_name(struct slice a, struct slice b)
{
    return a.n == b.n && (!a.n || strncasecmp(a.p, b.p, a.n) == 0);
}

/* Without the port. False: what follows the name is no port. */
static bool cut_port(struct slice *host)
{
    const char *end;
    if (host->n && *host->p == '[')
        end = memchr(host->p, ']', host->n);
    else
        end = host->n ? memchr(host->p, ':', host->n) : NULL;
    if (host->n && *host->p == '[') {
        if (!end)
            return false;
        end++;
    }
    if (!end)
        return true;
    const uint32_t n = (uint32_t)(end - host->p);
    for (uint32_t i = n + 1; i < host->n; i++)
        if (host->p[i] < '0' || host->p[i] > '9')
            return false;
    if (n < host->n && host->p[n] != ':')
        return false;
    host->n = n;
    return true;
}

static bool numeric(struct slice host)
{
    char text[ADDRESS_MAX];
    unsigned char at[16];
    const bool v6 = host.n > 2 && *host.p == '[';
    const uint32_t n = host.n - 2 * (uint32_t)v6;
    if (n >= sizeof text)
        return false;
    memcpy(text, host.p + v6, n);
    text[n] = 0;
    return strlen(text) == n && inet_pton(v6 ? AF_INET6 : AF_INET, text, at) == 1;
}

bool http_host_allowed(struct slice host, const char *names)
{
    struct slice rest = slice_of(names ? names : ""), name;
    if (!host.n || !cut_port(&host) || !host.n)
        return false;
    if (numeric(host) || http_same_name(host, SLICE("localhost")))
        return true;
    while (next_part(&rest, ',', &name)) {
        name = http_trimmed(name);
        if (name.n && http_same_name(host, name))
            return true;
    }
    return false;
}

/* ---- Authorization ---- */

struct slice http_bearer(struct slice authorization)
{
    static const char scheme[] = "Bearer";
    const uint32_t n = sizeof scheme - 1;
    struct slice s = http_trimmed(authorization);
    if (s.n <= n || strncasecmp(s.p, scheme, n) != 0 || s.p[n] != ' ')
        return (struct slice){ 0 };
    s = http_trimmed((struct slice){ s.p + n, s.n - n });
    return s.n && !has_control(s) && !memchr(s.p, ' ', s.n) ? s : (struct slice){ 0 };
}

bool http_token_equal(struct slice given, struct slice token)
{
    volatile unsigned char differs = given.n != token.n || !token.n;
    for (uint32_t i = 0; token.n && i < given.n; i++)
        differs = (unsigned char)(differs | (given.p[i] ^ token.p[i % token.n]));
    return !differs;
}

/* ---- If-None-Match ---- */

bool http_etag_matches(struct slice if_none_match, struct slice etag)
{
    struct slice rest = if_none_match, tag;
    while (next_part(&rest, ',', &tag)) {
        tag = http_trimmed(tag);
        if (tag.n > 2 && tag.p[0] == 'W' && tag.p[1] == '/')
            tag = (struct slice){ tag.p + 2, tag.n - 2 };
        if (tag.n && (slice_eq(tag, SLICE("*")) || slice_eq(tag, etag)))
            return true;
    }
    return false;
}
