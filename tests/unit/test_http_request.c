/* What is parsed of a request: path, query, Host, Authorization, Accept, If-None-Match. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "daemon/http/request.h"

static int query(struct http_request *r, const char *text, char *buf)
{
    *r = (struct http_request){ 0 };
    return http_query_parse(r, slice_of(text), buf);
}

static bool arg_is(const struct http_request *r, const char *name, const char *want)
{
    return slice_eq(http_arg(r, name), slice_of(want));
}

Test(http_request, query_is_decoded)
{
    struct http_request r;
    char buf[256];
    cr_assert(query(&r, "org=acme&q=a+b%20c&name=%E5%BC%A0&flag&eq=1%3D2=3", buf) == 0);
    cr_expect(r.n_args == 5);
    cr_expect(arg_is(&r, "org", "acme"));
    cr_expect(arg_is(&r, "q", "a b c"));
    cr_expect(arg_is(&r, "name", "\xe5\xbc\xa0"));
    cr_expect(http_arg(&r, "flag").p && http_arg(&r, "flag").n == 0);
    cr_expect(arg_is(&r, "eq", "1=2=3"));
    cr_expect(!http_arg(&r, "none").p);
    cr_expect(query(&r, "", buf) == 0 && r.n_args == 0);
    cr_expect(query(&r, "&&a=1&", buf) == 0 && r.n_args == 1);
    cr_expect(query(&r, "x=%41", buf) == 0 && arg_is(&r, "x", "A"));
}

Test(http_request, bad_queries_are_refused)
{
    static const char *const bad[] = { "a=%", "a=%4", "a=%zz", "a=1&a=2", "=1", "a=%00", "a=%0a", "a=%ff", "a%3db=1" };
    struct http_request r;
    char buf[2048], many[256] = "";
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_expect(query(&r, bad[i], buf) < 0, "%s", bad[i]);
    for (int i = 0; i <= HTTP_ARGS_MAX; i++)
        sprintf(many + strlen(many), "&a%d=", i);
    cr_expect(query(&r, many, buf) < 0);
    char longer[HTTP_ARG_BYTES_MAX + 3] = "a=";
    memset(longer + 2, 'x', HTTP_ARG_BYTES_MAX);
    cr_expect(query(&r, longer, buf) < 0);
    longer[HTTP_ARG_BYTES_MAX] = 0;
    cr_expect(query(&r, longer, buf) == 0);
}

Test(http_request, numbers)
{
    struct http_request r;
    char buf[64];
    int64_t n = 7;
    cr_assert(query(&r, "top=12&neg=-1&big=101&text=1x&empty=&huge=99999999999999999999", buf) == 0);
    cr_expect(http_arg_number(&r, "absent", 100, &n) && n == 7);
    cr_expect(http_arg_number(&r, "top", 100, &n) && n == 12);
    cr_expect(!http_arg_number(&r, "neg", 100, &n));
    cr_expect(!http_arg_number(&r, "big", 100, &n));
    cr_expect(!http_arg_number(&r, "text", 100, &n));
    cr_expect(!http_arg_number(&r, "empty", 100, &n));
    cr_expect(!http_arg_number(&r, "huge", INT64_MAX, &n));
    cr_expect(n == 12);
}

Test(http_request, paths)
{
    static const char *const good[] = { "/", "/metrics", "/api/v1/kpis", "/a.b", "/..a" }, *const bad[] = {
        "", "metrics", "//", "/a//b", "/a/", "/.", "/../x", "/a/..", "/a\nb", "/\xff"
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        cr_expect(http_path_good(slice_of(good[i])), "%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_expect(!http_path_good(slice_of(bad[i])), "%s", bad[i]);
}

Test(http_request, hosts)
{
    static const char names[] = "board.example, Kiosk.local";
    static const char *const good[] = { "127.0.0.1",         "127.0.0.1:9464", "[::1]",     "[::1]:80",
                                        "localhost",         "LOCALHOST:9464", "192.0.2.7", "board.example",
                                        "BOARD.example:443", "kiosk.local" };
    static const char *const bad[] = { "",
                                       "evil.example",
                                       "board.example.evil",
                                       "evil.board.example",
                                       "localhost.evil",
                                       "127.0.0.1.evil.example",
                                       "127.0.0.1:80:80",
                                       "[::1",
                                       "[::1]x",
                                       "::1",
                                       ":80",
                                       "localhost:80a",
                                       "localhost,evil",
                                       "2130706433",
                                       "board.example, Kiosk.local" };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        cr_expect(http_host_allowed(slice_of(good[i]), names), "%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_expect(!http_host_allowed(slice_of(bad[i]), names), "%s", bad[i]);
    cr_expect(!http_host_allowed(SLICE("board.example"), ""));
    cr_expect(!http_host_allowed(SLICE("board.example"), NULL));
}

Test(http_request, tokens)
{
    cr_expect(slice_eq(http_bearer(SLICE("Bearer abc")), SLICE("abc")));
    cr_expect(slice_eq(http_bearer(SLICE(" bearer   abc ")), SLICE("abc")));
    cr_expect(http_bearer(SLICE("Basic abc")).n == 0);
    cr_expect(http_bearer(SLICE("Bearer")).n == 0);
    cr_expect(http_bearer(SLICE("Bearerabc")).n == 0);
    cr_expect(http_bearer(SLICE("Bearer a b")).n == 0);
    cr_expect(http_bearer(SLICE("")).n == 0);
    cr_expect(http_token_equal(SLICE("secret"), SLICE("secret")));
    cr_expect(!http_token_equal(SLICE("secre"), SLICE("secret")));
    cr_expect(!http_token_equal(SLICE("secretsecret"), SLICE("secret")));
    cr_expect(!http_token_equal(SLICE("secreT"), SLICE("secret")));
    cr_expect(!http_token_equal(SLICE(""), SLICE("secret")));
    cr_expect(!http_token_equal(SLICE(""), SLICE("")), "an empty token lets nobody in");
    cr_expect(!http_token_equal(SLICE("x"), SLICE("")));
}

Test(http_request, accept)
{
    static const char *const offers[] = { "text/plain;version=0.0.4", "application/openmetrics-text;version=1.0.0" };
    static const struct {
        const char *accept;
        int want;
    } rows[] = {
        { "", 0 },
        { "*/*", 0 },
        { "text/html", -1 },
        { "application/openmetrics-text", 1 },
        { "application/openmetrics-text;version=1.0.0", 1 },
        { "application/openmetrics-text; version=\"1.0.0\"; charset=utf-8", 1 },
        { "application/openmetrics-text;version=0.0.1", -1 },
        { "application/openmetrics-text;version=0.0.1,*/*;q=0.1", 0 },
        { "text/plain;q=0.5, application/openmetrics-text;q=0.6", 1 },
        { "text/plain;q=0.5, application/openmetrics-text;q=0.4", 0 },
        { "text/*;q=0.3, */*;q=0.4", 1 },
        { "text/plain;q=0, */*", 1 },
        { "application/openmetrics-text;q=0,*/*;q=0.001", 0 },
        { "*/*;q=0", -1 },
        { "*/*;q=abc", -1 },
        { "TEXT/PLAIN;Q=1.000", 0 },
        /* Prometheus 2.42 */
        { "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/"
          "plain;version=0.0.4;q=0.5,*/*;q=0.1",
          1 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_expect(http_accept(slice_of(rows[i].accept), offers, 2) == rows[i].want, "%s", rows[i].accept);
}

Test(http_request, etags)
{
    const struct slice tag = SLICE("\"abc\"");
    cr_expect(http_etag_matches(SLICE("\"abc\""), tag));
    cr_expect(http_etag_matches(SLICE("\"x\", W/\"abc\""), tag));
    cr_expect(http_etag_matches(SLICE("*"), tag));
    cr_expect(!http_etag_matches(SLICE("\"abcd\""), tag));
    cr_expect(!http_etag_matches(SLICE("abc"), tag));
    cr_expect(!http_etag_matches((struct slice){ 0 }, tag));
}
