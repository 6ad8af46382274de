/* The order of the checks is that of what they cost, and tells a stranger as little as possible. */
#include "daemon/http/guard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/http/answer.h"

enum { REFRESH_MS = 5000 };

static int read_tokens(struct guard *g, char *why, size_t cap)
{
    const struct config *c = g->config;
    int rc = 0;
    g->locked = false;
    if (secret_named(c->http.token_file))
        g->locked = secret_read(c->http.token_file, &g->token, why, cap) < 0;
    rc = g->locked ? -1 : 0;
    for (uint32_t i = 0; i < c->http.n_orgs; i++)
        if (secret_read(c->http.org[i].value, &g->of[i], why, cap) < 0) {
            secret_wipe(&g->of[i]);
            rc = -1;
        }
    return rc;
}

int guard_init(struct guard *g, const struct config *config, char *why, size_t cap)
{
    *g = (struct guard){ .config = config };
    g->of = calloc((size_t)config->http.n_orgs + 1, sizeof *g->of);
    if (!g->of) {
        snprintf(why, cap, "out of memory");
        return -1;
    }
    if (read_tokens(g, why, cap) == 0)
        return 0;
    guard_release(g);
    return -1;
}

void guard_refresh(struct guard *g, uint64_t now_ms)
{
    char why[256];
    if (now_ms - g->read_ms < REFRESH_MS)
        return;
    g->read_ms = now_ms;
    (void)read_tokens(g, why, sizeof why);
}

void guard_release(struct guard *g)
{
    secret_wipe(&g->token);
    for (uint32_t i = 0; g->of && i < g->config->http.n_orgs; i++)
        secret_wipe(&g->of[i]);
    free(g->of);
    g->of = NULL;
}

/* Every token is compared, so that the time tells nothing. */
static struct guard_pass pass_of(const struct guard *g, struct slice given)
{
    const struct config *c = g->config;
    const bool asks = secret_named(c->http.token_file) || c->http.n_orgs;
    struct guard_pass p = { !asks, NULL };
    for (uint32_t i = 0; i < c->http.n_orgs; i++)
        if (http_token_equal(given, slice_of(g->of[i].text)))
            p = (struct guard_pass){ true, c->http.org[i].name };
    if (secret_named(c->http.token_file) && !g->locked && http_token_equal(given, slice_of(g->token.text)))
        p = (struct guard_pass){ true, NULL };
    return p;
}

int guard_check(const struct guard *g, const struct http_request *r, struct guard_pass *ret, const char **ret_why)
{
    *ret = pass_of(g, http_bearer(r->authorization));
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
    if (!ret->trusted && !routes_public(r->path)) {
        *ret_why = "a bearer token is needed";
        return 401;
    }
    return 0;
}
