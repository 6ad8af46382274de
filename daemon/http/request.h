/* A request as the routes see it, and the parsing of what came from outside: path, query, Host, Accept, Authorization, If-None-Match. Pure functions on
 * borrowed bytes; no socket, no memory. The framing of HTTP itself is libwebsockets'. */
#ifndef CRMPULSE_HTTP_REQUEST_H
#define CRMPULSE_HTTP_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "crmpulse/slice.h"

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_OTHER };

enum { HTTP_ARGS_MAX = 16, HTTP_ARG_BYTES_MAX = 512, HTTP_PATH_BYTES_MAX = 512, HTTP_HEADER_BYTES_MAX = 8192 };

struct http_arg {
    struct slice name, value;
};

/* Borrowed from the buffers that it was parsed from. */
struct http_request {
    enum http_method method;
    struct slice path; /* decoded */
    uint32_t n_args;
    struct http_arg arg[HTTP_ARGS_MAX];
    struct slice host, accept, authorization, if_none_match, last_event_id; /* empty: not given */
};

/* One "name=value" of the query, decoded by the caller; without '=' the value is empty. 0, or -1: too many, too long, a name twice, a control character. */
int http_arg_add(struct http_request *r, struct slice text);
/* "a=1&b=x%20y", as it came. Decodes into `buf`, which must have room for `query.n` bytes. 0 or -1: as above, or a broken %-escape, or not UTF-8. */
int http_query_parse(struct http_request *r, struct slice query, char *buf);
/* The value of an argument; p NULL: not given. */
struct slice http_arg(const struct http_request *r, const char *name);
/* A whole number from 0 to `max`. False: it is none. Not given: *ret is left as it is, true. */
bool http_arg_number(const struct http_request *r, const char *name, int64_t max, int64_t *ret);

/* A path that routes may look at: begins with '/', UTF-8, no control character, no empty segment, no "." or "..". */
bool http_path_good(struct slice path);

/* May a browser have meant us? Numeric addresses and localhost cannot be pointed at us by somebody else's name server; other names must be in `names`
 * ("a.example, b.example"; compared without case). A port is passed over. */
bool http_host_allowed(struct slice host, const char *names);

/* The token of "Bearer TOKEN"; empty: none. */
struct slice http_bearer(struct slice authorization);
/* Takes as long for a wrong token as for a right one of the same length. */
bool http_token_equal(struct slice given, struct slice token);

/* Without the blanks and tabs around it. */
struct slice http_trimmed(struct slice s);
/* Names in headers: without case. */
bool http_same_name(struct slice a, struct slice b);

/* Which of the `n` media types ("type/subtype", or with one parameter "type/subtype;version=1.0.0") is wanted most. The first is taken where Accept says
 * nothing or does not decide; -1: none of them is acceptable. */
int http_accept(struct slice accept, const char *const *offers, int n);

/* Does If-None-Match name this tag (with its quotes), or anything? */
bool http_etag_matches(struct slice if_none_match, struct slice etag);

#endif
