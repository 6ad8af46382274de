/* Paths and what answers them: one row each. */
#include "daemon/http/api.h"
#include "daemon/http/alert_metrics.h"
#include "daemon/http/kpi_metrics.h"
#include "daemon/http/page.h"

typedef void (*route_fn)(const struct http_request *r, const struct http_source *from, struct http_answer *a);

static const char plain[] = "text/plain; charset=utf-8";

static const struct {
    int status;
    const char *text;
} reasons[] = {
    { 200, "OK" },
    { 304, "Not Modified" },
    { 400, "Bad Request" },
    { 401, "Unauthorized" },
    { 403, "Forbidden" },
    { 404, "Not Found" },
    { 405, "Method Not Allowed" },
    { 413, "Content Too Large" },
    { 414, "URI Too Long" },
    { 421, "Misdirected Request" },
    { 431, "Request Header Fields Too Large" },
    { 500, "Internal Server Error" },
    { 503, "Service Unavailable" },
};

const char *answer_reason(int status)
{
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].status == status)
            return reasons[i].text;
    return "Unknown";
}

void answer_text(struct http_answer *a, int status, const char *sentence)
{
    a->status = status;
    a->type = plain;
    body_clear(&a->body);
    body_add_z(&a->body, sentence);
    body_add(&a->body, "\n", 1);
}

static void healthy(const struct http_request *r, const struct http_source *from, struct http_answer *a)
{
    (void)r, (void)from;
    answer_text(a, 200, "healthy");
}

static void ready(const struct http_request *r, const struct http_source *from, struct http_answer *a)
{
    struct body why = { 0 };
    (void)r;
    const bool is = health_ready(from->status, from->trusted ? &why : NULL);
    answer_text(a, is ? 200 : 503, is ? "ready" : "not ready");
    body_add(&a->body, why.p, why.n);
    body_release(&why);
}

static void metrics(const struct http_request *r, const struct http_source *from, struct http_answer *a)
{
    if (from->scope) {
        answer_text(a, 403, "the token is of one org");
        return;
    }
    static const char *const offers[] = { "text/plain;version=0.0.4", "application/openmetrics-text;version=1.0.0" };
    const bool openmetrics = http_accept(r->accept, offers, 2) == 1;
    struct body more = { 0 };
    const bool waits = kpi_metrics_write(&more, openmetrics, from->data, from->config) == DATA_WAIT;
    if (alert_metrics_write(&more, openmetrics, from->data, from->config, from->status) == DATA_WAIT || waits) {
        body_release(&more);
        a->status = 0;
        return;
    }
    a->status = 200;
    a->type = metric_content_type[openmetrics];
    metrics_write(&a->body, openmetrics, from->status, from->counts, (struct slice){ more.p, (uint32_t)more.n });
    body_release(&more);
}

static const struct {
    const char *path;
    bool is_public;
    route_fn answer;
} routes[] = {
    { "/-/healthy", true, healthy },
    { "/-/ready", true, ready },
    { "/metrics", false, metrics },
};

bool routes_public(struct slice path)
{
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
        if (slice_eq(path, slice_of(routes[i].path)))
            return routes[i].is_public;
    return page_has(path);
}

static bool begins(struct slice path, const char *with)
{
    const uint32_t n = (uint32_t)strlen(with);
    return path.n >= n && memcmp(path.p, with, n) == 0;
}

static void bounded(struct http_answer *a)
{
    if (a->body.failed)
        answer_text(a, 500, "the answer does not fit into memory");
}

void routes_answer(const struct http_request *r, const struct http_source *from, struct http_answer *a)
{
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
        if (slice_eq(r->path, slice_of(routes[i].path))) {
            routes[i].answer(r, from, a);
            bounded(a);
            return;
        }
    if (begins(r->path, "/api/v1/")) {
        api_answer(r, from, a);
        bounded(a);
        return;
    }
    if (!page_answer(r->path, a))
        answer_text(a, 404, "there is nothing here");
}
