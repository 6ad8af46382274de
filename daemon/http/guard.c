/* The order of the checks is that of what they cost, and tells a stranger as little as possible. */
#include "daemon/http/guard.h"

#include <string.h>

#include "daemon/http/answer.h"

enum { REFRESH_MS = 5000 };

static int read_token(struct guard *g, char *why, size_t cap)
{
    g->locked = false;
    if (!secret_named(g->config->http.token_file))
        return 0;
    g->locked = secret_read(g->config->http.token_file, &g->token, why, cap) < 0;
    return g->locked ? -1 : 0;
}

int guard_init(struct guard *g, const struct config *config, char *why, size_t cap)
{
    *g = (struct guard){ .config = config };
    return read_token(g, why, cap);
}

void guard_refresh(struct guard *g, uint64_t now_ms)
{
    char why[256];
    if (now_ms - g->read_ms < REFRESH_MS)
        return;
    g->read_ms = now_ms;
    (void)read_token(g, why, sizeof why);
}

void guard_release(struct guard *g)
{
    secret_wipe(&g->token);
}

int guard_check(const struct guard *g, const struct http_request *r, bool *ret_trusted, const char **ret_why)
{
    const bool asks = secret_named(g->config->http.token_file);
    const struct slice given = http_bearer(r->authorization);
    *ret_trusted = !asks || (!g->locked && http_token_equal(given, slice_of(g->token.text)));
    if (r->method == HTTP_OTHER) {
        *ret_why = "only GET and HEAD are answered";
        return 405;
    }
    if (!http_host_allowed(r->host, g->config->http.hosts)) {
        *ret_why = "Host is neither an address nor among http.hosts";
        return 421;
    }
    if (!http_path_good(r->path)) {
        *ret_why = "the path is malformed";
        return 400;
    }
    if (!*ret_trusted && !routes_public(r->path)) {
        *ret_why = "a bearer token is needed";
        return 401;
    }
    return 0;
}
